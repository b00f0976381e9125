"""Sentences that say what a figure was and what it is now, and the documents that still give the old one.

    (change,) = changes("The allowance rises from 45 to 60 euros.")      change.old.value, change.new.value -> 45, 60
    still_old(change, "| Allowance | 45 euros |", question)              -> "45 euros"

The old figure itself must stand in the other sentence, in the same unit and about the same thing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from chains.statements import Figure, Statement, figure_kind, statement
from loaders.sheet_rows import BORDER
from local.sentences import sentence_spans

__all__ = ["Change", "changes", "still_old"]

_RISES = re.compile(
    r"\b(?:ris(?:es?|en|ing)|rose|rais\w+|increas\w+|grow\w*|fall\w*|fell|drop\w*|reduc\w+|lower\w*|decreas\w+|cut\w*"
    r"|chang\w+|go(?:es)?|went|moves?|moved|extend\w*|shorten\w*|adjust\w*|up|down)\b[^.;]{0,60}\bfrom\s+[€$£]?\s?$",
    re.IGNORECASE,
)
_INSTEAD = re.compile(
    r"\b(?:instead of|in place of|previously|formerly|up from|down from)\s+[€$£]?\s?$", re.IGNORECASE
)
_UNTIL_NOW = re.compile(r"^\W*(?:until|up to|till) (?:now|today)\b|^\W*so far\b", re.IGNORECASE)
_FROM_NOW = re.compile(
    r"\b(?:from (?:today|now)|as of (?:now|today)|with immediate effect|now)\b", re.IGNORECASE
)
_PAST = frozenset(
    {"was", "were", "had", "formerly", "previous", "previously", "former", "used to", "instead", "would"}
)
_LEAST_SHARED = 2  # content words, where no code names the thing
_UNIT_OF_COLUMN = re.compile(r"\(([^()]{1,20})\)\s*$")
_CODE = re.compile(r"(?=[\w-]*\d)[A-Za-z][\w-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """`text[start:end]` says it: one sentence, or one that gives the old figure and the next with the new one."""

    start: int
    end: int
    old: Figure
    new: Figure
    new_at: int  # where the new figure starts in the text
    about: Statement


@lru_cache(maxsize=512)
def changes(text: str) -> tuple[Change, ...]:
    spans = sentence_spans(text)
    found = [change for start, end in spans for change in _within(text, start, end)]
    for (start, middle), (_, end) in pairwise(spans):
        found += _told_in_two(text, start, middle, end)
    return tuple(found)


def _within(text: str, start: int, end: int) -> Iterator[Change]:
    about = statement(text[start:end])
    for old, new in pairwise(about.figures):
        if re.fullmatch(r"\s*to\s*", about.text[old.end : new.start]) and _RISES.search(
            about.text[: old.start]
        ):
            yield from _change(start, end, old, new, about)
        if _INSTEAD.search(about.text[: new.start]):
            yield from _change(start, end, new, old, about)


def _told_in_two(text: str, start: int, middle: int, end: int) -> Iterator[Change]:
    """ "We promised 20 weeks until now. Please quote 24 weeks from today." """
    about = statement(text[start:end])
    for old, new in pairwise(about.figures):
        first, second = about.text[old.end : middle - start], about.text[middle - start :]
        apart = old.end <= middle - start <= new.start
        if apart and _UNTIL_NOW.match(first) and _FROM_NOW.search(second):
            yield from _change(start, end, old, new, about)


def _change(start: int, end: int, old: Figure, new: Figure, about: Statement) -> Iterator[Change]:
    """ "from 45 to 60 euros" names the unit once."""
    if old.kind in ("", new.kind) and new.kind and old.value != new.value:
        yield Change(start=start, end=end, old=old, new=new, new_at=start + new.start, about=about)


def still_old(change: Change, other: str, question: str) -> str | None:
    """What `other`, a sentence or a row of another document, says where that is the old figure; else None."""
    if other.rstrip().endswith("?"):
        return None
    if BORDER in other and ": " in other:
        return _of_fields(change, other, question)
    said = statement(other)
    if said.conditions & _PAST or any(_is(figure, change.new, change) for figure in said.figures):
        return None
    figures = [figure for figure in said.figures if _is(figure, change.old, change)]
    return figures[0].text if len(figures) == 1 and _same_thing(change.about, said) else None


def _is(figure: Figure, meant: Figure, change: Change) -> bool:
    return figure.value == meant.value and figure.kind == change.new.kind


def _same_thing(about: Statement, said: Statement) -> bool:
    """No code that the change does not name, and hardly a word; a code in common stands for a word."""
    codes, own = _codes(about.text), _codes(said.text)
    if bool(codes) != bool(own) or (codes and codes.isdisjoint(own)):
        return False
    shared = said.words & about.words
    return len(shared) + len(codes & own) >= _LEAST_SHARED and 3 * len(shared) >= 2 * len(said.words)


def _of_fields(change: Change, row: str, question: str) -> str | None:
    """The one cell of the row that holds the old figure, under a name that the change or the question speaks of."""
    fields = [
        (name.strip(), cell.strip())
        for name, mark, cell in (f.partition(": ") for f in row.split(BORDER))
        if mark
    ]
    if not fields or not _codes(fields[0][1]) & _codes(change.about.text):
        return None
    spoken = change.about.words | statement(question).words
    found = [
        f"{name}: {cell}"
        for name, cell in fields[1:]
        if _cell_is(name, cell, change) and statement(_UNIT_OF_COLUMN.sub("", name)).words & spoken
    ]
    return found[0] if len(found) == 1 else None


def _cell_is(name: str, cell: str, change: Change) -> bool:
    unit = _UNIT_OF_COLUMN.search(name)
    figures = statement(cell).figures
    if len(figures) != 1 or figures[0].value != change.old.value:
        return False
    return (figures[0].kind or figure_kind(unit[1] if unit else "")) == change.new.kind


def _codes(text: str) -> frozenset[str]:
    """Names with digits: "IB-12", "CU-744"."""
    return frozenset(code.upper() for code in _CODE.findall(text) if "-" in code or code[:1].isupper())
