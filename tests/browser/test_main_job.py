"""Drop in documents, ask, get a cited answer: in a real browser on a real server."""

from __future__ import annotations

import http.client
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from email.message import Message
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server, Witness, running, settled
from tests.loopback.openai_server import LoopbackServer, Scripted, serve_openai

pytestmark = pytest.mark.browser
Visit = Callable[..., Witness]

LEAVE = """# Leave policy

Every employee has 27 days of paid annual leave a year.

## Carry-over

Up to five days of leave may be carried over into the next year. They must be used by 31 March.
"""
EVIL_NAME = "![x](https:evil.test) <img src=x onerror=alert(1)> $a$ :smile:.md"
EVIL = """# Parking <script>window.pwned = 1</script>

The parking permit number is 4711 ![x](https://evil.test/x) <img src=https://evil.test/y onerror="window.pwned=2">.

See [the site](https://evil.test/z) or https://evil.test/w for the parking permit rules.
"""
LARGEST_IDLE_MB = 600


def upload(page: Page, name: str, text: str) -> None:
    page.locator('[data-testid="stChatInput"] input[type="file"]').set_input_files(
        {"name": name, "mimeType": "text/markdown", "buffer": text.encode()}
    )


def ask(page: Page, question: str) -> None:
    """Types and sends; the box does not take Enter while a file is still on its way, so it is pressed again."""
    box = page.get_by_test_id("stChatInputTextArea")
    box.fill(question)
    for _ in range(100):
        box.press("Enter")
        page.wait_for_timeout(100)
        if box.input_value() != question:
            return
    raise AssertionError("the question was never taken")


def answered(page: Page, count: int = 1) -> None:
    """Waits for the answers to be whole; on a busy machine the first of a server takes its time."""
    try:
        expect(page.get_by_role("button", name="Why this answer")).to_have_count(count, timeout=120_000)
    except AssertionError as error:
        raise AssertionError(f"{error}\nThe page says: {page.locator('body').inner_text()[:3000]}") from error


def resident_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text("ascii")
    return int(re.findall(r"VmRSS:\s+(\d+) kB", status)[0]) / 1024


def test_upload_ask_and_open_the_citation(server: Server, visit: Visit) -> None:
    page = visit(server.address).page
    upload(page, "leave.md", LEAVE)
    ask(page, "How many days of annual leave does an employee have?")
    expect(page.get_by_text("Searchable")).to_be_visible()
    answered(page)
    expect(page.locator(".prose.answer")).to_contain_text("27 days")
    page.locator(".prose.answer .cite").first.click()
    panel = page.locator(".st-key-evidence")
    expect(panel.locator("mark")).to_have_text("Every employee has 27 days of paid annual leave a year.")
    expect(panel.locator(".prose.excerpt")).to_contain_text("Up to five days of leave")
    expect(panel).to_contain_text("Leave policy")
    expect(panel).to_contain_text("Quoted word for word")
    with page.expect_download() as download:
        panel.get_by_role("button", name="Download the original").click()
    assert Path(download.value.path()).read_text("utf-8") == LEAVE
    if sys.platform == "linux":
        assert resident_mb(server.pid) <= LARGEST_IDLE_MB


def test_a_poisoned_document_is_only_text(server: Server, visit: Visit) -> None:
    """The witness proves that nothing was fetched; here: nothing ran, and the text is still readable."""
    page = visit(server.address).page
    upload(page, EVIL_NAME, EVIL)
    ask(page, "What is the parking permit number?")
    answered(page)
    page.locator(".prose.answer .cite, .st-key-answer button").first.click()
    panel = page.locator(".st-key-evidence")
    expect(panel.locator(".prose.excerpt")).to_contain_text("<script>window.pwned = 1</script>")
    expect(panel.locator(".prose.excerpt")).to_contain_text("![x](https://evil.test/x)")
    page.get_by_role("button", name="Why this answer").click()
    page.get_by_role("dialog").get_by_text("What was read").wait_for()
    for summary in page.get_by_role("dialog").locator("summary").all():
        summary.click()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Knowledge").click()
    expect(page.get_by_text("smile").first).to_be_visible()
    assert page.evaluate("window.pwned") is None
    assert page.locator('a[href*="evil"], img[src*="evil"]').count() == 0


def test_a_phone_shows_the_evidence_over_the_page(server: Server, visit: Visit) -> None:
    page = visit(server.address, width=390, height=844).page
    upload(page, "leave.md", LEAVE)
    ask(page, "How many days of annual leave does an employee have?")
    answered(page)
    page.locator(".prose.answer .cite").first.click()
    panel = page.locator(".st-key-evidence")
    expect(panel.locator("mark")).to_be_in_viewport()
    box = panel.bounding_box()
    assert box is not None
    assert (round(box["x"]), round(box["width"])) == (0, 390)
    panel.get_by_role("button", name="close").click()
    expect(panel).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def request(server: Server, path: str, **headers: str) -> tuple[int, Message, bytes]:
    with closing(
        http.client.HTTPConnection(server.address.removeprefix("http://"), timeout=10)
    ) as connection:
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, answer.headers, answer.read()


def test_headers_and_health(server: Server) -> None:
    _, headers, _ = request(server, "/")
    assert "img-src 'self' data: blob:;" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"
    assert headers["server"] is None
    status, headers, body = request(server, "/healthz")
    assert (status, body) == (200, b'{"status":"ok"}')
    assert headers["content-security-policy"]


def test_another_name_for_this_machine_is_refused(server: Server) -> None:
    """A page of another site that has its name point here (DNS rebinding) gets nothing."""
    assert request(server, "/", Host="evil.test")[0] == 400


# --- a slow answer --------------------------------------------------------------------------------

WORDS = [f"word{number} " for number in range(40)]


@pytest.fixture(scope="module")
def slow_model() -> Iterator[LoopbackServer]:
    with serve_openai(answer=lambda _: Scripted(pieces=WORDS, text="".join(WORDS), gap_s=0.12)) as model:
        yield model


@pytest.fixture(scope="module")
def connected(
    slow_model: LoopbackServer, tmp_path_factory: pytest.TempPathFactory, models: Path
) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("connected") / "home"
    with running(home, models, OPENAI_BASE_URL=slow_model.url) as started:
        yield started


def asked_in_base_mode(visit: Visit, server: Server) -> Page:
    page: Page = visit(server.address).page
    page.get_by_role("button", name="Base", exact=True).click()
    expect(page.locator(".st-key-mode_base button").first).to_have_attribute(
        "data-testid", "stBaseButton-primary"
    )
    settled(page)
    ask(page, "Tell me forty words.")
    expect(page.locator(".prose.answer")).to_contain_text("word2", timeout=120_000)
    return page


def test_clicks_page_switches_and_a_reload_do_not_lose_an_answer(connected: Server, visit: Visit) -> None:
    page = asked_in_base_mode(visit, connected)
    page.get_by_role("button", name="Modes").click()
    page.keyboard.press("Escape")
    page.get_by_role("link", name="Settings").click()
    expect(page.get_by_role("heading", name="Settings")).to_be_visible()
    page.get_by_role("link", name="Chat").click()
    expect(page.locator(".prose.answer")).to_contain_text("word")
    expect(page.get_by_role("button", name="Stop")).to_be_visible()
    page.reload()
    answered(page)
    expect(page.locator(".prose.answer")).to_have_text("".join(WORDS).strip())


def test_stopping_keeps_what_was_written(connected: Server, visit: Visit) -> None:
    page = asked_in_base_mode(visit, connected)
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_text("Stopped. What was written so far is kept.")).to_be_visible()
    text = page.locator(".prose.answer").inner_text()
    assert "word2" in text
    assert "word39" not in text


def test_another_browser_does_not_see_the_conversation(connected: Server, visit: Visit) -> None:
    page = asked_in_base_mode(visit, connected)
    expect(page).to_have_url(re.compile(r"\?c="))
    address = page.url
    stranger = visit(connected.address).page
    stranger.goto(address)
    expect(stranger.get_by_role("heading", name="Bring your first documents")).to_be_visible()
    assert stranger.get_by_text("Tell me forty words").count() == 0
