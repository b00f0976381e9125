"""The answers of a file taken together: refusals, openings, classes and languages that make up too much "
"of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

from finetune.examples import Row
from finetune.findings import Finding, Where
from finetune.row_texts import answer_of, normalised, question_of
from finetune.validation.language import language_of
from finetune.validation.wordings import is_refusal, opening

__all__ = ["Answers"]

REFUSALS = 0.3  # share of answers that refuse: RAFT's own share of unanswerable rows is 0.2
OPENINGS = 0.3  # share of answers that begin with the same two words
ONE_CLASS = 0.6  # share of the most frequent answer, where answers are classes
LANGUAGES = 0.05  # share of answers that are not in the language of most
_FEWEST = 20  # rows before shares say anything
_CLASS_LENGTH = 60  # characters of an answer that may be a class
_CLASSES = 20  # different answers that make classes, at most, or a tenth of the rows
_KEPT = 20_000  # different openings and short answers that are counted
_READ, _EVERY = 1_000, 20  # rows whose languages are told, and then every so many


class Answers:
    """Q01 for one file, as far as it takes all rows."""

    def __init__(self, where: Where) -> None:
        self._file = where.file
        self._count = 0
        self._refusals: list[int] = []  # lines of the first few
        self._refused = 0
        self._openings: Counter[str] = Counter()
        self._short: Counter[str] = Counter()
        self._languages: Counter[str] = Counter()
        self._first: dict[str, int] = {}  # language -> line
        self._crossed: Counter[tuple[str, str]] = Counter()  # (of the question, of the answer)
        self._crossed_at: dict[tuple[str, str], int] = {}

    def add(self, where: Where, row: Row) -> None:
        answer = answer_of(row)
        if not answer.strip():
            return
        self._count += 1
        if is_refusal(answer):
            self._refused += 1
            self._refusals = [*self._refusals, where.line][:3]
        if start := opening(answer):
            _count(self._openings, start)
        if len(answer) <= _CLASS_LENGTH:
            _count(self._short, normalised(answer))
        if self._count <= _READ or self._count % _EVERY == 0:
            self._tell_languages(where, question_of(row), answer)

    def findings(self) -> Iterator[Finding]:
        if self._count < _FEWEST:
            return
        if self._refused > REFUSALS * self._count:
            lines = ", ".join(map(str, self._refusals))
            yield self._finding(
                f"{self._share(self._refused)} of the answers refuse or say that they do not know (lines "
                f"{lines} ...): "
                "the model will refuse as often. Leave some of them out.",
            )
        yield from self._same_openings()
        yield from self._one_class()
        yield from self._mixed()

    def facts(self) -> dict[str, Any]:
        """Counts for reports."""
        return {
            "answers": self._count,
            "refusals": self._refused,
            "languages": dict(self._languages.most_common(10)),
        }

    def _tell_languages(self, where: Where, question: str, answer: str) -> None:
        language = language_of(answer)
        if language is None:
            return
        self._languages[language] += 1
        self._first.setdefault(language, where.line)
        asked = language_of(question)
        if asked is not None and asked != language:
            self._crossed[asked, language] += 1
            self._crossed_at.setdefault((asked, language), where.line)

    def _same_openings(self) -> Iterator[Finding]:
        for start, count in self._openings.most_common(1):
            if count > OPENINGS * self._count and count >= _FEWEST / 2 and len(self._openings) > 1:
                yield self._finding(
                    f"{self._share(count)} of the answers begin with {start!r}: the model will begin most "
                    f"of its answers "
                    "so. Vary them, or keep it knowingly.",
                )

    def _one_class(self) -> Iterator[Finding]:
        """Answers that are classes: short, and few different ones."""
        if self._short.total() < 0.9 * self._count or len(self._short) > max(_CLASSES, 0.1 * self._count):
            return
        for answer, count in self._short.most_common(1):
            if count > ONE_CLASS * self._count:
                yield self._finding(
                    f"{self._share(count)} of the answers are {answer!r}: the model does well by always "
                    f"saying it. Balance "
                    "the classes, or measure each of them.",
                )

    def _mixed(self) -> Iterator[Finding]:
        told = self._languages.total()
        for language, count in self._languages.most_common()[1:]:
            if count > LANGUAGES * told and count > 1:
                most = self._languages.most_common(1)[0][0]
                yield self._finding(
                    f"{count} of the {told} answers whose language was told are in {language!r}, most are in {most!r}: "
                    "keep them if the model is to answer in both.",
                    self._first[language],
                )
        for (asked, answered), count in self._crossed.most_common(3):
            if count > LANGUAGES * told and count > 1:
                yield self._finding(
                    f"{count} of the {told} rows whose languages were told ask in {asked!r} and answer in "
                    f"{answered!r}: keep them if that is what the model is for.",
                    self._crossed_at[asked, answered],
                )

    def _share(self, count: int) -> str:
        return f"{count} of {self._count} ({count / self._count:.0%})"

    def _finding(self, message: str, line: int | None = None) -> Finding:
        return Finding(rule="Q01", severity="warning", message=message, file=self._file, line=line)


def _count(counter: Counter[str], value: str) -> None:
    if value in counter or len(counter) < _KEPT:
        counter[value] += 1
