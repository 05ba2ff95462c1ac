"""Changes from several places, and where each was stated: what is wrong with one is told with its line."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ccp.book.changes import Changes
from ccp.documents import load_yaml, place_of, validated
from ccp.errors import Problem, refuse

if TYPE_CHECKING:
    from ruamel.yaml.nodes import Node

LISTS = ("add_members", "add_accounts", "remove", "scale", "trades")


@dataclass(frozen=True)
class ChangeSource:
    """Changes from one place: `name` says which, `node` is the document's where it is a YAML file."""

    name: str
    changes: Changes
    node: "Node | None" = None


@dataclass(frozen=True)
class StatedChanges:
    """Changes from several places, later ones after earlier ones. `changes` are all of them in one, but for rules."""

    changes: Changes
    sources: tuple[ChangeSource, ...]

    @property
    def rules(self) -> list[tuple[str, Any]]:
        """Values of the rulebook by their path, in the order in which they are set."""
        return [pair for source in self.sources for pair in source.changes.rules.items()]

    def problem(self, expected: str, part: str, number: int, field: str, value: object) -> Problem:
        """What is wrong with one entry of one of the lists, where it was stated."""
        for source in self.sources:
            count = len(getattr(source.changes, part))
            if number < count:
                where = place_of(source.node, part, number, field)
                return Problem(source.name, expected, f"{part}.{number}.{field}", value, **where)
            number -= count
        raise IndexError(number)

    def rule_problem(self, problem: Problem) -> Problem:
        """A problem of the changed rulebook, where the rule that it comes from was stated last: that at its very
        place, or else the one nearest to it."""
        steps = (problem.field or "").split(".")
        for source in reversed(self.sources):
            location = _location(source.changes.rules, steps)
            if location:
                return replace(problem, source=source.name, **place_of(source.node, "rules", *location))
        pairs = [(source, path) for source in reversed(self.sources) for path in source.changes.rules]
        source, path = max(pairs, key=lambda pair: _shared(pair[1].split("."), steps))
        return replace(problem, source=source.name, **place_of(source.node, "rules", path))


def _shared(one: list[str], other: list[str]) -> int:
    """How many first steps two paths have in common."""
    return next((count for count, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), len(one))


def _location(rules: Any, steps: list[str]) -> list[str | int]:
    """The keys that lead to a path, which may be written together, as `fund.cover`, or one inside the other."""
    if isinstance(rules, list) and steps and steps[0].isdigit() and int(steps[0]) < len(rules):
        return [int(steps[0]), *_location(rules[int(steps[0])], steps[1:])]
    for count in range(len(steps), 0, -1):
        key = ".".join(steps[:count])
        if isinstance(rules, dict) and key in rules:
            return [key, *_location(rules[key], steps[count:])]
    return []


def read_changes(path: Path | str) -> Changes:
    """Changes out of a YAML file. Raises InputError."""
    return _read(path).changes


def _read(path: Path | str) -> ChangeSource:
    data, node = load_yaml(Path(path))
    return ChangeSource(str(path), validated(data, node, str(path), Changes), node)


def stated_changes(given: Sequence[Changes | Path | str]) -> StatedChanges:
    """Changes, and YAML files of them, one after the other. Raises InputError."""
    sources = tuple(ChangeSource("changes", one) if isinstance(one, Changes) else _read(one) for one in given)
    if all(source.changes == Changes() for source in sources):
        raise refuse(sources[0].name if sources else "changes", "at least one change was expected")
    lists: dict[str, Any] = {
        name: tuple(entry for one in sources for entry in getattr(one.changes, name)) for name in LISTS
    }
    return StatedChanges(Changes(**lists), sources)
