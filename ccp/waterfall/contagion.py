"""What becomes of the survivors: who cannot bear its bill defaults in the next round.

The rules are docs/reference/waterfall.md, section 6.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ccp.rulebook.tier_forms import CLAIM_CUTS
from ccp.types import Cents, Flags
from ccp.waterfall.event import Circumstances, Event, Outcome
from ccp.waterfall.plan import Plan
from ccp.waterfall.run import run_waterfall
from ccp.waterfall.standing import Standing, after_event

BORNE_BY_CAPITAL = ("survivors_fund", "assessments", "voluntary", "gains_haircut", "tear_up", "payout_haircut")


@dataclass(frozen=True)
class Books:
    """Every member's book in the scenario, in cents by member, as an event has them."""

    loss: Cents
    over_margin: Cents
    margin: Cents


@dataclass(frozen=True)
class Round:
    """One round: who defaulted in it, what the waterfall did, and what it left of everybody's capital.

    `marked` is what each survivor lost on prices that the defaulters' sales moved, `failed` the groups of the next
    round. Money in cents by member; `capital` is None where a member states none.
    """

    number: int
    plan: Plan
    outcome: Outcome
    capital: list[int | None]
    marked: Cents
    failed: tuple[int, ...]


Resale = Callable[[tuple[int, ...]], tuple[Cents, Books]]
"""Sells the books of some groups: what members lose on their house books at the moved prices, and all books after
it."""


def run_rounds(
    standing: Standing,
    groups: tuple[int, ...],
    books: Books,
    capital: list[int | None],
    known: Callable[[tuple[int, ...]], Circumstances] = lambda groups: Circumstances(),
    resale: Resale | None = None,
) -> list[Round]:
    """Run defaults until nobody new fails. The first round's groups are given; `capital` is by member.

    `known` says what else is known of the default of some groups: contracts matched with theirs are others in each
    round.
    """
    rounds, cut = list[Round](), np.zeros(len(standing.members), dtype=np.int64)
    while groups:
        event = Event(groups, books.loss, books.over_margin, books.margin)
        outcome, failed = round_of(standing.plan, event, replace(known(groups), cut=cut), capital)
        cut = cut + survivors_bills(outcome, len(standing.members), CLAIM_CUTS)
        bills = survivors_bills(outcome, len(standing.members))
        marked = np.zeros(len(standing.members), dtype=np.int64)
        if resale is not None:
            marked, books = resale(groups)
        survives = ~(standing.away | np.isin(standing.member_group, groups))
        burden = np.where(survives, bills + np.maximum(marked, 0), 0).tolist()
        capital = [None if has is None else has - taken for has, taken in zip(capital, burden, strict=True)]
        failed |= survives & np.array([has is not None and has < 0 for has in capital])
        following = tuple(sorted(set(standing.member_group[failed].tolist())))
        rounds.append(Round(len(rounds) + 1, standing.plan, outcome, capital, np.where(survives, marked, 0), following))
        standing = after_event(standing, outcome)
        groups = following
    return rounds


def round_of(
    plan: Plan,
    event: Event,
    known: Circumstances,
    capital: list[int | None],
    borne: tuple[str, ...] = BORNE_BY_CAPITAL,
) -> tuple[Outcome, Flags]:
    """A round's waterfall, run again while members turn out to be unable to pay calls; and whose bill is too large.

    `borne`: the tiers whose payments capital has to bear.
    """
    members = len(plan.members)
    unable = np.zeros(members, dtype=bool) if known.unable is None else known.unable.copy()
    failed = np.zeros(members, dtype=bool)
    limits = np.array([np.iinfo(np.int64).max if has is None else has for has in capital])
    while True:
        outcome = run_waterfall(plan, replace(event, circumstances=replace(known, unable=unable)))
        bills = survivors_bills(outcome, members, borne)
        failed |= (bills > limits) & (bills > 0)
        called = np.zeros(members, dtype=bool)
        for draw in outcome.draws:
            if draw.tier == "assessments":
                called[[member for member, paid in draw.paid.items() if paid and member is not None]] = True
        unable_now = unable | (failed & called)
        if (unable_now == unable).all():
            return outcome, failed
        unable = unable_now


def survivors_bills(outcome: Outcome, members: int, borne: tuple[str, ...] = BORNE_BY_CAPITAL) -> Cents:
    """What each member pays as a survivor in some tiers, in cents."""
    bills = np.zeros(members, dtype=np.int64)
    for draw in outcome.draws:
        if draw.tier in borne:
            for member, paid in draw.paid.items():
                bills[member] += paid if member is not None else 0
    return bills
