"""A rulebook with the clearing house's skin in the game set to an amount, or to another place in the order of tiers."""

from dataclasses import dataclass, replace
from typing import Any

from ccp.rulebook.figures import Figure
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.tier_forms import PariPassu, Part, Tier, all_parts, parts_of
from ccp.rulebook.tier_table import UNCOVERED, kind_of
from ccp.rulebook.tiers import CcpCapital


@dataclass(frozen=True)
class _Stood:
    """A tier, or a part of one, and where it stood in the rulebook: its path, as figures have it ("": nowhere)."""

    part: Part
    path: str


@dataclass(frozen=True)
class _Row:
    """A place in the order: the tier that stood there, and what of its parts is to stand there now."""

    tier: Tier
    parts: tuple[_Stood, ...]

    @property
    def written(self) -> Tier:
        """The tier as it stands now."""
        if len(self.parts) == 1:
            return self.parts[0].part
        return self.tier.model_copy(update={"parts": tuple(one.part for one in self.parts)})


def tranches(rulebook: Rulebook) -> list[Any]:
    """The tiers, and parts of tiers, that are the clearing house's skin in the game."""
    return [part for part in all_parts(rulebook.tiers) if kind_of(part.word).own_capital]


def other_tiers(rulebook: Rulebook) -> list[Tier]:
    """The tiers in order without the clearing house's skin in the game, and without `uncovered`."""
    return [row.written for row in _without_own(_rows(rulebook)) if row.parts[0].part.word != UNCOVERED]


def first_place(rulebook: Rulebook) -> int:
    """The first place that skin in the game may have: how many of `other_tiers` are the defaulters' own money."""
    return sum(kind_of(part.word).defaulters_own for part in all_parts(other_tiers(rulebook)))


def own_place(rulebook: Rulebook) -> int | None:
    """How many of `other_tiers` stand ahead of the first tranche of skin in the game; None where there is none."""
    rows = _rows(rulebook)
    first = next((place for place, row in enumerate(rows) if any(_own(one) for one in row.parts)), None)
    return None if first is None else len(_without_own(rows[:first]))


def with_own_capital(rulebook: Rulebook, amount: float | None, place: int | None) -> Rulebook:
    """The rulebook with one tranche of skin in the game in place of all that it has.

    `amount` is in units of the currency (None: the size of the rulebook's first tranche, however it is stated), `place`
    says how many of `other_tiers` stand ahead of it. Without a place it stands where the first tranche did, also beside
    others, and in a rulebook without any right behind the defaulters' own money.
    """
    held = [one for row in _rows(rulebook) for one in row.parts if _own(one)]
    if (amount is None and place is None) or (amount is None and not held):
        return rulebook
    tranche = _tranche(held[0] if held else None, amount, place)
    if place is None and held:
        rows = _in_its_place(_rows(rulebook), held[0].path, tranche)
    else:
        rows = _without_own(_rows(rulebook))
        ahead = first_place(rulebook) if place is None else place
        rows.insert(ahead, _Row(tranche.part, (tranche,)))
    moved = {one.path: path for one, path in _paths(rows) if one.path}
    changed = rulebook.model_copy(
        update={"tiers": tuple(row.written for row in rows), "figures": _moved_figures(rulebook, moved)}
    )
    return Rulebook.model_validate(changed.model_dump(by_alias=True))


def _rows(rulebook: Rulebook) -> list[_Row]:
    """Every place in the order."""
    rows = []
    for place, tier in enumerate(rulebook.tiers):
        side_by_side = isinstance(tier, PariPassu)
        paths = [f"tiers.{place}" + (f".parts.{n}" if side_by_side else "") for n in range(len(parts_of(tier)))]
        rows.append(_Row(tier, tuple(map(_Stood, parts_of(tier), paths))))
    return rows


def _own(one: _Stood) -> bool:
    return kind_of(one.part.word).own_capital


def _without_own(rows: list[_Row]) -> list[_Row]:
    """The places that are left without skin in the game. Of a tier side by side with it the rest stays."""
    left = [replace(row, parts=tuple(one for one in row.parts if not _own(one))) for row in rows]
    return [row for row in left if row.parts]


def _in_its_place(rows: list[_Row], first: str, tranche: _Stood) -> list[_Row]:
    """The places with the tranche where the first one stood, and no other."""
    put = [replace(row, parts=tuple(tranche if one.path == first else one for one in row.parts)) for row in rows]
    left = [replace(row, parts=tuple(one for one in row.parts if one is tranche or not _own(one))) for row in put]
    return [row for row in left if row.parts]


def _tranche(first: _Stood | None, amount: float | None, place: int | None) -> _Stood:
    """The tranche to stand in the rulebook: with an amount of its own it is no figure any more, and at another place
    than the source has it that source says nothing of it."""
    held = first.part if first is not None else CcpCapital(amount=amount)
    sizes = dict.fromkeys({"share_of_fund", "share_of_regulatory_capital"} & set(type(held).model_fields))
    part = held if amount is None else held.model_copy(update={"amount": amount, **sizes})
    if place is not None:
        part = part.model_copy(update={"source": "", "date": None, "assumed": False, "reason": ""})
    return _Stood(part, first.path if first is not None and amount is None else "")


def _paths(rows: list[_Row]) -> list[tuple[_Stood, str]]:
    """What stands in the rulebook now, and its path."""
    return [
        (one, f"tiers.{place}" + (f".parts.{number}" if len(row.parts) > 1 else ""))
        for place, row in enumerate(rows)
        for number, one in enumerate(row.parts)
    ]


def _moved_figures(rulebook: Rulebook, moved: dict[str, str]) -> tuple[Figure, ...]:
    """The rulebook's figures under the paths of now, without those of what has gone."""
    figures = []
    for figure in rulebook.figures:
        if not figure.path.startswith("tiers."):
            figures.append(figure)
            continue
        old = next((path for path in moved if figure.path.startswith(f"{path}.")), None)
        if old is not None:
            figures.append(figure.model_copy(update={"path": moved[old] + figure.path.removeprefix(old)}))
    return tuple(figures)
