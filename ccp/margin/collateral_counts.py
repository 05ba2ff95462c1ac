"""What every line of collateral counts for, and what takes the rest: for tables, figures and notes."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from ccp.margin.collateral import Holdings, after_haircut, holdings, lines_of, own_after_haircut
from ccp.margin.issuers import limit_keys, named, without_issuer
from ccp.margin.limits import after_limits, by_line, cells_of
from ccp.market.case import Case
from ccp.money import to_units
from ccp.notes.note import Note, note
from ccp.notes.note import named as named_few
from ccp.rulebook.collateral import LIMITS, OTHERS
from ccp.types import Cents, Vector

OWN_PAPER = "own_paper"
CUTS = (OWN_PAPER, *LIMITS)
"""What takes value from a line, in this order."""
CUT_BY = dict(zip(CUTS, ("of the member's own group", *(f"beyond {limit}_limit" for limit in LIMITS)), strict=True))


@dataclass(frozen=True)
class LineCounts:
    """By line, in order of pool and asset. `market_value` is in units of the service currency, money in cents.

    `after_haircut` is before any limit and counts own paper; `cut` by what takes it. `counted` is what is left.
    """

    market_value: Vector
    after_haircut: Cents
    cut: dict[str, Cents]

    @property
    def counted(self) -> Cents:
        """What counts against the requirement: the rest of the line."""
        return self.after_haircut - sum(self.cut.values())

    @property
    def totals(self) -> dict[str, int]:
        """What each takes of all lines, in cents."""
        return {name: int(cents.sum()) for name, cents in self.cut.items()}


def line_counts(lines: Holdings, required: Cents, digits: int) -> LineCounts:
    """What the lines count for. `required` is what is required of each pool, in cents."""
    own, left = own_after_haircut(lines, digits), after_haircut(lines, digits)
    whole, cut = own + left, {OWN_PAPER: own} | {name: np.zeros_like(own) for name in LIMITS}
    if lines.limits:
        cells = cells_of(lines.pool, lines.limits, left)
        for limit, after in zip(lines.limits, by_line(cells, left, after_limits(cells, required)), strict=True):
            cut[limit.word], left = left - after, after
    return LineCounts(lines.value + lines.own, whole, cut)


def collateral_notes(case: Case, required: Cents) -> list[Note]:
    """What of the collateral does not count, and limits that no line is under.

    `required` is what is required of each pool, in cents.
    """
    lines = holdings(case)
    if lines is None:
        return []
    counts = line_counts(lines, required, case.rulebook.currency_digits)
    return [*_cut_note(counts, case), *_unnamed(lines, case), *_unused_limits(case)]


def _cut_note(counts: LineCounts, case: Case) -> Iterator[Note]:
    whole, cut = int(counts.after_haircut.sum()), sum(counts.totals.values())
    if not cut:
        return
    digits = case.rulebook.currency_digits

    def money(cents: int) -> str:
        return f"{float(to_units(cents, digits)):,.{digits}f}"

    taken = [
        f"{money(total)} {CUT_BY[name]} ({int((counts.cut[name] > 0).sum())} lines)"
        for name, total in counts.totals.items()
        if total
    ]
    words = {"currency": case.rulebook.currency, "cut": money(cut), "whole": money(whole), "why": ", ".join(taken)}
    yield note("collateral_cut", "collateral", cut / whole, 1, **words)


def _unnamed(lines: Holdings, case: Case) -> Iterator[Note]:
    """Securities whose issuer neither they nor their neighbours name."""
    table = case.book.ordered_collateral
    assert table is not None
    stated = lines_of(table, case)
    unnamed = stated.select(without_issuer().alias("unnamed"))["unnamed"].to_numpy()
    values = lines.value + lines.own
    have = float(values[unnamed].sum())
    if have > 0:
        names = stated.filter(pl.Series(unnamed))["asset_id"].unique(maintain_order=True).to_list()
        yield note("no_issuer", "collateral.issuer_id", have / float(values.sum()), 1, names=named_few(names))


def _unused_limits(case: Case) -> Iterator[Note]:
    """Names in a limit that no line of collateral is under: they may be misspelt."""
    table = case.book.ordered_collateral
    assert table is not None
    rules = case.rulebook.collateral.limits
    keys = limit_keys(lines_of(table, case), case, rules)
    for word, shares in rules.items():
        stated = set(shares) - {OTHERS}
        unused = sorted(stated - set(named(keys[word])))
        if unused:
            place = f"collateral.{word}_limit"
            yield note("unused_limit", place, len(unused), len(stated), names=", ".join(unused))


def counts_table(case: Case, required: Cents) -> pl.DataFrame:
    """Every line with what it counts for and what each limit cuts; without rows where the book has no collateral."""
    table, lines = case.book.ordered_collateral, holdings(case)
    digits = case.rulebook.currency_digits
    if table is None or lines is None:
        return pl.DataFrame()
    counts = line_counts(lines, required, digits)
    return lines_of(table, case).select(
        "pool_id",
        "asset_id",
        "issuer_id",
        "issuer_group_id",
        market_value=pl.Series(np.round(counts.market_value, digits)),
        after_haircut=pl.Series(to_units(counts.after_haircut, digits)),
        **{f"cut_{name}": pl.Series(to_units(cents, digits)) for name, cents in counts.cut.items()},
        counted=pl.Series(to_units(counts.counted, digits)),
    )
