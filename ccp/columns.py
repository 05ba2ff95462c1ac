"""Every column of every table, stated once: name, kind, unit, sign, meaning.

Table schemas (`ccp.frames`), messages about bad input and the data dictionary are all derived from here; columns that
only some products have are stated with the product (`ccp.products`).
"""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ccp.rows import by_word

if TYPE_CHECKING:
    import dataframely as dy

MONEY = "service currency"
CENTS_NOTE = "a whole number of cents"


@dataclass(frozen=True)
class Column:
    """What a column holds. `kind` is text, number, date, flag or a list of allowed words."""

    name: str
    kind: str | tuple[str, ...]
    meaning: str
    unit: str = ""

    @property
    def kind_in_words(self) -> str:
        """The kind as a message puts it."""
        if isinstance(self.kind, tuple):
            return "one of " + ", ".join(self.kind)
        return {
            "text": "text",
            "number": "a finite number",
            "date": "a date, YYYY-MM-DD",
            "flag": "true or false",
        }[self.kind]


_ALL = [
    Column("member_id", "text", "a clearing member"),
    Column("group_id", "text", "the group of affiliates a member belongs to; a group defaults together"),
    Column("fund_contribution", "number", "what the member has paid into the default fund today", MONEY),
    Column("capital", "number", "the member's capital outside the fund; losses beyond it are a default", MONEY),
    Column("liquidity", "number", "the most the member can pay to the clearing house in one day", MONEY),
    Column("default_probability", "number", "the member's one-year probability of default"),
    Column("account_id", "text", "what is margined on its own: positions net inside it"),
    Column("pool_id", "text", "what collateral may pay for what; an account belongs to one pool"),
    Column("account_kind", ("house", "client"), "whose risk the account carries"),
    Column("client_id", "text", "whose positions these are, where one clears through several members"),
    Column("instrument_id", "text", "a cleared instrument"),
    Column("quantity", "number", "contracts or units held; positive is long, negative is short", "units"),
    Column("instrument_kind", "text", "how the instrument is priced"),
    Column("factor_id", "text", "the market factor that moves it"),
    Column("currency", "text", "the currency that prices and values are in (ISO 4217)"),
    Column("multiplier", "number", "units of the underlying per contract; positive"),
    Column("price", "number", "settlement price of one unit of the underlying or option", "currency"),
    Column("expiry", "date", "last day of an option's life; after the run's date"),
    Column("discount_rate", "number", "continuous rate that discounts an option's payoff; default 0", "a year"),
    Column("average_daily_volume", "number", "units traded on an average day", "units"),
    Column("half_spread", "number", "half the bid-ask spread, in price units", "currency"),
    Column("issuer_id", "text", "the group that issued the paper: worth nothing when that group defaults"),
    Column("paper_issuer", "text", "who issued the paper; worth nothing to the issuer's own group"),
    Column("issuer_group_id", "text", "the group that the issuer belongs to; default: itself"),
    Column("asset_id", "text", "a piece of collateral"),
    Column("market_value", "number", "the collateral's value before haircut", "currency"),
    Column("haircut", "number", "share of the value that does not count; 0.05 is 5 %"),
    Column("collateral_class", "text", "cash, government bond, equity, ...; default: the asset class of its factor"),
    Column("after_haircut", "number", "market value after haircut, before any limit", MONEY),
    Column("cut_own_paper", "number", "what of it does not count: paper of the member's own group", MONEY),
    Column("cut_issuer", "number", "what the limit on one issuer cuts", MONEY),
    Column("cut_issuer_group", "number", "what the limit on one group of issuers cuts after that", MONEY),
    Column("cut_asset_class", "number", "what the limit on one asset class cuts after that", MONEY),
    Column("cut_currency", "number", "what the limit on one currency cuts after that", MONEY),
    Column("counted", "number", "what counts against the pool's requirement", MONEY),
    Column("value_today", "number", "the collateral's market value before haircut, converted", MONEY),
    Column("date", "date", "a day"),
    Column("value", "number", "a factor's level on a day"),
    Column("change", ("relative", "absolute"), "whether a factor's returns are ratios or differences"),
    Column("asset_class", "text", "equity, currency, commodity, rate, volatility, ..."),
    Column("sector", "text", "the sector of an equity or commodity factor"),
    Column(
        "tenor_years", "number", "the tenor of a rate; told from a name that ends in one, as UST10Y or EUR.3M", "years"
    ),
    Column("rate_unit", ("percent", "decimal", "basis_points"), "what a rate's levels are in; default percent"),
    Column(
        "proxy",
        "text",
        "the factor whose move is taken over windows in which this one has no value; both are relative, or absolute",
    ),
    Column("description", "text", "in words"),
    Column("source", "text", "who published the numbers"),
    Column("scenario_id", "text", "a stress scenario"),
    Column("shock_kind", ("relative", "absolute"), "relative: 0.1 is up 10 %; absolute: added to the level"),
    Column("shock", "number", "how far the factor moves"),
    Column("provenance", "text", "where a scenario comes from"),
    Column("sizes_fund", "flag", "whether the scenario counts as extreme but plausible and sizes the fund"),
    Column("margin", "number", f"initial margin required; {CENTS_NOTE}", MONEY),
    Column("net_option_value", "number", "value of premium-style options; positive is the account's", MONEY),
    Column("loss_over_margin", "number", f"stress loss over initial margin (SLOIM); {CENTS_NOTE}", MONEY),
    Column("contribution", "number", f"share of the required default fund; {CENTS_NOTE}", MONEY),
    Column("posted", "number", "contribution paid in today; empty when the book states none", MONEY),
    Column("weight", "number", "what the contribution was shared out by", MONEY),
    Column("defaulters", "text", "the groups that default together, joined by +"),
    Column("tier", "text", "the layer of the waterfall, by its word in the rulebook"),
    Column("round", "number", "1 for the default itself, then a round for every default that follows from it"),
    Column(
        "stakeholder",
        "text",
        "whose money it is: defaulter, clearing house, insurer, parent, outside, survivors, funded or unfunded, "
        "gainers, nobody",
    ),
    Column("rulebook", "text", "a rulebook, by its file or its shipped name"),
    Column("loss_multiple", "number", "the loss over the defaulters' initial margin, in multiples of the fund"),
    Column("loss_beyond_margin", "number", "the loss over the defaulters' initial margin", MONEY),
    Column("loss_share", "number", "the tier's share of the loss"),
    Column("tier_name", "text", "what the service calls the tier"),
    Column("available", "number", "what the tier has; empty for what is uncovered", MONEY),
    Column("touched_share", "number", "the share of paths on which the tier pays anything"),
    Column("mean_amount", "number", "what the tier pays on average over all paths", MONEY),
    Column("quantile_999", "number", "what it pays on the worst path in a thousand (an order statistic)", MONEY),
    Column("largest_amount", "number", "the most it pays on any path", MONEY),
    Column("run", "text", "one way to run a replay"),
    Column("replayed_default", "number", "the number of the default in the replay, from 1"),
    Column("service", "text", "the service whose tiers pay; empty where there is one only"),
    Column("for_service", "text", "the service whose loss it was; another one where funds spill over"),
    Column("tier_place", "number", "the tier's place in the rulebook's order, from 1"),
    Column("amount", "number", f"what was drawn from it, or is left uncovered; {CENTS_NOTE}", MONEY),
    Column("kind", "text", "historical, hypothetical or file"),
    Column("days", "number", "the days that a move is over: it moves what takes so many to close out"),
    Column("relative", "number", "the factor's relative move; 0.1 is up 10 %"),
    Column("absolute", "number", "what is added to the factor's level after that", "the factor's"),
    Column("multiple", "number", "what the scenario's shocks were multiplied by"),
    Column("first_day", "date", "the day on which a window of the history begins"),
    Column("last_day", "date", "the last day of its longest leg"),
    Column("unfinished", "flag", "whether the run's date cuts a leg of it short"),
    Column("kept", "flag", "whether it is among the stress scenarios"),
    Column("why", "text", "what it is kept for: who or what loses most in it"),
    Column("cover_1", "number", "largest group's stress loss over initial margin in the scenario", MONEY),
    Column("cover_2", "number", "two largest groups' stress loss over initial margin in the scenario", MONEY),
    Column("cover_n", "number", "stress loss over initial margin of the rulebook's number of largest groups", MONEY),
    Column(
        "most_n",
        "number",
        "what no set of that many groups loses more than in the window; more than cover_n only where books are sold "
        "together, or groups hold one another's paper",
        MONEY,
    ),
    Column("groups", "text", "the groups that make cover_n, largest first, joined by +"),
    Column("uncovered", "number", "what the worst set of that many groups leaves uncovered (coverage test)", MONEY),
    Column("uncovered_groups", "text", "that worst set, joined by +; it need not be the groups of cover_n"),
    Column(
        "proved",
        "flag",
        "whether covers and uncovered are proved to be those of the worst sets; else they are what no set passes",
    ),
    Column("from_account", "text", "the account that pays (docs/reference/daily-cycle.md, section 5)"),
    Column("to_account", "text", "the account that receives"),
    Column("movement", "text", "why: variation, margin call, loss, ..."),
    Column("variation", "number", "variation margin of the day; positive is received", MONEY),
    Column("premium", "number", "option premiums of the day; positive is received", MONEY),
    Column("exercise", "number", "value of options that expired; positive is received", MONEY),
    Column("held_before", "number", "held after haircut before the day's calls", MONEY),
    Column("held", "number", "held after haircut when the day's calls were paid", MONEY),
    Column("call", "number", "called; negative is returned", MONEY),
    Column("not_counted", "number", "value after haircut not in that: own group's paper, and beyond limits", MONEY),
    Column("supplementary", "number", "supplementary margin held", MONEY),
    Column(
        "asked",
        "number",
        "what the day asked of the member's liquidity; of a member that fails, what it did not pay",
        MONEY,
    ),
    Column("in_default", "flag", "whether the member is in default"),
    Column(
        "variation_paid",
        "number",
        "variation margin due from all who owed it, those who then defaulted included",
        MONEY,
    ),
    Column("amount_moved", "number", f"how much moved; {CENTS_NOTE}", MONEY),
    Column("contribution_there", "number", f"the member's contribution at the end of the day; {CENTS_NOTE}", MONEY),
    Column("beyond_prefunded", "number", "by how much cover-N exceeds prefunded resources", MONEY),
    Column("cause", "text", "why its groups failed: named, capital or liquidity, joined by + where several"),
    Column("unpaid", "number", "what the groups owed on the day and did not pay: calls and exchange", MONEY),
    Column("margin_sum", "number", "margin required of all pools", MONEY),
    Column("held_sum", "number", "held by all pools after haircut and calls", MONEY),
    Column("called", "number", "margin called from all pools that were short", MONEY),
    Column("largest_call", "number", "the largest call from one pool", MONEY),
    Column(
        "day_observations",
        "number",
        "pools that held a position when the day began, their group not in default; none on the first day",
    ),
    Column(
        "breaches",
        "number",
        "one-day exceptions: such pools that lost more, option values counted, than they held when the day began",
    ),
    Column("largest_breach", "number", "the largest one-day exception: loss less what was held", MONEY),
    Column(
        "period_loss",
        "number",
        "what closing out lost over the liquidation period that ended on the day, on positions as it began",
        MONEY,
    ),
    Column("period_margin", "number", "the margin required when that liquidation period began", MONEY),
    Column(
        "periods_ended",
        "number",
        "pools with a position when the liquidation period that ended on the day began: what margin is tested on",
    ),
    Column(
        "period_exceptions", "number", "margin exceptions: those that lost more over it than the margin it began with"
    ),
    Column("largest_exception", "number", "the largest margin exception: loss less margin", MONEY),
    Column("fund", "number", "contributions there at the end of the day", MONEY),
    Column("ccp_capital", "number", "skin in the game left in the waterfall", MONEY),
    Column("supplementary_sum", "number", "supplementary margin held in all", MONEY),
    Column("prefunded", "number", "prefunded resources: contributions, skin in the game and insurance", MONEY),
    Column("fund_required", "number", "the size the fund was set to on the day", MONEY),
    Column("buffer_left", "number", "share of margin that the buffer adds on the day"),
    Column("warned", "text", "groups beyond the warning share, joined by +"),
    Column("defaults", "text", "groups newly in default, joined by +"),
    Column("event", "number", "number of the default event, from 1"),
    Column("default_date", "date", "the day of default"),
    Column("settled_date", "date", "the day on which its book was closed out and the waterfall run"),
    Column("loss", "number", "sum of the losses of the defaulters' pools", MONEY),
    Column("left_uncovered", "number", "what no tier paid", MONEY),
    Column("model", "text", "a margin model (docs/reference/margin-models.md)"),
    Column("level", "text", "account, pool, member or book"),
    Column("id", "text", "whose margin is tested"),
    Column("observations", "number", "days tested; of the book, accounts times days"),
    Column("exceptions", "number", "losses larger than the margin; of a member, larger than what its pools may pay"),
    Column("coverage", "number", "share of observations without exception"),
    Column("kupiec", "number", "Kupiec's likelihood ratio for the number of exceptions"),
    Column("kupiec_p", "number", "its p-value; see p_values_hold"),
    Column("independence", "number", "Christoffersen's likelihood ratio for exceptions that follow each other"),
    Column("independence_p", "number", "its p-value; see p_values_hold"),
    Column("combined_p", "number", "p-value of number and independence together; see p_values_hold"),
    Column("light", "text", "Basel's traffic light for this number of observations: green, yellow or red"),
    Column("worst_breach", "number", "the largest exception: loss less margin", MONEY),
    Column("average_breach", "number", "the average exception: loss less margin", MONEY),
    Column("p_values_hold", "flag", "whether observations are independent: not where windows overlap"),
    Column("apart_observations", "number", "days whose windows do not overlap"),
    Column("apart_exceptions", "number", "exceptions among them"),
    Column("apart_kupiec_p", "number", "p-value of their number"),
    Column("apart_independence_p", "number", "p-value of their independence"),
    Column("apart_combined_p", "number", "p-value of both together"),
    Column("mean_margin", "number", "average total margin: what the model costs", MONEY),
    Column("peak_to_trough", "number", "largest total margin over smallest"),
    *(
        Column(f"call_{days}{suffix}", "number", f"largest rise of total margin in {days} days, {what}", unit)
        for days in (1, 5, 20)
        for suffix, what, unit in (("", "in money", MONEY), ("_share", "as a share of the margin before", ""))
    ),
    Column("deviation", "number", "standard deviation of the daily log change of total margin"),
    *(
        Column(f"step_{days}", "number", f"share of a year's rise reached {days} days after volatility doubled")
        for days in (1, 5, 20)
    ),
    Column("step_days", "number", "days until nine tenths of that rise were reached"),
    Column("step_overshoot", "number", "highest margin after the step over the level a year later"),
    Column(
        "chosen_by",
        ("largest losses", "coverage test", "both", "name", "contagion"),
        "why these groups default: the largest stress loss over initial margin, the coverage test's worst set, as "
        "asked for, or because they could not bear an earlier round",
    ),
]

COLUMNS: dict[str, Column] = by_word(_ALL, lambda column: column.name)


def column(name: str, stated_as: str | None = None, words: tuple[str, ...] = (), **limits: Any) -> Any:
    """A dataframely column as stated here. `stated_as` names the entry when the table calls it otherwise; `words` are
    those that it allows, where a table of things says which there are."""
    stated = COLUMNS[stated_as or name]
    return column_of(replace(stated, kind=words) if words else stated, **limits)


def column_of(stated: Column, **limits: Any) -> Any:
    """A dataframely column, given what it holds."""
    import dataframely as dy  # heavy, and rulebooks are read without it

    shared: dict[str, Any] = {"description": stated.meaning, "metadata": {"stated": stated}, **limits}
    if isinstance(stated.kind, tuple):
        return dy.Enum(list(stated.kind), **shared)
    if stated.kind == "text":
        filled: dict[str, Any] = {"min_length": 1, **shared}
        return dy.String(**filled)
    if stated.kind == "date":
        return dy.Date(**shared)
    if stated.kind == "flag":
        return dy.Bool(**shared)
    return dy.Float64(**shared)


def stated_column(kind: "dy.Column") -> Column:
    """What a column of a schema holds."""
    return (kind.metadata or {})["stated"]
