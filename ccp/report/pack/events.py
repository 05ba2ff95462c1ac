"""One default event: the waterfall as a drawing, and who pays."""

from dataclasses import replace
from functools import partial
from typing import Any

import polars as pl

from ccp.report.charts.bars import stacked_bars
from ccp.report.charts.theme import ORDER, WHOSE
from ccp.report.charts.waterfall import CUT, tier_name, waterfall_chart
from ccp.report.elements import Exhibit, Provenance, RunPart, Section, Table, TableColumn
from ccp.report.listing.fields import digits_of
from ccp.report.together import event_sentences
from ccp.report.words import defaulting, exact_amount, listed, scale_of
from ccp.rulebook.tier_kind import NOBODY, SURVIVORS
from ccp.rulebook.tier_table import UNCOVERED
from ccp.runs.run import Run

MOST_BILLS = 25
TIERS = (
    TableColumn("tier", "tier"),
    TableColumn("whose", "whose money"),
    TableColumn("rule", "rule"),
    TableColumn("owed", "owed", "money"),
    TableColumn("available", "has", "money"),
    TableColumn("paid", "pays", "money"),
    TableColumn("unused", "left unused", "money"),
    TableColumn("why", "why it ends there"),
)


def event_part(run: Run, before: Run | None) -> RunPart:
    """A default and who pays, round by round."""
    trace, digits = run.document("trace"), digits_of(run)
    title = f"The default of {' and '.join(trace['defaulters'])}"
    event = replace(event_section("event", title, trace, "trace.json", digits), paragraphs=())
    return RunPart(
        f"{trace['rulebook']}, {trace['date']}",
        event_words(trace, digits),
        "bad" if trace["uncovered"] else "good",
        (event, *round_sections(trace, "trace.json", digits)),
    )


def event_section(key: str, title: str, trace: dict[str, Any], file: str, digits: int, of: str = "") -> Section:
    """The waterfall of an event that is told in a trace, `of` a field of its file, and its survivors' bills."""
    prefix = f"{of}." if of else ""
    figures = [waterfall_figure(f"{key}-waterfall", trace, file, digits, prefix)]
    bills = bills_of(trace["tiers"])
    if not bills.is_empty():
        paid = Provenance(file, (f"{prefix}tiers[].payers",))
        colours = _colours(trace["tiers"], bills.columns[2:])
        figures.append(bills_figure(f"{key}-bills", bills, colours, trace["currency"], digits, paid))
    if trace.get("pools"):
        figures.append(_pools_figure(f"{key}-pools", trace, Provenance(file, (f"{prefix}pools",))))
    return Section(key, title, event_words(trace, digits), figures=tuple(figures))


def waterfall_figure(key: str, trace: dict[str, Any], file: str, digits: int, prefix: str = "") -> Exhibit:
    """The drawing of one run down the tiers, with the table of its tiers."""
    rows = [{**tier, "tier": tier_name(tier), "unused": _unused(tier)} for tier in trace["tiers"]]
    names = [column.name for column in TIERS]
    frame = pl.DataFrame([{name: row[name] for name in names} for row in rows], infer_schema_length=None)
    scale = scale_of(trace["loss"])
    drawn = partial(waterfall_chart, trace["tiers"], trace["loss"], scale, trace["currency"])
    columns = tuple(f"{prefix}tiers[].{name}" for name in ("owed", "available", "paid"))
    who = f"if {listed(trace['defaulters'])} {defaulting(trace['defaulters'])}"
    return Exhibit(
        key,
        f"Who pays the loss of {trace['currency']} {exact_amount(trace['loss'], digits)}, tier by tier, {who}",
        (Provenance(file, columns),),
        Table(frame, TIERS, "Paid and uncovered add up to the loss; that is checked in every run."),
        drawn if trace["loss"] else None,
        "Each bar begins where the one above has ended; in outline, what a tier had and did not need or may not give. "
        f"Outlines are cut off at {CUT:g} times the loss.",
    )


def _unused(tier: dict[str, Any]) -> float | None:
    return None if tier["tier"] == UNCOVERED else round(tier["available"] - tier["paid"], 6)


def bills_of(tiers: list[dict[str, Any]]) -> pl.DataFrame:
    """What each survivor pays, by tier and in all (`total`), the largest bill first; empty where none pays."""
    rows = [
        {"member_id": payer["member_id"], "tier": tier_name(tier), "whose": tier["whose"], "paid": payer["paid"]}
        for tier in tiers
        if tier["whose"] in SURVIVORS
        for payer in tier["payers"]
        if payer["paid"]
    ]
    if not rows:
        return pl.DataFrame()
    long = pl.DataFrame(rows)
    wide = long.pivot("tier", index="member_id", values="paid", aggregate_function="sum").fill_null(0.0)
    tiers_paid = [name for name in wide.columns if name != "member_id"]
    total = wide.with_columns(total=pl.sum_horizontal(tiers_paid))
    return total.sort("total", "member_id", descending=[True, False]).select("member_id", "total", *tiers_paid)


def _colours(tiers: list[dict[str, Any]], names: list[str]) -> dict[str, str]:
    """A colour for each tier that is on bills: that of whose money it is, or, of the second such tier, another."""
    whose = {tier_name(tier): WHOSE[tier["whose"]] for tier in tiers}
    colours: dict[str, str] = {}
    for name in names:
        free = [colour for colour in (whose[name], *ORDER) if colour not in colours.values()]
        colours[name] = free[0] if free else whose[name]
    return colours


def bills_figure(
    key: str, bills: pl.DataFrame, colours: dict[str, str], currency: str, digits: int, source: Provenance
) -> Exhibit:
    """What each survivor pays, by tier: the largest bills drawn in some colours, all of them in the table."""
    tiers = bills.columns[2:]
    columns = [TableColumn("member_id", "member"), TableColumn("total", "pays in all", "money")]
    columns += [TableColumn(name, name.split(". ", 1)[-1], "money") for name in tiers]
    scale = scale_of(bills["total"].max())
    shown = bills.head(MOST_BILLS)
    parts = shown.unpivot(tiers, index="member_id", variable_name="part", value_name="amount")
    drawn = parts.with_columns(pl.col("amount") / scale.unit).rename({"member_id": "name"})
    note = f" The drawing shows the {MOST_BILLS} largest." if bills.height > MOST_BILLS else ""
    return Exhibit(
        key,
        f"What each of {bills.height} survivors pays, largest bill first",
        (source,),
        Table(bills, tuple(columns), f"Together {currency} {exact_amount(float(bills['total'].sum()), digits)}.{note}"),
        partial(stacked_bars, drawn, "surviving member", f"pays ({scale.named(currency)})", colours),
    )


def _pools_figure(key: str, trace: dict[str, Any], source: Provenance) -> Exhibit:
    """What the defaulters' pools lose, and what margin stands against it."""
    pools = pl.DataFrame(trace["pools"], infer_schema_length=None).sort("short", "pool_id", descending=[True, False])
    columns = (
        TableColumn("pool_id", "pool"),
        TableColumn("member_id", "member"),
        TableColumn("kind", "kind"),
        *([TableColumn("cost", "cost of the sale", "money")] if "cost" in pools.columns else []),
        TableColumn("loss", "loss", "money"),
        TableColumn("margin", "margin held", "money"),
        TableColumn("short", "shortfall over margin", "money"),
        TableColumn("surplus", "surplus", "money"),
    )
    shown = pools.head(MOST_BILLS).select([column.name for column in columns])
    note = "A negative loss is a gain and stays with its owner; a client pool never pays for another pool."
    if pools.height > MOST_BILLS:
        note += f" The {MOST_BILLS} with the largest shortfall are shown, of {pools.height}."
    return Exhibit(key, "The defaulters' pools: loss against margin held", (source,), Table(shown, columns, note))


def event_words(trace: dict[str, Any], digits: int) -> tuple[str, ...]:
    """What happens, and who pays in all, in sentences."""
    who, currency = listed(trace["defaulters"]), trace["currency"]
    scenario = f"'{trace['scenario_id']}' ({trace['scenario']}; from {trace['provenance']})"
    happens = f"{who} {defaulting(trace['defaulters'])} in {scenario}."
    payers = [(name, amount) for name, amount in trace["by_stakeholder"].items() if amount and name != NOBODY.name]
    paid = "; ".join(f"{name} {exact_amount(amount, digits)}" for name, amount in payers) or "nobody"
    nobody = trace["uncovered"]
    left = f"{currency} {exact_amount(nobody, digits)} is uncovered." if nobody else "Every cent has a payer."
    return (
        happens,
        f"The loss of {currency} {exact_amount(trace['loss'], digits)} is paid by {paid}. {left}",
        *event_sentences(trace, digits),
        *_spread(trace),
    )


def _spread(trace: dict[str, Any]) -> list[str]:
    """What became of the default's spreading, where that was looked for."""
    if "rounds" not in trace:
        return []
    others = [name for one in trace["rounds"][1:] for name in one["defaulters"]]
    if not others:
        return ["Contagion was looked for: nobody else fails."]
    return [f"Contagion: {listed(others)} {defaulting(others)} as well, in {len(trace['rounds']) - 1} more rounds."]


def round_sections(trace: dict[str, Any], file: str, digits: int) -> list[Section]:
    """The rounds after the first of a default that spread: who failed with it, and who paid for that."""
    sections = []
    for place, one in enumerate(trace.get("rounds", [])[1:], start=1):
        told = {name: trace[name] for name in ("currency", "scenario_id", "scenario", "provenance")} | one
        title = f"Round {one['round']}: {listed(one['defaulters'])} {defaulting(one['defaulters'])} as well"
        sections.append(event_section(f"round-{one['round']}", title, told, file, digits, f"rounds[{place}]"))
    return sections
