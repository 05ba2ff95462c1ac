"""Outcomes of the engine in the words of its twin."""

from support.random_waterfalls import Waterfall

from ccp.waterfall.event import Outcome

PAYERS = {"insurance": "insurer", "parent_guarantee": "parent", "uncovered": "nobody"}


def paid_by(case: Waterfall, outcome: Outcome) -> list[tuple[int, str, dict[str, int]]]:
    """An outcome in the twin's words: place, tier, and who pays more than nothing."""
    found = []
    for draw in outcome.draws:
        whose = PAYERS.get(draw.tier, "clearing house")
        paid = {
            whose if payer is None else case.members[payer]: amount for payer, amount in draw.paid.items() if amount
        }
        found.append((draw.place, draw.tier, paid))
    return found
