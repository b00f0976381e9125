"""Settings: which engine answers, how to connect another, every value with its origin, and the program's health."""

from __future__ import annotations

import platform
import sys
from importlib import metadata

import streamlit as st

from app.ui.connect_form import connect_form
from app.ui.escape import escape
from app.workspace import Workspace, open_workspace

SHOWN_PACKAGES = ("streamlit", "langchain-core", "onnxruntime", "faiss-cpu", "tantivy", "openai")


def main() -> None:
    workspace = open_workspace()
    st.title("Settings")
    _engine(workspace)
    st.subheader("Connect a model")
    connect_form(workspace)
    st.subheader("Modes")
    _modes(workspace)
    st.subheader("Values in use")
    st.caption("Set in the environment or in the file .env; the environment wins. Keys are never shown.")
    st.dataframe(
        [
            {"Name": setting.name, "Value": setting.shown(), "Set by": setting.origin}
            for setting in workspace.settings.all()
        ],
        hide_index=True,
    )
    st.subheader("Health")
    _health(workspace)


def _engine(workspace: Workspace) -> None:
    with st.container(border=True):
        st.markdown(f"##### :material/bolt: Answers come from: {escape(workspace.engine_label)}")
        if workspace.chat_connected:
            st.markdown("The connected model writes the answers from the passages that were found.")
            return
        st.markdown(
            "The embedded engine runs on this machine alone. It quotes the sentences that answer a question "
            "and cites them; it never writes anything that it did not read. To have answers written in free "
            "words, connect a model below."
        )


def _modes(workspace: Workspace) -> None:
    for status in workspace.modes():
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            if status.available:
                st.badge("Ready", color="green")
            else:
                st.badge("Not yet", color="gray")
            st.markdown(f"**{status.label}** — {status.summary}")
        if status.reason:
            here = status.reason.replace("on the Settings page", "in the form above")
            st.caption(escape(here, longest=300))


def _health(workspace: Workspace) -> None:
    infos = workspace.knowledge_bases()
    with st.container(horizontal=True):
        st.metric("Knowledge bases", len(infos), border=True)
        st.metric("Documents", sum(info.documents for info in infos), border=True)
        memory = resident_mb()
        if memory is not None:
            st.metric("Memory of this program", f"{memory:.0f} MB", border=True)
    with st.expander("Versions"):
        for name, version in versions().items():
            st.caption(f"{escape(name)}: {escape(version)}")


def versions() -> dict[str, str]:
    found = {"Python": platform.python_version(), "System": f"{platform.system()} {platform.machine()}"}
    for package in SHOWN_PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found


def resident_mb() -> float | None:
    """Resident memory of this process in MB; None where the system does not tell it simply."""
    if sys.platform != "linux":
        return None
    import os
    from pathlib import Path

    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


main()
