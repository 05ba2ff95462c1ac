"""What comes back as days pass: periods that end, capital restored, contributions refilled, members that leave.

docs/reference/waterfall.md, section 5. Changes return a new standing; amounts in cents.
"""

from dataclasses import replace

import numpy as np

from ccp.money import exact, scaled_down
from ccp.types import Cents
from ccp.waterfall.standing import Standing


def on_day(standing: Standing, day: int) -> Standing:
    """The standing on a later day, before anything happens on it: what has run out, been restored and refilled since.

    Everything on its own day; on the same day the period ends first. Where members are called for what they lack
    (`Counting.called`), nothing is refilled here.
    """
    while (due := _next_due(standing)) is not None and due <= day:
        standing = _on_due_day(standing, due)
    return _without_resigned(standing)


def _next_due(standing: Standing) -> int | None:
    """The next day on which something is due."""
    days = [due.day for due in (*standing.refills, *standing.restorations)]
    days += [] if standing.period_end is None else [standing.period_end]
    return min(days, default=None)


def _on_due_day(standing: Standing, day: int) -> Standing:
    if standing.period_end is not None and standing.period_end <= day:
        standing = _without_period(standing)
    left = sum((due.amounts for due in standing.restorations if due.day <= day), standing.left)
    later = tuple(due for due in standing.restorations if due.day > day)
    due = any(due.day <= day for due in standing.refills)
    pending = tuple(due for due in standing.refills if due.day > day)
    standing = replace(standing, left=left, restorations=later, refills=pending)
    return _with_refills(standing) if due and not standing.counting.called else standing


def resign(standing: Standing, members: list[int]) -> Standing:
    """Members resign: at once where no period runs, else at its end."""
    resigned = standing.resigned.copy()
    resigned[members] = True
    return _without_resigned(replace(standing, resigned=resigned))


def suspended(standing: Standing, day: int) -> bool:
    """Whether what a default used is refilled on a later day only: until then nobody is called."""
    return any(due.day > day for due in standing.refills)


def within_limit(standing: Standing, missing: Cents) -> Cents:
    """What of an amount by member may be refilled: within a period that runs, all refills together come to at most
    `replenishment_multiple` of what is required. Negative amounts (returns) stay."""
    multiple = standing.rulebook.default_management.replenishment_multiple
    if standing.period_end is None or multiple is None:
        return missing
    allowed = scaled_down(standing.required, exact(multiple)) - standing.refilled
    return np.minimum(missing, np.maximum(allowed, 0))


def refilled(standing: Standing, amounts: Cents) -> Standing:
    """Contributions after members have paid amounts in (negative: were paid back); within a period it is counted."""
    counted = standing.refilled
    if standing.period_end is not None:
        counted = counted + np.maximum(amounts, 0)
    return replace(standing, contributions=standing.contributions + amounts, refilled=counted)


def _without_period(standing: Standing) -> Standing:
    """The period is over: what was called is forgotten, who resigned leaves, what the limit kept back is refilled."""
    none = np.zeros_like(standing.refilled)
    back = np.minimum(standing.kept_back, _missing(standing))
    over = replace(standing, period_end=None, called=np.zeros_like(standing.called), refilled=none, kept_back=none)
    return _without_resigned(refilled(over, back))


def _missing(standing: Standing) -> Cents:
    """What members lack of their contributions, but for what is to be refilled on later days."""
    later = sum((due.amounts for due in standing.refills), np.zeros_like(standing.contributions))
    return np.where(standing.away, 0, np.maximum(standing.required - standing.contributions - later, 0))


def _with_refills(standing: Standing) -> Standing:
    """Members bring what is missing of their contributions, within the limit of the period that runs."""
    missing = _missing(standing)
    given = within_limit(standing, missing)
    kept = standing.kept_back if standing.period_end is None else missing - given
    return replace(refilled(standing, given), kept_back=kept)


def _without_resigned(standing: Standing) -> Standing:
    if standing.period_end is not None or not standing.resigned.any():
        return standing
    away = standing.away | standing.resigned
    nobody = np.zeros_like(standing.resigned)
    return replace(standing, away=away, resigned=nobody, contributions=np.where(away, 0, standing.contributions))
