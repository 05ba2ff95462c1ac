"""One ladder of losses through several rulebooks: who pays."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl

from ccp.api.inputs import load_rulebook, rulebook_path
from ccp.errors import refuse_argument
from ccp.frames import LadderRows, types_of
from ccp.money import minor_units
from ccp.notes.note import Note, note
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.tier_kind import NOBODY
from ccp.runs.commands import COMMANDS
from ccp.runs.manifest import rulebooks_manifest, with_notes
from ccp.runs.run import Run
from ccp.runs.write import write_run
from ccp.waterfall.ladder import MEMBERS, RUNGS, Rung, StylisedHouse, climb, stylised_house
from ccp.waterfall.notes import Told, tier_notes, unsized

KIND = COMMANDS["compare"]


@dataclass(frozen=True)
class Comparison:
    """What `compare` found: `ladder` has a row for every rulebook, rung and tier; `houses` says what was compared,
    `notes` what a reader must know beside them."""

    ladder: pl.DataFrame
    houses: list[dict[str, Any]]
    manifest: dict[str, Any]
    notes: list[Note]

    def write(self, out: Path | str, overwrite: bool = False) -> Path:
        """Write the comparison to a directory, whole or not at all."""
        documents = {"houses": self.houses, "manifest": self.manifest}
        return write_run(Path(out), KIND.command, {"ladder": self.ladder}, documents, overwrite)

    def as_run(self) -> Run:
        """The comparison as a finished run, for pages."""
        return Run("comparison", KIND.command, self.manifest, None, {"ladder": self.ladder}, {"houses": self.houses})


def compare(
    rulebooks: Sequence[str | Path | Rulebook],
    fund: float | None = None,
    members: int = MEMBERS,
    cover: int | None = None,
    rungs: Sequence[float] = RUNGS,
) -> Comparison:
    """Put losses of several times the fund through several rulebooks, each with a stylised clearing house.

    Each fund is the service's published size unless `fund` is given (units of each rulebook's currency). `cover` is how
    many of the largest members default; `rungs` are the losses in multiples of the fund. Raises InputError.
    """
    if len(rulebooks) < 1:
        raise refuse_argument("rulebooks", "at least one rulebook was expected")
    loaded = [one if isinstance(one, Rulebook) else load_rulebook(one) for one in rulebooks]
    named = [one.name if isinstance(one, Rulebook) else str(one) for one in rulebooks]
    if len(set(named)) < len(named):
        raise refuse_argument("rulebooks", "a rulebook is named twice")
    _check(fund, members, cover, rungs)
    losses = sorted({f"{rung:g}": rung for rung in reversed(rungs)}.values())
    houses = [stylised_house(one, fund, members, cover) for one in loaded]
    for name, house in zip(named, houses, strict=True):
        _check_house(name, house)
    rows = [
        row
        for name, house in zip(named, houses, strict=True)
        for rung in climb(house, losses)
        for row in _rows(name, house, rung)
    ]
    files = {str(one): rulebook_path(one) for one in rulebooks if not isinstance(one, Rulebook)}
    run = {"members": members, "cover": cover, "fund": fund, "ladder": losses}
    notes = [one for name, house in zip(named, houses, strict=True) for one in house_notes(name, house, fund)]
    return Comparison(
        pl.DataFrame(rows, schema=types_of(LadderRows)),
        [_described(name, house) for name, house in zip(named, houses, strict=True)],
        with_notes(rulebooks_manifest(KIND.command, files, loaded, run), notes),
        notes,
    )


def house_notes(name: str, house: StylisedHouse, fund: float | None) -> list[Note]:
    """Notes on a rulebook's stylised clearing house. `fund`: the size that was asked for."""
    prefix = f"{name}: "
    found = tier_notes(house.rulebook, Told(len(house.plan.members), classes=False), prefix)
    if not house.published and fund is None:
        words = {"currency": house.rulebook.currency, "amount": f"{house.fund:,.0f}"}
        found.append(note("fund_not_published", f"{prefix}fund.published_size", 0, 1, **words))
    return found


def _check(fund: float | None, members: int, cover: int | None, rungs: Sequence[float]) -> None:
    if fund is not None and not 0 < fund <= 1e13:
        raise refuse_argument("fund", "more than 0 and at most 1e13 was expected", value=fund)
    if not 3 <= members <= 1000:
        raise refuse_argument("members", "3 to 1000 members were expected", value=members)
    if cover is not None and not 1 <= cover < members:
        raise refuse_argument("cover", f"at least 1 and fewer than the {members} members was expected", value=cover)
    if not rungs or not all(0 <= rung <= 1000 for rung in rungs):
        raise refuse_argument("rungs", "multiples of the fund from 0 to 1000 were expected")


def _check_house(name: str, house: StylisedHouse) -> None:
    count = len(house.plan.members)
    if len(house.defaulters) >= count:
        expected = f"more than the {len(house.defaulters)} that default under {name} were expected"
        raise refuse_argument("members", expected, value=count)
    if int(house.plan.contributions.min()) <= 0:
        raise refuse_argument(
            "fund", f"a fund that gives each of {count} members a contribution was expected", value=house.fund
        )


def _rows(name: str, house: StylisedHouse, rung: Rung) -> list[dict[str, Any]]:
    unit, loss = minor_units(house.rulebook.currency_digits), rung.outcome.loss
    return [
        {
            "rulebook": name,
            "loss_multiple": rung.multiple,
            "loss": loss / unit,
            "tier_place": draw.place,
            "tier": draw.tier,
            "name": draw.name,
            "stakeholder": draw.stakeholder,
            "available": None if draw.kind.stakeholder is NOBODY else draw.available / unit,
            "amount": draw.amount / unit,
            "loss_share": draw.amount / loss if loss else 0.0,
        }
        for draw in rung.outcome.draws
    ]


def _described(name: str, house: StylisedHouse) -> dict[str, Any]:
    return {
        "rulebook": name,
        "title": house.rulebook.name,
        "currency": house.rulebook.currency,
        "fund": house.fund,
        "fund_from": _fund_from(house),
        "members": len(house.plan.members),
        "defaulters": [house.plan.groups[group] for group in house.defaulters],
        "sizes_not_found": len(unsized(house.rulebook)),
        "assumed_figures": sum(figure.assumed for figure in house.rulebook.figures),
        "figures": len(house.rulebook.figures),
    }


def _fund_from(house: StylisedHouse) -> str:
    """Where the size of the fund comes from, in words."""
    if not house.published:
        return "chosen for the comparison"
    stated = [figure for figure in house.rulebook.figures if figure.path == "fund.published_size"]
    return "assumed in the rulebook" if any(one.assumed for one in stated) else "published by the service"
