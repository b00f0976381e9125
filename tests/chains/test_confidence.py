"""Confidence as a specification: what raises it, what lowers it, and the sentences that say why."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains import confidence as module
from chains.answer import Question
from chains.confidence import ABSTAIN_BELOW, SIGNALS, assess, calibration, confidence, signals
from loaders.location import Location
from loaders.passage import Passage, Scores
from local.reader import EvidenceSentence, Reading

SURE = {
    "best_score": 2.4,
    "best_cosine": 0.75,
    "top_cosine": 0.75,
    "best_coverage": 0.9,
    "evidence_coverage": 1.0,
    "passage_coverage": 1.0,
    "coverage": 1.0,
    "margin": 0.6,
    "names_missing": 0.0,
    "names_missing_in_best": 0.0,
    "contested": 0.0,
    "date_missing": 0.0,
    "type_asked": 1.0,
    "type_missing": 0.0,
    "terms": 4.0,
}
LOST = SURE | {
    "best_cosine": 0.15,
    "top_cosine": 0.15,
    "best_coverage": 0.1,
    "passage_coverage": 0.2,
    "coverage": 0.3,
    "margin": 0.02,
    "names_missing": 0.5,
    "type_missing": 1.0,
}
SENTENCE = EvidenceSentence(passage_index=0, start=0, end=4, text="Text", score=1.0)
QUESTION = Question(text="How many desks are in the Zurich office?")


def passage(cosine: float | None, *, dense_rank: int | None = 1, keyword_rank: int | None = 1) -> Passage:
    scores = Scores(fused=1.0, cosine=cosine, dense_rank=dense_rank, bm25=3.0, keyword_rank=keyword_rank)
    return Passage(
        chunk_id="c",
        document_id="d",
        document_name="d",
        text="Text",
        start=0,
        end=4,
        location=Location(),
        score=1.0,
        scores=scores,
    )


def reading(found: dict[str, float], **change: object) -> Reading:
    base = Reading(sentences=(SENTENCE,), signals=found, covered=("desks", "office"))
    return replace(base, **change)  # type: ignore[arg-type]


def test_a_well_covered_question_is_answered_with_high_confidence() -> None:
    found = assess(QUESTION, [passage(0.7)], reading(SURE))
    assert found.level == "high"
    assert found.value >= 0.7


def test_a_question_on_another_subject_is_refused() -> None:
    found = assess(QUESTION, [passage(0.1, keyword_rank=None)], reading(LOST, missing_names=("Zurich",)))
    assert found.level == "low"
    assert found.value < ABSTAIN_BELOW / 2


@pytest.mark.parametrize(
    ("signal", "worse"),
    [("top_cosine", 0.2), ("best_coverage", 0.2), ("names_missing", 0.5), ("margin", 0.0)],
)
def test_each_of_these_alone_lowers_it(signal: str, worse: float) -> None:
    known = signals([passage(0.7)], reading(SURE))
    assert confidence(known | {signal: worse}) < confidence(known)


@pytest.mark.parametrize("doubt", ["contested", "date_missing", "form_missing"])
def test_a_doubt_halves_it(doubt: str) -> None:
    known = signals([passage(0.7)], reading(SURE))
    assert confidence(known | {doubt: 1.0}) == confidence(known) / 2


def test_another_year_than_the_one_asked_for_is_told_first() -> None:
    found = assess(QUESTION, [passage(0.7)], reading(SURE | {"contested": 1.0}, contested=("2022",)))
    assert found.reasons[0] == "What comes nearest speaks of others of their kind, not of '2022'."


def test_nothing_found_and_nothing_quotable_are_zero() -> None:
    nothing = assess(QUESTION, [], reading(LOST, sentences=()))
    assert (nothing.value, nothing.reasons) == (0.0, ("No passage was found.",))
    unquotable = assess(QUESTION, [passage(0.9)], reading(SURE, sentences=()))
    assert (unquotable.value, unquotable.level) == (0.0, "low")


def test_the_reasons_say_what_speaks_against_the_answer_first() -> None:
    found = assess(
        QUESTION,
        [passage(0.5)],
        reading(LOST, missing=("Zurich", "parrots", "swans"), missing_names=("Zurich",)),
    )
    assert found.reasons == (
        "No passage mentions 'Zurich'.",
        "The best sentence holds no number, which the question asks for.",
        "The evidence covers 2 of 4 key words of the question.",
        "No passage holds 'parrots' or 'swans'.",
        "The best sentence is far from the question in meaning (cosine 0.15).",
        "The search by meaning and the search by words rank the same passage first.",
    )


def test_a_store_without_cosines_still_gives_one() -> None:
    assert signals([passage(None)], reading(SURE))["passage_cosine"] == SURE["top_cosine"]


@given(st.fixed_dictionaries({name: st.floats(-1, 1) for name in SIGNALS}))
def test_any_signals_give_a_probability(known: dict[str, float]) -> None:
    value = confidence(known)
    assert 0.0 <= value <= 1.0
    assert math.isfinite(value)


def test_the_shipped_fit_is_whole_and_says_how_it_was_made() -> None:
    data = json.loads(Path(module.__file__).with_suffix(".json").read_text("utf-8"))
    assert set(data["weights"]) == set(SIGNALS) == set(calibration().weights)
    assert 0.05 < ABSTAIN_BELOW < 0.5
    assert data["made_with"].startswith("benchmarks/fit_confidence.py")
    assert data["held_out"]["auroc_outside"] >= 0.98
    assert data["held_out"]["auroc_adversarial"] >= 0.6
