"""The executor on a Ray cluster: many machines, or processes of this one."""

import copy
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from typing import Any, Self, TypeVar

from ccp.cluster.in_order import in_order
from ccp.cluster.interrupts import remembered, result_of
from ccp.cluster.ray_connection import connection
from ccp.cluster.ray_door import RETRIES, NodeAffinitySchedulingStrategy, RayError, RayTaskError, ray
from ccp.cluster.same_code import check_same, facts
from ccp.cluster.worker import on_worker
from ccp.errors import CcpError, refuse_argument
from ccp.kernels.engine.numba_door import use_threads

S = TypeVar("S")
T = TypeVar("T")
R = TypeVar("R")

ANSWER_SECONDS = 60
"""How long a machine may take to start a first worker and say what is installed on it."""


class ClusterError(CcpError):
    """A cluster that could not do its work: workers lost again and again, memory, the network."""


class RayCluster:
    """So many items at a time as the cluster has room for, each with `cpus` processors and as many threads.

    What a killed worker had in hand is done again by another. `workers` says how many to start for the address
    `local`; a cluster that runs already has its own number.
    """

    def __init__(self, address: str, workers: int | None = None, cpus: int = 1):
        self._cpus = cpus
        with ExitStack() as stack:
            count = workers or max(1, use_threads(None) // cpus)
            stack.enter_context(remembered())
            stack.enter_context(connection(address, count * cpus))
            machines = [node for node in ray.nodes() if node["Alive"] and node["Resources"].get("CPU", 0) >= cpus]
            self.workers = sum(int(node["Resources"]["CPU"]) // cpus for node in machines)
            if not machines:
                raise refuse_argument(
                    "cluster", f"a machine with {cpus} processors for a worker was expected", value=address
                )
            check_machines(machines, facts())
            self._held = stack.pop_all()

    def run(self, task: Callable[[S, T], R], shared: S, items: Sequence[T]) -> Iterator[R]:
        """Yield the results in order."""
        once = ray.put(shared)
        remote = ray.remote(on_worker).options(num_cpus=self._cpus, max_retries=RETRIES)

        def start(item: T) -> Any:
            return remote.remote(task, once, item, self._cpus)

        return in_order(items, self.workers, start, self._fetch, ray.cancel)

    def close(self) -> None:
        """Leave the cluster; end it, if it was started here."""
        self._held.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *raised: object) -> None:
        self.close()

    def _fetch(self, result: Any) -> Any:
        """The result as if it had been worked out here: a copy, so that the store of objects can let go of it."""
        try:
            return copy.deepcopy(_wait(result))
        except RayError as error:
            own = error.cause if isinstance(error, RayTaskError) else error
            if not isinstance(own, RayError):
                raise own from error
            raise ClusterError(f"the cluster gave up a task: {_last_line(own)}") from None


def check_machines(machines: list[dict[str, Any]], ours: dict[str, str]) -> None:
    """Ask every machine, busy or not, what is installed on it, and refuse one that differs."""
    asked = {}
    for node in machines:
        there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
        ask = ray.remote(facts).options(num_cpus=0, scheduling_strategy=there)
        asked[ask.remote()] = f"{node['NodeManagerHostname']} ({node['NodeManagerAddress']})"
    for answer, machine in asked.items():
        check_same(ours, _answer(answer, machine), machine)


def _answer(asked: Any, machine: str) -> dict[str, str]:
    try:
        return _wait(asked, ANSWER_SECONDS)
    except TimeoutError:
        raise refuse_argument("cluster", f"an answer within {ANSWER_SECONDS} s was expected", value=machine) from None
    except RayError as error:
        expected = f"a machine was expected on which ccp is installed as here ({_last_line(error)})"
        raise refuse_argument("cluster", expected, value=machine) from None


def _wait(reference: Any, seconds: float | None = None) -> Any:
    """What a reference stands for. Waited for outside Ray, which would turn every exit by a signal into status 1."""
    return result_of(reference.future(), seconds)


def _last_line(error: Exception) -> str:
    return str(error).strip().splitlines()[-1].strip()
