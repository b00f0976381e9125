"""Where a text ends for its reader: at a stop sequence, after so many tokens, however it was cut into deltas."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.api.cutting import Cut

texts = st.text(alphabet="ab .\n", max_size=40)
pieces = st.lists(texts, max_size=12)


def words(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\S+", text)]


def run(deltas: list[str], *, stops: list[str] | None = None, longest: int | None = None) -> tuple[str, Cut]:
    cut = Cut(stops=stops or [], longest=longest, spans=words)
    return "".join([*map(cut.feed, deltas), cut.close()]), cut


@pytest.mark.parametrize(
    ("deltas", "stops", "longest", "text", "ended"),
    [
        pytest.param(["one ", "two"], [], None, "one two", None, id="no limit"),
        pytest.param(["one tw", "o three"], ["two"], None, "one ", "stop", id="a stop over two deltas"),
        pytest.param(["one two"], ["three"], None, "one two", None, id="a stop that never comes"),
        pytest.param(["one th"], ["three"], None, "one th", None, id="the beginning of a stop is text"),
        pytest.param(["a b c"], ["c", "b"], None, "a ", "stop", id="the first of several"),
        pytest.param(["aba"], ["b", "aba"], None, "a", "stop", id="the one that is whole first"),
        pytest.param(["one two"], [" "], 1, "one", "stop", id="a stop before the next word"),
        pytest.param(["one two ", "three"], [], 2, "one two", "length", id="too many words"),
        pytest.param(["one two"], [], 2, "one two", None, id="just enough words"),
        pytest.param(["on", "e tw", "o"], [], 1, "one", "length", id="a word over two deltas"),
        pytest.param(["one two three"], ["two"], 1, "one", "length", id="what comes first"),
        pytest.param([], ["x"], 1, "", None, id="nothing"),
    ],
)
def test_a_text_ends_where_it_was_asked_to(
    deltas: list[str], stops: list[str], longest: int | None, text: str, ended: str | None
) -> None:
    sent, cut = run(deltas, stops=stops, longest=longest)
    assert (sent, cut.text, cut.ended) == (text, text, ended)


@given(
    pieces,
    st.lists(st.text(alphabet="ab ", min_size=1, max_size=3), max_size=3),
    st.none() | st.integers(1, 4),
)
def test_how_a_text_was_cut_into_deltas_makes_no_difference(
    deltas: list[str], stops: list[str], longest: int | None
) -> None:
    whole, at_once = run(["".join(deltas)], stops=stops, longest=longest)
    bit_by_bit, slowly = run(list("".join(deltas)), stops=stops, longest=longest)
    assert bit_by_bit == whole
    assert slowly.ended == at_once.ended
    assert not [stop for stop in stops if stop in whole]
    assert longest is None or len(words(whole)) <= longest
