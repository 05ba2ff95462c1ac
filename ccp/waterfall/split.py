"""How an amount is split over survivors' contributions: docs/reference/waterfall.md, section 4. Whole cents, lists by
survivor."""

from ccp.money import share_out, share_out_with_cents

Split = tuple[list[int], list[int]]
"""Shares, and the places whose share was rounded up."""


def split_pro_rata(amount: int, limits: list[int]) -> Split:
    """In proportion to what everybody stands for; where all is used, simply that."""
    if amount == sum(limits):
        return limits, []
    return share_out_with_cents(amount, limits)


def split_by_auction(amount: int, limits: list[int], ranks: list[int]) -> Split:
    """Those of the lowest rank first, in proportion; the next when they are used up."""
    shares, cents = [0] * len(limits), list[int]()
    for rank in sorted(set(ranks)):
        places = [place for place, one in enumerate(ranks) if one == rank]
        part = min(amount, sum(limits[place] for place in places))
        found, rounded = split_pro_rata(part, [limits[place] for place in places])
        for place, share in zip(places, found, strict=True):
            shares[place] = share
        cents += [places[cent] for cent in rounded]
        amount -= part
    return shares, cents


def split_by_segments(amount: int, limits: list[int], losses: list[int], weights: list[list[int]]) -> Split:
    """Each segment's part of the amount from its sleeves, as far as they go; the rest from all that is left.

    `losses` by segment; `weights` segment x survivor.
    """
    if sum(losses) == 0:
        return split_pro_rata(amount, limits)
    sleeves = [_sleeves(limit, [of[place] for of in weights]) for place, limit in enumerate(limits)]
    shares, cents = [0] * len(limits), set[int]()
    for segment, part in enumerate(share_out(amount, losses)):
        stand = [sleeve[segment] for sleeve in sleeves]
        found, rounded = split_pro_rata(min(part, sum(stand)), stand)
        shares = [share + more for share, more in zip(shares, found, strict=True)]
        cents.update(rounded)
    left = [limit - share for limit, share in zip(limits, shares, strict=True)]
    found, rounded = split_pro_rata(amount - sum(shares), left)
    cents.update(rounded)
    return [share + more for share, more in zip(shares, found, strict=True)], sorted(cents)


def _sleeves(limit: int, weights: list[int]) -> list[int]:
    """What a member stands for, by segment."""
    return share_out(limit, weights) if sum(weights) else [0] * len(weights)
