"""The house itself: imports go one way, made documents are fresh, versions agree, shipped files are there."""

import ast
import os
import re
import subprocess
import sys
import tomllib
from importlib.metadata import version
from pathlib import Path

import pytest

import ccp
from ccp.rulebook.load import load_rulebook, shipped_names

ROOT = Path(__file__).parents[1]
PLAIN = os.environ.get("NUMBA_DISABLE_JIT") == "1"


def test_imports_go_one_way() -> None:
    done = subprocess.run(["lint-imports"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.skipif(PLAIN, reason="the documents show the compiled program; the plain run would take minutes")
def test_made_documents_are_fresh() -> None:
    done = subprocess.run(
        [sys.executable, "docs/tools/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_test_is_found_by_the_path_of_what_it_tests() -> None:
    """Every folder of tests is a room of the package; no test file imports another: what several need is support."""
    rooms = {path.parent.relative_to(ROOT / "ccp") for path in (ROOT / "ccp").rglob("*.py")}
    helpers = {Path("support"), Path("cases")}
    for path in (ROOT / "tests").rglob("*.py"):
        folder = path.parent.relative_to(ROOT / "tests")
        assert folder in rooms | helpers, path
        assert path.name.startswith("test_") or folder in helpers or path.name == "conftest.py", path
        text = path.read_text(encoding="utf-8")
        imported = re.findall(r"^\s*(?:from|import) (?:[\w.]+\.)?(test_\w+|conftest)\b", text, re.MULTILINE)
        assert not imported, path


def test_no_two_classes_share_a_name() -> None:
    found: dict[str, list[str]] = {}
    for path in (ROOT / "ccp").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                found.setdefault(node.name, []).append(path.relative_to(ROOT).as_posix())
    assert {name: places for name, places in found.items() if len(places) > 1} == {}


def test_versions_agree() -> None:
    stated = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert stated == ccp.__version__ == version("ccp-waterfall")
    assert f"## {stated}" in (ROOT / "CHANGELOG.md").read_text()


def test_constraints_hold_names_and_versions_only() -> None:
    lines = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if not line.startswith("#")]
    assert all(re.fullmatch(r"[A-Za-z0-9_.-]+==[0-9][0-9a-z.]*", line) for line in lines)
    pinned = {line.split("==")[0].lower().replace("_", "-").replace(".", "-") for line in lines}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = project["optional-dependencies"]
    whole = project["dependencies"] + [one for extra in extras.values() for one in extra]
    direct = [one for one in whole if not one.startswith("ccp-waterfall[")]  # one extra in another
    assert all(">=" in one for one in direct)
    names = {re.split(r"[\[>=<]", one)[0].lower().replace(".", "-") for one in direct}
    assert names <= pinned


def test_everything_public_is_there_and_named() -> None:
    for name in ccp.__all__:
        assert getattr(ccp, name).__doc__, name
    with pytest.raises(AttributeError):
        _ = ccp.nothing  # type: ignore[attr-defined]


def test_shipped_rulebooks_load() -> None:
    assert len(shipped_names()) >= 3
    for name in shipped_names():
        assert load_rulebook(name).source, name


def test_documents_that_rulebooks_and_the_program_name_are_there() -> None:
    files = [*(ROOT / "waterfall_configs").rglob("*.*"), *(ROOT / "ccp").rglob("*.py"), *(ROOT / "ccp").rglob("*.toml")]
    named = {name for file in files for name in re.findall(r"docs/[\w/.-]*\.md", file.read_text(encoding="utf-8"))}
    assert len(named) > 5
    assert {name for name in named if not (ROOT / name).exists()} == set()


def test_every_link_in_the_documents_leads_somewhere() -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    assert len(pages) > 10
    for page in pages:
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if not target.startswith("http"):
                assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_every_decision_has_a_date_and_a_status_and_is_listed() -> None:
    folder = ROOT / "docs" / "decisions"
    listed = (folder / "README.md").read_text(encoding="utf-8")
    pages = sorted(folder.glob("0*.md"))
    assert [int(page.name[:4]) for page in pages] == list(range(1, len(pages) + 1))
    for page in pages:
        text = page.read_text(encoding="utf-8")
        assert re.search(r"^Date: 2\d{3}-\d\d-\d\d.*Status: ", text, re.MULTILINE), page.name
        assert f"({page.name})" in listed, page.name


def test_every_test_and_case_that_the_validation_names_is_there() -> None:
    page = (ROOT / "docs" / "explain" / "validation.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    named = set(re.findall(r"`(test_[a-z_0-9]+)`", page))
    assert len(named) > 10
    assert not {name for name in named if f"def {name}(" not in tests}
    for name in set(re.findall(r"`(?:tests/)?([a-z_/]+\.(?:yaml|py))`", page)):
        assert (ROOT / "tests" / name).exists(), name


def test_every_path_and_test_that_how_to_add_names_is_there() -> None:
    page = (ROOT / "docs" / "explain" / "how-to-add.md").read_text(encoding="utf-8")
    tests = "".join(path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    paths = set(re.findall(r"`((?:ccp|docs|tests)/[\w./-]*)`", page))
    named = set(re.findall(r"`(test_[a-z_0-9]+)`", page))
    assert len(paths) > 30
    assert len(named) > 10
    assert not {path for path in paths if not (ROOT / path).exists()}
    assert not {name for name in named if f"def {name}(" not in tests}
