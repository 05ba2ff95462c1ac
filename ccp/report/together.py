"""What a set of groups loses more for defaulting together, and whose paper is at its default, in sentences."""

from typing import Any

from ccp.report.words import exact_amount, listed, share

Sale = dict[str, Any]
"""`sold_together` of a sizing, or of an event's trace."""
FOR_SALE, FOR_PAPER = "for selling its books together", "for one another's paper at its default"
NAMED = 3
"""So many instruments are named."""


def is_sold_together(sale: Sale | None) -> bool:
    """Whether it costs anything to sell the books of a set."""
    return sale is not None and bool(sale["cost"] or sale["cost_alone"])


def cover_parts(sale: Sale | None) -> list[tuple[str, str, str]]:
    """What of cover-N there is for defaulting together: part, label, and what it is for; parts of nothing are left
    out."""
    if sale is None:
        return []
    parts = [("for_sale", "of it, sold together", FOR_SALE)] if is_sold_together(sale) else []
    paper = [("for_paper", "of it, one another's paper", FOR_PAPER)] if sale["for_paper"]["more_over_margin"] else []
    return parts + paper


def cover_shares(part: Sale, count: int) -> str:
    """A part as a share of cover-N and of the fund."""
    return f"{share(part['share_of_cover'])} of cover-{count}, {share(part['share_of_fund'])} of the fund required"


def cover_sentence(coverage: dict[str, Any], digits: int) -> str:
    """What of cover-N there is for defaulting together, part by part; nothing where there is nothing."""
    sale, count = coverage["sold_together"], coverage["cover"]
    said = [
        f"{exact_amount(sale[part]['more_over_margin'], digits)} {what} ({cover_shares(sale[part], count)})"
        for part, _, what in cover_parts(sale)
        if sale[part]["more_over_margin"]
    ]
    return f"Of cover-{count}, more than its groups lose one by one: {listed(said)}." if said else ""


def event_sentences(trace: dict[str, Any], digits: int) -> list[str]:
    """Of an event: whose paper stands at its default, and what its defaulters lose more together."""
    return [*_paper_sentences(trace.get("paper_at_default", []), digits), *_sale_sentences(trace, digits)]


def _paper_sentences(papers: list[dict[str, Any]], digits: int) -> list[str]:
    """Issuer by issuer: at what its paper is valued, and who loses how much more for it."""
    found = []
    for issuer in dict.fromkeys(one["issuer"] for one in papers):
        mine = [one for one in papers if one["issuer"] == issuer]
        losing = listed([_holder(one, digits) for one in mine])
        at = f"{mine[0]['recovery'] * 100:g}% of its price today" if mine[0]["recovery"] else "nothing"
        found.append(f"Paper of {issuer} is valued as at its default, at {at}: beyond the scenario {losing}.")
    return found


def _holder(one: dict[str, Any], digits: int) -> str:
    """Who holds what, and what that costs."""
    names, more = one["instruments"], one["more_loss"]
    shown = listed(names) if len(names) <= NAMED else f"{', '.join(names[:NAMED])} and {len(names) - NAMED} more"
    verb = "loses" if more >= 0 else "gains"
    return f"{one['holder']} {verb} {exact_amount(abs(more), digits)} on {shown}"


def _sale_sentences(trace: dict[str, Any], digits: int) -> list[str]:
    """What selling the books together costs, and one another's paper, and what there is for both over margin."""
    sale = trace.get("sold_together")
    if sale is None:
        return []
    found = [_cost_sentence(trace["defaulters"], sale, digits)] if is_sold_together(sale) else []
    if sale["for_paper"]["more_over_margin"]:
        found.append(f"What they hold of one another's paper: {_over_margin(sale['for_paper'], digits)}.")
    if len(found) == 2:
        found.append(f"In all, against the groups one by one: {_over_margin(sale, digits)}.")
    return found


def _cost_sentence(defaulters: list[str], sale: Sale, digits: int) -> str:
    """What selling the books of a set costs; of several groups, how much of it there is for selling them together."""
    cost, alone = (exact_amount(sale[name], digits) for name in ("cost", "cost_alone"))
    if len(defaulters) == 1:
        return f"Selling its books costs {cost}, which is in the loss."
    said = f"Selling their books together costs {cost}, which is in the losses (each group alone: {alone}): "
    return f"{said}{_over_margin(sale['for_sale'], digits)}."


def _over_margin(part: Sale, digits: int) -> str:
    more = part["more_over_margin"]
    shares = f"{share(part['share_of_over_margin'])} of what they lose over margin, "
    shares += f"{share(part['share_of_fund'])} of the fund required"
    return f"{exact_amount(abs(more), digits)} {'more' if more >= 0 else 'less'} over margin ({shares})"
