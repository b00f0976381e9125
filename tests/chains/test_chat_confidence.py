"""Confidence in a written answer: what raises it, what lowers it, and the sentences that say why."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.answer import CheckedClaim, Confidence
from chains.chat_confidence import (
    REPLY_SIGNALS,
    SHIPPED,
    agreement,
    assess_reply,
    doubt_of_reply,
    reply_calibration,
    signals_of,
)
from chains.confidence import HIGH, MEDIUM

SURE = Confidence(value=0.9, level="high", reasons=("The passages fit.",), signals={"best_cosine": 0.8})
QUESTION = "How many days of leave do staff have?"


def claim(verdict: str = "supported", score: float = 0.9) -> CheckedClaim:
    markers = () if verdict == "uncited" else (1,)
    return CheckedClaim(start=0, end=4, text="Text", markers=markers, score=score, verdict=verdict)  # type: ignore[arg-type]


GOOD = (claim(), claim())


def value(**change: object) -> float:
    facts: dict[str, object] = {"embedded": SURE, "claims": GOOD, "agreement": 1.0}
    return assess_reply(**(facts | change)).value  # type: ignore[arg-type]


def test_a_cited_supported_answer_that_agrees_is_believed() -> None:
    found = assess_reply(SURE, GOOD, agreement=1.0)
    assert found.level == "high"
    assert found.reasons == (
        "2 of 2 statements are supported by the passages they cite.",
        "It says what the best matching sentences say.",
        "The passages fit.",
    )


@pytest.mark.parametrize(
    "worse",
    [
        {"embedded": replace(SURE, value=0.1)},
        {"claims": (claim(), claim("unsupported", 0.2))},
        {"claims": (claim("uncited", 0.0),)},
        {"claims": ()},
        {"agreement": 0.0},
        {"consistency": 0.3},
    ],
    ids=str,
)
def test_each_of_these_alone_lowers_it(worse: dict[str, object]) -> None:
    assert value(**worse) < value()


def test_an_unknown_source_never_raises_it_and_is_told() -> None:
    found = assess_reply(SURE, GOOD, agreement=1.0, unknown_source=True)
    assert found.value <= value()
    assert "The model cited a source that it was not given; it is shown as [?]." in found.reasons


@given(
    st.floats(0, 1),
    st.lists(
        st.tuples(st.sampled_from(["supported", "unsupported", "uncited"]), st.floats(0, 1)), max_size=5
    ),
    st.none() | st.floats(0, 1),
    st.none() | st.floats(0, 1),
    st.booleans(),
)
def test_any_answer_gets_a_probability_that_doubts_only_lower(
    embedded: float,
    verdicts: list[tuple[str, float]],
    agreed: float | None,
    consistency: float | None,
    unknown: bool,
) -> None:
    claims = [claim(*one) for one in verdicts]
    base = replace(SURE, value=embedded)
    plain = assess_reply(base, claims, agreement=agreed)
    found = assess_reply(base, claims, agreement=agreed, consistency=consistency, unknown_source=unknown)
    assert 0.0 <= found.value <= plain.value <= 1.0


@pytest.mark.parametrize(
    ("text", "sentence", "share"),
    [
        ("30 days [1].", "Full-time staff have 30 days of leave.", 1.0),
        ("Staff have 25 days of leave [1].", "Full-time staff have 30 days of leave.", 0.0),
        ("Trains are second class [2].", "Full-time staff have 30 days of leave.", 0.0),
        (
            "30 days, booked online [1].",
            "Full-time staff have 30 days of leave.",
            0.5,
        ),  # 30 (2) of 30, book, onlin
        ("They have some [1].", "", None),
        ("Staff have days of leave.", "Full-time staff have 30 days of leave.", None),
    ],
)
def test_agreement_counts_what_goes_beyond_the_question(
    text: str, sentence: str, share: float | None
) -> None:
    found = agreement(text, QUESTION, [sentence] if sentence else [])
    assert found == (None if share is None else pytest.approx(share))


def test_what_nobody_compared_lies_between_agreeing_and_not() -> None:
    assert value(agreement=0.0) < value(agreement=None) < value(agreement=1.0)


def test_its_signals_can_be_read_back_for_a_fit() -> None:
    found = assess_reply(SURE, GOOD, agreement=0.75, consistency=0.5)
    known = signals_of(found)
    assert set(known) == set(REPLY_SIGNALS)
    assert reply_calibration().value(known, factor=doubt_of_reply(found)) == pytest.approx(found.value)
    assert signals_of(SURE) == {}


def test_a_fit_of_its_own_is_used_and_its_notice_told() -> None:
    own = replace(reply_calibration(), intercept=-2.0, notice="The file is broken.")
    found = assess_reply(SURE, GOOD, agreement=1.0, fit=own)
    assert found.value < value()
    assert found.reasons[-1] == "The file is broken."


def test_the_shipped_fit_is_whole_and_says_that_it_is_of_a_simulation() -> None:
    data = json.loads(SHIPPED.read_text("utf-8"))
    assert set(data["weights"]) == set(REPLY_SIGNALS)
    assert data["made_with"].startswith("benchmarks/fit_chat_confidence.py")
    assert "simulated" in data["made_with"]
    assert data["held_out"]["auroc"] > data["held_out"]["peer_auroc"]


@pytest.mark.parametrize(
    ("verdicts", "least", "most"),
    [
        (("supported", "supported"), HIGH, 1.0),
        (("supported", "supported", "uncited"), 0.0, HIGH),
        (("supported", "supported", "supported", "unsupported"), 0.0, MEDIUM),
    ],
)
def test_one_statement_without_support_keeps_an_answer_from_being_sure(
    verdicts: tuple[str, ...], least: float, most: float
) -> None:
    sure = Confidence(value=0.999, level="high", reasons=())
    value = assess_reply(sure, [claim(verdict, 0.99) for verdict in verdicts], agreement=1.0).value
    assert least <= value < most
