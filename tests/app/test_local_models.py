"""What was trained on this machine answers in fine-tuned and hybrid mode with no key: which one, and what it says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from app.local_models import LocalModels
from app.settings import load_settings
from app.workspace import Workspace
from chains.answer import Answer, Question, TextDelta, Turn
from chains.receipts import answer_of_receipt, differences, receipt_document
from chains.restoring import answer_from_dict
from errors import (
    LocalModelDamagedError,
    LocalModelNotFoundError,
    NoModelConnectedError,
    SettingsError,
    TrainingExtrasMissingError,
)
from finetune.jobs.record import TunedModel
from finetune.jobs.store import TuningStore
from finetune.trainers.responder import QuestionAnswer, train
from local.encoder import MiniLMEncoder
from local.responder_files import NUMBERS, Taught, write_taught

PAIRS = [
    QuestionAnswer(question="What does a lost key cost?", answer="Forty euros. Call us today.", row=1),
    QuestionAnswer(question="When are you open?", answer="From 7:00 to 19:00.", row=2),
    QuestionAnswer(question="What does the IB-06 cost a day?", answer="The IB-06 is 60 euros a day.", row=3),
    QuestionAnswer(question="Do you deliver on Saturdays?", answer="Yes, for 25 per cent more.", row=4),
]
LOST = Question(text="I lost my key. What do I pay?")


@pytest.fixture(scope="module")
def taught(built_models: Path) -> Taught:
    return train(PAIRS, MiniLMEncoder(cache_dir=built_models))


@pytest.fixture
def home(tmp_path: Path, built_models: Path) -> Path:
    (tmp_path / "models").symlink_to(built_models)
    return tmp_path


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    made = Workspace(load_settings({"GROUNDTUNE_HOME": str(home)}, dotenv_path=home / "none"))
    yield made
    made.close()


def kept(home: Path, taught: Taught, name: str, *, created: float = 1.0, **changes: Any) -> TunedModel:
    """A model as a worker leaves it, in the registry of that home."""
    root = home / "tenants" / "default" / "tuning"
    folder = root / "models" / name.replace(":", "_")
    write_taught(folder, taught)
    plain = TunedModel(
        id=name, job_id=f"ftjob-{name[-1]}", base="responder", trainer="responder", folder=str(folder),
        created_at=created,
    )  # fmt: skip
    model = replace(plain, **changes)
    store = TuningStore(root)
    store.models.add(model)
    store.close()
    return model


def test_before_anything_is_trained_the_modes_say_how(workspace: Workspace, home: Path) -> None:
    reasons = {status.mode: status.reason for status in workspace.modes()}
    assert "python -m app finetune start" in (reasons["finetuned"] or "")
    assert "python -m app finetune start" in (reasons["hybrid"] or "")
    with pytest.raises(NoModelConnectedError, match="Fine-tuned mode cannot run"):
        workspace.chain("finetuned")
    assert not (home / "tenants" / "default" / "tuning").exists(), "looking makes nothing"


def test_a_model_that_is_trained_meanwhile_answers_at_once(
    workspace: Workspace, home: Path, taught: Taught
) -> None:
    assert workspace.connections.tuned_id is None
    kept(home, taught, "ft:responder:groundtune:a:1")
    status = next(one for one in workspace.modes() if one.mode == "finetuned")
    assert (status.available, status.model) == (True, "local:ft:responder:groundtune:a:1")
    *events, answer = workspace.chain("finetuned").stream(LOST)
    assert isinstance(answer, Answer)
    assert answer.text == "Forty euros. Call us today."
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == answer.text
    assert (answer.mode, answer.model) == ("finetuned", "local:ft:responder:groundtune:a:1")
    assert [(pair.question, pair.row) for pair in answer.taught] == [("What does a lost key cost?", 1)]
    assert answer.confidence is not None
    assert "row 1 of the training file" in answer.confidence.reasons[0]
    assert answer_from_dict(json.loads(json.dumps(answer.as_record()))) == answer


def test_a_step_that_is_trained_again_under_its_name_answers_anew(
    workspace: Workspace, home: Path, taught: Taught
) -> None:
    name = "ft:responder:groundtune:a:1:ckpt-step-4"
    kept(home, taught, name, step=4)
    chain = workspace.chain("finetuned", model=f"local:{name}")
    assert chain.invoke(LOST).text == "Forty euros. Call us today."
    answers = tuple(answer.replace("Forty", "Fifty") for answer in taught.answers)
    kept(home, replace(taught, answers=answers), name, step=4, created=2.0)
    assert workspace.chain("finetuned", model=f"local:{name}").invoke(LOST).text.startswith("Fifty euros.")


def test_outside_it_abstains_and_names_what_comes_nearest(
    workspace: Workspace, home: Path, taught: Taught
) -> None:
    kept(home, taught, "ft:responder:groundtune:a:1")
    *events, answer = workspace.chain("finetuned").stream(Question(text="How do I grow orchids?"))
    assert isinstance(answer, Answer)
    assert answer.abstained
    assert not [event for event in events if isinstance(event, TextDelta)]
    assert len(answer.taught) == 3
    assert answer.reason is not None
    assert "No taught question is near enough" in answer.reason
    assert "training file" in answer.reason


def test_a_follow_up_is_completed_before_it_is_looked_up(
    workspace: Workspace, home: Path, taught: Taught
) -> None:
    kept(home, taught, "ft:responder:groundtune:a:1")
    before = (
        Turn(role="user", text="What does a lost key cost?"),
        Turn(role="assistant", text="Forty euros."),
    )
    answer = workspace.chain("finetuned").invoke(Question(text="And the IB-06 a day?", history=before))
    assert "cost" in (answer.searched_for or "")
    assert answer.text == "The IB-06 is 60 euros a day."


@pytest.mark.parametrize(
    ("models", "chosen"),
    [
        pytest.param([("a", 1.0, None, None), ("b", 2.0, None, None)], "b", id="the newest"),
        pytest.param([("a", 1.0, None, None), ("b", 2.0, "do not ship", None)], "a", id="none that failed"),
        pytest.param([("a", 1.0, None, None), ("b", 2.0, "not proven", None)], "b", id="one that is not proven"),
        pytest.param([("a", 1.0, None, None), ("b", 2.0, None, 40)], "a", id="no checkpoint"),
        pytest.param([("a", 1.0, "do not ship", None)], None, id="all failed"),
    ],
)  # fmt: skip
def test_the_newest_model_that_may_be_shipped_is_the_tuned_one(
    workspace: Workspace,
    home: Path,
    taught: Taught,
    models: list[tuple[str, float, str | None, int | None]],
    chosen: str | None,
) -> None:
    for name, created, verdict, step in models:
        facts = {"verdict": {"verdict": verdict, "reasons": []}} if verdict else {}
        kept(home, taught, f"ft:responder:groundtune::{name}", created=created, step=step, facts=facts)
    expected = f"local:ft:responder:groundtune::{chosen}" if chosen else None
    assert workspace.connections.tuned_id == expected


def test_a_model_that_is_named_wins_also_a_checkpoint(
    workspace: Workspace, home: Path, taught: Taught
) -> None:
    kept(home, taught, "ft:responder:groundtune:new:2", created=2.0)
    step = kept(home, taught, "ft:responder:groundtune:old:1:ckpt-step-30", step=30)
    answer = workspace.chain("finetuned", model=f"local:{step.id}").invoke(LOST)
    assert answer.model == f"local:{step.id}"


def test_a_model_that_is_gone_or_damaged_is_one_sentence(
    workspace: Workspace, home: Path, taught: Taught
) -> None:
    model = kept(home, taught, "ft:responder:groundtune:a:1")
    with pytest.raises(LocalModelNotFoundError, match="there are: local:ft:responder:groundtune:a:1"):
        workspace.chain("finetuned", model="local:ft:responder:groundtune:gone:9")
    (Path(model.folder) / NUMBERS).write_bytes(b"")
    with pytest.raises(LocalModelDamagedError, match="train it again"):
        workspace.chain("finetuned")


def test_a_responder_is_no_chat_model_for_base_mode(workspace: Workspace, home: Path, taught: Taught) -> None:
    kept(home, taught, "ft:responder:groundtune:a:1")
    with pytest.raises(SettingsError, match="GROUNDTUNE_FINETUNED_MODEL"):
        workspace.chain("base", model="local:ft:responder:groundtune:a:1")


def test_a_chat_model_that_is_named_is_looked_for_on_this_machine_too(
    workspace: Workspace, home: Path, taught: Taught
) -> None:
    kept(home, taught, "ft:responder:groundtune:a:1")
    assert workspace.chat_model() is None
    with pytest.raises(LocalModelNotFoundError, match="there are: local:ft:responder:groundtune:a:1"):
        workspace.chat_model("local:gone")
    with pytest.raises(SettingsError, match=r"compatible:gone.*command line.*is not connected"):
        workspace.chat_model("compatible:gone")


def test_an_open_model_needs_the_training_extras(home: Path, taught: Taught) -> None:
    (home / "bases" / "tiny").mkdir(parents=True)
    (home / "bases" / "tiny" / "config.json").write_text("{}")
    named = {"GROUNDTUNE_HOME": str(home), "GROUNDTUNE_BASE_MODELS": str(home / "bases"),
             "GROUNDTUNE_TRAINING_PYTHON": str(home / "no-python")}  # fmt: skip
    models = LocalModels(load_settings(named, dotenv_path=home / "none"), encoder=lambda: None)  # type: ignore[arg-type, return-value]
    assert models.names() == ["tiny"]
    with pytest.raises(TrainingExtrasMissingError, match="training extras"):
        models.chats["tiny"]()
    assert "ft:gone" not in models.chats


def test_a_tuned_open_model_is_asked_with_the_system_message_of_its_rows(
    workspace: Workspace, home: Path, taught: Taught
) -> None:
    kept(home, taught, "ft:tiny:groundtune::1", trainer="lora", base="tiny", facts={"system": "You are Isa."})
    assert workspace.connections.taught() is None
    assert workspace.connections.tuned_system == "You are Isa."
    settings = workspace.settings.with_value("GROUNDTUNE_FINETUNED_SYSTEM", "You are Bob.")
    workspace.reconfigure(settings)
    assert workspace.connections.tuned_system == "You are Bob."


def test_a_receipt_is_replayed_by_the_same_model(workspace: Workspace, home: Path, taught: Taught) -> None:
    kept(home, taught, "ft:responder:groundtune:a:1")
    before = answer_of_receipt(receipt_document(workspace.chain("finetuned").invoke(LOST)))
    kept(home, taught, "ft:responder:groundtune:b:2", created=2.0)
    assert before.receipt is not None
    after = workspace.chain("finetuned", model=before.receipt.model).invoke(LOST)
    assert differences(before, after) == ()


def test_the_command_line_says_which_row_taught_it(
    home: Path, taught: Taught, monkeypatch: pytest.MonkeyPatch
) -> None:
    from app import workspace as composition
    from app.__main__ import app

    kept(home, taught, "ft:responder:groundtune:a:1")
    monkeypatch.setenv("GROUNDTUNE_HOME", str(home))
    monkeypatch.setattr(composition, "_process_workspace", None)
    answered = CliRunner().invoke(app, ["ask", LOST.text, "--mode", "finetuned"])
    assert "Taught by row 1 of the training file: What does a lost key cost?" in answered.stdout
    refused = CliRunner().invoke(app, ["ask", "How do I grow orchids?", "--mode", "finetuned", "--json"])
    found = json.loads(refused.stdout)
    assert found["abstained"]
    assert len(found["taught"]) == 3
