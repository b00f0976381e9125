"""Codes and years that a text names in place of those asked for, and editions that later ones replace."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.figures import contested, figure_kind, row_key, superseded


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("IB-20", "IB-12", True),
        ("E12", "E14", True),
        ("2022", "2025", True),
        ("IB-20", "E12", False),
        ("IB-20", "2025", False),
    ],
)
def test_what_could_be_mixed_up_is_of_one_kind(one: str, other: str, alike: bool) -> None:
    assert (figure_kind(one) == figure_kind(other)) is alike
    assert figure_kind(one)


@pytest.mark.parametrize("word", ["Lisbon", "20", "150", "30th", "1990s", "b2b", "12,000"])
def test_words_and_plain_numbers_are_of_no_kind(word: str) -> None:
    assert figure_kind(word) is None


@pytest.mark.parametrize(
    ("asked", "text", "context", "around", "found"),
    [
        ("E12", "E14 means that the door is open.", "", "", {"E12"}),
        ("E12", "Pull the plug.", "", "", set()),
        ("E12", "Pull the plug.", "E14 door open", "", {"E12"}),
        ("E12", "E12 and E14 go off at once.", "", "", set()),
        ("2022", "The turnover in 2025 was 5 million.", "", "", {"2022"}),
        ("2022", "It was 5 million.", "Report 2022", "", set()),
        ("2026", "The contract runs from 2025 to 2027.", "", "", set()),
        ("1914", "It ended in 1918.", "", "The war began in 1914. It ended in 1918.", set()),
        ("E12", "E14 is shown.", "", "E12 is shown. E14 is shown.", {"E12"}),
    ],
)
def test_contested(asked: str, text: str, context: str, around: str, found: set[str]) -> None:
    assert contested([asked], text, context, around) == found


@pytest.mark.parametrize(
    ("question", "old"),
    [
        ("What is the limit?", {0}),
        ("What was the limit in 2025?", {1}),
        ("What is the limit in 2027?", {0}),
        ("How has the limit changed since 2025?", set()),
    ],
)
def test_an_edition_that_a_later_one_replaces(question: str, old: set[int]) -> None:
    assert superseded(question, ["Travel policy 2025", "Travel policy 2026", "Report 2024"]) == old


@pytest.mark.parametrize(
    ("row", "key"),
    [
        ("| E12 | Leak |", "E12"),
        ("Code: R-1 | Accessory: Ramp", "R-1"),
        ("Denmark 155 190", "Denmark"),
        ("Plan\tPrice", "Plan"),
    ],
)
def test_row_key(row: str, key: str) -> None:
    assert row_key(row) == key


@given(st.lists(st.sampled_from(["2022", "E12", "IB-20"])), st.text(max_size=40), st.text(max_size=20))
def test_what_is_held_is_never_contested(asked: list[str], text: str, context: str) -> None:
    found = contested(asked, text, context)
    assert found <= set(asked)
    assert not contested(asked, f"{text} {' '.join(asked)}", context)
