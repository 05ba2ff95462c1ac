"""A product that only tests know: a home leg less a foreign leg at the exchange rate. One row and one pricer.

`worth = home - ratio * foreign * rate`, each a factor's level: three factors, two of which multiply, so that no product
of one factor could stand for it. Its price starts from the book's; what the worth does not explain fades until expiry.
"""

from ccp.columns import Column
from ccp.pricing.market_state import MarketState, factor_levels
from ccp.pricing.pricers import Pricer
from ccp.pricing.terms import Terms
from ccp.products import STYLE, OwnColumn, Product
from ccp.types import InstrumentByScenario

SPREAD = Product(
    "spread",
    "a spread",
    settled=("variation", "premium"),
    factors=("factor_id", "foreign_id", "rate_id"),
    own=(
        OwnColumn(Column("foreign_id", "text", "the factor of the foreign leg"), needed=True),
        OwnColumn(Column("rate_id", "text", "the exchange rate of the foreign leg"), needed=True),
        OwnColumn(Column("ratio", "number", "units of the foreign leg"), needed=True, limits={"min_exclusive": 0}),
        STYLE,
    ),
)


def _worth(terms: Terms, level: InstrumentByScenario) -> InstrumentByScenario:
    home, foreign, rate = (level[terms.factors[:, place]] for place in range(3))
    return home - terms.table["ratio"].to_numpy()[:, None] * foreign * rate


def spread_prices(terms: Terms, state: MarketState) -> InstrumentByScenario:
    """The worth in a state, and what is kept of the price beyond the worth today."""
    today, kept = _worth(terms, terms.levels[:, None]), state.kept[:, None]
    return terms.price[:, None] * kept + (_worth(terms, factor_levels(terms, state)) - today * kept)


PRICER = Pricer(spread_prices)
