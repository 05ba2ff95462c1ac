"""The asset classes of factors: free words, but for three that say how a factor moves in scenarios."""

import polars as pl

from ccp.errors import Problem

RATE = "rate"
MOVING = {"currency": "currencies", RATE: "rates", "volatility": "volatilities"}
"""The classes that ladders of gaps and shifts of rates go by, and their plurals, which are not taken for them."""
EXCHANGE_RATE = "^[A-Z]{3}/[A-Z]{3}$"
"""What the name of a factor looks like that converts one currency into another."""
TENORS = {"D": 1 / 365, "W": 7 / 365, "M": 1 / 12, "Y": 1.0}
"""Years in a unit of a tenor."""
OF_RATES = ("tenor_years", "rate_unit")
"""The columns of a factor that only rates have."""


def class_by_name(factor_id: pl.Expr) -> pl.Expr:
    """A factor's asset class as its name tells it, or null."""
    return (
        pl.when(factor_id.str.contains(EXCHANGE_RATE))
        .then(pl.lit("currency"))
        .when(factor_id.str.ends_with(".VOL"))
        .then(pl.lit("volatility"))
    )


def tenor_by_name(factor_id: pl.Expr) -> pl.Expr:
    """A tenor in years as the end of a factor's name tells it (`UST10Y`, `EUR.3M`), or null."""
    found = factor_id.str.extract_groups(r"(?<count>\d+)(?<unit>[DWMY])$").struct
    years = found.field("unit").replace_strict(TENORS, default=None, return_dtype=pl.Float64)
    return found.field("count").cast(pl.Float64) * years


def class_problems(factors: pl.DataFrame, source: str) -> list[Problem]:
    """What is wrong with classes in a table of factors: one of `MOVING` spelt otherwise; no rate, and yet a tenor.

    A factor of a class spelt otherwise would be gapped as a price and never shifted, and nothing would say so.
    """
    problems = []
    for row, factor in enumerate(factors.iter_rows(named=True), 1):
        stated = factor["asset_class"]
        meant = None if stated is None else _meant(stated)
        if meant not in (None, stated):
            problems.append(Problem(source, f"write {meant}", "asset_class", stated, row))
        elif stated != RATE:
            problems += [Problem(source, NO_RATE, name, factor[name], row) for name in _of_rates(factor)]
    return problems


NO_RATE = f"only a factor of asset_class {RATE} may state this"


def _of_rates(factor: dict[str, object]) -> list[str]:
    return [name for name in OF_RATES if factor[name] is not None]


def _meant(stated: str) -> str | None:
    """The class of `MOVING` that a word is but for case, spaces and its plural, or None."""
    plain = "".join(stated.split()).lower()
    return next((word for word, plural in MOVING.items() if plain in (word, plural, f"{word}s")), None)
