"""Trades for the benchmark of the daily cycle."""

from pathlib import Path

import numpy as np
import polars as pl

from benchmarks.cycle_setting import Setting
from benchmarks.cycle_usual import Usual


def make_trades(setting: Setting, count: int, path: Path) -> Path:
    """Trades of every day at its settlement prices: pairs of a buyer and a seller."""
    terms, random = setting.open(), np.random.default_rng(7)
    usual, portfolio = Usual(terms), terms.portfolio
    accounts, names = np.array(portfolio.accounts), np.array(portfolio.instruments)
    frames = []
    for day, known in enumerate(terms.dates):
        price = np.maximum(usual.prices(day).price, 0.0001)
        pairs = max(count // 2, 1)
        buyer = random.integers(0, len(accounts), pairs)
        seller = (buyer + random.integers(1, len(accounts), pairs)) % len(accounts)
        traded = portfolio.positions.instrument[random.integers(0, len(portfolio.positions.instrument), pairs)]
        lots = random.integers(1, 50, pairs).astype(np.float64)
        for account, quantity in ((buyer, lots), (seller, -lots)):
            columns = {
                "account_id": accounts[account],
                "instrument_id": names[traded],
                "quantity": quantity,
                "price": price[traded],
            }
            frames.append(pl.DataFrame({"date": pl.repeat(known, pairs, dtype=pl.Date, eager=True), **columns}))
    pl.concat(frames).write_parquet(path)
    return path
