"""Untrusted text made inert for Streamlit's Markdown: what a user sees is what the file name or document says.

Widget labels and `st.markdown` understand links, images, formulas, colour directives and `:icon:` codes. An image in a
file name would be fetched from its host as soon as the page shows the name, so no name or document text reaches
Markdown without going through `escape`. Longer document text does not go through Markdown at all: see rich_text.py.
"""

from __future__ import annotations

import re

# Invisible. Icon codes and bare addresses are looked for after escapes are resolved, so these need a letter between.
WORD_JOINER = "\u2060"

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_FOUND_LATER = re.compile(r":(?=[\w+/-]+:)|:(?=//)|(?<=\bwww)(?=\.)|@", re.IGNORECASE)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]+")


def one_line(text: str, *, longest: int = 120) -> str:
    """`text` without line breaks, control or direction-changing characters, cut in the middle past `longest`."""
    flat = " ".join(_CONTROL.sub(" ", text).split())
    if len(flat) <= longest:
        return flat
    tail = (longest - 1) // 3
    return f"{flat[: longest - 1 - tail]}…{flat[-tail:]}"


def escape(text: str, *, longest: int = 120) -> str:
    """`text` on one line, with every character that Markdown could read as markup escaped (CommonMark 2.4)."""
    inert = _FOUND_LATER.sub(lambda found: found[0] + WORD_JOINER, one_line(text, longest=longest))
    return _PUNCTUATION.sub(r"\\\1", inert)
