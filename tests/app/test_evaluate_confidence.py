"""`evaluate confidence`: how answers are judged, what the command prints, writes and applies."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app import workspace as workspace_module
from app.__main__ import app
from app.workspace import open_workspace
from chains.answer import Answer, Citation, Confidence, Question
from chains.chat_confidence import REPLY_SIGNALS
from chains.confidence import SIGNALS
from chains.confidence_fit import Calibration
from errors import CalibrationError, SettingsError
from evaluation.confidence import ConfidenceReport, Judged, evaluate
from evaluation.confidence_page import as_html, as_markdown
from evaluation.judging import KnownQuestion, is_right, known_question
from evaluation.question_files import read_question_set
from loaders.location import Location
from tests.loopback.openai_server import serve_openai


def citation(document: str, quote: str) -> Citation:
    return Citation(
        marker=1,
        chunk_id="c",
        document_id=document,
        document_name=Path(document).name,
        location=Location(),
        start=0,
        end=len(quote),
        quote=quote,
        verified=True,
    )


def answer(text: str, *citations: Citation, value: float = 0.5) -> Answer:
    known = dict.fromkeys((*SIGNALS, "contested", "date_missing"), 0.0) | {"top_cosine": value}
    sure = Confidence(value=value, level="medium", reasons=(), signals=known)
    return Answer(
        text=text, mode="rag", model="local:extractive-reader", citations=citations, confidence=sure
    )


def question(**change: Any) -> KnownQuestion:
    base = KnownQuestion(
        id="q", text="How many days?", answerable=True, answers=("six",), documents=(), group="q"
    )
    return replace(base, **change)


# --- judging ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "known", "right"),
    [
        (answer("You get **Six** days [1]."), {}, True),
        (answer("You get sixteen days."), {}, False),
        (answer("See there [1].", citation("a.md", "six paid days")), {}, True),
        (answer("Six days."), {"answerable": False}, False),
        (answer("six", citation("hr/leave.md", "six")), {"documents": ("leave.md",)}, True),
        (answer("six", citation("hr/leave.md", "six")), {"documents": ("sick.md",)}, False),
        (answer("six"), {"documents": ("leave.md",)}, False),
        (answer("any", citation("hr/leave.md", "any")), {"answers": (), "documents": ("hr/leave.md",)}, True),
        (answer("any", citation("hr/believe.md", "any")), {"answers": (), "documents": ("leave.md",)}, False),
        (answer("it is 1,250 EUR [1]"), {"answers": ("1,250 EUR",)}, True),
        (answer("it is 11,250 EUR"), {"answers": ("1,250 EUR",)}, False),
        (answer("two [1][2] days"), {"answers": ("two days",)}, True),
    ],
)
def test_right_or_wrong(given: Answer, known: dict[str, Any], right: bool) -> None:
    assert is_right(given, question(**known)) is right


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"answers": ["six", "6"]}, {"answers": ("six", "6")}),
        ({"answer": "six"}, {"answers": ("six",)}),
        ({"answerable": False, "answers": [], "gold": []}, {"answerable": False, "answers": ()}),
        ({"gold": [{"document": "a.md", "quote": "x"}]}, {"documents": ("a.md",), "group": "a.md"}),
        ({"gold_documents": ["a.md", "b.md"]}, {"documents": ("a.md", "b.md")}),
        ({"answer": "x", "evidence": [{"doc": "P#1", "start": 3}]}, {"documents": ("P#1",)}),
        ({"answer": "x", "source_paragraph": "Normans#3"}, {"group": "Normans"}),
    ],
)
def test_forms_of_a_row(tmp_path: Path, row: dict[str, Any], expected: dict[str, Any]) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps({"_id": 7, "text": "How many?"} | row), encoding="utf-8")
    (found,) = read_question_set(path).questions
    assert {name: getattr(found, name) for name in expected} == expected
    assert found.id == "7"


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ({"_id": "a"}, 'needs the fields "_id" and "text"'),
        ({"_id": "a", "text": " ", "answer": "x"}, 'needs the fields "_id" and "text"'),
        ({"_id": "a", "text": "x?"}, "nothing to tell right from wrong by"),
        ({"_id": "a", "text": "x?", "answerable": "no"}, '"answerable" must be true or false'),
        ({"_id": "a", "text": "x?", "answers": [3]}, '"answers" must be a list of texts'),
        ({"_id": "a", "text": "x?", "gold": [{"page": 3}]}, '"gold" must be a list of texts'),
    ],
)
def test_a_row_that_cannot_be_judged_is_named(row: dict[str, Any], fault: str) -> None:
    with pytest.raises(SettingsError, match=rf"^q\.jsonl, line 2.*{re.escape(fault)}"):
        known_question(row, "q.jsonl, line 2")


# --- the report ---------------------------------------------------------------------------------


def judged(count: int = 60) -> list[Judged]:
    """Every third answer is wrong, the low ones more often; five have no confidence."""
    rows = []
    for number in range(count):
        value = number / count
        right = number % 3 != 0 if number > count / 2 else number % 3 == 0
        known = question(id=str(number), group=f"document {number // 2}")
        given = answer("six" if right else "seven", value=value)
        if number < 5:
            given, right = replace(given, abstained=True), False
        rows.append(Judged(question=known, answer=given, right=right))
    return rows


def made_report(**change: Any) -> ConfidenceReport:
    facts = {
        "knowledge_base": "R&D <b>",
        "target_error": 0.5,
        "questions_sha256": "ab" * 32,
        "date": "2026-06-30",
    }
    return evaluate(judged(), **(facts | change))


def test_every_question_is_counted_once() -> None:
    report = made_report()
    assert (report.questions, report.unscored, report.calibrated.after.answers) == (60, 5, 55)
    for at in (report.before, report.after):
        assert at.right + at.wrong + at.lost + at.spared == 60
    assert report.after.right + report.after.lost == report.before.right + report.before.lost
    assert report.fit.made is not None
    assert (report.fit.made.date, report.fit.made.questions) == ("2026-06-30", 55)


def test_what_is_proven_and_what_is_only_seen_are_told_apart() -> None:
    text = as_markdown(made_report(target_error=0.3))
    assert (
        "does not prove it: with 90% certainty the error rate is at most" in text
        or "No threshold keeps" in text
    )
    assert "5 questions got no answer at all" in text


def test_the_page_is_one_file_that_asks_for_nothing() -> None:
    page = as_html(made_report())
    assert "R&amp;D &lt;b&gt;" in page
    assert "<b>" not in page
    assert not re.search(r"<script|<link|<img|@import|url\(|src=|href=|http", page.replace("http-equiv", ""))
    assert page.count('role="img" aria-label=') == 2
    assert "NaN" not in page


def test_every_tag_is_closed() -> None:
    class Reader(HTMLParser):
        def __init__(self) -> None:
            super().__init__()
            self.open: list[str] = []

        def handle_starttag(self, tag: str, attrs: object) -> None:
            if tag != "meta":
                self.open.append(tag)

        def handle_endtag(self, tag: str) -> None:
            assert self.open.pop() == tag

    reader = Reader()
    reader.feed(as_html(made_report()))
    assert reader.open == []


def test_answers_without_confidence_are_too_few() -> None:
    with pytest.raises(CalibrationError, match="5 judged answers are too few"):
        evaluate(judged()[:10], knowledge_base="x", target_error=0.1, questions_sha256="0", date="2026-06-30")


# --- the command --------------------------------------------------------------------------------

PEOPLE = (
    "Anna",
    "Bram",
    "Cleo",
    "Dirk",
    "Elke",
    "Finn",
    "Gust",
    "Hedy",
    "Ivar",
    "Jana",
    "Karl",
    "Lena",
    "Moos",
)


@pytest.fixture
def questions(home: Path, tmp_path: Path) -> Path:
    """A knowledge base of a few people, and questions on their desks and on what it does not hold."""
    rows = [
        {"_id": n, "text": f"{n} has the desk number {i + 11} and the phone extension {i + 501}."}
        for i, n in enumerate(PEOPLE)
    ]
    corpus = tmp_path / "people.jsonl"
    corpus.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    base = open_workspace().create_knowledge_base("People")
    base.ingest([corpus])
    asked: list[dict[str, Any]] = [
        {"_id": f"d{i}", "text": f"Which desk number has {n}?", "answers": [str(i + 11)]}
        for i, n in enumerate(PEOPLE)
    ]
    asked += [
        {"_id": f"x{i}", "text": f"Who painted the {n} altarpiece in Ghent?", "answerable": False}
        for i, n in enumerate(PEOPLE)
    ]
    path = tmp_path / "questions.jsonl"
    path.write_text("\n".join(map(json.dumps, asked)), encoding="utf-8")
    return path


def run(*arguments: str) -> Any:
    return CliRunner().invoke(app, ["evaluate", "confidence", *arguments], catch_exceptions=True)


def test_the_command_measures_writes_and_applies(questions: Path, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    ran = run(
        "--questions",
        str(questions),
        "--kb",
        "People",
        "--target-error",
        "0.3",
        "--json",
        "--apply",
        "--out",
        str(out),
    )
    assert ran.exit_code == 0, ran.output
    printed = json.loads(ran.stdout)
    assert (printed["questions"], printed["judged"] + printed["without_confidence"]) == (26, 26)
    assert printed["after"]["auroc"][0] > 0.9
    assert out.read_text("utf-8").startswith("<!doctype html>")
    assert "# Confidence of People" in out.with_suffix(".md").read_text("utf-8")
    path = open_workspace().calibration_file("People")
    fit = Calibration.load(path)
    assert str(path) == printed["applied"]
    assert fit.made is not None
    assert fit.made.metrics["target_error"] == 0.3
    assert fit.abstain_below == pytest.approx(printed["threshold"]["value"], abs=1e-4)


def test_an_applied_threshold_holds_answers_back(questions: Path) -> None:
    workspace = open_workspace()
    asked = read_question_set(questions).questions[0]
    before = workspace.chain("rag", "People").invoke(Question(text=asked.text))
    assert not before.abstained
    path = workspace.calibration_file("People")
    assert run("--questions", str(questions), "--kb", "People", "--apply").exit_code == 0
    strict = json.loads(path.read_text("utf-8")) | {"abstain_below": 1.0}
    path.write_text(json.dumps(strict), encoding="utf-8")
    after = workspace.chain("rag", "People").invoke(Question(text=asked.text))
    assert after.abstained
    assert "100% is needed" in (after.reason or "")


def test_a_broken_fit_is_told_in_the_answer(questions: Path) -> None:
    workspace = open_workspace()
    workspace.calibration_file("People").write_text("{", encoding="utf-8")
    found = workspace.chain("rag", "People").invoke(Question(text="Which desk number has Anna?"))
    assert not found.abstained
    assert found.confidence is not None
    assert "it is not JSON" in found.confidence.reasons[-1]


def test_too_few_questions_are_refused_before_anything_is_asked(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "few.jsonl"
    path.write_text(
        "\n".join(json.dumps({"_id": i, "text": f"x{i}?", "answer": "y"}) for i in range(19)), "utf-8"
    )
    open_workspace().create_knowledge_base("Empty")
    ran = run("--questions", str(path), "--kb", "Empty")
    assert isinstance(ran.exception, CalibrationError)
    assert str(ran.exception).startswith("19 judged answers are too few")


def test_questions_come_in_any_form_and_what_is_left_out_is_told(home: Path, tmp_path: Path) -> None:
    path = tmp_path / "few.csv"
    path.write_text("Frage;Antwort\n" + "".join(f"x{i}?;y\n" for i in range(19)) + "x1?;y\n", "utf-16")
    ran = run("--questions", str(path), "--kb", "Empty")
    assert str(ran.exception).startswith("19 judged answers are too few")
    assert "question from 'Frage', answer from 'Antwort'" in ran.stderr
    assert "row 21 asks the same as row 3" in ran.stderr


def test_an_empty_knowledge_base_is_told(home: Path, questions: Path) -> None:
    open_workspace().create_knowledge_base("Empty")
    ran = run("--questions", str(questions), "--kb", "Empty")
    assert isinstance(ran.exception, SettingsError)
    assert "holds no documents" in str(ran.exception)


def with_gold(questions: Path, document: str) -> Path:
    """The third question with a document that holds its answer."""
    rows = [json.loads(line) for line in questions.read_text("utf-8").splitlines()]
    rows[2]["gold"] = [{"document": document}]
    questions.write_text("\n".join(map(json.dumps, rows)), "utf-8")
    return questions


@pytest.mark.parametrize("document", ["nobody.md", "hr/nobody.md", "nna", "wrong/Anna"])
def test_a_gold_document_that_is_not_there_is_named_with_its_line(questions: Path, document: str) -> None:
    ran = run("--questions", str(with_gold(questions, document)), "--kb", "People")
    assert isinstance(ran.exception, SettingsError)
    assert str(ran.exception).startswith(
        f"{questions}, line 3: question 'd2' names the document {document!r}, which the knowledge base 'People' "
    )


def test_gold_documents_that_are_there_are_judged_by(questions: Path) -> None:
    document = open_workspace().knowledge_base("People").documents()[0].document_id
    ran = run("--questions", str(with_gold(questions, document)), "--kb", "People", "--json")
    assert ran.exit_code == 0, ran.output


def reply_to(body: dict[str, Any]) -> str:
    """A model that knows half of the desks, makes the others up, and now and then a painter."""
    asked = str(body["messages"][-1]["content"]).rpartition("Question: ")[2]
    number = next(index for index, name in enumerate(PEOPLE) if name in asked)
    if "altarpiece" in asked:
        return "Jan van Eyck painted it [1]." if number % 2 else "NOT_IN_DOCUMENTS"
    return f"{PEOPLE[number]} has the desk number {number + 11 if number % 2 else number + 71} [1]."


def test_a_chat_model_s_answers_get_a_fit_of_their_own(
    questions: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    more = [json.loads(line) for line in questions.read_text("utf-8").splitlines()]
    more += [
        row | {"_id": f"{row['_id']} again", "text": row["text"].replace("Which", "What")}
        for row in more[:13]
    ]
    path = tmp_path / "more.jsonl"
    path.write_text("\n".join(map(json.dumps, more)), encoding="utf-8")
    with serve_openai(answer=reply_to) as server:
        monkeypatch.setenv("OPENAI_BASE_URL", server.url)
        monkeypatch.setattr(workspace_module, "_process_workspace", None)
        ran = run("--questions", str(path), "--kb", "People", "--apply", "--json")
        assert ran.exit_code == 0, ran.output
        printed = json.loads(ran.stdout)
        made = Calibration.load(Path(printed["applied"]), known=REPLY_SIGNALS)
        assert Path(printed["applied"]).name == "calibration-chat.json"
        assert not open_workspace().calibration_file("People").exists()
        assert made.made is not None
        assert made.made.model == printed["model"] == "compatible:loopback-model"
        assert printed["without_confidence"] == 7  # the model abstained by itself
        assert printed["after"]["auroc"][0] > 0.8
        open_workspace().close()
