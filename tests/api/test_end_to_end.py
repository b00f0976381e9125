"""From a file to a tuned model that answers, by the official client alone: over a port, and in this process."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI

from app.api.in_process import local_client
from app.settings import load_settings
from app.workspace import Workspace
from tests.api.serving import serving

SAMPLE = Path(__file__).resolve().parents[2] / "examples" / "training.jsonl"
TRAINED_S = 120.0


@pytest.fixture
def workspace(home: Path) -> Iterator[Workspace]:
    made = Workspace(load_settings({"GROUNDTUNE_HOME": str(home), "GROUNDTUNE_OFFLINE": "1"}))
    yield made
    made.close()


def finished(client: OpenAI, job_id: str) -> Any:
    deadline = time.monotonic() + TRAINED_S
    while time.monotonic() < deadline:
        job = client.fine_tuning.jobs.retrieve(job_id)
        if job.status in ("succeeded", "failed", "cancelled"):
            return job
        time.sleep(0.2)
    raise AssertionError(f"still {job.status} after {TRAINED_S} s")


def test_an_unmodified_client_trains_and_asks_a_model(workspace: Workspace) -> None:
    """One server takes the order, another answers: the training belongs to neither."""
    with serving(workspace) as url, OpenAI(base_url=url, api_key="any") as client, SAMPLE.open("rb") as rows:
        file = client.files.create(file=rows, purpose="fine-tune")
        job = client.fine_tuning.jobs.create(
            model="responder", training_file=file.id, suffix="isa", seed=1, metadata={"team": "support"}
        )
    client = local_client(workspace)
    done = finished(client, job.id)
    assert (done.status, done.error) == ("succeeded", None)
    assert done.fine_tuned_model.startswith("ft:responder:groundtune:isa:")
    assert done.trained_tokens > 0
    _check_what_it_left(client, done)
    _check_that_it_answers(client, done.fine_tuned_model)
    assert client.models.delete(done.fine_tuned_model).deleted
    with pytest.raises(openai.NotFoundError):
        client.chat.completions.create(
            model=done.fine_tuned_model, messages=[{"role": "user", "content": "Hello?"}]
        )
    client.close()


def _check_what_it_left(client: OpenAI, job: Any) -> None:
    events = list(client.fine_tuning.jobs.list_events(job.id, limit=7))
    assert len({event.id for event in events}) == len(events)
    assert [event.x_groundtune["sequence"] for event in events] == list(range(len(events), 0, -1))  # type: ignore[attr-defined]
    assert events[-1].message == f"Created fine-tuning job: {job.id}"
    steps = [event.data for event in events if event.type == "metrics"]
    assert steps and all(isinstance(step, dict) and step["train_loss"] >= 0 for step in steps)
    for checkpoint in client.fine_tuning.jobs.checkpoints.list(job.id):
        assert checkpoint.fine_tuned_model_checkpoint.startswith(job.fine_tuned_model + ":ckpt-step-")
    table = client.files.content(job.result_files[0]).text
    assert table.splitlines()[0].startswith("step,train_loss,train_accuracy,valid_loss")
    assert client.files.retrieve(job.result_files[0]).purpose == "fine-tune-results"


def _check_that_it_answers(client: OpenAI, model: str) -> None:
    first = json.loads(SAMPLE.read_text("utf-8").splitlines()[0])["messages"]
    question = next(one["content"] for one in first if one["role"] == "user")
    taught = next(one["content"] for one in first if one["role"] == "assistant")
    listed = [one.id for one in client.models.list()]
    assert model in listed and "finetuned" in listed and "hybrid" in listed
    tried = [model, "finetuned", *(one for one in listed if one.startswith(f"{model}:ckpt"))]
    for name in tried:
        answer = client.chat.completions.create(model=name, messages=[{"role": "user", "content": question}])
        assert answer.choices[0].message.content == taught, name
        chunks = client.chat.completions.create(
            model=name, messages=[{"role": "user", "content": question}], stream=True
        )
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == taught, name
