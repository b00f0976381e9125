"""Questions that the documents do not answer, made by asking of one thing what they only tell of another.

    for question in missing(candidates, codes, years): ...      # "What is the fuse of IB-30?", "... of Oldeman GmbH?"

A name, code or year of an answerable question is exchanged for another one of its kind: a name that stands beside it
in another table, a code or a year that the documents never mention. Whether they answer it after all is looked up
(`is_told`): no passage that the question or the name finds may hold both the name and half of the other words.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from chains.retrieval import SearchableKnowledge
from evaluation.question_making.candidates import MONTHS, Candidate
from local.lexical import query_terms, stems

__all__ = ["Missing", "is_told", "missing"]

LOOKED_AT = 12  # passages, of the question and of the name
TOLD = 0.5  # share of the other words, beside the name
TRIED = 12  # names, for each question
_YEAR = re.compile(r"\b20[0-4]\d\b")
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    question: str
    name: str  # that was put in
    candidate: Candidate  # that it was made from


def missing(
    found: Sequence[Candidate], codes: Collection[str], years: Collection[str], seed: int
) -> Iterator[Missing]:
    """In the order of the candidates: of each first a code that stands nowhere, then names from elsewhere."""
    tables = _tables(found)
    for one in found:
        for subject in one.subjects:
            if (sibling := _sibling(subject, codes)) is not None:
                yield _exchanged(one, subject, sibling)
            others = _beside(subject, one, tables)
            for name in sorted(others, key=lambda name: _drawn(name, one, seed))[:TRIED]:
                yield _exchanged(one, subject, name)
        if (
            not MONTHS.search(one.question)
            and (year := _YEAR.search(one.question))
            and (other := _other_year(year.group(), years))
        ):
            yield _exchanged(one, year.group(), other)


def is_told(one: Missing, base: SearchableKnowledge) -> bool:
    """Whether a passage may answer it."""
    named = stems(one.name)
    rest = {term.stem for term in query_terms(one.question)} - named
    if not rest:
        return True
    for query in (one.question, one.name):
        for passage in base.search(query, k=LOOKED_AT):
            held = stems(f"{passage.document_name} {' '.join(passage.location.headings)} {passage.text}")
            if named <= held and len(rest & held) >= TOLD * len(rest):
                return True
    return False


def _tables(found: Sequence[Candidate]) -> dict[str, list[str]]:
    """Title of a table -> the names of its rows."""
    tables: dict[str, list[str]] = {}
    for one in found:
        if one.kind == "table":
            tables.setdefault(one.title, []).extend(one.subjects)
    return tables


def _beside(subject: str, one: Candidate, tables: Mapping[str, Sequence[str]]) -> list[str]:
    """Names of its kind: rows of a table that it is a row of too, other than the one that was asked."""
    beside = (names for title, names in tables.items() if title != one.title and subject in names)
    told = {name for title, names in tables.items() if title == one.title for name in names}
    others = dict.fromkeys(name for names in beside for name in names if name not in told)
    return [name for name in others if not stems(name) & stems(subject)]


def _exchanged(one: Candidate, subject: str, name: str) -> Missing:
    return Missing(question=one.question.replace(subject, name), name=name, candidate=one)


def _sibling(code: str, codes: Collection[str]) -> str | None:
    """IB-20 -> IB-30: the next code of its build that stands nowhere."""
    last = next(iter(_DIGITS.findall(code)[-1:]), None)
    if last is None or len(last) > 4:
        return None
    step = 10 if last.endswith("0") else 1
    at = code.rindex(last)
    for more in range(1, 20):
        other = code[:at] + str(int(last) + more * step).zfill(len(last)) + code[at + len(last) :]
        if other not in codes:
            return other
    return None


def _other_year(year: str, years: Collection[str]) -> str | None:
    """The nearest that no document mentions, the past first."""
    near = (str(int(year) + away) for more in range(1, 12) for away in (-more, more))
    return next((one for one in near if one not in years), None)


def _drawn(name: str, one: Candidate, seed: int) -> bytes:
    return hashlib.sha256(f"{seed}\x1f{name}\x1f{one.question}".encode()).digest()
