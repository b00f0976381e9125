"""Answers that are not whole, since the server reached its limit of tokens or broke off: kept, judged, and told."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chains.answer import Mode
from chains.generation import STOPPED_EARLY
from evaluation.failures import kind_of
from evaluation.outcomes import Outcome, cut_off_notes
from evaluation.reports.content import Content, content_of
from evaluation.reports.exports import as_csv, document
from evaluation.reports.html import as_html
from evaluation.reports.markdown import as_markdown
from evaluation.reports.tables import brief_rows, mode_rows
from evaluation.run_store import RunStore
from evaluation.running import Arm, run_all
from tests.evaluation import test_evaluate_command
from tests.evaluation.made import Told, answer, outcome, question, run
from tests.evaluation.test_evaluate_command import ask, connected
from tests.evaluation.test_evaluate_command import document as printed
from tests.loopback.openai_server import Scripted, serve_openai

questions = test_evaluate_command.questions  # a fixture
LENGTH, FILTER = STOPPED_EARLY["length"], STOPPED_EARLY["content_filter"]


def cut(name: str, mode: Mode = "rag", *, why: str = LENGTH, **change: Any) -> Outcome:
    given = answer("You have", mode, reason=why)
    held = outcome(name, mode, "wrong", text=given.text, answer=given.as_record())
    return replace(held, **change)


@pytest.mark.parametrize(
    ("given", "why"),
    [
        pytest.param(answer("six", reason=LENGTH), LENGTH, id="the limit of tokens"),
        pytest.param(answer("six", reason="The connection broke."), "The connection broke.", id="the connection"),
        pytest.param(answer("six"), None, id="whole"),
        pytest.param(answer("Not there.", reason="Too unsure.", abstained=True), None, id="a refusal has a reason"),
        pytest.param(answer("", reason=LENGTH), None, id="nothing was said"),
    ],
)  # fmt: skip
def test_an_answer_is_cut_off_where_it_says_why_it_is_not_whole(given: Any, why: str | None) -> None:
    assert outcome("q", text=given.text, answer=given.as_record()).cut_off == why


def made(*outcomes: Outcome) -> Content:
    names = dict.fromkeys(one.question for one in outcomes)
    return content_of(run(["rag", "hybrid"]), [question(name) for name in names], outcomes)


def test_every_form_of_the_report_tells_them() -> None:
    content = made(cut("q1"), outcome("q1", "hybrid"), outcome("q2"), outcome("q2", "hybrid"))
    assert {mode: one.cut_off for mode, one in content.summary.modes.items()} == {"rag": 1, "hybrid": 0}
    head, rag, hybrid = mode_rows(content.summary)
    assert [row[-1] for row in (head, rag, hybrid)] == ["Cut off", "1", "0"]
    assert "1 of 4 answers were cut off" in content.notes[-1]
    assert "cut off: The model reached its token limit" in as_html(content)
    assert "RAG, wrong (cut off)" in as_markdown(content)
    assert [row["cut_off"] for row in csv.DictReader(io.StringIO(as_csv(content)))] == [LENGTH, "", "", ""]
    assert [one["cut_off"] for one in document(content)["outcomes"]] == [LENGTH, None, None, None]
    assert document(content)["measures"]["rag"]["cut_off"] == 1


def test_where_all_are_whole_nothing_is_said_of_it() -> None:
    content = made(outcome("q1"), outcome("q1", "hybrid"))
    for rows in (mode_rows(content.summary), brief_rows(content.summary)):
        assert "Cut off" not in next(iter(rows))
    assert cut_off_notes(content.outcomes) == ()


def test_each_reason_is_told_with_what_helps_the_commonest_first() -> None:
    notes = cut_off_notes(
        [cut("q1", why=FILTER), cut("q2"), cut("q3"), outcome("q4"), outcome("q5", text="")]
    )
    assert [note.split(":")[0] for note in notes] == [
        "2 of 4 answers were cut off and are judged as they stand",
        "1 of 4 answers were cut off and are judged as they stand",
    ]
    assert "a larger limit of tokens" in notes[0]
    assert "the server's filter" in notes[1]


def test_a_wrong_answer_that_was_cut_off_is_wrong_for_that() -> None:
    assert kind_of(question(), cut("q1", scores={"passage_recall": 1.0})) == "cut off before its end"
    assert kind_of(question(), cut("q1", verdict="right")) is None


def test_another_run_does_not_take_it_over_and_the_same_run_does_not_ask_it_again(tmp_path: Path) -> None:
    store = RunStore(tmp_path)
    short = Told(lambda _: answer("six", reason=LENGTH))
    whole = Told(lambda _: "six days")
    first, second = store.begin({}), store.begin({})
    for chain, begun in ((short, first), (whole, first), (whole, second)):
        run_all([question()], [Arm(mode="rag", chain=chain, identity="one")], store=store, run=begun)
    assert (len(short.asked), len(whole.asked)) == (1, 1)
    assert [one.text for one in store.outcomes(first.id)] == ["six"]
    assert [(one.text, one.taken_over) for one in store.outcomes(second.id)] == [("six days", False)]
    store.close()


def test_a_server_that_cuts_a_reply_off_is_told_of(
    questions: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = (Scripted(text="You have six", finish_reason="length"), "It takes 12 years.", "I do not know.")
    with serve_openai(*script) as server:
        connected(monkeypatch, server.url, home)
        words = ("--modes", "base", "--workers", "1")
        found = printed(ask(questions, *words, "--json"))
        run = found["run"]["id"]
        shown = test_evaluate_command.invoke("evaluate", "show", run, "--question", "a").stdout
        again = test_evaluate_command.invoke("evaluate", "show", run).stdout
    assert [(one["verdict"], one["cut_off"]) for one in found["outcomes"][:1]] == [("right", LENGTH)]
    assert found["summary"]["modes"]["base"]["cut_off"] == 1
    assert "--- Base: right, cut off" in shown
    assert "1 of 3 answers were cut off and are judged as they stand: the model reached" in again
    assert "a larger limit of tokens" in again
