"""A year of the daily cycle: how long it takes, where the time goes, and how it compares with polars + numpy.

    python -m benchmarks.cycle [--days 250] [--small] [--trades 4000] [--no-memory]

The other way computes the same for a day: settlement prices, variation margin by account, 500 two-day scenarios
repriced, expected shortfall by account, calls by pool, and on stress days losses over margin and cover-2. It writes
no ledger and checks nothing. It is slow, so it is timed on nine days of the year, between our own days, in the same
process, and its answers are compared with ours. Its stress is timed on the same nine days and counted as often as
ours runs. The ratio is therefore one of median days; our year is run whole.
"""

import argparse
import cProfile
import json
import pstats
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from scipy import sparse
from scipy.special import ndtr

import ccp
from benchmarks.ratio import resident
from ccp.book.book import Book
from ccp.book.synthetic import BookSize
from ccp.market.history import Market
from ccp.rulebook.load import load_rulebook
from ccp.rulebook.rulebook import Rulebook
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.scenarios.stress_set import stress_scenarios
from ccp.settlement.cycle import Cycle, DayResult
from ccp.settlement.opening import RunRequest, open_run
from ccp.settlement.terms import RunTerms

YEAR = BookSize(members=100, accounts=20_000, positions=2_000_000, instruments=1_000)
SMALL = BookSize(members=40, accounts=2_000, positions=100_000, instruments=1_000)
SCENARIOS, LIQUIDATION, TAIL = 500, 2, 5
"""Expected shortfall at 99 % of 500 losses is the mean of the five largest."""
BLOCK = 2_048
"""Accounts that the other way takes at a time: the best of 512, 2,048 and 4,096."""
SAMPLED = 9
"""Days on which the other way is timed."""
PROFILED = 30
"""Days that are profiled: enough for a month's end."""


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


# --- the same with polars, numpy and scipy ---


@dataclass(frozen=True)
class Prices:
    """Price, forward and volatility by instrument on a day."""

    price: np.ndarray
    forward: np.ndarray
    volatility: np.ndarray


class Usual:
    """The same job as a careful user would write it. Every factor moves by ratios, no option is discounted."""

    def __init__(self, terms: RunTerms):
        table, factors = terms.case.book.instruments.sort("instrument_id"), terms.case.factor_ids
        place = {name: number for number, name in enumerate(factors)}
        self.terms, self.rows = terms, terms.rows
        self.levels = terms.path.select(factors).to_numpy()
        self.start = self.levels[self.rows[0]]
        self.price, self.multiplier = table["price"].to_numpy(), table["multiplier"].to_numpy()
        self.factor = np.array([place[name] for name in table["factor_id"]])
        self.is_option = (table["kind"].cast(pl.String) == "option").to_numpy()
        self.option = np.flatnonzero(self.is_option)
        options = table[self.option]
        self.volatility_factor = np.array([place[name] for name in options["volatility_id"]])
        self.forward, self.volatility = options["forward"].to_numpy(), options["implied_volatility"].to_numpy()
        self.strike = options["strike"].to_numpy()
        self.sign = np.where((options["right"].cast(pl.String) == "call").to_numpy(), 1.0, -1.0)
        self.premium = (table["style"].cast(pl.String) == "premium").fill_null(False).to_numpy()
        self.expiry = options["expiry"].cast(pl.Date).to_numpy().astype("datetime64[D]")
        pairs = [f"{name}/USD" for name in table["currency"]]
        self.currency = np.array([place.get(pair, -1) for pair in pairs])
        self.days = np.array(terms.dates, dtype="datetime64[D]")
        self.years = (self.expiry - self.days[0]) / np.timedelta64(1, "D") / 365
        offset, instrument, quantity = terms.portfolio.positions
        shape = (len(terms.portfolio.accounts), len(terms.portfolio.instruments))
        self.book = sparse.csr_matrix((quantity, instrument, offset), shape=shape)

    def black(self, forward: np.ndarray, volatility: np.ndarray, years: np.ndarray) -> np.ndarray:
        """Black's formula; every argument is option x scenario or broadcasts to it."""
        deviation = volatility * np.sqrt(years)
        sign, strike = self.sign.reshape(-1, 1), self.strike.reshape(-1, 1)
        first = np.log(forward / strike) / deviation + deviation / 2
        return sign * (forward * ndtr(sign * first) - strike * ndtr(sign * (first - deviation)))

    def prices(self, day: int) -> Prices:
        """Settlement prices: the book's, moved with their factors; options by the model."""
        ratio = self.levels[self.rows[day]] / self.start
        price = self.price * ratio[self.factor]
        forward = self.forward * ratio[self.factor[self.option]]
        volatility = self.volatility * ratio[self.volatility_factor]
        years = self.years.reshape(-1, 1)
        now = self.black(forward[:, None], volatility[:, None], years)
        then = self.black(self.forward[:, None], self.volatility[:, None], years)
        price[self.option] = np.maximum(self.price[self.option] + (now - then)[:, 0], 0)
        return Prices(price, forward, volatility)

    def rate(self, levels: np.ndarray) -> np.ndarray:
        """The rate of each instrument's currency; `levels` by factor, or scenario x factor."""
        return np.where(self.currency < 0, 1.0, levels[..., self.currency]).T

    def unit_loss(self, day: int, prices: Prices, relative: np.ndarray) -> np.ndarray:
        """The loss of one unit (instrument x scenario); `relative` is scenario x factor."""
        levels = self.levels[self.rows[day]]
        moves = 1 + relative.T
        price = prices.price[:, None] * moves[self.factor]
        forward = prices.forward[:, None] * moves[self.factor[self.option]]
        volatility = prices.volatility[:, None] * np.maximum(moves[self.volatility_factor], 0)
        after = np.busday_offset(self.days[day], LIQUIDATION, roll="forward")
        passed = (after - self.days[day]) / np.timedelta64(1, "D") / 365
        then = self.black(forward, volatility, np.maximum(self.years - passed, 1e-12).reshape(-1, 1))
        now = self.black(prices.forward[:, None], prices.volatility[:, None], self.years.reshape(-1, 1))
        price[self.option] = np.maximum(prices.price[self.option, None] + (then - now), 0)
        rate = self.rate(levels * (1 + relative))
        less = np.where(self.premium, 0.0, prices.price)[:, None]
        return -self.multiplier[:, None] * (price - less) * rate

    def returns(self, day: int) -> np.ndarray:
        """The latest 500 overlapping two-day returns (scenario x factor)."""
        known = self.levels[: self.rows[day] + 1]
        return known[-SCENARIOS:] / known[-SCENARIOS - LIQUIDATION : -LIQUIDATION] - 1

    def variation(self, prices: Prices, before: Prices, day: int) -> np.ndarray:
        """What every account's positions of the day before receive."""
        unit = self.multiplier * self.rate(self.levels[self.rows[day]])
        return self.book @ np.where(self.premium, 0.0, unit * (prices.price - before.price))

    def over_margin(self, unit_loss: np.ndarray, margin: np.ndarray, losses: "Losses") -> np.ndarray:
        """Loss over margin by group and scenario; a house's surplus pays for its clients."""
        portfolio = self.terms.portfolio
        starts = np.searchsorted(portfolio.account_pool, np.arange(len(portfolio.pools)))
        parts = [losses(unit_loss, first) for first in range(0, len(portfolio.accounts), BLOCK)]
        pools = np.add.reduceat(np.concatenate(parts), starts) - np.add.reduceat(margin, starts)[:, None]
        paid = np.where(portfolio.pool_house[:, None], pools, np.maximum(pools, 0))
        members = np.add.reduceat(paid, np.searchsorted(portfolio.pool_member, np.arange(len(portfolio.members))))
        groups = np.zeros((len(portfolio.groups), pools.shape[1]))
        np.add.at(groups, portfolio.member_group, np.maximum(members, 0))
        return groups


Losses = Callable[[np.ndarray, int], np.ndarray]
"""Losses of a block of accounts (account x scenario), given those of one unit and the block's first account."""


def ways(usual: Usual) -> dict[str, Losses]:
    """Ways of multiplying a book with unit losses."""
    book, dense = usual.book, usual.book.toarray()
    offset, instrument, quantity = usual.terms.portfolio.positions
    accounts = np.repeat(np.arange(book.shape[0]), np.diff(offset))
    frame = pl.DataFrame({"account": accounts, "instrument": instrument, "quantity": quantity})

    def gathered(unit_loss: np.ndarray, first: int) -> np.ndarray:
        found = []
        for begin in range(first, min(first + BLOCK, book.shape[0]), 128):
            edges = offset[begin : min(begin + 128, first + BLOCK, book.shape[0]) + 1]
            rows = slice(edges[0], edges[-1])
            found.append(np.add.reduceat(quantity[rows, None] * unit_loss[instrument[rows]], edges[:-1] - edges[0]))
        return np.concatenate(found)

    def joined(unit_loss: np.ndarray, first: int) -> np.ndarray:
        unit = pl.DataFrame(unit_loss, schema=[f"s{number}" for number in range(unit_loss.shape[1])])
        unit = unit.with_columns(pl.int_range(pl.len(), dtype=pl.Int32).alias("instrument"))
        part = frame.lazy().filter(pl.col("account").is_between(first, first + BLOCK - 1))
        product = pl.col("^s[0-9]+$") * pl.col("quantity")
        sums = part.join(unit.lazy(), on="instrument").group_by("account").agg(product.sum()).sort("account")
        return sums.drop("account").collect().to_numpy()

    return {
        "scipy.sparse product": lambda unit_loss, first: book[first : first + BLOCK] @ unit_loss,
        "numpy, dense product": lambda unit_loss, first: dense[first : first + BLOCK] @ unit_loss,
        "numpy, rows gathered and add.reduceat": gathered,
        "polars join and group_by": joined,
    }


def tails(unit_loss: np.ndarray, accounts: int, losses: Losses, threads: int = 1) -> np.ndarray:
    """Expected shortfall of every account, block by block."""

    def block(first: int) -> np.ndarray:
        largest = np.partition(losses(unit_loss, first), -TAIL, axis=1)[:, -TAIL:]
        return np.maximum(largest.mean(axis=1), 0)

    firsts = range(0, accounts, BLOCK)
    if threads == 1:
        return np.concatenate([block(first) for first in firsts])
    with ThreadPoolExecutor(threads) as pool:
        return np.concatenate(list(pool.map(block, firsts)))


@dataclass(frozen=True)
class UsualDay:
    """What the other way found on a day, in units of the currency, and its seconds without and for the stress."""

    variation: np.ndarray
    margin: np.ndarray
    calls: np.ndarray
    cover: float
    seconds: float
    stress_seconds: float


def usual_day(usual: Usual, day: int, held: np.ndarray, losses: Losses, stress: ScenarioSet) -> UsualDay:
    """A day by the other way. What pools hold, yesterday's prices and the stress scenarios are given to it."""
    before = usual.prices(max(day - 1, 0))
    start = time.perf_counter()
    now = usual.prices(day)
    variation = usual.variation(now, before, day)
    margin = tails(usual.unit_loss(day, now, usual.returns(day)), len(variation), losses)
    required = np.bincount(usual.terms.portfolio.account_pool, margin)
    calls = np.round(required - held, 2)
    middle = time.perf_counter()
    over = usual.over_margin(usual.unit_loss(day, now, stress.relative), margin, losses)
    cover = np.sort(over, axis=0)[-2:].sum(axis=0)[[label.sizes_fund for label in stress.labels]].max()
    return UsualDay(variation, margin, calls, float(cover), middle - start, time.perf_counter() - middle)


def check_same(usual: UsualDay, ours: DayResult, quiet_day: bool) -> None:
    """The two must agree: by account to a cent, by pool and in cover-2 to the sum of such roundings."""
    assert np.abs(usual.margin * 100 - ours.account_margin).max() <= 1
    assert np.abs(usual.calls * 100 - ours.calls).max() <= len(usual.margin)
    if quiet_day:  # with trades the day has flows that are not timed by the other way
        assert np.abs(usual.variation * 100 - ours.variation).max() <= 2
    if ours.stress is not None:
        assert abs(usual.cover * 100 - ours.stress.covers[2].amount) <= len(usual.margin)


# --- measuring ---


@dataclass(frozen=True)
class YearTimes:
    """Seconds of our days, of the other way's days and stress, and which way it was."""

    ours: list[float]
    stressed: list[bool]
    usual: list[float]
    usual_stress: list[float]
    way: str

    def ours_of(self, stressed: bool) -> list[float]:
        """Our days with stress, or without."""
        return [seconds for seconds, was in zip(self.ours, self.stressed, strict=True) if was == stressed]

    @property
    def ratio(self) -> float:
        """How many times longer the other way takes for a year of median days and median stress days."""
        stress_days, days = sum(self.stressed), len(self.ours)
        plain = statistics.median(self.ours_of(False))
        ours = plain * (days - stress_days) + statistics.median(self.ours_of(True)) * stress_days
        stress = statistics.median(self.usual_stress) * stress_days
        return (statistics.median(self.usual) * days + stress) / ours

    @property
    def plain_ratio(self) -> float:
        """The same for a day without stress."""
        return statistics.median(self.usual) / statistics.median(self.ours_of(False))


def run_year(setting: Setting, way: str) -> YearTimes:
    """Our days, one after the other, with the other way's days between them."""
    terms = setting.open()
    plain = setting.request.trades is None
    usual = Usual(terms)
    losses = ways(usual)[way]
    sampled = {terms.days * number // SAMPLED for number in range(SAMPLED)} if plain else set()
    days = iter(Cycle(terms).run())
    seconds, others, stressed = [], [], []
    for day in range(terms.days):
        start = time.perf_counter()
        result = next(days)
        seconds.append(time.perf_counter() - start)
        stressed.append(result.stress is not None)
        if day in sampled:
            levels = terms.path.slice(0, int(terms.rows[day]) + 1)
            market = replace(terms.case.market, levels=levels)
            stress = stress_scenarios(terms.rulebook, market, terms.case.factor_ids)
            found = usual_day(usual, day, result.held_before / 100, losses, stress)
            check_same(found, result, plain)
            others.append(found)
    return YearTimes(seconds, stressed, [one.seconds for one in others], [one.stress_seconds for one in others], way)


def compare_ways(setting: Setting) -> dict[str, float]:
    """Milliseconds of each way for the margins of all accounts, as a first block of accounts gives it.

    Scaled by positions. The hand-threaded way is shown, not taken.
    """
    terms = setting.open()
    usual = Usual(terms)
    unit_loss = usual.unit_loss(0, usual.prices(0), usual.returns(0))
    accounts = min(2 * BLOCK, len(terms.portfolio.accounts))
    offset = terms.portfolio.positions.offset
    scale = float(offset[-1] / offset[accounts])
    known = ways(usual)
    found = {name: best(lambda one=one: tails(unit_loss, accounts, one)) for name, one in known.items()}
    threaded = "scipy.sparse product, two threads by hand"
    found[threaded] = best(lambda: tails(unit_loss, accounts, known["scipy.sparse product"], 2))
    return {name: 1000 * seconds * scale for name, seconds in found.items()}


def best(function: Callable[[], Any], rounds: int = 2) -> float:
    """The shortest seconds of a few rounds."""
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


PARTS: dict[str, tuple[tuple[str, str], ...]] = {
    "margin pass": (("exposure/run.py", "run_margin"),),
    "pricing of margin scenarios": (("pricing/horizon.py", "price_windows"),),
    "prices and case of the day": (("settlement/prices.py", "on"), ("settlement/prices.py", "case")),
    "variation": (("settlement/variation.py", "block_flows"), ("settlement/variation.py", "balanced")),
    "positions after trades": (("settlement/trades.py", "after_trades"), ("settlement/today.py", "portfolio_of")),
    "value of options": (("settlement/today.py", "option_value"),),
    "stress and sizing": (("settlement/resizing.py", "run_stress_day"), ("settlement/resizing.py", "resize")),
    "ledger": (("settlement/ledger.py", "post"), ("settlement/reconcile.py", "reconcile")),
    "tables": (("settlement/results.py", "day_tables"), ("settlement/results.py", "day_row")),
    "writing": (("report/journal.py", "write_day"), ("settlement/state.py", "to_bytes")),
}
"""Functions that make up each part of a day; what none of them covers is `everything else`."""


def parts_of_a_day(setting: Setting, days: int, out: Path) -> dict[str, float]:
    """Milliseconds a day by part of a run that is written, from a profile of it."""
    profile, first = cProfile.Profile(), time.perf_counter()
    ends: list[float] = []
    profile.enable()
    setting.over(days).write(out, lambda done, all_days: ends.append(time.perf_counter()))
    profile.disable()
    table = pstats.Stats(profile).stats  # type: ignore[attr-defined]
    seconds = {part: sum(_cumulative(table, *name) for name in names) for part, names in PARTS.items()}
    opening = _cumulative(table, "settlement/opening.py", "open_run")
    seconds["everything else"] = ends[-1] - first - opening - sum(seconds.values())
    return {part: 1000 * total / days for part, total in seconds.items()}


def _cumulative(table: dict[Any, Any], file: str, name: str) -> float:
    rows = [row for (path, _, function), row in table.items() if function == name and path.endswith(f"ccp/{file}")]
    return sum(row[3] for row in rows)


def memory(folder: Path, days: int) -> dict[str, float]:
    """Memory of a written run in a process of its own, in MiB."""
    command = [sys.executable, "-m", "benchmarks.cycle", "--memory-of", str(folder), "--days", str(days)]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def own_memory(folder: Path, days: int) -> dict[str, float]:
    """Highest resident memory of this process, at any time and at the ends of days, and how it stood before them."""
    setting, ends = Setting.read(folder, days), []
    with tempfile.TemporaryDirectory() as out:
        before = resident()
        setting.write(Path(out) / "run", lambda done, all_days: ends.append(resident()))
    return {"days": days, "peak": highest_resident(), "before": before, "first day": ends[0], "highest day": max(ends)}


def highest_resident() -> float:
    """Highest resident memory of this process so far in MiB (Linux). `getrusage` would tell the parent's as well."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(float(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM:"))


def make_trades(setting: Setting, count: int, path: Path) -> Path:
    """Trades of every day at its settlement prices: pairs of a buyer and a seller."""
    terms, random = setting.open(), np.random.default_rng(7)
    usual, portfolio = Usual(terms), terms.portfolio
    accounts, names = np.array(portfolio.accounts), np.array(portfolio.instruments)
    frames = []
    for day, known in enumerate(terms.dates):
        price = np.maximum(usual.prices(day).price, 0.0001)
        pairs = max(count // 2, 1)
        buyer = random.integers(0, len(accounts), pairs)
        seller = (buyer + random.integers(1, len(accounts), pairs)) % len(accounts)
        traded = portfolio.positions.instrument[random.integers(0, len(portfolio.positions.instrument), pairs)]
        lots = random.integers(1, 50, pairs).astype(np.float64)
        for account, quantity in ((buyer, lots), (seller, -lots)):
            columns = {
                "account_id": accounts[account],
                "instrument_id": names[traded],
                "quantity": quantity,
                "price": price[traded],
            }
            frames.append(pl.DataFrame({"date": pl.repeat(known, pairs, dtype=pl.Date, eager=True), **columns}))
    pl.concat(frames).write_parquet(path)
    return path


# --- printing ---


def show(title: str, rows: dict[str, str]) -> None:
    """Print a table of two columns."""
    print(f"\n| {title} | |\n| --- | --- |")
    for name, value in rows.items():
        print(f"| {name} | {value} |")


def year_rows(times: YearTimes, written: float) -> dict[str, str]:
    """The year in figures."""
    rows = {
        "days, of which with stress": f"{len(times.ours)}, {sum(times.stressed)}",
        "seconds, not written": f"{sum(times.ours):.1f}",
        "seconds, opened and written": f"{written:.1f}",
        "milliseconds a day, median": thousandths(times.ours_of(False)),
        "milliseconds a day with stress, median": thousandths(times.ours_of(True)),
    }
    if times.usual:
        rows |= {
            f"polars, numpy, {times.way}: milliseconds a day, median of {len(times.usual)}": thousandths(times.usual),
            "the same: stress of a day": thousandths(times.usual_stress),
            "ratio of days without stress": f"{times.plain_ratio:.2f}",
            "ratio of days, stress included": f"{times.ratio:.2f}",
            "ratio of each way's fastest day": f"{min(times.usual) / min(times.ours):.2f}",
        }
    return rows


def thousandths(seconds: list[float]) -> str:
    """The median and the range, in milliseconds."""
    return f"{1e3 * statistics.median(seconds):.0f} ({1e3 * min(seconds):.0f} to {1e3 * max(seconds):.0f})"


def main() -> None:
    """Run the benchmark and print its tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--days", type=int)
    parser.add_argument("--small", action="store_true", help="2,000 accounts, 100,000 positions, 20 days")
    parser.add_argument("--trades", type=int, default=0, help="also a run with so many trades a day")
    parser.add_argument("--no-memory", action="store_true")
    parser.add_argument("--memory-of", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    days = options.days or (20 if options.small else 250)
    if options.memory_of is not None:
        print(json.dumps(own_memory(options.memory_of, days)))
        return
    with tempfile.TemporaryDirectory() as folder:
        report(Path(folder), SMALL if options.small else YEAR, days, options.trades, not options.no_memory)


def report(folder: Path, size: BookSize, days: int, trades: int, with_memory: bool) -> None:
    """Everything, on a book made in a folder."""
    book, out = ccp.synthesize(folder / "book", size), folder / "run"
    setting = Setting.read(book, days)
    setting.over(2).write(out)  # compilation is not in the figures
    print(f"{size.accounts:,} accounts, {setting.book.positions.height:,} positions, {size.instruments:,} instruments")
    found = compare_ways(setting)
    show("margins of a day, other ways, milliseconds", {name: f"{value:.0f}" for name, value in found.items()})
    way = min((name for name in found if "by hand" not in name), key=lambda name: found[name])
    times = run_year(setting, way)
    show("year", year_rows(times, best(lambda: setting.write(out), 1)))
    profiled = parts_of_a_day(setting, min(days, PROFILED), out)
    show("milliseconds a day, written", {part: f"{value:.1f}" for part, value in profiled.items()})
    if trades:
        busy = Setting.read(book, days, make_trades(setting, trades, folder / "trades.parquet"))
        busy.over(2).write(out)
        show(f"year with {trades:,} trades a day", year_rows(run_year(busy, way), best(lambda: busy.write(out), 1)))
        profiled = parts_of_a_day(busy, min(days, PROFILED), out)
        show("milliseconds a day, written", {part: f"{value:.1f}" for part, value in profiled.items()})
    if with_memory:
        for count in (max(days // 5, 1), days):
            show("memory, MiB", {name: f"{value:,.0f}" for name, value in memory(book, count).items()})


if __name__ == "__main__":
    main()
