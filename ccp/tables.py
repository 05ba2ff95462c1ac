"""Reading tables, and checking them so that every problem is found in one pass.

Sees columns and errors; schemas are handed to it.
"""

import csv
from collections.abc import Sequence
from copy import copy
from pathlib import Path
from typing import Any

import dataframely as dy
import polars as pl

from ccp.columns import stated_column
from ccp.errors import FORMS, SHOWN, InputError, Problem, refuse

BATCH_ROWS = 500_000
"""Rows checked at a time: bounds what checking holds in memory beside the table."""


BOUNDS = {"min": "at least", "min_exclusive": "more than", "max": "at most", "max_exclusive": "less than"}
"""A schema's bounds on a number, and how a message says them."""


def find_table(directory: Path, name: str) -> Path | None:
    """The file of a table in a directory: NAME.parquet or NAME.csv, never both."""
    found = [path for suffix in ("parquet", "csv") if (path := directory / f"{name}.{suffix}").is_file()]
    if len(found) > 1:
        raise refuse(str(directory), f"{name}.parquet and {name}.csv both stand here; keep one")
    return found[0] if found else None


def read_raw(path: Path) -> pl.DataFrame:
    """A table as it stands in the file: Parquet with its types, CSV as text."""
    try:
        if path.suffix == ".parquet":
            return pl.read_parquet(path)
        if path.suffix == ".csv":
            return _read_csv(path)
    except FileNotFoundError:
        raise refuse(str(path), "no such file") from None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
        first_line = (str(error).splitlines() or [type(error).__name__])[0]
        raise refuse(str(path), f"cannot be read as {path.suffix[1:]}: {first_line}") from None
    raise refuse(str(path), "a .parquet or .csv file was expected")


def _read_csv(path: Path) -> pl.DataFrame:
    """A CSV as text. What polars passes over in silence is refused: a name that stands twice, a line too short."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as lines:
            names = next(csv.reader(lines), [])
        _check_header(path, names)
        table = pl.read_csv(path, infer_schema=False)
    except (UnicodeDecodeError, csv.Error, pl.exceptions.PolarsError):
        _check_text(path)
        _check_lines(path)
        raise
    if table.to_series(-1).null_count():  # a line too short leaves the last column empty
        _check_lines(path)
    return table


def _check_header(path: Path, names: list[str]) -> None:
    if not names:
        raise refuse(str(path), "the names of the columns were expected on the first line, it is empty", line=1)
    twice = [name for name in dict.fromkeys(names) if name and names.count(name) > 1]
    problems = [Problem(str(path), "duplicate; a column may stand only once", field=name) for name in twice]
    if "" in names:
        expected = f"every column must have a name, number {names.index('') + 1} has none"
        problems.append(Problem(str(path), expected, line=1))
    raise_problems(problems, len(problems))


def _check_text(path: Path) -> None:
    content = path.read_bytes()
    try:
        content.decode("utf-8")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise refuse(str(path), "text in UTF-8 was expected", line=line) from None


def _check_lines(path: Path) -> None:
    """Refuse the first line that has not as many values as the header has names."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        rows, width, before = csv.reader(lines), 0, 0
        try:
            for row in rows:
                width = width or len(row)
                if len(row) != width:
                    expected = f"{width} values were expected, as many as columns, there are {len(row)}"
                    raise refuse(str(path), expected, line=before + 1)
                before = rows.line_num
        except csv.Error as error:
            raise refuse(str(path), f"{error}; is there a quote that never ends?", line=before + 1) from None


def read_table(path: Path, schema: type[dy.Schema]) -> tuple[pl.DataFrame, list[Problem], int]:
    """Read and check one table: the frame (all rows, typed), the first problems, and how many there are."""
    return check_table(read_raw(path), schema, path.name)


def check_table(raw: pl.DataFrame, schema: type[dy.Schema], source: str) -> tuple[pl.DataFrame, list[Problem], int]:
    """Check a frame against a schema. With problems, the frame is only fit for looking for more of them."""
    problems = _column_problems(raw, schema, source)
    if raw.height == 0:
        problems.append(Problem(source, "at least one row was expected, the table is empty"))
        return schema.create_empty(), problems, len(problems)
    refused = {problem.field for problem in problems}
    present = raw.with_columns(
        pl.lit(None, dtype=pl.String).alias(name)
        for name in schema.columns()
        if name not in raw.columns or name in refused
    ).select(list(schema.columns()))
    frame = present.with_columns(_cast(present, name, kind) for name, kind in schema.columns().items())
    failed = _cast_problems(present, frame, schema, source)
    ruled, count = _rule_problems(frame, present, schema, source, refused)
    found = problems + failed[0] + ruled
    found.sort(key=lambda problem: problem.row or 0)
    return frame, found[:SHOWN], len(problems) + failed[1] + count


def _column_problems(raw: pl.DataFrame, schema: type[dy.Schema], source: str) -> list[Problem]:
    known = schema.columns()
    problems = [
        Problem(source, f"unknown column; the table may have {', '.join(known)}", field=_seen(name))
        for name in raw.columns
        if name not in known
    ]
    missing = [name for name, kind in known.items() if not kind.nullable and name not in raw.columns]
    problems += [Problem(source, "this column is required and is missing", field=name) for name in missing]
    for name, kind in raw.schema.items():
        if name in known and (kind.is_nested() or kind == pl.Binary):
            expected = f"{stated_column(known[name]).kind_in_words} was expected, the column's type is {kind}"
            problems.append(Problem(source, expected, field=name))
    return problems


def _seen(name: str) -> str:
    """A column's name so that blanks around it can be seen."""
    return name if name and name == name.strip() else repr(name)


def _cast(present: pl.DataFrame, name: str, kind: dy.Column) -> pl.Expr:
    """The column in its own type; what cannot be cast becomes null and is found by `_cast_problems`."""
    found, wanted = present.schema[name], kind.dtype
    if found == wanted:
        return pl.col(name)
    text = pl.col(name).cast(pl.String).str.strip_chars()
    textual = isinstance(found, pl.String | pl.Categorical | pl.Enum)
    if isinstance(wanted, pl.Enum):
        return pl.when(text.is_in(wanted.categories.to_list())).then(text).cast(wanted).alias(name)
    if wanted == pl.Boolean:
        word = text.str.to_lowercase()
        return pl.when(word == "true").then(True).when(word == "false").then(False).alias(name)
    if wanted == pl.Date and textual:
        return text.str.to_date("%Y-%m-%d", strict=False).alias(name)
    if wanted == pl.Float64 and textual:
        return text.cast(wanted, strict=False).alias(name)
    fitting = {pl.Date: found == pl.Datetime, pl.Float64: found.is_numeric()}.get(wanted.base_type(), True)
    return pl.col(name).cast(wanted, strict=False) if fitting else pl.lit(None, dtype=wanted).alias(name)


def _cast_problems(
    present: pl.DataFrame, frame: pl.DataFrame, schema: type[dy.Schema], source: str
) -> tuple[list[Problem], int]:
    problems, total = [], 0
    for name, kind in schema.columns().items():
        lost = (present[name].is_not_null() & frame[name].is_null()).arg_true()
        total += len(lost)
        expected = f"{stated_column(kind).kind_in_words} was expected"
        for row in lost.head(SHOWN).to_list():
            problems.append(Problem(source, expected, field=name, value=present[name][row], row=row + 1))
    return problems, total


def _rule_problems(
    frame: pl.DataFrame, present: pl.DataFrame, schema: type[dy.Schema], source: str, refused: set[str | None]
) -> tuple[list[Problem], int]:
    """What is wrong in the rows, without what failed to cast (found already): rules a batch at a time, then keys."""
    located = _row_rules(schema, refused)
    failing: dict[str, list[pl.Series]] = {}
    for begin in range(0, frame.height, BATCH_ROWS):
        failures = located.filter(frame.slice(begin, BATCH_ROWS).with_row_index("row", offset=begin + 1))[1]
        if not len(failures):
            continue
        details = failures.details()
        for rule in failures.counts():
            rows = details.filter(pl.col(rule) == "invalid")["row"]
            name, _, failed = rule.partition("|")
            if failed == "nullability":
                rows = rows.filter(present[name].gather(rows - 1).is_null())
            if failed in BOUNDS and frame.schema[name].is_float():  # what is no finite number is said once
                rows = rows.filter(frame[name].gather(rows - 1).is_finite())
            if rows.is_empty():
                continue
            failing.setdefault(rule, []).append(rows)
    failing["primary_key"] = [_repeated_keys(frame, schema.primary_key())]
    problems, total = [], 0
    for rule, parts in failing.items():
        rows = pl.concat(parts)
        total += len(rows)
        problems += [_rule_problem(source, schema, frame, rule, row) for row in rows.head(SHOWN).to_list()]
    return problems, total


def _row_rules(schema: type[dy.Schema], refused: set[str | None]) -> type[dy.Schema]:
    """The schema's rules on single rows, with the row's number; keys need the whole table and are left out.

    Columns refused as a whole are empty here, and nothing more is said of their rows.
    """
    columns: dict[str, Any] = {}
    for name, kind in schema.columns().items():
        columns[name] = copy(kind)
        columns[name].primary_key = False
        columns[name].nullable = kind.nullable or name in refused
    return type(schema.__name__, (dy.Schema,), columns | {"row": dy.UInt32(nullable=True)})


def _repeated_keys(frame: pl.DataFrame, key: list[str]) -> pl.Series:
    """Rows, from 1, whose key stands more than once. Hashes first: whole keys are compared only where hashes meet."""
    if not key:
        return pl.Series(dtype=pl.UInt32)
    hashed = frame.select(pl.struct(key).hash().alias("hash"))["hash"]
    meeting = hashed.is_duplicated().arg_true()
    keys = frame.select(key)[meeting]
    stated = keys.select(pl.all_horizontal(pl.all().is_not_null()).alias("stated"))["stated"]
    return (meeting + 1).filter(keys.is_duplicated() & stated).cast(pl.UInt32)


def _rule_problem(source: str, schema: type[dy.Schema], frame: pl.DataFrame, rule: str, row: int) -> Problem:
    if rule == "primary_key":
        key = schema.primary_key()
        value = ", ".join(str(frame[name][row - 1]) for name in key)
        return Problem(source, "duplicate; it may stand only once", ", ".join(key), value, row)
    name, _, failed = rule.partition("|")
    kind = schema.columns()[name]
    expected = _expectation(kind, failed)
    value = None if failed == "nullability" else frame[name][row - 1]
    return Problem(source, expected, name, value, row)


def _expectation(kind: Any, failed: str) -> str:
    limits = {
        "nullability": "a value is required, the cell is empty",
        "nan": "a finite number was expected",
        "inf": "a finite number was expected",
        "min_length": "text was expected, the cell is empty",
    }
    if failed in limits:
        return limits[failed]
    if failed == "regex":
        return f"{FORMS[kind.regex]} was expected"
    bound = getattr(kind, failed)
    return f"{BOUNDS[failed]} {bound:g} was expected"


def raise_problems(problems: Sequence[Problem], total: int) -> None:
    """Raise an `InputError` when there is anything to report."""
    if problems:
        raise InputError(problems, total)
