"""What must hold of every outcome, checked in every run: a fault here stops the program."""

from ccp.errors import ConservationError
from ccp.waterfall.event import Outcome

OTHERS_PAY = ("ccp_capital", "survivors_fund", "uncovered")


def check_outcome(outcome: Outcome) -> None:
    """Raise ConservationError unless the draws add up, none is negative or overdrawn, and seniors stay untouched.

    The draws plus what is uncovered equal the loss, to the cent. No tier pays more than it has. Of the tiers in
    which others than the defaulter pay, none pays before those ahead of it are used up.
    """
    total = sum(draw.amount for draw in outcome.draws)
    if total != outcome.loss:
        raise ConservationError(f"tiers pay {total} cents of a loss of {outcome.loss}")
    exhausted = True
    for draw in outcome.draws:
        if any(amount < 0 for amount in draw.paid.values()):
            raise ConservationError(f"{draw.tier} pays a negative amount")
        if draw.amount > draw.available:
            raise ConservationError(f"{draw.tier} pays {draw.amount} cents of {draw.available}")
        if draw.tier in OTHERS_PAY:
            if draw.amount and not exhausted:
                raise ConservationError(f"{draw.tier} pays before a tier ahead of it is used up")
            exhausted = draw.amount == draw.available
