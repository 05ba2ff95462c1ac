"""Paths and single events as they are timed: our kernel, and the tiers of one rulebook written in numpy."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ccp.book.roster import each_alone
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
    return make_plan(rules_of(contributions.sum() / 100), each_alone(ids), contributions)


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
