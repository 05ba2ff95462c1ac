"""Replays for a terminal: expected beside computed, and every tier's story on request."""

from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ccp.report.terminal.story import tier_lines, whose_lines
from ccp.report.words import exact_amount, listed
from ccp.rulebook.tier_table import UNCOVERED, label_of

SCALES = {1.0: "", 1e3: "thousand", 1e6: "m", 1e9: "bn"}


def replay_tables(found: dict[str, Any]) -> RenderableType:
    """A replay's runs: what was expected of each tier, what was computed, where the expected figure comes from."""
    unit = f"{found['currency']} {SCALES.get(found['scale'], format(found['scale'], ',g'))}".strip()
    parts: list[RenderableType] = [Text(f"\n{found['title']} ({unit})", style="bold")]
    notes: list[str] = []
    for run in found["runs"]:
        table = Table(box=None, pad_edge=False)
        for name, justify in (
            ("tier", "left"),
            ("expected", "right"),
            ("computed", "right"),
            ("", "left"),
            ("", "left"),
        ):
            table.add_column(name, justify=justify, no_wrap=True)  # type: ignore[arg-type]
        if not run["compared"]:
            parts += [Text(run["name"]), _paid(run, found["scale"])]
            continue
        for line in run["compared"]:
            verdict = "agrees" if line["agrees"] else "DIFFERS"
            expected, computed = (_amount(line[name]) for name in ("expected", "computed"))
            note, style = _note(line, notes), "" if line["agrees"] else "red"
            table.add_row(label_of(line["tier"]), expected, computed, verdict, note, style=style)
        rules = f" ({run['rulebook']})" if run["name"] != run["rulebook"] else ""
        parts += [Text(f"{run['name']}{rules}"), table]
    if found["assumed_inputs"]:
        parts.append(Text(f"Inputs without a source: {', '.join(found['assumed_inputs'])}"))
    return Group(*parts, *(Text(f"[{number}] {text}") for number, text in enumerate(notes, start=1)))


def _paid(run: dict[str, Any], scale: float) -> Table:
    """What every tier paid, where nothing is expected of any."""
    table = Table(box=None, pad_edge=False)
    table.add_column("tier", no_wrap=True)
    table.add_column("computed", justify="right", no_wrap=True)
    sums: dict[str, float] = {}
    for tier in (tier for event in run["events"] for tier in event["tiers"]):
        sums[tier["tier"]] = sums.get(tier["tier"], 0.0) + tier["paid"]
    for tier, amount in sums.items():
        table.add_row(label_of(tier), _amount((run["uncovered"] if tier == UNCOVERED else amount) / scale))
    return table


def _note(line: dict[str, Any], notes: list[str]) -> str:
    """The number of the note that says where an expected figure comes from; a star where it is assumed."""
    text = f"assumed: {line['source']}" if line["assumed"] else line["source"]
    if not text:
        return ""
    if text not in notes:
        notes.append(text)
    return f"[{notes.index(text) + 1}{'*' if line['assumed'] else ''}]"


def _amount(value: float) -> str:
    return f"{value:,.4f}".rstrip("0").rstrip(".")


def replay_story(found: dict[str, Any], digits: int) -> str:
    """A replay in full: what happened, its sources, and every tier of every run with its payers."""
    lines = [found["title"], "", found["description"].strip(), ""]
    lines += [f"Sources: {found['source'].strip()}"] if found["source"] else []
    for run in found["runs"]:
        lines += ["", f"Run: {run['name']} ({run['rulebook']})"]
        for event in run["events"]:
            lines += ["", _heading(event), "", *tier_lines(event, digits)]
        lines += ["", "Who pays in the whole run", *whose_lines(run["by_stakeholder"], digits)]
        for back in run["recoveries"]:
            payer = f" of {back['payer']}" if back["payer"] else ""
            lines.append(f"Recovered for {back['tier']}{payer}: {exact_amount(back['amount'], digits)}")
    return "\n".join(lines)


def _heading(event: dict[str, Any]) -> str:
    words = f"Default {event['default']}: {listed(event['defaulters'])}"
    if event["round"] > 1:
        words += f", round {event['round']}"
    if event["service"]:
        other = event["for_service"] != event["service"]
        words += f", in {event['service']}" + (f" for what {event['for_service']} left uncovered" if other else "")
    return words
