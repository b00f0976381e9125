"""Statements turned into questions: what is asked, what is accepted, and what is left alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.phrases import word_set
from chains.plain_text import as_prose
from evaluation.question_making.statements import asked_of
from evaluation.wordings import says_wording
from finetune.synthesis.wording import is_question

COMMON = frozenset({"invoices", "claim", "records", "units", "damage", "visitors", "hotels"})


def asked(statement: str, language: str = "en") -> list[tuple[str, str]]:
    return [(one.question, one.answer) for one in asked_of(statement, language, COMMON)]


@pytest.mark.parametrize(
    ("statement", "question", "answer"),
    [
        pytest.param(
            "Every accident is reported in the safety application within 24 hours.",
            "How soon is every accident reported in the safety application?",
            "within 24 hours",
            id="a term: the unit is not given away",
        ),
        pytest.param(
            "We pay it back; the deposit is paid back within ten working days of the return.",
            None,
            None,
            id="two clauses: left alone",
        ),
        pytest.param(
            "Damage is reported to the customer within five working days of the return.",
            "How soon after the return is damage reported to the customer?",
            "within five working days",
            id="what it runs from goes with the question words",
        ),
        pytest.param(
            "Office teams may work from home on up to **two days a week**, agreed with the team lead.",
            "On how many days a week may Office teams work from home?",
            "on up to two days a week",
            id="marks are left out, a rate stays with its unit",
        ),
        pytest.param(
            "You may take two days a year for the fire brigade.",
            "How many days a year may I take for the fire brigade?",
            "two days a year",
            id="who reads it asks of himself",
        ),
        pytest.param(
            "The notice period for you is one month.",
            "How long is the notice period for me?",
            "one month",
            id="you as an object",
        ),
        pytest.param(
            "A lost key costs 40 euros.", "How much does a lost key cost?", "40 euros", id="a full verb needs do"
        ),
        pytest.param(
            "Sold units have a warranty of 24 months from delivery.",
            "How long is the warranty of Sold units?",
            "of 24 months",
            id="a noun with its measure",
        ),
        pytest.param(
            "The waiver costs 8 per cent of the rent.",
            "What percentage of the rent does the waiver cost?",
            "8 per cent",
            id="a share with its whole",
        ),
        pytest.param(
            "Strandlyst may reduce the number of units without cost until 1 June.",
            "Until when may Strandlyst reduce the number of units without cost?",
            "until 1 June",
            id="a date",
        ),
        pytest.param(
            "Visitors are announced two working days ahead to Danuta Wierzba.",
            "How far ahead are visitors announced to Danuta Wierzba?",
            "two working days",
            id="ahead",
        ),
        pytest.param(
            "Claims are decided by Friederike Stolpe.",
            "By whom are claims decided?",
            "Friederike Stolpe",
            id="a name; the singular shows that the first word is none",
        ),
        pytest.param(
            "Units are stored outdoors, because propane is heavier than air.",
            "Why are units stored outdoors?",
            "because propane is heavier than air",
            id="a reason",
        ),
        pytest.param("The laboratory is kept at 23 °C.", "At what temperature is the laboratory kept?", "at 23 °C",
                     id="a temperature"),
        pytest.param("It takes two working days.", None, None, id="a pronoun names nothing"),
        pytest.param("A unit must not run for more than 30 minutes.", None, None, id="negated"),
        pytest.param("Set the temperature to OFF for two hours.", None, None, id="an order has no subject"),
        pytest.param("A repair is finished when the unit has held its set point for one hour.", None, None,
                     id="a figure in another clause"),
        pytest.param("We use first names in all five offices.", None, None, id="all five: no quantity to ask for"),
        pytest.param("High pressure switch had opened 14 times that day.", None, None, id="that day: which one?"),
        pytest.param("The rent is 5 euros", None, None, id="no whole sentence"),
    ],
)  # fmt: skip
def test_english(statement: str, question: str | None, answer: str | None) -> None:
    assert asked(statement)[:1] == ([] if question is None else [(question, answer)])


@pytest.mark.parametrize(
    ("statement", "question", "answer"),
    [
        pytest.param("Jeder Unfall muss innerhalb von 24 Stunden gemeldet werden.",
                     "Innerhalb welcher Frist muss jeder Unfall gemeldet werden?", "innerhalb von 24 Stunden",
                     id="Frist"),
        pytest.param("Die Kaution für ein Kühlgerät beträgt 250 Euro.",
                     "Wie viel beträgt die Kaution für ein Kühlgerät?", "250 Euro", id="Betrag"),
        pytest.param("Das Lager öffnet um 07:30 Uhr.", "Um wie viel Uhr öffnet das Lager?", "um 07:30 Uhr",
                     id="Uhrzeit"),
        pytest.param("Der Kühlraum wird bei 4 °C gehalten.", "Bei welcher Temperatur wird der Kühlraum gehalten?",
                     "bei 4 °C", id="Temperatur"),
        pytest.param("Es kostet 250 Euro im Jahr.", None, None, id="Pronomen"),
    ],
)  # fmt: skip
def test_german(statement: str, question: str | None, answer: str | None) -> None:
    assert asked(statement, "de") == ([] if question is None else [(question, answer)])


def test_other_languages_give_no_statements() -> None:
    assert not asked("La caution est de 250 euros par appareil.", "fr")


WORDS = st.sampled_from(
    sorted(
        word_set(
            """The we you it Ghent IB-20 deposit unit is are may must has costs takes paid reported within after until
            by for to of at up ten 24 2,500 1 8 hours days euros per cent June Marloes Tichelaar °C % a week the and if
            when because not , . ; ( ) ** “ ” : 08:30 2026 which your"""
        )
    )
)


@given(st.lists(WORDS, min_size=4, max_size=24).map(" ".join), st.sampled_from(["en", "de"]))
def test_whatever_is_asked_is_a_question_whose_answer_stands_in_the_statement(
    words: str, language: str
) -> None:
    statement = f"{words}."
    for one in asked_of(statement, language):
        assert one.question.endswith("?")
        assert is_question(one.question) or len(one.question.split()) < 4
        said = " ".join(as_prose(statement).split())
        assert one.answer in said
        assert all(says_wording(said, wording) or wording in said for wording in one.wordings[:1])
