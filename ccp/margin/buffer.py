"""A buffer of margin that rises eat and falls refill. Regulation (EU) 153/2013, Article 28(1)(a)."""

from dataclasses import dataclass
from fractions import Fraction
from math import floor


@dataclass(frozen=True)
class BufferLevel:
    """Where the buffer stands: `index` is the model's margin of an unchanged book, `carried` what is charged for it."""

    index: float
    carried: float

    def moved(self, share: float, before: int, now: int) -> "BufferLevel":
        """After a day on which the model's margin of unchanged accounts went from `before` to `now`.

            I_t = I_{t-1} * now / before,   J_t = J_{t-1}, at least I_t and at most (1 + share) * I_t

        Where either is nothing, `I` stays.
        """
        index = self.index * now / before if before > 0 and now > 0 else self.index
        return BufferLevel(index, min(max(self.carried, index), (1.0 + share) * index))

    @property
    def share(self) -> Fraction:
        """What is added to margin, rounded down to a millionth."""
        return Fraction(floor((self.carried / self.index - 1.0) * 1e6 + 1e-6), 10**6)


def full_buffer(share: float) -> BufferLevel:
    """A buffer that nothing has been drawn from."""
    return BufferLevel(1.0, 1.0 + share)
