"""What cannot be counted in 64 bits of minor units is refused where it stands; prices of trades as an instrument's own.

One future on X and one in euro, 100 held of the first and 50 of the second: a level of 1e30 makes 1e34 cents of it,
and 64 bits hold 9.2e18. A holding may be worth 1e17 cents, 1e15 dollars.
"""

from collections.abc import Callable
from datetime import date, timedelta
from math import sin
from pathlib import Path

import numpy as np
import pytest

import ccp
from ccp.errors import InputError
from ccp.money import to_minor

DAYS = [date(2024, 1, 1) + timedelta(days) for days in range(60)]
FIRST, LAST = DAYS[40], DAYS[45]
RULES = """
name: large
currency: USD
margin: {measure: value_at_risk, confidence: 0.99, lookback_days: 30, liquidation_days: 1}
stress: {hypothetical: [{ladder: market_gaps, sizes: [0.1]}]}
fund: {cover: 1}
tiers: [defaulter_margin, defaulter_fund, survivors_fund]
"""
HEADS = {
    "members": "member_id,group_id\nM1,M1\nM2,M2\nM3,M3\n",
    "accounts": "account_id,member_id,kind\nA1,M1,house\nA2,M2,house\nA3,M3,house\n",
    "positions": "account_id,instrument_id,quantity\nA1,I,100\nA2,I,-100\nA3,E,50\nA1,E,-50\n",
}


class Files:
    """A book, a market and trades as files; `x` and `euro` are levels by day, of all 60."""

    def __init__(self, folder: Path, change: str = "relative"):
        self.folder = folder
        self.x = [100 + 3 * sin(day) for day in range(60)]
        self.euro = [1.1 + 0.01 * sin(2 * day) for day in range(60)]
        self.change = change

    def write(self, **tables: str) -> None:
        """Everything, and other tables of the book besides."""
        for name in ("book", "market"):
            (self.folder / name).mkdir(exist_ok=True)
        instruments = "".join(f"{name},future,X,{unit},1,100\n" for name, unit in (("I", "USD"), ("E", "EUR")))
        head = "instrument_id,kind,factor_id,currency,multiplier,price\n"
        for name, text in (HEADS | {"instruments": head + instruments} | tables).items():
            (self.folder / f"book/{name}.csv").write_text(text)
        levels = "".join(f"{day},{x},{euro}\n" for day, x, euro in zip(DAYS, self.x, self.euro, strict=True))
        (self.folder / "market/prices.csv").write_text(f"date,X,EUR/USD\n{levels}")
        (self.folder / "market/factors.csv").write_text(f"factor_id,change,asset_class\nX,{self.change},equity\n")
        (self.folder / "rules.yaml").write_text(RULES)

    def simulate(self, trades: str | None = None) -> ccp.Simulation:
        path = self.folder / "trades.csv"
        if trades is not None:
            path.write_text("date,account_id,instrument_id,quantity,price\n" + trades)
        request = ccp.RunRequest(FIRST, LAST, trades=None if trades is None else path)
        rules, market = self.folder / "rules.yaml", self.folder / "market"
        return ccp.simulate(self.folder / "book", self.folder / "run", request, rules, market)

    def size(self) -> object:
        return ccp.size(self.folder / "book", self.folder / "rules.yaml", self.folder / "market", day=DAYS[50])

    def backtest(self) -> object:
        rules, market = self.folder / "rules.yaml", self.folder / "market"
        return ccp.backtest(self.folder / "book", DAYS[40], DAYS[48], rules, None, DAYS[41], market)


def refused(run: Callable[[], object]) -> str:
    with pytest.raises(InputError) as error:
        run()
    return str(error.value)


def trade(quantity: str, price: str, account: str = "A1") -> str:
    return f"{DAYS[42]},{account},I,{quantity},{price}\n"


@pytest.mark.parametrize(
    ("column", "place", "level", "row"),
    [("x", 43, 1e30, 44), ("euro", 43, 1e30, 44), ("x", 43, 1e-30, 45), ("x", 35, 1e-30, 37), ("euro", 30, 1e-25, 32)],
)
def test_a_level_by_which_holdings_move_too_far(
    tmp_path: Path, column: str, place: int, level: float, row: int
) -> None:
    """The cell named is that of the rise: the large level itself, or the one after a tiny one."""
    files = Files(tmp_path)
    getattr(files, column)[place] = level
    files.write()
    name = {"x": "X", "euro": "EUR/USD"}[column]
    for run in (files.simulate, files.size, files.backtest):
        message = refused(run)
        assert message.startswith(f"prices.csv, row {row}, column {name}, value "), message
        assert "lose more than can be counted" in message
        assert "\n" not in message
    assert not (tmp_path / "run").exists()


def test_levels_that_grow_day_by_day_are_refused_on_the_day_that_is_too_much(tmp_path: Path) -> None:
    """From 100 sixtyfold a day, which the room allows, with 100,000 long and as many short of I: 2e5 * 100 * 60^4 are
    2.6e14 dollars on the fifth day, and 60 times that on the sixth."""
    files = Files(tmp_path)
    files.x = [100.0] * 40 + [100.0 * 60**step for step in range(20)]
    files.write(positions=HEADS["positions"].replace("100\n", "100000\n"))
    message = refused(files.simulate)
    assert message.startswith(
        "prices.csv, row 46, column X, value 77760000000.0: all holdings of I may be worth 1e+15 USD"
    )
    assert message.endswith("5 whole days before it are kept")


def test_collateral_in_a_currency_that_rises(tmp_path: Path) -> None:
    line = "pool_id,asset_id,currency,market_value,haircut\nA1,CASH,EUR,1e14,0\n"
    files = Files(tmp_path)
    files.write(collateral=line)
    files.simulate()
    files.euro = [level * 1000 for level in files.euro]
    files.write(collateral=line)
    assert refused(files.size).startswith(
        "collateral.csv, row 1, column market_value, value 100000000000000.0: collateral"
    )
    files.euro[:43] = [level / 1000 for level in files.euro[:43]]
    files.write(collateral=line)
    (tmp_path / "run").rename(tmp_path / "sound")
    message = refused(files.simulate)
    assert message.startswith("prices.csv, row 44, column EUR/USD, value ")
    assert "collateral CASH may be worth 1e+15 USD at most" in message


@pytest.mark.parametrize(("quantity", "price", "column"), [("1", "1e300", "price"), ("1e25", "100", "quantity")])
def test_a_trade_too_large(tmp_path: Path, quantity: str, price: str, column: str) -> None:
    files = Files(tmp_path)
    files.write()
    both = trade(quantity, price) + trade(f"-{quantity}", price, "A2")
    first, second = refused(lambda: files.simulate(both)).splitlines()
    assert first.startswith(f"trades.csv, row 1, column {column}, value ")
    assert second.endswith(": a trade may be worth 1e+15 USD at most")


def test_trades_that_are_small_alone_and_too_large_together(tmp_path: Path) -> None:
    """Eleven trades of 1e12 pieces at about 100 dollars each way: 2.2e15 dollars."""
    files = Files(tmp_path)
    files.write()
    both = trade("1e12", "100") + trade("-1e12", "100", "A2")
    assert "all holdings of I may be worth 1e+15 USD at most" in refused(lambda: files.simulate(both * 11))


@pytest.mark.parametrize("price", ["-100", "0"])
def test_a_trade_at_no_price(tmp_path: Path, price: str) -> None:
    files = Files(tmp_path)
    files.write()
    both = trade("1", price) + trade("-1", price, "A2")
    assert refused(lambda: files.simulate(both)).splitlines() == [
        f"trades.csv, row {row}, column price, value {float(price)}: "
        "more than 0 was expected, since its factor moves by ratios"
        for row in (1, 2)
    ]
    (tmp_path / "absolute").mkdir()
    free = Files(tmp_path / "absolute", "absolute")
    free.write()
    free.simulate(both)


@pytest.mark.parametrize("amount", [1e17, -1e17, np.inf, np.nan])
def test_no_amount_is_made_cents_of_that_does_not_fit(amount: float) -> None:
    """1e17 dollars are 1e19 cents; 64 bits hold 9.2e18."""
    with pytest.raises(InputError, match="is too large"):
        to_minor(np.array([1.0, amount]), 2)
    assert to_minor(np.array([1.0, 1e16]), 2).tolist() == [100, 10**18]
