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
from ccp.types import Vector
from ccp.waterfall.hypothetical_capital import RISK_WEIGHTED, member_capital, own_money
from ccp.waterfall.hypothetical_capital import hypothetical_capital as k_ccp
from ccp.waterfall.plan import make_plan


def hypothetical_capital(
    exposures: Mapping[str, float], contributions: Mapping[str, float], rulebook: str | Path | Rulebook
) -> pl.DataFrame:
    """Each member's capital for its contribution, from members' exposures at default and contributions, in units.

    Columns: member_id, exposure, contribution, k_cm, risk_weighted_assets; and, the same in every row, what a clearing
    house reports under EMIR Articles 50c and 50d: k_ccp, df_ccp (own money that pays before members' contributions),
    df_cm (contributions, and own money beside them), df_ccp_additional (own money that pays when they are used up and
    before calls: in no charge). K_CM is K_CCP shared out by contributions over df_ccp + df_cm (Basel CRE54.36, CRR
    Article 308). Raises InputError.
    """
    members, exposed, amounts = _checked(exposures, contributions)
    rules = rulebook if isinstance(rulebook, Rulebook) else load_rulebook(rulebook)
    plan = make_plan(rules, each_alone(members), to_minor(amounts, rules.currency_digits))
    own, minor = own_money(plan), minor_units(rules.currency_digits)
    charge = member_capital(exposed, amounts, (own.ahead + own.beside) / minor)
    reported = {
        "k_ccp": k_ccp(exposed),
        "df_ccp": own.ahead / minor,
        "df_cm": float(amounts.sum()) + own.beside / minor,
        "df_ccp_additional": own.behind / minor,
    }
    of_member = {"member_id": members, "exposure": exposed, "contribution": amounts}
    charged = {"k_cm": charge, "risk_weighted_assets": charge * RISK_WEIGHTED}
    same = [pl.lit(value).alias(name) for name, value in reported.items()]
    return pl.DataFrame(of_member).with_columns(*same, **{name: pl.Series(value) for name, value in charged.items()})


def _checked(exposures: Mapping[str, float], contributions: Mapping[str, float]) -> tuple[list[str], Vector, Vector]:
    """Members in order, their exposures and contributions. Raises InputError for what is no such amount."""
    members = sorted(contributions)
    if set(exposures) != set(members) or not members:
        raise refuse_argument("exposures", "an exposure for every member that has a contribution was expected")
    amounts = np.array([contributions[member] for member in members], dtype=np.float64)
    exposed = np.array([exposures[member] for member in members], dtype=np.float64)
    largest = max(amounts.max(), exposed.max())
    if not (amounts >= 0).all() or not (exposed >= 0).all() or amounts.sum() <= 0 or largest > LARGEST_AMOUNT:
        raise refuse_argument("contributions", f"amounts from 0 to {LARGEST_AMOUNT:g}, not all 0, were expected")
    return members, exposed, amounts
