"""Which rows a model of this machine was trained on, and the warning where an evaluation asks them again."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from app.evaluation_leaks import SHOWN, Taught, rows_of_tuned, taught_here
from app.settings import load_settings
from app.workspace import Workspace
from finetune.jobs.record import JobRequest, TunedModel
from finetune.jobs.store import TuningStore
from tests.evaluation.made import question

MODEL = "ft:tiny:groundtune::1"
TAUGHT = "How many paid days are there to look after a sick child?"
ROW = b'{"messages": [{"role": "user", "content": "%s"}, {"role": "assistant", "content": "six"}]}\n'


@pytest.fixture
def store(tmp_path: Path) -> Iterator[TuningStore]:
    made = TuningStore(tmp_path / "tenants" / "default" / "tuning")
    yield made
    made.close()


@pytest.fixture
def workspace(store: TuningStore, tmp_path: Path) -> Iterator[Workspace]:
    """Its tuned model was trained here on one row, and is named in the settings."""
    file = store.files.add(io.BytesIO(ROW % TAUGHT.encode()), "train.jsonl", "fine-tune")
    job, _ = store.jobs.create(JobRequest(model="tiny", training_file=file.id))
    store.models.add(
        TunedModel(id=MODEL, job_id=job.id, base="tiny", trainer="lora", folder=str(tmp_path), created_at=1.0)
    )
    named = {"GROUNDTUNE_HOME": str(tmp_path), "GROUNDTUNE_FINETUNED_MODEL": f"local:{MODEL}"}
    made = Workspace(load_settings(named, dotenv_path=None))
    yield made
    made.close()


def test_the_rows_of_a_model_of_this_machine_are_found(workspace: Workspace) -> None:
    rows = workspace.local_models.training_file(f"local:{MODEL}")
    assert rows is not None
    assert TAUGHT in rows.read_text("utf-8")
    assert rows_of_tuned(workspace, ("rag", "hybrid")) == (f"local:{MODEL}", rows)
    assert rows_of_tuned(workspace, ("rag", "base")) is None


@pytest.mark.parametrize("name", ["local:ft:another:1", "openai:ft:gpt:elsewhere"])
def test_of_a_model_that_was_not_trained_here_no_rows_are_known(workspace: Workspace, name: str) -> None:
    assert workspace.local_models.training_file(name) is None


def test_rows_that_were_deleted_are_not_known_any_more(workspace: Workspace, store: TuningStore) -> None:
    rows = workspace.local_models.training_file(f"local:{MODEL}")
    assert rows is not None
    rows.unlink()
    assert workspace.local_models.training_file(f"local:{MODEL}") is None
    assert taught_here(workspace, ("finetuned",), [question(text=TAUGHT)]) is None


def test_before_anything_is_trained_no_rows_are_known(tmp_path: Path) -> None:
    made = Workspace(load_settings({"GROUNDTUNE_HOME": str(tmp_path / "new")}, dotenv_path=None))
    assert made.local_models.training_file(f"local:{MODEL}") is None
    made.close()


@pytest.mark.parametrize(
    ("text", "taught"),
    [
        pytest.param(TAUGHT, True, id="the same words"),
        pytest.param(TAUGHT.lower().rstrip("?"), True, id="case and marks aside"),
        pytest.param("What does a hotel in Lisbon cost?", False, id="another question"),
    ],
)
def test_the_warning_names_the_model_and_the_question(workspace: Workspace, text: str, taught: bool) -> None:
    found = taught_here(workspace, ("finetuned",), [question("a", text=text), question("b")])
    assert (found is not None) is taught
    if found is not None:
        assert found.questions == ("a",)
        assert found.sentence.startswith(f"1 of 2 questions was taught to 'local:{MODEL}'")


def test_of_many_the_warning_names_the_first() -> None:
    many = Taught(model="m", questions=tuple(f"q{at}" for at in range(SHOWN + 2)), asked=1200)
    assert "7 of 1,200 questions were taught to 'm'" in many.sentence
    assert "(q0, q1, q2, q3, q4, ...)" in many.sentence
    assert "..." not in replace(many, questions=many.questions[:SHOWN]).sentence
