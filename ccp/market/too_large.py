"""Holdings and moves so large that amounts would not fit into 64-bit numbers of minor units."""

from collections.abc import Iterator

import polars as pl

from ccp.book.book import Book
from ccp.book.order import in_order
from ccp.errors import Problem
from ccp.market.history import Market, latest_levels
from ccp.market.levels import WrongLevel, is_exchange_rate, located
from ccp.market.needs import currency_factor, source_of
from ccp.products import quoted_columns

LARGEST_HOLDING = 1e17
"""In minor units: a ninetieth of the largest 64-bit integer."""
ROOM = 90.0
"""How many times its price an instrument may move by: so much the largest holding leaves."""


def find_too_large(
    book: Book, market: Market, service: str, digits: int, held: pl.DataFrame | None = None
) -> list[Problem]:
    """Instruments of which so much is held that losses would not fit into 64-bit numbers of minor units.

    For a book and a market that are sound otherwise. The bound leaves room for scenarios that move prices many
    times over; what the history moves by beyond that is found where it stands in the file of prices. `digits` are the
    decimal digits of the service currency; `held` (instrument_id, quantity) what is held of each instrument, long and
    short together, where the book's own table of positions does not say.
    """
    limit = LARGEST_HOLDING / 10**digits
    worth = _held(book, _worth(book, market, market, service), limit, held)
    expected = f"all holdings of an instrument may be worth {limit:g} {service} at most, these are worth"
    found = [
        Problem(source_of(book, "positions"), f"{expected} {row['worth']:g}", "instrument_id", row["instrument_id"])
        for row in worth.filter(pl.col("worth") > limit).to_dicts()
    ]
    found += _large_lines(book, market, service, limit)
    return found or list(_wide(worth.filter(~(pl.col("move") <= limit)), market))


def find_wide_moves(book: Book, market: Market, later: Market, service: str, digits: int) -> list[Problem]:
    """Moves up to a `later` day by which the book, at the prices of its own day, loses more than can be counted."""
    limit = LARGEST_HOLDING / 10**digits
    worth = _held(book, _worth(book, market, later, service), limit, None)
    return list(_wide(worth.filter(~(pl.col("move") <= limit)), later))


def _large_lines(book: Book, market: Market, service: str, limit: float) -> list[Problem]:
    """Lines of collateral that are worth too much at today's exchange rates."""
    if book.collateral is None:
        return []
    names = book.collateral["currency"].drop_nulls().unique().to_list()
    levels = latest_levels(market)
    rates = {name: levels[currency_factor(name, service)] for name in names if name != service}
    worth = book.collateral.select(worth=pl.col("market_value") * _of("currency", rates, 1.0))["worth"]
    expected = f"collateral may be worth {limit:g} {service} at most, this is worth"
    return [
        Problem(
            source_of(book, "collateral"),
            f"{expected} {worth[row]:g}",
            "market_value",
            book.collateral["market_value"][row],
            row + 1,
        )
        for row in (worth > limit).arg_true().to_list()
    ]


def _held(book: Book, worth: pl.DataFrame, limit: float, held: pl.DataFrame | None) -> pl.DataFrame:
    """`worth` of all that is held, in order of instruments; empty in the usual case, without sums by instrument."""
    sizes = book.positions["quantity"].abs() if held is None else held["quantity"]
    most = worth.select(pl.max_horizontal("worth", "move").max()).item()
    if float(sizes.sum()) * most <= limit:
        return worth.clear()
    if held is None:
        held = book.positions.group_by("instrument_id").agg(pl.col("quantity").abs().sum())
    joined = worth.join(held, on="instrument_id").with_columns(pl.col("worth", "move") * pl.col("quantity"))
    return in_order(joined, "instruments")


def worth_of_units(book: Book, market: Market, service: str) -> pl.DataFrame:
    """By instrument the highest of its prices (`highest`), and what a unit of price is worth in the service currency
    (`unit`); and the factor of its currency (`pair`)."""
    pair = {name: currency_factor(name, service) for name in book.instruments["currency"].unique() if name != service}
    levels = latest_levels(market)
    highest = pl.max_horizontal(
        *(pl.col(name).abs() for name in quoted_columns()),
        pl.col("factor_id").replace_strict(levels, return_dtype=pl.Float64).abs(),
    )
    found = book.instruments.select(
        "instrument_id",
        pair=pl.col("currency").replace_strict(pair, default=None, return_dtype=pl.String),
        highest=highest,
        unit="multiplier",
    )
    return found.with_columns(unit=pl.col("unit") * _of("pair", levels, 1.0))


def _worth(book: Book, market: Market, later: Market, service: str) -> pl.DataFrame:
    """By instrument: what a unit is worth, and what it is after the largest move of a day, up to the `later` one,
    of its price and of its currency, over the room that there is."""
    known = worth_of_units(book, market, service).with_columns(book.instruments["factor_id"])
    names = pl.concat([known["factor_id"], known["pair"]]).drop_nulls().unique()
    moves = {name: _largest_move(later, name) for name in names if name in later.factor_ids}
    by_difference = pl.col("factor_id").is_in([name for name in moves if _by_difference(market, name)])
    base = pl.when(by_difference).then(1.0).otherwise("highest")
    return known.with_columns(
        worth=pl.col("highest") * pl.col("unit"),
        by_price=base * pl.col("unit") * _of("factor_id", moves, 0.0) / ROOM,
        by_rate=pl.col("highest") * pl.col("unit") * _of("pair", moves, 0.0) / ROOM,
    ).with_columns(move=pl.max_horizontal("by_price", "by_rate"))


def _by_difference(market: Market, factor_id: str) -> bool:
    return market.kinds("change", [factor_id]) == ["absolute"] and not is_exchange_rate(factor_id)


def _of(column: str, figures: dict[str, float], default: float) -> pl.Expr:
    return pl.col(column).replace_strict(figures, default=default, return_dtype=pl.Float64)


def _day_moves(market: Market, factor_id: str) -> pl.DataFrame:
    """How far a factor moves from one value to the next (`move`): as a ratio, or as a difference. Not below zero."""
    known = market.levels.select("date", level=factor_id).drop_nulls("level")
    before = pl.col("level").shift(1)
    level = pl.col("level")
    return known.with_columns(
        before=before, move=(level - before).abs() if _by_difference(market, factor_id) else level / before
    )


def _largest_move(market: Market, factor_id: str) -> float:
    move = _day_moves(market, factor_id)["move"].max()
    return 0.0 if move is None else float(move)  # type: ignore[arg-type]


def _wide(instruments: pl.DataFrame, market: Market) -> Iterator[Problem]:
    """The moves by which some instruments lose more than can be counted, a factor once."""
    told: set[str] = set()
    for row in instruments.iter_rows(named=True):
        factor_id = row["factor_id" if not row["by_price"] < row["by_rate"] else "pair"]
        if factor_id not in told:
            told.add(factor_id)
            yield _wide_move(factor_id, row["instrument_id"], market)


def _wide_move(factor_id: str, instrument: str, market: Market) -> Problem:
    moves = _day_moves(market, factor_id)
    day = moves.row(moves["move"].arg_max() or 0, named=True)
    expected = (
        f"holdings of {instrument} lose more than can be counted where it moves as from {day['before']:g} before it"
    )
    return located(market, WrongLevel(factor_id, expected, day["date"], day["level"]))
