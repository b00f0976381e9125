"""What a press of a button changes in the records; a failure is said on the page, not raised in a callback."""

from __future__ import annotations

from collections.abc import Callable

import streamlit as st

from app.ui.escape import escape
from errors import RecordsError


def attempt(change: Callable[[], object]) -> bool:
    """False where it failed: deleted in another window, say, or a full disk."""
    try:
        change()
    except RecordsError as error:
        st.toast(escape(str(error), longest=300), icon=":material/error:")
        return False
    return True
