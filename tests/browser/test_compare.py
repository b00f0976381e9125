"""Compare in a real browser: columns that stream on their own, a failure that stays where it is, a vote, a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server, Witness, running
from tests.browser.test_accessibility import focused, tab_to
from tests.browser.test_main_job import LEAVE, ask, upload
from tests.loopback.openai_server import LoopbackServer, Scripted, serve_openai

pytestmark = pytest.mark.browser
Visit = Callable[..., Witness]
QUESTION = "How many days of annual leave does an employee have?"
WORDS = [f"word{number} " for number in range(40)]


def told_apart(body: dict[str, Any]) -> Scripted:
    """By model: "tuned" refuses, "chat" without passages writes slowly, with passages it answers and cites."""
    if body["model"].startswith("ft:"):
        return Scripted(status=403, error_message="not yours")
    if "27 days" in str(body["messages"]):
        return Scripted(text="Every employee has 27 days of paid annual leave a year [1].")
    return Scripted(pieces=WORDS, gap_s=0.5)


@pytest.fixture(scope="module")
def model() -> Iterator[LoopbackServer]:
    with serve_openai(answer=told_apart, models=("chat", "ft:tuned")) as running_model:
        yield running_model


@pytest.fixture(scope="module")
def connected(
    model: LoopbackServer, tmp_path_factory: pytest.TempPathFactory, models: Path
) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("compared") / "home"
    named = {
        "OPENAI_BASE_URL": model.url,
        "GROUNDTUNE_CHAT_MODEL": "compatible:chat",
        "GROUNDTUNE_FINETUNED_MODEL": "compatible:ft:tuned",
    }
    with running(home, models, **named) as started:
        yield started


def with_documents(witness: Witness) -> Page:
    page: Page = witness.page
    upload(page, "leave.md", LEAVE)
    ask(page, QUESTION)
    expect(page.get_by_text("Searchable")).to_be_visible()
    return page


def open_compare(page: Page) -> None:
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", name="Compare", exact=True)).to_be_visible()


def column(page: Page, name: str) -> Any:
    return page.locator('[class*="st-key-side_"]').filter(
        has=page.get_by_role("heading", name=name, exact=True)
    )


def test_each_mode_for_itself(connected: Server, visit: Visit) -> None:
    """While base still writes, RAG is done and the tuned model has failed; stopping base keeps what it wrote."""
    witness = visit(connected.address)
    page = with_documents(witness)
    open_compare(page)
    ask(page, QUESTION)
    expect(column(page, "RAG")).to_contain_text("27 days of paid annual leave")
    expect(column(page, "RAG").get_by_role("button", name="Why this answer")).to_be_visible()
    for failed in ("Fine-tuned", "Hybrid"):
        expect(column(page, failed).get_by_role("alert")).to_be_visible()
    expect(column(page, "Base")).to_contain_text("word2")
    expect(page.get_by_text("Which answered best?")).to_have_count(0)
    column(page, "Base").get_by_role("button", name="Stop").click()
    expect(column(page, "Base")).to_contain_text("What was written so far is kept.")
    expect(column(page, "Base")).not_to_contain_text("word39")
    column(page, "RAG").locator(".prose.answer .cite").first.click()
    expect(page.get_by_role("dialog").locator("mark")).to_contain_text("27 days")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)
    tab_to(page, "None of them")
    assert focused(page) == "None of them"
    tab_to(page, "RAG", back=True)
    page.keyboard.press("Enter")
    expect(page.get_by_text("1 vote so far: RAG 1.")).to_be_visible()
    page.reload()
    expect(column(page, "RAG")).to_contain_text("27 days of paid annual leave")
    expect(page.get_by_text("1 vote so far: RAG 1.")).to_be_visible()
    # Opened at /compare, Streamlit first looks for its server below that path.
    witness.errors[:] = [error for error in witness.errors if "404 (Not Found)" not in error]


def test_on_a_phone_the_columns_stand_below_each_other(connected: Server, visit: Visit) -> None:
    page = visit(connected.address).page
    open_compare(page)
    page.set_viewport_size({"width": 390, "height": 844})
    ask(page, QUESTION)
    expect(column(page, "Hybrid")).to_be_visible()
    expect(page.get_by_test_id("stSidebar")).to_have_attribute("data-collapsed", "true")
    boxes = [column(page, name).bounding_box() for name in ("Base", "RAG", "Fine-tuned", "Hybrid")]
    tops = [box["y"] for box in boxes if box]
    assert len(tops) == 4
    assert tops == sorted(tops)
    assert all(box["width"] > 300 for box in boxes if box)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
