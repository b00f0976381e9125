"""Reliability, AUROC, risk against coverage: known answers worked out by hand, and what must hold of any numbers."""

from __future__ import annotations

import math
import random
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.reliability import (
    auroc,
    brier,
    calibration_error,
    clopper_pearson_upper,
    reliability,
    risk_coverage,
    threshold_for,
    wilson,
)

VALUES = st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.75, 0.9, 1.0]) | st.floats(0, 1)
ANSWERS = st.lists(st.tuples(VALUES, st.booleans()), min_size=1, max_size=60)


def parted(answers: list[tuple[float, bool]]) -> tuple[list[float], list[bool]]:
    return [value for value, _ in answers], [right for _, right in answers]


# --- known answers ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "right", "expected"),
    [
        ([0.9, 0.8, 0.2, 0.1], [True, True, False, False], 1.0),
        ([0.9, 0.8, 0.2, 0.1], [False, False, True, True], 0.0),
        ([0.5, 0.5, 0.5, 0.5], [True, False, True, False], 0.5),
        ([0.8, 0.6, 0.6, 0.3], [True, True, False, False], 0.875),  # pairs: 1, 1, ½, 1 of 4
        ([0.9, 0.7, 0.4, 0.3, 0.1], [True, False, True, False, False], 5 / 6),
    ],
)
def test_auroc_is_the_share_of_pairs_in_order(
    values: list[float], right: list[bool], expected: float
) -> None:
    found = auroc(values, right)
    assert found is not None
    assert found.value == pytest.approx(expected)
    assert found.low <= found.value <= found.high


def test_delong_by_hand() -> None:
    """Right .8 .6, wrong .6 .3: placements of the right 1 and ¾, of the wrong ¾ and 1.

    Variance: (1/32)/2 + (1/32)/2 = 1/32, so the half width is 1.96 x .17678.
    """
    found = auroc([0.8, 0.6, 0.6, 0.3], [True, True, False, False])
    assert found is not None
    assert found.low == pytest.approx(0.875 - 1.959964 * math.sqrt(1 / 32), abs=1e-6)
    assert found.high == 1.0


def test_a_perfect_auroc_of_few_is_not_sure_of_itself() -> None:
    found = auroc([0.9, 0.8, 0.2], [True, True, False])
    assert found is not None
    assert found.value == found.high == 1.0
    assert found.low < 0.3


def test_auroc_needs_both_kinds() -> None:
    assert auroc([0.1, 0.2], [True, True]) is None
    assert auroc([], []) is None


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [(0, 10, 0.0, 0.2775), (5, 10, 0.2366, 0.7634), (10, 10, 0.7225, 1.0), (81, 263, 0.2553, 0.3662)],
)
def test_wilson_s_interval(hits: int, count: int, low: float, high: float) -> None:
    found = wilson(hits, count)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


@pytest.mark.parametrize(
    ("errors", "count", "certainty", "upper"),
    [
        (0, 59, 0.95, 1 - 0.05 ** (1 / 59)),  # the rule of three, exactly
        (0, 20, 0.9, 1 - 0.1 ** (1 / 20)),
        (1, 1, 0.9, 1.0),
        (1, 2, 0.9, math.sqrt(0.9)),  # 1 - p² = .1
        (3, 10, 0.95, 0.6066),
    ],
)
def test_clopper_pearson_s_bound(errors: int, count: int, certainty: float, upper: float) -> None:
    assert clopper_pearson_upper(errors, count, certainty=certainty) == pytest.approx(upper, abs=5e-5)


def test_bins_have_equal_mass_and_an_error_by_hand() -> None:
    """Twenty answers at .2, one in four right; twenty at .9, all right: ECE = ½·.05 + ½·.1."""
    values = [0.2] * 20 + [0.9] * 20
    right = [index < 5 for index in range(20)] + [True] * 20
    bins = reliability(values, right)
    assert [(one.count, one.confidence, one.right.value) for one in bins] == [
        (20, pytest.approx(0.2), 0.25),
        (20, pytest.approx(0.9), 1.0),
    ]
    assert calibration_error(bins) == pytest.approx(0.075)
    assert brier(values, right) == pytest.approx((5 * 0.64 + 15 * 0.04 + 20 * 0.01) / 40)


def test_risk_against_coverage_by_hand() -> None:
    """From the surest: right, wrong, right: risks 0, ½, ⅓; the last two tie and come together."""
    curve = risk_coverage([0.9, 0.5, 0.4], [True, False, True])
    assert curve.coverage == pytest.approx((1 / 3, 2 / 3, 1.0))
    assert curve.risk == pytest.approx((0.0, 0.5, 1 / 3))
    assert curve.area == pytest.approx((0 + 1 / 2 + 1 / 3) / 3)
    tied = risk_coverage([0.9, 0.4, 0.4], [True, False, True])
    assert tied.coverage == pytest.approx((1 / 3, 1.0))
    assert tied.area == pytest.approx((0 + 2 / 3) / 3)


# --- the threshold ------------------------------------------------------------------------------


def test_twenty_right_answers_prove_no_five_percent() -> None:
    found = threshold_for([0.5 + i / 100 for i in range(20)], [True] * 20, target_error=0.05)
    assert found is not None
    assert (found.answered, found.wrong, found.proven) == (20, 0, False)
    assert found.error_upper == pytest.approx(1 - 0.1 ** (1 / 20))


def test_many_right_answers_do() -> None:
    found = threshold_for([i / 400 for i in range(400)], [i >= 100 for i in range(400)], target_error=0.05)
    assert found is not None
    assert found.proven
    assert found.error_upper <= 0.05
    assert (found.answered, found.wrong) == (300, 0)  # the next coverage tried, 320, has 20 errors
    assert found.value == pytest.approx(100 / 400)


def test_what_the_surest_get_wrong_has_no_threshold() -> None:
    assert threshold_for([0.9, 0.9, 0.1], [False, False, False], target_error=0.5) is None
    assert threshold_for([], [], target_error=0.5) is None


def test_a_proven_threshold_is_wrong_no_more_often_than_it_promises() -> None:
    """A confidence that knows nothing, true error rate just above the target: proof in at most one of ten."""
    chance = random.Random(5)
    proofs = 0
    for _ in range(200):
        answers = [(chance.random(), chance.random() > 0.105) for _ in range(200)]
        found = threshold_for(*parted(answers), target_error=0.1)
        proofs += found is not None and found.proven
    assert proofs / 200 <= 0.1


@given(ANSWERS, st.floats(0.01, 0.9))
def test_any_threshold_keeps_its_word(answers: list[tuple[float, bool]], target: float) -> None:
    values, right = parted(answers)
    found = threshold_for(values, right, target_error=target)
    if found is None:
        return
    given_out = [one for value, one in answers if value >= found.value]
    assert (len(given_out), given_out.count(False)) == (found.answered, found.wrong)
    assert found.error <= found.error_upper
    assert found.error <= target
    if found.proven:
        assert found.error_upper <= target + 1e-9  # both were rounded on their way


# --- what holds of any numbers ------------------------------------------------------------------


@given(ANSWERS)
def test_auroc_is_what_counting_pairs_gives(answers: list[tuple[float, bool]]) -> None:
    up, down = [v for v, right in answers if right], [v for v, right in answers if not right]
    found = auroc(*parted(answers))
    if not up or not down:
        assert found is None
        return
    pairs = [1.0 if a > b else 0.5 if a == b else 0.0 for a, b in product(up, down)]
    assert found is not None
    assert found.value == pytest.approx(sum(pairs) / len(pairs))
    assert 0.0 <= found.low <= found.value + 1e-9
    assert found.value - 1e-9 <= found.high <= 1.0


@given(ANSWERS)
def test_bins_hold_every_answer_once_and_rise(answers: list[tuple[float, bool]]) -> None:
    values, right = parted(answers)
    bins = reliability(values, right)
    assert sum(one.count for one in bins) == len(answers)
    assert sum(one.count * one.right.value for one in bins) == pytest.approx(sum(right))
    assert [one.confidence for one in bins] == sorted(one.confidence for one in bins)
    assert all(one.right.low <= one.right.value <= one.right.high for one in bins)
    assert 0.0 <= calibration_error(bins) <= 1.0


@given(ANSWERS)
def test_equal_confidences_are_never_parted(answers: list[tuple[float, bool]]) -> None:
    values, right = parted(answers)
    curve = risk_coverage(values, right)
    assert len(curve.coverage) == len(set(values))
    assert curve.coverage[-1] == pytest.approx(1.0)
    assert curve.risk[-1] == pytest.approx(right.count(False) / len(right))
    assert list(curve.coverage) == sorted(curve.coverage)


@given(st.integers(0, 40), st.integers(1, 40), st.sampled_from([0.8, 0.9, 0.99]))
def test_the_bound_lies_above_the_share_and_falls_with_more_answers(k: int, n: int, certainty: float) -> None:
    errors = min(k, n)
    upper = clopper_pearson_upper(errors, n, certainty=certainty)
    assert errors / n <= upper <= 1.0
    assert clopper_pearson_upper(2 * errors, 2 * n, certainty=certainty) <= upper + 1e-9


def test_as_many_outcomes_as_confidences() -> None:
    with pytest.raises(ValueError, match="2 confidences for 1 outcomes"):
        brier([0.1, 0.2], [True])
