"""A replay's amounts as the waterfall takes them: rules, standings and events in cents, members in order of name."""

from typing import Any

import numpy as np

from ccp.book.roster import roster_of
from ccp.errors import LARGEST_AMOUNT, refuse
from ccp.money import exact, minor_units
from ccp.replays.document import Default, Replay, ReplayRun
from ccp.rulebook.load import load_rulebook
from ccp.rulebook.margin import MarginRules
from ccp.rulebook.rulebook import Rulebook
from ccp.types import Cents
from ccp.waterfall.event import Circumstances, Event
from ccp.waterfall.standing import Standing, first_standing


def rules_of(replay: Replay, run: ReplayRun) -> Rulebook:
    """The rules of a run: a rulebook in the replay's currency, or the tiers written in the run. Raises InputError."""
    if run.rulebook is not None:
        rules = load_rulebook(run.rulebook)
        if rules.currency != replay.currency:
            expected = f"run {run.name!r} of {replay.title!r} needs a rulebook in {replay.currency}"
            raise refuse(run.rulebook, expected, value=rules.currency)
        return rules.model_copy(update={"currency_digits": replay.currency_digits})
    assert run.tiers is not None
    return Rulebook(
        name=run.name,
        currency=replay.currency,
        currency_digits=replay.currency_digits,
        margin=MarginRules(confidence=0.99, lookback_days=250, liquidation_days=1),  # no margin is computed here
        regulatory_capital=run.regulatory_capital,
        fund=run.fund,
        default_management=run.default_management,
        tiers=run.tiers,
    )


class ReplayAmounts:
    """A replay's amounts as cents, by member in order of name."""

    def __init__(self, replay: Replay):
        self.members, self.title, self.digits = sorted(replay.members), replay.title, replay.currency_digits
        self.factor = exact(replay.scale) * minor_units(replay.currency_digits)

    def cents(self, amount: float) -> int:
        """An amount of the replay in cents. Raises InputError for one that is too large."""
        cents = round(exact(amount) * self.factor)
        if abs(cents) > LARGEST_AMOUNT * minor_units(self.digits):
            raise refuse(self.title, f"amounts up to {LARGEST_AMOUNT:g}, times scale, were expected", value=amount)
        return cents

    def by_member(self, amounts: dict[str, Any]) -> Cents:
        """Amounts by name, in order; nothing where no amount is stated."""
        return np.array([self.cents(amounts.get(member, 0.0)) for member in self.members], dtype=np.int64)


def standing_of(replay: Replay, rules: Rulebook, service: str | None) -> Standing:
    """Everything whole before the first default, in one service or the only one."""
    scale = ReplayAmounts(replay)

    def stated(field: str) -> Cents:
        amounts = {}
        for name, member in replay.members.items():
            value = getattr(member, field)
            value = member.contribution if value is None else value
            amounts[name] = value.get(service or "", 0.0) if isinstance(value, dict) else value
        return scale.by_member(amounts)

    roster = roster_of({name: member.group or name for name, member in replay.members.items()})
    return first_standing(rules, roster, stated("contribution"), stated("required"))


def own_losses(replay: Replay, default: Default) -> Cents:
    """What others than the defaulters lose on their own books, by member, in cents; negative is a gain: the loss of a
    stated book, else what the member has gained since, the other way round."""
    gained = {member: -amount for member, amount in default.gains.items()}
    return ReplayAmounts(replay).by_member(gained | {member: book.loss for member, book in default.books.items()})


def event_of(replay: Replay, standing: Standing, default: Default, service: str | None) -> Event:
    """A default as an event, in one service or the only one. Raises InputError where a defaulter is away already."""
    scale = ReplayAmounts(replay)
    named = {member: loss.of(service) for member, loss in default.losses.items()}
    losses = named | (default.books if service is None else {})
    loss = scale.by_member({member: one.loss for member, one in losses.items()})
    margin = scale.by_member({member: one.margin for member, one in losses.items()})
    places = [scale.members.index(member) for member in named]
    gone = [scale.members[place] for place in places if standing.away[place]]
    if gone:
        expected = f"members that have neither left nor failed before {default.date} were expected"
        raise refuse(replay.title, expected, field="losses", value=", ".join(gone))
    groups = tuple(sorted({int(standing.member_group[place]) for place in places}))
    known = Circumstances(
        gains=scale.by_member(default.gains)[None, :],
        matched=scale.by_member(default.matched) if default.matched else scale.by_member(default.gains),
        offered=scale.by_member(default.offered),
        auction=np.array([default.auction.get(member, 0) for member in scale.members]) if default.auction else None,
        unable=np.array([member in default.unable for member in scale.members]),
    )
    return Event(groups, loss, np.maximum(loss - margin, 0), margin, known)
