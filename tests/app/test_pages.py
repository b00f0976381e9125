"""The pages on a real workspace: a small knowledge base, the embedded engine, no browser."""

from __future__ import annotations

import contextlib
import json
import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.cursor import RunningCursor
from streamlit.delta_generator import DeltaGenerator
from streamlit.delta_generator_singletons import context_dg_stack
from streamlit.runtime.scriptrunner import RerunData, ScriptRunner
from streamlit.testing.v1 import AppTest

from app import workspace as workspace_module
from app.settings import load_settings
from app.ui import session
from app.ui.conversations import conversations
from app.ui.live import live_answers
from app.workspace import Workspace
from local.encoder import MiniLMEncoder

SHELL = Path(__file__).parents[2] / "app" / "ui" / "shell.py"
SOON_S = 60.0
OWNER = "browser"
LEAVE = """# Leave policy

Every employee has 27 days of paid annual leave a year.

## Carry-over

Up to five days of leave may be carried over into the next year. They must be used by 31 March.
"""
TRAVEL = "# Travel policy\n\nHotels in Lisbon are paid up to 140 euros a night, breakfast included.\n"


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> MiniLMEncoder:
    return MiniLMEncoder(cache_dir=tmp_path_factory.mktemp("models"), precision="fp32", threads=2)


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, encoder: MiniLMEncoder) -> Iterator[Workspace]:
    """The process's workspace: a sample of two documents under a home of its own."""
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "leave.md").write_text(LEAVE, "utf-8")
    (tmp_path / "files" / "travel.md").write_text(TRAVEL, "utf-8")
    starters = tmp_path / "starters.json"
    starters.write_text(json.dumps(["How many days of annual leave are there?", "Two?", "Three $?"]), "utf-8")
    monkeypatch.setattr(workspace_module, "SAMPLE_DOCUMENTS", tmp_path / "files")
    monkeypatch.setattr(workspace_module, "SAMPLE_STARTERS", starters)
    made = Workspace(load_settings({"GROUNDTUNE_HOME": str(tmp_path / "home")}, dotenv_path=None))
    made.__dict__["_built_encoder"] = encoder
    monkeypatch.setattr(workspace_module, "_process_workspace", made)
    monkeypatch.setattr(session, "owner", lambda: OWNER)  # Streamlit's test runtime has no cookies
    made.ensure_sample()
    yield made
    made.close()


@pytest.fixture
def page(workspace: Workspace) -> AppTest:
    app = AppTest.from_file(str(SHELL), default_timeout=30).run()
    assert_sound(app)
    return app


def assert_sound(app: AppTest) -> None:
    assert not app.exception, [one.message for one in app.exception]
    assert not app.error, [one.value for one in app.error]


def words(app: AppTest) -> str:
    kinds = (app.title, app.subheader, app.markdown, app.caption, app.info)
    return "\n".join(str(one.value) for kind in kinds for one in kind).replace("\\", "")


def drawn_text(app: AppTest) -> str:
    """What the rich text components were given to draw."""

    def found(node: Any) -> Iterator[str]:
        for child in getattr(node, "children", {}).values():
            yield from found(child)
        proto = getattr(node, "proto", None)
        if proto is not None and "bidi" in type(proto).__name__.lower():
            yield str(proto)

    return "\n".join(found(app._tree))


def fill_disk(workspace: Workspace, table: str) -> None:
    """From here on nothing can be added to this table of the records."""
    with contextlib.closing(sqlite3.connect(workspace.records.database.path)) as database:
        database.execute(
            f"CREATE TRIGGER full BEFORE INSERT ON {table} "
            "BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END"
        )


def finish(app: AppTest) -> AppTest:
    """Waits for the running answer as the page's own timer would, then draws it."""
    mine = conversations().of(OWNER)[0].exchanges[-1]
    live = live_answers().get(mine.key)
    assert live is not None
    assert live.wait(SOON_S)
    app.run()
    assert_sound(app)
    return app


def ask(app: AppTest, question: str) -> AppTest:
    app.chat_input(key="question").set_value(question).run()
    return finish(app)


def test_the_first_page_teaches_and_offers_three_questions(page: AppTest) -> None:
    assert page.title[0].value == "Ask the sample company"
    assert [
        button.label.replace("\\", "") for button in page.button if (button.key or "").startswith("starter")
    ] == [
        "How many days of annual leave are there?",
        "Two?",
        "Three $?",
    ]
    assert "2 documents are loaded, those of an invented company" in words(page)


def test_modes_that_cannot_run_are_disabled_with_the_reason(page: AppTest) -> None:
    switch = {button.label: button for button in page.button if (button.key or "").startswith("mode_")}
    assert {label: button.disabled for label, button in switch.items()} == (
        {"Base": True, "RAG": False, "Fine-tuned": True, "Hybrid": True}
    )
    assert "OPENAI_API_KEY" in switch["Base"].help
    assert words(page).count("Cannot run yet.") == 3


def test_an_example_question_is_answered_with_a_source(page: AppTest) -> None:
    page.button(key="starter_0").click().run()
    finish(page)
    assert "27 days" in drawn_text(page)
    cites = [button for button in page.button if (button.key or "").startswith("cite_")]
    assert cites
    assert "Leave policy" in cites[0].label
    assert page.query_params["c"] == conversations().of(OWNER)[0].conversation_id


def test_a_source_opens_the_evidence_and_closes(page: AppTest) -> None:
    ask(page, "How many days of annual leave are there?")
    next(button for button in page.button if (button.key or "").startswith("cite_")).click().run()
    assert_sound(page)
    assert "mark" in drawn_text(page)
    assert "Every employee has 27 days of paid annual leave a year." in drawn_text(page)
    page.button(key="evidence_close").click().run()
    assert "evidence_close" not in [button.key for button in page.button]


def test_what_is_not_there_is_said_with_the_nearest_misses(page: AppTest) -> None:
    ask(page, "What is the boiling point of mercury at sea level?")
    assert "Not in your documents" in words(page)
    misses = [button for button in page.button if (button.key or "").startswith("miss_")]
    assert misses
    misses[0].click().run()
    assert_sound(page)
    assert "Nearest miss" in words(page)


def test_why_this_answer_shows_timings_passages_and_the_receipt(page: AppTest) -> None:
    ask(page, "How many days of annual leave are there?")
    next(button for button in page.button if (button.key or "").startswith("why_")).click().run()
    assert_sound(page)
    assert "Total" in [metric.label for metric in page.metric]
    assert "generation" in json.loads(page.code[0].value)


def test_another_page_and_back_keeps_the_conversation(page: AppTest) -> None:
    ask(page, "How many days of annual leave are there?")
    page.switch_page("../pages/settings.py").run()
    page.switch_page("../pages/chat.py").run()
    assert_sound(page)
    assert "27 days" in drawn_text(page)
    next(button for button in page.button if button.label == "New conversation").click().run()
    assert page.title[0].value == "Ask the sample company"


def test_the_address_of_a_conversation_brings_it_back(page: AppTest) -> None:
    ask(page, "How many days of annual leave are there?")
    reloaded = AppTest.from_file(str(SHELL), default_timeout=30)
    reloaded.query_params["c"] = page.query_params["c"]
    assert "27 days" in drawn_text(reloaded.run())


def test_knowledge_lists_what_is_there_and_the_doctor_is_content(page: AppTest) -> None:
    page.switch_page("../pages/knowledge.py").run()
    assert_sound(page)
    assert {metric.label: metric.value for metric in page.metric}["Documents"] == "2"
    assert sorted(page.dataframe[0].value["State"]) == ["Searchable", "Searchable"]
    page.button(key="doctor_check").click().run()
    assert [one.value for one in page.success] == ["Everything is in order."]


def test_a_new_knowledge_base_is_made_and_opened(page: AppTest, workspace: Workspace) -> None:
    page.switch_page("../pages/knowledge.py").run()
    page.text_input[0].set_value("Contracts :smile: $1")
    next(button for button in page.button if button.label == "Create").click().run()
    assert_sound(page)
    assert page.session_state["knowledge_base"] == "Contracts :smile: $1"
    assert workspace.has_knowledge_base("Contracts :smile: $1")
    assert "Nothing here yet" in words(page)


def test_a_name_that_is_taken_is_one_sentence(page: AppTest) -> None:
    page.switch_page("../pages/knowledge.py").run()
    page.text_input[0].set_value("SAMPLE")
    next(button for button in page.button if button.label == "Create").click().run()
    assert not page.exception
    assert [one.value.replace("\\", "") for one in page.error] == [
        "A knowledge base named 'SAMPLE' exists already."
    ]


def test_a_document_that_is_gone_leaves_its_quote(page: AppTest, workspace: Workspace) -> None:
    ask(page, "How many days of annual leave are there?")
    base = workspace.knowledge_base("sample")
    base.remove([one.document_id for one in base.documents() if "leave" in one.document_id])
    next(button for button in page.button if (button.key or "").startswith("cite_")).click().run()
    assert_sound(page)
    assert "no longer in the knowledge base" in words(page)
    assert "Every employee has 27 days" in drawn_text(page)


def test_settings_say_what_answers_and_hide_keys(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = "sk-canary-4711"
    environment = {"GROUNDTUNE_HOME": str(workspace.settings.home.value), "OPENAI_API_KEY": secret}
    monkeypatch.setattr(workspace, "settings", load_settings(environment, dotenv_path=None))
    app = AppTest.from_file(str(SHELL), default_timeout=30).run()
    app.switch_page("../pages/settings.py").run()
    assert_sound(app)
    shown = app.dataframe[0].value
    row = shown[shown["Name"] == "OPENAI_API_KEY"].iloc[0]
    assert (row["Value"], row["Set by"]) == ("set (hidden)", "environment")
    assert secret not in words(app) + shown.to_string() + str(app._tree)


def test_no_knowledge_base_at_all_is_an_empty_page_that_helps(workspace: Workspace) -> None:
    workspace.remove_knowledge_base("sample")
    shutil.rmtree(workspace.settings.home.value / "tenants", ignore_errors=True)
    app = AppTest.from_file(str(SHELL), default_timeout=30).run()
    assert_sound(app)
    assert app.title[0].value == "Bring your first documents"
    app.switch_page("../pages/knowledge.py").run()
    assert_sound(app)
    assert app.title[0].value == "Knowledge"


def test_a_model_that_is_missing_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workspace: Workspace
) -> None:
    environment = {
        "GROUNDTUNE_HOME": str(workspace.settings.home.value),
        "GROUNDTUNE_EMBEDDING_DIR": str(tmp_path),
    }
    bare = Workspace(load_settings(environment, dotenv_path=None))
    monkeypatch.setattr(workspace_module, "_process_workspace", bare)
    app = AppTest.from_file(str(SHELL), default_timeout=30).run()
    assert not app.exception
    assert len(app.error) == 1
    assert "GROUNDTUNE_EMBEDDING_DIR" in app.error[0].value.replace("\\", "")


def test_a_page_drawn_by_the_thread_of_a_fragment_begins_at_the_top(
    page: AppTest, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Streamlit leaves a fragment's container open on its thread, which draws the next page if a click is waiting."""
    run_script = ScriptRunner._run_script

    def after_a_fragment(runner: ScriptRunner, data: RerunData) -> None:
        fragment = DeltaGenerator(cursor=RunningCursor(root_container=0, parent_path=(7, 1)))
        context_dg_stack.set((*context_dg_stack.get(), fragment))
        run_script(runner, data)

    monkeypatch.setattr(ScriptRunner, "_run_script", after_a_fragment)
    after = AppTest.from_file(str(SHELL), default_timeout=30).run()
    assert_sound(after)
    assert after.main.children.keys() == page.main.children.keys()
