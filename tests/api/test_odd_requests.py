"""What no honest client sends, and what a hurried one does: an answer in OpenAI's envelope that says what is wrong."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import httpx2
import pytest
from openai import OpenAI

from app.api import body_limit, streaming
from app.tuning import Tuning
from errors import TuningError
from finetune.jobs.store import TuningStore
from finetune.jobs.uploads import Upload, UploadTable
from tests.api.serving import SOON_S, asked

ROWS = b'{"messages": []}\n' * 12


@pytest.fixture
def client(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[OpenAI]:
    monkeypatch.setattr(Tuning, "ensure_runner", lambda _self: None)
    with asked(tmp_path) as made:
        yield made


@pytest.fixture
def http(client: OpenAI) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=str(client.base_url), trust_env=False, timeout=SOON_S) as made:
        yield made


def job(client: OpenAI, **more: Any) -> dict[str, Any]:
    file = client.files.create(file=("rows.jsonl", io.BytesIO(ROWS)), purpose="fine-tune")
    return {"model": "responder", "training_file": file.id, **more}


def refused(answer: httpx2.Response) -> tuple[int, str | None, str | None]:
    error = answer.json()["error"]
    return answer.status_code, error["code"], error["param"]


@pytest.mark.parametrize(
    ("path", "kind", "body"),
    [
        pytest.param("fine_tuning/jobs", "application/json", (b" " * 30, b" " * 30), id="JSON"),
        pytest.param(
            "uploads/upload_1/parts",
            "multipart/form-data; boundary=x",
            (b'--x\r\nContent-Disposition: form-data; name="data"; filename="a"\r\n\r\n', b"a" * 90),
            id="a form",
        ),
    ],
)
def test_a_body_that_grows_too_large_is_said_to_be(
    http: httpx2.Client, monkeypatch: pytest.MonkeyPatch, path: str, kind: str, body: tuple[bytes, ...]
) -> None:
    """Not that it is no JSON, or no form: of that it is innocent."""
    monkeypatch.setattr(body_limit, "limit_of", lambda _path: 50)
    answer = http.post(path, content=iter(body), headers={"content-type": kind})
    assert refused(answer) == (413, "request_too_large", None)


@pytest.mark.parametrize(
    "options",
    [
        pytest.param('{"own": NaN}', id="no number"),
        pytest.param('{"own": 1e400}', id="more than a number holds"),
        pytest.param(json.dumps({"own": "x" * 20_000}), id="long ones"),
    ],
)
def test_options_are_short_json(http: httpx2.Client, client: OpenAI, options: str) -> None:
    body = json.dumps(job(client))[:-1] + f', "x_groundtune": {options}}}'
    answer = http.post("fine_tuning/jobs", content=body, headers={"content-type": "application/json"})
    assert refused(answer) == (400, "invalid_value", "x_groundtune")
    assert client.fine_tuning.jobs.list().data == []


@pytest.mark.parametrize("suffix", ["../..", "a b", "a\nb: c", "a:ckpt-step-3", "\x1b[31m", "é", "a\n"])
def test_a_suffix_is_a_plain_word(http: httpx2.Client, client: OpenAI, suffix: str) -> None:
    answer = http.post("fine_tuning/jobs", json=job(client, suffix=suffix))
    assert refused(answer) == (400, "invalid_value", "suffix")


def test_an_empty_key_is_none(http: httpx2.Client, client: OpenAI) -> None:
    for body in (job(client), job(client, suffix="other")):
        assert http.post("fine_tuning/jobs", json=body, headers={"idempotency-key": ""}).status_code == 200
    assert len(client.fine_tuning.jobs.list().data) == 2


def test_an_event_that_cannot_be_is_not_looked_for(http: httpx2.Client, client: OpenAI) -> None:
    made = http.post("fine_tuning/jobs", json=job(client)).json()["id"]
    answer = http.get(f"fine_tuning/jobs/{made}/events/stream", headers={"last-event-id": str(2**63)})
    assert refused(answer) == (400, "invalid_value", "last-event-id")


@pytest.mark.parametrize("failure", [FileNotFoundError("its parts are gone"), None], ids=["parts", "state"])
def test_a_completion_that_overtakes_the_first_is_no_failure(
    client: OpenAI, monkeypatch: pytest.MonkeyPatch, failure: Exception | None
) -> None:
    """The client gave up waiting and asked again, while the first request went on to its end."""
    upload = client.uploads.create(filename="a", purpose="fine-tune", bytes=len(ROWS), mime_type="text/jsonl")
    part = client.uploads.parts.create(upload.id, data=ROWS)
    complete = UploadTable.complete

    def beaten(self: UploadTable, upload_id: str, parts: list[str], *, md5: str | None = None) -> Upload:
        done = complete(self, upload_id, parts, md5=md5)
        if failure is not None:
            raise failure
        complete(self, upload_id, parts, md5=md5)  # the upload is completed: begin a new one
        return done

    monkeypatch.setattr(UploadTable, "complete", beaten)
    done = client.uploads.complete(upload.id, part_ids=[part.id])
    assert done.status == "completed" and done.file is not None
    assert client.files.content(done.file.id).read() == ROWS


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * 100_000 + b"]" * 100_000, id="lists in lists"),
        pytest.param(b'{"seed": ' + b"9" * 5000 + b"}", id="a number of thousands of digits"),
        pytest.param(b'{"model": "\xff"}', id="no UTF-8"),
    ],
)
def test_what_cannot_be_read_is_said_to_be_so(http: httpx2.Client, body: bytes) -> None:
    answer = http.post("fine_tuning/jobs", content=body, headers={"content-type": "application/json"})
    assert refused(answer) == (400, "invalid_json", None)
    assert "UTF-8" in answer.json()["error"]["message"]


@pytest.mark.parametrize("name", ["rag:%00", "rag:" + "x" * 81, "hybrid:%20"])
def test_a_knowledge_base_that_cannot_be_is_not_found(http: httpx2.Client, name: str) -> None:
    assert refused(http.get(f"models/{name}")) == (404, "model_not_found", "model")


def test_a_base_of_the_hub_is_trained_and_one_that_was_taken_away_is_not(
    http: httpx2.Client, client: OpenAI, tmp_path: Path
) -> None:
    with closing(TuningStore(tmp_path / "tenants" / "default" / "tuning")) as store:
        store.bases.register("Qwen2.5-0.5B", "Qwen/Qwen2.5-0.5B")
        store.bases.register("gone", str(tmp_path / "gone"))
    assert http.post("fine_tuning/jobs", json=job(client, model="Qwen2.5-0.5B")).status_code == 200
    answer = http.post("fine_tuning/jobs", json=job(client, model="gone"))
    assert refused(answer) == (400, "model_not_available", "model")
    assert "responder, Qwen2.5-0.5B." in answer.json()["error"]["message"]


def test_a_runner_that_cannot_be_started_is_no_failure_of_the_request(
    client: OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job is in the store: told that it failed, its maker would order it again."""

    def fails(_self: Tuning) -> None:
        raise TuningError("The process that trains cannot be started (Too many open files): the job waits.")

    monkeypatch.setattr(Tuning, "ensure_runner", fails)
    jobs = client.fine_tuning.jobs
    made = jobs.create(**job(client))
    last = jobs.list_events(made.id).data[0]
    assert (last.level, last.message.endswith("the job waits.")) == ("warn", True)
    assert jobs.cancel(made.id).status == "cancelled"


def test_a_request_sent_again_is_not_answered_with_a_cancelled_job(
    http: httpx2.Client, client: OpenAI
) -> None:
    body = job(client)
    first = client.fine_tuning.jobs.create(**body)
    client.fine_tuning.jobs.cancel(first.id)
    again = http.post("fine_tuning/jobs", json=body, headers={"x-stainless-retry-count": "1"}).json()
    assert (again["id"] != first.id, again["status"]) == (True, "validating_files")


def test_watchers_hold_up_no_answers(
    http: httpx2.Client, client: OpenAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streaming, "AT_ONCE", 2)
    made = client.fine_tuning.jobs.create(**job(client))
    question = {"model": "no-such-model", "messages": [{"role": "user", "content": "Anybody?"}]}
    with ExitStack() as watching:
        for _ in range(2):
            watching.enter_context(http.stream("GET", f"fine_tuning/jobs/{made.id}/events/stream"))
        assert http.post("chat/completions", json=question, timeout=5.0).status_code == 404


def test_a_file_whose_bytes_are_gone_is_not_found(
    http: httpx2.Client, client: OpenAI, tmp_path: Path
) -> None:
    made = client.files.create(file=("a.jsonl", ROWS), purpose="fine-tune")
    (tmp_path / "tenants" / "default" / "tuning" / "files" / made.id).unlink()
    answer = http.get(f"files/{made.id}/content")
    assert (refused(answer)[0], "upload the file again" in answer.text) == (404, True)
