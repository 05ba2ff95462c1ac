"""What must hold of every waterfall: of one default under a random rulebook, and of several in a row."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import ceil, floor
from random import Random
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st
from support.random_waterfalls import HAIRCUTS, Waterfall, assessments, haircut, lump, random_waterfall, waterfalls
from support.rulebooks import rulebook_of
from support.waterfall_twin import PAYER_OF_LUMP, all_parts, exact

from ccp.book.roster import each_alone
from ccp.money import share_within
from ccp.rulebook.default_management import DefaultManagement
from ccp.rulebook.rulebook import Rulebook
from ccp.waterfall.event import Circumstances, Draw, Event, Outcome
from ccp.waterfall.plan import Plan, make_plan
from ccp.waterfall.replenishment import on_day, resign
from ccp.waterfall.run import run_waterfall
from ccp.waterfall.standing import Standing, after_default, first_standing

LUMPS = tuple(PAYER_OF_LUMP)
seeds = st.integers(0, 2**40)
Details = dict[str, Any]


# --- of one default --------------------------------------------------------------------------------------------------


def run(case: Waterfall) -> Outcome:
    return run_waterfall(case.plan, case.engine_event)


def others(outcome: Outcome) -> list[Draw]:
    """The tiers that are not the defaulters' own."""
    return [draw for draw in outcome.draws if not draw.tier.startswith("defaulter")]


def tiers_in_order(draws: Iterable[Draw]) -> list[list[Draw]]:
    """Draws by tier: the parts of one that is used pari passu together."""
    found: dict[int, list[Draw]] = {}
    for draw in draws:
        found.setdefault(draw.place, []).append(draw)
    return [found[place] for place in sorted(found)]


def with_details(case: Waterfall, outcome: Outcome) -> list[tuple[Draw, Details]]:
    """Draws with what the rulebook says of their tier, without what is left uncovered."""
    written = all_parts({"tiers": case.tiers})
    assert [draw.tier for draw in outcome.draws[: len(written)]] == [word for word, _ in written]
    pairs = zip(outcome.draws, [details for _, details in written], strict=False)
    return [(draw, details) for draw, details in pairs if draw.tier != "uncovered"]


def paid(draw: Draw, case: Waterfall) -> dict[str, int]:
    """What members paid of a draw, by name; those who paid nothing are left out."""
    return {case.members[payer]: amount for payer, amount in draw.paid.items() if payer is not None and amount}


def in_default(case: Waterfall) -> set[str]:
    return {member for member in case.members if case.group[member] in case.event["defaulters"]}


@given(waterfalls)
def test_every_cent_of_the_loss_is_paid_once_and_no_payment_is_negative(case: Waterfall) -> None:
    outcome = run(case)
    assert outcome.loss == sum(case.event["loss"][member] for member in in_default(case))
    assert sum(draw.amount for draw in outcome.draws) == outcome.loss
    assert all(amount >= 0 for draw in outcome.draws for amount in draw.paid.values())
    owed = outcome.loss
    for parts in tiers_in_order(outcome.draws):
        assert {part.owed for part in parts} == {owed}
        owed -= sum(part.amount for part in parts)
    assert owed == 0


@given(waterfalls)
def test_no_tier_pays_more_than_stands_behind_it(case: Waterfall) -> None:
    outcome = run(case)
    sizes = [int(case.plan.arrays.size[tier.row]) for tier in case.plan.lumps]
    contributions = dict.fromkeys(case.members, 0)
    for draw in outcome.draws:
        assert draw.amount <= draw.available
        if draw.tier in LUMPS:
            assert draw.amount <= sizes.pop(0)
        for member, amount in paid(draw, case).items():
            contributions[member] += amount if draw.tier in ("defaulter_fund", "survivors_fund") else 0
            if draw.tier == "voluntary":
                assert amount <= case.event["offered"][member]
            if draw.tier == "defaulter_margin":
                assert amount == min(case.event["loss"][member], case.event["margin"][member])
    for member, amount in contributions.items():
        assert amount <= case.contribution[member]


@given(waterfalls)
def test_a_tier_is_untouched_until_those_ahead_of_it_are_used_up(case: Waterfall) -> None:
    outcome = run(case)
    behind = sum(draw.amount for draw in others(outcome))
    short = {member: case.event["over_margin"][member] for member in in_default(case)}
    groups = [{m for m in short if case.group[m] == group} for group in case.event["defaulters"]]
    circles = [set(short)] if case.shared else groups
    left = sum(max(sum(short[m] - case.contribution[m] for m in circle), 0) for circle in circles)
    assert behind == left, "others pay what the defaulters' own contributions cannot"
    tiers = tiers_in_order(others(outcome))
    for place, tier in enumerate(tiers):
        if any(part.amount < part.available for part in tier):
            assert all(part.amount == 0 for later in tiers[place + 1 :] for part in later)


def is_pari_passu_in_use(case: Waterfall) -> bool:
    tiers = tiers_in_order(run(case).draws)
    return any(len(tier) > 1 and sum(part.amount for part in tier) > 0 for tier in tiers)


@given(waterfalls.filter(is_pari_passu_in_use))
def test_parts_used_pari_passu_are_used_in_the_same_proportion(case: Waterfall) -> None:
    for tier in tiers_in_order(run(case).draws):
        amount, capacity = (sum(getattr(part, name) for part in tier) for name in ("amount", "available"))
        for part in tier if len(tier) > 1 else []:
            assert abs(part.amount * capacity - amount * part.available) < max(capacity, 1), "within a cent"


@given(waterfalls)
def test_defaulters_and_their_affiliates_pay_as_defaulters_only(case: Waterfall) -> None:
    out = in_default(case)
    for draw in run(case).draws:
        payers = set(paid(draw, case))
        assert payers <= out if draw.tier.startswith("defaulter") else not payers & out


def plan_without(case: Waterfall, gone: list[str]) -> Plan:
    """The plan with some members away, which stated contributions and were called for money before that."""
    away = np.array([member in gone for member in case.members])
    contributions, required = case.by_member(case.contribution), case.by_member(case.required)
    return make_plan(case.rulebook, case.roster, contributions, required, None, away)


@given(waterfalls, seeds)
def test_members_that_are_away_neither_default_nor_survive(case: Waterfall, seed: int) -> None:
    gone = [member for member in case.members if Random(f"{seed} {member}").random() < 0.4]
    outcome = run_waterfall(plan_without(case, gone), case.engine_event)
    assert not {payer for draw in outcome.draws for payer in paid(draw, case)} & set(gone)
    assert outcome.loss == sum(case.event["loss"][member] for member in in_default(case) - set(gone))


def gained(case: Waterfall, member: str, days: int | None = None) -> int:
    return sum(day[member] for day in case.event["gains"][:days])


@given(waterfalls)
def test_assessments_keep_to_multiples_caps_and_what_was_called_before(case: Waterfall) -> None:
    defaults = len(case.event["defaulters"])
    for draw, details in with_details(case, run(case)):
        if draw.tier != "assessments":
            continue
        assert draw.amount <= exact(details.get("cap", 10**15)) * 100
        times = exact(details["multiple"]) * (defaults if details["per"] == "default" else 1)
        for member, amount in paid(draw, case).items():
            required = case.required[member]
            in_period = exact(details.get("period_multiple", 10**9)) * required
            assert amount <= exact(details.get("collected", 1)) * min(
                times * required, in_period - case.called[member] if "period_multiple" in details else in_period
            )
            assert member not in case.event["unable"]


@given(waterfalls)
def test_gains_haircuts_keep_to_share_caps_and_days(case: Waterfall) -> None:
    for draw, details in with_details(case, run(case)):
        if draw.tier != "gains_haircut":
            continue
        assert draw.amount <= exact(details.get("cap", 10**15)) * 100
        for member, amount in paid(draw, case).items():
            assert amount <= exact(details["share"]) * gained(case, member, details.get("days"))
            caps = [100 * exact(details["member_cap"])] if "member_cap" in details else []
            if "member_cap_multiple" in details:
                caps.append(exact(details["member_cap_multiple"]) * case.required[member])
            assert not caps or amount <= max(caps)


def claims(case: Waterfall, member: str, word: str, details: Details) -> int:
    """The claim that a haircut cuts; what a member owes is no claim."""
    event = case.event
    if word == "gains_haircut":
        return max(gained(case, member, details.get("days")), 0)
    if word == "tear_up" and details["scope"] == "partial":
        return max(event["matched"][member], 0)
    if word == "payout_haircut" and "payouts" in event:
        return max(event["payouts"][member], 0)
    return max(gained(case, member), 0)


@given(waterfalls)
def test_haircuts_take_nothing_from_losers_and_in_all_at_most_the_largest_claim(case: Waterfall) -> None:
    """The claims are sums of the same contracts, so what one haircut took another does not take again."""
    cuts = [(draw, details) for draw, details in with_details(case, run(case)) if draw.tier in HAIRCUTS]
    for member in case.members:
        taken = largest = 0
        for draw, details in cuts:
            claim = claims(case, member, draw.tier, details)
            amount = paid(draw, case).get(member, 0)
            assert amount <= max(claim - taken, 0)
            taken, largest = taken + amount, max(largest, claim)
        assert taken <= largest


def test_a_gains_haircut_behind_another_haircut_does_not_cut_the_same_claims_again() -> None:
    """B has gained 10. A full tear-up ends that claim; a gains haircut behind it finds nothing to cut."""
    rules = rulebook_of(["defaulter_margin", {"tear_up": {"scope": "full"}}, "gains_haircut"])
    standing = first_standing(rules, each_alone("AB"), np.zeros(2, dtype=np.int64))
    loss, nothing = np.array([25, 0]), np.zeros(2, dtype=np.int64)
    event = Event((0,), loss, loss, nothing, Circumstances(gains=np.array([[-10, 10]])))
    outcome = run_waterfall(standing.plan, event)
    assert [draw.amount for draw in outcome.draws] == [0, 10, 0, 15]


# --- a growing loss, another tier ------------------------------------------------------------------------------------


def with_loss(case: Waterfall, member: str, loss: int) -> Waterfall:
    over = max(loss - case.event["margin"][member], 0)
    changed = {"loss": {**case.event["loss"], member: loss}, "over_margin": {**case.event["over_margin"], member: over}}
    return replace(case, event={**case.event, **changed})


def a_defaulter(case: Waterfall, seed: int) -> str:
    return Random(seed).choice(sorted(in_default(case)))


def draws_of(case: Waterfall) -> list[int]:
    return [draw.amount for draw in run(case).draws]


@given(waterfalls, seeds, st.sampled_from([1, 2, 100, 10**6, 10**12]))
def test_a_larger_loss_never_lets_a_tier_pay_less(case: Waterfall, seed: int, most: int) -> None:
    member = a_defaulter(case, seed)
    larger = with_loss(case, member, case.event["loss"][member] + Random(seed).randint(1, most))
    assert all(after >= before for before, after in zip(draws_of(case), draws_of(larger), strict=True))


def tier_totals(case: Waterfall) -> list[int]:
    return [sum(part.amount for part in tier) for tier in tiers_in_order(run(case).draws)]


@given(waterfalls, seeds)
def test_one_cent_more_of_loss_is_one_cent_more_of_one_tier(case: Waterfall, seed: int) -> None:
    """Every tier's draw as a function of the loss has slope 0 or 1, at every step of a ladder and at its kinks."""
    member = a_defaulter(case, seed)
    base = tier_totals(with_loss(case, member, 0))
    ends = tier_totals(with_loss(case, member, 10**14))
    kink, ladder = 0, [0, 1]
    for less, more in zip(base[:-1], ends[:-1], strict=True):
        kink += more - less
        ladder += [max(kink - 1, 0), kink, kink + 1, Random(seed).randint(0, kink)]
    for loss in ladder:
        step = tier_totals(with_loss(case, member, loss)), tier_totals(with_loss(case, member, loss + 1))
        assert sorted(after - before for before, after in zip(*step, strict=True)) == [0] * (len(base) - 1) + [1]


@given(waterfalls, seeds)
def test_a_ladder_of_losses_fills_one_tier_after_the_other(case: Waterfall, seed: int) -> None:
    """Beyond the defaulters' own money a tier takes what is owed less what all ahead of it can pay, up to its own.

    Parts of a tier keep their proportion all the way, within a cent."""
    member = a_defaulter(case, seed)
    full = run(with_loss(case, member, 10**14))
    sizes = [[part.amount for part in tier] for tier in tiers_in_order(others(full))[:-1]]
    chance = Random(seed)
    for loss in [chance.randint(0, 2 * sum(map(sum, sizes)) + 100) for _ in range(6)]:
        outcome = run(with_loss(case, member, loss))
        owed = sum(draw.amount for draw in others(outcome))
        for tier, capacities in zip(tiers_in_order(others(outcome)), sizes, strict=False):
            capacity = sum(capacities)
            amount = min(owed, capacity)
            assert sum(part.amount for part in tier) == amount
            for part, own in zip(tier, capacities, strict=True):
                assert abs(part.amount * capacity - amount * own) < max(capacity, 1)
            owed -= amount
        assert outcome.uncovered == owed


def another_tier(case: Waterfall, chance: Random) -> Any:
    """A tier that the rulebook may have beside its own."""
    size = 10 ** chance.randint(0, 6)
    words = [word for word, _ in all_parts({"tiers": case.tiers})]
    more = [lump(chance, chance.choice(LUMPS), size), assessments(chance, size)]
    more += [haircut(chance, word, size) for word in HAIRCUTS if word not in words]
    shares = [exact(details["share"]) for word, details in all_parts({"tiers": case.tiers}) if word == "survivors_fund"]
    if sum(shares) < 1:
        more.append({"survivors_fund": {"share": float(1 - sum(shares))}})
    if "voluntary" not in words:
        more.append("voluntary")
    return chance.choice(more)


@given(seeds)
def test_another_tier_behind_the_defaulter_never_leaves_more_uncovered(seed: int) -> None:
    chance = Random(seed)
    case = replace(random_waterfall(seed), left=[1.0])
    behind = [*case.tiers[2:]]
    if "uncovered" in behind:
        behind.remove("uncovered")
    behind.insert(chance.randint(0, len(behind)), another_tier(case, chance))
    more = replace(case, tiers=[*case.tiers[:2], *behind])
    case = replace(case, tiers=[tier for tier in case.tiers if tier != "uncovered"])
    before, after = run(case), run(more)
    assert after.uncovered <= before.uncovered
    assert after.loss == before.loss


@given(seeds)
def test_another_part_beside_a_tier_never_leaves_more_uncovered(seed: int) -> None:
    chance = Random(seed)
    case = replace(random_waterfall(seed), left=[1.0])
    behind = [tier for tier in case.tiers[2:] if tier != "uncovered"]
    assume(behind)
    place, extra = chance.randrange(len(behind)), another_tier(case, chance)
    beside = behind[place]["pari_passu"] if isinstance(behind[place], dict) and "pari_passu" in behind[place] else None
    parts = [*(beside or [behind[place]]), extra]
    assume(sum(word in part for part in parts for word in HAIRCUTS) <= 1)
    more = replace(case, tiers=[*case.tiers[:2], *behind[:place], {"pari_passu": parts}, *behind[place + 1 :]])
    assert run(more).uncovered <= run(case).uncovered


@given(waterfalls)
def test_what_one_member_is_called_to_pay_does_not_depend_on_the_order_of_the_days(case: Waterfall) -> None:
    """Where no haircut looks at some days only, gains are a sum."""
    assume(all("days" not in details for _, details in all_parts({"tiers": case.tiers})))
    turned = replace(case, event={**case.event, "gains": case.event["gains"][::-1]})
    assert [draw.paid for draw in run(case).draws] == [draw.paid for draw in run(turned).draws]


numbers = st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=1, max_size=8)


@given(numbers, st.fractions(0, 1))
@example([(3, 1), (1, 1), (0, 5)], Fraction(1))
def test_shares_within_limits_add_up_and_whoever_is_below_its_limit_pays_its_part(
    pairs: list[tuple[int, int]], part: Fraction
) -> None:
    weights, limits = [weight for weight, _ in pairs], [limit for _, limit in pairs]
    amount = floor(part * sum(limit for weight, limit in pairs if weight))
    shares, _ = share_within(amount, weights, limits)
    assert sum(shares) == amount
    for one, weight, limit in zip(shares, weights, limits, strict=True):
        assert 0 <= one <= limit
        assert one == 0 or weight > 0
        for other, another in zip(shares, weights, strict=True):
            if one < limit and weight and another:
                assert one * another >= other * weight - weight - another, "per weight at least what others pay"


def test_who_pays_just_its_limit_is_not_over_it() -> None:
    """8 over 1:1:3 are 1.6, 1.6 and 4.8: the cents go to the third and the first, 2, 1 and 5. A limit of 2 is kept by
    that; with a limit of 1 the first pays 1, and 7 over 1:3 are 1.75 and 5.25."""
    assert share_within(8, [1, 1, 3], [2, 9, 9])[0] == [2, 1, 5]
    assert share_within(8, [1, 1, 3], [1, 9, 9])[0] == [1, 2, 5]


# --- several defaults in a row ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Default:
    """One of several defaults: its day, the standing that it met, and what came of it."""

    day: int
    standing: Standing
    outcome: Outcome


@dataclass(frozen=True)
class Night:
    """What a new day changed; `last_default` is the day of the latest default before it, -1 where there was none."""

    day: int
    before: Standing
    after: Standing
    last_default: int


@dataclass(frozen=True)
class History:
    """Defaults in a row. `resigned` is the day on which a member resigned, by position."""

    case: Waterfall
    rulebook: Rulebook
    defaults: list[Default]
    nights: list[Night]
    resigned: dict[int, int]

    @property
    def periods(self) -> list[tuple[int, int]]:
        """Cooling-off periods, counted from the document's words: the first day, and the first day after it."""
        found, rules = list[tuple[int, int]](), self.rulebook.default_management
        for default in self.defaults:
            end = default.day + (rules.cooling_off_days or 10**9)
            if not found or default.day >= found[-1][1]:
                found.append((default.day, end))
            elif rules.extended_by_defaults:
                found[-1] = (found[-1][0], end)
        return found

    def period(self, day: int) -> tuple[int, int] | None:
        """The period that runs on a day, if one does."""
        return next((one for one in self.periods if one[0] <= day < one[1]), None)


def with_periods(rulebook: Rulebook, chance: Random, restoration: int) -> Rulebook:
    rules = DefaultManagement(
        cooling_off_days=chance.choice([None, 1, 5, 10, 25]),
        extended_by_defaults=chance.random() < 0.5,
        replenishment_multiple=chance.choice([None, 0, 0.5, 1, 1.5]),
    )
    fund = rulebook.fund.model_copy(
        update={"replenishment_days": chance.randint(0, 8), "capital_restoration_days": restoration}
    )
    return rulebook.model_copy(update={"default_management": rules, "fund": fund})


def history(seed: int, restoration: int, gap: Callable[[Random], int], resignations: bool = False) -> History:
    """Up to six groups default one after the other, day by day; members resign in between."""
    chance, case = Random(seed), random_waterfall(seed)
    rulebook = with_periods(case.rulebook, chance, restoration)
    standing = first_standing(rulebook, case.roster, case.by_member(case.contribution), case.by_member(case.required))
    found, day = History(case, rulebook, [], [], {}), 0
    for number in chance.sample(range(len(case.groups)), len(case.groups))[:6]:
        for _ in range(gap(chance)):
            before, last, day = standing, found.defaults[-1].day if found.defaults else -1, day + 1
            standing = on_day(before, day)
            found.nights.append(Night(day, before, standing, last))
            if resignations and chance.random() < 0.15:
                member = chance.randrange(len(case.members))
                found.resigned.setdefault(member, day)
                standing = resign(standing, [member])
        outcome = run_waterfall(standing.plan, a_default_of(case, number, chance))
        found.defaults.append(Default(day, standing, outcome))
        standing = after_default(standing, outcome, day)
    return found


def a_default_of(case: Waterfall, group: int, chance: Random) -> Event:
    """A group's default, small or large."""
    loss, margin = case.engine_event.loss // chance.choice([1, 2, 5, 20]), case.engine_event.margin
    return Event((group,), loss, np.maximum(loss - margin, 0), margin, case.circumstances)


def near(chance: Random) -> int:
    return chance.randint(0, 12)


@given(seeds)
def test_in_every_default_of_a_row_every_cent_is_paid_once_by_those_who_are_there(seed: int) -> None:
    found, gone = history(seed, 20, near), set[str]()
    for default in found.defaults:
        outcome, case = default.outcome, found.case
        assert sum(draw.amount for draw in outcome.draws) == outcome.loss
        assert not {member for draw in outcome.draws for member in paid(draw, case)} & gone
        (group,) = outcome.event.defaulters
        gone |= {member for member in case.members if case.group[member] == case.groups[group]}


@given(seeds)
def test_capital_that_is_used_is_not_there_in_the_next_default_unless_it_is_restored(seed: int) -> None:
    """Nothing is restored within these days: what is left is what there was less all that was drawn."""
    found = history(seed, 1000, near)
    left = found.defaults[0].standing.left.tolist()
    for default in found.defaults:
        assert default.standing.left.tolist() == left
        lumps = [draw for draw in default.outcome.draws if draw.tier in LUMPS]
        assert [draw.available for draw in lumps] == left
        left = [has - draw.amount for has, draw in zip(left, lumps, strict=True)]
        assert min(left, default=0) >= 0


@given(seeds)
def test_capital_is_restored_in_time_and_nothing_else_is(seed: int) -> None:
    """Defaults are further apart than restoration takes: capital is whole again, all the others' money is not."""
    found = history(seed, 7, lambda chance: chance.randint(7, 9))
    left = full = found.defaults[0].standing.left.tolist()
    for default in found.defaults:
        assert default.standing.left.tolist() == left
        lumps = [draw for draw in default.outcome.draws if draw.tier in LUMPS]
        left = [
            whole if draw.tier == "ccp_capital" else has - draw.amount
            for has, whole, draw in zip(left, full, lumps, strict=True)
        ]


@given(seeds)
def test_assessments_accumulate_within_a_period_and_are_forgotten_after_it(seed: int) -> None:
    found = history(seed, 20, near)
    case, period = found.case, None
    called: list[dict[str, int]] = []
    for default in found.defaults:
        calls = [(draw, more) for draw, more in with_details(case, default.outcome) if draw.tier == "assessments"]
        if found.period(default.day) != period:
            called, period = [dict.fromkeys(case.members, 0) for _ in calls], found.period(default.day)
        assert default.standing.called.tolist() == [case.by_member(by).tolist() for by in called]
        for by, (draw, details) in zip(called, calls, strict=True):
            for member, amount in paid(draw, case).items():
                by[member] += ceil(amount / exact(details.get("collected", 1)))
                assert by[member] <= exact(details.get("period_multiple", 10**9)) * case.required[member]


@given(seeds)
def test_contributions_are_refilled_to_what_is_required_within_the_periods_limit(seed: int) -> None:
    found, refilled = history(seed, 20, near), dict[tuple[Any, int], int]()
    multiple, days = found.rulebook.default_management.replenishment_multiple, found.rulebook.fund.replenishment_days
    for night in found.nights:
        period, away = found.period(night.day), night.after.away
        assert (night.after.contributions[away] <= night.before.contributions[away]).all()
        for member in np.flatnonzero(~away).tolist():
            required, before = int(night.after.required[member]), int(night.before.contributions[member])
            more = int(night.after.contributions[member]) - before
            assert 0 <= more <= max(required - before, 0)
            if multiple is None and night.last_default >= 0 and night.day == night.last_default + max(days, 1):
                assert before + more >= required
            if multiple is not None and night.after.period_end is not None:  # else nothing limits a refill
                refilled[period, member] = refilled.get((period, member), 0) + more
                assert refilled[period, member] <= exact(multiple) * required


@given(seeds)
def test_what_a_default_takes_of_contributions_is_gone(seed: int) -> None:
    for default in history(seed, 20, near).defaults:
        there = default.standing.contributions.copy()
        for draw in default.outcome.draws:
            for payer, amount in draw.paid.items():
                if payer is not None and draw.tier in ("defaulter_fund", "survivors_fund"):
                    there[payer] -= amount
        assert there.min() >= 0
        assert after_default(default.standing, default.outcome, default.day).contributions.tolist() == there.tolist()


@given(seeds)
def test_who_resigns_stays_liable_until_the_period_is_over_and_then_pays_no_more(seed: int) -> None:
    found, gone = history(seed, 20, near, resignations=True), set[int]()
    for default in found.defaults:
        for member, day in found.resigned.items():
            leaves = next((end for begin, end in found.periods if begin < day < end), day)
            gone |= {member} if leaves <= default.day else set()
        assert set(np.flatnonzero(default.standing.away).tolist()) == gone
        assert not {payer for draw in default.outcome.draws for payer, amount in draw.paid.items() if amount} & gone
        gone |= set(np.flatnonzero(default.standing.member_group == default.outcome.event.defaulters[0]).tolist())


# --- several defaults, worked by hand --------------------------------------------------------------------------------

FUND = ["defaulter_margin", "defaulter_fund", {"ccp_capital": {"amount": 0.3}}, "survivors_fund"]
MEMBERS = ["A", "B", "C", "D"]


def standing_with(tiers: list[Any], contributions: list[int], **words: Any) -> Standing:
    """Four members, each a group; `words` of the fund's or of default management."""
    rules = {name: words[name] for name in DefaultManagement.model_fields if name in words}
    fund = {name: value for name, value in words.items() if name not in rules}
    rulebook = rulebook_of(tiers, **fund).model_copy(update={"default_management": DefaultManagement(**rules)})
    return first_standing(rulebook, each_alone(MEMBERS), np.array(contributions))


def default_of(standing: Standing, member: int, loss: int) -> Outcome:
    """One member loses, and has no margin."""
    losses = np.zeros(4, dtype=np.int64)
    losses[member] = loss
    return run_waterfall(standing.plan, Event((member,), losses, losses, np.zeros(4, dtype=np.int64)))


def after(standing: Standing, day: int, member: int, loss: int) -> Standing:
    there = on_day(standing, day)
    return after_default(there, default_of(there, member, loss), day)


def test_a_member_that_resigns_within_the_period_pays_for_a_second_default_and_not_for_a_third() -> None:
    """Fourteen days from the first default on day 0. C resigns on day 3; on day 13 it pays, on day 14 no more."""
    whole = standing_with(FUND, [0, 0, 40, 60], cooling_off_days=14, extended_by_defaults=False, replenishment_days=99)
    first = resign(on_day(after(whole, 0, 0, 35), 3), [2])
    # capital 30 of 35, 5 of C and D as 40:60; then capital has nothing, C has 38 and D 57
    last_day = default_of(on_day(first, 13), 1, 19)
    assert [draw.amount for draw in last_day.draws] == [0, 0, 0, 19, 0]
    survivors = last_day.draws[3].paid
    assert (survivors[2], survivors[3]) == (8, 11)  # 19 x 38/95 = 7.6, 19 x 57/95 = 11.4
    too_late = default_of(on_day(first, 14), 1, 60)
    assert [draw.paid for draw in too_late.draws[3:]] == [{3: 57}, {None: 3}]
    assert on_day(first, 14).contributions[2] == 0


def test_a_member_that_resigns_when_no_period_runs_leaves_at_once() -> None:
    whole = resign(standing_with(FUND, [0, 10, 40, 60], cooling_off_days=14), [2])
    assert default_of(whole, 0, 130).draws[3].paid == {1: 10, 3: 60}


def test_without_an_end_of_the_period_a_resigned_member_stays_liable() -> None:
    first = resign(after(standing_with(FUND, [0, 10, 40, 60]), 0, 0, 1), [2])
    assert default_of(on_day(first, 9999), 1, 200).draws[3].paid == {2: 40, 3: 60}


def test_a_further_default_within_the_period_starts_it_anew_where_the_rulebook_says_so() -> None:
    for extended, end in ((True, 19), (False, 10)):
        whole = standing_with(FUND, [0, 0, 40, 60], cooling_off_days=10, extended_by_defaults=extended)
        second = after(after(whole, 0, 0, 1), 9, 1, 1)
        assert second.period_end == end
        assert on_day(second, end - 1).period_end == end
        assert on_day(second, end).period_end is None


def test_contributions_are_refilled_twice_within_a_period_but_only_up_to_its_limit() -> None:
    """C and D bring 20 and 30 at most: half of what is required. The first default takes 16 and 24, the second all."""
    words = {"cooling_off_days": 30, "replenishment_days": 2, "replenishment_multiple": 0.5}
    whole = standing_with(FUND, [0, 0, 40, 60], **words)
    first = on_day(after(whole, 0, 0, 70), 2)  # capital 30, 40 of C and D as 40:60
    assert first.contributions.tolist() == [0, 0, 40, 60]
    second = on_day(after(first, 5, 1, 100), 7)  # no capital: all of the 40 and 60
    assert second.contributions.tolist() == [0, 0, 4, 6]  # 20 - 16 and 30 - 24


# --- where the engine does otherwise than the document says ----------------------------------------------------------


def test_one_step_over_several_days_does_what_single_days_do() -> None:
    """What is due on earlier days happens on them. The refill of day 2 falls into the period that ends on day 10."""
    words = {"cooling_off_days": 10, "replenishment_days": 2, "replenishment_multiple": 0.5}
    first = after(standing_with(FUND, [0, 0, 40, 60], **words), 0, 0, 70)
    day_by_day = first
    for day in range(1, 41):
        day_by_day = on_day(day_by_day, day)
    at_once = on_day(first, 40)
    assert at_once.contributions.tolist() == day_by_day.contributions.tolist() == [0, 0, 40, 60]
    assert at_once.refilled.tolist() == day_by_day.refilled.tolist() == [0, 0, 0, 0]


def test_what_is_refilled_when_no_period_runs_does_not_count_in_the_next() -> None:
    """The period of A's default ends on day 10; what B's default on day 8 took is refilled on day 12. C's default on
    day 15 takes 60 of D, who then refills the whole limit of the new period: 30."""
    words = {"cooling_off_days": 10, "extended_by_defaults": False, "replenishment_days": 4}
    whole = standing_with(FUND, [0, 0, 40, 60], **words, replenishment_multiple=0.5)
    second = after(after(whole, 0, 0, 1), 8, 1, 69)
    assert second.contributions.tolist() == [0, 0, 24, 36]
    refilled = on_day(on_day(second, 10), 12)
    assert refilled.contributions.tolist() == [0, 0, 40, 60]
    third = after(refilled, 15, 2, 100)
    assert third.contributions.tolist() == [0, 0, 0, 0]
    assert on_day(third, 19).contributions.tolist() == [0, 0, 0, 30]


def test_capital_used_in_two_defaults_is_restored_in_two_steps() -> None:
    """12 are used on day 0 and there again on day 20; 5 more are used on day 8 and there again on day 28."""
    whole = standing_with(FUND, [0, 0, 40, 60], capital_restoration_days=20)
    second = after(after(whole, 0, 0, 12), 8, 1, 5)
    assert [int(on_day(second, day).left[0]) for day in (19, 20, 27, 28)] == [13, 25, 25, 30]


def test_contributions_used_in_two_defaults_are_refilled_after_each() -> None:
    """The first refill is due on day 6, whether or not there is another default on day 5."""
    whole = standing_with(FUND, [0, 0, 40, 60], replenishment_days=6)
    second = after(after(whole, 0, 0, 70), 5, 1, 0)
    assert on_day(second, 6).contributions.tolist() == [0, 0, 40, 60]


@pytest.mark.parametrize(("multiple", "within"), [(0.0, 0), (0.1, 6), (None, 42)])
def test_what_the_limit_of_a_period_kept_back_is_refilled_when_it_is_over(multiple: float | None, within: int) -> None:
    """100 are lost on day 0: 30 of capital, 70 of the fund, 42 of them D's. The refill of day 2 is limited, the period
    ends on day 10."""
    words = {"cooling_off_days": 10, "replenishment_days": 2, "replenishment_multiple": multiple}
    first = after(standing_with(FUND, [0, 0, 40, 60], **words), 0, 0, 100)
    left = [int(on_day(first, day).contributions[3]) for day in (1, 2, 9, 10)]
    assert left == [18, 18 + within, 18 + within, 60]


def test_nothing_is_refilled_before_its_day_when_a_period_ends() -> None:
    """Defaults on days 0 and 8; refills are due on days 5 and 13; the period of the first ends on day 10."""
    words = {"cooling_off_days": 10, "extended_by_defaults": False, "replenishment_days": 5}
    second = after(after(standing_with(FUND, [0, 0, 40, 60], **words), 0, 0, 50), 8, 1, 20)
    there = [int(on_day(second, day).contributions[2:].sum()) for day in (8, 10, 12, 13)]
    assert there == [80, 80, 80, 100]
