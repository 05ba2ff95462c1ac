"""A default event and its outcome: what there was to pay, and who paid it."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from ccp.rulebook.tier_kind import TierKind
from ccp.rulebook.tier_table import UNCOVERED, kind_of
from ccp.types import Cents, Flags, Index


@dataclass(frozen=True)
class Circumstances:
    """What else an event knows, in cents by member; None where nothing is known, which counts as nothing.

    `gains` is day x member, signed: positive is the member's. `matched`: claims on contracts opposite the defaulters'
    books. `payouts`: what a member would be paid out (None: its gains). `offered`: of its own accord. `auction`: 0 did
    not bid, 1 lost, 2 won. `unable`: cannot pay calls. `cut`: what haircuts of earlier rounds took of the same claims.
    `segment_loss` by product class; `segment_weight` class x member.
    """

    gains: Cents | None = None
    matched: Cents | None = None
    payouts: Cents | None = None
    offered: Cents | None = None
    auction: Index | None = None
    unable: Flags | None = None
    cut: Cents | None = None
    segment_loss: Cents | None = None
    segment_weight: Cents | None = None


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


@dataclass(frozen=True)
class Draw:
    """What one tier, or a part of one, had, what was left to pay when its turn came, and who paid how much of it.

    `place` is the tier's place in the order; parts of one tier share it, and what was owed. `paid` maps members (as
    positions) to cents; None stands for the clearing house, the insurer, the parent or, in `uncovered`, for nobody.
    `weights` is what members' shares were in proportion to, `rounded` whose share was rounded up by one cent.
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

    def drawn(self, tier: str) -> int:
        """What all tiers of one word paid."""
        return sum(draw.amount for draw in self.draws if draw.tier == tier)

    @property
    def uncovered(self) -> int:
        """What nobody pays."""
        return self.drawn(UNCOVERED)
