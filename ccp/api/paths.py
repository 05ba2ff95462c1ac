"""Many simulated paths down a rulebook's tiers at once."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ccp.errors import refuse
from ccp.frames import PathTiers
from ccp.money import minor_units, to_minor
from ccp.rulebook.load import load_rulebook
from ccp.rulebook.rulebook import Rulebook
from ccp.types import Cents, Flags, Vector
from ccp.waterfall.paths import PathDraws
from ccp.waterfall.paths import draw_paths as run_paths
from ccp.waterfall.plan import make_plan

AMOUNTS = ("claims", "offered", "segment_loss")


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

    Members are those with a contribution, in order of id; `groups` maps them to groups (default: each its own). `loss`
    and
    `in_default` are path x group, groups in order of id; `margin` by group, or path x group (default: none, losses are
    beyond margin). `known`: `claims` (by member, or path x member), `offered`, `unable`, `auction` by member,
    `segment_loss` and `segment_weight`; see docs/waterfall.md, section 7. Money in units of the rulebook's currency.
    The same tiers, and the same cents, as in `default`. Raises InputError.
    """
    rules = rulebook if isinstance(rulebook, Rulebook) else load_rulebook(rulebook)
    members = sorted(contributions)
    group_of = {member: (groups or {}).get(member, member) for member in members}
    names = sorted(set(group_of.values()))
    _check(members, names, loss, in_default, margin)
    minor = minor_units(rules.currency_digits)
    plan = make_plan(
        rules,
        members,
        names,
        np.array([names.index(group_of[member]) for member in members]),
        to_minor(np.array([contributions[member] for member in members]), rules.currency_digits),
    )
    cents = {name: _in_minor(name, values, minor) for name, values in known.items()}
    found = run_paths(plan, loss, in_default, margin, minor, bills, **cents)
    return Paths(_tiers(found, minor), found.draws, found.bills, members, names)


def _in_minor(name: str, values: np.ndarray, minor: int) -> np.ndarray:
    return np.rint(np.asarray(values) * minor).astype(np.int64) if name in AMOUNTS else np.asarray(values)


def _check(members: list[str], names: list[str], loss: Vector, in_default: Flags, margin: Vector | None) -> None:
    if not members:
        raise refuse("contributions", "at least one member was expected")
    shape = (len(loss), len(names))
    if loss.shape != shape or in_default.shape != shape:
        found = f"{loss.shape} and {in_default.shape}"
        raise refuse("loss and in_default", f"arrays of path x {len(names)} groups were expected", value=found)
    if in_default.dtype != np.bool_:
        raise refuse("in_default", "true or false was expected in every place", value=str(in_default.dtype))
    if not np.isfinite(loss).all() or float(loss.min(initial=0.0)) < 0:
        raise refuse("loss", "finite amounts of 0 or more were expected")
    if margin is not None and np.asarray(margin).shape not in {(len(names),), shape}:
        raise refuse(
            "margin", f"an amount for each of {len(names)} groups was expected", value=np.asarray(margin).shape
        )


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
    return pl.DataFrame(rows, schema=PathTiers.create_empty().schema)
