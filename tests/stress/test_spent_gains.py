"""A gain is spent once: what one round of contagion cuts of a pool's gain pays for no other loss in a later round.

X is a future at 100 that goes to 101 and back every day, so that a contract held costs margin of 100/101 and one sold
of 1; the scenario takes 40 % off it, and the fund is 100 in all.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from random import Random
from typing import Any

import polars as pl
import pytest
from support.small_cycles import RULES, Small, X, changed
from support.waterfall_twin import contagion

import ccp
from ccp.market.case import open_case
from ccp.scenarios.stress_set import stress_scenarios
from ccp.sizing.rounds import member_capital, rounds_of
from ccp.sizing.size import Sized, size_fund
from ccp.stress.claims import variation_and_contracts
from ccp.stress.measure import PoolLoss, measure, pool_losses
from ccp.stress.own_losses import fall_of_units, house_losses
from ccp.waterfall.contagion import Round

DOWN_40 = "market down 40%"
OWN = ["defaulter_margin", "defaulter_fund", "survivors_fund"]
PARTIAL = {"tear_up": {"scope": "partial"}}
CUTS: list[Any] = ["gains_haircut", {"tear_up": {"scope": "full"}}, "payout_haircut"]
FUTURE = X | {"kind": "future"}
Paid = dict[str, float]


class EveryDay(Small):
    """A market that moves by 1 every day of its past, up and down."""

    def _past(self, level: float, swing: float) -> list[float]:
        return [level, level + 1.0] * (self.history // 2)


def book(pools: dict[str, tuple[str, str, float]], capital: Paid, cut: Any, **parts: Any) -> Small:
    """Pools (member, kind, quantity of X), members' capital, and the tier that cuts claims behind the fund."""
    rules = changed(
        RULES,
        tiers=[*OWN, cut, "uncovered"],
        fund={"cover": 1, "size": 100},
        stress={"hypothetical": [{"ladder": "market_gaps", "sizes": [0.4]}]},
    )
    held = [(name, "X", quantity) for name, (_, _, quantity) in pools.items() if quantity]
    accounts = {name: (member, name, kind) for name, (member, kind, _) in pools.items()}
    members = {name: {"capital": amount} for name, amount in capital.items()}
    return EveryDay({"X": [100.0]}, held, accounts, members, changed(rules, **parts), (FUTURE,))


def paid(small: Small, first: list[str]) -> list[dict[str, Paid]]:
    """By round, who paid what in which tier."""
    event = ccp.default(small.book, small.rulebook, DOWN_40, first, market=small.market, contagion=True)
    rows = event.waterfall.filter(pl.col("amount") > 0)
    found: list[dict[str, Paid]] = [{} for _ in event.trace["rounds"]]
    for place, tier, member, amount in rows.select("round", "tier", "member_id", "amount").iter_rows():
        found[int(place) - 1].setdefault(tier, {})[member or ""] = round(amount, 2)
    return found


TWO_POOLS = {"A": ("A", "house", 100.0), "C1": ("C", "house", 50.0), "C2": ("C", "house", -50.0)}


@pytest.mark.parametrize("cut", CUTS, ids=str)
def test_what_was_cut_of_one_house_pool_does_not_pay_for_another(cut: Any) -> None:
    """A loses 4,000; its margin is 99.01 and the fund 100: 3,800.99 are cut of C2's 2,000 and S's 4,000, a third and
    two thirds, 1,267.00 and 2,533.99. C, with 100, fails of it.

    C1 has lost 2,000. C2 has 2,000 - 1,267 = 733 left of its gain, and margin is 49.50 + 50: 832.50. S pays the other
    1,167.50. Of its 4,000 it keeps 298.51, which is the money that was there: 99.01 + 100 + 99.50.
    """
    first, second = paid(book(TWO_POOLS | {"S": ("S", "house", -100.0)}, {"C": 100.0}, cut), ["A"])
    word = cut if isinstance(cut, str) else "tear_up"
    assert first["defaulter_margin"] == {"A": 99.01}
    assert first[word] == {"C": 1_267.00, "S": 2_533.99}
    assert second == {"defaulter_margin": {"C": 832.50}, word: {"S": 1_167.50}}


def test_what_a_partial_tear_up_took_does_not_pay_either() -> None:
    """Of the 150 short, A's 100 are matched: 1,333.33 and 2,666.67 are claims, and 3,800.99 are 1,266.99 and 2,534.00.
    C2 has 733.01 left: 832.51 with margin. C's books are flat: nothing is matched with them, and nobody pays 1,167.49.
    """
    small = book(TWO_POOLS | {"S": ("S", "house", -100.0)}, {"C": 100.0}, PARTIAL)
    first, second = paid(small, ["A"])
    assert first["tear_up"] == {"C": 1_266.99, "S": 2_534.00}
    assert second == {"defaulter_margin": {"C": 832.51}, "uncovered": {"": 1_167.49}}


def test_of_a_net_loss_only_what_is_left_of_the_gain_is_taken_off() -> None:
    """C is long 110 and short 100: it loses 400 net, more than its 300. A's 3,800.99 are cut of C2's 4,000 and S's
    4,400, as 10:11: 1,810.00 and 1,990.99. C1 has lost 4,400; C2 has 2,190.00 left, and margin is 108.91 + 100:
    2,398.91 are paid, and S pays the other 2,001.09."""
    pools = TWO_POOLS | {"C1": ("C", "house", 110.0), "C2": ("C", "house", -100.0), "S": ("S", "house", -110.0)}
    first, second = paid(book(pools, {"C": 300.0}, "gains_haircut"), ["A"])
    assert first["gains_haircut"] == {"C": 1_810.00, "S": 1_990.99}
    assert second == {"defaulter_margin": {"C": 2_398.91}, "gains_haircut": {"S": 2_001.09}}


# --- any contagion ---------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spread:
    """A random contagion: the book as it was sized, the results of all its pools before any cut, and the rounds."""

    small: Small
    sized: Sized
    scenario: int
    results: list[PoolLoss]
    rounds: list[Round]


def random_book(seed: int) -> Small:
    """Members with up to three pools each, capital that a cut may use up, and one or two tiers that cut claims."""
    chance, pools = Random(seed), dict[str, tuple[str, str, float]]()
    members = "ABCDEFG"[: chance.randint(3, 7)]
    for member in members:
        for number in range(chance.randint(1, 3)):
            kind = chance.choice(["house", "house", "client"])
            pools[f"{member}{number}"] = (member, kind, float(chance.randint(-100, 100)))
    capital = {member: float(chance.choice([0, 50, 200, 1_000])) for member in members if chance.random() < 0.8}
    cuts = chance.sample(CUTS, chance.randint(1, 2))
    small = book(pools, capital, cuts[0], stress={"house_surplus_covers_clients": chance.random() < 0.5})
    return small.but(rules=changed(small.rules, tiers=[*OWN, *cuts, "uncovered"]))


def random_spread(seed: int) -> Spread:
    small = random_book(seed)
    case = open_case(small.book, small.market, small.rulebook)
    measured = measure(case, stress_scenarios(case.rulebook, case.market, case.factor_ids, None))
    sized, scenario = size_fund(measured), measured.scenarios.ids.index(DOWN_40)
    every_group = tuple(range(len(measured.roster.groups)))
    results = pool_losses(measured, scenario, every_group)
    return Spread(small, sized, scenario, results, rounds_of(sized, scenario, (0,), fire_sale=False))


def test_over_all_rounds_money_is_conserved_and_no_pool_gives_more_than_it_gained() -> None:
    """Of every round: what its tiers pay, and what stays uncovered, is what its pools have lost, gains less what was
    cut of them. Margin and what is left of gains pay no more than there is, and a pool is cut by no more than it was
    owed."""
    spent_later = 0
    for seed in range(30):
        spread = random_spread(seed)
        variation, _ = variation_and_contracts(spread.sized.measured, spread.scenario)
        cut, lost, paid_in_all = Counter[int](), 0, 0
        for one in spread.rounds:
            groups = one.outcome.event.defaulters
            member_group = spread.sized.plan.roster.member_group
            mine = [pool for pool in spread.results if member_group[pool.member] in groups]
            loss = sum(max(pool.loss + cut[pool.pool], 0) for pool in mine)
            margin = next(draw.amount for draw in one.outcome.draws if draw.tier == "defaulter_margin")
            house = [max(-pool.loss - cut[pool.pool], 0) for pool in mine if pool.house]
            assert margin <= sum(pool.margin for pool in mine) + sum(house), seed
            assert sum(draw.amount for draw in one.outcome.draws) == loss == one.outcome.loss, seed
            spent_later += any(cut[pool.pool] for pool in mine)
            lost, paid_in_all = lost + loss, paid_in_all + sum(draw.amount for draw in one.outcome.draws)
            for draw in one.outcome.draws:
                cut.update(draw.cut)
        assert lost == paid_in_all, seed
        assert all(taken <= max(int(variation[pool]), 0) for pool, taken in cut.items()), seed
    assert spent_later >= 5, "too few members failed that had been cut"


def twin_rounds(spread: Spread) -> list[dict[str, Any]]:
    """The twin's rounds of the same results."""
    sized, scenario, portfolio = spread.sized, spread.scenario, spread.sized.portfolio
    names = portfolio.members
    variation, contracts = variation_and_contracts(sized.measured, scenario)
    contributions = dict(zip(names, sized.plan.contributions.tolist(), strict=True))
    kinds = ["house" if house else "client" for house in portfolio.pool_house]
    owners = [names[member] for member in portfolio.pool_member]
    nothing = {"loss": 0, "over_margin": 0, "margin": 0}
    return contagion(
        {"tiers": spread.small.rules["tiers"], "minor": 100, "regulatory_capital": None},
        {
            "members": list(names),
            "group": {name: name for name in names},
            "contribution": contributions,
            "required": contributions,
        },
        [portfolio.groups[0]],
        {name: dict(nothing) for name in names},
        dict(zip(names, member_capital(sized.measured), strict=True)),
        {
            "gains": [dict(zip(portfolio.pools, variation.tolist(), strict=True))],
            "contracts": dict(zip(portfolio.pools, contracts.tolist(), strict=True)),
            "pools": dict(zip(portfolio.pools, zip(owners, kinds, strict=True), strict=True)),
        },
        dict(zip(names, house_losses(sized.measured, fall_of_units(sized.measured, scenario)).tolist(), strict=True)),
        results={portfolio.pools[pool.pool]: (-pool.loss, pool.margin) for pool in spread.results},
        covers_clients=spread.small.rules["stress"]["house_surplus_covers_clients"],
    )


def test_rounds_of_books_are_those_of_the_twin() -> None:
    longest = 0
    for seed in range(100, 120):
        spread = random_spread(seed)
        expected, names = twin_rounds(spread), spread.sized.portfolio.members
        assert len(spread.rounds) == len(expected), seed
        for one, row in zip(spread.rounds, expected, strict=True):
            draws = [
                {names[member]: amount for member, amount in draw.paid.items() if amount and member is not None}
                for draw in one.outcome.draws
            ]
            by_tier = [draw["paid"] for draw in row["result"]["draws"]]
            assert draws == [{name: paid[name] for name in paid if name != "nobody"} for paid in by_tier], seed
            assert one.outcome.uncovered == row["result"]["uncovered"], seed
            assert dict(zip(names, one.capital, strict=True)) == row["capital"], seed
        longest = max(longest, len(expected))
    assert longest >= 3
