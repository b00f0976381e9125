"""Who may ask: the holder of the key where one is set, else programs of this machine and no web page of another origin.

A web page that a user visits can reach loopback addresses too, by a host name that resolves to them (DNS rebinding) or
by posting a form; neither can leave out its Origin or choose its Host. An image or a link of another page has no
Origin, but the browser says that it is another's.
"""

from __future__ import annotations

import hmac
import ipaddress
import time
import uuid
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from app.api.errors import Refusal

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

NO_KEY = "You didn't provide an API key: send it in the header Authorization: Bearer KEY."
WRONG_KEY = "Incorrect API key provided: it is the one of GROUNDTUNE_API_KEY on this server."
ONLY_HERE = (
    "Without a key the API answers only programs on its own machine: "
    "set GROUNDTUNE_API_KEY there and send it along."
)
FOREIGN_PAGE = (
    "Without a key the API answers no web page of another origin: set GROUNDTUNE_API_KEY and send it along."
)
FORWARDED = (b"forwarded", b"via", b"x-real-ip", b"x-client-ip", b"true-client-ip", b"cf-connecting-ip")
OURS = ("", "same-origin", "none")  # Sec-Fetch-Site of no browser, of our own page, of what a user typed


class RequestIds:
    """ASGI middleware: an id of its own and the time it took on every answer, errors too."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, request_id = time.perf_counter(), f"req_{uuid.uuid4().hex}"

        async def named(message: Message) -> None:
            if message["type"] == "http.response.start":
                ms = f"{(time.perf_counter() - began) * 1000:.0f}"
                own = [(b"x-request-id", request_id.encode()), (b"openai-processing-ms", ms.encode())]
                message = {**message, "headers": [*message.get("headers", []), *own]}
            await send(message)

        await self._app(scope, receive, named)


class Guard:
    """ASGI middleware. `key` is asked at every request: it may be set while the server runs."""

    def __init__(self, app: ASGIApp, *, key: Callable[[], str | None]) -> None:
        self._app = app
        self._key = key

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            key = self._key()
            refusal = _stranger(scope) if key is None else _without_key(scope, key)
            if refusal is not None:
                await refusal.send(send)
                return
        await self._app(scope, receive, send)


def _without_key(scope: Scope, key: str) -> Refusal | None:
    scheme, _, sent = _header(scope, b"authorization").partition(" ")
    if scheme.lower() == "bearer" and hmac.compare_digest(sent.strip().encode(), key.encode()):
        return None
    message = WRONG_KEY if sent.strip() else NO_KEY
    return Refusal(
        status=401, message=message, code="invalid_api_key", headers={"www-authenticate": "Bearer"}
    )


def _stranger(scope: Scope) -> Refusal | None:
    host = _name(f"//{_header(scope, b'host')}")
    forwarded = any(name in FORWARDED or name.startswith(b"x-forwarded") for name, _ in scope["headers"])
    if forwarded or not is_loopback((scope.get("client") or ("",))[0]) or not is_loopback(host):
        return Refusal(status=403, message=ONLY_HERE, code="key_required")
    origin = _header(scope, b"origin")
    foreign = _header(scope, b"sec-fetch-site") not in OURS
    if foreign or (origin and _netloc(origin) != _header(scope, b"host").lower()):
        return Refusal(status=403, message=FOREIGN_PAGE, code="foreign_origin")
    return None


def is_loopback(host: str) -> bool:
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host.lower() == "localhost"
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def _name(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _netloc(url: str) -> str:
    try:
        return urlsplit(url).netloc.lower()
    except ValueError:
        return ""


def _header(scope: Scope, name: bytes) -> str:
    """Empty where it is missing or sent twice."""
    found: list[bytes] = [value for key, value in scope["headers"] if key == name]
    return found[0].decode("latin-1") if len(found) == 1 else ""
