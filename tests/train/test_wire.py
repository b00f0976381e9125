"""An open model trained over HTTP by an unmodified OpenAI client: uploaded, paused, resumed, watched, asked."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from openai import OpenAI

from tests.api.serving import asked
from tests.train.tiny_models import FACTS, fact_rows, write_rows

SOON_S = 120.0
RECIPE = {"x_groundtune": {"learning_rate": 0.01, "micro_batch": 4}}


@pytest.fixture
def client(tmp_path: Path, tiny_bases: Callable[[str], Path]) -> Iterator[OpenAI]:
    shutil.copytree(tiny_bases("llama"), tmp_path / "bases" / "tiny-llama")
    with asked(
        tmp_path / "home", GROUNDTUNE_BASE_MODELS=str(tmp_path / "bases"), GROUNDTUNE_OFFLINE="1"
    ) as made:
        yield made


def until(client: OpenAI, job: str, *statuses: str) -> Any:
    end = time.monotonic() + SOON_S
    while (found := client.fine_tuning.jobs.retrieve(job)).status not in statuses:
        assert time.monotonic() < end, found.status
        assert found.status not in ("failed", "cancelled"), found.error
        time.sleep(0.1)
    return found


def until_step(client: OpenAI, job: str, step: int) -> None:
    end = time.monotonic() + SOON_S
    while step > max([0, *steps(client, job)]):
        assert time.monotonic() < end
        time.sleep(0.1)


def steps(client: OpenAI, job: str) -> list[int]:
    """Of the metrics events, the oldest first."""
    told = list(client.fine_tuning.jobs.list_events(job, limit=50))[::-1]
    return [event.data["step"] for event in told if event.type == "metrics"]


def say(client: OpenAI, model: str, question: str) -> str:
    asked_for = [{"role": "user", "content": question}]
    reply = client.chat.completions.create(model=model, messages=asked_for, temperature=0, max_tokens=32)
    return reply.choices[0].message.content or ""


def rights(client: OpenAI, model: str) -> int:
    return sum(say(client, model, question) == answer for question, answer in FACTS.items())


@pytest.mark.timeout(300)
def test_trained_paused_resumed_and_asked_by_the_client_alone(client: OpenAI, tmp_path: Path) -> None:
    assert "tiny-llama" in [model.id for model in client.models.list()]
    assert rights(client, "tiny-llama") == 0
    rows = write_rows(tmp_path / "rows.jsonl", fact_rows() * 2)
    file = client.files.create(file=rows, purpose="fine-tune")
    job = client.fine_tuning.jobs.create(
        model="tiny-llama",
        training_file=file.id,
        suffix="acme",
        seed=5,
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 30, "batch_size": 4}}},
        extra_body=RECIPE,
    )
    until_step(client, job.id, 5)
    client.fine_tuning.jobs.pause(job.id)
    until(client, job.id, "paused")
    paused_at = max(steps(client, job.id))
    client.fine_tuning.jobs.resume(job.id)
    done = until(client, job.id, "succeeded")
    assert steps(client, job.id) == list(range(1, 121))  # each once: what was paused went on
    assert paused_at < 120
    assert done.fine_tuned_model == f"ft:tiny-llama:groundtune:acme:{job.id[-8:]}"
    assert done.trained_tokens > 0
    assert rights(client, done.fine_tuned_model) == len(FACTS)
    results = client.files.content(done.result_files[0]).read().decode().splitlines()
    assert len(results) == 121
    checkpoints = list(client.fine_tuning.jobs.checkpoints.list(job.id, limit=2))
    assert checkpoints
    newest = checkpoints[0]
    assert newest.fine_tuned_model_checkpoint == f"{done.fine_tuned_model}:ckpt-step-{newest.step_number}"
    assert say(client, newest.fine_tuned_model_checkpoint, next(iter(FACTS)))
    streamed = client.chat.completions.create(
        model=done.fine_tuned_model,
        messages=[{"role": "user", "content": next(iter(FACTS))}],
        temperature=0,
        stream=True,
    )
    assert "".join(chunk.choices[0].delta.content or "" for chunk in streamed if chunk.choices) == next(
        iter(FACTS.values())
    )
    client.models.delete(done.fine_tuned_model)
    assert done.fine_tuned_model not in [model.id for model in client.models.list()]
