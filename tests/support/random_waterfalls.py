"""Random rulebooks, standings and events: the same for the engine, its twin and the kernel over many paths."""

from dataclasses import dataclass
from random import Random
from typing import Any

import numpy as np
from hypothesis import strategies as st
from support.rulebooks import rulebook_of
from support.waterfall_twin import PAYER_OF_LUMP

from ccp.book.roster import Roster, roster_of
from ccp.rulebook.rulebook import Rulebook
from ccp.waterfall.event import Circumstances, Event
from ccp.waterfall.plan import Plan, make_plan, with_lumps

SHARES = [0.1, 0.25, 0.3, 0.5, 0.95, 1.0]
MULTIPLES = [0, 0.5, 1, 1.5, 2.75]
HAIRCUTS = ("gains_haircut", "tear_up", "payout_haircut")


@dataclass(frozen=True)
class Waterfall:
    """A rulebook's tiers with a standing and an event, in plain data. Money in cents, but in `tiers` in units."""

    tiers: list[Any]
    regulatory_capital: float
    shared: bool
    members: list[str]
    group: dict[str, str]
    contribution: dict[str, int]
    required: dict[str, int]
    left: list[float]
    called: dict[str, int]
    event: dict[str, Any]

    @property
    def rulebook(self) -> Rulebook:
        return rulebook_of(self.tiers, self.regulatory_capital, unused_contribution_shared=self.shared)

    @property
    def groups(self) -> list[str]:
        return sorted(set(self.group.values()))

    @property
    def roster(self) -> Roster:
        return roster_of(self.group)

    @property
    def plan(self) -> Plan:
        """The engine's plan, some of its lumps used in part."""
        whole = make_plan(
            self.rulebook,
            self.roster,
            self.by_member(self.contribution),
            self.by_member(self.required),
            np.array([self.by_member(self.called)] * 9),
        )
        return with_lumps(whole, self.lumps_left(whole))

    def lumps_left(self, whole: Plan) -> list[int]:
        sizes = [int(whole.arrays.size[tier.row]) for tier in whole.lumps]
        return [int(size * part) for size, part in zip(sizes, self.left * 9, strict=False)]

    def by_member(self, amounts: dict[str, int]) -> np.ndarray:
        return np.array([amounts.get(member, 0) for member in self.members], dtype=np.int64)

    @property
    def circumstances(self) -> Circumstances:
        event = self.event
        return Circumstances(
            gains=np.array([self.by_member(day) for day in event["gains"]]),
            matched=self.by_member(event["matched"]),
            payouts=self.by_member(event["payouts"]) if "payouts" in event else None,
            offered=self.by_member(event["offered"]),
            auction=self.by_member(event["auction"]),
            unable=np.array([member in event["unable"] for member in self.members]),
            segment_loss=np.array(event["segment_loss"], dtype=np.int64),
            segment_weight=np.array([self.by_member(of) for of in event["segment_weight"]]),
        )

    @property
    def engine_event(self) -> Event:
        numbers = tuple(self.groups.index(group) for group in self.event["defaulters"])
        loss, over, margin = (self.by_member(self.event[name]) for name in ("loss", "over_margin", "margin"))
        return Event(numbers, loss, over, margin, self.circumstances)


def random_waterfall(seed: int, several_members: bool = True) -> Waterfall:
    """A rulebook with a standing and a default; `several_members`: whether groups may have more than one."""
    chance = Random(seed)
    members = [f"M{number}" for number in range(chance.randint(1, 9))]
    group = {member: f"G{chance.randint(0, 6)}" if several_members else f"G{member}" for member in members}
    size = chance.choice([1, 100, 100, 10**6, 10**11])

    def amounts() -> dict[str, int]:
        return {member: chance.choice([0, chance.randint(0, 20 * size)]) for member in members}

    def signed() -> dict[str, int]:
        return {member: chance.randint(-10 * size, 20 * size) for member in members}

    groups = sorted(set(group.values()))
    loss, margin = ({member: chance.randint(0, most * size) for member in members} for most in (99, 15))
    event = {
        "defaulters": sorted(chance.sample(groups, chance.randint(1, len(groups)))),
        "loss": loss,
        "margin": margin,
        "over_margin": {member: max(loss[member] - margin[member], 0) for member in members},
        "gains": [signed() for _ in range(chance.randint(1, 3))],
        "matched": signed(),
        "offered": amounts(),
        "auction": {member: chance.randint(0, 2) for member in members},
        "unable": [member for member in members if chance.random() < 0.2],
        "segment_loss": [chance.choice([0, chance.randint(0, 9 * size)]) for _ in range(2)],
        "segment_weight": [amounts(), amounts()],
    }
    if chance.random() < 0.5:
        event["payouts"] = signed()
    return Waterfall(
        random_tiers(chance, size),
        chance.randint(0, 40) * size / 200,
        chance.random() < 0.5,
        members,
        group,
        amounts(),
        amounts(),
        [chance.choice([0.0, 0.5, 1.0, 1.0]) for _ in range(4)],
        amounts(),
        event,
    )


def random_tiers(chance: Random, size: int) -> list[Any]:
    """Random kinds in random order, some of them side by side."""
    shares = chance.choice([[1.0], [0.7, 0.3], [0.35]])
    others: list[Any] = [
        {"survivors_fund": {"order": chance.choice(["pro_rata", "segments_first", "auction"]), "share": share}}
        for share in shares
    ]
    lumps = list(PAYER_OF_LUMP)
    others += [lump(chance, chance.choice(lumps), size) for _ in range(chance.randint(0, 4))]
    others += [assessments(chance, size) for _ in range(chance.randint(0, 2))]
    others += [haircut(chance, word, size) for word in HAIRCUTS if chance.random() < 0.5]
    others += ["voluntary"] * chance.randint(0, 1)
    chance.shuffle(others)
    behind: list[Any] = []
    while others:
        parts = [others.pop() for _ in range(min(chance.choice([1, 1, 1, 2, 3]), len(others)))]
        cuts = sum(word in part for part in parts for word in HAIRCUTS)
        behind += [{"pari_passu": parts}] if len(parts) > 1 and cuts <= 1 else parts
    return ["defaulter_margin", "defaulter_fund", *behind, *["uncovered"] * chance.randint(0, 1)]


def lump(chance: Random, word: str, size: int) -> Any:
    kinds = ["amount"] + (["share_of_regulatory_capital"] if word.startswith("ccp") else [])
    kind = chance.choice(kinds + (["share_of_fund"] if word == "ccp_capital" else []))
    return {word: {kind: money(chance, 30, size) if kind == "amount" else chance.choice(SHARES)}}


def money(chance: Random, most: int, size: int) -> float:
    """Units of currency: whole cents."""
    return chance.randint(0, most * size) / 100


def haircut(chance: Random, word: str, size: int) -> Any:
    if word == "tear_up":
        return {word: {"scope": chance.choice(["partial", "full"])}}
    details: dict[str, Any] = {"share": chance.choice(SHARES)}
    if word == "gains_haircut":
        details |= some(
            chance,
            days=chance.randint(1, 3),
            cap=money(chance, 20, size),
            member_cap=money(chance, 9, size),
            member_cap_multiple=chance.choice(MULTIPLES),
        )
    return {word: details}


def assessments(chance: Random, size: int) -> Any:
    details = {"multiple": chance.choice(MULTIPLES), "per": chance.choice(["default", "event"])}
    collected, cap = chance.choice([0, 0.5, 0.9, 1]), money(chance, 20, size)
    details |= some(chance, period_multiple=chance.choice(MULTIPLES), collected=collected, cap=cap)
    return {"assessments": details}


def some(chance: Random, **details: Any) -> dict[str, Any]:
    """Each detail or none, by chance."""
    return {name: value for name, value in details.items() if chance.random() < 0.4}


waterfalls = st.integers(0, 2**40).map(random_waterfall)
"""Random waterfalls, by seed: hypothesis chooses the seeds."""
