"""Quotes as they read in an answer: without the marks of Markdown, quoted mail, lists and tables.

    as_prose("- Full-time staff have **27 days**.")          -> "Full-time staff have 27 days."
    labelled("| Basic | 5 |", "| Plan | Price |")            -> "Plan: Basic; Price: 5."

Only marks and line breaks change; words, figures and their order stay as the document has them.
"""

from __future__ import annotations

import re

from local.sentences import is_field, is_table_row, sentence_spans

__all__ = ["as_prose", "cells", "labelled", "stands_alone"]

_MAIL_MARK = re.compile(r"^[ \t]*(?:>[ \t]*)+", re.MULTILINE)
_BULLET = re.compile(r"(?:[-*+•‣▪◦●–—·]|\(?\d{1,2}[.)])\s+")
_HEADING_MARK = re.compile(r"#{1,6}\s+")
_CELL_BORDER = re.compile(r"(?<!\\)\||\t")
_RULE = re.compile(r":?-{2,}:?")  # what stands under the header of a Markdown table
_PAIRED_MARKS = tuple(
    re.compile(pattern)
    for pattern in (
        r"\*\*(?=\S)([^*\n]+?)(?<=\S)\*\*",
        r"(?<!\w)__(?=\S)([^_\n]+?)(?<=\S)__(?!\w)",
        r"(?<![\w*])\*(?=[^\s*])([^*\n]+?)(?<=[^\s*])\*(?![\w*])",
        r"(?<![\w_])_(?=[^\s_])([^_\n]+?)(?<=[^\s_])_(?![\w_])",
        r"`([^`\n]+)`",
    )
)
_HALF_PAIR = re.compile(r"(?<!\s)\*\*(?!\S)|(?<!\S)\*\*(?!\s)")  # its other half is in the next sentence
_ENDS = (".", "!", "?", "…", ":", ";", '"', "”", "。", "！", "？")


def as_prose(quote: str) -> str:
    """The quote's sentences run on; lines, cells and fields are parted by semicolons."""
    text = _MAIL_MARK.sub("", quote)
    spans = sentence_spans(text)
    several = len(spans) > 1
    shown = ""
    for start, end in spans:
        line = text[start:end]
        row = is_table_row(line)
        piece = "; ".join(cells(line)) if row else _without_marks(line)
        shown = _joined(shown, piece)
    tabular = several and not shown.endswith(_ENDS)
    return _ended(shown) if stands_alone(quote) or tabular else shown


def labelled(row: str, header: str) -> str:
    """A row with the names of its columns: cell by cell where both have as many, else the header before it."""
    names, values = cells(header, keep_empty=True), cells(row, keep_empty=True)
    if len(names) == len(values) > 1:
        pairs = [
            f"{name}: {value}" if name else value for name, value in zip(names, values, strict=True) if value
        ]
        return _ended("; ".join(pairs))
    return _ended(f"{as_prose(header).rstrip('.')}: {as_prose(row)}")


def cells(row: str, *, keep_empty: bool = False) -> list[str]:
    """The cells of a row that pipes or tabs part, without marks; the whole line where nothing parts it."""
    inner = row.strip()
    if inner.startswith("|"):
        inner = inner[1:].removesuffix("|")
    found = [_without_marks(cell) for cell in _CELL_BORDER.split(inner)]
    return [cell for cell in found if (cell or keep_empty) and not _RULE.fullmatch(cell)]


def stands_alone(quote: str) -> bool:
    """Whether a quote is a table row, a record or a list rather than running prose."""
    lines = quote.splitlines() or [""]
    return is_table_row(quote) or (len(lines) > 1 and is_field(lines[0]))


def _without_marks(line: str) -> str:
    text = " ".join(line.split())
    text = _HEADING_MARK.sub("", text, count=1) if text.startswith("#") else text
    bullet = _BULLET.match(text)
    text = text[bullet.end() :] if bullet else text
    for pattern in _PAIRED_MARKS:
        text = pattern.sub(r"\1", text)
    return _HALF_PAIR.sub("", text).strip()


def _joined(before: str, piece: str) -> str:
    if not before or not piece:
        return before or piece
    return f"{before} {piece}" if before.endswith(_ENDS) else f"{before}; {piece}"


def _ended(text: str) -> str:
    return text if not text or text.endswith(_ENDS) else f"{text}."
