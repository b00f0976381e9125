"""What counts as a sentence, as a table; and what holds for every text."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.sentences import sentence_spans

CASES = {
    "two sentences": ("It rains. We stay in.", ["It rains.", "We stay in."]),
    "degrees": ("It holds +12 °C. Next step: call us.", ["It holds +12 °C.", "Next step: call us."]),
    "title before a name": ("Dr. Lee met Mrs. Ito. They spoke.", ["Dr. Lee met Mrs. Ito.", "They spoke."]),
    "decimal": ("Version 2.5 costs 3.20 EUR. It is new.", ["Version 2.5 costs 3.20 EUR.", "It is new."]),
    "initials": (
        "J. R. R. Tolkien wrote it. He was English.",
        ["J. R. R. Tolkien wrote it.", "He was English."],
    ),
    "clock time at the end": (
        "We close at 5 p.m. The door locks.",
        ["We close at 5 p.m.", "The door locks."],
    ),
    "clock time inside": ("We close at 5 p.m. on Fridays.", ["We close at 5 p.m. on Fridays."]),
    "acronym inside": ("The U.S. Army came.", ["The U.S. Army came."]),
    "acronym at the end": ("He moved to the U.S. He liked it.", ["He moved to the U.S.", "He liked it."]),
    "example": ("Use a card, e.g. Visa. Cash is out.", ["Use a card, e.g. Visa.", "Cash is out."]),
    "company": ("Acme Inc. Lisbon pays. Good.", ["Acme Inc. Lisbon pays.", "Good."]),
    "number sign": ("See No. 5 and Art. 12. Then sign.", ["See No. 5 and Art. 12.", "Then sign."]),
    "answer no": ("Is it free? No. You pay.", ["Is it free?", "No.", "You pay."]),
    "quote then lower case": ('"Why?" she asked. I left.', ['"Why?" she asked.', "I left."]),
    "quote closes": ('He said "Stop." Then he ran.', ['He said "Stop."', "Then he ran."]),
    "bracket closes": ("It works (mostly.) Try it.", ["It works (mostly.)", "Try it."]),
    "ellipsis inside": ("Well... maybe not. Yes.", ["Well... maybe not.", "Yes."]),
    "digit starts": ("It ended. 12 people came.", ["It ended.", "12 people came."]),
    "list": (
        "Bring:\n- a passport\n- two photos\n1. Sign. Then wait.",
        ["Bring:", "- a passport", "- two photos", "1. Sign.", "Then wait."],
    ),
    "section number": ("2.1. Scope of this policy", ["2.1. Scope of this policy"]),
    "heading then text": ("Leave\nYou get 25 days.", ["Leave", "You get 25 days."]),
    "markdown heading": ("# Leave\nyou get 25 days", ["# Leave", "you get 25 days"]),
    "table rows": ("Plan | Price\nBasic | 5\nPro | 9", ["Plan | Price", "Basic | 5", "Pro | 9"]),
    "wrapped, lower case": (
        "The fee is\npaid yearly. It\nis small.",
        ["The fee is\npaid yearly.", "It\nis small."],
    ),
    "wrapped, capital": (
        "Our office for the whole of the Iberian peninsula stands in the city of\n"
        "Lisbon and opens at nine. It has a lift and a garden, and a kitchen with\n"
        "Italian coffee.",
        [
            "Our office for the whole of the Iberian peninsula stands in the city of\n"
            "Lisbon and opens at nine.",
            "It has a lift and a garden, and a kitchen with\nItalian coffee.",
        ],
    ),
    "sentences in a cell": ("E12 | Leak. Pull the plug. | At once", ["E12 | Leak. Pull the plug. | At once"]),
    "fields of a record": ("model: ID-12\nnoise: 51", ["model: ID-12", "noise: 51"]),
    "colon in wrapped prose": ("The rule is as\nfollows: stay.", ["The rule is as\nfollows: stay."]),
    "wrapped, open end": (
        "1. Shorter delay.\n   It is now 20 minutes, instead of\n   30 minutes in 4.1.",
        ["1. Shorter delay.", "It is now 20 minutes, instead of\n   30 minutes in 4.1."],
    ),
    "lines of a table": (
        "Office First aiders Assembly point\n"
        "Deventer Gerben Kuipers and Femke Oldenhof, six others bicycle shed at Gate 1\n"
        "Leipzig Mehmet Yalcin weighbridge\nGhent Wout Vercammen tram stop",
        [
            "Office First aiders Assembly point",
            "Deventer Gerben Kuipers and Femke Oldenhof, six others bicycle shed at Gate 1",
            "Leipzig Mehmet Yalcin weighbridge",
            "Ghent Wout Vercammen tram stop",
        ],
    ),
    "short lines stay apart": (
        "Ana Silva\nHead of Finance\nLisbon",
        ["Ana Silva", "Head of Finance", "Lisbon"],
    ),
    "blank line": ("no stop\n\nnext one", ["no stop", "next one"]),
    "carriage returns": ("One.\r\n\r\nTwo is\r\nhere.", ["One.", "Two is\r\nhere."]),
    "full-width": ("会議は三時です。場所は東京。", ["会議は三時です。", "場所は東京。"]),
    "German": ("Das kostet ca. 5 Euro, z.B. bar. Danke.", ["Das kostet ca. 5 Euro, z.B. bar.", "Danke."]),
    "blank": (" \n\t ", []),
}


@pytest.mark.parametrize(("text", "sentences"), CASES.values(), ids=CASES.keys())
def test_sentences(text: str, sentences: list[str]) -> None:
    assert [text[start:end] for start, end in sentence_spans(text)] == sentences


@given(st.text(st.sampled_from(list("aB1 .!?\n\r\t\"')|-。é\u2028\x1c")) | st.characters(), max_size=300))
def test_spans_are_trimmed_ordered_and_hold_every_character(text: str) -> None:
    spans = sentence_spans(text)
    assert all(text[start:end] == text[start:end].strip() != "" for start, end in spans)
    assert all(one[1] <= two[0] for one, two in pairwise(spans))
    covered = {position for start, end in spans for position in range(start, end)}
    assert all(position in covered for position, char in enumerate(text) if not char.isspace())


def test_long_runs_of_marks_take_linear_time() -> None:
    """Each of these took minutes with a pattern that may restart inside the run."""
    for text in ("." * 300_000, ".)" * 150_000, "a\n" * 150_000, "1." * 150_000, "word " * 60_000):
        assert sentence_spans(text)
