"""One process, its threads and Ray give the same results in the same order; what fails says so in one line."""

import os
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.ray_workers import TESTS_TOO, WORKERS, needs_ray
from support.tasks import (
    Shared,
    SlowTask,
    killed_always,
    killed_once,
    marking,
    measure_marked,
    measured,
    reading,
    refusing,
    writing,
)

from ccp.api.inputs import example_book
from ccp.api.streamed import NAMELESS
from ccp.book.check import Findings
from ccp.book.portfolio import Portfolio
from ccp.book.stored import StoredPositions
from ccp.book.streaming import BatchSizes, store_positions
from ccp.cluster.executor import Executor, open_executor
from ccp.cluster.in_order import in_order
from ccp.cluster.in_process import OneProcess
from ccp.cluster.interrupts import remembered, result_of
from ccp.cluster.same_code import check_same, facts
from ccp.cluster.worker import on_worker
from ccp.errors import InputError
from ccp.kernels.engine.numba_door import COMPILED, use_threads
from ccp.margin.collateral import holdings
from ccp.margin.requirement import knowing_all
from ccp.market.case import Case, open_case, open_stored_case
from ccp.market.history import read_market
from ccp.rulebook.load import load_rulebook
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.with_rules import with_rules
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.scenarios.stress_set import stress_scenarios
from ccp.stress.measure import Measured, measure, measure_parts
from ccp.stress.parts import PartFound, engine_model, joined, part_tasks


@pytest.fixture(params=["one process", "threads", "ray"])
def executor(request: pytest.FixtureRequest) -> Iterator[Executor]:
    if request.param == "ray":
        yield request.getfixturevalue("ray_cluster")
    else:
        with open_executor(threads=WORKERS if request.param == "threads" else None) as opened:
            yield opened


@pytest.fixture
def shared(tmp_path: Path) -> Shared:
    return Shared(np.random.default_rng(5).normal(size=(60, 4000)), tmp_path)


def test_results_are_the_same_and_in_order(executor: Executor, shared: Shared) -> None:
    found = list(executor.run(measured, shared, range(12)))
    assert [one.number for one in found] == [item * item for item in range(12)]
    for one, other in zip(found, OneProcess().run(measured, shared, range(12)), strict=True):
        assert np.array_equal(one.member, other.member)
        assert one.account.tobytes() == other.account.tobytes()
        assert one.member.flags.writeable
    everything = use_threads(None)
    assert {one.threads for one in found} == {everything if isinstance(executor, OneProcess) else 1}


def test_nothing_to_do(executor: Executor, shared: Shared) -> None:
    assert list(executor.run(measured, shared, [])) == []


def test_what_is_shared_is_read_only(executor: Executor, shared: Shared) -> None:
    with pytest.raises(ValueError, match="read-only"):
        list(executor.run(writing, shared, [1]))
    assert shared.unit.flags.writeable


def test_a_bounded_number_is_ahead(executor: Executor, shared: Shared) -> None:
    results = executor.run(marking, shared, range(50))
    taken = [next(results) for _ in range(5)]
    time.sleep(0.3)
    assert taken == [0, 1, 2, 3, 4]
    assert len(list(shared.folder.iterdir())) <= len(taken) + 2 * executor.workers
    assert list(results) == list(range(5, 50))


def test_a_run_can_be_left(executor: Executor, shared: Shared) -> None:
    results = executor.run(marking, shared, range(50))
    assert next(results) == 0
    del results
    assert [one.number for one in executor.run(measured, shared, [4])] == [16]
    assert len(list(shared.folder.iterdir())) <= 1 + 2 * executor.workers


def test_an_error_arrives_as_itself_and_ends_the_run(executor: Executor, shared: Shared) -> None:
    results = executor.run(refusing, shared, range(9))
    assert [next(results) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(InputError) as caught:
        next(results)
    assert str(caught.value) == "positions, row 3, value 'three': a number was expected"
    assert [problem.row for problem in caught.value.problems] == [3]
    assert list(results) == []


def test_what_was_not_fetched_is_cancelled() -> None:
    started: list[int] = []
    cancelled: list[int] = []

    def fetch(item: int) -> int:
        if item == 2:
            raise ValueError(item)
        return item

    def start(item: int) -> int:
        started.append(item)
        return item

    with pytest.raises(ValueError, match="2"):
        list(in_order(range(20), 2, start, fetch, cancelled.append))
    assert started == [0, 1, 2, 3, 4, 5]
    assert cancelled == [3, 4, 5]


FOUR_THREADS = """
import numpy as np
from ccp.cluster.in_process import Threads
from support.tasks import Shared, valued
with Threads(4) as executor:
    found = list(executor.run(valued, Shared(np.ones((60, 4)), None), range(40)))
    print(executor.workers, len(found))
"""


def test_numbas_own_pool_is_entered_by_one_thread_only() -> None:
    """Entered by several, it ends the process."""
    settings = {"NUMBA_THREADING_LAYER": "workqueue", "PYTHONPATH": TESTS_TOO}
    command = [sys.executable, "-c", FOUR_THREADS]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | settings, check=False)
    assert (done.stdout, done.returncode) == ("1 40\n", 0), done.stderr


def test_ray_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ccp.cluster.ray_cluster", "ccp.cluster.ray_connection", "ccp.cluster.ray_door"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InputError, match=r"value 'local': .*pip install 'ccp-waterfall\[cluster\]'$"):
        open_executor("local")


def test_an_address_where_nobody_listens(capfd: pytest.CaptureFixture[str]) -> None:
    needs_ray()
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        started = time.monotonic()
        for form in ("127.0.0.1:{}", "ray://127.0.0.1:{}"):
            address = form.format(bound.getsockname()[1])
            with pytest.raises(InputError, match="a Ray cluster that answers was expected") as caught:
                open_executor(address)
            assert address in str(caught.value)
            assert "\n" not in str(caught.value)
    assert time.monotonic() - started < 10
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("address", ["somewhere", ":6379", "host:", "host:port", "ray://host"])
def test_an_address_that_is_none(address: str) -> None:
    needs_ray()
    with pytest.raises(InputError, match="host:port, ray://host:port, auto or local was expected"):
        open_executor(address)


def test_a_killed_worker_is_made_up_for(
    ray_cluster: Executor, shared: Shared, capfd: pytest.CaptureFixture[str]
) -> None:
    threading.Thread(target=kill_who_signs, args=(shared.folder / "worker",), daemon=True).start()
    found = list(ray_cluster.run(killed_once, shared, range(8)))
    for item, one in enumerate(found):
        np.testing.assert_array_equal(one, shared.unit * item)
    assert not alive(int((shared.folder / "worker").read_text()))
    assert capfd.readouterr() == ("", "")


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Case:
    """The embedded example, its positions on disk."""
    rules, file = rules_across_parts(), tmp_path_factory.mktemp("stored") / "positions"

    def store(path: Path, tree: Portfolio, findings: Findings) -> StoredPositions:
        return store_positions(path, tree, file, True, findings, BatchSizes(3_000, 5_000, 256))

    return open_stored_case(example_book(), read_market(), rules, None, store)


@pytest.mark.skipif(not COMPILED, reason="minutes in plain Python; parts are the same there")
@pytest.mark.parametrize("most", [None, 1_500, 7_000])
def test_a_book_measured_anywhere_is_the_same_bit_for_bit(executor: Executor, stored: Case, most: int | None) -> None:
    whole, stress = measured_in_memory(), stress_of(stored)
    tasks = part_tasks(stored.portfolio, holdings(stored), most)
    assert len(tasks) == 1 if most is None else len(tasks) > 2
    assert_same_measured(measure_parts(stored, engine_model(stored, stress), tasks, executor).found, whole.found)


@pytest.mark.skipif(not COMPILED, reason="minutes in plain Python; parts are the same there")
def test_a_worker_killed_while_it_measures_a_part_changes_nothing(
    ray_cluster: Executor, stored: Case, tmp_path: Path
) -> None:
    tasks, mark = part_tasks(stored.portfolio, holdings(stored), 1_500), tmp_path / "worker"
    items = [SlowTask(task, mark if place == 3 else None) for place, task in enumerate(tasks)]
    threading.Thread(target=kill_who_signs, args=(mark,), daemon=True).start()
    model = engine_model(stored, stress_of(stored))
    model = replace(model, margin=knowing_all(model.margin, [stored.portfolio.whole]))
    found = joined(ray_cluster.run(measure_marked, model, items))
    assert mark.exists()
    assert_same_measured(found, measured_in_memory().found)


def stress_of(case: Case) -> ScenarioSet:
    return stress_scenarios(case.rulebook, case.market, case.factor_ids)


@cache
def measured_in_memory() -> Measured:
    case = open_case(example_book(), read_market(), rules_across_parts())
    return measure(case, stress_of(case))


def rules_across_parts() -> Rulebook:
    """Margin that depends on what accounts of other parts hold."""
    return with_rules(load_rulebook("textbook/cover-two"), [("margin.add_ons.concentration", {"participation": 0.05})])


def assert_same_measured(found: PartFound, expected: PartFound) -> None:
    assert found.pool_cost is None and expected.pool_cost is None  # noqa: PT018 - the rulebook sells at once
    for name in ("account_margin", "net_option_value", "pool_margin", "pool_counted"):
        assert getattr(found, name).tobytes() == getattr(expected, name).tobytes(), name
    assert found.add_ons["concentration"].tobytes() == expected.add_ons["concentration"].tobytes()
    assert expected.add_ons["concentration"].any()
    assert found.shortfalls.keys() == expected.shortfalls.keys()
    for way, short in found.shortfalls.items():
        for one, other in zip(short, expected.shortfalls[way], strict=True):
            assert one.tobytes() == other.tobytes()


def kill_who_signs(mark: Path) -> None:
    while not mark.exists():
        time.sleep(0.01)
    os.kill(int(mark.read_text()), signal.SIGKILL)


def test_a_task_that_kills_every_worker_is_given_up(
    ray_cluster: Executor, shared: Shared, capfd: pytest.CaptureFixture[str]
) -> None:
    from ccp.cluster.ray_cluster import ClusterError
    from ccp.cluster.ray_door import RETRIES

    with pytest.raises(ClusterError, match="the cluster gave up a task") as caught:
        list(ray_cluster.run(killed_always, shared, [1]))
    assert "\n" not in str(caught.value)
    assert len(list(shared.folder.iterdir())) == RETRIES + 1
    assert capfd.readouterr() == ("", "")


def test_a_file_that_a_worker_cannot_read(ray_cluster: Executor, shared: Shared) -> None:
    with pytest.raises(
        InputError, match=r"missing 7: machine .* could not read it .No such file.*storage that all machines share"
    ) as caught:
        list(ray_cluster.run(reading, shared, [7]))
    assert "\n" not in str(caught.value)
    with pytest.raises(InputError, match="missing 7"):
        on_worker(reading, shared, 7, 1)


def test_another_version_is_refused(ray_cluster: Executor) -> None:
    ours = facts()
    check_same(ours, facts(), "here")
    for name in ours:
        with pytest.raises(InputError, match="there") as caught:
            check_same(ours, ours | {name: "another"}, "there")
        assert name in str(caught.value)
        assert "another" in str(caught.value)
    from ccp.cluster.ray_cluster import check_machines, ray

    with pytest.raises(InputError, match=r"numba: 0\.1, as here, was expected"):
        check_machines(ray.nodes(), ours | {"numba": "0.1"})


def test_the_connection_that_is_open_is_used(ray_cluster: Executor, shared: Shared) -> None:
    with open_executor("auto") as again:
        assert again.workers == WORKERS
    with pytest.raises(InputError, match="connected with a Ray already"):
        open_executor("local")
    assert [one.number for one in ray_cluster.run(measured, shared, [2])] == [4]


SLEEPING = """
from ccp.api.inputs import example_book
from ccp.book.check import Findings
from ccp.book.portfolio import Portfolio
from ccp.book.stored import StoredPositions
from ccp.book.streaming import BatchSizes, store_positions
from ccp.cluster.executor import open_executor
from support.tasks import asleep
with open_executor("local", 1) as executor:
    print("up", flush=True)
    list(executor.run(asleep, None, [600]))
"""


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are looked up in /proc")
def test_nothing_runs_on_when_interrupted() -> None:
    needs_ray()
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        interrupt(folder)
        assert list(Path(folder).iterdir()) == []


def interrupt(folder: str) -> None:
    settings = {"PYTHONPATH": TESTS_TOO, "TMPDIR": folder}
    pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    run = subprocess.Popen([sys.executable, "-c", SLEEPING], text=True, env=os.environ | settings, **pipes)
    assert run.stdout is not None
    assert run.stdout.readline() == "up\n", run.communicate()
    family = descendants(run.pid)
    assert len(family) >= 3
    run.send_signal(signal.SIGINT)
    _, told = run.communicate(timeout=60)
    assert told.strip().endswith("KeyboardInterrupt")
    until = time.monotonic() + 20
    while any(map(alive, family)) and time.monotonic() < until:
        time.sleep(0.1)
    assert [one for one in family if alive(one)] == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_that_came_to_nothing_is_raised_again(number: signal.Signals) -> None:
    def leave(number: int, frame: object) -> None:
        raise KeyboardInterrupt(number)

    before = signal.signal(number, leave)
    try:
        with remembered():
            with suppress(KeyboardInterrupt):
                signal.raise_signal(number)  # as inside Ray's compiled code, which drops it
            with pytest.raises(KeyboardInterrupt):
                result_of(Future())
        assert signal.getsignal(number) is leave
    finally:
        signal.signal(number, before)


def test_a_result_is_waited_for_so_long_as_was_said() -> None:
    done: Future[int] = Future()
    done.set_result(7)
    assert result_of(done, 0) == 7
    with pytest.raises(TimeoutError):
        result_of(Future(), 0.01)


DYING = """
import sys, time
from pathlib import Path
import ray
from ccp.api import streamed
from ccp.cli.main import main

ready = Path(sys.argv.pop())

def wait(*arguments):
    ready.with_suffix(".new").write_text(str(ray._private.worker._global_node.all_processes["raylet"][0].process.pid))
    ready.with_suffix(".new").rename(ready)
    time.sleep(60)

streamed.measure_parts = wait
main()
"""


@pytest.mark.skipif(not NAMELESS, reason="elsewhere nobody watches, and the scratch file has a name")
def test_ray_that_dies_is_one_line_and_leaves_nothing(small_book: Path) -> None:
    needs_ray()
    from ccp.cluster.ray_watch import SAID

    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        scratch, ready = Path(folder, "t"), Path(folder, "ready")
        scratch.mkdir()
        command = ["size", str(small_book), "--cluster", "local", "--workers", "1", "--out", f"{folder}/out"]
        settings = os.environ | {"TMPDIR": str(scratch)}
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        run = subprocess.Popen([sys.executable, "-c", DYING, *command, str(ready)], text=True, env=settings, **pipes)
        while not ready.exists() and run.poll() is None:
            time.sleep(0.05)
        os.kill(int(ready.read_text()), signal.SIGKILL)
        said = run.communicate(timeout=30)
        assert (run.returncode, *said) == (1, "", f"{SAID}\n")
        assert [path.name for path in Path(folder).iterdir() if path != ready] == ["t"]
        assert list(scratch.iterdir()) == []


def test_a_ray_that_cannot_be_watched_is_used_all_the_same(
    ray_cluster: Executor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from ccp.cluster.ray_watch import watched

    asked: list[int] = []

    def refused(process: int) -> int:
        asked.append(process)
        raise PermissionError(process)

    before = threading.active_count()
    monkeypatch.setattr(os, "pidfd_open", refused, raising=False)
    with watched(tmp_path):
        assert threading.active_count() == before
    assert len(asked) == 1
    assert alive(asked[0])


def status(process: int) -> list[str]:
    """State, parent and so on; nothing for a process that is no more."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return []


def alive(process: int) -> bool:
    return status(process)[:1] not in ([], ["Z"])


def descendants(process: int) -> list[int]:
    everyone = [int(entry.name) for entry in Path("/proc").iterdir() if entry.name.isdecimal()]
    parent = {one: int(state[1]) for one in everyone if (state := status(one))}
    found = [process]
    for one in found:
        found.extend(child for child, above in parent.items() if above == one)
    return found[1:]
