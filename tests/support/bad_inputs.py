"""The table of bad inputs: sound files, and for each case what is changed in them and the whole message expected.

Every case changes one thing. Paths in messages are relative to the directory that holds the files.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import numpy as np
import polars as pl

from ccp.products import PRODUCTS
from ccp.rulebook.tier_table import tier_words

Change = Callable[[Path], None]

MEMBERS, ACCOUNTS, INSTRUMENTS = "book/members.csv", "book/accounts.csv", "book/instruments.csv"
POSITIONS, COLLATERAL = "book/positions.csv", "book/collateral.csv"
PRICES, FACTORS = "market/prices.csv", "market/factors.csv"
RULES, SHOCKS, SHOCKS_YAML = "rules.yaml", "shocks.csv", "shocks.yaml"

# --- sound files ------------------------------------------------------------------------------------------------------

DAYS = 400
"""Weekdays of prices, from Monday 2 January 2023 to Friday 12 July 2024."""

TABLES = {
    MEMBERS: """\
member_id,group_id,fund_contribution
M1,G1,1000000
M2,G1,2000000
M3,,500000
""",
    ACCOUNTS: """\
account_id,member_id,pool_id,kind
A1,M1,,house
A2,M1,P1,client
A3,M1,P1,client
A4,M2,,house
A5,M3,,house
""",
    INSTRUMENTS: """\
instrument_id,kind,factor_id,currency,multiplier,price,expiry,strike,right,volatility_id,implied_volatility,style
ACME,spot,ACME,USD,1,100,,,,,,
ACME-F,future,ACME,USD,10,101,2030-06-21,,,,,
ACME-C,option,ACME,USD,10,15,2030-06-21,100,call,ACME.VOL,,variation
IDX-F,future,IDX,EUR,5,4000,2030-06-21,,,,,
RATE-F,future,RATE,USD,1000,2,2030-06-21,,,,,
""",
    POSITIONS: """\
account_id,instrument_id,quantity
A1,ACME,1000
A4,ACME,-1000
A2,ACME-F,500
A5,ACME-F,-500
A3,ACME-C,-200
A4,ACME-C,200
A1,IDX-F,30
A5,IDX-F,-30
A2,RATE-F,-40
A4,RATE-F,40
""",
    COLLATERAL: """\
pool_id,asset_id,market_value,haircut,currency
A1,CASH,200000,0,
P1,CASH,100000,0,EUR
A4,BOND,200000,0.05,USD
A5,CASH,100000,0,
""",
    FACTORS: """\
factor_id,change,asset_class
ACME,relative,equity
IDX,relative,equity
RATE,absolute,rate
EUR/USD,relative,currency
""",
    RULES: """\
name: Tiny
currency: USD
margin:
  measure: expected_shortfall
  confidence: 0.99
  lookback_days: 100
  liquidation_days: 2
stress:
  historical: {worst: 5}
  hypothetical:
    - market_gaps
fund:
  cover: 2
  buffer: 0.1
tiers:
  - defaulter_margin
  - defaulter_fund
  - ccp_capital: {amount: 100000}
  - survivors_fund
""",
    SHOCKS: """\
scenario_id,factor_id,kind,shock
crash,ACME,relative,-0.3
crash,IDX,relative,-0.2
rates,RATE,absolute,1.5
""",
    SHOCKS_YAML: """\
scenarios:
  - id: crash
    shocks: {ACME: -0.3, "IDX*": -0.2}
  - id: rates
    kind: absolute
    shocks: {RATE: 1.5}
""",
}


def prices() -> str:
    """Random walks on weekdays, one column a factor."""
    start = date(2023, 1, 2)
    days = [day for n in range(2 * DAYS) if (day := start + timedelta(days=n)).weekday() < 5][:DAYS]
    walk = np.cumsum(np.random.default_rng(1).normal(0, 0.01, (DAYS, 4)), axis=0)
    levels = np.column_stack([100 * np.exp(walk[:, 0]), 4000 * np.exp(walk[:, 1]), 2 + walk[:, 2], np.exp(walk[:, 3])])
    rows = [f"{day}," + ",".join(f"{level:.4f}" for level in row) for day, row in zip(days, levels, strict=True)]
    return "\n".join(["date,ACME,IDX,RATE,EUR/USD", *rows]) + "\n"


SOUND = TABLES | {PRICES: prices()}


def write_sound(folder: Path) -> None:
    """All sound files, in an empty directory."""
    for name, text in SOUND.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")


# --- ways to spoil them -----------------------------------------------------------------------------------------------


def unchanged(folder: Path) -> None:
    """The files are sound, the call is not."""


def swap(name: str, old: str, new: str) -> Change:
    """Replace the first `old` in a file."""

    def change(folder: Path) -> None:
        text = (folder / name).read_text(encoding="utf-8")
        assert old in text, f"{name} has no {old!r}"
        (folder / name).write_text(text.replace(old, new, 1), encoding="utf-8")

    return change


def put(name: str, content: str | bytes) -> Change:
    """Write a file."""

    def change(folder: Path) -> None:
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(content.encode() if isinstance(content, str) else content)

    return change


def drop(name: str) -> Change:
    """Remove a file or a directory."""

    def change(folder: Path) -> None:
        if (folder / name).is_dir():
            shutil.rmtree(folder / name)
        else:
            (folder / name).unlink()

    return change


def level(line: int, column: int, text: str) -> Change:
    """One cell of the price table, by line of the file (negative: from the end) and number of the column."""

    def change(folder: Path) -> None:
        lines = (folder / PRICES).read_text().splitlines()
        cells = lines[line].split(",")
        cells[column] = text
        lines[line] = ",".join(cells)
        (folder / PRICES).write_text("\n".join(lines) + "\n")

    return change


def long_prices(header: str = "date,factor_id,value", more: str = "") -> Change:
    """The price table in its long form, with another header or another row."""

    def change(folder: Path) -> None:
        frame = pl.read_csv(folder / PRICES).unpivot(index="date")
        (folder / PRICES).write_text(f"{header}\n{frame.write_csv(include_header=False)}{more}")

    return change


def as_parquet(name: str, keep: bool = False, **columns: pl.Expr) -> Change:
    """A table as Parquet, with some columns of other types; `keep`: the CSV stays beside it."""

    def change(folder: Path) -> None:
        table = pl.read_csv(folder / name, infer_schema_length=None).with_columns(**columns)
        table.write_parquet((folder / name).with_suffix(".parquet"))
        if not keep:
            (folder / name).unlink()

    return change


def truncated(name: str) -> Change:
    """The last bytes of a file cut off."""

    def change(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:-9])

    return change


def both(*changes: Change) -> Change:
    """Several changes at once."""

    def change(folder: Path) -> None:
        for one in changes:
            one(folder)

    return change


# --- the table --------------------------------------------------------------------------------------------------------

CHECK = ("check", "book", "-r", RULES, "-m", "market")
OURS = '{"made_by": "ccp size"}'
SIZE = ("size", "book", "-r", RULES, "-m", "market", "-o", "out")
DEFAULT = ("default", "book", "-r", RULES, "-m", "market", "-o", "out")
RULES_CHECK = ("rulebook", "check", RULES)
SIZE_SHOCKS = (*SIZE, "-s", SHOCKS)
SIZE_YAML = (*SIZE, "-s", SHOCKS_YAML)


@dataclass(frozen=True)
class Case:
    """One bad input. `says` are the lines of the message, whole; one that ends in `...` only begins so.

    `calls` are one or two command lines: the first is tried as it is, the last with --json.
    """

    name: str
    change: Change
    says: tuple[str, ...]
    calls: tuple[tuple[str, ...], ...]


def book(name: str, change: Change, *says: str) -> Case:
    """A case of a book or market: checked, and refused by a run."""
    return Case(name, change, says, (CHECK, SIZE))


def market(name: str, change: Change, *says: str) -> Case:
    """The same for the market."""
    return book(name, change, *says)


def rules(name: str, old: str, new: str, *says: str) -> Case:
    """A case of a rulebook: `old` is replaced by `new`."""
    return Case(name, swap(RULES, old, new), says, (RULES_CHECK, SIZE))


def rules_file(name: str, content: str | bytes, *says: str) -> Case:
    """A case of a whole rulebook file."""
    return Case(name, put(RULES, content), says, (RULES_CHECK, DEFAULT))


def shocks(name: str, change: Change, *says: str) -> Case:
    """A case of a scenario table."""
    return Case(name, change, says, (SIZE_SHOCKS, (*DEFAULT, "-s", SHOCKS)))


def yaml(name: str, change: Change, *says: str) -> Case:
    """A case of a YAML file of scenarios."""
    return Case(name, change, says, (SIZE_YAML, (*DEFAULT, "-s", SHOCKS_YAML)))


def call(name: str, change: Change, arguments: tuple[str, ...], *says: str) -> Case:
    """A case of a command line that is wrong itself."""
    return Case(name, change, says, (arguments,))


MEMBER_COLUMNS = (
    "unknown column; the table may have member_id, group_id, fund_contribution, capital, liquidity, default_probability"
)
FINITE = "a finite number was expected"
EMPTY_CELL = "a value is required, the cell is empty"
DUPLICATE = "duplicate; it may stand only once"
REQUIRED_COLUMN = "this column is required and is missing"
NO_ROWS = "at least one row was expected, the table is empty"
NO_HEADER = "the names of the columns were expected on the first line, it is empty"
A_DATE = "a date, YYYY-MM-DD was expected"
EXPIRED = "a day after the run's date 2024-07-12 was expected; the instrument has expired"
NO_VALUE = "the market has no value of this factor"
DEFAULTER_FIRST = "the defaulter's contribution pays first"
NO_HISTORY = "the market has no history of this factor"
UNMATCHED = "quantities over all accounts must sum to 0 in every instrument (rulebook switch: book.matched); the sum is"
A_MAPPING = "a mapping of keys to values was expected"
UNKNOWN_KEY = "unknown key; remove it or correct its spelling"
TIER_WORDS = f"one of {', '.join(tier_words())}, pari_passu was expected"
ONE_SIZE = "one of amount, share_of_fund and share_of_regulatory_capital was expected, and one only"
TWICE_OTHER = "duplicate; a scenario's id may stand only once"
NOT_A_TIER = "a tier's word was expected, alone or with a mapping of its details"
A_SHOCK = "a number was expected, or a mapping with kind and shock"


def short_history(days: int) -> str:
    return f"a value on each of the latest 102 days was expected, the market has {days}"


def three_values(count: int) -> str:
    return f"3 values were expected, as many as columns, there are {count}"


def other_in_pool(field: str) -> str:
    return f"a pool's accounts must have the same {field}, another account of the pool has a different one"


FILES = [
    book("no such book", drop("book"), "book: a book is a directory of tables; there is no such directory"),
    book("the book is a file", both(drop("book"), put("book", "x")), "book: a book is a directory of tables; ..."),
    book(
        "no table in the book",
        both(drop("book"), put("book/readme.txt", "x")),
        "book: none of the book's tables stands here (members, accounts, instruments, positions, collateral, "
        "as .parquet or .csv)",
    ),
    book(
        "a table is missing",
        drop(POSITIONS),
        "positions: this table is required: positions.parquet or positions.csv in the book's directory",
    ),
    book("a table twice", as_parquet(MEMBERS, keep=True), "book: members.parquet and members.csv both stand here; ..."),
    book("empty file", put(MEMBERS, ""), f"{MEMBERS}:1: {NO_HEADER}"),
    book("blank first line", swap(MEMBERS, "member_id", "\nmember_id"), f"{MEMBERS}:1: {NO_HEADER}"),
    book("header only", put(COLLATERAL, TABLES[COLLATERAL].splitlines()[0] + "\n"), f"collateral.csv: {NO_ROWS}"),
    book(
        "corrupt Parquet",
        both(drop(MEMBERS), put("book/members.parquet", b"PAR1 this is not Parquet")),
        "book/members.parquet: cannot be read as parquet: ...",
    ),
    book(
        "truncated Parquet",
        both(as_parquet(MEMBERS), truncated("book/members.parquet")),
        "book/members.parquet: cannot be read as parquet: ...",
    ),
    book("a line too long", swap(MEMBERS, "M2,G1,2000000", "M2,G1,2000000,7"), f"{MEMBERS}:3: {three_values(4)}"),
    book("a line too short", swap(MEMBERS, "M2,G1,2000000", "M2,G1"), f"{MEMBERS}:3: {three_values(2)}"),
    book("a blank line", swap(POSITIONS, "A2,ACME-F", "\nA2,ACME-F"), f"{POSITIONS}:4: {three_values(0)}"),
    book("a quote that never ends", swap(MEMBERS, "M2,G1", '"M2,G1'), f"{MEMBERS}:3: {three_values(1)}"),
    book(
        "a quote that never ends in a long table",
        put(POSITIONS, TABLES[POSITIONS] + '"' + "A1,ACME,0\n" * 20_000),
        f"{POSITIONS}:12: field larger than field limit (131072); is there a quote that never ends?",
    ),
    book(
        "semicolons for commas",
        put(MEMBERS, TABLES[MEMBERS].replace(",", ";")),
        f"members.csv, column member_id;group_id;fund_contribution: {MEMBER_COLUMNS}",
        f"members.csv, column member_id: {REQUIRED_COLUMN}",
    ),
    book(
        "Latin-1",
        put(MEMBERS, "member_id,group_id\nM1,G1\nM2,Größe\nM3,\n".encode("latin-1")),
        f"{MEMBERS}:3: text in UTF-8 was expected",
    ),
    book("UTF-16", put(MEMBERS, TABLES[MEMBERS].encode("utf-16")), f"{MEMBERS}:1: text in UTF-8 was expected"),
]

COLUMNS = [
    book(
        "unknown column",
        put(MEMBERS, "member_id,rating\nM1,A\nM2,B\nM3,C\n"),
        f"members.csv, column rating: {MEMBER_COLUMNS}",
    ),
    book(
        "blank before a column's name",
        swap(MEMBERS, ",group_id", ", group_id"),
        f"members.csv, column ' group_id': {MEMBER_COLUMNS}",
    ),
    book(
        "missing column, and a bad cell in another",
        both(swap(POSITIONS, "account_id", "account"), swap(POSITIONS, "-1000", "many")),
        "positions.csv, column account: unknown column; the table may have account_id, instrument_id, quantity",
        f"positions.csv, column account_id: {REQUIRED_COLUMN}",
        f"positions.csv, row 2, column quantity, value 'many': {FINITE}",
    ),
    book(
        "missing column that others refer to",
        swap(MEMBERS, "member_id", "member"),
        f"members.csv, column member: {MEMBER_COLUMNS}",
        f"members.csv, column member_id: {REQUIRED_COLUMN}",
    ),
    book(
        "a column twice",
        put(MEMBERS, "member_id,group_id,group_id\nM1,G1,G1\nM2,,\nM3,,\n"),
        f"{MEMBERS}, column group_id: duplicate; a column may stand only once",
    ),
    book(
        "a column without name",
        put(MEMBERS, "member_id,\nM1,G1\nM2,G1\nM3,G1\n"),
        f"{MEMBERS}:1: every column must have a name, number 2 has none",
    ),
    book(
        "Parquet column of lists",
        as_parquet(INSTRUMENTS, price=pl.concat_list("price")),
        f"instruments.parquet, column price: {FINITE}, the column's type is List(Int64)",
    ),
    book(
        "Parquet column of bytes",
        as_parquet(MEMBERS, member_id=pl.col("member_id").cast(pl.Binary)),
        "members.parquet, column member_id: text was expected, the column's type is Binary",
    ),
    book(
        "Parquet days as numbers",
        as_parquet(INSTRUMENTS, expiry=pl.when(pl.col("expiry").is_not_null()).then(20300621)),
        *(f"instruments.parquet, row {row}, column expiry, value 20300621: {A_DATE}" for row in (2, 3, 4, 5)),
    ),
    book(
        "Parquet days for numbers",
        as_parquet(COLLATERAL, haircut=pl.lit(date(2024, 1, 2))),
        *(f"collateral.parquet, row {row}, column haircut, value '2024-01-02': {FINITE}" for row in (1, 2, 3, 4)),
    ),
]

IDS = [
    book(
        "unknown member",
        swap(ACCOUNTS, "A5,M3", "A5,M9"),
        "accounts.csv, row 5, column member_id, value 'M9': unknown; the members table has no such member_id",
    ),
    book(
        "unknown account",
        swap(POSITIONS, "A1,ACME,", "A9,ACME,"),
        "positions.csv, row 1, column account_id, value 'A9': unknown; the accounts table has no such account_id",
    ),
    book(
        "unknown instrument",
        swap(POSITIONS, "A1,ACME,1000\nA4,ACME,-1000", "A1,NONE,1000\nA4,NONE,-1000"),
        *(
            f"positions.csv, row {row}, column instrument_id, value 'NONE': unknown; the instruments table has no such "
            "instrument_id"
            for row in (1, 2)
        ),
    ),
    book(
        "unknown pool",
        swap(COLLATERAL, "A5,CASH", "P9,CASH"),
        "collateral.csv, row 4, column pool_id, value 'P9': unknown; the accounts table has no such pool_id",
    ),
    book(
        "member twice",
        swap(MEMBERS, "M3,,500000", "M3,,500000\nM3,G1,7"),
        *(f"members.csv, row {row}, column member_id, value 'M3': {DUPLICATE}" for row in (3, 4)),
    ),
    book(
        "account twice",
        swap(ACCOUNTS, "A5,M3,,house", "A5,M3,,house\nA5,M3,,house"),
        *(f"accounts.csv, row {row}, column account_id, value 'A5': {DUPLICATE}" for row in (5, 6)),
    ),
    book(
        "instrument twice",
        swap(INSTRUMENTS, "ACME,spot", "ACME,spot,ACME,USD,1,100,,,,,,\nACME,spot"),
        *(f"instruments.csv, row {row}, column instrument_id, value 'ACME': {DUPLICATE}" for row in (1, 2)),
    ),
    book(
        "position twice",
        swap(POSITIONS, "A1,ACME,1000", "A1,ACME,400\nA1,ACME,600"),
        *(
            f"positions.csv, row {row}, column account_id, instrument_id, value 'A1, ACME': {DUPLICATE}"
            for row in (1, 2)
        ),
    ),
    book(
        "collateral twice",
        swap(COLLATERAL, "A5,CASH", "A1,CASH,5,0,\nA5,CASH"),
        *(f"collateral.csv, row {row}, column pool_id, asset_id, value 'A1, CASH': {DUPLICATE}" for row in (1, 4)),
    ),
    book("empty id", swap(ACCOUNTS, "A5,M3", "A5,"), f"accounts.csv, row 5, column member_id: {EMPTY_CELL}"),
    book(
        "two empty ids, which are no duplicates",
        swap(COLLATERAL, "A4,BOND", ",CASH,1,0,\n,CASH,1,0,\nA4,BOND"),
        *(f"collateral.csv, row {row}, column pool_id: {EMPTY_CELL}" for row in (3, 4)),
    ),
    book(
        "empty id in quotes",
        swap(COLLATERAL, "A5,CASH", 'A5,""'),
        "collateral.csv, row 4, column asset_id, value '': text was expected, the cell is empty",
    ),
    book(
        "group with a comma",
        swap(MEMBERS, "M1,G1", 'M1,"G,1"'),
        "members.csv, row 1, column group_id, value 'G,1': a name without comma, plus ...",
    ),
    book(
        "group with a plus sign",
        swap(MEMBERS, "M1,G1", "M1,G+1"),
        "members.csv, row 1, column group_id, value 'G+1': a name without comma, plus ...",
    ),
]

CELLS = [
    book(
        "bad kind of account",
        swap(ACCOUNTS, "P1,client", "P1,customer"),
        "accounts.csv, row 2, column kind, value 'customer': one of house, client was expected",
    ),
    book(
        "bad kind of instrument",
        swap(INSTRUMENTS, "ACME,spot", "ACME,stock"),
        f"instruments.csv, row 1, column kind, value 'stock': one of {', '.join(PRODUCTS)} was expected",
    ),
    book(
        "bad right",
        swap(INSTRUMENTS, "call", "long"),
        "instruments.csv, row 3, column right, value 'long': one of call, put was expected",
    ),
    book(
        "bad style",
        swap(INSTRUMENTS, "variation", "cash"),
        "instruments.csv, row 3, column style, value 'cash': one of variation, premium was expected",
    ),
    *(
        book(
            f"{text} for a quantity",
            swap(POSITIONS, "A1,ACME,1000", f"A1,ACME,{text}"),
            f"positions.csv, row 1, column quantity, value {value}: {FINITE}",
        )
        for text, value in (
            ("ten", "'ten'"),
            ("true", "'true'"),
            ("0x10", "'0x10'"),
            ('"1,000"', "'1,000'"),
            ("NaN", "nan"),
            ("inf", "inf"),
            ("1e999", "inf"),
        )
    ),
    book(
        "no quantity",
        swap(POSITIONS, "A1,ACME,1000", "A1,ACME,"),
        f"positions.csv, row 1, column quantity: {EMPTY_CELL}",
    ),
    *(
        book(
            f"multiplier {number}",
            swap(INSTRUMENTS, "USD,1,100", f"USD,{number},100"),
            f"instruments.csv, row 1, column multiplier, value {number}: more than 0 was expected",
        )
        for number in (0.0, -2.0)
    ),
    *(
        book(
            f"spot price {number}",
            swap(INSTRUMENTS, "USD,1,100", f"USD,1,{number}"),
            f"instruments.csv, row 1, column price, value {number}: more than 0 was expected",
        )
        for number in (0.0, -100.0)
    ),
    book(
        "option price below zero",
        swap(INSTRUMENTS, "USD,10,15", "USD,10,-15"),
        "instruments.csv, row 3, column price, value -15.0: at least 0 was expected",
    ),
    *(
        book(
            f"future price {number} on a relative factor",
            swap(INSTRUMENTS, "USD,10,101", f"USD,10,{number}"),
            f"instruments.csv, row 2, column price, value {number}: more than 0 was expected, since its factor moves "
            "by ratios",
        )
        for number in (0.0, -1.0)
    ),
    book(
        "option expires today",
        swap(INSTRUMENTS, "15,2030-06-21", "15,2024-07-12"),
        f"instruments.csv, row 3, column expiry, value '2024-07-12': {EXPIRED}",
    ),
    book(
        "option without expiry",
        swap(INSTRUMENTS, "15,2030-06-21", "15,"),
        "instruments.csv, row 3, column expiry: an option must state this",
    ),
    *(
        book(
            f"expiry {text}",
            swap(INSTRUMENTS, "15,2030-06-21", f"15,{text}"),
            f"instruments.csv, row 3, column expiry, value '{text}': {A_DATE}",
        )
        for text in ("21.06.2030", "20300621", "2030-02-30", "2030-06-21T00:00", "soon")
    ),
    book(
        "option without strike",
        swap(INSTRUMENTS, "21,100,call", "21,,call"),
        "instruments.csv, row 3, column strike: an option must state this",
    ),
    book(
        "strike below zero",
        swap(INSTRUMENTS, "21,100,call", "21,-100,call"),
        "instruments.csv, row 3, column strike, value -100.0: more than 0 was expected without normal_volatility",
    ),
    book(
        "option without right",
        swap(INSTRUMENTS, "100,call", "100,"),
        "instruments.csv, row 3, column right: an option must state this",
    ),
    book(
        "option without style",
        swap(INSTRUMENTS, "variation", ""),
        "instruments.csv, row 3, column style: an option must state this",
    ),
    book(
        "option without volatility",
        swap(INSTRUMENTS, "ACME.VOL", ""),
        "instruments.csv, row 3, column volatility_id: an option must state this, implied_volatility or "
        "normal_volatility",
    ),
    book(
        "volatility in per cent",
        swap(INSTRUMENTS, "ACME.VOL,", "ACME.VOL,20"),
        "instruments.csv, row 3, column implied_volatility, value 20.0: at most 10 was expected",
    ),
    book(
        "future with a strike",
        swap(INSTRUMENTS, "4000,2030-06-21,", "4000,2030-06-21,100"),
        "instruments.csv, row 4, column strike, value 100.0: only an option may state this",
    ),
    book(
        "currency in small letters",
        swap(INSTRUMENTS, "IDX,EUR", "IDX,eur"),
        "instruments.csv, row 4, column currency, value 'eur': a code of three capital letters (ISO 4217) was expected",
    ),
    book(
        "contribution below zero",
        swap(MEMBERS, "500000", "-1"),
        "members.csv, row 3, column fund_contribution, value -1.0: at least 0 was expected",
    ),
    book(
        "contribution beyond all money",
        swap(MEMBERS, "500000", "1e18"),
        "members.csv, row 3, column fund_contribution, value 1e+18: at most 1e+14 was expected",
    ),
    book(
        "contribution of some members only",
        swap(MEMBERS, "500000", ""),
        "members.csv, row 3, column fund_contribution: a value was expected, since other members state theirs",
    ),
    book(
        "probability above one",
        put(MEMBERS, "member_id,default_probability\nM1,0.1\nM2,1.1\nM3,\n"),
        "members.csv, row 2, column default_probability, value 1.1: at most 1 was expected",
    ),
    book(
        "haircut above one",
        swap(COLLATERAL, "0.05", "5"),
        "collateral.csv, row 3, column haircut, value 5.0: at most 1 was expected",
    ),
    book(
        "collateral below zero",
        swap(COLLATERAL, "A1,CASH,200000", "A1,CASH,-1"),
        "collateral.csv, row 1, column market_value, value -1.0: at least 0 was expected",
    ),
    book(
        "collateral of no number, said once",
        swap(COLLATERAL, "A1,CASH,200000", "A1,CASH,nan"),
        f"collateral.csv, row 1, column market_value, value nan: {FINITE}",
    ),
    book(
        "collateral without end, said once",
        swap(COLLATERAL, "A1,CASH,200000", "A1,CASH,inf"),
        f"collateral.csv, row 1, column market_value, value inf: {FINITE}",
    ),
]

TOGETHER = [
    book(
        "quantities that do not match",
        swap(POSITIONS, "A1,ACME,1000", "A1,ACME,1001"),
        f"positions.csv, column instrument_id, value 'ACME': {UNMATCHED} 1",
    ),
    book(
        "holdings beyond all money",
        both(swap(POSITIONS, "A1,ACME,1000", "A1,ACME,1e17"), swap(POSITIONS, "A4,ACME,-1000", "A4,ACME,-1e17")),
        "positions.csv, column instrument_id, value 'ACME': all holdings of an instrument may be worth 1e+15 USD at "
        "most, these are worth ...",
    ),
    book(
        "pool of two members",
        swap(ACCOUNTS, "A4,M2,,house", "A4,M2,A1,house"),
        f"accounts.csv, row 4, column pool_id, value 'A1': {other_in_pool('member_id')}",
        "collateral.csv, row 3, column pool_id, value 'A4': unknown; the accounts table has no such pool_id",
    ),
    book(
        "pool of house and client",
        swap(ACCOUNTS, "A3,M1,P1,client", "A3,M1,P1,house"),
        f"accounts.csv, row 3, column pool_id, value 'P1': {other_in_pool('kind')}",
    ),
    book(
        "25 bad rows",
        put(COLLATERAL, "pool_id,asset_id,market_value,haircut\n" + "".join(f"A1,BOND{n},x,0\n" for n in range(25))),
        *(f"collateral.csv, row {row}, column market_value, value 'x': {FINITE}" for row in range(1, 21)),
        "... and 5 more (25 problems in all)",
    ),
    book(
        "several tables and the market's needs at once",
        both(
            swap(MEMBERS, "500000", "-1"),
            swap(ACCOUNTS, "P1,client", "P1,customer"),
            swap(POSITIONS, "A1,ACME,1000", "A1,ACME,x"),
            swap(POSITIONS, "A1,IDX-F,30", "A1,IDX-F,31"),
            swap(INSTRUMENTS, "ACME.VOL", "VIX"),
            swap(INSTRUMENTS, "15,2030-06-21", "15,2020-06-21"),
            swap(COLLATERAL, "EUR", "GBP"),
        ),
        "members.csv, row 3, column fund_contribution, value -1.0: at least 0 was expected",
        "accounts.csv, row 2, column kind, value 'customer': one of house, client was expected",
        f"positions.csv, row 1, column quantity, value 'x': {FINITE}",
        f"positions.csv, column instrument_id, value 'IDX-F': {UNMATCHED} 1",
        f"collateral.csv, row 2, column currency, value 'GBP/USD': {NO_HISTORY}",
        f"instruments.csv, row 3, column volatility_id, value 'VIX': {NO_HISTORY}",
        f"instruments.csv, row 3, column expiry, value '2020-06-21': {EXPIRED}",
    ),
    book(
        "a missing table and the market's needs at once",
        both(drop(POSITIONS), swap(INSTRUMENTS, "EUR", "GBP")),
        "positions: this table is required: positions.parquet or positions.csv in the book's directory",
        f"instruments.csv, row 4, column currency, value 'GBP/USD': {NO_HISTORY}",
    ),
]

NEEDS = [
    market(
        "unknown volatility factor",
        swap(INSTRUMENTS, "ACME.VOL", "VIX"),
        f"instruments.csv, row 3, column volatility_id, value 'VIX': {NO_HISTORY}",
    ),
    market(
        "currency without exchange rate",
        swap(INSTRUMENTS, "IDX,EUR", "IDX,GBP"),
        f"instruments.csv, row 4, column currency, value 'GBP/USD': {NO_HISTORY}",
    ),
    market(
        "collateral in a currency without exchange rate",
        swap(COLLATERAL, "EUR", "GBP"),
        f"collateral.csv, row 2, column currency, value 'GBP/USD': {NO_HISTORY}",
    ),
    market(
        "factor without history",
        swap(PRICES, "RATE", "YIELD"),
        f"instruments.csv, row 5, column factor_id, value 'RATE': {NO_HISTORY}",
    ),
    market(
        "history too short for the lookback",
        swap(RULES, "lookback_days: 100", "lookback_days: 200"),
        "instruments.csv, row 3, column volatility_id, value 'ACME.VOL': a value on each of the latest 202 days was "
        "expected, the market has 149, none on 2023-12-18",
    ),
    market(
        "history that ends where it should start",
        put(PRICES, "\n".join([SOUND[PRICES].splitlines()[0], *SOUND[PRICES].splitlines()[-50:]]) + "\n"),
        f"instruments.csv, row 1, column factor_id, value 'ACME': {short_history(50)}",
        "instruments.csv, row 3, column volatility_id, value 'ACME.VOL': the market has no value of this factor on "
        "2024-07-12",
        f"instruments.csv, row 4, column currency, value 'EUR/USD': {short_history(50)}",
        f"instruments.csv, row 4, column factor_id, value 'IDX': {short_history(50)}",
        f"instruments.csv, row 5, column factor_id, value 'RATE': {short_history(50)}",
    ),
    market(
        "gap in the window",
        level(-30, 2, ""),
        f"instruments.csv, row 4, column factor_id, value 'IDX': {short_history(101)}, none on 2024-06-03",
    ),
    market(
        "no value on the run's date",
        level(-1, 4, ""),
        f"instruments.csv, row 4, column currency, value 'EUR/USD': {NO_VALUE} on 2024-07-12",
    ),
    market(
        "relative factor at zero",
        level(52, 2, "0"),
        "prices.csv, row 52, column IDX, value 0.0: levels of a relative factor must be positive; "
        "on 2023-03-14 it is 0",
    ),
    market(
        "relative factor below zero, from which a volatility is modelled",
        level(52, 1, "-37.63"),
        "prices.csv, row 52, column ACME, value -37.63: levels of a relative factor must be positive; "
        "on 2023-03-14 it is -37.63",
    ),
    market(
        "absolute price below zero, from which a volatility is modelled",
        both(level(52, 1, "-37.63"), swap(FACTORS, "ACME,relative", "ACME,absolute")),
        "prices.csv, row 52, column ACME, value -37.63: levels that ACME.VOL is modelled from must be positive; "
        "on 2023-03-14 it is -37.63",
    ),
    market(
        "exchange rate below zero",
        both(level(-2, 4, "-1"), swap(FACTORS, "EUR/USD,relative", "EUR/USD,absolute")),
        "prices.csv, row 399, column EUR/USD, value -1.0: an exchange rate must be positive; on 2024-07-11 it is -1",
    ),
]

MARKET = [
    market("no such market", drop("market"), "market: no such file or directory"),
    market("no prices", drop(PRICES), "market: prices.parquet or prices.csv was expected in a market's directory"),
    market("prices twice", as_parquet(PRICES, keep=True), "market: prices.parquet and prices.csv both stand here; ..."),
    market("empty prices", put(PRICES, ""), f"{PRICES}:1: {NO_HEADER}"),
    market("prices with a header only", put(PRICES, "date,ACME,IDX\n"), f"prices.csv: {NO_ROWS}"),
    market(
        "no date column",
        swap(PRICES, "date,", "day,"),
        f"prices.csv, column date: {REQUIRED_COLUMN}; beside it factor_id and value, or one column a factor",
    ),
    market(
        "nothing but dates",
        put(PRICES, "date\n2024-07-12\n"),
        "prices.csv: at least one factor's column was expected beside date",
    ),
    market(
        "a day twice",
        put(PRICES, SOUND[PRICES] + SOUND[PRICES].splitlines()[-1] + "\n"),
        *(f"prices.csv, row {row}, column date, value '2024-07-12': {DUPLICATE}" for row in (400, 401)),
    ),
    market(
        "a factor twice",
        swap(PRICES, "ACME,IDX", "ACME,ACME"),
        f"{PRICES}, column ACME: duplicate; a column may stand only once",
    ),
    market("price in words", level(5, 4, "abc"), f"prices.csv, row 5, column EUR/USD, value 'abc': {FINITE}"),
    market("price NaN", level(5, 4, "NaN"), f"prices.csv, row 5, column EUR/USD, value nan: {FINITE}"),
    market("bad date", level(5, 0, "06.01.2023"), f"prices.csv, row 5, column date, value '06.01.2023': {A_DATE}"),
    market("no date in a row", level(5, 0, ""), f"prices.csv, row 5, column date: {EMPTY_CELL}"),
    market(
        "every price bad in two columns",
        both(swap(PRICES, "\n", "\n2022-12-30,x,x,1,1\n"), level(5, 0, "6 Jan 2023")),
        f"prices.csv, row 5, column date, value '6 Jan 2023': {A_DATE}",
        f"prices.csv, row 1, column ACME, value 'x': {FINITE}",
        f"prices.csv, row 1, column IDX, value 'x': {FINITE}",
    ),
    market(
        "long table: day and factor twice",
        long_prices(more="2024-07-12,ACME,1\n"),
        *(
            f"prices.csv, row {row}, column date, factor_id, value '2024-07-12, ACME': {DUPLICATE}"
            for row in (400, 1601)
        ),
    ),
    market(
        "long table: empty value",
        long_prices(more="2024-07-15,ACME,\n"),
        f"prices.csv, row 1601, column value: {EMPTY_CELL}",
    ),
    market(
        "long table: wrong name for the value",
        long_prices("date,factor_id,price"),
        "prices.csv, column price: unknown column; the table may have date, factor_id, value",
        f"prices.csv, column value: {REQUIRED_COLUMN}",
    ),
    market(
        "factor's change unknown",
        swap(FACTORS, "IDX,relative", "IDX,log"),
        "factors.csv, row 2, column change, value 'log': one of relative, absolute was expected",
    ),
    market(
        "factor described twice",
        swap(FACTORS, "IDX,", "ACME,"),
        *(f"factors.csv, row {row}, column factor_id, value 'ACME': {DUPLICATE}" for row in (1, 2)),
    ),
    market(
        "prices and factors both wrong",
        both(level(5, 4, "abc"), swap(FACTORS, "IDX,relative", "IDX,log")),
        f"prices.csv, row 5, column EUR/USD, value 'abc': {FINITE}",
        "factors.csv, row 2, column change, value 'log': one of relative, absolute was expected",
    ),
    call(
        "market of another kind of file",
        put("prices.txt", "x"),
        ("check", "book", "-m", "prices.txt"),
        "prices.txt: a .parquet or .csv file was expected",
    ),
    call(
        "--date after the history",
        unchanged,
        (*SIZE, "--date", "2024-07-13"),
        "--date, value '2024-07-13': a day of the market's history was expected (2023-01-02 to 2024-07-12); the last "
        "day before it is 2024-07-12",
    ),
    call(
        "--date before the history",
        unchanged,
        (*CHECK, "--date", "1999-01-01"),
        "--date, value '1999-01-01': a day of the market's history was expected (2023-01-02 to 2024-07-12)",
    ),
    call(
        "--date that is none",
        unchanged,
        (*SIZE, "--date", "yesterday"),
        "--date, value 'yesterday': a date, YYYY-MM-DD, was expected",
    ),
]

RULEBOOK = [
    rules(
        "YAML that does not parse", "0.99", "[0.99", f"{RULES}:6:16: not valid YAML: expected ',' or ']', but got ':'"
    ),
    rules("tab", "  confidence", "\tconfidence", f"{RULES}:5:1: not valid YAML: found character '\\t' that cannot ..."),
    rules(
        "key twice", "  measure", "  confidence: 1\n  measure", f"{RULES}:6:3: not valid YAML: found duplicate key ..."
    ),
    rules("two documents", "margin:", "---\nmargin:", f"{RULES}:3:1: not valid YAML: but found another document"),
    rules("object", "Tiny", "!!python/object:os.system x", f"{RULES}:1:7: not valid YAML: could not determine a ..."),
    rules(
        "control character",
        "expected",
        "exp\x07ected",
        f"{RULES}:4: not valid YAML: special characters are not allowed",
    ),
    rules("anchor in itself", "tiers:", "tiers: &a\n  - *a", f"{RULES}: not usable: an anchor stands inside itself"),
    rules(
        "day that does not exist",
        "Tiny",
        "2024-02-30",
        f"{RULES}:1:7, value '2024-02-30': neither a date nor a number that can be read; put text in quotes",
    ),
    rules("a number that is none", "worst: 5", "worst: !!int five", f"{RULES}: neither a date nor a number that ..."),
    rules("unknown key", "buffer", "bufer", f"{RULES}:14:3, field fund.bufer, value 0.1: {UNKNOWN_KEY}"),
    rules("unknown part", "fund:", "funds:", f"{RULES}:12:1, field funds: {UNKNOWN_KEY}"),
    rules("number as key", "name: Tiny", "name: Tiny\n7: Tiny", f"{RULES}:2:1, field 7, value 'Tiny': {UNKNOWN_KEY}"),
    rules("truth as key", "buffer", "true", f"{RULES}:14:3, field fund.true, value 0.1: {UNKNOWN_KEY}"),
    rules("day as key", "buffer", "2024-01-02", f"{RULES}:14:3, value '2024-01-02': every key must be text"),
    rules("list as key", "buffer", "? [a]\n  ", f"{RULES}:14:5: every key must be text"),
    rules("key missing", "  confidence: 0.99\n", "", f"{RULES}:3:1, field margin.confidence: this key is required"),
    rules(
        "text for a number",
        "0.99",
        "high",
        f"{RULES}:5:3, field margin.confidence, value 'high': a number was expected",
    ),
    rules(
        "number in quotes",
        "0.99",
        "'0.99'",
        f"{RULES}:5:3, field margin.confidence, value '0.99': a number was expected",
    ),
    rules(
        "truth for a whole number",
        "worst: 5",
        "worst: true",
        f"{RULES}:9:16, field stress.historical.worst, value True: a whole number was expected",
    ),
    rules(
        "fraction for a whole number",
        "100\n",
        "100.5\n",
        f"{RULES}:6:3, field margin.lookback_days, value 100.5: a whole number was expected",
    ),
    rules("number for text", "Tiny", "12", f"{RULES}:1:1, field name, value 12: text was expected"),
    rules("empty text", "Tiny", "''", f"{RULES}:1:1, field name, value '': text was expected, it is empty"),
    rules("nothing for text", "Tiny", "", f"{RULES}:1:1, field name: text was expected"),
    rules("NaN", "0.99", ".nan", f"{RULES}:5:3, field margin.confidence, value nan: {FINITE}"),
    rules("infinity", "buffer: 0.1", "buffer: .inf", f"{RULES}:14:3, field fund.buffer, value inf: {FINITE}"),
    rules("confidence 1", "0.99", "1", f"{RULES}:5:3, field margin.confidence, value 1: less than 1 was expected"),
    rules("confidence 0", "0.99", "0", f"{RULES}:5:3, field margin.confidence, value 0: more than 0 was expected"),
    rules("no cover", "cover: 2", "cover: 0", f"{RULES}:13:3, field fund.cover, value 0: at least 1 was expected"),
    rules("buffer below zero", "0.1", "-0.1", f"{RULES}:14:3, field fund.buffer, value -0.1: at least 0 was expected"),
    rules(
        "liquidation of a month",
        "liquidation_days: 2",
        "liquidation_days: 21",
        f"{RULES}:7:3, field margin.liquidation_days, value 21: at most 20 was expected",
    ),
    rules(
        "lookback beyond all time",
        "lookback_days: 100",
        "lookback_days: 1000000000000000000000000000000",
        f"{RULES}:6:3, field margin.lookback_days, value 1000000000000000000000000000000: at most 100000 was expected",
    ),
    rules(
        "unknown measure",
        "expected_shortfall",
        "median",
        f"{RULES}:4:3, field margin.measure, value 'median': 'expected_shortfall' or 'value_at_risk' was expected",
    ),
    rules(
        "service currency in small letters",
        "USD",
        "usd",
        f"{RULES}:2:1, field currency, value 'usd': a code of three capital letters (ISO 4217) was expected",
    ),
    rules(
        "a word for a part",
        "{worst: 5}",
        "worst",
        f"{RULES}:9:3, field stress.historical, value 'worst': `all`, or a mapping with some of all, worst, "
        "worst_of_each_factor, worst_of_each_group, multiples, was expected",
    ),
    rules(
        "unknown ladder",
        "market_gaps",
        "market_gap",
        f"{RULES}:11:7, field stress.hypothetical.0, value 'market_gap': 'market_gaps', 'class_gaps', "
        "'sector_gaps', 'currency_gaps' or 'sector_breaks' was expected",
    ),
    rules(
        "gap of more than everything",
        "market_gaps",
        "{ladder: market_gaps, sizes: [0.2, 20]}",
        f"{RULES}:11:42, field stress.hypothetical.0.sizes.1, value 20: less than 1 was expected",
    ),
    rules(
        "a ladder's size twice",
        "- market_gaps",
        "- market_gaps\n    - {ladder: market_gaps, sizes: [0.2]}",
        f"{RULES}:10:3, field stress.hypothetical: the ladder market_gaps has the size 20% twice; once was expected",
    ),
    rules(
        "a multiple twice",
        "stress:",
        "stress:\n  multiples: [1, 2, 2]",
        f"{RULES}:9:3, field stress.multiples: 2 stands twice; once was expected",
    ),
    rules(
        "no multiples",
        "stress:",
        "stress:\n  multiples: []",
        f"{RULES}:9:3, field stress.multiples: at least one entry was expected, there is none",
    ),
    rules(
        "unknown tier",
        "- survivors_fund",
        "- survivor_fund",
        f"{RULES}:19:5, field tiers.3, value 'survivor_fund': unknown tier 'survivor_fund'; {TIER_WORDS}",
    ),
    rules("no word for a tier", "- survivors_fund", "- 3", f"{RULES}:19:5, field tiers.3, value 3: {NOT_A_TIER}"),
    rules("two words for a tier", "- ccp_capital:", "- x: 1\n    y:", f"{RULES}:18:5, field tiers.2: {NOT_A_TIER}"),
    rules(
        "tier twice",
        "- defaulter_fund",
        "- defaulter_fund\n  - defaulter_fund",
        f"{RULES}:15:1, field tiers: the tier defaulter_fund stands 2 times; once was expected",
    ),
    rules(
        "wrong first tier",
        "- defaulter_margin\n  - defaulter_fund",
        "- defaulter_fund\n  - defaulter_margin",
        f"{RULES}:15:1, field tiers: the first tier must be defaulter_margin",
    ),
    rules(
        "survivors before the defaulter's contribution",
        "- defaulter_fund\n  - ccp_capital: {amount: 100000}\n  - survivors_fund",
        "- survivors_fund\n  - defaulter_fund",
        f"{RULES}:15:1, field tiers: survivors_fund stands before defaulter_fund: {DEFAULTER_FIRST}",
    ),
    rules(
        "capital before the defaulter's contribution",
        "- defaulter_fund",
        "- ccp_capital: {amount: 1}\n  - defaulter_fund",
        f"{RULES}:15:1, field tiers: ccp_capital stands before defaulter_fund: {DEFAULTER_FIRST}",
    ),
    rules(
        "survivors alone",
        "  - defaulter_fund\n",
        "",
        f"{RULES}:15:1, field tiers: survivors_fund without defaulter_fund: {DEFAULTER_FIRST}",
    ),
    rules(
        "a tier after the last",
        "- survivors_fund",
        "- uncovered\n  - survivors_fund",
        f"{RULES}:15:1, field tiers: uncovered must be the last tier",
    ),
    rules("capital without size", ": {amount: 100000}", "", f"{RULES}:18:5, field tiers.2: {ONE_SIZE}"),
    rules(
        "capital with two sizes",
        "amount: 100000",
        "amount: 1, share_of_fund: 0.1",
        f"{RULES}:18:5, field tiers.2.ccp_capital: {ONE_SIZE}",
    ),
    rules(
        "capital below zero",
        "100000}",
        "-1}",
        f"{RULES}:18:19, field tiers.2.ccp_capital.amount, value -1: at least 0 was expected",
    ),
    rules(
        "capital as a number",
        "{amount: 100000}",
        "100000",
        f"{RULES}:18:5, field tiers.2: the tier ccp_capital takes a mapping, for example {{amount: 1000000}}",
    ),
    rules(
        "details of a tier that has none",
        "- defaulter_margin",
        "- defaulter_margin: {amount: 1}",
        f"{RULES}:16:24, field tiers.0.defaulter_margin.amount, value 1: {UNKNOWN_KEY}",
    ),
    rules_file(
        "no tiers",
        TABLES[RULES].split("tiers:")[0] + "tiers: []\n",
        f"{RULES}:15:1, field tiers: at least one entry was expected, there is none",
    ),
    rules_file(
        "a word for the tiers",
        TABLES[RULES].split("tiers:")[0] + "tiers: all\n",
        f"{RULES}:15:1, field tiers, value 'all': a list was expected",
    ),
    rules_file(
        "several mistakes at once",
        TABLES[RULES].replace("0.99", "2").replace("cover: 2", "cover: no").replace("survivors_fund", "survivors"),
        f"{RULES}:5:3, field margin.confidence, value 2: less than 1 was expected",
        f"{RULES}:13:3, field fund.cover, value 'no': a whole number was expected",
        f"{RULES}:19:5, field tiers.3, value 'survivors': unknown tier 'survivors'; {TIER_WORDS}",
    ),
    rules_file("empty rulebook", "", f"{RULES}: {A_MAPPING}"),
    rules_file("nothing but a remark", "# later\n", f"{RULES}: {A_MAPPING}"),
    rules_file("a list for a rulebook", "- a\n- b\n", f"{RULES}:1: {A_MAPPING}"),
    rules_file(
        "rulebook in Latin-1", "currency: USD\nname: Größe\n".encode("latin-1"), f"{RULES}:2: text in UTF-8 ..."
    ),
    rules_file("nested without end", "a: " + "[" * 1000, f"{RULES}: not valid YAML: nested too deeply"),
    call(
        "unknown rulebook",
        unchanged,
        ("rulebook", "check", "textbook/none"),
        "textbook/none: neither a file nor a shipped rulebook; shipped are published/asx-clear, ...",
    ),
    call("no such rulebook", unchanged, ("rulebook", "check", "no.yaml"), "no.yaml: cannot be read: No such file ..."),
    call(
        "the rulebook is a directory",
        unchanged,
        ("size", "book", "-r", "market", "-o", "out"),
        "market: a file was expected, this is a directory",
    ),
]

SCENARIOS = [
    shocks(
        "pattern that matches nothing",
        swap(SHOCKS, "crash,IDX", "crash,NIK*"),
        "shocks.csv, row 2, column factor_id, value 'NIK*': no factor of the market matches (scenario crash)",
    ),
    shocks(
        "unknown kind",
        swap(SHOCKS, "absolute", "shift"),
        "shocks.csv, row 3, column kind, value 'shift': one of relative, absolute was expected",
    ),
    shocks(
        "factor twice in a scenario",
        swap(SHOCKS, "crash,IDX", "crash,ACME"),
        *(f"shocks.csv, row {row}, column scenario_id, factor_id, value 'crash, ACME': {DUPLICATE}" for row in (1, 2)),
    ),
    shocks("shock NaN", swap(SHOCKS, "-0.3", "NaN"), f"shocks.csv, row 1, column shock, value nan: {FINITE}"),
    shocks("shock in words", swap(SHOCKS, "-0.3", "down"), f"shocks.csv, row 1, column shock, value 'down': {FINITE}"),
    shocks(
        "shock beyond all measure",
        swap(SHOCKS, "-0.3", "300"),
        "shocks.csv, row 1, column shock, value 300.0: a relative shock of 100 at most was expected; 0.1 is up 10 %",
    ),
    shocks(
        "shock in per cent",
        swap(SHOCKS, "-0.3", "-30"),
        "shocks.csv, row 1, column shock, value -30.0: a relative shock of -1 at least was expected; -0.1 is down 10 %",
    ),
    shocks("no scenarios", put(SHOCKS, "scenario_id,factor_id,kind,shock\n"), f"shocks.csv: {NO_ROWS}"),
    shocks(
        "none that sizes the fund",
        put(SHOCKS, "scenario_id,factor_id,kind,shock,sizes_fund\ncrash,ACME,relative,-0.3,false\n"),
        "shocks.csv: at least one scenario that sizes the fund was expected; all say sizes_fund: false",
    ),
    shocks(
        "neither true nor false",
        put(SHOCKS, "scenario_id,factor_id,kind,shock,sizes_fund\ncrash,ACME,relative,-0.3,no\n"),
        "shocks.csv, row 1, column sizes_fund, value 'no': true or false was expected",
    ),
    yaml(
        "YAML: pattern that matches nothing",
        swap(SHOCKS_YAML, "IDX*", "NIK*"),
        f"{SHOCKS_YAML}:3:26, field scenarios.0.shocks.NIK*, value 'NIK*': no factor of the market matches "
        "(scenario crash)",
    ),
    yaml(
        "YAML: unknown kind",
        swap(SHOCKS_YAML, "absolute", "shift"),
        f"{SHOCKS_YAML}:5:5, field scenarios.1.kind, value 'shift': 'relative' or 'absolute' was expected",
    ),
    yaml(
        "YAML: scenario twice",
        swap(SHOCKS_YAML, "id: rates", "id: crash"),
        f"{SHOCKS_YAML}:4:5, field scenarios.1.id, value 'crash': {TWICE_OTHER}",
    ),
    yaml(
        "YAML: scenario twice by its multiple",
        both(
            swap(SHOCKS_YAML, "- id: crash", "- id: crash\n    multiples: [1, 2]"),
            swap(SHOCKS_YAML, "rates", "crash@2x"),
        ),
        f"{SHOCKS_YAML}:5:5, field scenarios.1.id, value 'crash@2x': {TWICE_OTHER}",
    ),
    yaml(
        "YAML: shock NaN",
        swap(SHOCKS_YAML, "-0.3", ".nan"),
        f"{SHOCKS_YAML}:3:14, field scenarios.0.shocks.ACME, value nan: {FINITE}",
    ),
    yaml(
        "YAML: shock in quotes",
        swap(SHOCKS_YAML, "-0.3", "'-0.3'"),
        f"{SHOCKS_YAML}:3:14, field scenarios.0.shocks.ACME, value '-0.3': {A_SHOCK}",
    ),
    yaml(
        "YAML: unknown detail of a shock",
        swap(SHOCKS_YAML, "1.5", "{shock: 1.5, size: 2}"),
        f"{SHOCKS_YAML}:6:33, field scenarios.1.shocks.RATE.size, value 2: {UNKNOWN_KEY}",
    ),
    yaml(
        "YAML: no shocks",
        swap(SHOCKS_YAML, "{RATE: 1.5}", "{}"),
        f"{SHOCKS_YAML}:6:5, field scenarios.1.shocks: at least one entry was expected, there is none",
    ),
    yaml(
        "YAML: no multiples",
        swap(SHOCKS_YAML, "kind: absolute", "multiples: []"),
        f"{SHOCKS_YAML}:5:5, field scenarios.1.multiples: at least one entry was expected, there is none",
    ),
    yaml(
        "YAML: no scenarios",
        put(SHOCKS_YAML, "scenarios: []\n"),
        f"{SHOCKS_YAML}:1:1, field scenarios: at least one entry was expected, there is none",
    ),
    yaml(
        "YAML: none that sizes the fund",
        put(SHOCKS_YAML, "scenarios:\n  - id: crash\n    sizes_fund: false\n    shocks: {ACME: -0.3}\n"),
        f"{SHOCKS_YAML}: at least one scenario that sizes the fund was expected; all say sizes_fund: false",
    ),
    yaml("YAML: a list for the file", put(SHOCKS_YAML, "- id: crash\n"), f"{SHOCKS_YAML}:1: {A_MAPPING}"),
    call("no such scenario file", unchanged, (*SIZE, "-s", "no.csv"), "no.csv: no such file"),
    call(
        "a text of scenarios", put("s.txt", "x"), (*SIZE, "-s", "s.txt"), "s.txt: a .parquet or .csv file was expected"
    ),
    Case(
        "no scenario of the rulebook sizes the fund",
        swap(RULES, "stress:", "stress:\n  plausible: {multiple: 0.5}"),
        ("scenarios: at least one scenario that sizes the fund was expected; all are beyond plausible",),
        (SIZE, DEFAULT),
    ),
    Case(
        "no scenario in the rulebook",
        swap(RULES, "  historical: {worst: 5}\n  hypothetical:\n    - market_gaps", "  multiples: [1]"),
        (
            "rulebook: at least one stress scenario was expected, under stress.historical, stress.hypothetical, "
            "stress.rate_shifts or stress.single_names",
        ),
        (SIZE, DEFAULT),
    ),
]

CALLS = [
    call(
        "unknown scenario",
        unchanged,
        (*DEFAULT, "-s", SHOCKS, "--scenario", "boom"),
        "--scenario, value 'boom': no such scenario; there are 2, for example crash, rates",
    ),
    call(
        "unknown defaulters",
        unchanged,
        (*DEFAULT, "--defaulters", "G9,M3,M9"),
        "--defaulters, value 'G9': no such group; the book's groups are G1, M3",
        "--defaulters, value 'M9': no such group; the book's groups are G1, M3",
    ),
    call("no defaulters", unchanged, (*DEFAULT, "--defaulters", ","), "--defaulters: at least one group was expected"),
    call("cover nobody", unchanged, (*DEFAULT, "--cover", "0"), "--cover, value 0: at least 1 was expected"),
    call(
        "cover and defaulters",
        unchanged,
        (*DEFAULT, "--cover", "1", "--defaulters", "M3"),
        "--cover, value 1: either defaulters or a cover number was expected, not both",
    ),
    call("--out is a file", put("out", "x"), SIZE, "out: a directory was expected, this is a file"),
    call(
        "--out is not empty",
        put("out/mine.txt", "x"),
        SIZE,
        "out: the directory is not empty; choose another or say --overwrite",
    ),
    call(
        "--overwrite of what is no run",
        put("out/mine.txt", "x"),
        (*DEFAULT, "--overwrite"),
        "out: only a directory that an earlier ccp default has written may be overwritten",
    ),
    call(
        "--overwrite of a run with a directory inside",
        both(put("out/manifest.json", OURS), lambda folder: (folder / "out/mine").mkdir()),
        (*SIZE, "--overwrite"),
        "out: only a directory that an earlier ccp size has written may be overwritten",
    ),
    call(
        "--overwrite of a run with a file of one's own",
        both(put("out/manifest.json", OURS), put("out/thesis.txt", "precious")),
        (*SIZE, "--overwrite"),
        "out: only a directory that an earlier ccp size has written may be overwritten",
    ),
    call(
        "--overwrite of a manifest that is not ours",
        put("out/manifest.json", "{}"),
        (*SIZE, "--overwrite"),
        "out: only a directory that an earlier ccp size has written may be overwritten",
    ),
    call(
        "--overwrite of another command's run",
        put("out/manifest.json", OURS),
        (*DEFAULT, "--overwrite"),
        "out: only a directory that an earlier ccp default has written may be overwritten",
    ),
    call(
        "--overwrite of the book itself",
        unchanged,
        (*SIZE[:-1], "book", "--overwrite"),
        "book: only a directory that an earlier ccp size has written may be overwritten",
    ),
    call("--overwrite of a file", put("out", "x"), (*SIZE, "--overwrite"), "out: a directory was expected, ..."),
    call("--out inside a file", put("sub", "x"), (*SIZE[:-1], "sub/out"), "sub/out: cannot be written: ..."),
    call("synth: not empty", put("out/mine.txt", "x"), ("synth", "out"), "out: the directory is not empty; ..."),
    call("synth: a file", put("out", "x"), ("synth", "out"), "out: a directory was expected, this is a file"),
    call(
        "synth: --overwrite",
        put("out/mine.txt", "x"),
        ("synth", "out", "--overwrite"),
        "out: only a directory that ...",
    ),
    call("demo: a file", put("out", "x"), ("demo", "-o", "out", "-q"), "out: a directory was expected, this is a file"),
    call(
        "demo: unknown rulebook", unchanged, ("demo", "-r", "none", "-o", "out", "-q"), "none: neither a file nor a ..."
    ),
]

CASES = [*FILES, *COLUMNS, *IDS, *CELLS, *TOGETHER, *NEEDS, *MARKET, *RULEBOOK, *SCENARIOS, *CALLS]

USAGE = {
    "no members": ("synth", "out", "--members", "0"),
    "seed below zero": ("synth", "out", "--seed", "-1"),
    "no threads": (*SIZE, "--threads", "0"),
    "cover in words": (*DEFAULT, "--cover", "two"),
    "no --out": SIZE[:-2],
    "unknown option": (*SIZE, "--fast"),
    "unknown command": ("sizes", "book"),
}
"""Calls that the command line itself refuses, by what is wrong with them."""
