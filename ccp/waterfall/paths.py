"""Many paths at once: the kernel's side of the waterfall, and what its results say."""

from dataclasses import dataclass

import numpy as np

import ccp.kernels.waterfall.plan_arrays as codes
from ccp.kernels.engine.numba_door import read_only
from ccp.kernels.waterfall.path_arrays import PathArrays
from ccp.kernels.waterfall.paths import run_paths
from ccp.types import Cents, Flags, Vector
from ccp.waterfall.plan import Plan, PlannedTier


@dataclass(frozen=True)
class PathDraws:
    """What each path drew, in cents: `draws` is path x tier (parts apart, in the plan's order), and `bills` path x
    member what survivors paid in all their tiers, where it was asked for. A path's draws add up to its loss."""

    tiers: tuple[PlannedTier, ...]
    draws: Cents
    bills: Cents | None

    def drawn(self, word: str) -> Cents:
        """What all tiers of one word paid, by path."""
        return self.draws[:, [tier.row for tier in self.tiers if tier.word == word]].sum(axis=1)


def draw_paths(
    plan: Plan,
    loss: Vector,
    in_default: Flags,
    margin: Vector | None = None,
    minor: int = 100,
    bills: bool = False,
    **known: np.ndarray,
) -> PathDraws:
    """Run every path down the plan's tiers.

    `loss` (units of the currency, not negative) and `in_default` are path x group; `margin` one amount a group, or
    path x group (default: none, so that `loss` is beyond margin). `minor`: minor units in a unit of the currency.

    `known`, each optional, all money in cents: `claims` (member, or path x member) is what haircuts of every kind may
    cut; `offered`, `unable` and `auction` by member as in `Circumstances`; `segment_loss` (segment, or path x segment)
    and `segment_weight` (segment x member). Raises ValueError for a tier that the kernel does not know.
    """
    _check_known(plan)
    members = len(plan.members)
    nothing = np.zeros(members, dtype=np.int64)
    held = np.zeros((1, loss.shape[1])) if margin is None else margin
    flags = np.ascontiguousarray(in_default, dtype=np.bool_)
    if plan.away.any():
        flags = flags & np.isin(np.arange(loss.shape[1]), plan.member_group[~plan.away])
    flags = flags.reshape(-1)
    arrays = read_only(
        PathArrays(
            loss=np.ascontiguousarray(loss, dtype=np.float64),
            margin=_rows(held, np.float64),
            flags=flags,
            flag_words=flags[: flags.size // 8 * 8].view(np.int64),
            claims=_rows(np.where(plan.away, 0, known.pop("claims", nothing)), np.int64),
            offered=_rows(np.where(plan.away, 0, np.maximum(known.pop("offered", nothing), 0)), np.int64)[0],
            unable=_rows(known.pop("unable", nothing), np.bool_)[0],
            auction=_rows(known.pop("auction", nothing), np.int64)[0],
            segment_loss=_rows(np.maximum(known.pop("segment_loss", np.zeros((1, 0))), 0), np.float64),
            segment_weight=_rows(known.pop("segment_weight", np.zeros((0, members))), np.float64),
        )
    )
    if known:
        raise TypeError(f"draw_paths knows nothing of {', '.join(sorted(known))}")
    draws = np.zeros((len(loss), len(plan.tiers)), dtype=np.int64)
    bill = np.zeros((len(loss) if bills else 0, members), dtype=np.int64)
    cuts = np.isin(plan.arrays.source, codes.HAIRCUTS)
    cuts_follow = cuts[::-1].cumsum()[::-1] > 1  # a haircut must know what those ahead of it took from whom
    split = cuts & cuts_follow | bills
    unknown = run_paths(plan.arrays, arrays, float(minor), plan.group_contributions, split, draws, bill)
    _refuse([tier.word for tier in plan.tiers if tier.row == unknown])
    return PathDraws(plan.tiers, draws, bill if bills else None)


def _check_known(plan: Plan) -> None:
    """Raise ValueError for a tier that the kernel knows nothing of."""
    _refuse([tier.word for tier in plan.tiers if plan.arrays.source[tier.row] not in codes.IN_PATHS])


def _refuse(strange: list[str]) -> None:
    if strange:
        raise ValueError(f"the kernel over many paths does not know what these tiers have: {', '.join(strange)}")


def _rows(values: np.ndarray, kind: type) -> np.ndarray:
    return np.ascontiguousarray(np.atleast_2d(values), dtype=kind)
