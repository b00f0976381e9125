"""Charts on the page: shapes built in the browser from numbers and text alone, in the colours of its theme."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st

from finetune.reports.charts import Picture

_HERE = Path(__file__).parent


@cache
def _component() -> Any:  # Streamlit's renderer takes its callbacks as free keyword arguments
    return st.components.v2.component(
        "groundtune_charts",
        html='<div class="charts"></div>',
        css=(_HERE / "charts.css").read_text("utf-8"),
        js=(_HERE / "charts.js").read_text("utf-8"),
    )


def charts(pictures: Sequence[tuple[Picture, str]], *, key: str) -> None:
    """Draws each picture with its note, beside each other where there is room."""
    drawn = [picture.as_dict() | {"note": note} for picture, note in pictures]
    _component()(key=key, data={"charts": drawn})
