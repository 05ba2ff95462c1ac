"""Which way money may go: between which accounts each movement runs. docs/reference/daily-cycle.md, section 5."""

from functools import cache

import numpy as np

from ccp.rulebook.tier_table import all_kinds
from ccp.settlement.draws import paying_blocks
from ccp.settlement.ledger import KINDS, PASSED_ON, Chart
from ccp.types import Flags, Index

Way = tuple[str, str]
"""From an account of one block of the chart to one of another."""


def _both(block: str, others: tuple[str, ...]) -> tuple[Way, ...]:
    return (*((block, other) for other in others), *((other, block) for other in others))


WAYS: dict[str, tuple[Way, ...]] = {
    "opening": (("opening", "margin"), ("opening", "fund"), ("opening", "capital")),
    **dict.fromkeys(PASSED_ON, _both("settlement", ("house", "clients", "estate", "transferees", "unmatched"))),
    "margin call": (("house", "margin"), ("clients", "margin")),
    "margin return": (("margin", "house"), ("margin", "clients")),
    "supplementary call": (("house", "supplementary"),),
    "supplementary return": (("supplementary", "house"),),
    "fund call": (("house", "fund"),),
    "fund return": (("fund", "house"),),
    "capital paid in": (("owners", "capital"),),
    "capital paid out": (("capital", "owners"),),
    "liquidity drawn": (("lender", "estate"),),
    "liquidity repaid": (("estate", "lender"),),
    "sale": _both("transferees", ("estate",)),
    "sale of collateral": (("transferees", "margin"),),
    "loss": (("margin", "estate"), ("supplementary", "estate")),
    "haircut taken over": (("estate", "house"), ("estate", "clients")),
    "gain of the pool": (("estate", "margin"),),
    "estate": (("margin", "house"), ("margin", "clients"), ("supplementary", "house"), ("fund", "house")),
}
"""Every movement's ways, but for those of draws behind margin: they are in the rows of the tiers."""


def allowed(chart: Chart, kinds: Index, source: Index, target: Index) -> Flags:
    """Which rows run between accounts that their movement may run between."""
    draws = frozenset((kind.movement, block) for kind in all_kinds() for block in paying_blocks(kind))
    return _matrix(tuple(chart.starts), draws)[kinds, chart.block[source], chart.block[target]]


@cache
def _matrix(blocks: tuple[str, ...], draws: frozenset[Way]) -> Flags:
    """Movement x block x block: whether a row may go from one to the other. `draws` are movements of tiers, and the
    blocks that pay them."""
    found = np.zeros((len(KINDS), len(blocks), len(blocks)), dtype=bool)
    for movement, ways in WAYS.items():
        for source, target in ways:
            found[KINDS.index(movement), blocks.index(source), blocks.index(target)] = True
    for movement, block in draws:
        found[KINDS.index(movement), blocks.index(block), blocks.index("estate")] = True
    return found
