"""A market: daily levels of factors, and what kind of thing each factor is."""

from dataclasses import dataclass, replace
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ccp.errors import Problem, refuse, refuse_argument
from ccp.frames import Days, Factors, Levels, Prices, types_of
from ccp.market.classes import RATE, class_by_name, class_problems, tenor_by_name
from ccp.tables import check_table, find_table, raise_problems, read_raw
from ccp.types import Vector

SHIPPED = "shipped"


@dataclass(frozen=True)
class Market:
    """Levels by date, one column a factor, nulls where there is no value; and the factors' kinds.

    `levels` has the column `date`, rising without repeats. `factors` has one row a column.
    """

    levels: pl.DataFrame
    factors: pl.DataFrame
    files: dict[str, Path]
    modelled: tuple[str, ...] = ()

    @property
    def factor_ids(self) -> list[str]:
        """The factors, in the order of the table's columns."""
        return self.levels.columns[1:]

    @property
    def dates(self) -> list[date]:
        """The days of the history."""
        return self.levels["date"].to_list()

    def until(self, day: date | None, parameter: str = "day") -> "Market":
        """The history as it was known at the end of `day` (default: all of it). Nothing later is kept.

        A day that is not in it is refused by the name of the `parameter` that it came from. Raises InputError.
        """
        if day is None:
            return self
        known = self.levels.filter(pl.col("date") <= day)
        if known.is_empty() or known["date"][-1] != day:
            span = f"{self.levels['date'][0]} to {self.levels['date'][-1]}"
            nearest = f"; the last day before it is {known['date'][-1]}" if known.height else ""
            expected = f"a day of the market's history was expected ({span}){nearest}"
            raise refuse_argument(parameter, expected, value=str(day))
        return Market(known, self.factors, self.files, self.modelled)

    def first_rows(self, count: int) -> "Market":
        """The history up to its `count`-th day."""
        return replace(self, levels=self.levels.slice(0, count))

    def latest_rows(self, count: int) -> "Market":
        """The last `count` days of the history."""
        return replace(self, levels=self.levels.tail(count))

    def level(self, factor_id: str) -> float:
        """A factor's level on the last day."""
        return float(self.levels[factor_id][-1])

    def matrix(self, factor_ids: list[str]) -> Vector:
        """Levels of some factors, day x factor, NaN where there is no value."""
        return self.levels.select(factor_ids).fill_null(np.nan).to_numpy()

    def kinds(self, field: str, factor_ids: list[str]) -> list[Any]:
        """What the factors table says of some factors: `change`, `asset_class`, `sector`, ...; None where nothing."""
        if field not in self.factors.columns:
            return [None] * len(factor_ids)
        stated = dict(zip(self.factors["factor_id"], self.factors[field], strict=True))
        return [stated.get(factor_id) for factor_id in factor_ids]


def read_market(path: Path | str | None = None) -> Market:
    """Read a market: a directory with `prices` (and `factors`), a price file alone, or (None) the shipped one.

    Prices are long (`date, factor_id, value`) or wide (`date` and a column a factor), CSV or Parquet. Raises
    InputError with every problem found.
    """
    if path is None or str(path) == SHIPPED:
        path = Path(str(files("ccp.market") / "data"))
    prices, factors = _market_files(Path(path))
    raw = read_raw(prices)
    long = {"factor_id", "value"} & set(raw.columns)
    levels, problems, total = _read_long(raw, prices.name) if long else _read_wide(raw, prices.name)
    kinds, found, count = _read_factors(factors, levels.columns[1:])
    problems, total = problems + found, total + count
    raise_problems(problems, total)
    return Market(levels, kinds, {"prices": prices} | ({"factors": factors} if factors else {}))


def _market_files(path: Path) -> tuple[Path, Path | None]:
    if path.is_dir():
        prices = find_table(path, "prices")
        if prices is None:
            raise refuse(str(path), "prices.parquet or prices.csv was expected in a market's directory")
        return prices, find_table(path, "factors")
    if not path.exists():
        raise refuse(str(path), "no such file or directory")
    return path, None


def _read_long(raw: pl.DataFrame, source: str) -> tuple[pl.DataFrame, list[Problem], int]:
    frame, problems, total = check_table(raw, Prices, source)
    if total:
        return _EMPTY, problems, total
    return frame.pivot("factor_id", index="date", values="value").sort("date"), [], 0


_EMPTY = pl.DataFrame(schema={"date": pl.Date})


def _read_wide(raw: pl.DataFrame, source: str) -> tuple[pl.DataFrame, list[Problem], int]:
    """A wide table: the days, and a column a factor; empty cells are days without a value."""
    if "date" not in raw.columns:
        expected = "this column is required and is missing; beside it factor_id and value, or one column a factor"
        return _EMPTY, [Problem(source, expected, "date")], 1
    if raw.width == 1:
        return _EMPTY, [Problem(source, "at least one factor's column was expected beside date")], 1
    days, problems, total = check_table(raw.select("date"), Days, source)
    if raw.height == 0:
        return _EMPTY, problems, total
    columns = [days]
    for name in raw.columns:
        if name != "date":
            levels, found, count = check_table(raw.select(pl.col(name).alias("value")), Levels, source)
            columns.append(levels.rename({"value": name}))
            problems += [replace(problem, field=name) for problem in found]
            total += count
    if total:
        return _EMPTY, problems, total
    return pl.concat(columns, how="horizontal").sort("date"), [], 0


def _read_factors(path: Path | None, factor_ids: list[str]) -> tuple[pl.DataFrame, list[Problem], int]:
    """The factors table, or what can be told from the names: `EUR/USD` is a currency, `X.VOL` a volatility."""
    stated = pl.DataFrame(schema=types_of(Factors))
    problems: list[Problem] = []
    total = 0
    if path is not None:
        stated, problems, total = check_table(read_raw(path), Factors, path.name)
        wrong = class_problems(stated, path.name)
        problems, total = problems + wrong, total + len(wrong)
    names = pl.DataFrame({"factor_id": factor_ids}, schema={"factor_id": pl.String})
    joined = (
        names.join(stated, on="factor_id", how="left")
        .with_columns(
            pl.col("change").fill_null("relative"),
            pl.coalesce("asset_class", class_by_name(pl.col("factor_id"))).alias("asset_class"),
        )
        .with_columns(
            pl.when(asset_class=RATE)
            .then(pl.coalesce("tenor_years", tenor_by_name(pl.col("factor_id"))))
            .alias("tenor_years")
        )
    )
    wrong = [] if path is None else proxy_problems(stated, joined, path.name)
    return joined, problems + wrong, total + len(wrong)


def proxy_problems(stated: pl.DataFrame, factors: pl.DataFrame, source: str) -> list[Problem]:
    """Proxies that the market does not have, that move otherwise than what they stand for, or that lead back to it."""
    change = dict(zip(factors["factor_id"], factors["change"], strict=True))
    proxies = dict(zip(factors["factor_id"], factors["proxy"], strict=True))
    found = []
    for row, (name, proxy) in enumerate(zip(stated["factor_id"], stated["proxy"], strict=True), start=1):
        if proxy is None or name not in change:
            continue
        if proxy not in change:
            found.append(Problem(source, "a factor of the market was expected", "proxy", proxy, row))
        elif change[proxy] != change[name]:
            expected = f"a factor that is {change[name]}, as {name} is, was expected"
            found.append(Problem(source, expected, "proxy", proxy, row))
        elif name in chain_of(name, proxies):
            found.append(
                Problem(source, "a factor whose own proxies do not lead back was expected", "proxy", proxy, row)
            )
    return found


def chain_of(factor_id: str, proxies: dict[str, str | None]) -> list[str]:
    """A factor's proxy, that one's proxy, and so on, each once."""
    found: list[str] = []
    after = proxies.get(factor_id)
    while after is not None and after not in found:
        found.append(after)
        after = proxies.get(after)
    return found


def latest_levels(market: Market) -> dict[str, float]:
    """Every factor's level on the last day, those without one left out."""
    last = market.levels.row(-1, named=True)
    return {name: float(level) for name, level in last.items() if name != "date" and level is not None}
