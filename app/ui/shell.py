"""The script that Streamlit runs: navigation and sidebar round the pages of app/pages."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from streamlit.delta_generator_singletons import context_dg_stack, get_default_dg_stack_value

from app.ui.escape import escape
from app.ui.style import apply_style
from app.workspace import Workspace, open_workspace
from errors import GroundtuneError

if TYPE_CHECKING:
    from streamlit.navigation.page import Page

PAGES = Path(__file__).resolve().parent.parent / "pages"
ASSETS = Path(__file__).resolve().parent / "assets"


def main() -> None:
    _begin_at_the_top()
    st.set_page_config(page_title="Groundtune", page_icon=str(ASSETS / "mark.svg"), layout="wide")
    apply_style()
    st.logo(str(ASSETS / "logo.svg"), icon_image=str(ASSETS / "mark.svg"), size="large")
    page = st.navigation(
        [
            st.Page(PAGES / "chat.py", title="Chat", icon=":material/forum:", default=True),
            st.Page(PAGES / "compare.py", title="Compare", icon=":material/splitscreen_vertical_add:"),
            st.Page(PAGES / "knowledge.py", title="Knowledge", icon=":material/library_books:"),
            st.Page(PAGES / "training.py", title="Training data", icon=":material/model_training:"),
            st.Page(PAGES / "jobs.py", title="Fine-tuning", icon=":material/school:"),
            st.Page(PAGES / "advisor.py", title="Advisor", icon=":material/explore:"),
            st.Page(PAGES / "evaluation.py", title="Evaluation", icon=":material/balance:"),
            st.Page(PAGES / "settings.py", title="Settings", icon=":material/tune:"),
        ]
    )
    try:
        _draw(page)
    except GroundtuneError as error:
        st.error(escape(str(error), longest=600), icon=":material/error:")


def _begin_at_the_top() -> None:
    """A click that arrives while a fragment runs is answered by the thread that ran it. Streamlit leaves the fragment's
    container open there: the page would be drawn into it, and the browser, which no longer has it, shows nothing.
    """
    context_dg_stack.set(get_default_dg_stack_value())


def _draw(page: Page) -> None:
    workspace = open_workspace()
    with st.sidebar:
        choose_knowledge_base(workspace)
    page.run()
    with st.sidebar:
        st.caption(f":material/bolt: {escape(workspace.engine_label)}")


def choose_knowledge_base(workspace: Workspace) -> None:
    """Keeps `st.session_state.knowledge_base` at one that exists."""
    infos = workspace.knowledge_bases()
    for info in infos:
        if info.problem:
            st.warning(escape(info.problem, longest=400), icon=":material/warning:")
    names = [info.name for info in infos if not info.problem]
    wanted = st.session_state.pop("switch_to", None) or st.session_state.get("knowledge_base")
    if not names:
        st.session_state["knowledge_base"] = None
        return
    if wanted not in names:
        wanted = workspace.default_knowledge_base if workspace.default_knowledge_base in names else names[0]
    st.session_state["knowledge_base"] = wanted
    st.selectbox(
        "Knowledge base",
        names,
        key="knowledge_base",
        format_func=lambda name: "Sample company" if name == workspace.default_knowledge_base else name,
    )


main()
