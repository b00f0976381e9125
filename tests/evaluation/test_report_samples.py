"""The report where no modes differ, as of one mode alone: what was said, what is not right first."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from chains.answer import Mode
from evaluation.outcomes import Verdict
from evaluation.reports.content import NOT_RIGHT, RIGHT, Content, content_of
from evaluation.reports.html import OPENED, as_html
from evaluation.reports.markdown import as_markdown
from tests.evaluation.made import outcome, question, run


def made(verdicts: Sequence[Verdict], modes: Sequence[Mode] = ("rag",), seed: int = 7) -> Content:
    names = [f"q{at}" for at in range(len(verdicts))]
    outcomes = [
        outcome(name, mode, verdict, text=f"said to {name}", error="Away." if verdict == "error" else None)
        for name, verdict in zip(names, verdicts, strict=True)
        for mode in modes
    ]
    return content_of(run(modes), [question(name) for name in names], outcomes, seed=seed)


def shown(content: Content) -> list[list[str]]:
    return [[one.question.id for one in sample.shown] for sample in content.samples]


def test_what_is_not_right_comes_first_and_then_what_is() -> None:
    content = made(["right", "wrong", "rightly refused", "missed", "error"])
    assert shown(content) == [["q1", "q3", "q4"], ["q0", "q2"]]
    for page in (as_html(content), as_markdown(content)):
        assert page.index("What was said and is not right") < page.index("said to q1")
        assert page.index("said to q3") < page.index("What was said and is right") < page.index("said to q0")
        assert "Away." in page


def test_of_many_the_first_wrong_ones_and_some_right_ones_from_a_seed() -> None:
    verdicts: list[Verdict] = ["wrong", "right"] * 100
    wrong, right = made(verdicts).samples
    assert ([one.question.id for one in wrong.shown], wrong.of) == (
        [f"q{at}" for at in range(0, 2 * NOT_RIGHT, 2)],
        100,
    )
    assert (len(right.shown), right.of) == (RIGHT, 100)
    assert shown(made(verdicts)) == shown(made(verdicts)) != shown(made(verdicts, seed=8))
    page = as_html(made(verdicts))
    assert f"{NOT_RIGHT} of 100; all are in the JSON." in page
    assert f"{RIGHT} of 100; all are in the JSON." in page
    assert page.count("<details open>") == 2 * OPENED
    assert "… and 90 more" in as_markdown(made(verdicts))


@pytest.mark.parametrize(
    ("verdicts", "titles"),
    [
        pytest.param(["right"] * 3, ["What was said and is right"], id="all are right"),
        pytest.param(["wrong"] * 3, ["What was said and is not right"], id="none is"),
        pytest.param([], [], id="nothing was asked"),
    ],
)
def test_what_there_is_none_of_is_left_out(verdicts: list[Verdict], titles: list[str]) -> None:
    assert [sample.title for sample in made(verdicts).samples] == titles
    assert "all are in the JSON" not in as_html(made(verdicts))


def test_modes_that_agree_on_everything_are_shown_together_and_those_that_differ_differ() -> None:
    both: tuple[Mode, ...] = ("rag", "hybrid")
    content = made(["right", "wrong"], both)
    assert [set(one.outcomes) for sample in content.samples for one in sample.shown] == [set(both)] * 2
    answers = [outcome("q0", "rag"), outcome("q0", "hybrid", "wrong")]
    differing = content_of(run(both), [question("q0")], answers)
    assert differing.samples == ()
    assert "Where the modes differ" in as_html(differing)
