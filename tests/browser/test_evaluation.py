"""From 50 questions to a report that a manager would act on in five clicks, and the advice that rests on it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.browser.conftest import Server, Witness, running, settled
from tests.browser.test_accessibility import grave
from tests.browser.test_main_job import answered, ask, upload
from tests.loopback.openai_server import serve_openai

pytestmark = pytest.mark.browser
Visit = Callable[..., Witness]
COUNT = 50


def offices(count: int) -> tuple[str, str]:
    """(a document, and as CSV a question on each of its facts; every tenth is not answered there)."""
    names = [f"Room {number:03}" for number in range(100, 100 + count)]
    facts = [f"{name} has {7 + place} seats.\n\n" for place, name in enumerate(names) if place % 10 != 9]
    rows = [
        f"How many seats does {name} have?,{'' if place % 10 == 9 else 7 + place},{'no' if place % 10 == 9 else 'yes'}"
        for place, name in enumerate(names)
    ]
    return "# Rooms\n\n" + "".join(facts), "question,answer,answerable\n" + "\n".join(rows) + "\n"


def read_out(body: dict[str, Any]) -> str:
    """What a model says that knows only what it is given to read."""
    given = str(body["messages"])
    room = re.findall(r"How many seats does (Room \d+)", given)[-1]
    found = re.search(rf"{room} has (\d+) seats", given)
    return f"{room} has {found[1]} seats [1]." if found else "I do not know."


@pytest.fixture(scope="module")
def evaluating(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    """With a chat model on this machine that never saw the document, so that modes are compared."""
    with serve_openai(answer=read_out) as chat:
        named = {"OPENAI_BASE_URL": chat.url, "GROUNDTUNE_CHAT_MODEL": "compatible:loopback-model"}
        with running(tmp_path_factory.mktemp("evaluating") / "home", models, **named) as started:
            yield started


def test_from_fifty_questions_to_a_report_in_five_clicks(
    evaluating: Server, visit: Visit, tmp_path: Path
) -> None:
    document, rows = offices(COUNT)
    page = visit(evaluating.address).page
    upload(page, "rooms.md", document)
    ask(page, "How many seats does Room 100 have?")
    answered(page)
    clicks = 0

    def click(what: Locator) -> None:
        nonlocal clicks
        settled(page)
        what.click()
        clicks += 1

    click(page.get_by_role("link", name="Evaluation"))
    expect(page.get_by_role("heading", level=1, name="Evaluation")).to_be_visible()
    with page.expect_file_chooser() as chooser:
        click(page.get_by_test_id("stFileUploader").get_by_test_id("stBaseButton-secondary"))
    chooser.value.set_files({"name": "rooms.csv", "mimeType": "text/csv", "buffer": rows.encode()})
    expect(page.get_by_text(f"{COUNT} questions, 5 of them without an answer")).to_be_visible()
    click(page.get_by_role("button", name=f"Ask {COUNT} questions"))
    verdict = page.get_by_test_id("stAlert").first
    expect(verdict).to_contain_text(f"of {COUNT} questions right", timeout=60_000)
    settled(page)
    with page.expect_download() as download:
        click(page.get_by_role("button", name="HTML"))
    report = Path(download.value.path()).read_text("utf-8")
    assert f"of {COUNT} questions right" in report
    assert "How many seats does Room 1" in report
    assert clicks <= 5


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_grave_and_nothing_cut_off_on_the_pages(evaluating: Server, visit: Visit, dark: bool) -> None:
    """After the run above: its report, the start of another, the advisor, on a phone too."""
    for width in (1440, 390):
        page = opened(visit, evaluating, "Evaluation", width=width, dark=dark)
        page.get_by_role("button", name="rooms").first.click()
        expect(page.get_by_test_id("stAlert").first).to_contain_text("questions right")
        drawn(page)
        assert grave(page) == []
        assert cut_off(page) == []
        page.get_by_role("radio", name="Start").click()
        expect(page.get_by_text("A file of mine")).to_be_visible()
        drawn(page)
        assert grave(page) == []
        page = opened(visit, evaluating, "Advisor", width=width, dark=dark)
        assert grave(page) == []
        assert cut_off(page) == []


def opened(visit: Visit, server: Server, name: str, *, width: int = 1440, dark: bool = False) -> Page:
    """By its link, which a phone keeps behind a button."""
    page = visit(server.address, width=width, dark=dark).page
    settled(page)
    link = page.get_by_role("link", name=name)
    if width < 800:
        page.get_by_test_id("stExpandSidebarButton").click()
    link.click()
    if width < 800:
        page.get_by_test_id("stSidebarCollapseButton").get_by_role("button").click()
    expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()
    drawn(page)
    return page


def drawn(page: Page) -> None:
    """Nothing of it fades in or out any more."""
    settled(page)
    page.wait_for_timeout(800)


def cut_off(page: Page) -> list[str]:
    """Words broken within, letter below letter, in a table's cells: no reader can follow them."""
    found: list[str] = page.evaluate(
        """() => [...document.querySelectorAll("table td, table th")]
            .filter(cell => cell.checkVisibility() && cell.innerText.trim())
            .filter(cell => {
                const range = document.createRange();
                return [...cell.querySelectorAll("*"), cell].some(at => [...at.childNodes].some(node => {
                    if (node.nodeType !== 3) return false;
                    const word = /[\\p{L}]{3,12}/u.exec(node.data);
                    if (!word) return false;
                    range.setStart(node, word.index);
                    range.setEnd(node, word.index + word[0].length);
                    return new Set([...range.getClientRects()].map(one => Math.round(one.top))).size > 1;
                }));
            })
            .map(cell => cell.innerText)"""
    )
    return found


def test_the_advice_follows_answers_and_the_measurement_outweighs_them(
    evaluating: Server, visit: Visit
) -> None:
    page = opened(visit, evaluating, "Advisor")
    advice = page.locator(".st-key-advice")
    expect(advice).to_contain_text("Measured in run-")
    page.get_by_role("combobox", name="How much of the knowledge changes within a year?").focus()
    page.keyboard.press("ArrowDown")
    page.get_by_role("option").last.click()
    settled(page)
    expect(page.get_by_text("What you know · 1 of 5 answered")).to_be_visible()
    expect(advice).to_contain_text("Measured in run-")
    expect(page.get_by_role("heading", name="What would change it")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("button", name="HTML").click()
    assert "Measured in run-" in Path(download.value.path()).read_text("utf-8")
