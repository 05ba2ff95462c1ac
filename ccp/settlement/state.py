"""What one day of the cycle hands to the next. How it is kept on disk: `state_file`."""

from dataclasses import dataclass, field, fields, replace

import numpy as np

from ccp.margin.buffer import BufferLevel
from ccp.settlement.ledger import Totals
from ccp.types import Cents, Flags, Index, Vector
from ccp.waterfall.standing import Standing


@dataclass(frozen=True)
class Estate:
    """The book of one event's groups while it is closed out: from `day`, the default, to `last`.

    `account`, `instrument`, `quantity`, `parts` (equal parts it is sold in), `spread` (cost of one unit in the
    instrument's currency) and `impact` (the same in the service currency) are by position. `result` is what each
    pool has gained so far. Of pools of members not in default `gains` is what the clearing house has owed them of the
    kinds that the rulebook counts (day x pool, from the day of default on; losses are negative), `owed` what it has
    owed them of all kinds so far. `exchanged` is what of the result was variation, premium and exercise (in this order;
    the rest are sales, less `taken_over`: what other events settled on the day of default had cut of its pools),
    `borrowed` what the lender has advanced, in minor units. `cause` says why the groups failed, `unpaid` what they owed
    on the day.
    """

    number: int
    groups: tuple[int, ...]
    day: int
    last: int
    account: Index
    instrument: Index
    quantity: Vector
    parts: Index
    spread: Vector
    impact: Vector
    result: Cents
    gains: Cents
    owed: Cents
    exchanged: Cents
    taken_over: int = 0
    borrowed: int = 0
    cause: str = ""
    unpaid: int = 0

    @property
    def cash(self) -> int:
        """What the estate has at hand."""
        return int(self.result.sum()) + self.borrowed


@dataclass(frozen=True)
class DayCover:
    """A stress day's cover-N and each group's own worst loss over margin, in minor units, for look-backs."""

    day: int
    cover: int
    group_worst: Cents


@dataclass(frozen=True)
class Notice:
    """What members are required to contribute from a day on, in minor units."""

    day: int
    required: Cents


@dataclass(frozen=True)
class StoodMargin:
    """What was required at the end of a day, by pool in minor units, and which pools are observed from then on.

    Observed are those that hold a position and whose group is not in default.
    """

    margin: Cents
    observed: Flags


@dataclass
class CycleState:
    """Balances and promises at the end of a day, in minor units; days count from 0.

    `standing` is what carries over between defaults: contributions, skin in the game and others' sizes, calls, periods.
    `cash` by pool; `capital` (of members), `supplementary` and `supplementary_due` by member; `event` by group, 0 where
    it is not in default. `totals` are what the ledger's rows so far add up to.
    `notices` are resizings whose call is still to come, `fund_size` the latest. `margin` is yesterday's margin by
    account before buffer and add-ons, `buffer` where the buffer stands. `stood` is what stood at the end of the days
    whose liquidation period is not over, the oldest first.
    """

    day: int
    standing: Standing
    cash: Cents
    fund_size: int
    capital: Cents
    supplementary: Cents
    supplementary_due: Cents
    event: Index
    totals: Totals
    margin: Cents
    buffer: BufferLevel
    notices: list[Notice] = field(default_factory=list)
    covers: list[DayCover] = field(default_factory=list)
    estates: list[Estate] = field(default_factory=list)
    stood: list[StoodMargin] = field(default_factory=list)

    def copy(self) -> "CycleState":
        """A copy whose arrays may be changed without changing this one's; what is frozen in it is never changed."""
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        arrays = {name: value.copy() for name, value in values.items() if isinstance(value, np.ndarray)}
        lists = {name: list(value) for name, value in values.items() if isinstance(value, list)}
        return replace(self, **arrays, **lists)
