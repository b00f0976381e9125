"""What the model is measured on stands in what it learns: L01 exactly, L02 nearly, L03 by document, L04 questions.

The order of the splits is the order in which they were shown: train, validation, test.
"""

from __future__ import annotations

import re
from array import array
from collections.abc import Collection, Iterable, Iterator

from finetune.examples import Kind, Row
from finetune.findings import Finding, Rule, Severity, Where
from finetune.near_duplicates import NearDuplicates, NearSeen, folded
from finetune.row_texts import prompt_of, question_of
from finetune.validation.fingerprints import Fingerprints, Place, digest, leaks

__all__ = ["LeakChecker"]

RULES = (
    Rule(
        id="L01",
        severity="error",
        title="The same row or question in two splits",
        help="A row of the validation or test file, or its question, stands in an earlier split: what is measured "
        "there was learnt by heart. Remove it from one of them, or split again by group.",
    ),
    Rule(
        id="L02",
        severity="warning",
        title="Nearly the same row or question in two splits",
        help="Row or question are at least 0.85 similar to one of an earlier split: the measured quality is flattered. "
        "Keep near duplicates in one split; `dataset split` does.",
    ),
    Rule(
        id="L03",
        severity="error",
        title="One source in two splits",
        help="Rows of one document, user or ticket stand in two splits. For rows made from documents it is an error: "
        "the same passage is learnt and asked for. Split by group; `dataset split` does.",
    ),
    Rule(
        id="L04",
        severity="warning",
        title="Evaluation questions in the training rows",
        help="A question that the workbench measures with is learnt: leave it out of the training rows, or out of the "
        "evaluation.",
    ),
)
_TRAIN = "train"
_NEAR_QUESTION = (
    0.75  # Jaccard similarity to an evaluation question: one word more changes a short text by that
)
_LABEL = re.compile(r"^\W*(?:question|frage|pregunta|domanda|vraag|pergunta|q)\W*:\s*", re.IGNORECASE)


class LeakChecker:
    """L01, L02 and L03 between splits, at the end; L04 row by row."""

    rules: tuple[Rule, ...] = RULES

    def __init__(
        self,
        prints: Fingerprints | None = None,
        *,
        questions: Iterable[str] = (),
        splits: Collection[str] = (_TRAIN, "validation", "test"),
    ) -> None:
        """`splits` that will be shown: with a single one nothing is kept for comparison."""
        given = Fingerprints() if prints is None else prints  # an empty one is falsy
        self._prints = given if len(splits) > 1 else None
        self._asked = NearDuplicates() if len(splits) > 1 else None
        self._evaluation = _Questions(questions)

    def look(self, where: Where, row: Row, kind: Kind) -> Iterator[Finding]:
        if self._prints is not None and self._asked is not None:
            self._prints.take(where, row, kind)
            self._asked.add(question_of(row))
        if where.split == _TRAIN and (message := self._evaluation.found_in(row)):
            yield Finding(rule="L04", severity="warning", message=message, file=where.file, line=where.line)

    def finish(self) -> Iterator[Finding]:
        if self._prints is None or self._asked is None:
            return
        if len(set(self._prints.splits().tolist())) < 2:
            self._asked.close()
            return
        exact: set[int] = set()
        for number, finding in self._exact(self._prints):
            exact.add(number)
            yield finding
        yield from self._near(self._prints, self._asked, exact)
        yield from self._sources(self._prints)

    def _exact(self, prints: Fingerprints) -> Iterator[tuple[int, Finding]]:
        said: set[int] = set()
        for digests, what in ((prints.rows, "This row"), (prints.prompts, "This row's question")):
            for first, later in leaks(digests, prints.splits()):
                if later not in said:
                    said.add(later)
                    here, there = prints.place(later), prints.place(first)
                    yield later, _leak("L01", here, there, f"{what} stands in the {there.split} split too, ")

    def _near(self, prints: Fingerprints, asked: NearDuplicates, exact: set[int]) -> Iterator[Finding]:
        said = set(exact)
        for matches, what in ((prints.near(), "row"), (asked.matches(), "question")):
            for match in matches:
                here, there = prints.place(match.text), prints.place(match.like)
                if here.split != there.split and match.text not in said:
                    said.add(match.text)
                    message = (
                        f"This {what} is nearly one of the {there.split} split "
                        f"(similarity {match.similarity:.2f}), "
                    )
                    yield _leak("L02", here, there, message, severity="warning")
        asked.close()

    def _sources(self, prints: Fingerprints) -> Iterator[Finding]:
        import numpy as np

        said: set[tuple[int, str]] = set()
        rows = np.array([*range(len(prints)), *prints.resting], np.int64)
        order = np.argsort(rows, kind="stable")  # the first of a run is of the split that was shown first
        sources = array("Q", np.array(prints.groups + prints.documents, np.uint64)[order].tobytes())
        rows = rows[order]
        pairs = leaks(sources, prints.splits()[rows])
        for first, later in ((int(rows[one]), int(rows[other])) for one, other in pairs):
            here, there = prints.place(later), prints.place(first)
            if (first, here.split) in said:
                continue
            said.add((first, here.split))
            message = (
                f"This row's source (metadata.group or metadata.document) is in the {there.split} split too, "
            )
            synthetic = prints.synthetic[first] or prints.synthetic[later]
            yield _leak("L03", here, there, message, severity="error" if synthetic else "warning")


class _Questions:
    """The evaluation's questions: equal, as one line of a longer message, or nearly."""

    def __init__(self, questions: Iterable[str]) -> None:
        self._texts = list(questions)
        self._equal = {digest(folded(text)): text for text in self._texts}
        self._near = NearSeen(threshold=_NEAR_QUESTION)
        for text in self._texts:
            self._near.add(text)

    def found_in(self, row: Row) -> str | None:
        if not self._texts:
            return None
        asked = question_of(row)
        lines = {asked, *(_LABEL.sub("", line) for text in _asked(row) for line in text.splitlines())}
        for line in sorted(lines):
            if text := self._equal.get(digest(folded(line))):
                return f"The evaluation question {_short(text)!r} stands in this row: leave it out of one of them."
        match = self._near.like(asked)
        if match is None:
            return None
        return (
            f"This row's question is nearly the evaluation question {_short(self._texts[match.like])!r} "
            f"(similarity {match.similarity:.2f}): leave it out of one of them."
        )


def _asked(row: Row) -> Iterator[str]:
    for message in prompt_of(row):
        if message.get("role") == "user" and isinstance(message.get("content"), str):
            yield message["content"]


def _leak(rule: str, here: Place, there: Place, message: str, *, severity: Severity = "error") -> Finding:
    return Finding(
        rule=rule,
        severity=severity,
        message=f"{message}{there.seen_from(here)}: remove it from one of them.",
        file=here.file,
        line=here.line,
    )


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"
