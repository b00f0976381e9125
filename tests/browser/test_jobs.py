"""Fine-tuning in a real browser: from the sample company's examples to an answer of the model; axe; a phone."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server, Witness, running, settled
from tests.browser.test_accessibility import grave
from tests.browser.test_main_job import answered, ask

pytestmark = pytest.mark.browser
Visit = Callable[..., Witness]
PARTS = ("Runs", "Start", "Compare", "Models", "Expiry radar")
FACES = ("Result", "Curves", "Events", "Checkpoints", "Recipe")
TAUGHT, WORDS = "What does an IB-06 cost for a weekend?", "120 euros"
TRAINED_MS = 240_000


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    """A server of its own, without the network: its jobs are those of these tests."""
    with running(tmp_path_factory.mktemp("jobs") / "home", models, GROUNDTUNE_OFFLINE="1") as started:
        yield started


def open_jobs(page: Page) -> None:
    page.get_by_role("link", name="Fine-tuning").click()
    expect(page.get_by_role("heading", level=1, name="Fine-tuning")).to_be_visible()


def show(page: Page, part: str) -> None:
    page.locator(".st-key-tuning_parts").get_by_role("radio", name=part, exact=True).click()
    page.wait_for_timeout(600)


def trained(page: Page) -> None:
    """The responder, trained by the first test that needs it; its job is open."""
    open_jobs(page)
    first = page.get_by_role("button", name="Train your first model")
    known = page.get_by_role("button", name="Sample company")
    expect(first.or_(known).first).to_be_visible()
    if known.count():
        known.first.click()
    else:
        first.click()
        page.get_by_role("button", name="Take the sample company's 120 examples").click()
        expect(page.get_by_label("Frozen dataset")).to_be_visible(timeout=120_000)
        page.get_by_role("button", name="Check and estimate").click()
        page.get_by_role("button", name="Start training").click(timeout=120_000)
    expect(page.get_by_role("button", name="All jobs")).to_be_visible(timeout=60_000)  # the list says it too
    expect(page.get_by_text("Succeeded")).to_be_visible(timeout=TRAINED_MS)


def test_from_examples_to_an_answer_in_fine_tuned_mode(own: Server, visit: Visit, tmp_path: Path) -> None:
    page = visit(own.address).page
    trained(page)
    expect(page.get_by_text("Base against tuned")).to_be_visible()
    page.get_by_label("Ask this model").fill(TAUGHT)
    page.get_by_role("button", name="Ask", exact=True).click()
    expect(page.locator(".prose.answer").first).to_contain_text(WORDS, timeout=60_000)
    settled(page)
    with page.expect_download(timeout=120_000) as download:
        page.get_by_role("button", name="Download the figures of every step").click()
    download.value.save_as(tmp_path / "figures.csv")
    assert (tmp_path / "figures.csv").read_text("utf-8").startswith("step,train_loss,")
    expect(page.get_by_text("The fine-tuned and hybrid modes ask this model, as the newest")).to_be_visible()
    page.get_by_role("button", name="Stay with this model").click()
    expect(page.get_by_text("The fine-tuned and hybrid modes ask this model.")).to_be_visible()
    page.get_by_role("button", name="Open the chat with it").click()
    ask(page, TAUGHT)
    answered(page)
    expect(page.locator(".prose.answer")).to_contain_text(WORDS)
    expect(page.locator(".st-key-mode_finetuned button").first).to_have_attribute(
        "data-testid", "stBaseButton-primary"
    )


def test_a_reload_comes_back_to_the_job(own: Server, visit: Visit) -> None:
    witness = visit(own.address)
    page, missed = witness.page, list[str]()
    trained(page)
    page.on("response", lambda answer: missed.append(answer.url) if answer.status == 404 else None)
    page.reload()
    expect(page.get_by_text("Succeeded")).to_be_visible()
    expect(page.get_by_role("button", name="All jobs")).to_be_visible()
    assert [
        url for url in missed if "/jobs/_stcore/" not in url
    ] == []  # Streamlit looks for its server there first
    assert len(witness.errors) == len(missed)
    witness.errors.clear()


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_grave_on_any_part(own: Server, visit: Visit, dark: bool) -> None:
    page = visit(own.address, dark=dark).page
    trained(page)
    found: dict[str, list[str]] = {}
    for face in FACES:
        page.get_by_role("radio", name=face, exact=True).click()
        page.wait_for_timeout(800)
        found[face] = grave(page)
    page.get_by_role("button", name="All jobs").click()
    for part in PARTS:
        show(page, part)
        page.wait_for_timeout(500)
        found[part] = grave(page)
    assert {part: faults for part, faults in found.items() if faults} == {}


def test_on_a_phone_nothing_is_cut_off(own: Server, visit: Visit) -> None:
    page = visit(own.address).page
    trained(page)
    page.set_viewport_size({"width": 390, "height": 844})
    for face in FACES:
        page.get_by_role("radio", name=face, exact=True).click()
        page.wait_for_timeout(500)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, face
    for part in PARTS[1:]:
        show(page, part)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, part
