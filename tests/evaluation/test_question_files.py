"""Question sets as people keep them: what each row becomes, what is refused and where, several sets as one."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from openpyxl import Workbook

from app.evaluating import SAMPLE_SETS, read_sets
from errors import SettingsError
from evaluation.judging import GoldPlace, KnownQuestion
from evaluation.question_files import QuestionSet, joined, read_question_set


def csv_file(folder: Path, rows: list[list[str]], name: str = "q.csv") -> Path:
    path = folder / name
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    return path


def only(path: Path) -> KnownQuestion:
    return read_question_set(path).questions[0]


@pytest.mark.parametrize(
    ("head", "row", "expected"),
    [
        pytest.param(["question", "answer"], ["How many?", "six"],
                     {"text": "How many?", "answers": ("six",), "reference": "six", "answerable": True, "id": "2"},
                     id="the least there is"),
        pytest.param(["question", "answer"], ["How many?", "six | half a dozen"],
                     {"answers": ("six", "half a dozen")}, id="several wordings under answer"),
        pytest.param(["Frage", "Antwort"], ["Wie viele?", "sechs"], {"text": "Wie viele?", "answers": ("sechs",)},
                     id="German names"),
        pytest.param(["Question", "Expected", "Category"], ["Q?", "six", "leave"], {"tags": ("leave",)},
                     id="other names, any case"),
        pytest.param(["Nr.", "Frage", "Erwartete Antwort", "Fundstelle", "Beantwortbar?", "Kategorie"],
                     ["7", "Wie viele?", "sechs", "Buch.docx", "ja", "Urlaub"],
                     {"id": "7", "text": "Wie viele?", "answers": ("sechs",), "documents": ("Buch.docx",),
                      "answerable": True, "tags": ("Urlaub",)}, id="a German company's columns"),
        pytest.param(["Test question", "Expected answer", "Source document", "In the documents?", "Topic"],
                     ["Q?", "six", "a.md", "no", "leave"],
                     {"text": "Q?", "documents": ("a.md",), "answerable": False, "tags": ("leave",)},
                     id="an English company's columns, one of which asks"),
        pytest.param(["question", "answers"], ["Q?", "six | 6 days |"], {"answers": ("six", "6 days"), "reference": ""},
                     id="several wordings"),
        pytest.param(["question", "answer", "documents", "quote"], ["Q?", "six", "a.md; b.md", "six days"],
                     {"documents": ("a.md", "b.md"),
                      "gold": tuple(GoldPlace(document=one, quote="six days") for one in ("a.md", "b.md")),
                      "group": "a.md"}, id="documents and their words"),
        pytest.param(["question", "answer", "documents", "quote"], ["Q?", "six", "a.md; b.md", "six | 6 days"],
                     {"gold": (GoldPlace(document="a.md", quote="six"), GoldPlace(document="b.md", quote="6 days"))},
                     id="as many quotes as documents"),
        pytest.param(["question", "documents", "quote"], ["Q?", "a.md", "| IB-12 | 22,150 |"],
                     {"gold": (GoldPlace(document="a.md", quote="| IB-12 | 22,150 |"),)}, id="a quote with bars"),
        pytest.param(["question", "documents"], ["Q?", "a.md, b.docx"], {"documents": ("a.md", "b.docx")},
                     id="names of files with commas between them"),
        pytest.param(["question", "documents"], ["Q?", "Rules, 2026.docx"], {"documents": ("Rules, 2026.docx",)},
                     id="a comma in a name"),
        pytest.param(["question", "documents", "answers"], ["Q?", "Leave\nTravel", "six\n6 days"],
                     {"documents": ("Leave", "Travel"), "answers": ("six", "6 days")}, id="a line each in a cell"),
        pytest.param(["question", "answerable"], ["How many are there?", "no"], {"answerable": False},
                     id="marked unanswerable"),
        pytest.param(["question", "answer", "answerable"], ["Q?", "six", "JA"], {"answerable": True},
                     id="marked answerable"),
        pytest.param(["id", "question", "answer", "tags"], ["x1", "Q?", "six", "a, b; c"],
                     {"id": "x1", "tags": ("a", "b", "c")}, id="its own id, tags"),
        pytest.param(["question", "answer"], ["Q?", " ".join(["word"] * 14)], {"answers": ()},
                     id="a long answer is a reference alone"),
    ],
)  # fmt: skip
def test_a_row_of_a_table(tmp_path: Path, head: list[str], row: list[str], expected: dict[str, Any]) -> None:
    found = only(csv_file(tmp_path, [head, row]))
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("row", "said"),
    [
        pytest.param(["", "six", ""], "has no question in it", id="no question"),
        pytest.param(["Q?", "", ""], "nothing to tell right from wrong by", id="nothing to judge by"),
        pytest.param(
            ["Q?", "six", "perhaps"], "says 'perhaps' under 'answerable': write yes or no", id="neither"
        ),
    ],
)
def test_a_row_that_is_none_is_told_and_stops_no_other(tmp_path: Path, row: list[str], said: str) -> None:
    path = csv_file(tmp_path, [["question", "answer", "answerable"], ["Good?", "yes", "yes"], row])
    found = read_question_set(path)
    assert [one.text for one in found.questions] == ["Good?"]
    assert len(found.refused) == 1
    assert "row 3" in found.refused[0]
    assert said in found.refused[0]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"question": "Q?", "answer": "six"}, {"id": "1", "text": "Q?", "answers": ("six",), "reference": "six"}),
        ({"id": 7, "query": "Q?", "expected": 12}, {"id": "7", "answers": ("12",)}),
        ({"frage": "Q?", "antwort": 3.5, "quelle": "a.md"}, {"answers": ("3.5",), "documents": ("a.md",)}),
        ({"question": "Q?", "answers": [6, "six"], "tags": "leave, pay"},
         {"answers": ("6", "six"), "tags": ("leave", "pay")}),
        ({"question": "Q?", "answers": "six|6 days"}, {"answers": ("six", "6 days")}),
        ({"question": "Q?", "answer": True}, {"answers": ("TRUE",)}),
        ({"question": "Q?", "answer": None, "answerable": "no"}, {"answerable": False, "answers": ()}),
        ({"question": "Q?", "is_impossible": True}, {"answerable": False}),
        ({"question": "Q?", "answers": {"text": ["six", "6"], "answer_start": [3, 9]}}, {"answers": ("six", "6")}),
        ({"question": "Q?", "gold": "a.md; b.md", "quote": "six days"},
         {"gold": tuple(GoldPlace(document=one, quote="six days") for one in ("a.md", "b.md"))}),
        ({"_id": "x", "text": "Q?", "source": "made", "gold": [{"document": "a.md", "quote": "six"}], "type": "single"},
         {"id": "x", "gold": (GoldPlace(document="a.md", quote="six"),), "tags": ("single",)}),
        ({"_id": "x", "text": "Q?", "answers": ["6"], "evidence": ["d1"]}, {"documents": ("d1",)}),
    ],
    ids=lambda one: str(one)[:50],
)  # fmt: skip
def test_a_row_of_json_lines_goes_by_the_names_that_columns_have(
    tmp_path: Path, row: dict[str, Any], expected: dict[str, Any]
) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(json.dumps(row), "utf-8")
    found = only(path)
    assert {name: getattr(found, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("q.jsonl", '{"question": "Q?", "answer": "six"}\n'.encode("utf-16")),
        ("q.json", b'[{"question": "Q?", "answer": "six"}]'),
        ("q.json", b'{"questions": [{"question": "Q?", "answer": "six"}]}'),
        ("q.csv", "sep=;\nquestion;answer\nQ?;six\n".encode("utf-16")),
        ("q.csv", "Testfragen für 2026;;\n;;\nFrage;Antwort;Quelle\n Q? ; six ;\n".encode("cp1252")),
        ("q.tsv", b"\xef\xbb\xbfquestion\tanswer\nQ?\tsix\n"),
        ("q.txt", b"question;answer\r\nQ?;six\r\n"),
    ],
    ids=lambda one: one if isinstance(one, str) else str(one[:20]),
)
def test_the_same_question_in_the_forms_that_files_have(tmp_path: Path, name: str, content: bytes) -> None:
    (tmp_path / name).write_bytes(content)
    found = only(tmp_path / name)
    assert (found.text, found.answers) == ("Q?", ("six",))


@pytest.mark.parametrize(
    ("column", "yes", "no"),
    [
        ("answerable", "Yes y TRUE 1 ja Ja. oui sí sim evet да tak 是 はい ✓",
         "No n false 0 nein non não hayır нет nie 否 ✗"),
        ("unanswerable", "no nein false", "yes x ja TRUE 1"),
    ],
)  # fmt: skip
def test_yes_and_no_in_several_languages(tmp_path: Path, column: str, yes: str, no: str) -> None:
    cells = [(cell, True) for cell in yes.split()] + [(cell, False) for cell in no.split()]
    path = csv_file(
        tmp_path,
        [["question", "answer", column], *([f"{cell} {wanted}?", "six", cell] for cell, wanted in cells)],
    )
    read = read_question_set(path)
    assert [(one.text, one.answerable) for one in read.questions] == [
        (f"{cell} {wanted}?", wanted) for cell, wanted in cells
    ]


@pytest.mark.parametrize(
    ("head", "no"),
    [
        ("Question;Réponse attendue;Source;Répondable", "non"),
        ("Pregunta;Respuesta esperada;Fuente;¿Está en los documentos?", "no"),
        ("Domanda;Risposta attesa;Fonte;Rispondibile", "no"),
        ("Vraag;Antwoord;Bron;Te beantwoorden", "nee"),
        ("Frage;Antwort;Quelle;Beantwortbar", "nein"),
    ],
)
def test_a_whole_table_in_other_languages(tmp_path: Path, head: str, no: str) -> None:
    path = tmp_path / "q.csv"
    path.write_text(f"{head}\nQ?;six;a.md;\nR?;;;{no}\n", "utf-8")
    found = read_question_set(path).questions
    assert [(one.answers, one.documents, one.answerable) for one in found] == [
        (("six",), ("a.md",), True),
        ((), (), False),
    ]


def test_a_row_without_an_id_takes_none_that_another_one_has(tmp_path: Path) -> None:
    path = csv_file(tmp_path, [["id", "question", "answer"], ["3", "Q?", "six"], ["", "R?", "six"]])
    assert [one.id for one in read_question_set(path).questions] == ["3", "row 3"]


def test_a_number_of_something_is_no_id(tmp_path: Path) -> None:
    rows = [["Number of days", "question", "answer"], ["5", "Q?", "six"], ["5", "R?", "six"]]
    assert [one.id for one in read_question_set(csv_file(tmp_path, rows)).questions] == ["2", "3"]


def test_a_question_that_comes_again_is_counted_once(tmp_path: Path) -> None:
    rows = [
        ["question", "answer"],
        ["How many?", "six"],
        ["Who?", "Ann"],
        [" how  many? ", "six"],
        ["How many?", "7"],
    ]
    path = csv_file(tmp_path, rows)
    found = read_question_set(path)
    assert [one.text for one in found.questions] == ["How many?", "Who?"]
    assert found.refused == (
        f"{path}, row 4 asks the same as row 2.",
        f"{path}, row 5 asks the same as row 2, and wants something else: put all that is accepted into one row, under "
        "'answers'.",
    )


def test_a_dash_is_no_answer(tmp_path: Path) -> None:
    rows = [["question", "answer", "answerable"], ["Q?", "six", ""], ["R?", "n/a", "no"], ["S?", "–", ""]]
    found = read_question_set(csv_file(tmp_path, rows))
    assert [(one.text, one.answerable, one.reference) for one in found.questions] == [
        ("Q?", True, "six"),
        ("R?", False, ""),
    ]
    assert "row 4 has '–' for an answer: write no under 'answerable'" in found.refused[0]


def test_fields_of_json_by_other_names_are_told(tmp_path: Path) -> None:
    path = tmp_path / "q.jsonl"
    path.write_text(
        '{"id": 1, "frage": "Q?", "soll": "six"}\n{"id": 2, "question": "R?", "soll": "six"}', "utf-8"
    )
    assert read_question_set(path).columns == ("Fields: question from 'frage', answer from 'soll'.",)


def test_a_row_that_cannot_be_read_says_why(tmp_path: Path) -> None:
    path = tmp_path / "q.csv"
    path.write_text("question,answer\nQ?,six\nR?,six,seven,eight\n", "utf-8")
    assert read_question_set(path).refused == (
        f"{path}, row 3: The row has 4 cells where the header names 2. Put texts that hold the delimiter into "
        "quotation marks, or name the further columns.",
    )


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        pytest.param("q.csv", "animal,sound\ncat,meow\n", "no column of questions", id="no such column"),
        pytest.param("q.csv", "", "is empty", id="an empty file"),
        pytest.param("q.csv", "How many are there?,six\nWho?,Ann\n", "no row on top that names", id="no head"),
        pytest.param("q.csv", "question,answer\n", "holds no question", id="a head alone"),
        pytest.param("q.jsonl", '{"_id": 1}\n', "holds no question that can be judged. The first row:", id="JSONL"),
        pytest.param("q.jsonl", "{nonsense\n", "q.jsonl", id="no JSON"),
        pytest.param("q.pdf", "%PDF-1.7", "document, not a file of questions", id="a document"),
        pytest.param("q.docx", "PK", "document, not a file of questions.*evaluate questions", id="a Word document"),
        pytest.param("q.jsonl", '{"messages": []}\n', "training data.*evaluate questions --from", id="training rows"),
        pytest.param("q.csv", "id,question,answer\na,Q?,1\na,R?,2\n", "has the id 'a' of", id="an id twice"),
    ],
)  # fmt: skip
def test_a_file_that_is_no_question_set(tmp_path: Path, name: str, content: str, said: str) -> None:
    path = tmp_path / name
    path.write_text(content, "utf-8")
    with pytest.raises(SettingsError, match=said):
        read_question_set(path)


def test_a_missing_file_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"name a CSV, XLSX or JSONL file"):
        read_question_set(tmp_path / "nowhere.csv")


def test_a_spreadsheet_with_two_sheets_keeps_its_rows_apart(tmp_path: Path) -> None:
    book = Workbook()
    first = book.active
    assert first is not None
    first.title = "Leave"
    second = book.create_sheet("Travel")
    for sheet, text in ((first, "How many days?"), (second, "How much?")):
        sheet.append(["Question", "Answer", "Answerable"])
        sheet.append([text, 6, "yes"])
    book.save(tmp_path / "q.xlsx")
    found = read_question_set(tmp_path / "q.xlsx")
    assert [(one.id, one.text, one.answers) for one in found.questions] == [
        ("Leave-2", "How many days?", ("6",)),
        ("Travel-2", "How much?", ("6",)),
    ]
    assert "sheet Travel, row 2" in found.questions[1].place


def test_a_sheet_of_notes_is_passed_over_and_what_was_read_is_told(tmp_path: Path) -> None:
    book = Workbook()
    first = book.active
    assert first is not None
    first.title = "Test"
    first.append(["Question", "Expected answer", "In the documents?", "Owner"])
    first.append(["How many days?", 6, "yes", "Ann"])
    book.create_sheet("Notes").append(["Made by", "Date"])
    book.save(tmp_path / "q.xlsx")
    found = read_question_set(tmp_path / "q.xlsx")
    assert [one.answers for one in found.questions] == [("6",)]
    assert found.columns == (
        "Sheet Test: question from 'Question', answer from 'Expected answer', answerable from 'In the documents?'; "
        "not used: 'Owner'.",
        "Sheet Notes: passed over, for it has no column of questions.",
    )


def test_a_file_most_of_whose_rows_cannot_be_judged_is_refused(tmp_path: Path) -> None:
    without = [[f"Frage {at}?", "ja", ""] for at in range(3)]
    path = csv_file(tmp_path, [["Frage", "Wunsch", "Beantwortbar"], *without, ["X?", "", "nein"]])
    with pytest.raises(
        SettingsError, match=r"Only 1 of the 4 rows .* first row: .*row 2 .*not used: 'Wunsch'"
    ):
        read_question_set(path)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(
            st.text(st.characters(categories=("L", "N", "Zs")), min_size=1).filter(str.strip),
            st.text(st.characters(categories=("L", "N")), min_size=1, max_size=20),
        ),
        min_size=1,
        max_size=8,
    )
)
def test_csv_and_json_lines_say_the_same(tmp_path: Path, rows: list[tuple[str, str]]) -> None:
    table = csv_file(
        tmp_path, [["id", "question", "answer"], *([f"n{at}", *row] for at, row in enumerate(rows))]
    )
    lines = tmp_path / "q.jsonl"
    lines.write_text(
        "".join(
            json.dumps({"_id": f"n{at}", "text": text.strip(), "answer": wanted}) + "\n"
            for at, (text, wanted) in enumerate(rows)
        ),
        "utf-8",
    )
    first, second = read_question_set(table), read_question_set(lines)
    assert [(one.id, one.text, one.answers) for one in first.questions] == [
        (one.id, one.text, one.answers) for one in second.questions
    ]


def made(name: str, *ids: str, documents: tuple[str, ...] = ()) -> QuestionSet:
    questions = tuple(
        KnownQuestion(
            id=one, text=f"{one}?", answerable=True, answers=("six",), documents=documents, tags=("old",),
            group=documents[0] if documents else f"question {one}",
        )
        for one in ids
    )  # fmt: skip
    return QuestionSet(name=name, sha256=name * 3, questions=questions, refused=(f"{name} row 9",))


def test_several_sets_are_told_apart_by_their_tag_and_their_ids() -> None:
    both = joined([made("docs", "a", "b", documents=("x.md",)), made("taught", "b", "c")])
    assert [one.id for one in both.questions] == ["a", "docs:b", "taught:b", "c"]
    assert [one.tags for one in both.questions[::3]] == [("docs", "old"), ("taught", "old")]
    assert [one.group for one in both.questions] == ["x.md", "x.md", "taught:question b", "taught:question c"]
    assert both.refused == ("docs row 9", "taught row 9")
    assert both.name == "docs and taught"


def test_one_set_alone_stays_as_it_is() -> None:
    alone = made("docs", "a")
    assert joined([alone]) is alone


def test_the_sample_company_has_two_sets_and_no_row_is_refused() -> None:
    both = read_sets(SAMPLE_SETS)
    counts = {
        name: sum(name in one.tags for one in both.questions)
        for name in ("document questions", "taught questions")
    }
    assert counts == {"document questions": 80, "taught questions": 40}
    assert both.refused == ()
    assert both.answerable == 100
