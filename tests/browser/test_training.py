"""Training data in a real browser: from the sample company's examples to a frozen copy; axe; a phone."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Server, Witness, running
from tests.browser.test_accessibility import grave

pytestmark = pytest.mark.browser
Visit = Callable[..., Witness]
PARTS = ("Rows", "Review", "Add", "Check", "Cost", "RAFT", "Freeze")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory, models: Path) -> Iterator[Server]:
    """A server of its own, without the network: its datasets are those of these tests."""
    with running(tmp_path_factory.mktemp("training") / "home", models, GROUNDTUNE_OFFLINE="1") as started:
        yield started


def open_training(page: Page) -> None:
    page.get_by_role("link", name="Training data").click()
    expect(page.get_by_role("heading", level=1, name="Training data")).to_be_visible()


def with_sample(page: Page) -> None:
    """The sample company's dataset, made by the first test that needs it."""
    open_training(page)
    rows = page.get_by_test_id("stMetric").first
    begin = page.get_by_role("button", name="Start with the sample company's 120 examples")
    expect(begin.or_(rows).first).to_be_visible()
    if begin.is_visible():
        begin.click()
    expect(rows).to_contain_text("120")


def show(page: Page, part: str) -> None:
    page.locator(".st-key-training_parts").get_by_role("radio", name=re.compile(f"^{part}")).click()
    page.wait_for_timeout(500)


def test_from_examples_to_a_frozen_copy(own: Server, visit: Visit, tmp_path: Path) -> None:
    page = visit(own.address).page
    with_sample(page)
    show(page, "Check")
    page.get_by_role("button", name="Check 120 accepted rows").click()
    expect(page.get_by_text("No errors; ")).to_be_visible(timeout=120_000)
    page.get_by_text("Numbers and charts").click()
    expect(page.get_by_role("img", name="Messages by role")).to_be_visible()
    page.get_by_text(re.compile("Personal data")).click()
    page.locator(".st-key-jump_S01_0 button").click()
    panel = page.locator(".st-key-evidence")
    expect(panel).to_contain_text("Isvelde Customer Desk")
    panel.get_by_role("radio", name="What will be learnt").click()
    expect(panel.locator(".learnt").first).to_be_visible()
    expect(panel.locator(".read").first).to_contain_text("<|im_start|>")
    panel.get_by_role("button", name="Reject").click()
    expect(page.get_by_test_id("stMetric").filter(has_text="Rejected")).to_contain_text("1")
    page.locator(".st-key-undo button").first.click()
    expect(page.get_by_test_id("stMetric").filter(has_text="Accepted")).to_contain_text("120")
    show(page, "Freeze")
    page.get_by_role("button", name="Freeze 120 rows").click()
    expect(page.get_by_text("104 train, 16 validation rows frozen as")).to_be_visible(timeout=120_000)
    with page.expect_download() as download:
        page.get_by_role("button", name="train.jsonl").click()
    download.value.save_as(tmp_path / "train.jsonl")
    rows = (tmp_path / "train.jsonl").read_text("utf-8").splitlines()
    assert len(rows) == 104
    assert json.loads(rows[0]).keys() == {"messages"}


def test_a_repair_is_shown_before_it_is_made(own: Server, visit: Visit) -> None:
    page = visit(own.address).page
    with_sample(page)
    show(page, "Check")
    if not page.get_by_text("No errors; ").is_visible():
        page.get_by_role("button", name="Check 120 accepted rows").click()
    expect(page.get_by_text("No errors; ")).to_be_visible(timeout=120_000)
    page.get_by_text(re.compile("Personal data")).click()
    page.locator(".st-key-mend_S01 button").click()
    dialog = page.get_by_role("dialog")
    expect(dialog.locator(".gone").first).to_be_visible()
    expect(dialog.locator(".added").first).to_be_visible()
    dialog.get_by_role("button", name=re.compile(r"^Repair \d+ rows?$")).click()
    expect(page.get_by_text("The rows have changed since")).to_be_visible()
    show(page, "Rows")
    page.locator(".st-key-undo button").first.click()
    expect(page.locator(".st-key-redo button").first).to_be_enabled()


def test_a_dataset_is_made_and_removed_for_good(own: Server, visit: Visit) -> None:
    page = visit(own.address).page
    open_training(page)
    page.get_by_role("button", name="New dataset").click()
    page.get_by_label("Name", exact=True).fill("For a moment")
    page.get_by_role("button", name="Create").click()
    expect(page.get_by_label("Dataset", exact=True)).to_have_value("For a moment")
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Remove this dataset").click()
    page.get_by_role("dialog").get_by_role("button", name="Remove for good").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(
        page.get_by_label("Dataset", exact=True).and_(page.locator("[value='For a moment']"))
    ).to_have_count(0)


def test_what_could_be_undone_is_forgotten_for_good(own: Server, visit: Visit) -> None:
    page = visit(own.address).page
    with_sample(page)
    expect(page.get_by_text("Last change:")).to_be_visible()
    page.get_by_role("button", name="More").click()
    page.get_by_role("button", name="Forget its history").click()
    page.get_by_role("dialog").get_by_role("button", name="Forget for good").click()
    expect(page.get_by_role("dialog")).to_have_count(0)
    expect(page.get_by_text("Last change:")).to_have_count(0)


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_nothing_grave_on_any_part(own: Server, visit: Visit, dark: bool) -> None:
    page = visit(own.address, dark=dark).page
    with_sample(page)
    found: dict[str, list[str]] = {}
    for part in PARTS:
        show(page, part)
        page.wait_for_timeout(700)
        found[part] = grave(page)
    assert {part: faults for part, faults in found.items() if faults} == {}


def test_on_a_phone_nothing_is_cut_off(own: Server, visit: Visit) -> None:
    page = visit(own.address).page
    with_sample(page)
    page.set_viewport_size({"width": 390, "height": 844})
    for part in PARTS:
        show(page, part)
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, part
