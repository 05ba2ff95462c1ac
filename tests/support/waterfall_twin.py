"""The default waterfall, once more: plain dicts, lists, loops and fractions, from docs/reference/waterfall.md alone.

It shares no code with the package and never imports it. Slow on purpose; small books only.

    rules     {"tiers": [as in the YAML], "minor": 100, "regulatory_capital": number or None,
               "unused_contribution_shared": bool}
    standing  {"members": [id], "group": {member: group}, "contribution": {member: cents}, "required": {member: cents},
               "left": [cents by lump tier] or None, "called": [{member: cents} by tier of assessments] or None,
               "gone": [groups that defaulted before; they are survivors of nothing] or not there}
    event     {"defaulters": [group], "loss", "over_margin", "margin": {member: cents}, and what else is known}

Of `paid` only those who pay something are named. `place` counts tiers; the parts of a pari-passu tier share theirs.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterable, Mapping
from copy import deepcopy
from fractions import Fraction
from typing import Any, TypeVar

Row = dict[str, Any]
Cents = dict[str, int]  # by member, or by whoever pays
Key = TypeVar("Key", bound=Hashable)

PAYER_OF_LUMP = {
    "ccp_capital": "clearing house",
    "insurance": "insurer",
    "ccp_equity": "clearing house",
    "parent_guarantee": "parent",
}
HAIRCUTS = ["gains_haircut", "tear_up", "payout_haircut"]
BORNE_BY_CAPITAL = ["survivors_fund", "assessments", "voluntary", *HAIRCUTS]
DEFAULTERS_OWN = ["defaulter_margin", "defaulter_fund"]


# --- 0. numbers and words --------------------------------------------------------------------------------------------


def exact(number: Any) -> Fraction:
    """The number as it is written: 0.35 is 35/100."""
    return Fraction(str(number))


def cents(number: Any, rules: Row) -> int:
    """Units of currency as cents, to the nearest, ties to even."""
    return round(exact(number) * rules["minor"])


def word_and_details(part: Any) -> tuple[str, Row]:
    if isinstance(part, str):
        return part, {}
    ((word, details),) = part.items()
    return word, details or {}


def parts_of(tier: Any) -> list[tuple[str, Row]]:
    """A tier is one part, or the parts that it uses pari passu."""
    word, details = word_and_details(tier)
    if word == "pari_passu":
        return [word_and_details(part) for part in tier["pari_passu"]]
    return [(word, details)]


def all_parts(rules: Row) -> list[tuple[str, Row]]:
    """Every tier and part, in the order they are written."""
    return [part for tier in rules["tiers"] for part in parts_of(tier)]


# --- 2. shares -------------------------------------------------------------------------------------------------------


def share_out(amount: int, weights: Mapping[Key, int | Fraction]) -> dict[Key, int]:
    """Largest remainder; the cents left over go to the largest remainders, ties to who is named first. No weight: 0."""
    whole = sum(weights.values(), Fraction(0))
    if whole == 0:
        return dict.fromkeys(weights, 0)
    shares = {name: amount * weight / whole for name, weight in weights.items()}
    paid = {name: math.floor(share) for name, share in shares.items()}
    largest_first = sorted(shares, key=lambda name: paid[name] - shares[name])  # sorted() leaves ties as they stand
    for name in largest_first[: amount - sum(paid.values())]:
        paid[name] += 1
    return paid


def share_within(amount: int, weights: Cents, limits: Cents) -> Cents:
    """Share out; whoever is over its limit pays the limit and is out; share the rest again until nobody is over."""
    paid = dict.fromkeys(weights, 0)
    still_in = dict(weights)
    while True:
        shares = share_out(amount, still_in)
        over = [name for name, share in shares.items() if share > limits[name]]
        if not over:
            paid.update(shares)
            return paid
        for name in over:
            paid[name] = limits[name]
            amount -= limits[name]
            del still_in[name]


# --- the event as it unfolds -----------------------------------------------------------------------------------------


class Scene:
    """Where an event stands while the loss runs down the tiers."""

    def __init__(self, rules: Row, standing: Row, event: Row) -> None:
        self.rules = rules
        self.event = event
        self.standing = standing
        self.group: dict[str, str] = standing["group"]
        self.groups = sorted(set(event["defaulters"]))
        out = {*self.groups, *standing.get("gone", [])}
        self.defaulters = [m for m in sorted(standing["members"]) if self.group[m] in self.groups]
        self.survivors = [m for m in sorted(standing["members"]) if self.group[m] not in out]
        self.at_start: Cents = dict(standing["contribution"])
        self.contribution: Cents = dict(standing["contribution"])
        sizes = full_sizes(rules, standing) if standing.get("left") is None else standing["left"]
        self.left: list[int] = list(sizes)
        called = standing.get("called") or [{} for word, _ in all_parts(rules) if word == "assessments"]
        self.called: list[Cents] = [{m: by.get(m, 0) for m in sorted(standing["members"])} for by in called]
        self.rest: Cents = {m: event["loss"].get(m, 0) for m in self.defaulters}
        before = event.get("cut") or {}
        self.cut: Cents = {m: before.get(m, 0) for m in self.survivors}  # what haircuts took so far
        self.gains: list[Cents] = event.get("gains") or []

    def stated(self, what: str, member: str) -> int:
        """What the event states of the member; 0 if it states nothing."""
        return (self.event.get(what) or {}).get(member, 0)

    def gained(self, member: str, days: int | None = None) -> int:
        return sum(day.get(member, 0) for day in self.gains[:days])


# --- 3. tiers: who can pay how much ----------------------------------------------------------------------------------


def defaulter_margin(scene: Scene) -> Cents:
    limits = {}
    for member in scene.defaulters:
        by_margin = scene.event["loss"].get(member, 0) - scene.event["over_margin"].get(member, 0)
        limits[member] = min(by_margin, scene.rest[member])
    return limits


def defaulter_fund(scene: Scene) -> tuple[Cents, Cents]:
    """What each defaulter's contribution pays, and what each defaulter owes afterwards."""
    rest = dict(scene.rest)
    left = {m: scene.contribution.get(m, 0) for m in scene.defaulters}
    paid = dict.fromkeys(scene.defaulters, 0)

    def pay(giver: str, taker: str, amount: int) -> None:
        left[giver] -= amount
        paid[giver] += amount
        rest[taker] -= amount

    def pay_together(members: list[str]) -> None:
        amount = min(sum(left[m] for m in members), sum(rest[m] for m in members))
        given = share_out(amount, {m: left[m] for m in members})
        taken = share_out(amount, {m: rest[m] for m in members})
        for m in members:
            left[m] -= given[m]
            paid[m] += given[m]
            rest[m] -= taken[m]

    for member in scene.defaulters:
        pay(member, member, min(left[member], rest[member]))
    for group in scene.groups:
        pay_together([m for m in scene.defaulters if scene.group[m] == group])
    if scene.rules.get("unused_contribution_shared"):
        pay_together(scene.defaulters)
    return paid, rest


def full_size(details: Row, rules: Row, standing: Row) -> int:
    """An amount, or a share of all contributions or of the regulatory capital."""
    if "amount" in details:
        return cents(details["amount"], rules)
    if "share_of_fund" in details:
        return round(exact(details["share_of_fund"]) * sum(standing["contribution"].values()))
    return round(exact(details["share_of_regulatory_capital"]) * cents(rules["regulatory_capital"], rules))


def full_sizes(rules: Row, standing: Row) -> list[int]:
    """The size of every lump tier, in the order they are written."""
    return [full_size(details, rules, standing) for word, details in all_parts(rules) if word in PAYER_OF_LUMP]


def survivors_fund(scene: Scene, details: Row, before: Fraction) -> Cents:
    """`before`: the shares of the survivors' tiers written before. Without a share, all that they leave."""
    upto = min(before + exact(details.get("share", 1)), Fraction(1))
    limits = {}
    for member in scene.survivors:
        contribution = scene.at_start.get(member, 0)
        limits[member] = math.floor(contribution * upto) - math.floor(contribution * before)
    return limits


def assessments(scene: Scene, details: Row, called: Cents) -> Cents:
    times = 1 if details.get("per") == "event" else len(scene.groups)
    limits = {}
    for member in scene.survivors:
        if member in (scene.event.get("unable") or []):
            continue
        required = scene.standing["required"].get(member, 0)
        call = times * math.floor(exact(details["multiple"]) * required)
        if details.get("period_multiple") is not None:
            in_period = math.floor(exact(details["period_multiple"]) * required)
            call = min(call, in_period - called[member])
        limits[member] = math.floor(exact(details.get("collected", 1)) * max(call, 0))
    return limits


def positive_gains(scene: Scene, details: Row) -> Cents:
    gains = {m: max(scene.gained(m, details.get("days")), 0) - scene.cut[m] for m in scene.survivors}
    return {m: gain for m, gain in gains.items() if gain > 0}


def gains_haircut(scene: Scene, details: Row) -> Cents:
    limits = {}
    for member, gain in positive_gains(scene, details).items():
        limits[member] = math.floor(exact(details.get("share", 1)) * gain)
        caps = []
        if details.get("member_cap") is not None:
            caps.append(cents(details["member_cap"], scene.rules))
        if details.get("member_cap_multiple") is not None:
            required = scene.standing["required"].get(member, 0)
            caps.append(math.floor(exact(details["member_cap_multiple"]) * required))
        if caps:
            limits[member] = min(limits[member], max(caps))
    return limits


def tear_up(scene: Scene, details: Row) -> Cents:
    limits = {}
    for member in scene.survivors:
        full = details.get("scope") == "full"
        claim = scene.gained(member) if full else scene.stated("matched", member)
        limits[member] = max(claim - scene.cut[member], 0)
    return limits


def payout_haircut(scene: Scene, details: Row) -> Cents:
    limits = {}
    for member in scene.survivors:
        payout = (scene.event.get("payouts") or {}).get(member, scene.gained(member))
        limits[member] = math.floor(exact(details.get("share", 1)) * max(payout - scene.cut[member], 0))
    return limits


def voluntary(scene: Scene) -> Cents:
    return {m: max(scene.stated("offered", m), 0) for m in scene.survivors}


# --- 4. how the survivors' fund is split -----------------------------------------------------------------------------


def in_segments_first(scene: Scene, amount: int, limits: Cents) -> Cents:
    losses = [max(loss, 0) for loss in scene.event.get("segment_loss") or []]
    weights = scene.event.get("segment_weight") or [{} for _ in losses]
    if sum(losses) == 0:
        return share_out(amount, limits)
    sleeves: list[Cents] = [{} for _ in losses]
    for member, limit in limits.items():
        by_segment = {segment: exact(weights[segment].get(member, 0)) for segment in range(len(losses))}
        for segment, sleeve in share_out(limit, by_segment).items():
            sleeves[segment][member] = sleeve
    paid = dict.fromkeys(limits, 0)
    for segment, part in share_out(amount, dict(enumerate(losses))).items():
        in_segment = min(part, sum(sleeves[segment].values()))
        for member, share in share_out(in_segment, sleeves[segment]).items():
            paid[member] += share
    still_left = {member: limit - paid[member] for member, limit in limits.items()}
    for member, share in share_out(amount - sum(paid.values()), still_left).items():
        paid[member] += share
    return paid


def by_auction(scene: Scene, amount: int, limits: Cents) -> Cents:
    if not scene.event.get("auction"):
        return share_out(amount, limits)
    paid = dict.fromkeys(limits, 0)
    for result in [0, 1, 2]:  # did not bid, lost, won
        alike = {m: limit for m, limit in limits.items() if scene.stated("auction", m) == result}
        amount_here = min(amount, sum(alike.values()))
        paid.update(share_out(amount_here, alike))
        amount -= amount_here
    return paid


def split_fund(scene: Scene, details: Row, amount: int, limits: Cents) -> Cents:
    """The document does not say under which key the word stands: any will do."""
    if "segments_first" in details.values():
        return in_segments_first(scene, amount, limits)
    if "auction" in details.values():
        return by_auction(scene, amount, limits)
    return share_out(amount, limits)


# --- a loss runs down the tiers --------------------------------------------------------------------------------------


class Part:
    """A tier, or a part of one, with the places in the standing that are its own."""

    def __init__(self, word: str, details: Row, earlier: list[tuple[str, Row]]) -> None:
        self.word = word
        self.details = details
        self.lump = sum(other in PAYER_OF_LUMP for other, _ in earlier)
        self.assessment = sum(other == "assessments" for other, _ in earlier)
        shares_before = [exact(other.get("share", 1)) for name, other in earlier if name == "survivors_fund"]
        self.before = min(sum(shares_before, Fraction(0)), Fraction(1))


def limits_of(scene: Scene, part: Part, owed: int) -> Cents:
    """The most that each payer of the part can pay."""
    word, details = part.word, part.details
    if word in PAYER_OF_LUMP:
        return {PAYER_OF_LUMP[word]: scene.left[part.lump]}
    if word == "defaulter_margin":
        return defaulter_margin(scene)
    if word == "defaulter_fund":
        return defaulter_fund(scene)[0]
    if word == "survivors_fund":
        return survivors_fund(scene, details, part.before)
    if word == "assessments":
        return assessments(scene, details, scene.called[part.assessment])
    if word == "gains_haircut":
        return gains_haircut(scene, details)
    if word == "tear_up":
        return tear_up(scene, details)
    if word == "payout_haircut":
        return payout_haircut(scene, details)
    if word == "voluntary":
        return voluntary(scene)
    if word == "uncovered":
        return {"nobody": owed}
    raise ValueError(f"no such tier: {word}")


def capacity_of(scene: Scene, part: Part, limits: Cents) -> int:
    """All that its payers can pay; of assessments and gains haircuts at most the cap."""
    capacity = sum(limits.values())
    if part.word in ("assessments", "gains_haircut") and part.details.get("cap") is not None:
        capacity = min(capacity, cents(part.details["cap"], scene.rules))
    return capacity


def split(scene: Scene, part: Part, amount: int, limits: Cents) -> Cents:
    """Who pays how much of what the part pays."""
    if part.word == "survivors_fund":
        return split_fund(scene, part.details, amount, limits)
    if part.word == "gains_haircut":
        return share_within(amount, positive_gains(scene, part.details), limits)
    return share_out(amount, limits)


def write_down(scene: Scene, part: Part, paid: Cents) -> None:
    """What the part took is used."""
    if part.word in PAYER_OF_LUMP:
        scene.left[part.lump] -= sum(paid.values())
    if part.word == "defaulter_margin":
        for member, amount in paid.items():
            scene.rest[member] -= amount
    if part.word == "defaulter_fund":
        scene.rest = defaulter_fund(scene)[1]
    if part.word in ("defaulter_fund", "survivors_fund"):
        for member, amount in paid.items():
            scene.contribution[member] = scene.contribution.get(member, 0) - amount
    if part.word == "assessments":
        for member, amount in paid.items():
            if amount > 0:
                scene.called[part.assessment][member] += math.ceil(amount / exact(part.details.get("collected", 1)))
    if part.word in HAIRCUTS:
        for member, amount in paid.items():
            scene.cut[member] += amount


def run_event(rules: Row, standing: Row, event: Row) -> Row:
    scene = Scene(rules, standing, event)
    tiers = [*rules["tiers"]]
    if "uncovered" not in [word for word, _ in all_parts(rules)]:
        tiers.append("uncovered")
    loss = sum(scene.rest.values())
    owed = loss
    earlier: list[tuple[str, Row]] = []
    draws: list[Row] = []
    for place, tier in enumerate(tiers, start=1):
        parts: list[Part] = []
        for word, details in parts_of(tier):
            parts.append(Part(word, details, earlier))
            earlier.append((word, details))
        limits = [limits_of(scene, part, owed) for part in parts]
        capacities = [capacity_of(scene, part, most) for part, most in zip(parts, limits, strict=True)]
        amounts = share_out(min(owed, sum(capacities)), dict(enumerate(capacities)))
        for number, part in enumerate(parts):
            paid = split(scene, part, amounts[number], limits[number])
            assert sum(paid.values()) == amounts[number]
            assert all(0 <= amount <= limits[number][payer] for payer, amount in paid.items())
            write_down(scene, part, paid)
            draws.append(
                {
                    "place": place,
                    "tier": part.word,
                    "capacity": capacities[number],
                    "owed": owed,
                    "paid": {payer: amount for payer, amount in paid.items() if amount > 0},
                }
            )
        owed -= sum(amounts.values())
    assert owed == 0
    after = deepcopy(standing)
    after["contribution"] = scene.contribution
    after["left"] = scene.left
    after["called"] = scene.called
    after["gone"] = sorted({*standing.get("gone", []), *scene.groups})
    uncovered = sum(sum(draw["paid"].values()) for draw in draws if draw["tier"] == "uncovered")
    return {"loss": loss, "draws": draws, "uncovered": uncovered, "standing": after}


# --- 5. recoveries ---------------------------------------------------------------------------------------------------


def recover(result: Row, amount: int, how: str) -> list[Row]:
    """Who is repaid: the tier that paid last first, or everybody alike; never a defaulter. The rest: to the estate."""
    paid_in: dict[int, list[Row]] = {}  # what everyone paid, by when it is repaid
    for draw in result["draws"]:
        if draw["tier"] in DEFAULTERS_OWN:
            continue
        turn = -draw["place"] if how == "reverse" else 0  # nobody pays after what was left uncovered
        for payer, paid in draw["paid"].items():
            row = {"place": draw["place"], "tier": draw["tier"], "payer": payer, "amount": paid}
            paid_in.setdefault(turn, []).append(row)
    repaid: list[Row] = []
    for turn in sorted(paid_in):
        rows = paid_in[turn]
        here = min(amount, sum(row["amount"] for row in rows))
        shares = share_out(here, {number: row["amount"] for number, row in enumerate(rows)})
        repaid += [{**row, "amount": shares[number]} for number, row in enumerate(rows) if shares[number] > 0]
        amount -= here
    if amount > 0:
        repaid.append({"place": 0, "tier": "estate", "payer": "estate", "amount": amount})
    return repaid


# --- 6. contagion ----------------------------------------------------------------------------------------------------


def paid_by(result: Row, member: str, words: Iterable[str]) -> int:
    return sum(draw["paid"].get(member, 0) for draw in result["draws"] if draw["tier"] in words)


def over_capital(result: Row, survivors: list[str], capital: Mapping[str, int | None]) -> list[str]:
    """The survivors whose bill is more than their capital."""
    over = []
    for member in survivors:
        has = capital.get(member)
        if has is not None and paid_by(result, member, BORNE_BY_CAPITAL) > has:
            over.append(member)
    return over


def contagion(
    rules: Row,
    standing: Row,
    first_groups: list[str],
    books: dict[str, Row],
    capital: Mapping[str, int | None],
    circumstances: Row,
) -> list[Row]:
    """Round after round, until nobody fails: those whom a round's bills ruin default in the next."""
    rounds: list[Row] = []
    groups = sorted(set(first_groups))
    capital = dict(capital)
    cut: Cents = {}
    while groups:
        event = {**circumstances, "defaulters": groups, "cut": dict(cut)}
        for what in ["loss", "over_margin", "margin"]:
            event[what] = {member: book[what] for member, book in books.items()}
        survivors = Scene(rules, standing, event).survivors
        unable = set(circumstances.get("unable") or [])
        failed: set[str] = set()
        while True:
            result = run_event(rules, standing, {**event, "unable": sorted(unable)})
            over = over_capital(result, survivors, capital)
            failed.update(over)
            newly = [m for m in over if m not in unable and paid_by(result, m, ["assessments"]) > 0]
            if not newly:
                break
            unable.update(newly)
        for member in survivors:
            has = capital.get(member)
            if has is not None:
                capital[member] = has - paid_by(result, member, BORNE_BY_CAPITAL)
            cut[member] = cut.get(member, 0) + paid_by(result, member, HAIRCUTS)
        rounds.append({"round": len(rounds) + 1, "defaulters": groups, "result": result, "capital": dict(capital)})
        standing = result["standing"]
        groups = sorted({standing["group"][member] for member in failed})
    return rounds
