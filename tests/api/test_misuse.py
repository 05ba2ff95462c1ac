"""Arguments of a wrong type are one TypeError that names function and parameter, in every public function."""

from datetime import date, datetime
from inspect import Parameter, isfunction, signature
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import ccp

LAZY = pl.LazyFrame({"member_id": ["A"]})
BOOK: list[Any] = [None, ["book"], LAZY, 3]
RULES: list[Any] = [None, ["rules.yaml"], {"tiers": []}]
MARKET: list[Any] = [["prices"], LAZY, 3.5]
FILE: list[Any] = [["file"], 3, LAZY]
DAY: list[Any] = ["2022-12-30", datetime(2022, 12, 30), 20221230]
NUMBER: list[Any] = [None, "3", [3], True, 2.5]
FLAG: list[Any] = [None, "yes", [True]]
CALL: list[Any] = ["bar", 3]
AMOUNTS: list[Any] = [None, [1.0], {"A": "1"}, {"A": None}, {1: 1.0}, LAZY]
ARRAY: list[Any] = [None, "1", 1.0, LAZY, {"A": 1.0}]
CASE: dict[str, list[Any]] = {"book": BOOK, "rulebook": RULES, "market": MARKET}
MISUSE: dict[str, dict[str, list[Any]]] = {
    "backtest": {
        **CASE, "first": [None, *DAY], "last": [None, *DAY], "models": ["rulebook", [3]], "book_date": DAY,
        "progress": CALL,
    },
    "book_from_frames": {"tables": [None, [], LAZY, {"members": LAZY}, {"members": None}], "matched": FLAG},
    "check": {**CASE, "day": DAY},
    "compare": {
        "rulebooks": [None, "published/eurex", [None], [["a"]]], "fund": ["1", [1.0], True], "members": NUMBER,
        "cover": ["2", 2.0, True], "rungs": [None, 1.0, "1,2", ["1"]],
    },
    "default": {
        **CASE, "scenario": [3, ["a"]], "defaulters": ["M001", [1], {"M001": 1}], "cover": ["2", 2.0, True],
        "scenarios": FILE, "day": DAY, "progress": CALL, "contagion": FLAG, "fire_sale": ["no", [True]],
    },
    "draw_paths": {
        "rulebook": RULES, "contributions": AMOUNTS, "loss": ARRAY, "in_default": ARRAY, "margin": ARRAY[1:],
        "groups": [["A"], {"A": 1}], "bills": FLAG, "known": ARRAY,
    },
    "example_book": {},
    "hypothetical_capital": {"exposures": AMOUNTS, "contributions": AMOUNTS, "rulebook": RULES},
    "pack": {"runs": [None, ["run"], LAZY], "since": FILE},
    "read_book": {"directory": BOOK, "matched": FLAG},
    "read_changes": {"path": [None, *FILE]},
    "read_market": {"path": FILE},
    "read_rulebook": {"name": RULES},
    "replay": {"document": [None, ["a"], 3]},
    "simulate": {
        **CASE, "out": [None, *FILE], "request": [None, {"first": 1}, DAY], "resume": FLAG, "overwrite": FLAG,
        "progress": CALL,
    },
    "size": {**CASE, "scenarios": FILE, "day": DAY, "progress": CALL, "streaming": [2**30, "2GiB"], "base": FLAG},
    "synthesize": {
        "out": [None, *FILE], "book_size": [3, {"members": 3}], "seed": NUMBER, "overwrite": FLAG, "progress": CALL,
    },
    "what_if": {"run": [None, *FILE], "changes": [None, {"rules": {}}, ["a.yaml"]], "progress": CALL},
}  # fmt: skip
"""By function and parameter, arguments that it cannot take."""
GIVEN: dict[str, Any] = {
    "book": "book", "run": "run", "rulebook": "textbook/cover-two", "first": date(2022, 1, 3), "last": date(2022, 1, 4),
    "rulebooks": ["published/eurex"], "contributions": {"A": 1.0}, "exposures": {"A": 1.0}, "loss": np.zeros((1, 1)),
    "in_default": np.zeros((1, 1), dtype=bool), "tables": {}, "directory": "book", "path": "file", "name": "a",
    "out": "out",
    "request": ccp.RunRequest(date(2022, 1, 3), date(2022, 1, 4)), "document": "nasdaq-2018",
}  # fmt: skip
"""What the other parameters are given."""


def functions() -> set[str]:
    return {name for name in ccp.__all__ if isfunction(getattr(ccp, name))}


def test_every_public_function_and_parameter_is_in_the_table() -> None:
    assert set(MISUSE) == functions()
    for name in MISUSE:
        assert set(MISUSE[name]) == set(signature(getattr(ccp, name)).parameters), name


def given(parameter: Parameter, needed: dict[str, Any], wrong: Any) -> tuple[list[Any], dict[str, Any]]:
    """Arguments of which one is wrong, where it may stand: of several, by its name, or under any name."""
    if parameter.kind is parameter.VAR_POSITIONAL:
        return [*needed.values(), wrong], {}
    named = {"claims": wrong} if parameter.kind is parameter.VAR_KEYWORD else {parameter.name: wrong}
    return [], needed | named


@pytest.mark.parametrize(("function", "parameter"), [(name, word) for name in MISUSE for word in MISUSE[name]])
def test_an_argument_of_a_wrong_type_is_one_clear_error(function: str, parameter: str) -> None:
    stated = signature(getattr(ccp, function)).parameters
    needed = {name: GIVEN[name] for name, one in stated.items() if one.default is one.empty and name in GIVEN}
    for wrong in MISUSE[function][parameter]:
        arguments, named = given(stated[parameter], needed, wrong)
        with pytest.raises(TypeError) as caught:
            getattr(ccp, function)(*arguments, **named)
        message = str(caught.value)
        assert message.startswith(f"{function}: {parameter}"), (wrong, message)
        assert " was expected, not " in message, message


def test_a_lazy_frame_says_how_to_make_a_table_of_it() -> None:
    with pytest.raises(TypeError) as caught:
        ccp.book_from_frames({"members": LAZY})  # type: ignore[dict-item]
    expected = "book_from_frames: tables, 'members': polars.DataFrame was expected, not polars.LazyFrame"
    assert str(caught.value) == f"{expected}; collect() makes a DataFrame of it"


def test_a_table_of_another_name_is_refused() -> None:
    with pytest.raises(ccp.InputError, match="tables, value 'position': one of the book's tables was expected"):
        ccp.book_from_frames({"position": pl.DataFrame()})


@pytest.mark.parametrize("wrong", [{"first": "2022-01-03"}, {"gaps": [("2022-01-04", "a")]}, {"trades": "t.csv"}])
def test_a_request_of_wrong_types_is_refused_where_it_is_made(wrong: dict[str, Any]) -> None:
    asked: dict[str, Any] = {"first": date(2022, 1, 3), "last": date(2022, 1, 4)} | wrong
    with pytest.raises(TypeError, match=f"RunRequest: {next(iter(wrong))}"):
        ccp.RunRequest(**asked)
    with pytest.raises(TypeError, match="Streaming: memory: a whole number or None was expected, not str"):
        ccp.Streaming(memory="2GiB")  # type: ignore[arg-type]


def test_errors_of_functions_name_parameters(small_book: Path) -> None:
    with pytest.raises(ccp.InputError, match=r"^cover, value 0: at least 1 was expected$"):
        ccp.default(small_book, cover=0)
    with pytest.raises(ccp.InputError, match=r"^rungs: multiples of the fund"):
        ccp.compare(["published/eurex"], rungs=[-1])
    with pytest.raises(ccp.InputError, match="choose another or say `overwrite`"):
        ccp.synthesize(small_book)
