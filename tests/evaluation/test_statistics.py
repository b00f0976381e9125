"""Statistics of paired answers, against independent formulas, scipy's own routines and simulation."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.statistics import (
    _power,
    compare,
    detectable_difference,
    effective_number,
    holm,
    mcnemar,
    mean,
    permutation,
    proportion,
    wilson,
)

RIGHTS = st.lists(st.booleans(), min_size=1, max_size=40)


@settings(deadline=None)
@given(right=RIGHTS)
def test_wilson_is_what_scipy_says(right: list[bool]) -> None:
    from scipy.stats import binomtest

    peer = binomtest(sum(right), len(right)).proportion_ci(0.95, method="wilson")
    found = wilson(sum(right), len(right))
    assert found.low == pytest.approx(peer.low, abs=1e-9)
    assert found.high == pytest.approx(peer.high, abs=1e-9)


@pytest.mark.parametrize(("n", "discordant"), [(1, 0.5), (6, 1.0), (20, 0.3), (45, 0.2)])
def test_power_is_counted_over_every_split(n: int, discordant: float) -> None:
    from scipy.stats import binom

    for difference in (discordant / 4, discordant / 2, discordant):
        share = (discordant + difference) / (2 * discordant)
        by_hand = sum(
            binom.pmf(differing, n, discordant) * binom.pmf(first, differing, share)
            for differing in range(1, n + 1)
            for first in range(differing + 1)
            if mcnemar(first, differing - first) <= 0.05
        )
        assert _power(n, discordant, difference) == pytest.approx(by_hand, abs=1e-6)


def test_of_no_questions_everything_is_possible() -> None:
    found = wilson(0, 0)
    assert (found.low, found.high, found.n) == (0.0, 1.0, 0)
    assert math.isnan(found.value)


@pytest.mark.parametrize(("first_only", "second_only"), [(0, 0), (1, 0), (3, 3), (8, 5), (12, 2), (0, 9)])
def test_mcnemar_is_the_binomial_tail(first_only: int, second_only: int) -> None:
    total, least = first_only + second_only, min(first_only, second_only)
    tail = sum(math.comb(total, k) for k in range(least + 1)) / 2**total
    assert mcnemar(first_only, second_only) == pytest.approx(min(1.0, 2 * tail))


@settings(deadline=None)
@given(values=st.lists(st.integers(-3, 3), min_size=1, max_size=9))
def test_permutation_counts_every_pattern_of_signs(values: list[int]) -> None:
    n, observed = len(values), abs(sum(values))
    flips = [set(chosen) for size in range(n + 1) for chosen in combinations(range(n), size)]
    extreme = sum(
        abs(sum(-one if place in flipped else one for place, one in enumerate(values))) >= observed
        for flipped in flips
    )
    assert permutation([float(one) for one in values]) == pytest.approx(extreme / 2**n)


def test_drawn_permutation_agrees_with_scipy() -> None:
    from scipy.stats import permutation_test

    random = np.random.default_rng(3)
    values = random.normal(0.15, 1, 80)
    peer = permutation_test(
        (values,), np.mean, permutation_type="samples", n_resamples=9999, rng=np.random.default_rng(5)
    )
    assert permutation(list(values)) == pytest.approx(peer.pvalue, abs=0.02)


def test_a_whole_document_is_one_finding() -> None:
    better = [1.0] * 20
    assert permutation(better) < 0.001
    assert permutation(better, ["leave.md"] * 20) == 1.0
    assert permutation(better, ["a", "b", "c", "d"] * 5) == pytest.approx(2 / 2**4)


def test_right_and_wrong_of_single_questions_goes_by_mcnemar() -> None:
    first, second = [True] * 10 + [False] * 5, [False] * 8 + [True] * 7
    found = compare(first, second)
    assert found.test == "exact McNemar"
    assert (found.first_only, found.second_only) == (8, 5)
    assert found.p == mcnemar(8, 5)
    assert found.difference.value == pytest.approx(3 / 15)
    assert compare(first, second, clusters=["x"] * 7 + ["y"] * 8).test == "sign-flip permutation of groups"
    assert compare([0.5, 0.25], [0.25, 0.25]).test == "sign-flip permutation"


@settings(deadline=None)
@given(pairs=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=30))
def test_turning_a_comparison_round_changes_only_its_sign(pairs: list[tuple[bool, bool]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    one, other = compare(first, second), compare(second, first)
    assert one.p == pytest.approx(other.p)
    assert one.difference.value == pytest.approx(-other.difference.value)
    assert one.difference.low == pytest.approx(-other.difference.high, abs=1e-9)


def test_what_cannot_be_paired_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be paired"):
        compare([True], [True, False])


@pytest.mark.parametrize(
    ("values", "adjusted"),
    [
        pytest.param({"a": 0.01, "b": 0.04, "c": 0.03}, {"a": 0.03, "b": 0.06, "c": 0.06}, id="steps down"),
        pytest.param({"a": 0.5, "b": 0.9}, {"a": 1.0, "b": 1.0}, id="never above one"),
        pytest.param({"a": 0.02}, {"a": 0.02}, id="one is itself"),
        pytest.param({}, {}, id="none"),
    ],
)
def test_holm(values: dict[str, float], adjusted: dict[str, float]) -> None:
    assert holm(values) == pytest.approx(adjusted)


@pytest.mark.parametrize(
    ("n", "least"), [(20, None), (50, 0.18), (100, 0.14), (200, 0.09), (500, 0.06), (1000, 0.05)]
)
def test_what_so_many_questions_can_show(n: int, least: float | None) -> None:
    """At a fifth of discordant questions; the figures of a simulation, in whole points."""
    found = detectable_difference(n)
    assert found is None if least is None else found == pytest.approx(least, abs=0.0101)


def test_the_power_it_promises_is_the_power_it_has() -> None:
    difference = detectable_difference(100, 0.3)
    assert difference is not None
    random = np.random.default_rng(11)
    shares = [(0.3 + difference) / 2, (0.3 - difference) / 2, 0.7]
    runs = random.multinomial(100, shares, size=1500)
    power = np.mean([mcnemar(int(a), int(b)) <= 0.05 for a, b, _ in runs])
    assert 0.77 <= power <= 0.86


@pytest.mark.parametrize(
    ("documents", "ours", "naive"),
    [
        pytest.param(8, (0.92, 0.98), (0.70, 0.84), id="a company's eight documents"),
        pytest.param(40, (0.93, 0.98), (0.72, 0.84), id="forty"),
    ],
)
def test_intervals_by_document_cover_what_they_promise(
    documents: int, ours: tuple[float, float], naive: tuple[float, float]
) -> None:
    """Five questions on each document, easy or hard together (beta-binomial, correlation 0.39): 95 % is promised.

    Who takes them for so many separate questions covers about 78 %.
    """
    random = np.random.default_rng(1)
    truth, spread, runs = 0.7, (1 - 0.39) / 0.39, 400
    groups = np.repeat(np.arange(documents), 5)
    covered = alone = 0
    for _ in range(runs):
        easy = random.beta(truth * spread, (1 - truth) * spread, documents)
        right = [bool(one) for one in random.random(len(groups)) < easy[groups]]
        by_document, naively = proportion(right, list(groups)), proportion(right)
        covered += by_document.low <= truth <= by_document.high
        alone += naively.low <= truth <= naively.high
    assert ours[0] <= covered / runs <= ours[1]
    assert naive[0] <= alone / runs <= naive[1]


@pytest.mark.parametrize(
    ("differences", "groups", "weighs"),
    [
        pytest.param([1.0, 0.0, -1.0, 0.0], None, 4, id="each alone"),
        pytest.param(
            [1.0, 1.0, -1.0, -1.0, 0.0, 0.0], ["a", "a", "b", "b", "c", "c"], 3, id="documents differ as one"
        ),
        pytest.param(
            [1.0, -1.0, 1.0, -1.0], ["a", "a", "b", "b"], 2, id="documents cancel out: nothing to go by"
        ),
        pytest.param(
            [1.0, 1.0, 0.0, 0.0, 1.0, 0.0, 1.0, 0.0], ["a", "b", "c", "d"] * 2, 7, id="nearly as if alone"
        ),
        pytest.param([1.0], None, 1, id="one"),
    ],
)
def test_how_many_separate_questions_say_as_much(
    differences: list[float], groups: list[str] | None, weighs: int
) -> None:
    assert effective_number(differences, groups) == weighs


def test_where_all_documents_agree_the_interval_is_still_one() -> None:
    found = proportion([True] * 12, ["a", "b", "c"] * 4)
    assert (found.high, found.clusters) == (1.0, 3)
    assert 0.3 < found.low < 0.6


def test_a_mean_of_graded_scores() -> None:
    found = mean([0.2, 0.4, 0.9, 0.7])
    assert found.value == pytest.approx(0.55)
    assert found.low < 0.55 < found.high
    assert mean([0.2, 0.4, 0.9, 0.7]) == found  # the same seed, the same interval
    assert math.isnan(mean([]).value)
