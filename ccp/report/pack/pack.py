"""From finished runs to a pack: which sections, and in what order."""

from collections.abc import Sequence
from dataclasses import replace

from ccp.report.elements import Pack, RunPart, Section
from ccp.report.pack.about import about_section
from ccp.report.pack.noted import notes_counted, notes_section
from ccp.report.pack.watched import watched_section
from ccp.runs.kind import referred
from ccp.runs.run import Run


def make_pack(runs: Sequence[Run], before: Run | None = None) -> Pack:
    """The pack of one or several finished runs; contributions are set against `before`, an earlier sizing.

    The first run gives the pack its title and its answer. Raises InputError.
    """
    runs, before = [_renamed(run) for run in runs], before and _renamed(before)
    parts = [_part(run, before) for run in runs]
    heads = [section for section in (notes_section(runs), watched_section(runs)) if section is not None]
    first = parts[0]
    return Pack(
        runs[0].kind.title,
        first.subtitle,
        first.verdict,
        first.tone,
        _currency(runs[0]),
        _digits(runs[0]),
        (*heads, *_sections(runs, parts), about_section(runs)),
        (*_doubts(runs), *notes_counted(runs)),
    )


def _renamed(run: Run) -> Run:
    """The run by its name alone: no way on this machine is anybody's business."""
    return replace(run, name=run.called)


def _part(run: Run, before: Run | None) -> RunPart:
    return referred(run.kind.pack)(run, before)


def _sections(runs: Sequence[Run], parts: Sequence[RunPart]) -> list[Section]:
    """All runs' sections; of several with a heading for each after the first, and keys that say of which they are."""
    if len(runs) == 1:
        return list(parts[0].sections)
    found = []
    for place, (run, part) in enumerate(zip(runs, parts, strict=True), start=1):
        if place > 1:
            found.append(Section(f"run-{place}", f"{run.kind.title}: {run.name}", part.verdict))
        found += [_marked(f"r{place}", section) for section in part.sections]
    return found


def _marked(run: str, section: Section) -> Section:
    figures = tuple(replace(figure, key=f"{run}-{figure.key}") for figure in section.figures)
    return replace(section, key=f"{run}-{section.key}", figures=figures)


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
