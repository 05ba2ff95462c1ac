"""A default event and its outcome: what there was to pay, and who paid it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from ccp.rulebook.tier_kind import TierKind
from ccp.rulebook.tier_table import UNCOVERED, kind_of
from ccp.types import Cents, Flags, Index


@dataclass(frozen=True)
class Claimants:
    """Whose claims haircuts cut: those of pools, each for itself. Of each its member, by its place, and whether it is
    the member's own house."""

    member: Index
    house: Flags

    def by_member(self, amounts: Cents, members: int) -> Cents:
        """Amounts by pool as sums by member."""
        sums = np.zeros(members, dtype=np.int64)
        np.add.at(sums, self.member, amounts)
        return sums


def each_member(members: int) -> Claimants:
    """One claimant a member, its house: where nobody says which pools have gained."""
    return Claimants(np.arange(members), np.ones(members, dtype=bool))


@dataclass(frozen=True)
class Circumstances:
    """What else an event knows, in cents by member; None where nothing is known, which counts as nothing.

    Claims are by claimant (`claimants`; None: one a member). `gains` is day x claimant, signed: what the clearing house
    has owed it since the default, of the kinds that the rulebook counts. `contracts`: the value of its contracts (None:
    its gains), `matched`: of those opposite the defaulters' books, `payouts`: what it would be paid out (None: its
    gains), `cut`: what haircuts of earlier rounds took of the same claims. By member: `offered` of its own accord;
    `auction`: 0 did not bid, 1 lost, 2 won; `unable`: cannot pay calls. `segment_loss` by product class;
    `segment_weight` class x member.
    """

    gains: Cents | None = None
    contracts: Cents | None = None
    matched: Cents | None = None
    payouts: Cents | None = None
    offered: Cents | None = None
    auction: Index | None = None
    unable: Flags | None = None
    cut: Cents | None = None
    segment_loss: Cents | None = None
    segment_weight: Cents | None = None
    claimants: Claimants | None = None


@dataclass(frozen=True)
class Event:
    """A set of groups that default together, and what the set loses, in cents by member (others are not read).

    `loss` is the sum of the member's pools' losses, `over_margin` what margin does not cover of it, `margin` what
    counts as margin in all the member's pools. What a set loses may be more than its groups would lose one by one: an
    event is made of the losses of its own set (`ccp.stress.loss_over_margin.SetLosses`).
    """

    defaulters: tuple[int, ...]
    loss: Cents
    over_margin: Cents
    margin: Cents
    circumstances: Circumstances = field(default_factory=Circumstances)

    @property
    def claimants(self) -> Claimants:
        """Whose claims haircuts cut."""
        return self.circumstances.claimants or each_member(len(self.loss))


@dataclass(frozen=True)
class Draw:
    """What one tier, or a part of one, had, what was left to pay when its turn came, and who paid how much of it.

    `place` is the tier's place in the order; parts of one tier share it, and what was owed. `paid` maps members (as
    positions) to cents; None stands for the clearing house, the insurer, the parent or, in `uncovered`, for nobody.
    `weights` is what members' shares were in proportion to, `rounded` whose share was rounded up by one cent. `cut` is
    what each claimant pays of its member's part of a haircut.
    """

    tier: str
    rule: str
    available: int
    owed: int
    paid: dict[int | None, int]
    place: int = 0
    name: str = ""
    weights: Mapping[int, int] = field(default_factory=dict)
    rounded: frozenset[int] = frozenset()
    cut: Mapping[int, int] = field(default_factory=dict)

    @property
    def amount(self) -> int:
        """The draw in all."""
        return sum(self.paid.values())

    @property
    def kind(self) -> TierKind:
        """What the tier is."""
        return kind_of(self.tier)

    @property
    def stakeholder(self) -> str:
        """Whose money it is."""
        return self.kind.stakeholder.name


@dataclass(frozen=True)
class Outcome:
    """The event's whole loss and every tier's draw, in order; they add up to it."""

    event: Event
    loss: int
    draws: tuple[Draw, ...]

    def own_part(self, draw: Draw) -> dict[int, int]:
        """What members themselves pay of a draw: a cut of what their clients have gained is their clients' to bear."""
        if not draw.kind.cuts_claims:
            return {member: paid for member, paid in draw.paid.items() if member is not None}
        whose, found = self.event.claimants, dict[int, int]()
        for claimant, amount in draw.cut.items():
            if whose.house[claimant]:
                member = int(whose.member[claimant])
                found[member] = found.get(member, 0) + amount
        return found

    def drawn(self, tier: str) -> int:
        """What all tiers of one word paid."""
        return sum(draw.amount for draw in self.draws if draw.tier == tier)

    @property
    def cut(self) -> dict[int, int]:
        """What haircuts of all kinds took of each claimant's claims."""
        found = dict[int, int]()
        for draw in self.draws:
            for claimant, amount in draw.cut.items():
                found[claimant] = found.get(claimant, 0) + amount
        return found

    @property
    def uncovered(self) -> int:
        """What nobody pays."""
        return self.drawn(UNCOVERED)
