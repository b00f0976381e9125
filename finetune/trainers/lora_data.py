"""Rows as token ids: what is read and what is learnt, by the very masks that the page shows (finetune.masks).

    found = read_examples(task.train, form, max_length=None, too_long="refuse")
    found.examples[0].ids, .labels

An answer is never cut: a row that is longer than the model takes is refused, or left out where that was asked for.
What follows the last learnt token may be cut, for nothing is learnt of it. read_pairs is for preferences (DPO).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from errors import DatasetFormatError, TrainingFailedError
from finetune.examples import Kind as RowKind
from finetune.examples import Row, kind_of
from finetune.masks import Rendered, rendered, trained_flags
from finetune.strict_json import lines
from finetune.trainers.lora_form import Form
from finetune.trainers.lora_recipe import TooLong

UNLEARNT = -100  # label of a token that is only read; what torch's cross entropy leaves out
_SHOWN = 5  # row numbers in an error


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One text that is trained on.

    Causal: `labels` go with `ids` one by one, UNLEARNT where a token is only read. Seq2seq: `ids` are what the encoder
    reads, `labels` what the decoder writes.
    """

    row: int  # line of the file, 1-based
    ids: tuple[int, ...]
    labels: tuple[int, ...]

    @property
    def learnt(self) -> int:
        return sum(label != UNLEARNT for label in self.labels)

    @property
    def length(self) -> int:
        return max(len(self.ids), len(self.labels))


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A preference: two answers to the same conversation."""

    preferred: Example
    other: Example

    @property
    def length(self) -> int:
        return max(self.preferred.length, self.other.length)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The examples of a file, and what became of its rows."""

    examples: tuple[Example, ...]
    rows: int
    unlearnt: tuple[int, ...]  # rows that hold nothing to learn: left out
    dropped: tuple[int, ...]  # rows that are too long: left out, where that was asked for
    truncated: tuple[int, ...]  # rows cut after their last learnt token
    system: str | None  # the system message, where every row has the same one

    @property
    def learnt(self) -> int:
        """Tokens that are learnt, in one epoch."""
        return sum(example.learnt for example in self.examples)

    @property
    def longest(self) -> int:
        return max(example.length for example in self.examples)

    def sentences(self) -> Iterator[str]:
        read = sum(len(example.ids) for example in self.examples)
        yield (
            f"{self.rows:,} rows are {len(self.examples):,} texts of {read:,} tokens, {self.learnt:,} of them learnt; "
            f"the longest has {self.longest:,}."
        )
        if self.truncated:
            yield f"{_rows(self.truncated)} cut after the last learnt token."
        if self.unlearnt:
            yield f"{_rows(self.unlearnt)} left out: nothing in them is to be learnt."
        if self.dropped:
            yield f"{_rows(self.dropped)} left out as longer than the model takes, as was asked for."

    def as_dict(self) -> dict[str, int]:
        return {
            "rows": self.rows,
            "texts": len(self.examples),
            "learnt_tokens": self.learnt,
            "longest": self.longest,
            "unlearnt_rows": len(self.unlearnt),
            "dropped_rows": len(self.dropped),
            "truncated_rows": len(self.truncated),
        }


def read_examples(
    path: Path, form: Form, *, max_length: int | None, too_long: TooLong, file: str = "training_file"
) -> Found:
    """Every chat and completion row of a file. `max_length`: tokens; None: what the model takes.

    Raises TrainingFailedError: zero_trained_tokens where nothing is learnt, invalid_training_file (or validation)
    where a row is no chat or completion, the template refuses it, or an answer would be cut.
    """
    limit = length_limit(form, max_length)
    reading = _Reading(form=form, limit=limit, file=file)
    for number, row, kind in _rows_of(path, file):
        if kind not in ("chat", "completion"):
            raise _unreadable(file, number, "it is no chat or completion; preferences need the method dpo")
        reading.take(number, row, kind)
    return reading.found(too_long)


def read_pairs(
    path: Path, form: Form, *, max_length: int | None, too_long: TooLong, file: str = "training_file"
) -> tuple[tuple[Pair, ...], Found]:
    """Preference rows as pairs, and the counts over both sides. Raises as read_examples."""
    reading = _Reading(form=form, limit=length_limit(form, max_length), file=file)
    for number, row, kind in _rows_of(path, file):
        if kind != "preference":
            raise _unreadable(
                file, number, "it is no preference (input, preferred_output, non_preferred_output)"
            )
        reading.take(number, row, kind)
    found = reading.found(too_long)
    sides: dict[int, list[Example]] = {}
    for example in found.examples:
        sides.setdefault(example.row, []).append(example)
    whole = (both for both in sides.values() if len(both) == 2)
    return tuple(Pair(preferred=both[0], other=both[1]) for both in whole), found


def encode(text: Rendered, form: Form, *, row: int) -> list[Example]:
    """One example for a causal model; for seq2seq one for each answer, with all before it to read."""
    if form.kind == "seq2seq":
        return [_seq2seq(text.text, span.start, span.end, form, row) for span in text.trained]
    ids = form.renderer.tokenizer.ids(text.text)
    flags = trained_flags(form.renderer.tokenizer.spans(text.text), text.trained)
    labels = [number if flag else UNLEARNT for number, flag in zip(ids, flags, strict=True)]
    if any(
        flag is not None and flag.message is None for flag in flags
    ):  # a completion's end is not in the text
        ids, labels = [*ids, form.eos], [*labels, form.eos]
    return [Example(row=row, ids=tuple(ids), labels=tuple(labels))]


def source_ids(text: str, form: Form) -> list[int]:
    """What the encoder of a seq2seq model reads: the text and its end, as finetune.serving.engine asks."""
    return _ended(form.renderer.tokenizer.ids(text), form)


def length_limit(form: Form, max_length: int | None) -> int | None:
    """Tokens of the longest text that can be trained. Raises TrainingFailedError where more was asked for.

    T5 knows positions only relative to one another: it reads longer texts than it says, when it is told to.
    """
    if max_length is not None and form.kind == "causal" and form.context and max_length > form.context:
        raise TrainingFailedError(
            f"max_length is {max_length:,}, but {form.renderer.name!r} takes {form.context:,} tokens at once: choose a "
            "smaller one, or leave it out.",
            code="invalid_training_file",
            param="max_length",
        )
    return max_length or form.context


class _Reading:
    """Takes rows one by one and keeps count of what becomes of them."""

    def __init__(self, *, form: Form, limit: int | None, file: str) -> None:
        self.form, self.limit, self.file = form, limit, file
        self.examples: list[Example] = []
        self.unlearnt: list[int] = []
        self.long: dict[int, int] = {}  # row -> tokens up to its last learnt one
        self.truncated: list[int] = []
        self.systems: Counter[str | None] = Counter()
        self.rows = 0

    def take(self, number: int, row: Row, kind: RowKind) -> None:
        self.rows += 1
        self.systems[_system(row)] += 1
        made = [example for example in self._encoded(number, row, kind) if example.learnt]
        if not made or (kind == "preference" and len(made) < 2):
            self.unlearnt.append(number)
            return
        needed = max(_needed(example, self.form) for example in made)
        if self.limit and needed > self.limit:
            self.long[number] = needed
            return
        if self.limit and any(example.length > self.limit for example in made):
            self.truncated.append(number)
        self.examples += [_cut(example, self.limit) for example in made]

    def _encoded(self, number: int, row: Row, kind: RowKind) -> list[Example]:
        try:
            texts = rendered(row, self.form.renderer, kind)
        except DatasetFormatError as error:
            raise _unreadable(self.file, number, str(error)) from error
        return [example for text in texts for example in encode(text, self.form, row=number)]

    def found(self, too_long: TooLong) -> Found:
        if self.long and too_long == "refuse":
            raise self._too_long()
        if not self.examples:
            raise TrainingFailedError(
                f"No token of {self.file} is learnt: it needs answers of the assistant whose weight is not 0"
                + (" and that fit into the model." if self.long else "."),
                code="zero_trained_tokens",
                param=self.file,
            )
        return Found(
            examples=tuple(self.examples),
            rows=self.rows,
            unlearnt=tuple(self.unlearnt),
            dropped=tuple(self.long),
            truncated=tuple(self.truncated),
            system=next(iter(self.systems)) if len(self.systems) == 1 else None,
        )

    def _too_long(self) -> TrainingFailedError:
        return TrainingFailedError(
            f"{_rows(tuple(self.long), self.file)} longer than the {self.limit:,} tokens that are trained at once "
            f"(the longest needs {max(self.long.values()):,}), so answers would be cut: raise max_length where the "
            'model takes more, shorten the rows, or leave them out with "too_long": "drop".',
            code=_code(self.file),
            param=self.file,
        )


def _rows_of(path: Path, file: str) -> Iterator[tuple[int, Row, RowKind | None]]:
    for line in lines(path):
        if line.value is not None:
            yield line.number, line.value, kind_of(line.value)
        elif line.fault is not None and line.fault.code != "blank":
            raise _unreadable(file, line.number, line.fault.message)


def _seq2seq(text: str, start: int, end: int, form: Form, row: int) -> Example:
    target = _ended(form.renderer.tokenizer.ids(text[start:end]), form)
    return Example(row=row, ids=tuple(source_ids(text[:start], form)), labels=tuple(target))


def _ended(ids: list[int], form: Form) -> list[int]:
    return ids if ids and ids[-1] == form.eos else [*ids, form.eos]


def _needed(example: Example, form: Form) -> int:
    """Tokens up to the last learnt one."""
    if form.kind == "seq2seq":
        return example.length
    return 1 + max(place for place, label in enumerate(example.labels) if label != UNLEARNT)


def _cut(example: Example, limit: int | None) -> Example:
    return Example(row=example.row, ids=example.ids[:limit], labels=example.labels[:limit])


def _system(row: Row) -> str | None:
    given: Any = row.get("input")
    messages = (given if isinstance(given, dict) else row).get("messages")
    said = messages[0] if isinstance(messages, list) and messages else None
    if isinstance(said, dict) and said.get("role") in ("system", "developer"):
        return said["content"] if isinstance(said.get("content"), str) else None
    return None


def _rows(numbers: tuple[int, ...], file: str | None = None) -> str:
    """ "Row 3 is", "Rows 3, 5 and 12 more of training_file are"."""
    of = f" of {file}" if file else ""
    if len(numbers) == 1:
        return f"Row {numbers[0]}{of} is"
    more = len(numbers) - _SHOWN
    shown = ", ".join(map(str, numbers[:_SHOWN]))
    return f"Rows {shown}{f' and {more:,} more' if more > 0 else ''}{of} are"


def _unreadable(file: str, number: int, why: str) -> TrainingFailedError:
    return TrainingFailedError(
        f"Row {number} of {file} cannot be trained on: {why.rstrip('.')}.", code=_code(file), param=file
    )


def _code(file: str) -> str:
    return "invalid_validation_file" if file == "validation_file" else "invalid_training_file"
