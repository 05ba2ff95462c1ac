"""Real defaults run again: what was reported beside what is computed."""

from functools import partial
from typing import Any

import polars as pl

from ccp.report.charts.waterfall import tier_name, waterfall_chart
from ccp.report.elements import Exhibit, Provenance, RunPart, Section, Table, TableColumn
from ccp.report.words import compared_name, listed, replay_title, scale_of
from ccp.runs.run import Run

COMPARED = (
    TableColumn("name", "tier"),
    TableColumn("expected", "reported", "number"),
    TableColumn("computed", "computed", "number"),
    TableColumn("verdict", "verdict"),
    TableColumn("source", "the reported figure comes from"),
)


AGREES = "Everything that was reported is computed."
DIFFERS = "Some of what was reported is NOT what is computed."


def replays_part(run: Run, before: Run | None) -> RunPart:
    """Real defaults run again, a section for each."""
    found = run.document("replays")
    agrees = all(one["agrees"] for one in found)
    sections = tuple(replay_section(place, one) for place, one in enumerate(found, start=1))
    title = ", ".join(one["title"] for one in found)
    return RunPart(title, (AGREES if agrees else DIFFERS,), "good" if agrees else "bad", sections)


def replay_section(place: int, found: dict[str, Any]) -> Section:
    """One replay with all its runs."""
    figures = [
        figure
        for number, run in enumerate(found["runs"], start=1)
        for figure in _run_figures(f"replay-{place}-{number}", found, run)
    ]
    words = [" ".join(found["description"].split())]
    words += [f"Sources: {' '.join(found['source'].split())}"] if found["source"] else []
    calls = [f"{call['amount']:,g} on {call['date']}" for call in found["margin_calls"]]
    words += [f"Margin called, in {_unit(found)}: {', '.join(calls)}."] if calls else []
    assumed = found["assumed_inputs"]
    words += [f"Inputs without a source: {', '.join(assumed)}."] if assumed else []
    return Section(f"replay-{place}", replay_title(found), tuple(words), figures=tuple(figures))


def _run_figures(key: str, found: dict[str, Any], run: dict[str, Any]) -> list[Exhibit]:
    figures = []
    if run["compared"]:
        rows = [
            {**line, "name": compared_name(line), "verdict": "agrees" if line["agrees"] else "DIFFERS"}
            for line in run["compared"]
        ]
        frame = pl.DataFrame([{one.name: row[one.name] for one in COMPARED} for row in rows], infer_schema_length=None)
        table = Table(frame, COMPARED, f"In {_unit(found)}; members are counted.")
        source = Provenance(found["title"], ("runs[].compared",))
        figures.append(Exhibit(f"{key}-compared", f"{run['name']}: reported against computed", (source,), table))
    for number, event in enumerate(run["events"], start=1):
        figures.append(_event_figure(f"{key}-event-{number}", found, run, event))
    return figures


def _unit(found: dict[str, Any]) -> str:
    return f"{found['currency']} times {found['scale']:,g}"


def _event_figure(key: str, found: dict[str, Any], run: dict[str, Any], event: dict[str, Any]) -> Exhibit:
    scale, where = scale_of(event["loss"]), f" in {event['service']}" if event["service"] else ""
    rows = [{"tier": tier_name(tier), "whose": tier["whose"], "paid": tier["paid"]} for tier in event["tiers"]]
    columns = (TableColumn("tier", "tier"), TableColumn("whose", "whose money"), TableColumn("paid", "pays", "money"))
    drawn = partial(waterfall_chart, event["tiers"], event["loss"], scale, found["currency"])
    title = f"{run['name']}: default of {listed(event['defaulters'])}{where}, tier by tier"
    source = Provenance(found["title"], ("runs[].events[].tiers[]",))
    return Exhibit(key, title, (source,), Table(pl.DataFrame(rows), columns), drawn if event["loss"] else None)
