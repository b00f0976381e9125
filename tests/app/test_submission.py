"""What was sent off is asked once, wherever Streamlit breaks the page off to draw it anew for another event."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from streamlit.runtime.scriptrunner import RerunData, RerunException, ScriptRunner, get_script_run_ctx
from streamlit.testing.v1 import AppTest

from app.ui import session
from app.ui.comparisons import comparisons
from app.ui.conversations import conversations
from app.ui.live import live_answers
from app.ui.submission import insist
from app.workspace import Workspace
from tests.app.test_pages import SHELL, assert_sound, drawn_text, encoder, workspace
from tests.app.test_pages_compare import PAGE

__all__ = ["encoder", "workspace"]  # fixtures
OWNER = "sender"  # of no other test's questions in this process
QUESTION = "How many days of annual leave are there?"
PLACES = 400  # more than a page has
FIRST = 2  # before it, Streamlit has not told the page yet what was sent
NEAR, STEP = 24, 17  # every place up to the question's being asked, now and then one after it


@dataclass
class Breaker:
    """Breaks the page off at one of the places where Streamlit looks for other events; counts those passed."""

    at: int = PLACES
    passed: int = 0

    def look(self, runner: Any) -> None:
        context = get_script_run_ctx()
        if not runner._execing or context is None:
            return
        self.passed += 1
        if self.passed == self.at:
            raise RerunException(
                RerunData(query_string=context.query_string, page_script_hash=context.page_script_hash)
            )


@pytest.fixture
def breaker(monkeypatch: pytest.MonkeyPatch) -> Breaker:
    made = Breaker()

    def look(runner: Any) -> None:  # a function, so that it is bound to the runner
        made.look(runner)

    monkeypatch.setattr(ScriptRunner, "_maybe_handle_execution_control_request", look)
    return made


def opened(page: str | None) -> AppTest:
    app = AppTest.from_file(str(SHELL), default_timeout=30).run()
    return app.switch_page(page).run() if page else app


def sent(app: AppTest, page: str | None) -> None:
    app.chat_input(key="compare_question" if page else "question").set_value(QUESTION).run()


def in_chat() -> list[str]:
    """The questions that were asked, each with a worker behind it."""
    found = [one for held in conversations().of(OWNER, limit=1000) for one in held.exchanges]
    assert all(live_answers().get(one.key) is not None for one in found)
    return [one.question for one in found]


def in_comparisons() -> list[str]:
    found = [one for one in comparisons()._all.values() if one.owner == OWNER]
    assert all(live_answers().get(side.key) is not None for one in found for side in one.sides)
    return [one.question for one in found]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("page", "asked"),
    [pytest.param(None, in_chat, id="chat"), pytest.param(PAGE, in_comparisons, id="compare")],
)
def test_a_question_is_asked_once_wherever_the_page_is_broken_off(
    workspace: Workspace,
    breaker: Breaker,
    monkeypatch: pytest.MonkeyPatch,
    page: str | None,
    asked: Callable[[], list[str]],
) -> None:
    monkeypatch.setattr(session, "owner", lambda: OWNER)
    app = opened(page)
    breaker.passed = 0
    sent(app, page)
    places = breaker.passed
    assert 10 < places < PLACES
    known = len(asked())
    assert known == 1
    for place in (*range(FIRST, NEAR), *range(NEAR, places + 1, STEP)):
        app = opened(page)
        breaker.at, breaker.passed = place, 0
        sent(app, page)
        assert breaker.passed > place  # it was broken off there, and drawn anew
        breaker.at = PLACES
        known += 1
        assert len(asked()) == known, f"broken off at place {place} of {places}"
        assert_sound(app)
        assert QUESTION in drawn_text(app.run())


def test_insisting_ends_with_the_wish_that_broke_it_off() -> None:
    done: list[int] = []

    def act() -> None:
        done.append(len(done))
        if len(done) < 3:
            raise RerunException(RerunData(query_string=str(len(done))))

    with pytest.raises(RerunException) as broken:
        insist(act)
    assert broken.value.rerun_data.query_string == "2"
    assert done == [0, 1, 2]
