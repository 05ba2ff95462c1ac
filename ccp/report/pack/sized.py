"""What a pack has of a sized fund: the answer, scenarios, groups, two events, contributions, all figures."""

from ccp.report.elements import RunPart, Section
from ccp.report.listing.fields import currency_of, digits_of
from ccp.report.pack.collateral import collateral_section
from ccp.report.pack.events import event_section
from ccp.report.pack.groups import groups_section, shocks_section
from ccp.report.pack.sizing import (
    TERMS,
    answer_tiles,
    answer_words,
    contributions_section,
    figures_section,
    scenarios_section,
)
from ccp.runs.run import Run


def sized_part(run: Run, before: Run | None) -> RunPart:
    """A sized fund; contributions are set against `before`, an earlier sizing."""
    coverage, digits = run.document("coverage"), digits_of(run)
    passed = coverage["coverage_test"]["sizing_scenarios"]["passed"]
    return RunPart(
        f"{coverage['rulebook']}, {coverage['date']}",
        answer_words(coverage, digits),
        "good" if passed else "bad",
        (
            Section("answer", "The answer in figures", (TERMS,), tiles=answer_tiles(coverage, digits)),
            scenarios_section(run, coverage, currency_of(run)),
            groups_section(run, currency_of(run)),
            *_events(run, digits),
            contributions_section(run, currency_of(run), before),
            *collateral_section(run, coverage, digits),
            shocks_section(run),
            figures_section(coverage, digits),
        ),
    )


def _events(run: Run, digits: int) -> list[Section]:
    """The event that sizes the fund, and that of the coverage test where it is another."""
    worst, tested = run.document("worst_event"), run.document("coverage_test_event")
    coverage = run.document("coverage")
    which = "worst groups" if coverage[f"cover_{coverage['cover']}"]["proved"] else "worst groups that were found"
    title = f"Who pays if the {which} default"
    sections = [event_section("worst", title, worst, "worst_event.json", digits)]
    if (worst["scenario_id"], set(worst["defaulters"])) != (tested["scenario_id"], set(tested["defaulters"])):
        title = "Who pays in the event that the coverage test finds"
        sections.append(event_section("tested", title, tested, "coverage_test_event.json", digits))
    return sections
