"""Changes as options of the command line state them, and what is wrong with them told by the option's name."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from ccp.book.changes import Changes, Remove, Scale, Trade
from ccp.documents import plain_value, validated
from ccp.errors import InputError, Problem, refuse

Several = list[str] | None


@contextmanager
def told_by_option() -> Iterator[None]:
    """Problems of what the options stated are told by the option's name."""
    try:
        yield
    except InputError as error:
        raise InputError([_told(one) for one in error.problems], error.total) from None


def _told(problem: Problem) -> Problem:
    if problem.source != "changes" or problem.field is None:
        return problem
    part, field = problem.field.split(".")[0], problem.field.split(".")[-1]
    if part in ("trades", "scale", "remove"):
        option = "--trade" if part == "trades" else f"--{part}-{field.removesuffix('_id')}"
        return replace(problem, source=option, field=None)
    value = problem.field if problem.value is None else f"{problem.field}={problem.value}"
    return replace(problem, source="--set", field=None, value=value)


def wanted_changes(
    trades: Several,
    scale_accounts: Several,
    scale_members: Several,
    remove_accounts: Several,
    remove_members: Several,
    rules: Several,
) -> Changes | None:
    """The changes that the options state, if any. Raises InputError."""
    if not any((trades, scale_accounts, scale_members, remove_accounts, remove_members, rules)):
        return None
    scale = [
        validated({field: name, "by": by}, None, option, Scale)
        for option, field, texts in (
            ("--scale-account", "account_id", scale_accounts),
            ("--scale-member", "member_id", scale_members),
        )
        for name, by in _pairs(option, texts)
    ]
    return Changes(
        trades=tuple(validated(_trade(text), None, "--trade", Trade) for text in trades or []),
        scale=tuple(scale),
        remove=tuple(Remove(account_id=one) for one in remove_accounts or [])
        + tuple(Remove(member_id=one) for one in remove_members or []),
        rules={path: plain_value("--set", value) for path, value in _texts("--set", rules)},
    )


def _trade(text: str) -> dict[str, Any]:
    parts = text.rsplit(",", 2)
    if len(parts) != 3:
        raise refuse("--trade", "ACCOUNT,INSTRUMENT,QUANTITY was expected", value=text)
    return {"account_id": parts[0], "instrument_id": parts[1], "quantity": _number("--trade", parts[2], text)}


def _pairs(option: str, texts: Several) -> list[tuple[str, float]]:
    return [(name, _number(option, value, f"{name}={value}")) for name, value in _texts(option, texts)]


def _texts(option: str, texts: Several) -> list[tuple[str, str]]:
    """Texts of the form NAME=VALUE, apart."""
    parts = [text.rpartition("=") if option != "--set" else text.partition("=") for text in texts or []]
    for (name, sign, value), text in zip(parts, texts or [], strict=True):
        if not (name and sign and value):
            raise refuse(option, "a name, an equals sign and a value were expected", value=text)
    return [(name, value) for name, _, value in parts]


def _number(option: str, value: str, text: str) -> float:
    try:
        return float(value)
    except ValueError:
        raise refuse(option, f"a number was expected, not {value!r}", value=text) from None
