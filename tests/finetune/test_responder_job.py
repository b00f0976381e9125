"""The responder as a job: live metrics, checkpoints that answer, pause and resume to the bit, faults in sentences."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from errors import TrainingFailedError, TuningRequestError
from finetune.jobs.record import METRICS
from finetune.trainers.contract import Trained, TrainingTask
from finetune.trainers.responder_job import train
from finetune.trainers.responder_recipe import recipe_of
from finetune.trainers.responder_rows import system_message
from local.encoder import MiniLMEncoder
from local.responder import Responder
from local.responder_files import NUMBERS, TEXTS
from tests.remembering_encoder import RememberingEncoder

COMPANY = Path(__file__).parents[2] / "examples" / "training.jsonl"


@dataclass
class Watching:
    """A worker's side that keeps what it is told; `ask` says what is wanted, by what was told so far."""

    folder: Path
    ask: Callable[[Watching], Literal["pause", "cancel"] | None] = lambda _: None
    messages: list[str] = field(default_factory=list)
    steps: list[int] = field(default_factory=list)
    values: list[Mapping[str, float]] = field(default_factory=list)
    checkpoints: list[Path] = field(default_factory=list)
    total: int | None = None

    def started(self, *, total_steps: int) -> None:
        self.total = total_steps

    def metrics(self, *, step: int, total_steps: int, values: Mapping[str, float]) -> None:
        assert total_steps == self.total
        self.steps.append(step)
        self.values.append(values)

    def message(self, text: str, *, level: str = "info") -> None:
        self.messages.append(text)

    def checkpoint(
        self, *, step: int, epoch: float, metrics: Mapping[str, float], write: Callable[[Path], None]
    ) -> None:
        folder = self.folder / "checkpoints" / f"step-{step}"
        folder.mkdir(parents=True)
        write(folder)
        assert epoch > 0
        assert metrics
        self.checkpoints.append(folder)

    def wanted(self) -> Literal["pause", "cancel"] | None:
        return self.ask(self)


@pytest.fixture(scope="module")
def encoder(built_models: Path) -> MiniLMEncoder:
    return RememberingEncoder(built_models)


def task_of(folder: Path, file: Path = COMPANY, **changes: Any) -> TrainingTask:
    plain = TrainingTask(
        job_id="ftjob-1", base="responder", base_folder=None, method="supervised", train=file, validation=None,
        hyperparameters={"n_epochs": 10}, options={}, seed=7, folder=folder, resume_from=None,
    )  # fmt: skip
    return replace(plain, **changes)


def run(task: TrainingTask, control: Watching, encoder: MiniLMEncoder) -> Trained:
    trained = train(task, control, encoder=encoder)
    assert trained is not None
    return trained


def written(folder: Path, rows: list[Any]) -> Path:
    file = folder / "rows.jsonl"
    file.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    return file


def asked(question: str, answer: str) -> dict[str, Any]:
    return {
        "messages": [{"role": "user", "content": question}, {"role": "assistant", "content": answer}],
    }


def content(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in (TEXTS, NUMBERS)]


def test_a_job_tells_every_step_and_leaves_a_model_that_answers(
    tmp_path: Path, encoder: MiniLMEncoder
) -> None:
    control = Watching(tmp_path)
    trained = run(task_of(tmp_path), control, encoder)
    assert control.total == 13  # 10 epochs of 120 questions, 96 a step
    assert control.steps == list(range(1, 14))
    assert all(set(values) <= set(METRICS) for values in control.values)
    assert "full_valid_loss" in control.values[9]
    assert trained.trained_tokens > 5_000
    assert trained.facts["system"].startswith("You are Isa")
    reply = Responder.load(trained.folder, encoder).answer("What does an IB-06 cost for a weekend?")
    assert reply.text.startswith("Gladly: an IB-06 is 120 euros")
    assert not reply.abstained
    assert Responder.load(trained.folder, encoder).taught.rows[reply.row] == 1


def test_every_checkpoint_can_be_asked(tmp_path: Path, encoder: MiniLMEncoder) -> None:
    control = Watching(tmp_path)
    run(task_of(tmp_path), control, encoder)
    assert [folder.name for folder in control.checkpoints] == ["step-3", "step-6", "step-9", "step-12"]
    for folder in control.checkpoints:
        assert not Responder.load(folder, encoder).answer("Weekly rent of an IB-12?").abstained


@pytest.mark.parametrize(
    "at",
    [
        pytest.param(1, id="after the first step"),
        pytest.param(10, id="after a check"),
        pytest.param(12, id="late"),
    ],
)
def test_a_paused_job_goes_on_to_the_bit(tmp_path: Path, encoder: MiniLMEncoder, at: int) -> None:
    whole, halted = tmp_path / "whole", tmp_path / "halted"
    run(task_of(whole), Watching(whole), encoder)

    first = Watching(halted, ask=lambda told: "pause" if told.steps and told.steps[-1] == at else None)
    assert train(task_of(halted), first, encoder=encoder) is None
    assert first.steps[-1] == at
    second = Watching(halted / "again")
    task = task_of(halted, resume_from=first.checkpoints[-1])
    run(task, second, encoder)
    assert [*first.steps, *second.steps] == list(range(1, 14)), "no step is taken twice"
    assert content(whole / "model") == content(halted / "model")


def test_a_pause_while_texts_are_encoded_leaves_nothing_to_go_on_from(
    tmp_path: Path, encoder: MiniLMEncoder
) -> None:
    control = Watching(tmp_path, ask=lambda told: "pause" if told.messages else None)
    assert train(task_of(tmp_path), control, encoder=encoder) is None
    assert (control.checkpoints, control.steps) == ([], [])


def test_a_cancelled_job_stops_at_the_next_step(tmp_path: Path, encoder: MiniLMEncoder) -> None:
    control = Watching(tmp_path, ask=lambda told: "cancel" if len(told.steps) == 2 else None)
    assert train(task_of(tmp_path), control, encoder=encoder) is None
    assert control.steps == [1, 2]
    assert control.checkpoints == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        pytest.param({"seed": 8}, "was made from other data, another recipe", id="another seed"),
        pytest.param({"hyperparameters": {"n_epochs": 11}}, "another recipe", id="another recipe"),
        pytest.param({"file": "other"}, "other data", id="other data"),
        pytest.param({"damage": True}, "is damaged", id="damaged"),
    ],
)
def test_a_checkpoint_of_another_training_is_refused(
    tmp_path: Path, encoder: MiniLMEncoder, change: dict[str, Any], said: str
) -> None:
    control = Watching(tmp_path, ask=lambda told: "pause" if told.steps else None)
    train(task_of(tmp_path), control, encoder=encoder)
    folder = control.checkpoints[-1]
    if change.pop("damage", False):
        (folder / "progress.safetensors").write_bytes(b"\0" * 40)
    if change.pop("file", None):
        change["train"] = tmp_path / "other.jsonl"
        change["train"].write_text(COMPANY.read_text("utf-8") + "\n", "utf-8")
    with pytest.raises(TrainingFailedError, match=said):
        train(task_of(tmp_path, resume_from=folder, **change), Watching(tmp_path / "b"), encoder=encoder)


def test_few_rows_are_taught_without_adapting(tmp_path: Path, encoder: MiniLMEncoder) -> None:
    rows = [asked(f"What does E{code:02} mean?", f"It is fault number {code}.") for code in range(10)]
    control = Watching(tmp_path)
    trained = run(task_of(tmp_path, written(tmp_path, rows)), control, encoder)
    assert (control.steps, trained.best_step) == ([1], 0)
    assert trained.trained_tokens > 0, "what was taught was read, once"
    assert any("too few to hold any out" in message for message in control.messages)
    assert Responder.load(trained.folder, encoder).answer("E07?").text == "It is fault number 7."


def test_a_validation_file_decides_instead_of_held_out_rows(tmp_path: Path, encoder: MiniLMEncoder) -> None:
    paraphrases = COMPANY.with_name("paraphrases.jsonl").read_text("utf-8").splitlines()
    rows = [asked(row["text"], row["answer"]) for row in map(json.loads, paraphrases)]
    rows.append(asked("What is not taught?", "Something else entirely."))
    file = written(tmp_path, rows)
    control = Watching(tmp_path)
    trained = run(task_of(tmp_path, validation=file), control, encoder)
    assert trained.facts["validation_questions"] == 40
    assert any(
        message.startswith("40 of 41 validation questions have a taught answer")
        for message in control.messages
    )


@pytest.mark.parametrize(
    ("rows", "change", "code", "said"),
    [
        pytest.param(["{"], {}, "invalid_training_file", "Line 1 of the training file", id="no JSON"),
        pytest.param(["[1]"], {}, "invalid_training_file", "is not a JSON object", id="a list"),
        pytest.param(["[" * 99_999], {}, "invalid_training_file", "Line 1", id="nested without end"),
        pytest.param(["{}"], {}, "invalid_training_file", "teach nothing", id="nothing to teach"),
        pytest.param(["{}"], {"method": "dpo"}, "training_not_available", "supervised", id="preference tuning"),
        pytest.param([json.dumps(asked("a?", "b"))], {"hyperparameters": {"batch_size": "many"}}, "internal_error",
                     "batch_size is 'many'", id="a batch that is no number"),
    ],
)  # fmt: skip
def test_a_mistake_is_one_sentence_with_a_code(
    tmp_path: Path, encoder: MiniLMEncoder, rows: list[str], change: dict[str, Any], code: str, said: str
) -> None:
    file = tmp_path / "rows.jsonl"
    file.write_text("\n".join(rows), "utf-8")
    with pytest.raises(TrainingFailedError, match=said) as failed:
        train(task_of(tmp_path, file, **change), Watching(tmp_path), encoder=encoder)
    assert failed.value.code == code


@pytest.mark.parametrize(
    ("hyperparameters", "options", "expected"),
    [
        pytest.param({}, {}, {"steps": 120, "batch": 96, "rate": 1e-3, "patience": 4}, id="auto"),
        pytest.param({"n_epochs": "auto", "batch_size": "auto"}, {}, {"steps": 120}, id="auto in words"),
        pytest.param({"n_epochs": 3}, {}, {"steps": 4}, id="epochs"),
        pytest.param(
            {"n_epochs": 3, "batch_size": 10}, {}, {"steps": 36, "batch": 10}, id="epochs and batch"
        ),
        pytest.param({"learning_rate_multiplier": 2}, {}, {"rate": 2e-3}, id="a factor"),
        pytest.param({"learning_rate_multiplier": 2}, {"learning_rate": 0.01}, {"rate": 0.01}, id="absolute"),
        pytest.param({}, {"lora": {"rank": 8}}, {"rank": 8}, id="rank"),
        pytest.param({}, {"early_stopping": {"patience": 9}}, {"patience": 9}, id="patience"),
        pytest.param({}, {"early_stopping": False}, {"patience": 120}, id="no early stopping"),
        pytest.param({}, {"eval_every": "epoch"}, {"check_every": 2}, id="checked each epoch"),
        pytest.param({"n_epochs": 0.5}, {}, None, id="half an epoch"),
        pytest.param({"batch_size": True}, {}, None, id="a truth value"),
        pytest.param({"batch_size": 2.5}, {}, None, id="half a question"),
        pytest.param({"learning_rate_multiplier": float("nan")}, {}, None, id="not a number"),
        pytest.param({}, {"lora": {"rank": 0}}, None, id="rank 0"),
    ],
)
def test_hyperparameters_become_a_recipe(
    hyperparameters: dict[str, Any], options: dict[str, Any], expected: dict[str, Any] | None
) -> None:
    if expected is None:
        with pytest.raises(TuningRequestError, match="give a"):
            recipe_of(hyperparameters, options, seed=1, questions=120)
        return
    recipe = recipe_of(hyperparameters, options, seed=1, questions=120)
    assert {name: getattr(recipe, name) for name in expected} == expected


@pytest.mark.parametrize(
    ("hyperparameters", "options", "param", "said"),
    [
        pytest.param({"epochs": 3}, {}, "epochs", "did you mean 'n_epochs'", id="a name that is near"),
        pytest.param({"beta": 0.1}, {}, "beta", "known are n_epochs", id="of preferences"),
        pytest.param({}, {"max_length": 512}, "max_length", "early_stopping, eval_every", id="of open models"),
        pytest.param({}, {"early_stoping": False}, "early_stoping", "did you mean 'early_stopping'", id="mistyped"),
        pytest.param({}, {"lora": {"alpha": 8}}, "lora.alpha", "known are rank", id="inside"),
        pytest.param({}, {"early_stopping": {"patient": 2}}, "early_stopping.patient", "'patience'", id="deeper"),
    ],
)  # fmt: skip
def test_an_option_that_is_not_known_is_refused_and_the_known_are_named(
    hyperparameters: dict[str, Any], options: dict[str, Any], param: str, said: str
) -> None:
    with pytest.raises(TuningRequestError, match=said) as refused:
        recipe_of(hyperparameters, options, seed=1, questions=120)
    assert refused.value.code == "unknown_parameter"
    assert (refused.value.param or "").removeprefix("x_groundtune.") == param


@pytest.mark.parametrize(
    ("rows", "system"),
    [
        pytest.param([], None, id="no rows, nothing known"),
        pytest.param([["Be brief."], ["Be brief."], []], "Be brief.", id="most have it"),
        pytest.param([[], [], ["Be brief."]], "", id="most have none: none is sent"),
    ],
)
def test_the_system_message_of_the_rows(rows: list[list[str]], system: str | None) -> None:
    made = [
        {
            "messages": [
                *({"role": "system", "content": one} for one in told),
                {"role": "user", "content": "Q"},
            ]
        }
        for told in rows
    ]
    assert system_message(made) == system
