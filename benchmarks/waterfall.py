"""One million paths of 100 groups through eight tiers, against vectorised numpy; and one event to the cent.

    python -m benchmarks.waterfall [--paths 1000000] [--repeat 5]

All ways run in one process, turn by turn, on the same arrays, after compilation. The numpy ways compute the same whole
cents for the tiers of this one rulebook and know no other: one takes whole arrays, as one writes it first, the other
blocks of paths that suit the cache, the best we found. The answers are compared: equal to the cent but for the two
parts used pari passu, which may differ by one.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ccp.rulebook.margin import MarginRules
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.tier_forms import PariPassu
from ccp.rulebook.tiers import (
    Assessments,
    CcpCapital,
    CcpEquity,
    DefaulterFund,
    DefaulterMargin,
    GainsHaircut,
    SurvivorsFund,
    Uncovered,
)
from ccp.types import Cents, Flags, Vector
from ccp.waterfall.event import Circumstances, Event
from ccp.waterfall.paths import draw_paths
from ccp.waterfall.plan import Plan, make_plan
from ccp.waterfall.run import run_waterfall

GROUPS, MEMBERS = 100, 1_000
BLOCK = 20_000
"""Paths that numpy takes at a time in blocks: the best of 5,000 to 1,000,000."""


@dataclass(frozen=True)
class Job:
    """Paths and the plan they are run down."""

    plan: Plan
    loss: Vector
    in_default: Flags
    margin: Vector
    claims: Cents


def rules_of(fund: float) -> Rulebook:
    """Eight tiers, one of them in two parts."""
    return Rulebook(
        name="benchmark",
        currency="USD",
        margin=MarginRules(confidence=0.99, lookback_days=500, liquidation_days=2),
        tiers=(
            DefaulterMargin(),
            DefaulterFund(),
            CcpCapital(amount=round(0.03 * fund)),
            PariPassu(parts=(SurvivorsFund(), CcpCapital(amount=round(0.02 * fund)))),
            Assessments(multiple=1, period_multiple=2),
            CcpEquity(amount=round(0.05 * fund)),
            GainsHaircut(share=0.5),
            Uncovered(),
        ),
    )


def plan_of(members: int, seed: int = 1) -> Plan:
    """Members with contributions of very different size, each a group of its own."""
    rng = np.random.default_rng(seed)
    contributions = np.rint(1e8 + 1e9 * rng.pareto(1.5, members)).astype(np.int64)
    ids = [f"M{number:04d}" for number in range(members)]
    return make_plan(rules_of(contributions.sum() / 100), ids, ids, np.arange(members), contributions)


def make_job(paths: int, seed: int = 2) -> Job:
    """Defaults with a common factor, some two of a hundred on average; losses a few times the contributions."""
    plan, rng = plan_of(GROUPS), np.random.default_rng(seed)
    common = rng.standard_normal((paths, 1))
    in_default = np.sqrt(0.3) * common + np.sqrt(0.7) * rng.standard_normal((paths, GROUPS)) < -2
    unit = plan.contributions / 100
    loss = np.abs(rng.standard_normal((paths, GROUPS))) * unit * 6
    return Job(plan, loss, in_default, unit * 5, plan.contributions // 2)


def ours(job: Job) -> Cents:
    """The kernel."""
    return draw_paths(job.plan, job.loss, job.in_default, job.margin, claims=job.claims).draws


def in_blocks(job: Job) -> Cents:
    """The same by numpy, block by block."""
    blocks = [slice(first, first + BLOCK) for first in range(0, len(job.loss), BLOCK)]
    return np.concatenate([usual(job, block) for block in blocks])


def usual(job: Job, block: slice = slice(None)) -> Cents:
    """The same by numpy, all paths at a time or some."""
    plan, flags = job.plan, job.in_default[block]
    size, own = plan.arrays.size, plan.contributions
    lost = np.rint(job.loss[block] * 100).astype(np.int64) * flags
    over = np.maximum(lost - np.rint(job.margin * 100).astype(np.int64), 0) * flags
    from_margin, from_fund = (lost - over).sum(axis=1), np.minimum(over, own).sum(axis=1)
    owed, count = lost.sum(axis=1) - from_margin - from_fund, flags.sum(axis=1)
    draws = [from_margin, from_fund]
    there = own.sum() - flags @ own
    first = np.minimum(owed, size[2])
    owed = owed - first
    second, whole = np.minimum(owed, there + size[4]), there + size[4]
    of_members = np.rint(second * (there / whole)).astype(np.int64)
    owed = owed - second
    called = np.minimum(owed, there * np.minimum(count, 2))
    owed = owed - called
    equity = np.minimum(owed, size[6])
    owed = owed - equity
    gains = (job.claims // 2).sum() - flags @ (job.claims // 2)
    cut = np.minimum(owed, gains)
    draws += [first, of_members, second - of_members, called, equity, cut, owed - cut]
    return np.stack(draws, axis=1)


def one_event(members: int = MEMBERS) -> Callable[[], object]:
    """A single event to the cent: two members default, everything behind them is used."""
    plan, loss = plan_of(members), np.zeros(members, dtype=np.int64)
    loss[:2] = plan.fund * 2
    gains = np.where(np.arange(members) % 2, plan.contributions * 5, 0)[None, :]
    event = Event((0, 1), loss, loss.copy(), np.zeros_like(loss), Circumstances(gains=gains))
    return lambda: run_waterfall(plan, event)


def seconds(job: Callable[[], object]) -> float:
    """How long a call takes: the least of two, or of as many as half a second holds."""
    spent: list[float] = []
    while len(spent) < 2 or sum(spent) < 0.5:
        begin = time.perf_counter()
        job()
        spent.append(time.perf_counter() - begin)
    return min(spent)


def main() -> None:
    """Print the ratio and the time of a single event."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--paths", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=3)
    asked = parser.parse_args()
    job = make_job(asked.paths)
    difference = np.abs(ours(job) - in_blocks(job)).max()
    ways = (ours, usual, in_blocks)
    turns = [[seconds(lambda way=way: way(job)) for way in ways] for _ in range(asked.repeat)]
    print(f"{asked.paths:,} paths x {GROUPS} groups, {len(job.plan.tiers) - 1} tiers, medians of {asked.repeat} turns")
    for place, name in enumerate(("ours", "numpy, whole arrays", "numpy, in blocks")):
        ratios = [turn[place] / turn[0] for turn in turns]
        spread = f"{statistics.median(ratios):.1f} times ours (from {min(ratios):.1f} to {max(ratios):.1f})"
        print(f"{name}: {statistics.median(turn[place] for turn in turns):.3f} s" + (f", {spread}" if place else ""))
    print(f"largest difference of any tier on any path: {difference} cent")
    event = one_event()
    event()
    print(f"one event to the cent, {MEMBERS:,} members: {seconds(event) * 1e3:.2f} ms")


if __name__ == "__main__":
    main()
