"""axe on every page in both themes, and the whole job with the keyboard alone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from tests.app.answers import ANSWER, COMPUTED_ANSWER
from tests.browser.conftest import Server, Witness, running
from tests.browser.stored import OWNER, keep_conversation
from tests.browser.test_main_job import LEAVE, answered, ask, upload

pytestmark = pytest.mark.browser
Visit = Callable[..., Witness]

GRAVE = ("serious", "critical")
# Rules that elements of Streamlit's own break, which no code here can mend: (rule, part of the element's HTML) -> why.
STREAMLITS = {
    ("aria-dialog-name", 'data-testid="stToast"'): "a toast is labelled by an element that it does not have",
}


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory, models: Any) -> Iterator[tuple[Server, str]]:
    """A server, and the address of a conversation with everything in it that an answer can show."""
    home = tmp_path_factory.mktemp("stored") / "home"
    conversation = keep_conversation(home, ("How many days?", ANSWER), ("What was sold?", COMPUTED_ANSWER))
    with running(home, models) as started:
        yield started, f"/?c={conversation}"


def grave(page: Page) -> list[str]:
    """What axe finds serious or critical and is ours, with the element."""
    found = Axe().run(page).response["violations"]
    return [
        f"{rule['id']}: {node['html'][:220]} | {' '.join(node.get('failureSummary', '').split())[:300]}"
        for rule in found
        if rule["impact"] in GRAVE
        for node in rule["nodes"]
        if not any(rule["id"] == known and part in node["html"] for known, part in STREAMLITS)
    ]


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_grave_on_any_page(
    server: Server, stored: tuple[Server, str], visit: Visit, dark: bool
) -> None:
    found: dict[str, list[str]] = {}
    page = visit(server.address, dark=dark).page
    page.get_by_role("heading", level=1).wait_for()
    found["empty chat"] = grave(page)
    upload(page, "leave.md", LEAVE)
    ask(page, "How many days of annual leave does an employee have?")
    answered(page)
    page.locator(".prose.answer .cite").first.click()
    expect(page.locator(".st-key-evidence mark")).to_be_visible()
    found["answer and evidence"] = grave(page)
    for name in ("Compare", "Knowledge", "Settings"):
        page.get_by_role("link", name=name).click()
        expect(
            page.get_by_role("heading", level=1, name=name if name != "Knowledge" else "My documents")
        ).to_be_visible()
        page.wait_for_timeout(800)
        found[name] = grave(page)
    page.get_by_role("link", name="Compare").click()
    expect(page.get_by_role("heading", level=1, name="Compare")).to_be_visible()
    ask(page, "How many days of annual leave does an employee have?")
    expect(page.get_by_role("button", name="None of them")).to_be_visible()
    found["a comparison"] = grave(page)
    other, path = stored
    page = visit(other.address, path=path, owner=OWNER, dark=dark).page
    expect(page.get_by_text("The sources differ")).to_be_visible()
    found["doubts, conflict, computation"] = grave(page)
    page.get_by_role("button", name="Why this answer").first.click()
    page.get_by_role("dialog").get_by_text("What was read").wait_for()
    found["why"] = grave(page)
    faults = [f"{name}: {fault}" for name, those in found.items() for fault in those]
    assert not faults, "\n".join(faults)


def focused(page: Page) -> str:
    """The words of the control that has the focus, through shadow roots; an icon's name is none of them."""
    words: str = page.evaluate(
        """() => {
          let at = document.activeElement;
          while (at?.shadowRoot?.activeElement) at = at.shadowRoot.activeElement;
          if (!at || !["BUTTON", "A", "INPUT", "TEXTAREA", "SUMMARY"].includes(at.tagName)) return "";
          return at.getAttribute("aria-label") || at.innerText || "";
        }"""
    )
    return words.strip().rpartition("\n")[2]


def tab_to(page: Page, words: str, *, back: bool = False) -> None:
    """Presses Tab until what is named has the focus."""
    seen = []
    for _ in range(80):
        page.keyboard.press("Shift+Tab" if back else "Tab")
        seen.append(focused(page))
        if seen[-1].startswith(words):
            return
    raise AssertionError(f"{words!r} was never reached: {seen}")


def test_ask_read_the_evidence_and_close_it_with_keys_alone(server: Server, visit: Visit) -> None:
    page = visit(server.address).page
    upload(page, "leave.md", LEAVE)
    ask(page, "How many days of annual leave does an employee have?")
    answered(page)
    expect(page.get_by_test_id("stToast")).to_have_count(0)
    tab_to(page, "Source 1: ", back=True)
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-evidence mark")).to_be_visible()
    page.wait_for_timeout(500)
    assert focused(page).startswith("Source 1: "), "the text moved and lost the focus"
    tab_to(page, "Close")
    page.keyboard.press("Enter")
    expect(page.locator(".st-key-evidence")).to_have_count(0)
    page.wait_for_timeout(500)
    assert focused(page).startswith("Source 1: "), "closing the evidence lost the place"
    tab_to(page, "Why this answer")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


HEAR = """() => {
  window.heard = [];
  const listen = () => {
    const said = document.getElementById("groundtune-announced")?.textContent;
    if (said && said !== window.heard.at(-1)) window.heard.push(said);
  };
  new MutationObserver(listen).observe(document.body, { childList: true, characterData: true, subtree: true });
}"""


def test_an_answer_is_announced_once_and_whole(server: Server, visit: Visit) -> None:
    """In pieces where it is written slowly enough: a region that changes is read aloud each time."""
    page = visit(server.address).page
    page.evaluate(HEAR)
    upload(page, "leave.md", LEAVE)
    ask(page, "How many days of annual leave does an employee have?")
    answered(page)
    region = page.locator("#groundtune-announced")
    expect(region).to_have_attribute("aria-live", "polite")
    expect(region).to_contain_text("The answer is complete.")
    heard = "".join(page.evaluate("window.heard"))
    assert heard.count("27 days") == heard.count("The answer is complete.") == 1
    assert heard.endswith("The answer is complete.")
