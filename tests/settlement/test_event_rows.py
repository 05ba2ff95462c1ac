"""No row of an event may be wrong, nor two that cancel: over the life of the event its rows are its loss.

Small cycles are run, and what every day was checked with is kept: its rows, the totals before it, what the engine said.
Then rows are spoilt, one or two at a time, and the day is checked again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.small_cycles import RICH_DEFAULTS, RULES, Small, changed, plain, rich, rich_trades
from support.tiered_cycles import CALLS, EVERYTHING, SMALL_FUND, everything, three

from ccp.errors import ReconciliationError
from ccp.rulebook.tier_kind import MARGIN, OFFERED
from ccp.rulebook.tier_table import all_kinds
from ccp.settlement import cycle, draws
from ccp.settlement.expected import Expected
from ccp.settlement.ledger import KINDS, Ledger, Totals
from ccp.settlement.reconcile import reconcile
from ccp.settlement.state import Estate
from ccp.waterfall.event import Draw

Row = tuple[int, int, int, int]
"""Kind, from, to and amount."""


@dataclass(frozen=True)
class Day:
    """A day as it was checked."""

    ledger: Ledger
    expected: Expected
    date: object

    @property
    def rows(self) -> list[Row]:
        return [tuple(map(int, row)) for row in zip(*self.ledger.rows(), strict=True)]  # type: ignore[misc]

    def of_events(self) -> list[int]:
        """The places of rows that touch an estate, or what is somebody's in default: all that a settlement moves."""
        chart = self.ledger.chart
        words = {KINDS.index(word) for word in ("estate", "sale of collateral")}
        return [
            place
            for place, (kind, source, target, _) in enumerate(self.rows)
            if chart.event[source] or chart.event[target] or kind in words
        ]

    def check(self, rows: list[Row], opening: Totals | None = None) -> Totals:
        """Check the day with other rows, or with other totals of the days before."""
        ledger = Ledger(self.ledger.chart, opening or self.ledger.opening)
        ledger.parts.append(tuple(np.array(rows, dtype=np.int64).reshape(-1, 4).T))  # type: ignore[arg-type]
        return reconcile(ledger, self.expected, self.date, 2)

    def named(self, row: Row) -> str:
        names = self.ledger.chart.names
        return f"{KINDS[row[0]]}: {names[row[1]]} -> {names[row[2]]} {row[3]}"

    def passes(self, rows: list[Row]) -> bool:
        try:
            self.check(rows)
        except ReconciliationError:
            return False
        return True


def days_of(small: Small, **asked: Any) -> list[Day]:
    """Every day of a run with what it was checked with."""
    kept: list[Day] = []

    def keep(ledger: Ledger, expected: Expected, date: object, digits: int) -> Totals:
        kept.append(Day(ledger, expected, date))
        return reconcile(ledger, expected, date, digits)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(cycle, "reconcile", keep)
        list(cycle.Cycle(small.terms(**asked)).run())
    return kept


def tiers(*words: Any) -> dict[str, Any]:
    return changed(RULES, tiers=["defaulter_margin", "defaulter_fund", *words])


def with_securities(levels: list[float]) -> Small:
    """A holds a bond beside cash, a client pool beside its house, and both it and B are sold over several days."""
    bond = {"asset_id": "PAPER", "factor_id": "PAPER", "haircut": 0.1, "currency": "USD"}
    cash = {"asset_id": "CASH", "factor_id": None, "haircut": 0.0, "currency": "USD"}
    held = ("a", 300.0), ("ac", 200.0), ("b", 250.0), ("DEALER", 900.0)
    collateral = [bond | {"pool_id": "a", "market_value": 250.0}]
    collateral += [cash | {"pool_id": pool, "market_value": amount} for pool, amount in held]
    rules = changed(
        RULES,
        tiers=EVERYTHING,
        close_out={"method": "gradual", "participation": 0.25},
        fund={"capital_restoration_days": 2, "replenishment_days": 1},
    )
    x = {"instrument_id": "X", "kind": "spot", "factor_id": "X", "currency": "USD", "multiplier": 1.0}
    return Small(
        {"X": levels, "PAPER": [100.0] * len(levels)},
        [("a", "X", 100.0), ("ac", "X", -20.0), ("b", "X", 50.0)],
        {"a": ("A", "a", "house"), "ac": ("A", "ac", "client"), "b": ("B", "b", "house")},
        rules=rules,
        instruments=(x | {"average_daily_volume": 200.0, "half_spread": 0.05},),
        collateral=tuple(collateral),
        swing={"X": 0.05},
    )


ONE = {"defaults": [("A", 1)]}
CYCLES: dict[str, tuple[Small, dict[str, Any]]] = {
    "every tier": (everything([100.0, 40.0, 40.0]), ONE),
    "what nobody pays": (everything([100.0, 38.0, 38.0]), ONE),
    "a full tear-up": (plain([100.0, 80.0, 80.0], rules=tiers({"tear_up": {"scope": "full"}})), ONE),
    "a partial tear-up": (plain([100.0, 80.0, 80.0], rules=tiers("tear_up")), ONE),
    "a lifeboat": (plain([100.0, 80.0, 80.0], rules=tiers({"outside_support": {"amount": 500}})), ONE),
    "payouts cut": (plain([100.0, 80.0, 80.0], rules=tiers({"payout_haircut": {"share": 0.1}}, "voluntary")), ONE),
    "two funds apart": (
        plain([100.0, 70.0, 70.0], rules=tiers({"survivors_fund": {"share": 0.6}}, {"survivors_fund": {"share": 0.4}})),
        ONE,
    ),
    "a second default on the day": (
        three(
            [100.0, 80.0, 80.0],
            tiers=[*CALLS, {"gains_haircut": {"share": 0.1}}],
            members=SMALL_FUND | {"C": {"fund_contribution": 100.0, "capital": 2_020.0}},
            c=100.0,
        ),
        ONE,
    ),
    "cut, and failing on the same day": (
        Small(
            {"X": [100.0, 60.0, 60.0]},
            [("a", "X", 100.0), ("c1", "X", 50.0), ("c2", "X", -40.0), ("k", "X", -30.0), ("d", "X", -60.0)],
            {"a": ("A", "a", "house"), "d": ("D", "d", "house")}
            | {name: ("C", name, kind) for name, kind in (("c1", "house"), ("c2", "house"), ("k", "client"))},
            {name: {"fund_contribution": 0.0} for name in "AD"} | {"C": {"fund_contribution": 0.0, "capital": 500.0}},
            rules=tiers({"gains_haircut": {"share": 0.5}}, {"tear_up": {"scope": "full"}}),
        ),
        ONE,
    ),
    "sold over days, with securities and clients": (
        with_securities([100.0, 60.0, 50.0, 45.0, 20.0, 18.0, 17.0, 17.0, 17.0]),
        {"defaults": [("A", 1), ("B", 3)]},
    ),
}


@pytest.fixture(scope="module", params=CYCLES, ids=list(CYCLES))
def sound(request: pytest.FixtureRequest) -> list[Day]:
    """The days of a small cycle on which an event moves money."""
    small, asked = CYCLES[request.param]
    days = [day for day in days_of(small, **asked) if day.of_events()]
    assert any(day.expected.settled for day in days)
    return days


def test_the_cycles_pay_out_of_every_tier_and_move_money_in_every_way() -> None:
    """What the tests below spoil: a tier or a movement that no cycle has would prove nothing."""
    found = [day for small, asked in CYCLES.values() for day in days_of(small, **asked)]
    paid = {draw.tier for day in found for one in day.expected.settled for draw in one.outcome.draws if draw.amount}
    assert paid == {*_words(EVERYTHING), "outside_support", "tear_up", "payout_haircut", "uncovered"}
    moved = {KINDS[row[0]] for day in found for place, row in enumerate(day.rows) if place in day.of_events()}
    assert moved == {
        "variation", "sale", "sale of collateral", "liquidity drawn", "liquidity repaid", "loss", "assessment",
        "haircut", "haircut taken over", "gain of the pool", "estate",
    }  # fmt: skip


def _words(written: list[Any]) -> list[str]:
    """The tiers' words as a rulebook writes them."""
    found = [tier if isinstance(tier, str) else next(iter(tier)) for tier in written]
    beside = [_words(tier["pari_passu"]) for tier in written if isinstance(tier, dict) and "pari_passu" in tier]
    return [*(word for word in found if word != "pari_passu"), *(word for words in beside for word in words)]


def spoilt(day: Day, row: Row) -> Iterator[list[Row]]:
    """One row dropped, doubled, a cent too large or too small, the other way, misdirected or mislabelled."""
    kind, source, target, amount = row
    yield []
    yield [row, row]
    yield from ([(kind, source, target, amount + more)] for more in (1, -1) if amount + more)
    yield [(kind, target, source, amount)]
    for other in set(range(day.ledger.chart.size)) - {source, target}:
        yield [(kind, other, target, amount)]
        yield [(kind, source, other, amount)]
    yield from ([(other, source, target, amount)] for other in range(len(KINDS)) if other != kind)


def test_no_row_of_an_event_may_be_dropped_doubled_misdirected_or_mislabelled(sound: list[Day]) -> None:
    assert any(day.of_events() for day in sound)
    for day in sound:
        rows = day.rows
        for place in day.of_events():
            for instead in spoilt(day, rows[place]):
                if day.passes(rows[:place] + instead + rows[place + 1 :]):
                    pytest.fail(f"{day.named(rows[place])} as {[day.named(one) for one in instead]} got past")


def spoilt_pair(one: Row, other: Row) -> Iterator[list[Row]]:
    """Two rows that are wrong and cancel in sums: of amounts, of accounts, of movements."""
    for first, second in ((1, -1), (-1, 1), (1, 1), (-1, -1)):
        yield [(*one[:3], one[3] + first), (*other[:3], other[3] + second)]
    yield [(*one[:3], other[3]), (*other[:3], one[3])]
    yield [(one[0], one[1], other[2], one[3]), (other[0], other[1], one[2], other[3])]
    yield [(one[0], other[1], one[2], one[3]), (other[0], one[1], other[2], other[3])]
    yield [(other[0], *one[1:]), (one[0], *other[1:])]


def test_no_two_rows_of_a_day_may_be_wrong_and_cancel(sound: list[Day]) -> None:
    """Every pair of rows of which one is an event's."""
    for day in sound:
        rows, mine = day.rows, set(day.of_events())
        for i, j in combinations(range(len(rows)), 2):
            if not {i, j} & mine:
                continue
            others = [row for place, row in enumerate(rows) if place not in (i, j)]
            for pair in spoilt_pair(rows[i], rows[j]):
                if sorted(pair) != sorted([rows[i], rows[j]]) and day.passes(others + [one for one in pair if one[3]]):
                    pytest.fail(f"{day.named(rows[i])} and {day.named(rows[j])} as {[day.named(o) for o in pair]}")


def test_a_row_and_its_reverse_may_not_be_added(sound: list[Day]) -> None:
    """Nothing is left of the two together, in any account; still neither happened."""
    for day in sound:
        for place in day.of_events():
            kind, source, target, _ = day.rows[place]
            for other in range(len(KINDS)):
                added: list[Row] = [(kind, source, target, 100), (other, target, source, 100)]
                assert not day.passes(day.rows + added), [day.named(one) for one in added]


# --- what is not posted at all ----------------------------------------------------------------------------------------


@cache
def paid_in(name: str) -> frozenset[str]:
    """The tiers that pay something in a cycle."""
    small, asked = CYCLES[name]
    settled = [one for day in days_of(small, **asked) for one in day.expected.settled]
    return frozenset(draw.tier for one in settled for draw in one.outcome.draws if draw.amount)


@pytest.mark.parametrize(
    "tier", [kind.word for kind in all_kinds() if kind.account != MARGIN and kind.form != OFFERED]
)  # pools pay margin; and no book says what members offer
def test_a_tier_that_pays_and_is_not_posted_stops_the_run(tier: str, monkeypatch: pytest.MonkeyPatch) -> None:
    small, asked = CYCLES[next(name for name in CYCLES if tier in paid_in(name))]
    post = draws.post_draw

    def forgetful(ledger: Ledger, estate: Estate, draw: Draw, lump: int) -> None:
        if draw.tier != tier:
            post(ledger, estate, draw, lump)

    monkeypatch.setattr(draws, "post_draw", forgetful)
    with pytest.raises(ReconciliationError, match="the ledger does not reconcile"):
        list(cycle.Cycle(small.terms(**asked)).run())


def test_a_draw_of_a_kind_that_nobody_posts_is_an_error_at_once() -> None:
    """The day's settled event with a draw more, of a word that no tier has; and one that nobody is said to pay."""
    small, asked = CYCLES["every tier"]
    day = next(day for day in days_of(small, **asked) if day.expected.settled)
    event, ledger = day.expected.settled[0], Ledger(day.ledger.chart, day.ledger.opening)
    with pytest.raises(ValueError, match="no tier is called 'levy'"):
        draws.post_draw(ledger, event.estate, Draw("levy", "", 100, 100, {1: 100}), 0)
    with pytest.raises(ReconciliationError, match="assessments pays 100, and 60 of it has an account"):
        draws.post_draw(ledger, event.estate, Draw("assessments", "", 100, 100, {1: 60, None: 40}), 0)
    assert ledger.parts == []


# --- over the life of an event ----------------------------------------------------------------------------------------


def gradual() -> list[Day]:
    small, asked = CYCLES["sold over days, with securities and clients"]
    return days_of(small, **asked)


def test_what_is_wrong_on_one_day_may_not_be_made_good_on_another() -> None:
    """A cent of A's sales that is left out on the day before settlement and added to those of the day of settlement.

    Even where nobody looked at the first of the two days: the second day's rows are held against what all days had.
    """
    days = gradual()
    last = next(day for day in days if day.expected.settled)
    number = last.expected.settled[0].estate.number
    for movement in ("sale", "variation", "liquidity drawn"):
        totals = last.ledger.opening
        moved = totals.moved.copy()
        moved[number - 1, KINDS.index(movement)] -= 1
        with pytest.raises(ReconciliationError, match=f"estate:{number}: {movement}: .* over the life of the event"):
            last.check(last.rows, replace(totals, moved=moved))


def test_the_totals_are_those_of_all_rows_so_far() -> None:
    """Recomputed from every row since the first day: into an estate less out of it, by movement."""
    sums: dict[tuple[int, int], int] = {}
    for day in gradual():
        event = day.ledger.chart.event
        for kind, source, target, amount in day.rows:
            for account, signed in ((target, amount), (source, -amount)):
                if event[account]:
                    key = int(event[account]) - 1, kind
                    sums[key] = sums.get(key, 0) + signed
        moved = day.check(day.rows).moved
        assert {(int(e), int(k)): int(moved[e, k]) for e, k in np.argwhere(moved)} == {
            k: v for k, v in sums.items() if v
        }
    assert {event for event, _ in sums} == {0, 1}


def test_the_lender_stands_at_nothing_when_every_event_is_settled() -> None:
    """It is owed what it advanced until then, and a tier that pays without a row of its own is found by it."""
    days = gradual()
    lent = [int(day.check(day.rows).balance[day.ledger.chart.of("lender")]) for day in days]
    open_sums = [-sum(estate.borrowed for estate in day.expected.open_estates) for day in days]
    assert lent == open_sums
    assert min(lent) < 0
    assert lent[-1] == 0


def test_an_event_that_is_over_moves_nothing() -> None:
    """Money that goes to its estate, and back, on a later day."""
    days = gradual()
    settled = next(place for place, day in enumerate(days) if day.expected.settled)
    day = days[settled + 1]
    chart = day.ledger.chart
    estate, lender = (int(chart.of(kind)) for kind in ("estate", "lender"))
    assert 1 not in [one.number for one in day.expected.open_estates]
    added: list[Row] = [
        (KINDS.index("liquidity drawn"), lender, estate, 100),
        (KINDS.index("liquidity repaid"), estate, lender, 100),
    ]
    with pytest.raises(ReconciliationError, match="neither open nor settled today"):
        day.check(day.rows + added)


def test_what_the_outcome_says_must_be_in_the_rows() -> None:
    """A tier that paid according to the waterfall and was not posted, and the lender gets so much less."""
    days = days_of(*CYCLES["every tier"][:1], **CYCLES["every tier"][1])
    day = next(day for day in days if day.expected.settled)
    chart, repaid = day.ledger.chart, KINDS.index("liquidity repaid")
    haircut = next(row for row in day.rows if row[0] == KINDS.index("haircut"))
    rows = [row for row in day.rows if row != haircut]
    less = [(*row[:3], row[3] - haircut[3]) if row[0] == repaid else row for row in rows]
    with pytest.raises(ReconciliationError) as found:
        day.check(less)  # type: ignore[arg-type]
    assert "liquidity repaid: -5,100.00 over the life of the event, due is -6,000.00" in str(found.value)
    assert chart.names[haircut[1]] == "house:DEALER"


def test_the_rich_run_reconciles_and_is_spoilt_by_any_row_of_an_event(tmp_path: Path) -> None:
    """Options, euros, clients, securities, two defaults sold over days: rows dropped and doubled."""
    small = rich()
    days = days_of(small, trades=rich_trades(tmp_path / "trades.csv", small), defaults=RICH_DEFAULTS)
    for day in days:
        for place in day.of_events():
            others = day.rows[:place] + day.rows[place + 1 :]
            assert not day.passes(others)
            assert not day.passes([*others, day.rows[place], day.rows[place]])
