"""Tables inside a passage: which row a figure or a name stands in, and under which column.

    against_rows("Denmark allows 195.", ["Country Limit\\nGermany 195\\nDenmark 175"])
        ->  ["figure 195 stands in the row of 'Germany'"]

Rows with cells parted by pipes or tabs, and lines that end in as many figures as their neighbours (tables of a
PDF). Columns are known where the header can be parted into as many pieces as there are values.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from chains.clauses import Words, content_words, held_stems
from chains.plain_text import cells
from chains.quantities import Quantity, is_amount, is_year, quantities, same_figure
from local.sentences import is_field, is_table_row, sentence_spans

__all__ = ["against_rows", "named_rows"]

LABEL_NAMED = 0.6  # share of a row's label that a claim must hold, to speak of that row
LONGEST_ROW = 100  # characters of a line that is taken for a row without pipes

_LINE_OF_VALUES = re.compile(
    r"(?P<label>[^\d\W].*?)\s+(?P<values>[€$£]?\d[\d.,]*(?:\s?(?:%|[^\W\d_]+))?(?:\s+[€$£]?\d[\d.,]*(?:\s?(?:%|[^\W\d_]+))?)*)"
)
_RULE = re.compile(r"[|\s:=-]+")
_LEFT_OUT = re.compile(
    r"\b(?:outside(?: of)?|except(?: for| in)?|other than|not(?: in| during)?)\s+", re.IGNORECASE
)
_QUALIFIES = re.compile(r"(?:in|on|at|during|with|without|outside|from|until)\s", re.IGNORECASE)
_RUNS_ON = re.compile(r"[\s,&/-]*(?:(?:and|or|de|van|von|der|la)\s)?\s*(?:the\s)?", re.IGNORECASE)
_PARTS = re.compile(r",|\band\b|\bor\b|&", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    text: str
    label: str
    values: tuple[tuple[Quantity, ...], ...]  # cell by cell, the label's among them where pipes part the row
    columns: tuple[str, ...]  # as many as `values`, or none


Table = tuple[_Row, ...]


def against_rows(claim: str, texts: Sequence[str]) -> list[str]:
    """What the tables of the texts say against the claim, in words."""
    tables = [table for text in texts for table in _tables(text)]
    if not tables:
        return []
    prose = [line for text in texts for line in _prose(text)]
    return [
        *_figures(claim, [row for table in tables for row in table], prose),
        *_names(claim, tables, prose),
    ]


def named_rows(claim: str, text: str) -> list[str]:
    """The rows of the text whose label the claim holds."""
    return [row.text for row in _named(claim, [row for table in _tables(text) for row in table])]


# --- figures -----------------------------------------------------------------------------------------


def _figures(claim: str, rows: Sequence[_Row], prose: Sequence[str]) -> Iterator[str]:
    named = _named(claim, rows)
    for figure in quantities(claim):
        if not is_amount(figure.value):
            continue
        holding = [row for row in rows if any(_has(cell, figure) for cell in row.values)]
        if not named or not holding or any(_has(quantities(line), figure) for line in prose):
            continue
        shown = claim[figure.start : figure.end]
        own = [row for row in holding if row in named]
        if not own:
            yield f"figure {shown} stands in the row of {holding[0].label!r}"
            continue
        wrong = [_wrong_column(claim, figure, row) for row in own]
        if all(wrong):
            yield f"figure {shown} stands under {wrong[0]!r}"


def _named(claim: str, rows: Sequence[_Row]) -> list[_Row]:
    """The rows whose label the claim holds, or most of it where none stands there whole."""
    stems = held_stems(claim)
    shares = [_share(_stems(row.label), stems) for row in rows]
    best = max(shares, default=0.0)
    return [row for row, share in zip(rows, shares, strict=True) if share >= max(LABEL_NAMED, best)]


def _share(words: frozenset[str], held: frozenset[str]) -> float:
    return len(words & held) / len(words) if words else 0.0


def _wrong_column(claim: str, figure: Quantity, row: _Row) -> str | None:
    """The column that the figure stands under, where the claim speaks of another; None where it does not."""
    places = [place for place, cell in enumerate(row.values) if _has(cell, figure)]
    if not row.columns or len(places) != 1:
        return None
    (own,) = places
    mine = _distinct(row, own)
    left_out = _left_out(claim)
    if mine and mine <= left_out:
        return row.columns[own]
    said = _stems(claim)
    for other, cell in enumerate(row.values):
        if other == own or not _rivals(cell, figure) or any(_has(quantities(claim), one) for one in cell):
            continue
        theirs = _distinct(row, other)
        ours_narrow, theirs_narrow = (bool(_QUALIFIES.match(row.columns[place])) for place in (own, other))
        unnamed = ours_narrow and not theirs_narrow and theirs & said and not mine & said
        narrower = theirs_narrow and not ours_narrow
        if unnamed or (theirs and theirs <= said - left_out and (narrower or not mine <= said)):
            return row.columns[own]
    return None


def _rivals(cell: Sequence[Quantity], figure: Quantity) -> bool:
    return any(
        not is_year(one.value) and (not one.unit or one.unit == figure.unit or not figure.unit)
        for one in cell
    )


def _distinct(row: _Row, place: int) -> frozenset[str]:
    """The words that this column's name alone has."""
    others = [_stems(name) for other, name in enumerate(row.columns) if other != place]
    return _stems(row.columns[place]).difference(*others)


def _left_out(claim: str) -> frozenset[str]:
    """Stems of the two words after "outside", "except" and the like."""
    found: set[str] = set()
    for match in _LEFT_OUT.finditer(claim):
        found.update(word.stem for word in content_words(claim[match.end() :])[:2])
    return frozenset(found)


def _stems(text: str) -> frozenset[str]:
    """Stems of the content words, and figures."""
    return frozenset(word.stem for word in content_words(text)) | {each.value for each in quantities(text)}


def _has(figures: Sequence[Quantity], figure: Quantity) -> bool:
    return any(same_figure(figure.value, each.value) for each in figures)


# --- names -------------------------------------------------------------------------------------------


def _names(claim: str, tables: Sequence[Table], prose: Sequence[str]) -> Iterator[str]:
    """Two names that a claim joins and that stand in two rows of a table, never in one."""
    groups = _groups(claim)
    if len(groups) != 2:
        return
    first, second = groups
    everything = [*prose, *(row.text for table in tables for row in table)]
    if any(_told(claim, first, line) and _told(claim, second, line) for line in everything):
        return
    for table in tables:
        if all(any(_told(claim, group, row.text) for row in table) for group in groups):
            one, other = (claim[group[0].start : group[-1].end] for group in groups)
            yield f"{one!r} stands in another row than {other!r}"
            return


def _groups(claim: str) -> list[list[Words]]:
    """Names in the order of the claim; those with nothing but a comma or an "and" between them are a group."""
    found: list[list[Words]] = []
    for word in content_words(claim):
        if word.kind != "name":
            continue
        if found and _RUNS_ON.fullmatch(claim, found[-1][-1].end, word.start):
            found[-1].append(word)
        else:
            found.append([word])
    return found


def _told(claim: str, group: Sequence[Words], line: str) -> bool:
    """Whether the line holds the whole of one of the group's names."""
    held = held_stems(line)
    start = group[0].start
    pieces = _PARTS.split(claim[start : group[-1].end])
    return any(_stems(piece) and _stems(piece) <= held for piece in pieces)


# --- tables of a text --------------------------------------------------------------------------------


@lru_cache(maxsize=1024)
def _tables(text: str) -> tuple[Table, ...]:
    found: list[Table] = []
    for paragraph in re.split(r"\n\s*\n", text):
        lines = [line.strip() for line in paragraph.splitlines() if line.strip()]
        for piped, run in groupby(lines, key=is_table_row):
            found.append((_piped if piped else _lined)(tuple(run)))
    return tuple(table for table in found if len(table) > 1)


@lru_cache(maxsize=1024)
def _prose(text: str) -> tuple[str, ...]:
    """The sentences that are no row of a table."""
    rows = {row.text for table in _tables(text) for row in table}
    return tuple(
        text[start:end] for start, end in sentence_spans(text) if text[start:end].strip() not in rows
    )


def _piped(lines: Sequence[str]) -> Table:
    rows = [line for line in lines if not _RULE.fullmatch(line)]
    ruled = len(lines) > 1 and _RULE.fullmatch(lines[1]) is not None
    header = rows[0] if ruled or (not quantities(rows[0]) and len(rows) > 1) else ""
    if all(is_field(cell) for cell in cells(rows[0])):
        header = ""
    names = tuple(cells(header, keep_empty=True)) if header else ()
    return tuple(_piped_row(row, names) for row in rows[1 if header else 0 :])


def _piped_row(row: str, names: tuple[str, ...]) -> _Row:
    values = cells(row, keep_empty=True)
    if not names and all(is_field(cell) for cell in values):
        names, values = (
            tuple(cell.partition(":")[0] for cell in values),
            [cell.partition(":")[2].strip() for cell in values],
        )
    return _Row(
        text=row,
        label=values[0] if values else "",
        values=tuple(quantities(value) for value in values),
        columns=names if len(names) == len(values) else (),
    )


def _lined(lines: Sequence[str]) -> Table:
    """Rows of a table that has lost its borders; its header stands in the line before the first."""
    matches = [
        _LINE_OF_VALUES.fullmatch(line) if len(line) <= LONGEST_ROW and line[-1] not in ".!?:;" else None
        for line in lines
    ]
    found = [(place, match, quantities(match["values"])) for place, match in enumerate(matches) if match]
    counts = [len(figures) for _, _, figures in found]
    usual = max(counts, key=counts.count, default=0)
    rows = [(place, match, figures) for place, match, figures in found if len(figures) == usual]
    if len(rows) > 1 and all(is_year(each.value) for each in rows[0][2]):
        header, rows = lines[rows[0][0]], rows[1:]
    else:
        header = lines[rows[0][0] - 1] if rows and rows[0][0] else ""
    columns = _columns(header, usual)
    return tuple(
        _Row(
            text=match.string,
            label=match["label"],
            values=tuple((each,) for each in figures),
            columns=columns,
        )
        for _, match, figures in rows
    )


def _columns(header: str, count: int) -> tuple[str, ...]:
    """The names of the columns of figures; empty where the header does not tell them apart."""
    figures = quantities(header)
    if len(figures) == count:
        return tuple(header[each.start : each.end] for each in figures)
    named = header.partition(" ")[2]  # without the name of the labels' column
    pieces = [piece.strip() for piece in re.findall(r"[^)]+\)|[^)]+$", named) if piece.strip()]
    return tuple(pieces) if len(pieces) == count else ()
