"""What a run is expected to give, beside what was computed: what tiers paid, what they got back, who defaulted."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from ccp.errors import refuse
from ccp.replays.document import Origin, Replay, ReplayRun
from ccp.replays.inputs import ReplayAmounts
from ccp.replays.sources import origin_of

What = Literal["paid", "recovered", "defaults"]
FIELDS: dict[What, str] = {"paid": "expected", "recovered": "expected_recovered", "defaults": "expected_defaults"}
"""Where a run says what is expected."""


@dataclass(frozen=True)
class Computed:
    """What a run came to, in cents by tier: `paid` of every tier of its rules, with what is expected beside tiers;
    `recovered` of those that were repaid. `defaults` is how many members defaulted, in all rounds together."""

    paid: Mapping[str, int]
    recovered: Mapping[str, int]
    defaults: int


@dataclass(frozen=True)
class Compared:
    """What is expected and what was computed, in the replay's units; whether they agree to the minor unit; where the
    expected figure comes from. `what`: a tier's payments (`paid`), what it got back (`recovered`), or the number of
    members in default (`defaults`, no tier and no money)."""

    what: What
    tier: str
    expected: float
    computed: float
    agrees: bool
    assumed: bool
    source: str


def compared(replay: Replay, place: int, run: ReplayRun, found: Computed) -> list[Compared]:
    """Everything that the run at a place expects. Raises InputError for a tier that its rules do not have."""
    lines = [
        _money(replay, place, what, tier, found)
        for what in ("paid", "recovered")
        for tier in getattr(run, FIELDS[what])
    ]
    if run.expected_defaults is not None:
        assumed, source = origin_of(replay, f"runs.{place}.{FIELDS['defaults']}")
        agrees = run.expected_defaults == found.defaults
        lines.append(Compared("defaults", "", run.expected_defaults, found.defaults, agrees, assumed, source))
    return lines


def _money(replay: Replay, place: int, what: What, tier: str, found: Computed) -> Compared:
    run, scale = replay.runs[place], ReplayAmounts(replay)
    sums = found.paid if what == "paid" else found.recovered
    if tier not in found.paid and tier not in get_args(Origin):
        where = f"run {run.name!r} of {replay.title!r}"
        raise refuse(where, "a tier that its rules have was expected", field=FIELDS[what], value=tier)
    expected, cents = float(getattr(run, FIELDS[what])[tier]), sums.get(tier, 0)
    assumed, source = origin_of(replay, f"runs.{place}.{FIELDS[what]}.{tier}")
    agrees = cents == scale.cents(expected)
    return Compared(what, tier, expected, float(cents / scale.factor), agrees, assumed, source)
