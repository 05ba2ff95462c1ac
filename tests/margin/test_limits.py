"""Concentration limits on collateral: by hand, against a plain twin, and what must hold of any lines and limits."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support import collateral_twin as twin
from support.small_books import book, market

from ccp.book.book import book_from_frames, book_of
from ccp.book.roster import Roster
from ccp.errors import InputError
from ccp.margin.collateral import after_haircut, holdings, value_after_haircut, within_limits
from ccp.margin.issuers import own_paper
from ccp.margin.limits import after_limits, by_line, cells_of
from ccp.market.case import Case, open_case
from ccp.rulebook.rulebook import Rulebook

HOUSES = {"a": ("A", "a", "house"), "b": ("B", "b", "house"), "c": ("C", "c", "client")}
LONGS = [("a", "X", 1000.0), ("b", "X", 500.0), ("c", "Y", 300.0)]
POOLS = ("a", "b", "c", "DEALER")
GROUPS = {"A": "G1", "B": "G1", "C": "G2"}
TEXT = ("factor_id", "currency", "issuer_id", "issuer_group_id", "asset_class")
PRICES = market()


def line(pool: str, asset: str, value: float, **more: Any) -> dict[str, Any]:
    """A line of the collateral table: cash in dollars unless more is said."""
    return {"pool_id": pool, "asset_id": asset, "market_value": value, "haircut": 0.0} | dict.fromkeys(TEXT) | more


SCHEMA: dict[str, Any] = {
    **dict.fromkeys(("pool_id", "asset_id", *TEXT), pl.String),
    **dict.fromkeys(("market_value", "haircut"), pl.Float64),
}


def tables_with(lines: list[dict[str, Any]]) -> dict[str, pl.DataFrame]:
    small = book(LONGS, HOUSES, GROUPS)
    tables = {name: getattr(small, name) for name in ("members", "accounts", "instruments", "positions")}
    return tables | {"collateral": pl.DataFrame(lines, schema=SCHEMA)}


def rules_of(collateral: dict[str, Any]) -> Rulebook:
    margin = {"confidence": 0.99, "lookback_days": 100, "liquidation_days": 2}
    tiers = ["defaulter_margin", "defaulter_fund", "survivors_fund"]
    return Rulebook.model_validate(
        {"name": "test", "currency": "USD", "margin": margin, "tiers": tiers, "collateral": collateral}
    )


@cache
def base() -> Case:
    """A case that knows every factor that lines may name."""
    every = [line("a", "0", 1.0, factor_id="X", currency="EUR"), line("a", "1", 1.0, factor_id="Y")]
    return open_case(book_from_frames(tables_with(every)), PRICES, rules_of({}))


def case_of(lines: list[dict[str, Any]], **collateral: Any) -> Case:
    """The case with other lines and limits: the lines are taken to be sound."""
    tables = {name: getattr(base().book, name) for name in ("members", "accounts", "instruments", "positions")}
    the_book = book_of(tables | {"collateral": pl.DataFrame(lines, schema=SCHEMA)}, {})
    return replace(base(), book=the_book, rulebook=rules_of(collateral), prepared=base().portfolio)


def stages(case: Case, required: tuple[int, ...]) -> list[dict[tuple[str, str], int]]:
    """By line, value after haircut and then what every limit leaves of it."""
    lines = holdings(case)
    table = case.book.ordered_collateral
    assert lines is not None
    assert table is not None
    cents = after_haircut(lines, 2)
    cells = cells_of(lines.pool, lines.limits, cents)
    left = by_line(cells, cents, after_limits(cells, np.array(required))) if lines.limits else []
    names = list(zip(table["pool_id"], table["asset_id"], strict=True))
    return [dict(zip(names, each.tolist(), strict=True)) for each in (cents, *left)]


def left(case: Case, required: tuple[int, ...]) -> dict[str, int]:
    """What is left of every line of pool a in the end, by asset; the pool's sum is what counts of it."""
    last = {asset: amount for (pool, asset), amount in stages(case, required)[-1].items() if pool == "a"}
    assert sum(last.values()) == counted(case, required)["a"]
    return last


def counted(case: Case, required: tuple[int, ...]) -> dict[str, int]:
    lines = holdings(case)
    assert lines is not None
    return dict(zip(POOLS, value_after_haircut(lines, np.array(required), 2).tolist(), strict=True))


def needs(amount: int) -> tuple[int, ...]:
    return (amount, 0, 0, 0)


# --- by hand ----------------------------------------------------------------------------------------------------------


def test_one_issuer_in_two_lines_counts_as_in_one() -> None:
    """Half of 300 at most, in one line of 300 or in two of 150."""
    paper = {"factor_id": "X", "issuer_id": "Z"}
    lines = [line("a", "BOND", 300.0, **paper), line("b", "1", 150.0, **paper), line("b", "2", 150.0, **paper)]
    for words in ({"asset_limit": 0.5}, {"issuer_limit": 0.5}, {"issuer_limit": {"Z": 0.5}}):
        case = case_of(lines, **words)
        assert counted(case, (300_00, 300_00, 0, 0)) == {"a": 150_00, "b": 150_00, "c": 0, "DEALER": 0}
        assert stages(case, (300_00, 300_00, 0, 0))[-1] == {("a", "BOND"): 150_00, ("b", "1"): 75_00, ("b", "2"): 75_00}


def test_the_example_of_the_document() -> None:
    """300 required. Z 150 + 60 to 150: 107.14 and 42.86. Z and its daughter Y 250 to 180: 108 (77.14, 30.86) and 72.
    Euro to 60."""
    euro = PRICES.level("EUR/USD")
    lines = [
        line("a", "1", 150.0, issuer_id="Z", factor_id="X"),
        line("a", "2", 60.0, issuer_id="Z", factor_id="X"),
        line("a", "3", 100.0 / euro, issuer_id="Y", issuer_group_id="Z", currency="EUR"),
    ]
    limits = {"issuer_limit": 0.5, "issuer_group_limit": 0.6, "currency_limit": {"EUR": 0.2}}
    found = [list(each.values()) for each in stages(case_of(lines, **limits), needs(300_00))]
    assert found == [[150_00, 60_00, 100_00], [107_14, 42_86, 100_00], [77_14, 30_86, 72_00], [77_14, 30_86, 60_00]]
    assert counted(case_of(lines, **limits), needs(300_00))["a"] == 168_00


def test_a_limit_is_a_share_of_the_requirement_and_not_of_what_is_held() -> None:
    """Of 1,000.01 required at most 40 %: 400.00, rounded down, of each issuer. Cash in dollars has no limit."""
    lines = [
        line("a", "cash", 300.01),
        line("a", "large", 1000.0, factor_id="X", haircut=0.4),
        line("a", "small", 100.0, factor_id="Y"),
    ]
    assert left(case_of(lines, issuer_limit=0.4), needs(1000_01)) == {
        "cash": 300_01, "large": 400_00, "small": 100_00,
    }  # fmt: skip
    assert left(case_of(lines), needs(1000_01)) == {"cash": 300_01, "large": 600_00, "small": 100_00}
    assert left(case_of(lines, issuer_limit=0.4), needs(0)) == {"cash": 300_01, "large": 0, "small": 0}


def test_a_limit_is_a_share_as_written() -> None:
    """57 hundredths of 10.00 are 5.70, though the nearest binary fraction of 0.57 lies below."""
    for share in (0.7, 0.29, 0.57):
        case = case_of([line("a", "bond", 1000.0, factor_id="X")], issuer_limit=share)
        assert left(case, needs(10_00))["bond"] == round(share * 1000)


def test_securities_of_nobody_that_one_factor_moves_are_one_issuers() -> None:
    """Three lines of X, half of 80.00 together; Y is another's."""
    lines = [line("a", name, 100.0, factor_id="X", haircut=0.2) for name in "123"]
    lines.append(line("a", "4", 100.0, factor_id="Y"))
    for word in ("asset_limit", "issuer_limit", "issuer_group_limit"):
        assert left(case_of(lines, **{word: 0.5}), needs(80_00)) == {"1": 13_34, "2": 13_33, "3": 13_33, "4": 40_00}


def test_shares_by_name() -> None:
    """A treasury counts for all, equity for nothing, anything else for a tenth; without a star it has no limit."""
    lines = [
        line("a", "bill", 500.0, issuer_id="US", asset_class="government bond", factor_id="X"),
        line("a", "share", 500.0, asset_class="equity", factor_id="X"),
        line("a", "bond", 500.0, asset_class="corporate bond", factor_id="X"),
    ]
    stated = {"government bond": 1, "equity": 0}
    for others, bond in (({"*": 0.1}, 100_00), ({}, 500_00)):
        case = case_of(lines, asset_class_limit=stated | others)
        assert left(case, needs(1000_00)) == {"bill": 500_00, "share": 0, "bond": bond}
    assert left(case_of(lines, issuer_limit={"US": 0.2}), needs(1000_00)) == {
        "bill": 200_00, "share": 500_00, "bond": 500_00,
    }  # fmt: skip


def test_a_class_is_stated_or_that_of_the_factor_and_paper_without_one_is_a_class() -> None:
    """The market calls X an equity. Two papers without factor or class share a limit; cash in euro has no class."""
    lines = [
        line("a", "stated", 100.0, asset_class="bond", factor_id="X"),
        line("a", "moved", 100.0, factor_id="X"),
        line("a", "named alike", 60.0, asset_class="equity", issuer_id="P"),
        line("a", "neither 1", 100.0, issuer_id="P"),
        line("a", "neither 2", 100.0, issuer_id="Q"),
        line("a", "euro", 100.0, currency="EUR", haircut=0.5),
    ]
    case = case_of(lines, asset_class_limit=0.8)
    assert case.market.kinds("asset_class", ["X"]) == ["equity"]
    euro = round(50 * case.market.level("EUR/USD") * 100)
    assert left(case, needs(100_00)) == {
        "stated": 80_00, "moved": 50_00, "named alike": 30_00, "neither 1": 40_00, "neither 2": 40_00, "euro": euro,
    }  # fmt: skip


def test_the_services_own_currency_is_limited_only_by_name() -> None:
    paper = [line("a", "dollar", 100.0, issuer_id="P"), line("a", "cash", 100.0)]
    paper.append(line("a", "euro", 1000.0, currency="EUR"))
    assert left(case_of(paper, currency_limit=0.5), needs(100_00)) == {"dollar": 100_00, "cash": 100_00, "euro": 50_00}
    by_name = case_of(paper, currency_limit={"USD": 0.25, "EUR": 0.5})
    assert left(by_name, needs(100_00)) == {"dollar": 25_00, "cash": 100_00, "euro": 50_00}


def test_a_group_of_issuers_is_stated_on_any_of_its_lines_or_by_the_book() -> None:
    """P belongs to H wherever it stands; A and B are members of G1, whose paper it is too."""
    lines = [
        line("a", "1", 100.0, issuer_id="P", issuer_group_id="H"),
        line("a", "2", 100.0, issuer_id="P"),
        line("a", "3", 100.0, issuer_id="H"),
        line("c", "4", 100.0, issuer_id="A"),
        line("c", "5", 100.0, issuer_id="B"),
        line("c", "6", 100.0, issuer_group_id="G1"),
    ]
    found = stages(case_of(lines, issuer_group_limit=0.3), (100_00, 0, 100_00, 0))[-1]
    assert found == {(pool, str(n)): 10_00 for pool, n in zip("aaaccc", range(1, 7), strict=True)}
    by_issuer = stages(case_of(lines, issuer_limit=0.3), (100_00, 0, 100_00, 0))[-1]
    assert [by_issuer[key] for key in sorted(by_issuer)] == [15_00, 15_00, 30_00, 30_00, 30_00, 30_00]


def test_own_paper_goes_before_all_limits() -> None:
    """What counts nothing takes no place under a limit: Z's 40 are whole, though they are of a class with own paper."""
    lines = [
        line("a", "own", 500.0, issuer_id="G1", asset_class="bond"),
        line("a", "other", 40.0, issuer_id="Z", asset_class="bond"),
    ]
    assert left(case_of(lines, asset_class_limit=0.5), needs(100_00)) == {"own": 0, "other": 40_00}


def test_what_limits_leave_moves_with_the_scenario_and_no_more() -> None:
    """Market value 200, 160 after haircut, cut to 40: a quarter of 200."""
    case = case_of([line("a", "1", 200.0, factor_id="X", haircut=0.2), line("a", "2", 7.0)], issuer_limit=0.4)
    lines = holdings(case)
    assert lines is not None
    assert within_limits(lines, np.array(needs(100_00)), 2).value.tolist() == [50.0, 7.0]
    assert within_limits(lines, np.array(needs(1000_00)), 2).value.tolist() == [200.0, 7.0]


def test_an_issuer_of_two_groups_is_refused() -> None:
    lines = [
        line("a", "1", 1.0, issuer_id="P", issuer_group_id="H"),
        line("a", "2", 1.0, issuer_id="P"),
        line("b", "3", 1.0, issuer_id="P", issuer_group_id="K"),
        line("b", "4", 1.0, issuer_group_id="K"),
    ]
    with pytest.raises(InputError) as refused:
        book_from_frames(tables_with(lines))
    (problem,) = refused.value.problems
    assert (problem.source, problem.row, problem.field, problem.value) == ("collateral", 3, "issuer_group_id", "K")


# --- against the twin -------------------------------------------------------------------------------------------------

names = st.sampled_from
some = st.none
rows = st.fixed_dictionaries(
    {
        "pool_id": names(POOLS[:3]),
        "cents": st.integers(0, 60_000) | names([0, 1, 2, 3]),
        "haircut": names([0.0, 0.0, 0.5]),
        "factor_id": some() | names(["X", "Y"]),
        "currency": some() | names(["USD", "EUR"]),
        "issuer_id": some() | names(["P", "Q", "A", "B", "G1", "C"]),
        "asset_class": some() | names(["bond", "equity"]),
    }
)
shares = names([0.0, 0.05, 0.1, 0.25, 0.3333, 0.5, 1.0])


def limit_on(those: list[str]) -> st.SearchStrategy[Any]:
    return shares | st.dictionaries(names([*those, "*"]), shares, min_size=1, max_size=3)


LIMITS = {
    "issuer_limit": limit_on(["P", "A", "G1"]),
    "issuer_group_limit": limit_on(["H", "G1", "Q"]),
    "asset_class_limit": limit_on(["bond", "equity"]),
    "currency_limit": limit_on(["EUR", "USD"]),
}
rulebooks = st.fixed_dictionaries({}, optional=LIMITS)
required = st.tuples(*(st.integers(0, 100_000) | names([0, 1, 7]) for _ in POOLS))


def lines_of(drawn: list[dict[str, Any]], house_of: str | None) -> list[dict[str, Any]]:
    """Lines whose value after haircut is the drawn cents; P belongs to a house, which its first line alone states."""
    seen = set[str]()
    lines = []
    for place, row in enumerate(drawn):
        value = row["cents"] / 100 / (1 - row["haircut"])
        group = house_of if row["issuer_id"] == "P" and "P" not in seen else None
        seen.add(row["issuer_id"] or "")
        more = {name: row[name] for name in ("haircut", "factor_id", "currency", "issuer_id", "asset_class")}
        lines.append(line(row["pool_id"], f"{place:03}", value, **more, issuer_group_id=group))
    return lines


many = st.lists(rows, min_size=1, max_size=12)
houses = names([None, "H", "G1"])


@given(many, houses, rulebooks, required)
def test_what_is_left_of_every_line_is_what_the_twin_finds(
    drawn: list[dict[str, Any]], house: str | None, rules: dict[str, Any], need: tuple[int, ...]
) -> None:
    lines = lines_of(drawn, house)
    case = case_of(lines, **rules)
    found = stages(case, need)
    classes = dict(zip(["X", "Y"], case.market.kinds("asset_class", ["X", "Y"]), strict=True))
    known = twin.Known([{"member_id": member, "group_id": group} for member, group in GROUPS.items()], classes, "USD")
    held = holdings(case)
    assert held is not None
    parts = within_limits(held, np.array(need), 2).value
    known_lines = twin.with_groups([row | {"currency": row["currency"] or "USD"} for row in lines])
    for place, pool in enumerate(POOLS):
        mine = [row for row in known_lines if row["pool_id"] == pool]
        group = GROUPS.get(HOUSES[pool][0], "") if pool in HOUSES else "DEALER"
        cents = [found[0][pool, row["asset_id"]] for row in mine]
        assert not any(cents[at] for at, row in enumerate(mine) if twin.is_own_paper(row, group, known, known_lines))
        expected = twin.left_of_lines(mine, cents, rules, need[place], known)
        assert [[stage[pool, row["asset_id"]] for row in mine] for stage in found[1:]] == expected
        left_parts = twin.parts_left(mine, cents, rules, need[place], known)
        in_pool = held.pool == place
        assert parts[in_pool].tolist() == pytest.approx(
            [value * float(part) for value, part in zip(held.value[in_pool], left_parts, strict=True)], rel=1e-12
        )


# --- what must hold ---------------------------------------------------------------------------------------------------


@given(many, houses, rulebooks, required, st.randoms())
def test_nothing_depends_on_the_order_of_lines(
    drawn: list[dict[str, Any]], house: str | None, rules: dict[str, Any], need: tuple[int, ...], chance: Any
) -> None:
    lines = lines_of(drawn, house)
    turned = chance.sample(lines, len(lines))
    assert stages(case_of(turned, **rules), need) == stages(case_of(lines, **rules), need)


@given(many, houses, rulebooks, required, st.data())
def test_nothing_depends_on_how_many_lines_paper_is_written_in(
    drawn: list[dict[str, Any]], house: str | None, rules: dict[str, Any], need: tuple[int, ...], data: Any
) -> None:
    """One line in two: what is left of the two is what was left of the one, and of no other line anything else."""
    place = data.draw(st.integers(0, len(drawn) - 1))
    first = data.draw(st.integers(0, drawn[place]["cents"]))
    lines = lines_of(drawn, house)
    halves = [dict(lines[place]), dict(lines[place])]
    for part, cents in enumerate((first, drawn[place]["cents"] - first)):
        halves[part] |= {"asset_id": f"{place:03}{part}", "market_value": cents / 100 / (1 - lines[place]["haircut"])}
    split = [*lines[:place], *halves, *lines[place + 1 :]]
    one, two = case_of(lines, **rules), case_of(split, **rules)
    assume(lines[place]["currency"] != "EUR")  # a rate makes fractions of cents, and each line is rounded by itself
    assert counted(two, need) == counted(one, need)


@given(many, houses, rulebooks, required)
def test_no_limit_is_exceeded_and_no_line_counts_for_more_than_before(
    drawn: list[dict[str, Any]], house: str | None, rules: dict[str, Any], need: tuple[int, ...]
) -> None:
    """Every limit holds of what is left after all of them, and each step only takes away."""
    lines = lines_of(drawn, house)
    case = case_of(lines, **rules)
    found = stages(case, need)
    for before, after in pairwise(found):
        assert all(0 <= after[key] <= before[key] for key in before)
    held = holdings(case)
    assert held is not None
    last = np.array(list(found[-1].values()))
    for limit in held.limits:
        for pool in range(len(POOLS)):
            for kind in set(limit.kind[held.pool == pool]) - {-1}:
                mine = (held.pool == pool) & (limit.kind == kind)
                (share,) = set(limit.share[mine].tolist())
                assert last[mine].sum() <= share * need[pool] + 1e-9


@given(many, houses, names(sorted(LIMITS)), shares, shares, required, st.integers(1, 10_000), st.data())
def test_under_one_limit_more_never_counts_for_less(
    drawn: list[dict[str, Any]],
    house: str | None,
    word: str,
    share: float,
    larger: float,
    need: tuple[int, ...],
    more: int,
    data: Any,
) -> None:
    """More of a line, more required, a larger share: with several limits only the last two may be said of the last."""
    low, high = sorted((share, larger))
    before = counted(case_of(lines_of(drawn, house), **{word: low}), need)
    place = data.draw(st.integers(0, len(drawn) - 1))
    richer = [row | {"cents": row["cents"] + more * (number == place)} for number, row in enumerate(drawn)]
    for lines, limit, base in (
        (richer, low, need),
        (drawn, high, need),
        (drawn, low, tuple(amount + more for amount in need)),
    ):
        after = counted(case_of(lines_of(lines, house), **{word: limit}), base)
        assert all(after[pool] >= before[pool] for pool in POOLS)


def test_own_paper_has_no_way_out_by_a_name_left_out_or_shared() -> None:
    """Pool a is of member A in group G1. Paper beside own paper of its factor is own; and so is that of a member whose
    name a group has as well."""
    beside = [line("a", "0", 1.0, factor_id="X", issuer_id="A"), line("a", "1", 1.0, factor_id="X")]
    apart = [line("a", "2", 1.0, factor_id="Y"), line("b", "3", 1.0, factor_id="X")]
    held = holdings(case_of(beside + apart))
    assert held is not None
    assert held.own.tolist() == [1.0, 1.0, 0.0, 0.0]
    roster = Roster(["A", "B"], ["A", "X"], np.array([1, 0]))
    lines = pl.DataFrame([line("a", "0", 1.0, factor_id="X", issuer_id="A", issuer_group_id="A")], schema=SCHEMA)
    assert own_paper(lines, pl.Series(["X"]), roster).to_list() == [True]
