"""Sources that answer one question differently: found, dated and named with their citations, never averaged.

    evidence = (*sentences, *rivals(question, sentences, passages))     what the embedded answer must quote as well
    find_conflicts(question, text, citations, passages, dates=dates)    -> conflicts among what is cited

`rival_citations` is the same for an answer that a chat model wrote, where `[n]` is the n-th passage.
Only sentences of different documents are compared (chains/disagreement.py), and only documents that can speak of one
thing: two contracts with two customers may each have their price.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

from chains.answer import Citation, Conflict, Passage, Side
from chains.citations import exact_citation, markers_in
from chains.disagreement import disagreement
from chains.parallel_rows import row_at, rows_differ
from chains.plain_text import as_prose
from chains.quoting import Evidence
from chains.superseding import changes, still_old
from local.figures import YEARS
from local.sentences import sentence_spans

__all__ = ["Rival", "find_conflicts", "rival_citations", "rivals"]

MOST_RIVALS = 3
LONGEST_VALUE = 120  # characters of what a side says, in the sentence
_LESS = 0.001  # a rival ranks right behind the sentence it contradicts

_TITLE_WORD = re.compile(r"[^\W_]+")
_EDITIONS_ASKED = re.compile(
    r"\b(?:chang|differ|compar|versus|vs\b|previous|former)|\b(?:since|until) (?:19|20)\d\d|\blast year\b",
    re.I,
)
_EDITION = re.compile(
    r"(?:19|20)\d\d|\d{1,3}|v\d+|version|edition|revision|rev|draft|final|copy|old|new|q[1-4]", re.I
)
_SMALL = frozenset({"of", "the", "and", "for", "in", "on", "to", "re", "fwd", "fw"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Rival:
    """`passages[passage_index].text[start:end]` contradicts a quoted sentence; fits `chains.quoting.Evidence`."""

    passage_index: int
    start: int
    end: int
    score: float
    header: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Place:
    """`text[start:end]` is what is compared; the rest of `text` says what it belongs to."""

    title: str
    text: str
    start: int
    end: int

    @property
    def quote(self) -> str:
        return self.text[self.start : self.end]


@dataclass(frozen=True, slots=True, kw_only=True)
class _OtherSide:
    passage_index: int
    start: int
    end: int
    header: tuple[int, int] | None


def rivals(question: str, quoted: Sequence[Evidence], passages: Sequence[Passage]) -> tuple[Rival, ...]:
    """Sentences of other documents among the passages that contradict a quoted one; one a document, best first."""
    if _asks_for_editions(question):
        return ()
    found: list[Rival] = []
    for evidence in sorted(quoted, key=lambda evidence: -evidence.score):
        passage = passages[evidence.passage_index]
        place = _Place(title=passage.document_name, text=passage.text, start=evidence.start, end=evidence.end)
        for other in _contradicting(question, place, passage.document_id, passages):
            document = passages[other.passage_index].document_id
            if document not in {passages[one.passage_index].document_id for one in found}:
                found.append(
                    Rival(
                        passage_index=other.passage_index,
                        start=other.start,
                        end=other.end,
                        score=evidence.score - _LESS,
                        header=other.header,
                    )
                )
    return tuple(found[:MOST_RIVALS])


def _contradicting(
    question: str, place: _Place, document_id: str, passages: Sequence[Passage]
) -> Iterator[_OtherSide]:
    """What other documents say otherwise, in the passages' order."""
    for index, other in enumerate(passages):
        if other.document_id == document_id or not _one_subject(place.title, other.document_name):
            continue
        if _asks_for_one_edition(question, place.title, other.document_name):
            continue
        for start, end in sentence_spans(other.text):
            rival = _Place(title=other.document_name, text=other.text, start=start, end=end)
            if _difference(place, rival, question):
                row = row_at(other.text, start, end)
                change = next((one for one in changes(other.text) if one.start <= start < one.end), None)
                first, last = (change.start, change.end) if change and row is None else (start, end)
                yield _OtherSide(
                    passage_index=index, start=first, end=last, header=row.header if row else None
                )


def rival_citations(
    question: str,
    citations: Sequence[Citation],
    passages: Sequence[Passage],
    document_text: Callable[[str], str],
) -> tuple[Citation, ...]:
    """Citations, numbered by their passage, of passages not cited yet that contradict a cited quote."""
    if _asks_for_editions(question):
        return ()
    cited = {citation.marker for citation in citations}
    found: dict[int, Citation] = {}
    for citation in citations:
        place = _place(citation, passages)
        for other in _contradicting(question, place, citation.document_id, passages):
            number = other.passage_index + 1
            if number not in cited | found.keys():
                found[number] = exact_citation(
                    number, passages[other.passage_index], other.start, other.end, document_text
                )
    return tuple(found.values())[:MOST_RIVALS]


def _place(citation: Citation, passages: Sequence[Passage]) -> _Place:
    """The citation in its passage; by itself where none holds it whole."""
    for passage in passages:
        start = citation.start - passage.start
        end = citation.end - passage.start
        if (
            passage.document_id == citation.document_id
            and passage.text[max(0, start) : end] == citation.quote
        ):
            return _Place(title=citation.document_name, text=passage.text, start=start, end=end)
    quote = citation.quote
    return _Place(title=citation.document_name, text=quote, start=0, end=len(quote))


def find_conflicts(
    question: str,
    text: str,
    citations: Sequence[Citation],
    passages: Sequence[Passage],
    *,
    dates: Mapping[str, str | None],
) -> tuple[Conflict, ...]:
    """Conflicts among the cited quotes, each document once, latest first.

    dates: ISO date of each document by its id. A conflict counts where the answer's text cites one of its sides.
    """
    if _asks_for_editions(question):
        return ()
    known = {passage.document_id for passage in passages}
    usable = [one for one in citations if one.document_id in known]
    told = set(markers_in(text))
    groups: list[dict[str, _Said]] = []
    for one, two in combinations(usable, 2):
        if one.document_id == two.document_id:
            continue
        if not _one_subject(one.document_name, two.document_name):
            continue
        values = _difference(_place(one, passages), _place(two, passages), question)
        if values:
            _join(groups, _Said(one, values[0]), _Said(two, values[1]))
    asked = set(YEARS.findall(question))
    return tuple(
        _conflict(list(group.values()), dates)
        for group in groups
        if told & {said.citation.marker for said in group.values()} and not _told_apart(group, asked, dates)
    )


@dataclass(frozen=True, slots=True)
class _Said:
    citation: Citation
    value: str


def _join(groups: list[dict[str, _Said]], one: _Said, two: _Said) -> None:
    """Sides of one matter stand together: those that share a quote."""
    for group in groups:
        if any(said.citation.marker in (one.citation.marker, two.citation.marker) for said in group.values()):
            group.setdefault(one.citation.document_id, one)
            group.setdefault(two.citation.document_id, two)
            return
    groups.append({one.citation.document_id: one, two.citation.document_id: two})


def _told_apart(group: Mapping[str, _Said], asked: set[str], dates: Mapping[str, str | None]) -> bool:
    """The question names a year, and the sources are of different years: it says which one it means."""
    years = {(dates.get(document) or "")[:4] for document in group}
    return bool(asked) and len(years) > 1


def _asks_for_editions(question: str) -> bool:
    """ "What has changed since 2025?" wants both sides told as an answer, not as a conflict."""
    return bool(_EDITIONS_ASKED.search(question))


def _asks_for_one_edition(question: str, one: str, two: str) -> bool:
    """The question names a year, and the titles are of different years."""
    first, second = set(YEARS.findall(one)), set(YEARS.findall(two))
    return bool(YEARS.search(question) and first and second and first != second)


def _difference(one: _Place, two: _Place, question: str) -> tuple[str, str] | None:
    """What each says where they disagree: in a sentence, a row of two editions, or a figure that has changed."""
    told = _of_sentences(one.quote, two.quote, question) or _of_rows(one, two, question)
    if told:
        return told
    told = _of_change(one, two, question)
    if told:
        return told
    turned = _of_change(two, one, question)
    return (turned[1], turned[0]) if turned else None


def _of_sentences(one: str, two: str, question: str) -> tuple[str, str] | None:
    """Of quotes that may hold several sentences: the first two that disagree."""
    for first in _sentences(one):
        for second in _sentences(two):
            found = disagreement(first, second, question)
            if found:
                return found
    return None


def _of_rows(one: _Place, two: _Place, question: str) -> tuple[str, str] | None:
    if _title_words(one.title) != _title_words(two.title) or not _title_words(one.title):
        return None
    first, second = row_at(one.text, one.start, one.end), row_at(two.text, two.start, two.end)
    if first is None or second is None:
        return None
    return rows_differ(first, second, (one.title, two.title), question)


def _of_change(new: _Place, old: _Place, question: str) -> tuple[str, str] | None:
    """The first says that a figure has changed, and the second still gives the old one."""
    for change in changes(new.text):
        if new.start <= change.new_at < new.end:
            for start, end in sentence_spans(old.quote):
                said = still_old(change, old.quote[start:end], question)
                if said:
                    return change.new.text, said
    return None


def _sentences(text: str) -> list[str]:
    return [_bare(text[start:end]) for start, end in sentence_spans(text)] or [_bare(text)]


def _bare(sentence: str) -> str:
    """Rows written with their headers stay as they are."""
    return sentence.strip() if " | " in sentence else as_prose(sentence)


def _one_subject(one: str, two: str) -> bool:
    """Whether two documents can speak of one thing.

    "Leave policy 2024" and "Leave policy 2025" are editions, "Leave policy" and "Handbook" are two tellers of one
    thing; "Contract Meyer" and "Contract Schulz" are two things.
    """
    first, second = _title_words(one), _title_words(two)
    return not (first & second and first - second and second - first)


def _title_words(title: str) -> set[str]:
    return {
        word.lower()
        for word in _TITLE_WORD.findall(title)
        if not _EDITION.fullmatch(word) and word.lower() not in _SMALL and len(word) > 1
    }


def _conflict(said: Sequence[_Said], dates: Mapping[str, str | None]) -> Conflict:
    sides = [
        Side(
            marker=one.citation.marker,
            document_name=one.citation.document_name,
            value=one.value,
            date=dates.get(one.citation.document_id),
        )
        for one in said
    ]
    ordered = tuple(sorted(sides, key=lambda side: side.date or "", reverse=True))
    return Conflict(sentence=_sentence(ordered), sides=ordered)


def _sentence(sides: Sequence[Side]) -> str:
    """ "The sources differ: Leave policy 2025 (2025-01-01) says 27 days [2]; Leave policy 2024 ... [1]." """
    told = "; ".join(
        f"{_flat(side.document_name)}{f' ({side.date})' if side.date else ''} says {_flat(side.value)} [{side.marker}]"
        for side in sides
    )
    return f"The sources differ: {told}."


def _flat(text: str) -> str:
    from chains.guard import neutralise

    flat = " ".join(neutralise(text, sources=0).split()).rstrip(".")
    return flat if len(flat) <= LONGEST_VALUE else flat[: LONGEST_VALUE - 1].rstrip() + "…"
