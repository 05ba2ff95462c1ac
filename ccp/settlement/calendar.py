"""On which days of a run something is due."""

from datetime import date

from ccp.settlement.terms import RunTerms


def due_days(terms: RunTerms, schedule: str) -> set[int]:
    """The days of a schedule: the first of the run, then every day, or the last of each week or month.

    The market's rows tell which day is a month's last; a month that the market does not see end has none.
    """
    if schedule == "daily":
        return set(range(terms.days))
    period = _week if schedule == "weekly" else _month
    days = terms.path["date"].to_list()
    found = {0}
    for day, row in enumerate(terms.rows.tolist()):
        if row + 1 < len(days) and period(days[row]) != period(days[row + 1]):
            found.add(day)
    return found


def _week(day: date) -> tuple[int, int]:
    return day.isocalendar()[:2]


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month
