"""What the reader may quote: the sentences, list items and table rows of a passage, each with its context.

A heading or a question in the text (a FAQ) is never an answer by itself; it is context for what follows it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from local.sentences import is_list_item, is_table_row, sentence_spans

__all__ = ["Unit", "units"]

HEADING_WORDS = 12  # a line longer than this is no heading
LIST_CHARACTERS = 500  # an introduction is quoted with its list up to this length

Kind = Literal["sentence", "item", "row", "introduction"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """`passage_text[start:end] == text`; `context` is what stands above it: title, heading, list introduction."""

    passage: int  # index of its passage
    start: int
    end: int
    text: str
    kind: Kind
    context: str


def units(passage: int, title: str, text: str) -> Iterator[Unit]:
    """The quotable units of one passage, in reading order."""
    spans = sentence_spans(text)
    heading, introduction, header = "", "", ""
    for position, (start, end) in enumerate(spans):
        line = text[start:end]
        following = text[slice(*spans[position + 1])] if position + 1 < len(spans) else ""
        kind = _kind(text, start, end, following)
        if kind == "heading":
            heading, introduction, header = line.lstrip("# "), "", ""
            continue
        header = _header(header, line) if kind == "row" else ""
        if kind in ("introduction", "sentence"):
            introduction = line if kind == "introduction" else ""
        above = {"row": header if header != line else "", "item": introduction}.get(kind, "")
        last = _list_end(text, spans, position) if kind == "introduction" else end
        yield Unit(
            passage=passage,
            start=start,
            end=last,
            text=text[start:last],
            kind=kind,
            context=" ".join(part for part in (title, heading, above) if part),
        )


def _header(header: str, row: str) -> str:
    """The first row of a table, unless its cells name themselves ("Price: 5 | Billing: monthly")."""
    return header or ("" if ": " in row else row)


def _kind(text: str, start: int, end: int, following: str) -> Kind | Literal["heading"]:
    line = text[start:end]
    if is_table_row(line):
        return "row"
    opens_line = not text[text.rfind("\n", 0, start) + 1 : start].strip()
    if opens_line and is_list_item(line):
        return "item"
    if line.endswith(":") and is_list_item(following):
        return "introduction"
    if line.endswith("?") or line.startswith("#"):
        return "heading" if following or line.startswith("#") else "sentence"
    short = len(line.split()) <= HEADING_WORDS and "\n" not in line and ": " not in line
    alone = opens_line and text[end : end + 1] in ("\n", "\r")
    if short and alone and following and line[-1:] not in ".!…。" and not is_list_item(line):
        return "heading"
    return "sentence"


def _list_end(text: str, spans: list[tuple[int, int]], position: int) -> int:
    """Where the list that an introduction opens ends, if the whole is short enough to quote."""
    start, end = spans[position]
    for first, last in spans[position + 1 :]:
        if not is_list_item(text[first:last]):
            break
        if last - start > LIST_CHARACTERS:
            return spans[position][1]
        end = last
    return end
