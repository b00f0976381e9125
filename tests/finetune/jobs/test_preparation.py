"""What is looked at before a job waits for its turn: files, base, recipe, and whether somebody has to accept it."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from errors import TuningRequestError
from finetune.jobs import approval
from finetune.jobs.configuration import RunnerConfig
from finetune.jobs.preparation import prepare
from finetune.jobs.recipe_check import check_recipe
from finetune.jobs.record import Job, JobRequest
from finetune.jobs.store import TuningStore
from tests.finetune.model_folders import model_folder

Change = Callable[[TuningStore, dict[str, Any]], None]


def chats(count: int, *, first: int = 0) -> bytes:
    return jsonl(
        {
            "messages": [
                {"role": "user", "content": f"What about {n}?"},
                {"role": "assistant", "content": f"{n} it is."},
            ]
        }
        for n in range(first, first + count)
    )


def preferences(count: int) -> bytes:
    return jsonl(
        {
            "input": {"messages": [{"role": "user", "content": f"What about {n}?"}]},
            "preferred_output": [{"role": "assistant", "content": f"{n} it is."}],
            "non_preferred_output": [{"role": "assistant", "content": "No idea."}],
        }
        for n in range(count)
    )


def jsonl(rows: Any) -> bytes:
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


@pytest.fixture
def store(tmp_path: Path) -> TuningStore:
    return TuningStore(tmp_path / "tuning", base_models=tmp_path / "shelf")


@pytest.fixture
def config(tmp_path: Path) -> RunnerConfig:
    return RunnerConfig(home=str(tmp_path), training_python="/usr/bin/python-with-torch", memory_gb=8.0)


def prepared(
    store: TuningStore,
    config: RunnerConfig,
    *,
    train: bytes,
    validation: bytes | None = None,
    model: str = "responder",
    **request: Any,
) -> Job:
    def kept(data: bytes) -> str:
        return store.files.add(io.BytesIO(data), "rows.jsonl", "fine-tune").id

    asked = JobRequest(
        model=model, training_file=kept(train), validation_file=kept(validation) if validation is not None else None,
        **request,
    )  # fmt: skip
    job, _ = store.jobs.create(asked)
    return prepare(store, job, config)


BAD_ROW = b'{"messages": [{"role": "user", "content": "Q?"}]}\n'


@pytest.mark.parametrize(
    ("train", "validation", "request_", "code", "param", "said"),
    [
        pytest.param(chats(9), None, {}, "invalid_n_examples", "training_file", "9 example(s)", id="too few"),
        pytest.param(b"", None, {}, "invalid_n_examples", "training_file", "0 example(s)", id="empty"),
        pytest.param(
            chats(20) + BAD_ROW, None, {}, "invalid_training_file", "training_file", "line 21", id="no answer"
        ),
        pytest.param(
            b"\xff\xfe" + chats(20), None, {}, "invalid_training_file", "training_file", "", id="not UTF-8"
        ),
        pytest.param(
            chats(20), b"{\n", {}, "invalid_validation_file", "validation_file", "line 1", id="broken validation"
        ),
        pytest.param(
            chats(20), chats(5), {}, "dataset_leak", "validation_file", "5 of 5", id="validation was learnt"
        ),
        pytest.param(
            chats(20), None, {"model": "gone"}, "model_not_available", "model", "'gone'", id="a base that is gone"
        ),
        pytest.param(
            chats(20), None, {"method": "dpo"}, "training_not_available", "method", "open model",
            id="preferences for the responder",
        ),
        pytest.param(
            chats(20), None, {"hyperparameters": {"batch_size": 0}}, "internal_error", "batch_size", "from 1",
            id="no such batch",
        ),
        pytest.param(
            chats(20), None, {"options": {"lora": "much"}}, "internal_error", "lora", "object", id="no such adapter"
        ),
        pytest.param(
            chats(20), None, {"options": {"train_sha256": "0" * 64}}, "invalid_training_file", "training_file",
            "not the one", id="other bytes than were meant",
        ),
    ],
)  # fmt: skip
def test_what_is_wrong_ends_with_a_code_and_a_sentence(
    store: TuningStore,
    config: RunnerConfig,
    train: bytes,
    validation: bytes | None,
    request_: dict[str, Any],
    code: str,
    param: str,
    said: str,
) -> None:
    job = prepared(store, config, train=train, validation=validation, **request_)
    assert job.state == "failed"
    assert job.error is not None
    assert (job.error.code, job.error.param) == (code, param)
    assert said in job.error.message
    assert store.jobs.events(job.id, limit=1).data[0].level == "error"


@pytest.mark.parametrize(
    ("train", "validation"),
    [
        pytest.param(chats(10), None, id="ten rows"),
        pytest.param(preferences(10), None, id="the preferred answers of preferences"),
        pytest.param(chats(20), chats(5, first=100), id="validation of its own"),
        pytest.param(chats(20), chats(11, first=19), id="one row of eleven was learnt"),
    ],
)
def test_what_is_right_waits_for_its_turn(
    store: TuningStore, config: RunnerConfig, train: bytes, validation: bytes | None
) -> None:
    job = prepared(store, config, train=train, validation=validation)
    assert job.state == "queued", job.error
    assert job.facts["rows"] == train.count(b"\n")
    assert job.facts["validation_rows"] == (validation or b"").count(b"\n")
    assert len(job.facts["data_sha256"]) == 64
    assert job.facts["estimate"]["seconds"] > 0


def test_a_file_deleted_meanwhile_is_said(store: TuningStore, config: RunnerConfig) -> None:
    file = store.files.add(io.BytesIO(chats(10)), "rows.jsonl", "fine-tune")
    job, _ = store.jobs.create(JobRequest(model="responder", training_file=file.id))
    store.files.delete(file.id)
    failed = prepare(store, job, config)
    assert failed.error is not None
    assert (failed.error.code, failed.error.param) == ("invalid_training_file", "training_file")
    assert file.id in failed.error.message


# --- open models -------------------------------------------------------------------------------------


def shelved(store: TuningStore, tmp_path: Path, *, weights: bool = True) -> str:
    folder = model_folder(tmp_path / "shelf" / "small")
    config = {"model_type": "llama", "hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2,
              "vocab_size": 300}  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    if weights:
        write_header(folder / "model.safetensors", rows=50_000, columns=20_000)
    assert store.bases.get("small") is not None
    return "small"


def write_header(path: Path, *, rows: int, columns: int) -> None:
    """Of a billion weights, none of which is there: only headers are read."""
    tensor = {"dtype": "F32", "shape": [rows, columns], "data_offsets": [0, 4 * rows * columns]}
    header = json.dumps({"model.layers.0.mlp.up_proj.weight": tensor}).encode()
    path.write_bytes(len(header).to_bytes(8, "little") + header + b"\0" * 64)


def test_an_open_model_without_torch_says_how_to_get_it(
    store: TuningStore, config: RunnerConfig, tmp_path: Path
) -> None:
    job = prepared(store, RunnerConfig(home=str(tmp_path)), train=chats(10), model=shelved(store, tmp_path))
    assert job.error is not None
    assert job.error.code == "model_not_available"
    assert "train-extras" in job.error.message


def test_a_base_without_weights_is_refused(store: TuningStore, config: RunnerConfig, tmp_path: Path) -> None:
    job = prepared(store, config, train=chats(10), model=shelved(store, tmp_path, weights=False))
    assert job.error is not None
    assert job.error.code == "model_not_available"
    assert "safetensors" in job.error.message


@pytest.mark.parametrize(
    ("method", "train", "said"),
    [
        pytest.param("supervised", preferences(10), "preference rows", id="preferences, supervised"),
        pytest.param("dpo", chats(10), "chat rows", id="chats, by preferences"),
    ],
)
def test_rows_of_another_method_are_refused(
    store: TuningStore, config: RunnerConfig, tmp_path: Path, method: str, train: bytes, said: str
) -> None:
    job = prepared(store, config, train=train, model=shelved(store, tmp_path), method=method)
    assert job.error is not None
    assert job.error.code == "invalid_training_file"
    assert said in job.error.message


@pytest.mark.parametrize(
    ("limits", "why"),
    [
        pytest.param(
            {"memory_gb": 2.0, "minutes": 1e6}, "GROUNDTUNE_TRAINING_MEMORY", id="memory that was set"
        ),
        pytest.param({"memory_gb": None, "minutes": 1e6}, "what is free", id="memory that is free"),
        pytest.param({"memory_gb": 64.0, "minutes": 0.1}, "GROUNDTUNE_TRAINING_MINUTES", id="time"),
        pytest.param({"memory_gb": 64.0, "minutes": 1e6}, None, id="neither"),
    ],
)
def test_what_is_much_waits_to_be_accepted(
    store: TuningStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    limits: dict[str, Any],
    why: str | None,
) -> None:
    monkeypatch.setattr(approval, "free_gb", lambda: 1.0)
    config = RunnerConfig(home=str(tmp_path), training_python="/usr/bin/python-with-torch", **limits)
    model = shelved(store, tmp_path)
    job = prepared(store, config, train=chats(10), model=model)
    assert job.state == ("queued" if why is None else "awaiting_approval"), job.error
    assert why is None or why in job.facts["reason"]
    assert job.facts["estimate"]["memory_gb"] > 4  # a billion weights in float32
    accepted = prepared(store, config, train=chats(10), model=model, options={"accepted": True})
    assert accepted.state == "queued"


# --- the recipe alone --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("request_", "param"),
    [
        pytest.param({"model": "responder"}, None, id="the responder"),
        pytest.param({"model": "responder", "options": {"lora": {"rank": 8}}}, None, id="with a rank"),
        pytest.param({"model": "responder", "options": {"lora": {"rank": 0}}}, "rank", id="without one"),
        pytest.param(
            {"model": "responder", "options": {"quantization": "nf4"}}, "quantization", id="of open models"
        ),
        pytest.param({"model": "responder", "method": "dpo"}, "method", id="the responder and preferences"),
        pytest.param({"model": "small", "method": "dpo"}, None, id="an open model and preferences"),
        pytest.param(
            {"model": "small", "hyperparameters": {"n_epochs": 51}}, "n_epochs", id="too many epochs"
        ),
        pytest.param({"model": "small", "options": {"quantisation": "nf4"}}, "", id="mistyped"),
    ],
)
def test_a_recipe_is_checked_without_its_files(request_: dict[str, Any], param: str | None) -> None:
    request = JobRequest(training_file="file-1", **request_)
    if param is None:
        check_recipe(request)
        return
    with pytest.raises(TuningRequestError) as refused:
        check_recipe(request)
    assert param in (refused.value.param or "")


# --- what the Python with torch says of this machine -------------------------------------------------


@pytest.fixture
def torch_says(tmp_path: Path) -> Callable[[str, str], str]:
    """A Python in whose place a script answers: (about the card, about the steps) -> its path."""

    def made(card: str, steps: str) -> str:
        script = tmp_path / "python"
        script.write_text(f"#!/bin/sh\n[ \"$1\" = -c ] && echo '{card}' && exit\n{steps}\n", "ascii")
        script.chmod(0o700)
        return str(script)

    return made


def estimated(store: TuningStore, tmp_path: Path, python: str, *, minutes: float) -> Job:
    config = RunnerConfig(home=str(tmp_path), training_python=python, memory_gb=64.0, minutes=minutes)
    return prepared(store, config, train=chats(10), model=shelved(store, tmp_path))


def test_what_is_close_to_the_limit_is_measured(
    store: TuningStore, tmp_path: Path, torch_says: Callable[[str, str], str]
) -> None:
    quick = torch_says("", """echo '{"tokens_a_second": 1e9}'""")
    job = estimated(store, tmp_path, quick, minutes=1.0)
    assert job.state == "queued"
    assert job.facts["estimate"]["rests_on"] == approval.MEASURED
    assert job.facts["estimate"]["seconds"] < 1
    slow = estimated(store, tmp_path, torch_says("", """echo '{"tokens_a_second": 0.1}'"""), minutes=1.0)
    assert slow.state == "awaiting_approval"


@pytest.mark.parametrize(
    ("steps", "minutes"),
    [
        pytest.param("exit 3", 1.0, id="the model cannot be loaded"),
        pytest.param("echo nonsense", 1.0, id="no answer that can be read"),
        pytest.param("""echo '{"tokens_a_second": 1e9}'""", 1e6, id="far below the limit: not asked"),
    ],
)
def test_else_the_guess_stands(
    store: TuningStore, tmp_path: Path, torch_says: Callable[[str, str], str], steps: str, minutes: float
) -> None:
    job = estimated(store, tmp_path, torch_says("", steps), minutes=minutes)
    assert job.facts["estimate"]["rests_on"] == approval.GUESS


@pytest.mark.parametrize(
    ("free", "state"),
    [
        pytest.param("24000000000", "queued", id="it fits"),
        pytest.param("1000000000", "awaiting_approval", id="it does not"),
    ],
)
def test_with_a_graphics_card_its_memory_counts(
    store: TuningStore,
    tmp_path: Path,
    torch_says: Callable[[str, str], str],
    monkeypatch: pytest.MonkeyPatch,
    free: str,
    state: str,
) -> None:
    monkeypatch.setattr("finetune.jobs.machine_pace.shutil.which", lambda _name: "/usr/bin/nvidia-smi")
    job = estimated(store, tmp_path, torch_says(free, "exit 3"), minutes=60.0)
    assert job.state == state
    assert job.facts["estimate"]["card_gb"] == int(free) / 1e9
    assert state == "queued" or "graphics card" in job.facts["reason"]
