"""The form that connects a model: test it, use it in this process, save it on this machine when asked to."""

from __future__ import annotations

import threading
from collections.abc import Mapping

import streamlit as st

from app import settings as settings_module
from app.dotenv_file import read_dotenv, save_to_dotenv
from app.settings import Setting, Settings
from app.ui.amounts import took
from app.ui.connection import (
    KINDS,
    ConnectionKind,
    Tested,
    Wanted,
    applied,
    changes,
    disconnected,
    kind_in_use,
    overruled,
    test_connection,
)
from app.ui.escape import escape
from app.workspace import Workspace
from chains.model_ids import shown_url
from errors import GroundtuneError

SECRET_FIELDS = (*(f"connect_key_{kind}" for kind in KINDS), "connect_fallback_key")  # one a server
TESTED, SAID = "connect_tested", "connect_said"  # what the last button press brought
LISTING_S = 5.0  # for a list of models that nobody asked for
OWN_BROWSER = "Only a browser on this machine itself can change which model answers."


def connect_form(workspace: Workspace) -> None:
    if not at_this_machine():
        st.caption(f":material/lock: {OWN_BROWSER}")
        return
    settings = workspace.settings
    kind = st.segmented_control(
        "Where the model is",
        list(KINDS),
        format_func=lambda one: KINDS[one],
        default=kind_in_use(settings),
        required=True,
        key="connect_kind",
        on_change=_forget_result,
    )
    assert kind is not None
    with st.form("connect", enter_to_submit=False):
        _fields(kind, settings)
        _models(settings)
        _fallback(settings)
        st.checkbox("Also save to the file .env on this machine", key="connect_save", help=_save_help())
        with st.container(horizontal=True):
            st.form_submit_button("Use now", type="primary", on_click=_use, args=(workspace, kind))
            st.form_submit_button("Test the connection", on_click=_test, args=(workspace, kind))
            if workspace.chat_connected:
                st.form_submit_button("Disconnect", type="tertiary", on_click=_disconnect, args=(workspace,))
    _result()


def at_this_machine() -> bool:
    """Streamlit gives no address for a browser on the loopback."""
    return st.context.ip_address is None


def _save_help() -> str:
    return "Without it the connection ends with the program. Keys stand in that file as they are; only you can read it."


# --- the fields -----------------------------------------------------------------------------------


def _fields(kind: ConnectionKind, settings: Settings) -> None:
    if kind == "compatible":
        _address("Address of the server", settings.openai_base_url, "http://127.0.0.1:11434/v1")
        _key("Key, where the server wants one", f"connect_key_{kind}", settings.openai_api_key)
    elif kind == "azure":
        _address("Endpoint", settings.azure_openai_endpoint, "https://NAME.openai.azure.com")
        _key("Key", f"connect_key_{kind}", settings.azure_openai_api_key)
        st.text_input(
            "API version",
            value=settings.openai_api_version.value or "",
            placeholder="2024-10-21",
            key="connect_version",
        )
    else:
        _key("OpenAI key", f"connect_key_{kind}", settings.openai_api_key)


def _address(label: str, setting: Setting[str | None], example: str) -> None:
    shown = shown_url(setting.value) if setting.value else ""
    st.text_input(label, value=shown, placeholder=example, key=f"connect_url_{setting.name}")


def _key(label: str, key: str, setting: Setting[str | None]) -> None:
    placeholder = "Set; leave empty to keep it" if setting.value else ""
    st.text_input(label, type="password", key=key, placeholder=placeholder, autocomplete="new-password")


def _models(settings: Settings) -> None:
    left, right = st.columns(2)
    with left:
        _model("Chat model", "connect_chat", settings.chat_model, "The server's own choice")
    with right:
        _model("Fine-tuned model", "connect_finetuned", settings.finetuned_model, "None yet")


def _model(label: str, key: str, setting: Setting[str | None], placeholder: str) -> None:
    tested: Tested | None = st.session_state.get(TESTED)
    listed = list(tested.models) if tested else []
    known = [setting.value] if setting.value and setting.value not in listed else []
    options = [*known, *listed]
    st.selectbox(
        label,
        options,
        index=options.index(setting.value) if setting.value else None,
        accept_new_options=True,
        placeholder=placeholder,
        key=key,
        help="Test the connection to choose from the server's list, or type a name.",
    )


def _fallback(settings: Settings) -> None:
    with st.expander("When it does not answer"):
        st.caption("Another model that stands in when this one fails. The answer says so.")
        _model("Fallback model", "connect_fallback", settings.fallback_model, "None")
        _address("Address of its server, where it is another", settings.fallback_base_url, "")
        _key("Its key, where it is another", "connect_fallback_key", settings.fallback_api_key)


# --- the buttons ----------------------------------------------------------------------------------


def _wanted(kind: ConnectionKind) -> Wanted:
    def typed(name: str) -> str:
        return str(st.session_state.get(name) or "")

    address = "AZURE_OPENAI_ENDPOINT" if kind == "azure" else "OPENAI_BASE_URL"
    return Wanted(
        kind=kind,
        url=typed(f"connect_url_{address}"),
        key=typed(f"connect_key_{kind}"),
        api_version=typed("connect_version"),
        chat_model=typed("connect_chat"),
        finetuned_model=typed("connect_finetuned"),
        fallback_model=typed("connect_fallback"),
        fallback_url=typed("connect_url_GROUNDTUNE_FALLBACK_BASE_URL"),
        fallback_key=typed("connect_fallback_key"),
    )


def _test(workspace: Workspace, kind: ConnectionKind) -> None:
    """Nothing is kept; the keys stay in their fields for "Use now"."""
    _forget_result()
    try:
        settings = applied(workspace.settings, changes(_wanted(kind), workspace.settings))
        tested = test_connection(settings, kind)
    except GroundtuneError as error:
        st.session_state[SAID] = ("error", str(error))
        return
    st.session_state[TESTED] = tested
    count = len(tested.models)
    models = f" It lists {count} model{'' if count == 1 else 's'}." if kind != "azure" else ""
    st.session_state[SAID] = ("success", f"The server answered in {took(tested.ms)}.{models}")


def _use(workspace: Workspace, kind: ConnectionKind) -> None:
    _put(workspace, changes(_wanted(kind), workspace.settings), "The model is connected")
    if kind != "azure" and st.session_state[SAID][0] == "success":
        _list_models(workspace, kind)


def _list_models(workspace: Workspace, kind: ConnectionKind) -> None:
    """For the choice of a model; the connection stands also where the server gives no list."""
    try:
        st.session_state[TESTED] = test_connection(workspace.settings, kind, patience_s=LISTING_S)
    except GroundtuneError as error:
        st.session_state[SAID] = (
            "warning",
            f"{st.session_state[SAID][1]} Its models could not be listed: {error}",
        )


def _disconnect(workspace: Workspace) -> None:
    _put(workspace, disconnected(), "The model is disconnected")


def _put(workspace: Workspace, values: Mapping[str, str], done: str) -> None:
    """The keys leave the session whatever comes of it."""
    _forget_result()
    saving = bool(st.session_state.get("connect_save"))
    try:
        settings = applied(workspace.settings, values)
        if saving:
            _save(values)
        ignored = list(overruled(workspace.settings, values)) if saving else []
        workspace.reconfigure(settings)
        threading.Thread(target=workspace.connections.look_for_tuned, daemon=True).start()
    except GroundtuneError as error:
        st.session_state[SAID] = ("error", str(error))
    else:
        st.session_state[SAID] = ("success", _said(done, saving, ignored))
    finally:
        for name in SECRET_FIELDS:
            st.session_state[name] = ""


def _save(values: Mapping[str, str]) -> None:
    """What is not set is blanked where the file sets it, and else not written."""
    path = settings_module.PROJECT_ROOT / ".env"
    there = read_dotenv(path)
    for name, value in values.items():
        if value or name in there:
            save_to_dotenv(path, name, value)


def _said(done: str, saving: bool, ignored: list[str]) -> str:
    if not saving:
        return f"{done}, until the program ends."
    if ignored:
        return (
            f"{done} and saved, but the environment sets {', '.join(ignored)}, which wins at the next start."
        )
    return f"{done}, and saved to .env."


def _forget_result() -> None:
    st.session_state.pop(SAID, None)
    st.session_state.pop(TESTED, None)


def _result() -> None:
    kind, words = st.session_state.get(SAID, (None, ""))
    if kind is not None:
        tell = {"success": st.success, "warning": st.warning}.get(kind, st.error)
        tell(escape(words, longest=600))
