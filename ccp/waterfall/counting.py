"""How replays and the daily cycle count from one default to the next: every difference between the two, and why.

What carries over, and the walk over an event's draws, are one and the same (`ccp.waterfall.standing`). Where the two
could be run either way the difference is a setting here. What one of them cannot do is no setting: days are calendar
days from the first default in a replay, which counts a default from its date, and open days in the cycle, which counts
from the settlement, when the loss is known; the cycle pays back what an event leaves of a defaulter's contribution,
for which a replay has no account; and it does not trace whose contracts are matched with the defaulters', so that a
partial tear-up cuts all gains since the default. docs/reference/waterfall.md, section 5.
"""

from dataclasses import dataclass

from ccp.rulebook.tier_kind import TierKind


@dataclass(frozen=True)
class Counting:
    """What a standing does differently from another under the same rules.

    `from_latest`: refill and restoration of all defaults so far are due together, counted from the latest; else each
    default's on a day of its own. `called`: members are called for what they lack among a day's other calls, and may
    fail to pay it; else they bring it on the day it is due. `gains_shared`: what haircuts took of a member's gains
    counts for the next default too, until no event is open; else each default has gains of its own. `calls_only`:
    a survivor fails over what it is called for; else over all that its capital has to bear.
    """

    from_latest: bool
    called: bool
    gains_shared: bool
    calls_only: bool

    def bears(self, kind: TierKind) -> bool:
        """Whether a survivor's capital must be enough for what it pays in a tier, or the survivor fails."""
        return kind.called if self.calls_only else kind.borne_by_capital


EACH_DEFAULT = Counting(from_latest=False, called=False, gains_shared=False, calls_only=False)
"""Replays: a document dates every default and states its gains, and says nothing of the days between, on which nobody
can be called. So each default's resources come back by its own date, and are brought; and a member's capital bears a
contribution when it is used, for nobody calls for it later, and what a cut takes beyond the member's gains."""
LATEST_SETTLEMENT = Counting(from_latest=True, called=True, gains_shared=True, calls_only=True)
"""The daily cycle: there a contribution is paid out of a member's capital and liquidity, beside margin, and may be the
reason that it fails; nobody is called for a fund whose size an open default may still change, so all waits for the
latest settlement. Gains are those of the run's days, and events that are open together share them. A used contribution
costs a member's capital when the fund calls for it anew, and a haircut is set against the day's gains."""
