"""The schemas of every table: dataframely classes built from `ccp.columns`. Sees columns, products and errors only."""

from typing import Any

import dataframely as dy
import polars as pl

from ccp.columns import column, column_of
from ccp.errors import CURRENCY, LARGEST_AMOUNT, NAME
from ccp.products import PRODUCTS, own_columns


class Members(dy.Schema):
    """The clearing members and the groups they belong to."""

    member_id = column("member_id", primary_key=True, regex=NAME)
    group_id = column("group_id", regex=NAME, nullable=True)
    fund_contribution = column("fund_contribution", min=0, max=LARGEST_AMOUNT, nullable=True)
    capital = column("capital", min=0, max=LARGEST_AMOUNT, nullable=True)
    liquidity = column("liquidity", min=0, max=LARGEST_AMOUNT, nullable=True)
    default_probability = column("default_probability", min=0, max=1, nullable=True)


class Accounts(dy.Schema):
    """The margin accounts, their member and their pool."""

    account_id = column("account_id", primary_key=True)
    member_id = column("member_id")
    pool_id = column("pool_id", nullable=True)
    kind = column("kind", "account_kind")
    client_id = column("client_id", nullable=True)


class Positions(dy.Schema):
    """Who holds what."""

    account_id = column("account_id", primary_key=True)
    instrument_id = column("instrument_id", primary_key=True)
    quantity = column("quantity")


class EveryInstrument(dy.Schema):
    """What an instrument states whatever it is. Its `kind`, and what only some products state, is of their rows."""

    instrument_id = column("instrument_id", primary_key=True)
    factor_id = column("factor_id")
    currency = column("currency", regex=CURRENCY)
    multiplier = column("multiplier", min_exclusive=0)
    price = column("price")
    expiry = column("expiry", nullable=True)
    discount_rate = column("discount_rate", min=-1, max=10, nullable=True)
    average_daily_volume = column("average_daily_volume", min_exclusive=0, nullable=True)
    half_spread = column("half_spread", min=0, nullable=True)
    issuer_id = column("issuer_id", nullable=True)


def instruments_schema() -> type[dy.Schema]:
    """The instruments table: what every instrument states, and what the products that there are add to it."""
    columns: dict[str, Any] = {}
    for name, kind in EveryInstrument.columns().items():
        columns[name] = kind
        if name == "instrument_id":
            columns["kind"] = column("kind", "instrument_kind", tuple(PRODUCTS))
        if name == "expiry":
            columns |= {
                own: column_of(what.column, nullable=True, **what.limits) for own, what in own_columns().items()
            }
    return type("Instruments", (dy.Schema,), {"__doc__": "What is cleared, and the prices it is marked at.", **columns})


class Collateral(dy.Schema):
    """What is held against a pool's margin requirement."""

    pool_id = column("pool_id", primary_key=True)
    asset_id = column("asset_id", primary_key=True)
    market_value = column("market_value", min=0, max=LARGEST_AMOUNT)
    haircut = column("haircut", min=0, max=1)
    factor_id = column("factor_id", nullable=True)
    currency = column("currency", regex=CURRENCY, nullable=True)
    issuer_id = column("issuer_id", "paper_issuer", nullable=True)
    issuer_group_id = column("issuer_group_id", nullable=True)
    asset_class = column("asset_class", "collateral_class", nullable=True)


class TradeRows(dy.Schema):
    """What changes hands in the daily cycle. A trade counts from its day on."""

    date = column("date")
    account_id = column("account_id")
    instrument_id = column("instrument_id")
    quantity = column("quantity")
    price = column("price")


class Prices(dy.Schema):
    """The market's history, one row a day and factor."""

    date = column("date", primary_key=True)
    factor_id = column("factor_id", primary_key=True)
    value = column("value")


class Days(dy.Schema):
    """The days of a wide table of prices."""

    date = column("date", primary_key=True)


class Levels(dy.Schema):
    """One factor's column of a wide table of prices; an empty cell is a day without a value."""

    value = column("value", nullable=True)


class Factors(dy.Schema):
    """What kind of thing each factor is."""

    factor_id = column("factor_id", primary_key=True)
    change = column("change", nullable=True)
    asset_class = column("asset_class", nullable=True)
    sector = column("sector", nullable=True)
    tenor_years = column("tenor_years", nullable=True, min=0)
    rate_unit = column("rate_unit", nullable=True)
    proxy = column("proxy", nullable=True)
    description = column("description", nullable=True)
    source = column("source", nullable=True)


class Shocks(dy.Schema):
    """Stress scenarios, one row a shock."""

    scenario_id = column("scenario_id", primary_key=True)
    factor_id = column("factor_id", primary_key=True)
    kind = column("kind", "shock_kind")
    shock = column("shock")
    description = column("description", nullable=True)
    provenance = column("provenance", nullable=True)
    sizes_fund = column("sizes_fund", nullable=True)


class Margin(dy.Schema):
    """Result: the margin of every account."""

    account_id = column("account_id", primary_key=True)
    pool_id = column("pool_id")
    member_id = column("member_id")
    margin = column("margin", min=0)
    net_option_value = column("net_option_value")


class CollateralCounts(dy.Schema):
    """Result: what every line of collateral counts for, and what cuts it; empty where the book has no collateral."""

    pool_id = column("pool_id", primary_key=True)
    asset_id = column("asset_id", primary_key=True)
    issuer_id = column("issuer_id", "paper_issuer", nullable=True)
    issuer_group_id = column("issuer_group_id", nullable=True)
    market_value = column("market_value", "value_today", min=0)
    after_haircut = column("after_haircut", min=0)
    cut_own_paper = column("cut_own_paper", min=0)
    cut_issuer = column("cut_issuer", min=0)
    cut_issuer_group = column("cut_issuer_group", min=0)
    cut_asset_class = column("cut_asset_class", min=0)
    cut_currency = column("cut_currency", min=0)
    counted = column("counted", min=0)


class Losses(dy.Schema):
    """Result: the stress loss over initial margin of every group in every stress scenario."""

    scenario_id = column("scenario_id", primary_key=True)
    group_id = column("group_id", primary_key=True)
    loss_over_margin = column("loss_over_margin", min=0)


class Scenarios(dy.Schema):
    """Result: the stress scenarios, what each costs, and the coverage test in each."""

    scenario_id = column("scenario_id", primary_key=True)
    kind = column("kind")
    multiple = column("multiple")
    sizes_fund = column("sizes_fund")
    cover_1 = column("cover_1", min=0)
    cover_2 = column("cover_2", min=0)
    cover_n = column("cover_n", min=0)
    groups = column("groups", min_length=0)
    uncovered = column("uncovered", min=0)
    uncovered_groups = column("uncovered_groups")
    proved = column("proved")
    description = column("description")
    provenance = column("provenance")


class Windows(dy.Schema):
    """Result: every window of the history at each multiple that sizes the fund, and what it would cost.

    Windows that are kept have the figures of the same scenario. Of others `cover_2` and `cover_n` are sums of what
    groups lose alone, and `most_n` is what no set of groups passes. Without cover figures where the rulebook names its
    windows without looking at what is held.
    """

    scenario_id = column("scenario_id", primary_key=True)
    first_day = column("first_day")
    last_day = column("last_day")
    unfinished = column("unfinished")
    multiple = column("multiple")
    kept = column("kept")
    why = column("why", min_length=0)
    cover_1 = column("cover_1", min=0, nullable=True)
    cover_2 = column("cover_2", min=0, nullable=True)
    cover_n = column("cover_n", min=0, nullable=True)
    most_n = column("most_n", min=0, nullable=True)
    groups = column("groups", min_length=0)


class StressShocks(dy.Schema):
    """Result: how far each factor moves in every stress scenario; a factor that does not move has no row."""

    scenario_id = column("scenario_id", primary_key=True)
    factor_id = column("factor_id", primary_key=True)
    days = column("days", primary_key=True)
    relative = column("relative")
    absolute = column("absolute")


class Contributions(dy.Schema):
    """Result: who contributes what to the required fund."""

    member_id = column("member_id", primary_key=True)
    group_id = column("group_id")
    margin = column("margin", min=0)
    weight = column("weight", min=0)
    contribution = column("contribution", min=0)
    posted = column("posted", min=0, nullable=True)


class Waterfall(dy.Schema):
    """Result: who paid what. Amounts of one event add up to its loss; `uncovered` has no member."""

    scenario_id = column("scenario_id")
    defaulters = column("defaulters")
    chosen_by = column("chosen_by")
    round = column("round")
    tier_place = column("tier_place")
    tier = column("tier")
    stakeholder = column("stakeholder")
    member_id = column("member_id", nullable=True)
    amount = column("amount", min=0)


class LadderRows(dy.Schema):
    """Result of a comparison: what every tier of every rulebook pays of every loss."""

    rulebook = column("rulebook")
    loss_multiple = column("loss_multiple")
    loss = column("loss", "loss_beyond_margin", min=0)
    tier_place = column("tier_place")
    tier = column("tier")
    name = column("tier_name", min_length=0)
    stakeholder = column("stakeholder")
    available = column("available", nullable=True)
    amount = column("amount", min=0)
    loss_share = column("loss_share")


class PathTiers(dy.Schema):
    """Result over many paths: what each tier pays."""

    tier_place = column("tier_place")
    tier = column("tier")
    name = column("tier_name", min_length=0)
    touched_share = column("touched_share")
    mean_amount = column("mean_amount")
    quantile_999 = column("quantile_999")
    largest_amount = column("largest_amount")


class ReplayRows(dy.Schema):
    """Result of a replay: who paid what, in each of its runs."""

    run = column("run")
    event = column("event", "replayed_default")
    round = column("round")
    service = column("service", nullable=True)
    for_service = column("for_service", nullable=True)
    defaulters = column("defaulters")
    tier_place = column("tier_place")
    tier = column("tier")
    stakeholder = column("stakeholder")
    member_id = column("member_id", nullable=True)
    amount = column("amount", min=0)


class LedgerRows(dy.Schema):
    """Result of the daily cycle: every movement of money, one file a day."""

    date = column("date")
    from_account = column("from_account")
    to_account = column("to_account")
    movement = column("movement")
    amount = column("amount", "amount_moved", min_exclusive=0)


class PoolDays(dy.Schema):
    """Result of the daily cycle: what each pool was owed, had to hold and held, one file a day."""

    date = column("date")
    pool_id = column("pool_id", primary_key=True)
    member_id = column("member_id")
    variation = column("variation")
    premium = column("premium")
    exercise = column("exercise")
    margin = column("margin", min=0)
    held_before = column("held_before", min=0)
    call = column("call")
    held = column("held", min=0)
    not_counted = column("not_counted", min=0)
    period_loss = column("period_loss", nullable=True)
    period_margin = column("period_margin", nullable=True, min=0)


class MemberDays(dy.Schema):
    """Result of the daily cycle: what every member has paid in, has, and was asked for, one file a day."""

    date = column("date")
    member_id = column("member_id", primary_key=True)
    group_id = column("group_id")
    contribution = column("contribution", "contribution_there", min=0)
    supplementary = column("supplementary", min=0)
    capital = column("capital", nullable=True)
    liquidity = column("liquidity", nullable=True)
    asked = column("asked", min=0)
    in_default = column("in_default")


class AccountDays(dy.Schema):
    """Result of the daily cycle: every account's margin and what it was paid, one file a day."""

    date = column("date")
    account_id = column("account_id", primary_key=True)
    pool_id = column("pool_id")
    variation = column("variation")
    premium = column("premium")
    exercise = column("exercise")
    margin = column("margin", min=0)
    net_option_value = column("net_option_value")


class CycleDays(dy.Schema):
    """Result of the daily cycle: one row a day."""

    date = column("date", primary_key=True)
    variation = column("variation", "variation_paid")
    margin = column("margin", "margin_sum")
    held = column("held", "held_sum")
    called = column("called")
    largest_call = column("largest_call")
    day_observations = column("day_observations")
    breaches = column("breaches")
    largest_breach = column("largest_breach")
    observations = column("observations", "periods_ended", nullable=True)
    exceptions = column("exceptions", "period_exceptions", nullable=True)
    largest_exception = column("largest_exception", nullable=True)
    fund = column("fund")
    ccp_capital = column("ccp_capital")
    supplementary = column("supplementary", "supplementary_sum")
    cover_1 = column("cover_1", nullable=True)
    cover_2 = column("cover_2", nullable=True)
    cover_n = column("cover_n", nullable=True)
    cover_scenario = column("scenario_id", nullable=True)
    groups = column("groups", min_length=0, nullable=True)
    prefunded = column("prefunded", nullable=True)
    beyond_prefunded = column("beyond_prefunded", nullable=True)
    uncovered = column("uncovered", nullable=True)
    uncovered_scenario = column("scenario_id", nullable=True)
    uncovered_groups = column("uncovered_groups", nullable=True)
    fund_required = column("fund_required", nullable=True)
    buffer = column("buffer_left", nullable=True)
    warned = column("warned", min_length=0, nullable=True)
    defaults = column("defaults", min_length=0, nullable=True)


class Events(dy.Schema):
    """Result of the daily cycle: the default events, and what became of each."""

    event = column("event", primary_key=True)
    defaulters = column("defaulters")
    default_date = column("default_date")
    settled_date = column("settled_date")
    loss = column("loss", min=0)
    uncovered = column("uncovered", "left_uncovered", min=0)
    cause = column("cause")
    unpaid = column("unpaid", min=0)


class CycleWaterfall(dy.Schema):
    """Result of the daily cycle: who paid what of each event's loss."""

    event = column("event")
    tier_place = column("tier_place")
    tier = column("tier")
    stakeholder = column("stakeholder")
    member_id = column("member_id", nullable=True)
    amount = column("amount", min=0)


class BackTests(dy.Schema):
    """Result of a back test: exceptions by model and account, pool, member and book."""

    model = column("model", primary_key=True)
    level = column("level", primary_key=True)
    id = column("id", primary_key=True)
    observations = column("observations")
    exceptions = column("exceptions")
    coverage = column("coverage")
    kupiec = column("kupiec", nullable=True)
    kupiec_p = column("kupiec_p", nullable=True)
    independence = column("independence", nullable=True)
    independence_p = column("independence_p", nullable=True)
    combined_p = column("combined_p", nullable=True)
    light = column("light", nullable=True)
    largest_breach = column("largest_breach", "worst_breach")
    average_breach = column("average_breach")
    p_values_hold = column("p_values_hold")
    apart_observations = column("apart_observations", nullable=True)
    apart_exceptions = column("apart_exceptions", nullable=True)
    apart_kupiec_p = column("apart_kupiec_p", nullable=True)
    apart_independence_p = column("apart_independence_p", nullable=True)
    apart_combined_p = column("apart_combined_p", nullable=True)
    apart_light = column("apart_light", "light", nullable=True)


class Procyclicalities(dy.Schema):
    """Result of a back test: how much each model's total margin moves, costs, and answers a step in volatility."""

    model = column("model", primary_key=True)
    mean_margin = column("mean_margin")
    peak_to_trough = column("peak_to_trough", nullable=True)
    call_1 = column("call_1", nullable=True)
    call_1_share = column("call_1_share", nullable=True)
    call_5 = column("call_5", nullable=True)
    call_5_share = column("call_5_share", nullable=True)
    call_20 = column("call_20", nullable=True)
    call_20_share = column("call_20_share", nullable=True)
    deviation = column("deviation", nullable=True)
    step_1 = column("step_1", nullable=True)
    step_5 = column("step_5", nullable=True)
    step_20 = column("step_20", nullable=True)
    step_days = column("step_days", nullable=True)
    step_overshoot = column("step_overshoot", nullable=True)


class ModelMargins(dy.Schema):
    """Result of a back test: total margin by model and day."""

    model = column("model", primary_key=True)
    date = column("date", primary_key=True)
    margin = column("margin", "margin_sum")


BOOK_TABLES = ("members", "accounts", "instruments", "positions", "collateral")
"""The tables of a book, in order."""


def types_of(schema: type[dy.Schema]) -> pl.Schema:
    """The columns of a table and their types, as polars names them: what a frame that is made is given."""
    return pl.Schema({name: kind.dtype for name, kind in schema.columns().items()})


def book_schemas() -> dict[str, type[dy.Schema]]:
    """The schema of every table of a book."""
    return dict(zip(BOOK_TABLES, (Members, Accounts, instruments_schema(), Positions, Collateral), strict=True))


CYCLE_TABLES: dict[str, type[dy.Schema]] = {"trades": TradeRows}
MARKET_TABLES: dict[str, type[dy.Schema]] = {"prices": Prices, "factors": Factors, "scenarios": Shocks}
