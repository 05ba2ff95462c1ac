"""Names for spans of the calendar."""

from datetime import date

CRISES = (
    (date(2000, 3, 10), date(2000, 12, 31), "end of the technology boom"),
    (date(2001, 9, 10), date(2001, 9, 30), "attacks of 11 September 2001"),
    (date(2002, 6, 1), date(2002, 10, 31), "accounting scandals of 2002"),
    (date(2008, 9, 1), date(2008, 12, 31), "failure of Lehman Brothers and after"),
    (date(2009, 1, 1), date(2009, 6, 30), "bank crisis of 2009"),
    (date(2010, 5, 1), date(2010, 7, 31), "flash crash and Greek debt"),
    (date(2011, 7, 25), date(2011, 12, 31), "euro debt crisis and US downgrade"),
    (date(2015, 1, 12), date(2015, 1, 23), "end of the Swiss franc's floor"),
    (date(2015, 8, 17), date(2015, 9, 4), "China's devaluation of 2015"),
    (date(2016, 6, 20), date(2016, 7, 8), "British vote to leave the European Union"),
    (date(2020, 2, 20), date(2020, 6, 30), "pandemic of 2020"),
    (date(2022, 2, 21), date(2022, 12, 31), "war in Ukraine and rise of interest rates"),
)
"""Names for spans of the calendar; a window that ends in one bears its name."""


def crisis_of(day: date) -> str:
    """The name of the crisis that a day lies in."""
    return next((name for first, last, name in CRISES if first <= day <= last), "no named crisis")
