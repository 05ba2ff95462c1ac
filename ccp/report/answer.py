"""The answer in sentences: how large the fund must be, who hurts most, what is posted, and whether it is enough."""

from typing import Any

from ccp.report.words import defaulting, exact_amount, listed

FIGURES = {
    "margin": "initial margin",
    "emir_42_3.amount": "EMIR 42(3)",
    "sold_together.for_sale.more_over_margin": "of cover-N, for selling its books together",
    "sold_together.for_paper.more_over_margin": "of cover-N, for one another's paper at its default",
    "sold_together.cost": "cost of selling the books of cover-N together",
    "fund.required": "default fund required",
    "fund.floor": "default fund, floor",
    "fund.posted": "default fund posted",
    "ccp_capital": "skin in the game",
    "insurance": "insurance",
    "prefunded": "prefunded resources",
    "coverage_test.sizing_scenarios.uncovered": "uncovered in the coverage test",
    "coverage_test.sizing_scenarios.headroom": "left over in the coverage test",
    "coverage_test.all_scenarios.uncovered": "uncovered in any scenario",
    "coverage_test.sizing_scenarios_if_required_fund_is_posted.uncovered": "uncovered if the required fund is paid in",
}
"""What a figure of coverage is called, by where `coverage.json` has it; cover-N is called by `cover_name`."""
NOT_PROVED = "not proved"
"""What is said of an amount that bounds what any set of groups loses, where none was found that loses it."""
COMPARED = (
    "fund.required",
    "fund.posted",
    "ccp_capital",
    "prefunded",
    "coverage_test.sizing_scenarios.uncovered",
    "coverage_test.sizing_scenarios.headroom",
    "coverage_test.all_scenarios.uncovered",
)


def cover_name(count: int) -> str:
    """What the stress loss over initial margin of the `count` largest groups is called."""
    return f"cover-{count}"


def compared_figures(before: dict[str, Any], after: dict[str, Any]) -> list[tuple[str, float | None, float | None]]:
    """The figures that two sizings are compared by: what each is called, before and after (None: a side has none)."""
    counts = sorted({1, 2, before["cover"], after["cover"]})
    paths = {
        "margin": FIGURES["margin"],
        **{f"cover_{count}.amount": cover_name(count) for count in counts},
        "emir_42_3.amount": FIGURES["emir_42_3.amount"],
        **{path: FIGURES[path] for path in COMPARED},
    }
    rows = [(name, figure_at(before, path), figure_at(after, path)) for path, name in paths.items()]
    return [row for row in rows if row[1:] != (None, None)]


def figure_at(coverage: dict[str, Any], path: str) -> float | None:
    """The figure at a place of `coverage.json`, or None where it has none."""
    value: Any = coverage
    for step in path.split("."):
        value = None if value is None else value.get(step)
    return value


def made_of(coverage: dict[str, Any]) -> str:
    """What prefunded resources are made of in a sizing."""
    parts = ["fund", FIGURES["ccp_capital"], *([FIGURES["insurance"]] if coverage["insurance"] else [])]
    return listed(parts)


def losing(cover: dict[str, Any]) -> list[str]:
    """Those of some groups that make the stress loss over initial margin."""
    return cover["made_by"]


def unproved(cover: dict[str, Any], digits: int) -> str:
    """That a cover is not proved, and between which amounts it is; nothing where it is proved."""
    ends = (exact_amount(cover[end], digits) for end in ("found", "amount"))
    return "" if cover["proved"] else between(*ends)


def unproved_test(test: dict[str, Any], digits: int) -> str:
    """That a coverage test is not proved, and between which amounts it is; nothing where it is proved."""
    return "" if test["proved"] else between(_left(test, digits, "found_"), _left(test, digits))


def between(found: str, bound: str) -> str:
    """That an amount is not proved, and between which two it is."""
    return f"{NOT_PROVED}: between {found} and {bound}"


def _left(test: dict[str, Any], digits: int, which: str = "") -> str:
    """What is uncovered or left over: at most or at least, or (`found_`) by the groups that are told."""
    if test[f"{which}uncovered"]:
        return f"{exact_amount(test[f'{which}uncovered'], digits)} uncovered"
    return f"{exact_amount(test[f'{which}headroom'], digits)} left over"


def enough(test: dict[str, Any]) -> str:
    """The answer of a coverage test in a word or two."""
    if test["passed"]:
        return "Yes"
    return "No" if test["proved"] or test["found_uncovered"] else NOT_PROVED.capitalize()


def question(coverage: dict[str, Any]) -> str:
    """What the coverage test asks."""
    count = coverage["cover"]
    who = "one group defaults" if count == 1 else f"{count} groups default"
    return f"Enough, if any {who} in an extreme but plausible scenario?"


def gap_words(gap: float, digits: int) -> str:
    """What is posted against what is required."""
    if gap == 0:
        return "exactly what is required"
    return f"{exact_amount(abs(gap), digits)} {'more' if gap > 0 else 'LESS'} than required"


def bound_by(coverage: dict[str, Any]) -> str:
    """Which rule sets the size of the fund."""
    rule, fund = coverage["fund"]["bound_by"], coverage["fund"]
    if rule == "cover and buffer":
        buffer = f" and a buffer of {fund['buffer'] * 100:g}%" if fund["buffer"] else ""
        open_ = "" if coverage[f"cover_{coverage['cover']}"]["proved"] else f" ({NOT_PROVED})"
        return f"cover-{coverage['cover']}{open_}{buffer}"
    return f"the {rule}" if rule != "EMIR 42(3)" else "EMIR Article 42(3)"


def who_hurts(coverage: dict[str, Any], digits: int) -> str:
    """The groups of cover-N, and their stress loss over initial margin."""
    cover = coverage[f"cover_{coverage['cover']}"]
    groups, amount = losing(cover), exact_amount(cover["amount"], digits)
    if not groups:
        return "No group has a stress loss over initial margin in a scenario that sizes the fund."
    if not cover["proved"]:
        return f"The largest stress loss over initial margin is {unproved(cover, digits)}. {_most_found(cover, digits)}"
    who = f"{groups[0]} has" if len(groups) == 1 else f"{listed(groups)} together have"
    return f"{who} the largest stress loss over initial margin: {amount} in '{cover['scenario_id']}'."


def _most_found(cover: dict[str, Any], digits: int) -> str:
    """The set that loses most of those that were looked at."""
    groups, found = losing(cover), exact_amount(cover["found"], digits)
    who = f"{groups[0]} loses" if len(groups) == 1 else f"{listed(groups)} together lose"
    return f"{who} {found} in '{cover['scenario_id']}', the most of all sets that were looked at."


def coverage_sentence(coverage: dict[str, Any], test: dict[str, Any], digits: int) -> str:
    """What the coverage test found."""
    posted = coverage["fund"]["in_force"] == "posted"
    fund = "the fund that is posted" if posted else "the required fund taken as paid in"
    who = f"if {listed(test['defaulters'])} {defaulting(test['defaulters'])} in '{test['scenario_id']}'"
    idle = [group for group, loss in zip(test["defaulters"], test["losses"], strict=True) if loss == 0]
    some = 0 < len(idle) < len(test["defaulters"])
    aside = f" ({listed(idle)} would lose nothing, but would pay for nobody else)" if some else ""
    if not test["proved"]:
        return f"With {fund}, what is left at worst is {unproved_test(test, digits)}; the first {who}{aside}."
    if test["passed"]:
        return f"With {fund}, {exact_amount(test['headroom'], digits)} is left over at worst, {who}{aside}."
    return f"With {fund}, {exact_amount(test['uncovered'], digits)} is uncovered at worst, {who}{aside}."


def count_sentence(coverage: dict[str, Any]) -> str:
    """How many scenarios stay inside margin, draw on the fund, go beyond."""
    counts, run = coverage["coverage_of_scenarios"], coverage["scenarios"]
    left = counts["not_proved"]
    aside = f"; {left} of them are {NOT_PROVED}, and count by the most that any set may lose" if left else ""
    return (
        f"Of {run['run']} scenarios ({run['sizing']} size the fund), {counts['inside_margin']} stay within margin, "
        f"{counts['inside_prefunded']} draw on prefunded resources, {counts['beyond_prefunded']} exceed them"
        f"{aside}."
    )


def cycle_answer(summary: dict[str, Any]) -> str:
    """What the daily cycle found, in a sentence or three."""
    short, defaults = summary["uncovered"], summary["defaults"]
    if not short["stress_days"]:
        found = "No stress day in this span."
    elif short["days"]:
        days, cover = f"{short['days']} of {short['stress_days']} stress days", summary["cover"]
        found = f"On {days} the default of {cover} {'group' if cover == 1 else 'groups'} would have left a loss "
        found += f"uncovered, the largest on {short['date']}; cover-{cover} alone exceeded prefunded resources "
        found += f"on {summary['beyond_prefunded']['days']}."
    else:
        count = short["stress_days"]
        days = "the one stress day" if count == 1 else f"each of the {count} stress days"
        found = f"Prefunded resources covered the worst default on {days}."
    if defaults["events"]:
        many = "default event was" if defaults["events"] == 1 else "default events were"
        found += f" {defaults['events']} {many} closed out, "
        found += "all losses were paid." if not defaults["uncovered"] else "and losses were left uncovered."
    return f"{summary['from']} to {summary['to']}, {summary['days']} days under {summary['rulebook']}. {found}"


def without_words(days: int) -> str:
    """That the last days have no figure, since the days that would test them have not come; else nothing."""
    which = "day" if days == 1 else f"{days} days"
    return f"The liquidation period of the last {which} is not over: no figure." if days else ""


def exception_figures(summary: dict[str, Any]) -> list[tuple[str, str, str]]:
    """How margin held in the daily cycle, over the liquidation period and in single days: label, count, what it is."""
    period, day = summary["exceptions"], summary["breaches"]
    tested = f"of {int(period['observations']):,} pool-days. {without_words(period['days_without'])}"
    return [
        (
            "Margin exceptions",
            f"{int(period['pools']):,}",
            f"a pool lost more over the liquidation period than the margin before it, {tested}".rstrip(),
        ),
        (
            "One-day exceptions",
            f"{int(day['pools'] or 0):,}",
            f"a pool lost more in a day than it held; on {day['days']} days",
        ),
    ]
