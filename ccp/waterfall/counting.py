"""How replays and the daily cycle count from one default to the next: every difference between the two, and why.

What carries over, and the walk over an event's draws, are one and the same (`ccp.waterfall.standing`); days are whole
numbers that the caller counts: calendar days from the first default in a replay, open days of the run in the cycle.
docs/reference/waterfall.md, section 5.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Counting:
    """What a standing does differently from another under the same rules.

    `from_latest`: refill and restoration of all defaults so far are due together, counted from the latest; else each
    default's on a day of its own. `called`: members are called for what they lack among a day's other calls, and may
    fail to pay it; else they bring it on the day it is due. `gains_shared`: what haircuts took of a member's gains
    counts for the next default too, until no event is open; else each default has gains of its own.
    """

    from_latest: bool
    called: bool
    gains_shared: bool


EACH_DEFAULT = Counting(from_latest=False, called=False, gains_shared=False)
"""Replays: a document dates every default and states its gains, and says nothing of the days between, on which nobody
can be called. So each default's resources come back by its own date, and are brought."""
LATEST_SETTLEMENT = Counting(from_latest=True, called=True, gains_shared=True)
"""The daily cycle: there a contribution is paid out of a member's capital and liquidity, beside margin, and may be the
reason that it fails; nobody is called for a fund whose size an open default may still change, so all waits for the
latest settlement. Gains are those of the run's days, and events that are open together share them."""
