"""Doubts about an answer, laid over its drawn text: which words of the Markdown are which characters of the answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

from chains.answer import CheckedClaim

NOT_BACKED = "not supported by a cited passage"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """`text[start:end]` of an answer is in doubt; `label` says why, for a pointer and for a screen reader."""

    start: int
    end: int
    label: str


def doubts(claims: Sequence[CheckedClaim]) -> tuple[Mark, ...]:
    """The claims that no cited passage supports, in the order of the text, none overlapping the one before."""
    found: list[Mark] = []
    for claim in sorted(claims, key=lambda one: one.start):
        start = max(claim.start, found[-1].end if found else 0)
        if claim.verdict != "supported" and start < claim.end:
            found.append(Mark(start=start, end=claim.end, label=NOT_BACKED))
    return tuple(found)


class Places:
    """Finds the text of Markdown nodes, which come in document order, in the source they were parsed from.

    Markup is skipped over. A block begins at its line, so a mistake in one (an entity, say) ends with it.
    """

    def __init__(self, source: str, marks: Sequence[Mark]) -> None:
        self._source = source
        self._marks = marks
        self._cursor = 0
        self._lines = [0, *accumulate(len(line) + 1 for line in source.split("\n"))]

    def enter_line(self, line: int) -> None:
        if line < len(self._lines):
            self._cursor = max(self._cursor, self._lines[line])

    def cut(self, content: str) -> Iterator[tuple[int, int, Mark | None]]:
        """(start, end, mark) of the runs of `content` under one mark or none; they join to the whole."""
        offsets = self._offsets(content) if self._marks else ()
        under = [self._mark_at(offset) for offset in offsets] or [None] * len(content)
        first = 0
        for index in range(1, len(content) + 1):
            if index == len(content) or under[index] is not under[first]:
                yield first, index, under[first]
                first = index

    def _offsets(self, content: str) -> list[int]:
        found = self._source.find(content, self._cursor)
        if found >= 0:
            self._cursor = found + len(content)
            return list(range(found, self._cursor))
        return [self._one(letter) for letter in content]

    def _one(self, letter: str) -> int:
        """Past an escape or an entity the letters are found one by one, or stay where the last one was."""
        found = self._source.find(letter, self._cursor, self._cursor + 12)
        self._cursor = found + 1 if found >= 0 else self._cursor
        return max(0, self._cursor - 1)

    def _mark_at(self, offset: int) -> Mark | None:
        return next((mark for mark in self._marks if mark.start <= offset < mark.end), None)
