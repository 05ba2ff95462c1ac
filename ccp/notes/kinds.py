"""Every kind of note, a row each: what raises it, what its size counts, and what it says.

docs/reference/notes.md is made of this table.
"""

from dataclasses import dataclass

from ccp.rows import by_word


@dataclass(frozen=True)
class NoteKind:
    """What a note of a kind is.

    `raised` says when, `counts` what its size counts, `unit` in what. `says` is its sentence, with `{have}`, `{of}`,
    `{size}`, `{place}` and names of its own. `missing`: the size counts what is missing, not what is there. `share`:
    it is a share of the whole.
    """

    id: str
    subject: str
    raised: str
    counts: str
    unit: str
    says: str
    missing: bool = False
    share: bool = False


MARKET, MARGIN, STRESS, FUND, TIERS = "The data", "Margin", "Stress", "The fund", "Members and tiers"
DAYS = "Days"

ROWS = (
    NoteKind(
        "missing_days",
        MARKET,
        "two neighbouring days of the market, among those that margin looks back on, are more than ten days apart: a "
        "look-back counts rows, and the return over the hole counts as that of a day",
        "weekdays without a row in such holes, of all weekdays of the look-back",
        "weekdays",
        "the market has no row between {first} and {last}{more}: the return over it counts as that of one day",
        missing=True,
    ),
    NoteKind(
        "modelled_volatility",
        MARKET,
        "the market lacks volatilities that the book names, and they are modelled from prices",
        "modelled volatilities, of all volatility factors that the book needs",
        "volatility factors",
        "{have} volatility factors are modelled from prices: {names}",
        missing=True,
    ),
    NoteKind(
        "option_price",
        MARKET,
        "option prices in the book are far from what the model gives for them",
        "such options, of all",
        "options",
        "{have} option prices differ from the model's by more than {tolerance} of the forward or strike, most of all "
        "{worst} ({miss}); scenarios start from the price in the book",
        missing=True,
    ),
    NoteKind(
        "unnamed_factor",
        MARKET,
        "instruments do not name a factor that their price depends on, as an option its volatility: in every scenario "
        "it stays where it is, whatever a ladder says of it",
        "such instruments, of all of the product",
        "instruments",
        "{have} of {of} instruments that are {product} name no {column}: no scenario moves it for them ({names})",
        missing=True,
    ),
    NoteKind(
        "far_prices",
        MARKET,
        "most spot prices of the book are not within half of their factor's level on the day that they are to hold on",
        "such spot instruments, of all",
        "spot instruments",
        "the book's spot prices are far from the market's of {day}; do they hold on another day?",
        missing=True,
    ),
    NoteKind(
        "few_scenarios",
        MARGIN,
        "the tail beyond a confidence is less than one scenario: the largest loss is taken, whatever the confidence; "
        "also of the percentile of a look-back of the fund",
        "scenarios, of those that make the tail one whole scenario",
        "scenarios",
        "{what} takes the largest loss: {have} scenarios are too few to tell {confidence}, {of} make the tail one "
        "scenario",
    ),
    NoteKind(
        "short_floor",
        MARGIN,
        "the market does not hold the look-back of the margin floor: too few rows, or none older than a missing value",
        "windows there, of those asked for",
        "windows",
        "the floor looks back {have} windows and not {of}: {why}",
    ),
    NoteKind(
        "unknown_stress_period",
        MARGIN,
        "the stress period is not known on the day: it counts nothing, and margin is the model's alone",
        "rows of it that are there, of those needed",
        "rows",
        "the stress period is not known on {day} and counts nothing: {why}",
    ),
    NoteKind(
        "short_stress_period",
        MARGIN,
        "the market begins inside the stress period, or windows of it lack a value of some factor and are left out",
        "windows used, of those that a whole period has",
        "windows",
        "the stress period has {have} windows and not {of}: {why}",
    ),
    NoteKind(
        "capped_moves",
        STRESS,
        "a shock, a multiple of one, or a return scaled up would take a factor down by more than 99 %: the fall is cut "
        "there",
        "scenarios in which some factor's fall was cut, of all",
        "scenarios",
        "in {have} of {of} {what} scenarios a fall is cut at 99 %: the shock as written goes further",
        missing=True,
    ),
    NoteKind(
        "no_class",
        MARGIN,
        "a rule goes by asset class, and factors state none: all of them are taken as one class",
        "instruments whose factor states no class, of all",
        "instruments",
        "{have} of {of} instruments have a factor without an asset class, and {place} takes them as one ({names})",
        missing=True,
    ),
    NoteKind(
        "idle_rule",
        MARGIN,
        "a rule of margin for some instruments is met by none of the book's",
        "instruments that it decides on, of all",
        "instruments",
        "{what} decides on no instrument of the book",
    ),
    NoteKind(
        "no_volume",
        MARGIN,
        "a cost of closing out goes by an instrument's average daily volume, and the book states none: it is taken to "
        "sell within its liquidation period and to move no price",
        "instruments without a volume, of all",
        "instruments",
        "{have} of {of} instruments state no average_daily_volume: {place} adds nothing for them ({names})",
        missing=True,
    ),
    NoteKind(
        "no_spread",
        MARGIN,
        "a cost of closing out goes by an instrument's half-spread, and the book states none: it is taken as nothing",
        "instruments without a half-spread, of all",
        "instruments",
        "{have} of {of} instruments state no half_spread: {place} adds nothing for them ({names})",
        missing=True,
    ),
    NoteKind(
        "no_collateral",
        STRESS,
        "a rule asks what pools hold, and the book has no collateral table: what is required is taken as held",
        "pools of which something is stated, of all",
        "pools",
        "the book has no collateral: {place} takes what is required of {of} pools as held",
    ),
    NoteKind(
        "collateral_cut",
        MARGIN,
        "paper of a pool's own group counts nothing, and limits cut what more than their share of the requirement is",
        "value that does not count, of all collateral after haircut",
        "the collateral after haircut",
        "{currency} {cut} of {whole} of collateral after haircut do not count: {why}",
        missing=True,
        share=True,
    ),
    NoteKind(
        "no_issuer",
        MARGIN,
        "securities state neither their issuer nor its group: that they are a member's own paper cannot be known, and "
        "limits take for one issuer's what one factor moves",
        "market value of such securities, of all collateral",
        "the collateral",
        "securities do not say whose paper they are: {size} ({names})",
        missing=True,
        share=True,
    ),
    NoteKind(
        "unused_limit",
        MARGIN,
        "a limit on collateral names what no collateral of the book is of: the name may be misspelt",
        "such names, of all that the limit states",
        "names",
        "{place} names {names}: no collateral of the book is under that",
        missing=True,
    ),
    NoteKind(
        "few_windows",
        STRESS,
        "the history has fewer windows apart than the rulebook runs",
        "windows run, of those asked for",
        "windows",
        "the history holds {have} windows that do not overlap, and {of} worst were asked for",
    ),
    NoteKind(
        "incomplete_history",
        STRESS,
        "windows of the history lack a value of some factor, and no proxy of it has one: there it stays where it is",
        "the share of the margin of instruments that depend on such factors, as `unmoved_factor` has it",
        "the margin",
        "{windows} of {all} windows of the history leave factors where they are for want of a value and of a proxy; "
        "{size} depends on them: {names}",
        missing=True,
        share=True,
    ),
    NoteKind(
        "proxied_history",
        STRESS,
        "windows of the history lack a value of some factor, and there it moves as its `proxy` does: what the fund is "
        "sized by may be another's history",
        "the share of the margin of instruments that depend on such factors, as `unmoved_factor` has it",
        "the margin",
        "{windows} of {all} windows of the history move factors as their proxies; {size} depends on them: {names}",
        missing=True,
        share=True,
    ),
    NoteKind(
        "empty_ladder",
        STRESS,
        "a ladder of the rulebook moves no factor that the book needs, and makes no scenario",
        "scenarios that it makes, of those it is written for",
        "scenarios",
        "the ladder {name} moves no factor of the book and makes no scenario",
    ),
    NoteKind(
        "untwisted_rate",
        STRESS,
        "rates have no tenor that is known, or the market knows but one: steeper and flatter curves leave them as they "
        "are",
        "such rates, of all that the book needs",
        "rates",
        "{have} of {of} rates stay where they are when curves get steeper or flatter, for want of tenors: {names}",
        missing=True,
    ),
    NoteKind(
        "rate_unit",
        STRESS,
        "rates are shifted by basis points, and the market does not say what units they are in: percent is taken",
        "such rates, of all that the book needs",
        "rates",
        "{have} of {of} rates do not say in what unit they are, and are taken as percent: {name} is at {level:.6g}",
        missing=True,
    ),
    NoteKind(
        "capped_shifts",
        STRESS,
        "a rate that moves by ratios is so near zero that a shift in basis points is more than a hundred times its "
        "level: the shift is cut there",
        "such rates, of all that the book needs",
        "rates",
        "{have} of {of} rates move by ratios and are so near zero that shifts of them are cut at a hundred times their "
        "level; declared absolute they would be shifted as written: {names}",
        missing=True,
    ),
    NoteKind(
        "short_usual_level",
        STRESS,
        "the gap of a price that moves by differences is measured by its usual level, the median of 250 days, and the "
        "history holds fewer",
        "days of the factor with fewest, of those that the median is of",
        "days",
        "gaps of {count} factors go by a usual level over {have} days instead of {of}: {names}",
    ),
    NoteKind(
        "still_scenario",
        STRESS,
        "a scenario of the file moves no factor that the book needs",
        "such scenarios, of all of the file",
        "scenarios",
        "{have} of {of} scenarios of {place} move no factor of the book: {names}",
        missing=True,
    ),
    NoteKind(
        "unmoved_factor",
        STRESS,
        "part of the margin depends on a factor that no scenario which sizes the fund moves, whatever the cause: the "
        "fund is not sized for it. A move below a tenth of the factor's own standard deviation of a day counts as none",
        "the share of the margin of instruments that depend on the factor, each margined alone: what is held of it, "
        "long and short, times the root mean square of what a unit loses in the margin scenarios",
        "the margin",
        "no stress scenario that sizes the fund moves {place}, on which {size} depends",
        missing=True,
        share=True,
    ),
    NoteKind(
        "gap_below_own_move",
        STRESS,
        "no scenario that sizes the fund moves a price, which moves by differences, as far as it has moved by itself "
        "over the liquidation period within margin's look-back: near zero a share of its usual level is less than its "
        "noise",
        "the share of the margin of instruments that depend on the factor, as of an unmoved one",
        "the margin",
        "scenarios that size the fund move {place} by {move} at most, and it has moved by {own} itself: {size} depends "
        "on it",
        missing=True,
        share=True,
    ),
    NoteKind(
        "unmoved_collateral",
        STRESS,
        "collateral moves with scenarios (`collateral.stress: scenario`), and none that sizes the fund moves the "
        "factor of securities",
        "market value of the securities of that factor, of all collateral",
        "the collateral",
        "no stress scenario that sizes the fund moves {place}, and securities of it keep their value: {size}",
        missing=True,
        share=True,
    ),
    NoteKind(
        "option_below_zero",
        STRESS,
        "an option's underlying is at zero or below, today or in a scenario: Black's formula knows no volatility "
        "there, and the option is worth what exercising it would pay (`normal_volatility` states a model that does)",
        "such options, of all",
        "options",
        "{have} of {of} options have an underlying at zero or below today or in a scenario, where they are worth what "
        "exercising them would pay and nothing for volatility: {names}",
        missing=True,
    ),
    NoteKind(
        "few_groups",
        FUND,
        "the book has no more groups than the fund is to cover: who defaults is everybody, and nobody survives",
        "groups of the book, of those that leave a survivor",
        "groups",
        "the fund is to cover {cover} groups, and the book has {have}: no survivor is left to pay",
    ),
    NoteKind(
        "needs_days",
        FUND,
        "a rule goes by several days, and the run is of one",
        "days known, of those that the rule goes by",
        "days",
        "{place} goes by {of} days, and this run is of {have}: {instead}",
    ),
    NoteKind(
        "not_proved",
        FUND,
        "books are sold together, or paper of other groups is held, and the search for the set of groups that is worst "
        "has looked at as many sets as `stress.most_sets` lets it: the figure that is named takes what no set passes",
        "scenarios that size the fund which leave the figure open, of all",
        "scenarios",
        "{figure} is not proved: it is between {found} and {bound}, and the larger counts. In {have} of {of} scenarios "
        "the search has ended after {place} sets; a larger number lets it go on",
        missing=True,
    ),
    NoteKind(
        "windows_not_proved",
        FUND,
        "books are sold together, or paper of other groups is held, and more windows of the history, or single names, "
        "may be worse for a set of groups than are measured for sets: the figure that is named takes what no set "
        "passes",
        "windows and single names that leave the figure open, of all",
        "windows and single names",
        "{figure} is not proved: it is between {found} and {bound}, and the larger counts. In {have} of {of} windows "
        "and single names, which were run for each group alone, some set may lose more than in those that are "
        "scenarios; "
        "stress.most_sets does not help, worst_of_each_group beside all makes scenarios of more windows",
        missing=True,
    ),
    NoteKind(
        "short_look_back",
        FUND,
        "the fund was resized before the run had as many days as its look-back",
        "days that the first resizing looked back, of those asked for",
        "days",
        "the first fund looks back {have} days and not {of}; so short {resizings} of {all} resizings were",
    ),
    NoteKind(
        "not_known",
        TIERS,
        "a tier goes by what nobody says of this event: bids in an auction, offers, losses by product class",
        "members of which it is known, of all",
        "members",
        "{what} are not known here: the tier {tier} {instead}",
    ),
    NoteKind(
        "size_not_found",
        TIERS,
        "sizes of the rulebook were found in no source, and count as nothing",
        "such sizes, of all figures of the rulebook",
        "figures",
        "{have} sizes were found in no source and count as nothing: {names}",
        missing=True,
    ),
    NoteKind(
        "fund_not_published",
        TIERS,
        "a rulebook is compared that publishes no size of its fund",
        "sizes published, of those needed",
        "funds",
        "no source states the size of the fund: {currency} {amount} is taken",
    ),
    NoteKind(
        "no_capital",
        TIERS,
        "who fails goes by capital, and members state none: they bear any bill",
        "members that state none, of all",
        "members",
        "{have} of {of} members state no capital and can bear any bill ({names})",
        missing=True,
    ),
    NoteKind(
        "no_liquidity",
        TIERS,
        "who fails goes by liquidity, and members state none: they can pay any call of a day",
        "members that state none, of all",
        "members",
        "{have} of {of} members state no liquidity and can pay any call ({names})",
        missing=True,
    ),
    NoteKind(
        "unmatched",
        TIERS,
        "after a change quantities no longer sum to zero",
        "instruments in which they do not, of all",
        "instruments",
        "quantities do not sum to zero in {have} instruments: nobody is on the other side of the change",
        missing=True,
    ),
    NoteKind(
        "short_span",
        DAYS,
        "the market does not hold the days that were asked for",
        "calendar days of the run, of those asked for",
        "days",
        "the prices end the run: {ran} instead of {asked}",
    ),
    NoteKind(
        "expiring",
        DAYS,
        "instruments expire during the run",
        "such instruments, of all",
        "instruments",
        "{have} of {of} instruments expire during the run, and are gone from then on",
        missing=True,
    ),
    NoteKind(
        "cut_close_out",
        DAYS,
        "the run ends before a gradual close-out: what is left is sold on the last day, at its price and without cost",
        "open days of the sale that the run has, of those it takes",
        "days",
        "the close-out of {groups} takes {of} days and the run has {have}: the rest is sold on the last, without cost",
    ),
    NoteKind(
        "untested_days",
        DAYS,
        "days of a back test have no liquidation period left in the history, and no figure",
        "days tested, of those asked for",
        "days",
        "the last {missing} days have no liquidation period of {horizon} days after them and are not tested",
    ),
    NoteKind(
        "few_observations",
        DAYS,
        "a back test expects less than one exception: it cannot tell a margin that is too low",
        "windows that do not overlap, of those in which one exception is expected",
        "windows",
        "{have} windows that do not overlap cannot test {confidence}: one exception is expected in {of}",
    ),
)
KINDS = by_word(ROWS, lambda row: row.id)
"""By id."""
