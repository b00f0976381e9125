"""What duplicates and leaks are found by: digests of each row, its prompt and its answer, and its near duplicates.

One set of fingerprints serves the checks of duplicates and of leaks: a row is taken in once, whoever shows it first.
Memory: about 40 bytes a row; texts for the near comparison lie in the temporary folder.
"""

from __future__ import annotations

import json
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING

from finetune.examples import METADATA, Kind, Row
from finetune.findings import Where
from finetune.near_duplicates import Match, NearDuplicates, folded
from finetune.row_texts import answer_of, canonical, conversation, normalised, pieces, prompt_of, question_of

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

__all__ = [
    "NONE", "Fingerprints", "Place", "digest", "documents_of", "leaks", "prompt_digest", "repeats", "said",
]  # fmt: skip

NONE = 0  # the digest of nothing: no prompt, no group
_SHORT_PROMPT = (
    9  # bytes of a folded question: "Hello" and "Hi there" are asked everywhere, and answered in many ways
)


@dataclass(frozen=True, slots=True)
class Place:
    """One row of one file."""

    file: str
    line: int
    split: str

    def seen_from(self, other: Place) -> str:
        """How a message about the other row names this one."""
        return f"line {self.line}" if self.file == other.file else f"line {self.line} of {self.file}"


def digest(text: str) -> int:
    """64 bits; among 2 million rows two different texts share one with a probability of 1 in 10 million."""
    return int.from_bytes(blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()) or 1


class Fingerprints:
    """Digests of all rows by their number, in the order they came."""

    def __init__(self) -> None:
        self.rows = array("Q")  # the whole row
        self.prompts = array(
            "Q"
        )  # everything before the last answer; NONE where no user asks anything of substance
        self.answers = array("Q")
        self.rejected = array("Q")  # the answer not to be given, of preference rows
        self.groups = array("Q")  # metadata.group, else metadata.document
        self.documents = array("Q")  # that an answer rests on beside its group, one after another
        self.resting = array("Q")  # the number of the row that each of them belongs to
        self.synthetic = array("B")  # 1: made from a document
        self._lines = array("L")
        self._files = array("H")
        self._of_file: list[tuple[str, str]] = []
        self._last: Where | None = None
        self._near = NearDuplicates()
        self._matches: list[Match] | None = None

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, where: Where, row: Row, kind: Kind) -> None:
        """Record a row; the row that was recorded last is not recorded twice."""
        if where == self._last:
            return
        self._last = where
        self._place(where)
        whole = canonical(row)
        self.rows.append(digest(whole) if whole else NONE)
        self.prompts.append(prompt_digest(row))
        self.answers.append(digest(normalised(answer_of(row))))
        self.rejected.append(_rejected_digest(row) if kind == "preference" else NONE)
        self._group(row)
        self._near.add(said(row))

    def place(self, number: int) -> Place:
        file, split = self._of_file[self._files[number]]
        return Place(file, self._lines[number], split)

    def splits(self) -> npt.NDArray[np.uint16]:
        """(n,) the number of each row's split."""
        import numpy as np

        names = sorted({split for _, split in self._of_file})
        of_file = np.array([names.index(split) for _, split in self._of_file] or [0], np.uint16)
        return of_file[np.frombuffer(self._files, np.uint16)] if self._files else np.empty(0, np.uint16)

    def near(self) -> Sequence[Match]:
        """Rows whose users and assistants say nearly the same, without those that are equal; computed once."""
        if self._matches is None:
            found = self._near.matches()
            self._matches = [match for match in found if self.rows[match.text] != self.rows[match.like]]
            self._near.close()
        return self._matches

    def close(self) -> None:
        """Free the texts that were to be compared, where nobody asked for near duplicates."""
        self._near.close()

    def _place(self, where: Where) -> None:
        file = (where.file, where.split)
        if file not in self._of_file:
            self._of_file.append(file)
        self._files.append(self._of_file.index(file))
        self._lines.append(where.line)

    def _group(self, row: Row) -> None:
        metadata = row.get(METADATA)
        facts = metadata if isinstance(metadata, dict) else {}
        name = facts.get("group") or facts.get("document")
        self.groups.append(NONE if name is None else digest(str(name)))
        for document in documents_of(row):
            self.documents.append(digest(document))
            self.resting.append(len(self.groups) - 1)
        self.synthetic.append("raft" in facts or facts.get("origin") in ("raft", "generated", "extracted"))


def documents_of(row: Row) -> list[str]:
    """Every document that the answer of a RAFT row rests on: its group names one of them."""
    metadata = row.get(METADATA)
    facts = metadata.get("raft") if isinstance(metadata, dict) else None
    named = facts.get("documents") if isinstance(facts, dict) else None
    return [name for name in named if isinstance(name, str) and name] if isinstance(named, list) else []


def repeats(digests: array[int], splits: npt.NDArray[np.uint16]) -> Iterator[tuple[int, int]]:
    """(first row, row that repeats its digest in the same split), in order of the row that repeats."""
    import numpy as np

    values = _values(digests)
    order = np.lexsort((splits, values))  # stable: rows of one digest and split stand in the file's order
    new = np.ones(len(order), bool)
    new[1:] = (values[order][1:] != values[order][:-1]) | (splits[order][1:] != splits[order][:-1])
    yield from _of_first(order, new, values, np.ones(len(order), bool))


def leaks(digests: array[int], splits: npt.NDArray[np.uint16]) -> Iterator[tuple[int, int]]:
    """(first row, row of another split that has its digest), in order of the row of the other split."""
    import numpy as np

    values = _values(digests)
    order = np.argsort(values, kind="stable")
    new = np.ones(len(order), bool)
    new[1:] = values[order][1:] != values[order][:-1]
    first = order[np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))]
    yield from _of_first(order, new, values, splits[order] != splits[first])


def _of_first(
    order: npt.NDArray[np.intp],
    new: npt.NDArray[np.bool_],
    values: npt.NDArray[np.uint64],
    wanted: npt.NDArray[np.bool_],
) -> Iterator[tuple[int, int]]:
    """Each wanted row with the first one of its run."""
    import numpy as np

    first = order[np.maximum.accumulate(np.where(new, np.arange(len(order)), 0))]
    chosen = ~new & wanted & (values[order] != NONE)
    later = order[chosen]
    by_row = np.argsort(later)
    yield from zip(first[chosen][by_row].tolist(), later[by_row].tolist(), strict=True)


def _values(digests: array[int]) -> npt.NDArray[np.uint64]:
    import numpy as np

    return np.frombuffer(digests, np.uint64) if digests else np.empty(0, np.uint64)


def prompt_digest(row: Row) -> int:
    """Of everything before the last answer; NONE where no user asks anything of substance."""
    if len(folded(question_of(row)).encode("utf-8", "surrogatepass")) < _SHORT_PROMPT:
        return NONE
    prompt = prompt_of(row)
    return digest(json.dumps([(str(m.get("role")), normalised(conversation([m]))) for m in prompt]))


def _rejected_digest(row: Row) -> int:
    messages = row.get("non_preferred_output")
    rows = [m for m in messages if isinstance(m, dict)] if isinstance(messages, list) else []
    return digest(normalised(conversation(rows))) if rows else NONE


def said(row: Row) -> str:
    """What users and assistants say: a system prompt is the same in every row, passages in many."""
    metadata = row.get(METADATA)
    if isinstance(metadata, dict) and isinstance(metadata.get("raft"), dict):
        return f"{question_of(row)}\n{answer_of(row)}"
    return "\n".join(piece.text for piece in pieces(row) if piece.role in ("user", "assistant"))
