"""What becomes of the survivors: who cannot bear its bill defaults in the next round.

The rules are docs/reference/waterfall.md, section 6.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from ccp.rulebook.tier_kind import TierKind
from ccp.types import Cents, Flags
from ccp.waterfall.event import Circumstances, Event, Outcome
from ccp.waterfall.means import Capital, means_of
from ccp.waterfall.plan import Plan
from ccp.waterfall.run import run_waterfall
from ccp.waterfall.standing import Standing, after_event

Counts = Callable[[TierKind], bool]
"""Whether the payments of a tier are counted."""


@dataclass(frozen=True)
class Books:
    """Members' books in the scenario, in cents by member, as an event has them: of a set of groups that default
    together, or of everybody where a book loses the same whoever else defaults."""

    loss: Cents
    over_margin: Cents
    margin: Cents

    def of(self, groups: tuple[int, ...], before: tuple[int, ...] = (), cut: Cents | None = None) -> "Books":
        """The books of a set of groups: these, where what others do makes no difference.

        Each member is one pool here, its house: what haircuts took of one that has lost in all is lost beside that.
        Who states no loss has gained enough for what was cut.
        """
        if cut is None or not cut.any():
            return self
        changed = (cut > 0) & (self.loss > 0)
        loss = self.loss + np.where(changed, cut, 0)
        over_margin = np.where(changed, np.maximum(loss - self.margin, 0), self.over_margin)
        return Books(loss, over_margin, self.margin)

    def event(self, groups: tuple[int, ...], known: Circumstances) -> Event:
        """The default of the groups whose books these are."""
        return Event(groups, self.loss, self.over_margin, self.margin, known)


class RoundLosses(Protocol):
    """Where an event's losses come from: what a SET of groups loses when its groups default together, which may be more
    than each would lose alone."""

    def of(self, groups: tuple[int, ...], before: tuple[int, ...] = (), cut: Cents | None = None) -> Books:
        """The books of groups that default together, after those that did `before` in the same event. `cut` by
        claimant: what haircuts of earlier rounds took, which pays for nothing any more (default: nothing)."""
        ...


@dataclass(frozen=True)
class Round:
    """One round: who defaulted in it, what the waterfall did, and what it left of everybody's capital.

    `own` is what each survivor lost on its own books in the scenario (known from the first round on, and nothing in
    later ones), `marked` what it lost on prices that the defaulters' sales moved; negative is a gain. `failed` are the
    groups of the next round. Money in cents by member; `capital` is None where a member states none.
    """

    number: int
    plan: Plan
    outcome: Outcome
    capital: Capital
    own: Cents
    marked: Cents
    failed: tuple[int, ...]


Resale = Callable[[tuple[int, ...]], tuple[Cents, RoundLosses]]
"""Sells the books of some groups: what members lose on their house books at the moved prices, and where losses come
from after it."""


def run_rounds(
    standing: Standing,
    groups: tuple[int, ...],
    losses: RoundLosses,
    capital: Capital,
    known: Callable[[tuple[int, ...]], Circumstances] = lambda groups: Circumstances(),
    resale: Resale | None = None,
    own: Cents | None = None,
) -> list[Round]:
    """Run defaults until nobody new fails. The first round's groups are given; `capital` is by member.

    `losses` says what the groups of a round lose, all of them together, after those of the rounds before and without
    what these cut of their gains. `own` is
    what every member loses on its own books in the scenario (negative: gains; default: nothing): a survivor's capital
    bears it ahead of any bill.

    `known` says what else is known of the default of some groups: contracts matched with theirs are others in each
    round.
    """
    rounds, before = list[Round](), tuple[int, ...]()
    nothing = np.zeros(len(standing.members), dtype=np.int64)
    lost, borne = nothing if own is None else own, standing.counting.bears
    means = means_of(capital, standing.rulebook.default_management.gains_add_to_capital)
    while groups:
        survives = ~(standing.away | standing.roster.inside(groups))
        circumstances, lost = replace(known(groups), cut=standing.cut), np.where(survives, lost, 0)
        event = losses.of(groups, before, standing.cut).event(groups, circumstances)
        means = means.losing(lost)
        outcome, failed = round_of(standing.plan, event, circumstances, means.left, borne, means.cushion)
        marked = nothing
        if resale is not None:
            marked, losses = resale(groups)
        marked = np.where(survives, marked, 0)
        cuts, bills = (_paid_by(outcome, len(nothing), borne, cuts_claims) for cuts_claims in (True, False))
        means = means.losing(cuts + marked).paying(bills)
        failed |= survives & np.array([has is not None and has < 0 for has in means.left])
        following = tuple(sorted(set(standing.member_group[failed].tolist())))
        rounds.append(Round(len(rounds) + 1, standing.plan, outcome, means.left, lost, marked, following))
        standing = after_event(standing, outcome)
        before, groups, lost = before + groups, following, nothing
    return rounds


def round_of(
    plan: Plan,
    event: Event,
    known: Circumstances,
    capital: Capital,
    borne: Counts,
    cushion: Cents | None = None,
) -> tuple[Outcome, Flags]:
    """A round's waterfall, run again while members turn out to be unable to pay calls; and whose bill is too large.

    `borne`: the tiers whose payments capital has to bear; of haircuts what they take beyond the `cushion`, a member's
    gains that are no part of its capital (default: none).
    """
    members = len(plan.members)
    unable = np.zeros(members, dtype=bool) if known.unable is None else known.unable.copy()
    failed = np.zeros(members, dtype=bool)
    limits = np.array([np.iinfo(np.int64).max if has is None else has for has in capital])
    while True:
        outcome = run_waterfall(plan, replace(event, circumstances=replace(known, unable=unable)))
        bills = survivors_bills(outcome, members, borne, cushion)
        failed |= (bills > limits) & (bills > 0)
        called = np.zeros(members, dtype=bool)
        for draw in outcome.draws:
            if draw.kind.called:
                called[[member for member, paid in draw.paid.items() if paid and member is not None]] = True
        unable_now = unable | (failed & called)
        if (unable_now == unable).all():
            return outcome, failed
        unable = unable_now


def survivors_bills(outcome: Outcome, members: int, borne: Counts, cushion: Cents | None = None) -> Cents:
    """What each member itself pays as a survivor in some tiers, in cents; of haircuts only what goes beyond a
    `cushion`."""
    cuts, others = (_paid_by(outcome, members, borne, cuts_claims) for cuts_claims in (True, False))
    return others + (cuts if cushion is None else np.maximum(cuts - cushion, 0))


def _paid_by(outcome: Outcome, members: int, borne: Counts, cuts_claims: bool) -> Cents:
    """What each member itself pays in tiers that cut claims, or in the others."""
    paid = np.zeros(members, dtype=np.int64)
    for draw in outcome.draws:
        if borne(draw.kind) and draw.kind.cuts_claims == cuts_claims:
            for member, amount in outcome.own_part(draw).items():
                paid[member] += amount
    return paid
