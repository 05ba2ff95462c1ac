"""Single-name gaps: one pass over what is held against columns of the cube, and against hand computation."""

from dataclasses import replace
from datetime import date
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from support import changed_books as books
from support import small_books as small
from support.case_files import write_case
from support.random_books import random_case

import ccp
from ccp.api.explore import explore_book
from ccp.api.inputs import open_inputs
from ccp.api.settings import Settings
from ccp.book.book import Book, book_from_frames
from ccp.errors import InputError
from ccp.kernels.engine.numba_door import use_threads
from ccp.margin.collateral import holdings
from ccp.market.case import Case
from ccp.market.history import Market, read_market
from ccp.pricing.horizon import case_scenarios
from ccp.rulebook.rulebook import Rulebook
from ccp.scenarios.kept import KeptScenarios
from ccp.scenarios.scenario_set import ScenarioSet, joined
from ccp.sizing.size import size_fund
from ccp.sizing.windows import measured_case, with_windows
from ccp.stress.measure import Measured, measure, measure_parts
from ccp.stress.parts import InTurn, PartTask, engine_model
from ccp.stress.windows import WindowModel, window_model

SEEDS = range(12)
NAMES = {"sizes": [0.3, 0.1], "multiples_of_own_worst": [1.0, 1.5], "volatility_per_rise": -0.5}


def random_case_of(seed: int, folder: Path) -> Case:
    """Every second book with windows beside, every third with collateral that moves, if it has any, and every fourth
    one that takes days to sell."""
    drawn = random_case(seed)
    stress = drawn.rules["stress"]
    stress["single_names"] = dict(NAMES)
    stress["historical"] = {"all": True} if seed % 2 else {"worst": 2}
    if seed % 3 == 0:
        drawn.rules.setdefault("collateral", {})["stress"] = "scenario"
    if seed % 4 == 2:
        drawn.rules["close_out"] = {"method": "gradual", "participation": 0.25, "impact": 2.0, "holding": 3.0}
        for place, row in enumerate(drawn.book["instruments"]):
            row["average_daily_volume"] = [2.0, 20.0, 200.0][place % 3]
    arguments = write_case(drawn._replace(given=None), seed, folder)
    return open_inputs(arguments["book"], arguments["rulebook"], arguments["market"], arguments.get("day"))


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"book{seed}")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return random_case_of(request.param, tmp_path_factory.mktemp("case"))


def model_of(case: Case) -> WindowModel:
    model = window_model(case)
    assert model is not None
    return model


def columns_of(case: Case, model: WindowModel) -> ScenarioSet:
    """The candidates as the scenarios that they would be if they were kept."""
    assert model.names is not None
    names, pairs = model.names.names, model.names.candidates
    every = case_scenarios(case, kept=KeptScenarios(single_names=frozenset(names.way(one) for one in pairs)))
    place = {name: number for number, name in enumerate(every.ids)}
    return every.only(np.array([place[names.label(*one).scenario_id] for one in pairs]))


def test_one_pass_finds_what_columns_of_the_cube_would(case: Case) -> None:
    """To the cent, by every way of counting margin and with collateral that moves."""
    model = model_of(case)
    once, columns = (
        measure(case, case_scenarios(case), None, one).found.windows
        for one in (model, replace(model, candidates=columns_of(case, model), names=None))
    )
    assert once.keys() == columns.keys()
    for way, sums in once.items():
        for one, other in zip(sums, columns[way], strict=True):
            assert np.array_equal(one[:, model.candidates.count :], other)
            assert other.shape[1] > 20


def in_all_names(case: Case) -> Measured:
    """The book measured as if every candidate were a scenario."""
    model = model_of(case)
    screened = measured_case(case).screened
    assert screened is not None
    known = case_scenarios(case, kept=screened.kept)
    columns = columns_of(case, model)
    fresh = [place for place, name in enumerate(columns.ids) if name not in known.ids]
    return measure(case, joined([known, columns.only(np.array(fresh, dtype=np.int64))]))


def test_every_figure_that_sizes_is_that_of_all_candidates(case: Case) -> None:
    screened, whole = size_fund(measured_case(case)), size_fund(in_all_names(case))
    for number, cover in whole.covers.items():
        assert screened.covers[number].amount == cover.amount
    assert screened.emir.amount == whole.emir.amount
    assert screened.required == whole.required
    assert int(screened.coverage.uncovered[screened.counted].max()) == int(
        whole.coverage.uncovered[whole.counted].max()
    )
    for name in ("over_margin", "group_over_margin"):
        few, every = getattr(screened.losses, name), getattr(whole.losses, name)
        assert few[:, screened.counted].max(axis=1).tolist() == every[:, whole.counted].max(axis=1).tolist()


def test_slices_threads_and_parts_change_nothing(case: Case) -> None:
    model = model_of(case)
    whole = with_windows(measure(case, case_scenarios(case), None, model))
    for width, threads in ((32, 1), (100, 2)):
        before = use_threads(None)
        use_threads(threads)
        parted = in_parts(case, replace(model, slice_=width))
        use_threads(before)
        for way, sums in whole.found.windows.items():
            for one, other in zip(sums, parted.found.windows[way], strict=True):
                assert np.array_equal(one, other)
        assert parted.scenarios.ids == whole.scenarios.ids
        assert np.array_equal(parted.losses.over_margin, whole.losses.over_margin)
        assert parted.screened is not None
        assert whole.screened is not None
        assert parted.screened.why == whole.screened.why


def in_parts(case: Case, model: WindowModel) -> Measured:
    """Every pool a part of its own."""
    engine, lines, portfolio = engine_model(case, case_scenarios(case), model), holdings(case), case.portfolio
    pools = [np.array([pool]) for pool in range(len(portfolio.pools))]
    tasks = [PartTask(portfolio.part(some), None if lines is None else lines.of_pools(some)) for some in pools]
    return with_windows(measure_parts(case, engine, tasks, InTurn()))


# --- by hand ----------------------------------------------------------------------------------------------------------

HOUSES = {name: (name, name, "house") for name in "ABC"}
LONG_AND_SHORT = small.book([("A", "X", 40.0), ("B", "Y", -30.0), ("C", "X", 10.0)], HOUSES)


def rules_of(
    plausible: dict[str, float] | None = None, multiples: list[float] | None = None, **names: object
) -> Rulebook:
    stress = {"hypothetical": [], "single_names": names, "plausible": plausible, "multiples": multiples or [1]}
    return small.rulebook(stress=stress)


def stocks_book(prices: Market) -> Book:
    """A is long USD 1m of AAPL futures, and B short; C has 1m of MSFT, and D the other side."""
    rows = [("A", "AAPL", 1.0), ("B", "AAPL", -1.0), ("C", "MSFT", 1.0), ("D", "MSFT", -1.0)]
    last = {name: prices.level(name) for name in ("AAPL", "MSFT")}
    everybody = pl.DataFrame({"member_id": list("ABCD")})
    instruments = pl.DataFrame(
        {"instrument_id": list(last), "kind": "future", "factor_id": list(last), "currency": "USD", "multiplier": 1.0}
    ).with_columns(price=pl.Series(list(last.values())))
    quantities = [(who, name, side * 1_000_000 / last[name]) for who, name, side in rows]
    return book_from_frames(
        {
            "members": everybody,
            "accounts": everybody.with_columns(account_id="member_id", pool_id="member_id", kind=pl.lit("house")),
            "instruments": instruments,
            "positions": pl.DataFrame(quantities, schema=["account_id", "instrument_id", "quantity"], orient="row"),
        }
    )


def test_a_stock_of_a_million_falls_alone_by_a_size_and_by_its_own_worst_two_days() -> None:
    """Of USD 1m a fall of 30 % is 300,000; AAPL's worst two days, of 2000, are 54.7 %. Each less the margin, the mean
    of the ten largest of its latest 1,000 two-day losses."""
    day = date(2022, 12, 28)
    prices = read_market()
    levels = prices.until(day).levels["AAPL"].to_numpy()
    losses = -1_000_000 * (levels[2:] / levels[:-2] - 1)
    margin = round(np.sort(losses[-1000:])[-10:].mean(), 2)
    margins = {"confidence": 0.99, "lookback_days": 1000, "liquidation_days": 2}
    stress = {"hypothetical": [], "single_names": {"sizes": [0.3], "multiples_of_own_worst": [1, 1.5]}}
    found = ccp.size(
        stocks_book(prices.until(day)),
        small.rulebook(margin=margins, stress=stress | {"plausible": {"multiple": 1}}),
        prices,
        day=day,
    )
    lost = found.tables["losses"].filter(group_id="A").select("scenario_id", "loss_over_margin")
    of_a = dict(lost.iter_rows())
    assert of_a["AAPL alone down 30%"] == pytest.approx(300_000 - margin, abs=0.011)
    assert of_a["AAPL alone worst fall"] == pytest.approx(losses.max() - margin, abs=0.011)
    assert of_a["AAPL alone worst fall@1.5x"] == pytest.approx(1.5 * losses.max() - margin, abs=0.011)
    assert of_a["MSFT alone down 30%"] == 0.0
    assert found.coverage["cover_1"]["scenario_id"] == "AAPL alone worst fall"


def test_a_future_in_another_currency_is_touched_by_its_price_and_its_currency() -> None:
    """FX is a future on X in euro: at 1.1 or so a euro, ten times the fall of X. A euro that falls alone costs nothing
    of it, for nothing has been gained in euro."""
    prices = small.market()
    book = small.book([("A", "FX", 5.0), ("B", "Y", 1.0)], HOUSES)
    found = measured_case(open_inputs(book, rules_of(sizes=[0.3]), prices, None))
    place = {name: number for number, name in enumerate(found.scenarios.ids)}
    margin = found.found.pool_margin[found.portfolio.pools.index("A")]
    lost = 5 * 10 * 0.3 * 100.0 * prices.level("EUR/USD")
    row = found.losses.over_margin[found.portfolio.members.index("A")]
    assert row[place["X alone down 30%"]] == round(lost * 100) - margin
    assert "EUR/USD alone down 30%" not in place


def test_a_name_is_kept_with_all_its_sizes_the_way_that_somebody_loses_most() -> None:
    """A and C are long of X, and B is short of Y; DEALER, on the other side, loses most where X rises. So nothing is
    decided by a fall of Y or by the euro. Beyond the plausible a name is run, and sizes nothing."""
    rules = rules_of({"gap": 0.4}, sizes=[0.3, 0.6])
    found = ccp.size(LONG_AND_SHORT, rules, small.market())
    sizing = dict(found.tables["scenarios"].select("scenario_id", "sizes_fund").iter_rows())
    kept = ("X alone down", "X alone up", "Y alone up")
    assert sizing == {f"{name} {size}": size == "30%" for name in kept for size in ("30%", "60%")}


def test_sizes_are_run_at_every_multiple_and_own_worst_at_its_own() -> None:
    rules = rules_of(multiples=[1, 2], sizes=[0.2], multiples_of_own_worst=[3])
    found = set(ccp.size(LONG_AND_SHORT, rules, small.market()).tables["scenarios"]["scenario_id"])
    down, up = ("down 20%", "down 20%@2x", "worst fall@3x"), ("up 20%", "up 20%@2x", "worst rise@3x")
    expected = (("X", down), ("X", up), ("Y", up))
    assert found == {f"{name} alone {move}" for name, moves in expected for move in moves}


def test_a_price_that_moves_by_differences_moves_by_a_share_of_its_level_and_by_its_own_worst() -> None:
    """Y at 50 falls by 15, and by the largest difference of two days there has been."""
    prices = small.market()
    change = pl.when(pl.col("factor_id") == "Y").then(pl.lit("absolute")).otherwise(pl.lit("relative"))
    factors = prices.factors.with_columns(change=change.cast(prices.factors.schema["change"]))
    prices = replace(prices, factors=factors)
    levels = prices.levels["Y"].to_numpy()
    book = small.book([("A", "X", 40.0), ("B", "Y", -30.0), ("C", "Y", 70.0)], HOUSES)
    found = ccp.size(book, rules_of(sizes=[0.3], multiples_of_own_worst=[2]), prices)
    shocks = found.tables["shocks"].filter(factor_id="Y")
    moved = dict(shocks.select("scenario_id", "absolute").iter_rows())
    legs = np.concatenate([levels[2:] - levels[:-2], levels[-1:] - levels[-2:-1]])  # the last window is cut short
    assert moved["Y alone down 30%"] == pytest.approx(-0.3 * levels[-1])
    assert moved["Y alone worst fall@2x"] == pytest.approx(2 * legs.min())
    assert moved["Y alone worst rise@2x"] == pytest.approx(2 * legs.max())


def test_where_nobody_loses_and_nothing_else_is_run_the_first_name_is() -> None:
    found = ccp.size(LONG_AND_SHORT, rules_of(sizes=[0.0001]), small.market())
    assert found.coverage["cover_2"]["amount"] == 0.0
    assert set(found.tables["scenarios"]["scenario_id"]) == {"X alone down 0.01%"}


def test_any_single_name_can_be_asked_for() -> None:
    rules, prices = rules_of(multiples=[1, 2], sizes=[0.3]), small.market()
    book = small.book([("A", "X", 40.0), ("B", "FX", 1.0)], HOUSES)
    assert not ccp.size(book, rules, prices).tables["scenarios"]["scenario_id"].str.starts_with("EUR/USD").any()
    wanted = "EUR/USD alone up 30%@2x"
    assert ccp.default(book, rules, wanted, market=prices).trace["scenario_id"] == wanted
    assert explore_book(book, rules, prices).view(Settings(scenario=wanted)).scenario_id == wanted
    with pytest.raises(InputError):
        ccp.default(book, rules, "EUR/USD alone up 31%", market=prices)


def test_another_multiple_of_single_names_is_the_book_sized_at_it() -> None:
    prices = small.market()
    names = {"sizes": [0.1], "multiples_of_own_worst": [1.0]}
    seen = explore_book(LONG_AND_SHORT, rules_of({"multiple": 5}, **names), prices).view(Settings(multiple=3))
    at_three = rules_of({"multiple": 5}, [1, 3], sizes=[0.1], multiples_of_own_worst=[1.0, 3.0])
    assert seen.coverage["cover_2"] == ccp.size(LONG_AND_SHORT, at_three, prices).coverage["cover_2"]


# --- changed books, and stress days -----------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(4))
def test_a_changed_book_keeps_its_own_names(seed: int, tmp_path: Path) -> None:
    drawn = books.dressed_case(seed)
    drawn.rules["stress"]["single_names"] = dict(NAMES)
    given = {"market": books.market_of(drawn.market), "day": drawn.day}
    base = ccp.size(books.book_of(drawn.book), books.rules_of(drawn.rules), **given, base=True)
    base.write(tmp_path / "run")
    document = books.random_changes(np.random.default_rng(seed), drawn.book, ("trades", "scale"))
    found = ccp.what_if(tmp_path / "run", ccp.Changes(**document))
    expected = ccp.size(books.book_of(books.changed(drawn.book, document)), books.rules_of(drawn.rules), **given)
    assert found.coverage == expected.coverage
    assert found.sizing.tables["losses"].equals(expected.tables["losses"])
    assert expected.tables["scenarios"]["scenario_id"].str.contains(" alone ").any()


def test_every_stress_day_looks_at_single_names_as_they_are_known_on_it(tmp_path: Path) -> None:
    """Cover of each day is that of the book sized on it, at its prices."""
    rules, prices = rules_of(sizes=[0.05], multiples_of_own_worst=[2.0]), small.market()
    rules = rules.model_copy(update={"settlement": rules.settlement.model_copy(update={"stress": "daily"})})
    first, last = prices.dates[-6], prices.dates[-1]
    run = ccp.simulate(LONG_AND_SHORT, tmp_path / "run", ccp.RunRequest(first, last), rules, prices)
    rows = {name: prices.levels[name].to_list() for name in prices.factor_ids}
    begin = prices.dates.index(first)
    for row in run.tables["days"].iter_rows(named=True):
        place = prices.dates.index(row["date"])
        ratio = {name: levels[place] / levels[begin] for name, levels in rows.items()}
        moved = LONG_AND_SHORT.instruments.with_columns(
            price=pl.col("price") * pl.col("factor_id").replace_strict(ratio)
        )
        sized = ccp.size(replace(LONG_AND_SHORT, instruments=moved), rules, prices, day=row["date"])
        assert row["cover_n"] > 0
        assert row["cover_n"] == pytest.approx(sized.coverage["cover_2"]["amount"], abs=0.011)
        assert row["cover_scenario"] == sized.coverage["cover_2"]["scenario_id"]
