"""Retrieved passages as prompt text: data between delimiters that the data cannot close."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence

from chains.answer import Passage
from chains.instructions import MARK, instructions_in

WRAPPER = '<passage number="{number}" source="{source}"{date}>\n{text}\n</passage>'

# "<", perhaps in a compatibility form and perhaps spaced, before a tag name of the prompt or, from "reasoning" on, of
# a tuned model's reply (chains/reasoned_reply.py): quoting a document must not end its quote or its reasoning.
_DELIMITER = re.compile(
    r"[<＜﹤]+(?=[\s/／]*(?:passages?|tables?|system|user|question|reasoning|quote|think|answer)\b)",
    re.IGNORECASE,
)
# Format characters (zero width, direction overrides, tags) that hide text from people or split a delimiter.
_INVISIBLE = re.compile(
    "[\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff\U000e0000-\U000e007f]"
)


def as_data(text: str) -> str:
    """The text with look-alikes of the prompt's delimiters defused and invisible characters gone."""
    return _DELIMITER.sub("‹", _INVISIBLE.sub("", text))


def as_shown(text: str) -> str:
    """A passage's text as a model reads it between the delimiters: what it may quote."""
    return as_data(_marked(text))


def numbered(passages: Sequence[Passage], dates: Mapping[str, str | None] | None = None) -> str:
    """`<passage number="1" ...>` blocks, numbered from 1 in the order given; `dates` by document id, where known."""
    return "\n".join(
        WRAPPER.format(
            number=n,
            source=_attribute(_source(passage)),
            date=_dated(passage, dates),
            text=as_shown(passage.text),
        )
        for n, passage in enumerate(passages, 1)
    )


def wrapper_sha256() -> str:
    """Names the wrapper: a model that was taught on one is served with the same."""
    return hashlib.sha256(WRAPPER.encode()).hexdigest()


def _dated(passage: Passage, dates: Mapping[str, str | None] | None) -> str:
    date = (dates or {}).get(passage.document_id)
    return f' date="{_attribute(date)}"' if date else ""


def _marked(text: str) -> str:
    """What addresses a model is said to be a quotation, sentence by sentence."""
    for start, _ in reversed(instructions_in(text)):
        text = f"{text[:start]}{MARK}{text[start:]}"
    return text


def _source(passage: Passage) -> str:
    return ", ".join(part for part in (passage.document_name, passage.location.label()) if part)


def _attribute(text: str) -> str:
    return " ".join(as_data(text).replace('"', "'").replace("<", "‹").replace(">", "›").split())
