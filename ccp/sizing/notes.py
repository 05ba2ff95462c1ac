"""Notes on a sized fund: who is left to pay, what members do not state, rules that a run of one day cannot follow."""

from collections.abc import Iterator
from typing import Literal

from ccp.market.case import Case
from ccp.money import to_units
from ccp.notes.note import Note, named, note
from ccp.rulebook.rulebook import Rulebook
from ccp.sizing.cover import Cover
from ccp.sizing.coverage import LeftUncovered
from ccp.sizing.size import Sized, counted_scenarios
from ccp.stress.measure import Measured


def fund_notes(case: Case) -> list[Note]:
    """Notes on a fund that is sized on one day."""
    return [*group_notes(case), *one_day_notes(case.rulebook)]


def search_notes(sized: Sized) -> Iterator[Note]:
    """Figures over the scenarios that size the fund, or test it, of which a worse set of groups is not ruled out."""
    return unproved_notes(sized.figures, sized.measured, sized.digits)


def unproved_notes(figures: dict[str, Cover], measured: Measured, digits: int) -> Iterator[Note]:
    """For each figure that is not proved between which amounts it is, and what leaves that open."""
    scenarios = int(counted_scenarios(measured).sum())
    candidates = measured.screened.count if measured.screened else 0
    for name, one in figures.items():
        words = {"figure": name, "found": _end(one, one.found, digits), "bound": _end(one, one.amount, digits)}
        if one.open_scenarios and not one.proved:
            yield note("not_proved", "stress.most_sets", one.open_scenarios, scenarios, **words)
        if one.open_windows and not one.proved:
            yield note("windows_not_proved", "stress.historical", one.open_windows, candidates, **words)


def _end(figure: Cover, amount: int, digits: int) -> str:
    """What a figure may come to, in words."""
    words = f"{to_units(abs(amount), digits):,.{digits}f}"
    return words if not isinstance(figure, LeftUncovered) else f"{words} {'left over' if amount < 0 else 'uncovered'}"


def group_notes(case: Case) -> Iterator[Note]:
    """Whether anybody is left when as many groups default as the fund is to cover."""
    groups, cover = len(case.portfolio.groups), case.rulebook.fund.cover
    if groups <= cover:
        yield note("few_groups", "fund.cover", groups, cover + 1, cover=cover)


def one_day_notes(rulebook: Rulebook) -> Iterator[Note]:
    """Rules of the fund that go by several days."""
    rules = rulebook.fund
    if rules.look_back.days > 1:
        days = rules.look_back.days
        yield note("needs_days", "fund.look_back.days", 1, days, instead="the fund is sized on today's cover alone")
    if rules.largest_fall < 1:
        yield note("needs_days", "fund.largest_fall", 1, 2, instead="no earlier size of the fund is known")
    if rules.supplementary_margin is not None:
        yield note("needs_days", "fund.supplementary_margin", 1, 2, instead="nothing has been called yet")


def unstated_by_members(case: Case, field: Literal["capital", "liquidity"]) -> Iterator[Note]:
    """Members that do not state what they can bear, or pay in a day: it is without limit."""
    values = case.book.member_column(field)
    names = [name for name, value in zip(case.portfolio.members, values, strict=True) if value is None]
    if names:
        yield note(f"no_{field}", f"members.{field}", len(names), len(values), names=named(names))
