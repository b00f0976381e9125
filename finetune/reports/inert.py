"""Strangers' text made inert for HTML and SVG: what a reader sees is what stands there."""

from __future__ import annotations

import re
from html import escape

LONGEST = 600  # characters of a message
# What a browser does not show or shows in another place: control characters and those that turn the direction.
_UNSEEN = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]")


def text(value: str, *, longest: int = LONGEST) -> str:
    """Inert: escaped for elements and attributes, invisible characters as U+FFFD, cut past `longest`."""
    shown = _UNSEEN.sub("\ufffd", value.replace("\n", " ").replace("\t", " "))
    cut = shown if len(shown) <= longest else shown[: longest - 1] + "…"
    return escape(cut.encode("utf-8", "replace").decode("utf-8"), quote=True)
