"""A real server as a child process, a real Chromium, and a witness of all that the page asks for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect, sync_playwright

from app.web import BROWSER_COOKIE

PROJECT = Path(__file__).parents[2]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]
# A developer's .env must not decide what a test sees; port 0 takes a free one.
SERVE = (
    "import os, pathlib, app.settings, app.workspace; from app.web import serve; "
    "app.settings.PROJECT_ROOT = pathlib.Path(os.environ['GROUNDTUNE_HOME']); serve(port=0)"
)
OWN = ("GROUNDTUNE_", "OPENAI_", "AZURE_", "LANGSMITH_", "LANGCHAIN_", "STREAMLIT_")
READY = re.compile(r"ready: (http://127\.0\.0\.1:\d+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    address: str
    pid: int


@dataclass(slots=True, kw_only=True)
class Witness:
    """What went wrong in the browser, and who was asked for something besides this server."""

    page: Page
    errors: list[str] = field(default_factory=list)
    foreign: list[str] = field(default_factory=list)


@contextmanager
def running(home: Path, models: Path, **environment: str) -> Iterator[Server]:
    home.mkdir(exist_ok=True)
    (home / "models").symlink_to(models, target_is_directory=True)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(OWN)}
    with (home / "log.txt").open("wb") as log:
        child = subprocess.Popen(
            [sys.executable, "-c", SERVE],
            cwd=PROJECT,
            env=clean | {"GROUNDTUNE_HOME": str(home), "OMP_NUM_THREADS": "2"} | environment,
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
        )
    try:
        assert child.stdout is not None
        line = child.stdout.readline()
        found = READY.search(line)
        assert found, f"the server said {line!r}: {(home / 'log.txt').read_text('utf-8', 'replace')[-2000:]}"
        yield Server(address=found[1], pid=child.pid)
    finally:
        child.terminate()
        try:
            child.wait(15)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()
        assert child.stdout is not None
        child.stdout.close()


@pytest.fixture(scope="session")
def models(session_home: Path) -> Path:
    """Shared with the other tests, so that the model's graph is built once."""
    (session_home / "models").mkdir(exist_ok=True)
    return session_home / "models"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    """The embedded engine: no key, no server, no knowledge base."""
    with running(tmp_path_factory.mktemp("served") / "home", models) as started:
        yield started


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Of one module only: while Playwright runs, its event loop stands in the way of asynchronous tests."""
    if CHROMIUM is None:
        pytest.skip(
            "no chromium, chromium-browser or google-chrome is installed: the browser tests did not run"
        )
    expect.set_options(timeout=30_000)  # a busy machine is no fault
    with sync_playwright() as playwright:
        started = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield started
        started.close()


@pytest.fixture
def visit(browser: Browser) -> Iterator[Callable[..., Witness]]:
    """Opens an address in a browser of its own; at the end nothing may have gone wrong or left the machine."""
    seen: list[Witness] = []

    def opened(
        address: str,
        *,
        width: int = 1440,
        height: int = 900,
        path: str = "",
        owner: str = "",
        dark: bool = False,
    ) -> Witness:
        context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        if owner:
            context.add_cookies([{"name": BROWSER_COOKIE, "value": owner, "url": address}])
        page = context.new_page()
        page.set_default_timeout(30_000)
        witness = Witness(page=page)
        seen.append(witness)
        page.on("console", lambda message: _keep(witness.errors, message.text, message.type == "error"))
        page.on("pageerror", lambda error: witness.errors.append(str(error)))
        inside = (address, address.replace("http", "ws"), "data:", "blob:")
        page.on("request", lambda asked: _keep(witness.foreign, asked.url, not asked.url.startswith(inside)))
        page.on(
            "websocket", lambda opened: _keep(witness.foreign, opened.url, not opened.url.startswith(inside))
        )
        page.goto(address + path)
        page.get_by_test_id("stAppViewContainer").wait_for()
        page.get_by_test_id("stMainBlockContainer").get_by_role("heading").or_(
            page.get_by_test_id("stChatInput")
        ).first.wait_for()
        return witness

    yield opened
    for witness in seen:
        witness.page.context.close()
    assert [witness.errors for witness in seen] == [[] for _ in seen]
    assert [witness.foreign for witness in seen] == [[] for _ in seen]


def _keep(kept: list[str], text: str, wanted: bool) -> None:
    if wanted:
        kept.append(text)


def settled(page: Page) -> None:
    """The page is drawn: what is typed or clicked while it is drawn anew may be lost."""
    expect(page.locator('[data-testid="stApp"][data-test-script-state="notRunning"]')).to_be_visible(
        timeout=120_000
    )
