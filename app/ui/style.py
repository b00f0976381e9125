"""The page's own style sheet, over the theme in .streamlit/config.toml."""

from __future__ import annotations

from pathlib import Path

import streamlit as st

STYLE_SHEET = Path(__file__).parent / "style.css"


def apply_style() -> None:
    """Streamlit puts a style sheet given by its path on the page as it is."""
    st.html(STYLE_SHEET)
