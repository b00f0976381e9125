"""A conversation as Markdown that no renderer can make load or link anything."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from app.records.entries import Conversation
from app.records.exported import NOT_BACKED, Source, Told, minute
from app.ui.escape import WORD_JOINER, one_line
from chains.answer import Computation
from chains.guard import neutralise

__all__ = ["markdown"]

_LONG = 100_000
# What GitHub's Markdown links of itself: addresses and mail addresses.
_LINKED = re.compile(r"(?<=[A-Za-z]):(?=//)|(?<=\bwww)\.|(?<=\bmailto):|(?<=\bxmpp):|@", re.IGNORECASE)
_MARKUP = re.compile(r"[\\`*\[\]<>&|~$]|(?<!\w)_|_(?!\w)")
_LINE_START = re.compile(r"^(\d*)([#+\-=.)])")
_UNSEEN = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def markdown(conversation: Conversation, exchanges: Sequence[Told]) -> str:
    """The whole file; ends with a line break."""
    count = "1 question" if len(exchanges) == 1 else f"{len(exchanges)} questions"
    head = [f"# {_inline(conversation.title)}", f"{count} · last changed {minute(conversation.changed_at)}"]
    parts = [part for number, one in enumerate(exchanges, start=1) for part in _exchange(number, one)]
    return "\n\n".join([*head, *parts]) + "\n"


def _exchange(number: int, one: Told) -> Iterator[str]:
    yield f"## {number}. {_inline(one.question)}"
    if one.files:
        yield f"Files: {', '.join(map(_inline, one.files))}"
    yield f"*{_inline(one.facts)}*"
    if one.text.strip():
        yield harmless(_with_doubts(one))
    if one.computation is not None:
        yield from _computation(one.computation)
    if one.notes:
        yield "\n".join(f"- {_inline(note)}" for note in one.notes)
    if one.sources:
        yield "### Nearest passages" if one.sources[0].marker is None else "### Sources"
        yield "\n\n".join(map(_source, one.sources))


def harmless(text: str) -> str:
    """Markdown of an answer: formatting stays, nothing in it loads or links."""
    safe = neutralise(_UNSEEN.sub("\ufffd", text), sources=None, allowed_text=text)
    return _LINKED.sub(lambda found: found[0] + WORD_JOINER, safe)


def _with_doubts(one: Told) -> str:
    text = one.text
    for _, end in sorted(one.doubtful, reverse=True):
        text = f"{text[:end]} *({NOT_BACKED})*{text[end:]}"
    return text


def _source(source: Source) -> str:
    number = f"**[{source.marker}]** " if source.marker is not None else ""
    check = f" — {source.check}" if source.check else ""
    return f"{number}{_inline(source.title)}{check}\n\n> {_inline(source.quote)}"


def _computation(computation: Computation) -> Iterator[str]:
    yield f"**Computed** from {_inline('; '.join(computation.tables))}, by this read-only query:"
    yield "\n".join(f"    {_UNSEEN.sub(' ', line)}" for line in computation.sql.splitlines())
    rows = [list(computation.columns), *([_cell(value) for value in row] for row in computation.rows)]
    lines = [f"| {' | '.join(map(_inline, row))} |" for row in rows]
    yield "\n".join([lines[0], "|" + " --- |" * len(computation.columns), *lines[1:]])
    if computation.row_count > len(computation.rows):
        yield f"The first {len(computation.rows):,} of {computation.row_count:,} rows."


def _cell(value: str | int | float | bool | None) -> str:
    return "" if value is None else str(value)


def _inline(text: str) -> str:
    """Text on one line, as it is: what Markdown could take for markup is escaped, and no more than that."""
    flat = _MARKUP.sub(r"\\\g<0>", one_line(text, longest=_LONG))
    return _LINKED.sub(lambda found: found[0] + WORD_JOINER, _LINE_START.sub(r"\1\\\2", flat))
