"""Whole minor units (cents): converting to them, and sharing them out so that the shares add back exactly."""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

import numpy as np

from ccp.errors import refuse
from ccp.types import Cents, Vector

LARGEST_PROVED = 2.0**110
"""Up to here a quotient of whole amounts that floating point misses by a few parts in 2^52 leaves less than 2^62."""


def exact(value: float) -> Fraction:
    """The number a person wrote: 0.99 is 99/100, not the nearest binary fraction."""
    return Fraction(str(value))


def minor_units(digits: int) -> int:
    """How many minor units make one unit of a currency with that many decimal digits (2 -> 100)."""
    return int(10**digits)


def to_minor(amounts: Vector, digits: int) -> Cents:
    """Amounts in units of the currency as whole minor units, nearest, ties to even.

    Raises InputError where one does not fit into 64 bits.
    """
    return whole(np.asarray(amounts, dtype=np.float64) * minor_units(digits))


LARGEST_WHOLE = 2.0**62
"""Half of what 64 bits hold: two such amounts can be added."""


def whole(exact: Vector) -> Cents:
    """Amounts in minor units as whole ones, nearest, ties to even. Raises InputError where one does not fit."""
    most = np.abs(exact).max(initial=0.0)
    if not most <= LARGEST_WHOLE:
        expected = f"amounts below {LARGEST_WHOLE:.1g} minor units were expected, one comes to {most:.3g}"
        raise refuse("money", f"{expected}; a price, an exchange rate or a quantity is too large")
    return np.rint(exact).astype(np.int64)


def to_units(cents: Cents | int, digits: int) -> Vector:
    """Whole minor units as amounts in units of the currency."""
    return np.asarray(cents, dtype=np.int64) / minor_units(digits)


def scaled_up(cents: int, factor: Fraction) -> int:
    """`cents * factor`, rounded up to a whole minor unit, without passing through floating point."""
    return ceil(cents * factor)


def scaled_down(amounts: Cents, factor: Fraction) -> Cents:
    """Whole amounts times an exact factor, rounded down."""
    return (_scaled(amounts, factor.numerator) // factor.denominator).astype(np.int64)


def divided(amounts: Cents, divisor: int) -> Cents:
    """Whole amounts by a whole divisor, nearest, ties to even: exact, without floating point."""
    whole, rest = amounts // divisor, amounts % divisor
    return whole + ((2 * rest > divisor) | ((2 * rest == divisor) & (whole % 2 != 0)))


def times(amounts: Cents, factor: Fraction) -> Cents:
    """Whole amounts times an exact factor, nearest, ties to even."""
    return divided(_scaled(amounts, factor.numerator), factor.denominator).astype(np.int64)


def blended(first: Cents, second: Cents, weight: Fraction) -> Cents:
    """`(1 - weight) * first + weight * second` of whole amounts, nearest, ties to even."""
    of_first = _scaled(first, weight.denominator - weight.numerator)
    return divided(of_first + _scaled(second, weight.numerator), weight.denominator).astype(np.int64)


def proportion(amounts: Cents, part: Cents, whole: Cents) -> Cents:
    """`amounts * part / whole`, rounded down, exactly; of one shape, or one they stretch to. `whole` is more than 0.

    A quotient in floating point misses by so little that what it leaves, which may wrap around in 64 bits on the way,
    says how much; where it might miss by more, Python's integers.
    """
    guess = np.floor(amounts * (part / whole))
    found = guess.astype(np.int64)
    found += (amounts * part - found * whole) // whole
    large = np.abs(guess) * whole >= LARGEST_PROVED
    if large.any():
        every = np.broadcast_arrays(amounts, part, whole)
        found[large] = [int(a) * int(b) // int(c) for a, b, c in zip(*(one[large] for one in every), strict=True)]
    return found


def _scaled(amounts: Cents, factor: int) -> np.ndarray:
    """Whole amounts times a whole factor: Python's integers where 64 bits might not be enough."""
    largest = int(np.abs(amounts).max(initial=0))
    return amounts * factor if largest * abs(factor) < 2**61 else amounts.astype(object) * factor


def share_out(amount: int, weights: Sequence[int]) -> list[int]:
    """Share a whole amount in proportion to weights: largest remainder, ties to the earlier place.

    Callers order the weights by member id, so ties go to the smaller id. The shares add back to `amount`
    exactly, and no share exceeds its weight when `amount` does not exceed their sum.
    Source of the method: Hamilton's apportionment (largest remainder).

    Raises ValueError when there is something to share and nobody to bear it, or a negative number.
    """
    return share_out_with_cents(amount, weights)[0]


def share_out_with_cents(amount: int, weights: Sequence[int]) -> tuple[list[int], list[int]]:
    """As `share_out`, and the places whose share was rounded up: the cents that were left over."""
    if amount < 0 or any(weight < 0 for weight in weights):
        raise ValueError("amounts and weights must not be negative")
    total = sum(int(weight) for weight in weights)
    if amount == 0:
        return [0] * len(weights), []
    if total == 0:
        raise ValueError(f"{amount} minor units to share and no weight to share them by")
    quotients = [divmod(int(amount) * int(weight), total) for weight in weights]
    shares = [whole for whole, _ in quotients]
    left = int(amount) - sum(shares)
    by_remainder = sorted(range(len(weights)), key=lambda place: (-quotients[place][1], place))
    for place in by_remainder[:left]:
        shares[place] += 1
    return shares, sorted(by_remainder[:left])


def share_within(amount: int, weights: Sequence[int], limits: Sequence[int]) -> tuple[list[int], list[int]]:
    """Share a whole amount in proportion to weights, nobody beyond its limit; and the places rounded up.

    Whoever would pay more than its limit pays its limit, and the rest is shared out again among the others. `amount` is
    at most the sum of the limits of those who have a weight.
    """
    shares, rounded = [0] * len(weights), list[int]()
    open_places = [place for place, weight in enumerate(weights) if weight > 0 and limits[place] > 0]
    left = int(amount)
    while left:
        offered, cents = share_out_with_cents(left, [weights[place] for place in open_places])
        over = {place for place, share in zip(open_places, offered, strict=True) if share > limits[place]}
        if not over:
            for place, share in zip(open_places, offered, strict=True):
                shares[place] = share
            rounded = [open_places[cent] for cent in cents]
            break
        for place in over:
            shares[place] = limits[place]
            left -= limits[place]
        open_places = [place for place in open_places if place not in over]
    return shares, rounded
