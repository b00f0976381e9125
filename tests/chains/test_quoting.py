"""The embedded answer is the documents' own sentences: exact, in a readable order, each once."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.answer import Passage
from chains.citations import markers_in
from chains.quoting import quote, shown
from local.sentences import sentence_spans
from tests.chains.conftest import passage


@dataclass(frozen=True)
class Chosen:
    passage_index: int
    start: int
    end: int
    score: float
    header: tuple[int, int] | None = None


def chosen(passages: list[Passage], *picks: tuple[int, str, float]) -> list[Chosen]:
    found = []
    for index, text, score in picks:
        start = passages[index].text.index(text)
        found.append(Chosen(index, start, start + len(text), score))
    return found


LEAVE = passage("leave", "Staff have 30 days. Five days carry over.")
TRAVEL = passage("travel", "Trains go second class. Flights need approval.")
TEXTS = {"leave": LEAVE.text, "travel": TRAVEL.text}


def test_the_best_sentence_comes_first_then_its_document_then_others() -> None:
    picks = chosen(
        [TRAVEL, LEAVE],
        (0, "Trains go second class.", 1.0),
        (1, "Five days carry over.", 3.0),
        (1, "Staff have 30 days.", 2.0),
    )
    pieces, citations = quote(picks, [TRAVEL, LEAVE], TEXTS.__getitem__)
    assert "".join(pieces) == "Five days carry over. [1] Staff have 30 days. [2] Trains go second class. [3]"
    assert [citation.marker for citation in citations] == [1, 2, 3]
    assert all(citation.verified for citation in citations)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("The lift is old. It holds 8 people.", "The lift is old. [1] It holds 8 people. [2]"),
        ("The lift is old. Lifts hold 8 people.", "Lifts hold 8 people. [1] The lift is old. [2]"),
        (
            "The lift is old. Nobody knows why. It holds 8 people.",
            "It holds 8 people. [1] The lift is old. [2]",
        ),
    ],
    ids=["leans on the sentence before", "stands by itself", "leans on one that is not quoted"],
)
def test_a_sentence_that_leans_on_the_one_before_follows_it(text: str, answer: str) -> None:
    one = passage("lift", text)
    first, *_, last = [text[slice(*span)] for span in sentence_spans(text)]
    pieces, _ = quote(chosen([one], (0, first, 1.0), (0, last, 2.0)), [one], lambda _: text)
    assert "".join(pieces) == answer


def test_a_sentence_in_two_overlapping_passages_is_quoted_once() -> None:
    whole = "Staff have 30 days. Five days carry over."
    later = passage("leave", whole[20:], start=20, of=whole)
    picks = chosen([LEAVE, later], (0, "Five days carry over.", 2.0), (1, "Five days carry over.", 1.9))
    _, citations = quote(picks, [LEAVE, later], TEXTS.__getitem__)
    assert [(citation.start, citation.end) for citation in citations] == [(20, 41)]


def test_the_best_document_leads_whatever_it_is_called() -> None:
    picks = chosen([LEAVE, TRAVEL], (0, "Staff have 30 days.", 1.0), (1, "Trains go second class.", 2.0))
    _, citations = quote(picks, [LEAVE, TRAVEL], TEXTS.__getitem__)
    assert [citation.document_id for citation in citations] == ["travel", "leave"]


def test_of_two_overlapping_sentences_the_better_is_quoted() -> None:
    whole = "Staff have 30 days. Five days carry over."
    cut = passage("leave", whole[25:], start=25, of=whole)
    picks = chosen([LEAVE, cut], (0, "Five days carry over.", 2.0), (1, "days carry over.", 1.0))
    _, citations = quote(picks, [LEAVE, cut], TEXTS.__getitem__)
    assert [citation.quote for citation in citations] == ["Five days carry over."]


def test_table_rows_stand_on_their_own_lines() -> None:
    table = passage("prices", "Basic | 10 EUR\nPlus | 20 EUR")
    picks = chosen([table], (0, "Basic | 10 EUR", 2.0), (0, "Plus | 20 EUR", 1.0))
    pieces, _ = quote(picks, [table], lambda _: table.text)
    assert "".join(pieces) == "Basic; 10 EUR. [1]\n\nPlus; 20 EUR. [2]"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            "| Plan | Price |\n|---|---|\n| **Basic** | 10 EUR |\n| Plus | 20 EUR |",
            "Plan: Basic; Price: 10 EUR. [1][2]\n\nPlan: Plus; Price: 20 EUR. [3][2]",
        ),
        (
            "Plan Price a month\nBasic 10\nPlus 20",
            "Plan Price a month: Basic 10. [1][2]\n\nPlan Price a month: Plus 20. [3][2]",
        ),
    ],
    ids=["cells", "a PDF's lines"],
)
def test_a_row_is_shown_with_its_header_which_is_cited_once(text: str, answer: str) -> None:
    table = passage("prices", text)
    header, *rows = [line for line in text.split("\n") if "---" not in line]
    evidence = [
        Chosen(0, text.index(row), text.index(row) + len(row), 1.0, header=(0, len(header))) for row in rows
    ]
    pieces, citations = quote(evidence, [table], lambda _: text)
    assert "".join(pieces) == answer
    assert [citation.quote for citation in citations] == [rows[0], header, rows[1]]
    assert all(text[citation.start : citation.end] == citation.quote for citation in citations)


@pytest.mark.parametrize(
    ("quoted", "answer"),
    [
        ("- Full-time staff have **27 days**.", "Full-time staff have 27 days."),
        ("3. Do `reset` *twice*, then __wait__.", "Do reset twice, then wait."),
        ("Bring:\n- your passport\n- two photos", "Bring: your passport; two photos."),
        ("The fee is\n> > paid yearly.", "The fee is paid yearly."),
        ("Code: R-1 | Rent per week (EUR): 18 |", "Code: R-1; Rent per week (EUR): 18."),
        ("model: ID-12\nnoise: 51", "model: ID-12; noise: 51."),
        ("It holds *for now.", "It holds *for now."),
        ("**Stop.", "Stop."),
        ("a snake_case_name and 2 * 3 ** 4", "a snake_case_name and 2 * 3 ** 4"),
    ],
)
def test_marks_of_form_are_not_shown(quoted: str, answer: str) -> None:
    assert shown(quoted) == answer


@given(st.text(st.sampled_from(list("ab1*_`|[](:-# \n>")), max_size=40), st.sampled_from(["", "| a | b |"]))
def test_no_text_is_shown_as_a_link_or_a_marker(quoted: str, header: str) -> None:
    found = shown(quoted, header)
    assert "](" not in found
    assert "]:" not in found
    assert not markers_in(found)
    if not header and not any(line.strip()[:1].isdigit() for line in quoted.splitlines()):
        assert "".join(filter(str.isalpha, found)) == "".join(filter(str.isalpha, quoted))


def test_a_poisoned_sentence_is_shown_without_its_image_and_quoted_to_the_letter() -> None:
    poisoned = passage("mail", "See ![x](/track?me) and note [3] first.")
    picks = chosen([poisoned], (0, poisoned.text, 1.0))
    pieces, citations = quote(picks, [poisoned], lambda _: poisoned.text)
    assert "".join(pieces) == "See ![x] (/track?me) and note (3) first. [1]"
    assert citations[0].quote == poisoned.text


def test_ordinary_sentences_are_shown_word_for_word() -> None:
    for text in (
        "The fee is 5 % (net).",
        "Write to help@example.org or see https://help.example/x.",
        "a < b",
    ):
        assert shown(text) == text


@given(st.data())
def test_every_citation_is_exactly_its_span(data: st.DataObject) -> None:
    sentences = st.lists(
        st.sampled_from(
            ["Änderung am 3.4. gilt.", "Ja!", "A – b?", "Row | 1", "Nine 🙂 days.", "One [2] two."]
        ),
        min_size=1,
        max_size=6,
    )
    texts = {
        f"d{n}": data.draw(st.sampled_from([" ", "\n", "\n\n"])).join(data.draw(sentences)) for n in range(3)
    }
    passages = []
    for name, text in texts.items():
        start = data.draw(st.integers(0, len(text) - 1))
        passages.append(passage(name, text[start:], start=start, of=text))
    spans = [(i, *span) for i, part in enumerate(passages) for span in sentence_spans(part.text)]
    picks = data.draw(st.lists(st.sampled_from(spans), min_size=1, max_size=5)) if spans else []
    evidence = [Chosen(index, start, end, data.draw(st.floats(0, 3))) for index, start, end in picks]
    pieces, citations = quote(evidence, passages, texts.__getitem__)
    assert [citation.marker for citation in citations] == list(range(1, len(citations) + 1))
    assert markers_in("".join(pieces)) == [citation.marker for citation in citations]
    for citation in citations:
        assert texts[citation.document_id][citation.start : citation.end] == citation.quote
        assert citation.verified
        assert shown(citation.quote) in "".join(pieces)
    taken = [(c.document_id, place) for c in citations for place in range(c.start, c.end)]
    assert len(taken) == len(set(taken)), "no character is quoted twice"
