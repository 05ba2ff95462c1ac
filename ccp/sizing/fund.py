"""The size of the default fund, and each member's contribution to it, in cents."""

from collections.abc import Sequence
from dataclasses import dataclass

from ccp.money import exact, scaled_up, share_out
from ccp.rulebook.fund import FundRules


@dataclass(frozen=True)
class FundSize:
    """The fund required, in cents, and which rule made it that large."""

    required: int
    bound_by: str


def fund_size(rules: FundRules, cover: int, emir_42_3: int, members: int, minor: int) -> FundSize:
    """`max(floor, (1 + buffer) * cover-N)`, rounded up to a cent; also the EMIR amount where the rulebook says so.

    Where the rulebook fixes a size it is that instead. Never less than the members' minimum contributions together.
    Amounts in cents; `minor` cents in a unit.
    """
    minimum = members * scaled_up(minor, exact(rules.minimum_contribution))
    if rules.size is not None:
        sizes = {"fixed size": scaled_up(minor, exact(rules.size))}
    else:
        sizes = {
            "cover and buffer": scaled_up(cover, 1 + exact(rules.buffer)),
            "floor": scaled_up(minor, exact(rules.floor)),
        }
    sizes["minimum contributions"] = minimum
    if rules.covers_emir_42_3 and rules.size is None:
        sizes["EMIR 42(3)"] = emir_42_3
    bound_by = max(sizes, key=lambda rule: sizes[rule])
    return FundSize(sizes[bound_by], bound_by)


def contributions(fund: int, weights: Sequence[int], minimum: int) -> list[int]:
    """Share the fund by weights with a minimum for everyone (water-filling), in cents that add back exactly.

    Members whose share falls below the minimum pay the minimum, and the rest is shared again among the
    others, until nobody is below. Members are in order of id, so ties of the last cent go to the smaller id.
    Without any weight everybody pays alike. Raises ValueError when the fund is less than the minimums together.
    """
    if fund < minimum * len(weights):
        raise ValueError("the fund is smaller than the minimum contributions together")
    at_minimum: set[int] = set()
    while True:
        free = [place for place in range(len(weights)) if place not in at_minimum]
        rest = fund - minimum * len(at_minimum)
        total = sum(weights[place] for place in free)
        below = {place for place in free if total and rest * weights[place] < minimum * total}
        if not below:
            break
        at_minimum |= below
    shares = [minimum] * len(weights)
    if free:
        by = [weights[place] for place in free]
        for place, share in zip(free, share_out(rest, by if total else [1] * len(free)), strict=True):
            shares[place] = share
    return shares
