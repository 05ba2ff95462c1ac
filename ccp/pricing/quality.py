"""What a reader should know of the prices: options whose settlement price the model does not explain, and instruments
that do not name every factor their price depends on."""

import numpy as np

from ccp.book.check import is_a
from ccp.market.case import Case
from ccp.notes.note import Note, named, note
from ccp.pricing.option import model_values_today
from ccp.pricing.pricers import OPTION, priced_by
from ccp.pricing.terms import Terms, instrument_terms
from ccp.products import PRODUCTS
from ccp.types import Vector

TOLERANCE = 0.01
"""An option's price may differ from the model's by this share of its forward or strike, the larger in size,
without a word."""


def price_notes(case: Case) -> list[Note]:
    """Notes on the instruments of a case."""
    return [*far_from_the_model(case), *unnamed_factors(case)]


def far_from_the_model(case: Case) -> list[Note]:
    """Options that the book prices otherwise than the model does."""
    rules = case.rulebook
    terms = instrument_terms(
        case.book.instruments, case.market, case.factor_ids, rules.currency, rules.margin.liquidation_days
    )
    options = np.flatnonzero(priced_by(terms, OPTION))
    if not options.size:
        return []
    scale = _scale(terms.rows(options))
    miss = np.abs(terms.price[options] - model_values_today(terms, options)) / scale
    far = int((miss > TOLERANCE).sum())
    if not far:
        return []
    worst = terms.instrument_ids[int(options[int(np.argmax(miss))])]
    words = {"worst": worst, "miss": f"{miss.max():.1%}", "tolerance": f"{TOLERANCE:.0%}"}
    return [note("option_price", "instruments.price", far, options.size, **words)]


def _scale(options: Terms) -> Vector:
    """Forward or strike, the larger in size; under the normal model, where both may be zero, or the volatility."""
    volatility = np.where(options.normal, options.volatility, 0.0)
    return np.maximum(np.maximum(np.abs(options.forward), np.abs(options.strike)), volatility)


def unnamed_factors(case: Case) -> list[Note]:
    """Instruments of a product with several factors that do not name one of them: it never moves for them."""
    found = []
    for product in PRODUCTS.values():
        table = case.book.ordered_instruments.filter(is_a(product))
        for column in product.factors[1:]:
            names = table.filter(table[column].is_null())["instrument_id"].to_list()
            if names:
                words = {"column": column, "names": named(names), "product": product.called}
                found.append(note("unnamed_factor", f"instruments.{column}", len(names), table.height, **words))
    return found
