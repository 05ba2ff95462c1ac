"""Arguments of public functions, held against their annotations: misuse is one clear TypeError. Sees nothing else."""

from collections.abc import Callable, Collection, Mapping
from dataclasses import fields
from datetime import date, datetime
from functools import wraps
from inspect import Parameter, signature
from numbers import Integral, Real
from os import PathLike
from pathlib import Path
from types import UnionType
from typing import Any, Union, get_args, get_origin

import numpy as np

WORDS = {
    str: "a text",
    Path: "a path",
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    date: "a date",
    type(None): "None",
}
"""What is expected, in words; other classes by their names."""


def checked(function: Callable[..., Any], name: str) -> Callable[..., Any]:
    """The function under its public name, which refuses arguments of a wrong type.

    TypeError names function and parameter and says what was expected and what was found, at any depth of lists and
    mappings. Values are not looked at: those that do not fit are InputError, by the function itself.
    """
    known = signature(function)

    @wraps(function)
    def wrapped(*arguments: Any, **named: Any) -> Any:
        try:
            bound = known.bind(*arguments, **named)
        except TypeError as error:
            raise TypeError(f"{name}: {error}") from None
        for word, value in bound.arguments.items():
            parameter = known.parameters[word]
            for one in _each(parameter, value):
                _check(f"{name}: {word}", one, parameter.annotation)
        return function(*arguments, **named)

    wrapped.__module__, wrapped.__name__, wrapped.__qualname__ = "ccp", name, name
    return wrapped


def check_fields(given: Any) -> None:
    """Refuse a dataclass's fields of a wrong type, as `checked` does arguments."""
    for one in fields(given):
        _check(f"{type(given).__name__}: {one.name}", getattr(given, one.name), one.type)


def _each(parameter: Parameter, value: Any) -> Collection[Any]:
    """The values of a parameter that takes many, or its only one."""
    if parameter.kind is Parameter.VAR_POSITIONAL:
        return value
    return list(value.values()) if parameter.kind is Parameter.VAR_KEYWORD else (value,)


def _check(place: str, value: Any, kind: Any) -> None:
    """Refuse a value that is not of a kind; of a list or mapping also the values in it, one by one."""
    if not _fits(value, kind):
        found = "None" if value is None else f"{_named(type(value))}"
        hint = "; collect() makes a DataFrame of it" if type(value).__name__ == "LazyFrame" else ""
        raise TypeError(f"{place}: {_expected(kind)} was expected, not {found}{hint}")
    for one in _kinds(kind):
        inside = get_args(one)
        if isinstance(value, Mapping) and get_origin(one) in (dict, Mapping):
            for key, entry in value.items():
                _check(f"{place}, a key", key, inside[0])
                _check(f"{place}, {key!r}", entry, inside[1])
        elif _is_list(one) and _is_listed(value):
            for number, entry in enumerate(value):
                _check(f"{place}, {number}", entry, _entry(inside, number))


def _fits(value: Any, kind: Any) -> bool:
    return any(_is(value, one) for one in _kinds(kind))


def _kinds(kind: Any) -> tuple[Any, ...]:
    """The kinds of which one is enough."""
    return get_args(kind) if get_origin(kind) in (UnionType, Union) else (kind,)


def _is(value: Any, kind: Any) -> bool:
    """Whether a value is of one kind, without what is in it."""
    origin = get_origin(kind) or kind
    if origin in (Parameter.empty, Any):
        return True
    if origin is np.ndarray:
        return isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)
    if _is_list(kind):
        return _is_listed(value)
    if origin in (int, float):
        return isinstance(value, Integral if origin is int else Real) and not isinstance(value, bool | np.bool_)
    if origin is bool:
        return isinstance(value, bool | np.bool_)
    if origin is date:  # a datetime is a date, and never equal to one
        return isinstance(value, date) and not isinstance(value, datetime)
    return isinstance(value, PathLike if origin is Path else origin)


def _is_list(kind: Any) -> bool:
    origin = get_origin(kind)
    return (
        isinstance(origin, type)
        and origin is not np.ndarray
        and issubclass(origin, Collection)
        and (not issubclass(origin, Mapping))
    )


def _is_listed(value: Any) -> bool:
    """Whether a value is several: any collection, but for a text and what is looked up by keys."""
    return isinstance(value, Collection) and not isinstance(value, str | bytes | Mapping)


def _entry(inside: tuple[Any, ...], number: int) -> Any:
    """The kind of an entry of a list, all of one, or of a tuple of several, each of its own."""
    return inside[0] if len(inside) == 1 or inside[-1] is Ellipsis else inside[min(number, len(inside) - 1)]


def _expected(kind: Any) -> str:
    words = [_in_words(one) for one in _kinds(kind)]
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} or {words[-1]}"


def _in_words(kind: Any) -> str:
    origin = get_origin(kind) or kind
    if origin is np.ndarray:
        return "an array"
    if _is_list(kind):
        return "a list"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "a mapping"
    return WORDS.get(origin, "a function" if origin is Callable else _named(origin))


def _named(kind: Any) -> str:
    """A class by its name, one of another library with the library's: pandas has a DataFrame, too."""
    library = getattr(kind, "__module__", "builtins").split(".")[0]
    name = getattr(kind, "__name__", str(kind))
    return name if library in ("builtins", "ccp", "datetime", "pathlib") else f"{library}.{name}"
