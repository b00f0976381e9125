"""What a person sent off, kept until it is asked.

Streamlit breaks a page off wherever it touches the session's state or draws something, when another event wants the
page drawn anew. What was taken out of the session by then, and not yet asked, would be lost; what was asked, but is not
yet known to the session, would not be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import cast

import streamlit as st
from streamlit.runtime.scriptrunner import RerunException

from app.ui.ingestion import Ingestion, Uploaded

__all__ = ["Submission", "insist", "submitted", "waiting"]


@dataclass(slots=True, kw_only=True)
class Submission:
    """Goes from the input box to a question; changed without touching the session, so that no step is done twice."""

    text: str
    files: Sequence[Uploaded] = ()
    batch: Ingestion | None = None  # of the files, once they are received
    taken: bool = False

    def take(self) -> str:
        """From here on it is asked; what follows at once must not touch the session's state."""
        self.taken, self.files = True, ()
        return self.text


def submitted(slot: str, text: str, files: Sequence[Uploaded] = ()) -> None:
    """For a callback: the page finds it under `slot` when it is drawn anew."""
    fresh = Submission(text=text, files=files)

    def put() -> None:
        st.session_state[slot] = fresh

    insist(put)


def waiting(slot: str) -> Submission | None:
    """What was sent off and is not asked yet."""
    found = cast("Submission | None", st.session_state.get(slot))
    return found if found is not None and not found.taken else None


def insist(act: Callable[[], object]) -> None:
    """Does `act` to its end, from the start where it was broken off; the page is drawn anew afterwards."""
    broken: RerunException | None = None
    while True:
        try:
            act()
            break
        except RerunException as wanted:  # given up by Streamlit: it asks once for each event
            broken = wanted
    if broken is not None:
        raise broken
