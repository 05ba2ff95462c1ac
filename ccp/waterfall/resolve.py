"""A rulebook's parts as arrays: sizes in cents, what each member stands for, the most it may pay."""

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from ccp.kernels.waterfall.plan_arrays import ENDLESS, PlanArrays
from ccp.money import minor_units
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.tier_forms import Part
from ccp.rulebook.tier_table import kind_of
from ccp.types import Cents
from ccp.waterfall.amounts import Amounts, Basis, amounts_of


def part_arrays(
    rulebook: Rulebook, parts: list[Part], contributions: Cents, basis: Cents, called: Cents | None
) -> PlanArrays:
    """The arrays of a rulebook's parts, places and groups not filled in. By member: contributions that are there, the
    basis of calls; `called` is tier of calls x member. Raises ValueError for a part that lacks amounts it needs."""
    rows = _rows(rulebook, parts, contributions, basis, called)
    members = len(contributions)
    return PlanArrays(
        source=np.array([row.source for row in rows], dtype=np.int64),
        place=np.zeros(len(rows), dtype=np.int64),
        size=np.array([ENDLESS if row.size is None else row.size for row in rows], dtype=np.int64),
        each=_by_member([row.each for row in rows], 0, members),
        most=_by_member([row.most for row in rows], ENDLESS, members),
        per_default=np.array([row.per_default for row in rows]),
        of=np.array([_fraction(row) for row in rows], dtype=np.int64),
        order=np.array([row.order for row in rows], dtype=np.int64),
        contributions=contributions,
        member_group=np.zeros(members, dtype=np.int64),
        unused_shared=rulebook.fund.unused_contribution_shared,
    )


def _fraction(row: Amounts) -> tuple[int, int]:
    """What is taken of a call or of a claim: all, where nothing is said."""
    share = Fraction(1) if row.of is None else row.of
    return share.numerator, share.denominator


def _rows(
    rulebook: Rulebook, parts: list[Part], contributions: Cents, required: Cents, called: Cents | None
) -> list[Amounts]:
    """Every part's amounts, in order."""
    minor, calls, none = minor_units(rulebook.currency_digits), 0, np.zeros_like(contributions)
    rows = []
    for row, part in enumerate(parts):
        before = none if called is None or not kind_of(part.word).called else called[calls]
        calls += kind_of(part.word).called
        ahead = tuple(parts[:row])
        rows.append(amounts_of(part, Basis(minor, rulebook.regulatory_capital, contributions, required, before, ahead)))
    return rows


def _by_member(rows: Sequence[Cents | None], otherwise: int, members: int) -> Cents:
    """Amounts by part and member; `otherwise` where a part has none."""
    found = np.full((len(rows), members), otherwise, dtype=np.int64)
    for place, amounts in enumerate(rows):
        if amounts is not None:
            found[place] = amounts
    return found
