"""Errors a user can mend: what is wrong, where, and what was expected. Sees nothing else of the package."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import isfinite

SHOWN = 20
"""How many problems a message lists before it only counts the rest."""

CURRENCY = "^[A-Z]{3}$"
NAME = r"^[^,+\x00-\x1f\x7f]*$"
"""Groups and members are listed with commas on the command line and joined by + in results."""
FORMS = {
    CURRENCY: "a code of three capital letters (ISO 4217)",
    NAME: "a name without comma, plus sign or control character",
}
"""What a text must look like, in words; tables and documents use the same."""

LARGEST_AMOUNT = 1e14
"""No single amount of money may be larger: cents are 64-bit integers, and sums of many amounts must fit as well."""


@dataclass(frozen=True)
class Problem:
    """One thing wrong in the input.

    `source` is a table or file; `row` counts data rows from 1 (a CSV's header is not a row); `line` and
    `position` (the column within the line) locate text files; `field` is the table column or the YAML path.
    """

    source: str
    expected: str
    field: str | None = None
    value: object = None
    row: int | None = None
    line: int | None = None
    position: int | None = None

    def __str__(self) -> str:
        """The problem on one line: place, value, expectation."""
        place = self.source
        if self.line is not None:
            place += f":{self.line}" + (f":{self.position}" if self.position is not None else "")
        parts = [place]
        if self.row is not None:
            parts.append(f"row {self.row}")
        if self.field:
            parts.append(f"{'field' if self.line is not None else 'column'} {self.field}")
        if self.value is not None:
            parts.append(f"value {_shown(self.value)}")
        return ", ".join(parts) + f": {self.expected}"

    def as_dict(self) -> dict[str, object]:
        """The same as plain data, without what is not known."""
        fields = ("source", "row", "line", "position", "field", "value", "expected")
        found = {name: getattr(self, name) for name in fields}
        if isinstance(self.value, float) and not isfinite(self.value):
            found["value"] = str(self.value)  # JSON has no NaN and no infinity
        return {name: value for name, value in found.items() if value is not None}


@dataclass(frozen=True)
class ArgumentProblem(Problem):
    """What is wrong with an argument of a Python function: `source` is the parameter's name.

    Other parameters stand in `expected` between backticks. The command line tells both by their options' names.
    """


def _shown(value: object) -> str:
    text = repr(value if isinstance(value, str | int | float) else str(value))
    return text if len(text) <= 80 else f"{text[:80]}..."


class CcpError(Exception):
    """Anything this package raises on purpose."""


class InputError(CcpError):
    """The input cannot be used. Carries the problems found, and how many there are in all."""

    def __init__(self, problems: Sequence[Problem], total: int | None = None):
        self.problems = list(problems[:SHOWN])
        self.total = max(total or 0, len(problems))
        super().__init__(self.message)

    def __reduce__(self) -> tuple[type["InputError"], tuple[list[Problem], int]]:
        """As it was made: between processes an exception would travel as its message alone."""
        return InputError, (self.problems, self.total)

    @property
    def message(self) -> str:
        """The problems shown, one a line, and a count of the rest."""
        lines = [str(problem) for problem in self.problems]
        if self.total > len(lines):
            lines.append(f"... and {self.total - len(lines)} more ({self.total} problems in all)")
        return "\n".join(lines)


class ConservationError(CcpError):
    """The layers of a waterfall do not add up to the loss: a fault of this program, never of the input."""


class ReconciliationError(CcpError):
    """A day's movements of money do not add up: a fault of this program, never of the input."""


def refuse_argument(name: str, expected: str, **where: object) -> InputError:
    """An `InputError` about a parameter of a Python function; the command line tells it by the option's name."""
    return InputError([ArgumentProblem(name, expected, **where)])  # type: ignore[arg-type]


def refuse(source: str, expected: str, **where: object) -> InputError:
    """An `InputError` with a single problem, ready to raise."""
    return InputError([Problem(source, expected, **where)])  # type: ignore[arg-type]
