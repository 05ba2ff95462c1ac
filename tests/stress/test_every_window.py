"""Every window of the history: the screen against all windows as scenarios, and against hand computation."""

from dataclasses import replace
from datetime import date
from io import StringIO
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from rich.console import Console
from support import small_books as small
from support.case_files import write_case
from support.random_books import random_case

import ccp
from ccp.api.explore import explore_book
from ccp.api.inputs import open_inputs
from ccp.api.settings import Settings
from ccp.book.book import Book, book_from_frames
from ccp.kernels.engine.numba_door import use_threads
from ccp.margin.collateral import holdings
from ccp.market.case import Case
from ccp.market.history import Market, read_market
from ccp.pricing.horizon import case_scenarios, case_windows
from ccp.report.terminal.summary import size_summary
from ccp.report.windows_kept import windows_exhibits, windows_sentence
from ccp.rulebook.rulebook import Rulebook
from ccp.runs.run import open_run
from ccp.scenarios.scenario_set import joined
from ccp.sizing.size import Sized, size_fund
from ccp.sizing.windows import measured_case, with_windows
from ccp.stress.measure import Measured, measure, measure_parts
from ccp.stress.parts import InTurn, PartTask, engine_model
from ccp.stress.windows import WindowModel, window_model

SEEDS = range(12)
AAPL = 1_000_000 / 125.674


def stocks_book() -> Book:
    """A is long USD 1m of AAPL futures, B short; C holds one unit of each other stock, D is on the other side."""
    market = read_market()
    last = dict(zip(market.factor_ids, market.levels.row(-1)[1:], strict=True))
    classes = dict(zip(market.factor_ids, market.kinds("asset_class", market.factor_ids), strict=True))
    names = [name for name in market.factor_ids if classes[name] == "equity"]
    rows = [("A", "AAPL", AAPL), ("B", "AAPL", -AAPL)]
    rows += [(who, name, size) for name in names if name != "AAPL" for who, size in (("C", 1.0), ("D", -1.0))]
    instruments = pl.DataFrame(
        {"instrument_id": names, "kind": "future", "factor_id": names, "currency": "USD", "multiplier": 1.0}
    ).with_columns(price=pl.Series([last[name] for name in names]))
    everybody = pl.DataFrame({"member_id": list("ABCD")})
    tables = {
        "members": everybody.with_columns(group_id="member_id"),
        "accounts": everybody.with_columns(account_id="member_id", pool_id="member_id", kind=pl.lit("house")),
        "instruments": instruments,
        "positions": pl.DataFrame(rows, schema=["account_id", "instrument_id", "quantity"], orient="row"),
    }
    return book_from_frames(tables)


def test_one_stock_of_a_million_meets_its_own_worst_two_days() -> None:
    """AAPL fell 54.7 % from 28 September to 2 October 2000. Its margin is the mean of the ten largest of its latest
    1,000 two-day losses: 1 % of them. What is left of the fall is cover-1."""
    prices = read_market().levels["AAPL"].to_numpy()
    losses = -1_000_000 * (prices[2:] / prices[:-2] - 1)
    margin = round(np.sort(losses[-1000:])[-10:].mean(), 2)
    found = ccp.size(stocks_book(), "textbook/cover-two", day=date(2022, 12, 28))
    assert margin == pytest.approx(90_981.0, abs=0.5)
    assert found.coverage["cover_1"]["amount"] == round(losses.max() - margin, 2) == 455_816.89
    assert found.coverage["cover_1"]["scenario_id"] == "history 2000-10-02"


# --- every window as a scenario of its own ---------------------------------------------------------------------------


def random_case_of(seed: int, folder: Path) -> Case:
    drawn = random_case(seed)
    drawn.rules["stress"]["historical"] = {"all": True}
    drawn.rules["stress"].pop("single_names", None)
    arguments = write_case(drawn._replace(given=None), seed, folder)
    return open_inputs(arguments["book"], arguments["rulebook"], arguments["market"], arguments.get("day"))


@pytest.fixture(scope="module", params=SEEDS, ids=lambda seed: f"book{seed}")
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Case:
    return random_case_of(request.param, tmp_path_factory.mktemp("case"))


def in_all_windows(case: Case) -> Measured:
    """The book measured as if every window were named by its rulebook."""
    every = case_windows(case)
    assert every is not None
    return measure(case, joined([every, case_scenarios(case)]))


def test_every_figure_that_sizes_is_that_of_all_windows(case: Case) -> None:
    screened, whole = size_fund(measured_case(case)), size_fund(in_all_windows(case))
    for number, cover in whole.covers.items():
        assert screened.covers[number].amount == cover.amount
    assert screened.emir.amount == whole.emir.amount
    assert screened.fund == whole.fund
    assert screened.required == whole.required
    assert worst_uncovered(screened) == worst_uncovered(whole)
    for way, losses in whole.measured.by_resources.items():
        few = screened.measured.by_resources[way]
        largest = [np.sort(one.group_over_margin, axis=0)[-whole.cover_count :].sum(axis=0) for one in (few, losses)]
        assert largest[0][screened.counted].max() == largest[1][whole.counted].max()
    for name in ("over_margin", "group_over_margin"):
        few, every = getattr(screened.losses, name), getattr(whole.losses, name)
        assert few[:, screened.counted].max(axis=1).tolist() == every[:, whole.counted].max(axis=1).tolist()


def worst_uncovered(sized: Sized) -> int:
    return int(sized.coverage.uncovered[sized.counted].max())


def test_the_first_window_of_the_largest_loss_is_kept(case: Case) -> None:
    """By a plain loop over windows in order of time."""
    measured = measured_case(case)
    assert measured.screened is not None
    count = measured.screened.candidates.count
    whole = in_all_windows(case)
    for name, row in zip(case.portfolio.groups, whole.losses.group_over_margin[:, :count].tolist(), strict=True):
        largest, first = 0, None
        for place, amount in enumerate(row):
            if amount > largest:
                largest, first = amount, place
        kept = [place for place, why in measured.screened.why.items() if ("group", name) in why]
        assert kept == ([] if first is None else [first])
    assert measured.screened.group_over_margin.tolist() == whole.losses.group_over_margin[:, :count].tolist()


def test_kept_windows_lose_what_they_lost_when_all_were_looked_at(case: Case) -> None:
    measured = measured_case(case)
    assert measured.screened is not None
    place = {name: number for number, name in enumerate(measured.screened.candidates.ids)}
    for number, name in enumerate(measured.scenarios.ids):
        if name in place:
            kept = measured.losses.group_over_margin[:, number]
            assert kept.tolist() == measured.screened.group_over_margin[:, place[name]].tolist()


# --- nothing depends on how the work is cut --------------------------------------------------------------------------


def test_slices_threads_and_parts_change_nothing(case: Case) -> None:
    model = window_model(case)
    assert model is not None
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


def test_a_longer_history_can_only_raise_cover(case: Case) -> None:
    needed = case.rulebook.margin.history_rows + 260  # what margin and ladders look back on
    amounts = []
    for rows in range(needed, len(case.market.dates) + 1, 10):
        known = replace(case, market=latest(case.market, rows))
        amounts.append(size_fund(measured_case(known)).covers[case.rulebook.fund.cover].amount)
    assert amounts == sorted(amounts)


def latest(market: Market, rows: int) -> Market:
    return replace(market, levels=market.levels.tail(rows))


# --- asking for one window, for each group, and for no other scenario -------------------------------------------------

LONG_AND_SHORT = small.book(
    [("A", "X", 40.0), ("B", "Y", -30.0), ("C", "X", 10.0)], {name: (name, name, "house") for name in "ABC"}
)


def rules_of(confidence: float = 0.8, **historical: object) -> Rulebook:
    stress = {"historical": historical, "hypothetical": [], "multiples": [1, 2], "plausible": {"multiple": 1}}
    return small.rulebook(stress=stress, margin={"confidence": confidence})


def test_a_book_is_sized_by_its_windows_alone() -> None:
    found = ccp.size(LONG_AND_SHORT, rules_of(all=True), small.market())
    windows = found.tables["windows"]
    assert windows.height == 129  # of 130 days every one but the last begins a window
    assert windows["cover_2"].max() == found.coverage["cover_2"]["amount"]
    kept = windows.filter("kept")["scenario_id"].to_list()
    both = {f"{name}{suffix}" for name in kept for suffix in ("", "@2x")}
    assert both == set(found.tables["scenarios"]["scenario_id"])
    stated = found.manifest["run"]["windows"]
    assert stated["count"] == 129
    assert set(stated["kept"]) == set(kept)


def test_a_window_that_nobody_loses_most_in_can_be_asked_for() -> None:
    rules, prices = rules_of(all=True), small.market()
    windows = ccp.size(LONG_AND_SHORT, rules, prices).tables["windows"]
    other = windows.filter(~pl.col("kept")).sort("cover_1", descending=True)["scenario_id"][0]
    event = ccp.default(LONG_AND_SHORT, rules, f"{other}@2x", market=prices)
    assert event.trace["scenario_id"] == f"{other}@2x"
    seen = explore_book(LONG_AND_SHORT, rules, prices).view(Settings(scenario=other))
    assert seen.scenario_id == other
    assert seen.coverage["cover_1"] == ccp.size(LONG_AND_SHORT, rules, prices).coverage["cover_1"]


def test_the_worst_windows_of_each_group_do_not_overlap() -> None:
    found = ccp.size(LONG_AND_SHORT, rules_of(worst_of_each_group=3), small.market())
    windows = found.tables["windows"].with_row_index("place")
    measured = measured_case(open_inputs(LONG_AND_SHORT, rules_of(all=True), small.market(), None))
    assert measured.screened is not None
    expected: set[int] = set()
    for row in measured.screened.group_over_margin.tolist():
        chosen: list[int] = []
        for place in sorted(range(len(row)), key=lambda place: (-row[place], place)):
            if len(chosen) < 3 and row[place] > 0 and all(abs(place - other) >= 2 for other in chosen):
                chosen.append(place)
        expected |= set(chosen)
    assert set(windows.filter("kept")["place"].to_list()) == expected


def test_where_nobody_loses_and_nothing_else_is_run_the_first_window_is() -> None:
    """Margin is the largest of the latest hundred losses, and none of the other windows is worse."""
    found = ccp.size(LONG_AND_SHORT, rules_of(0.99, worst_of_each_group=3), small.market())
    assert found.tables["windows"]["cover_1"].max() == 0.0
    assert found.tables["windows"].filter("kept")["first_day"].to_list() == [small.market().dates[0]]
    assert found.coverage["cover_2"]["amount"] == 0.0


def test_every_stress_day_looks_at_the_history_up_to_it(tmp_path: Path) -> None:
    """Cover of each day is that of the book sized on it, at its prices, in all windows that are known by then."""
    rules, prices = rules_of(all=True), small.market()
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
        assert row["cover_n"] == pytest.approx(sized.coverage["cover_2"]["amount"], abs=0.011)
        assert row["cover_scenario"] == sized.coverage["cover_2"]["scenario_id"]


def test_a_run_says_how_many_windows_were_run_and_kept_and_for_what(tmp_path: Path) -> None:
    prices = small.market()
    found = ccp.size(LONG_AND_SHORT, rules_of(all=True), prices)
    windows, days = found.tables["windows"], prices.dates
    kept = windows.filter("kept")
    said = f"129 windows of the history, from {days[0]} to {days[-1]}, were run over the book; {kept.height} are kept"
    assert windows_sentence(windows) == f"{said} as scenarios."
    console = Console(width=200, record=True, file=StringIO())
    console.print(size_summary(found.coverage, found.tables, found.worst_event, 2, 200))
    assert said in console.export_text()
    why = found.manifest["run"]["windows"]["why"]
    assert why["cover-1"] == 1
    for kind in ("group", "member", "asset class"):
        named = kept["why"].str.split("; ").list.eval(pl.element().str.starts_with(f"{kind} ")).list.any()
        assert why[kind] == named.sum() > 0
    (exhibit,) = windows_exhibits(open_run(found.write(tmp_path / "run")))
    assert dict(exhibit.table.frame.iter_rows()) == why


def test_windows_that_were_not_run_are_not_said_to_be() -> None:
    found = ccp.size(LONG_AND_SHORT, rules_of(worst=3), small.market())
    assert "were run over the book; 3 are" not in windows_sentence(found.tables["windows"])
    assert windows_sentence(found.tables["windows"]).endswith("; 3 of them were run over the book.")
    assert found.manifest["run"]["windows"]["why"] == {}
    assert windows_sentence(ccp.size(LONG_AND_SHORT, small.rulebook(), small.market()).tables["windows"]) == ""
