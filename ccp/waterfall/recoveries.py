"""What comes back later from the defaulters' estates, and whose it is: docs/waterfall.md, section 5."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Literal

from ccp.money import share_out
from ccp.waterfall.event import Draw
from ccp.waterfall.invariants import DEFAULTERS_OWN

Payment = tuple[Draw, int | None, int]
"""A draw, one of its payers, and what it paid."""


@dataclass(frozen=True)
class Recovery:
    """Money that flows back to whoever paid it. `tier` is `estate` for what is more than everybody paid."""

    place: int
    tier: str
    payer: int | None
    amount: int


def recover(draws: Sequence[Draw], amount: int, how: Literal["reverse", "pro_rata"]) -> list[Recovery]:
    """Share out what came back, in cents. `draws` are an event's, or what earlier recoveries left of them.

    Reverse: who paid last is repaid first, and what was uncovered before all. Pro rata: all alike. Defaulters get
    nothing but what is left when everybody has been repaid.
    """
    others = [draw for draw in draws if draw.tier not in DEFAULTERS_OWN]
    if how == "reverse":
        tiers = [list(parts) for _, parts in groupby(others, key=lambda draw: draw.place)][::-1]
    else:
        tiers = [others]
    found: list[Recovery] = []
    for parts in tiers:
        back = _to_payers(_payments(parts), amount)
        amount -= sum(one.amount for one in back)
        found += back
    return found + ([Recovery(0, "estate", None, amount)] if amount else [])


def _payments(draws: Iterable[Draw]) -> list[Payment]:
    return [(draw, payer, paid) for draw in draws for payer, paid in draw.paid.items() if paid]


def _to_payers(payments: list[Payment], amount: int) -> list[Recovery]:
    weights = [paid for _, _, paid in payments]
    shares = share_out(min(amount, sum(weights)), weights)
    return [
        Recovery(draw.place, draw.tier, payer, share)
        for (draw, payer, _), share in zip(payments, shares, strict=True)
        if share
    ]
