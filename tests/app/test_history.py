"""The sidebar's conversations and the thumbs, on the real page over real records."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from app.records.entries import Scope
from app.ui.comparisons import comparisons
from app.ui.conversations import Conversation, Exchange, conversations
from app.ui.history import SHOWN
from app.ui.live import live_answers
from app.workspace import TENANT, Workspace
from chains.answer import Answer
from tests.app.test_pages import OWNER, SHELL, assert_sound, drawn_text, encoder, page, words, workspace

__all__ = ["encoder", "page", "workspace"]  # fixtures
MINE = Scope(tenant=TENANT, owner=OWNER)


def talk(*questions: str, owner: str = OWNER) -> Conversation:
    made = conversations().begin(owner)
    for question in questions:
        answer = Answer(text=f"Answer to {question}", mode="rag", model="local:made")
        exchange = made.ask(question, mode="rag", knowledge_base="sample")
        assert made.answer(exchange, lambda found=answer: iter([found])).wait(10)
    return made


def titles(app: AppTest) -> list[str]:
    return [
        one.label.replace("\\", "").replace("\u2060", "")
        for one in app.button
        if (one.key or "").startswith("history_") and one.key not in ("history_more", "history_delete_all")
    ]


def choose(app: AppTest, made: Conversation, option: str) -> AppTest:
    menu = next(one for one in app.get("menu_button") if one.key == f"talkmenu_{made.conversation_id}")
    menu.set_value(option).run() if hasattr(menu, "set_value") else pytest.fail(str(dir(menu)))
    return app


@pytest.fixture(autouse=True)
def _nothing_in_memory() -> Iterator[None]:
    live_answers().forget("")
    yield


def test_who_has_asked_nothing_sees_no_list(page: AppTest) -> None:
    assert titles(page) == []
    assert "history_query" not in [one.key for one in page.text_input]


def test_the_list_shows_the_latest_and_more_on_request(workspace: Workspace) -> None:
    for number in range(SHOWN + 3):
        talk(f"Question {number}")
    talk("Of another", owner="another")
    app = AppTest.from_file(str(SHELL), default_timeout=30).run()
    assert_sound(app)
    assert titles(app) == [f"Question {number}" for number in range(SHOWN + 2, 2, -1)]
    app.button(key="history_more").click().run()
    assert titles(app)[-1] == "Question 0"


def test_an_earlier_conversation_opens_whole_after_a_restart(workspace: Workspace) -> None:
    made = talk("One", "Two")
    live_answers().forget("")
    app = AppTest.from_file(str(SHELL), default_timeout=30).run()
    app.button(key=f"history_{made.conversation_id}").click().run()
    assert_sound(app)
    for text in ("One", "Two", "Answer to One", "Answer to Two"):
        assert text in drawn_text(app)


def test_a_search_finds_words_and_opens_the_exchange(workspace: Workspace) -> None:
    made = talk("How are ovens calibrated?", "And *fridges*?")
    talk("Something else")
    app = AppTest.from_file(str(SHELL), default_timeout=30).run()
    app.text_input(key="history_query").set_value("frid").run()
    assert_sound(app)
    assert titles(app) == ["How are ovens calibrated?"]
    assert "And ***fridges***?" in words(app), (
        "the word found is bold, the asterisks of the question are text"
    )
    app.button(key=f"history_{made.exchanges[1].exchange_id}").click().run()
    assert_sound(app)
    assert "Answer to And" in drawn_text(app)
    app.text_input(key="history_query").set_value("nowhere").run()
    assert "Nothing in your conversations holds all these words." in words(app)


def test_renaming(workspace: Workspace) -> None:
    made = talk("One")
    app = AppTest.from_file(str(SHELL), default_timeout=30).run()
    choose(app, made, "Rename")
    app.text_input(key="rename_to").set_value("My :smile: $name$")
    app.button(key="rename_save").click().run()
    assert_sound(app)
    assert titles(app.run()) == ["My :smile: $name$"]


def test_deleting_asks_first(workspace: Workspace) -> None:
    made, other = talk("One", "Two"), talk("Other")
    app = AppTest.from_file(str(SHELL), default_timeout=30).run()
    app.button(key=f"history_{made.conversation_id}").click().run()
    choose(app, made, "Delete")
    assert "**One**, with 2 questions and all answers, is deleted for good." in words(app)
    app.button(key="delete_no").click().run()
    assert conversations().find(made.conversation_id, OWNER) is not None
    choose(app, made, "Delete")
    app.button(key="delete_yes").click().run()
    assert_sound(app)
    assert conversations().find(made.conversation_id, OWNER) is None
    app.run()
    assert titles(app) == ["Other"]
    assert "Answer to One" not in drawn_text(app), "the page that showed it is empty"
    assert other.exchanges


def test_all_of_an_owner_can_be_deleted(workspace: Workspace) -> None:
    made, theirs = talk("One"), talk("Theirs", owner="another")
    workspace.records.feedback.give(MINE, made.exchanges[0].key, rating="up")
    app = AppTest.from_file(str(SHELL), default_timeout=30).run()
    app.button(key="history_delete_all").click().run()
    app.button(key="delete_all_yes").click().run()
    assert_sound(app)
    assert conversations().of(OWNER) == []
    assert workspace.records.feedback.list(MINE) == ()
    assert conversations().find(theirs.conversation_id, "another") is not None


def test_comparisons_of_an_owner_are_deleted_with_all_else(workspace: Workspace) -> None:
    mine = comparisons().begin(OWNER, "Q", knowledge_base="sample", modes=("rag",))
    theirs = comparisons().begin("another", "Q", knowledge_base="sample", modes=("rag",))
    answer = Answer(text="Secret", mode="rag", model="local:made")
    assert live_answers().start(mine.sides[0].key, lambda: iter([answer])).wait(10)
    conversations().delete_all(OWNER)
    assert comparisons().find(mine.comparison_id, OWNER) is None
    assert mine.sides[0].snapshot() is None
    assert comparisons().find(theirs.comparison_id, "another") == theirs


def test_an_export_is_offered_in_three_forms(workspace: Workspace) -> None:
    made = talk("One")
    app = AppTest.from_file(str(SHELL), default_timeout=30).run()
    choose(app, made, "Export")
    assert_sound(app)
    assert [one.proto.label for one in app.get("download_button")] == ["Markdown", "Word (DOCX)", "JSON"]


# --- thumbs ---------------------------------------------------------------------------------------


def thumbs() -> None:
    import streamlit as st

    from app.ui.conversations import conversations
    from app.ui.feedback import draw_feedback

    talk = conversations().find(st.query_params["c"], "browser")
    assert talk is not None
    exchange = talk.exchanges[0]
    now = exchange.snapshot()
    assert now is not None
    assert now.answer is not None
    draw_feedback(exchange, now.answer)


@pytest.fixture
def rated(workspace: Workspace) -> tuple[AppTest, Exchange]:
    made = talk("One")
    app = AppTest.from_function(thumbs, default_timeout=30)
    app.query_params["c"] = made.conversation_id
    return app.run(), made.exchanges[0]


def test_a_thumb_is_kept_and_taken_back(rated: tuple[AppTest, Exchange], workspace: Workspace) -> None:
    app, exchange = rated
    feedback = workspace.records.feedback
    assert [one.label for one in app.button] == ["Good", "Bad"]
    app.button(key=f"thumb_up_{exchange.key}").click().run()
    given = feedback.of(MINE, exchange.key)
    assert given is not None
    assert (given.rating, given.reason) == ("up", None)
    app.button(key=f"thumb_down_{exchange.key}").click().run()
    given = feedback.of(MINE, exchange.key)
    assert given is not None
    assert given.rating == "down"
    app.button(key=f"thumb_down_{exchange.key}").click().run()
    assert feedback.of(MINE, exchange.key) is None
    assert not app.exception


def test_a_reason_and_a_correction_are_kept(rated: tuple[AppTest, Exchange], workspace: Workspace) -> None:
    app, exchange = rated
    app.button(key=f"thumb_down_{exchange.key}").click().run()
    app.radio[0].set_value("incomplete")
    comment, correction = app.text_area
    comment.set_value("Part-timers are missing.")
    correction.set_value("27 days, part-timers pro rata.")
    next(one for one in app.button if one.label == "Save").click().run()
    assert not app.exception
    given = workspace.records.feedback.of(MINE, exchange.key)
    assert given is not None
    assert (given.reason, given.comment, given.correction) == (
        "incomplete",
        "Part-timers are missing.",
        "27 days, part-timers pro rata.",
    )
    taught = next(workspace.records.feedback.training_examples(TENANT, owner=None))
    assert taught["messages"][-1]["content"] == "27 days, part-timers pro rata."


def test_a_thumb_on_an_answer_deleted_meanwhile_says_so(rated: tuple[AppTest, Exchange]) -> None:
    app, exchange = rated
    button = app.button(key=f"thumb_up_{exchange.key}")
    conversations().delete(exchange.exchange_id.split("-", 1)[0], OWNER)
    talk("Another, so that the page can be drawn")
    app.query_params["c"] = conversations().of(OWNER)[0].conversation_id
    button.click().run()
    assert not app.exception
    assert "cannot be rated" in app.toast[0].value
