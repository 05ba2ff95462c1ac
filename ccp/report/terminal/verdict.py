"""The answer in sentences: how large the fund must be, who hurts most, what is posted, and whether it is enough."""

from typing import Any

from rich.panel import Panel
from rich.text import Text

from ccp.report.words import defaulting, exact_amount, listed


def verdict(coverage: dict[str, Any], digits: int) -> Panel:
    """The answer as a panel; what is missing or not covered stands in red."""
    fund = coverage["fund"]
    lines = Text()
    lines.append("Default fund required  ", style="bold")
    lines.append(f"{coverage['currency']} {exact_amount(fund['required'], digits)}", style="bold")
    lines.append(f"\nset by {_bound_by(coverage)}.\n{_who_hurts(coverage, digits)}\n")
    if fund["posted"] is not None:
        gap = fund["posted"] - fund["required"]
        lines.append("Posted today  ", style="bold")
        lines.append(f"{coverage['currency']} {exact_amount(fund['posted'], digits)}")
        lines.append(f", {_gap(gap, digits)}.\n", style="bold red" if gap < 0 else "")
    test = coverage["coverage_test"]["sizing_scenarios"]
    lines.append(f"Enough, if any {_groups_default(coverage['cover'])} in a plausible scenario?  ", style="bold")
    lines.append("Yes. " if test["passed"] else "No. ", style="bold green" if test["passed"] else "bold red")
    lines.append(_test_sentence(coverage, test, digits))
    lines.append("\n" + _count_sentence(coverage))
    return Panel(lines, title=Text(f"{coverage['rulebook']}, {coverage['date']}"), title_align="left")


def losing(cover: dict[str, Any]) -> list[str]:
    """Those of some groups that lose more than their margin."""
    return [group for group, loss in zip(cover["groups"], cover["losses"], strict=True) if loss > 0]


def _groups_default(count: int) -> str:
    return "one group defaults" if count == 1 else f"{count} groups default"


def _gap(gap: float, digits: int) -> str:
    if gap == 0:
        return "just what is required"
    return f"{exact_amount(abs(gap), digits)} {'more' if gap > 0 else 'LESS'} than required"


def _bound_by(coverage: dict[str, Any]) -> str:
    rule, fund = coverage["fund"]["bound_by"], coverage["fund"]
    if rule == "cover and buffer":
        buffer = f" and a buffer of {fund['buffer'] * 100:g}%" if fund["buffer"] else ""
        return f"cover-{coverage['cover']}{buffer}"
    return f"the {rule}" if rule != "EMIR 42(3)" else "EMIR Article 42(3)"


def _who_hurts(coverage: dict[str, Any], digits: int) -> str:
    cover = coverage[f"cover_{coverage['cover']}"]
    groups, amount = losing(cover), exact_amount(cover["amount"], digits)
    if not groups:
        return "No group loses more than its margin in a scenario that sizes the fund."
    if len(groups) == 1:
        return f"{groups[0]} hurts most, in '{cover['scenario_id']}': it loses {amount} over its margin."
    return f"{listed(groups)} hurt most, in '{cover['scenario_id']}': together they lose {amount} over their margin."


def _test_sentence(coverage: dict[str, Any], test: dict[str, Any], digits: int) -> str:
    what = "posted" if coverage["fund"]["in_force"] == "posted" else "required"
    who = f"if {listed(test['defaulters'])} {defaulting(test['defaulters'])} in '{test['scenario_id']}'"
    idle = [group for group, loss in zip(test["defaulters"], test["losses"], strict=True) if loss == 0]
    some = 0 < len(idle) < len(test["defaulters"])
    aside = f" ({listed(idle)} would lose nothing, but pay for nobody else)" if some else ""
    if test["passed"]:
        return f"With the fund {what}, at worst {exact_amount(test['headroom'], digits)} is left over, {who}{aside}."
    return f"With the fund {what}, {exact_amount(test['uncovered'], digits)} is paid by nobody {who}{aside}."


def _count_sentence(coverage: dict[str, Any]) -> str:
    counts, run = coverage["coverage_of_scenarios"], coverage["scenarios"]
    return (
        f"Of {run['run']} scenarios ({run['sizing']} size the fund) {counts['inside_margin']} stay inside margin, "
        f"{counts['inside_prefunded']} draw on the fund, {counts['beyond_prefunded']} go beyond what is prefunded."
    )
