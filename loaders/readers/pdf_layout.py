"""Lines of a PDF page with their place and type size, and the paragraphs, headings and table rows they make.

The text stays what pdfium gives: wrapped lines are joined with a space, words cut by a hyphen at the line end
are joined, nothing is reordered.
"""

from __future__ import annotations

import ctypes
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from pypdfium2 import raw

from loaders.readers.part import Part

_END = re.compile(r"[.!?:;。！？]['\")\]”’]*$")
_BULLET = re.compile(r"^(?:[•●▪◦‣∙·■□➢✓–—*-]|\(?\d{1,2}[.)]|\(?[a-zA-Z][.)]|[ivx]{1,4}\))\s+\S")
_NUMBERED = re.compile(r"^(?:\d{1,2}(?:\.\d{1,2}){0,4}\.?|[A-Z]\.|[IVX]{1,5}\.|§\s?\d+)\s+\S")
_CJK = re.compile("[\u3000-\u30ff\u3400-\u9fff\uff00-\uffef]")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of text as pdfium breaks it; coordinates in points, y upwards."""

    text: str
    left: float
    right: float
    bottom: float
    top: float
    size: float  # of the type, points on the page
    bold: bool
    columns: tuple[float, ...]  # left edges of pieces with wide gaps between; one for plain text
    hyphenated: bool  # its last word goes on in the next line

    @property
    def height(self) -> float:
        return max(self.top - self.bottom, 1.0)


class _Characters:
    """Boxes of a page's characters, each asked of pdfium once."""

    def __init__(self, text_page: Any, count: int) -> None:
        self.text_page = text_page
        self.count = count
        self._boxes: dict[int, tuple[float, float, float, float]] = {}

    def box(self, index: int) -> tuple[float, float, float, float]:
        """left, right, bottom, top."""
        index = max(0, min(index, self.count - 1))
        found = self._boxes.get(index)
        if found is None:
            left, right, bottom, top = (ctypes.c_double() for _ in range(4))
            raw.FPDFText_GetCharBox(self.text_page.raw, index, left, right, bottom, top)
            found = self._boxes[index] = (left.value, right.value, bottom.value, top.value)
        return found


def page_lines(text_page: Any) -> list[Line]:
    """The lines of a page, in pdfium's order."""
    count = text_page.count_chars()
    if count <= 0:
        return []
    text = text_page.get_text_range(0, count)
    characters = _Characters(text_page, count)
    lines: list[Line] = []
    start = 0
    aligned = len(text) == count  # characters beyond the BMP are two units in pdfium's count
    units = None if aligned else _unit_offsets(text)
    for match in re.finditer(r"\r\n|[\r\n\ufffe\x02]|$", text):
        hyphenated = match.group() in ("\ufffe", "\x02")
        for begin, end in _level_runs(characters, text, start, match.start(), units):
            offset = begin if units is None else units[begin]
            last = end == match.start()
            lines.append(_line(characters, text[begin:end], offset, hyphenated=hyphenated and last))
        start = match.end()
    return _rows_joined(lines)


def _level_runs(
    characters: _Characters, text: str, start: int, end: int, units: list[int] | None
) -> list[tuple[int, int]]:
    """Spans of `text[start:end]` cut where the text drops or climbs by a line at a blank, as pdfium lets pass."""
    runs = []
    begin = start
    for match in re.finditer(" +", text[start:end]):
        before, after = start + match.start() - 1, start + match.end()
        if before < begin or after >= end:
            continue
        one = characters.box(before if units is None else units[before])
        other = characters.box(after if units is None else units[after])
        height = max(one[3] - one[2], other[3] - other[2], 4.0)
        if other[0] < one[0] and abs(one[2] - other[2]) > 0.9 * height:
            runs.append((begin, before + 1))
            begin = after
    runs.append((begin, end))
    return [(first, last) for first, last in runs if text[first:last].strip()]


def _rows_joined(lines: list[Line]) -> list[Line]:
    """pdfium breaks the line at a very wide gap: pieces on one baseline, left to right, are one line again."""
    rows: list[Line] = []
    for line in lines:
        before = rows[-1] if rows else None
        if before is None or not _same_row(before, line):
            rows.append(line)
            continue
        wide = line.left - before.right > 1.6 * max(line.size, 6.0)
        rows[-1] = replace(
            before,
            text=f"{before.text} {line.text}",
            right=line.right,
            bottom=min(before.bottom, line.bottom),
            top=max(before.top, line.top),
            bold=before.bold and line.bold,
            columns=before.columns + (line.columns if wide else line.columns[1:]),
            hyphenated=line.hyphenated,
        )
    return rows


def _same_row(before: Line, line: Line) -> bool:
    level = abs(before.bottom - line.bottom) < 0.35 * min(before.height, line.height)
    return level and line.size == before.size and line.left > before.right and not before.hyphenated


def _unit_offsets(text: str) -> list[int]:
    offsets = [0]
    for character in text:
        offsets.append(offsets[-1] + (2 if ord(character) > 0xFFFF else 1))
    return offsets


def _line(characters: _Characters, piece: str, offset: int, *, hyphenated: bool) -> Line:
    body = piece.strip()
    first = offset + len(piece) - len(piece.lstrip())
    last = min(first + len(body) - 1, characters.count - 1)
    middle = (first + last) // 2
    left, right, centre = characters.box(first), characters.box(last), characters.box(middle)
    return Line(
        text=" ".join(body.split()) if "  " in body or "\t" in body else body,
        left=left[0],
        right=right[1],
        bottom=min(left[2], right[2]),
        top=max(left[3], right[3], centre[3]),
        size=_size(characters.text_page, middle),
        bold=_is_bold(characters.text_page, first) and _is_bold(characters.text_page, last),
        columns=_columns(characters, body, first, left[0]),
        hyphenated=hyphenated,
    )


def _size(text_page: Any, index: int) -> float:
    matrix = raw.FS_MATRIX()
    size = raw.FPDFText_GetFontSize(text_page.raw, index)
    if raw.FPDFText_GetMatrix(text_page.raw, index, matrix):
        size *= (matrix.c**2 + matrix.d**2) ** 0.5 or 1.0
    return round(float(size), 1)


def _is_bold(text_page: Any, index: int) -> bool:
    if raw.FPDFText_GetFontWeight(text_page.raw, index) >= 600:
        return True
    buffer = ctypes.create_string_buffer(128)
    flags = ctypes.c_int()
    raw.FPDFText_GetFontInfo(text_page.raw, index, buffer, 128, flags)
    return b"bold" in buffer.value.lower() or b"black" in buffer.value.lower()


def _columns(characters: _Characters, body: str, first: int, left: float) -> tuple[float, ...]:
    edges = [left]
    width = 6.0
    for match in re.finditer(" +", body):
        before = characters.box(first + match.start() - 1)
        after = characters.box(first + match.end())
        width = max(width, before[3] - before[2])
        if after[0] - before[1] > 1.6 * width:
            edges.append(after[0])
    return tuple(edges)


@dataclass(frozen=True, slots=True, kw_only=True)
class Typography:
    """What is ordinary in a document: its body size, the larger sizes in order, words with a hyphen."""

    body: float
    larger: tuple[float, ...]  # heading sizes, largest first
    mostly_bold: bool
    hyphenated: frozenset[str]

    @classmethod
    def of(cls, pages: Sequence[Sequence[Line]]) -> Typography:
        sizes: Counter[float] = Counter()
        bold = 0
        words: set[str] = set()
        for line in (line for page in pages for line in page):
            sizes[line.size] += len(line.text)
            bold += len(line.text) if line.bold else 0
            if "-" in line.text:
                words.update(re.findall(r"\w+-\w+", line.text.lower()))
        body = sizes.most_common(1)[0][0] if sizes else 0.0
        larger = sorted({size for size in sizes if size > body * 1.12}, reverse=True)
        return cls(
            body=body,
            larger=tuple(larger),
            mostly_bold=bold * 2 > sum(sizes.values()),
            hyphenated=frozenset(words),
        )

    def heading_level(self, line: Line) -> int:
        """1 to 6 for a line that is set as a heading, else 0."""
        text = line.text
        letters = sum(character.isalpha() for character in text)
        if (
            len(text) > 150
            or not text[0].isalnum()
            or letters < 3
            or letters * 2 < len(text.replace(" ", ""))
        ):
            return 0
        if line.size in self.larger:
            return min(self.larger.index(line.size) + 1, 6)
        if not line.bold or self.mostly_bold or line.size < self.body * 0.95 or len(line.columns) > 2:
            return 0
        if len(text) > 80 or (text.endswith((",", ";", ".")) and not _NUMBERED.match(text)):
            return 0
        return min(len(self.larger) + 1, 6)


class PageLayout:
    """Groups the lines of one page into blocks."""

    def __init__(self, lines: Sequence[Line], typography: Typography) -> None:
        self.lines = lines
        self.typography = typography
        self.rows = self._table_rows()

    def write(self, part: Part) -> None:
        index = 0
        while index < len(self.lines):
            level = 0 if index in self.rows else self.typography.heading_level(self.lines[index])
            end = self._group_end(index, level)
            group = self.lines[index:end]
            if index in self.rows:
                part.add("table_row", group[0].text)
            elif level:
                part.add("heading", self._joined(group), level=level)
            elif _BULLET.match(group[0].text):
                part.add("list_item", self._joined(group))
            else:
                part.add("paragraph", self._joined(group))
            index = end

    def _group_end(self, start: int, level: int) -> int:
        """The line after the last that belongs to the block that begins at `start`."""
        end = start + 1
        if start in self.rows:
            return end
        while end < len(self.lines) and end not in self.rows:
            before, line = self.lines[end - 1], self.lines[end]
            next_level = self.typography.heading_level(line)
            if next_level != level or not self._continues(before, line, level):
                break
            if level and end - start >= 3:
                break
            end += 1
        return end

    def _continues(self, before: Line, line: Line, level: int) -> bool:  # noqa: PLR0911 - first sign decides
        if before.hyphenated:
            return True
        same_row = abs(before.bottom - line.bottom) < 0.6 * max(before.height, line.height)
        if same_row and line.left >= before.right - 2:
            return True
        if _BULLET.match(line.text) or (level and _NUMBERED.match(line.text)):
            return False
        small = min(line.size, before.size) < 0.8 * max(line.size, before.size)
        if small and len(line.text) > 12 and len(before.text) > 12:
            return False
        drop = before.bottom - line.bottom
        if drop < 0:  # a new column or something set above: goes on only in the middle of a sentence
            return not _END.search(before.text) and line.text[:1].islower()
        leading = drop / max(self.typography.body if not level else line.size, 1.0)
        if leading > (1.9 if not level else 1.6):
            return False
        indented = line.left - before.left > 0.8 * line.size and line.left - before.left < 4 * line.size
        return not (indented and _END.search(before.text) and abs(before.left - line.left) > 1)

    def _joined(self, group: Sequence[Line]) -> str:
        text = group[0].text
        for before, line in pairwise(group):
            if before.hyphenated:
                text += self._hyphen(text, line.text) + line.text
            elif (_CJK.match(text[-1:]) and _CJK.match(line.text[:1])) or (
                line.text[:1] in ",.;:)" and before.right <= line.left + 3
            ):
                text += line.text
            else:
                text += " " + line.text
        return text if not group[-1].hyphenated else text + "-"

    def _hyphen(self, before: str, after: str) -> str:
        """A hyphen where the word has one of its own, nothing where it only broke at the line end."""
        head = re.search(r"\w+$", before)
        tail = re.match(r"\w+", after)
        if not head or not tail:
            return "-"
        if not tail.group()[0].islower() or head.group()[-1].isdigit():
            return "-"
        return "-" if f"{head.group()}-{tail.group()}".lower() in self.typography.hyphenated else ""

    def _table_rows(self) -> set[int]:
        """Lines in a run of two or more whose pieces start at the same places."""
        rows: set[int] = set()
        for index in range(len(self.lines) - 1):
            here, below = self.lines[index], self.lines[index + 1]
            if len(here.columns) < 2 or len(below.columns) < 2:
                continue
            shared = sum(any(abs(edge - other) < 6 for other in below.columns) for edge in here.columns)
            if shared >= 2:
                rows.update((index, index + 1))
        return rows
