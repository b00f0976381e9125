"""Files, uploads, jobs and tuned models over a real port; what a worker does is written by the test."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import openai
import pytest
from openai import OpenAI

from app.tuning import Tuning
from finetune.jobs.record import JobError, JobRequest, TunedModel
from finetune.jobs.store import TuningStore
from tests.api.serving import SOON_S, asked

ROWS = "".join(
    json.dumps(
        {"messages": [{"role": "user", "content": f"Q{i}?"}, {"role": "assistant", "content": f"Ä{i}"}]}
    )
    + "\n"
    for i in range(12)
).encode()


@pytest.fixture
def wakes(monkeypatch: pytest.MonkeyPatch) -> list[None]:
    """One for each time that the runner would have been started."""
    calls: list[None] = []
    monkeypatch.setattr(Tuning, "ensure_runner", lambda _self: calls.append(None))
    return calls


@pytest.fixture
def store(tmp_path: Path) -> TuningStore:
    """As a worker has it, beside the server."""
    return TuningStore(tmp_path / "tenants" / "default" / "tuning")


@pytest.fixture
def client(tmp_path: Path, wakes: list[None]) -> Iterator[OpenAI]:
    with asked(tmp_path) as made:
        yield made


@pytest.fixture
def http(client: OpenAI) -> Iterator[httpx2.Client]:
    """Without the client's own checks."""
    with httpx2.Client(base_url=str(client.base_url), trust_env=False, timeout=SOON_S) as made:
        yield made


def uploaded(client: OpenAI, data: bytes = ROWS, name: str = "rows.jsonl") -> str:
    return client.files.create(file=(name, io.BytesIO(data)), purpose="fine-tune").id


def own(job: Any) -> dict[str, Any]:
    found: dict[str, Any] = job.x_groundtune
    return found


def created(client: OpenAI, **more: Any) -> Any:
    return client.fine_tuning.jobs.create(
        **({"model": "responder", "training_file": uploaded(client)} | more)
    )


# --- files ----------------------------------------------------------------------------------------


def test_a_file_comes_back_byte_for_byte_until_it_is_deleted(client: OpenAI) -> None:
    data = ROWS + b"\r\n\x00\xff"
    made = client.files.create(file=("trän data.jsonl", io.BytesIO(data)), purpose="fine-tune")
    assert (made.bytes, made.filename, made.purpose) == (len(data), "trän data.jsonl", "fine-tune")
    assert client.files.retrieve(made.id) == made
    assert client.files.content(made.id).read() == data
    assert client.files.delete(made.id).deleted
    for gone in (client.files.retrieve, client.files.content, client.files.delete):
        with pytest.raises(openai.NotFoundError):
            gone(made.id)


def test_files_are_paged_filtered_and_ordered(client: OpenAI) -> None:
    ours = [uploaded(client, name=f"{n}.jsonl") for n in range(5)]
    client.files.create(file=("note.txt", b"x"), purpose="user_data")
    assert [one.id for one in client.files.list(limit=2, purpose="fine-tune")] == ours[::-1]
    assert [one.id for one in client.files.list(order="asc", purpose="fine-tune")] == ours
    assert [one.purpose for one in client.files.list(purpose="user_data")] == ["user_data"]
    page = client.files.list(limit=2, after=ours[-1], purpose="fine-tune")
    assert ([one.id for one in page.data], page.has_more) == ([ours[3], ours[2]], True)


@pytest.mark.parametrize(
    ("name", "kept"),
    [("../../../evil.jsonl", "evil.jsonl"), ("C:\\temp\\a.jsonl", "a.jsonl"), ("a/b", "b")],
)
def test_no_path_is_kept_of_a_name(client: OpenAI, name: str, kept: str) -> None:
    made = client.files.retrieve(uploaded(client, name=name))
    assert made.filename == kept


@pytest.mark.parametrize(
    ("request_", "status", "param"),
    [
        pytest.param({"files": {"file": ("a", b"x")}}, 400, "purpose", id="no purpose"),
        pytest.param(
            {"files": {"file": ("a", b"x")}, "data": {"purpose": "evil"}},
            400,
            "purpose",
            id="unknown purpose",
        ),
        pytest.param(
            {"files": {"other": ("a", b"x")}, "data": {"purpose": "fine-tune"}}, 400, "file", id="no file"
        ),
        pytest.param({"json": {"purpose": "fine-tune"}}, 400, "file", id="no form"),
        pytest.param(
            {
                "files": {"file": ("a", b"x")},
                "data": {"purpose": "fine-tune", "expires_after[anchor]": "created_at"},
            },
            400,
            "expires_after",
            id="half an expiry",
        ),
    ],
)
def test_what_is_no_file_is_refused(
    http: httpx2.Client, request_: dict[str, Any], status: int, param: str
) -> None:
    answer = http.post("files", **request_)
    assert (answer.status_code, answer.json()["error"]["param"]) == (status, param)


def test_a_file_may_expire(client: OpenAI) -> None:
    made = client.files.create(
        file=("a.jsonl", ROWS),
        purpose="fine-tune",
        expires_after={"anchor": "created_at", "seconds": 3600},
    )
    assert made.expires_at == made.created_at + 3600


def test_a_large_file_comes_in_parts(client: OpenAI) -> None:
    halves = (ROWS[:500], ROWS[500:])
    upload = client.uploads.create(
        filename="big.jsonl", purpose="fine-tune", bytes=len(ROWS), mime_type="application/jsonl"
    )
    assert upload.status == "pending"
    second, first = (client.uploads.parts.create(upload.id, data=half) for half in halves[::-1])
    done = client.uploads.complete(
        upload.id, part_ids=[first.id, second.id], md5=hashlib.md5(ROWS).hexdigest()
    )
    assert done.status == "completed"
    assert done.file is not None
    assert client.files.content(done.file.id).read() == ROWS


def test_an_upload_that_is_not_what_was_announced_is_refused(client: OpenAI) -> None:
    upload = client.uploads.create(
        filename="big.jsonl", purpose="fine-tune", bytes=5, mime_type="application/jsonl"
    )
    part = client.uploads.parts.create(upload.id, data=b"four")
    with pytest.raises(openai.BadRequestError):
        client.uploads.complete(upload.id, part_ids=[part.id])
    assert client.uploads.cancel(upload.id).status == "cancelled"
    with pytest.raises(openai.BadRequestError):
        client.uploads.parts.create(upload.id, data=b"more")


# --- jobs -----------------------------------------------------------------------------------------


def test_a_job_is_what_was_asked_for_and_wakes_the_runner(client: OpenAI, wakes: list[None]) -> None:
    job = created(
        client,
        suffix="acme",
        seed=7,
        metadata={"team": "support"},
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
        extra_body={"x_groundtune": {"learning_rate": 0.001}},
    )
    assert (job.object, job.status, job.seed, job.metadata) == (
        "fine_tuning.job",
        "validating_files",
        7,
        {"team": "support"},
    )
    assert (job.fine_tuned_model, job.finished_at, job.error, job.result_files) == (None, None, None, [])
    assert job.method.supervised.hyperparameters.n_epochs == 2
    assert job.method.supervised.hyperparameters.batch_size == "auto"
    assert job.x_groundtune["options"] == {"learning_rate": 0.001}
    assert client.fine_tuning.jobs.retrieve(job.id) == job
    assert len(wakes) == 1


def test_a_server_that_starts_goes_on_with_what_waits(
    tmp_path: Path, store: TuningStore, wakes: list[None]
) -> None:
    with asked(tmp_path):
        assert not (tmp_path / "tenants").exists(), "nothing is made where there never was a job"
    job, _ = store.jobs.create(JobRequest(model="responder", training_file="file-1"))
    with asked(tmp_path):
        assert len(wakes) == 1
    store.jobs.ask(job.id, "cancel")
    with asked(tmp_path):
        assert len(wakes) == 1, "nothing waits any more"


def test_jobs_are_paged_newest_first_and_found_by_their_metadata(client: OpenAI) -> None:
    file = uploaded(client)
    ours = [
        created(client, training_file=file, metadata={"n": str(n), "k": "[v]"}, suffix=f"s{n}").id
        for n in range(3)
    ]
    assert [job.id for job in client.fine_tuning.jobs.list(limit=1)] == ours[::-1]
    (found,) = client.fine_tuning.jobs.list(metadata={"n": "1", "k": "[v]"}).data
    assert found.id == ours[1]
    assert client.fine_tuning.jobs.list(metadata={"n": "9"}).data == []


@pytest.mark.parametrize("param", ["training_file", "validation_file"])
def test_questions_are_not_learnt_as_plain_text(client: OpenAI, param: str) -> None:
    questions = uploaded(client, b'{"text": "What is the rent?", "answer": "120 euros."}\n' * 12)
    with pytest.raises(openai.BadRequestError) as caught:
        created(client, **{"training_file": uploaded(client), param: questions})
    assert (caught.value.param, caught.value.code) == (param, f"invalid_{param}")
    assert "holds questions for an evaluation" in caught.value.message
    assert "`dataset build`" in caught.value.message


BAD_JOBS = [
    pytest.param({"model": None}, "model", id="no model"),
    pytest.param({"training_file": None}, "training_file", id="no file"),
    pytest.param({"model": "no-such-model"}, "model", id="unknown model"),
    pytest.param({"model": "../evil"}, "model", id="a path as a model"),
    pytest.param({"model": {}}, "model", id="a model of another type"),
    pytest.param({"training_file": "file-none"}, "training_file", id="unknown file"),
    pytest.param({"validation_file": "file-none"}, "validation_file", id="unknown validation file"),
    pytest.param({"suffix": ""}, "suffix", id="empty suffix"),
    pytest.param({"suffix": "s" * 65}, "suffix", id="long suffix"),
    pytest.param({"seed": -1}, "seed", id="negative seed"),
    pytest.param({"seed": True}, "seed", id="a seed that is no number"),
    pytest.param({"metadata": {"k": "v" * 513}}, "metadata.k", id="long metadata"),
    pytest.param({"metadata": {str(n): "v" for n in range(17)}}, "metadata", id="too much metadata"),
    pytest.param({"hyperparameters": {"n_epochs": 0}}, "hyperparameters.n_epochs", id="no epoch"),
    pytest.param({"hyperparameters": {"n_epochs": 51}}, "hyperparameters.n_epochs", id="many epochs"),
    pytest.param({"hyperparameters": []}, "hyperparameters", id="hyperparameters of another type"),
    pytest.param(
        {"method": {"type": "supervised", "supervised": {"hyperparameters": {"batch_size": "big"}}}},
        "method.supervised.hyperparameters.batch_size",
        id="batch size",
    ),
    pytest.param(
        {"method": {"type": "dpo", "dpo": {"hyperparameters": {"beta": 3}}}},
        "method.dpo.hyperparameters.beta",
        id="beta",
    ),
    pytest.param({"method": {"type": "reinforcement"}}, "method.type", id="reinforcement"),
    pytest.param({"method": 5}, "method", id="method of another type"),
    pytest.param({"integrations": [{"type": "wandb"}]}, "integrations", id="integrations"),
    pytest.param({"trainingType": "Standard"}, "trainingType", id="another provider's key"),
]


def test_what_cannot_be_trained_is_refused_by_name(client: OpenAI, http: httpx2.Client) -> None:
    good = {"model": "responder", "training_file": uploaded(client)}
    for case in BAD_JOBS:
        change, param = case.values
        assert isinstance(change, dict)
        body = {name: value for name, value in (good | change).items() if value is not None}
        answer = http.post("fine_tuning/jobs", json=body)
        assert answer.status_code == 400, (case.id, answer.text)
        assert answer.json()["error"]["param"] == param, (case.id, answer.text)
    assert client.fine_tuning.jobs.list().data == []


def test_a_file_for_another_purpose_trains_nothing(client: OpenAI) -> None:
    other = client.files.create(file=("a.txt", b"x"), purpose="user_data").id
    with pytest.raises(openai.BadRequestError, match="purpose"):
        created(client, training_file=other)


def test_a_lost_answer_trains_nothing_twice(http: httpx2.Client, client: OpenAI) -> None:
    """The official client sends the same request again, with a count and without a key."""
    body = {"model": "responder", "training_file": uploaded(client)}
    first = http.post("fine_tuning/jobs", json=body).json()
    again = http.post("fine_tuning/jobs", json=body, headers={"x-stainless-retry-count": "1"}).json()
    meant = http.post("fine_tuning/jobs", json=body, headers={"x-stainless-retry-count": "0"}).json()
    assert again["id"] == first["id"] != meant["id"]


def test_a_key_belongs_to_one_job(http: httpx2.Client, client: OpenAI) -> None:
    body = {"model": "responder", "training_file": uploaded(client)}
    key = {"idempotency-key": "order-1"}
    first, again = (http.post("fine_tuning/jobs", json=body, headers=key).json() for _ in range(2))
    other = http.post("fine_tuning/jobs", json=body | {"suffix": "b"}, headers=key)
    assert first["id"] == again["id"]
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_conflict")
    assert other.headers["x-should-retry"] == "false"


def test_pause_resume_and_cancel_go_by_the_table(client: OpenAI, wakes: list[None]) -> None:
    jobs = client.fine_tuning.jobs
    job = created(client)
    assert jobs.cancel(job.id).status == "cancelled"
    for late in (jobs.cancel, jobs.pause, jobs.resume):
        with pytest.raises(openai.BadRequestError) as caught:
            late(job.id)
        assert caught.value.code == "invalid_job_state"
    assert jobs.retrieve(job.id).status == "cancelled"
    assert len(wakes) == 1, "nothing that was refused wakes the runner"


def test_a_job_in_the_queue_is_paused_and_goes_on(
    client: OpenAI, store: TuningStore, wakes: list[None]
) -> None:
    jobs = client.fine_tuning.jobs
    first, job = created(client), created(client, suffix="second")
    for waiting in (first, job):
        store.jobs.move(waiting.id, "queued")
    assert own(jobs.retrieve(job.id))["position"] == 2
    paused = [jobs.pause(job.id) for _ in range(2)]
    assert [one.status for one in paused] == ["paused", "paused"], "no published status, but OpenAI's own"
    assert [one.status for one in (jobs.resume(job.id), jobs.resume(job.id))] == ["queued", "queued"]
    assert len(wakes) == 4, "two that were created, two that go on"


def test_an_estimate_is_accepted_by_going_on(client: OpenAI, store: TuningStore) -> None:
    job = created(client)
    store.jobs.move(
        job.id, "awaiting_approval", facts={"reason": "It may take 3 hours.", "estimate": {"seconds": 10_800}}
    )
    waiting = client.fine_tuning.jobs.retrieve(job.id)
    assert (waiting.status, own(waiting)["state"]) == ("validating_files", "awaiting_approval")
    assert (own(waiting)["reason"], own(waiting)["estimate"]) == ("It may take 3 hours.", {"seconds": 10_800})
    assert client.fine_tuning.jobs.resume(job.id).status == "queued"
    assert store.jobs.get(job.id).facts["accepted"] is True


def test_why_a_job_failed_is_said(client: OpenAI, store: TuningStore) -> None:
    job = created(client)
    error = JobError(
        code="invalid_n_examples", message="It has 5 rows: 10 are needed.", param="training_file"
    )
    store.jobs.move(job.id, "failed", error=error)
    failed: Any = client.fine_tuning.jobs.retrieve(job.id)
    assert failed.status == "failed" and failed.finished_at is not None
    assert (failed.error.code, failed.error.param) == ("invalid_n_examples", "training_file")


def test_what_is_unknown_is_not_found(http: httpx2.Client) -> None:
    job = "fine_tuning/jobs/ftjob-none"
    paths = [("GET", job), *(("POST", f"{job}/{verb}") for verb in ("pause", "resume", "cancel"))]
    paths += [("GET", f"{job}/{part}") for part in ("events", "events/stream", "checkpoints")]
    paths += [("GET", "models/ft:none"), ("DELETE", "models/ft:none"), ("GET", "files/file-none")]
    for method, path in paths:
        answer = http.request(method, path)
        assert (answer.status_code, answer.json()["error"]["type"]) == (404, "invalid_request_error"), path


@pytest.mark.parametrize("query", ["limit=x", "limit=-1", "limit=0", f"limit={10**20}"])
def test_a_limit_is_a_number_of_things(http: httpx2.Client, query: str) -> None:
    for path in ("files", "fine_tuning/jobs"):
        assert http.get(f"{path}?{query}").status_code == 400


# --- what the worker writes -----------------------------------------------------------------------


def test_events_are_paged_newest_first(client: OpenAI, store: TuningStore) -> None:
    job = created(client)
    for event in ("one", "two"):
        store.jobs.note(job.id, message=event)
    messages = [event.message for event in client.fine_tuning.jobs.list_events(job.id, limit=1)]
    assert messages == ["two", "one", f"Created fine-tuning job: {job.id}"]


def test_events_are_sent_as_they_happen_and_none_twice(
    client: OpenAI, http: httpx2.Client, store: TuningStore
) -> None:
    job = created(client)
    happened = threading.Timer(0.2, lambda: store.jobs.ask(job.id, "cancel"))
    happened.start()
    path = f"fine_tuning/jobs/{job.id}/events/stream"
    with http.stream("GET", path) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        blocks = "".join(answer.iter_text()).split("\n\n")
    happened.join()
    ids = [int(block.split("\n")[0].removeprefix("id: ")) for block in blocks if block.startswith("id: ")]
    assert ids == list(range(1, len(ids) + 1))
    assert blocks[-2].startswith("event: end\n") and '"cancelled"' in blocks[-2]
    with http.stream("GET", path, headers={"last-event-id": str(ids[-1])}) as answer:
        assert "id: " not in "".join(answer.iter_text()), "all of them were seen"


def test_a_tuned_model_is_listed_retrieved_and_deleted(
    client: OpenAI, store: TuningStore, tmp_path: Path
) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    name = "ft:responder:groundtune:acme:0123abcd"
    store.models.add(
        TunedModel(
            id=name,
            job_id="ftjob-1",
            base="responder",
            trainer="responder",
            folder=str(folder),
            created_at=1_700_000_000.0,
        )
    )
    assert name in [model.id for model in client.models.list()]
    assert client.models.retrieve(name).created == 1_700_000_000
    assert client.models.delete(name).deleted
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve(name)
    with pytest.raises(openai.PermissionDeniedError):
        client.models.delete("responder")
