"""Starting up: what was compiled is kept, found by whoever may trust it, and never stale or broken."""

import ast
import json
import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pytest

import ccp.kernels.engine.numba_door as engine
from ccp.kernels.engine.cache_places import is_trusted, lock, other_versions, remove_abandoned, remove_unused
from ccp.kernels.engine.code_cache import CodeCache

KERNELS = Path(engine.__file__).parents[1]
KERNEL_SOURCES = ("kernels/exposure/costs.py", "kernels/engine/numba_door.py", "types.py", "kernels/waterfall/new.py")
OURS, OTHER = "kernels-0123456789abcdef", "kernels-fedcba9876543210"
compiled = pytest.mark.skipif(not engine.COMPILED, reason="nothing is compiled, so nothing is kept")


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty directory for temporary files."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


@pytest.fixture
def chosen(tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The cache directory that CCP_CACHE_DIR names, not there yet."""
    monkeypatch.setenv("CCP_CACHE_DIR", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def unusable(chosen: Path) -> Path:
    """The same where nothing can be written, not even by root: a file stands there."""
    chosen.write_text("")
    return chosen


def private_name() -> str:
    return f"ccp-{os.getuid()}"


# --- files ------------------------------------------------------------------------------------------------------------


def test_code_that_one_process_keeps_is_loaded_by_the_next(chosen: Path) -> None:
    first = CodeCache(OURS)
    assert first.load("a") is None
    first.save("a", b"code")
    following = CodeCache(OURS)
    assert following.load("a") == b"code"
    assert CodeCache(OTHER).load("a") is None
    assert (first.loaded, first.saved, first.lost, following.loaded, following.saved) == (0, 1, 0, 1, 0)
    assert [path.relative_to(chosen) for path in chosen.rglob("*") if path.is_file()] == [Path(OURS, "a")]


DAMAGES: dict[str, Callable[[Path], Any]] = {
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:-1]),
    "empty": lambda path: path.write_bytes(b""),
    "garbage": lambda path: path.write_bytes(b"\xff" * 5000),
    "one bit": lambda path: path.write_bytes(path.read_bytes()[:-1] + b"x"),
    "another's": lambda path: shutil.copy(path.with_name("b"), path),
    "a directory": lambda path: (path.unlink(), path.mkdir()),
}


@pytest.mark.parametrize("damage", DAMAGES.values(), ids=DAMAGES)
def test_a_damaged_file_is_not_loaded_and_made_again(chosen: Path, damage: Callable[[Path], Any]) -> None:
    cache = CodeCache(OURS)
    cache.save("a", b"code")
    cache.save("b", b"other code")
    damage(chosen / OURS / "a")
    assert cache.load("a") is None
    cache.save("a", b"code")
    assert CodeCache(OURS).load("a") == b"code"


def test_a_full_disk_stops_nothing_and_leaves_nothing(chosen: Path) -> None:
    """A limit on the size of files breaks off writing as a full disk does."""
    cache, limits = CodeCache(OURS), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (40, limits[1]))
    try:
        cache.save("a", b"code" * 10_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (cache.saved, cache.lost, cache.load("a")) == (0, 1, None)
    assert len(cache.folders) == 2
    assert not [path for folder in cache.folders for path in folder.iterdir()]


# --- whose files ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("owner", "mode", "trusted"),
    [
        ("us", 0o600, True),
        ("us", 0o644, True),
        ("root", 0o644, True),
        ("somebody", 0o644, False),
        ("us", 0o664, False),
        ("us", 0o646, False),
        ("root", 0o666, False),
    ],
)
def test_files_count_that_nobody_else_can_write(owner: str, mode: int, trusted: bool) -> None:
    user = {"us": os.getuid(), "root": 0, "somebody": 987_654_321}[owner]
    assert is_trusted(os.stat_result((0o100000 | mode, 1, 1, 1, user, 1, 1, 0, 0, 0))) is trusted


def test_a_file_that_others_can_write_to_is_left_alone_and_the_code_kept_elsewhere(
    chosen: Path, temporary: Path
) -> None:
    cache = CodeCache(OURS)
    cache.save("a", b"code")
    (chosen / OURS / "a").chmod(0o666)
    following = CodeCache(OURS)
    assert following.load("a") is None
    following.save("a", b"our code")
    assert (temporary / private_name()).stat().st_mode & 0o777 == 0o700
    assert (temporary / private_name() / OURS / "a").is_file()
    assert CodeCache(OURS).load("a") == b"our code"
    assert cache.load("a") is None


@pytest.mark.parametrize(
    ("mask", "folder", "file"), [(0o000, 0o755, 0o644), (0o002, 0o755, 0o644), (0o077, 0o700, 0o600)]
)
def test_what_is_kept_cannot_be_written_by_others(chosen: Path, mask: int, folder: int, file: int) -> None:
    before = os.umask(mask)
    try:
        CodeCache(OURS).save("a", b"code")
    finally:
        os.umask(before)
    assert (chosen / OURS).stat().st_mode & 0o777 == folder
    assert (chosen / OURS / "a").stat().st_mode & 0o777 == file


def test_without_a_cache_directory_the_second_start_finds_what_the_first_kept(unusable: Path, temporary: Path) -> None:
    CodeCache(OURS).save("a", b"code")
    assert CodeCache(OURS).load("a") == b"code"
    assert [path.name for path in temporary.iterdir()] == [private_name()]


@pytest.mark.parametrize("take", ["others may write", "the group may write", "a link", "a file"])
def test_a_private_place_that_is_not_ours_is_not_used(unusable: Path, temporary: Path, take: str) -> None:
    """Somebody has put code where ours would be; ours goes to a place with another name and is found again there."""
    place = temporary / private_name()
    (place / OURS).mkdir(parents=True)
    if take == "a link":
        place.rename(temporary / "real")
        place.symlink_to(temporary / "real")
    elif take == "a file":
        shutil.rmtree(place)
        place.write_text("")
    else:
        place.chmod(0o777 if take == "others may write" else 0o770)
    cache = CodeCache(OURS)
    assert place not in cache.places
    cache.save("a", b"code")
    assert CodeCache(OURS).load("a") == b"code"
    found = [path for path in temporary.rglob("a") if path.is_file()]
    assert [path.parent.parent.name.startswith(f"{private_name()}-") for path in found] == [True]


def test_without_a_home_nothing_is_left_in_the_directory_one_stands_in(
    tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CCP_CACHE_DIR", raising=False)
    monkeypatch.setattr("platformdirs.user_cache_dir", lambda *_, **__: "~/.cache/ccp")
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)
    CodeCache(OURS).save("a", b"code")
    assert list(here.iterdir()) == []
    assert CodeCache(OURS).load("a") == b"code"


# --- cleaning ---------------------------------------------------------------------------------------------------------


def test_only_other_versions_are_removed_and_none_that_is_held(chosen: Path, tmp_path: Path) -> None:
    unused, loading = chosen / "kernels-00000000000000ff", chosen / "kernels-00000000000000fe"
    elsewhere = tmp_path / "elsewhere"
    for folder in (unused, loading, elsewhere, chosen / "kernels-of-mine"):
        folder.mkdir(parents=True)
        (folder / "b").write_text("")
    (chosen / "kernels-00000000000000fd").symlink_to(elsewhere)
    CodeCache(OURS).save("a", b"code")
    CodeCache(OTHER).save("a", b"code")  # this process holds it from here on
    CodeCache(loading.name)  # and this one
    found = other_versions(chosen, OURS)
    assert found == [loading, unused, chosen / OTHER]
    assert [remove_unused(folder) for folder in found] == [False, True, False]
    assert not unused.exists()
    assert CodeCache(OTHER).load("a") == b"code"
    assert (elsewhere / "b").exists()


def test_a_folder_is_held_by_many_or_by_one(tmp_path: Path) -> None:
    first, second = lock(tmp_path, alone=False), lock(tmp_path, alone=False)
    assert first is not None
    assert second is not None
    assert lock(tmp_path, alone=True) is None
    os.close(first)
    assert lock(tmp_path, alone=True) is None
    os.close(second)
    alone = lock(tmp_path, alone=True)
    assert alone is not None
    assert lock(tmp_path, alone=False) is None
    os.close(alone)


def test_code_is_kept_again_after_its_folder_was_removed(chosen: Path) -> None:
    cache = CodeCache(OURS)
    cache.save("a", b"code")
    shutil.rmtree(chosen)
    assert cache.load("a") is None
    cache.save("a", b"code")
    assert CodeCache(OURS).load("a") == b"code"


def test_what_a_killed_process_left_half_written_goes_when_it_is_old(tmp_path: Path) -> None:
    folder, link = tmp_path / OURS, tmp_path / OTHER
    folder.mkdir()
    link.symlink_to(folder)
    for name in (".old.partial", ".young.partial", ".other", "whole"):
        (folder / name).write_text("")
        os.utime(folder / name, None if name == ".young.partial" else (0, 0))
    remove_abandoned(link)
    assert len(list(folder.iterdir())) == 4
    remove_abandoned(folder)
    assert sorted(path.name for path in folder.iterdir()) == [".other", ".young.partial", "whole"]


# --- never stale ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("changed", KERNEL_SOURCES)
def test_another_source_is_another_version(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, changed: str) -> None:
    shutil.copytree(KERNELS, tmp_path / "kernels", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(KERNELS.parent / "types.py", tmp_path)
    before = engine._version()
    monkeypatch.setattr(engine, "__file__", str(tmp_path / "kernels" / "engine" / "numba_door.py"))
    assert engine._version() == before
    with (tmp_path / changed).open("a") as source:
        source.write("\n")
    assert engine._version() != before


def test_kernels_are_made_from_nothing_but_what_the_version_counts() -> None:
    """numba freezes what kernels see of other modules: constants, functions, names of fields."""
    counted = {*sys.stdlib_module_names, "numpy", "numba", "llvmlite", "ccp.types"}
    for path in KERNELS.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        names = {str(node.module) for node in nodes if isinstance(node, ast.ImportFrom)}
        names |= {one.name for node in nodes if isinstance(node, ast.Import) for one in node.names}
        ours = {name for name in names if name.startswith("ccp.kernels")}
        others = {name for name in names - ours if not {name, name.split(".")[0]} & counted}
        assert others <= {"platformdirs"}, path.name


class Codegen:
    """A processor's side of a name."""

    def __init__(self, features: str = "+avx2"):
        self.features = features

    def magic_tuple(self) -> tuple[str, ...]:
        return "x86_64", "some processor", self.features


def named(function: Callable[..., Any], sig: str = "(int64,)", features: str = "+avx2") -> str:
    return engine._KeptCode(function)._name(sig, Codegen(features))


def double(x: float) -> float:
    return 2 * x


@pytest.mark.parametrize("setting", ["BOUNDSCHECK", "OPT", "USING_SVML", "DEBUGINFO_DEFAULT", "LOOP_VECTORIZE"])
def test_a_setting_that_changes_code_changes_its_name(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    before = named(double)
    assert hasattr(engine.numba_config, setting)
    monkeypatch.setattr(engine.numba_config, setting, "something else")
    assert named(double) != before


@pytest.mark.parametrize("setting", ["NUMBA_NUM_THREADS", "THREADING_LAYER", "CACHE_DIR", "COLOR_SCHEME"])
def test_a_setting_that_changes_no_code_keeps_its_name(monkeypatch: pytest.MonkeyPatch, setting: str) -> None:
    before = named(double)
    assert hasattr(engine.numba_config, setting)
    monkeypatch.setattr(engine.numba_config, setting, "something else")
    assert named(double) == before


def test_types_and_processors_have_code_of_their_own() -> None:
    assert named(double) == named(double)
    assert len({named(double), named(double, "(float64,)"), named(double, features="")}) == 3


def test_kernels_that_a_function_makes_are_told_apart_by_what_they_close_over() -> None:
    def made(width: int) -> Callable[..., Any]:
        @engine.kernel
        def inner(x):
            return x * width

        def outer(x):
            return inner(x)

        return outer

    assert named(made(64)) == named(made(64))
    assert named(made(64)) != named(made(128))


class Mixed(NamedTuple):
    numbers: np.ndarray
    factor: int


def test_arrays_are_read_only_whatever_they_were() -> None:
    numbers = np.arange(3)
    found = engine.read_only(Mixed(numbers, 2))
    assert isinstance(found, Mixed)
    assert not found.numbers.flags.writeable
    assert numbers.flags.writeable
    assert np.shares_memory(found.numbers, numbers)
    assert found.factor == 2


# --- whole processes --------------------------------------------------------------------------------------------------

PRICES = """
import numpy as np
from ccp.kernels.exposure.black import option_values
from ccp.kernels.engine.numba_door import CODE
value, calls = np.empty((2, 3)), np.array([True, False])
option_values(np.full((2, 3), 90.0), np.full((2, 3), 0.2), np.ones(2), np.full(2, 100.0), calls, value)
print(value.round(9).tolist(), CODE.loaded, CODE.saved, CODE.lost, sep="; ")
"""


def started(folder: Path, *arguments: str, **settings: str) -> "subprocess.Popen[str]":
    """A process in a directory of its own, with a cache of its own; what earlier runs left among the temporary files is
    not found."""
    folder.mkdir()
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("NUMBA_")}
    inherited["TMPDIR"] = str(folder)
    return subprocess.Popen(
        [sys.executable, *arguments], cwd=folder, env=inherited | settings, text=True, stdout=subprocess.PIPE
    )


def ended(process: "subprocess.Popen[str]") -> str:
    """What a process has printed, if it ended well."""
    output, _ = process.communicate()
    assert process.returncode == 0
    return output.strip()


def code_files(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file() and not path.name.startswith(".")]


@compiled
def test_processes_that_start_at_once_do_not_harm_the_cache_nor_does_damage_to_it_harm_them(tmp_path: Path) -> None:
    cache = tmp_path / "cache"

    def start(name: str) -> "subprocess.Popen[str]":
        return started(tmp_path / name, "-c", PRICES, CCP_CACHE_DIR=str(cache))

    together = [ended(process).split("; ") for process in [start(f"at-once-{number}") for number in range(3)]]
    values, pieces = together[0][0], len(code_files(cache))
    assert all(output[0] == values and output[3] == "0" for output in together)
    assert sum(int(output[2]) for output in together) >= pieces > 0
    assert ended(start("after")).split("; ")[:3:2] == [values, "0"]
    for number, path in enumerate(code_files(cache)):
        path.write_bytes(path.read_bytes()[:100] if number % 2 else b"garbage")
    assert ended(start("damaged")) == f"{values}; 0; {pieces}; 0"
    assert ended(start("mended")).split("; ")[:3:2] == [values, "0"]


@compiled
def test_a_process_killed_while_it_compiles_leaves_a_cache_that_works(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    settings = {"CCP_CACHE_DIR": str(cache)}
    killed = started(tmp_path / "killed", "-c", PRICES, **settings)
    while not code_files(cache):
        assert killed.poll() is None
        time.sleep(0.01)
    killed.send_signal(signal.SIGKILL)
    killed.wait()
    whole = len(code_files(cache))
    _, loaded, saved, lost = ended(started(tmp_path / "next", "-c", PRICES, **settings)).split("; ")
    assert (int(loaded), lost) == (whole, "0")
    assert int(saved) == len(code_files(cache)) - whole > 0


EVERYTHING = """
import sys
from datetime import date
from pathlib import Path
import numpy as np
import ccp
from ccp.api.streamed import Streaming
from ccp.kernels.engine.numba_door import CODE

book, out = Path(sys.argv[1]), Path(sys.argv[2])
for name in ("capital-last", "cover-one", "cover-two", "daily-cycle", "full-waterfall"):
    ccp.size(book, f"textbook/{name}")
    ccp.default(book, f"textbook/{name}", contagion=True)
ccp.size(ccp.example_book())
for name in ("cover-two", "daily-cycle"):
    ccp.size(book, f"textbook/{name}", streaming=Streaming(memory=2**32))
ccp.default(book, scenario="market down 40%", contagion=True, fire_sale=True)
days = date(2022, 6, 1), date(2022, 6, 10)
run = ccp.RunRequest(*days, book_date=date(2022, 6, 30), defaults=(("M001", date(2022, 6, 3)),))
ccp.simulate(book, out / "run", run, "textbook/daily-cycle")
rules = ccp.read_rulebook("textbook/cover-two")
short = rules.model_copy(update={"margin": rules.margin.model_copy(update={"lookback_days": 60})})
ccp.backtest(book, *days, short, ["rulebook", "weighted", "parametric"])
ccp.compare(["textbook/cover-two", "textbook/full-waterfall"])
for name in ("cover-two", "full-waterfall"):
    base = ccp.size(book, f"textbook/{name}", base=True).write(out / name)
    for change in ({"scale": [{"member_id": "M003", "by": 1.5}]}, {"rules": {"margin.confidence": 0.95}}):
        ccp.what_if(base, ccp.Changes.model_validate(change)).sizing
ccp.replay("krx-hanmag-2013")
loss = np.array([[5e6, 0.0], [0.0, 2e6], [3e6, 3e6]])
for rulebook in ("textbook/cover-two", "textbook/full-waterfall"):
    ccp.draw_paths(rulebook, {"A": 1e6, "B": 2e6}, loss, loss > 0)
    ccp.draw_paths(rulebook, {"A": 1e6, "B": 2e6}, loss, loss > 0, np.array([1e5, 2e5]), bills=True)
print(CODE.loaded, CODE.saved, CODE.lost)
"""


@compiled
def test_after_a_warm_up_nothing_is_compiled(tmp_path: Path, small_book: Path) -> None:
    """The long one: everything is compiled once, into an empty cache (half a minute and more)."""
    cache = tmp_path / "cache"
    settings = {"CCP_CACHE_DIR": str(cache)}

    def warm_up(name: str, *options: str) -> str:
        return ended(started(tmp_path / name, "-m", "ccp", "warmup", *options, **settings))

    first = json.loads(warm_up("first", "--json", "--quiet"))
    files = code_files(cache)
    assert first["compiled"] == first["files"] == len(files) > 40
    assert first["bytes"] == sum(path.stat().st_size for path in files)
    assert first["folders"] == [str(files[0].parent)]
    work = started(tmp_path / "work", "-c", EVERYTHING, str(small_book), str(tmp_path), **settings)
    loaded, saved, lost = ended(work).split()
    assert int(loaded) > 10
    assert (saved, lost) == ("0", "0"), sorted(
        {path.name for path in code_files(cache)} - {path.name for path in files}
    )
    (cache / OTHER).mkdir()
    again = json.loads(warm_up("again", "--json", "--clean"))
    assert again == first | {"compiled": 0, "removed": [str(cache / OTHER)]}
    assert warm_up("quiet", "--quiet") == ""


def test_a_warm_up_of_a_program_that_compiles_nothing_is_refused(tmp_path: Path) -> None:
    process = started(tmp_path / "plain", "-m", "ccp", "warmup", "--json", NUMBA_DISABLE_JIT="1")
    output, _ = process.communicate()
    assert process.returncode == 2
    assert json.loads(output)["problems"][0]["source"] == "NUMBA_DISABLE_JIT"
