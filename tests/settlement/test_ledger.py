"""The ledger of a run, computed again from its files; a member's statement; and errors that must not get past."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from support.small_cycles import RICH_DEFAULTS, Run, plain, rich, rich_trades
from typer.testing import CliRunner, Result

import ccp
from ccp.cli.main import app
from ccp.errors import ReconciliationError
from ccp.runs.commands import COMMANDS
from ccp.settlement.cycle import Cycle, DayResult
from ccp.settlement.expected import Expected
from ccp.settlement.ledger import KINDS, Ledger
from ccp.settlement.reconcile import reconcile
from ccp.settlement.terms import RunTerms
from ccp.types import Cents, Flags

OUTSIDE = ("house", "clients", "lender", "transferees", "owners", "nobody", "unmatched", "opening")
PASSED_ON = ("variation", "premium", "exercise")
Balances = dict[str, int]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    """A run in which everything happens."""
    folder = tmp_path_factory.mktemp("ledger")
    small = rich()
    trades = rich_trades(folder / "trades.csv", small)
    return small.run(folder / "run", trades=trades, defaults=RICH_DEFAULTS)


def cents(amount: float) -> int:
    found = round(amount * 100)
    assert abs(found - amount * 100) < 1e-6, f"{amount} is no whole number of cents"
    return found


def kind_of(account: str) -> str:
    return account.partition(":")[0]


def days_of(run: Run) -> Iterator[tuple[date, list[dict[str, Any]], Balances]]:
    """Every day with its rows, and every account's balance in cents after them."""
    balances: Balances = {}
    for day, rows in run.ledger.group_by("date", maintain_order=True):
        found = rows.to_dicts()
        for row in found:
            amount = cents(row["amount"])
            balances[row["from_account"]] = balances.get(row["from_account"], 0) - amount
            balances[row["to_account"]] = balances.get(row["to_account"], 0) + amount
        yield day[0], found, dict(balances)  # type: ignore[misc]


# --- the ledger again, from its files ---------------------------------------------------------------------------------


def test_the_run_shows_everything_that_can_happen(run: Run) -> None:
    """Every kind of movement stands in it, but calls and haircuts (test_cycle_tiers has them, test_gains_spent_once
    those that an estate bears) and offers, which no book states."""
    elsewhere = {"assessment", "haircut", "haircut taken over", "voluntary payment"}
    assert set(run.ledger["movement"]) == set(KINDS) - elsewhere
    assert run.events.height == 2
    assert (run.events["settled_date"] > run.events["default_date"]).all()
    assert run.tiers(2).keys() >= {"defaulter_margin", "defaulter_fund", "ccp_capital", "survivors_fund", "uncovered"}


def test_every_amount_is_positive_and_between_two_accounts(run: Run) -> None:
    assert run.ledger["amount"].min() > 0  # type: ignore[operator]
    assert run.ledger.filter(pl.col("from_account") == pl.col("to_account")).is_empty()
    known = {f"{kind}:{name}" for kind in ("house", "clients", "supplementary", "fund") for name in "ABC"}
    known |= {f"{kind}:DEALER" for kind in ("house", "supplementary", "fund")} | {"capital:3", "estate:1", "estate:2"}
    known |= {f"margin:{pool}" for pool in run.pools["pool_id"]} | {"settlement", *OUTSIDE[2:]}
    assert {*run.ledger["from_account"], *run.ledger["to_account"]} <= known


def test_every_day_settlement_is_empty_and_no_inside_account_is_overdrawn(run: Run) -> None:
    for day, _, balances in days_of(run):
        assert balances.get("settlement", 0) == 0, day
        overdrawn = {name: b for name, b in balances.items() if b < 0 and kind_of(name) not in OUTSIDE}
        assert not overdrawn, day
        assert sum(balances.values()) == 0


def test_what_one_pays_another_receives(run: Run) -> None:
    """Debits equal credits in all and for each of variation, premium and exercise, which pass through settlement."""
    for day, rows, _ in days_of(run):
        for kind in PASSED_ON:
            of_kind = [row for row in rows if row["movement"] == kind]
            assert all("settlement" in (row["from_account"], row["to_account"]) for row in of_kind)
            into = sum(cents(row["amount"]) for row in of_kind if row["to_account"] == "settlement")
            out = sum(cents(row["amount"]) for row in of_kind if row["from_account"] == "settlement")
            assert into == out, (day, kind)
            assert abs(sum(cents(v) for v in run.accounts.filter(date=day)[kind])) == 0, (day, kind)


def test_the_ledger_holds_what_the_other_tables_say(run: Run) -> None:
    """Cash of a pool is what it holds less its securities after haircut: bonds at a constant price, until sold."""
    bonds = {"a": 45_000, "b2": 27_000}
    settled = dict(zip(run.events["defaulters"], run.events["settled_date"], strict=True))
    for day, _, balances in days_of(run):
        for row in run.pools.filter(date=day).to_dicts():
            sold = row["member_id"] in settled and settled[row["member_id"]] <= day
            held = 0 if sold else balances.get(f"margin:{row['pool_id']}", 0) + bonds.get(row["pool_id"], 0)
            assert cents(row["held"]) == held, (day, row["pool_id"])
            assert not sold or balances[f"margin:{row['pool_id']}"] == 0
        for row in run.members.filter(date=day).to_dicts():
            assert cents(row["contribution"]) == balances.get(f"fund:{row['member_id']}", 0)
            assert cents(row["supplementary"]) == balances.get(f"supplementary:{row['member_id']}", 0)
        found = run.row("days", day)
        for column, kind in (("fund", "fund"), ("supplementary", "supplementary"), ("ccp_capital", "capital")):
            assert cents(found[column]) == sum(b for name, b in balances.items() if kind_of(name) == kind), (day, kind)


def test_calls_of_a_pool_are_its_rows(run: Run) -> None:
    """A call is what is missing to the requirement, and what is held afterwards is never less."""
    for row in run.pools.to_dicts():
        day, margin = row["date"], f"margin:{row['pool_id']}"
        called = run.moved(date=day, movement="margin call", to_account=margin)
        returned = run.moved(date=day, movement="margin return", from_account=margin)
        assert cents(row["call"]) == cents(called) - cents(returned)
        if not run.row("members", day, member_id=row["member_id"])["in_default"]:
            assert row["held"] >= row["margin"]
            assert cents(row["held"]) == cents(row["held_before"]) + cents(row["call"])


def test_members_are_paid_what_their_pools_earned(run: Run) -> None:
    """House and clients apart, until the day of their default."""
    kinds = {row["pool_id"]: row["kind"] for row in small_accounts()}
    for row in run.members.filter(~pl.col("in_default")).to_dicts():
        day, member = row["date"], row["member_id"]
        pools = run.pools.filter(date=day, member_id=member).to_dicts()
        for owner, kind in (("house", "house"), ("clients", "client")):
            name = f"{owner}:{member}"
            for passed in PASSED_ON:
                earned = sum(cents(pool[passed]) for pool in pools if kinds[pool["pool_id"]] == kind)
                received = run.moved(date=day, movement=passed, to_account=name)
                paid = run.moved(date=day, movement=passed, from_account=name)
                assert earned == cents(received) - cents(paid), (day, name, passed)


def small_accounts() -> list[dict[str, Any]]:
    rows = [{"account_id": name, "member": m, "pool_id": p, "kind": k} for name, (m, p, k) in rich().accounts.items()]
    return [*rows, {"account_id": "DEALER", "member": "DEALER", "pool_id": "DEALER", "kind": "house"}]


def test_house_and_client_money_meet_only_in_the_members_own_default(run: Run) -> None:
    """By the names in the rows: a pool's money goes to its owner and comes from it, but for its member's default."""
    owner, member = {}, {}
    for row in small_accounts():
        pool = f"margin:{row['pool_id']}"
        owner[pool] = f"{'house' if row['kind'] == 'house' else 'clients'}:{row['member']}"
        member[pool] = row["member"]
    for name in member | {"": ""}:
        member[name] = member.get(name, "")
    for name in set(member.values()) - {""}:
        for kind in ("fund", "supplementary"):
            owner[f"{kind}:{name}"], member[f"{kind}:{name}"] = f"house:{name}", name
    events = {f"estate:{row['event']:.0f}": row for row in run.events.to_dicts()}
    seen: set[str] = set()
    for row in run.ledger.to_dicts():
        for mine, other in ((row["from_account"], row["to_account"]), (row["to_account"], row["from_account"])):
            if mine not in owner or other in (owner[mine], "opening"):
                continue
            seen.add(f"{kind_of(mine)} {row['movement']}")
            if kind_of(mine) == "fund":  # a survivor's contribution may pay, its margin never
                assert (kind_of(other), row["movement"]) == ("estate", "loss")
                continue
            event = events.get(other)
            settled = {e["defaulters"]: e["settled_date"] for e in events.values()}
            assert row["date"] == settled.get(member[mine]), row
            assert event is None or event["defaulters"] == member[mine], row
            assert event is not None or other == "transferees", row
    assert seen == {"margin loss", "margin gain of the pool", "margin sale of collateral", "fund loss",
                    "supplementary loss"}  # fmt: skip


def test_nothing_moves_for_a_member_after_its_default_is_settled(run: Run) -> None:
    for event in run.events.to_dicts():
        member, settled = event["defaulters"], event["settled_date"]
        pools = [f"margin:{pool}" for pool in run.pools.filter(member_id=member)["pool_id"].unique()]
        mine = [*(f"{kind}:{member}" for kind in ("house", "clients", "fund", "supplementary")), *pools]
        later = run.ledger.filter(
            pl.col("date") > settled, pl.col("from_account").is_in(mine) | pl.col("to_account").is_in(mine)
        )
        assert later.is_empty()


def test_an_estate_pays_its_lender_back_and_is_empty_when_settled(run: Run) -> None:
    for event in run.events.to_dicts():
        name = f"estate:{event['event']:.0f}"
        rows = run.ledger.filter((pl.col("from_account") == name) | (pl.col("to_account") == name))
        assert rows["date"].min() == event["default_date"]
        assert rows["date"].max() == event["settled_date"]
        assert run.moved(to_account=name) == run.moved(from_account=name)
        drawn = run.moved(movement="liquidity drawn", to_account=name)
        assert drawn > 0
        assert run.moved(movement="liquidity repaid", from_account=name) == drawn
        paid = run.moved(movement="loss", to_account=name)
        assert paid == event["loss"] == round(sum(run.tiers(int(event["event"])).values()), 2)


# --- statements -------------------------------------------------------------------------------------------------------


def statement(run: Path, *more: str) -> Result:
    return CliRunner(env={"COLUMNS": "140", "NO_COLOR": "1"}).invoke(app, ["ledger", str(run), *more])


def in_json(run: Run, *more: str) -> dict[str, Any]:
    found = statement(run.out, *more, "--json")
    assert found.exit_code == 0, found.output
    return json.loads(found.stdout)


SPANS = {"all days": (None, None), "from a day": (9, None), "to a day": (None, 8), "a week": (5, 12), "a day": (2, 2)}


@pytest.mark.parametrize("span", SPANS.values(), ids=SPANS)
@pytest.mark.parametrize("member", ["A", "B", "C", "DEALER"])
def test_a_statement_adds_up(member: str, span: tuple[int | None, int | None], run: Run) -> None:
    first, last = (None if number is None else rich().day(number) for number in span)
    options = ([] if first is None else ["--from", str(first)]) + ([] if last is None else ["--to", str(last)])
    found = in_json(run, "--member", member, *options)
    pools = run.pools.filter(member_id=member)["pool_id"].unique()
    names = {f"{kind}:{member}" for kind in ("house", "clients", "supplementary", "fund")}
    assert {row["account"] for row in found["accounts"]} == names | {f"margin:{pool}" for pool in pools}
    begin, end = first or date.min, last or date.max
    for account in found["accounts"]:
        name = account["account"]
        given = run.ledger.filter(pl.col("from_account") == name)
        got = run.ledger.filter(pl.col("to_account") == name)

        def total(rows: pl.DataFrame, earliest: date, latest: date) -> int:
            return cents(round(float(rows.filter(pl.col("date").is_between(earliest, latest))["amount"].sum()), 6))

        opening = total(got, date.min, begin) - total(given, date.min, begin)
        opening -= total(got, begin, begin) - total(given, begin, begin)
        assert cents(account["opening"]) == opening
        assert cents(account["received"]) == total(got, begin, end)
        assert cents(account["paid"]) == total(given, begin, end)
        moved = cents(account["received"]) - cents(account["paid"])
        assert cents(account["closing"]) == cents(account["opening"]) + moved
        rows = [row for row in found["rows"] if row["account"] == name]
        assert all(begin <= date.fromisoformat(row["date"]) <= end for row in rows)
        assert sum(cents(row["amount"]) for row in rows) == moved
        assert sum(cents(row["amount"]) for row in found["movements"] if row["account"] == name) == moved
        assert sum(row["rows"] for row in found["movements"] if row["account"] == name) == len(rows)


def test_statements_of_neighbouring_spans_follow_on_each_other(run: Run) -> None:
    early = in_json(run, "--member", "C", "--to", str(rich().day(10)))
    late = in_json(run, "--member", "C", "--from", str(rich().day(11)))
    assert [row["closing"] for row in early["accounts"]] == [row["opening"] for row in late["accounts"]]
    whole = in_json(run, "--member", "C")
    assert early["rows"] + late["rows"] == whole["rows"]
    assert [row["closing"] for row in late["accounts"]] == [row["closing"] for row in whole["accounts"]]


def test_a_statement_is_shown_with_its_last_rows_or_all(run: Run) -> None:
    rows = len(in_json(run, "--member", "C")["rows"])
    assert rows > 40
    short, long = statement(run.out, "--member", "C"), statement(run.out, "--member", "C", "--all")
    assert short.exit_code == long.exit_code == 0
    assert "Member C, USD" in short.stdout
    assert f"The last 40 of {rows} rows (--all shows all)" in short.stdout
    assert len(long.stdout.splitlines()) - len(short.stdout.splitlines()) == rows - 40
    assert str(rich().day(0)) in long.stdout
    assert statement(run.out, "--member", "C", "--quiet").output == ""


def test_wrong_statements_are_refused_with_one_line(run: Run, tmp_path: Path) -> None:
    (tmp_path / "sized").mkdir()
    simulated = json.loads((run.out / "manifest.json").read_text())
    sized = simulated | {"made_by": "ccp size", "form": COMMANDS["size"].form}
    (tmp_path / "sized" / "manifest.json").write_text(json.dumps(sized))
    expected = "a run's directory was expected"
    cases = [
        ((run.out, "--member", "Z"), "--member, value 'Z': no such member; the run's members are A, B, C, DEALER"),
        ((run.out, "--member", "A", "--from", "x"), "--from, value 'x': a date, YYYY-MM-DD, was expected"),
        ((run.out, "--member", "A", "--to", "2024"), "--to, value '2024': a date, YYYY-MM-DD, was expected"),
        ((tmp_path, "--member", "A"), f"{tmp_path}: {expected} (ccp simulate), there is no manifest.json in it"),
        ((tmp_path / "none", "--member", "A"), f"{tmp_path / 'none'}: {expected}, no such directory"),
        (
            (tmp_path / "sized", "--member", "A"),
            f"{tmp_path / 'sized'}: a run of ccp simulate was expected, this is one of ccp size",
        ),
    ]
    for (where, *options), message in cases:
        found = statement(where, *options)
        assert (found.exit_code, found.stdout) == (2, "")
        assert found.stderr == f"error: {message}\n"


def test_a_statement_of_an_unfinished_run_points_to_resume(tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        if done == 3:
            raise KeyboardInterrupt

    small = plain()
    with pytest.raises(KeyboardInterrupt):
        ccp.simulate(small.book, tmp_path / "run", small.request(), small.rulebook, small.market, progress=stop)
    found = statement(tmp_path / "run", "--member", "A")
    assert found.exit_code == 2
    assert "an unfinished run stands here: finish it with ccp simulate --resume" in found.stderr


# --- errors that must not get past ------------------------------------------------------------------------------------


@dataclass
class Day:
    """A day of a sound run: its ledger, and what `reconcile` is told beside it."""

    terms: RunTerms
    result: DayResult
    in_default: Flags

    @property
    def ledger(self) -> Ledger:
        return self.result.ledger

    @property
    def held(self) -> Cents:
        return self.ledger.balance()

    def check(self, ledger: Ledger, held: Cents | None = None) -> None:
        wanted = self.held if held is None else held
        reconcile(ledger, self.expected(wanted), self.terms.dates[self.result.day], 2)

    def expected(self, held: Cents) -> Expected:
        """What the engine says of the day: as its own rows and tables have it."""
        chart, portfolio = self.ledger.chart, self.terms.portfolio
        event = self.result.state.event
        exchanged = np.zeros((len(PASSED_ON), chart.size), dtype=np.int64)
        for place, kind in enumerate(PASSED_ON):
            for pool, amount in enumerate(self.terms.by_pool(getattr(self.result, kind)).tolist()):
                if event[self.terms.pool_group[pool]] == 0:
                    exchanged[place, chart.owner(np.array([pool]))] += amount
        names = chart.names.to_list()
        sold = np.zeros(len(portfolio.pools), dtype=np.int64)
        for kind, source, target, amount in self.rows():
            if KINDS[kind] == "sale of collateral" and names[source] == "transferees":
                sold[portfolio.pools.index(names[target].removeprefix("margin:"))] += amount
        estates, settled = tuple(self.result.state.estates), tuple(self.result.settled)
        return Expected(held, exchanged, event[portfolio.member_group], estates, settled, sold)

    def rows(self) -> list[list[int]]:
        """Kind, from, to, amount of every row."""
        return [list(map(int, row)) for row in zip(*self.ledger.rows(), strict=True)]

    def number(self, name: str) -> int:
        return self.ledger.chart.names.to_list().index(name)


def with_rows(day: Day, rows: list[list[int]]) -> Ledger:
    """A ledger with the same opening balances and other rows."""
    found = Ledger(day.ledger.chart, day.ledger.opening)
    columns = np.array(rows, dtype=np.int64).reshape(-1, 4).T
    found.parts.append(tuple(columns))  # type: ignore[arg-type]
    return found


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> list[Day]:
    """Every day of the rich run."""
    small = rich()
    trades = rich_trades(tmp_path_factory.mktemp("trades") / "trades.csv", small)
    terms = small.terms(trades=trades, defaults=RICH_DEFAULTS)
    group = terms.portfolio.member_group
    return [Day(terms, result, result.state.event[group] > 0) for result in Cycle(terms).run()]


def settled_day(sound: list[Day]) -> Day:
    """The day on which B's default is settled."""
    return next(day for day in sound if any(one.estate.number == 2 for one in day.result.settled))


def test_a_sound_day_reconciles(sound: list[Day]) -> None:
    for day in sound:
        day.check(with_rows(day, day.rows()))


SPOILT: dict[str, Callable[[list[int]], list[list[int]]]] = {
    "dropped": lambda row: [],
    "doubled": lambda row: [row, row],
    "a cent more": lambda row: [[*row[:3], row[3] + 1]],
    "the other way": lambda row: [[row[0], row[2], row[1], row[3]]],
    "negative": lambda row: [[*row[:3], -row[3]]],
    "negative the other way": lambda row: [[row[0], row[2], row[1], -row[3]]],
}


@pytest.mark.parametrize("spoil", SPOILT.values(), ids=SPOILT)
def test_no_single_row_may_be_wrong(spoil: Callable[[list[int]], list[list[int]]], sound: list[Day]) -> None:
    """Every row of every day, one at a time; the message shows rows."""
    for day in sound:
        rows = day.rows()
        for place, row in enumerate(rows):
            with pytest.raises(ReconciliationError) as found:
                day.check(with_rows(day, rows[:place] + spoil(row) + rows[place + 1 :]))
            assert str(day.terms.dates[day.result.day]) in str(found.value)
            assert " -> " in str(found.value) or spoil(row) == []


def test_the_message_shows_the_rows_of_the_account_that_is_wrong(sound: list[Day]) -> None:
    """A call written down with seven cents too many."""
    day = sound[4]
    rows = day.rows()
    place = next(place for place, row in enumerate(rows) if KINDS[row[0]] == "margin call")
    rows[place][3] += 7
    kind, source, target, amount = rows[place]
    assert sum(target in row[1:3] for row in rows) == 1
    names = day.ledger.chart.names
    with pytest.raises(ReconciliationError) as found:
        day.check(with_rows(day, rows))
    first, *shown = str(found.value).splitlines()
    assert first.endswith(f"the ledger does not reconcile: {names[target]}: the balance is not what is held")
    assert shown == [f"  {KINDS[kind]}: {names[source]} -> {names[target]} {amount / 100:,.2f}"]


@pytest.mark.parametrize("name", ["margin:b2", "fund:C", "supplementary:C", "capital:3", "estate:2", "settlement"])
@pytest.mark.parametrize("change", [1, -1])
def test_what_the_engine_holds_may_not_be_a_cent_off(name: str, change: int, sound: list[Day]) -> None:
    for day in sound:
        held = day.held
        held[day.number(name)] += change
        with pytest.raises(ReconciliationError, match=f"{name}: the balance is not what is held"):
            day.check(day.ledger, held)


def add(day: Day, kind: str, source: str, target: str, amount: int = 100) -> Ledger:
    """The day's ledger with a row more."""
    return with_rows(day, [*day.rows(), [KINDS.index(kind), day.number(source), day.number(target), amount]])


MIXED = {
    "a client pool's margin to the house": ("margin return", "margin:c2", "house:C"),
    "a house pool's margin to the clients": ("margin return", "margin:c", "clients:C"),
    "a client pool pays a house pool": ("margin call", "margin:c2", "margin:c"),
    "a client pool pays another": ("margin call", "margin:b3", "margin:c2"),
    "the house pays for the clients": ("margin call", "house:C", "margin:c2"),
    "clients pay into the fund": ("fund call", "clients:C", "fund:C"),
    "another member's house pays": ("margin call", "house:DEALER", "margin:c"),
    "clients pay supplementary margin": ("supplementary call", "clients:C", "supplementary:C"),
    "a contribution to the owners": ("fund return", "fund:C", "owners"),
    "a contribution into another's": ("fund return", "fund:C", "fund:DEALER"),
    "margin into the clearing house's capital": ("capital paid in", "margin:c2", "capital:3"),
    "margin to the lender": ("liquidity repaid", "margin:c2", "lender"),
}


@pytest.mark.parametrize(("kind", "source", "target"), MIXED.values(), ids=MIXED)
def test_money_of_different_owners_may_not_be_mixed(kind: str, source: str, target: str, sound: list[Day]) -> None:
    """Even where every balance is what the engine says: nothing else is wrong with these rows."""
    day = sound[3]
    ledger = add(day, kind, source, target)
    with pytest.raises(ReconciliationError, match="house and client money are mixed") as found:
        day.check(ledger, ledger.balance())
    assert f"  {kind}: {source} -> {target} 1.00" in str(found.value)


def test_a_balance_inside_may_not_be_negative(sound: list[Day]) -> None:
    day = sound[3]
    ledger = add(day, "margin return", "margin:c2", "clients:C", 10**9)
    with pytest.raises(ReconciliationError, match="margin:c2: the balance is negative"):
        day.check(ledger, ledger.balance())


@pytest.mark.parametrize("kind", PASSED_ON)
def test_kinds_may_not_make_up_for_each_other(kind: str, sound: list[Day]) -> None:
    """Settlement is empty, but one kind sums to more than nothing and another to less."""
    day, other = sound[4], "premium" if kind != "premium" else "exercise"
    more = [[KINDS.index(kind), day.number("house:C"), day.number("settlement"), 100]]
    more += [[KINDS.index(other), day.number("settlement"), day.number("house:DEALER"), 100]]
    ledger = with_rows(day, day.rows() + more)
    with pytest.raises(ReconciliationError, match="does not add up to nothing"):
        day.check(ledger, ledger.balance())


def test_settlement_may_keep_nothing(sound: list[Day]) -> None:
    """Even where the engine says so too."""
    day = sound[4]
    ledger = add(day, "variation", "house:C", "settlement")
    with pytest.raises(ReconciliationError, match="settlement is not empty at the end of the day"):
        day.check(ledger, ledger.balance())


def test_a_survivors_client_margin_may_not_pay_for_anothers_default(sound: list[Day]) -> None:
    """B's default is settled, and money of C's clients goes into the estate with the rest."""
    day = settled_day(sound)
    ledger = add(day, "loss", "margin:c2", "estate:2")
    with pytest.raises(ReconciliationError, match="house and client money are mixed"):
        day.check(ledger, ledger.balance())


def test_a_defaulters_margin_may_not_pay_for_anothers_default(sound: list[Day]) -> None:
    """A is being closed out as event 1; its clients' margin goes to the estate of event 2."""
    day = sound[6]
    assert [estate.number for estate in day.result.state.estates] == [1]
    ledger = add(day, "loss", "margin:ac", "estate:2")
    with pytest.raises(ReconciliationError):
        day.check(ledger, ledger.balance())


def sent_elsewhere(day: Day, kind: str, old: str, new: str) -> Ledger:
    """The day's ledger, but what goes to one account as a kind goes to another."""
    one, other = day.number(old), day.number(new)
    rows = [[row[0], row[1], other, row[3]] if (KINDS[row[0]], row[2]) == (kind, one) else row for row in day.rows()]
    assert rows != day.rows()
    return with_rows(day, rows)


def test_what_is_left_of_a_defaulters_clients_may_not_go_to_its_house(sound: list[Day]) -> None:
    day = settled_day(sound)
    with pytest.raises(ReconciliationError, match="house and client money are mixed"):
        day.check(sent_elsewhere(day, "estate", "clients:B", "house:B"))


def test_variation_of_clients_may_not_be_paid_to_the_house(sound: list[Day]) -> None:
    clients = sound[1].number("clients:C")
    paid = [KINDS.index("variation"), sound[1].number("settlement"), clients]
    day = next(day for day in sound if any(row[:3] == paid for row in day.rows()))
    with pytest.raises(ReconciliationError):
        day.check(sent_elsewhere(day, "variation", "clients:C", "house:C"))


def test_a_statement_of_no_days_is_refused(run: Run) -> None:
    asked = ["--from", str(rich().day(2)), "--to", str(rich().day(1))]
    found = CliRunner().invoke(app, ["ledger", str(run.out), "--member", "A", *asked])
    assert found.exit_code == 2
    assert "a day not after" in found.stderr
