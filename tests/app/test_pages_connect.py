"""Connecting a model on the settings page: tested, used in this process, saved when asked; keys stay unseen."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from app import settings as settings_module
from app.settings import Settings, load_settings
from app.ui import connect_form
from app.ui.connection import Wanted, applied, changes, kind_in_use, overruled
from app.workspace import Workspace
from tests.app.test_pages import SHELL, assert_sound, encoder, words, workspace
from tests.loopback.openai_server import LoopbackServer, serve_openai

__all__ = ["encoder", "workspace"]  # fixtures
SECRET = "sk-canary-4711"
OTHER = "http://127.0.0.1:9/v1"


def given(**environment: str) -> Settings:
    return load_settings(environment, dotenv_path=Path("no such file"))


# --- what a form means ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("before", "wanted", "expected"),
    [
        ({}, Wanted(kind="openai", key=SECRET), {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": ""}),
        ({}, Wanted(kind="compatible", url=f"{OTHER}/ "), {"OPENAI_API_KEY": "", "OPENAI_BASE_URL": OTHER}),
        (
            {"OPENAI_API_KEY": SECRET},
            Wanted(kind="openai", chat_model="gpt-x"),
            {"OPENAI_API_KEY": SECRET, "GROUNDTUNE_CHAT_MODEL": "openai:gpt-x"},
        ),
        (
            {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": OTHER},
            Wanted(kind="compatible", url=OTHER, chat_model="llama3.2:3b"),
            {"OPENAI_API_KEY": SECRET, "GROUNDTUNE_CHAT_MODEL": "compatible:llama3.2:3b"},
        ),
        (
            {"OPENAI_BASE_URL": "http://user:pw@127.0.0.1:9/v1"},
            Wanted(kind="compatible", url=OTHER),
            {"OPENAI_BASE_URL": "http://user:pw@127.0.0.1:9/v1"},
        ),
        (
            {},
            Wanted(
                kind="azure",
                url="https://x.openai.azure.com",
                key=SECRET,
                chat_model="mine",
                api_version="2024-10-21",
            ),
            {
                "AZURE_OPENAI_ENDPOINT": "https://x.openai.azure.com",
                "AZURE_OPENAI_API_KEY": SECRET,
                "OPENAI_API_VERSION": "2024-10-21",
                "GROUNDTUNE_CHAT_MODEL": "azure:mine",
            },
        ),
        (
            {},
            Wanted(kind="openai", fallback_model="llama", fallback_url=OTHER, finetuned_model="ft:gpt:me::1"),
            {
                "GROUNDTUNE_FALLBACK_MODEL": "compatible:llama",
                "GROUNDTUNE_FALLBACK_BASE_URL": OTHER,
                "GROUNDTUNE_FINETUNED_MODEL": "openai:ft:gpt:me::1",
            },
        ),
    ],
)
def test_what_was_typed_becomes_settings(
    before: dict[str, str], wanted: Wanted, expected: dict[str, str]
) -> None:
    settings = given(**before)
    values = changes(wanted, settings)
    assert {name: values[name] for name in expected} == expected
    applied(settings, values)


@pytest.mark.parametrize(
    ("before", "wanted"),
    [
        ({"OPENAI_API_KEY": SECRET}, Wanted(kind="compatible", url=OTHER)),
        ({"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": OTHER}, Wanted(kind="openai")),
        (
            {"OPENAI_API_KEY": SECRET, "OPENAI_BASE_URL": OTHER},
            Wanted(kind="compatible", url="http://10.0.0.1/v1"),
        ),
        (
            {"AZURE_OPENAI_API_KEY": SECRET, "AZURE_OPENAI_ENDPOINT": "https://a.openai.azure.com"},
            Wanted(kind="azure", url="https://b.openai.azure.com"),
        ),
        (
            {"GROUNDTUNE_FALLBACK_API_KEY": SECRET, "GROUNDTUNE_FALLBACK_BASE_URL": OTHER},
            Wanted(kind="openai", fallback_url="http://10.0.0.1/v1"),
        ),
    ],
)
def test_a_key_never_goes_along_to_another_server(before: dict[str, str], wanted: Wanted) -> None:
    assert SECRET not in changes(wanted, given(**before)).values()


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({}, "openai"),
        ({"OPENAI_BASE_URL": OTHER}, "compatible"),
        ({"GROUNDTUNE_CHAT_MODEL": "azure:mine", "OPENAI_BASE_URL": OTHER}, "azure"),
    ],
)
def test_the_form_opens_at_what_is_in_use(environment: dict[str, str], kind: str) -> None:
    assert kind_in_use(given(**environment)) == kind


def test_what_the_environment_sets_is_named() -> None:
    assert list(overruled(given(OPENAI_API_KEY="k"), {"OPENAI_API_KEY": "n", "OPENAI_BASE_URL": ""})) == (
        ["OPENAI_API_KEY"]
    )


# --- on the page ----------------------------------------------------------------------------------


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve_openai(key=SECRET, models=("small-chat", "ft:tuned")) as running:
        yield running


def test_a_browser_of_another_machine_may_not_change_the_model(workspace: Workspace) -> None:
    """Streamlit's test runtime gives an address, as a browser elsewhere has one."""
    app = AppTest.from_file(str(SHELL), default_timeout=30).run()
    app.switch_page("../pages/settings.py").run()
    assert_sound(app)
    assert "Only a browser on this machine itself" in words(app)
    assert not app.text_input


@pytest.fixture
def page(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> AppTest:
    monkeypatch.setattr(connect_form, "at_this_machine", lambda: True)
    app = AppTest.from_file(str(SHELL), default_timeout=30).run()
    app.switch_page("../pages/settings.py").run()
    assert_sound(app)
    app.segmented_control(key="connect_kind").set_value("compatible").run()
    return app


def press(app: AppTest, label: str) -> AppTest:
    next(button for button in app.button if button.label == label).click().run()
    assert not app.exception
    return app


def fill(app: AppTest, server: LoopbackServer, key: str = SECRET) -> AppTest:
    app.text_input(key="connect_url_OPENAI_BASE_URL").set_value(server.url)
    app.text_input(key="connect_key_compatible").set_value(key)
    return app


def said(app: AppTest) -> str:
    return "\n".join(str(one.value) for one in (*app.success, *app.error)).replace("\\", "")


def test_testing_lists_the_models_and_changes_nothing(
    page: AppTest, server: LoopbackServer, workspace: Workspace
) -> None:
    press(fill(page, server), "Test the connection")
    assert "It lists 2 models." in said(page)
    assert page.selectbox(key="connect_finetuned").options == ["small-chat", "ft:tuned"]
    assert workspace.settings.openai_base_url.value is None


def test_a_tuned_model_that_the_server_lists_opens_its_modes(
    page: AppTest, server: LoopbackServer, workspace: Workspace
) -> None:
    assert workspace.connections.missing("finetuned") is not None
    press(fill(page, server), "Use now")
    for _ in range(100):  # it is asked beside the page
        if workspace.connections.missing("finetuned") is None:
            break
        time.sleep(0.1)
    assert workspace.connections.tuned_id == "compatible:ft:tuned"


def test_using_it_keeps_it_for_the_process_and_lets_go_of_the_key(
    page: AppTest, server: LoopbackServer, workspace: Workspace
) -> None:
    press(fill(page, server), "Use now")
    assert said(page) == "The model is connected, until the program ends."
    assert workspace.settings.openai_api_key.value == SECRET
    assert page.text_input(key="connect_key_compatible").value == ""
    assert SECRET not in str(page._tree) + words(page)
    assert SECRET not in repr(page.session_state)
    assert not (settings_module.PROJECT_ROOT / ".env").exists()
    press(page, "Disconnect")
    assert workspace.settings.openai_api_key.value is None
    assert not workspace.chat_connected


def test_using_it_lists_the_models_that_the_server_has(page: AppTest, server: LoopbackServer) -> None:
    press(fill(page, server), "Use now")
    assert page.selectbox(key="connect_chat").options == ["small-chat", "ft:tuned"]


def test_a_server_that_lists_nothing_is_connected_and_told_so(page: AppTest, workspace: Workspace) -> None:
    page.text_input(key="connect_url_OPENAI_BASE_URL").set_value(OTHER)
    press(page, "Use now")
    assert workspace.chat_connected
    assert "could not be listed" in next(one.value for one in page.warning)


def test_the_settings_page_does_not_send_to_itself(page: AppTest) -> None:
    assert "on the Settings page" not in words(page)
    assert "in the form above" in words(page)


def test_saving_writes_the_file_for_its_user_alone(
    page: AppTest,
    server: LoopbackServer,
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(settings_module, "PROJECT_ROOT", tmp_path)
    dotenv = tmp_path / ".env"
    dotenv.write_text("# mine\nGROUNDTUNE_CHAT_MODEL=openai:old\n", "utf-8")
    page.checkbox(key="connect_save").check()
    press(fill(page, server), "Use now")
    assert "saved" in said(page)
    loaded = load_settings({}, dotenv_path=dotenv)
    assert (loaded.openai_api_key.value, loaded.openai_base_url.value, loaded.chat_model.value) == (
        (SECRET, server.url, None)
    )
    assert dotenv.read_text("utf-8").startswith("# mine\n")
    assert dotenv.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize(
    ("url", "key", "sentence"),
    [
        (None, "wrong-key", "key"),
        ("ftp://x", SECRET, "does not start with http"),
        (None, "two words", "copy it again"),
    ],
)
def test_what_does_not_work_is_one_sentence_without_the_key(
    page: AppTest, server: LoopbackServer, url: str | None, key: str, sentence: str
) -> None:
    fill(page, server, key)
    if url:
        page.text_input(key="connect_url_OPENAI_BASE_URL").set_value(url)
    press(page, "Test the connection")
    assert len(page.error) == 1
    assert sentence in said(page)
    assert key not in said(page)
