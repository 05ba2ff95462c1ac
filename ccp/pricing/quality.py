"""What a reader should know of the prices: options whose settlement price the model does not explain."""

import numpy as np

from ccp.market.case import Case
from ccp.pricing.option import model_values_today
from ccp.pricing.pricers import OPTION, priced_by
from ccp.pricing.terms import instrument_terms

TOLERANCE = 0.01
"""An option's price may differ from the model's by this share of its forward or strike, the larger, without a word."""


def price_warnings(case: Case) -> list[str]:
    """Warnings on the data of a case, each one sentence."""
    warnings = []
    if case.market.modelled:
        names = ", ".join(case.market.modelled[:5]) + (", ..." if len(case.market.modelled) > 5 else "")
        warnings.append(f"{len(case.market.modelled)} volatility factors are modelled from prices: {names}")
    rules = case.rulebook.margin
    terms = instrument_terms(
        case.book.instruments, case.market, case.factor_ids, case.rulebook.currency, rules.liquidation_days
    )
    options = np.flatnonzero(priced_by(terms, OPTION))
    if not options.size:
        return warnings
    scale = np.maximum(np.abs(terms.forward[options]), terms.strike[options])
    miss = np.abs(terms.price[options] - model_values_today(terms, options)) / scale
    far = miss > TOLERANCE
    if far.any():
        worst = terms.instrument_ids[int(options[int(np.argmax(miss))])]
        warnings.append(
            f"{far.sum()} option prices differ from the model's by more than {TOLERANCE:.0%} of the forward or strike, "
            f"most of all {worst} ({miss.max():.1%}); scenarios start from the price in the book"
        )
    return warnings
