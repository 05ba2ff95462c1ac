"""The sections of a sized fund: the answer, scenarios, contributions, all figures."""

from functools import partial
from typing import Any

import polars as pl

from ccp.report.answer import (
    FIGURES,
    NOT_PROVED,
    bound_by,
    count_sentence,
    coverage_sentence,
    enough,
    figure_at,
    gap_words,
    losing,
    made_of,
    question,
    unproved,
    unproved_test,
    who_hurts,
)
from ccp.report.charts.bars import Series, ranked_bars
from ccp.report.elements import Exhibit, Provenance, Section, Table, TableColumn, Tile, Tone
from ccp.report.together import cover_parts, cover_sentence, cover_shares, is_sold_together
from ccp.report.windows_kept import windows_exhibits, windows_sentence
from ccp.report.words import exact_amount, listed, scale_of, share
from ccp.runs.run import Run

COVERAGE = "coverage.json"
MOST_SCENARIOS, MOST_MEMBERS = 20, 40
OWN_MONEY = "the clearing house's own money in the waterfall"
TERMS = (
    "Stress loss over initial margin (SLOIM) is what closing out costs in a scenario beyond the margin that counts; "
    "cover-N is that of the N groups that together have the most. The default fund is what members pay in; skin in the "
    f"game (SITG) is {OWN_MONEY}. The command ccp glossary explains these and the other terms."
)
"""The standard terms of the first figures, explained."""


def answer_words(coverage: dict[str, Any], digits: int) -> tuple[str, ...]:
    """The answer, a sentence or two in each paragraph."""
    fund, currency = coverage["fund"], coverage["currency"]
    test = coverage["coverage_test"]["sizing_scenarios"]
    amount = f"{currency} {exact_amount(fund['required'], digits)}"
    required = f"The default fund must be {amount}: set by {bound_by(coverage)}."
    posted = fund["posted"]
    if posted is not None:
        gap = gap_words(posted - fund["required"], digits)
        required += f" Posted today are {currency} {exact_amount(posted, digits)}, {gap}."
    verdict = f"{question(coverage)} {enough(test)}. {coverage_sentence(coverage, test, digits)}"
    together = cover_sentence(coverage, digits)
    return (
        required,
        " ".join(filter(None, (who_hurts(coverage, digits), together))),
        verdict,
        count_sentence(coverage),
    )


def answer_tiles(coverage: dict[str, Any], digits: int) -> tuple[Tile, ...]:
    """The key figures on the first screen."""
    fund, count = coverage["fund"], coverage["cover"]
    cover, ratio = coverage[f"cover_{count}"], coverage["coverage_ratio"]
    prefunded = f"prefunded {exact_amount(coverage['prefunded'], digits)} ({made_of(coverage)}) over cover-{count}"
    prefunded = "; ".join(filter(None, (prefunded, unproved(cover, digits))))
    tone: Tone = "plain" if ratio is None else "good" if ratio >= 1 else "bad"
    required, rule = exact_amount(fund["required"], digits), f"set by {bound_by(coverage)}"
    return (
        Tile("Default fund required", required, rule, _from("fund.required")),
        _posted_tile(fund, digits),
        Tile(sloim(count), exact_amount(cover["amount"], digits), _who(cover, digits), _from(f"cover_{count}.amount")),
        *_parts_tiles(coverage, digits),
        Tile("Skin in the game", exact_amount(coverage["ccp_capital"], digits), OWN_MONEY, _from("ccp_capital")),
        Tile("Coverage ratio", share(ratio), prefunded, _from("coverage_ratio"), tone),
        _uncovered_tile(coverage["coverage_test"]["sizing_scenarios"], digits),
        Tile("Initial margin", exact_amount(coverage["margin"], digits), "all pools", _from("margin")),
    )


def _parts_tiles(coverage: dict[str, Any], digits: int) -> list[Tile]:
    """What of cover-N there is for defaulting together."""
    sale, count = coverage["sold_together"], coverage["cover"]
    return [
        Tile(
            label.capitalize(),
            exact_amount(sale[part]["more_over_margin"], digits),
            f"{cover_shares(sale[part], count)}: {what}",
            _from(f"sold_together.{part}.more_over_margin"),
        )
        for part, label, what in cover_parts(sale)
    ]


def _posted_tile(fund: dict[str, Any], digits: int) -> Tile:
    """What is paid in, against what is required."""
    posted, source = fund["posted"], _from("fund.posted")
    if posted is None:
        return Tile("Default fund posted", "not stated", "the required fund is taken as paid in", source)
    gap = posted - fund["required"]
    tone: Tone = "good" if gap >= 0 else "bad"
    return Tile("Default fund posted", exact_amount(posted, digits), gap_words(gap, digits), source, tone)


def _uncovered_tile(test: dict[str, Any], digits: int) -> Tile:
    """What nobody pays at worst, with the fund in force."""
    where = f"{_who_leaves(test, digits)}; scenarios that size the fund"
    tone: Tone = "good" if test["passed"] else "bad"
    source = _from("coverage_test.sizing_scenarios.uncovered")
    return Tile("Uncovered at worst", exact_amount(test["uncovered"], digits), where, source, tone)


def sloim(cover: int | str) -> str:
    """The label of a cover figure: of a number of groups, or by the name of a rule."""
    return f"Stress loss over initial margin, {cover if cover == 'EMIR 42(3)' else f'cover-{cover}'}"


def _from(*fields: str) -> Provenance:
    return Provenance(COVERAGE, fields)


def _who(cover: dict[str, Any], digits: int) -> str:
    groups = losing(cover)
    said = f"{listed(groups)} in '{cover['scenario_id']}'" if groups else "no group has any"
    return "; ".join(filter(None, (unproved(cover, digits), said)))


def _who_leaves(test: dict[str, Any], digits: int) -> str:
    said = f"{listed(test['defaulters'])} in '{test['scenario_id']}'"
    return "; ".join(filter(None, (unproved_test(test, digits), said)))


def figures_section(coverage: dict[str, Any], digits: int) -> Section:
    """Every figure of the sizing in one table."""
    rows: list[tuple[str, float | None, str, str]] = []
    for name in [f"cover_{count}" for count in sorted({1, 2, coverage["cover"]})] + ["emir_42_3"]:
        called = sloim("EMIR 42(3)") if name == "emir_42_3" else sloim(name.removeprefix("cover_"))
        rows.append((called, coverage[name]["amount"], _who(coverage[name], digits), f"{name}.amount"))
    rows += [
        (FIGURES[path], figure_at(coverage, path), note, path) for path, note in _figure_notes(coverage, digits).items()
    ]
    frame = pl.DataFrame(rows, schema=["figure", "amount", "note", "field"], orient="row")
    columns = (TableColumn("figure", "figure"), TableColumn("amount", "amount", "money"), TableColumn("note", "note"))
    table = Table(frame, (*columns, TableColumn("field", "field of coverage.json")))
    source = _from("the field that each row names")
    return Section("figures", "The figures", figures=(Exhibit("all-figures", "Every figure", (source,), table),))


def _figure_notes(coverage: dict[str, Any], digits: int) -> dict[str, str]:
    """What is said beside each figure, by where `coverage.json` has it, in the order of the table."""
    tests = {
        f"coverage_test.{name}.uncovered": _who_leaves(test, digits) for name, test in coverage["coverage_test"].items()
    }
    return _parts_notes(coverage, digits) | {
        "fund.required": f"set by {bound_by(coverage)}",
        "fund.floor": "the least that the rulebook allows",
        "fund.posted": "not stated" if coverage["fund"]["posted"] is None else "by the book's members",
        "ccp_capital": OWN_MONEY,
        "insurance": "in the waterfall",
        "prefunded": made_of(coverage),
        "margin": "all pools",
        **tests,
    }


def _parts_notes(coverage: dict[str, Any], digits: int) -> dict[str, str]:
    """What is said beside what the groups of cover-N lose more for defaulting together."""
    sale = coverage["sold_together"]
    notes = {
        f"sold_together.{part}.more_over_margin": cover_shares(sale[part], coverage["cover"])
        for part, _, _ in cover_parts(sale)
    }
    if is_sold_together(sale):
        notes["sold_together.cost"] = f"{exact_amount(sale['cost_alone'], digits)} if each group was sold alone"
    return notes


def scenarios_section(run: Run, coverage: dict[str, Any], currency: str) -> Section:
    """Scenarios with what they cost, and where they come from."""
    scenarios, count = run.table("scenarios"), coverage["cover"]
    ordered = scenarios.sort("cover_n", "scenario_id", descending=[True, False])
    sizing, beyond = ordered.filter("sizes_fund"), ordered.filter(~pl.col("sizes_fund"))
    parts = (
        ("scenarios", "that size the fund", sizing),
        ("beyond", "beyond plausible, which do not size the fund", beyond),
    )
    figures = [_scenario_figure(*part, coverage, currency) for part in parts if part[-1].height]
    windows = windows_sentence(run.table("windows"))
    words = (
        f"{scenarios.height} scenarios were run; {sizing.height} of them count as extreme but plausible and size the "
        f"fund. Cover-{count} of a scenario is the stress loss over initial margin of its {count} largest groups.",
        *([windows] if windows else []),
    )
    return Section("scenarios", "Scenarios", words, figures=(*figures, *windows_exhibits(run)))


def _scenario_figure(key: str, which: str, scenarios: pl.DataFrame, coverage: dict[str, Any], currency: str) -> Exhibit:
    count, rows = coverage["cover"], scenarios.head(MOST_SCENARIOS)
    names = ["cover_1", "cover_2"] + (["cover_n"] if count > 2 else [])
    headings = {name: f"cover-{count}" if name == "cover_n" else name.replace("_", "-") for name in names}
    columns = (
        TableColumn("scenario_id", "scenario"),
        *(TableColumn(name, heading, "money") for name, heading in headings.items()),
        TableColumn("groups", f"groups of cover-{count}"),
        TableColumn("uncovered", "uncovered", "money"),
        TableColumn("uncovered_groups", "groups that leave it"),
        TableColumn("proved", "proved", "flag"),
        TableColumn("kind", "kind"),
        TableColumn("description", "what happens"),
        TableColumn("provenance", "from"),
    )
    largest = rows.select(pl.max_horizontal(pl.col("cover_n").max(), pl.lit(coverage["prefunded"]))).item()
    scale = scale_of(largest)
    marked = pl.when("proved").then(pl.lit("")).otherwise(pl.lit(f" ({NOT_PROVED})"))
    drawn = rows.select(
        (pl.col("scenario_id") + marked).alias("name"), *(pl.col(name) / scale.unit for name in headings)
    )
    series = Series(headings, limits={"prefunded": coverage["prefunded"] / scale.unit})
    shown = tuple(column.name for column in columns)
    note = f"The {rows.height} worst by cover-{count}, of {scenarios.height}."
    if not rows["proved"].all():
        note += (
            " Amounts that are not proved are what no set of groups loses more than; the groups named may lose less."
        )
    return Exhibit(
        key,
        f"Stress loss over initial margin in the {rows.height} worst scenarios {which}",
        (Provenance("scenarios.parquet", shown), _from("prefunded")),
        Table(rows.select(shown), columns, note),
        partial(ranked_bars, drawn, "scenario", series, f"stress loss over initial margin ({scale.named(currency)})"),
        f"The dashed line is what is prefunded: {made_of(coverage)}.",
    )


def contributions_section(run: Run, currency: str, before: Run | None) -> Section:
    """What each member contributes, and what changed: against what is posted, and against an earlier run."""
    found = run.table("contributions")
    columns = [
        TableColumn("member_id", "member"),
        TableColumn("group_id", "group"),
        TableColumn("margin", "margin", "money"),
    ]
    columns.append(TableColumn("contribution", "contribution required", "money"))
    sources, marks = [Provenance("contributions.parquet", ("margin", "contribution", "posted"))], dict[str, str]()
    words = f"The fund required is shared out {_shared_by(run)}; shares are whole cents and add back to it."
    if found["posted"].null_count() < found.height:
        found = found.with_columns(change=pl.col("contribution") - pl.col("posted"))
        columns += [
            TableColumn("posted", "posted today", "money"),
            TableColumn("change", "to pay in, or (-) back", "money"),
        ]
        marks = {"posted": "posted today"}
    if before is not None:
        found = _with_change(found, before)
        columns += [TableColumn("before", "required before", "money"), TableColumn("since", "change since", "money")]
        marks = {"before": "required before"}
        sources.append(Provenance(f"{before.name}/contributions.parquet", ("contribution",)))
        words += f" Changes are against {before.name}; a member that came or left counts from or to nothing."
    figure = _contributions_figure(
        found, [*columns, TableColumn("share", "share of the fund", "share")], marks, currency
    )
    named = Exhibit("contributions", f"Contributions required of {found.height} members", tuple(sources), *figure)
    return Section("contributions", "Contributions, and what changed", (words,), figures=(named,))


def _with_change(found: pl.DataFrame, before: Run) -> pl.DataFrame:
    """Contributions with those of an earlier run (`before`) and the change (`since`)."""
    earlier = before.table("contributions").select("member_id", before="contribution")
    both = found.join(earlier, on="member_id", how="full", coalesce=True)
    return both.with_columns(since=pl.col("contribution").fill_null(0.0) - pl.col("before").fill_null(0.0))


def _contributions_figure(found: pl.DataFrame, columns: list[TableColumn], marks: dict[str, str], currency: str) -> Any:
    """The table of contributions, and how it is drawn."""
    shares = found.with_columns(share=pl.col("contribution") / pl.col("contribution").sum())
    ordered = shares.sort("contribution", "member_id", descending=[True, False], nulls_last=True)
    scale = scale_of(found["contribution"].max())
    amounts = [pl.col(name) / scale.unit for name in ("contribution", *marks)]
    drawn = ordered.head(MOST_MEMBERS).select(pl.col("member_id").alias("name"), *amounts)
    series = Series({"contribution": "required"}, marks)
    note = f"The drawing shows the {MOST_MEMBERS} largest of {found.height}." if found.height > MOST_MEMBERS else ""
    table = Table(ordered.select([column.name for column in columns]), tuple(columns), note)
    return table, partial(ranked_bars, drawn, "member", series, f"contribution ({scale.named(currency)})")


def _shared_by(run: Run) -> str:
    by_loss = run.manifest["rulebook"]["fund"]["allocation"] == "stress_loss_share"
    return "by each member's worst stress loss over initial margin" if by_loss else "by each member's margin"
