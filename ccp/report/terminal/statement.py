"""A member's statement out of the ledger of a run: its accounts, what moved on each, and every row."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import polars as pl
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ccp.errors import refuse, refuse_argument
from ccp.report.words import exact_amount
from ccp.runs.run import open_run

SHOWN_ROWS = 40
SHOWN_ACCOUNTS = 16


@dataclass(frozen=True)
class Statement:
    """`accounts`: opening, in, out and closing of each; `movements`: sums by account and kind; `rows`: each, signed.

    Accounts outside the clearing house (`house:M`, `clients:M`) start at zero: their balance is what they received
    less what they paid.
    """

    member: str
    currency: str
    digits: int
    accounts: pl.DataFrame
    movements: pl.DataFrame
    rows: pl.DataFrame


def read_statement(run: Path, member: str, first: date | None = None, last: date | None = None) -> Statement:
    """A member's statement between two days (default: all of the run's). Raises InputError."""
    rulebook = open_run(run, ("simulate",)).manifest["rulebook"]
    files = sorted((run / "ledger").glob("*.parquet"))
    pools = _pools(run, member, files)
    names = [f"{kind}:{member}" for kind in ("house", "clients", "supplementary", "fund")]
    mine = pl.DataFrame({"account": names + [f"margin:{pool}" for pool in pools]}, schema={"account": pl.String})
    rows = pl.scan_parquet(files)
    own = mine.lazy()
    paid = rows.join(own, left_on="from_account", right_on="account", how="semi").select(
        "date", pl.col("from_account").alias("account"), pl.col("to_account").alias("other"), "movement",
        (-pl.col("amount")).alias("amount"),
    )  # fmt: skip
    received = rows.join(own, left_on="to_account", right_on="account", how="semi").select(
        "date", pl.col("to_account").alias("account"), pl.col("from_account").alias("other"), "movement", "amount"
    )
    moved = pl.concat([paid, received]).sort("date", "account", "movement", "other", "amount").collect()
    begin = date.min if first is None else first
    end = date.max if last is None else last
    shown = moved.filter(pl.col("date").is_between(begin, end))
    accounts = _accounts(mine, moved, begin, end)
    digits = int(rulebook["currency_digits"])
    return Statement(member, str(rulebook["currency"]), digits, accounts, _movements(shown), shown)


def _pools(run: Path, member: str, files: list[Path]) -> list[str]:
    first = run / "pools" / files[0].name if files else run / "pools"
    if not first.is_file():
        raise refuse(str(run), "the tables ledger and pools, with a file a day, were expected")
    pools = pl.read_parquet(first)
    found = pools.filter(pl.col("member_id") == member)["pool_id"].to_list()
    known = pl.read_parquet(run / "members" / files[0].name)["member_id"].to_list()
    if member not in known:
        shown = ", ".join(known[:20]) + (", ..." if len(known) > 20 else "")
        raise refuse_argument("member", f"no such member; the run's members are {shown}", value=member)
    return found


def _accounts(mine: pl.DataFrame, moved: pl.DataFrame, first: date, last: date) -> pl.DataFrame:
    """Opening, in, out and closing of every account."""
    amount, before = pl.col("amount"), pl.col("date") < first
    inside = pl.col("date").is_between(first, last)
    sums = moved.group_by("account").agg(
        amount.filter(before).sum().alias("opening"),
        amount.filter(inside & (amount > 0)).sum().alias("received"),
        (-amount.filter(inside & (amount < 0)).sum()).alias("paid"),
    )
    table = mine.join(sums, on="account", how="left", maintain_order="left").fill_null(0.0)
    closing = pl.col("opening") + pl.col("received") - pl.col("paid")
    return _rounded(table.with_columns(closing.alias("closing")), "opening", "received", "paid", "closing")


def _rounded(table: pl.DataFrame, *columns: str) -> pl.DataFrame:
    """Sums of cents without what floating point leaves over, and without minus zero."""
    sums = [pl.col(name).round(4) for name in columns]
    return table.with_columns(
        pl.when(one == 0).then(0.0).otherwise(one).alias(name) for one, name in zip(sums, columns, strict=True)
    )


def _movements(shown: pl.DataFrame) -> pl.DataFrame:
    sums = shown.group_by("account", "movement").agg(pl.col("amount").sum(), pl.len().alias("rows"))
    return _rounded(sums.sort("account", "movement"), "amount")


def statement_tables(statement: Statement, every_row: bool) -> RenderableType:
    """The statement for a terminal. Many pools are shown as one line, unless `every_row`."""
    digits = statement.digits
    accounts, movements = statement.accounts, statement.movements
    if not every_row and accounts.height > SHOWN_ACCOUNTS:
        accounts, movements = _pools_as_one(accounts), _pools_as_one(movements)
    rows = statement.rows if every_row else statement.rows.tail(SHOWN_ROWS)
    left_out = statement.rows.height - rows.height
    heading = "Rows" if not left_out else f"The last {rows.height} of {statement.rows.height:,} rows (--all shows all)"
    return Group(
        Text(f"Member {statement.member}, {statement.currency}", style="bold"),
        Text("\nAccounts", style="bold"),
        _plain_table(accounts, digits),
        Text("\nWhat moved", style="bold"),
        _plain_table(movements, digits),
        Text(f"\n{heading}", style="bold"),
        _plain_table(rows, digits),
    )


def _pools_as_one(table: pl.DataFrame) -> pl.DataFrame:
    """The member's pools added up."""
    pools = pl.col("account").str.starts_with("margin:")
    count = table.filter(pools)["account"].n_unique()
    named = table.with_columns(
        pl.when(pools).then(pl.lit(f"margin of {count} pools")).otherwise("account").alias("account")
    )
    keys = [name for name, kind in table.schema.items() if kind == pl.String]
    sums = [name for name in table.columns if name not in keys]
    return _rounded(
        named.group_by(keys, maintain_order=True).agg(pl.col(name).sum() for name in sums),
        *(name for name in sums if table.schema[name].is_float()),
    )


def _plain_table(frame: pl.DataFrame, digits: int) -> Table:
    table = Table(box=None, pad_edge=False)
    for name, kind in frame.schema.items():
        table.add_column(name, justify="right" if kind.is_numeric() else "left", overflow="fold")
    for row in frame.iter_rows():
        table.add_row(*(exact_amount(cell, digits) if isinstance(cell, float) else str(cell) for cell in row))
    return table
