"""A small OpenAI-compatible server on 127.0.0.1, for tests and benchmarks.

    with serve_openai("Hello [1].", Scripted(status=429, retry_after=1)) as server:
        ...OPENAI_BASE_URL=server.url...
    server.requests[0].body["messages"]

Serves /v1/chat/completions (streamed or not, with tool calls), /v1/models and /v1/embeddings, and the same as Azure
OpenAI does: /openai/deployments/NAME/...?api-version=... with the key in `api-key`, and /openai/v1/... Each chat
request takes the next scripted reply; past the last one `answer` decides, and without it the server fails loudly
with a 500.
Not covered: n > 1, log probabilities, stop sequences, the Responses API.
"""

from __future__ import annotations

import base64
import hashlib
import json
import math
import re
import struct
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

EMBEDDING_DIMENSION = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """One reply to a chat request."""

    text: str = ""
    pieces: Sequence[str] | None = None  # how a streamed text is cut; None: at spaces
    finish_reason: str | None = "stop"  # None: the stream just ends, without [DONE]
    input_tokens: int = 11
    output_tokens: int = 7
    status: int = 200  # anything else: OpenAI's error envelope
    error_code: str | None = None
    error_message: str = "scripted failure"
    retry_after: int | str | None = None  # seconds or a date, the Retry-After header
    retry_after_ms: int | None = None  # OpenAI's and Azure's own header
    headers: Mapping[str, str] = field(default_factory=dict)  # more of them, of a failure
    counts_usage: bool = True  # False: a server that never says how many tokens it took
    tool_calls: Sequence[tuple[str, str]] = ()  # (name, arguments as JSON), streamed in two pieces each
    delay_s: float = 0.0  # before the first byte
    gap_s: float = 0.0  # before each streamed piece
    stall_after: int | None = None  # fall silent after this many streamed pieces, for `stall_s`
    stall_s: float = 5.0
    abort_after: int | None = None  # cut the connection after this many streamed pieces
    raw: bytes | None = None  # sent as it is with status 200, in place of JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """One request as it came."""

    method: str
    path: str
    headers: Mapping[str, str]  # names in lower case
    body: Any
    at_s: float  # time.monotonic()


@dataclass(slots=True, kw_only=True)
class LoopbackServer:
    """What a test sees of the running server."""

    url: str  # the base URL, ending in /v1
    azure_endpoint: str  # the same server as a resource of Azure's
    requests: list[Recorded] = field(default_factory=list)
    disconnects: int = 0  # clients that left before their reply was whole
    _script: list[Scripted] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def then(self, *replies: Scripted | str) -> None:
        """Adds replies to the script."""
        with self._lock:
            self._script += [Scripted(text=reply) if isinstance(reply, str) else reply for reply in replies]

    @property
    def chat_requests(self) -> list[Recorded]:
        return [one for one in self.requests if urlsplit(one.path).path.endswith("/chat/completions")]

    @property
    def left(self) -> int:
        """Scripted replies that nobody asked for yet."""
        return len(self._script)

    def _next(self) -> Scripted | None:
        with self._lock:
            return self._script.pop(0) if self._script else None


@contextmanager
def serve_openai(
    *script: Scripted | str,
    answer: Callable[[dict[str, Any]], Scripted | str] | None = None,
    models: Sequence[str] | Scripted = ("loopback-model",),  # a Scripted's `raw`: sent in place of a list
    key: str | None = None,
    keep_alive: bool = False,
) -> Iterator[LoopbackServer]:
    """Runs the server until the block ends. With `key`, any other bearer gets the 401 that OpenAI gives.

    Connections end with their reply, so that no client is left with an idle socket for the garbage collector
    to warn about; `keep_alive` holds them open, as a real server does.
    """

    class Handler(_Handler):
        pass

    httpd = _Server(("127.0.0.1", 0), Handler)
    address = f"http://127.0.0.1:{httpd.server_address[1]}"
    server = LoopbackServer(url=f"{address}/v1", azure_endpoint=address)
    server.then(*script)
    Handler.keep_alive = keep_alive
    Handler.server_state, Handler.answer, Handler.models, Handler.key = server, answer, models, key
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        httpd.shutdown()
        httpd.server_close()
        thread.join()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False  # a slow scripted reply must not hold up the test that gave up on it
    request_queue_size = 64

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that left is counted by the handler; nothing is printed."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    server_state: LoopbackServer
    answer: Callable[[dict[str, Any]], Scripted | str] | None
    models: Sequence[str] | Scripted
    key: str | None
    keep_alive: bool

    def end_headers(self) -> None:
        if not self.keep_alive:
            self.send_header("connection", "close")
        super().end_headers()

    def log_message(self, format: str, *args: Any) -> None:
        """Tests read `requests`, not a log."""

    def do_GET(self) -> None:
        self._record(None)
        if not self._authorised():
            return
        if self._operation() != "models":
            self._error(404, "not_found", "Unknown path.")
        elif isinstance(self.models, Scripted):
            body = self.models.raw or b""
            self._bytes(200, body, "text/html" if body[:1] == b"<" else "application/json")
        else:
            listed = [
                {"id": name, "object": "model", "created": 1, "owned_by": "loopback"} for name in self.models
            ]
            self._json(200, {"object": "list", "data": listed})

    def do_POST(self) -> None:
        length = int(self.headers.get("content-length", 0))
        body = json.loads(self.rfile.read(length) or b"null")
        self._record(body)
        if not self._authorised():
            return
        try:
            operation = self._operation()
            if operation == "chat/completions":
                self._chat(body)
            elif operation == "embeddings":
                self._json(200, _embeddings(body))
            else:
                self._error(404, "not_found", "Unknown path.")
        except (BrokenPipeError, ConnectionResetError):
            self.server_state.disconnects += 1
            self.close_connection = True

    def _operation(self) -> str | None:
        """What a path asks for: OpenAI's, or Azure's, which must name its API version."""
        parts = urlsplit(self.path)
        for pattern in (r"/v1/(.+)", r"/openai/v1/(.+)"):
            if found := re.fullmatch(pattern, parts.path):
                return found[1]
        found = re.fullmatch(r"/openai/deployments/[^/]+/(.+)", parts.path)
        return found[1] if found and parse_qs(parts.query).get("api-version") else None

    def _record(self, body: Any) -> None:
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server_state.requests.append(
            Recorded(method=self.command, path=self.path, headers=headers, body=body, at_s=time.monotonic())
        )

    def _authorised(self) -> bool:
        given = self.headers.get("api-key") or (self.headers.get("authorization") or "").removeprefix(
            "Bearer "
        )
        if self.key is None or given == self.key:
            return True
        # OpenAI echoes the key, in part; this server echoes all of it, to catch whoever passes it on.
        self._error(401, "invalid_api_key", f"Incorrect API key provided: {given}.")
        return False

    def _chat(self, body: dict[str, Any]) -> None:
        reply = self.server_state._next()
        if reply is None and type(self).answer is not None:
            made = type(self).answer(body)  # type: ignore[misc]
            reply = Scripted(text=made) if isinstance(made, str) else made
        reply = reply or Scripted(status=500, error_message="nothing is scripted for this request")
        time.sleep(reply.delay_s)
        if reply.raw is not None:
            self._bytes(200, reply.raw, "text/html")
        elif reply.status != 200:
            extra = dict(reply.headers)
            if reply.retry_after is not None:
                extra["retry-after"] = str(reply.retry_after)
            if reply.retry_after_ms is not None:
                extra["retry-after-ms"] = str(reply.retry_after_ms)
            self._error(reply.status, reply.error_code, reply.error_message, extra)
        elif body.get("stream"):
            self._stream(body, reply)
        else:
            self._json(200, _completion(body, reply))

    def _stream(self, body: dict[str, Any], reply: Scripted) -> None:
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.send_header("transfer-encoding", "chunked")
        self.end_headers()
        pieces = re.findall(r"\S+\s*|\s+", reply.text) if reply.pieces is None else list(reply.pieces)
        self._event(_chunk(body, {"role": "assistant", "content": ""}))
        for sent, piece in enumerate(pieces):
            if sent == reply.abort_after:
                self.close_connection = True  # no last chunk: the client sees a cut connection
                return
            time.sleep(reply.stall_s if sent == reply.stall_after else reply.gap_s)
            self._event(_chunk(body, {"content": piece}))
        for delta in _tool_call_deltas(reply):
            self._event(_chunk(body, delta))
        if _finish(reply) is None:
            self._send_chunk(b"")
            return
        self._event(_chunk(body, {}, finish_reason=_finish(reply)))
        if reply.counts_usage and (body.get("stream_options") or {}).get("include_usage"):
            self._event(_chunk(body, None) | {"usage": _usage(reply)})
        self._send_chunk(b"data: [DONE]\n\n")
        self._send_chunk(b"")

    def _event(self, payload: Any) -> None:
        self._send_chunk(f"data: {json.dumps(payload)}\n\n".encode())

    def _send_chunk(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def _json(self, status: int, payload: Any, extra: Mapping[str, str] | None = None) -> None:
        self._bytes(status, json.dumps(payload).encode(), "application/json", extra)

    def _bytes(
        self, status: int, data: bytes, content_type: str, extra: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {"content-type": content_type, "content-length": str(len(data))}.items():
            self.send_header(name, value)
        for name, value in (extra or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def _error(
        self, status: int, code: str | None, message: str, extra: Mapping[str, str] | None = None
    ) -> None:
        kind = "server_error" if status >= 500 else "invalid_request_error"
        envelope = {"error": {"message": message, "type": kind, "param": None, "code": code}}
        self._json(status, envelope, extra)


def _usage(reply: Scripted) -> dict[str, int]:
    return {
        "prompt_tokens": reply.input_tokens,
        "completion_tokens": reply.output_tokens,
        "total_tokens": reply.input_tokens + reply.output_tokens,
    }


def _completion(body: dict[str, Any], reply: Scripted) -> dict[str, Any]:
    text = reply.text if reply.pieces is None else "".join(reply.pieces)
    message: dict[str, Any] = {"role": "assistant", "content": text or None, "refusal": None}
    if reply.tool_calls:
        message["tool_calls"] = [
            _tool_call(at, name, arguments) for at, (name, arguments) in enumerate(reply.tool_calls)
        ]
    elif not text:
        message["content"] = ""
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": _finish(reply)}
    return {
        "id": "chatcmpl-loopback",
        "object": "chat.completion",
        "created": 1,
        "model": body.get("model", "deployment"),
        "choices": [choice],
    } | ({"usage": _usage(reply)} if reply.counts_usage else {})


def _finish(reply: Scripted) -> str | None:
    return "tool_calls" if reply.tool_calls else reply.finish_reason


def _tool_call(at: int, name: str, arguments: str) -> dict[str, Any]:
    return {"id": f"call_{at}", "type": "function", "function": {"name": name, "arguments": arguments}}


def _tool_call_deltas(reply: Scripted) -> Iterator[dict[str, Any]]:
    """The call with the first half of its arguments, then the rest: clients must put them together by index."""
    for at, (name, arguments) in enumerate(reply.tool_calls):
        half = len(arguments) // 2
        yield {"tool_calls": [{"index": at} | _tool_call(at, name, arguments[:half])]}
        yield {"tool_calls": [{"index": at, "function": {"arguments": arguments[half:]}}]}


def _chunk(
    body: dict[str, Any], delta: dict[str, Any] | None, *, finish_reason: str | None = None
) -> dict[str, Any]:
    """A stream event; delta None makes the last one, with no choices, that carries the usage."""
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish_reason}
    return {
        "id": "chatcmpl-loopback",
        "object": "chat.completion.chunk",
        "created": 1,
        "model": body.get("model", "deployment"),
        "choices": [] if delta is None else [choice],
        "usage": None,
    }


def _embeddings(body: dict[str, Any]) -> dict[str, Any]:
    given = body["input"]
    inputs = [given] if isinstance(given, str) or (given and isinstance(given[0], int)) else given
    vectors = [_vector(text) for text in inputs]
    packed = body.get("encoding_format") == "base64"
    data = [
        {"object": "embedding", "index": i, "embedding": _packed(vector) if packed else vector}
        for i, vector in enumerate(vectors)
    ]
    count = sum(len(str(text).split()) for text in inputs)
    usage = {"prompt_tokens": count, "total_tokens": count}
    return {"object": "list", "model": body.get("model", "deployment"), "data": data, "usage": usage}


def _vector(text: Any) -> list[float]:
    """Hashed bag of words, unit norm: texts that share words are near each other."""
    words = [str(token) for token in text] if isinstance(text, list) else re.findall(r"\w+", text.lower())
    vector = [0.0] * EMBEDDING_DIMENSION
    for word in words or [""]:
        digest = hashlib.sha256(word.encode()).digest()
        vector[digest[0] % EMBEDDING_DIMENSION] += 1.0 if digest[1] % 2 else -1.0
    norm = math.sqrt(sum(value * value for value in vector)) or 1.0
    return [value / norm for value in vector]


def _packed(vector: Sequence[float]) -> str:
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()
