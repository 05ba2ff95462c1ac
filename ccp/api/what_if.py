"""What a change would do to a sized fund, from what the sized run keeps."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ccp.api.base import Base, read_base
from ccp.api.size import Sizing, sizing_of
from ccp.book.book import Book, find_book_problems
from ccp.book.changes import ChangedBook, Changes, apply_changes
from ccp.book.kept import ChangedPortfolio
from ccp.book.portfolio import build_portfolio, compressed
from ccp.documents import load_yaml, validated
from ccp.errors import refuse
from ccp.market.case import Case
from ccp.market.needs import find_market_problems, needed_factors
from ccp.report.manifest import manifest
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.with_rules import same_measuring, with_rules
from ccp.scenarios.stress_set import stress_scenarios
from ccp.sizing.size import size_fund
from ccp.stress.measure import Measured, measure, measured_of
from ccp.stress.parts import engine_model
from ccp.stress.what_if import Origin, measure_changed, origins
from ccp.tables import raise_problems


@dataclass(frozen=True)
class WhatIf:
    """The run as it would be (`sizing`), the figures before, and how many of its accounts were measured again."""

    sizing: Sizing
    before: dict[str, Any]
    measured: int
    accounts: int
    notes: list[str]


def read_changes(path: Path | str) -> Changes:
    """Changes out of a YAML file. Raises InputError."""
    data, node = load_yaml(Path(path))
    return validated(data, node, str(path), Changes)


def what_if(run: Path | str, changes: Changes | Path | str) -> WhatIf:
    """Size a run's fund again as if its book, or a rule, were changed: the answer of a full run, bit for bit.

    Only pools that a change touches are measured again, unless a rule of margin, stress or collateral changes: then all
    are. `run` is a directory that `size` has written with what it keeps for this. Raises InputError.
    """
    source = "changes" if isinstance(changes, Changes) else str(changes)
    wanted = changes if isinstance(changes, Changes) else read_changes(changes)
    base = read_base(run)
    rulebook = with_rules(base.case.rulebook, wanted.rules, source)
    changed = apply_changes(base.case.book, wanted, source, lambda names: _positions_of(base.case, names))
    now = _case_after(base.case, changed, rulebook, source)
    origin = origins(base.case, now, set(changed.changed))
    partly = same_measuring(base.case.rulebook, rulebook) and now.factor_ids == base.case.factor_ids
    measured = _measure_changed(base, now, origin) if partly else _measure_all(base, now)
    accounts = int((origin.account < 0).sum()) if partly else len(origin.account)
    stated = manifest(
        {"base/manifest": Path(run) / "manifest.json", "base/coverage": Path(run) / "coverage.json"},
        rulebook,
        {"command": "whatif", "date": now.date.isoformat(), "changes": wanted.model_dump(exclude_defaults=True)},
    )
    sizing = sizing_of(size_fund(measured), stated, base.scenarios is not None)
    return WhatIf(sizing, base.coverage, accounts, len(origin.account), _notes(base.case, now, origin))


def _measure_changed(base: Base, now: Case, origin: Origin) -> Measured:
    """The changed book, measured as far as it has changed."""
    model = engine_model(base.case, base.stress)
    return measured_of(now, model, [measure_changed(model, base.found, base.case, now, origin)])


def _measure_all(base: Base, now: Case) -> Measured:
    """The changed book, measured under other rules."""
    rules = now.rulebook
    problems = find_market_problems(now.book, now.market, rules.currency, rules.margin.history_rows)
    raise_problems(problems, len(problems))
    return measure(now, stress_scenarios(rules, now.market, now.factor_ids, base.scenarios))


def _notes(before: Case, now: Case, origin: Origin) -> list[str]:
    """Whether quantities still sum to zero: what is not matched is said, and not refused."""
    gone = np.setdiff1d(np.arange(len(before.portfolio.pools)), origin.pool)
    net = np.zeros(len(now.portfolio.instruments))
    for sign, portfolio, pools in ((-1, before.portfolio, gone), (1, now.portfolio, np.flatnonzero(origin.pool < 0))):
        positions = portfolio.part(pools).positions
        net += sign * np.bincount(positions.instrument, positions.quantity, minlength=len(net))
    open_ended = int((np.abs(net) > 1e-9).sum())
    if not (open_ended and now.rulebook.book.matched):
        return []
    return [f"quantities no longer sum to zero in {open_ended} instruments: nobody is on the other side of the change"]


def _positions_of(case: Case, names: list[str]) -> pl.DataFrame:
    """The positions of some accounts."""
    places = {name: place for place, name in enumerate(case.portfolio.accounts)}
    offset, instrument, quantity = case.portfolio.positions
    instruments = case.portfolio.instruments
    rows = [
        (name, instruments[instrument[entry]], float(quantity[entry]))
        for name in names
        for entry in range(offset[places[name]], offset[places[name] + 1])
    ]
    return pl.DataFrame(rows, schema=case.book.positions.schema, orient="row")


def _case_after(before: Case, changed: ChangedBook, rulebook: Rulebook, source: str) -> Case:
    """The changed book met with the market. Raises InputError."""
    book = changed.book
    _check(book, source)
    tree, old = build_portfolio(book), before.portfolio
    place = {name: number for number, name in enumerate(old.accounts)}
    new = set(changed.changed)
    origin = np.array([-1 if name in new else place[name] for name in tree.accounts], dtype=np.int64)
    own = pl.Series([name for name in tree.accounts if name in new], dtype=pl.String)
    arrays = compressed(changed.positions, own, pl.Series(tree.instruments, dtype=pl.String))
    fields: dict[str, Any] = tree.__dict__ | {"positions": old.positions}
    portfolio = ChangedPortfolio(**fields, origin=origin, changed=arrays)
    return Case(book, before.market, rulebook, needed_factors(book, rulebook.currency), portfolio)


def _check(book: Book, source: str) -> None:
    """What any book is checked for, but its positions."""
    names = ("members", "accounts", "instruments", "collateral")
    tables = {name: getattr(book, name) for name in names if getattr(book, name) is not None}
    for name, table in tables.items():
        if name != "collateral" and not table.height:
            raise refuse(source, f"nothing would be left in the book's {name}")
    sources = dict.fromkeys([*tables, "positions"], source)
    findings = find_book_problems(tables, sources, False, ("positions",))[1]
    raise_problems(findings.problems, findings.total)
