"""Outcomes of the engine in the words of its twin."""

from support.random_waterfalls import Waterfall

from ccp.rulebook.tier_table import kind_of
from ccp.waterfall.event import Outcome


def payer_of(tier: str) -> str:
    """Who pays where no member does, as the tier's row has it; the twin has a list of its own."""
    return kind_of(tier).payer or "nobody"


def paid_by(case: Waterfall, outcome: Outcome) -> list[tuple[int, str, dict[str, int]]]:
    """An outcome in the twin's words: place, tier, and who pays more than nothing."""
    found = []
    for draw in outcome.draws:
        whose = payer_of(draw.tier)
        paid = {
            whose if payer is None else case.members[payer]: amount for payer, amount in draw.paid.items() if amount
        }
        found.append((draw.place, draw.tier, paid))
    return found
