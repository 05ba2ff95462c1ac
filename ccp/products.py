"""What each product is, one row a product: its word, what it must state, which factors move it, how it is settled.

Everything that a room needs to know of a product is asked of its row; what a unit is worth is said by its pricer
(`ccp.pricing.pricers`), which has the same word. Sees columns only.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from ccp.columns import Column
from ccp.rows import by_word

LIMITS: dict[str, str] = {
    "positive": "more than 0 was expected",
    "not negative": "at least 0 was expected",
    "as its factor": "more than 0 was expected, since its factor moves by ratios",
}
"""What a price must be, and how a message says so. `as its factor`: it may pass zero if the factor does."""


@dataclass(frozen=True)
class Settlement:
    """How the value of a position is settled.

    `paid_once`: it is paid for once, as a premium, and still belongs to the holder; what it is worth on the last day is
    paid then, as exercise. Otherwise its changes are exchanged every day, as variation, and only the next is at risk.
    """

    word: str
    paid_once: bool


SETTLEMENTS = {one.word: one for one in (Settlement("variation", False), Settlement("premium", True))}
"""Every way of settling, by its word in the column `style`."""


@dataclass(frozen=True)
class OwnColumn:
    """A column of the instruments table that only some products may state. `limits` are those of its values.

    `moves`: it is no longer as on the book's day once the market has moved, and the product's pricer says what it is.
    `positive_without`: it must be positive in a row that does not state that other column. `excludes`: a column that
    may not be stated beside it.
    """

    column: Column
    needed: bool = False
    limits: Mapping[str, Any] = field(default_factory=dict)
    moves: bool = False
    positive_without: str | None = None
    excludes: str | None = None


STYLE = OwnColumn(
    Column(
        "style",
        tuple(SETTLEMENTS),
        "variation: value exchanged daily, as a future's; premium: paid once, so its value still stands",
    ),
    needed=True,
)
"""The column of every product that may be settled in more than one way."""
STRIKE = OwnColumn(
    Column("strike", "number", "an option's strike, in the units of the underlying's price", "currency"),
    needed=True,
    positive_without="normal_volatility",
)
RIGHT = OwnColumn(Column("right", ("call", "put"), "an option's right"), needed=True)
VOLATILITY_ID = OwnColumn(Column("volatility_id", "text", "the factor that moves the option's volatility"))
IMPLIED_VOLATILITY = OwnColumn(
    Column("implied_volatility", "number", "annual volatility of the option today; 0.2 is 20 %"),
    limits={"min_exclusive": 0, "max": 10},
    moves=True,
)
NORMAL_VOLATILITY = OwnColumn(
    Column(
        "normal_volatility",
        "number",
        "annual standard deviation of the option's forward today, in units of its price; the option is priced by the "
        "normal model then, not by Black's",
        "currency",
    ),
    limits={"min_exclusive": 0},
    moves=True,
    excludes="implied_volatility",
)
"""What says that an option is priced by the normal model, under which forward and strike may be zero or below."""
FORWARD = OwnColumn(
    Column("forward", "number", "the option's forward price today; default: the factor's value", "currency"),
    moves=True,
    positive_without="normal_volatility",
)


@dataclass(frozen=True)
class Product:
    """One kind of instrument.

    `called` is its name in a message, with its article. `own` are its columns beside those of every instrument,
    `needed` further ones that it must state, `either` sets of which it must state one. `factors` are the columns that
    name the factors that move its price, in the order in which its pricer takes them; the first is `factor_id`, which
    decides the asset class. `settled` are its ways of being settled. `price` is a word of `LIMITS`, or None for any
    number; `quoted` are columns in units of the price; `at_level`: the price is its factor's own level, but for noise.
    """

    word: str
    called: str
    settled: tuple[str, ...] = ("variation",)
    factors: tuple[str, ...] = ("factor_id",)
    own: tuple[OwnColumn, ...] = ()
    needed: tuple[str, ...] = ()
    either: tuple[tuple[str, ...], ...] = ()
    price: Literal["positive", "not negative", "as its factor"] | None = None
    quoted: tuple[str, ...] = ()
    at_level: bool = False

    @property
    def must_state(self) -> tuple[str, ...]:
        """The columns that an instrument of this product must state, beside those that all must."""
        return self.needed + tuple(own.column.name for own in self.own if own.needed)

    @property
    def may_state(self) -> frozenset[str]:
        """Those of its columns that not every product may state."""
        return frozenset(own.column.name for own in self.own)

    @property
    def moving(self) -> frozenset[str]:
        """Those of its own columns that move with the market."""
        return frozenset(own.column.name for own in self.own if own.moves)


PRODUCTS: dict[str, Product] = by_word(
    (
        Product("spot", "a spot trade", price="positive", at_level=True),
        Product("future", "a future", price="as its factor"),
        Product(
            "option",
            "an option",
            settled=("variation", "premium"),
            factors=("factor_id", "volatility_id"),
            own=(STRIKE, RIGHT, VOLATILITY_ID, IMPLIED_VOLATILITY, NORMAL_VOLATILITY, STYLE, FORWARD),
            needed=("expiry",),
            either=(("volatility_id", "implied_volatility", "normal_volatility"),),
            price="not negative",
            quoted=("forward", "strike", "normal_volatility"),
        ),
    ),
    lambda product: product.word,
)
"""Every product, by its word in the column `kind`."""


def own_columns() -> dict[str, OwnColumn]:
    """The columns that only some products may state, by name, in the order of the products."""
    return {own.column.name: own for product in PRODUCTS.values() for own in product.own}


def owners(name: str) -> list[Product]:
    """The products that may state a column of `own_columns`."""
    return [product for product in PRODUCTS.values() if name in product.may_state]


def factor_columns() -> tuple[str, ...]:
    """Every column of the instruments table that names a factor, in the order of the products."""
    return tuple(dict.fromkeys(name for product in PRODUCTS.values() for name in product.factors))


def quoted_columns() -> tuple[str, ...]:
    """Every column in units of an instrument's price, the price itself first."""
    return ("price", *dict.fromkeys(name for product in PRODUCTS.values() for name in product.quoted))
