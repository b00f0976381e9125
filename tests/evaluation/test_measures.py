"""What is measured beside right and wrong: refusing, confidence, why answers fail, tags, faithfulness; for a gate."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chains.answer import Answer, CheckedClaim
from evaluation.abstention import refusals_of
from evaluation.calibration import confidence_of
from evaluation.failures import HINTS, KINDS, failures_of, kind_of
from evaluation.faithfulness import faithfulness
from evaluation.gate import check, parsed
from evaluation.measures import NAMES, measures_of
from evaluation.outcomes import Outcome
from evaluation.reports.tables import NOTHING, confidence_rows, refusal_rows, tag_rows
from evaluation.summary import summarise
from tests.evaluation.made import answer, citation, outcome, passage, question

# --- refusing -------------------------------------------------------------------------------------


def test_every_cell_of_refusing_is_counted() -> None:
    verdicts = ["right"] * 5 + ["wrong"] * 2 + ["missed"] * 3 + ["error"]
    asked = [question(f"a{at}") for at in range(11)] + [
        question(f"u{at}", answerable=False) for at in range(4)
    ]
    given_ = [outcome(one.id, verdict=verdict) for one, verdict in zip(asked, verdicts, strict=False)]  # type: ignore[arg-type]
    given_ += [outcome("u0", verdict="rightly refused")]
    given_ += [outcome(f"u{at}", verdict="wrong") for at in (1, 2)] + [outcome("u3", verdict="error")]
    found = refusals_of(asked, given_)
    assert (found.answered_right, found.answered_wrong, found.missed, found.errors) == (5, 2, 3, 2)
    assert (found.rightly_refused, found.wrongly_answered) == (1, 2)
    assert found.precision is not None
    assert found.recall is not None
    assert (found.precision.value, found.precision.n) == (0.25, 4)  # one of four refusals
    assert (found.recall.value, found.recall.n) == (0.25, 4)  # one of four unanswerable, the error among them


@given(
    st.lists(
        st.tuples(st.booleans(), st.sampled_from(["answer right", "answer", "refuse", "error"])), min_size=1
    )
)
@settings(max_examples=40, deadline=None)
def test_the_cells_of_refusing_are_all_questions(rows: list[tuple[bool, str]]) -> None:
    asked = [question(f"q{at}", answerable=answerable) for at, (answerable, _) in enumerate(rows)]
    given_ = [outcome(f"q{at}", verdict=_verdict(*row)) for at, row in enumerate(rows)]
    found = refusals_of(asked, given_)
    cells = (found.answered_right, found.answered_wrong, found.rightly_refused, found.wrongly_answered)
    assert sum(cells) + found.missed + found.errors == len(rows)
    assert (found.recall is None) is all(answerable for answerable, _ in rows)


def _verdict(answerable: bool, did: str) -> Any:
    if did == "error":
        return "error"
    if did == "refuse":
        return "missed" if answerable else "rightly refused"
    return "right" if answerable and did == "answer right" else "wrong"


# --- confidence -----------------------------------------------------------------------------------


def sure(values: Sequence[float], rights: Sequence[bool]) -> list[Outcome]:
    return [
        outcome(f"q{at}", verdict="right" if right else "wrong", confidence=value)
        for at, (value, right) in enumerate(zip(values, rights, strict=True))
    ]


def test_errors_against_coverage_by_hand() -> None:
    """Four answers and a refusal: right, right, wrong, right, from the surest down."""
    given_ = [*sure([0.9, 0.8, 0.7, 0.6], [True, True, False, True]), outcome("r", verdict="missed")]
    found = confidence_of(given_)
    assert found is not None
    assert [(one.coverage, one.error) for one in found.curve] == [
        (0.2, 0.0), (0.4, 0.0), (pytest.approx(0.6), pytest.approx(1 / 3)), (0.8, 0.25),
    ]  # fmt: skip
    assert found.aurc == pytest.approx((0 + 0 + 1 / 3 + 1 / 4) / 4)
    assert found.aurc_best == pytest.approx((1 / 4) / 4)  # the wrong one last
    assert found.aurc_chance == 0.25
    assert found.coverage_at == {"5": 0.4, "10": 0.4, "20": 0.4}
    assert confidence_of([*sure([0.9, 0.8, 0.7, 0.6], [True, True, True, False])]).coverage_at["20"] == 0.75  # type: ignore[union-attr]
    assert found.calibration_error is None  # of four answers nothing can be told


PAIRS = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60)


@given(PAIRS)
@settings(max_examples=60, deadline=None)
def test_what_holds_of_every_confidence(pairs: list[tuple[float, bool]]) -> None:
    found = confidence_of(sure([value for value, _ in pairs], [right for _, right in pairs]))
    assert found is not None
    assert found.aurc_best - 1e-9 <= found.aurc <= 1
    assert found.aurc_best <= found.aurc_chance + 1e-9
    shares = [found.coverage_at[name] for name in ("5", "10", "20")]
    assert shares == sorted(shares)
    assert [one.coverage for one in found.curve] == sorted(one.coverage for one in found.curve)
    assert found.curve[-1].coverage == pytest.approx(1.0)
    assert found.curve[-1].error == pytest.approx(found.aurc_chance)
    assert len(found.curve) <= 100


def test_a_confidence_that_means_what_it_says_has_hardly_an_error() -> None:
    random = np.random.default_rng(2)
    values = random.random(4000)
    honest = confidence_of(sure(list(values), list(random.random(4000) < values)))
    boasting = confidence_of(sure(list(np.sqrt(values)), list(random.random(4000) < values)))
    assert honest is not None
    assert boasting is not None
    assert honest.calibration_error < 0.03 < 0.1 < boasting.calibration_error  # type: ignore[operator]
    assert honest.brier == pytest.approx(1 / 6, abs=0.02)  # the integral of p (1 - p)


def test_without_a_confidence_there_is_nothing_to_tell() -> None:
    assert confidence_of([outcome("a", confidence=None), outcome("b", verdict="missed")]) is None
    summary = summarise([question("a")], [outcome("a", "base", confidence=None)], ["base"])
    assert len(list(confidence_rows(summary))) == 1


# --- why answers fail -----------------------------------------------------------------------------

TAUGHT = {"taught": [{"question": "x"}], "citations": []}
EUROS = question(answers=("120 euros",), reference="It is 120 euros a week.")


@pytest.mark.parametrize(
    ("asked", "given_", "kind"),
    [
        pytest.param(question(), outcome("q1"), None, id="right"),
        pytest.param(question(answerable=False), outcome("q1", verdict="wrong"), KINDS[0], id="should have refused"),
        pytest.param(question(), outcome("q1", verdict="missed", scores={"passage_recall": 0.0}),
                     "not found: refused", id="refused, nothing found"),
        pytest.param(question(), outcome("q1", verdict="missed", scores={"passage_recall": 1.0}),
                     "found, but refused", id="refused in the face of it"),
        pytest.param(question(), outcome("q1", verdict="missed"), "refused, though there is an answer", id="refused"),
        pytest.param(EUROS, outcome("q1", verdict="wrong", text="It is 130 euros.", answer=TAUGHT),
                     "as taught, but another figure is right (stale or of something else)", id="stale"),
        pytest.param(EUROS, outcome("q1", verdict="wrong", text="We deliver.", answer=TAUGHT),
                     "another answer that was taught", id="taught of something else"),
        pytest.param(EUROS, outcome("q1", verdict="wrong", text="It is 130 euros.", scores={"passage_recall": 1.0}),
                     "wrong figure", id="another figure"),
        pytest.param(EUROS, outcome("q1", verdict="wrong", text="It is 130 euros.", scores={"passage_recall": 0.0}),
                     "not found: answered from elsewhere", id="the search comes first"),
        pytest.param(EUROS, outcome("q1", verdict="wrong", text="Ask us.", scores={"passage_recall": 1.0}),
                     "found, but not said", id="another sentence"),
        pytest.param(EUROS, outcome("q1", verdict="wrong", text="120 euros, roughly"),
                     "other words or another answer", id="the figure, not the words"),
        pytest.param(question(), outcome("q1", verdict="error", error="away"), "error", id="no answer"),
    ],
)  # fmt: skip
def test_why_an_answer_is_not_right(asked: Any, given_: Outcome, kind: str | None) -> None:
    assert kind_of(asked, given_) == kind


def test_every_kind_has_something_that_helps() -> None:
    assert set(HINTS) == set(KINDS)
    assert all(hint.endswith(".") for hint in HINTS.values())


def test_failures_are_grouped_by_mode_and_the_most_frequent_come_first() -> None:
    asked = {name: question(name) for name in "abcd"}
    given_ = [
        outcome("a", "hybrid", "missed"),
        outcome("a", "rag", "error", error="The server is away."),
        outcome("b", "rag", "missed"),
        outcome("c", "rag", "missed"),
        outcome("d", "rag"),
    ]
    found = failures_of(["rag", "hybrid"], asked, given_)
    assert [(one.mode, one.kind, one.questions) for one in found] == [
        ("rag", "refused, though there is an answer", ("b", "c")),
        ("rag", "error: The server is away.", ("a",)),
        ("hybrid", "refused, though there is an answer", ("a",)),
    ]


# --- tags -----------------------------------------------------------------------------------------


def test_a_strength_is_told_where_it_is_shown_over_all_tags() -> None:
    """Six of ten against none: p 0.03 for one tag by itself, and not enough for one of several."""
    tags = ["prices"] * 30 + ["leave"] * 10 + ["travel"] * 10
    asked = [question(f"q{at}", tags=(tag,)) for at, tag in enumerate(tags)]
    given_ = [outcome(one.id, "rag", "right" if at < 30 else "wrong") for at, one in enumerate(asked)]
    given_ += [
        outcome(one.id, "base", "right" if at >= 30 and at % 10 < 6 else "wrong")
        for at, one in enumerate(asked)
    ]
    summary = summarise(asked, given_, ["rag", "base"])
    found = {one.tag: (one.best, one.beaten) for one in summary.tags}
    assert found == {"prices": ("rag", ("base",)), "leave": ("base", ()), "travel": ("base", ())}
    assert [row[-1] for row in tag_rows(summary)] == [
        "Shown",
        "RAG over Base",
        "no difference",
        "no difference",
    ]
    alone = summarise(asked[30:40], given_, ["rag", "base"])
    assert alone.tags[0].beaten == ("rag",)


def test_tags_of_hardly_any_question_are_left_to_the_json() -> None:
    asked = [question("a", tags=("rare",)), *(question(f"q{at}", tags=("often",)) for at in range(5))]
    summary = summarise(asked, [outcome(one.id) for one in asked], ["rag"])
    assert [row[0] for row in tag_rows(summary)] == ["Tag", "often"]
    assert [row[0] for row in tag_rows(summary, every=True)] == ["Tag", "often", "rare"]


# --- faithfulness ---------------------------------------------------------------------------------


class Alike:
    """Every text has the same vector."""

    def encode(self, texts: Sequence[str]) -> Any:
        return np.ones((len(texts), 1), dtype=np.float32)


LEAVE = "Every employee has six paid days a year to look after a sick child."


@pytest.mark.parametrize(
    ("given_", "value"),
    [
        pytest.param(answer("", abstained=True, passages=(passage("a.md", LEAVE),)), None, id="a refusal"),
        pytest.param(answer(LEAVE), None, id="nothing was read"),
        pytest.param(answer(LEAVE, citations=(citation("a.md", LEAVE),)), 1.0, id="a quote"),
        pytest.param(answer("There are nine paid days for a sick child.", passages=(passage("a.md", LEAVE),)), 0.0,
                     id="as it was taught, and not as it stands there"),
        pytest.param(answer("x. y.", claims=tuple(
            CheckedClaim(text="x", verdict=verdict, score=0.5, markers=(1,), start=0, end=1)
            for verdict in ("supported", "unsupported", "uncited", "supported"))), 0.5, id="as the chain checked it"),
    ],
)  # fmt: skip
def test_faithfulness(given_: Answer, value: float | None) -> None:
    assert faithfulness(given_, Alike()) == value


# --- all of them ----------------------------------------------------------------------------------

LISTED = (  # every measure that the product promises
    "right", "right_low", "right_of_answers", "answered_right", "answered_wrong", "rightly_refused", "wrongly_answered",
    "missed", "errors", "wrong", "refusal_precision", "refusal_recall", "calibration_error", "brier", "auroc", "aurc",
    "coverage_at_5", "coverage_at_10", "coverage_at_20", "seconds_p50", "seconds_p95", "first_text_p50",
    "input_tokens", "output_tokens", "cost_per_1000", "cost_per_1000_right", "exact_match", "token_f1", "rouge_l",
    "similarity", "figures", "citation_precision", "citation_recall", "passage_recall", "passage_ndcg",
    "faithfulness", "judged", "accuracy_needed", "net_per_1000", "worth_more_from",
)  # fmt: skip
MONEY = ("accuracy_needed", "net_per_1000", "worth_more_from")  # tests/evaluation/test_report_sections.py
GRADED = ("exact_match", "token_f1", "rouge_l", "similarity", "figures", "citation_precision", "citation_recall",
          "passage_recall", "passage_ndcg", "faithfulness", "judged")  # fmt: skip


def whole() -> Any:
    asked = [question(f"q{at}", answerable=at < 16) for at in range(20)]
    given_ = [
        outcome(
            one.id,
            verdict=("right" if at % 3 else "wrong")
            if at < 14
            else "missed"
            if at < 16
            else "rightly refused",
            confidence=1 - at / 20,
            input_tokens=100,
            output_tokens=10,
            cost_usd=0.001,
            scores=dict.fromkeys(GRADED, 0.5),
        )
        for at, one in enumerate(asked)
    ]
    return summarise(asked, given_, ["rag"], not_run={"base": "No model is connected: set a key."})


def test_the_names_that_gates_know_are_those_of_the_measures() -> None:
    assert set(measures_of(whole().modes["rag"])) == set(NAMES)


@pytest.mark.parametrize("name", [one for one in LISTED if one not in MONEY])
def test_every_measure_can_be_gated(name: str) -> None:
    summary = whole()
    value = measures_of(summary.modes["rag"])[name]
    assert value is not None
    assert math.isfinite(value)
    assert check(summary, [parsed(f"rag.{name}>=-1")]) == []
    assert "does not hold" in check(summary, [parsed(f"rag.{name}<-1")])[0]


def test_the_refusal_table_has_a_row_for_the_mode_that_was_not_run() -> None:
    rows = list(refusal_rows(whole()))
    assert rows[-1][:3] == ("Base", "not run: no model is connected", "")
    assert NOTHING not in rows[1]
