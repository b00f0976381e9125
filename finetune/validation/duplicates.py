"""Rows that say the same: D01 exactly, D02 nearly, D03 the same question with another answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from finetune.examples import Kind, Row
from finetune.findings import Finding, Rule, Where
from finetune.validation.fingerprints import NONE, Fingerprints, Place, repeats

__all__ = ["DuplicateChecker"]

MANY, TOO_MANY = 0.2, 0.9  # shares of a file's rows that are copies: more is said once more; more is an error
TOO_CONTRADICTORY = (
    0.1  # share of a split's rows whose question has another answer elsewhere: more is an error
)
_AT_LEAST = 4  # contradictory rows before their share counts: two of ten may be meant

RULES = (
    Rule(
        id="D01",
        severity="error",
        title="Exact duplicates",
        help="A row that stands in the file several times weighs several times as much, and its "
        "training is paid for as often. Keep the first. Above 20 % of the rows the file is named as well; above 90 % "
        "it is an error: published sets with a third of copies train, a set of one row does not.",
    ),
    Rule(
        id="D02",
        severity="warning",
        title="Near duplicates",
        help="Users and assistants say nearly the same in two rows (Jaccard similarity of their 5-character shingles "
        "at least 0.85, the same numbers and codes in both). Keep the better one, or make them differ.",
    ),
    Rule(
        id="D03",
        severity="error",
        title="One question, several answers",
        help="The same prompt is answered differently: the model learns to guess. Decide on one answer; a few variants "
        "of one answer do no harm. Above 10 % of the rows it is an error.",
    ),
)


class DuplicateChecker:
    """D01, D02 and D03 within each split. All is said at the end: about 40 bytes of memory a row."""

    rules: tuple[Rule, ...] = RULES

    def __init__(self, prints: Fingerprints | None = None) -> None:
        self._prints = Fingerprints() if prints is None else prints  # an empty one is falsy
        self._rows: Counter[tuple[str, str]] = Counter()  # file, split

    def look(self, where: Where, row: Row, kind: Kind) -> Iterator[Finding]:
        self._rows[where.file, where.split] += 1
        self._prints.take(where, row, kind)
        yield from ()

    def finish(self) -> Iterator[Finding]:
        yield from self._exact()
        yield from self._near()
        yield from self._contradictions()

    def _exact(self) -> Iterator[Finding]:
        copies: Counter[tuple[str, str]] = Counter()
        for first, later in repeats(self._prints.rows, self._prints.splits()):
            here = self._prints.place(later)
            copies[here.file, here.split] += 1
            yield _finding(
                "D01",
                here,
                f"This row is {self._prints.place(first).seen_from(here)} again, apart from case and white space: "
                "keep one of them.",
                fix="remove this row and keep the first",
            )
        for (file, split), count in copies.items():
            share = count / self._rows[file, split]
            if share > MANY:
                yield Finding(
                    rule="D01",
                    severity="error" if share > TOO_MANY else "warning",
                    message=f"{count} of {self._rows[file, split]} rows ({share:.0%}) are copies of earlier ones, more "
                    f"than {TOO_MANY if share > TOO_MANY else MANY:.0%}: remove them.",
                    file=file,
                    fix="remove the copies and keep the first of each",
                )

    def _near(self) -> Iterator[Finding]:
        said = -1
        copies = {
            later for _, later in repeats(self._prints.rows, self._prints.splits())
        }  # D01 has named these
        for match in self._prints.near():
            here, there = self._prints.place(match.text), self._prints.place(match.like)
            if here.split != there.split or match.text == said or match.text in copies:
                continue
            said = match.text
            yield _finding(
                "D02",
                here,
                f"This row says nearly the same as {there.seen_from(here)} (similarity {match.similarity:.2f}): keep "
                "the better one, or make them differ.",
            )

    def _contradictions(self) -> Iterator[Finding]:
        concerned: Counter[tuple[str, str]] = Counter()
        alike = {(match.like, match.text) for match in self._prints.near()}  # D02 has named these
        for first, later in repeats(self._prints.prompts, self._prints.splits()):
            if (first, later) in alike or (message := self._contradiction(first, later)) is None:
                continue
            here = self._prints.place(later)
            concerned[here.file, here.split] += 1
            yield _finding("D03", here, message)
        for (file, split), count in concerned.items():
            share = count / self._rows[file, split]
            if count >= _AT_LEAST and share > TOO_CONTRADICTORY:
                yield Finding(
                    rule="D03",
                    severity="error",
                    message=f"{count} of {self._rows[file, split]} rows ({share:.0%}) answer an earlier row's question "
                    f"differently, more than {TOO_CONTRADICTORY:.0%}: decide on one answer for each question.",
                    file=file,
                )

    def _contradiction(self, first: int, later: int) -> str | None:
        prints = self._prints
        there = prints.place(first).seen_from(prints.place(later))
        if prints.rejected[first] == NONE and prints.answers[first] != prints.answers[later]:
            return f"The same question has another answer in {there}: decide on one answer."
        if NONE != prints.rejected[first] == prints.answers[later]:
            return f"The answer preferred here is the one rejected in {there} for the same prompt: decide on one."
        return None


def _finding(rule: str, here: Place, message: str, fix: str | None = None) -> Finding:
    return Finding(rule=rule, severity="warning", message=message, file=here.file, line=here.line, fix=fix)
