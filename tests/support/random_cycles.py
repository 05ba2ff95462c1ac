"""Random small runs of the daily cycle: every switch of it by chance, from one seed.

Built on the books, markets and rulebooks of `random_books`; the calendar, the prices of trades and the size of what
members own are taken from `daily_twin`, so that options expire, members fail and events meet while the run lasts.
"""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
from support import daily_twin, end_to_end_twin, random_books

Row = dict[str, Any]
FIRST_MODELLED = 251  # the first row that has a modelled volatility
LONGEST = 5  # the longest liquidation period


def random_cycle(seed: int) -> Row:
    """Arguments for `daily_twin.simulate`."""
    rng = np.random.default_rng([seed, 20])
    case = random_books.random_case(seed, every_word=False)
    market, book, rules, given = case.market, case.book, case.rules, case.given
    old = market["dates"].index(case.day or market["dates"][-1])
    length = int(rng.integers(8, 26))
    last = random_books.DAYS - 1 - int(rng.integers(0, 6))
    first = last - length + 1
    rules["margin"] |= random_margin(rng, market, book)
    plain_volatilities(rng, market, book, rules)
    own = first if rng.random() < 0.65 else int(rng.integers(260, random_books.DAYS))
    closed = random_closed(rng, market, first, last, own)
    fit_to_history(rng, market, book, rules, first, closed)
    as_of(rng, market, book, old, own, length)
    random_liquidity(rng, book)
    rules |= random_parts(rng, rules)
    run: Row = {"book": book, "market": market, "rules": rules, "given": given, "closed": closed}
    run |= {"first": market["dates"][first], "last": market["dates"][last]}
    run["expiry"] = "constant" if rng.random() < 0.25 else "dated"
    run["book_date"] = None if own == first else market["dates"][own]
    keep_alive(run)
    book["collateral"] = random_collateral(rng, book) if rng.random() < 0.5 else None
    if book["collateral"]:
        dress(np.random.default_rng([seed, 28]), book, rules)
        random_books.follow_spread(market, book, run["book_date"] or opened(run))
    random_books.give_horizons(np.random.default_rng([seed, 31]), rules)
    tight = chance(rng, 0.3)
    held_together(np.random.default_rng([seed, 32]), book, rules)
    own_paper(np.random.default_rng([seed, 35]), rules)
    run["gaps"] = random_gaps(rng, run, early=tight)
    run["defaults"] = random_defaults(rng, run)
    if rng.random() < 0.1:
        rules["book"] = {"matched": False}
    state_contributions(rng, run, tight)
    run["trades"] = random_trades(rng, run) if rng.random() < 0.65 else None
    limits(rng, run, tight)
    if tight:
        tighten(rng, run)
    return run


def own_paper(rng: np.random.Generator, rules: Row) -> None:
    """What a defaulter's paper is worth: nothing, as the rulebook says without a word, or other than that."""
    if chance(rng, 0.4):
        rules.setdefault("stress", {})["own_paper"] = one_of(rng, ["none", {"recovery": 0.0}, {"recovery": 0.35}])


def keep_alive(run: Row) -> None:
    """No instrument may have expired on the day the book is from: that is bad input, and refused."""
    own = run["book_date"] or opened(run)
    for instrument in run["book"]["instruments"]:
        if instrument.get("expiry") and instrument["expiry"] <= own:
            instrument["expiry"] = own + timedelta(days=1)


def opened(run: Row) -> date:
    """The first day of the run that is not closed."""
    days = [day for day in run["market"]["dates"] if day >= run["first"]]
    return next(day for day in days if not any(first <= day <= last for first, last in run["closed"]))


def chance(rng: np.random.Generator, share: float = 0.5) -> bool:
    return bool(rng.random() < share)


def one_of(rng: np.random.Generator, values: list[Any]) -> Any:
    return values[int(rng.integers(len(values)))]


def setup_of(run: Row) -> daily_twin.Setup:
    return daily_twin.prepare(
        run["book"],
        run["market"],
        run["rules"],
        run["first"],
        run["last"],
        run["book_date"],
        run.get("trades") or [],
        run.get("gaps") or [],
        [],
        run["closed"],
        run["expiry"],
        run["given"],
    )


# --- rulebook --------------------------------------------------------------------------------------------------------


def random_margin(rng: np.random.Generator, market: Row, book: Row) -> Row:
    model = str(rng.choice(["historical", "filtered", "weighted", "parametric"], p=[0.4, 0.2, 0.2, 0.2]))
    result: Row = {"model": model}
    if model == "filtered" and chance(rng, 0.8):
        result["filter"] = {"decay": one_of(rng, [0.9, 0.97, 0.995]), "scaling": one_of(rng, ["full", "mid"])}
        if chance(rng):
            result["filter"] |= {"floor": one_of(rng, [0.5, 1.0]), "cap": one_of(rng, [1.1, 2.0])}
    if model == "weighted" and chance(rng, 0.8):
        result["weighting"] = {"decay": one_of(rng, [0.9, 0.97, 0.995, 1.0])}
    if model == "parametric" and chance(rng, 0.8):
        result["parametric"] = {"distribution": one_of(rng, ["normal", "student"]), "degrees": one_of(rng, [3, 4, 8])}
        if chance(rng):
            result["parametric"]["decay"] = one_of(rng, [0.94, 0.99])
    if chance(rng, 0.4):
        names = [row["instrument_id"] for row in book["instruments"]]
        entries: list[Row] = [
            {"kind": "option", "days": 3},
            {"asset_class": "equity", "days": 2},
            {"instrument": one_of(rng, names)[:2] + "*", "days": LONGEST},
            {"kind": "future", "asset_class": "rate", "days": 1},
        ]
        result["liquidation"] = [entries[int(each)] for each in rng.permutation(4)[: int(rng.integers(1, 4))]]
    if chance(rng, 0.35):
        result["stress_period"] = {"weight": one_of(rng, [0.25, 0.5, 1.0]), "days": int(rng.integers(8, 20))}
        if model == "historical" and chance(rng, 0.6):
            result["stress_period"]["reading"] = "sample"
        if chance(rng, 0.4):
            begins = int(rng.integers(270, 312))
            ends = begins + int(rng.integers(7, 16))  # now and then not known before the run is under way
            del result["stress_period"]["days"]
            result["stress_period"] |= {"from": market["dates"][begins], "to": market["dates"][ends]}
    if chance(rng, 0.3):
        result["floor"] = {"lookback_days": one_of(rng, [70, 120, 2500])}
    if chance(rng, 0.35):
        result["offset_limit"] = {"share": one_of(rng, [0.0, 0.5, 0.8])}
        result["offset_limit"]["by"] = one_of(rng, ["asset_class", "factor", "instrument"])
    if chance(rng, 0.4):
        result["buffer"] = {"share": one_of(rng, [0.25, 0.1, 0.02])}
    if chance(rng, 0.5):
        extras: Row = {"bid_ask": chance(rng)}
        if chance(rng, 0.7):
            extras["concentration"] = {"participation": one_of(rng, [0.05, 0.25])}
        if chance(rng):
            extras["wrong_way"] = one_of(rng, [0.25, 1.0])
        result["add_ons"] = extras
    return result


def held_together(rng: np.random.Generator, book: Row, rules: Row) -> None:
    """Who sells together: at which level, and clients of several members."""
    concentration = (rules["margin"].get("add_ons") or {}).get("concentration")
    if concentration and chance(rng, 0.7):
        concentration["level"] = one_of(rng, ["account", "pool", "member", "group"])
    if chance(rng):
        for row in book["accounts"]:
            row["client_id"] = one_of(rng, [None, None, "K1", "K2"])


def random_parts(rng: np.random.Generator, rules: Row) -> Row:
    """Close-out, collateral, settlement, and the fund over time."""
    fund: Row = rules["fund"]
    fund["floor"] = one_of(rng, [0, 0, 0, 50_000.25])
    fund["minimum_contribution"] = one_of(rng, [0, 0, 100.25, 2500])
    fund["schedule"] = one_of(rng, ["daily", "weekly", "monthly"])
    if chance(rng, 0.6):
        aggregate = one_of(rng, ["maximum", "percentile", "mean", "mean_of_groups"])
        fund["look_back"] = {"days": int(rng.integers(1, 9)), "aggregate": aggregate}
        fund["look_back"]["percentile"] = one_of(rng, [0.99, 0.75, 0.5])
    fund["largest_fall"] = one_of(rng, [1.0, 1.0, 0.1, 0.05])
    fund["notice_days"] = one_of(rng, [1, 1, 2, 4])
    fund["replenishment_days"] = one_of(rng, [0, 0, 1, 2, 5])
    fund["capital_restoration_days"] = one_of(rng, [1, 3, 7, 20])
    if chance(rng, 0.4):
        fund["supplementary_margin"] = {"group_share": one_of(rng, [0.1, 0.3, 0.45])}
        if chance(rng):
            fund["supplementary_margin"] |= {"pair_share": one_of(rng, [0.3, 0.8]), "warning_share": 0.25}
    result: Row = {"fund": fund}
    if chance(rng, 0.5):
        result["close_out"] = {
            "method": "gradual",
            "participation": one_of(rng, [0.25, 0.5, 0.1]),
            "impact": one_of(rng, [0.0, 0.5, 1.0]),
            "longest_days": one_of(rng, [3, 5, 60]),
        }
    result["collateral"] = {"stress": one_of(rng, ["haircut", "scenario"]), "asset_limit": one_of(rng, [1.0, 0.5, 0.3])}
    result["settlement"] = {
        "excess_returned": chance(rng, 0.7),
        "members_front_client_calls": chance(rng, 0.3),
        "stress": one_of(rng, ["daily", "daily", "weekly", "monthly"]),
    }
    return result


# --- market and calendar ---------------------------------------------------------------------------------------------


def modelled(market: Row, book: Row) -> set[str]:
    sources = {row.get("volatility_id") for row in book["instruments"]} - {None}
    return sources - set(market["levels"])


def beside_normal(book: Row) -> set[str]:
    """Volatilities that move those of the normal model, which they may do by ratios only."""
    return {row["volatility_id"] for row in book["instruments"] if row.get("normal_volatility") is not None}


def plain_volatilities(rng: np.random.Generator, market: Row, book: Row, rules: Row) -> None:
    """Modelled volatilities begin too late for the filter: there, and now and then elsewhere, the market has them."""
    if rules["margin"]["model"] != "filtered" and chance(rng, 0.6):
        return
    for name in sorted(modelled(market, book)):
        steps = rng.normal(0, 0.03, random_books.DAYS)
        market["levels"][name] = [float(level) for level in 0.25 * np.exp(np.cumsum(steps))]
        change = "absolute" if chance(rng, 0.2) else "relative"
        change = "relative" if name in beside_normal(book) else change
        market["factors"][name] = {"change": change, "asset_class": "volatility", "sector": None}


def random_closed(rng: np.random.Generator, market: Row, first: int, last: int, own: int) -> list[tuple[date, date]]:
    """A few days of the run or of the weeks before; now and then the first day itself."""
    result = []
    while chance(rng, 0.35) and len(result) < 2:
        begins = int(rng.integers(first - 8, last - 2))
        if chance(rng, 0.1):
            begins = first
        days = market["dates"][begins], market["dates"][begins] + timedelta(days=int(rng.integers(0, 4)))
        if not (own != first and days[0] <= market["dates"][own] <= days[1]):
            result.append(days)
    return result


def fit_to_history(
    rng: np.random.Generator, market: Row, book: Row, rules: Row, first: int, closed: list[tuple[date, date]]
) -> None:
    """The lookback must be there on the first day."""
    if modelled(market, book):
        gone = sum(begins <= day <= ends for day in market["dates"] for begins, ends in closed)
        room = first - FIRST_MODELLED - gone - LONGEST - 1
        rules["margin"]["lookback_days"] = min(rules["margin"]["lookback_days"], room)
    if chance(rng, 0.5):  # holes make every complete window a rarer thing; not in all cases
        for levels in market["levels"].values():
            for row in range(len(levels)):
                levels[row] = levels[row - 1] if levels[row] is None and row > 0 else levels[row]
            levels[0] = levels[1] if levels[0] is None else levels[0]


# --- book ------------------------------------------------------------------------------------------------------------


def as_of(rng: np.random.Generator, market: Row, book: Row, old: int, own: int, length: int) -> None:
    """Prices, strikes and expiries as they might be on the book's own day."""
    for row in book["instruments"]:
        levels = market["levels"][row["factor_id"]]
        if market["factors"][row["factor_id"]]["change"] == "absolute":
            shift = levels[own] - levels[old]
            row["price"] = row["price"] if row["kind"] == "option" else levels[own]
            for column in ("strike", "forward"):
                if row.get(column) is not None:
                    row[column] += shift
        else:
            for column in ("price", "strike", "forward"):
                if row.get(column) is not None:
                    row[column] = float(np.round(row[column] * levels[own] / levels[old], 6))
        days = one_of(rng, [1, 2, 4, length // 2, length, length + 3, 60, 250])
        if row["kind"] == "option" or (row["kind"] == "future" and chance(rng, 0.3)):
            row["expiry"] = market["dates"][own] + timedelta(days=int(days))


def random_liquidity(rng: np.random.Generator, book: Row) -> None:
    groups = sorted({row.get("group_id") or row["member_id"] for row in book["members"]})
    for row in book["instruments"]:
        held = [abs(each["quantity"]) for each in book["positions"] if each["instrument_id"] == row["instrument_id"]]
        if chance(rng, 0.7):
            row["average_daily_volume"] = float(np.round(max([*held, 10.0]) * rng.uniform(0.3, 20), 1))
        if chance(rng, 0.6):
            row["half_spread"] = float(np.round(abs(row["price"]) * rng.uniform(0, 0.01), 6))
        if row["factor_id"].startswith("EQ") and chance(rng, 0.4):
            row["issuer_id"] = one_of(rng, groups)


def random_collateral(rng: np.random.Generator, book: Row) -> list[Row] | None:
    groups = sorted({row.get("group_id") or row["member_id"] for row in book["members"]})
    held = {row["factor_id"] for row in book["instruments"]} - {"SPREAD", "YIELD"}
    rows = random_books.random_collateral(rng, book["accounts"])
    for row in rows:
        if held and chance(rng, 0.6):
            row["factor_id"] = one_of(rng, sorted(held))
            if chance(rng, 0.3):
                row["issuer_id"] = one_of(rng, groups)
    return rows or None


def dress(rng: np.random.Generator, book: Row, rules: Row) -> None:
    """Classes, issuers, and more limits than one; the way of stress stays as it was drawn."""
    words = random_books.dress_collateral(rng, book) | {"stress": rules["collateral"]["stress"]}
    rules["collateral"] = {"asset_limit": rules["collateral"]["asset_limit"]} | words
    if "issuer_limit" in words:
        del rules["collateral"]["asset_limit"]


def state_contributions(rng: np.random.Generator, run: Row, tight: bool) -> None:
    """Contributions of the size of the book, or none: then nobody may fail before the fund is there."""
    members = run["book"]["members"]
    for row in members:
        row.pop("fund_contribution", None)
    if tight or chance(rng, 0.5):
        scale = float(rng.choice([1000, 3000] if tight else [100, 1000, 5000, 30_000]))
        for row in members:
            row["fund_contribution"] = float(np.round(rng.uniform(0, scale), 2))


# --- what happens ----------------------------------------------------------------------------------------------------


def random_gaps(rng: np.random.Generator, run: Row, early: bool) -> list[tuple[date, str]]:
    """Severe scenarios from a day on; those that leave every level well above nothing."""
    if not (early or chance(rng, 0.5)):
        return []
    setup = setup_of(run)
    result: list[tuple[date, str]] = []
    rows = {one_of(rng, setup.days[1:4] if early else setup.days[1:]) for _ in range(int(rng.integers(1, 3)))}
    for row in sorted(rows):
        history = daily_twin.DayHistory(setup, row - 1)
        known = end_to_end_twin.stress_scenarios(history, setup.rules, setup.given, daily_twin.stress_periods(setup))
        names = [name for name, each in known.items() if harmless(history, each.shocks) and severe(each.shocks)]
        if result:  # the worst windows are others once a gap is among them
            names = [name for name in names if not name.startswith("history")]
        if names:
            result.append((setup.dates[row], one_of(rng, names)))
    if result and run["given"]:
        for scenario in run["given"]:  # a difference might take a level that has been gapped below nothing
            shocks = scenario["shocks"]
            scenario["shocks"] = {factor: each for factor, each in shocks.items() if harmless_difference(factor, each)}
    return result


def harmless_difference(factor: str, shock: tuple[str, float]) -> bool:
    return shock[0] == "relative" or factor in ("SPREAD", "EQ0.VOL", "*.VOL")


def harmless(history: daily_twin.DayHistory, shocks: end_to_end_twin.Shocks) -> bool:
    for factor, shock in shocks.items():
        if factor in history.levels and ("/" in factor or not history.absolute(factor)):
            level = history.today(factor)
            if not 0.3 * level < end_to_end_twin.move(level, shock) < 4 * level:
                return False
    return True


def severe(shocks: end_to_end_twin.Shocks) -> bool:
    return any(abs(relative) > 0.08 for factor, (relative, _) in shocks.items() if not factor.endswith(".VOL"))


def random_defaults(rng: np.random.Generator, run: Row) -> list[tuple[str, date]]:
    """None, one or two; mostly on the day of a gap or soon after, and often those that lose most by it."""
    setup = setup_of(run)
    groups = [setup.groups[int(each)] for each in rng.permutation(len(setup.groups))]
    gapped = [setup.days.index(setup.dates.index(day)) for day, _ in run["gaps"]]
    if gapped and chance(rng, 0.8):
        brings = house_flows(run, of=["house", "client"])
        loss = dict.fromkeys(groups, 0.0)
        for member, days in brings.items():
            loss[setup.group_of[member]] -= days[gapped[0]]
        groups.sort(key=lambda group: -loss[group])
    result: list[tuple[str, date]] = []
    previous = 0
    for group in groups[: int(rng.choice([0, 1, 2], p=[0.3, 0.4, 0.3]))]:
        place = int(rng.integers(1, len(setup.days)))
        if gapped and chance(rng, 0.8):
            place = gapped[0] + one_of(rng, [0, 0, 0, 1])
        if result and chance(rng, 0.6):
            place = previous + int(rng.integers(0, 4))
        previous = min(place, len(setup.days) - 1)
        result.append((group, setup.dates[setup.days[previous]]))
    return result


def random_trades(rng: np.random.Generator, run: Row) -> list[Row]:
    """Matched in quantity and, at one price for all of a deal, in value: whole quantities, prices in 1/1024."""
    setup = setup_of(run)
    accounts = list(setup.accounts)
    stated = any(row.get("fund_contribution") is not None for row in run["book"]["members"])
    result: list[Row] = []
    for row in setup.days if stated else setup.days[1:]:
        if not chance(rng, 0.4):
            continue
        today = daily_twin.snapshot(setup, row)
        for _ in range(int(rng.integers(1, 4))):
            name = one_of(rng, list(setup.instruments))
            ends = setup.last_row[name]
            if ends is not None and ends < row:
                continue
            sizes = [abs(each["quantity"]) for each in run["book"]["positions"] if each["instrument_id"] == name]
            size = max(np.mean(sizes) if sizes else 1.0, 1.0)
            parties = [accounts[int(each)] for each in rng.permutation(len(accounts))[: int(rng.integers(2, 5))]]
            quantities = np.round(rng.normal(0, size, len(parties)))
            if chance(rng, 0.15):  # to the last unit
                quantities[0] = -np.round(setup.positions[parties[0]].get(name, 0.0))
            quantities[-1] = -quantities[:-1].sum()
            if setup.rules.get("book") and chance(rng, 0.3):
                quantities[-1] += 5
            price = float(np.round(today.price[name] * rng.uniform(0.98, 1.02) * 1024) / 1024)
            for account, quantity in zip(parties, quantities, strict=True):
                if quantity != 0:
                    result.append(
                        {
                            "date": today.date,
                            "account_id": account,
                            "instrument_id": name,
                            "quantity": float(quantity),
                            "price": price,
                        }
                    )
    return [result[int(each)] for each in rng.permutation(len(result))]


def house_flows(run: Row, of: list[str]) -> dict[str, list[float]]:
    """By member: what the exchange of every day brings its accounts of the kinds asked for."""
    setup = setup_of(run)
    state = daily_twin.State(setup)
    result: dict[str, list[float]] = {member: [] for member in setup.members}
    before = None
    for row in setup.days:
        today = daily_twin.snapshot(setup, row)
        flows = daily_twin.exchanged(setup, state.held, today, before, setup.trades.get(today.date, []))
        state.held = daily_twin.traded(setup, state, today)
        for member, days in result.items():
            own = [a for a, each in setup.accounts.items() if each["member_id"] == member and each["kind"] in of]
            days.append(sum(kind[account] for kind in flows.values() for account in own) / setup.minor)
        before = today
    return result


def limits(rng: np.random.Generator, run: Row, tight: bool) -> None:
    """What members own and can pay in a day, often near what they are going to need."""
    stated = any(row.get("fund_contribution") is not None for row in run["book"]["members"])
    if not tight and chance(rng, 0.3):
        return
    flows = house_flows(run, of=["house"])
    for row in run["book"]["members"]:
        days = np.array([0.0, *flows[row["member_id"]]])
        deepest, worst = -np.cumsum(days).min(), -days.min()
        if chance(rng, 0.4):
            row["capital"] = float(np.round(deepest * one_of(rng, [0.6, 1.0, 1.05, 1.5, 3]) + rng.uniform(0, 300), 2))
        if chance(rng, 0.15 if tight else 0.35) and (stated or not run["book"]["collateral"]):
            row["liquidity"] = float(np.round(worst * one_of(rng, [0.8, 1.5, 3, 8]) + rng.uniform(0, 5000), 2))


def tighten(rng: np.random.Generator, run: Row) -> None:
    """A small fund, closed out and called again at once: what a default uses up may be more than a survivor has."""
    fund = run["rules"]["fund"]
    fund["notice_days"] = 5
    fund["replenishment_days"] = one_of(rng, [0, 0, 0, 1])
    if chance(rng, 0.8):
        run["rules"].pop("close_out", None)
    for tier in run["rules"]["tiers"]:
        if isinstance(tier, dict) and "ccp_capital" in tier and chance(rng, 0.7):
            share = one_of(rng, [0.05, 0.1])
            tier["ccp_capital"] = {"share_of_fund": share, "fund_includes_it": share == 0.1}
    if chance(rng, 0.7):
        pull_along(run)


def pull_along(run: Row) -> None:
    """A survivor that a default costs something gets half of what it is called for at once, and fails with it."""
    result = daily_twin.simulate(**run)
    flows = house_flows(run, of=["house"])
    minor = 10 ** run["rules"]["currency_digits"]
    for event in result["events"]:
        place = [day["date"] for day in result["days"]].index(event["settled_day"])
        for tier, paid in event["draws"]:
            for row in sorted(run["book"]["members"], key=lambda row: row["member_id"]):
                drawn = paid.get(row["member_id"], 0) / minor if tier == "survivors_fund" else 0
                so_far = np.cumsum([0.0, *flows[row["member_id"]][: place + 1]])
                needed = float(-so_far[-1])
                if drawn > 0 and needed + drawn / 2 > -so_far.min() and needed + drawn / 2 >= 0:
                    row["capital"] = float(np.round(needed + drawn / 2, 2))
                    return
