"""Curves as shapes: where points land, what a listener is told, what is left out, what long runs become."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.reports.charts import Shape
from finetune.reports.curves import HEIGHT, LEFT, MOST_POINTS, RIGHT, TOP, WIDTH, Curve, curves

LOSS = [(1.0, 2.0), (2.0, 1.0), (3.0, 1.5)]


def lines(shapes: tuple[Shape, ...]) -> list[list[tuple[float, float]]]:
    found = [shape.attributes["points"] for shape in shapes if shape.tag == "polyline"]
    return [[(float(x), float(y)) for x, y in (pair.split(",") for pair in one.split())] for one in found]


def test_points_land_where_their_numbers_say() -> None:
    (line,) = lines(curves("Loss", [Curve(name="Training", points=LOSS)]).shapes)
    assert line == [
        (LEFT, TOP),
        pytest.approx(((LEFT + WIDTH - RIGHT) / 2, TOP + HEIGHT / 2)),
        pytest.approx((WIDTH - RIGHT, TOP + HEIGHT / 4)),
    ]


def test_every_curve_is_told_in_words() -> None:
    accuracy = Curve(name="Validation", points=[(5, 0.25), (10, 0.75)], best="highest")
    told = curves("Both", [Curve(name="Training", points=LOSS), accuracy]).description
    assert told == (
        "Training: 2 at step 1, lowest 1 at step 2, 1.5 at step 3. "
        "Validation: 0.25 at step 5, highest 0.75 at step 10, 0.75 at step 10."
    )


@pytest.mark.parametrize(
    ("points", "drawn"),
    [
        pytest.param([], 0, id="nothing yet"),
        pytest.param([(1, math.nan), (2, math.inf)], 0, id="a loss that is no number"),
        pytest.param([(1, 1.0), (2, math.nan), (3, 0.5)], 2, id="the numbers round it"),
    ],
)
def test_what_is_no_number_is_left_out(points: list[tuple[float, float]], drawn: int) -> None:
    made = curves("Loss", [Curve(name="Training", points=points)])
    assert sum(len(line) for line in lines(made.shapes)) == drawn
    assert drawn or made.description == "Nothing yet."


def test_one_point_is_a_dot() -> None:
    shapes = curves("Loss", [Curve(name="Training", points=[(1, 2.0)])]).shapes
    assert [shape.attributes["class"] for shape in shapes if shape.tag == "rect"] == ["dot tone0"]


def test_a_strangers_name_is_text() -> None:
    made = curves("Loss", [Curve(name="<script>alert(1)</script>", points=LOSS)]).markup()
    assert "<script" not in made


@given(
    st.lists(st.floats(0, 1e6, allow_nan=False), min_size=1, max_size=2000),
    st.sampled_from([None, (0.0, 1.0)]),
)
def test_whatever_the_values_the_picture_stays_within_its_frame(
    values: list[float], within: tuple[float, float] | None
) -> None:
    kept = [min(value, 1.0) for value in values] if within else values
    made = curves("Loss", [Curve(name="Training", points=list(enumerate(kept, start=1)))], within=within)
    for line in lines(made.shapes):
        assert len(line) <= MOST_POINTS
        assert all(LEFT - 0.1 <= x <= WIDTH and TOP - 0.1 <= y <= TOP + HEIGHT + 0.1 for x, y in line)
        assert [x for x, _ in line] == sorted(x for x, _ in line)
    assert re.fullmatch(r"Training: .*\.", made.description)
