"""Fits by the size of the set: known answers, what holds of any set, and that a file says what was saved."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.answer import Question
from chains.calibration import (
    Method,
    Seen,
    calibrate,
    cross_validated,
    fit_by,
    fit_isotonic,
    fit_logistic,
    fit_platt,
    folds,
    recipes_for,
)
from chains.confidence import assess, calibration
from chains.confidence_fit import Calibration, Made, calibration_at, on_curve, sigmoid
from errors import CalibrationError
from tests.chains.test_confidence import SURE, passage, reading

BASE = Calibration(weights={"a": 2.0, "b": 0.0}, bias=0.0, abstain_below=0.3)
MADE = Made(
    method="platt",
    questions=80,
    questions_sha256="0" * 64,
    date="2026-06-30",
    model="local:extractive-reader",
    metrics={"ece_after": 0.04},
)


def seen(
    count: int, *, slope: float = 2.0, bias: float = 0.0, weight_b: float = 0.0, seed: int = 1
) -> list[Seen]:
    """Answers whose chance to be right is sigmoid(slope·a + weight_b·b + bias)."""
    chance = random.Random(seed)
    made = []
    for number in range(count):
        a, b = chance.gauss(0, 1.5), chance.gauss(0, 1)
        right = chance.random() < sigmoid(slope * a + weight_b * b + bias)
        made.append(Seen(signals={"a": a, "b": b}, right=right, group=f"document {number // 3}"))
    return made


# --- the regressions ----------------------------------------------------------------------------


def test_a_logistic_fit_by_hand() -> None:
    """One column of 0 and 1; right in 1 of 4 and 3 of 4 cases: bias -ln 3, weight 2 ln 3."""
    columns = np.array([[0.0]] * 4 + [[1.0]] * 4)
    target = np.array([1.0, 0, 0, 0, 1, 1, 1, 0])
    weights, bias = fit_logistic(columns, target, belief=0.0)
    assert bias == pytest.approx(-math.log(3), abs=1e-6)
    assert weights[0] == pytest.approx(2 * math.log(3), abs=1e-6)


def test_what_can_be_parted_stays_finite_by_belief() -> None:
    columns, target = np.array([[0.0], [0.0], [1.0], [1.0]]), np.array([0.0, 0, 1, 1])
    weights, bias = fit_logistic(columns, target)
    assert 0 < weights[0] < 10
    assert math.isfinite(bias)


def test_a_column_that_never_varies_keeps_its_weight() -> None:
    columns = np.column_stack([np.array([0.0, 1, 0, 1, 1, 0]), np.full(6, 0.4)])
    target = np.array([0.0, 1, 0, 1, 0, 1])
    weights, bias = fit_logistic(columns, target, prior=(np.array([1.0, -7.0]), 0.5))
    assert weights[1] == -7.0
    assert math.isfinite(bias)


def test_platt_leaves_a_calibrated_score_and_mends_a_boastful_one() -> None:
    answers = seen(2000)
    right = [one.right for one in answers]
    honest = [sigmoid(2 * one.signals["a"]) for one in answers]
    boastful = [sigmoid(4 * one.signals["a"] + 1) for one in answers]
    assert fit_platt(honest, right) == (pytest.approx(1.0, abs=0.15), pytest.approx(0.0, abs=0.15))
    assert fit_platt(boastful, right) == (pytest.approx(0.5, abs=0.1), pytest.approx(-0.5, abs=0.15))


def test_platt_never_turns_the_order_around() -> None:
    slope, intercept = fit_platt([0.9] * 30 + [0.1] * 30, [False] * 30 + [True] * 30)
    assert slope == 0.1
    assert sigmoid(intercept) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(
    ("values", "right", "curve"),
    [
        ([0.1, 0.2, 0.3, 0.4], [False, True, False, True], [(0.1, 0.01), (0.25, 0.5), (0.4, 0.99)]),
        ([0.1, 0.2, 0.3], [True, False, False], [(0.2, 1 / 3)]),
        ([0.5, 0.5, 0.7, 0.9], [True, False, True, True], [(0.5, 0.5), (0.8, 0.99)]),
        ([0.6, 0.2, 0.4], [True, False, True], [(0.2, 0.01), (0.5, 0.99)]),
    ],
)
def test_adjacent_violators_are_pooled(
    values: list[float], right: list[bool], curve: list[tuple[float, float]]
) -> None:
    found = fit_isotonic(values, right)
    assert [point[0] for point in found] == pytest.approx([point[0] for point in curve])
    assert [point[1] for point in found] == pytest.approx([point[1] for point in curve])


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=80))
def test_the_curve_rises_and_keeps_the_mean(answers: list[tuple[float, bool]]) -> None:
    values, right = [v for v, _ in answers], [r for _, r in answers]
    curve = fit_isotonic(values, right)
    heights = [height for _, height in curve]
    assert heights == sorted(heights)
    assert all(left < right for (left, _), (right, _) in pairwise(curve))
    mapped = sorted((value, on_curve(curve, value)) for value in values)
    assert [height for _, height in mapped] == sorted(height for _, height in mapped)


@given(
    st.lists(st.tuples(st.floats(-5, 5), st.booleans()), min_size=4, max_size=60),
    st.floats(-3, 3),
)
def test_a_logistic_fit_stands_at_the_minimum(answers: list[tuple[float, bool]], prior: float) -> None:
    """No nearby weights have a smaller loss."""
    x = np.array([value for value, _ in answers])
    target = np.array([float(right) for _, right in answers])
    spread = x.std() if x.std() > 1e-9 else 0.0
    if not spread or len(set(target)) < 2:
        return
    (weight,), bias = fit_logistic(x[:, None], target, prior=(np.array([prior]), 0.0))

    def loss(weight: float, bias: float) -> float:
        margin = weight * x + bias
        return float(np.logaddexp(0, margin).sum() - target @ margin + 10 * ((weight - prior) * spread) ** 2)

    for nudge in ((1e-3, 0), (-1e-3, 0), (0, 1e-3), (0, -1e-3)):
        assert loss(weight + nudge[0], bias + nudge[1]) >= loss(weight, bias) - 1e-7


# --- the recipe ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("count", "richest"),
    [
        (20, "platt"),
        (99, "platt"),
        (100, "logistic"),
        (299, "logistic"),
        (300, "isotonic"),
    ],
)
def test_the_size_decides_what_is_tried(count: int, richest: str) -> None:
    assert recipes_for(count)[-1] == richest
    assert calibrate(seen(count, slope=0.8, bias=-0.5), BASE).method in (*recipes_for(count), "shipped")


def test_nineteen_answers_are_refused_in_one_sentence() -> None:
    with pytest.raises(CalibrationError, match=r"^19 judged answers are too few .* at least 20 questions"):
        calibrate(seen(19), BASE)


@pytest.mark.parametrize(
    ("right", "sentence"),
    [(True, "Only 0 of 30 answers are wrong"), (False, "Only 0 of 30 answers are right")],
)
def test_answers_of_one_kind_are_refused(right: bool, sentence: str) -> None:
    answers = [Seen(signals={"a": i / 30, "b": 0.0}, right=right, group=str(i)) for i in range(30)]
    with pytest.raises(CalibrationError, match=sentence):
        calibrate(answers, BASE)


@pytest.mark.parametrize("count", [80, 250, 1200])
def test_a_boastful_score_is_mended(count: int) -> None:
    """The base says sigmoid(2a); the truth is half as sure, and shifted."""
    found = calibrate(seen(count, slope=0.8, bias=-1.2), BASE, target_error=0.6)
    assert found.method != "shipped"
    assert found.after.ece < found.before.ece
    assert found.after.brier < found.before.brier
    assert found.threshold is not None
    assert found.fit.abstain_below == found.threshold.value


def test_a_signal_that_the_base_neglects_is_learnt_from_a_hundred() -> None:
    found = calibrate(seen(299, weight_b=2.5), BASE)
    assert found.method == "logistic"
    assert found.fit.weights["b"] > 1.0
    assert found.before.auroc is not None
    assert found.after.auroc is not None
    assert found.after.auroc.value > found.before.auroc.value + 0.05


def test_a_truth_in_steps_takes_a_curve() -> None:
    """Right in one of ten below a = -1, in half between, in nine of ten above 1: no stretched score says so."""
    chance = random.Random(4)
    answers = []
    for number in range(1500):
        a = chance.uniform(-2, 2)
        right = chance.random() < (0.1 if a < -1 else 0.5 if a < 1 else 0.9)
        answers.append(Seen(signals={"a": a, "b": 0.0}, right=right, group=str(number)))
    found = calibrate(answers, replace(BASE, weights={"a": 4.0, "b": 0.0}))
    assert found.method == "isotonic"
    assert found.fit.value({"a": -1.5, "b": 0.0}) == pytest.approx(0.1, abs=0.06)
    assert found.fit.value({"a": 0.0, "b": 0.0}) == pytest.approx(0.5, abs=0.06)
    assert found.fit.value({"a": 1.5, "b": 0.0}) == pytest.approx(0.9, abs=0.06)


def test_a_fit_that_is_no_better_is_not_used() -> None:
    found = calibrate(seen(60, seed=2), BASE, target_error=0.2)
    assert found.method == "shipped"
    assert found.refused is not None
    assert found.refused.startswith("No fit is better")
    assert (found.fit.weights, found.fit.slope) == (BASE.weights, 1.0)


def test_the_same_set_gives_the_same_fit_in_any_order() -> None:
    answers = seen(120, slope=0.8, bias=-1.0)
    shuffled = random.Random(3).sample(answers, len(answers))
    one, other = calibrate(answers, BASE).fit, calibrate(shuffled, BASE).fit
    assert one.weights["a"] == pytest.approx(other.weights["a"], abs=1e-6)
    assert one.slope == pytest.approx(other.slope, abs=1e-6)


@pytest.mark.parametrize("method", ["platt", "logistic", "isotonic"])
def test_a_group_is_judged_by_a_fit_that_has_not_seen_it(method: Method) -> None:
    """What became of a document's own answers changes the values of others, never theirs."""
    answers = seen(90)
    turned = [replace(one, right=not one.right) if one.group == "document 7" else one for one in answers]
    before, after = cross_validated(answers, BASE, method), cross_validated(turned, BASE, method)
    own = [position for position, one in enumerate(answers) if one.group == "document 7"]
    assert [before[position] for position in own] == [after[position] for position in own]
    assert before != after


def test_answers_that_a_rule_has_halved_say_nothing_of_the_weights() -> None:
    answers = seen(120)
    halved = [replace(one, factor=0.5) if index % 4 == 0 else one for index, one in enumerate(answers)]
    turned = [replace(one, right=not one.right) if one.factor < 1 else one for one in halved]
    one, other = fit_by(halved, BASE, "logistic"), fit_by(turned, BASE, "logistic")
    assert one.weights == other.weights
    assert (one.slope, one.intercept) != (other.slope, other.intercept)


@given(st.lists(st.sampled_from("abcdefghijk"), min_size=1, max_size=60))
def test_a_group_is_in_one_fold(groups: Sequence[str]) -> None:
    found = folds(groups)
    by_group: dict[str, set[int]] = {}
    for group, fold in zip(groups, found, strict=True):
        by_group.setdefault(group, set()).add(fold)
    assert all(len(numbers) == 1 for numbers in by_group.values())
    assert set(found) == set(range(min(5, len(by_group))))


# --- the file -----------------------------------------------------------------------------------


def saved(folder: Path, **change: Any) -> Path:
    fit = calibration()
    path = folder / "calibration.json"
    Calibration(weights=fit.weights, bias=fit.bias, abstain_below=0.42, made=MADE).save(path)
    if change:
        path.write_text(json.dumps(json.loads(path.read_text("utf-8")) | change), encoding="utf-8")
    return path


SHARES = st.floats(0, 1)


@settings(max_examples=40)
@given(
    weights=st.lists(st.floats(-50, 50), min_size=1, max_size=len(calibration().weights)),
    bias=st.floats(-50, 50),
    abstain_below=SHARES,
    slope=st.floats(0.1, 9),
    intercept=st.floats(-9, 9),
    points=st.lists(st.tuples(SHARES, SHARES), max_size=6, unique_by=lambda point: point[0]),
)
def test_what_is_saved_is_what_is_loaded(
    tmp_path_factory: pytest.TempPathFactory,
    weights: list[float],
    bias: float,
    abstain_below: float,
    slope: float,
    intercept: float,
    points: list[tuple[float, float]],
) -> None:
    heights = sorted(height for _, height in points)
    fit = Calibration(
        weights=dict(zip(calibration().weights, weights, strict=False)),
        bias=bias,
        abstain_below=abstain_below,
        slope=slope,
        intercept=intercept,
        curve=tuple(zip(sorted(left for left, _ in points), heights, strict=True)),
        made=MADE,
    )
    path = tmp_path_factory.mktemp("fit") / "calibration.json"
    fit.save(path)
    assert Calibration.load(path) == fit


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"version": 2}, "its version is 2, not 1"),
        ({"weights": {}}, "it weighs signals that are not known here (none at all)"),
        ({"weights": {"moonlight": 1.0}}, "it weighs signals that are not known here (moonlight)"),
        ({"weights": [1, 2]}, 'its "weights" is not an object of numbers'),
        ({"bias": "high"}, 'its "bias" is not a number'),
        ({"bias": True}, 'its "bias" is not a number'),
        ({"bias": 1e300}, 'its "bias" is not a number'),
        ({"abstain_below": 1.5}, 'its "abstain_below" is not between 0 and 1'),
        ({"slope": -1}, 'its "slope" is not above 0'),
        ({"curve": [[0.2, 0.5], [0.1, 0.6]]}, 'its "curve" does not rise from 0 to 1'),
        ({"curve": [[0.1, 0.5], [0.2, 0.4]]}, 'its "curve" does not rise from 0 to 1'),
        ({"curve": [[0.1]]}, 'its "curve" is not a list of pairs'),
        ({"method": "magic"}, 'its "method" is none of shipped, platt, logistic, isotonic'),
        ({"questions": -3}, 'its "questions" is not a count'),
        ({"date": None}, 'its "date" is not a text'),
    ],
)
def test_a_broken_field_is_named_in_one_sentence(tmp_path: Path, change: dict[str, Any], fault: str) -> None:
    path = saved(tmp_path, **change)
    with pytest.raises(CalibrationError) as raised:
        Calibration.load(path)
    assert str(raised.value).startswith(f"{path} cannot be used: {fault}; make it again with: python -m app")


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "it is not JSON"),
        (b"{", "it is not JSON"),
        (b"[1]", "it is not a JSON object"),
        (b"\xff\xfe", "it is not UTF-8 text"),
        (b'{"version": 1, "bias": NaN}', "it holds NaN"),
        (b"[" * 100_000, "it is not JSON"),
        (b" " * 2_000_000, "it is too large to be a calibration"),
    ],
)
def test_a_broken_file_is_one_sentence_and_the_shipped_fit_stands_in_visibly(
    tmp_path: Path, content: bytes, fault: str
) -> None:
    path = tmp_path / "calibration.json"
    path.write_bytes(content)
    with pytest.raises(CalibrationError, match=fault):
        Calibration.load(path)
    fit = calibration_at(path)
    assert (fit.weights, fit.bias) == (calibration().weights, calibration().bias)
    found = assess(Question(text="How many desks?"), [passage(0.7)], reading(SURE), fit)
    assert found.reasons[-1].startswith("This confidence is of the fit that comes with Groundtune: ")
    assert fault in found.reasons[-1]
    assert found.value == assess(Question(text="How many desks?"), [passage(0.7)], reading(SURE)).value


def test_without_a_file_the_shipped_fit_is_used_and_nothing_said(tmp_path: Path) -> None:
    assert calibration_at(tmp_path / "none.json") is calibration()


def test_a_fit_of_its_own_changes_the_confidence(tmp_path: Path) -> None:
    fit = calibration_at(saved(tmp_path, slope=1.0, intercept=-2.0))
    question = Question(text="How many desks?")
    own, plain = (
        assess(question, [passage(0.7)], reading(SURE), fit),
        assess(question, [passage(0.7)], reading(SURE)),
    )
    assert own.value < plain.value
    assert fit.abstain_below == 0.42
    assert own.reasons == plain.reasons


def test_the_shipped_fit_is_not_saved_as_if_it_were_fitted_here(tmp_path: Path) -> None:
    with pytest.raises(CalibrationError, match="comes with the program"):
        calibration().save(tmp_path / "calibration.json")
