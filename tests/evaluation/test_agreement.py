"""A judge's word beside the verdicts, and how far both agree with people."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from errors import SettingsError
from evaluation.agreement import agreement, read_marks
from tests.evaluation.test_evaluate_command import ask, connected, document, invoke, questions
from tests.loopback.openai_server import Scripted, serve_openai

__all__ = ["questions"]  # a fixture


@pytest.mark.parametrize(
    ("both_yes", "only_first", "only_second", "both_no", "kappa"),
    [
        pytest.param(20, 5, 10, 15, 0.4, id="Cohen's own kind of table"),
        pytest.param(45, 15, 25, 15, 0.1304, id="much agreement, little beyond chance"),
        pytest.param(10, 0, 0, 10, 1.0, id="all alike"),
        pytest.param(0, 10, 10, 0, -1.0, id="all unlike"),
        pytest.param(10, 0, 0, 0, None, id="one mark only: nothing beyond chance can be said"),
    ],
)
def test_kappa(both_yes: int, only_first: int, only_second: int, both_no: int, kappa: float | None) -> None:
    pairs = [(True, True)] * both_yes + [(True, False)] * only_first
    pairs += [(False, True)] * only_second + [(False, False)] * both_no
    found = agreement([one for one, _ in pairs], [other for _, other in pairs])
    assert found.kappa == (None if kappa is None else pytest.approx(kappa, abs=1e-4))
    assert found.n == len(pairs)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), min_size=1, max_size=20))
def test_agreement_is_the_same_from_both_sides(pairs: list[tuple[bool, bool]]) -> None:
    first, second = [one for one, _ in pairs], [other for _, other in pairs]
    there, back = agreement(first, second), agreement(second, first)
    assert there.kappa == (None if back.kappa is None else pytest.approx(back.kappa))
    assert there.share == back.share
    assert there.kappa is None or -1 <= there.kappa <= there.share + 1e-9


@pytest.mark.parametrize(
    ("text", "said"),
    [
        pytest.param("question,right\na,yes\n", "no column 'mode'", id="a column is missing"),
        pytest.param("", "is empty", id="nothing"),
        pytest.param("question,mode,right\na,rag,maybe\n", "row 2: 'right' must be yes or no", id="no mark"),
    ],
)
def test_marks_that_cannot_be_read(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "m.csv").write_text(text, "utf-8")
    with pytest.raises(SettingsError, match=said):
        read_marks(tmp_path / "m.csv")


MARKS = "question;mode;right\na;rag;Ja\nno;base;falsch\nc;rag;\n"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        pytest.param("m.csv", MARKS.encode(), id="semicolons"),
        pytest.param("m.csv", MARKS.encode("utf-16"), id="UTF-16"),
        pytest.param("m.tsv", MARKS.replace(";", "\t").encode("utf-8-sig"), id="tabs"),
        pytest.param("m.csv", f"Marks of Ann;;\n;;\n{MARKS}".encode("cp1252"), id="below a title"),
        pytest.param("m.csv", MARKS.replace("mode;right", "Mode;Correct?").encode(), id="other names"),
        pytest.param("m.jsonl", b'{"question": "a", "mode": "rag", "right": true}\n'
                     b'{"question": "no", "mode": "base", "right": "wrong"}\n'
                     b'{"question": "c", "mode": "rag", "right": null}', id="JSON Lines"),
    ],
)  # fmt: skip
def test_marks_in_the_forms_that_files_have(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    assert read_marks(tmp_path / name) == {("a", "rag"): True, ("no", "base"): False}


def test_marks_in_a_spreadsheet_beside_a_sheet_of_notes(tmp_path: Path) -> None:
    book = Workbook()
    notes = book.active
    assert notes is not None
    notes.append(["Marked by", "Date"])
    sheet = book.create_sheet("Marks")
    for row in (
        ["Question", "Text", "Mode", "Right"],
        [1, "How many?", "RAG", True],
        [2, "Who?", "Fine-tuned", "no"],
    ):
        sheet.append(row)
    book.save(tmp_path / "m.xlsx")
    assert read_marks(tmp_path / "m.xlsx") == {("1", "rag"): True, ("2", "finetuned"): False}


def test_rows_without_a_mark_are_passed_over(tmp_path: Path) -> None:
    (tmp_path / "m.csv").write_text("\ufeffquestion,mode,right\na,rag,Yes\nb,rag,\n", "utf-8")
    assert read_marks(tmp_path / "m.csv") == {("a", "rag"): True}


def test_a_judge_is_named_and_held_against_people(
    questions: Path, tmp_path: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    yes = json.dumps([{"claim": 1, "verdict": "supported", "score": 1.0}])
    with serve_openai("six", "who knows", "forty-two", yes, "no verdict at all") as server:
        connected(monkeypatch, server.url, home)
        found = document(
            ask(questions, "--modes", "base", "--workers", "1", "--judge", "openai:gpt-4o-mini", "--json")
        )
        assert server.left == 0
    assert found["facts"]["judge"]
    assert found["facts"]["not_judged"] == 1
    scores = {one["question"]: one["scores"].get("judged") for one in found["outcomes"]}
    assert scores == {"a": 1.0, "b": None, "c": None}
    (tmp_path / "m.csv").write_text("question,mode,right\na,base,yes\nc,base,no\n", "utf-8")
    told = invoke("evaluate", "agreement", found["run"]["id"], "--human", str(tmp_path / "m.csv")).stdout
    assert "the verdicts by words and people: agree on 100 % of 2 answers, kappa 1.00" in told
    assert f"{found['facts']['judge']} and people: agree on 100 % of 1 answers; no kappa" in told


SUPPORTED = json.dumps([{"claim": 1, "verdict": "supported", "score": 1.0}])
PRICED = """["openai:gpt-4o-mini"]
input = 0.15
output = 0.60
date = 2026-01-01
source = "made up"
"""
JUDGED_BY = ("--judge", "openai:gpt-4o-mini", "--workers", "1", "--json")


def test_the_judge_spends_from_the_budget_of_the_run_and_goes_on_where_it_stopped(
    questions: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """0.0006 dollars for a long verdict on the first answer leave too little for the second."""
    with serve_openai(
        "six", "who knows", "forty-two", Scripted(text=SUPPORTED, output_tokens=1000)
    ) as server:
        connected(monkeypatch, server.url, home)
        (home / "prices.toml").write_text(PRICED, "utf-8")
        result = ask(questions, "--modes", "base", "--budget", "0.0009", *JUDGED_BY)
        assert len(server.chat_requests) == 4
        found = document(result)
        assert "1 answers are not judged; the run is kept. This evaluation has spent" in result.stderr
        assert found["run"]["state"] == "done"
        assert found["facts"]["not_judged"] == 1
        assert found["facts"]["judge_cost_usd"] == pytest.approx(0.0006, abs=1e-5)
        assert "--budget allows" in found["facts"]["judge_stopped"]
        server.then(SUPPORTED)
        again = document(invoke("evaluate", "answers", "--resume", found["run"]["id"], *JUDGED_BY))
        assert len(server.chat_requests) == 5  # only what was not judged yet
    assert (again["facts"]["not_judged"], again["facts"]["judge_stopped"]) == (0, "")
    assert [one["scores"].get("judged") for one in again["outcomes"]] == [1.0, None, 1.0]
    (note,) = again["notes"]
    assert note.startswith("Judge: ")
    assert "2 answers judged for $0.0006" in note
    assert "agrees with the verdicts by words on 50 %" in note


def test_a_judge_without_a_price_and_with_a_budget_judges_nothing_and_the_run_is_kept(
    questions: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_openai("six", "who knows", "forty-two") as server:
        connected(monkeypatch, server.url, home)
        (home / "prices.toml").write_text(PRICED, "utf-8")
        words = ("--modes", "base", "--budget", "1", "--judge", "openai:nobody-knows-me", "--json")
        found = document(ask(questions, *words))
        assert len(server.chat_requests) == 3
    assert found["facts"]["judge_stopped"].startswith("--budget is set, and no price of")
    assert found["facts"]["not_judged"] == 2


def test_marks_of_another_run_are_refused(questions: Path, tmp_path: Path) -> None:
    name = document(ask(questions, "--modes", "rag", "--json"))["run"]["id"]
    (tmp_path / "m.csv").write_text("question,mode,right\nz,rag,yes\n", "utf-8")
    result = invoke("evaluate", "agreement", name, "--human", str(tmp_path / "m.csv"), status=1)
    assert "marks no answer" in str(result.exception)
