"""What must hold of every outcome, checked in every run: a fault here stops the program."""

from itertools import groupby

from ccp.errors import ConservationError
from ccp.waterfall.event import Draw, Outcome


def check_outcome(outcome: Outcome) -> None:
    """Raise ConservationError unless the draws add up, none is negative or overdrawn, and seniors stay untouched.

    The draws plus what is uncovered equal the loss, to the cent. No tier, and no part of one, pays more than it has. Of
    the tiers in which others than the defaulter pay, none pays before those ahead of it are used up. No member pays
    both as defaulter and as survivor.
    """
    total = sum(draw.amount for draw in outcome.draws)
    if total != outcome.loss:
        raise ConservationError(f"tiers pay {total} cents of a loss of {outcome.loss}")
    for draw in outcome.draws:
        if any(amount < 0 for amount in draw.paid.values()):
            raise ConservationError(f"{draw.tier} pays a negative amount")
        if draw.amount > draw.available:
            raise ConservationError(f"{draw.tier} pays {draw.amount} cents of {draw.available}")
    _check_order([draw for draw in outcome.draws if not draw.kind.defaulters_own])
    own = _members(outcome, True) & _members(outcome, False)
    if own:
        raise ConservationError(f"members {sorted(own)} pay as defaulters and as survivors")


def _check_order(draws: list[Draw]) -> None:
    exhausted = True
    for _, parts in groupby(draws, key=lambda draw: draw.place):
        tier = list(parts)
        if any(part.amount for part in tier) and not exhausted:
            raise ConservationError(f"{tier[0].tier} pays before a tier ahead of it is used up")
        exhausted = exhausted and all(part.amount == part.available for part in tier)


def _members(outcome: Outcome, own: bool) -> set[int]:
    """Members that pay something, out of tiers that are the defaulters' own or of the others."""
    return {
        payer
        for draw in outcome.draws
        if draw.kind.defaulters_own == own
        for payer, amount in draw.paid.items()
        if payer is not None and amount
    }
