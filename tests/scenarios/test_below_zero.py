"""Exchange rates that move by differences stay above zero in what the history and multiples make, by hand."""

from datetime import date, timedelta
from typing import Any

import numpy as np
import polars as pl
import pytest
from support.rye import rye_rules

from ccp.market.history import Market
from ccp.rulebook.with_rules import with_rules
from ccp.scenarios.below_zero import rates_above_zero
from ccp.scenarios.scenario_set import Label, over_one_period
from ccp.scenarios.stress_set import stress_scenarios


def market_of(levels: dict[str, list[float]]) -> Market:
    days = [date(2022, 1, 3) + timedelta(days=number) for number in range(len(next(iter(levels.values()))))]
    kinds: dict[str, Any] = {"factor_id": list(levels), "change": "absolute", "asset_class": None, "sector": None}
    return Market(pl.DataFrame({"date": days} | levels), pl.DataFrame(kinds), {})


def test_a_difference_beyond_the_rate_is_kept_at_a_hundredth_of_it() -> None:
    """A rate of 0.2 may fall by 0.198; a price, and a spread whose name has a stroke, may pass zero."""
    names = ["TRY/USD", "OIL", "BRENT/WTI"]
    market = market_of({"TRY/USD": [0.7, 0.2], "OIL": [50.0, 20.0], "BRENT/WTI": [3.0, 2.0]})
    labels = [Label(name, "historical", name, "here") for name in ("fall", "small")]
    moves = np.zeros((2, 3)), np.array([[-0.5, -30.0, -5.0], [-0.1, -30.0, -5.0]])
    found = rates_above_zero(over_one_period(names, labels, moves), market)
    expected = np.array([[-0.198, -30.0, -5.0], [-0.1, -30.0, -5.0]])
    assert found.longest.absolute == pytest.approx(expected)
    assert [label.description for label in found.labels] == ["fall; 1 factor capped at -99%", "small"]


def test_a_window_and_its_multiple_of_a_rate_that_has_fallen() -> None:
    """The worst window, 0.7 to 0.3, is more than today's 0.3; a tenth of it, 0.04, is not."""
    market = market_of({"TRY/USD": [0.7, 0.7, 0.3, 0.3]})
    rules: list[tuple[str, Any]] = [
        ("stress.historical", {"worst": 1, "multiples": [0.1, 1]}),
        ("stress.hypothetical", []),
    ]
    found = stress_scenarios(with_rules(rye_rules(), rules), market, ["TRY/USD"])
    assert found.longest.absolute.tolist() == [[pytest.approx(-0.04)], [pytest.approx(-0.297)]]


def test_a_ladder_of_currencies_moves_such_a_rate_by_the_share() -> None:
    """Three times 40 % is more than the rate is worth, and capped as that of a rate that moves by ratios is."""
    rules: list[tuple[str, Any]] = [
        ("stress.historical", None),
        ("stress.hypothetical", [{"ladder": "currency_gaps", "sizes": [0.4], "multiples": [1, 3]}]),
    ]
    market = market_of({"TRY/USD": [0.7, 0.2]})
    factors = market.factors.with_columns(asset_class=pl.lit("currency"))
    found = stress_scenarios(with_rules(rye_rules(), rules), Market(market.levels, factors, {}), ["TRY/USD"])
    assert found.longest.relative.tolist() == [[-0.4], [-0.99], [0.4], [pytest.approx(1.2)]]
    assert not found.longest.absolute.any()
