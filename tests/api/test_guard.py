"""Who may ask, and how much a request may carry."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest

from app.api import body_limit
from app.api.body_limit import BodyLimit, limit_of
from app.api.guard import Guard, RequestIds, is_loopback

KEY = "sk-groundtune-1"
HERE = ("127.0.0.1", 50000)


async def _inner(_scope: Any, receive: Any, send: Any) -> None:
    while (await receive()).get("more_body"):
        pass
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"{}"})


def asked(
    app: Any,
    headers: dict[str, str] | None = None,
    *,
    client: Any = HERE,
    path: str = "/v1/models",
    chunks: tuple[bytes, ...] = (b"",),
) -> tuple[int, dict[bytes, bytes], Any]:
    """Status, headers and JSON of one request."""
    sent: list[Any] = []
    left = list(chunks)

    async def receive() -> Any:
        return {"type": "http.request", "body": left.pop(0), "more_body": bool(left)}

    async def send(message: Any) -> None:
        sent.append(message)

    pairs = [(name.encode(), value.encode()) for name, value in (headers or {}).items()]
    scope = {"type": "http", "method": "GET", "path": path, "headers": pairs, "client": client}
    asyncio.run(app(scope, receive, send))
    return sent[0]["status"], dict(sent[0]["headers"]), json.loads(sent[1]["body"])


@pytest.mark.parametrize(
    ("headers", "client", "status", "code"),
    [
        pytest.param({"host": "127.0.0.1:8000"}, HERE, 200, None, id="a program of this machine"),
        pytest.param({"host": "localhost:8000"}, HERE, 200, None, id="by name"),
        pytest.param({"host": "[::1]:8000"}, ("::1", 1), 200, None, id="by the sixth version"),
        pytest.param({"host": "127.0.0.1"}, ("10.0.0.7", 1), 403, "key_required", id="another machine"),
        pytest.param({"host": "127.0.0.1"}, None, 403, "key_required", id="nobody knows who"),
        pytest.param({"host": "evil.example:8000"}, HERE, 403, "key_required", id="a rebound name"),
        pytest.param({"host": "127.0.0.1.evil.example"}, HERE, 403, "key_required", id="a name like ours"),
        pytest.param({}, HERE, 403, "key_required", id="no host"),
        pytest.param({"host": "["}, HERE, 403, "key_required", id="no host that can be read"),
        pytest.param(
            {"host": "127.0.0.1", "x-forwarded-for": "10.0.0.7"}, HERE, 403, "key_required", id="a proxy"
        ),
        pytest.param(
            {"host": "127.0.0.1:8501", "origin": "http://127.0.0.1:8501"}, HERE, 200, None, id="our own page"
        ),
        pytest.param(
            {"host": "127.0.0.1:8501", "origin": "https://evil.example"},
            HERE,
            403,
            "foreign_origin",
            id="a page of another origin",
        ),
        pytest.param(
            {"host": "127.0.0.1:8501", "origin": "http://127.0.0.1:3000"},
            HERE,
            403,
            "foreign_origin",
            id="a page of another port",
        ),
        pytest.param({"host": "127.0.0.1", "origin": "null"}, HERE, 403, "foreign_origin", id="a sandbox"),
        pytest.param(
            {"host": "127.0.0.1", "origin": "http://["},
            HERE,
            403,
            "foreign_origin",
            id="no origin that is one",
        ),
        pytest.param(
            {"host": "127.0.0.1", "sec-fetch-site": "cross-site"},
            HERE,
            403,
            "foreign_origin",
            id="an image of another page",
        ),
        pytest.param(
            {"host": "127.0.0.1", "sec-fetch-site": "same-site"},
            HERE,
            403,
            "foreign_origin",
            id="of another port",
        ),
        pytest.param(
            {"host": "127.0.0.1", "sec-fetch-site": "same-origin"}, HERE, 200, None, id="of our page"
        ),
        pytest.param({"host": "127.0.0.1", "sec-fetch-site": "none"}, HERE, 200, None, id="typed by a user"),
        pytest.param({"host": "127.0.0.1", "via": "1.1 gate"}, HERE, 403, "key_required", id="a gateway"),
        pytest.param(
            {"host": "127.0.0.1", "x-forwarded-proto": "https"}, HERE, 403, "key_required", id="a quiet proxy"
        ),
    ],
)
def test_without_a_key_this_machine_alone_is_answered(
    headers: dict[str, str], client: Any, status: int, code: str | None
) -> None:
    got, _, body = asked(Guard(_inner, key=lambda: None), headers, client=client)
    assert (got, body.get("error", {}).get("code")) == (status, code)


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        pytest.param(f"Bearer {KEY}", 200, id="the key"),
        pytest.param(f"bearer  {KEY} ", 200, id="the scheme in any case"),
        pytest.param(None, 401, id="none"),
        pytest.param("Bearer ", 401, id="an empty one"),
        pytest.param(f"Bearer {KEY}x", 401, id="a longer one"),
        pytest.param(f"Bearer {KEY[:-1]}", 401, id="a shorter one"),
        pytest.param(f"Basic {KEY}", 401, id="another scheme"),
        pytest.param("Bearer schlüssel", 401, id="one that is no ASCII"),
    ],
)
def test_with_a_key_its_holder_is_answered_from_anywhere(authorization: str | None, status: int) -> None:
    headers = {"host": "api.example"} | ({"authorization": authorization} if authorization else {})
    got, answered, body = asked(Guard(_inner, key=lambda: KEY), headers, client=("10.0.0.7", 1))
    assert got == status
    if status == 401:
        assert answered[b"www-authenticate"] == b"Bearer"
        assert body["error"]["code"] == "invalid_api_key"
        sent = (authorization or "").removeprefix("Bearer ").strip()
        assert not sent or sent not in body["error"]["message"], "no key is repeated"


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("localhost", True),
        ("LOCALHOST", True),
        ("::ffff:10.0.0.1", False),
        ("0.0.0.0", False),
        ("localhost.evil.example", False),
        ("", False),
    ],
)
def test_which_hosts_are_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback(host) is loopback


@pytest.mark.parametrize(
    ("path", "limit"),
    [
        ("/v1/files", body_limit.FILE_BYTES + body_limit.FORM),
        ("/v1/uploads/upload_1/parts", body_limit.PART_BYTES + body_limit.FORM),
        ("/v1/files/file-1", body_limit.JSON_BYTES),
        ("/v1/chat/completions", body_limit.JSON_BYTES),
    ],
)
def test_each_path_has_its_limit(path: str, limit: int) -> None:
    assert limit_of(path) == limit


@pytest.fixture
def ten_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(body_limit, "JSON_BYTES", 10)


@pytest.mark.usefixtures("ten_bytes")
def test_a_body_that_announces_too_much_is_refused_unread() -> None:
    got, _, body = asked(BodyLimit(_inner), {"content-length": "11"})
    assert (got, body["error"]["code"]) == (413, "request_too_large")


@pytest.mark.usefixtures("ten_bytes")
def test_a_body_that_announced_nothing_is_counted_as_it_comes() -> None:
    assert asked(BodyLimit(_inner), chunks=(b"12345", b"67890"))[0] == 200
    with pytest.raises(Exception, match="too large") as caught:
        asked(BodyLimit(_inner), chunks=(b"12345", b"678901"))
    assert caught.value.refusal.status == 413  # type: ignore[attr-defined]


def test_every_answer_has_an_id_of_its_own() -> None:
    app = RequestIds(Guard(_inner, key=lambda: KEY))
    refused, answered = asked(app), asked(app, {"authorization": f"Bearer {KEY}"})
    assert [refused[0], answered[0]] == [401, 200]
    assert refused[1][b"x-request-id"].startswith(b"req_")
    assert refused[1][b"x-request-id"] != answered[1][b"x-request-id"]
