"""From finished runs to a pack: which sections, and in what order."""

from collections.abc import Sequence
from dataclasses import replace

from ccp.report.elements import Pack, Section, Tone
from ccp.report.pack.about import about_section
from ccp.report.pack.cycle import (
    cycle_tiles,
    cycle_words,
    defaults_section,
    fund_over_time,
    margin_over_time,
    members_section,
)
from ccp.report.pack.events import event_section, event_words, round_sections
from ccp.report.pack.groups import groups_section, shocks_section
from ccp.report.pack.ladder import compared_words, ladder_sections
from ccp.report.pack.models import backtest_section, model_words, procyclicality_section
from ccp.report.pack.replays import replay_section
from ccp.report.pack.sizing import (
    answer_tiles,
    answer_words,
    contributions_section,
    figures_section,
    scenarios_section,
)
from ccp.report.pack.watched import watched_section
from ccp.runs.run import Run

TITLES = {
    "size": "Default fund",
    "whatif": "Default fund, changed",
    "default": "A default and who pays",
    "simulate": "Day by day",
    "backtest": "Margin models",
    "compare": "Rulebooks compared",
    "replay": "Real defaults, run again",
}


def make_pack(runs: Sequence[Run], before: Run | None = None) -> Pack:
    """The pack of one or several finished runs; contributions are set against `before`, an earlier sizing.

    The first run gives the pack its title and its answer. Raises InputError.
    """
    runs, before = [_renamed(run) for run in runs], before and _renamed(before)
    parts = [_sections(run, before) for run in runs]
    several = len(runs) > 1
    sections = [section for run, part in zip(runs, parts, strict=True) for section in _marked(run, part, several, runs)]
    watched = watched_section(runs)
    first = runs[0]
    title, subtitle, words, tone = _head(first)
    return Pack(
        title,
        subtitle,
        words,
        tone,
        _currency(first),
        _digits(first),
        (*([watched] if watched else []), *sections, about_section(list(runs))),
        tuple(_doubts(runs)),
    )


def _renamed(run: Run) -> Run:
    """The run by its name alone: no way on this machine is anybody's business."""
    return replace(run, name=run.called)


def _head(run: Run) -> tuple[str, str, tuple[str, ...], Tone]:
    """Title, of what, the answer in words, and whether it is good news."""
    title = TITLES[run.command]
    if run.command in ("size", "whatif"):
        coverage = run.document("coverage")
        passed = coverage["coverage_test"]["sizing_scenarios"]["passed"]
        subtitle = f"{coverage['rulebook']}, {coverage['date']}"
        return title, subtitle, answer_words(coverage, _digits(run)), "good" if passed else "bad"
    if run.command == "default":
        trace = run.document("trace")
        words = event_words(trace, _digits(run))
        return title, f"{trace['rulebook']}, {trace['date']}", words, "bad" if trace["uncovered"] else "good"
    if run.command == "simulate":
        summary = run.document("summary")
        short = summary["uncovered"]["days"] or summary["defaults"]["uncovered"]
        subtitle = f"{summary['rulebook']}, {summary['from']} to {summary['to']}"
        return title, subtitle, cycle_words(summary), "bad" if short else "good"
    if run.command == "backtest":
        return title, run.manifest["rulebook"]["name"], model_words(run), "plain"
    if run.command == "compare":
        houses = run.document("houses")
        return title, ", ".join(house["title"] for house in houses), compared_words(houses), "plain"
    found = run.document("replays")
    agrees = all(one["agrees"] for one in found)
    words = (
        "Everything that was reported is computed." if agrees else "Some of what was reported is NOT what is computed."
    )
    return title, ", ".join(one["title"] for one in found), (words,), "good" if agrees else "bad"


def _sections(run: Run, before: Run | None) -> list[Section]:
    """The sections of one run, in the order of a risk committee's papers."""
    digits, currency = _digits(run), _currency(run)
    if run.command in ("size", "whatif"):
        return _sized_sections(run, digits, currency, before)
    if run.command == "default":
        trace = run.document("trace")
        title = f"The default of {' and '.join(trace['defaulters'])}"
        return [
            replace(event_section("event", title, trace, "trace.json", digits), paragraphs=()),
            *round_sections(trace, "trace.json", digits),
        ]
    if run.command == "simulate":
        summary = run.document("summary")
        tiles = Section("cycle", "The span in figures", tiles=cycle_tiles(summary, digits))
        found = [
            tiles,
            fund_over_time(run, summary),
            defaults_section(run, summary),
            margin_over_time(run, summary),
            members_section(run),
        ]
        return [section for section in found if section is not None]
    if run.command == "backtest":
        return [backtest_section(run), procyclicality_section(run)]
    if run.command == "compare":
        return ladder_sections(run)
    return [replay_section(place, found) for place, found in enumerate(run.document("replays"), start=1)]


def _sized_sections(run: Run, digits: int, currency: str, before: Run | None) -> list[Section]:
    coverage, worst, tested = (run.document(name) for name in ("coverage", "worst_event", "coverage_test_event"))
    sections = [
        Section("answer", "The answer in figures", tiles=answer_tiles(coverage, digits)),
        scenarios_section(run, coverage, currency),
        groups_section(run, currency),
        event_section("worst", "Who pays if the worst groups default", worst, "worst_event.json", digits),
    ]
    if (worst["scenario_id"], set(worst["defaulters"])) != (tested["scenario_id"], set(tested["defaulters"])):
        title = "Who pays in the event that the coverage test finds"
        sections.append(event_section("tested", title, tested, "coverage_test_event.json", digits))
    sections += [
        contributions_section(run, currency, before),
        shocks_section(run),
        figures_section(coverage),
    ]
    return sections


def _marked(run: Run, sections: list[Section], several: bool, runs: Sequence[Run]) -> list[Section]:
    """Sections with keys and titles that say of which run they are, where there are several."""
    if not several:
        return sections
    place = list(runs).index(run) + 1
    head = [] if run is runs[0] else [Section(f"run-{place}", f"{TITLES[run.command]}: {run.name}", _head(run)[2])]
    return head + [
        replace(
            section,
            key=f"r{place}-{section.key}",
            figures=tuple(replace(figure, key=f"r{place}-{figure.key}") for figure in section.figures),
        )
        for section in sections
    ]


def _doubts(runs: Sequence[Run]) -> list[str]:
    """What a reader must know before anything else: invented data, and what several runs do not have in common."""
    invented = dict.fromkeys(run.manifest["synthetic"] for run in runs if "synthetic" in run.manifest)
    found = [f"Synthetic data: {words}." for words in invented]
    for name, words in (("book/positions", "books"), ("rulebook", "rulebooks")):
        digests = {run.manifest.get("inputs", {}).get(name, {}).get("sha256") for run in runs} - {None}
        if len(digests) > 1:
            found.append(f"These runs are of different {words}: figures of one need not hold for another.")
    return found


def _digits(run: Run) -> int:
    return run.manifest["rulebook"]["currency_digits"] if "rulebook" in run.manifest else 2


def _currency(run: Run) -> str:
    return run.manifest["rulebook"]["currency"] if "rulebook" in run.manifest else ""
