"""How many days it would take to sell what some groups hold, at the market's usual volume."""

from dataclasses import dataclass

import numpy as np

from ccp.book.check import MATCH_TOLERANCE
from ccp.book.portfolio import Portfolio
from ccp.market.case import Case
from ccp.types import Index, Vector


@dataclass(frozen=True)
class GroupLiquidation:
    """A group's slowest instrument (a place): its net quantity, the volume of an average day, the days it takes.

    Without an instrument that states a volume they are None; but who holds nothing takes 0 days. `volumeless` is how
    many of the instruments `held` net state none.
    """

    instrument: int | None
    quantity: float | None
    volume: float | None
    days: float | None
    volumeless: int
    held: int


def liquidations(case: Case, groups: list[int]) -> list[GroupLiquidation]:
    """How long it takes to sell the book of each group, all its accounts netted, one instrument beside the other.

    `days = |net quantity| / (participation * average_daily_volume)`, of the slowest instrument; what rounding leaves of
    a net of nothing takes no day. Only the groups' own positions are read.
    """
    volume = case.book.instrument_column("average_daily_volume").to_numpy()
    share = case.rulebook.close_out.participation
    net, gross = held_by(case.portfolio, groups)
    return [
        _slowest(np.where(np.abs(one) > MATCH_TOLERANCE * of, one, 0.0), volume, share)
        for one, of in zip(net, gross, strict=True)
    ]


def held_by(portfolio: Portfolio, groups: list[int]) -> tuple[np.ndarray, np.ndarray]:
    """What groups hold, net and gross: group x instrument. Summed in the order of the book, however it is read."""
    place = np.full(len(portfolio.groups), -1)
    place[groups] = np.arange(len(groups))
    net, gross = (np.zeros((len(groups), len(portfolio.instruments))) for _ in range(2))
    for pools in portfolio.portions(portfolio.pools_of(portfolio.members_of(np.array(groups, dtype=np.int64)))):
        part = portfolio.part(pools)
        where = _places(place[part.account_group], part.positions.offset), part.positions.instrument
        np.add.at(net, where, part.positions.quantity)
        np.add.at(gross, where, np.abs(part.positions.quantity))
    return net, gross


def _places(account_place: Index, offset: Index) -> Index:
    """The group's place of every position."""
    return np.repeat(account_place, np.diff(offset))


def _slowest(net: Vector, volume: Vector, participation: float) -> GroupLiquidation:
    held = net != 0
    known = held & (volume > 0)
    counts = int((held & ~known).sum()), int(held.sum())
    if not known.any():
        return GroupLiquidation(None, None, None, None if counts[1] else 0.0, *counts)
    days = np.divide(np.abs(net), participation * volume, out=np.full(len(net), -1.0), where=known)
    place = int(np.argmax(days))
    return GroupLiquidation(place, float(net[place]), float(volume[place]), float(days[place]), *counts)
