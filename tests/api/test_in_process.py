"""The transport that runs an ASGI application in this process, with applications made for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from app.api.in_process import InProcessTransport

SOON_S = 10.0


def client_of(app: Any, **options: Any) -> httpx2.Client:
    return httpx2.Client(
        transport=InProcessTransport(app), base_url="http://127.0.0.1/v1", trust_env=False, **options
    )


async def echo(scope: Any, receive: Any, send: Any) -> None:
    """What came, as the body; where it came to, in headers."""
    body, more = b"", True
    while more:
        message = await receive()
        body, more = body + message["body"], message["more_body"]
    headers = [
        (b"x-path", scope["path"].encode()),
        (b"x-query", scope["query_string"]),
        (b"x-key", dict(scope["headers"]).get(b"authorization", b"")),
        (b"x-client", scope["client"][0].encode()),
    ]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": body})


async def until_gone(receive: Any) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def test_a_request_and_its_answer_come_over_whole() -> None:
    with client_of(echo) as client:
        got = client.post("/files/ä?after=1", content=b"\x00\xff" * 70_000, headers={"Authorization": "k"})
    assert (got.status_code, got.content) == (201, b"\x00\xff" * 70_000)
    assert got.headers["x-path"] == "/v1/files/ä"
    assert (got.headers["x-query"], got.headers["x-key"]) == ("after=1", "k")
    assert got.headers["x-client"] == "127.0.0.1"


def test_a_body_is_read_bit_by_bit() -> None:
    def parts() -> Iterator[bytes]:
        yield from (b"one ", b"two ", b"three")

    with client_of(echo) as client:
        assert client.post("/", content=parts()).content == b"one two three"


def test_an_answer_streams_and_its_reader_may_leave() -> None:
    gone = threading.Event()

    async def ticking(_scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await until_gone(receive)
        gone.set()

    with client_of(ticking) as client, client.stream("GET", "/") as answer:
        assert next(answer.iter_raw()) == b"first", "before the answer has ended"
        answer.close()
        assert gone.wait(SOON_S)


def test_a_slow_reader_holds_up_the_writer() -> None:
    sent: list[int] = []

    async def much(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        for number in range(1000):
            await send({"type": "http.response.body", "body": b"x", "more_body": number < 999})
            sent.append(number)

    with client_of(much) as client, client.stream("GET", "/") as answer:
        reader = answer.iter_raw()
        next(reader)
        assert len(sent) < 200
        assert sum(map(len, reader)) == 999


async def silent(_scope: Any, receive: Any, _send: Any) -> None:
    await until_gone(receive)


async def broken(_scope: Any, _receive: Any, _send: Any) -> None:
    raise RuntimeError("a defect")


async def cut_short(_scope: Any, _receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"half", "more_body": True})
    raise RuntimeError("a defect")


@pytest.mark.parametrize(
    ("app", "error"),
    [
        pytest.param(silent, httpx2.ReadTimeout, id="too slow"),
        pytest.param(broken, httpx2.RemoteProtocolError, id="no answer"),
        pytest.param(cut_short, httpx2.RemoteProtocolError, id="half an answer"),
    ],
)
def test_what_fails_fails_as_it_would_over_a_network(app: Any, error: type[Exception]) -> None:
    with client_of(app, timeout=0.2) as client, pytest.raises(error):
        client.get("/")


def test_requests_run_side_by_side() -> None:
    both = threading.Barrier(2, timeout=SOON_S)

    async def meeting(_scope: Any, _receive: Any, send: Any) -> None:
        import asyncio

        await asyncio.to_thread(both.wait)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"met"})

    with client_of(meeting) as client:
        other = threading.Thread(target=client.get, args=("/",))
        other.start()
        assert client.get("/").content == b"met"
        other.join(SOON_S)


def test_a_closed_client_leaves_no_thread() -> None:
    def ours() -> list[threading.Thread]:
        return [thread for thread in threading.enumerate() if thread.name == "api-in-process"]

    before = set(ours())
    client = client_of(echo)
    client.get("/")
    (made,) = set(ours()) - before
    client.close()
    made.join(SOON_S)
    assert not made.is_alive()
