"""Compare: the same question in several modes; what happens to one does not reach the others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from app.settings import load_settings
from app.ui.comparison_view import tally_words
from app.ui.comparisons import NONE, TIE, Comparisons, comparisons
from app.ui.live import live_answers
from app.workspace import Workspace
from tests.app.test_pages import OWNER, SHELL, assert_sound, drawn_text, encoder, fill_disk, words, workspace
from tests.loopback.openai_server import LoopbackServer, Scripted, serve_openai

__all__ = ["encoder", "workspace"]  # fixtures
PAGE = "../pages/compare.py"


@pytest.fixture
def model() -> Iterator[LoopbackServer]:
    with serve_openai(answer=_only_with_passages) as server:
        yield server


def _only_with_passages(body: dict[str, Any]) -> Scripted:
    if "27 days" in str(body["messages"]):
        return Scripted(text="Twenty-seven days [1].")
    return Scripted(status=401, error_message="no")


@pytest.fixture
def compare(workspace: Workspace, model: LoopbackServer) -> AppTest:
    """The page with base and RAG able to run."""
    environment = {"GROUNDTUNE_HOME": str(workspace.settings.home.value), "OPENAI_BASE_URL": model.url}
    workspace.reconfigure(load_settings(environment, dotenv_path=None))
    return opened()


def opened() -> AppTest:
    app = AppTest.from_file(str(SHELL), default_timeout=30).run()
    app.switch_page(PAGE).run()
    assert_sound(app)
    return app


def ask(app: AppTest, question: str) -> AppTest:
    app.chat_input(key="compare_question").set_value(question).run()
    mine = comparisons().find(app.query_params["x"], OWNER)
    assert mine is not None
    for side in mine.sides:
        live = live_answers().get(side.key)
        assert live is not None
        assert live.wait(60)
    app.run()
    assert not app.exception
    return app


def test_modes_that_cannot_run_say_what_they_need(workspace: Workspace) -> None:
    app = opened()
    assert {box.label: (box.value, box.disabled) for box in app.checkbox} == {
        "Base": (False, True),
        "RAG": (True, False),
        "Fine-tuned": (False, True),
        "Hybrid": (False, True),
    }
    assert "OPENAI_API_KEY" in words(app)


def test_a_mode_that_fails_does_not_disturb_the_other(compare: AppTest) -> None:
    ask(compare, "How many days of annual leave are there?")
    assert len(compare.error) == 1, [one.value for one in compare.error]
    assert "Twenty-seven days" in drawn_text(compare)
    assert [one.label for one in compare.button if (one.key or "").startswith("vote_")] == [
        "RAG",
        "None of them",
    ]


def test_a_vote_is_kept_and_counted_once(
    compare: AppTest, model: LoopbackServer, workspace: Workspace
) -> None:
    model.then(*["Twenty-seven days [1]."] * 2)
    ask(compare, "How many days of annual leave are there?")
    assert_sound(compare)
    for name in ("vote_rag", "vote_base"):
        compare.button(key=name).click().run()
        assert_sound(compare)
    mine = comparisons().find(compare.query_params["x"], OWNER)
    assert mine is not None
    assert mine.vote == "base"
    assert "1 vote so far: Base 1." in words(compare)
    (kept,) = workspace.records.votes.all("default", owner=OWNER)
    assert (kept.question, kept.modes, kept.winner) == (mine.question, ("base", "rag"), "base")
    assert [answer.text[:17] for answer in kept.answers if answer] == ["Twenty-seven days"] * 2


def test_nothing_ticked_is_nothing_asked(compare: AppTest) -> None:
    for box in compare.checkbox:
        if box.value:
            box.uncheck()
    compare.run()
    assert compare.chat_input(key="compare_question").disabled


def test_a_comparison_is_found_by_its_browser_only() -> None:
    all_of_them = Comparisons(kept=2)
    first = all_of_them.begin("me", "Q", knowledge_base="sample", modes=("rag",))
    assert all_of_them.find(first.comparison_id, "me") == first
    assert all_of_them.find(first.comparison_id, "you") is None
    for _ in range(2):
        all_of_them.begin("me", "Q", knowledge_base="sample", modes=("rag",))
    assert all_of_them.find(first.comparison_id, "me") is None


def test_a_comparison_that_is_no_longer_kept_says_so(workspace: Workspace) -> None:
    app = AppTest.from_file(str(SHELL), default_timeout=30)
    app.switch_page(PAGE)
    app.query_params["x"] = "of-an-earlier-process"
    app.run()
    assert_sound(app)
    assert "This comparison is no longer kept: ask again." in words(app)


def test_a_vote_that_cannot_be_kept_says_so(compare: AppTest, workspace: Workspace) -> None:
    ask(compare, "How many days of annual leave are there?")
    fill_disk(workspace, "votes")
    compare.button(key="vote_rag").click().run()
    assert not compare.exception
    assert "disk is full" in compare.toast[0].value
    mine = comparisons().find(compare.query_params["x"], OWNER)
    assert mine is not None
    assert mine.vote is None


@pytest.mark.parametrize(
    ("tally", "sentence"),
    [
        ({}, "No votes yet."),
        ({"rag": 1}, "1 vote so far: RAG 1."),
        ({"rag": 2, TIE: 1, NONE: 3, "base": 1}, "7 votes so far: Base 1, RAG 2, alike 1, none 3."),
    ],
)
def test_the_tally_in_words(tally: dict[str, int], sentence: str) -> None:
    assert tally_words(tally) == sentence
