"""Words, stems and answer types, as tables."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.lexical import answer_type, holds_type, query_terms, stem, stems, words

FAMILIES = [
    "approve approves approved approving approval approvals",
    "reimburse reimbursed reimbursement",
    "locate located location locating",
    "policy policies",
    "pay paid pays paying payment",
    "manage manager manages managed management",
    "Lisbon Lisbon's Lisbon’s",
    "begin began begun beginning",
    "café cafe",
    "U.S. US",
]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_of_words_has_one_stem(family: str) -> None:
    assert len({stem(word) for word in family.split()}) == 1


@pytest.mark.parametrize("pair", ["Paris parish", "man many", "2024 2025", "car carry", "notice notion"])
def test_other_words_keep_apart(pair: str) -> None:
    one, other = pair.split()
    assert stem(one) != stem(other)


def test_parts_of_hyphenated_words_count_as_words() -> None:
    assert {"carry-over", stem("carry"), stem("over")} <= stems("carry-over") | {"carry-over"}
    assert stem("carry") in stems("the carry-over rule")


def test_query_terms_leave_stop_words_out_and_know_names_and_numbers() -> None:
    terms = query_terms("Who may approve more than 1,500 EUR for the Lisbon office?")
    assert [(term.word, term.kind) for term in terms] == [
        ("approve", "word"),
        ("1,500", "number"),
        ("EUR", "name"),
        ("Lisbon", "name"),
        ("office", "word"),
    ]


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("Who signs the lease?", "person"),
        ("When does the lease end?", "time"),
        ("What year did it open?", "time"),
        ("How long is the notice period?", "number"),
        ("How many desks are there?", "number"),
        ("How many days do I get?", "number"),
        ("What is the price of Pro?", "number"),
        ("Where is the archive?", "place"),
        ("Which city hosts the fair?", "place"),
        ("On which date is the fire drill?", "date"),
        ("How quickly must I report it?", "time"),
        ("What is Ana's telephone number?", "number"),
        ("What does it cost to rent a desk?", "number"),
        ("How loud is the fan?", "number"),
        ("What is a desk?", "any"),
        ("Why did it close?", "any"),
    ],
)
def test_answer_type(question: str, kind: str) -> None:
    assert answer_type(question) == kind


@pytest.mark.parametrize(
    ("kind", "text", "held"),
    [
        ("person", "The lease is signed by Ana Silva.", True),
        ("person", "The lease is signed by the tenant.", False),
        ("time", "It ends on 3 May 2027.", True),
        ("time", "It ends with a walk.", False),
        ("date", "It is on 3 May.", True),
        ("date", "It is on May 3rd.", True),
        ("date", "It is on 2026-05-03.", True),
        ("date", "It is in May 2026.", False),
        ("number", "There are 40 desks.", True),
        ("number", "There are desks.", False),
        ("place", "The archive is in Porto.", True),
        ("place", "The archive is full.", False),
        ("any", "", True),
    ],
)
def test_holds_type(kind: str, text: str, held: bool) -> None:
    assert holds_type(kind, text, set()) is held  # type: ignore[arg-type]


def test_a_code_or_a_number_from_the_question_is_no_number_that_answers() -> None:
    assert not holds_type("number", "The IL-40 needs two of 400 V.", {"two", "400"})
    assert holds_type("number", "The IL-40 needs 400 V.", {"il-40"})


def test_a_name_from_the_question_is_no_answer() -> None:
    assert not holds_type("person", "the Lisbon lease", {stem("Lisbon")})


@given(st.text(max_size=60))
def test_any_text_has_terms_and_stems(text: str) -> None:
    assert all(term.stem and term.stem in stems(text) for term in query_terms(text))
    assert all(stem(stem(word)) is not None for word in text.split())


@pytest.mark.parametrize("written", ["FY2018", "FY 2018", "FY-2018", "FY18"])
def test_a_fiscal_year_is_a_year(written: str) -> None:
    assert words(f"Revenue in {written} grew") == ["Revenue", "in", "2018", "grew"]
    assert [term.word for term in query_terms(f"What was revenue in {written}?")] == ["revenue", "2018"]


@pytest.mark.parametrize("other", ["NIFY20", "FY201", "FYN18"])
def test_what_only_looks_like_one_stays(other: str) -> None:
    assert words(other) == [other]
