"""What a file is taken for and what becomes of its records: one case for each form that data comes in."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from finetune.examples import Refused, Row, with_metadata
from finetune.importing import Recognition, read_examples, recognise
from tests.finetune.import_cases import (
    BOT,
    CHAT,
    CHATGPT,
    EXPORT,
    FORMS,
    REFUSALS,
    SHAREGPT,
    USER,
    file_of,
    imported,
    lines,
    said,
)

# --- forms --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "content", "form", "row"), FORMS)
def test_each_form_is_recognised_and_becomes_the_row(
    tmp_path: Path, name: str, content: bytes, form: str, row: Row
) -> None:
    path = file_of(tmp_path, name, content)
    found = recognise(path)
    made, refusals = imported(path)
    assert (found.form, refusals) == (form, [])
    assert made[0].row == row
    assert found.samples[0] == row
    assert json.dumps(found.as_dict())


@pytest.mark.parametrize(
    ("header", "question", "answer"),
    [
        ("Frage,Antwort", 0, 1),
        ("Antworttext,Kundenfrage", 1, 0),
        ("Pregunta,Respuesta", 0, 1),
        ("Réponse,Requête", 1, 0),
        ("Domanda,Risposta", 0, 1),
        ("Pergunta,Resposta", 0, 1),
        ("Vraag,Antwoord", 0, 1),
        ("Pytanie,Odpowiedź", 0, 1),
        ("Вопрос,Ответ", 0, 1),
        ("问题,答案", 0, 1),
        ("質問,回答", 0, 1),
        ("질문,답변", 0, 1),
        ("السؤال,الجواب", 0, 1),
        ("User message,Agent reply", 0, 1),
        ("userInput,expected_output", 0, 1),
        ("id,Q,A", 1, 2),
        ("input,output", 0, 1),
        ("Instruction,Response", 0, 1),
    ],
)
def test_columns_are_known_in_many_languages(tmp_path: Path, header: str, question: int, answer: int) -> None:
    names = header.split(",")
    path = file_of(tmp_path, "a.csv", f"{header}\n{','.join('xyz'[: len(names)])}\n".encode())
    found = recognise(path)
    assert (found.mapping["question"], found.mapping["answer"]) == (names[question], names[answer])


# --- spreadsheets and Parquet -------------------------------------------------------------------------


def workbook(folder: Path, fill: Callable[[Any], None], name: str = "a.xlsx") -> Path:
    import openpyxl

    book = openpyxl.Workbook()
    fill(book)
    book.save(folder / name)
    return folder / name


def test_a_sheet_with_a_title_merged_cells_numbers_and_a_hidden_sheet(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        sheet = book.active
        sheet.title = "FAQ"
        sheet["B2"], sheet["B4"], sheet["C4"], sheet["D4"] = "Our FAQ", "Ticket", "Frage", "Antwort"
        for row, (question, answer) in enumerate(
            [("Wie viel?", 7.0), ("Wann?", "Morgen"), ("Wo?", True)], start=5
        ):
            sheet[f"C{row}"], sheet[f"D{row}"] = question, answer
        sheet["B5"] = "T-1"
        sheet.merge_cells("B5:B6")
        secret = book.create_sheet("Secret")
        secret.sheet_state = "hidden"
        secret.append(["Frage", "Antwort"])
        secret.append(["Geheim?", "Ja."])

    path = workbook(tmp_path, fill)
    found, (made, refusals) = recognise(path), imported(path)
    assert refusals == []
    told = [(one.provenance.line, one.provenance.group, one.row["messages"][1]["content"]) for one in made]
    assert told == [(5, "T-1", "7"), (6, "T-1", "Morgen"), (7, None, "TRUE")]
    assert any("Hidden sheets are left out: Secret" in note for note in found.notes)
    assert imported(path, sheet="Secret")[0][0].row["messages"][0]["content"] == "Geheim?"


def test_every_shown_sheet_with_questions_is_read_by_its_own_columns(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        book.active.title = "Deutsch"
        book.active.append(["Frage", "Antwort"])
        book.active.append(["Wie?", "So."])
        english = book.create_sheet("English")
        english.append(["Answer", "Question"])
        english.append(["So.", "How?"])
        notes = book.create_sheet("Notes")
        notes.append(["Number", "Place"])
        notes.append([1, 2])

    path = workbook(tmp_path, fill)
    made, _ = imported(path)
    assert any("left out: Notes" in note for note in recognise(path).notes)
    assert [one.row["messages"][0]["content"] for one in made] == ["Wie?", "How?"]
    assert [one.provenance.details["sheet"] for one in made] == ["Deutsch", "English"]


def test_an_empty_cell_is_refused_by_sheet_row_and_column(tmp_path: Path) -> None:
    def fill(book: Any) -> None:
        book.active.append(["Question", "Answer"])
        book.active.append(["How?", "So."])
        book.active.append(["Why?", "=1+1"])  # never computed: no value was saved

    _, refusals = imported(workbook(tmp_path, fill))
    assert [(one.line, one.field, one.reason) for one in refusals] == [
        (3, "Sheet!Answer", "The answer is empty.")
    ]


def test_parquet_rows_lose_the_fields_that_only_other_rows_have(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    named = {"messages": [*CHAT["messages"][:1], said("assistant", BOT, weight=1)]}
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist([CHAT, named]), tmp_path / "a.parquet")
    made, refusals = imported(tmp_path / "a.parquet")
    assert [one.row for one in made] == [CHAT, named]
    assert refusals == []


# --- refusals -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "content", "line", "field", "reason"), REFUSALS)
def test_each_refused_record_is_named_by_line_and_field(
    tmp_path: Path, name: str, content: str, line: int, field: str, reason: str
) -> None:
    path = file_of(tmp_path, name, content.encode())
    made, refusals = imported(path)
    assert made
    assert [(one.file, one.line, one.field) for one in refusals] == [(str(path), line, field)]
    assert reason in refusals[0].reason
    assert refusals[0].fix.endswith(".")


def test_reading_goes_on_behind_what_is_refused(tmp_path: Path) -> None:
    path = file_of(tmp_path, "a.csv", b'question,answer\na,b\n"c,d\ne,f\n"g ""G""",h\n')
    made, refusals = imported(path)
    assert [one.row["messages"][0]["content"] for one in made] == ["a", "e", 'g "G"']
    assert [one.line for one in refusals] == [3]


def test_one_cut_row_makes_no_column_of_its_own(tmp_path: Path) -> None:
    table = b"Where is it?,In the box.\n" * 9 + b"Who pays?,The buyer, mostly.\n"
    found = recognise(file_of(tmp_path, "a.csv", table))
    made, refusals = imported(found.path)
    assert found.fields == ("Column A", "Column B")
    assert (len(made), [one.line for one in refusals]) == (9, [10])


def test_a_column_without_a_name_is_called_by_its_letter(tmp_path: Path) -> None:
    found = recognise(file_of(tmp_path, "a.csv", b"Question,,Answer,,\nq,1,a,,\nq,2,a,,\n"))
    assert found.fields == ("Question", "Column B", "Answer")


def test_a_cell_of_a_hundred_lines_is_a_cell(tmp_path: Path) -> None:
    long = "\n".join(f"line {number}; and more" for number in range(100))
    path = file_of(tmp_path, "a.csv", f'Frage;Antwort\nWie?;"{long}"\nWer?;Wir.\n'.encode())
    made, refusals = imported(path)
    assert [one.row["messages"][1]["content"] for one in made] == [long, "Wir."]
    assert [one.provenance.line for one in made] == [2, 102]
    assert refusals == []


def test_a_mixed_file_says_so_and_is_read_whole_when_asked(tmp_path: Path) -> None:
    path = file_of(tmp_path, "a.jsonl", lines(CHAT, CHAT, SHAREGPT, {"question": USER, "answer": BOT}))
    found = recognise(path)
    assert found.form == "chat"
    assert found.confidence == 0.5
    assert any("--format mixed" in note for note in found.notes)
    assert {one.form for one in found.alternatives} == {"sharegpt", "columns", "mixed"}
    assert [len(part) for part in imported(path)] == [2, 2]
    made, refusals = imported(path, form="mixed")
    assert [one.row for one in made] == [CHAT] * 4
    assert refusals == []


def test_completion_pairs_become_chat_rows_when_asked(tmp_path: Path) -> None:
    path = file_of(tmp_path, "a.jsonl", lines({"prompt": USER, "completion": BOT}))
    assert [one.form for one in recognise(path).alternatives] == ["columns"]
    assert imported(path, form="columns")[0][0].row == CHAT


def test_where_a_row_came_from_is_kept(tmp_path: Path) -> None:
    record = {**CHAT, "id": 17, "ticket_id": 4, "document": "d.pdf", "metadata": {"team": "A"}, "stars": 5}
    path = file_of(tmp_path, "a.jsonl", b"\n" + lines(record))
    (one,), _ = imported(path)
    assert one.row == {**CHAT, "metadata": {"team": "A"}}
    assert one.provenance.as_dict() == {
        "origin": "imported", "file": str(path), "line": 2, "document": "d.pdf", "group": "4", "id": 17
    }  # fmt: skip
    assert recognise(path).unused == ("stars",)


def test_a_working_file_of_this_program_keeps_what_it_knows_of_its_rows(tmp_path: Path) -> None:
    facts = {"origin": "generated", "document": "d1", "group": "d1", "model": "m", "raft": {"oracle": 2}}
    path = file_of(tmp_path, "a.jsonl", lines({**CHAT, "metadata": facts}))
    (one,), _ = imported(path)
    assert one.provenance.as_dict() == {**facts, "file": str(path), "line": 1}
    again = file_of(tmp_path, "b.jsonl", lines(with_metadata(one)))
    assert imported(again)[0][0].provenance == one.provenance


def test_earlier_turns_of_a_follow_up_are_read_not_learnt(tmp_path: Path) -> None:
    history = [{"role": "user", "text": "Cost?"}, {"role": "assistant", "text": "5 euros [1]."}]
    answer = {"searched_for": "Cost for two?", "receipt": {"question": {"history": history}}}
    follow_up = {"question": "For two?", "answers": [{"state": "done", "text": "10.", "answer": answer}]}
    broken = {"question": "And?", "answers": [{"state": "stopped", "text": "We"}]}
    export = {**EXPORT, "exchanges": [follow_up, broken]}
    made, refusals = imported(file_of(tmp_path, "a.json", json.dumps(export).encode()))
    assert made[0].row["messages"] == [
        said("user", "Cost?"),
        said("assistant", "5 euros.", weight=0),
        said("user", "For two?"),
        said("assistant", "10."),
    ]  # fmt: skip
    assert made[0].provenance.group == "c1"
    assert [(one.line, one.reason) for one in refusals] == [(2, "The answer was not finished (stopped).")]


def test_records_are_read_one_by_one(tmp_path: Path) -> None:
    path = file_of(tmp_path, "a.jsonl", lines(*[CHAT] * 3) + b"{broken\n")
    found: Recognition = recognise(path)
    assert len(list(islice(read_examples(path, found), 2))) == 2


_ROWS = '[{"question": "Why?", "answer": "So."}, {"question": "When?", "answer": "Then."}]'


@pytest.mark.parametrize("large", [False, True])
@pytest.mark.parametrize(
    ("text", "refused"),
    [
        pytest.param(f'{{"train": {_ROWS}, "test": {_ROWS}}}', "'test'", id="two-lists"),
        pytest.param(f'{{"data": {_ROWS}, "version": 1, "tags": ["a", "b"]}}', None, id="one-list"),
        pytest.param(f"{_ROWS} and {_ROWS}", "behind the end", id="text-behind"),
        pytest.param(f"{_ROWS}\n\n", None, id="nothing-behind"),
    ],
)
def test_what_is_not_read_of_a_json_file_is_named(
    text: str, refused: str | None, large: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finetune.importing import json_records

    monkeypatch.setattr(json_records, "_WHOLE", 0 if large else json_records._WHOLE)
    (tmp_path / "a.json").write_text(text)
    path = tmp_path / "a.json"
    made = list(read_examples(path, recognise(path)))
    reasons = [one.reason for one in made if isinstance(one, Refused)]
    assert len(made) - len(reasons) == 2
    assert [refused in reason for reason in reasons] == [True] if refused else reasons == []


def test_a_number_of_too_many_digits_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(_ROWS[:-1] + f', {{"question": "How many?", "answer": {"9" * 5000}}}]')
    [_, _, last] = read_examples(path, recognise(path))
    assert isinstance(last, Refused)


def test_a_tree_tells_its_group_and_what_was_left_out(tmp_path: Path) -> None:
    path = file_of(tmp_path, "conversations.json", json.dumps([CHATGPT]).encode())
    (example,), refused = imported(path)
    assert not refused
    assert example.provenance.group == "c-7"
    # the system's empty text, the call and its result, and the thanks that nobody answered
    assert (example.provenance.details["title"], example.provenance.details["left_out"]) == ("Costs", 4)
