"""Word search: by the beginning of words, without regard to case and accents, in any script."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.records.conversations import Conversations
from app.records.words import patterns, snippet, words_of
from tests.records.conftest import ME, answer, asked

TEXT = "How often must the Gerät be calibrated? Café-Kühlung: 2–8 °C, ÜBERPRÜFUNG jährlich."


@pytest.mark.parametrize(
    ("query", "is_found"),
    [
        ("calib", True),
        ("CALIBRATED gerat", True),
        ("kuhlung cafe", True),
        ("überprüfung", True),
        ("u\u0308berpru\u0308fung", True),  # typed as letter and accent
        ("2 8 C", True),
        ("librated", False),  # no beginning of a word
        ("calibrated never", False),
        ("", False),
        ("?!", False),
        ("%", False),
        ("_", False),
    ],
)
def test_all_words_of_the_query_must_begin_a_word(talks: Conversations, query: str, is_found: bool) -> None:
    asked(talks, ME, TEXT)
    assert bool(talks.search(ME, query)) == is_found


@pytest.mark.parametrize(
    ("text", "query"),
    [
        ("年次有給休暇は二十七日です", "休暇"),
        ("การลาพักร้อนประจำปี", "พักร้อน"),
        ("연차휴가는 27일입니다", "연차"),
        ("Ежегодный отпуск — 27 дней", "ОТПУСК"),
        ("Straße", "strasse"),
        ("ﬁnance", "finance"),
    ],
)
def test_scripts_are_searched_as_they_are_written(talks: Conversations, text: str, query: str) -> None:
    asked(talks, ME, text)
    assert [one.title for one in talks.search(ME, query)] == [text]


def test_questions_latest_answers_and_names_are_searched_together(talks: Conversations) -> None:
    exchange = asked(talks, ME, "How many days?")[0]
    fresh = talks.regenerate(ME, exchange.exchange_id, mode="rag")
    talks.finish(ME, fresh.latest.answer_id, answer("Twenty-seven [1]."))
    talks.rename(ME, exchange.conversation_id, "Holiday matters")
    assert [one.exchange_id for one in talks.search(ME, "days twenty holiday")] == [exchange.exchange_id]
    assert talks.search(ME, "answer") == (), "the earlier answer is not shown, so not found"


def test_the_latest_come_first_and_no_more_than_asked_for(talks: Conversations) -> None:
    asked(talks, ME, "days one", "days two", "days three")
    shown = ["".join(text for text, _ in one.snippet) for one in talks.search(ME, "days", limit=2)]
    assert shown == ["days three", "days two"]


def test_the_snippet_shows_where_the_words_stand(talks: Conversations) -> None:
    exchange = asked(talks, ME, "What is paid?")[0]
    fresh = talks.regenerate(ME, exchange.exchange_id, mode="rag")
    talks.finish(
        ME, fresh.latest.answer_id, answer("Filler. " * 40 + "Hotels in Lisbon\nare paid. " + "More. " * 40)
    )
    found = talks.search(ME, "lisb hotel")[0].snippet
    assert [text for text, meant in found if meant] == ["Hotels", "Lisbon"]
    whole = "".join(text for text, _ in found)
    assert "Hotels in Lisbon are paid." in whole
    assert whole.startswith("…")
    assert whole.endswith("…")


@given(st.text(max_size=300), st.text(max_size=12))
def test_a_snippet_is_a_part_of_its_text_and_marks_only_words_asked_for(text: str, query: str) -> None:
    pieces = snippet(text, query)
    flat = " ".join(unicodedata.normalize("NFC", text).split())
    assert "".join(one for one, _ in pieces).strip("…") in flat or not flat.strip("…")
    for one, meant in pieces:
        if meant:
            assert any(pattern.strip("%") in words_of(one) for pattern in patterns(query))


@given(st.text(max_size=60))
def test_every_word_of_a_text_finds_it(text: str) -> None:
    stored = words_of(text)
    assert all(pattern.strip("%") in stored for pattern in patterns(text))
    assert not set("%_\\") & set(stored)
