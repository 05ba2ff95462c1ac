"""A default event and its outcome: what there was to pay, and who paid it."""

from dataclasses import dataclass

from ccp.types import Cents


@dataclass(frozen=True)
class Event:
    """Groups that default together, and their members' losses, in cents by member (others are not read).

    `loss` is the sum of the member's pools' losses, `over_margin` what margin does not cover of it, `margin` what
    counts as margin in all the member's pools.
    """

    defaulters: tuple[int, ...]
    loss: Cents
    over_margin: Cents
    margin: Cents


@dataclass(frozen=True)
class Draw:
    """What one tier had, what was left to pay when its turn came, and who paid how much of it.

    `paid` maps members (as positions) to cents; None stands for the clearing house or, in `uncovered`,
    for nobody.
    """

    tier: str
    rule: str
    available: int
    owed: int
    paid: dict[int | None, int]

    @property
    def amount(self) -> int:
        """The tier's draw in all."""
        return sum(self.paid.values())


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
        return self.drawn("uncovered")
