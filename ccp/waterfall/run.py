"""Running an event down the tiers."""

from itertools import groupby

from ccp.money import share_out
from ccp.waterfall.event import Draw, Event, Outcome
from ccp.waterfall.invariants import check_outcome
from ccp.waterfall.plan import Plan, PlannedTier
from ccp.waterfall.tiers import OFFERS, Offer, StillOwed, cut_of


def run_waterfall(plan: Plan, event: Event) -> Outcome:
    """Who pays what in an event. Conservation is checked before the outcome is handed on."""
    state = StillOwed(plan, event)
    loss, draws = state.owed, list[Draw]()
    for _, parts in groupby(plan.tiers, key=lambda tier: tier.place):
        draws += _draw_tier(plan, list(parts), state)
    outcome = Outcome(event, loss, tuple(draws))
    check_outcome(outcome)
    return outcome


def _draw_tier(plan: Plan, parts: list[PlannedTier], state: StillOwed) -> list[Draw]:
    """What a tier pays, its parts in proportion to what they have. Changes the state: what is owed, and what is cut."""
    owed = state.owed
    offers = [_offer(plan, part, state) for part in parts]
    usable = [offer.usable for offer in offers]
    amounts = share_out(min(owed, sum(usable)), usable) if len(parts) > 1 else [min(owed, usable[0])]
    draws = [_draw(part, offer, state, amount) for part, offer, amount in zip(parts, offers, amounts, strict=True)]
    for draw in draws:
        for claimant, taken in draw.cut.items():
            state.cut[claimant] += taken
    state.owed -= sum(amounts)
    return draws


def _offer(plan: Plan, part: PlannedTier, state: StillOwed) -> Offer:
    """What a part offers. Raises ValueError where no function says it."""
    source = int(plan.arrays.source[part.row])
    if source not in OFFERS:
        raise ValueError(f"the tier {part.word}: nothing says what a tier of source {source} offers")
    return OFFERS[source](plan, part, state)


def _draw(part: PlannedTier, offer: Offer, state: StillOwed, amount: int) -> Draw:
    paid, rounded = offer.split(amount)
    told = (part.word, part.rule, offer.available, state.owed, paid, part.place, part.name, offer.weights, rounded)
    return Draw(*told, cut_of(offer, state, paid))
