"""The server round the page: headers, hosts, ports, conversations of one browser."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import socket
from typing import Any

import pytest
import streamlit as st
from streamlit.testing.v1 import AppTest

from app.web import SecurityHeaders, content_security_policy, serve
from errors import SettingsError


def test_the_policy_lets_the_page_ask_this_server_only() -> None:
    inline = "\n  window.ready = false\n"
    policy = content_security_policy(f"<head><script>{inline}</script><script src='./a.js'></script></head>")
    rules = {rule.split()[0]: rule.split()[1:] for rule in policy.split("; ")}
    digest = base64.b64encode(hashlib.sha256(inline.encode()).digest()).decode()
    assert rules["script-src"] == ["'self'", "blob:", f"'sha256-{digest}'"]
    assert rules["img-src"] == ["'self'", "data:", "blob:"]
    assert rules["connect-src"] == rules["default-src"] == ["'self'"]
    assert rules["frame-ancestors"] == rules["object-src"] == ["'none'"]
    assert not [
        source for sources in rules.values() for source in sources if "http" in source or source == "*"
    ]


def through(scope: dict[str, Any], content_type: bytes = b"text/html") -> list[tuple[bytes, bytes]]:
    """The headers of an answer that went through the middleware."""
    sent: list[Any] = []

    async def inner(_scope: Any, _receive: Any, send: Any) -> None:
        headers = [(b"X-Frame-Options", b"ALLOWALL"), (b"content-type", content_type)]
        await send({"type": "http.response.start", "status": 200, "headers": headers})

    async def send(message: Any) -> None:
        sent.append(message)

    async def receive() -> Any:
        raise AssertionError("nothing is read")

    asyncio.run(SecurityHeaders(inner, policy="default-src 'self'")(scope, receive, send))
    headers: list[tuple[bytes, bytes]] = sent[0]["headers"]
    return headers


def test_every_answer_carries_the_headers_and_ours_win() -> None:
    headers = through({"type": "http", "path": "/media/x", "headers": []}, b"image/png")
    assert dict(headers)[b"content-security-policy"] == b"default-src 'self'"
    assert dict(headers)[b"x-content-type-options"] == b"nosniff"
    assert [value for name, value in headers if name.lower() == b"x-frame-options"] == [b"DENY"]
    assert b"set-cookie" not in dict(headers)


@pytest.mark.parametrize("path", ["/", "/knowledge"])
def test_a_browser_gets_one_cookie_that_no_script_can_read(path: str) -> None:
    first = dict(through({"type": "http", "path": path, "headers": []}))[b"set-cookie"]
    assert b"HttpOnly" in first
    assert b"SameSite=Lax" in first
    again = through({"type": "http", "path": "/", "headers": [(b"cookie", first.split(b";")[0])]})
    assert b"set-cookie" not in dict(again)
    assert first != dict(through({"type": "http", "path": "/", "headers": []}))[b"set-cookie"]


def test_a_taken_port_is_one_sentence() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError) as refused:
            serve(port=port)
    assert str(refused.value) == (
        f"Port {port} is taken by another program: stop it, or choose another port with --port."
    )


@pytest.mark.parametrize(("host", "port"), [("no-such-host.invalid", 8501), ("127.0.0.1", 70000)])
def test_an_address_that_cannot_be_used_is_one_sentence(host: str, port: int) -> None:
    with pytest.raises(SettingsError, match="choose another with --host and --port"):
        serve(host=host, port=port)


def owner_of_a_session() -> None:
    import streamlit as st

    from app.ui.session import owner

    st.text(owner())


def test_two_browsers_without_cookies_are_two_owners(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(type(st.context), "cookies", {})
    first, second = AppTest.from_function(owner_of_a_session), AppTest.from_function(owner_of_a_session)
    mine = first.run().text[0].value
    assert len(mine) >= 20
    assert mine == first.run().text[0].value != second.run().text[0].value
