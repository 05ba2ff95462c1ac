"""What a trace says of an event beside who pays: what defaulters lose more together, whose paper is at its default."""

from typing import Any

from ccp.money import to_units
from ccp.pricing.issuers import recovery_of
from ccp.sizing.figures import parts_together
from ccp.sizing.size import Sized
from ccp.stress.paper_at_default import paper_at_default


def together_story(sized: Sized, scenario: int, groups: tuple[int, ...]) -> dict[str, Any]:
    """What some groups lose more for defaulting together, and whose paper is valued at its default in their books.

    In units of the service currency; what there is nothing of is left out.
    """
    found, paper = sized.sold(scenario, groups), _paper(sized, scenario, groups)
    over = int(sized.losses.of_groups(scenario, groups).sum())
    wholes = {"share_of_over_margin": over, "share_of_fund": sized.fund.required}
    told = {} if found is None else {"sold_together": parts_together(found, wholes, sized.digits)}
    return told | ({"paper_at_default": paper} if paper else {})


def _paper(sized: Sized, scenario: int, groups: tuple[int, ...]) -> list[dict[str, Any]]:
    """Whose paper the groups hold, what of it, and what they lose more for it than the scenario alone would cost."""
    names, instruments = sized.plan.groups, sized.portfolio.instruments
    return [
        {
            "issuer": names[one.issuer],
            "recovery": recovery_of(sized.case),
            "holder": names[one.holder],
            "instruments": [instruments[place] for place in one.instruments],
            "more_loss": float(to_units(one.more, sized.digits)),
        }
        for one in paper_at_default(sized.measured, scenario, groups)
    ]
