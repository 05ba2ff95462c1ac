"""Members' capital charge for their default fund contributions (Basel Framework, CRE54)."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import polars as pl

from ccp.book.roster import each_alone
from ccp.errors import LARGEST_AMOUNT, refuse_argument
from ccp.money import minor_units, to_minor
from ccp.rulebook.load import load_rulebook
from ccp.rulebook.rulebook import Rulebook
from ccp.waterfall.hypothetical_capital import RISK_WEIGHTED, member_capital, own_money_by_place
from ccp.waterfall.hypothetical_capital import hypothetical_capital as k_ccp
from ccp.waterfall.plan import make_plan


def hypothetical_capital(
    exposures: Mapping[str, float], contributions: Mapping[str, float], rulebook: str | Path | Rulebook
) -> pl.DataFrame:
    """Each member's capital for its contribution, from members' exposures at default and contributions, in units.

    Columns: member_id, exposure, contribution, k_ccp (the same in every row), k_cm, risk_weighted_assets. Own money of
    the clearing house counts where the rulebook has it beside or behind the members. Raises InputError.
    """
    members = sorted(contributions)
    if set(exposures) != set(members) or not members:
        raise refuse_argument("exposures", "an exposure for every member that has a contribution was expected")
    rules = rulebook if isinstance(rulebook, Rulebook) else load_rulebook(rulebook)
    amounts = np.array([contributions[member] for member in members], dtype=np.float64)
    exposed = np.array([exposures[member] for member in members], dtype=np.float64)
    largest = max(amounts.max(), exposed.max())
    if not (amounts >= 0).all() or not (exposed >= 0).all() or amounts.sum() <= 0 or largest > LARGEST_AMOUNT:
        raise refuse_argument("contributions", f"amounts from 0 to {LARGEST_AMOUNT:g}, not all 0, were expected")
    plan = make_plan(rules, each_alone(members), to_minor(amounts, rules.currency_digits))
    own = own_money_by_place(plan)
    behind = (own["beside"] + own["behind"]) / minor_units(rules.currency_digits)
    charge = member_capital(exposed, amounts, behind)
    return pl.DataFrame(
        {
            "member_id": members,
            "exposure": exposed,
            "contribution": amounts,
            "k_ccp": np.full(len(members), k_ccp(exposed)),
            "k_cm": charge,
            "risk_weighted_assets": charge * RISK_WEIGHTED,
        }
    )
