"""Many simulated paths down a rulebook's tiers at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ccp.book.roster import Roster, roster_of
from ccp.errors import LARGEST_AMOUNT, refuse_argument
from ccp.frames import PathTiers, types_of
from ccp.money import minor_units, to_minor
from ccp.rulebook.load import load_rulebook
from ccp.rulebook.rulebook import Rulebook
from ccp.types import Cents, Flags, Vector
from ccp.waterfall.paths import PathDraws
from ccp.waterfall.paths import draw_paths as run_paths
from ccp.waterfall.plan import make_plan

LARGEST_SUM = 2.0**62
"""Minor units that sums may come to: they stay whole numbers of 64 bits."""
IN_CENTS = ("claims", "offered", "segment_loss")
AMOUNTS = ("contributions", "loss", "margin", *IN_CENTS, "segment_weight")


@dataclass(frozen=True)
class Paths:
    """What every path drew. `tiers` sums up each tier over the paths; `draws` (path x tier) and `bills` (path x
    member, None unless asked for) are in whole minor units, exact sums; `members` and `groups` name the columns of
    what was given."""

    tiers: pl.DataFrame
    draws: Cents
    bills: Cents | None
    members: list[str]
    groups: list[str]


def draw_paths(
    rulebook: str | Path | Rulebook,
    contributions: Mapping[str, float],
    loss: Vector,
    in_default: Flags,
    margin: Vector | None = None,
    groups: Mapping[str, str] | None = None,
    bills: bool = False,
    **known: np.ndarray,
) -> Paths:
    """Run many paths down a rulebook's tiers: losses and default flags in, draws by tier and members' bills out.

    Members are those with a contribution, in order of id; `groups` maps them to groups (default: each its own).
    `loss` and `in_default` are path x group, groups in order of id; `margin` by group, or path x group (default: none,
    losses are beyond margin). `known`: `claims` (by member, or path x member), `offered`, `unable`, `auction` by
    member, `segment_loss` and `segment_weight`; see docs/reference/waterfall.md, section 7. Money in units of the
    rulebook's
    currency. The same tiers as in `default`, and the same cents but for a few in shares. Raises InputError.
    """
    rules = rulebook if isinstance(rulebook, Rulebook) else load_rulebook(rulebook)
    roster = roster_of({member: (groups or {}).get(member, member) for member in contributions})
    members = roster.members
    amounts = np.array([contributions[member] for member in members], dtype=np.float64)
    loss, in_default = _array("loss", loss), _array("in_default", in_default)
    margin = None if margin is None else _array("margin", margin)
    known = {name: _array(name, values) for name, values in known.items()}
    given = {"contributions": amounts, "loss": loss, "in_default": in_default, **known}
    unknown = sorted(set(groups or {}) - set(members))
    if unknown:
        raise refuse_argument("groups", "members that have a contribution were expected", value=", ".join(unknown))
    minor = minor_units(rules.currency_digits)
    _check(roster, given if margin is None else given | {"margin": margin}, minor)
    plan = make_plan(rules, roster, to_minor(amounts, rules.currency_digits))
    cents = {name: _in_minor(name, values, minor) for name, values in known.items()}
    found = run_paths(plan, loss, in_default, margin, minor, bills, **cents)
    return Paths(_tiers(found, minor), found.draws, found.bills, members, roster.groups)


def _in_minor(name: str, values: np.ndarray, minor: int) -> np.ndarray:
    return np.rint(np.asarray(values) * minor).astype(np.int64) if name in IN_CENTS else np.asarray(values)


def _array(name: str, values: Any) -> np.ndarray:
    try:
        return np.asarray(values)
    except ValueError:
        raise refuse_argument(name, "an array was expected, every row as long as the others") from None


def _check(roster: Roster, given: dict[str, Any], minor: int) -> None:
    """Refuse what does not fit: shapes, and amounts that are no amounts."""
    members, paths = len(roster.members), np.shape(given["loss"])[:1]
    if not members:
        raise refuse_argument("contributions", "at least one member was expected")
    shapes = _shapes(paths, members, len(roster.groups))
    for name, values in given.items():
        if name not in shapes:
            raise refuse_argument(name, f"one of {', '.join(shapes)} was expected")
        if np.shape(values) not in shapes[name] and not name.startswith("segment"):
            expected = " or ".join(str(shape) for shape in shapes[name])
            raise refuse_argument(name, f"an array of shape {expected} was expected", value=np.shape(values))
    if given["in_default"].dtype != np.bool_:
        raise refuse_argument(
            "in_default", "true or false was expected in every place", value=str(given["in_default"].dtype)
        )
    for name in (name for name in AMOUNTS if name in given):
        values = np.asarray(given[name])
        if values.dtype.kind not in "fiu" or not np.isfinite(values).all():
            raise refuse_argument(name, "finite numbers were expected")
        if np.abs(values).max(initial=0.0) > LARGEST_AMOUNT or (name != "claims" and values.min(initial=0.0) < 0):
            raise refuse_argument(name, f"amounts from 0 to {LARGEST_AMOUNT:g} were expected")
        if np.abs(values.astype(np.float64)).sum(axis=-1).max(initial=0.0) * minor > LARGEST_SUM:
            raise refuse_argument(name, f"sums below {LARGEST_SUM / minor:.0e} were expected")
    if "unable" in given and not np.isin(given["unable"], (False, True)).all():
        raise refuse_argument("unable", "true or false was expected in every place")
    if "auction" in given and not np.isin(given["auction"], (0, 1, 2)).all():
        raise refuse_argument("auction", "0 (did not bid), 1 (lost) or 2 (won) was expected")
    _check_segments(given, paths, members)


def _shapes(paths: tuple[int, ...], members: int, groups: int) -> dict[str, set[tuple[int, ...]]]:
    """The shapes that every array may have."""
    return {
        "contributions": {(members,)},
        "loss": {(*paths, groups)},
        "in_default": {(*paths, groups)},
        "margin": {(groups,), (1, groups), (*paths, groups)},
        "claims": {(members,), (1, members), (*paths, members)},
        "offered": {(members,)},
        "unable": {(members,)},
        "auction": {(members,)},
        "segment_loss": set(),
        "segment_weight": set(),
    }


def _check_segments(given: dict[str, Any], paths: tuple[int, ...], members: int) -> None:
    """Losses and weights of the same segments."""
    if ("segment_loss" in given) != ("segment_weight" in given):
        raise refuse_argument("segment_loss", "`segment_loss` and `segment_weight` together were expected")
    if "segment_loss" not in given:
        return
    count, weights = np.shape(given["segment_loss"])[-1:], np.shape(given["segment_weight"])
    if np.shape(given["segment_loss"]) not in {count, (1, *count), (*paths, *count)}:
        raise refuse_argument("segment_loss", "losses by segment, or by path and segment, were expected")
    if weights != (*count, members):
        raise refuse_argument("segment_weight", f"an array of shape {(*count, members)} was expected", value=weights)


def _tiers(found: PathDraws, minor: int) -> pl.DataFrame:
    """What each tier pays over all paths."""
    rows = []
    for tier in found.tiers:
        amounts = found.draws[:, tier.row] / minor
        rows.append(
            {
                "tier_place": tier.place,
                "tier": tier.word,
                "name": tier.name,
                "touched_share": float((amounts > 0).mean()) if len(amounts) else 0.0,
                "mean_amount": float(amounts.mean()) if len(amounts) else 0.0,
                "quantile_999": float(np.quantile(amounts, 0.999, method="inverted_cdf")) if len(amounts) else 0.0,
                "largest_amount": float(amounts.max(initial=0.0)),
            }
        )
    return pl.DataFrame(rows, schema=types_of(PathTiers))
