"""A small place that takes fine-tuning jobs over OpenAI's wire, on 127.0.0.1, with faults that can be switched on.

    with serve_tuning() as place:
        ...OpenAI(base_url=place.url)...
        place.fault("POST", "/fine_tuning/jobs", after=True)   # the job is made, its maker never hears of it
        place.step("ftjob-1", status="running"); place.jobs

Jobs stand still until `step` moves them, or take one step a look with `moves=True`. Not covered: chat, checkpoint
permissions, graders.
"""

from __future__ import annotations

import json
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.parser import BytesParser
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl, urlsplit

PATH = ("validating_files", "queued", "running", "running", "succeeded")
RESULTS = (
    b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n1,2.1,0.4,,\n2,1.2,0.7,1.5,0.6\n"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What happens to the next `times` requests of a method and path instead of, or after, what was asked."""

    method: str
    path: str  # a regular expression of what follows /v1
    times: int = 1
    status: int | None = None  # an error in OpenAI's envelope; None: the connection is cut
    code: str | None = None
    message: str = "a switched fault"
    after: bool = False  # the request is carried out first
    headers: Mapping[str, str] = field(default_factory=dict)
    raw: bytes | None = None  # this body with status 200
    delay_s: float = 0.0
    hook: Callable[[], None] | None = None  # called when it strikes


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(slots=True)
class TuningPlace:
    """What a test sees of the running place."""

    url: str = ""
    keeps_metadata: bool = True
    filters: bool = True  # knows metadata[KEY]=VALUE in a list
    moves: bool = False
    key: str | None = None
    page: int = 100  # the most that one page holds
    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)  # in the order they were made
    events: dict[str, list[dict[str, Any]]] = field(default_factory=dict)
    files: dict[str, dict[str, Any]] = field(default_factory=dict)
    contents: dict[str, bytes] = field(default_factory=dict)
    uploads: dict[str, dict[str, Any]] = field(default_factory=dict)
    models: list[dict[str, Any]] = field(default_factory=list)
    asked: list[Asked] = field(default_factory=list)
    _faults: list[Fault] = field(default_factory=list)
    _count: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def fault(self, method: str, path: str, **more: Any) -> None:
        self._faults.append(Fault(method=method, path=path, **more))

    def requests(self, method: str, path: str) -> list[Asked]:
        return [one for one in self.asked if one.method == method and re.fullmatch(path, one.path)]

    def step(self, job_id: str, **changes: Any) -> None:
        """Changes a job, with an event that says so."""
        with self.lock:
            self.jobs[job_id] |= changes
            self.say(job_id, f"The job is now {self.jobs[job_id]['status']}.")

    def finish(self, job_id: str) -> None:
        file_id = self.new_id("file")
        self.files[file_id] = _file(file_id, "step_metrics.csv", "fine-tune-results", RESULTS)
        self.contents[file_id] = RESULTS
        job = self.jobs[job_id]
        model = f"ft:{job['model']}:org:{job['suffix'] or ''}:{job_id[-6:]}"
        self.models.append({"id": model, "object": "model", "created": 1, "owned_by": "org"})
        self.step(
            job_id, status="succeeded", fine_tuned_model=model, finished_at=int(time.time()), trained_tokens=4200,
            result_files=[file_id],
        )  # fmt: skip

    def say(self, job_id: str, message: str, *, level: str = "info", data: Any = None) -> None:
        with self.lock:
            made = {
                "id": self.new_id("ftevent"), "object": "fine_tuning.job.event", "created_at": int(time.time()),
                "level": level, "message": message, "type": "metrics" if data else "message", "data": data or {},
            }  # fmt: skip
            self.events[job_id].append(made)

    def new_id(self, kind: str) -> str:
        with self.lock:
            self._count += 1
            return f"{kind}-{self._count:06d}"

    def struck(self, method: str, path: str) -> Fault | None:
        with self.lock:
            for at, fault in enumerate(self._faults):
                if fault.method == method and re.fullmatch(fault.path, path):
                    left = fault.times - 1
                    more = [] if not left else [_with_times(fault, left)]
                    self._faults[at : at + 1] = more
                    return fault
        return None


def _with_times(fault: Fault, times: int) -> Fault:
    from dataclasses import replace

    return replace(fault, times=times)


@contextmanager
def serve_tuning(**settings: Any) -> Iterator[TuningPlace]:
    """Runs until the block ends. Keywords are fields of TuningPlace."""
    place = TuningPlace(**settings)

    class Handler(_Handler):
        pass

    Handler.place = place
    server = _Server(("127.0.0.1", 0), Handler)
    place.url = f"http://127.0.0.1:{server.server_address[1]}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield place
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that was killed is what some tests are about."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    place: TuningPlace

    def log_message(self, format: str, *args: Any) -> None:
        """Tests read `asked`, not a log."""

    def do_GET(self) -> None:
        self._handle()

    def do_POST(self) -> None:
        self._handle()

    def do_DELETE(self) -> None:
        self._handle()

    def _handle(self) -> None:
        parts = urlsplit(self.path)
        path, query = parts.path.removeprefix("/v1"), dict(parse_qsl(parts.query))
        raw = self.rfile.read(int(self.headers.get("content-length") or 0))
        body = self._parsed(raw)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.place.asked.append(
            Asked(method=self.command, path=path, query=query, headers=headers, body=body)
        )
        fault = self.place.struck(self.command, path)
        if fault is not None and not fault.after:
            self._strike(fault)
            return
        status, answer = self._answer(path, query, body)
        if fault is not None:
            self._strike(fault)
        elif isinstance(answer, bytes):
            self._send(status, answer, "application/octet-stream")
        else:
            self._send(status, json.dumps(answer).encode(), "application/json")

    def _strike(self, fault: Fault) -> None:
        if fault.hook is not None:
            fault.hook()
        time.sleep(fault.delay_s)
        if fault.raw is not None:
            self._send(200, fault.raw, "application/json", fault.headers)
        elif fault.status is None:
            self.close_connection = True
        else:
            body = json.dumps(_error(fault.status, fault.code, fault.message)[1]).encode()
            self._send(fault.status, body, "application/json", fault.headers)

    def _send(self, status: int, data: bytes, kind: str, headers: Mapping[str, str] | None = None) -> None:
        self.close_connection = True  # no idle socket is left to warn about
        self.send_response(status)
        more = {
            "content-type": kind,
            "content-length": str(len(data)),
            "connection": "close",
            **(headers or {}),
        }
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _parsed(self, raw: bytes) -> Any:
        kind = self.headers.get("content-type") or ""
        if not kind.startswith("multipart/"):
            return json.loads(raw) if raw else None
        message = BytesParser().parsebytes(f"content-type: {kind}\r\n\r\n".encode() + raw)
        fields: dict[str, Any] = {}
        for part in message.get_payload():
            name = part.get_param("name", header="content-disposition")
            data = part.get_payload(decode=True)
            filename = part.get_filename()
            fields[str(name)] = (filename, data) if filename else data.decode()
        return fields

    # --- what is asked ----------------------------------------------------------------------------

    def _answer(self, path: str, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
        place = self.place
        if place.key is not None and self.headers.get("authorization") != f"Bearer {place.key}":
            return _error(401, "invalid_api_key", f"Incorrect API key: {self.headers.get('authorization')}")
        with place.lock:
            for method, pattern, answer in _ROUTES:
                found = re.fullmatch(pattern, path)
                if method == self.command and found:
                    return answer(place, query, body, *found.groups())
        return _error(404, None, "Unknown path.")


def _error(status: int, code: str | None, message: str) -> tuple[int, Any]:
    return status, {
        "error": {"message": message, "type": "invalid_request_error", "param": None, "code": code}
    }


def _file(file_id: str, filename: str, purpose: str, data: bytes) -> dict[str, Any]:
    return {
        "id": file_id, "object": "file", "bytes": len(data), "created_at": int(time.time()), "filename": filename,
        "purpose": purpose, "status": "processed",
    }  # fmt: skip


def _add_file(place: TuningPlace, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
    filename, data = body["file"]
    file_id = place.new_id("file")
    place.files[file_id], place.contents[file_id] = _file(file_id, filename, body["purpose"], data), data
    return 200, place.files[file_id]


def _paged(place: TuningPlace, found: list[dict[str, Any]], query: Mapping[str, str]) -> tuple[int, Any]:
    """Newest first, after a cursor."""
    ids = [one["id"] for one in found]
    start = ids.index(query["after"]) + 1 if query.get("after") in ids else 0
    limit = min(int(query.get("limit", 20)), place.page)
    part = found[start : start + limit]
    return 200, {"object": "list", "data": part, "has_more": start + limit < len(found)}


def _list_files(place: TuningPlace, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
    found = [one for one in place.files.values() if query.get("purpose") in (None, one["purpose"])]
    return _paged(place, found[::-1], query)


def _get_file(place: TuningPlace, query: Mapping[str, str], body: Any, file_id: str) -> tuple[int, Any]:
    return (
        (200, place.files[file_id]) if file_id in place.files else _error(404, None, "No such File object.")
    )


def _get_content(place: TuningPlace, query: Mapping[str, str], body: Any, file_id: str) -> tuple[int, Any]:
    return (
        (200, place.contents[file_id])
        if file_id in place.files
        else _error(404, None, "No such File object.")
    )


def _start_upload(place: TuningPlace, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
    upload_id = place.new_id("upload")
    place.uploads[upload_id] = {**body, "id": upload_id, "object": "upload", "status": "pending", "parts": {}}
    return 200, _shown(place.uploads[upload_id])


def _shown(upload: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in upload.items() if key != "parts"} | {
        "created_at": 1,
        "expires_at": 3601,
    }


def _add_part(place: TuningPlace, query: Mapping[str, str], body: Any, upload_id: str) -> tuple[int, Any]:
    part_id = place.new_id("part")
    data = body["data"]
    place.uploads[upload_id]["parts"][part_id] = data[1] if isinstance(data, tuple) else data.encode()
    return 200, {"id": part_id, "object": "upload.part", "created_at": 1, "upload_id": upload_id}


def _complete(place: TuningPlace, query: Mapping[str, str], body: Any, upload_id: str) -> tuple[int, Any]:
    upload = place.uploads[upload_id]
    data = b"".join(upload["parts"][part] for part in body["part_ids"])
    if len(data) != upload["bytes"]:
        return _error(400, "invalid_upload", "The parts do not add up.")
    made = _add_file(place, query, {"file": (upload["filename"], data), "purpose": upload["purpose"]})[1]
    upload |= {"status": "completed", "file": made}
    return 200, _shown(upload)


def _cancel_upload(
    place: TuningPlace, query: Mapping[str, str], body: Any, upload_id: str
) -> tuple[int, Any]:
    place.uploads[upload_id]["status"] = "cancelled"
    return 200, _shown(place.uploads[upload_id])


def _create(place: TuningPlace, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
    if body["training_file"] not in place.files:
        return _error(400, "invalid_training_file", f"There is no file {body['training_file']}.")
    job_id = place.new_id("ftjob")
    place.jobs[job_id] = {
        "id": job_id, "object": "fine_tuning.job", "created_at": int(time.time()), "model": body["model"],
        "status": PATH[0], "training_file": body["training_file"], "validation_file": body.get("validation_file"),
        "fine_tuned_model": None, "finished_at": None, "estimated_finish": None, "trained_tokens": None,
        "organization_id": "org", "result_files": [], "seed": body.get("seed") or 42, "error": None,
        "suffix": body.get("suffix"), "method": body.get("method"),
        "hyperparameters": body.get("hyperparameters") or {},
        "metadata": body.get("metadata") if place.keeps_metadata else None, "integrations": [],
    }  # fmt: skip
    place.events[job_id] = []
    place.say(job_id, f"Created fine-tuning job: {job_id}")
    return 200, place.jobs[job_id]


def _list_jobs(place: TuningPlace, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
    wanted = {key[9:-1]: value for key, value in query.items() if key.startswith("metadata[")}
    found = [
        job
        for job in place.jobs.values()
        if not place.filters or wanted.items() <= (job["metadata"] or {}).items()
    ]
    return _paged(place, found[::-1], query)


def _get_job(place: TuningPlace, query: Mapping[str, str], body: Any, job_id: str) -> tuple[int, Any]:
    job = place.jobs.get(job_id)
    if job is None:
        return _error(404, "fine_tune_not_found", f"Could not find fine tune: {job_id}")
    if place.moves and job["status"] in PATH[:-1]:
        at = max(job.setdefault("at", 0) + 1, PATH.index(job["status"]))
        job["at"] = at
        if PATH[at] == "succeeded":
            place.finish(job_id)
        else:
            place.step(job_id, status=PATH[at])
            place.say(
                job_id, f"Step {at}: training loss=1.{at}", data={"step": at, "train_loss": 1.0 + at / 10}
            )
    return 200, {key: value for key, value in place.jobs[job_id].items() if key != "at"}


def _ask(status: str, *, but_not: tuple[str, ...]) -> Callable[..., tuple[int, Any]]:
    def answer(place: TuningPlace, query: Mapping[str, str], body: Any, job_id: str) -> tuple[int, Any]:
        job = place.jobs.get(job_id)
        if job is None:
            return _error(404, "fine_tune_not_found", f"Could not find fine tune: {job_id}")
        if job["status"] in but_not:
            return _error(400, "invalid_job_state", f"Job has status {job['status']}.")
        place.step(job_id, status=status)
        return 200, job

    return answer


def _list_events(place: TuningPlace, query: Mapping[str, str], body: Any, job_id: str) -> tuple[int, Any]:
    return _paged(place, place.events.get(job_id, [])[::-1], query)


def _list_checkpoints(
    place: TuningPlace, query: Mapping[str, str], body: Any, job_id: str
) -> tuple[int, Any]:
    made = [
        {
            "id": f"ftckpt_{step}", "object": "fine_tuning.job.checkpoint", "created_at": step, "step_number": step,
            "fine_tuning_job_id": job_id, "fine_tuned_model_checkpoint": f"ft:base:org::x:ckpt-step-{step}",
            "metrics": {"step": step, "train_loss": 1.5, "full_valid_loss": 1.7},
        }
        for step in (10, 20)
    ]  # fmt: skip
    return _paged(place, made[::-1], query)


def _list_models(place: TuningPlace, query: Mapping[str, str], body: Any) -> tuple[int, Any]:
    return 200, {"object": "list", "data": place.models}


def _delete_model(place: TuningPlace, query: Mapping[str, str], body: Any, model: str) -> tuple[int, Any]:
    before = len(place.models)
    place.models = [one for one in place.models if one["id"] != model]
    if len(place.models) == before:
        return _error(404, "model_not_found", f"The model '{model}' does not exist")
    return 200, {"id": model, "object": "model", "deleted": True}


_ENDED = ("succeeded", "failed", "cancelled")
_ROUTES: tuple[tuple[str, str, Callable[..., tuple[int, Any]]], ...] = (
    ("POST", "/files", _add_file),
    ("GET", "/files", _list_files),
    ("GET", "/files/([^/]+)", _get_file),
    ("GET", "/files/([^/]+)/content", _get_content),
    ("POST", "/uploads", _start_upload),
    ("POST", "/uploads/([^/]+)/parts", _add_part),
    ("POST", "/uploads/([^/]+)/complete", _complete),
    ("POST", "/uploads/([^/]+)/cancel", _cancel_upload),
    ("POST", "/fine_tuning/jobs", _create),
    ("GET", "/fine_tuning/jobs", _list_jobs),
    ("GET", "/fine_tuning/jobs/([^/]+)", _get_job),
    ("POST", "/fine_tuning/jobs/([^/]+)/cancel", _ask("cancelled", but_not=_ENDED)),
    ("POST", "/fine_tuning/jobs/([^/]+)/pause", _ask("paused", but_not=_ENDED)),
    ("POST", "/fine_tuning/jobs/([^/]+)/resume", _ask("queued", but_not=_ENDED)),
    ("GET", "/fine_tuning/jobs/([^/]+)/events", _list_events),
    ("GET", "/fine_tuning/jobs/([^/]+)/checkpoints", _list_checkpoints),
    ("GET", "/models", _list_models),
    ("DELETE", "/models/(.+)", _delete_model),
)
