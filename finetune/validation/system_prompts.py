"""The system prompts of a file: how many, which are nearly the same, and whether the one of later use "
"is among them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from finetune.examples import Row
from finetune.findings import Finding, Where
from finetune.near_duplicates import NearSeen
from finetune.row_texts import normalised, pieces

__all__ = ["SystemPrompts"]

_KEPT = 2_000  # different prompts that are told apart
_MANY, _SHARE = 10, 0.1  # more variants than 10 and than a tenth of the rows are many
_MIXED = 0.05  # at least this share of rows with a prompt, and of rows without
_SYSTEM = frozenset({"system", "developer"})


class SystemPrompts:
    """Q02 for one file."""

    def __init__(self, where: Where, expected: str | None) -> None:
        self._file = where.file
        self._expected = normalised(expected) if expected else None
        self._rows: Counter[str] = Counter()  # by prompt; "" for rows without one
        self._first: dict[str, int] = {}  # the line that brings a prompt first
        self._beyond = 0  # rows of prompts beyond those that are kept

    def add(self, where: Where, row: Row) -> None:
        prompt = normalised("\n".join(piece.text for piece in pieces(row) if piece.role in _SYSTEM))
        if prompt not in self._rows and len(self._rows) >= _KEPT:
            self._beyond += 1
            return
        self._rows[prompt] += 1
        self._first.setdefault(prompt, where.line)

    def findings(self) -> Iterator[Finding]:
        prompts = [prompt for prompt in self._rows if prompt]
        rows, without = self._rows.total() + self._beyond, self._rows[""]
        if min(without, rows - without) > _MIXED * rows:
            line = self._first[""] if without * 2 <= rows else self._first[prompts[0]]
            yield self._finding(
                f"{without} of {rows} rows have no system prompt and the others have one: the model learns two "
                "manners. Give all rows the prompt that it will be asked with, or none.",
                line,
            )
        if len(prompts) > max(_MANY, _SHARE * rows):
            more = " or more" if self._beyond else ""
            yield self._finding(
                f"{len(prompts)}{more} different system prompts in {rows} rows: the model is asked with "
                f"one of them "
                "later, so teach it with that one.",
            )
        yield from self._variants(prompts)
        if self._expected is not None and prompts and self._expected not in self._rows:
            yield self._finding(
                "No row has the system prompt that the model will be asked with: training and use "
                "differ. Put that "
                "prompt into the rows."
            )

    def _variants(self, prompts: list[str]) -> Iterator[Finding]:
        """Prompts that differ by a typing error from one that more rows have."""
        if len(prompts) < 2:
            return
        seen = NearSeen()
        ordered = sorted(prompts, key=lambda prompt: (-self._rows[prompt], self._first[prompt]))
        for prompt in ordered:
            if match := seen.add(prompt):
                usual = ordered[match.like]
                yield self._finding(
                    f"The system prompt of {_rows(self._rows[prompt])} is nearly that of "
                    f"{_rows(self._rows[usual])} "
                    f"(line {self._first[usual]}, similarity {match.similarity:.2f}): write it in one way.",
                    self._first[prompt],
                )

    def _finding(self, message: str, line: int | None = None) -> Finding:
        return Finding(rule="Q02", severity="warning", message=message, file=self._file, line=line)


def _rows(count: int) -> str:
    return "1 row" if count == 1 else f"{count} rows"
