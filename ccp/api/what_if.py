"""What a change would do to a sized fund, from what the sized run keeps."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from ccp.api.changed_case import case_after, check_changed, matching_notes, positions_of
from ccp.api.kept_base import Base, read_base
from ccp.api.noted import sized_notes
from ccp.api.run_manifest import windows_of_run
from ccp.book.changed_book import apply_changes
from ccp.book.changes import Changes
from ccp.book.order import in_order
from ccp.book.stated_changes import StatedChanges, read_changes, stated_changes
from ccp.errors import InputError, refuse
from ccp.exposure.run import Progress
from ccp.margin.collateral import holdings
from ccp.margin.issuers import same_groups
from ccp.market.case import Case
from ccp.notes.note import Note
from ccp.pricing.horizon import case_scenarios
from ccp.pricing.issuers import same_paper
from ccp.rulebook.with_rules import SOURCE, same_measuring, with_rules
from ccp.runs.commands import COMMANDS
from ccp.runs.manifest import manifest
from ccp.sizing.figures import coverage_figures
from ccp.sizing.results import contributions_table
from ccp.sizing.size import Sized, size_fund
from ccp.sizing.windows import with_windows
from ccp.stress.measure import Measured, measure_parts, measured_of
from ccp.stress.parts import EngineModel, InTurn, engine_model, part_tasks
from ccp.stress.what_if import (
    MOST_POSITIONS,
    Origin,
    Touched,
    affected,
    measure_changed,
    model_after,
    origins,
    touched_pools,
)
from ccp.stress.windows import window_model

if TYPE_CHECKING:
    from ccp.api.size import Sizing

__all__ = ["WhatIf", "read_changes", "what_if"]
KIND = COMMANDS["whatif"]


@dataclass(frozen=True)
class WhatIf:
    """A sized fund as it would be: its figures (`coverage.json`) before and after, and by member the contribution
    before and after; `measured` of its `accounts` were measured again.

    `sizing`, the run as it would be, is made when it is first asked for: tables and stories take longer than figures.
    """

    before: dict[str, Any]
    coverage: dict[str, Any]
    contributions: pl.DataFrame
    measured: int
    accounts: int
    notes: list[Note]
    sized: Sized
    manifest: dict[str, Any]

    @cached_property
    def sizing(self) -> "Sizing":
        """The run as it would be: that of `size` on the changed book, bit for bit."""
        from ccp.api.size import sizing_of  # a tenth of a second: only where it is asked for

        return sizing_of(self.sized, self.manifest, self.notes)


def what_if(run: Path | str, *changes: Changes | Path | str, progress: Progress | None = None) -> WhatIf:
    """Size a run's fund again as if its book, or a rule, were changed: the answer of a full run, bit for bit.

    `run` is a directory that `size` has written with what it keeps for this, `changes` are in one or several parts, a
    YAML file or `Changes` each. Only pools that a change touches are measured again, unless a rule of margin, stress,
    close-out or collateral changes: then all are. Raises InputError.
    """
    stated = stated_changes(changes)
    base = read_base(run)
    with _located(stated):
        rulebook = with_rules(base.case.rulebook, stated.rules)
        changed = apply_changes(base.case.book, stated, lambda places: positions_of(base.case, places))
        now = case_after(base.case, changed, rulebook)
        partly = same_measuring(base.case.rulebook, rulebook) and now.factor_ids == base.case.factor_ids
        partly = partly and same_groups(base.case, now) and same_paper(base.case, now)
        model, moved = base.model, changed.touched
        if partly:
            model = model_after(base.model, base.case, now)
            moved = moved | affected(base.model, base.case, model, now)
        origin = origins(base.case, now, changed.members, changed.accounts, moved)
        touched = touched_pools(base.case, now, origin)
        check_changed(base, now, touched, partly)
        measured = _measure_changed(base, model, now, origin, touched) if partly else _measure_all(base, now, progress)
    sized, accounts = size_fund(measured), len(origin.account)
    return WhatIf(
        before=base.coverage,
        coverage=coverage_figures(sized),
        contributions=_contributions(base, sized),
        measured=int((origin.account < 0).sum()) if partly else accounts,
        accounts=accounts,
        notes=sized_notes(sized, base.scenarios) + matching_notes(base, now, touched),
        sized=sized,
        manifest=_manifest(Path(run), measured, stated),
    )


@contextmanager
def _located(stated: StatedChanges) -> Iterator[None]:
    """Problems of the changed rulebook are located where the rules were stated."""
    try:
        yield
    except InputError as error:
        own = [one.source == SOURCE and bool(stated.rules) for one in error.problems]
        if not any(own):
            raise
        problems = [stated.rule_problem(one) if mine else one for one, mine in zip(error.problems, own, strict=True)]
        raise InputError(problems, error.total) from None


def _measure_changed(base: Base, model: EngineModel, now: Case, origin: Origin, touched: Touched) -> Measured:
    """The changed book, measured as far as it has changed."""
    windows = window_model(base.case) if base.found.windows else None
    before, after = replace(base.model, windows=windows), replace(model, windows=windows)
    found = measure_changed(before, after, base.found, base.case, now, origin, touched)
    if found is None:
        expected = "margins come out otherwise here than where this was written; size the book again"
        raise refuse(str(base.folder), expected)
    return with_windows(measured_of(now, model, [found]), most=MOST_POSITIONS)


def _measure_all(base: Base, now: Case, progress: Progress | None) -> Measured:
    """The changed book, measured under other rules, or with other factors."""
    stress = case_scenarios(now, base.scenarios)
    model = engine_model(now, stress, None if base.scenarios else window_model(now))
    tasks = part_tasks(now.portfolio, holdings(now), MOST_POSITIONS)
    return with_windows(measure_parts(now, model, tasks, InTurn(), progress), most=MOST_POSITIONS)


def _contributions(base: Base, sized: Sized) -> pl.DataFrame:
    """By member, the required contribution before and after; null for those that are not there."""
    after = contributions_table(sized).select("member_id", after="contribution")
    before = base.contributions.select("member_id", before="contribution")
    return in_order(before.join(after, on="member_id", how="full", coalesce=True), "members")


def _manifest(run: Path, measured: Measured, stated: StatedChanges) -> dict[str, Any]:
    """The base run by the digests of what it says of itself, and what was changed."""
    now = measured.case
    changes = stated.changes.model_dump(exclude_defaults=True) | {"rules": dict(stated.rules)}
    about = {"command": KIND.command, "date": now.date.isoformat(), "changes": changes} | windows_of_run(measured)
    files = {"base/manifest": run / "manifest.json", "base/coverage": run / "coverage.json"}
    return manifest(files, now.rulebook, about)
