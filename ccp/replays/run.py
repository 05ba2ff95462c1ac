"""Running a replay: its defaults one after another under one set of rules, days counted from the first default."""

import datetime
from dataclasses import dataclass, replace

from ccp.errors import refuse
from ccp.replays.document import SURPLUS, Replay, ReplayRun
from ccp.replays.inputs import ReplayAmounts, event_of, own_losses, rules_of, standing_of
from ccp.rulebook.rulebook import Rulebook
from ccp.rulebook.tier_table import DEFAULTER_MARGIN, UNCOVERED
from ccp.types import Cents
from ccp.waterfall.contagion import Books, Round, run_rounds
from ccp.waterfall.event import Event, Outcome
from ccp.waterfall.plan import Plan
from ccp.waterfall.recoveries import Recovery, recover
from ccp.waterfall.replenishment import on_day, resign
from ccp.waterfall.run import run_waterfall
from ccp.waterfall.services import Service, run_services
from ccp.waterfall.standing import Standing, after_default


@dataclass(frozen=True)
class Step:
    """One waterfall of a run: the default's number (from 1), the round, the service (where there are several) and whose
    loss it was."""

    default: int
    round: int
    service: str
    for_service: str
    plan: Plan
    outcome: Outcome


@dataclass(frozen=True)
class Compared:
    """What is expected of a tier and what was computed, in the replay's units; whether they agree to the minor unit;
    where the expected figure comes from."""

    tier: str
    expected: float
    computed: float
    agrees: bool
    assumed: bool
    source: str


@dataclass(frozen=True)
class ReplayedRun:
    """A run's waterfalls, what flowed back, and expected beside computed. `uncovered` and `surplus` are in cents."""

    name: str
    rulebook: Rulebook
    steps: list[Step]
    recoveries: list[tuple[int, list[Recovery]]]
    uncovered: int
    surplus: int
    compared: list[Compared]

    @property
    def agrees(self) -> bool:
        """Whether everything that is expected was computed."""
        return all(one.agrees for one in self.compared)


def run_replay(replay: Replay) -> list[ReplayedRun]:
    """Every run of a replay. Raises InputError for a rulebook that is not there or is of another currency."""
    return [_run(replay, place, run) for place, run in enumerate(replay.runs)]


def _run(replay: Replay, place: int, run: ReplayRun) -> ReplayedRun:
    rules = rules_of(replay, run)
    if replay.services:
        steps, uncovered, surplus = _by_service(replay, run, rules)
        back: list[tuple[int, list[Recovery]]] = []
    else:
        steps, back = _in_a_row(replay, run, rules)
        uncovered = sum(step.outcome.uncovered for step in steps)
        surplus = sum(_margin_left(step.outcome) for step in steps)
    compared = _compared(replay, place, run, steps, uncovered, surplus)
    return ReplayedRun(run.name, rules, steps, back, uncovered, surplus, compared)


def _in_a_row(replay: Replay, run: ReplayRun, rules: Rulebook) -> tuple[list[Step], list[tuple[int, list[Recovery]]]]:
    """Defaults, resignations and recoveries in order of date."""
    standing, first = standing_of(replay, rules, None), replay.defaults[0].date
    scale, steps = ReplayAmounts(replay), list[Step]()
    stated = [replay.members[member].capital for member in scale.members]
    capital = [None if amount is None else scale.cents(amount) for amount in stated]
    for number, default in enumerate(replay.defaults, start=1):
        standing = _with_resignations(replay, standing, number)
        day = (default.date - first).days
        standing = on_day(standing, day)
        event = event_of(replay, standing, default, None)
        found = [(standing.plan, run_waterfall(standing.plan, event))]
        if run.contagion:
            rounds = _rounds(standing, event, capital, own_losses(replay, default))
            found, capital = [(one.plan, one.outcome) for one in rounds], rounds[-1].capital
        for place, (plan, outcome) in enumerate(found, start=1):
            steps.append(Step(number, place, "", "", plan, outcome))
            standing = after_default(standing, outcome, day)
    return steps, _recoveries(replay, rules, steps)


def _with_resignations(replay: Replay, standing: Standing, number: int) -> Standing:
    """The standing with the resignations between the default before and this one, each on its day."""
    first, default = replay.defaults[0].date, replay.defaults[number - 1].date
    before = replay.defaults[number - 2].date if number > 1 else datetime.date.min
    for one in sorted(replay.resignations, key=lambda one: one.date):
        if before < one.date <= default:
            standing = on_day(standing, (one.date - first).days)
            standing = resign(standing, [standing.members.index(one.member)])
    return standing


def _rounds(standing: Standing, event: Event, capital: list[int | None], own: Cents) -> list[Round]:
    """A default and those that follow from it, with what earlier defaults have left of members' capital; it bears what
    members lose on their own books too."""
    books = Books(event.loss, event.over_margin, event.margin)
    return run_rounds(standing, event.defaulters, books, capital, lambda groups: event.circumstances, own=own)


def _recoveries(replay: Replay, rules: Rulebook, steps: list[Step]) -> list[tuple[int, list[Recovery]]]:
    """What came back of each default; a default's draws shrink by what was repaid before."""
    scale, found = ReplayAmounts(replay), []
    draws = {step.default: list(step.outcome.draws) for step in steps if step.round == 1}
    for one in sorted(replay.recoveries, key=lambda one: one.date):
        back = recover(draws[one.default], scale.cents(one.amount), rules.default_management.recoveries)
        found.append((one.default, back))
        for recovery in back:
            if recovery.draw >= 0:
                draw = draws[one.default][recovery.draw]
                paid = draw.paid | {recovery.payer: draw.paid[recovery.payer] - recovery.amount}
                draws[one.default][recovery.draw] = replace(draw, paid=paid)
    return found


def _by_service(replay: Replay, run: ReplayRun, rules: Rulebook) -> tuple[list[Step], int, int]:
    default = replay.defaults[0]
    standings = {name: standing_of(replay, rules, name) for name in replay.services}
    services = [Service(name, one, event_of(replay, one, default, name)) for name, one in standings.items()]
    found = run_services(services, run.margin_netting, run.spill_over)
    steps = [Step(1, 1, one.name, one.for_service, one.plan, one.outcome) for one in found]
    return steps, sum(one.uncovered for one in found), sum(one.surplus_margin for one in found)


def _margin_left(outcome: Outcome) -> int:
    """The defaulters' margin that their losses did not use."""
    margin = next(draw for draw in outcome.draws if draw.tier == DEFAULTER_MARGIN)
    return margin.available - margin.amount


def _compared(
    replay: Replay, place: int, run: ReplayRun, steps: list[Step], uncovered: int, surplus: int
) -> list[Compared]:
    scale, sources = ReplayAmounts(replay), {figure.path: figure for figure in replay.figures}
    known = {SURPLUS, UNCOVERED, *(tier.word for tier in steps[0].plan.tiers)}
    found = []
    for tier, expected in run.expected.items():
        if tier not in known:
            where = f"run {run.name!r} of {replay.title!r}"
            raise refuse(where, "a tier that its rules have was expected", field="expected", value=tier)
        computed = {SURPLUS: surplus, UNCOVERED: uncovered}.get(tier)
        if computed is None:
            computed = sum(step.outcome.drawn(tier) for step in steps)
        figure = sources.get(f"runs.{place}.expected.{tier}")
        assumed, source = (figure.assumed, figure.source or figure.reason) if figure else (False, "")
        found.append(
            Compared(
                tier,
                float(expected),
                float(computed / scale.factor),
                computed == scale.cents(expected),
                assumed,
                source,
            )
        )
    return found
