"""The kernel over many paths against the exact engine, path by path."""

from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from support.random_waterfalls import HAIRCUTS, Waterfall, random_waterfall
from support.small_cycles import RULES
from support.waterfall_twin import PAYER_OF_LUMP

import ccp.kernels.waterfall.plan_arrays as codes
from ccp.book.roster import each_alone
from ccp.kernels.engine.numba_door import use_threads
from ccp.rulebook.rulebook import Rulebook
from ccp.types import Cents, Flags
from ccp.waterfall.amounts import ONE, Amounts
from ccp.waterfall.event import Circumstances, Event, Outcome
from ccp.waterfall.paths import PathDraws, draw_paths
from ccp.waterfall.plan import Plan, make_plan
from ccp.waterfall.run import run_waterfall

PATHS = 43
"""Odd, so that the flags of all paths do not fill whole words of eight."""
OF_MEMBERS = ("survivors_fund", "assessments", "voluntary", *HAIRCUTS)
FEW_CENTS = 5
"""How far a member's bill may be off: a cent or two for each of several tiers that were shared out."""


@dataclass(frozen=True)
class Paths:
    """Losses and margin in cents by path and group, who defaults on each path, and what a plan knows of members."""

    plan: Plan
    known: Circumstances
    loss: Cents
    margin: Cents
    flags: Flags

    def drawn(self, chosen: slice | np.ndarray = slice(None), **other: Any) -> PathDraws:
        """The kernel's answer for all paths or some of them; `other` replaces what is known."""
        known = self.known
        stated: dict[str, Any] = {
            "claims": known.matched,
            "offered": known.offered,
            "unable": known.unable,
            "auction": known.auction,
            "segment_loss": known.segment_loss,
            "segment_weight": known.segment_weight,
        }
        loss, margin = self.loss[chosen] / 100, self.margin[chosen] / 100
        return draw_paths(self.plan, loss, self.flags[chosen], margin, bills=True, **stated | other)

    @cached_property
    def found(self) -> PathDraws:
        return self.drawn()

    def event(self, path: int, **other: Any) -> Event:
        """The same path as an event: a group's loss is that of its first member."""
        loss, margin = (np.zeros(len(self.plan.members), dtype=np.int64) for _ in range(2))
        for group in range(len(self.plan.groups)):
            first = int(np.argmax(self.plan.member_group == group))
            loss[first], margin[first] = self.loss[path, group], self.margin[path, group]
        groups = tuple(np.flatnonzero(self.flags[path]).tolist())
        return Event(groups, loss, np.maximum(loss - margin, 0), margin, replace(self.known, **other))

    def exact(self, path: int, **other: Any) -> Outcome:
        return run_waterfall(self.plan, self.event(path, **other))


def same_claims(case: Waterfall) -> Circumstances:
    """The kernel cuts the same claims in every haircut: gains of one day, matched contracts and payouts are one."""
    known = case.circumstances
    assert known.gains is not None
    return replace(known, gains=known.gains[:1], matched=known.gains[0], payouts=None)


def random_paths(seed: int, several_members: bool = False, paths: int = PATHS) -> Paths:
    """Paths on which nobody, some or all default; small losses and large ones."""
    case, chance = random_waterfall(seed, several_members), np.random.default_rng(seed)
    groups, most = len(case.groups), max(*case.event["loss"].values(), 1)
    scale = chance.choice([0.01, 0.1, 1.0], size=(paths, 1))
    loss = (chance.integers(0, most + 1, size=(paths, groups)) * scale).astype(np.int64)
    margin = chance.integers(0, max(most // 6, 1), size=(paths, groups))
    flags = chance.random((paths, groups)) < chance.choice([0.1, 0.4, 0.8], size=(paths, 1))
    flags[0], flags[1], flags[-1] = False, True, True
    return Paths(case.plan, same_claims(case), loss, margin, flags)


def is_exact(plan: Plan) -> list[bool]:
    """Which parts the kernel draws to the cent: whole tiers, and of haircuts the first.

    Parts used pari passu are shared out in floating point. What a further haircut finds depends on who paid how many
    cents of the first, where that was capped; from there on a cent may move to another tier."""
    alone, haircuts, found = [tier.place for tier in plan.tiers], 0, list[bool]()
    for tier in plan.tiers:
        haircuts += tier.word in HAIRCUTS
        found.append(alone.count(tier.place) == 1 and haircuts < 2)
    return found


def compare(paths: Paths, path: int, outcome: Outcome, found: PathDraws) -> None:
    """One path: totals, bills and sums."""
    draws = found.draws[path].tolist()
    assert sum(draws) == outcome.loss
    for exactly, draw, amount in zip(is_exact(paths.plan), outcome.draws, draws, strict=True):
        assert abs(amount - draw.amount) <= (0 if exactly else 2), (path, draw.tier)
    bills = np.zeros(len(paths.plan.members), dtype=np.int64)
    for draw in outcome.draws:
        for member, amount in draw.paid.items():
            bills[member] += amount if draw.tier in OF_MEMBERS and member is not None else 0
    assert found.bills is not None
    assert np.abs(found.bills[path] - bills).max() <= FEW_CENTS
    of_members = [amount for tier, amount in zip(found.tiers, draws, strict=True) if tier.word in OF_MEMBERS]
    assert found.bills[path].sum() == sum(of_members)


def compare_all(paths: Paths) -> None:
    for path in range(len(paths.loss)):
        compare(paths, path, paths.exact(path), paths.found)


BLOCKS = range(8)


@pytest.mark.parametrize("block", BLOCKS)
def test_every_path_is_drawn_as_the_exact_engine_draws_it(block: int) -> None:
    for seed in range(6 * block, 6 * block + 6):
        compare_all(random_paths(seed))


@pytest.mark.parametrize("block", range(4))
def test_groups_of_several_members_pay_and_default_together(block: int) -> None:
    """A group's loss stands with one of its members; its contributions pay together."""
    for seed in range(100 + 4 * block, 104 + 4 * block):
        compare_all(random_paths(seed, several_members=True))


def test_the_random_paths_reach_what_they_are_meant_to_test() -> None:
    """Every kind of tier is drawn on some path, so are parts side by side and more defaults than are looked up."""
    words, defaults, beside, groups = set[str](), set[int](), 0, set[int]()
    for seed in range(48):
        paths = random_paths(seed)
        defaults |= set(paths.flags.sum(axis=1).tolist())
        groups.add(len(paths.plan.groups))
        places = [tier.place for tier in paths.plan.tiers]
        for tier, drawn in zip(paths.plan.tiers, paths.found.draws.T, strict=True):
            if drawn.any():
                words.add(tier.word)
                beside += places.count(tier.place) > 1
    assert words == {"defaulter_margin", "defaulter_fund", "uncovered", *OF_MEMBERS, *LUMPS}
    assert {0, 1, 4, 5} <= defaults
    assert {1, 8, 9} <= groups
    assert beside >= 10


LUMPS = tuple(PAYER_OF_LUMP)


@pytest.mark.parametrize("seed", [200, 201, 202, 203])
def test_claims_and_segment_losses_may_be_other_on_every_path(seed: int) -> None:
    paths, chance = random_paths(seed), np.random.default_rng(seed)
    most = int(paths.loss.max())
    claims = chance.integers(-most, most + 1, size=(PATHS, len(paths.plan.members)))
    segments = chance.integers(0, most + 1, size=(PATHS, 2))
    found = paths.drawn(claims=claims, segment_loss=segments)
    for path in range(PATHS):
        row = claims[path]
        outcome = paths.exact(path, gains=row[None], matched=row, segment_loss=segments[path])
        compare(paths, path, outcome, found)


@pytest.mark.parametrize("seed", [210, 211, 212])
def test_one_row_of_margin_stands_for_all_paths_and_none_means_no_margin(seed: int) -> None:
    paths = random_paths(seed)
    one = replace(paths, margin=np.repeat(paths.margin[:1], PATHS, axis=0))
    known: dict[str, Any] = {"claims": paths.known.matched, "unable": paths.known.unable}
    for margin, whole in ((paths.margin[0] / 100, one), (None, replace(one, margin=0 * one.margin))):
        row = draw_paths(paths.plan, paths.loss / 100, paths.flags, margin, **known)
        repeated = draw_paths(paths.plan, paths.loss / 100, paths.flags, whole.margin / 100, **known)
        assert np.array_equal(row.draws, repeated.draws)
        assert row.bills is None
        assert row.draws.any()


@pytest.mark.parametrize("seed", [seed for seed in range(220, 240) if len(random_waterfall(seed).members) > 5][:4])
def test_members_that_are_away_pay_nothing_on_any_path(seed: int) -> None:
    """Their groups do not default again, and their claims and offers do not count."""
    paths = random_paths(seed)
    away = np.arange(len(paths.plan.members)) % 3 == 1
    case = random_waterfall(seed, several_members=False)
    contributions, required = case.by_member(case.contribution), case.by_member(case.required)
    plan = make_plan(case.rulebook, paths.plan.roster, contributions, required, None, away)
    others = replace(paths, plan=plan, flags=paths.flags & ~away)
    compare_all(others)
    assert others.found.bills is not None
    assert not others.found.bills[:, away].any()
    assert others.found.bills.any()


@pytest.mark.parametrize("seed", [240, 241, 242, 243])
def test_what_is_not_stated_counts_as_nothing(seed: int) -> None:
    """No claims, offers, results of auctions or segments: the exact engine knows of none either."""
    paths = replace(random_paths(seed), known=Circumstances())
    found = draw_paths(paths.plan, paths.loss / 100, paths.flags, paths.margin / 100, bills=True)
    for path in range(PATHS):
        compare(paths, path, paths.exact(path), found)


def test_without_bills_the_draws_are_the_same() -> None:
    """Bills are split only where they are asked for, or where a later haircut must know them."""
    for seed in range(300, 312):
        paths = random_paths(seed)
        known: dict[str, Any] = {"claims": paths.known.matched, "offered": paths.known.offered}
        loss, margin = paths.loss / 100, paths.margin / 100
        plain = draw_paths(paths.plan, loss, paths.flags, margin, **known)
        billed = draw_paths(paths.plan, loss, paths.flags, margin, bills=True, **known)
        assert np.array_equal(plain.draws, billed.draws)
        assert plain.bills is None


# --- many paths ------------------------------------------------------------------------------------------------------


def many_paths() -> Paths:
    """More paths than one thread takes at a time, most of them without a default; nine groups, so that no path but
    every eighth begins with a whole word of flags."""
    few = random_paths(MANY_SEED, paths=60)
    count, chance = 4_500, np.random.default_rng(5)
    rows = chance.integers(0, 60, size=count)
    flags = few.flags[rows] & (chance.random((count, 1)) < 0.05)
    return replace(few, loss=few.loss[rows], margin=few.margin[rows], flags=flags)


MANY_SEED = next(
    seed
    for seed in range(400, 1000)
    if len((case := random_waterfall(seed, several_members=False)).groups) == 9
    and all(word in str(case.tiers) for word in ("gains_haircut", "payout_haircut", "assessments", "pari_passu"))
)


@pytest.fixture(scope="module")
def many() -> Paths:
    return many_paths()


def same(one: PathDraws, other: PathDraws) -> bool:
    assert one.bills is not None
    assert other.bills is not None
    return np.array_equal(one.draws, other.draws) and np.array_equal(one.bills, other.bills)


def test_many_paths_are_drawn_as_the_exact_engine_draws_them(many: Paths) -> None:
    """Paths without a default draw nothing; of those with one some are compared."""
    defaults = np.flatnonzero(many.flags.any(axis=1))
    assert len(defaults) > 100
    assert not many.found.draws[~many.flags.any(axis=1)].any()
    for path in [*defaults[:20].tolist(), *defaults[-20:].tolist()]:
        compare(many, path, many.exact(path), many.found)


@pytest.mark.parametrize("threads", [1, 2])
def test_the_number_of_threads_changes_nothing(many: Paths, threads: int) -> None:
    before = use_threads(None)
    try:
        use_threads(threads)
        assert same(many.drawn(), many.found)
    finally:
        use_threads(before)


def test_the_order_of_the_paths_changes_nothing(many: Paths) -> None:
    order = np.random.default_rng(6).permutation(len(many.loss))
    turned, base = many.drawn(order), many.found
    assert base.bills is not None
    assert same(turned, PathDraws(base.tiers, base.draws[order], base.bills[order]))


def test_paths_in_blocks_are_the_same_as_all_at_once(many: Paths) -> None:
    cuts = [0, 1, 8, 13, 300, 4_400, len(many.loss)]
    blocks = [many.drawn(slice(begin, end)) for begin, end in pairwise(cuts)]
    bills = np.concatenate([block.bills for block in blocks if block.bills is not None])
    draws = np.concatenate([block.draws for block in blocks])
    assert same(PathDraws(many.found.tiers, draws, bills), many.found)


def test_a_word_that_draw_paths_does_not_know_is_refused(many: Paths) -> None:
    with pytest.raises(TypeError, match="knows nothing of gains"):
        draw_paths(many.plan, many.loss / 100, many.flags, gains=np.zeros(9, dtype=np.int64))


def test_draws_by_word_add_up_parts_of_the_same_kind(many: Paths) -> None:
    for word in {tier.word for tier in many.plan.tiers}:
        rows = [tier.row for tier in many.plan.tiers if tier.word == word]
        assert np.array_equal(many.found.drawn(word), many.found.draws[:, rows].sum(axis=1))
    assert not many.found.drawn("no such tier").any()


# --- every kind of money ----------------------------------------------------------------------------------------------

STATED: dict[int, Amounts] = {
    codes.LUMP: Amounts(codes.LUMP, size=700),
    codes.PLEDGED: Amounts(codes.PLEDGED, each=np.array([200, 300, 500])),
    codes.CALLED: Amounts(codes.CALLED, each=np.array([200, 300, 500]), of=ONE),
    codes.GAINS: Amounts(codes.GAINS, of=ONE),
    codes.MATCHED: Amounts(codes.MATCHED, of=ONE),
    codes.ALL_CLAIMS: Amounts(codes.ALL_CLAIMS, of=ONE),
    codes.PAYOUTS: Amounts(codes.PAYOUTS, of=ONE),
    codes.OFFERED: Amounts(codes.OFFERED),
    codes.REST: Amounts(codes.REST),
    codes.PER_DEFAULTER: Amounts(codes.PER_DEFAULTER, size=900, each=np.array([200, 300, 400])),
}
"""A tier of each kind of money behind the defaulters' own, of three members."""
PAYS = {codes.LUMP: 700, codes.PER_DEFAULTER: 200, codes.REST: 4_800} | dict.fromkeys(
    (codes.GAINS, codes.MATCHED, codes.ALL_CLAIMS, codes.PAYOUTS, codes.OFFERED), 170
)
"""What it pays of A's 5,000 less its contribution of 200: by B and C, who have 800 in contributions, and claims or
offers of 70 and 100."""


@pytest.mark.parametrize("source", sorted(set(codes.NEEDS) - {codes.OWN_MARGIN, codes.OWN_FUND}))
def test_both_engines_draw_every_kind_of_money(source: int) -> None:
    """A kind that one engine forgets would pay nothing, and nobody would see it."""
    plan = plan_behind_own_money(STATED[source])
    claims = np.array([40, 70, 100])
    loss = np.array([5_000, 0, 0])
    known = Circumstances(gains=claims[None], matched=claims, offered=claims)
    exact = run_waterfall(plan, Event((0,), loss, loss, np.zeros(3, dtype=np.int64), known))
    found = draw_paths(plan, loss[None] / 100, loss[None] > 0, claims=claims, offered=claims)
    assert [draw.amount for draw in exact.draws] == found.draws[0].tolist()
    assert found.draws[0, 2] == PAYS.get(source, 800)


def plan_behind_own_money(stated: Amounts) -> Plan:
    """Margin and contributions of three members, and one tier behind them with amounts that are given."""
    word = {codes.REST: "uncovered"}.get(stated.source, "insurance" if stated.source in codes.SIZED else "voluntary")
    last: Any = {word: {"amount": 1}} if word == "insurance" else word
    tiers = ["defaulter_margin", "defaulter_fund", last]
    rulebook = Rulebook.model_validate(RULES | {"tiers": tiers})
    plan = make_plan(rulebook, each_alone(["A", "B", "C"]), np.array([200, 300, 500]))
    arrays = {name: getattr(plan.arrays, name).copy() for name in ("source", "size", "each", "of")}
    arrays["source"][2] = stated.source
    arrays["size"][2] = codes.ENDLESS if stated.size is None else stated.size
    arrays["each"][2] = 0 if stated.each is None else stated.each
    return replace(plan, arrays=plan.arrays._replace(**arrays))


def test_this_is_every_kind_of_money_and_what_it_needs_is_given() -> None:
    assert set(STATED) == set(codes.NEEDS) - {codes.OWN_MARGIN, codes.OWN_FUND}
    for source, stated in STATED.items():
        assert all(getattr(stated, name) is not None for name in codes.NEEDS[source])
