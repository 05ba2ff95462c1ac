"""What members have gained in a scenario, on which contracts, and in which product classes: what haircuts may cut.

All in one scenario, in whole minor units of the service currency.
"""

import numpy as np

from ccp.exposure.run import account_values
from ccp.money import to_minor
from ccp.stress.measure import Measured
from ccp.types import Cents, Index


def member_gains(measured: Measured, scenario: int) -> Cents:
    """By member, the gains of its pools; a pool's loss takes nothing off another's gain."""
    portfolio = measured.case.portfolio
    everyone = np.arange(len(portfolio.accounts))
    loss = account_values(portfolio.positions, measured.unit_loss[:, [scenario]], everyone)[:, 0]
    pools = np.zeros(len(portfolio.pools), dtype=np.int64)
    np.add.at(pools, portfolio.account_pool, to_minor(loss, measured.case.rulebook.currency_digits))
    gains = np.zeros(len(portfolio.members), dtype=np.int64)
    np.add.at(gains, portfolio.pool_member, np.maximum(-pools, 0))
    return gains


def matched_claims(measured: Measured, scenario: int, groups: tuple[int, ...]) -> Cents:
    """By member, what it has gained on contracts opposite the books of some groups.

    In each instrument the groups' net position is matched with all opposite positions of others, in proportion.
    """
    portfolio, positions = measured.case.portfolio, measured.case.portfolio.positions
    account, mine = _accounts_of_positions(measured), _of_groups(measured, groups)
    net = np.bincount(positions.instrument[mine], positions.quantity[mine], minlength=len(portfolio.instruments))
    opposite = ~mine & (positions.quantity * net[positions.instrument] < 0)
    held = np.bincount(
        positions.instrument[opposite], np.abs(positions.quantity[opposite]), minlength=len(portfolio.instruments)
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.where(held > 0, np.minimum(np.abs(net) / held, 1.0), 0.0)
    gain = -measured.unit_loss[:, scenario]
    value = positions.quantity * (gain * share)[positions.instrument]
    member = portfolio.account_member[account]
    sums = np.bincount(member[opposite], value[opposite], minlength=len(portfolio.members))
    return to_minor(sums.astype(np.float64), measured.case.rulebook.currency_digits)


def by_product_class(measured: Measured, scenario: int, groups: tuple[int, ...]) -> tuple[Cents, Cents]:
    """By asset class, the losses of some groups' positions (no gains); and class x member, how much each member is
    exposed to the scenario in the class: the sum of the sizes of its positions' gains and losses."""
    portfolio, positions = measured.case.portfolio, measured.case.portfolio.positions
    kinds = _product_class(measured)[positions.instrument]
    count, members = int(kinds.max(initial=0)) + 1, len(portfolio.members)
    value = positions.quantity * measured.unit_loss[positions.instrument, scenario]
    mine, digits = _of_groups(measured, groups), measured.case.rulebook.currency_digits
    loss = np.bincount(kinds[mine], value[mine], minlength=count).astype(np.float64)
    place = kinds * members + portfolio.account_member[_accounts_of_positions(measured)]
    exposed = np.bincount(place, np.abs(value), minlength=count * members).astype(np.float64)
    return to_minor(np.maximum(loss, 0.0), digits), to_minor(exposed, digits).reshape(count, members)


def _accounts_of_positions(measured: Measured) -> Index:
    offset = measured.case.portfolio.positions.offset
    return np.repeat(np.arange(len(offset) - 1), np.diff(offset))


def _of_groups(measured: Measured, groups: tuple[int, ...]) -> np.ndarray:
    """Which positions are some groups'."""
    portfolio = measured.case.portfolio
    account_group = portfolio.member_group[portfolio.account_member]
    return np.isin(account_group[_accounts_of_positions(measured)], groups)


def _product_class(measured: Measured) -> Index:
    """The asset class of each instrument's factor, as a number; without one, a class of its own."""
    case = measured.case
    names = case.book.instruments.sort("instrument_id")["factor_id"].to_list()
    words = [name or "" for name in case.market.kinds("asset_class", names)]
    return np.unique(np.array(words, dtype=str), return_inverse=True)[1].astype(np.int64)
