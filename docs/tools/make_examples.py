"""Make docs/learn/examples.md: the example book through 2007-2009 and 2020, and the margin models side by side.

    python docs/tools/make_examples.py

Takes some minutes. Needs nothing but the installed package; everything in it is computed here.
"""

import tempfile
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl

import ccp

PAGE = Path(__file__).parents[1] / "learn" / "examples.md"
BOOK_DATE = date(2022, 12, 28)
SPANS = {"2007 to 2009": (date(2007, 1, 3), date(2009, 12, 31)), "2020": (date(2020, 1, 2), date(2020, 12, 31))}
RULEBOOKS = ("textbook/cover-two", "textbook/daily-cycle")


def simulated(folder: Path) -> list[dict[str, Any]]:
    """Every span under every rulebook, as summaries."""
    rows = []
    for span, (first, last) in SPANS.items():
        for rulebook in RULEBOOKS:
            request = ccp.RunRequest(first, last, BOOK_DATE, constant_expiry=True)
            out = folder / f"{span} {rulebook}".replace("/", "-")
            run = ccp.simulate(ccp.example_book(), out, request, rulebook)
            rows.append({"span": span, "book_of_rules": rulebook} | run.summary)
    return rows


def tested() -> dict[str, dict[str, pl.DataFrame]]:
    """Every span's back test of all models."""
    book = ccp.example_book()
    return {span: ccp.backtest(book, first, last, "textbook/cover-two").tables for span, (first, last) in SPANS.items()}


def millions(amount: float) -> str:
    """An amount in millions."""
    return f"{amount / 1e6:,.1f}"


def run_table(rows: list[dict[str, Any]]) -> list[str]:
    """The runs side by side."""
    lines = [
        "| span | rulebook | days | margin, first day | highest | on | most called | on | cover-2, highest | on "
        "| fund, highest | days on which a default would have left something uncovered | by most | defaults |",
        "| --- | --- " + "| ---: " * 12 + "|",
    ]
    for row in rows:
        margin, cover, short = row["margin"], row["cover_n"], row["uncovered"]
        cells = [
            row["span"], row["book_of_rules"], row["days"], millions(margin["first"]), millions(margin["largest"]),
            margin["date"], millions(row["called"]["largest"]), row["called"]["date"], millions(cover["largest"]),
            cover["date"], millions(row["fund"]["largest"]), f"{short['days']} of {short['stress_days']}",
            millions(short["largest"]), row["defaults"]["events"],
        ]  # fmt: skip
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return lines


def model_table(tables: dict[str, pl.DataFrame]) -> list[str]:
    """The models of one span side by side."""
    lines = [
        "| model | coverage of accounts | exceptions | worst, USD m | pools rejected (Kupiec, 5 %) | pools red "
        "| mean margin, USD m | peak/trough | largest call, 1 day | 5 days | 20 days | 90 % of a step after |",
        "| --- " + "| ---: " * 11 + "|",
    ]
    moves = {row["model"]: row for row in tables["procyclicality"].to_dicts()}
    for row in tables["backtest"].filter(level="book").to_dicts():
        pools = tables["backtest"].filter((pl.col("level") == "pool") & (pl.col("model") == row["model"]))
        move = moves[row["model"]]
        days = "-" if move["step_days"] is None else f"{int(move['step_days'])} days"
        cells = [
            row["model"], f"{row['coverage']:.2%}", f"{int(row['exceptions']):,}", millions(row["largest_breach"]),
            pools.filter(pl.col("apart_kupiec_p") < 0.05).height, pools.filter(pl.col("apart_light") == "red").height,
            millions(move["mean_margin"]), f"{move['peak_to_trough']:.2f}",
            *(f"{move[f'call_{span}_share']:.1%}" for span in (1, 5, 20)), days,
        ]  # fmt: skip
        lines.append("| " + " | ".join(str(cell) for cell in cells) + " |")
    return lines


def main() -> None:
    """Run everything and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        runs = simulated(Path(folder))
    pools = ccp.read_book(ccp.example_book()).accounts["pool_id"].n_unique()
    lines = [
        "# Examples: two crises, day by day",
        "",
        "Made by `docs/tools/make_examples.py` from the embedded book, whose members and positions are invented, "
        "and the shipped "
        "prices, which are real. The book of 28 December 2022 is taken back: it meets the returns of those "
        "days at the levels of "
        "its own, and no option ages (`--expiry constant`). Amounts in USD m.",
        "",
        "## The daily cycle",
        "",
        "```sh",
        "ccp simulate ccp/book/example --book-date 2022-12-28 --expiry constant --from 2007-01-03 --to 2009-12-31 \\",
        "    --rulebook textbook/daily-cycle --out crisis",
        "```",
        "",
        *run_table(runs),
        "",
        "Nobody is named to default here: the defaults are members whose house account lost more than the "
        "capital that the "
        "book gives them. Something uncovered: by the coverage test of the day.",
        "",
        "## Margin models side by side",
        "",
        "```sh",
        "ccp backtest ccp/book/example --from 2007-01-03 --to 2009-12-31 --out models",
        "```",
        "",
        "The same book on every day; expected shortfall at 99 % over two days (`historical-var`: value at "
        "risk), 1,000 days "
        "back. Two-day windows overlap, so tests of pools are of every second day. A year has few second "
        "days: a pool is rejected "
        f"also for too few exceptions. There are {pools} pools with accounts, some of them empty.",
    ]
    for span, tables in tested().items():
        lines += ["", f"### {span}", "", *model_table(tables)]
    lines += [
        "",
        "`peak/trough`, calls and step are of total margin; the step is a doubling of volatility overnight "
        "on one invented "
        "price, and the days until nine tenths of the first year's rise were reached. The stress period of "
        "`stress-blend` and "
        "`stress-sample` is the most severe year known on each day, so in 2007 it is not yet 2008. The floor "
        "has as many years "
        "as the prices have by then.",
    ]
    PAGE.write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
