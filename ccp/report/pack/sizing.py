"""The sections of a sized fund: the answer, scenarios, groups, contributions."""

from functools import partial
from typing import Any

import polars as pl

from ccp.report.answer import bound_by, count_sentence, coverage_sentence, gap_words, losing, question, who_hurts
from ccp.report.charts.bars import Series, ranked_bars
from ccp.report.pack.model import Column, Figure, Section, Source, Table, Tile
from ccp.report.words import exact_amount, listed, scale_of, share
from ccp.runs.run import Run

COVERAGE = "coverage.json"
MOST_SCENARIOS, MOST_GROUPS, MOST_MEMBERS = 20, 10, 40


def answer_words(coverage: dict[str, Any], digits: int) -> tuple[str, ...]:
    """The answer, a sentence or two in each paragraph."""
    fund, currency = coverage["fund"], coverage["currency"]
    test = coverage["coverage_test"]["sizing_scenarios"]
    required = (
        f"The default fund must be {currency} {exact_amount(fund['required'], digits)}: set by {bound_by(coverage)}."
    )
    posted = fund["posted"]
    if posted is not None:
        gap = gap_words(posted - fund["required"], digits)
        required += f" Posted today are {currency} {exact_amount(posted, digits)}, {gap}."
    verdict = f"{question(coverage)} {'Yes' if test['passed'] else 'No'}. {coverage_sentence(coverage, test, digits)}"
    return (required, who_hurts(coverage, digits), verdict, count_sentence(coverage))


def answer_tiles(coverage: dict[str, Any], digits: int) -> tuple[Tile, ...]:
    """The key figures on the first screen."""
    fund, count = coverage["fund"], coverage["cover"]
    cover, test = coverage[f"cover_{count}"], coverage["coverage_test"]["sizing_scenarios"]
    tiles = [
        Tile(
            "Fund required",
            exact_amount(fund["required"], digits),
            f"set by {bound_by(coverage)}",
            _from("fund.required"),
        )
    ]
    if fund["posted"] is None:
        tiles.append(Tile("Fund posted", "not stated", "the required fund is taken as paid in", _from("fund.posted")))
    else:
        gap = fund["posted"] - fund["required"]
        tone = "good" if gap >= 0 else "bad"
        tiles.append(
            Tile(
                "Fund posted", exact_amount(fund["posted"], digits), gap_words(gap, digits), _from("fund.posted"), tone
            )
        )
    ratio = coverage["coverage_ratio"]
    tiles += [
        Tile(f"Cover-{count}", exact_amount(cover["amount"], digits), _who(cover), _from(f"cover_{count}.amount")),
        Tile(
            "Coverage ratio",
            share(ratio),
            f"prefunded {exact_amount(coverage['prefunded'], digits)} over cover-{count}",
            _from("coverage_ratio"),
            "plain" if ratio is None else "good" if ratio >= 1 else "bad",
        ),
        Tile(
            "Uncovered at worst",
            exact_amount(test["uncovered"], digits),
            f"{listed(test['defaulters'])} in '{test['scenario_id']}'; scenarios that size the fund",
            _from("coverage_test.sizing_scenarios.uncovered"),
            "good" if test["passed"] else "bad",
        ),
        Tile("Initial margin", exact_amount(coverage["margin"], digits), "all pools", _from("margin")),
    ]
    return tuple(tiles)


def _from(*fields: str) -> Source:
    return Source(COVERAGE, fields)


def _who(cover: dict[str, Any]) -> str:
    groups = losing(cover)
    return f"{listed(groups)} in '{cover['scenario_id']}'" if groups else "nobody loses more than margin"


def figures_section(coverage: dict[str, Any], digits: int) -> Section:
    """Every figure of the sizing in one table."""
    fund, rows = coverage["fund"], []
    covers = sorted({1, 2, coverage["cover"]})
    for count in covers:
        rows.append(
            (
                f"cover-{count}",
                coverage[f"cover_{count}"]["amount"],
                _who(coverage[f"cover_{count}"]),
                f"cover_{count}.amount",
            )
        )
    rows.append(("EMIR 42(3)", coverage["emir_42_3"]["amount"], _who(coverage["emir_42_3"]), "emir_42_3.amount"))
    rows += [
        ("fund required", fund["required"], f"set by {bound_by(coverage)}", "fund.required"),
        ("fund floor", fund["floor"], "the smallest that the rulebook allows", "fund.floor"),
        (
            "fund posted",
            fund["posted"],
            "by the book's members" if fund["posted"] is not None else "not stated",
            "fund.posted",
        ),
        ("clearing house's capital", coverage["ccp_capital"], "in the waterfall", "ccp_capital"),
        ("insurance", coverage["insurance"], "in the waterfall", "insurance"),
        ("prefunded", coverage["prefunded"], "fund in force, capital and insurance", "prefunded"),
        ("initial margin", coverage["margin"], "all pools", "margin"),
    ]
    for name, test in coverage["coverage_test"].items():
        what = name.replace("_", " ")
        said = f"{listed(test['defaulters'])} in '{test['scenario_id']}'"
        rows.append((f"uncovered, {what}", test["uncovered"], said, f"coverage_test.{name}.uncovered"))
    frame = pl.DataFrame(rows, schema=["figure", "amount", "note", "field"], orient="row")
    columns = (
        Column("figure", "figure"),
        Column("amount", "amount", "money"),
        Column("note", "note"),
        Column("field", "field of coverage.json"),
    )
    table = Table(frame, columns)
    return Section(
        "figures", "The figures", figures=(Figure("all-figures", "Every figure of the sizing", (_from("…"),), table),)
    )


def scenarios_section(run: Run, coverage: dict[str, Any], currency: str) -> Section:
    """Scenarios with what they cost, where they come from, and what moves in the worst of them."""
    scenarios, count = run.table("scenarios"), coverage["cover"]
    order = {"by": ["sizes_fund", "cover_n", "scenario_id"], "descending": [True, True, False]}
    shown = scenarios.sort(**order).head(MOST_SCENARIOS) if scenarios["sizes_fund"].any() else scenarios.head(0)
    sizing = (
        scenarios.filter("sizes_fund").sort("cover_n", "scenario_id", descending=[True, False]).head(MOST_SCENARIOS)
    )
    beyond = (
        scenarios.filter(~pl.col("sizes_fund"))
        .sort("cover_n", "scenario_id", descending=[True, False])
        .head(MOST_SCENARIOS)
    )
    del shown
    figures = [
        _scenario_figure(
            "scenarios", "that size the fund", sizing, scenarios.filter("sizes_fund").height, coverage, currency
        )
    ]
    if not beyond.is_empty():
        total = scenarios.filter(~pl.col("sizes_fund")).height
        figures.append(
            _scenario_figure("beyond", "beyond plausible, which size nothing", beyond, total, coverage, currency)
        )
    words = (
        f"{scenarios.height} scenarios were run; {scenarios.filter('sizes_fund').height} of them count as extreme but plausible and size the fund.",
        f"Cover-{count} of a scenario is what its {count} largest groups lose over their margin, both in that same scenario.",
    )
    return Section("scenarios", "Scenarios", words, figures=tuple(figures))


def _scenario_figure(
    key: str, which: str, rows: pl.DataFrame, total: int, coverage: dict[str, Any], currency: str
) -> Figure:
    count = coverage["cover"]
    names = dict.fromkeys(["cover_1", "cover_2"] + (["cover_n"] if count > 2 else []))
    headings = {name: f"cover-{count}" if name == "cover_n" else name.replace("_", "-") for name in names}
    columns = [Column("scenario_id", "scenario")]
    columns += [Column(name, heading, "money") for name, heading in headings.items()]
    columns += [
        Column("groups", f"groups of cover-{count}"),
        Column("uncovered", "uncovered", "money"),
        Column("uncovered_groups", "groups that leave it"),
        Column("kind", "kind"),
        Column("description", "what happens"),
        Column("provenance", "from"),
    ]
    scale = scale_of(max(rows["cover_n"].max() or 0.0, coverage["prefunded"]))  # type: ignore[type-var, arg-type]
    drawn = rows.select(pl.col("scenario_id").alias("name"), *(pl.col(name) / scale.unit for name in headings))
    limits = {"prefunded": coverage["prefunded"] / scale.unit}
    series = Series(headings, limits=limits)
    table = Table(
        rows.select([column.name for column in columns]),
        tuple(columns),
        f"The {rows.height} worst by cover-{count}, of {total}.",
    )
    return Figure(
        key,
        f"Loss over margin in the {rows.height} worst scenarios {which}",
        (Source("scenarios.parquet", tuple(column.name for column in columns)), _from("prefunded")),
        table,
        partial(ranked_bars, drawn, "scenario", series, f"loss over margin ({scale.named(currency)})"),
        "The dashed line is what is prefunded: fund in force, the clearing house's capital and insurance.",
    )


def contributions_section(run: Run, coverage: dict[str, Any], currency: str, before: Run | None) -> Section:
    """What each member contributes, and what changed: against what is posted, or against an earlier run."""
    found = run.table("contributions")
    columns = [
        Column("member_id", "member"),
        Column("group_id", "group"),
        Column("margin", "margin", "money"),
        Column("contribution", "contribution required", "money"),
    ]
    sources = [Source("contributions.parquet", ("margin", "contribution", "posted"))]
    marks: dict[str, str] = {}
    words = ["The fund required is shared out " + _shared_by(run) + "; shares are whole cents and add back to it."]
    if found["posted"].null_count() < found.height:
        found = found.with_columns(change=pl.col("contribution") - pl.col("posted"))
        columns += [Column("posted", "posted today", "money"), Column("change", "to pay in (+) or back (-)", "money")]
        marks = {"posted": "posted today"}
    if before is not None:
        earlier = before.table("contributions").select("member_id", before="contribution")
        found = found.join(earlier, on="member_id", how="full", coalesce=True)
        found = found.with_columns(since=pl.col("contribution").fill_null(0.0) - pl.col("before").fill_null(0.0))
        columns += [Column("before", f"required in {before.name}", "money"), Column("since", "change since", "money")]
        marks = {"before": "required before"}
        sources.append(Source(f"{before.name}/contributions.parquet", ("contribution",)))
        words.append(f"Changes are against {before.name}; a member that came or left counts from or to nothing.")
    found = found.with_columns(share=pl.col("contribution") / pl.col("contribution").sum())
    columns.append(Column("share", "share of the fund", "share"))
    ordered = found.sort("contribution", "member_id", descending=[True, False], nulls_last=True)
    scale = scale_of(found["contribution"].max())
    drawn = ordered.head(MOST_MEMBERS).select(
        pl.col("member_id").alias("name"),
        pl.col("contribution") / scale.unit,
        *(pl.col(name) / scale.unit for name in marks),
    )
    figure = Figure(
        "contributions",
        f"Contributions required of {found.height} members",
        tuple(sources),
        Table(ordered.select([column.name for column in columns]), tuple(columns), _drawn_note(found.height)),
        partial(ranked_bars, drawn, "member", Series({"contribution": "required"}, marks), scale.named(currency)),
    )
    return Section("contributions", "Contributions, and what changed", tuple(words), figures=(figure,))


def _drawn_note(count: int) -> str:
    return f"The drawing shows the {MOST_MEMBERS} largest of {count}." if count > MOST_MEMBERS else ""


def _shared_by(run: Run) -> str:
    by_loss = run.manifest["rulebook"]["fund"]["allocation"] == "stress_loss_share"
    return "by each member's worst stress loss over margin" if by_loss else "by each member's margin"
