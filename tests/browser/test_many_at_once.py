"""Ten people ask at the same moment: every one gets the answer to the question that was asked there."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Server, Witness, running, settled
from tests.browser.test_main_job import ask
from tests.loopback.openai_server import Scripted, serve_openai

pytestmark = pytest.mark.browser
Visit = Callable[..., Witness]
PEOPLE = 10


ALL_ASKED = threading.Event()


def slowly(body: dict[str, Any]) -> Scripted:
    """Nobody is answered before all have asked; then with the number of the person who asked, piece by piece."""
    ALL_ASKED.wait(300)
    number = re.findall(r"person (\d+)", str(body["messages"]))[-1]
    pieces = [f"n{number}-{piece} " for piece in range(30)]
    return Scripted(pieces=pieces, gap_s=0.1)


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    home = tmp_path_factory.mktemp("slow") / "home"
    patient = {"GROUNDTUNE_TIMEOUT": "300"}
    with serve_openai(answer=slowly) as model:
        with running(home, models, OPENAI_BASE_URL=model.url, **patient) as started:
            yield started
        ALL_ASKED.set()


@pytest.mark.timeout(600)
def test_ten_at_once_lose_no_answer(slow: Server, visit: Visit) -> None:
    pages = [visit(slow.address, width=900, height=700).page for _ in range(PEOPLE)]
    for page in pages:
        page.get_by_role("button", name="Base", exact=True).click()
    for page in pages:  # what is typed while the page is still being drawn anew may be lost
        expect(page.get_by_text("The chat model alone").first).to_be_visible(timeout=120_000)
        settled(page)
    for number, page in enumerate(pages):
        ask(page, f"I am person {number}. Count.")
    for page in pages:
        expect(page.get_by_role("button", name="Stop")).to_be_visible(
            timeout=120_000
        )  # a busy machine is no fault
    ALL_ASKED.set()
    for number, page in enumerate(pages):
        expect(page.get_by_role("button", name="Why this answer")).to_be_visible(timeout=120_000)
        words = page.locator(".prose.answer").inner_text().split()
        assert words == [f"n{number}-{piece}" for piece in range(30)]
