"""The instruments of a synthetic book: spot, futures and options on whatever factors the market has.

Prices follow from the factors' levels by a flat carry: forward = level * (1 + carry * years). That is an assumption,
not a market: no dividends by date, no term structure. Option prices are the model's own, with a plain smile.
"""

from datetime import date, timedelta

import polars as pl

from ccp.errors import refuse_argument
from ccp.frames import instruments_schema, types_of
from ccp.kernels.exposure.black import black_forward_value

CARRY = 0.02
EXPIRY_WEEKS = (4, 12, 24, 36, 50, 76, 102)
STRIKES = (1.0, 0.95, 1.05, 0.9, 1.1, 0.85, 1.15, 0.8, 1.2, 0.75, 1.25, 0.7, 1.3)
FAR_STRIKES = (0.65, 1.35, 0.6, 1.4)
INDEX = "INDEX20"
CURRENCIES = ("EUR/USD", "GBP/USD", "JPY/USD", "CHF/USD", "AUD/USD", "CAD/USD")
SPREAD, OPTION_SPREAD = 0.0002, 0.01
"""Half the bid-ask spread as a share of the price, of spot and futures and of options."""
CURRENCY_UNITS = {"JPY/USD": 12_500_000.0}


def catalogue(count: int, levels: dict[str, float], day: date) -> tuple[pl.DataFrame, pl.DataFrame]:
    """`count` instruments, the most traded first, and what the synthetic book knows of each.

    The second table has, per instrument: delta (sign of its exposure to the market), unit_notional, popularity,
    whether the crowded trade is in it, and its spread as a share of the price.
    """
    rows: list[dict[str, object]] = []
    stocks = [name for name in levels if "/" not in name and "." not in name and name not in (INDEX, "WTI")]
    expiries = [_friday(day + timedelta(weeks=weeks)) for weeks in EXPIRY_WEEKS]
    rows += [_future(INDEX, levels, expiry, day, 50.0) for expiry in expiries[:3]]
    rows += [_future(INDEX, levels, expiry, day, 10.0, "EUR") for expiry in expiries[1:2]]
    rows += [_spot(name, levels) for name in stocks]
    rows += [_future(name, levels, expiries[1], day, CURRENCY_UNITS.get(name, 125_000.0)) for name in CURRENCIES]
    rows += [_future(name, levels, expiries[1], day, 100.0) for name in stocks]
    ladder = [(expiry, strike) for strike in STRIKES for expiry in expiries]
    first, rest = ladder[:21], ladder[21:]
    far = [(expiry, strike) for strike in FAR_STRIKES for expiry in expiries]
    near = (([INDEX], first), (stocks, ladder[:6]), ([INDEX], rest), (stocks, ladder[6:]))
    for names, steps in (*near, ([INDEX, *stocks], far)):
        for expiry, strike in steps:
            for name in names:
                rows += [_option(name, levels, expiry, day, strike, right) for right in ("put", "call")]
    if count > len(rows):
        expected = f"at most {len(rows):,} was expected: this market's factors allow no more"
        raise refuse_argument("instruments", expected, value=count)
    rows = rows[:count]
    for place, row in enumerate(rows):
        row["popularity"] = 1.0 / (place + 5.0)
    table = pl.DataFrame(rows, infer_schema_length=None)
    known = {name: kind for name, kind in types_of(instruments_schema()).items() if name in table.columns}
    traits = table.select("delta", "unit_notional", "popularity", "crowded", "spread")
    return table.select([pl.col(name).cast(kind) for name, kind in known.items()]), traits


def _friday(day: date) -> date:
    return day + timedelta(days=(4 - day.weekday()) % 7)


def _row(identity: str, kind: str, factor: str, price: float, multiplier: float, **more: object) -> dict[str, object]:
    row: dict[str, object] = {
        "instrument_id": identity, "kind": kind, "factor_id": factor, "currency": "USD", "multiplier": multiplier,
        "price": price, "expiry": None, "strike": None, "right": None, "volatility_id": None,
        "implied_volatility": None, "style": None, "forward": None,
        "delta": 1.0, "unit_notional": price * multiplier, "crowded": False, "spread": SPREAD,
    }  # fmt: skip
    return row | more


def _spot(name: str, levels: dict[str, float]) -> dict[str, object]:
    return _row(name, "spot", name, levels[name], 1.0)


def _forward(name: str, levels: dict[str, float], expiry: date, day: date) -> float:
    return levels[name] * (1 + CARRY * (expiry - day).days / 365)


def _future(
    name: str, levels: dict[str, float], expiry: date, day: date, multiplier: float, currency: str = "USD"
) -> dict[str, object]:
    digits = 7 if "/" in name else 2
    price = round(_forward(name, levels, expiry, day), digits)
    mark = "" if currency == "USD" else f"-{currency}"
    identity = f"{name.replace('/', '')}{mark}-F-{expiry:%y%m}"
    crowded = name == INDEX and not mark
    return _row(identity, "future", name, price, multiplier, currency=currency, expiry=expiry, crowded=crowded)


def _option(
    name: str, levels: dict[str, float], expiry: date, day: date, moneyness: float, right: str
) -> dict[str, object]:
    """An option on the index is margined as a future is; one on a stock is paid for once."""
    forward = _forward(name, levels, expiry, day)
    strike, years = _round_strike(forward * moneyness), (expiry - day).days / 365
    volatility = round(levels[f"{name}.VOL"] * (1 + 0.5 * max(1 - moneyness, -0.1)), 4)
    value = black_forward_value(forward, strike, volatility * years**0.5, right == "call")
    multiplier = 50.0 if name == INDEX else 100.0
    return _row(
        f"{name}-{right[0].upper()}-{expiry:%y%m}-{strike:g}", "option", name, round(value, 4), multiplier,
        expiry=expiry, strike=strike, right=right, volatility_id=f"{name}.VOL", implied_volatility=volatility,
        style="variation" if name == INDEX else "premium", forward=forward,
        delta=1.0 if right == "call" else -1.0, unit_notional=0.5 * forward * multiplier, spread=OPTION_SPREAD,
        crowded=name == INDEX and right == "put" and moneyness in (0.9, 0.95) and (expiry - day).days < 200,
    )  # fmt: skip


def _round_strike(value: float) -> float:
    step = 100.0 if value > 5000 else 5.0 if value > 200 else 1.0
    return round(value / step) * step
