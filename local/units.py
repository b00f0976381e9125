"""What the reader may quote: sentences, list items, table rows and records of a passage, each with its context.

A heading or a question in the text (a FAQ) is never an answer by itself; it is context for what follows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from local.sentences import is_field, is_list_item, is_table_row, sentence_spans

__all__ = ["Unit", "units"]

HEADING_WORDS = 12  # a line longer than this is no heading
LIST_CHARACTERS = 500  # an introduction is quoted with its list, a record as a whole, up to this length
QUOTE_MARK = re.compile(r"(?:>\s*)+")  # of a mail that is answered to
FIGURE = re.compile(r"(?!(?:19|20)\d\d\b)\b\d")  # a number that is not a year

Span = tuple[int, int]
Kind = Literal["sentence", "item", "row", "header_row", "introduction", "record"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Unit:
    """`passage_text[start:end] == text`; `context` is what stands above it: title, heading, introduction, header."""

    passage: int  # index of its passage
    start: int
    end: int
    text: str
    kind: Kind
    context: str


def units(passage: int, title: str, text: str) -> Iterator[Unit]:
    """The quotable units of one passage, in reading order."""
    spans = list(_pieces(text))
    heading, introduction, header = "", "", ""
    for position, (start, end) in enumerate(spans):
        following = text[slice(*spans[position + 1])] if position + 1 < len(spans) else ""
        kind = _kind(text, start, end, following)
        line = text[start:end]
        if kind == "heading":
            heading, introduction, header = line.lstrip("# "), "", ""
            continue
        if kind == "row" and not header and _names_columns(line):
            kind, header = "header_row", line
        elif kind != "row":
            header = ""
        if kind in ("introduction", "sentence"):
            introduction = line if kind == "introduction" else ""
        above = {"row": header, "item": introduction}.get(kind, "")
        last = _list_end(text, spans, position) if kind == "introduction" else end
        yield Unit(
            passage=passage,
            start=start,
            end=last,
            text=text[start:last],
            kind=kind,
            context=" ".join(part for part in (title, heading, above) if part),
        )


def _pieces(text: str) -> Iterator[Span]:
    """Sentences without the marks of quoted mail; neighbouring fields of a record as one piece."""
    record: Span | None = None
    for first, last in sentence_spans(text):
        mark = QUOTE_MARK.match(text, first, last)
        start = mark.end() if mark else first
        if start >= last:
            continue
        field = is_field(text[start:last]) and not is_table_row(text[start:last])
        if (
            record
            and field
            and last - record[0] <= LIST_CHARACTERS
            and text[record[1] : start] in ("\n", "\r\n")
        ):
            record = (record[0], last)
            continue
        if record:
            yield record
        record = (start, last) if field else None
        if not field:
            yield start, last
    if record:
        yield record


def _names_columns(row: str) -> bool:
    """Whether a table's first row is its header: no figures, and not cells that name themselves ("Price: 5")."""
    return ": " not in row and FIGURE.search(row) is None


def _kind(text: str, start: int, end: int, following: str) -> Kind | Literal["heading"]:
    line = text[start:end]
    if is_table_row(line):
        return "row"
    if "\n" in line and is_field(line):
        return "record"
    if line.endswith(":") and is_list_item(following):
        return "introduction"
    if line.startswith("#") or (line.endswith("?") and following):
        return "heading"
    opens_line = not text[text.rfind("\n", 0, start) + 1 : start].strip(" >")
    alone = opens_line and text[end : end + 1] in ("\n", "\r") and following != ""
    item = opens_line and is_list_item(line)
    if (
        alone
        and _looks_like_heading(line)
        and not (item and (is_list_item(following) or not line[0].isdigit()))
    ):
        return "heading"
    return "item" if item else "sentence"


def _looks_like_heading(line: str) -> bool:
    """A short line that ends with no mark and holds no figures past its own number."""
    title = line.lstrip("0123456789.) ")
    short = len(line.split()) <= HEADING_WORDS and "\n" not in line and ": " not in line
    return short and line[-1:] not in ".!…。,;" and FIGURE.search(title) is None


def _list_end(text: str, spans: list[Span], position: int) -> int:
    """Where the list that an introduction opens ends, if the whole is short enough to quote."""
    start, end = spans[position]
    for first, last in spans[position + 1 :]:
        if not is_list_item(text[first:last]):
            break
        if last - start > LIST_CHARACTERS:
            return spans[position][1]
        end = last
    return end
