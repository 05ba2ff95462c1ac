"""Every product has a row and a pricer; and one that only these tests know goes through everything.

The product (`three_factors`) has three factors, one of them an exchange rate. Amounts are worked out by hand or by
plain loops over its formula.
"""

from __future__ import annotations

import ast
import io
import math
import pickle
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
from support.small_books import market
from support.small_cycles import RULES, Run, Small, changed, write_trades
from support.three_factors import PRICER, SPREAD

import ccp
from ccp.api import streamed
from ccp.api.streamed import Streaming
from ccp.book.book import Book, book_from_frames
from ccp.book.streaming import BatchSizes
from ccp.cluster.executor import open_executor
from ccp.errors import InputError
from ccp.frames import instruments_schema
from ccp.margin.collateral import holdings
from ccp.market.case import Case, open_case
from ccp.market.history import Market, read_market
from ccp.pricing.horizon import case_terms, liquidation_periods, price_cube
from ccp.pricing.market_state import MarketState, ScenarioMoves
from ccp.pricing.pricers import PRICERS, Pricer, by_pricer
from ccp.pricing.revalue import changes_of, revalue
from ccp.products import FORWARD, LIMITS, PRODUCTS, SETTLEMENTS, STYLE, factor_columns, owners
from ccp.rulebook.load import load_rulebook
from ccp.rulebook.rulebook import Rulebook
from ccp.scenarios.scenario_set import ScenarioSet
from ccp.scenarios.stress_set import stress_scenarios
from ccp.stress.measure import measure, measure_parts
from ccp.stress.parts import engine_model, part_tasks

Row = dict[str, Any]
PACKAGE = Path(ccp.__file__).parent


@pytest.fixture
def spread(monkeypatch: pytest.MonkeyPatch) -> None:
    """The product, for the time of a test: its row and its pricer, and nothing else."""
    monkeypatch.setitem(PRODUCTS, SPREAD.word, SPREAD)
    monkeypatch.setitem(PRICERS, SPREAD.word, PRICER)


# --- the two tables ---------------------------------------------------------------------------------------------------


def test_every_product_has_a_row_and_a_pricer_and_says_all_that_is_asked_of_it() -> None:
    assert PRODUCTS.keys() == PRICERS.keys()
    columns = set(instruments_schema().columns())
    for word, product in PRODUCTS.items():
        assert product.word == word
        assert product.factors[0] == "factor_id", "the factor that its asset class goes by"
        assert product.settled
        assert {*product.settled} <= SETTLEMENTS.keys()
        assert (STYLE in product.own) == (len(product.settled) > 1), word
        stated = {
            *product.factors,
            *product.must_state,
            *product.quoted,
            *(name for pair in product.either for name in pair),
        }
        assert stated <= columns, word
        assert product.price is None or product.price in LIMITS
        assert product.called.split()[0] in ("a", "an")


def test_a_product_without_a_pricer_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PRODUCTS, SPREAD.word, SPREAD)
    case = open_case(book(), market(), rules())
    with pytest.raises(KeyError, match="spread"):
        price_cube(case, stress_of(case))


NAMED_IN = {
    "products.py": "the rows",
    "pricing/pricers.py": "the pricers",
    "book/catalogue.py": "the instruments that the synthetic book invents",
    "backtesting/step.py": "the one stock whose volatility doubles",
}
"""The files that may name a product, and why."""


def test_no_other_file_knows_a_product_by_its_word() -> None:
    """Only whole texts count: a message may speak of options."""
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        words = {
            node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and isinstance(node.value, str)
        }
        name = path.relative_to(PACKAGE).as_posix()
        assert bool(words & PRODUCTS.keys()) == (name in NAMED_IN), (name, words & PRODUCTS.keys())


# --- the kernel and the pricers ---------------------------------------------------------------------------------------


def test_the_kernel_of_the_cube_and_the_pricers_say_the_same(small_book: Path) -> None:
    """Products that the kernel moves, prices and converts in one pass, priced and converted step by step instead."""
    case = open_case(small_book, read_market(), load_rulebook("textbook/cover-two"))
    terms, scenarios = case_terms(case, np.full(len(case.portfolio.instruments), 2)), stress_of(case)
    cube = revalue(terms, scenarios.longest)
    moves = ScenarioMoves(
        *(np.ascontiguousarray(part.T) for part in (scenarios.longest.relative, scenarios.longest.absolute))
    )
    assert len(list(by_pricer(terms))) == 2
    for pricer, rows in by_pricer(terms):
        some = terms.rows(rows)
        state = MarketState(moves, some.years_after, np.ones(len(rows)))
        scale = (some.multiplier * np.maximum(some.price, some.forward) * some.exchange)[:, None]
        assert pricer.fused
        missed = np.abs(changes_of(some, pricer.prices(some, state), state) - cube.change[rows])
        assert (missed <= 1e-14 * scale).all()


# --- a book with the product ------------------------------------------------------------------------------------------

PLAIN = {"multiplier": 1.0, "currency": "USD"}
LEGS = {"kind": "spread", "factor_id": "X", "foreign_id": "Y", "rate_id": "EUR/USD", "multiplier": 10.0, "ratio": 0.5}
INSTRUMENTS: tuple[Row, ...] = (
    PLAIN | {"instrument_id": "X", "kind": "spot", "factor_id": "X", "price": 100.0},
    PLAIN | {"instrument_id": "FX", "kind": "future", "factor_id": "X", "price": 100.0, "currency": "EUR"},
    LEGS | {"instrument_id": "DAILY", "currency": "USD", "price": 70.0, "style": "variation"},
    LEGS | {"instrument_id": "EURO", "currency": "EUR", "price": 65.0, "style": "variation", "ratio": 2.0},
    LEGS | {"instrument_id": "PAID", "currency": "EUR", "price": 75.0, "style": "premium", "expiry": date(2025, 1, 17)},
)
HELD = [
    *(("A", "DAILY", 200.0), ("A", "X", -100.0), ("B", "EURO", -50.0), ("B", "FX", 30.0)),
    *(("C", "PAID", 40.0), ("D", "PAID", -90.0)),
]


def tables(instruments: tuple[Row, ...] = INSTRUMENTS) -> dict[str, pl.DataFrame]:
    """A member for each of the accounts A to D, and a dealer on the other side of all."""
    net: dict[str, float] = {}
    for _, name, quantity in HELD:
        net[name] = net.get(name, 0.0) + quantity
    positions = HELD + [("E", name, -quantity) for name, quantity in net.items()]
    members = sorted({account for account, _, _ in positions})
    return {
        "members": pl.DataFrame({"member_id": members}),
        "accounts": pl.DataFrame({"account_id": members, "member_id": members, "kind": "house"}),
        "positions": pl.DataFrame(positions, schema=["account_id", "instrument_id", "quantity"], orient="row"),
        "instruments": pl.DataFrame(instruments, infer_schema_length=None),
    }


def book(**changes: Any) -> Book:
    """The book, further columns of the product's instruments changed."""
    rows = tuple(row | changes if row["kind"] == "spread" else row for row in INSTRUMENTS)
    return book_from_frames(tables(rows))


def rules(**margin: Any) -> Rulebook:
    """Value at risk over 100 days, and falls of all prices and of all currencies."""
    return Rulebook.model_validate(
        {
            "name": "test",
            "currency": "USD",
            "margin": {"measure": "value_at_risk", "confidence": 0.99, "lookback_days": 100, "liquidation_days": 2}
            | margin,
            "stress": {
                "hypothetical": [
                    {"ladder": "market_gaps", "sizes": [0.2]},
                    {"ladder": "currency_gaps", "sizes": [0.1]},
                ]
            },
            "fund": {"cover": 2},
            "tiers": ["defaulter_margin", "defaulter_fund", "survivors_fund"],
        }
    )


def stress_of(case: Case) -> ScenarioSet:
    return stress_scenarios(case.rulebook, case.market, case.factor_ids)


def worth(row: Row, level: dict[str, float]) -> float:
    """What one unit is quoted at, in its own currency: the formula once more, in plain numbers."""
    return level["X"] - row["ratio"] * level["Y"] * level["EUR/USD"]


def gain(row: Row, today: dict[str, float], then: dict[str, float]) -> float:
    """What one long unit gains in dollars when levels move."""
    rate, rate_then = (1.0, 1.0) if row["currency"] == "USD" else (today["EUR/USD"], then["EUR/USD"])
    if row["kind"] == "spread":
        price = row["price"] + (worth(row, then) - worth(row, today))
    else:
        price = row["price"] * then["X"] / today["X"]
    if row.get("style") == "premium":
        return row["multiplier"] * (price * rate_then - row["price"] * rate)
    return row["multiplier"] * (price - row["price"]) * rate_then


def value_standing(row: Row, today: dict[str, float]) -> float:
    return row["multiplier"] * row["price"] * today["EUR/USD"] if row.get("style") == "premium" else 0.0


def account_loss(account: str, today: dict[str, float], then: dict[str, float]) -> float:
    by_name = {row["instrument_id"]: row for row in INSTRUMENTS}
    return -sum(
        quantity * (gain(by_name[name], today, then) + value_standing(by_name[name], today))
        for holder, name, quantity in HELD
        if holder == account
    )


def levels(prices: Market, row: int) -> dict[str, float]:
    return {name: prices.levels[name][row] for name in ("X", "Y", "EUR/USD")}


def expected_margin(account: str, prices: Market) -> float:
    """The second largest of a hundred losses over two days, by plain loops."""
    today, losses = levels(prices, -1), []
    for end in range(prices.levels.height - 100, prices.levels.height):
        now, then = levels(prices, end), levels(prices, end - 2)
        losses.append(account_loss(account, today, {name: today[name] * now[name] / then[name] for name in today}))
    return max(sorted(losses)[math.ceil(100 * 0.99) - 1], 0.0)


# --- check ------------------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("spread")
def test_check_takes_the_product_and_names_all_its_factors() -> None:
    report = ccp.check(book(), rules(), market())
    assert report.factors == ["EUR/USD", "X", "Y"]
    assert report.counts["instruments"] == 5
    assert factor_columns() == ("factor_id", "volatility_id", "foreign_id", "rate_id")


def told(**changes: Any) -> str:
    with pytest.raises(InputError) as raised:
        ccp.check(book(**changes), rules(), market())
    return str(raised.value)


@pytest.mark.usefixtures("spread")
def test_check_asks_of_the_product_what_its_row_says() -> None:
    assert "row 3, column ratio: a spread must state this" in told(ratio=None)
    assert "row 3, column ratio, value -1.0: more than 0 was expected" in told(ratio=-1.0)
    assert "row 4, column style: a spread must state this" in told(style=None)
    assert "row 3, column foreign_id, value 'Z': the market has no history of this factor" in told(foreign_id="Z")
    assert "row 3, column rate_id: a spread must state this" in told(rate_id=None)
    options = " or ".join(product.called for product in owners("strike"))
    assert f"row 5, column strike, value 100.0: only {options} may state this" in told(strike=100.0)
    with pytest.raises(InputError, match="row 1, column style, value 'variation': only an option or a spread may"):
        book_from_frames(tables((INSTRUMENTS[0] | {"style": "variation"}, *INSTRUMENTS[1:])))


def test_without_its_row_the_product_and_its_columns_are_refused() -> None:
    with pytest.raises(InputError) as raised:
        book()
    assert "column ratio: unknown column" in str(raised.value)
    assert f"value 'spread': one of {', '.join(PRODUCTS)} was expected" in str(raised.value)


@pytest.mark.usefixtures("spread")
def test_a_rulebook_may_name_the_product() -> None:
    case = open_case(book(), market(), rules(liquidation=[{"days": 5, "kind": "spread"}]))
    assert liquidation_periods(case).tolist() == [5, 5, 2, 5, 2]  # DAILY, EURO, FX, PAID, X


# --- the cube and size ------------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("spread")
def test_the_cube_of_the_product_by_hand() -> None:
    """X 100, Y 50 and the euro at 1.10: DAILY is worth 100 - 0.5 * 50 * 1.1 = 72.5, EURO 100 - 2 * 50 * 1.1 = -10."""
    flat = market()
    last = {"X": 100.0, "Y": 50.0, "EUR/USD": 1.1}
    day = pl.col("date") == flat.levels["date"][-1]
    fixed = [pl.when(day).then(level).otherwise(pl.col(name)).alias(name) for name, level in last.items()]
    case = open_case(book(), replace(flat, levels=flat.levels.with_columns(fixed)), rules())
    cube, ids = price_cube(case, stress := stress_of(case)), case.portfolio.instruments
    found = {name: dict(zip(stress.ids, row, strict=True)) for name, row in zip(ids, cube.change.tolist(), strict=True)}
    # X 80 and Y 40: DAILY is worth 58, 14.5 less, times 10; EURO -8, 2 more, times 10 times 1.10
    assert found["DAILY"]["market down 20%"] == pytest.approx(-145.0, rel=1e-13)
    assert found["EURO"]["market down 20%"] == pytest.approx(22.0, rel=1e-12)
    # the euro at 0.99: DAILY is worth 75.25, 2.75 more; EURO 1, 11 more, times 10 times 0.99
    assert found["DAILY"]["currencies down 10%"] == pytest.approx(27.5, rel=1e-12)
    assert found["EURO"]["currencies down 10%"] == pytest.approx(108.9, rel=1e-12)
    # PAID, ratio 0.5, at 75: 77.75 times 0.99 less 75 times 1.10, times 10; and 60.5 times 1.10
    assert found["PAID"]["currencies down 10%"] == pytest.approx(10 * (77.75 * 0.99 - 82.5), rel=1e-12)
    assert found["PAID"]["market down 20%"] == pytest.approx(10 * (60.5 * 1.1 - 82.5), rel=1e-12)
    assert dict(zip(ids, cube.premium_value.tolist(), strict=True))["PAID"] == pytest.approx(825.0, rel=1e-14)


@pytest.mark.usefixtures("spread")
def test_the_products_beside_it_keep_every_bit() -> None:
    """The cube of spot and futures is the same with and without instruments of another pricer among them."""
    case = open_case(book(), market(), rules())
    without = case.book.instruments.filter(pl.col("kind").cast(pl.String) != SPREAD.word)
    held = case.book.positions.join(without, on="instrument_id", how="semi")
    alone = open_case(replace(case.book, instruments=without, positions=held), market(), rules())
    whole, part = price_cube(case, stress_of(case)), price_cube(alone, stress_of(alone))
    places = [case.portfolio.instruments.index(name) for name in alone.portfolio.instruments]
    assert alone.factor_ids != case.factor_ids
    assert whole.change[places].tobytes() == part.change.tobytes()


@pytest.mark.usefixtures("spread")
def test_size_margins_and_stresses_the_product_as_plain_loops_do() -> None:
    prices = market()
    sizing, today = ccp.size(book(), rules(), prices), levels(prices, -1)
    margins = dict(sizing.tables["margin"].select("account_id", "margin").iter_rows())
    for account in "ABCD":
        assert margins[account] == pytest.approx(expected_margin(account, prices), abs=0.00501), account
    assert min(margins[account] for account in "ABD") > 0
    losses = {tuple(key): over for *key, over in sizing.tables["losses"].iter_rows()}
    shocked = {
        "market down 20%": today | {"X": 0.8 * today["X"], "Y": 0.8 * today["Y"]},
        "market up 20%": today | {"X": 1.2 * today["X"], "Y": 1.2 * today["Y"]},
        "currencies down 10%": today | {"EUR/USD": 0.9 * today["EUR/USD"]},
        "currencies up 10%": today | {"EUR/USD": 1.1 * today["EUR/USD"]},
    }
    for scenario, then in shocked.items():
        for account in "ABCD":
            over = max(account_loss(account, today, then) - margins[account], 0.0)
            assert losses[scenario, account] == pytest.approx(over, abs=0.00501), (scenario, account)
    assert sum(losses[scenario, account] > 0 for scenario in shocked for account in "ABCD") >= 3


def in_bytes(sizing: ccp.Sizing) -> dict[str, Any]:
    """Every table as its bytes, and the figures."""
    found: dict[str, Any] = {"coverage": sizing.coverage, "worst": sizing.worst_event}
    for name, table in sizing.tables.items():
        file = io.BytesIO()
        table.write_ipc(file)
        found[name] = file.getvalue()
    return found


@pytest.fixture
def written(tmp_path: Path) -> Path:
    """The book as files."""
    for name, table in tables().items():
        table.write_parquet(tmp_path / f"{name}.parquet")
    return tmp_path


@pytest.mark.usefixtures("spread")
def test_size_under_a_bound_on_memory_gives_the_same(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = in_bytes(ccp.size(written, rules(), market()))
    monkeypatch.setattr(streamed, "bounded_sizes", lambda path, memory: BatchSizes(2, 3, 2))
    monkeypatch.setattr(streamed, "bounded_portfolio", lambda case, portfolio, *rest: replace(portfolio, most=3))
    assert in_bytes(ccp.size(written, rules(), market(), streaming=Streaming(memory=1))) == expected


@pytest.mark.usefixtures("ray_cluster", "spread")
def test_size_on_a_cluster_gives_the_same(written: Path) -> None:
    expected = in_bytes(ccp.size(written, rules(), market()))
    assert in_bytes(ccp.size(written, rules(), market(), streaming=Streaming(cluster="auto"))) == expected


@pytest.mark.usefixtures("spread")
def test_workers_get_the_cube_and_need_not_know_the_product() -> None:
    """A product is registered where the run starts: what travels to the workers is arrays, and names no product."""
    case = open_case(book(), market(), rules())
    stress = stress_of(case)
    model, lines = engine_model(case, stress), holdings(case)
    tasks = part_tasks(case.portfolio, lines, None)
    sent = pickle.dumps((model, tasks))
    assert b"three_factors" not in sent
    assert b"ccp.pricing" not in sent
    with open_executor(threads=2) as executor:
        found = measure_parts(case, model, tasks, executor).found
    assert found.account_margin.tolist() == measure(case, stress).found.account_margin.tolist()


# --- simulate ---------------------------------------------------------------------------------------------------------

LEVELS = {
    "X": [100.0, 101.0, 103.0, 99.0, 98.0, 100.0],
    "Y": [40.0, 41.0, 40.0, 42.0, 41.0, 40.0],
    "EUR/USD": [1.25, 1.25, 1.3, 1.2, 1.25, 1.25],
}
"""With a ratio of 1 the spread is worth 50, 49.75, 51, 48.6, 46.75 and 50."""
SPREADS: tuple[Row, ...] = tuple(
    LEGS | {"instrument_id": name, "ratio": 1.0} | more
    for name, more in {
        "DAILY": {"currency": "USD", "price": 50.0, "style": "variation"},
        "EURO": {"currency": "EUR", "price": 50.0, "style": "variation"},
        "PAID": {"currency": "USD", "price": 52.0, "style": "premium", "expiry": date(2024, 4, 8)},
    }.items()
)
GRADUAL = changed(RULES, close_out={"method": "gradual"})


def cycle(rules: Row = RULES) -> Small:
    """A is long DAILY, B EURO and C PAID, F short PAID; the dealer has the other sides. The fourth day is 8 April."""
    positions = [("a", "DAILY", 100.0), ("b", "EURO", 100.0), ("c", "PAID", 100.0), ("f", "PAID", -40.0)]
    accounts = {name: (name.upper(), name, "house") for name in "abcf"}
    return Small(LEVELS, positions, accounts, rules=rules, instruments=SPREADS)


def paid(run: Run, account: str, what: str) -> list[float]:
    """What an account was paid on every day."""
    return run.accounts.filter(account_id=account).sort("date")[what].to_list()


@pytest.mark.usefixtures("spread")
def test_simulate_exchanges_the_product_day_by_day(tmp_path: Path) -> None:
    """Every day's ledger is reconciled by the run itself, or it stops."""
    small = cycle()
    run = small.run(
        tmp_path / "run", trades=write_trades(tmp_path / "trades.csv", [(small.day(1), "a", "PAID", 10.0, 51.0)])
    )
    # 1,000 units times -0.25, 1.25, -2.40, -1.85 and 3.25; in euro at 1.25, 1.30, 1.20, 1.25 and 1.25
    assert paid(run, "a", "variation") == pytest.approx([0.0, -250.0, 1250.0, -2400.0, -1850.0, 3250.0], abs=0.011)
    assert paid(run, "b", "variation") == pytest.approx([0.0, -312.5, 1625.0, -2880.0, -2312.5, 4062.5], abs=0.011)
    assert paid(run, "c", "variation") == [0.0] * 6
    # 10 PAID of 10 units bought at 51; exercised at 48.6 on the fourth day, when what the worth did not explain is gone
    assert paid(run, "a", "premium") == pytest.approx([0.0, -5100.0, 0.0, 0.0, 0.0, 0.0], abs=0.011)
    assert paid(run, "a", "exercise") == pytest.approx([0.0, 0.0, 0.0, 4860.0, 0.0, 0.0], abs=0.011)
    assert paid(run, "c", "exercise") == pytest.approx([0.0, 0.0, 0.0, 48600.0, 0.0, 0.0], abs=0.011)
    # 52, then 49.75 and four fifths of 2, then 51 and three fifths: 1,000 units of each
    assert paid(run, "c", "net_option_value") == pytest.approx([52000.0, 51350.0, 52200.0, 0.0, 0.0, 0.0], abs=0.011)
    for kind in ("variation", "premium", "exercise"):
        by_day = run.accounts.group_by("date").agg(pl.col(kind).sum().round(2))
        assert by_day[kind].to_list() == [0.0] * 6
        moved = run.moved(movement=kind)
        assert moved == pytest.approx(run.accounts[kind].abs().sum(), abs=0.001), kind


@pytest.mark.usefixtures("spread")
def test_simulate_closes_out_the_product_at_the_pricers_prices(tmp_path: Path) -> None:
    """Sold on the day after the default, or at once: A's unpaid day and one more, and what F's short options cost."""
    gradual = cycle(GRADUAL).run(tmp_path / "gradual", defaults=[("A", 3), ("F", 1)])
    loss = {row["defaulters"]: row["loss"] for row in gradual.events.iter_rows(named=True)}
    # A: 2,400 unpaid on the fourth day and 1,850 on the fifth; F: 400 units bought back at 52.20 on the third
    assert loss == {"A": pytest.approx(4250.0, abs=0.011), "F": pytest.approx(20880.0, abs=0.011)}
    at_once = cycle().run(tmp_path / "at once", defaults=[("A", 3), ("F", 1)])
    loss = {row["defaulters"]: row["loss"] for row in at_once.events.iter_rows(named=True)}
    # F's are bought back at the second day's 51.35
    assert loss == {"A": pytest.approx(2400.0, abs=0.011), "F": pytest.approx(20540.0, abs=0.011)}
    for run in (gradual, at_once):
        assert run.moved(from_account="lender") == run.moved(to_account="lender")


@pytest.mark.usefixtures("spread")
def test_margins_of_the_product_follow_its_day(tmp_path: Path) -> None:
    """On the third day X stands at 103, Y at 40, the euro at 1.30, and each has only moved by its own past."""
    run = cycle().run(tmp_path / "run")
    small = cycle()
    today = {name: LEVELS[name][2] for name in LEVELS}
    losses = []
    rows = small.prices.head(small.history + 3)
    for end in range(rows.height - 60, rows.height):
        then = {name: today[name] * rows[name][end] / rows[name][end - 1] for name in LEVELS}
        losses.append(1000.0 * (worth(SPREADS[0], today) - worth(SPREADS[0], then)))
    expected = sorted(losses)[math.ceil(60 * 0.99) - 1]
    assert run.row("accounts", small.day(2), account_id="a")["margin"] == pytest.approx(expected, abs=0.00501)


def test_a_column_that_moves_and_that_the_pricer_does_not_move_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It would stay as on the first day, and so would what margins of later days are made from."""
    monkeypatch.setitem(PRICERS, SPREAD.word, PRICER)
    monkeypatch.setitem(PRODUCTS, SPREAD.word, replace(SPREAD, own=(*SPREAD.own, FORWARD)))
    with pytest.raises(ValueError, match="of 'spread' that move and those that its pricer moves differ: forward"):
        cycle().run(tmp_path / "run")


def test_pricers_are_told_apart_by_what_they_do() -> None:
    assert PRICERS["spot"] == PRICERS["future"] != PRICERS["option"]
    assert Pricer(PRICER.prices) == PRICER
