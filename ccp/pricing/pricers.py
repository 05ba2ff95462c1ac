"""The pricer of every product, by its word: one table, as `ccp.products` has one of what products are.

A pricer says what one unit of the underlying is worth in a state of the market, from the factors that the product's row
names. The cube, settlement prices, close-out and exercise all ask it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np

from ccp.pricing.market_state import MarketState
from ccp.pricing.option import option_columns, option_prices
from ccp.pricing.terms import Terms
from ccp.products import PRODUCTS
from ccp.types import Flags, Index, InstrumentByScenario, Vector


def moved_prices(terms: Terms, state: MarketState) -> InstrumentByScenario:
    """Prices that move as their factor does."""
    return state.moves.moved(terms.price, terms.factor)


def no_columns(terms: Terms, state: MarketState) -> dict[str, Vector]:
    """No term but the price moves with the market."""
    return {}


@dataclass(frozen=True)
class Pricer:
    """How a product is priced; every function takes the terms of instruments that are all of the product.

    `prices` (instrument x column of the state) are those of one unit of the underlying, in the instrument's currency.
    `columns` are what else in the instruments table is no longer as on the book's day, once the market has moved.
    `fused`: the cube's changes come out of `ccp.kernels.exposure.revalue`, which moves, prices and converts in one
    pass.
    """

    prices: Callable[[Terms, MarketState], InstrumentByScenario]
    columns: Callable[[Terms, MarketState], dict[str, Vector]] = no_columns
    fused: bool = False


MOVED = Pricer(moved_prices, fused=True)
OPTION = Pricer(option_prices, option_columns, fused=True)
PRICERS: dict[str, Pricer] = {"spot": MOVED, "future": MOVED, "option": OPTION}


def priced_by(terms: Terms, pricer: Pricer) -> Flags:
    """Which instruments a pricer prices."""
    return np.isin(terms.kinds, [word for word, one in PRICERS.items() if one == pricer])


def by_pricer(terms: Terms) -> Iterator[tuple[Pricer, Index]]:
    """Every pricer that prices any of the instruments, and which."""
    for pricer in dict.fromkeys(PRICERS[word] for word in sorted(set(terms.kinds))):
        yield pricer, np.flatnonzero(priced_by(terms, pricer))


def unit_prices(terms: Terms, state: MarketState) -> Vector:
    """The price of one unit of every instrument, in the one state that there is."""
    price = np.empty(len(terms.instrument_ids))
    for pricer, rows in by_pricer(terms):
        price[rows] = pricer.prices(terms.rows(rows), state.rows(rows))[:, 0]
    return price


def moved_columns(terms: Terms, state: MarketState) -> dict[str, Vector]:
    """The columns of the instruments table, beside the price, that a state has moved; NaN where one stays as it is.

    Raises ValueError where a pricer moves other columns than its product's row says."""
    found: dict[str, Vector] = {}
    for pricer, rows in by_pricer(terms):
        moved = pricer.columns(terms.rows(rows), state.rows(rows))
        _check_moved(terms.kinds[rows], moved)
        for name, values in moved.items():
            found.setdefault(name, np.full(len(terms.instrument_ids), np.nan))[rows] = values
    return found


def _check_moved(kinds: np.ndarray, moved: dict[str, Vector]) -> None:
    """A term that stays as on the book's day while the market moves would make later margins wrong, unseen."""
    for word in sorted(set(kinds)):
        differ = sorted(PRODUCTS[word].moving ^ moved.keys())
        if differ:
            raise ValueError(
                f"columns of {word!r} that move and those that its pricer moves differ: {', '.join(differ)}"
            )
