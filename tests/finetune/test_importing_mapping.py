"""Which column becomes what: by name, by content, as it was said; and what is said where none is known."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from errors import DatasetError, DatasetFormatError
from finetune.examples import Example
from finetune.importing import read_examples, recognise
from tests.finetune.import_cases import BOT, CHAT, USER, file_of, imported, lines, said


def test_a_given_mapping_counts_before_names(tmp_path: Path) -> None:
    path = file_of(tmp_path, "a.csv", b"question,answer,Col C,Team\na,b,c,Sales\n")
    mapping = {"question": "Col C", "group": "Team", "metadata.old": "question"}
    found = recognise(path, mapping=mapping)
    made, _ = imported(path, mapping=mapping)
    assert found.mapping == {
        "question": "Col C",
        "answer": "answer",
        "group": "Team",
        "metadata.old": "question",
    }
    assert made[0].row["messages"][0]["content"] == "c"
    assert (made[0].provenance.group, made[0].provenance.details) == ("Sales", {"old": "a"})
    assert found.unused == ()


def test_a_field_of_a_nested_record_is_named_by_its_path(tmp_path: Path) -> None:
    path = file_of(tmp_path, "a.jsonl", lines({"ticket": {"asked": USER, "reply": {"text": BOT}}}))
    made, _ = imported(path, mapping={"question": "ticket.asked", "answer": "ticket.reply.text"})
    assert made[0].row == CHAT


@pytest.mark.parametrize("role", ["system", "developer"])
def test_a_row_s_own_system_prompt_stays_the_only_one(tmp_path: Path, role: str) -> None:
    own = {"messages": [said(role, "Be kind."), *CHAT["messages"]]}
    found = recognise(file_of(tmp_path, "a.jsonl", lines(own)))
    (one,) = read_examples(found.path, found, system="Be brief.")
    assert isinstance(one, Example)
    assert one.row == own


def test_groups_and_kept_fields_are_named_for_records_of_every_form(tmp_path: Path) -> None:
    path = file_of(tmp_path, "a.jsonl", lines({**CHAT, "by": {"user": "u7"}, "stars": 5}))
    (one,), _ = imported(path, mapping={"group": "by.user", "metadata.stars": "stars"})
    assert one.row == CHAT
    assert (one.provenance.group, one.provenance.details) == ("u7", {"stars": 5})


def test_a_second_pair_of_columns_is_pointed_out(tmp_path: Path) -> None:
    path = file_of(tmp_path, "a.csv", b"Question,Answer,Frage,Antwort\nq,a,f,w\n")
    found = recognise(path)
    assert (found.mapping["question"], found.mapping["answer"]) == ("Question", "Answer")
    assert any("--map question='Frage' --map answer='Antwort'" in note for note in found.notes)


def test_a_part_without_a_column_stays_empty(tmp_path: Path) -> None:
    path = file_of(tmp_path, "a.csv", b"ticket,context,question,answer\n1,c,q,a\n")
    (one,), _ = imported(path, mapping={"context": "", "group": ""})
    assert one.row["messages"][0]["content"] == "q"
    assert one.provenance.group is None


@pytest.mark.parametrize(
    ("content", "confidence", "doubtful"),
    [
        ("question,answer\nq,a\n", 1.0, False),
        ("Die Kundenfragen,Unsere Antwort\nq,a\n", 0.5, False),
        ("text,label\nq,a\n", 0.55, False),
        ("x,y\nHow is it done?,It is done well.\nWho did it?,He did.\n", 0.7, False),
        (
            "x,y,z\nHow is it done?,It is done well.,By Anna Berg\nWho did it?,He did it.,By Jan Li\n",
            0.4,
            True,
        ),
        ("x,y\nThe first of them,It is done well.\nThe second one,He did.\n", 0.4, True),
        ("title,body\nThe first of them,It is done well.\n", 0.4, True),
    ],
)
def test_a_guess_is_doubtful(tmp_path: Path, content: str, confidence: float, doubtful: bool) -> None:
    found = recognise(file_of(tmp_path, "a.csv", content.encode()))
    assert found.confidence == confidence
    assert (found.doubtful is not None) == doubtful
    if found.doubtful:
        assert f"--map question={found.mapping['question']!r}" in found.doubtful
        sure = recognise(found.path, mapping=found.mapping)
        assert (sure.mapping, sure.confidence, sure.doubtful) == (found.mapping, 1.0, None)


@pytest.mark.parametrize(
    ("speaker", "role"),
    [("user_481", "user"), ("Anna (Support)", "assistant"), ("KUNDE", "user"), ("ChatGPT", "assistant")],
)
def test_speakers_are_known_by_a_word_of_their_name(tmp_path: Path, speaker: str, role: str) -> None:
    table = f"ticket,speaker,text\n1,user,a\n1,bot,b\n1,{speaker},c\n"
    (one,), _ = imported(file_of(tmp_path, "a.csv", table.encode()))
    assert one.row["messages"][2]["role"] == role


def test_system_and_context_come_into_the_row(tmp_path: Path) -> None:
    path = file_of(
        tmp_path, "a.csv", b"context,question,answer,system\nFive.,How many?,5,Be kind.\n,Why?,So.,\n"
    )
    found = recognise(path)
    rows = [
        one.row["messages"]
        for one in read_examples(path, found, system="Be brief.")
        if isinstance(one, Example)
    ]
    assert rows == [
        [said("system", "Be kind."), said("user", "Five.\n\nHow many?"), said("assistant", "5")],
        [said("system", "Be brief."), said("user", "Why?"), said("assistant", "So.")],
    ]


@pytest.mark.parametrize(
    ("content", "how", "sentence"),
    [
        (b"alpha,beta\n1,2\n", {}, "which of 'alpha', 'beta' holds the questions"),
        (b"question,answer\na,b\n", {"mapping": {"question": "Frage"}}, "has no column 'Frage'"),
        (
            b"question,answer\na,b\n",
            {"mapping": {"query": "answer"}},
            "'query' is nothing that a column can be",
        ),
        (b"question,answer\na,b\n", {"sheet": "One"}, "has no sheets"),
        (b"", {}, "is empty"),
        (b" \n\t\n", {}, "is empty"),
        (b"question,answer\n", {}, "holds no records"),
        (b"\x1f\x8b\x08\x00\x00", {}, "packed with gzip: unpack it first"),
        (b"%PDF-1.7 ...", {}, "is a document"),
        (b"PK\x03\x04 nothing", {}, "unpack it"),
        (b"PAR1 torn", {}, "cannot be read as Parquet"),
        (b"\x89PNG\r\n" + bytes(range(32)) * 9, {}, "is no text and no table"),
    ],
)
def test_what_cannot_be_recognised_says_what_to_do(
    tmp_path: Path, content: bytes, how: Mapping[str, Any], sentence: str
) -> None:
    path = file_of(tmp_path, "a.csv", content)
    with pytest.raises(DatasetError, match=sentence):
        recognise(path, **how)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("torn.xlsx", "damaged"),
        ("a.ods", "no spreadsheet"),
        ("b.docx", "is a document"),
        ("b.txt", "without columns"),
    ],
)
def test_a_damaged_or_wrong_file_is_refused(tmp_path: Path, name: str, sentence: str) -> None:
    content = {"torn.xlsx": b"PK\x03\x04" + b"x" * 200, "b.docx": b"text"}.get(name, b"Once\nupon\n")
    if name == "a.ods":
        import zipfile

        with zipfile.ZipFile(tmp_path / name, "w") as package:
            package.writestr("nothing.txt", "here")
    else:
        file_of(tmp_path, name, content)
    with pytest.raises(DatasetError, match=sentence):
        recognise(tmp_path / name)


def test_a_missing_file_and_a_folder_are_named(tmp_path: Path) -> None:
    with pytest.raises(DatasetFormatError, match="There is no file"):
        recognise(tmp_path / "none.csv")
    with pytest.raises(DatasetFormatError, match="is a folder"):
        recognise(tmp_path)


@pytest.mark.parametrize(
    ("table", "row"),
    [
        pytest.param("Our FAQ,,,\n,,,\nNr.,Thema,Frage,Antwort\n1,x,Wie?,So.\n", 3, id="an abbreviation"),
        pytest.param("#,Frage,Antwort\n1,Wie?,So.\n", 1, id="a sign"),
        pytest.param("Frage,Antwort,2026\nWie?,So.,x\n", 1, id="a year"),
        pytest.param("Question du client,Réponse du conseiller,N.\nWie?,So.,1\n", 1, id="names of several words"),
        pytest.param("Frage,Antwort,Antwort\nWie?,So.,Anders.\n", 1, id="one name twice"),
    ],
)  # fmt: skip
def test_a_header_may_hold_more_than_names(tmp_path: Path, table: str, row: int) -> None:
    path = file_of(tmp_path, "a.csv", table.encode())
    (one,), refused = imported(path)
    assert refused == []
    assert [message["content"] for message in one.row["messages"]] == ["Wie?", "So."]
    assert one.provenance.line == row + 1
    assert recognise(path).fields[0] in table.splitlines()[row - 1]


@pytest.mark.parametrize(
    ("text", "codec"),
    [
        ("Pytanie;Odpowiedź\nCzy mogę zwrócić towar?;Tak, w ciągu 14 dni.\nGdzie?;W Łodzi, ul. Źródlana.\n", "cp1250"),
        ("Question;Réponse\nOù est l'œuvre n° 5 ?;Ça coûte 20 €\n", "cp1252"),
    ],
    ids=["Polish", "French"],
)  # fmt: skip
def test_a_guessed_encoding_is_right_and_told(tmp_path: Path, text: str, codec: str) -> None:
    found = recognise(file_of(tmp_path, "a.csv", text.encode(codec)))
    assert found.fields == tuple(text.splitlines()[0].split(";"))
    assert any(f"read as {codec}" in note for note in found.notes)


def test_bytes_of_utf_16_on_one_line_make_no_file_of_it(tmp_path: Path) -> None:
    made, refused = imported(file_of(tmp_path, "a.jsonl", lines(CHAT) + b"\xff\xfe\n" + lines(CHAT)))
    assert [one.row for one in made] == [CHAT, CHAT]
    assert [one.line for one in refused] == [2]
