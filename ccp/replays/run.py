"""Running a replay: its defaults one after another under one set of rules, days counted from the first default."""

import datetime
from collections import Counter
from dataclasses import dataclass, replace

from ccp.replays.compared import Compared, Computed, compared
from ccp.replays.document import SURPLUS, Recovered, Replay, ReplayRun
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
class Repaid:
    """What came back, as the document has it, and to whom it went, in cents."""

    stated: Recovered
    shares: list[Recovery]


@dataclass(frozen=True)
class ReplayedRun:
    """A run's waterfalls, what flowed back, and expected beside computed. `uncovered` and `surplus` are in cents."""

    name: str
    rulebook: Rulebook
    steps: list[Step]
    recoveries: list[Repaid]
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
        back: list[Repaid] = []
    else:
        steps, back = _in_a_row(replay, run, rules)
        uncovered = sum(step.outcome.uncovered for step in steps)
        surplus = sum(_margin_left(step.outcome) for step in steps)
    lines = compared(replay, place, run, _computed(replay, steps, back, uncovered, surplus))
    return ReplayedRun(run.name, rules, steps, back, uncovered, surplus, lines)


def _in_a_row(replay: Replay, run: ReplayRun, rules: Rulebook) -> tuple[list[Step], list[Repaid]]:
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


def _recoveries(replay: Replay, rules: Rulebook, steps: list[Step]) -> list[Repaid]:
    """What came back of each default; a default's draws shrink by what was repaid before."""
    scale, found = ReplayAmounts(replay), list[Repaid]()
    draws = {step.default: list(step.outcome.draws) for step in steps if step.round == 1}
    for one in sorted(replay.recoveries, key=lambda one: one.date):
        back = recover(draws[one.default], scale.cents(one.amount), rules.default_management.recoveries, one.origin)
        found.append(Repaid(one, back))
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


def _computed(replay: Replay, steps: list[Step], back: list[Repaid], uncovered: int, surplus: int) -> Computed:
    """What the run came to, summed up."""
    paid = {tier.word: sum(step.outcome.drawn(tier.word) for step in steps) for tier in steps[0].plan.tiers}
    recovered: Counter[str] = Counter()
    for one in (one for repaid in back for one in repaid.shares):
        recovered[one.tier] += one.amount
    defaulted = {member for step in steps for member in _defaulters(step)}
    return Computed(paid | {SURPLUS: surplus, UNCOVERED: uncovered}, recovered, len(defaulted))


def _defaulters(step: Step) -> list[str]:
    """The members of the groups that default in a step."""
    inside = step.plan.roster.inside(step.outcome.event.defaulters)
    return [member for member, of_them in zip(step.plan.members, inside, strict=True) if of_them]
