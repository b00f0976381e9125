"""`dataset build`: what is shown, what is written and what never is, and the program's own records."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from app import workspace
from app.__main__ import app
from app.records.entries import Scope
from app.records.store import Records
from app.workspace import TENANT, open_workspace
from chains.answer import Answer
from errors import DatasetError, DatasetNotFoundError
from finetune.importing.building import data_files
from tests.finetune.import_cases import BOT, CHAT, USER, lines

ROOT = Path(__file__).resolve().parents[2]
ME = Scope(tenant=TENANT, owner="command line")
TABLE = f"Frage;Antwort;Team\n{USER};{BOT};Sales\n;{BOT};\n"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    path = tmp_path / "faq.csv"
    path.write_text(TABLE, "utf-8")
    return path


@pytest.fixture
def records(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Records]:
    monkeypatch.setenv("GROUNDTUNE_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(workspace, "_process_workspace", None)
    yield open_workspace().records
    open_workspace().close()


def build(*arguments: object, expect: int = 0) -> Result:
    result = CliRunner().invoke(app, ["dataset", "build", *map(str, arguments)])
    assert result.exit_code == expect, result.output + repr(result.exception)
    return result


def read(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


# --- files --------------------------------------------------------------------------------------------


def test_the_mapping_and_samples_are_shown_and_nothing_is_written_without_out(table: Path) -> None:
    shown = build(table).stdout
    assert "mapping   question = 'Frage', answer = 'Antwort'" in shown
    assert "not used  'Team'" in shown
    assert f"assistant: {BOT}" in shown
    assert f"{table}, line 3, Frage: The question is empty." in shown
    assert "1 rows (1 chat), 1 refused" in shown
    assert names(table.parent) == ["faq.csv"]


def test_rows_and_refusals_are_written_with_where_they_came_from(table: Path, tmp_path: Path) -> None:
    build(table, "--out", tmp_path / "train.jsonl")
    where = {"origin": "imported", "file": str(table), "line": 2}
    assert read(tmp_path / "train.jsonl") == [{**CHAT, "metadata": where}]
    (refused,) = read(tmp_path / "train.refused.jsonl")
    assert (refused["file"], refused["line"], refused["field"]) == (str(table), 3, "Frage")
    assert refused["fix"]


def test_no_refusals_of_an_earlier_run_stay_behind(table: Path, tmp_path: Path) -> None:
    build(table, "--out", tmp_path / "train.jsonl")
    table.write_text(TABLE.splitlines()[0] + "\na;b;\n", "utf-8")
    build(table, "--out", tmp_path / "train.jsonl")
    assert not (tmp_path / "train.refused.jsonl").exists()


def test_a_dry_run_writes_nothing(table: Path, tmp_path: Path) -> None:
    build(table, "--out", tmp_path / "train.jsonl", "--dry-run")
    assert names(tmp_path) == ["faq.csv"]


def test_json_is_one_document(table: Path, tmp_path: Path) -> None:
    said = json.loads(build(table, "--out", tmp_path / "t.jsonl", "--json").stdout)
    assert (said["rows"], said["refused"], said["kinds"]) == (1, 1, {"chat": 1})
    assert said["files"][0]["mapping"] == {"question": "Frage", "answer": "Antwort"}
    assert said["out"] == str(tmp_path / "t.jsonl")


def test_a_mapping_a_system_prompt_and_a_field_to_keep(table: Path, tmp_path: Path) -> None:
    more = ("--map", "question=Team", "--map", "metadata.asked=Frage", "--system", "Be kind.")
    build(table, "--out", tmp_path / "t.jsonl", *more)
    (row,) = read(tmp_path / "t.jsonl")
    assert [one["content"] for one in row["messages"]] == ["Be kind.", "Sales", BOT]
    assert row["metadata"]["asked"] == USER


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--out", "faq.csv"], "is one of the files that are read"),
        (["--out", "no/such/folder.jsonl"], "its folder does not exist"),
        (["--strict"], "1 records were refused, and --strict allows none"),
        (["--map", "question=Nothing"], "has no column 'Nothing'"),
        (["--map", "question=Team", "--map", "answer=Team2"], "has no column 'Team2'"),
    ],
)
def test_what_cannot_be_done_is_said(
    table: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], sentence: str
) -> None:
    monkeypatch.chdir(table.parent)
    result = build("faq.csv", *arguments, expect=1)
    assert isinstance(result.exception, DatasetError)
    assert sentence in str(result.exception)
    assert table.read_text("utf-8") == TABLE
    assert names(table.parent) == ["faq.csv"]


@pytest.mark.parametrize("arguments", [["--format", "nonsense"], ["--map", "question"]])
def test_wrong_usage_is_2(table: Path, arguments: list[str]) -> None:
    build(table, *arguments, expect=2)


def test_a_file_of_refusals_alone_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines({"messages": [5]}))
    result = build(tmp_path / "a.jsonl", "--out", tmp_path / "t.jsonl", expect=1)
    assert "all 1 records were refused" in str(result.exception)
    assert names(tmp_path) == ["a.jsonl"]


def test_a_folder_is_all_its_data_files_and_one_that_cannot_be_read_is_named(
    table: Path, tmp_path: Path
) -> None:
    (tmp_path / "more").mkdir()
    (tmp_path / "more" / "b.jsonl").write_bytes(lines(CHAT, CHAT))
    (tmp_path / "more" / "odd.csv").write_text("alpha,beta\n1,2\n", "utf-8")
    (tmp_path / "handbook.pdf").write_bytes(b"%PDF-1.7")
    (tmp_path / ".hidden.csv").write_text(TABLE, "utf-8")
    said = json.loads(build(tmp_path, "--json").stdout)
    assert (said["rows"], said["refused"]) == (3, 2)
    assert said["left_out"] == [str(tmp_path / "handbook.pdf")]
    assert [Path(one["file"]).name for one in said["first_refused"]] == ["faq.csv", "odd.csv"]
    assert "which of 'alpha', 'beta'" in said["first_refused"][1]["reason"]


def test_a_folder_without_data_files_and_a_missing_one_say_so(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(b"%PDF")
    with pytest.raises(DatasetError, match=r"no data file .*dataset generate"):
        data_files([tmp_path])
    with pytest.raises(DatasetNotFoundError, match="There is no file or folder"):
        data_files([tmp_path / "none"])


def test_kinds_side_by_side_are_warned_of(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_bytes(lines(CHAT))
    (tmp_path / "b.csv").write_text("prompt,chosen,rejected\na,b,c\n", "utf-8")
    assert "of different kinds" in build(tmp_path).stderr


def test_a_killed_build_leaves_the_old_file_whole(table: Path, tmp_path: Path) -> None:
    """A real process, killed while it writes: the rows of before are all there."""
    big, out = tmp_path / "big.jsonl", tmp_path / "train.jsonl"
    big.write_bytes(lines(CHAT) * 200_000)
    build(table, "--out", out)
    before = out.read_bytes()
    command = [sys.executable, "-m", "app", "dataset", "build", str(big), "--out", str(out)]
    writing = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    part = out.with_name(f".{out.name}.{writing.pid}.part")
    while writing.poll() is None and not (part.exists() and part.stat().st_size):
        time.sleep(0.01)
    writing.send_signal(signal.SIGKILL)
    assert writing.wait() == -signal.SIGKILL
    assert out.read_bytes() == before


def test_a_real_process_says_one_sentence_and_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("alpha,beta\n1,2\n", "utf-8")
    command = [sys.executable, "-m", "app", "dataset", "build", str(tmp_path / "a.csv")]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout) == (1, "")
    assert ran.stderr.startswith(f"{tmp_path / 'a.csv'}: which of 'alpha', 'beta' holds the questions")
    assert "Traceback" not in ran.stderr


# --- the program's own records ------------------------------------------------------------------------


def asked(records: Records, question: str, text: str, **more: Any) -> str:
    talk = records.conversations.begin(ME)
    made = records.conversations.ask(
        ME, talk.conversation_id, question=question, mode="rag", knowledge_base="kb"
    )
    answer = Answer(text=text, mode="rag", model="m", **more)
    records.conversations.finish(ME, made.latest.answer_id, answer)
    return made.latest.answer_id


@pytest.fixture
def talked(records: Records) -> Records:
    """Four answers: 👍, 👎 with a correction, 👎 without, unrated; and one that found nothing."""
    records.feedback.give(ME, asked(records, "Good?", "Yes [1]."), rating="up")
    records.feedback.give(ME, asked(records, "Bad?", "No [1]."), rating="down", correction="It is not bad.")
    records.feedback.give(ME, asked(records, "Worse?", "No."), rating="down")
    asked(records, "Unrated?", "So it is [2].")
    asked(records, "Unknown?", "Not in the documents.", abstained=True, reason="nothing near")
    return records


@pytest.mark.parametrize(
    ("option", "rows"),
    [
        ("--feedback", [("Good?", "Yes."), ("Bad?", "It is not bad.")]),
        ("--conversations", [("Unrated?", "So it is.")]),
    ],
)
def test_own_records_become_chat_rows(
    talked: Records, tmp_path: Path, option: str, rows: list[tuple[str, str]]
) -> None:
    build(option, "--out", tmp_path / "t.jsonl")
    made = read(tmp_path / "t.jsonl")
    assert [tuple(one["content"] for one in row["messages"]) for row in made] == rows
    assert {row["metadata"]["origin"] for row in made} == {option.strip("-").removesuffix("s")}
    assert all(row["metadata"]["group"] == row["metadata"]["conversation"] for row in made)


def test_a_corrected_answer_is_preferred_to_what_was_said(talked: Records, tmp_path: Path) -> None:
    build("--preferences", "--system", "Be kind.", "--out", tmp_path / "t.jsonl")
    (row,) = read(tmp_path / "t.jsonl")
    assert row["input"]["messages"] == [
        {"role": "system", "content": "Be kind."},
        {"role": "user", "content": "Bad?"},
    ]
    assert row["preferred_output"] == [{"role": "assistant", "content": "It is not bad."}]
    assert row["non_preferred_output"] == [{"role": "assistant", "content": "No."}]
    assert row["metadata"]["origin"] == "feedback"


def test_an_answer_given_anew_counts_instead_of_the_earlier_one(records: Records) -> None:
    talk = records.conversations.begin(ME)
    first = records.conversations.ask(ME, talk.conversation_id, question="Q", mode="rag", knowledge_base="kb")
    records.conversations.finish(ME, first.latest.answer_id, Answer(text="Old.", mode="rag", model="m"))
    again = records.conversations.regenerate(ME, first.exchange_id, mode="rag")
    records.conversations.finish(ME, again.latest.answer_id, Answer(text="New.", mode="rag", model="m"))
    rows = list(records.feedback.unrated_examples(TENANT, owner=None))
    assert [row["messages"][-1]["content"] for row in rows] == ["New."]
    assert list(records.feedback.unrated_examples(TENANT, owner="another")) == []
    assert list(records.feedback.unrated_examples("other", owner=None)) == []


def test_without_files_and_records_it_says_what_to_name() -> None:
    result = build(expect=2)
    assert "Name a file or folder, or --feedback" in result.output


def test_records_that_are_empty_write_nothing(records: Records, tmp_path: Path) -> None:
    result = build("--feedback", "--out", tmp_path / "t.jsonl", expect=1)
    assert "no record was found" in str(result.exception)
