"""The reasoning of a reply is taken out of it, however it arrives."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chains.reasoned_reply import (
    FORMS,
    Quoted,
    ReasonedStream,
    quotes_in,
    taken_apart,
    without_quotes,
    written,
)

PARTS = st.sampled_from(
    [
        *FORMS,
        *(end for ends in FORMS.values() for end in ends),
        "<",
        "a b",
        "\n",
        "[1]",
        "##",
        "İ",
        "```",
        "\ufeff",
    ]
)
REPLIES = st.lists(PARTS, max_size=8).map("".join)

READ = [
    pytest.param("27 days [1].", None, "27 days [1].", id="an answer as it stands"),
    pytest.param("<reasoning>\nWhy.\n</reasoning>\n27 days.", "Why.", "27 days.", id="own form"),
    pytest.param("  <Reasoning>Why.</REASONING> 27.", "Why.", "27.", id="case and space"),
    pytest.param(
        "<think>\n\n</think>\n\n<reasoning>Why.</reasoning>27.", "Why.", "27.", id="an empty thought first"
    ),
    pytest.param("##Reason: Why.\n<ANSWER>: 27", "Why.", "27", id="as the paper's code"),
    pytest.param("##Reason: Why.\n##Answer: 27", "Why.", "27", id="as the paper's code, newer"),
    pytest.param("<reasoning>Why, and then", "Why, and then", "", id="cut off"),
    pytest.param("<reason", None, "<reason", id="only the beginning of a mark"),
    pytest.param(
        "See <reasoning>x</reasoning>", None, "See <reasoning>x</reasoning>", id="not at the beginning"
    ),
    pytest.param("", None, "", id="nothing"),
    pytest.param(
        "<reasoning>a<reasoning>b</reasoning>c</reasoning>x", "a<reasoning>b</reasoning>c", "x", id="nested"
    ),
    pytest.param(
        "<reasoning>a<reasoning>b</reasoning>x", "a<reasoning>b", "x", id="opened twice, ended once"
    ),
    pytest.param("<reasoning>a</reasoning>b</reasoning>x", "a\n\nb", "x", id="ended twice"),
    pytest.param("Well,\n</think>\n\n27 days.", "Well,", "27 days.", id="the prompt opened the thought"),
    pytest.param("Why.</reasoning>27 days.", "Why.", "27 days.", id="the prompt opened the reasoning"),
    pytest.param("</think>27 days.", None, "27 days.", id="an end alone"),
    pytest.param("Well</think><reasoning>Why</reasoning>27.", "Well\n\nWhy", "27.", id="both"),
    pytest.param("\ufeff<reasoning>Why.</reasoning>27.", "Why.", "27.", id="a byte order mark"),
    pytest.param("\u200b\n\xa0<think>Why.</think>27.", "Why.", "27.", id="blanks"),
    pytest.param("```\n<reasoning>Why.</reasoning>\n27.\n```", "Why.", "27.", id="all in a fence"),
    pytest.param(
        "```xml\n<reasoning>Why.</reasoning>\n```\n27.", "Why.", "27.", id="the reasoning in a fence"
    ),
    pytest.param("<think>Why.</think>```sql\nx\n```", "Why.", "```sql\nx\n```", id="the answer is code"),
    pytest.param("```sql\nSELECT 1\n```", None, "```sql\nSELECT 1\n```", id="nothing but code"),
]


@pytest.mark.parametrize(("reply", "reasoning", "answer"), READ)
def test_what_is_reasoning_and_what_is_answer(reply: str, reasoning: str | None, answer: str) -> None:
    assert taken_apart(reply) == (reasoning, answer)


def _in_pieces(reply: str, places: list[int]) -> ReasonedStream:
    stream = ReasonedStream()
    shown = ""
    for start, end in itertools.pairwise([0, *places, len(reply)]):
        before = stream.taken_back
        delta = stream.feed(reply[start:end])
        shown = delta if stream.taken_back != before else shown + delta
    before = stream.taken_back
    delta = stream.close()
    assert (delta if stream.taken_back != before else shown + delta) == stream.answer
    return stream


@given(REPLIES, st.lists(st.integers(0, 40), max_size=6))
def test_pieces_add_up_to_the_whole(reply: str, cuts: list[int]) -> None:
    stream = _in_pieces(reply, sorted({min(cut, len(reply)) for cut in cuts}))
    assert (stream.reasoning, stream.answer) == taken_apart(reply)


@given(REPLIES)
@example("```\n<reasoning>a</reasoning>x\n``` \n")
@example("a</think>b</think>c")
def test_a_cut_at_any_character_changes_nothing(reply: str) -> None:
    whole = taken_apart(reply)
    for place in range(len(reply) + 1):
        stream = _in_pieces(reply, [place])
        assert (stream.reasoning, stream.answer) == whole
    stream = _in_pieces(reply, list(range(len(reply))))
    assert (stream.reasoning, stream.answer) == whole


@given(st.lists(st.tuples(st.integers(1, 9), st.text('ab c."[]', min_size=1).filter(str.strip)), max_size=3))
def test_what_is_written_is_read_back(quotes: list[tuple[int, str]]) -> None:
    given_quotes = [Quoted(number=number, text=text.strip()) for number, text in quotes]
    reasoning, answer = taken_apart(written(given_quotes, "The others do not.", "So it is [1]."))
    assert answer == "So it is [1]."
    assert list(quotes_in(reasoning or "")) == given_quotes


STANDS = [
    pytest.param(Quoted(number=2, text="27 days"), True, id="in its passage"),
    pytest.param(Quoted(number=1, text="27 days"), False, id="in another passage"),
    pytest.param(Quoted(number=None, text="27  days"), True, id="in any, white space aside"),
    pytest.param(Quoted(number=0, text="27 days"), False, id="no passage 0"),
    pytest.param(Quoted(number=7, text="27 days"), False, id="no passage 7"),
    pytest.param(Quoted(number=2, text="28 days"), False, id="other words"),
    pytest.param(Quoted(number=2, text="  "), False, id="no words"),
]


@pytest.mark.parametrize(("quote", "stands"), STANDS)
def test_a_quote_is_held_against_its_passage(quote: Quoted, stands: bool) -> None:
    assert quote.stands_in(["Nothing.", "Leave is 27\ndays."]) is stands


def test_the_rest_of_a_reasoning_is_what_it_says_besides() -> None:
    reasoning = "[2] <quote>27 days</quote>\n[1] does not answer the question."
    assert without_quotes(reasoning) == "[1] does not answer the question."


def test_quotes_of_the_papers_code_are_read() -> None:
    assert quotes_in("It says ##begin_quote##27 days##end_quote##.") == (Quoted(number=None, text="27 days"),)
