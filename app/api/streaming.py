"""Blocking work under a request: in a thread of its own, stopped as soon as the client has gone."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Literal, TypeVar

import anyio
import anyio.from_thread
import anyio.to_thread
from starlette.responses import Response

from app.api.errors import refusal_of
from app.api.json_answer import as_json
from chains.cancelling import Cancellation
from errors import GroundtuneError, StoppedError

if TYPE_CHECKING:
    from anyio.abc import ObjectReceiveStream, ObjectSendStream
    from starlette.requests import Request
    from starlette.types import Receive, Scope, Send

T = TypeVar("T")
AT_ONCE = 64  # answers that are served side by side, and beside them as many watchers of jobs; more wait
Kind = Literal["answers", "watchers"]
_limiters: Mapping[Kind, anyio.lowlevel.RunVar[anyio.CapacityLimiter]] = {
    "answers": anyio.lowlevel.RunVar("api answers"),
    "watchers": anyio.lowlevel.RunVar("api watchers"),
}


def _limiter(kind: Kind = "answers") -> anyio.CapacityLimiter:
    try:
        return _limiters[kind].get()
    except LookupError:
        made = anyio.CapacityLimiter(AT_ONCE)
        _limiters[kind].set(made)
        return made


async def run_stoppable(request: Request, work: Callable[[], T]) -> T:
    """What `work` returns. Raises what it raises; StoppedError where the client went away."""
    stop = Cancellation()

    def stoppable() -> T:
        with stop.applies():
            return work()

    async with anyio.create_task_group() as tasks:
        tasks.start_soon(_stop_when_gone, request.receive, stop)
        outcome = await anyio.to_thread.run_sync(functools.partial(_caught, stoppable), limiter=_limiter())
        tasks.cancel_scope.cancel()
    if isinstance(outcome, _Failed):
        raise outcome.error
    return outcome


class _Failed:
    """Carried as a value: a task group would wrap it in an ExceptionGroup."""

    def __init__(self, error: Exception) -> None:
        self.error = error


def _caught(work: Callable[[], T]) -> T | _Failed:
    try:
        return work()
    except Exception as error:  # noqa: BLE001 - raised again by whoever waits for it
        return _Failed(error)


async def _stop_when_gone(receive: Receive, stop: Cancellation) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    stop.cancel()


class EventStream(Response):
    """Server-sent events from an iterator of `data:` blocks, which runs in one thread from its start to its end.

    An error before the first block is an answer with its own status; a later one is a block of its own. Watchers, whose
    streams last for hours, hold up no answers.
    """

    media_type = "text/event-stream"

    def __init__(self, blocks: Callable[[Cancellation], Iterator[str]], *, kind: Kind = "answers") -> None:
        super().__init__(headers={"cache-control": "no-cache", "x-accel-buffering": "no"})
        del self.headers["content-length"]
        self._blocks = blocks
        self._kind: Kind = kind
        self._stop = Cancellation()

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        writer, reader = anyio.create_memory_object_stream[str | _Failed](16)
        async with anyio.create_task_group() as tasks, writer, reader:
            tasks.start_soon(_stop_when_gone, receive, self._stop)
            tasks.start_soon(self._produce, writer.clone())
            writer.close()
            failed = await self._send_all(reader, send)
            tasks.cancel_scope.cancel()
        if failed is not None:
            raise failed

    async def _produce(self, writer: ObjectSendStream[str | _Failed]) -> None:
        def run() -> None:
            with self._stop.applies():
                for block in self._blocks(self._stop):
                    self._stop.check()
                    anyio.from_thread.run(writer.send, block)

        async with writer:
            outcome = await anyio.to_thread.run_sync(
                functools.partial(_caught, run), limiter=_limiter(self._kind)
            )
            if isinstance(outcome, _Failed):
                await writer.send(outcome)

    async def _send_all(self, reader: ObjectReceiveStream[str | _Failed], send: Send) -> Exception | None:
        """The error that came before anything was sent, if one did."""
        started = False
        async for block in reader:
            if isinstance(block, _Failed):
                if not started:
                    return block.error
                if isinstance(block.error, StoppedError):
                    break
                block = told(block.error)  # noqa: PLW2901
            if not started:
                await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
                started = True
            await send({"type": "http.response.body", "body": block.encode(), "more_body": True})
        if started and not self._stop.cancelled:
            await send({"type": "http.response.body", "body": b""})
        return None


def told(error: Exception) -> str:
    """An error in the middle of a stream, as the official clients read it; a defect is also logged."""
    if not isinstance(error, GroundtuneError):
        import logging

        logging.getLogger(__name__).error("A stream broke off.", exc_info=error)
    return f"data: {as_json(refusal_of(error).envelope())}\n\n"
