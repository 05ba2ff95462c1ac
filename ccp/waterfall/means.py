"""What survivors bear a default with: their capital, what their own books have lost, and what they were billed."""

from dataclasses import dataclass, replace

import numpy as np

from ccp.types import Cents

Capital = list[int | None]
"""Own capital by member, in cents; None is without limit."""


@dataclass(frozen=True)
class Means:
    """By member, in cents: the capital that was `stated`, what its own books have `lost` so far (negative: gained; what
    haircuts took of gains is lost too), and what it was `billed`. `gains_add`: gains add to capital as losses are taken
    off; else they add nothing, and a haircut takes of them before it costs any capital.
    """

    stated: Capital
    lost: Cents
    billed: Cents
    gains_add: bool

    @property
    def left(self) -> Capital:
        """What is left of capital."""
        taken = self.billed + (self.lost if self.gains_add else np.maximum(self.lost, 0))
        return [None if has is None else has - less for has, less in zip(self.stated, taken.tolist(), strict=True)]

    @property
    def cushion(self) -> Cents:
        """Gains that are no part of what is left of capital."""
        return np.zeros_like(self.lost) if self.gains_add else np.maximum(-self.lost, 0)

    def losing(self, amounts: Cents) -> "Means":
        """When own books have lost more (negative: gained)."""
        return replace(self, lost=self.lost + amounts)

    def paying(self, bills: Cents) -> "Means":
        """When bills have been paid."""
        return replace(self, billed=self.billed + bills)


def means_of(capital: Capital, gains_add: bool) -> Means:
    """Before anything is lost."""
    nothing = np.zeros(len(capital), dtype=np.int64)
    return Means(capital, nothing, nothing, gains_add)
