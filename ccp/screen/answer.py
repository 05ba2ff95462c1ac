"""The answer in words and figures, each beside what it is under the run's own rules."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import polars as pl

from ccp.api.explored import View
from ccp.report.answer import coverage_sentence
from ccp.report.words import MoneyUnit, defaulting, exact_amount, listed, scale_of, share
from ccp.rulebook.tier_kind import SURVIVORS


@dataclass(frozen=True)
class Key:
    """A key figure, and how it has changed; `better`: whether more of it is better (None: neither)."""

    name: str
    value: str
    change: str
    better: bool | None


def verdict(view: View) -> list[str]:
    """Who pays for the event, and whether the fund is enough, in sentences."""
    trace, digits = view.trace, view.rulebook.currency_digits
    who = f"If {listed(trace['defaulters'])} {defaulting(trace['defaulters'])} in '{view.scenario_id}'"
    loss, currency = exact_amount(trace["loss"], digits), trace["currency"]
    uncovered = trace["uncovered"]
    end = f"{exact_amount(uncovered, digits)} is uncovered" if uncovered else "every cent has a payer"
    paid = survivors_pay(trace)
    bill = f"the survivors pay {exact_amount(paid, digits)}" if paid else "the survivors pay nothing"
    test = view.coverage["coverage_test"]["sizing_scenarios"]
    event = f"{who}, {currency} {loss} is lost: {bill}, and {end}."
    return [event, coverage_sentence(view.coverage, test, digits)]


def survivors_pay(trace: dict[str, Any]) -> float:
    """What the survivors pay, to the minor unit: sums of cents are exact to far more digits than a float drops."""
    return round(sum(trace["by_stakeholder"].get(name, 0.0) for name in SURVIVORS), 6)


def key_figures(view: View, before: View) -> list[Key]:
    """The figures that answer the question at a glance, amounts in the unit of `amounts_scale`."""
    unit = amounts_scale(view, before).unit
    keys = [
        Key(name, f"{of(view) / unit:,.2f}", _moved(of(view) - of(before), unit), better)
        for name, of, better in AMOUNTS
    ]
    now, then = view.coverage["coverage_ratio"], before.coverage["coverage_ratio"]
    moved = "" if now is None or then is None else _points(now - then)
    return [*keys, Key("coverage ratio", share(now), moved, True)]


def amounts_scale(view: View, before: View) -> MoneyUnit:
    """The unit that key figures are shown in: one for all of them."""
    return scale_of(max(of(one) for _, of, _ in AMOUNTS for one in (view, before)))


def _loss(view: View) -> float:
    return view.trace["loss"]


def _uncovered(view: View) -> float:
    return view.trace["uncovered"]


def _fund(view: View) -> float:
    fund = view.coverage["fund"]
    return fund[fund["in_force"]]


AMOUNTS: tuple[tuple[str, Callable[[View], float], bool | None], ...] = (
    ("lost in the event", _loss, False),
    ("uncovered", _uncovered, False),
    ("paid by survivors", lambda view: survivors_pay(view.trace), False),
    ("fund in force", _fund, None),
    ("skin in the game", lambda view: view.coverage["ccp_capital"], None),
)
"""What key amounts are called, where they stand, and whether more of them is better."""


def _moved(change: float, unit: float) -> str:
    """A change with its sign, or nothing where there is none; never rounded to nothing."""
    if abs(change) < 1e-9:
        return ""
    return f"{change / unit:+,.2f}" if abs(change / unit) >= 0.005 else f"{change:+,.2f} in units"


def _points(change: float) -> str:
    return f"{100 * change:+.1f} points" if abs(change) >= 0.0005 else ""


def bills(view: View, before: View) -> pl.DataFrame:
    """What every member's contribution and bill are, before and after; the largest bill first."""
    digits = view.rulebook.currency_digits
    names = ("contribution", "bill")
    then = before.bills.select("member_id", **{f"{name}_before": pl.col(name) for name in names})
    now = view.bills.select("member_id", "group_id", "defaults", *names)
    both = now.join(then, on="member_id", how="left")
    changed = both.with_columns(change=(pl.col("bill") - pl.col("bill_before")).round(digits))
    return changed.sort("defaults", "bill", "member_id", descending=[False, True, False])
