"""The official client without a server: requests go to the API in this process, by no port and no network.

client = local_client(workspace)
client.fine_tuning.jobs.create(model="responder", training_file=...)
"""

from __future__ import annotations

import asyncio
import logging
import queue
import threading
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import httpx2

if TYPE_CHECKING:
    from openai import OpenAI
    from starlette.types import ASGIApp, Message

    from app.workspace import Workspace

ADDRESS = "http://127.0.0.1/v1"
WAITING_CHUNKS = 64  # of an answer that its reader has not taken yet
KEYLESS = "no-key"


def local_client(workspace: Workspace) -> OpenAI:
    """A client of the whole API of `workspace`. Thread-safe; `close()` ends its thread."""
    from openai import OpenAI

    from app.api.application import create_site

    transport = InProcessTransport(create_site(workspace))
    return OpenAI(
        base_url=ADDRESS,
        api_key=lambda: workspace.settings.api_key.value or KEYLESS,
        http_client=httpx2.Client(transport=transport, trust_env=False, timeout=600.0),
    )


class InProcessTransport(httpx2.BaseTransport):
    """Runs an ASGI application on a loop of its own; requests and answers stream both ways."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = threading.Lock()

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """Raises httpx2.ReadTimeout, and httpx2.RemoteProtocolError where the application fails before it answers."""
        loop = self._running()
        exchange = _Exchange(request, loop)
        asyncio.run_coroutine_threadsafe(exchange.run(self._app), loop)
        return exchange.response()

    def close(self) -> None:
        with self._starting:
            loop, self._loop = self._loop, None
        if loop is not None:
            loop.call_soon_threadsafe(loop.stop)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=_run, args=(self._loop,), name="api-in-process", daemon=True).start()
            return self._loop


def _run(loop: asyncio.AbstractEventLoop) -> None:
    try:
        loop.run_forever()
        loop.run_until_complete(_end_what_is_left())
    finally:
        loop.close()


async def _end_what_is_left() -> None:
    left = asyncio.all_tasks() - {asyncio.current_task()}
    for task in left:
        task.cancel()
    await asyncio.gather(*left, return_exceptions=True)
    await asyncio.get_running_loop().shutdown_default_executor()


class _Exchange:
    """One request and its answer, between the caller's thread and the loop's."""

    def __init__(self, request: httpx2.Request, loop: asyncio.AbstractEventLoop) -> None:
        self._request = request
        self._loop = loop
        self._patience: float | None = request.extensions.get("timeout", {}).get("read")
        self._body = iter(request.stream) if isinstance(request.stream, httpx2.SyncByteStream) else iter(())
        self._sent_all = False
        self._gone = asyncio.Event()
        self._closed = False
        self._answer: queue.Queue[Message | None] = queue.Queue()

    # --- in the loop's thread ---------------------------------------------------------------------

    async def run(self, app: ASGIApp) -> None:
        try:
            await app(self._scope(), self._receive, self._send)
        except Exception:  # a defect: the client was told so, the details are for the log
            logging.getLogger(__name__).exception("The API failed.")
        finally:
            self._answer.put(None)

    async def _receive(self) -> Message:
        if not self._sent_all:
            chunk = await asyncio.to_thread(next, self._body, None)
            self._sent_all = chunk is None
            return {"type": "http.request", "body": chunk or b"", "more_body": chunk is not None}
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        while self._answer.qsize() > WAITING_CHUNKS and not self._closed:
            await asyncio.sleep(0.005)
        if not self._closed:
            self._answer.put(message)

    def _scope(self) -> dict[str, Any]:
        url = self._request.url
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": self._request.method,
            "scheme": url.scheme,
            "path": url.path,
            "raw_path": url.raw_path.split(b"?")[0],
            "root_path": "",
            "query_string": url.query,
            "headers": [(name.lower(), value) for name, value in self._request.headers.raw],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 80),
            "state": {},
        }

    # --- in the caller's thread -------------------------------------------------------------------

    def response(self) -> httpx2.Response:
        start = self._next()
        if start is None:
            raise httpx2.RemoteProtocolError("The API ended without an answer.", request=self._request)
        return httpx2.Response(
            status_code=start["status"],
            headers=start["headers"],
            stream=_Body(self),
            request=self._request,
        )

    def chunks(self) -> Iterator[bytes]:
        more = True
        while more:
            message: Mapping[str, Any] | None = self._next()
            if message is None:
                raise httpx2.RemoteProtocolError("The API broke off its answer.", request=self._request)
            more = message.get("more_body", False)
            if message.get("body"):
                yield message["body"]

    def close(self) -> None:
        """The reader has gone: the application is told, as a closed connection would."""
        self._closed = True
        if not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._gone.set)

    def _next(self) -> Message | None:
        try:
            return self._answer.get(timeout=self._patience)
        except queue.Empty:
            self.close()
            raise httpx2.ReadTimeout("The API took too long.", request=self._request) from None


class _Body(httpx2.SyncByteStream):
    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        return self._exchange.chunks()

    def close(self) -> None:
        self._exchange.close()
