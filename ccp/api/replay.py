"""Real defaults, run again."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ccp.frames import ReplayRows, types_of
from ccp.money import minor_units
from ccp.replays.document import Replay
from ccp.replays.load import load_replay, replay_path
from ccp.replays.run import ReplayedRun, Step, run_replay
from ccp.replays.sources import assumed_inputs, loss_chosen, loss_set_to_margin, origin_of
from ccp.rulebook.tier_kind import NOBODY
from ccp.runs.commands import COMMANDS
from ccp.runs.manifest import rulebooks_manifest, with_notes
from ccp.runs.run import Run
from ccp.waterfall.table import defaulters_name, payment_rows
from ccp.waterfall.trace import trace_tiers

KIND = COMMANDS["replay"]
LOSSES = ("loss_set_to_margin", "loss_chosen")
"""What is said of losses that no source states."""


@dataclass(frozen=True)
class Replayed:
    """What `replay` found. `runs` is plain data: expected beside computed and every tier's story; `assumed_inputs` are
    the figures that go in and that no source states; `loss_set_to_margin` says whether a loss is its margin because one
    of the two was set so, `loss_chosen` whether one is assumed otherwise; `margin_calls` are told and compute nothing;
    `waterfall` has a row for every payer of every tier; `agrees` says whether everything that was expected was
    computed, to the minor unit."""

    title: str
    description: str
    source: str
    currency: str
    scale: float
    digits: int
    assumed_inputs: list[str]
    loss_set_to_margin: bool
    loss_chosen: bool
    margin_calls: list[dict[str, Any]]
    runs: list[dict[str, Any]]
    waterfall: pl.DataFrame

    @property
    def agrees(self) -> bool:
        """Whether all runs agree with what is expected of them."""
        return all(run["agrees"] for run in self.runs)

    def as_dict(self) -> dict[str, Any]:
        """Everything but the table, as plain data."""
        fields = ("title", "description", "source", "currency", "scale", "agrees", "assumed_inputs")
        return {name: getattr(self, name) for name in (*fields, *LOSSES, "margin_calls", "runs")}


def replay(document: str | Path | Replay) -> Replayed:
    """Run a real default again: a shipped one by its name, or a file. Raises InputError."""
    read = document if isinstance(document, Replay) else load_replay(document)
    runs = run_replay(read)
    rows = [row for run in runs for step in run.steps for row in _rows(run, step, read.currency_digits)]
    return Replayed(
        read.title,
        read.description,
        read.source,
        read.currency,
        read.scale,
        read.currency_digits,
        assumed_inputs(read),
        loss_set_to_margin(read),
        loss_chosen(read),
        [_called(read, place) for place in range(len(read.margin_calls))],
        [_run(run, read.currency_digits) for run in runs],
        pl.DataFrame(rows, schema=types_of(ReplayRows)),
    )


def replays_run(names: Sequence[str | Path], found: Sequence[Replayed]) -> Run:
    """Replays as one finished run, for pages."""
    files = {str(name): replay_path(name) for name in names}
    stated = with_notes(rulebooks_manifest(KIND.command, files, [], {"replays": [str(name) for name in names]}), [])
    return Run("replays", KIND.command, stated, stated={"replays": [one.as_dict() for one in found]})


def _called(replay: Replay, place: int) -> dict[str, Any]:
    """A margin call with its source, in the replay's units."""
    call, (assumed, source) = replay.margin_calls[place], origin_of(replay, f"margin_calls.{place}.amount")
    return {"date": call.date.isoformat(), "amount": call.amount, "assumed": assumed, "source": source}


def _rows(run: ReplayedRun, step: Step, digits: int) -> list[dict[str, Any]]:
    named = {
        "run": run.name,
        "event": step.default,
        "round": step.round,
        "service": step.service or None,
        "for_service": step.for_service or None,
        "defaulters": defaulters_name(step.plan, step.outcome.event.defaulters),
    }
    return [named | row for row in payment_rows(step.plan, step.outcome, digits)]


def _run(run: ReplayedRun, digits: int) -> dict[str, Any]:
    unit = minor_units(digits)
    return {
        "name": run.name,
        "rulebook": run.rulebook.name,
        "agrees": run.agrees,
        "compared": [vars(one) for one in run.compared],
        "by_stakeholder": _by_stakeholder(run, unit),
        "uncovered": run.uncovered / unit,
        "surplus_margin": run.surplus / unit,
        "events": [
            {
                "default": step.default,
                "round": step.round,
                "service": step.service,
                "for_service": step.for_service,
                "defaulters": [step.plan.groups[group] for group in step.outcome.event.defaulters],
                **trace_tiers(step.plan, step.outcome, digits),
            }
            for step in run.steps
        ],
        "recoveries": [
            {
                "default": repaid.stated.default,
                "date": repaid.stated.date.isoformat(),
                "origin": repaid.stated.origin,
                "tier": one.tier,
                "payer": _payer(run, repaid.stated.default, one.payer),
                "amount": one.amount / unit,
            }
            for repaid in run.recoveries
            for one in repaid.shares
        ],
    }


def _by_stakeholder(run: ReplayedRun, unit: int) -> dict[str, float]:
    """Who pays in the whole run; what one service leaves and another pays is not nobody's."""
    sums: dict[str, int] = {}
    for draw in (draw for step in run.steps for draw in step.outcome.draws):
        if draw.kind.stakeholder is not NOBODY:
            sums[draw.stakeholder] = sums.get(draw.stakeholder, 0) + draw.amount
    return {name: amount / unit for name, amount in (sums | {NOBODY.name: run.uncovered}).items()}


def _payer(run: ReplayedRun, number: int, payer: int | None) -> str | None:
    step = next(step for step in run.steps if step.default == number)
    return None if payer is None else step.plan.members[payer]
