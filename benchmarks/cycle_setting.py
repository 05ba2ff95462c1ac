"""What the benchmark of the daily cycle runs: a synthetic book over the last days of the shipped market."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

import ccp
from ccp.book.book import Book
from ccp.book.synthetic import BookSize
from ccp.market.history import Market
from ccp.rulebook.load import load_rulebook
from ccp.rulebook.rulebook import Rulebook
from ccp.settlement.opening import RunRequest, open_run
from ccp.settlement.terms import RunTerms

YEAR = BookSize(members=100, accounts=20_000, positions=2_000_000, instruments=1_000)
SMALL = BookSize(members=40, accounts=2_000, positions=100_000, instruments=1_000)
SCENARIOS, LIQUIDATION = 500, 2


def benchmark_rules() -> Rulebook:
    """The textbook's rules with 500 scenarios, and stress and sizing once a month."""
    rules = load_rulebook("textbook/cover-two")
    margin = rules.margin.model_copy(update={"lookback_days": SCENARIOS, "liquidation_days": LIQUIDATION})
    settlement = rules.settlement.model_copy(update={"stress": "monthly"})
    return rules.model_copy(update={"margin": margin, "settlement": settlement})


@dataclass(frozen=True)
class Setting:
    """What is run. Nothing expires and nobody fails, so that every day has the whole book."""

    book: Book
    market: Market
    rules: Rulebook
    request: RunRequest

    @classmethod
    def read(cls, folder: Path, days: int, trades: Path | None = None) -> "Setting":
        """A synthetic book from its folder, over the last days of the shipped market."""
        market, rules = ccp.read_market(), benchmark_rules()
        book = ccp.read_book(folder)
        endless = book.members.with_columns(pl.lit(None, dtype=pl.Float64).alias("capital"))
        dates = market.dates
        request = RunRequest(
            first=dates[-days - 1], last=dates[-2], book_date=dates[-1], trades=trades, constant_expiry=True
        )
        return cls(replace(book, members=endless), market, rules, request)

    def over(self, days: int) -> "Setting":
        """The same over the first of the days."""
        last, trades = [day for day in self.market.dates if day >= self.request.first][days - 1], self.request.trades
        if trades is not None:
            cut = trades.with_name(f"{days}-days.parquet")
            pl.read_parquet(trades).filter(pl.col("date") <= last).write_parquet(cut)
            trades = cut
        return replace(self, request=replace(self.request, last=last, trades=trades))

    def open(self) -> RunTerms:
        """The run, opened."""
        return open_run(self.book, self.market, self.rules, self.request)

    def write(self, out: Path, progress: Callable[[int, int], None] | None = None) -> None:
        """The run from tables to files."""
        ccp.simulate(self.book, out, self.request, self.rules, self.market, overwrite=True, progress=progress)
