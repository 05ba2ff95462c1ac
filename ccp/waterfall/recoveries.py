"""What comes back later from the defaulters' estates, and whose it is: docs/reference/waterfall.md, section 5."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from ccp.money import share_out
from ccp.waterfall.event import Draw

Payment = tuple[int, int | None, int]
"""A draw's number in the list, one of its payers, and what it paid."""


@dataclass(frozen=True)
class Recovery:
    """Money that flows back to whoever paid it. `draw` is the number of the draw in the list, `place` and `tier` are
    its tier's; -1, 0 and where it came from (`estate`) for what is more than everybody paid."""

    draw: int
    place: int
    tier: str
    payer: int | None
    amount: int


def recover(
    draws: Sequence[Draw], amount: int, how: Literal["reverse", "pro_rata"], origin: str = "estate"
) -> list[Recovery]:
    """Share out what came back, in cents. `draws` are an event's, or what earlier recoveries left of them.

    Reverse: who paid last is repaid first, and what was uncovered before all. Pro rata: all alike. Defaulters get
    nothing but what is left when everybody has been repaid, if it came from their estate (`origin`).
    """
    others = [(number, draw) for number, draw in enumerate(draws) if not draw.kind.defaulters_own]
    if how == "reverse":
        tiers = [list(parts) for _, parts in groupby(others, key=lambda one: one[1].place)][::-1]
    else:
        tiers = [others]
    found: list[Recovery] = []
    for parts in tiers:
        payments = [(number, payer, paid) for number, draw in parts for payer, paid in draw.paid.items() if paid]
        back = _to_payers(draws, payments, amount)
        amount -= sum(one.amount for one in back)
        found += back
    return found + ([Recovery(-1, 0, origin, None, amount)] if amount else [])


def _to_payers(draws: Sequence[Draw], payments: list[Payment], amount: int) -> list[Recovery]:
    weights = [paid for _, _, paid in payments]
    shares = share_out(min(amount, sum(weights)), weights)
    return [
        Recovery(number, draws[number].place, draws[number].tier, payer, share)
        for (number, payer, _), share in zip(payments, shares, strict=True)
        if share
    ]
