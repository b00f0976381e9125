"""A run in numbers, its verdict, the gate, two runs compared, and questions that were taught."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.evaluating import SAMPLE_SETS
from app.training import SAMPLE_EXAMPLES
from chains.answer import Mode
from errors import SettingsError
from evaluation.changes import changes
from evaluation.gate import check, parsed, regressions
from evaluation.leaks import taught_questions
from evaluation.outcomes import Outcome
from evaluation.reports.content import Content, content_of
from evaluation.reports.verdict import verdict_of
from evaluation.summary import Summary, summarise
from tests.evaluation.made import outcome, question, run


def answered(mode: Mode, rights: Sequence[bool], **change: Any) -> list[Outcome]:
    return [
        outcome(f"q{at}", mode, "right" if right else "wrong", **change) for at, right in enumerate(rights)
    ]


def asked(count: int, **change: Any) -> list[Any]:
    return [question(f"q{at}", **change) for at in range(count)]


def summary_of(count: int = 20, **modes: Sequence[bool]) -> Summary:
    outcomes = [one for mode, rights in modes.items() for one in answered(mode, rights)]  # type: ignore[arg-type]
    return summarise(asked(count), outcomes, list(modes))  # type: ignore[arg-type]


GOOD, HALF, BAD = [True] * 20, [True, False] * 10, [False] * 20


@pytest.mark.parametrize(
    ("modes", "strength", "said"),
    [
        pytest.param({"rag": GOOD, "base": BAD}, "clear", "Choose RAG: it answered 20 of 20", id="far apart"),
        pytest.param({"rag": GOOD, "hybrid": GOOD, "base": BAD}, "lean", "no difference from Hybrid", id="one equal"),
        pytest.param({"rag": HALF, "hybrid": [not one for one in HALF]}, "cannot tell yet", "Cannot tell", id="equal"),
        pytest.param({"rag": GOOD}, "cannot tell yet", "nothing to choose from", id="one mode"),
    ],
)  # fmt: skip
def test_the_verdict_is_no_stronger_than_the_numbers(
    modes: dict[str, list[bool]], strength: str, said: str
) -> None:
    found = verdict_of(summary_of(20, **modes))
    assert found.strength == strength
    assert said in found.sentences[0]
    assert len(found.sentences) == 3


def test_nothing_answered_is_said() -> None:
    found = summarise(asked(3), [], ["rag"])
    assert found.modes == {}
    assert verdict_of(found).strength == "cannot tell yet"


def test_modes_are_compared_on_the_questions_that_all_were_asked() -> None:
    outcomes = [*answered("rag", [True] * 5), *answered("base", [True] * 3)]
    found = summarise(asked(5), outcomes, ["rag", "base"])
    assert (found.questions, found.incomplete) == (3, 2)


def test_errors_and_refusals_are_not_right_and_not_left_out() -> None:
    questions = [question("a"), question("b"), question("c", answerable=False), question("d")]
    outcomes = [
        outcome("a", verdict="error", seconds=99.0, cost_usd=None),
        outcome("b", verdict="missed"),
        outcome("c", verdict="rightly refused"),
        outcome("d"),
    ]
    rag = summarise(questions, outcomes, ["rag"]).modes["rag"]
    assert (rag.right.value, rag.right.n) == (0.5, 4)
    assert rag.verdicts == {"right": 1, "wrong": 0, "rightly refused": 1, "missed": 1, "error": 1}
    assert rag.seconds_p95 == 0.5  # the error has no time of an answer
    assert rag.cost_per_1000 == 0.0


def test_cost_per_thousand_right_counts_all_that_was_paid() -> None:
    rag = summarise(asked(4), answered("rag", [True, True, False, False], cost_usd=0.01), ["rag"]).modes[
        "rag"
    ]
    assert rag.cost_per_1000 == pytest.approx(10.0)
    assert rag.cost_per_1000_right == pytest.approx(20.0)


@pytest.mark.parametrize(
    ("costs", "rights"),
    [pytest.param([0.01, None], [True, True], id="a price unknown"), pytest.param([0.01], [False], id="none right")],
)  # fmt: skip
def test_cost_per_right_answer_is_not_guessed(costs: list[float | None], rights: list[bool]) -> None:
    outcomes = [replace(one, cost_usd=cost) for one, cost in zip(answered("rag", rights), costs, strict=True)]
    assert summarise(asked(len(rights)), outcomes, ["rag"]).modes["rag"].cost_per_1000_right is None


def test_questions_on_one_document_count_as_one_group() -> None:
    outcomes = [*answered("rag", HALF), *answered("base", BAD)]
    alone = summarise(asked(20), outcomes, ["rag", "base"])
    shared = summarise([replace(one, group=one.id[-1]) for one in asked(20)], outcomes, ["rag", "base"])
    assert (alone.groups, shared.groups) == (20, 10)
    assert alone.pairs[0].comparison.test == "exact McNemar"
    assert shared.pairs[0].comparison.test == "sign-flip permutation of groups"
    assert shared.pairs[0].comparison.p > alone.pairs[0].comparison.p


def test_tags_tell_strengths_apart() -> None:
    questions = [question(f"q{at}", tags=("even",) if at % 2 == 0 else ("odd",)) for at in range(20)]
    outcomes = answered("rag", HALF, scores={"token_f1": 0.25})
    tags = {one.tag: one for one in summarise(questions, outcomes, ["rag"]).tags}
    assert {name: one.right["rag"].value for name, one in tags.items()} == {"even": 1.0, "odd": 0.0}
    assert tags["odd"].scores["rag"] == {"token_f1": 0.25}


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 4)), min_size=1, max_size=25))
def test_what_holds_of_every_run(rows: list[tuple[bool, bool, int]]) -> None:
    questions = [question(f"q{at}", group=str(group)) for at, (_, _, group) in enumerate(rows)]
    outcomes = answered("rag", [row[0] for row in rows]) + answered("base", [row[1] for row in rows])
    found = summarise(questions, outcomes, ["rag", "base"])
    pair = found.pairs[0]
    assert all(one.right.low <= one.right.value <= one.right.high for one in found.modes.values())
    assert 0 < pair.comparison.p <= pair.p_holm <= 1
    assert found.best is not None
    assert found.modes[found.best].right.value == max(one.right.value for one in found.modes.values())
    assert len(found.disagreements) == pair.comparison.first_only + pair.comparison.second_only
    turned = summarise(questions, outcomes[::-1], ["rag", "base"])
    assert turned.modes == found.modes


# --- the gate -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("rag.right>=0.5", True),
        ("rag.right > 0.5", False),
        ("rag.wrong<=10", True),
        ("rag.wrong<10", False),
        ("rag.errors<=0", True),
        ("rag.right_low>=0.9", False),
        ("rag.seconds_p95<1", True),
        ("rag.cost_per_1000<=0", True),
    ],
)
def test_a_condition(condition: str, holds: bool) -> None:
    failed = check(summary_of(20, rag=HALF), [parsed(condition)])
    assert (failed == []) is holds
    assert all(condition in sentence for sentence in failed)


@pytest.mark.parametrize(
    "text", ["", "rag", "rag.right", "rag.right=0.5", "rag.right>=", "oracle.right>=1", "rag.right>=x"]
)
def test_a_condition_that_is_none_is_found_before_anything_is_asked(text: str) -> None:
    with pytest.raises(SettingsError, match=r"rag\.right>=0\.7"):
        parsed(text)


@pytest.mark.parametrize(
    ("condition", "said"),
    [("base.right>=0", "was not evaluated: there are rag"), ("rag.beauty>=0", "no measure 'beauty': there are right"),
     ("rag.rigt>=0", "Did you mean 'right'?")],
)  # fmt: skip
def test_a_measure_that_there_is_not(condition: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        check(summary_of(20, rag=HALF), [parsed(condition)])


def content(rights: Sequence[bool], questions: Sequence[Any] | None = None) -> Content:
    return content_of(run(["rag"]), questions or asked(len(rights)), answered("rag", rights))


@pytest.mark.parametrize(
    ("before", "after", "worse"),
    [
        pytest.param(GOOD, BAD, True, id="all lost"),
        pytest.param(GOOD, [False] * 2 + [True] * 18, False, id="two lost may be chance"),
        pytest.param(BAD, GOOD, False, id="better is no regression"),
    ],
)
def test_a_regression_is_one_beyond_chance(before: list[bool], after: list[bool], worse: bool) -> None:
    told = regressions(content(before), content(after))
    assert bool(told) is worse
    assert all("rag got worse: 20 questions it had right are wrong now" in one for one in told)


def test_runs_of_other_questions_are_not_compared() -> None:
    other = asked(20, text="Something else?")
    assert changes(content(GOOD), content(BAD, other)) == ()
    judged_by = [replace(one, answers=("seven",)) for one in asked(20)]
    assert changes(content(GOOD), content(BAD, judged_by)) == ()
    with pytest.raises(SettingsError, match="asked none of these questions"):
        regressions(content(GOOD), content(BAD, other))


def test_what_changed_is_named() -> None:
    (found,) = changes(content([True, True, False]), content([True, False, True]))
    assert (found.won, found.lost, found.worse) == (("q2",), ("q1",), False)


# --- questions that were taught -------------------------------------------------------------------


def test_taught_questions_are_found_in_the_same_words_or_nearly(tmp_path: Path) -> None:
    rows = [json.loads(line) for line in SAMPLE_EXAMPLES.read_text("utf-8").splitlines()]
    taught = rows[0]["messages"][1]["content"]
    known = [
        question("same", text=taught),
        question("shouted", text=f"  {taught.upper()} "),
        question("other", text="How many days of leave does a trainee in Ghent have?"),
    ]
    assert taught_questions(known, SAMPLE_EXAMPLES) == ["same", "shouted"]


def test_the_sample_questions_were_not_taught() -> None:
    assert taught_questions(SAMPLE_SETS[0].read().questions, SAMPLE_EXAMPLES) == []
