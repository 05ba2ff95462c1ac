"""The answer of a sizing as a panel."""

from typing import Any

from rich.panel import Panel
from rich.text import Text

from ccp.report.answer import bound_by, count_sentence, coverage_sentence, enough, gap_words, question, who_hurts
from ccp.report.words import exact_amount


def verdict(coverage: dict[str, Any], digits: int) -> Panel:
    """The answer; what is missing or not covered stands in red."""
    fund = coverage["fund"]
    lines = Text()
    lines.append("Default fund required  ", style="bold")
    lines.append(f"{coverage['currency']} {exact_amount(fund['required'], digits)}", style="bold")
    lines.append(f"\nset by {bound_by(coverage)}.\n{who_hurts(coverage, digits)}\n")
    if fund["posted"] is not None:
        gap = fund["posted"] - fund["required"]
        lines.append("Posted today  ", style="bold")
        lines.append(f"{coverage['currency']} {exact_amount(fund['posted'], digits)}")
        lines.append(f", {gap_words(gap, digits)}.\n", style="bold red" if gap < 0 else "")
    test = coverage["coverage_test"]["sizing_scenarios"]
    lines.append(f"{question(coverage)}  ", style="bold")
    lines.append(f"{enough(test)}. ", style="bold green" if test["passed"] else "bold red")
    lines.append(coverage_sentence(coverage, test, digits))
    lines.append("\n" + count_sentence(coverage))
    return Panel(lines, title=Text(f"{coverage['rulebook']}, {coverage['date']}"), title_align="left")
