"""The notes of a run that needs a sized fund."""

from pathlib import Path

from ccp.margin.collateral_counts import collateral_notes
from ccp.margin.notes import margin_notes, unclassed
from ccp.market.case import Case
from ccp.market.notes import market_notes
from ccp.notes.note import Note
from ccp.pricing.quality import price_notes
from ccp.scenarios.notes import scenario_notes
from ccp.sizing.notes import fund_notes, search_notes, unstated_by_members
from ccp.sizing.size import Sized
from ccp.stress.notes import fire_sale_notes, stress_notes
from ccp.waterfall.notes import Told, placed_parts, tier_notes


def sized_notes(sized: Sized, file: Path | None) -> list[Note]:
    """Everything that a reader should know of a sized fund. `file` are the scenarios, where they came out of one."""
    case = sized.case
    of_scenarios = scenario_notes(case.rulebook, case.market, case.factor_ids, sized.scenarios, file and file.name)
    of_collateral = collateral_notes(case, sized.found.pool_margin)
    found = [*case_notes(case), *of_collateral, *of_scenarios, *stress_notes(sized.measured)]
    return [*found, *search_notes(sized)]


def case_notes(case: Case) -> list[Note]:
    """The notes on a case that need neither scenarios nor anything measured."""
    market, rules = case.market, case.rulebook
    return [
        *market_notes(market, case.factor_ids, rules.margin.history_rows),
        *price_notes(case),
        *margin_notes(case),
        *fund_notes(case),
        *tier_notes(rules, Told(len(case.portfolio.members))),
        *_segment_notes(case),
    ]


def _segment_notes(case: Case) -> list[Note]:
    """Whether tiers that go by product class have classes to go by."""
    by_class = [path for path, part in placed_parts(case.rulebook) if getattr(part, "order", None) == "segments_first"]
    return [one for path in by_class for one in unclassed(case, f"{path}.order")]


def contagion_notes(case: Case, fire_sale: bool) -> list[Note]:
    """What is not known of who bears a bill, and of what selling does to prices."""
    return [*unstated_by_members(case, "capital"), *(fire_sale_notes(case) if fire_sale else [])]
