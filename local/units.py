"""What the reader may quote: sentences, list items, table rows and records of a passage, each with its context.

A heading or a question in the text (a FAQ) is never an answer by itself; it is context for what follows it.
A table without borders, as PDF text has them, is a run of lines that end with no mark: its first line names the
columns, the others are rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from local.sentences import is_field, is_list_item, is_table_row, sentence_spans

__all__ = ["Unit", "units"]

HEADING_WORDS = 12  # a line longer than this is no heading
LIST_CHARACTERS = 500  # an introduction is quoted with its list, a record as a whole, up to this length
QUOTE_MARK = re.compile(r"(?:>\s*)+")  # of a mail that is answered to
TABLE_LINES = 3  # a table without borders has its header and two rows at least
TABLE_LINE = 120  # characters of a line of such a table, at most
STEP_WORDS = 9  # "2. New code E14: door open." over a paragraph is its heading
END_MARK = re.compile(r"[.!?…;:,。！？][\"'”’)\]*_]*$")
CELL_WORDS = 6  # of a cell in a header, at most
RULE = re.compile(r"\|[\s|:-]+")  # under the header of a Markdown table
YEAR = re.compile(r"\b(?:19|20)\d\d\b")
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
    above: str = ""  # the context without introduction and header
    columns: str = ""  # rows only: the line that names the columns
    header: Span | None = None  # and where it stands
    cells: tuple[str, ...] = ()  # rows only, each with its column's name, where cells can be told apart


def units(passage: int, title: str, text: str) -> Iterator[Unit]:
    """The quotable units of one passage, in reading order."""
    spans = list(_pieces(text))
    tables = _borderless(text, spans)
    heading, introduction = "", ""
    header: Span | None = None
    for position, (start, end) in enumerate(spans):
        following = text[slice(*spans[position + 1])] if position + 1 < len(spans) else ""
        kind = tables.get(position) or _kind(text, start, end, following)
        line = text[start:end]
        if kind == "heading":
            heading, introduction, header = line.lstrip("# "), "", None
            continue
        if RULE.fullmatch(line):
            continue
        if kind == "row" and not header and not tables and _names_columns(line, following):
            kind = "header_row"
        if kind == "header_row":
            header = (start, end)
        elif kind != "row":
            header = None
        if kind in ("introduction", "sentence"):
            introduction = line if kind == "introduction" else ""
        columns = text[slice(*header)] if header and kind == "row" else ""
        if columns and _names_itself(line, columns):
            columns = ""
        lead = introduction if kind == "item" else columns
        last = _list_end(text, spans, position) if kind == "introduction" else end
        if kind == "introduction" and last == end:
            continue  # its list is too long to quote: it is context for the items only
        yield Unit(
            passage=passage,
            start=start,
            end=last,
            text=text[start:last],
            kind=kind,
            context=" ".join(part for part in (title, heading, lead) if part),
            above=" ".join(part for part in (title, heading) if part),
            columns=columns,
            header=header if columns else None,
            cells=_cells(line, columns) if kind == "row" else (),
        )


def _cells(row: str, columns: str) -> tuple[str, ...]:
    """`Price: 5` for each cell that is not empty; no cells where nothing parts them."""
    values = _parted(row)
    names = _parted(columns)
    if len(values) < 2:
        return ()
    if len(names) != len(values):
        return tuple(value for value in values if value)
    return tuple(f"{name}: {value}" for name, value in zip(names, values, strict=True) if value)


def _parted(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip().strip("|").replace("\t", "|").split("|")]


def _names_itself(row: str, columns: str) -> bool:
    """Whether a row repeats its columns' names, as rows of spreadsheets do: "Plan: Basic | Price: 5"."""
    return row.strip("| ").startswith(f"{_parted(columns)[0]}: ")


def _borderless(text: str, spans: Sequence[Span]) -> dict[int, Kind]:
    """By position: the header and the rows of tables whose cells only spaces part."""
    found: dict[int, Kind] = {}
    run: list[int] = []
    for position, span in enumerate(spans):
        if run and "\n\n" in text[spans[run[-1]][1] : span[0]].replace("\r", ""):
            found |= _table(text, spans, run)
            run = []
        if _could_be_row(text, *span):
            run.append(position)
        else:
            found |= _table(text, spans, run)
            run = []
    return found | _table(text, spans, run)


def _table(text: str, spans: Sequence[Span], run: Sequence[int]) -> dict[int, Kind]:
    lines = [text[slice(*spans[position])] for position in run]
    if len(run) < TABLE_LINES or not _names_several(lines[0]) or not any(map(FIGURE.search, lines[1:])):
        return {}
    kinds: dict[int, Kind] = dict.fromkeys(run, "row")
    return kinds | {run[0]: "header_row"}


def _names_several(line: str) -> bool:
    """Whether a line without borders may name columns: two begin with a capital or are years, none is a figure."""
    capitals = sum(word.lstrip("(")[:1].isupper() for word in line.split())
    return not FIGURE.search(line) and (capitals >= 2 or len(YEAR.findall(line)) >= 2)


def _could_be_row(text: str, start: int, end: int) -> bool:
    """A whole line that is neither prose nor a list item, a field or a row with borders."""
    line = text[start:end]
    before, after = text[text.rfind("\n", 0, start) + 1 : start], text[end : end + 1]
    whole = not before.strip(" >") and after in ("", "\n", "\r") and "\n" not in line
    prose = END_MARK.search(line) is not None or len(line) > TABLE_LINE or line.startswith("#")
    return whole and not (prose or is_table_row(line) or is_list_item(line) or is_field(line))


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


def _names_columns(row: str, following: str) -> bool:
    """Whether a table's first row is its header: in Markdown it has a rule below; else short names, no figures."""
    if row.startswith("|"):
        return RULE.fullmatch(following) is not None
    short = all(len(cell.split()) <= CELL_WORDS and not cell.endswith(".") for cell in _parted(row))
    figures = any(char.isdigit() for char in YEAR.sub("", row))
    return ": " not in row and short and not figures and is_table_row(following)


def _kind(text: str, start: int, end: int, following: str) -> Kind | Literal["heading"]:
    line = text[start:end]
    if is_table_row(line):
        return "row"
    if "\n" in line and is_field(line):
        return "record"
    if line.endswith(":") and is_list_item(following):
        return "introduction"
    opens_line = not text[text.rfind("\n", 0, start) + 1 : start].strip(" >")
    item = opens_line and is_list_item(line)
    if line.startswith("#") or (line.endswith("?") and following):
        return "heading"
    if opens_line and text[end : end + 1] in ("\n", "\r") and following:
        list_goes_on = item and (is_list_item(following) or not line[0].isdigit())
        if (_looks_like_heading(line) and not list_goes_on) or _heads_a_step(text, end, line, following):
            return "heading"
    return "item" if item else "sentence"


def _heads_a_step(text: str, end: int, line: str, following: str) -> bool:
    """`2. Door open.` with a paragraph in the next line."""
    short = line[0].isdigit() and is_list_item(line) and len(line.split()) <= STEP_WORDS
    return short and text[end:].startswith("\n ") and not is_list_item(following)


def _looks_like_heading(line: str) -> bool:
    """A short line that ends with no mark and holds no figures past its own number."""
    title = line.lstrip("0123456789.) ")
    short = len(line.split()) <= HEADING_WORDS and "\n" not in line and ": " not in line
    return short and line[-1:] not in ".!…。,;" and FIGURE.search(title) is None


def _list_end(text: str, spans: list[Span], position: int) -> int:
    """Where the list that an introduction opens ends, if the whole is short enough to quote."""
    start, end = spans[position]
    for first, last in spans[position + 1 :]:
        same_item = end > spans[position][1] and "\n" not in text[end:first]
        if not (same_item or is_list_item(text[first:last])):
            break
        if last - start > LIST_CHARACTERS:
            return spans[position][1]
        end = last
    return end
