"""Question sets in BEIR form, put into a real knowledge base and read, for answers.py and fit_confidence.py.

A folder holds corpus.jsonl {_id, title, text} and queries.jsonl {_id, text, answerable?, evidence: [{doc, start}],
source_paragraph}. `answerable` missing means true; `source_paragraph` ("Article#n") names the article a question is
about, by which questions are held apart.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from chains.confidence import signals
from chains.quoting import Evidence, in_answer_order
from loaders.knowledge_base import KnowledgeBase, read_records
from loaders.passage import Passage
from local.encoder import MiniLMEncoder
from local.reader import ExtractiveReader, Reading

PASSAGES = 5
Kind = Literal["answerable", "adversarial", "outside"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One question put to one knowledge base."""

    text: str
    kind: Kind  # adversarial: on the base's subject, but not answered; outside: on no subject of the base
    article: str
    gold: tuple[tuple[str, int], ...] = ()  # (document id, where the answer starts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """What retrieval and reading made of a case."""

    case: Case
    right: bool  # an evidence sentence holds the gold answer
    first_right: bool  # the best-ranked one does
    three_right: bool  # one of the three best-ranked does, quoted or not
    shown_right: bool  # the one that is shown first does
    reachable: bool  # a passage does
    sentences: int
    signals: dict[str, float]
    top_bm25: float


def load_base(folder: Path, work: Path, encoder: MiniLMEncoder) -> KnowledgeBase:
    """The folder's corpus in a knowledge base below `work`, made at the first call."""
    path = work / folder.name
    if (path / "kb.db").exists():
        return KnowledgeBase.open(path, encoder=encoder)
    base = KnowledgeBase.create(path, name=folder.name, encoder=encoder)
    base.ingest(read_records(folder / "corpus.jsonl"))
    return base


def own_cases(folder: Path) -> list[Case]:
    """The folder's questions put to its own corpus."""
    rows = [json.loads(line) for line in (folder / "queries.jsonl").read_text("utf-8").splitlines()]
    return [
        Case(
            text=row["text"],
            kind="answerable" if row.get("answerable", True) else "adversarial",
            article=_article(row),
            gold=tuple((gold["doc"], gold["start"]) for gold in row["evidence"])
            if row.get("answerable", True)
            else (),
        )
        for row in rows
    ]


def outside_cases(asked: Path, corpus: Path) -> list[Case]:
    """Questions of `asked` about articles that `corpus` does not hold."""
    titles = {json.loads(line)["title"] for line in (corpus / "corpus.jsonl").read_text("utf-8").splitlines()}
    known = {title.replace(" ", "_") for title in titles}
    return [
        Case(text=case.text, kind="outside", article=case.article)
        for case in own_cases(asked)
        if case.article not in known
    ]


def sample(cases: Sequence[Case], kind: Kind, count: int) -> list[Case]:
    """At most `count` of the kind, drawn with a fixed seed."""
    wanted = [case for case in cases if case.kind == kind]
    return random.Random(7).sample(wanted, min(count, len(wanted)))


def read_cases(base: KnowledgeBase, encoder: MiniLMEncoder, cases: Sequence[Case]) -> Iterator[Outcome]:
    reader = ExtractiveReader(encoder)
    found = base.search_many([case.text for case in cases], k=PASSAGES)
    for case, passages in zip(cases, found, strict=True):
        yield outcome(case, passages, read(reader, case.text, passages))


def read(reader: ExtractiveReader, question: str, passages: Sequence[Passage]) -> Reading:
    return reader.read(
        question,
        [(passage.document_name, passage.text) for passage in passages],
    )


def outcome(case: Case, passages: Sequence[Passage], reading: Reading) -> Outcome:
    holding = [_holds(case, passages, sentence) for sentence in reading.ranking]
    return Outcome(
        case=case,
        right=any(_holds(case, passages, sentence) for sentence in reading.sentences),
        first_right=any(holding[:1]),
        three_right=any(holding),
        shown_right=any(_holds(case, passages, sentence) for sentence in shown_first(passages, reading)),
        reachable=any(
            passage.document_id == document and passage.start <= start < passage.end
            for passage in passages
            for document, start in case.gold
        ),
        sentences=len(reading.sentences),
        signals=signals(passages, reading),
        top_bm25=max((passage.scores.bm25 or 0.0 for passage in passages), default=0.0),
    )


def shown_first(passages: Sequence[Passage], reading: Reading) -> list[Evidence]:
    """The sentence that the embedded answer begins with; none where nothing was found."""
    return in_answer_order(reading.sentences, passages)[:1]


def _holds(case: Case, passages: Sequence[Passage], sentence: Evidence) -> bool:
    return holds(case, passages[sentence.passage_index], sentence.start, sentence.end)


def holds(case: Case, passage: Passage, start: int, end: int) -> bool:
    """Whether `passage.text[start:end]` holds the place where a gold answer starts."""
    return any(
        passage.document_id == document and passage.start + start <= gold < passage.start + end
        for document, gold in case.gold
    )


def _article(row: dict[str, str]) -> str:
    return row.get("source_paragraph", "").split("#")[0]


def auroc(positive: Sequence[float], negative: Sequence[float]) -> float:
    """Chance that a random positive scores above a random negative; ties count half."""
    ranked = sorted([(value, 1) for value in positive] + [(value, 0) for value in negative])
    total, position = 0.0, 0
    while position < len(ranked):
        end = position
        while end < len(ranked) and ranked[end][0] == ranked[position][0]:
            end += 1
        total += sum(label for _, label in ranked[position:end]) * (position + end + 1) / 2
        position = end
    count = len(positive)
    return (total - count * (count + 1) / 2) / (count * len(negative))
