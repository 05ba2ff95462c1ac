"""Errors of the Python functions, told on the command line: a parameter's name becomes its option's.

The name of an option is that of the command's parameter of the same name, as typer has it.
"""

import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from functools import wraps
from inspect import signature
from typing import Any, get_args

from ccp.errors import ArgumentProblem, InputError, Problem

QUOTED = re.compile(r"`(\w+)`")
"""How a message names a parameter other than its own."""
NAMES: ContextVar[dict[str, str]] = ContextVar("NAMES", default={})  # noqa: B039  never changed in place


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """A command that knows, while it runs, what its parameters are called on the command line."""

    @wraps(command)
    def called(*arguments: Any, **named: Any) -> None:
        before = NAMES.set(option_names(command))
        try:
            command(*arguments, **named)
        finally:
            NAMES.reset(before)

    return called


def option_names(command: Callable[..., None]) -> dict[str, str]:
    """By parameter, the option's long name; of an argument the word that the help has for it."""
    found = {}
    for name, parameter in signature(command).parameters.items():
        stated = next((one for one in get_args(parameter.annotation) if hasattr(one, "param_decls")), None)
        if stated is not None and type(stated).__name__ == "ArgumentInfo":
            found[name] = (stated.metavar or name).strip("[].")
        elif stated is not None:
            stated_names = (stated.default, *(stated.param_decls or ()))  # the first may stand where a default would
            long = [one for one in stated_names if isinstance(one, str) and one.startswith("--")]
            found[name] = long[0].partition("/")[0] if long else usual(name)
    return found


def usual(name: str) -> str:
    """What an option is called that is called like its parameter."""
    return f"--{name.replace('_', '-')}"


@contextmanager
def told_by_options() -> Iterator[None]:
    """Errors that name parameters name options instead."""
    try:
        yield
    except InputError as error:
        raise InputError([_told(one) for one in error.problems], error.total) from None


def _told(problem: Problem) -> Problem:
    """The words of a file (a problem that has a field or a line) stay what they are: they are nobody's options."""
    of_argument = isinstance(problem, ArgumentProblem)
    if not of_argument and (problem.field is not None or problem.line is not None):
        return problem
    source = _option(problem.source) if of_argument else problem.source
    expected = QUOTED.sub(lambda found: _option(found[1]), problem.expected)
    return replace(problem, source=source, expected=expected)


def _option(name: str) -> str:
    return NAMES.get().get(name, usual(name))
