"""Questions with their answers as rows to validate with; what is no such file stays as it is."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from app.settings import load_settings
from app.tuning_data import frozen_source
from app.workspace import Workspace
from errors import SettingsError
from finetune.providers.places import place_named
from finetune.question_rows import is_question_file, validation_rows
from finetune.trainers.responder_rows import question_answers

EXAMPLES = Path(__file__).parents[2] / "examples"
TRAIN = EXAMPLES / "training.jsonl"


def test_the_example_paraphrases_are_rows_in_the_frame_of_the_training_rows() -> None:
    rows = validation_rows(EXAMPLES / "paraphrases.jsonl", TRAIN)
    assert rows is not None
    assert len(rows) == 40
    taught = {
        one.answer for one in question_answers(map(json.loads, TRAIN.read_text("utf-8").splitlines()))[0]
    }
    assert all(one.answer in taught for one in question_answers(rows)[0])
    assert rows[0]["messages"][0]["content"].startswith("You are Isa")


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        pytest.param('{"question": "Q?", "answer": "A."}\n', 1, id="question for text"),
        pytest.param(
            '{"text": "Q?", "answer": "A."}\n\n{"text": "R?", "answer": ""}\n', 1, id="one has no answer"
        ),
        pytest.param('{"text": "Q?", "answer": ""}\n', 0, id="none has an answer"),
        pytest.param('{"prompt": "Q?", "completion": "A."}\n', None, id="completions"),
        pytest.param('{"messages": [], "text": "Q?", "answer": "A."}\n', None, id="chat rows"),
        pytest.param('{"text": "Learn this."}\n', None, id="plain text"),
        pytest.param('{"text": "Q?", "answer": "A."}\n{"text": "R?"}\n', None, id="a mixture"),
        pytest.param('{"text": "Q?", "answer": 7}\n', None, id="an answer that is no text"),
        pytest.param("[1]\n", None, id="no objects"),
        pytest.param("{broken\n", None, id="no JSON"),
        pytest.param("", None, id="nothing"),
    ],
)
def test_which_files_are_questions(tmp_path: Path, text: str, rows: int | None) -> None:
    path = tmp_path / "asked.jsonl"
    path.write_text(text, "utf-8")
    found = validation_rows(path, TRAIN)
    assert (found if found is None else len(found)) == rows


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param('{"text": "Q?", "answer": "A."}\n', True, id="text and answer"),
        pytest.param('\ufeff\n{"question": "Q?", "answers": [7]}\n', True, id="question and answers"),
        pytest.param('{"text": "Q?", "answerable": false}\n{"text": "Q?", "gold": ["a.md"]}\n', True, id="no answer"),
        pytest.param('{"text": "Learn this."}\n', False, id="plain text"),
        pytest.param('{"prompt": "Q?", "completion": "A."}\n', False, id="completions"),
        pytest.param('{"messages": [], "text": "Q?", "answer": "A."}\n', False, id="chat rows"),
        pytest.param('{"text": "Q?", "answer": "A."}\n{"text": "Learn this."}\n', False, id="a mixture"),
        pytest.param("[1]\n{broken\n", False, id="no JSON"),
        pytest.param("", False, id="nothing"),
    ],
)  # fmt: skip
def test_which_files_are_taken_for_questions_to_evaluate_with(
    tmp_path: Path, text: str, expected: bool
) -> None:
    path = tmp_path / "asked.jsonl"
    path.write_text(text, "utf-8")
    assert is_question_file(path) is expected


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("asked.jsonl", '{"text": "Q?", "answers": ["A."]}\n' * 12, "holds questions for an evaluation"),
        ("asked.csv", "question,answer\nQ?,A.\n", "is a table, not JSONL of training rows"),
    ],
)
def test_what_is_no_training_rows_is_refused_with_the_command_that_makes_them(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    workspace = Workspace(load_settings({"GROUNDTUNE_HOME": str(tmp_path / "home")}))
    path, place = tmp_path / name, place_named("local")
    path.write_text(text, "utf-8")
    expected = rf"{said}.*`python -m app dataset build .*{name} --out rows.jsonl`"
    for source, validation in ((path, None), (TRAIN, path)):
        with pytest.raises(SettingsError, match=expected):
            frozen_source(workspace, str(source), place=place, model=None, validation=validation)
    workspace.close()


def test_a_training_is_validated_with_a_file_of_questions(tmp_path: Path) -> None:
    workspace = Workspace(load_settings({"GROUNDTUNE_HOME": str(tmp_path / "home")}))
    asked, place = EXAMPLES / "paraphrases.jsonl", place_named("local")
    frozen = frozen_source(workspace, str(TRAIN), place=place, model=None, validation=asked)
    rows = list(map(json.loads, frozen.files["validation"].read_text("utf-8").splitlines()))
    assert len(question_answers(rows)[0]) == 40
    nothing = tmp_path / "nothing.jsonl"
    nothing.write_text('{"text": "Q?", "answer": ""}\n')
    with pytest.raises(SettingsError, match="No question of"):
        frozen_source(workspace, str(TRAIN), place=place, model=None, validation=nothing)
    workspace.close()
