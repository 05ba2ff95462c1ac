"""Defaults that follow from a default, and what flows back to those who paid: the engine against its twin."""

from dataclasses import dataclass, replace
from random import Random
from typing import Any, Literal

import numpy as np
import pytest
from support.outcomes import paid_by, payer_of
from support.random_waterfalls import HAIRCUTS, Waterfall, random_waterfall, with_pools
from support.rulebooks import rulebook_of
from support.waterfall_twin import BORNE_BY_CAPITAL, contagion, run_event
from support.waterfall_twin import recover as twin_recover

from ccp.book.roster import each_alone
from ccp.rulebook.tier_kind import TierKind
from ccp.stress.loss_over_margin import over_margin_of
from ccp.types import Cents, Flags
from ccp.waterfall.contagion import Books, Resale, Round, RoundLosses, run_rounds, survivors_bills
from ccp.waterfall.counting import EACH_DEFAULT
from ccp.waterfall.event import Circumstances, Draw, Event, Outcome
from ccp.waterfall.recoveries import Recovery, recover
from ccp.waterfall.run import run_waterfall
from ccp.waterfall.standing import Standing, first_standing

HOW: tuple[Literal["reverse", "pro_rata"], ...] = ("reverse", "pro_rata")
Paid = dict[str, int]


@dataclass(frozen=True)
class Spread:
    """A default that may spread: a random waterfall, who defaults first, members' capital, and what their own books
    lose (negative: gain), which may or may not add to capital where it is a gain."""

    case: Waterfall
    first: tuple[int, ...]
    capital: list[int | None]
    own: dict[str, int]
    gains_add: bool
    results: dict[str, tuple[int, int]] | None = None
    covers_clients: bool = True


def random_spread(seed: int) -> Spread:
    """One or two groups default; members' capital is about what their bills may be, some state none."""
    chance, case = Random(seed), random_waterfall(seed)
    case = with_pools(case, seed) if chance.random() < 0.5 else case
    first = chance.sample(range(len(case.groups)), min(chance.choice([1, 1, 2]), len(case.groups)))
    most = max([1, *case.contribution.values(), *case.required.values()])
    capital = [chance.choice([None, 0, chance.randint(0, most), chance.randint(0, 4 * most)]) for _ in case.members]
    own = {member: chance.choice([0, chance.randint(-most, most)]) for member in case.members}
    spread = Spread(case, tuple(sorted(first)), capital, own, chance.random() < 0.5)
    if "pools" not in case.event:
        return spread
    return replace(spread, results=random_results(case, chance), covers_clients=chance.random() < 0.5)


def random_results(case: Waterfall, chance: Random) -> dict[str, tuple[int, int]]:
    """What each pool has gained (negative: lost) and its margin: its gains, less what closing it out cost, or other."""
    most = max([1, *case.event["loss"].values()])
    found = {}
    for pool in case.pools:
        gained = sum(day.get(pool, 0) for day in case.event["gains"])
        result = chance.choice([gained, gained - chance.randint(0, most), -chance.randint(0, most)])
        found[pool] = (result, chance.choice([0, chance.randint(0, max(most // 4, 1))]))
    return found


@dataclass(frozen=True)
class PoolBooks:
    """Books of members by the results of their pools, which haircuts have cut."""

    case: Waterfall
    results: dict[str, tuple[int, int]]
    covers_clients: bool

    def of(self, groups: tuple[int, ...], before: tuple[int, ...] = (), cut: Cents | None = None) -> Books:
        members, known = len(self.case.members), self.case.circumstances
        claimants = known.claimants
        assert claimants is not None
        result, margin = np.array([self.results[pool] for pool in self.case.pools], dtype=np.int64).reshape(-1, 2).T
        loss = -result if cut is None else cut - result
        rest = margin - loss

        def sums(amounts: Cents, some: Flags) -> Cents:
            return claimants.by_member(np.where(some, amounts, 0), members)

        house, all_of = claimants.house, np.ones_like(claimants.house)
        short = sums(np.maximum(-rest, 0), house), sums(np.maximum(rest, 0), house), sums(np.maximum(-rest, 0), ~house)
        over = over_margin_of(*short, self.covers_clients)
        return Books(sums(np.maximum(loss, 0), all_of), over, sums(margin, all_of))


def standing_of(case: Waterfall, gains_add: bool = False) -> Standing:
    """The engine's standing: some lumps used in part, some calls made before."""
    contributions, required = case.by_member(case.contribution), case.by_member(case.required)
    rules = case.rulebook.default_management.model_copy(update={"gains_add_to_capital": gains_add})
    rulebook = case.rulebook.model_copy(update={"default_management": rules})
    whole = first_standing(rulebook, case.roster, contributions, required, claimants=len(case.pools))
    left = np.array(case.lumps_left(whole.plan), dtype=np.int64)
    return replace(whole, left=left, called=np.array([case.by_member(case.called)] * len(whole.called), dtype=np.int64))


def twin_rules(case: Waterfall) -> dict[str, Any]:
    return {
        "tiers": case.tiers,
        "minor": 100,
        "regulatory_capital": case.regulatory_capital,
        "unused_contribution_shared": case.shared,
    }


def twin_standing(case: Waterfall) -> dict[str, Any]:
    standing = standing_of(case)
    return {
        "members": case.members,
        "group": case.group,
        "contribution": case.contribution,
        "required": case.required,
        "left": standing.left.tolist(),
        "called": [dict(case.called) for _ in standing.called],
    }


def twin_rounds(spread: Spread) -> list[dict[str, Any]]:
    case = spread.case
    books = {
        member: {name: case.event[name][member] for name in ("loss", "over_margin", "margin")}
        for member in case.members
    }
    return contagion(
        twin_rules(case),
        twin_standing(case),
        [case.groups[group] for group in spread.first],
        books,
        dict(zip(case.members, spread.capital, strict=True)),
        {name: value for name, value in case.event.items() if name not in ("loss", "over_margin", "margin")},
        spread.own,
        spread.gains_add,
        spread.results,
        spread.covers_clients,
    )


def losses_of(spread: Spread) -> RoundLosses:
    """Of pools, where the case has them, or of members that are one pool each."""
    if spread.results is None:
        return books_of(spread.case)
    return PoolBooks(spread.case, spread.results, spread.covers_clients)


def books_of(case: Waterfall) -> Books:
    loss, over, margin = (case.by_member(case.event[name]) for name in ("loss", "over_margin", "margin"))
    return Books(loss, over, margin)


def counted_sale(groups: int, books: RoundLosses, members: int = 4) -> Resale:
    """A sale that moves no price; it stops a run that has more rounds than there are groups."""
    sold: list[tuple[int, ...]] = []

    def sell(some: tuple[int, ...]) -> tuple[Cents, RoundLosses]:
        sold.append(some)
        assert len(sold) <= groups, f"more rounds than groups: {sold}"
        return np.zeros(members, dtype=np.int64), books

    return sell


def engine_rounds(spread: Spread) -> list[Round]:
    """The engine's rounds, once with a sale that moves nothing and once without: they must be the same."""
    case, books = spread.case, losses_of(spread)
    standing, known = standing_of(case, spread.gains_add), case.circumstances
    own = case.by_member(spread.own)

    def run(resale: Resale | None) -> list[Round]:
        return run_rounds(standing, spread.first, books, spread.capital, lambda groups: known, resale, own)

    counted = run(counted_sale(len(case.groups), books, len(case.members)))
    plain = run(None)
    for one, other in zip(counted, plain, strict=True):
        assert one.outcome.draws == other.outcome.draws
        assert (one.capital, one.failed) == (other.capital, other.failed)
    return plain


def same_rounds(seed: int) -> int:
    """Compare engine and twin round by round; how many rounds there were."""
    spread = random_spread(seed)
    case, expected, found = spread.case, twin_rounds(spread), engine_rounds(spread)
    assert [one.number for one in found] == [row["round"] for row in expected], seed
    for one, row in zip(found, expected, strict=True):
        assert [case.groups[group] for group in one.outcome.event.defaulters] == row["defaulters"], seed
        draws = [(draw["place"], draw["tier"], draw["paid"]) for draw in row["result"]["draws"]]
        assert paid_by(case, one.outcome) == draws, seed
        assert dict(zip(case.members, one.capital, strict=True)) == row["capital"], seed
    defaulted = [group for one in found for group in one.outcome.event.defaulters]
    assert len(defaulted) == len(set(defaulted)), "nobody defaults twice"
    assert [one.failed for one in found] == [*(one.outcome.event.defaulters for one in found[1:]), ()], "fixed point"
    return len(found)


@pytest.mark.parametrize("block", range(5))
def test_rounds_are_those_of_the_twin(block: int) -> None:
    rounds = [same_rounds(seed) for seed in range(60 * block, 60 * block + 60)]
    assert sum(count > 1 for count in rounds) >= 5, "too few of these defaults spread"
    assert max(rounds) >= 3


@pytest.mark.parametrize("block", range(5))
def test_a_survivor_fails_only_where_its_losses_and_bills_or_its_calls_were_more_than_it_had(block: int) -> None:
    """Nobody without a stated capital fails, and whoever did not fail has capital left to the cent."""
    for seed in range(1000 + 60 * block, 1060 + 60 * block):
        spread = random_spread(seed)
        had: list[int | None] = spread.capital
        lost = np.zeros(len(spread.case.members), dtype=np.int64)
        for one in engine_rounds(spread):
            taken = [survivors_bills(one.outcome, len(lost), of).tolist() for of in (is_cut, is_billed)]
            before_cuts, lost = lost + one.own, lost + one.own + taken[0]
            for member, (before, after) in enumerate(zip(had, one.capital, strict=True)):
                failed = spread.case.groups.index(spread.case.group[spread.case.members[member]]) in one.failed
                if before is None or after is None:
                    assert before is after is None, seed
                else:
                    by_book = [int(of[member]) for of in (before_cuts - one.own, lost)]
                    then, now = by_book if spread.gains_add else [max(amount, 0) for amount in by_book]
                    assert after == before - (now - then) - taken[1][member], seed
                    assert after >= 0 or failed or before < 0, seed
            had = one.capital


def is_cut(kind: TierKind) -> bool:
    return EACH_DEFAULT.bears(kind) and kind.cuts_claims


def is_billed(kind: TierKind) -> bool:
    return EACH_DEFAULT.bears(kind) and not kind.cuts_claims


def test_bills_are_what_members_pay_as_survivors() -> None:
    """Their own default, and what others than members pay, is no bill."""
    payers: list[tuple[str, int | None]] = [("defaulter_margin", 0), ("defaulter_fund", 0), ("ccp_capital", None)]
    payers += [(word, 1) for word in BORNE_BY_CAPITAL]
    cuts = {word: {1: 3} for word in HAIRCUTS}
    draws = tuple(
        Draw(word, "", 9, 9, {payer: 3}, place, cut=cuts.get(word, {})) for place, (word, payer) in enumerate(payers)
    )
    nothing = np.zeros(2, dtype=np.int64)
    outcome = Outcome(Event((0,), nothing, nothing, nothing), 3 * len(draws), draws)
    assert survivors_bills(outcome, 2, EACH_DEFAULT.bears).tolist() == [0, 3 * 6]


# --- worked by hand --------------------------------------------------------------------------------------------------

CALLS = ["defaulter_margin", "defaulter_fund", "survivors_fund", {"assessments": {"multiple": 1}}]
MEMBERS = ["A", "B", "C", "D"]
TRAP_29 = first_standing(rulebook_of(CALLS), each_alone(MEMBERS), np.array([10, 10, 20, 30]))
TRAP_BOOKS = Books(np.array([105, 40, 7, 0]), np.array([100, 35, 0, 0]), np.array([5, 5, 10, 0]))


def payments(one: Round) -> list[tuple[str, Paid]]:
    """Who paid in a round, by tier; tiers that paid nothing are left out."""
    found = []
    for draw in one.outcome.draws:
        whose = payer_of(draw.tier)
        paid = {whose if payer is None else MEMBERS[payer]: amount for payer, amount in draw.paid.items() if amount}
        if paid:
            found.append((draw.tier, paid))
    return found


def test_trap_29_an_assessment_makes_a_survivor_default_which_makes_another_default() -> None:
    """A owes 100 over margin. Nobody but the call that B cannot pay makes B default, and B's default ruins C."""
    capital: list[int | None] = [None, 13, 45, 100]
    rounds = run_rounds(TRAP_29, (0,), TRAP_BOOKS, capital, resale=counted_sale(4, TRAP_BOOKS))
    # A's own 10, the others' 60; 30 are left to call. From B, C and D in proportion 10:20:30 that is 5, 10 and 15:
    # B's bill would be 10 + 5 = 15, more than its 13. B does not pay; C and D are called for 12 and 18.
    # Left of the capital: B 13 - 10 = 3, C 45 - 32 = 13, D 100 - 48 = 52.
    assert payments(rounds[0]) == [
        ("defaulter_margin", {"A": 5}),
        ("defaulter_fund", {"A": 10}),
        ("survivors_fund", {"B": 10, "C": 20, "D": 30}),
        ("assessments", {"C": 12, "D": 18}),
    ]
    assert (rounds[0].capital, rounds[0].failed) == ([None, 3, 13, 52], (1,))
    # B loses 40, 5 of it inside its margin. No contribution is left. Called are 35, of C and D: 14 and 21.
    # C has 13 and cannot; D pays its whole call of 30, and 5 are left uncovered. D: 52 - 30 = 22.
    assert payments(rounds[1]) == [
        ("defaulter_margin", {"B": 5}),
        ("assessments", {"D": 30}),
        ("uncovered", {"nobody": 5}),
    ]
    assert (rounds[1].capital, rounds[1].failed) == ([None, 3, 13, 22], (2,))
    # C loses 7 inside its margin of 10, and it is over.
    assert payments(rounds[2]) == [("defaulter_margin", {"C": 7})]
    assert (rounds[2].capital, rounds[2].failed) == ([None, 3, 13, 22], ())
    assert len(rounds) == 3


def test_trap_29_with_two_more_of_capital_it_ends_with_the_first_default() -> None:
    """B has the 15 that it is billed, to the cent: no second round."""
    rounds = run_rounds(TRAP_29, (0,), TRAP_BOOKS, [None, 15, 45, 100], resale=counted_sale(4, TRAP_BOOKS))
    assert len(rounds) == 1
    assert payments(rounds[0])[-1] == ("assessments", {"B": 5, "C": 10, "D": 15})
    assert rounds[0].capital == [None, 0, 15, 55]


def test_a_member_ruined_by_its_contribution_alone_defaults_once() -> None:
    """B's contribution of 10 is more than its capital of 3: it defaults, and the rounds come to an end."""
    books = Books(np.array([30, 5, 0, 0]), np.array([30, 5, 0, 0]), np.zeros(4, dtype=np.int64))
    rounds = run_rounds(TRAP_29, (0,), books, [0, 3, None, None], resale=counted_sale(4, books))
    # A's 10, then 20 over 10:20:30 are 3.33, 6.67 and 10: B 3, C 7, D 10; B has 3, which is enough
    assert [one.outcome.event.defaulters for one in rounds] == [(0,)]
    more = np.array([36, 5, 0, 0])
    books = Books(more, more, np.zeros(4, dtype=np.int64))
    rounds = run_rounds(TRAP_29, (0,), books, [0, 3, None, None], resale=counted_sale(4, books))
    # 26 over 10:20:30 are 4.33, 8.67 and 13: B 4, C 9, D 13. B has 3 and defaults with its 5: 6 are left of its 10
    assert payments(rounds[0])[-1] == ("survivors_fund", {"B": 4, "C": 9, "D": 13})
    assert payments(rounds[1]) == [("defaulter_fund", {"B": 5})]
    assert [one.outcome.event.defaulters for one in rounds] == [(0,), (1,)]
    assert rounds[-1].failed == ()


def fake_market(moves: dict[tuple[int, ...], tuple[list[int], Books]], still: Books) -> Resale:
    """A market that moves as it is told when some groups' books are sold, and else stays."""
    count = counted_sale(len(still.loss), still)

    def sell(groups: tuple[int, ...]) -> tuple[Cents, Books]:
        count(groups)
        marked, books = moves.get(groups, ([0] * len(still.loss), still))
        return np.array(marked), books

    return sell


def test_a_fire_sale_ruins_a_member_that_the_waterfall_spares() -> None:
    """A defaults inside its margin and nobody is billed, but selling its book costs B 8 of its 7 and makes its loss
    20 in place of 12. What C gains by the sale adds nothing to its capital."""
    before = Books(np.array([5, 12, 0, 0]), np.array([0, 7, 0, 0]), np.array([5, 5, 0, 0]))
    after = Books(np.array([5, 20, 0, 0]), np.array([0, 15, 0, 0]), np.array([5, 5, 0, 0]))
    market = fake_market({(0,): ([3, 8, -4, 2], after)}, after)
    rounds = run_rounds(TRAP_29, (0,), before, [50, 7, 100, None], resale=market)
    assert payments(rounds[0]) == [("defaulter_margin", {"A": 5})]
    assert rounds[0].capital == [50, -1, 100, None]
    assert rounds[0].marked.tolist() == [0, 8, -4, 2]
    assert rounds[0].failed == (1,)
    # B owes 20: margin 5, contribution 10, and 5 of C and D as 20:30
    assert payments(rounds[1]) == [
        ("defaulter_margin", {"B": 5}),
        ("defaulter_fund", {"B": 10}),
        ("survivors_fund", {"C": 2, "D": 3}),
    ]
    assert rounds[1].capital == [50, -1, 98, None]
    assert rounds[1].failed == ()
    spared = run_rounds(TRAP_29, (0,), before, [50, 7, 100, None])
    assert len(spared) == 1
    assert spared[0].capital == [50, 7, 100, None]
    assert spared[0].marked.tolist() == [0, 0, 0, 0]


def test_a_bill_and_a_fire_sale_together_can_be_too_much() -> None:
    """C's capital of 12 bears a bill of 10 or a mark of 3, and not both."""
    loss = np.array([40, 0, 0, 0])
    books = Books(loss, loss, np.zeros(4, dtype=np.int64))
    # 30 over 10:20:30 are 5, 10 and 15
    for marked, failed in ((2, ()), (3, (2,))):
        market = fake_market({(0,): ([0, 0, marked, 0], books)}, books)
        rounds = run_rounds(TRAP_29, (0,), books, [None, None, 12, None], resale=market)
        assert payments(rounds[0])[-1] == ("survivors_fund", {"B": 5, "C": 10, "D": 15})
        assert rounds[0].failed == failed
        assert rounds[0].capital[2] == 2 - marked


def test_circumstances_are_asked_for_anew_in_every_round() -> None:
    """What is matched with the books of A is not what is matched with those of B."""
    tiers = ["defaulter_margin", "defaulter_fund", "survivors_fund", {"tear_up": {"scope": "partial"}}]
    standing = first_standing(rulebook_of(tiers), each_alone(MEMBERS), np.array([0, 2, 0, 0]))
    books = Books(np.array([6, 4, 0, 0]), np.array([6, 4, 0, 0]), np.zeros(4, dtype=np.int64))
    matched = {"A": np.array([0, 0, 8, 0]), "B": np.array([0, 0, 0, 9])}

    def known(groups: tuple[int, ...]) -> Circumstances:
        return Circumstances(matched=matched[MEMBERS[groups[0]]])

    rounds = run_rounds(standing, (0,), books, [None, 1, None, None], known, counted_sale(4, books))
    assert payments(rounds[0]) == [("survivors_fund", {"B": 2}), ("tear_up", {"C": 4})]
    assert payments(rounds[1]) == [("tear_up", {"D": 4})]
    assert len(rounds) == 2


def test_gains_that_one_round_cut_are_not_cut_again_in_the_next() -> None:
    """B has gained 5 and C 10. A's 6 are cut as 5:10, which ruins B; of B's 20, and the 2 that it was
    cut by, only the 6 that C has left are cut."""
    standing = first_standing(
        rulebook_of(["defaulter_margin", "gains_haircut"]), each_alone(MEMBERS), np.zeros(4, dtype=np.int64)
    )
    loss = np.array([6, 20, 0, 0])
    books, gains = Books(loss, loss, 0 * loss), np.array([[-15, 5, 10, 0]])
    rounds = run_rounds(
        standing, (0,), books, [None, 1, None, 0], lambda _: Circumstances(gains=gains), counted_sale(4, books)
    )
    assert [payments(one) for one in rounds] == [
        [("gains_haircut", {"B": 2, "C": 4})],
        [("gains_haircut", {"C": 6}), ("uncovered", {"nobody": 16})],
    ]


def test_a_member_of_one_pool_loses_what_was_cut_beside_its_loss_and_margin_is_held_against_both() -> None:
    """A, B and C have lost 10, 10 and nothing, with margin of 4, 15 and 9; haircuts took 3 of each. D was not cut."""
    loss, margin = np.array([10, 10, 0, 8]), np.array([4, 15, 9, 2])
    books = Books(loss, np.maximum(loss - margin, 0), margin)
    found = books.of((0, 1, 2, 3), (), np.array([3, 3, 3, 0]))
    assert found.loss.tolist() == [13, 13, 0, 8]
    assert found.over_margin.tolist() == [9, 0, 0, 6]
    assert books.of((0,), (), np.zeros(4, dtype=np.int64)) is books


# --- recoveries ------------------------------------------------------------------------------------------------------


def repaid(case: Waterfall, found: list[Recovery]) -> list[dict[str, Any]]:
    """Recoveries in the twin's words."""
    rows = []
    for one in found:
        whose = "estate" if one.tier == "estate" else payer_of(one.tier)
        payer = whose if one.payer is None else case.members[one.payer]
        rows.append({"place": one.place, "tier": one.tier, "payer": payer, "amount": one.amount})
    return rows


def random_recovery(seed: int) -> tuple[Waterfall, Outcome, int]:
    """An event, and what comes back of it: nothing, a part, all, or more."""
    case = random_waterfall(seed)
    outcome, chance = run_waterfall(case.plan, case.engine_event), Random(seed)
    amount = chance.choice([0, 1, outcome.loss, chance.randint(0, outcome.loss), 2 * outcome.loss + 5])
    return case, outcome, amount


@pytest.mark.parametrize("how", HOW)
def test_recoveries_are_those_of_the_twin(how: Literal["reverse", "pro_rata"]) -> None:
    for seed in range(250):
        case, outcome, amount = random_recovery(seed)
        result = run_event(twin_rules(case), twin_standing(case), case.event)
        assert repaid(case, recover(outcome.draws, amount, how)) == twin_recover(result, amount, how), seed


@pytest.mark.parametrize("how", HOW)
def test_what_comes_back_goes_to_those_who_paid_and_never_more_than_that(how: Literal["reverse", "pro_rata"]) -> None:
    in_part = 0
    for seed in range(250, 500):
        _, outcome, amount = random_recovery(seed)
        found = recover(outcome.draws, amount, how)
        assert sum(one.amount for one in found) == amount, seed
        others = [draw for draw in outcome.draws if not draw.tier.startswith("defaulter")]
        for place, tier, payer in {(one.place, one.tier, one.payer) for one in found if one.tier != "estate"}:
            back = sum(one.amount for one in found if (one.place, one.tier, one.payer) == (place, tier, payer))
            paid = sum(draw.paid.get(payer, 0) for draw in others if (draw.place, draw.tier) == (place, tier))
            assert 0 < back <= paid, seed
        estate = sum(one.amount for one in found if one.tier == "estate")
        assert estate == max(amount - sum(draw.amount for draw in others), 0), seed
        in_part += 0 < amount < sum(draw.amount for draw in others)
    assert in_part >= 50


def test_in_reverse_a_tier_is_repaid_only_when_those_behind_it_are() -> None:
    in_part = 0
    for seed in range(500, 700):
        _, outcome, amount = random_recovery(seed)
        left = amount
        found = recover(outcome.draws, amount, "reverse")
        for place in sorted({draw.place for draw in outcome.draws if not draw.tier.startswith("defaulter")})[::-1]:
            paid = sum(draw.amount for draw in outcome.draws if draw.place == place)
            back = sum(one.amount for one in found if one.place == place)
            assert back == min(left, paid), seed
            in_part += 0 < back < paid
            left -= back
    assert in_part >= 20


def recovered(how: Literal["reverse", "pro_rata"], amount: int) -> list[tuple[str, int | None, int]]:
    """A owes 160: own 10, capital 5, the others' 60, calls 60, and 25 that nobody pays; then some comes back."""
    tiers = [*CALLS[:2], {"ccp_capital": {"amount": 0.05}}, *CALLS[2:]]
    standing = first_standing(rulebook_of(tiers), each_alone(MEMBERS), np.array([10, 10, 20, 30]))
    loss = np.array([160, 0, 0, 0])
    outcome = run_rounds(standing, (0,), Books(loss, loss, 0 * loss), [None] * 4)[0].outcome
    assert [draw.amount for draw in outcome.draws] == [0, 10, 5, 60, 60, 25]
    return [(one.tier, one.payer, one.amount) for one in recover(outcome.draws, amount, how)]


def test_recoveries_worked_by_hand() -> None:
    # 55: what was uncovered first, 25; the 30 left are half of the calls of 10, 20 and 30
    assert recovered("reverse", 55) == [
        ("uncovered", None, 25),
        ("assessments", 1, 5),
        ("assessments", 2, 10),
        ("assessments", 3, 15),
    ]
    # 30 are a fifth of the 150 that others than A paid or lost: 1 of 5, 2, 4 and 6 twice, 5 of 25
    members = [("survivors_fund", 2), ("assessments", 2)]
    assert recovered("pro_rata", 30) == [
        ("ccp_capital", None, 1),
        *[(tier, payer, amount * payer) for tier, amount in members for payer in (1, 2, 3)],
        ("uncovered", None, 5),
    ]
    # 157: all of the 150, and 7 for the estate
    for how in HOW:
        assert sum(amount for tier, _, amount in recovered(how, 157) if tier != "estate") == 150
        assert recovered(how, 157)[-1] == ("estate", None, 7)
