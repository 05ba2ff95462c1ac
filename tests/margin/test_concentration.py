"""Concentration: what is sold together sets the pace, whoever holds it, in whatever parts it is added up."""

import math
from dataclasses import replace
from fractions import Fraction
from functools import reduce
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.small_books import book, market

import ccp
from ccp.api.bounds import sums_together
from ccp.api.streamed import Streaming, opened_on_disk
from ccp.book.book import Book, book_from_frames
from ccp.book.portfolio import Part, build_portfolio
from ccp.book.stored_portfolio import StoredPortfolio
from ccp.errors import InputError
from ccp.exposure.run import part_of
from ccp.kernels.exposure.costs import SaleTerms
from ccp.kernels.exposure.held_together import LONG, PART_BITS, SHORT
from ccp.kernels.exposure.sweep import PositionArrays
from ccp.margin.cells import HeldCells, merged
from ccp.margin.concentration import LEVELS, ConcentrationTerms, added_up, part_totals
from ccp.margin.requirement import margin_model, margin_requirement, require
from ccp.market.case import Case, open_case
from ccp.market.history import Market
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.with_rules import with_rules
from ccp.scenarios.stress_set import stress_scenarios
from ccp.stress.parts import engine_model

PARTICIPATION, QUANTILE, VOLUME = 0.25, 2.33, 40.0
WORDS = ("account", "pool", "member", "group")
MARKET = market()
Accounts = dict[str, tuple[str, str, str]]


def rules_of(level: str | None = None) -> Rulebook:
    concentration = {"participation": PARTICIPATION, "quantile": QUANTILE} | ({"level": level} if level else {})
    margin = {"confidence": 0.97, "lookback_days": 100, "liquidation_days": 2}
    return Rulebook.model_validate(
        {
            "name": "test",
            "currency": "USD",
            "margin": margin | {"add_ons": {"concentration": concentration}},
            "stress": {"hypothetical": [{"ladder": "market_gaps", "sizes": [0.2]}]},
            "tiers": ["defaulter_margin", "defaulter_fund", "survivors_fund"],
        }
    )


def book_of(
    positions: list[tuple[str, str, float]],
    accounts: Accounts,
    groups: dict[str, str] | None = None,
    clients: dict[str, str] | None = None,
) -> Book:
    """The small book; 40 of X and Y trade on an average day, of FX nobody knows."""
    plain = book(positions, accounts, groups)
    instruments = plain.instruments.with_columns(average_daily_volume=pl.Series([VOLUME, VOLUME, None]))
    names = [(clients or {}).get(name) for name in plain.accounts["account_id"]]
    named = plain.accounts.with_columns(client_id=pl.Series(names, dtype=pl.String))
    return replace(plain, instruments=instruments, accounts=named)


def case_of(the_book: Book, level: str | None = None) -> Case:
    return open_case(the_book, MARKET, rules_of(level))


def charged(case: Case) -> dict[str, int]:
    """The add-on by account, in cents."""
    return dict(zip(case.portfolio.accounts, map(int, margin_requirement(case).add_ons["concentration"]), strict=True))


# --- by hand ----------------------------------------------------------------------------------------------------------


def unit_risk(name: str) -> float:
    """The root mean square of two days' changes of one unit, over the root of two days."""
    path, price = MARKET.levels[name].to_list(), {"X": 100.0, "Y": 50.0}[name]
    changes = [price * (path[row] / path[row - 2] - 1) for row in range(len(path) - 100, len(path))]
    return math.sqrt(math.fsum(one * one for one in changes) / 100 / 2)


def charge(quantity: float, sold: float, name: str = "X") -> float:
    """In cents: what `quantity` pays where `sold` is sold together; 20 can be sold within two days."""
    days = sold / (PARTICIPATION * VOLUME)
    return 100 * quantity * unit_risk(name) * (math.sqrt(days) - math.sqrt(2)) * QUANTILE if days > 2 else 0.0


def test_one_position_costs_the_same_in_one_account_and_in_twenty() -> None:
    """10,000 lots of which 1,000 trade a day, a quarter of that is sold a day: forty days. The price goes up and down
    between 100 and 100/1.01, so one lot's change is 1 or 1/1.01, its daily risk sqrt((1 + 1/1.01^2) / 2) = 0.995062,
    and the charge 10,000 x 0.995062 x (sqrt(40) - 1) x 2.33 = 123,449.50; before it margin is 1/1.01 a lot, 9,900.99.
    """
    risk = math.sqrt((1 + 1 / 1.01**2) / 2)
    whole = 10_000 * risk * (math.sqrt(40) - 1) * 2.33
    assert round(whole, 2) == 123_449.50
    one, twenty = (forty_days(accounts) for accounts in (1, 20))
    assert one == [13_335_049]
    assert twenty == [round(100 * (whole / 20)) + 49_505] * 20
    assert abs(sum(twenty) - one[0]) <= 20  # each account's parts are rounded to cents
    assert sum(forty_days(20, "account")) == 20 * (49_505 + round(100 * 500 * risk * (math.sqrt(2) - 1) * 2.33))


def forty_days(count: int, level: str = "group") -> list[int]:
    """The margins of accounts of one member that hold 10,000 lots in equal parts."""
    days = pl.date_range(pl.date(2023, 5, 8), pl.date(2024, 6, 28), "1d", eager=True).dt.weekday() <= 5
    dates = pl.date_range(pl.date(2023, 5, 8), pl.date(2024, 6, 28), "1d", eager=True).filter(days)[:300]
    prices = Market(
        pl.DataFrame({"date": dates, "X": [100.0, 100 / 1.01] * 150}),
        MARKET.factors.filter(pl.col("factor_id") == "X"),
        {},
    )
    names = [f"a{number:02}" for number in range(count)]
    tables = {
        "members": pl.DataFrame({"member_id": ["A", "B"]}),
        "accounts": pl.DataFrame(
            {
                "account_id": [*names, "b"],
                "member_id": ["A"] * count + ["B"],
                "kind": ["client"] * count + ["house"],
            }
        ),
        "positions": pl.DataFrame(
            {"account_id": [*names, "b"], "instrument_id": "F", "quantity": [10_000.0 / count] * count + [-10_000.0]}
        ),
        "instruments": pl.DataFrame(
            {
                **{"instrument_id": ["F"], "kind": ["future"], "factor_id": ["X"], "currency": ["USD"]},
                **{"multiplier": [1.0], "price": [100.0], "average_daily_volume": [1000.0]},
            }
        ),
    }
    rules = rules_of(level).model_dump(mode="json", by_alias=True)
    rules["margin"] |= {"measure": "value_at_risk", "confidence": 0.99, "lookback_days": 250, "liquidation_days": 1}
    case = open_case(book_from_frames(tables), prices, Rulebook.model_validate(rules))
    return margin_requirement(case).account_margin[:count].tolist()


HOLDERS: Accounts = {
    "h": ("A", "A/h", "house"),
    "i": ("A", "A/c", "client"),
    "j": ("A", "A/c", "client"),
    "k": ("B", "B/k", "client"),
    "l": ("C", "C/l", "client"),
}
HELD = [("h", "X", 30.0), ("i", "X", 12.0), ("j", "X", 15.0), ("k", "X", 50.0), ("l", "X", -70.0), ("j", "Y", -90.0)]


@pytest.mark.parametrize(
    ("level", "sold"),
    [
        ("account", {"h": 30, "i": 12, "j": 15, "k": 50, "l": 70}),
        ("pool", {"h": 30, "i": 27, "j": 27, "k": 50, "l": 70}),
        ("member", {"h": 57, "i": 57, "j": 57, "k": 50, "l": 70}),
        ("group", {"h": 107, "i": 107, "j": 107, "k": 107, "l": 70}),
    ],
)
def test_a_level_adds_up_its_accounts(level: str, sold: dict[str, float]) -> None:
    """A and B are one group. `j` is short 90 of Y besides, alone with that."""
    found = charged(case_of(book_of(HELD, HOLDERS, {"A": "G", "B": "G", "C": "C", "DEALER": "D"}), level))
    for account, instrument, quantity in HELD[:-1]:
        of_y = charge(90, 90, "Y") if account == "j" else 0.0
        assert found[account] == round(charge(abs(quantity), sold[account], instrument) + of_y)


def test_the_group_is_the_default() -> None:
    the_book = book_of(HELD, HOLDERS, {"A": "G", "B": "G", "C": "C", "DEALER": "D"})
    assert charged(case_of(the_book)) == charged(case_of(the_book, "group")) != charged(case_of(the_book, "member"))


def test_longs_and_shorts_are_two_quantities() -> None:
    """The house long 100, a client short 60 beside another short 15: a client may be ported, and then nothing nets."""
    positions = [("h", "X", 100.0), ("i", "X", -60.0), ("j", "X", -15.0)]
    found = charged(case_of(book_of(positions, HOLDERS)))
    assert found["h"] == round(charge(100, 100))
    assert (found["i"], found["j"]) == (round(charge(60, 75)), round(charge(15, 75)))


def test_a_client_of_several_members_is_sold_as_one() -> None:
    """K holds 12 at A, 18 at B and -70 at C; its own sums count where they are more than those of the level."""
    positions = [("i", "X", 12.0), ("j", "X", 3.0), ("k", "X", 18.0), ("l", "X", -70.0)]
    named = book_of(positions, HOLDERS, clients={"i": "K", "k": "K", "l": "K"})
    found = charged(case_of(named, "group"))
    assert found["i"] == round(charge(12, 30))  # A has 15 in all
    assert found["j"] == 0
    assert (found["k"], found["l"]) == (round(charge(18, 30)), round(charge(70, 70)))
    more = book_of([*positions, ("h", "X", 30.0)], HOLDERS, clients={"i": "K", "k": "K", "l": "K"})
    found = charged(case_of(more, "group"))
    assert found["i"] == round(charge(12, 45))  # the member's 45 are more than the client's 30
    assert found["k"] == round(charge(18, 30))
    assert charged(case_of(more, "account"))["i"] == round(charge(12, 30))


def test_a_client_of_one_unit_changes_nothing() -> None:
    clients = {"i": "K", "j": "K", "k": "L", "h": "M"}
    groups = {"A": "G", "B": "G", "C": "C", "DEALER": "D"}
    for level in ("pool", "member", "group"):
        assert charged(case_of(book_of(HELD, HOLDERS, groups, clients), level)) == charged(
            case_of(book_of(HELD, HOLDERS, groups), level)
        )


def test_clients_join_in_margin_only() -> None:
    positions = [("i", "X", 12.0), ("k", "X", 18.0)]
    plain, named = (
        ccp.size(book_of(positions, HOLDERS, clients=names), rules_of(), MARKET).tables["losses"]
        for names in (None, {"i": "K", "k": "K"})
    )
    extra = {"A": charge(12, 30) / 100, "B": charge(18, 30) / 100}
    joined = plain.join(named, on=["scenario_id", "group_id"], suffix="_named")
    for row in joined.to_dicts():
        less = row["loss_over_margin"] - row["loss_over_margin_named"]
        assert less == pytest.approx(min(extra.get(row["group_id"], 0.0), row["loss_over_margin"]), abs=0.011)


# --- what must hold ---------------------------------------------------------------------------------------------------

sizes = st.integers(-1200, 1200).map(lambda eighths: eighths / 8)


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 2400).map(lambda eighths: eighths / 8), st.data())
def test_however_a_position_is_split_in_a_group_it_costs_the_same(quantity: float, data: st.DataObject) -> None:
    """In up to eight accounts of two members and any pools: within half a cent an account, for each is rounded."""
    pieces = data.draw(st.lists(st.integers(1, 40), min_size=2, max_size=8))
    split = [quantity * piece / 64 for piece in pieces]  # 64ths of eighths: exact
    whole = math.fsum(split)
    homes = [data.draw(st.sampled_from(["A", "B"])) for _ in split]
    accounts = {f"{home}{place}": (home, f"{home}{place % 3}", "client") for place, home in enumerate(homes)}
    groups = {"A": "G", "B": "G", "DEALER": "D"}
    apart = [(name, "X", piece) for name, piece in zip(accounts, split, strict=True)]
    one = charged(case_of(book_of([("one", "X", whole)], {"one": ("A", "A", "client")}, groups)))["one"]
    many = charged(case_of(book_of(apart, accounts, groups)))
    assert abs(sum(amount for name, amount in many.items() if name in accounts) - one) <= (len(split) + 1) / 2


@settings(max_examples=40, deadline=None)
@given(st.lists(sizes, min_size=5, max_size=5), st.lists(sizes, min_size=2, max_size=6))
def test_splitting_never_lowers(held: list[float], pieces: list[float]) -> None:
    """Whatever the pieces, longs and shorts among them: the account that they are of costs no more than they do."""
    others = [(name, "X", quantity) for name, quantity in zip(HOLDERS, held, strict=True) if quantity]
    whole = case_of(book_of([*others, ("one", "X", math.fsum(pieces))], HOLDERS | {"one": ("A", "one", "client")}))
    names: Accounts = {f"piece {place}": ("A", f"p{place}", "client") for place in range(len(pieces))}
    split = [(name, "X", piece) for name, piece in zip(names, pieces, strict=True)]
    apart = case_of(book_of([*others, *split], HOLDERS | names))
    one, many = charged(whole), charged(apart)
    assert sum(many[name] for name in names) + len(names) / 2 + 0.5 >= one["one"]
    assert all(many[name] >= one[name] for name in HOLDERS)


@settings(max_examples=30, deadline=None)
@given(st.lists(sizes, min_size=5, max_size=5), st.lists(st.sampled_from(["K", "L", None]), min_size=5, max_size=5))
def test_no_account_pays_less_on_a_wider_level(held: list[float], names: list[str | None]) -> None:
    positions = [(name, "X", quantity) for name, quantity in zip(HOLDERS, held, strict=True)]
    clients = {name: client for name, client in zip(HOLDERS, names, strict=True) if client}
    groups = {"A": "G", "B": "G", "C": "C", "DEALER": "D"}
    found = [charged(case_of(book_of(positions, HOLDERS, groups), level)) for level in WORDS]
    named = [charged(case_of(book_of(positions, HOLDERS, groups, clients), level)) for level in WORDS]
    for account in HOLDERS:
        assert sorted(one[account] for one in found) == [one[account] for one in found]
        assert all(more[account] >= one[account] for more, one in zip(named, found, strict=True))


@settings(max_examples=30, deadline=None)
@given(st.lists(sizes, min_size=5, max_size=5), st.lists(st.booleans(), min_size=5, max_size=5))
def test_whoever_is_ported_what_is_left_has_been_charged_for(held: list[float], stays: list[bool]) -> None:
    """What selling the net of some accounts of a group costs is no more than what these very accounts have paid."""
    groups = {"A": "G", "B": "G", "C": "G", "DEALER": "D"}
    positions = [(name, "X", quantity) for name, quantity in zip(HOLDERS, held, strict=True)]
    found = charged(case_of(book_of(positions, HOLDERS, groups)))
    left = [(name, quantity) for (name, _, quantity), stay in zip(positions, stays, strict=True) if stay]
    net = abs(math.fsum(quantity for _, quantity in left))
    assert sum(found[name] for name, _ in left) >= charge(net, net) - (len(left) + 1) / 2


# --- sums -------------------------------------------------------------------------------------------------------------

HOSTILE = [0.1, -0.1, 1e-9, -3e-7, 1e16, 1.0, -(2.0**53), 2.0**53 + 2, 1e12 + 0.1, -1e12 - 0.3, 0.0, 1 / 3, -1024.5]


def parts_of(seed: int) -> list[Part]:
    """A book of forty pools in three instruments, cut between pools into parts."""
    random = np.random.default_rng(seed)
    accounts, instruments = 60, 3
    offset = np.concatenate([[0], np.cumsum(random.integers(0, instruments + 1, accounts))])
    held = [np.sort(random.choice(instruments, size, replace=False)) for size in np.diff(offset)]
    quantity = random.choice(HOSTILE, offset[-1])
    positions = PositionArrays(offset, np.concatenate(held).astype(np.int32), quantity)
    for array in positions:
        array.flags.writeable = False
    member, client = random.integers(0, 4, accounts), random.integers(-1, 3, accounts)
    tree = np.arange(accounts), member, np.zeros(accounts, dtype=bool), np.array([0, 1, 0, 1]), client
    cuts = np.unique([0, *random.integers(0, accounts, 5), accounts])
    found = []
    for first, last in pairwise(cuts):
        own = tree[0][: last - first], tree[1][first:last], tree[2][first:last], tree[3], tree[4][first:last]
        found.append(Part(part_of(positions, first, last), *own))
    return found


def terms_of(level: str) -> ConcentrationTerms:
    """Every sum counts, for next to nothing can be sold in a day; of the third instrument no volume is known."""
    sale = SaleTerms(
        np.zeros(3), np.ones(3), np.ones(3, dtype=np.int64), np.array([1e-300, 1e-300, math.nan]), 1.0, 1.0, 1.0, 60
    )
    return ConcentrationTerms(sale, 1.0, level, {"member": 4, "group": 2}[level], np.array([True, False, True]))


@pytest.mark.parametrize("level", ["member", "group"])
@pytest.mark.parametrize("seed", range(5))
def test_sums_are_exact_in_any_parts_and_any_order(level: str, seed: int) -> None:
    parts, terms, random = parts_of(seed), terms_of(level), np.random.default_rng(seed)
    totals = [part_totals(terms, part) for part in parts]
    for place, units in enumerate((LEVELS[level], lambda part: part.account_client)):
        cells = [one[place] for one in totals]
        expected = plain_sums(parts, units, None if place == 0 else terms.joint)
        for _ in range(6):
            order = random.permutation(len(cells))
            assert as_fractions(in_any_tree([cells[one] for one in order], random)) == expected


def in_any_tree(cells: list[HeldCells], random: np.random.Generator) -> HeldCells:
    """Put together two by two, whichever come."""
    while len(cells) > 1:
        one, other = cells.pop(int(random.integers(len(cells)))), cells.pop(int(random.integers(len(cells))))
        cells.append(merged(one, other))
    return cells[0]


def as_fractions(cells: HeldCells) -> dict[tuple[int, int], tuple[Fraction, Fraction]]:
    found = {}
    assert (np.diff(cells.key) > 0).all()
    for key, row in zip(cells.key.tolist(), cells.amounts.tolist(), strict=True):
        long, short = (row[side] + Fraction(row[side + 1], 2**PART_BITS) for side in (LONG, SHORT))
        found[divmod(key, 3)] = long, short
    return found


def plain_sums(parts: list[Part], units: Any, joint: np.ndarray | None) -> dict[Any, tuple[Fraction, Fraction]]:
    """The same by exact fractions; sizes below 2^-10 are rounded to 2^-62."""
    found: dict[Any, tuple[Fraction, Fraction]] = {}
    for part in parts:
        for account, unit in enumerate(units(part).tolist()):
            if joint is not None and (unit < 0 or not joint[unit]):
                continue
            for entry in range(part.positions.offset[account], part.positions.offset[account + 1]):
                instrument, quantity = int(part.positions.instrument[entry]), float(part.positions.quantity[entry])
                if quantity and instrument < 2:
                    size = Fraction(round(Fraction(abs(quantity)) * 2**62), 2**62)
                    long, short = found.get((unit, instrument), (Fraction(0), Fraction(0)))
                    found[unit, instrument] = (long + size, short) if quantity > 0 else (long, short + size)
    return found


def test_a_lonely_position_is_its_own_sum_to_the_bit() -> None:
    """So that an account without others pays what it would pay on the level of accounts, whatever its quantity."""
    quantities = np.array([abs(one) for one in HOSTILE if abs(one) >= 2**-10])
    count = len(quantities)
    arrays = PositionArrays(np.arange(count + 1), np.zeros(count, dtype=np.int32), quantities)
    tree = np.arange(count), np.arange(count), np.zeros(count, dtype=bool), np.arange(count), np.full(count, -1)
    sale = SaleTerms(np.zeros(1), np.ones(1), np.ones(1, dtype=np.int64), np.array([1e-300]), 1.0, 1.0, 1.0, 60)
    terms = ConcentrationTerms(sale, 1.0, "group", count, np.zeros(0, dtype=bool))
    known = added_up(terms, [part_totals(terms, Part(arrays, *tree))])
    assert known.level is not None
    assert known.level.long.tolist() == quantities.tolist()


def test_sums_beyond_all_lots_stop_there_in_any_order() -> None:
    huge = [2.0**60, 2.0**61, 1e300, 0.5, 2.0**60]
    cells = []
    for quantity in huge:
        arrays = PositionArrays(np.array([0, 1]), np.zeros(1, dtype=np.int32), np.array([quantity]))
        zero = np.zeros(1, dtype=np.int64)
        part = Part(arrays, zero, zero, np.zeros(1, dtype=bool), zero, np.array([-1]))
        cells.append(part_totals(terms_of("group"), part).level)
    for order in ([0, 1, 2, 3, 4], [3, 4, 0, 2, 1], [2, 3, 1, 0, 4]):
        found = reduce(merged, [cells[place] for place in order])
        assert found.amounts[0, LONG] == 2**61


def test_parts_know_what_others_hold() -> None:
    """Margins of a book in one part and account by account."""
    groups = {"A": "G", "B": "G", "C": "C", "DEALER": "D"}
    case = case_of(book_of(HELD, HOLDERS, groups, {"h": "K", "l": "K", "k": "K"}))
    portfolio, model = build_portfolio(case.book), margin_model(case)
    terms = model.add_ons.concentration
    assert terms is not None
    parts = [portfolio.part(np.array([pool])) for pool in range(len(portfolio.pools))]
    known = added_up(terms, [part_totals(terms, part) for part in reversed(parts)])
    model = replace(model, add_ons=replace(model.add_ons, concentration=known))
    found = np.concatenate([require(model, part).account_margin for part in parts])
    assert found.tolist() == margin_requirement(case).account_margin.tolist()


def test_a_part_that_knows_of_nobody_else_is_refused() -> None:
    """It would be margined too low, and nobody would see it."""
    case = case_of(book_of(HELD, HOLDERS))
    with pytest.raises(ValueError, match="added up before"):
        require(margin_model(case), case.portfolio.whole)


@pytest.mark.parametrize("level", WORDS)
def test_positions_on_disk_give_the_same_margins(level: str, tmp_path: Path) -> None:
    the_book = written(tmp_path)
    expected = ccp.size(the_book, rules_of(level), MARKET).tables["margin"]
    for how in (Streaming(), Streaming(memory=2**40)):
        assert ccp.size(tmp_path, rules_of(level), MARKET, streaming=how).tables["margin"].equals(expected)


def written(folder: Path) -> Book:
    """A book with groups and a client of several members, as files too."""
    the_book = book_of(HELD, HOLDERS, {"A": "G", "B": "G", "C": "C", "DEALER": "D"}, {"h": "K", "l": "K", "k": "K"})
    for name in ("members", "accounts", "instruments", "positions"):
        getattr(the_book, name).write_parquet(folder / f"{name}.parquet")
    return the_book


@pytest.mark.parametrize("level", WORDS)
def test_a_bound_on_memory_counts_the_sums_that_there_can_be(level: str, tmp_path: Path) -> None:
    """Never fewer than there are; no more than members or groups times the two instruments with a volume, and client K
    times the same."""
    written(tmp_path)
    with opened_on_disk(tmp_path, rules_of(level), MARKET, None, Streaming()) as case:
        stress = stress_scenarios(case.rulebook, case.market, case.factor_ids)
        model, portfolio = engine_model(case, stress), case.portfolio
        terms = model.margin.add_ons.concentration
        assert terms is not None
        assert isinstance(portfolio, StoredPortfolio)
        sums = part_totals(terms, portfolio.whole)
        units = {"member": 4, "group": 3}.get(level, 0)
        assert len(sums.level.key) + len(sums.client.key) <= sums_together(portfolio, model) <= 2 * (units + 1)
        assert len(sums.client.key) == 1


# --- changes ----------------------------------------------------------------------------------------------------------

MORE: list[tuple[str, dict[str, Any], int]] = [
    ("more of the group's side", {"trades": [{"account_id": "k", "instrument_id": "X", "quantity": 5}]}, 4),
    ("the group's other side", {"trades": [{"account_id": "k", "instrument_id": "X", "quantity": -60}]}, 4),
    ("what is sold in time", {"trades": [{"account_id": "k", "instrument_id": "Y", "quantity": 5}]}, 1),
    ("what has no volume", {"trades": [{"account_id": "h", "instrument_id": "FX", "quantity": 5}]}, 1),
    ("the client's other member", {"trades": [{"account_id": "l", "instrument_id": "X", "quantity": 1}]}, 2),
    ("one that goes", {"remove": [{"account_id": "h"}]}, 3),
]


@pytest.mark.parametrize(("document", "measured"), [one[1:] for one in MORE], ids=[one[0] for one in MORE])
def test_a_change_moves_all_who_are_sold_together(document: dict[str, Any], measured: int, tmp_path: Path) -> None:
    """Who is measured again, and that the answer is that of the changed book. A and B are G, l and m one client."""
    accounts: Accounts = HOLDERS | {"m": ("D", "D/m", "client")}
    positions = [*HELD, ("m", "X", -30.0)]
    groups, clients = {"A": "G", "B": "G", "C": "C", "D": "D", "DEALER": "E"}, {"l": "K", "m": "K"}
    rules = rules_of().model_dump(mode="json", by_alias=True) | {"book": {"matched": False}}
    rulebook = Rulebook.model_validate(rules)
    before = book_of(positions, accounts, groups, clients)
    run = ccp.size(before, rulebook, MARKET, base=True).write(tmp_path / "run")
    found = ccp.what_if(run, ccp.Changes.model_validate(document))
    assert found.measured == measured
    gone = {one["account_id"] for one in document.get("remove", [])}
    held = {(account, name): quantity for account, name, quantity in positions if account not in gone}
    for one in document.get("trades", []):
        pair = one["account_id"], one["instrument_id"]
        held[pair] = held.get(pair, 0.0) + one["quantity"]
    dealer = before.positions.filter(pl.col("account_id") == "DEALER")
    left = pl.DataFrame([(*pair, quantity) for pair, quantity in held.items()], dealer.schema, orient="row")
    stays = before.accounts.filter(~pl.col("account_id").is_in(list(gone)))
    expected = ccp.size(replace(before, accounts=stays, positions=pl.concat([left, dealer])), rulebook, MARKET)
    for name in ("margin", "losses", "contributions"):
        assert found.sizing.tables[name].equals(expected.tables[name]), name


def test_rules_and_members_change_together(tmp_path: Path) -> None:
    """All is measured again then, by the members that are left: C, the last but the dealer, is the first."""
    before = book_of(HELD, HOLDERS, clients={"h": "K", "l": "K"})
    run = ccp.size(before, rules_of("member"), MARKET, base=True).write(tmp_path / "run")
    gone: Any = {"remove": [{"member_id": "A"}, {"member_id": "B"}]}
    rules = {"book.matched": False, "margin.add_ons.concentration.participation": 0.1}
    found = ccp.what_if(run, ccp.Changes.model_validate(gone | {"rules": rules}))
    left = {
        name: getattr(before, name).filter(~pl.col(column).is_in(values))
        for name, column, values in (
            ("members", "member_id", ["A", "B"]),
            ("accounts", "member_id", ["A", "B"]),
            ("positions", "account_id", ["h", "i", "j", "k"]),
        )
    }
    expected = ccp.size(replace(before, **left), with_rules(rules_of("member"), list(rules.items())), MARKET)
    assert found.sizing.tables["margin"].equals(expected.tables["margin"])


# --- words ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("value", ["desk", "house", 1, None])
def test_a_level_is_one_of_four_words(value: Any, tmp_path: Path) -> None:
    rules = rules_of().model_dump(mode="json", by_alias=True)
    rules["margin"]["add_ons"]["concentration"]["level"] = value
    (tmp_path / "rules.yaml").write_text(str(rules).replace("None", "null").replace("True", "true"), encoding="utf-8")
    with pytest.raises(InputError):
        ccp.read_rulebook(tmp_path / "rules.yaml")
