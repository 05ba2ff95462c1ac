"""Random small books, markets and rulebooks as plain rows: every product, pool and switch there is, from one seed."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any, NamedTuple

import numpy as np

Row = dict[str, Any]
SERVICE = "USD"
DAYS = 330
GAPS = [0.05, 0.1, 0.125, 0.15, 0.29, 0.5, 0.57, 0.9]
SECTORS = ["energy", "health", "technology"]


class RandomCase(NamedTuple):
    """What one run needs; see `end_to_end_twin` for the shapes."""

    book: Row
    market: Row
    rules: Row
    given: list[Row] | None
    day: date | None


def random_case(seed: int, every_word: bool = True) -> RandomCase:
    """`every_word`: windows are asked for in all words that there are, and some markets have a young stock."""
    rng = np.random.default_rng(seed)
    market = random_market(rng)
    day = None
    if rng.random() < 0.3:  # an earlier date than the market's last
        day = market["dates"][-1 - int(rng.integers(1, 6))]
    saturdays = [each for each in market["dates"][-10:] if each.weekday() == 5]
    if saturdays and rng.random() < 0.7:
        day = saturdays[-1]
    rules = random_rules(rng)
    if seed % 6 == 5:
        rules["fund"]["size"] = [0.0, 75_000.505, 4_000_000.25][seed // 6 % 3]
    book = random_book(rng, market, day or market["dates"][-1])
    given = None
    if rng.random() < 0.35:
        given = random_scenarios(rng, multiples="plausible" not in rules["stress"])
    if book["collateral"]:
        rules["collateral"] = dress_collateral(np.random.default_rng([seed, 28]), book)
        follow_spread(market, book, day or market["dates"][-1])
    own = np.random.default_rng([seed, 31])
    if own.random() < 0.5:
        rules["margin"]["liquidation"] = random_liquidation(own, book)
    give_horizons(own, rules)
    if every_word:
        vary_history(np.random.default_rng([seed, 34]), market, rules)
        ask_for_single_names(np.random.default_rng([seed, 36]), rules)
    return RandomCase(book, market, rules, given, day)


# --- market ----------------------------------------------------------------------------------------------------------


def random_walk(rng: np.random.Generator, start: float, volatility: float) -> list[float | None]:
    steps = rng.standard_t(4, DAYS) * volatility / np.sqrt(2)
    return [float(level) for level in start * np.exp(np.cumsum(steps))]


def random_market(rng: np.random.Generator) -> Row:
    first = date(2021, 1, 4) + timedelta(days=int(rng.integers(0, 700)))
    days = (first + timedelta(days=each) for each in range(2 * DAYS))
    dates = [day for day in days if day.weekday() < 5][:DAYS]
    if rng.random() < 0.15:  # a market that is open from Tuesday to Saturday
        dates = [day + timedelta(days=1) for day in dates]
    levels: dict[str, list[float | None]] = {}
    factors: dict[str, Row] = {}
    for number in range(int(rng.integers(2, 6))):
        name = f"EQ{number}"
        levels[name] = random_walk(rng, float(rng.uniform(20, 300)), float(rng.uniform(0.008, 0.025)))
        sector = SECTORS[int(rng.integers(len(SECTORS)))] if rng.random() < 0.8 else None
        factors[name] = {"change": "relative", "asset_class": "equity", "sector": sector}
    levels["OIL"] = random_walk(rng, 70.0, 0.02)
    factors["OIL"] = {"change": "relative", "asset_class": "commodity", "sector": "energy"}
    levels["PLAIN"] = random_walk(rng, 10.0, 0.015)
    factors["PLAIN"] = {"change": "relative", "asset_class": None, "sector": None}
    levels["EUR/USD"] = random_walk(rng, 1.1, 0.006)
    levels["GBP/USD"] = random_walk(rng, 1.25, 0.006)
    for name in ("EUR/USD", "GBP/USD"):
        factors[name] = {"change": "relative", "asset_class": "currency", "sector": None}
        if rng.random() < 0.2:  # no class (its name says it), or a sector of its own
            factors[name] = {"change": "relative", "asset_class": None, "sector": "energy"}
    levels["SPREAD"] = [float(level) for level in 2 + np.cumsum(rng.normal(0, 0.4, DAYS))]  # passes zero
    factors["SPREAD"] = {"change": "absolute", "asset_class": "rate", "sector": None}
    levels["YIELD"] = random_walk(rng, 3.0, 0.02)
    factors["YIELD"] = {"change": "relative", "asset_class": "rate", "sector": None}
    vary_kinds(levels, factors)
    if rng.random() < 0.1:  # a history that repeats itself, so that windows are equally severe
        levels = {name: [column[row % 41] for row in range(DAYS)] for name, column in levels.items()}
    levels["EQ0.VOL"] = [float(level) for level in 0.25 * np.exp(np.cumsum(rng.normal(0, 0.03, DAYS)))]
    change = "absolute" if rng.random() < 0.2 else "relative"
    factors["EQ0.VOL"] = {"change": change, "asset_class": "volatility", "sector": None}
    levels["FEAR"] = [float(level) for level in 0.3 * np.exp(np.cumsum(rng.normal(0, 0.03, DAYS)))]
    factors["FEAR"] = {"change": str(rng.choice(["relative", "absolute"])), "asset_class": "volatility", "sector": None}
    if rng.random() < 0.3:  # a factor nobody needs, with holes
        levels["SPARE"] = [float(level) if rng.random() < 0.8 else None for level in rng.uniform(1, 2, DAYS)]
        factors["SPARE"] = {"change": "relative", "asset_class": "equity", "sector": "technology"}
    if rng.random() < 0.4:  # holes early in the history of needed factors
        for name in ("EQ1", "EUR/USD"):
            for row in rng.integers(0, 60, 3):
                levels[name][int(row)] = None
    if rng.random() < 0.2:  # a factor that never moves
        levels["PLAIN"] = [10.0] * DAYS
    return {"dates": dates, "levels": levels, "factors": factors}


def vary_kinds(levels: dict[str, list[float | None]], factors: dict[str, Row]) -> None:
    """Some markets have spreads of credit, exchange rates by differences, tenors. By the levels: nothing is drawn."""
    digits = [int(abs(levels["SPREAD"][row] or 0.0) * 1e6) for row in range(3)]
    if digits[0] % 3 == 0:
        factors["SPREAD"]["asset_class"] = "credit"
    if digits[0] % 4 == 0:
        factors["EUR/USD"]["change"] = "absolute"
    if digits[1] % 2 == 0:
        factors["YIELD"]["tenor_years"] = 10.0
        factors["SPREAD"]["tenor_years"] = 0.25 if factors["SPREAD"]["asset_class"] == "rate" else None
    factors["YIELD"]["rate_unit"] = (None, "percent", "decimal", "basis_points")[digits[2] % 4]


# --- book ------------------------------------------------------------------------------------------------------------


def random_option(rng: np.random.Generator, factor: str, level: float, today: date) -> Row:
    days = int(rng.choice([1, 2, 3, 5, 20, 60, 250]))
    option: Row = {
        "expiry": today + timedelta(days=days),
        "strike": float(np.round(level * rng.uniform(0.8, 1.2), 2)),
        "right": str(rng.choice(["call", "put"])),
        "style": str(rng.choice(["variation", "premium"])),
    }
    way = rng.random()
    if way < 0.7:
        option["volatility_id"] = str(rng.choice(["FEAR", "OIL.VOL", f"{factor}.VOL"], p=[0.15, 0.1, 0.75]))
    if way > 0.5:
        option["implied_volatility"] = float(np.round(rng.uniform(0.05, 0.6), 3))
    if rng.random() < 0.3:
        option["forward"] = level * float(rng.uniform(0.95, 1.05))
    if rng.random() < 0.3:
        option["discount_rate"] = float(np.round(rng.uniform(-0.01, 0.06), 4))
    return option


def normal_option(level: float, number: int, today: date) -> Row:
    """An option on what passes zero, by the normal model. By its number: nothing is drawn."""
    return {
        "kind": "option",
        "price": 1.25,
        "expiry": today + timedelta(days=(3, 12, 60, 250)[number // 2 % 4]),
        "strike": float(np.round(level, 1)) + (0.0, -0.5, 3.0)[number // 2 % 3],
        "right": ("call", "put")[number // 4 % 2],
        "style": ("premium", "variation")[number // 2 % 2],
        "normal_volatility": (6.0, 0.8, 15.0)[number // 2 % 3],
        "volatility_id": None if number % 4 == 0 else "OIL.VOL",
        "forward": None if number % 8 else level - 0.25,
    }


def random_instruments(rng: np.random.Generator, market: Row, today: date) -> list[Row]:
    row_today = market["dates"].index(today)
    rows: list[Row] = []
    names = [name for name in market["levels"] if name.startswith("EQ") and not name.endswith(".VOL")]
    tradable = [*names, "OIL", "PLAIN", "SPREAD", "YIELD"]
    for number in range(int(rng.integers(4, 12))):
        factor = str(rng.choice(tradable))
        level = market["levels"][factor][row_today]
        kind = "future" if factor in ("SPREAD", "YIELD") else str(rng.choice(["spot", "future", "option", "option"]))
        row: Row = {
            "instrument_id": f"I{rng.permutation(100)[0]:02d}-{number}",
            "kind": kind,
            "factor_id": factor,
            "currency": "EUR" if rng.random() < 0.3 else SERVICE,
            "multiplier": float(rng.choice([1, 10, 100, 0.5])),
            "price": level,
        }
        if kind == "option":
            row["price"] = level * float(rng.uniform(0.01, 0.2))
            row |= random_option(rng, factor, level, today)
        elif factor == "SPREAD" and number in (0, 2, 4):
            row |= normal_option(level, number, today)
        rows.append(row)
    return rows


def random_accounts(rng: np.random.Generator) -> tuple[list[Row], list[Row]]:
    members: list[Row] = []
    accounts: list[Row] = []
    count = int(rng.integers(2, 9))
    grouped, named_pools = rng.random() < 0.7, rng.random() < 0.9
    for number in range(count):
        member = f"M{number}"
        row: Row = {"member_id": member}
        if grouped:
            row["group_id"] = f"G{int(rng.integers(0, count))}" if rng.random() < 0.6 else None
        members.append(row)
        owned: list[tuple[str | None, str]] = [("H", "house")]
        if rng.random() < 0.3:
            owned.append(("H" if rng.random() < 0.5 else "H2", "house"))  # one more account in a pool, or a second pool
        if rng.random() < 0.6:
            owned.append(("N", "client"))  # net omnibus
        if rng.random() < 0.5:
            owned += [("G", "client")] * int(rng.integers(2, 5))  # gross omnibus
        owned += [(None, "client")] * int(rng.integers(0, 3))  # individually segregated
        for each, (pool, kind) in enumerate(owned):
            account: Row = {"account_id": f"{member}-{each}", "member_id": member, "kind": kind}
            if named_pools:
                account["pool_id"] = None if pool is None else f"{member}/{pool}"
            accounts.append(account)
    if rng.random() < 0.2:  # a member that clears nothing
        members.append({"member_id": "M99"})
    return members, accounts


def random_positions(rng: np.random.Generator, accounts: list[Row], instruments: list[Row]) -> list[Row]:
    """Matched: what the accounts hold of an instrument sums to zero, exactly (quantities are whole eighths)."""
    names = [row["account_id"] for row in accounts]
    rows: list[Row] = []
    alike = rng.random() < 0.25  # equal holdings, so that losses tie
    for instrument in instruments:
        held = [str(name) for name in rng.permutation(names)[: int(rng.integers(2, len(names) + 1))]]
        size = float(rng.choice([5, 100, 2000])) / max(instrument["multiplier"] * instrument["price"], 0.5) * 100
        quantities = rng.normal(0, size, len(held))
        if alike:
            quantities = size * rng.choice([-1, 1], len(held))
        quantities = np.round(quantities * 8) / 8 if rng.random() < 0.4 else np.round(quantities)
        quantities[-1] = -quantities[:-1].sum()
        for account, quantity in zip(held, quantities, strict=True):
            if quantity != 0:
                row = {"account_id": account, "instrument_id": instrument["instrument_id"]}
                rows.append(row | {"quantity": float(quantity)})
    return [rows[int(each)] for each in rng.permutation(len(rows))]


def random_collateral(rng: np.random.Generator, accounts: list[Row]) -> list[Row]:
    rows: list[Row] = []
    for pool in sorted({row.get("pool_id") or row["account_id"] for row in accounts}):
        for number in range(int(rng.integers(0, 3))):
            rows.append(
                {
                    "pool_id": pool,
                    "asset_id": f"A{number}",
                    "market_value": float(np.round(rng.lognormal(8, 2), 2)),
                    "haircut": float(rng.choice([0, 0.02, 0.1, 0.35])),
                    "factor_id": None,
                    "currency": str(rng.choice([SERVICE, "EUR", "GBP"])),
                }
            )
    return rows


def dress_collateral(rng: np.random.Generator, book: Row) -> Row:
    """Say whose paper lines are, of what class, and what moves them. Returns the rulebook's words of collateral."""
    groups = sorted({row.get("group_id") or row["member_id"] for row in book["members"]})
    factors = sorted({row["factor_id"] for row in book["instruments"] if row["factor_id"].startswith("EQ")})
    house = {"P": str(rng.choice(["H", "Q", groups[0]]))}

    def perhaps(share: float, words: list[str]) -> str | None:
        return str(rng.choice(words)) if words and rng.random() < share else None

    for row in book["collateral"]:
        if rng.random() < 0.3:
            continue
        row["factor_id"] = row["factor_id"] or perhaps(0.5, factors)
        row["issuer_id"] = row.get("issuer_id") or perhaps(
            0.6, ["P", "P", "Q", book["members"][0]["member_id"], *groups[:2]]
        )
        row["issuer_group_id"] = house.get(str(row["issuer_id"])) if rng.random() < 0.5 else None
        row["asset_class"] = perhaps(0.5, ["bond", "equity", "money market"])
    return {"stress": str(rng.choice(["haircut", "scenario"])), **random_limits(rng)}


def follow_spread(market: Row, book: Row, day: date) -> None:
    """Some lines follow a factor that moves by differences and may pass zero, if it is above zero on the book's day.

    A spread of class credit stands for such a price. Nothing is drawn.
    """
    held = any(row["factor_id"] == "SPREAD" for row in book["instruments"])
    level = market["levels"]["SPREAD"][market["dates"].index(day)]
    if held and market["factors"]["SPREAD"]["asset_class"] == "credit" and level > 0:
        for row in book["collateral"]:
            if row["asset_id"] == "A1":
                row["factor_id"] = "SPREAD"


def random_liquidation(rng: np.random.Generator, book: Row) -> list[Row]:
    """Periods of their own for some products, no longer than the longest of a rulebook."""
    names = [row["instrument_id"] for row in book["instruments"]]
    entries: list[Row] = [
        {"kind": "option", "days": int(rng.integers(1, 4))},
        {"asset_class": "equity", "days": int(rng.integers(1, 4))},
        {"instrument": str(rng.choice(names)), "days": int(rng.integers(1, 4))},
    ]
    return [entries[int(place)] for place in rng.permutation(3)[: int(rng.integers(1, 4))]]


def give_horizons(rng: np.random.Generator, rules: Row) -> None:
    """Say over which periods instruments and collateral move in stress, where the rulebook does."""
    if rng.random() < 0.4:
        rules["stress"]["horizon"] = str(rng.choice(["own", "longest", "longest"]))
    if rng.random() < 0.5 and "collateral" in rules:
        rules["collateral"]["liquidation_days"] = int(rng.integers(1, 7))


def vary_history(rng: np.random.Generator, market: Row, rules: Row) -> None:
    """Ask for windows in other words than `worst`, and let a stock be younger than the market, some with a proxy."""
    historical = rules["stress"]["historical"]
    if rng.random() < 0.6:
        words = ["all", "worst", "worst_of_each_factor", "worst_of_each_group"]
        asked = [str(word) for word in rng.choice(words, int(rng.integers(1, 3)), replace=False)]
        multiples = {name: value for name, value in historical.items() if name == "multiples"}
        rules["stress"]["historical"] = {word: word == "all" or int(rng.integers(1, 4)) for word in asked} | multiples
    if rng.random() < 0.5:
        young = int(rng.integers(1, 200 if "EQ0.VOL" in market["levels"] else 15))  # a model needs 251 days
        market["levels"]["EQ0"] = [None] * young + market["levels"]["EQ0"][young:]
        if rng.random() < 0.5:
            market["factors"]["EQ0"]["proxy"] = "EQ1"


def ask_for_single_names(rng: np.random.Generator, rules: Row) -> None:
    if rng.random() < 0.5:
        asked: Row = {"sizes": [0.3, 0.05]} if rng.random() < 0.7 else {"multiples_of_own_worst": [1.5]}
        if rng.random() < 0.5:
            asked |= {"multiples_of_own_worst": [1.0, 2.0], "volatility_per_fall": 1.0, "level_floor": 0.9}
        rules["stress"]["single_names"] = asked


def random_limits(rng: np.random.Generator) -> Row:
    names = {
        "issuer": ["P", "Q"],
        "issuer_group": ["H", "Q"],
        "asset_class": ["bond", "equity"],
        "currency": ["EUR", "USD"],
    }
    result: Row = {}
    for word, some in names.items():
        shares = [float(each) for each in rng.choice([0, 0.05, 0.2, 0.3333, 0.57, 1], 3)]
        if rng.random() < 0.35:
            result[f"{word}_limit"] = shares[0] if rng.random() < 0.5 else dict(zip([*some, "*"], shares, strict=True))
        elif word == "issuer" and rng.random() < 0.4:
            result["asset_limit"] = max(shares[0], 0.05)
    return result


def random_book(rng: np.random.Generator, market: Row, today: date) -> Row:
    instruments = random_instruments(rng, market, today)
    members, accounts = random_accounts(rng)
    positions = random_positions(rng, accounts, instruments)
    if rng.random() < 0.35:
        scale = float(rng.choice([100, 3000, 100_000]))
        alike = rng.random() < 0.3
        for row in members:  # all or none of them
            row["fund_contribution"] = float(np.round(rng.uniform(0, scale), 2)) if rng.random() < 0.8 else 0.0
            if alike:
                row["fund_contribution"] = scale
    collateral = random_collateral(rng, accounts) if rng.random() < 0.4 else None
    return {
        "members": [members[int(each)] for each in rng.permutation(len(members))],
        "accounts": [accounts[int(each)] for each in rng.permutation(len(accounts))],
        "instruments": instruments,
        "positions": positions,
        "collateral": collateral or None,
    }


# --- rulebook --------------------------------------------------------------------------------------------------------


def random_ladders(rng: np.random.Generator) -> list[Any]:
    ladders = random_classes_and_breaks(rng.spawn(1)[0])
    for name in ("market_gaps", "sector_gaps", "currency_gaps"):
        if rng.random() < 0.75:
            if rng.random() < 0.3:
                ladders.append(name)
                continue
            ladder: Row = {"ladder": name}
            if rng.random() < 0.6:
                ladder["sizes"] = [float(size) for size in rng.permutation(GAPS)[: int(rng.integers(1, 4))]]
            if rng.random() < 0.5:
                ladder["volatility_per_fall"] = float(rng.choice([0, 2, 5]))
                ladder["volatility_per_rise"] = float(rng.choice([-0.5, 0, 2]))
            if rng.random() < 0.3:
                ladder["multiples"] = [1, 1.25]
            if rng.random() < 0.3:
                ladder["level_floor"] = float(rng.choice([0, 0.9, 2]))
            ladders.append(ladder)
    return ladders


def random_classes_and_breaks(rng: np.random.Generator) -> list[Any]:
    """Each asset class by itself, sectors against each other, both or neither."""
    slopes = {"volatility_per_fall": 2.0, "volatility_per_rise": -0.5, "level_floor": 0.9}
    named: list[Row] = [{"ladder": name, "sizes": [0.1, 0.3]} for name in ("class_gaps", "sector_breaks")]
    return [one | (slopes if rng.random() < 0.5 else {}) for one in named if rng.random() < 0.4]


def random_tiers(rng: np.random.Generator) -> list[Any]:
    def capital() -> Row:
        if rng.random() < 0.5:
            return {"ccp_capital": {"amount": float(np.round(rng.lognormal(7, 2), 3))}}
        share = float(rng.choice([0.05, 0.1, 0.25, 0.333]))
        return {"ccp_capital": {"share_of_fund": share} | ({"fund_includes_it": True} if share == 0.333 else {})}

    place = str(rng.choice(["before", "after", "both", "none"], p=[0.4, 0.25, 0.25, 0.1]))
    if rng.random() < 0.1:  # a service whose survivors do not pay
        return ["defaulter_margin", "defaulter_fund", capital()]
    tiers: list[Any] = ["defaulter_margin", "defaulter_fund"]
    tiers += [capital()] if place in ("before", "both") else []
    tiers += ["survivors_fund"]
    tiers += [capital()] if place in ("after", "both") else []
    tiers += random_haircut(rng.spawn(1)[0])
    return tiers + (["uncovered"] if rng.random() < 0.5 else [])


def random_haircut(rng: np.random.Generator) -> list[Any]:
    """A haircut on gains, or none."""
    if rng.random() < 0.5:
        return []
    words = ["variation", "premium", "exercise"]
    counts = [words[:1], words[:1], words, words[::2], words[2:]][int(rng.integers(5))]
    terms: Row = {"share": float(rng.choice([1, 0.5, 0.3]))}
    terms |= {"counts": counts} if rng.random() < 0.7 else {}
    terms |= {"days": int(rng.integers(1, 4))} if rng.random() < 0.3 else {}
    return [{"gains_haircut": terms}]


def random_rules(rng: np.random.Generator) -> Row:
    def coin(share: float = 0.5) -> bool:
        return bool(rng.random() < share)

    stress: Row = {
        "house_surplus_covers_clients": coin(0.6),
        "resources": str(rng.choice(["required", "held", "minimum"])),
        "historical": {"worst": int(rng.integers(3, 6))},
        "hypothetical": random_ladders(rng),
        "multiples": [[1], [1, 2], [1, 1.5, 3], [0.5, 1, 2]][int(rng.integers(4))],
    }
    if coin(0.2):
        stress["historical"]["multiples"] = [1, 4]
    if coin(0.6):
        stress["plausible"] = {
            "multiple": float(rng.choice([1, 1.5, 2])),
            "gap": float(rng.choice([0.1, 0.2, 0.3])),
        }
    if coin(0.4):
        shapes = ["flatter", "parallel", "steeper"]
        stress["rate_shifts"] = {"shapes": shapes[: int(rng.integers(4))], "basis_points": [150, 75.5]}
        if "plausible" in stress and coin():
            stress["plausible"]["shift"] = 100
    return {
        "name": "Random",
        "currency": SERVICE,
        "currency_digits": int(rng.choice([2, 2, 2, 0, 0, 3])),
        "margin": {
            "measure": str(rng.choice(["expected_shortfall", "value_at_risk"])),
            "confidence": float(rng.choice([0.99, 0.975, 0.9, 0.95, 0.995, 0.58])),
            "lookback_days": int(rng.choice([20, 30, 40, 41, 50, 60])),
            "liquidation_days": int(rng.integers(1, 4)),
            "quantile": str(rng.choice(["ceil", "floor_plus_one"])),
        },
        "stress": stress,
        "fund": {
            "cover": int(rng.choice([1, 1, 2, 3])),
            "buffer": float(rng.choice([0, 0.05, 0.1, 0.15])),
            "floor": float(rng.choice([0, 0, 50_000.25, 20_000_000.3])),
            "minimum_contribution": float(rng.choice([0, 0, 100.25, 2500, 10_000_000.5])),
            "allocation": str(rng.choice(["margin_share", "stress_loss_share"])),
            "covers_emir_42_3": coin(),
            "unused_contribution_shared": coin(0.35),
        },
        "tiers": random_tiers(rng),
    }


def random_scenarios(rng: np.random.Generator, multiples: bool) -> list[Row]:
    """Explicit scenarios: exact names, patterns that overlap, absolute and relative shocks, some not plausible."""
    rows: list[Row] = []
    patterns = ["*", "EQ*", "*.VOL", "*/USD", "EQ0*", "O*L", "EQ0", "EQ1", "OIL", "EUR/USD", "PLAIN"]
    for number in range(int(rng.integers(1, 6))):
        shocks: dict[str, tuple[str, float]] = {}
        for pattern in rng.permutation(patterns)[: int(rng.integers(1, 5))]:
            shocks[str(pattern)] = ("relative", float(np.round(rng.uniform(-0.5, 0.5), 3)))
        if rng.random() < 0.5:
            shocks["SPREAD"] = ("absolute", float(np.round(rng.normal(0, 3), 2)))
        if rng.random() < 0.3:
            shocks[str(rng.choice(["EQ0.VOL", "*.VOL"]))] = ("absolute", float(np.round(rng.uniform(-1, 0.5), 2)))
        if rng.random() < 0.2:
            shocks["OIL"] = ("relative", -1.0)
        if rng.random() < 0.35:
            shocks[str(rng.choice(["OIL", "EQ0", "EQ*"]))] = ("absolute", -2.0)
        rows.append({"id": f"scenario {number}", "shocks": shocks, "sizes_fund": bool(rng.random() < 0.8 or not rows)})
        if multiples:
            rows[-1]["multiples"] = [1, float(rng.choice([0.5, 1.5, 3]))]
    return rows
