"""/v1/fine_tuning/jobs: create, watch, pause, resume and cancel; `/events/stream` sends events as they come."""

from __future__ import annotations

import contextlib
import functools
import logging
import re
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Header, Query, Request

from app.api.context import InTuning
from app.api.event_stream import watch
from app.api.job_request import JobBody, job_request
from app.api.json_body import CheckedRoute
from app.api.paging import Limit, listed
from app.api.streaming import EventStream
from app.api.wire import checkpoint_object, event_object, job_object
from app.tuning import Tuning
from errors import TuningError, TuningStateError
from finetune.jobs.record import Job

router = APIRouter(prefix="/fine_tuning/jobs", route_class=CheckedRoute)
Key = Annotated[str | None, Header(alias="idempotency-key", max_length=255)]
LastEvent = Annotated[int, Header(alias="last-event-id", ge=0, le=2**62)]  # as far as SQLite counts
Retries = Annotated[int, Header(alias="x-stainless-retry-count", ge=0)]


@router.post("")
def create(there: InTuning, body: JobBody, key: Key = None, retries: Retries = 0) -> dict[str, Any]:
    """A request that is sent again, as the official clients do after a lost answer, gets the job of the first."""
    asked = job_request(body, there.store)
    job, _made = there.store.jobs.create(asked, key=key or None, seed=body.seed, retry=retries > 0)
    _wake(there, job)
    return _object(there, job)


def _wake(there: Tuning, job: Job) -> None:
    """What was asked for is in the store, so a runner that cannot be started is no failure of the request: asked again,
    it would be trained twice. Job and log say why it waits.
    """
    try:
        there.ensure_runner()
    except TuningError as error:
        logging.getLogger(__name__).warning("%s waits: %s", job.id, error)
        with contextlib.suppress(TuningStateError):
            there.store.jobs.note(job.id, str(error), level="warn")


@router.get("")
def list_jobs(
    there: InTuning, request: Request, after: str | None = None, limit: Limit = 20
) -> dict[str, Any]:
    page = there.store.jobs.list(after=after, limit=limit, metadata=_metadata(request))
    return listed([_object(there, job) for job in page.data], has_more=page.has_more)


def _metadata(request: Request) -> dict[str, str]:
    """`metadata[name]=value`."""
    found = {}
    for name, value in request.query_params.items():
        if match := re.fullmatch(r"metadata\[(.+)\]", name):
            found[match[1]] = value
    return found


def _object(there: Tuning, job: Job) -> dict[str, Any]:
    before = there.store.jobs.position(job.id) if job.state == "queued" else None
    return job_object(job, position=None if before is None else before + 1)


@router.get("/{job_id}")
def retrieve(there: InTuning, job_id: str) -> dict[str, Any]:
    return _object(there, there.store.jobs.get(job_id))


@router.post("/{job_id}/cancel")
def cancel(there: InTuning, job_id: str) -> dict[str, Any]:
    return _object(there, _asked(there, job_id, "cancel"))


@router.post("/{job_id}/pause")
def pause(there: InTuning, job_id: str) -> dict[str, Any]:
    return _object(there, _asked(there, job_id, "pause"))


def _asked(there: Tuning, job_id: str, wish: Literal["cancel", "pause"]) -> Job:
    """Where a worker has to obey, a runner sees to it that it does, or that it is gone."""
    job = there.store.jobs.ask(job_id, wish)
    if job.state in ("cancelling", "pausing"):
        _wake(there, job)
    return job


@router.post("/{job_id}/resume")
def resume(there: InTuning, job_id: str) -> dict[str, Any]:
    """Also accepts the estimate of a job that awaits approval."""
    job = there.store.jobs.ask(job_id, "resume")
    _wake(there, job)
    return _object(there, job)


@router.get("/{job_id}/events")
def events(there: InTuning, job_id: str, after: str | None = None, limit: Limit = 20) -> dict[str, Any]:
    page = there.store.jobs.events(job_id, after=after, limit=limit)
    return listed([event_object(event) for event in page.data], has_more=page.has_more)


@router.get("/{job_id}/checkpoints")
def checkpoints(
    there: InTuning,
    job_id: str,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=100)] = 10,
) -> dict[str, Any]:
    there.store.jobs.get(job_id)  # an unknown job has no empty list
    page = there.store.checkpoints.list(job_id, after=after, limit=limit)
    return listed([checkpoint_object(one) for one in page.data], has_more=page.has_more)


@router.get("/{job_id}/events/stream", response_model=None)
def stream_events(there: InTuning, job_id: str, last: LastEvent = 0) -> EventStream:
    return EventStream(functools.partial(watch, there.store, job_id, last), kind="watchers")
