"""Spans of a text: what overlaps, and what stands in."""

from __future__ import annotations

from typing import NamedTuple

from hypothesis import given
from hypothesis import strategies as st

from finetune.validation.spans import apart, replaced


class _Part(NamedTuple):
    start: int
    end: int


_PARTS = st.builds(lambda start, length: _Part(start, start + length), st.integers(0, 60), st.integers(1, 9))


@given(st.lists(_PARTS))
def test_those_stay_that_overlap_none_before_them(parts: list[_Part]) -> None:
    taken: list[_Part] = []
    for part in parts:
        if all(part.end <= other.start or other.end <= part.start for other in taken):
            taken.append(part)
    assert apart(parts) == sorted(taken)


def test_each_part_is_replaced() -> None:
    assert replaced("one two three", [(0, 3, "1"), (8, 13, "3")]) == "1 two 3"
    assert replaced("one", []) == "one"
