"""Key risk indicators of finished runs, each with its colour, its thresholds and what the procedure asks for.

What each of them is, from which files, and what it cannot know, is said in docs/learn/watching.md.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

from ccp.documents import validated
from ccp.errors import refuse
from ccp.money import exact
from ccp.report.elements import Provenance
from ccp.report.indicators.reading import IndicatorValue
from ccp.rulebook.indicators import Indicators, Watched, defaults
from ccp.runs.commands import called, watched
from ccp.runs.kind import referred
from ccp.runs.run import Run

Colour = Literal["green", "amber", "red", "unknown"]
Kind = Literal["share", "days"]

RANKS: tuple[Colour, ...] = ("unknown", "green", "amber", "red")
"""The worst last."""
LABELS = {
    "fund_over_cover_2": "Default fund over cover-2",
    "two_largest_of_fund": "Two largest groups' share of the fund",
    "margin_coverage": "Margin coverage",
    "five_largest_of_margin": "Five largest groups' share of initial margin",
    "days_to_liquidate": "Days to liquidate the groups that size the fund",
    "uncalled_margin": "Margin required and not held, share of margin",
    "unpaid_margin": "Margin called and not paid, share of margin",
    "liquidity_used": "Largest demand on a member, share of its liquidity",
}
"""In the order in which they are shown."""
MOST_DIGITS = 8


@dataclass(frozen=True)
class Indicator:
    """One indicator.

    `value` is None where there is none, `written` the value as it is shown. Of an indicator with `low_is_bad` little is
    bad, else much: it is `amber`, or `red`, strictly beyond the threshold. `stated`: whether the rulebook states
    thresholds and action; else they are this program's own. `run` names the run that it is from, `sources` where it
    stands there. `note` says what it is made of. `reason`, where the colour is unknown, says why, and otherwise what is
    not known of it.
    """

    key: str
    label: str
    value: float | None
    kind: Kind
    written: str
    amber: float
    red: float
    low_is_bad: bool
    colour: Colour
    action: str
    stated: bool
    run: str
    sources: tuple[Provenance, ...]
    note: str
    reason: str

    @property
    def thresholds(self) -> tuple[str, str]:
        """When it is amber and when red, in words."""
        side = "below" if self.low_is_bad else "above"
        return f"{side} {_bound(self.amber, self.kind)}", f"{side} {_bound(self.red, self.kind)}"


def indicators(runs: Sequence[Run]) -> list[Indicator]:
    """All indicators, in order, each from the run in which its colour is worst; of equals, the first that was given.

    Every run is held against the thresholds of its own rulebook. What no run knows says why, run by run. Raises
    InputError for a run that has nothing to watch.
    """
    by_run = [_of_run(run) for run in runs]
    return [_together([found[key] for found in by_run]) for key in LABELS] if by_run else []


def worst_colour(found: Sequence[Indicator]) -> Colour:
    """The worst colour of some indicators; unknown where nothing at all is known."""
    return RANKS[max((RANKS.index(one.colour) for one in found), default=0)]


def _of_run(run: Run) -> dict[str, Indicator]:
    if not run.kind.indicators:
        known = called(watched(), ", ")
        raise refuse(run.name, f"a run with indicators was expected ({known}), this is one of ccp {run.command}")
    stated = validated(run.manifest["rulebook"].get("indicators") or {}, None, f"{run.name}/manifest.json", Indicators)
    margin, readings = run.manifest["rulebook"]["margin"], referred(run.kind.indicators)(run)
    own = defaults(margin["confidence"], margin["liquidation_days"])
    _check_all_known(run.command, readings, own)
    return {key: _indicator(run, key, readings[key], getattr(stated, key), getattr(own, key)) for key in LABELS}


def _check_all_known(command: str, readings: dict[str, IndicatorValue], own: Indicators) -> None:
    """Every indicator has a label, thresholds, and something that a run says of it. Raises ValueError."""
    known = {
        "rulebooks": Indicators.model_fields.keys(),
        "thresholds of our own": {key for key in Indicators.model_fields if getattr(own, key) is not None},
        f"ccp {command}": readings.keys(),
    }
    for where, words in known.items():
        differ = sorted(LABELS.keys() ^ words)
        if differ:
            raise ValueError(f"indicators that have a label and those of {where} differ: {', '.join(differ)}")


def _indicator(run: Run, key: str, reading: IndicatorValue, stated: Watched | None, own: Watched) -> Indicator:
    rules = stated or own
    colour, kind = colour_of(reading, rules), own.unit
    return Indicator(
        key=key,
        label=f"{LABELS[key]}, {reading.when}" if reading.when else LABELS[key],
        value=None if reading.value is None else float(reading.value),
        kind=kind,
        written=_written(reading, kind, rules),
        amber=rules.amber,
        red=rules.red,
        low_is_bad=rules.low_is_bad,
        colour=colour,
        action=rules.action(colour),
        stated=stated is not None,
        run=run.name,
        sources=reading.sources,
        note=reading.note,
        reason=reading.reason,
    )


def colour_of(reading: IndicatorValue, rules: Watched) -> Colour:
    """The colour of a value, compared exactly. What is known in part only is never green."""
    if reading.value is None:
        return "green" if reading.harmless else "unknown"
    if _beyond(reading.value, rules.red, rules):
        return "red"
    if _beyond(reading.value, rules.amber, rules):
        return "amber"
    return "unknown" if reading.reason else "green"


def _beyond(value: Fraction, threshold: float, rules: Watched) -> bool:
    return value < exact(threshold) if rules.low_is_bad else value > exact(threshold)


def _written(reading: IndicatorValue, kind: Kind, rules: Watched) -> str:
    if reading.value is None:
        return "nothing to cover" if reading.harmless else "not known"
    passed = [exact(one) for one in (rules.amber, rules.red) if _beyond(reading.value, one, rules)]
    text = written_value(reading.value, kind, passed)
    return f"at least {text}" if reading.reason else text


def written_value(value: Fraction, kind: Kind, passed: Sequence[Fraction]) -> str:
    """A value with two decimals, or as many more as it takes to tell it from the thresholds that it has passed."""
    text = ""
    for digits in range(2, MOST_DIGITS + 1):
        text = _rounded(value, kind, digits)
        if text not in [_rounded(one, kind, digits) for one in passed]:
            break
    return text


def _rounded(value: Fraction, kind: Kind, digits: int) -> str:
    return f"{float(value):,.{digits}%}" if kind == "share" else f"{float(value):,.{digits}f} days"


def _bound(threshold: float, kind: Kind) -> str:
    return f"{float(exact(threshold) * 100):.10g}%" if kind == "share" else f"{threshold:.10g} days"


def _together(found: list[Indicator]) -> Indicator:
    """The worst of several runs' answers; where none knows, all their reasons."""
    worst = max(found, key=lambda one: RANKS.index(one.colour))
    if worst.colour != "unknown" or len(found) == 1:
        return worst
    return replace(worst, reason="; ".join(f"{one.run}: {one.reason}" for one in found))
