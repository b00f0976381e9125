"""Training rows held out as questions: nothing of what is measured stays in what is learnt; made questions reviewed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from app.__main__ import app
from errors import DatasetError, DatasetFormatError, GroundtuneError, SettingsError
from evaluation.leaks import taught_questions
from evaluation.question_files import read_question_set
from evaluation.question_making.holding_out import hold_out
from evaluation.question_making.reviewing import Review, State

TOPICS = (
    "rent",
    "deposit",
    "repair",
    "holiday",
    "invoice",
    "delivery",
    "insurance",
    "cleaning",
    "logger",
    "ramp",
)


def chat(question: str, answer: str, **more: Any) -> dict[str, Any]:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": [{"role": "system", "content": "Be brief."}, *turns], **more}


def distinct(count: int) -> list[dict[str, Any]]:
    return [
        chat(
            f"What do I have to know about the {TOPICS[at % 10]} of a {TOPICS[at // 10]}?",
            f"It is {at} euros.",
        )
        for at in range(count)
    ]


def written(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def rows_in(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def test_a_share_becomes_questions_and_the_rest_is_left_as_it_stands(tmp_path: Path) -> None:
    rows = distinct(50)
    source = written(tmp_path / "train.jsonl", rows)
    out, rest = tmp_path / "q.jsonl", tmp_path / "rest.jsonl"
    held = hold_out(source, out, rest, share=0.2)
    assert (held.rows, held.moved, held.left, held.withheld) == (50, 10, 40, 0)
    left = rows_in(rest)
    assert all(row in rows for row in left)
    questions = read_question_set(out).questions
    assert len(questions) == 10
    assert all(one.reference and one.answerable and one.reviewed for one in questions), "people wrote them"
    assert not taught_questions(questions, rest)
    assert len(taught_questions(questions, source)) == 10


def test_what_belongs_together_goes_to_one_side(tmp_path: Path) -> None:
    rows = [
        chat(f"What is the {topic} of {name}?", f"{at} euros", metadata={"ticket": f"t{at // 4}"})
        for at, (topic, name) in enumerate((topic, name) for topic in TOPICS for name in ("A", "B", "C", "D"))
    ]
    out, rest = tmp_path / "q.jsonl", tmp_path / "rest.jsonl"
    hold_out(written(tmp_path / "train.jsonl", rows), out, rest, share=0.2)
    left = {row["metadata"]["ticket"] for row in rows_in(rest)}
    asked = {one["text"] for one in rows_in(out)}
    moved = {row["metadata"]["ticket"] for row in rows if row["messages"][1]["content"] in asked}
    assert moved
    assert not moved & left


WORD = st.sampled_from(TOPICS)


@settings(deadline=None, max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(WORD, WORD, st.sampled_from(["", " please", " today", "?"])), min_size=6, max_size=30),
       st.integers(0, 5))  # fmt: skip
def test_no_near_duplicate_of_a_question_stays(
    tmp_path: Path, told: list[tuple[str, str, str]], seed: int
) -> None:
    rows = [
        chat(f"How much is the {a} for one {b} in the summer{end}", f"{a} {b} costs 5") for a, b, end in told
    ]
    source = written(tmp_path / "train.jsonl", rows)
    out, rest = tmp_path / "q.jsonl", tmp_path / "rest.jsonl"
    try:
        held = hold_out(source, out, rest, share=0.3, seed=seed)
    except DatasetError:  # all of them belong together
        return
    assert held.moved + held.left + held.withheld == len(rows)
    assert not taught_questions(read_question_set(out).questions, rest)


def test_what_a_follow_up_asks_in_full_does_not_stay_either(tmp_path: Path) -> None:
    """The question that is measured is the follow-up made to stand alone: another row may ask just that."""
    talk = chat("What does an IB-06 cost for a weekend?", "120 euros.")
    talk["messages"] += chat("And an IB-12?", "180 euros.")["messages"][1:]
    plain = chat("What does an IB-12 cost for a weekend?", "It is 180 euros for you.")
    source = written(tmp_path / "train.jsonl", [talk, plain, *distinct(4)])
    out, rest = tmp_path / "q.jsonl", tmp_path / "rest.jsonl"
    withheld = 0
    for seed in range(12):
        withheld += hold_out(source, out, rest, share=0.4, seed=seed).withheld
        asked = {row["text"] for row in rows_in(out)}
        assert not (asked & {"What does an IB-12 cost for a weekend?"} and plain in rows_in(rest))
    assert withheld


def test_a_row_that_is_no_question_stays_for_training_and_is_named(tmp_path: Path) -> None:
    rows = [*distinct(8), chat("What is asked here, and by whom?", "I do not know.")]
    out, rest = tmp_path / "q.jsonl", tmp_path / "rest.jsonl"
    unfit = [
        sentence
        for seed in range(12)
        for sentence in hold_out(
            written(tmp_path / "t.jsonl", rows), out, rest, share=0.5, seed=seed
        ).unfit
    ]  # fmt: skip
    assert unfit
    assert "line 9" in unfit[0] and "not known" in unfit[0]


@pytest.mark.parametrize(
    ("change", "error", "told"),
    [
        pytest.param({"share": 0.0}, SettingsError, "above 0", id="no share"),
        pytest.param({"share": 0.9}, SettingsError, "0.5 at most", id="all of them"),
        pytest.param({"rest": "train.jsonl"}, SettingsError, "three files", id="over itself"),
        pytest.param({"out": "rest.jsonl"}, SettingsError, "three files", id="one over the other"),
        pytest.param({"source": "nothing.jsonl"}, SettingsError, "no file", id="no file"),
        pytest.param({"source": "broken.jsonl"}, DatasetFormatError, "line 2", id="a broken line"),
        pytest.param({"source": "one.jsonl"}, DatasetError, "2 are needed", id="one row"),
    ],
)
def test_wrong_calls_write_nothing(
    tmp_path: Path, change: dict[str, Any], error: type[GroundtuneError], told: str
) -> None:
    written(tmp_path / "train.jsonl", distinct(10))
    written(tmp_path / "one.jsonl", distinct(1))
    (tmp_path / "broken.jsonl").write_text(json.dumps(distinct(1)[0]) + "\n{\n", "utf-8")
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    names = {"source": "train.jsonl", "out": "q.jsonl", "rest": "rest.jsonl"} | {
        name: value for name, value in change.items() if name != "share"
    }
    with pytest.raises(error, match=told):
        hold_out(
            tmp_path / names["source"], tmp_path / names["out"], tmp_path / names["rest"],
            share=change.get("share", 0.2),
        )  # fmt: skip
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_from_the_command_line(tmp_path: Path, home: Path) -> None:
    source = written(tmp_path / "train.jsonl", distinct(20))
    out, rest = tmp_path / "q.jsonl", tmp_path / "rest.jsonl"
    ran = CliRunner().invoke(
        app, ["evaluate", "questions", "--from", str(source), "--out", str(out), "--rest", str(rest)]
    )
    assert ran.exit_code == 0, ran.output
    assert "4 of 20 rows are questions now" in ran.output
    assert len(rows_in(out)) + len(rows_in(rest)) == 20


# --- reviewing ----------------------------------------------------------------------------------------


def row(number: int, **more: Any) -> dict[str, Any]:
    base = {
        "_id": f"made-{number}",
        "text": f"What about {number}?",
        "answer": f"{number} days",
        "reviewed": False,
    }
    return {**base, "gold": [{"document": "a.md", "quote": f"It is {number} days."}], **more}


STATES = st.sampled_from(["open", "kept", "dropped"])


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 4), STATES), max_size=8))
def test_what_was_decided_is_found_again_and_asked(
    tmp_path: Path, decisions: list[tuple[int, State]]
) -> None:
    written(tmp_path / "r.jsonl", [row(number) for number in range(5)])
    review = Review.read(tmp_path / "r.jsonl")
    for number, state in decisions:
        review = review.with_state(state, number)
    review.write(tmp_path / "r.jsonl")
    assert Review.read(tmp_path / "r.jsonl") == Review.read(tmp_path / "r.jsonl")
    again = Review.read(tmp_path / "r.jsonl")
    assert [one.state for one in again.rows] == [one.state for one in review.rows]
    if review.count("dropped") == 5:
        with pytest.raises(SettingsError, match="keep one"):
            review.write_kept(tmp_path / "q.jsonl")
        return
    review.write_kept(tmp_path / "q.jsonl")
    asked = read_question_set(tmp_path / "q.jsonl").questions
    assert [one.reviewed for one in asked] == [
        one.state == "kept" for one in review.rows if one.state != "dropped"
    ]


def test_another_answer_is_the_only_one_that_is_accepted(tmp_path: Path) -> None:
    written(tmp_path / "r.jsonl", [row(1, answers=["1 day", "one day"])])
    review = Review.read(tmp_path / "r.jsonl").with_text(0, question="How  long?", answer=" two days ")
    review.write_kept(tmp_path / "q.jsonl")
    (one,) = read_question_set(tmp_path / "q.jsonl").questions
    assert (one.text, one.answers, one.reviewed) == ("How long?", ("two days",), True)
    with pytest.raises(SettingsError, match="needs its answer"):
        review.with_text(0, question="How long?", answer=" ")
