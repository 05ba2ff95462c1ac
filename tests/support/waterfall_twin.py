"""The default waterfall, once more: plain dicts, lists, loops and fractions, from docs/reference/waterfall.md alone.

It shares no code with the package and never imports it. Slow on purpose; small books only.

    rules     {"tiers": [as in the YAML], "minor": 100, "regulatory_capital": number or None,
               "unused_contribution_shared": bool}
    standing  {"members": [id], "group": {member: group}, "contribution": {member: cents}, "required": {member: cents},
               "left": [cents by lump tier] or None, "called": [{member: cents} by tier of assessments] or None,
               "gone": [groups that defaulted before; they are survivors of nothing] or not there}
    event     {"defaulters": [group], "loss", "over_margin", "margin": {member: cents}, and what else is known; with
               "pools": {pool: (member, "house" or "client")} gains, matched, payouts, contracts and cut are by pool,
               else each member is a pool of its own house}

Of `paid` only those who pay something are named; `cut` says of a haircut what each pool pays of it. `place` counts
tiers; the parts of a pari-passu tier share theirs.
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
    "outside_support": "outside",
}
HAIRCUTS = ["gains_haircut", "tear_up", "payout_haircut"]
BILLED = ["survivors_fund", "assessments", "voluntary"]
BORNE_BY_CAPITAL = [*BILLED, *HAIRCUTS]
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
        self.pools: dict[str, tuple[str, str]] = pools_of(standing, event)
        self.cut: Cents = {pool: before.get(pool, 0) for pool in self.pools}  # what haircuts took so far
        self.gains: list[Cents] = event.get("gains") or []

    def stated(self, what: str, name: str) -> int:
        """What the event states of the member or pool; 0 if it states nothing."""
        return (self.event.get(what) or {}).get(name, 0)

    def gained(self, pool: str, days: int | None = None) -> int:
        return sum(day.get(pool, 0) for day in self.gains[:days])

    def claim(self, pool: str, word: str, details: Row) -> int:
        """What the haircut finds in the pool: its claim, never below nothing, less what others took of it."""
        claim = self.gained(pool, details.get("days"))
        if word == "tear_up" and details.get("scope") == "full":
            claim = (self.event.get("contracts") or {}).get(pool, claim)
        elif word == "tear_up":
            claim = self.stated("matched", pool)
        elif word == "payout_haircut":
            claim = (self.event.get("payouts") or {}).get(pool, claim)
        return max(max(claim, 0) - self.cut[pool], 0)

    def claims(self, word: str, details: Row) -> Cents:
        """Of each survivor with claims, the sum over its pools."""
        sums = dict.fromkeys(self.survivors, 0)
        for pool, (member, _) in self.pools.items():
            if member in sums:
                sums[member] += self.claim(pool, word, details)
        return sums


def pools_of(standing: Row, event: Row) -> dict[str, tuple[str, str]]:
    return event.get("pools") or {member: (member, "house") for member in sorted(standing["members"])}


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
        share = exact(details["share_of_fund"])
        whole = 1 - share if details.get("fund_includes_it") else 1  # what contributions are of the fund
        return round(share / whole * sum(standing["contribution"].values()))
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
    return {m: gain for m, gain in scene.claims("gains_haircut", details).items() if gain > 0}


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
    return scene.claims("tear_up", details)


def payout_haircut(scene: Scene, details: Row) -> Cents:
    share = exact(details.get("share", 1))
    return {m: math.floor(share * left) for m, left in scene.claims("payout_haircut", details).items()}


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


def cut_by_pool(scene: Scene, part: Part, paid: Cents) -> Cents:
    """What each pool pays of its member's part of a haircut: in proportion to what is left of its claims."""
    cut: Cents = {}
    for member, amount in paid.items():
        mine = [pool for pool, (owner, _) in scene.pools.items() if owner == member]
        cut.update(share_out(amount, {pool: scene.claim(pool, part.word, part.details) for pool in mine}))
    return {pool: amount for pool, amount in cut.items() if amount > 0}


def write_down(scene: Scene, part: Part, paid: Cents, cut: Cents) -> None:
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
    for pool, amount in cut.items():
        scene.cut[pool] += amount


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
            cut = cut_by_pool(scene, part, paid) if part.word in HAIRCUTS else {}
            write_down(scene, part, paid, cut)
            draws.append(
                {
                    "place": place,
                    "tier": part.word,
                    "capacity": capacities[number],
                    "owed": owed,
                    "paid": {payer: amount for payer, amount in paid.items() if amount > 0},
                    "cut": cut,
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


def house_cut(result: Row, member: str, pools: Mapping[str, tuple[str, str]]) -> int:
    """What haircuts took of the member's own pools; a cut of its clients' is theirs."""
    mine = [pool for pool, (owner, kind) in pools.items() if owner == member and kind == "house"]
    return sum(draw["cut"].get(pool, 0) for draw in result["draws"] for pool in mine)


def left_of(capital: int, lost: int, bills: int, gains_add: bool) -> int:
    """`lost` is what the member's house has lost so far, to haircuts too; negative is a gain."""
    return capital - (lost if gains_add else max(lost, 0)) - bills


def after_cuts(
    member: str, book: Row, pools: Mapping[str, tuple[str, str]], cut: Cents, results: Row | None, covers_clients: bool
) -> Row:
    """The member's book without what earlier rounds cut of its pools. `results`: {pool: (result, margin)}, gains
    positive; without them the member is one pool, whose result is its loss."""
    if results is None:
        taken = cut.get(member, 0)
        if taken == 0 or book["loss"] == 0:
            return book
        loss = book["loss"] + taken
        return {**book, "loss": loss, "over_margin": max(loss - book["margin"], 0)}
    loss, house, clients = 0, 0, 0
    for pool, (owner, kind) in pools.items():
        if owner != member:
            continue
        result, margin = results[pool]
        left = result - cut.get(pool, 0)
        loss += max(-left, 0)
        if kind == "house":
            house += margin + left
        else:
            clients += max(-(margin + left), 0)
    if covers_clients:
        clients = max(clients - max(house, 0), 0)
    return {**book, "loss": loss, "over_margin": max(-house, 0) + clients}


def contagion(
    rules: Row,
    standing: Row,
    first_groups: list[str],
    books: dict[str, Row],
    capital: Mapping[str, int | None],
    circumstances: Row,
    own: Mapping[str, int] | None = None,
    gains_add: bool = False,
    results: Row | None = None,
    covers_clients: bool = True,
) -> list[Row]:
    """Round after round, until nobody fails: those whom their own books or a round's bills ruin default in the next.

    `own` is what members' own books lose in the scenario (negative: gain), which their capital bears before any bill.
    `results` are (result, margin) by pool, where the members' books are those of several pools.
    """
    rounds: list[Row] = []
    groups = sorted(set(first_groups))
    lost, billed = dict.fromkeys(standing["members"], 0), dict.fromkeys(standing["members"], 0)
    pools, stated = pools_of(standing, circumstances), dict(capital)

    def left(member: str, more_lost: int = 0, more_bills: int = 0) -> int | None:
        has = stated.get(member)
        if has is None:
            return None
        return left_of(has, lost[member] + more_lost, billed[member] + more_bills, gains_add)

    cut: Cents = {}
    while groups:
        event = {**circumstances, "defaulters": groups, "cut": dict(cut)}
        now_books = {m: after_cuts(m, book, pools, cut, results, covers_clients) for m, book in books.items()}
        for what in ["loss", "over_margin", "margin"]:
            event[what] = {member: book[what] for member, book in now_books.items()}
        survivors = Scene(rules, standing, event).survivors
        unable = set(circumstances.get("unable") or [])
        for member in survivors if not rounds else []:
            lost[member] += (own or {}).get(member, 0)
        failed: set[str] = set()
        while True:
            result = run_event(rules, standing, {**event, "unable": sorted(unable)})
            over = []
            for member in survivors:
                bills, cuts = paid_by(result, member, BILLED), house_cut(result, member, pools)
                before, after = left(member), left(member, cuts, bills)
                if before is not None and after is not None and after < 0 and after < before:
                    over.append(member)
            failed.update(over)
            newly = [m for m in over if m not in unable and paid_by(result, m, ["assessments"]) > 0]
            if not newly:
                break
            unable.update(newly)
        for member in survivors:
            lost[member] += house_cut(result, member, pools)
            billed[member] += paid_by(result, member, BILLED)
            now = left(member)
            if now is not None and now < 0:
                failed.add(member)
        for draw in result["draws"]:
            for pool, amount in draw["cut"].items():
                cut[pool] = cut.get(pool, 0) + amount
        rounds.append(
            {"round": len(rounds) + 1, "defaulters": groups, "result": result, "capital": {m: left(m) for m in stated}}
        )
        standing = result["standing"]
        groups = sorted({standing["group"][member] for member in failed})
    return rounds
