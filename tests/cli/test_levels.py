"""Factors that pass zero: refused alike by every command, on every day and in every scenario, and nothing written."""

import json
from datetime import date
from pathlib import Path

import pytest
from support import rye
from typer.testing import CliRunner

import ccp
from ccp.cli.main import app
from ccp.errors import InputError

INPUTS = ("book", "-m", "market", "-r", "rules.yaml")
OWN = ("--models", "rulebook")
ROW = 12
"""The spoilt row from 0: 2031-03-19, the thirteenth of the file."""
OVER = ("--from", "2031-03-17", "--to", "2031-03-20")
BEFORE = ("--from", "2031-03-17", "--to", "2031-03-18")
ONE = ("--from", "2031-03-17", "--to", "2031-03-17")
AFTER = ("--from", "2031-03-20", "--to", "2031-03-21")
CALLS = {
    "check": ("check", *INPUTS),
    "check later": ("check", *INPUTS, "--date", "2031-03-20"),
    "size": ("size", *INPUTS, "-o", "out"),
    "size with a base": ("size", *INPUTS, "--base", "-o", "out"),
    "size on disk": ("size", *INPUTS, "--memory", "1GiB", "-o", "out"),
    "default": ("default", *INPUTS, "--defaulters", "North", "-o", "out"),
    "simulate over it": ("simulate", *INPUTS, *OVER, "-o", "out"),
    "simulate up to it": ("simulate", *INPUTS, "--from", "2031-03-17", "--to", "2031-03-19", "-o", "out"),
    "simulate from it": ("simulate", *INPUTS, "--from", "2031-03-19", "--to", "2031-03-21", "-o", "out"),
    "simulate after it": ("simulate", *INPUTS, *AFTER, "-o", "out"),
    "simulate a book of that day": ("simulate", *INPUTS, *BEFORE, "--book-date", "2031-03-19", "-o", "out"),
    "back test over it": ("backtest", *INPUTS, *OWN, *OVER, "--book-date", "2031-03-18", "-o", "out"),
    "back test up to the day before": ("backtest", *INPUTS, *OWN, *BEFORE, "--book-date", "2031-03-18", "-o", "out"),
    "back test after it": ("backtest", *INPUTS, *OWN, *AFTER, "--book-date", "2031-03-18", "-o", "out"),
    "back test of a book of that day": ("backtest", *INPUTS, *OWN, *BEFORE, "--book-date", "2031-03-19", "-o", "out"),
    "back test of a later book": ("backtest", *INPUTS, *OWN, *BEFORE, "-o", "out"),
}
"""Every way of using a price of 2031-03-19: on the run's day, in a look-back, in what comes after, on a later day."""


FEW = {name: CALLS[name] for name in ("size", "simulate over it", "back test over it")}


def run(*arguments: str) -> tuple[int, str, str]:
    """Exit status, standard output and standard error of a command in this process; a traceback fails the test."""
    result = CliRunner().invoke(app, list(arguments))
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


def refused(folder: Path, *arguments: str) -> str:
    """The message of a call that must be refused and write nothing."""
    before = sorted(folder.rglob("*"))
    status, output, message = run(*arguments)
    assert (status, output) == (2, ""), message
    assert sorted(folder.rglob("*")) == before
    status, output, message_of_json = run(*arguments, "--json")
    assert (status, message_of_json) == (2, "")
    assert json.loads(output)["total"] == 1
    return message.removeprefix("error:").strip()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("arguments", CALLS.values(), ids=CALLS)
def test_a_relative_factor_below_zero_is_refused_by_every_command(arguments: tuple[str, ...], folder: Path) -> None:
    rye.write_rye(folder, {"RYE": rye.prices({ROW: -7.0})})
    assert refused(folder, *arguments) == (
        "prices.csv, row 13, column RYE, value -7.0: levels of a relative factor must be positive; "
        "on 2031-03-19 it is -7"
    )


@pytest.mark.parametrize("arguments", FEW.values(), ids=FEW)
def test_so_is_one_at_zero(arguments: tuple[str, ...], folder: Path) -> None:
    rye.write_rye(folder, {"RYE": rye.prices({ROW: 0.0})})
    assert refused(folder, *arguments) == (
        "prices.csv, row 13, column RYE, value 0.0: levels of a relative factor must be positive; on 2031-03-19 it is 0"
    )


NOT_USED = {
    "check before it": ("check", *INPUTS, "--date", "2031-03-18"),
    "size before it": ("size", *INPUTS, "--date", "2031-03-18", "-o", "out"),
    "simulate up to the day before": ("simulate", *INPUTS, *BEFORE, "-o", "out"),
    "simulate while it is closed": ("simulate", *INPUTS, *OVER, "--closed", "2031-03-19:2031-03-19", "-o", "out"),
    "back test that ends before it": ("backtest", *INPUTS, *OWN, *ONE, "--book-date", "2031-03-18", "-o", "out"),
}


@pytest.mark.parametrize("arguments", NOT_USED.values(), ids=NOT_USED)
def test_a_level_that_is_not_used_is_not_refused(arguments: tuple[str, ...], folder: Path) -> None:
    rye.write_rye(folder, {"RYE": rye.prices({ROW: -7.0})})
    status, _, message = run(*arguments)
    assert status == 0, message


@pytest.mark.parametrize("arguments", FEW.values(), ids=FEW)
def test_a_price_that_moves_by_differences_may_pass_zero(arguments: tuple[str, ...], folder: Path) -> None:
    rye.write_rye(folder, {"RYE": rye.prices({ROW: -7.0})}, "RYE,absolute,commodity\n")
    status, _, message = run(*arguments)
    assert status == 0, message


@pytest.mark.parametrize("change", ["relative", "absolute"])
@pytest.mark.parametrize("arguments", FEW.values(), ids=FEW)
def test_an_exchange_rate_may_not_however_it_moves(arguments: tuple[str, ...], change: str, folder: Path) -> None:
    rate = [1.1] * 12 + [-0.1] + [1.1] * 3
    columns = {"RYE": rye.prices(), "USD/EUR": rate}
    rye.write_rye(folder, columns, f"RYE,absolute,commodity\nUSD/EUR,{change},\n", "long")
    (folder / "book/instruments.csv").write_text(rye.INSTRUMENTS.replace("EUR", "USD"))
    what = (
        "an exchange rate must be positive" if change == "absolute" else "levels of a relative factor must be positive"
    )
    assert refused(folder, *arguments) == (
        f"prices.csv, row 26, column value, value -0.1: {what}; on 2031-03-19 USD/EUR is -0.1"
    )


OPTION = """\
instrument_id,kind,factor_id,currency,multiplier,price,expiry,strike,right,volatility_id,style
RYE-F,option,RYE,EUR,1,3,2031-12-19,43,call,RYE.VOL,variation
"""


def test_a_volatility_cannot_be_modelled_from_prices_that_pass_zero(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The price itself may, being absolute; a history of three returns is long enough here."""
    monkeypatch.setattr("ccp.market.volatility.BURN_IN_DAYS", 1)
    rye.write_rye(folder, {"RYE": rye.prices({ROW: -7.0})}, "RYE,absolute,commodity\n")
    (folder / "book/instruments.csv").write_text(OPTION)
    message = (
        "prices.csv, row 13, column RYE, value -7.0: levels that RYE.VOL is modelled from must be positive; "
        "on 2031-03-19 it is -7"
    )
    for arguments in FEW.values():
        assert refused(folder, *arguments) == message
    for name in ("simulate up to the day before", "back test that ends before it"):
        status, _, error = run(*NOT_USED[name][:-1], name)
        assert status == 0, error


# --- gaps, shocks and multiples -------------------------------------------------------------------------------------

FALL = "scenario_id,factor_id,kind,shock\nfall,RYE,absolute,-42.5\n"
SIMULATE = ("simulate", *INPUTS, *OVER, "-o", "out")


def test_a_shock_that_takes_a_price_below_zero_on_a_later_day(folder: Path) -> None:
    """43 on the first day less 42.5 is half a euro; on 2031-03-19 the price is 42."""
    rye.write_rye(folder, {"RYE": rye.prices()})
    (folder / "fall.csv").write_text(FALL)
    message = (
        "fall.csv, row 1, column shock, value -42.5: it takes RYE from 42 to -0.5 on 2031-03-19 (scenario fall); ..."
    )
    assert refused(folder, *SIMULATE, "--scenarios", "fall.csv") == message.replace("...", "more than 0 was expected")
    size = ("size", *INPUTS, "--scenarios", "fall.csv", "--date")
    assert refused(folder, *size, "2031-03-19", "-o", "out") == message.replace("...", "more than 0 was expected")
    assert run(*size, "2031-03-18", "-o", "sized")[0] == 0
    assert run(*SIMULATE[:-3], "2031-03-18", "--scenarios", "fall.csv", "-o", "simulated")[0] == 0


def test_a_shock_that_takes_a_price_to_zero_is_refused_too(folder: Path) -> None:
    rye.write_rye(folder, {"RYE": rye.prices()})
    (folder / "fall.csv").write_text(FALL.replace("-42.5", "-42"))
    found = refused(folder, *SIMULATE, "--scenarios", "fall.csv")
    assert "it takes RYE from 42 to 0 on 2031-03-19" in found


def test_a_weekly_stress_looks_at_the_days_on_which_it_is_run(folder: Path) -> None:
    """The first day, 43, and Friday 2031-03-21, 43: the 42 of the Wednesday in between meets no scenario."""
    rye.write_rye(folder, {"RYE": rye.prices()})
    (folder / "fall.csv").write_text(FALL)
    weekly = "settlement: {stress: weekly}\nfund: {cover: 1, schedule: weekly}\n"
    (folder / "rules.yaml").write_text(rye.RULES.replace("fund: {cover: 1}\n", weekly))
    status, _, message = run(*SIMULATE, "--scenarios", "fall.csv")
    assert status == 0, message


def test_a_multiple_that_takes_a_price_below_zero(folder: Path) -> None:
    """Two times 22 is more than 43.5; the message names the shock's line, and the multiple by the scenario's id."""
    rye.write_rye(folder, {"RYE": rye.prices()})
    text = "scenarios:\n  - id: fall\n    kind: absolute\n    multiples: [1, 2]\n    shocks: {'R*': -22}\n"
    (folder / "fall.yaml").write_text(text)
    for command in ("size", "default"):
        assert refused(folder, command, *INPUTS, "--scenarios", "fall.yaml", "-o", "out") == (
            "fall.yaml:5:14, field scenarios.0.shocks.R*, value -22.0: it takes RYE from 43.5 to -0.5 on 2031-03-24 "
            "(scenario fall@2x); more than 0 was expected"
        )


def test_a_gap_that_takes_a_price_below_zero_on_a_later_day(folder: Path) -> None:
    """Laid on 2031-03-18 at 43, where half a euro is left; the next day's 42 would be -0.5."""
    rye.write_rye(folder, {"RYE": rye.prices()})
    (folder / "fall.csv").write_text(FALL)
    weekly = "settlement: {stress: weekly}\nfund: {cover: 1, schedule: weekly}\n"
    (folder / "rules.yaml").write_text(rye.RULES.replace("fund: {cover: 1}\n", weekly))
    found = refused(folder, *SIMULATE, "--scenarios", "fall.csv", "--gap", "2031-03-18:fall")
    assert found == (
        "--gap, value 'fall': it takes RYE to -0.5 on 2031-03-19; levels of a relative factor must be positive"
    )


def test_a_book_taken_to_a_day_on_which_a_rate_would_be_negative(folder: Path) -> None:
    """A rate that moves by differences was 0.2 on the book's day and 1.1 on the run's first, 0.3 in between."""
    rate = [1.1] * 8 + [0.3, 1.1, 1.1, 1.1, 1.1, 1.1, 1.1, 0.2]
    rye.write_rye(folder, {"RYE": rye.prices(), "USD/EUR": rate}, "USD/EUR,absolute,\n")
    (folder / "book/instruments.csv").write_text(rye.INSTRUMENTS.replace("EUR", "USD"))
    assert refused(folder, *SIMULATE, "--book-date", "2031-03-24") == (
        "--book-date, value '2031-03-24': it takes USD/EUR to -0.6 on 2031-03-13; an exchange rate must be positive"
    )


# --- Python -----------------------------------------------------------------------------------------------------------


def test_python_refuses_what_the_command_line_refuses(tmp_path: Path) -> None:
    """Without files there is no row to name; the field is the factor."""
    book, market, rules = rye.rye_book(), rye.rye_market(rye.prices({ROW: 0.0})), rye.rye_rules()
    first, last = date(2031, 3, 17), date(2031, 3, 20)
    calls = {
        "check": lambda: ccp.check(book, rules, market),
        "size": lambda: ccp.size(book, rules, market),
        "default": lambda: ccp.default(book, rules, market=market),
        "simulate": lambda: ccp.simulate(book, tmp_path / "out", ccp.RunRequest(first, last), rules, market),
        "backtest": lambda: ccp.backtest(
            book, first, last, rules, ["rulebook"], book_date=date(2031, 3, 18), market=market
        ),
    }
    for call in calls.values():
        with pytest.raises(InputError) as error:
            call()
        (problem,) = error.value.problems
        assert str(problem) == (
            "market, column RYE, value 0.0: levels of a relative factor must be positive; on 2031-03-19 it is 0"
        )
    assert list(tmp_path.iterdir()) == []
