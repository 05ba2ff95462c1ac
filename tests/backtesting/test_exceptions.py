"""Back-test statistics against published values, exact arithmetic, other packages' tests, and plain loops."""

import statistics
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from support.statistics_by_hand import at_most, chi2_one_beyond, chi2_two_beyond, independence_by_hand, kupiec_by_hand

from ccp.backtesting.exceptions import (
    Transitions,
    back_test,
    breaches,
    christoffersen,
    coverage_achieved,
    kupiec,
    light_starts,
    sample_tests,
    traffic_light,
    transition_counts,
)

ONE, HALF = Fraction(1, 100), Fraction(5, 1000)
SAMPLES = [(250, ONE), (500, ONE), (1000, ONE), (250, HALF), (500, HALF), (1000, HALF)]
probabilities = st.sampled_from([ONE, HALF, Fraction(1, 20), Fraction(1, 2), Fraction(9, 10), 0.01, 0.003])
flags = st.lists(st.booleans(), min_size=1, max_size=80)
NASTY = [
    [False],
    [True],
    [True, True],
    [False, True],
    [True, False],
    [False] * 30,
    [True] * 30,
    [False] * 29 + [True],
    [True] + [False] * 29,
    [False, True] * 15,
    [False] * 15 + [True] * 15,
    [True] * 15 + [False] * 15,
]
"""Each leaves some kinds of pairs out."""


def hits_on(days: list[int], count: int = 250) -> np.ndarray:
    """Exceptions on the days named, counted from 1."""
    return np.isin(np.arange(1, count + 1), days)


@pytest.mark.parametrize(
    ("exceptions", "statistic"), [(0, 5.025168), (2, 0.108435), (5, 1.956810), (7, 5.496990), (10, 12.955491)]
)
def test_kupiec_golden(exceptions: int, statistic: float) -> None:
    assert kupiec(exceptions, 250, ONE).statistic == pytest.approx(statistic, abs=5e-7)


def test_kupiec_p_value_golden() -> None:
    assert kupiec(0, 250, ONE).p_value == pytest.approx(0.024982, abs=5e-7)


@pytest.mark.parametrize(
    ("sample", "accepted"),
    list(zip(SAMPLES, [(1, 6), (2, 9), (5, 16), (0, 4), (1, 6), (2, 9)], strict=True)),
)
def test_kupiec_accepts_at_five_per_cent(sample: tuple[int, Fraction], accepted: tuple[int, int]) -> None:
    observations, probability = sample
    found = [x for x in range(observations + 1) if kupiec(x, observations, probability).p_value > 0.05]
    assert found == list(range(accepted[0], accepted[1] + 1))


@given(flags, probabilities)
def test_kupiec_equals_its_twin(hits: list[bool], probability: Fraction | float) -> None:
    for exceptions in {sum(hits), 0, len(hits)}:
        found = kupiec(exceptions, len(hits), probability)
        assert found.statistic == pytest.approx(kupiec_by_hand(exceptions, len(hits), probability), rel=1e-9, abs=1e-10)
        assert found.p_value == pytest.approx(chi2_one_beyond(found.statistic), rel=1e-9)


def test_kupiec_is_nothing_where_the_share_is_as_stated() -> None:
    assert kupiec(5, 500, ONE).statistic == pytest.approx(0.0, abs=1e-12)
    assert kupiec(5, 500, ONE).p_value == pytest.approx(1.0, abs=1e-6)


@given(st.integers(1, 500), st.data(), st.sampled_from([ONE, HALF, Fraction(1, 3)]))
def test_kupiec_does_not_mind_which_of_the_two_is_called_an_exception(
    observations: int, data: st.DataObject, probability: Fraction
) -> None:
    exceptions = data.draw(st.integers(0, observations))
    turned = kupiec(observations - exceptions, observations, 1 - probability)
    assert kupiec(exceptions, observations, probability).statistic == pytest.approx(turned.statistic, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_kupiec_equals_vartests(seed: int) -> None:
    import vartests

    random = np.random.default_rng(seed)
    for confidence in (0.99, 0.995, 0.9):
        for share in (0.0, 0.004, 0.01, 0.1, 1.0):
            hits = random.random(int(random.integers(1, 1500))) < share
            theirs = vartests.kupiec_test(hits, risk_conf_level=confidence)
            ours = kupiec(int(hits.sum()), hits.size, 1 - Fraction(str(confidence)))
            assert ours.statistic == pytest.approx(theirs["statistic"], rel=1e-9, abs=1e-9)
            assert ours.p_value == pytest.approx(theirs["p-value"], rel=1e-7, abs=1e-12)


def test_christoffersen_golden_in_clusters() -> None:
    found = christoffersen(hits_on([50, 51, 120, 121, 122]), ONE)
    assert found.transitions == Transitions(n00=242, n01=2, n10=2, n11=3)
    assert found.independence.statistic == pytest.approx(19.049307, abs=5e-7)
    assert found.combined.statistic == pytest.approx(21.006117, abs=5e-7)


def test_christoffersen_golden_spread_out() -> None:
    found = christoffersen(hits_on([25, 75, 125, 175, 225]), ONE)
    assert found.transitions == Transitions(n00=239, n01=5, n10=5, n11=0)
    assert found.independence.statistic == pytest.approx(0.204932, abs=5e-7)
    assert found.combined.statistic == pytest.approx(0.204932 + 1.956810, abs=1e-6)


def check_christoffersen(hits: list[bool], probability: Fraction | float) -> None:
    found = christoffersen(np.array(hits), probability)
    assert found.independence.statistic == pytest.approx(independence_by_hand(hits), rel=1e-9, abs=1e-10)
    both = kupiec_by_hand(sum(hits), len(hits), probability) + independence_by_hand(hits)
    assert found.combined.statistic == pytest.approx(both, rel=1e-9, abs=1e-10)
    assert found.independence.p_value == pytest.approx(chi2_one_beyond(found.independence.statistic), rel=1e-9)
    assert found.combined.p_value == pytest.approx(chi2_two_beyond(found.combined.statistic), rel=1e-9)


@given(flags, probabilities)
def test_christoffersen_equals_its_twin(hits: list[bool], probability: Fraction | float) -> None:
    check_christoffersen(hits, probability)


@pytest.mark.parametrize("hits", NASTY)
def test_christoffersen_with_kinds_of_pairs_that_never_came(hits: list[bool]) -> None:
    check_christoffersen(hits, ONE)


@given(flags)
def test_transitions_are_counted_one_by_one(hits: list[bool]) -> None:
    count = {(before, after): 0 for before in (False, True) for after in (False, True)}
    for day in range(1, len(hits)):
        count[hits[day - 1], hits[day]] += 1
    expected = Transitions(count[False, False], count[False, True], count[True, False], count[True, True])
    assert transition_counts(np.array(hits)) == expected


@given(flags)
def test_independence_is_the_g_test_of_the_table_of_pairs(hits: list[bool]) -> None:
    from scipy.stats import chi2_contingency

    pairs = transition_counts(np.array(hits))
    table = np.array([[pairs.n00, pairs.n01], [pairs.n10, pairs.n11]])
    assume(table.sum(axis=0).all() and table.sum(axis=1).all())  # scipy has no test where nothing is expected
    expected = chi2_contingency(table, correction=False, lambda_="log-likelihood")
    found = christoffersen(np.array(hits), ONE).independence
    assert found.statistic == pytest.approx(expected.statistic, rel=1e-9, abs=1e-10)
    assert found.p_value == pytest.approx(expected.pvalue, rel=1e-6)


@given(flags)
def test_independence_does_not_change_backwards_or_turned_over(hits: list[bool]) -> None:
    forwards = np.array(hits)
    expected = christoffersen(forwards, ONE).independence.statistic
    assert christoffersen(forwards[::-1], ONE).independence.statistic == pytest.approx(expected, abs=1e-9)
    assert christoffersen(~forwards, HALF).independence.statistic == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("sample", "starts"), list(zip(SAMPLES, [(5, 10), (9, 15), (15, 24), (3, 7), (5, 10), (9, 15)], strict=True))
)
def test_light_starts_golden(sample: tuple[int, Fraction], starts: tuple[int, int]) -> None:
    assert light_starts(*sample) == starts
    assert light_starts(sample[0], float(sample[1])) == starts
    yellow, red = starts
    lights = [traffic_light(x, *sample) for x in (0, yellow - 1, yellow, red - 1, red, sample[0])]
    assert lights == ["green", "green", "yellow", "yellow", "red", "red"]


def test_the_chances_that_the_light_stands_on() -> None:
    assert float(at_most(4, 250, ONE)) == pytest.approx(0.892188, abs=5e-7)
    assert float(at_most(5, 250, ONE)) == pytest.approx(0.958817, abs=5e-7)


@pytest.mark.parametrize("probability", [ONE, HALF, Fraction(1, 20), Fraction(1, 1000)])
@pytest.mark.parametrize("observations", [1, 2, 5, 6, 25, 50, 125, 251, 400])
def test_light_starts_are_those_of_exact_fractions(observations: int, probability: Fraction) -> None:
    def first(share: Fraction) -> int:
        return next(x for x in range(1, observations + 1) if at_most(x, observations, probability) >= share)

    assert light_starts(observations, probability) == (first(Fraction(95, 100)), first(Fraction(9999, 10000)))


@given(st.integers(1, 600), probabilities)
def test_light_gets_no_better_with_more_exceptions(observations: int, probability: Fraction | float) -> None:
    order = ["green", "yellow", "red"]
    found = [order.index(traffic_light(x, observations, probability)) for x in range(observations + 1)]
    assert found == sorted(found)
    assert found[0] == 0


def test_back_test_by_hand() -> None:
    losses = np.array([-500, 100, 101, 250, 103, 0, 100, -1, 90, 305])
    margins = np.array([0, 100, 100, 100, 100, 0, 99, 0, 100, 300])
    found = back_test(losses, margins, Fraction(9, 10), 3)
    assert breaches(losses, margins).tolist() == [1, 150, 3, 1, 5]
    whole = found.all_windows
    assert (whole.observations, whole.exceptions, whole.coverage) == (10, 5, 0.5)
    # hits: 0 0 1 1 1 0 1 0 0 1
    assert whole.transitions == Transitions(n00=2, n01=3, n10=2, n11=2)
    assert (whole.largest_breach, whole.average_breach) == (150, 32)
    assert whole.kupiec == kupiec(5, 10, Fraction(1, 10))
    # five of ten where at most four have 99.84 % and at most five 99.985 %
    assert whole.light == "yellow"
    # every third from the first: days 1, 4, 7, 10, of which 4, 7 and 10 are exceptions: breaches 150, 1, 5
    thinned = found.non_overlapping
    assert (thinned.observations, thinned.exceptions, thinned.coverage) == (4, 3, 0.25)
    assert thinned.transitions == Transitions(n00=0, n01=1, n10=0, n11=2)
    assert (thinned.largest_breach, thinned.average_breach) == (150, 52)
    assert thinned.kupiec == kupiec(3, 4, Fraction(1, 10))
    assert (found.horizon, found.p_values_hold) == (3, False)


@pytest.mark.parametrize(
    ("beyond", "average"), [([1, 2], 2), ([2, 3], 2), ([1, 1, 2], 1), ([3], 3), ([10**16, 10**16 + 2], 10**16 + 1)]
)
def test_average_breach_is_rounded_half_to_even(beyond: list[int], average: int) -> None:
    losses = np.array([-7, *beyond, 0])
    assert sample_tests(losses, np.zeros_like(losses), Fraction(99, 100)).average_breach == average


def test_a_loss_as_large_as_the_margin_is_covered() -> None:
    margins = np.full(250, 10**15)
    found = back_test(margins, margins, Fraction(99, 100), 1).all_windows
    assert (found.exceptions, found.coverage, found.light) == (0, 1.0, "green")
    assert (found.largest_breach, found.average_breach) == (0, 0)
    assert found.kupiec.statistic == pytest.approx(5.025168, abs=5e-7)
    assert back_test(margins + 1, margins, Fraction(99, 100), 1).all_windows.exceptions == 250


@given(
    st.lists(st.tuples(st.integers(-(10**15), 10**15), st.integers(0, 10**15)), min_size=1, max_size=60),
    st.integers(1, 12),
    st.sampled_from([Fraction(99, 100), Fraction(995, 1000), Fraction(1, 2)]),
)
def test_back_test_equals_its_loop(days: list[tuple[int, int]], horizon: int, confidence: Fraction) -> None:
    found = back_test(
        np.array([loss for loss, _ in days]), np.array([margin for _, margin in days]), confidence, horizon
    )
    assert found.p_values_hold == (horizon == 1)
    assert horizon > 1 or found.all_windows == found.non_overlapping
    thinned = [day for place, day in enumerate(days) if place % horizon == 0]
    for sample, kept in ((found.all_windows, days), (found.non_overlapping, thinned)):
        over = [loss - margin for loss, margin in kept if loss > margin]
        assert (sample.observations, sample.exceptions) == (len(kept), len(over))
        assert sample.coverage == pytest.approx(1 - len(over) / len(kept))
        assert 0 <= sample.coverage <= 1
        assert sample.largest_breach == max([0, *over])
        assert sample.average_breach == (round(statistics.mean(map(Fraction, over))) if over else 0)
        hits = [loss > margin for loss, margin in kept]
        stated = kupiec_by_hand(len(over), len(kept), 1 - confidence)
        assert sample.kupiec.statistic == pytest.approx(stated, rel=1e-9, abs=1e-10)
        assert sample.independence.statistic == pytest.approx(independence_by_hand(hits), rel=1e-9, abs=1e-10)
        assert sample.light == traffic_light(len(over), len(kept), 1 - confidence)
        for test in (sample.kupiec, sample.independence, sample.combined):
            assert test.statistic >= 0
            assert 0 <= test.p_value <= 1


@given(
    st.lists(st.tuples(st.integers(-1000, 1000), st.integers(0, 1000)), min_size=1, max_size=40),
    st.integers(-(10**12), 10**12),
    st.integers(1, 7),
)
def test_back_test_looks_at_the_difference_only(days: list[tuple[int, int]], shift: int, horizon: int) -> None:
    losses, margins = np.array(days).T
    moved = back_test(losses + shift, margins + shift, Fraction(99, 100), horizon)
    assert moved == back_test(losses, margins, Fraction(99, 100), horizon)


def test_coverage_is_one_less_the_share_of_exceptions() -> None:
    assert (coverage_achieved(0, 7), coverage_achieved(1, 4), coverage_achieved(7, 7)) == (1.0, 0.75, 0.0)


@pytest.mark.parametrize(
    ("exceptions", "observations", "probability"), [(0, 0, ONE), (3, 2, ONE), (-1, 2, ONE), (1, 2, 0.0), (1, 2, 1.0)]
)
def test_what_cannot_be_is_refused(exceptions: int, observations: int, probability: Fraction | float) -> None:
    with pytest.raises(ValueError, match="exception"):
        kupiec(exceptions, observations, probability)
    with pytest.raises(ValueError, match="exception"):
        traffic_light(exceptions, observations, probability)


@pytest.mark.parametrize(
    ("losses", "margins", "horizon", "said"),
    [([], [], 1, "observations"), ([1, 2], [1], 1, "length"), ([[1]], [[1]], 1, "length"), ([1], [1], 0, "horizon")],
)
def test_back_tests_that_cannot_be_are_refused(losses: list, margins: list, horizon: int, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        back_test(np.array(losses, dtype=np.int64), np.array(margins, dtype=np.int64), Fraction(99, 100), horizon)


def test_scipy_is_not_loaded_at_start_up() -> None:
    code = (
        "import sys, ccp.backtesting.exceptions, ccp.backtesting.procyclicality; "
        "print([name for name in sys.modules if name.startswith(('scipy.stats', 'scipy.special'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
