"""One indicator as one run knows it."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import polars as pl

from ccp.money import minor_units
from ccp.report.elements import Provenance
from ccp.report.words import exact_amount
from ccp.runs.run import Run

OVER_PERIOD = "the loss over the liquidation period was larger than the margin before it"
"""What an exception of margin coverage is, in a simulation and in a back test."""


@dataclass(frozen=True)
class IndicatorValue:
    """The value, or why there is none.

    `when` is the day or span it is of, `note` what it is made of, `sources` where it stands. With a `reason` there is
    no value, or it is known in part only and at least that bad. `harmless`: no value, but nothing can go wrong.
    """

    value: Fraction | None = None
    when: str = ""
    note: str = ""
    sources: tuple[Provenance, ...] = ()
    reason: str = ""
    harmless: bool = False


@dataclass(frozen=True)
class Money:
    """The service currency, and how many digits its minor unit has."""

    currency: str
    digits: int

    def cents(self, amount: float) -> int:
        """An amount in whole minor units."""
        return round(amount * minor_units(self.digits))

    def in_cents(self, column: str) -> pl.Expr:
        """A column of amounts in whole minor units, so that sums are exact."""
        return (pl.col(column) * minor_units(self.digits)).round().cast(pl.Int64)

    def words(self, cents: int) -> str:
        """An amount with its currency."""
        return f"{self.currency} {exact_amount(cents / minor_units(self.digits), self.digits)}"


def money_of(run: Run) -> Money:
    """The currency of a run."""
    rulebook: dict[str, Any] = run.manifest["rulebook"]
    return Money(rulebook["currency"], rulebook["currency_digits"])


def ratio(part: int, whole: int) -> Fraction:
    """A part of a whole, both in minor units; of nothing at all, as if it were one minor unit."""
    return Fraction(part, max(whole, 1))


def largest(
    amounts: pl.DataFrame, count: int, money: Money, when: str, sources: tuple[Provenance, ...]
) -> IndicatorValue:
    """The share that the largest groups have of all. `amounts` has `group_id` and `cents`, in any number of rows."""
    groups = amounts.group_by("group_id").agg(pl.col("cents").sum())
    first = groups.sort("cents", "group_id", descending=[True, False]).head(count)
    part, whole = int(first["cents"].sum()), int(groups["cents"].sum())
    if not whole:
        return IndicatorValue(when=when, sources=sources, reason="there is nothing to share")
    note = f"{', '.join(first['group_id'])}: {money.words(part)} of {money.words(whole)}"
    return IndicatorValue(Fraction(part, whole), when, note, sources)
