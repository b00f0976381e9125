"""Search in steps: where one passage names what another one tells, the second is searched for as well.

    found = search_in_steps(knowledge_base, "Which district is Icknield Walk First School in?", k=5)
    found.passages, found.steps

The first search is the question as asked. Names that its best passages bring in (chains/bridges.py) are searched for
together with the question's words that stand open; a passage whose title, heading or text is of such a name is
lifted, by how much of the open question it holds. A question that one passage covers costs one search.
Measured by benchmarks/multihop.py.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import islice
from typing import TYPE_CHECKING, Protocol

from chains.answer import EvidenceStep, Passage
from chains.bridges import Bridge, Query, bridges_in, plain, subject_names
from chains.decomposing import decomposed
from chains.phrases import names
from local.lexical import STOP_WORDS

if TYPE_CHECKING:
    from chains.generation import CallLog
    from chains.models import ConnectedModel

__all__ = ["Found", "search_in_steps", "search_many_in_steps"]

POOL = 30  # passages of the first search that are looked at
SOURCES = 3  # best ones of them that may name something
BRIDGES = 4  # searched for in the second step
SECOND = 5  # passages of each such search
TOP = 5  # passages that should hold every name of the question
UNHELD = 2  # names that are searched for because they do not
COMMON = 0.3  # of the passages hold a name: it leads nowhere
STEPS = 3  # that an answer is told about, the first included
LEFT_OPEN = 0.5  # of the question: a connected chat model is asked for further queries
MODEL_PASSAGES = 3  # of each of its queries
COVERED = 0.95  # of the question by one passage: nothing is left to search for
# In units of the fused score, which is in deviations.
TITLED = 2.0  # for a passage whose title or heading is a bridge
HELD = 2.0  # for a passage that holds a bridge, times what it adds
ASKED = 1.0  # for a passage whose title stands in the question
STRONG = 1.0  # a lift that is told as a step of its own even where the first search had the passage
DECAY = 0.8  # for each rank of the source


class Searchable(Protocol):
    def search_many(
        self, queries: Sequence[str], *, k: int = 10, filter: Mapping[str, str] | None = None
    ) -> list[list[Passage]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    passages: tuple[
        Passage, ...
    ]  # best first; `score` with what lifted them, `scores` as their search gave them
    steps: tuple[EvidenceStep, ...]  # the first one is the question as asked; more where more was needed


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """Why a passage was lifted."""

    bridge: Bridge
    query: str
    lift: float


def search_in_steps(
    knowledge_base: Searchable,
    query: str,
    *,
    k: int,
    filter: Mapping[str, str] | None = None,
    model: ConnectedModel | None = None,
    log: CallLog | None = None,
) -> Found:
    """The `k` best passages, and what each step brought.

    model: asked what else to look up, only where the passages found leave half of the question open. A server that
    fails leaves a notice in `log`, and what was found stands.
    """
    found = search_many_in_steps(knowledge_base, [query], k=k, filter=filter)[0]
    if model is None or log is None or not found.passages or open_share(query, found.passages) < LEFT_OPEN:
        return found
    asked = decomposed(query, found.passages, model, log)
    if not asked:
        return found
    more = knowledge_base.search_many(asked, k=MODEL_PASSAGES, filter=filter)
    return _joined(found, asked, more, model.model_id, k)


def open_share(query: str, passages: Sequence[Passage]) -> float:
    """How much of the question no passage holds, 0..1."""
    words = Query(query, passages)
    held = frozenset[str]().union(*map(words.held, passages))
    return 1 - words.share(held)


def _joined(found: Found, asked: Sequence[str], more: Sequence[Sequence[Passage]], by: str, k: int) -> Found:
    """What the model's queries found stands behind the first passages, in place of the last ones."""
    known = {passage.chunk_id for passage in found.passages}
    steps, new = list(found.steps), list[Passage]()
    for query, passages in zip(asked, more, strict=True):
        fresh = [p for p in passages if p.chunk_id not in known][: max(1, k // 3)]
        known.update(p.chunk_id for p in fresh)
        new += fresh
        if fresh:
            why = f"{by} asked for it, because no passage held all of the question."
            steps.append(EvidenceStep(query=query, why=why, chunk_ids=tuple(p.chunk_id for p in fresh)))
    kept = [*found.passages[: max(1, k - len(new))], *new][:k]
    held = {passage.chunk_id for passage in kept}
    told = [replace(step, chunk_ids=tuple(c for c in step.chunk_ids if c in held)) for step in steps]
    return Found(passages=tuple(kept), steps=tuple(step for step in told if step.chunk_ids)[:STEPS])


def search_many_in_steps(
    knowledge_base: Searchable, queries: Sequence[str], *, k: int, filter: Mapping[str, str] | None = None
) -> list[Found]:
    """`search_in_steps` for each query; the searches of a step are made together."""
    first = knowledge_base.search_many(queries, k=max(k, POOL), filter=filter)
    hops = [_Hop(query, found) for query, found in zip(queries, first, strict=True)]
    asked = [query for hop in hops for query in hop.queries]
    second: Iterator[list[Passage]] = iter(
        knowledge_base.search_many(asked, k=SECOND, filter=filter) if asked else []
    )
    return [hop.found([next(second) for _ in hop.queries], k) for hop in hops]


class _Hop:
    """One question after its first search."""

    def __init__(self, text: str, found: Sequence[Passage]) -> None:
        self._query = Query(text, found[:POOL])
        self._passages = {passage.chunk_id: passage for passage in found}
        self._scores = {passage.chunk_id: passage.score for passage in found}
        self._second: list[Passage] = []
        self._lift_asked()
        self._sources = self._ranked()[:SOURCES]
        self._told = [f" {plain(source.text)} " for source in self._sources]
        self._bridges = [*self._unheld(), *self._heaviest()]

    @property
    def queries(self) -> list[str]:
        return [self._second_query(bridge) for bridge in self._bridges]

    def found(self, second: Sequence[Sequence[Passage]], k: int) -> Found:
        links: dict[str, Link] = {}
        for bridge, passages in zip(self._bridges, second, strict=True):
            self._take_in(passages)
            for rank, passage in enumerate(passages):
                _keep(links, passage, self._link(bridge, passage, rank))
        for key, link in self._title_links().items():
            _keep(links, self._passages[key], link)
        before = {passage.chunk_id for passage in self._ranked()[:k]}
        for key, link in links.items():
            self._scores[key] += link.lift
        ranked = self._ranked()[:k]
        needed = {key: link for key, link in links.items() if link.lift >= STRONG or key not in before}
        scored = tuple(replace(passage, score=self._scores[passage.chunk_id]) for passage in ranked)
        return Found(passages=scored, steps=self._steps(ranked, needed))

    def _ranked(self) -> list[Passage]:
        """Best first; in the order of the search among equals."""
        return sorted(self._passages.values(), key=lambda passage: -self._scores[passage.chunk_id])

    def _take_in(self, passages: Sequence[Passage]) -> None:
        floor = min(self._scores.values())
        self._second += [passage for passage in passages if passage.chunk_id not in self._passages]
        for passage in passages:
            self._scores.setdefault(passage.chunk_id, floor)
            self._passages.setdefault(passage.chunk_id, passage)

    def _lift_asked(self) -> None:
        """A passage whose title the question names; the best one of each title."""
        seen: set[str] = set()
        for passage in self._passages.values():
            title = plain(subject_names(passage)[0]) if subject_names(passage) else ""
            if title and title not in seen and f" {title} " in self._query.plain:
                self._scores[passage.chunk_id] += ASKED
            seen.add(title)

    def _unheld(self) -> list[Bridge]:
        """Names of the question that none of its best passages holds: one side of a comparison, most often."""
        best = self._ranked()[:TOP]
        held = " ".join(f" {plain(f'{passage.document_name} {passage.text}')} " for passage in best)
        missing = [name for name in names(self._query.text) if f" {plain(name)} " not in held]
        return [
            Bridge(name=name, source=best[0], weight=1.0, asked=True) for name in missing[:UNHELD] if best
        ]

    def _common(self, name: str) -> bool:
        """Whether so many of the passages hold the name that it leads nowhere: the company's own."""
        held = sum(f" {plain(name)} " in text for text in self._plain_pool)
        return held > max(SOURCES, COMMON * len(self._plain_pool))

    @cached_property
    def _plain_pool(self) -> list[str]:
        return [f" {plain(passage.text)} " for passage in list(self._passages.values())[:POOL]]

    def _heaviest(self) -> list[Bridge]:
        found: dict[str, tuple[float, Bridge]] = {}
        for rank, source in enumerate(self._sources):
            if self._query.share(self._query.held(source)) >= COVERED:
                continue
            for bridge in bridges_in(source, self._query):
                weight = (0.3 + bridge.weight) * DECAY**rank
                if weight > found.get(plain(bridge.name), (0.0, bridge))[0]:
                    found[plain(bridge.name)] = (weight, bridge)
        ranked = sorted(found.values(), key=lambda pair: -pair[0])
        leading = (bridge for _, bridge in ranked if not self._common(bridge.name))
        return list(islice(leading, BRIDGES))

    def _second_query(self, bridge: Bridge) -> str:
        if bridge.asked:
            others = [name for name in names(self._query.text) if name != bridge.name]
            rest = [word for word in self._query.words if not any(word in name for name in others)]
            return " ".join((bridge.name, *(word for word in rest if word not in bridge.name)))
        return " ".join((bridge.name, *self._query.open_words(bridge.source)))

    def _title_links(self) -> dict[str, Link]:
        """Passages whose title or heading a source names."""
        links: dict[str, Link] = {}
        titled: set[str] = set()
        shared = Counter(
            plain(name) for passage in self._passages.values() for name in subject_names(passage)
        )
        for passage in self._ranked():
            for name in subject_names(passage):
                bare = plain(name)
                if bare in titled or self._query.names(name) or bare in STOP_WORDS or bare.isdigit():
                    continue
                for rank, source in enumerate(self._sources):
                    if bare in map(plain, subject_names(source)) or not self._mentions(rank, name):
                        continue
                    titled.add(bare)
                    bridge = Bridge(name=name, source=source, weight=1.0)
                    lift = TITLED * (1 + self._query.adds(passage, source)) * DECAY**rank / shared[bare]
                    _keep(links, passage, Link(bridge=bridge, query=self._second_query(bridge), lift=lift))
        return links

    def _mentions(self, rank: int, name: str) -> bool:
        """Whether that source names it: several words in any case, one word as it is written."""
        bare = plain(name)
        if f" {bare} " not in self._told[rank]:
            return False
        written = rf"(?<!\w){re.escape(name)}(?!\w)"
        return " " in bare or bool(name[:1].isupper() and re.search(written, self._sources[rank].text))

    def _link(self, bridge: Bridge, passage: Passage, rank: int) -> Link | None:
        adds = self._query.adds(passage, bridge.source)
        if passage.chunk_id == bridge.source.chunk_id or not adds:
            return None
        text = " ".join((passage.document_name, *passage.location.headings, passage.text))
        if f" {plain(bridge.name)} " not in f" {plain(text)} ":
            return None
        if bridge.asked:
            return Link(
                bridge=bridge, query=self._second_query(bridge), lift=TITLED * (1 + adds) * DECAY**rank
            )
        place = self._sources.index(bridge.source)
        lift = HELD * adds * (0.5 + bridge.weight / 2) * DECAY ** (place + rank)
        return Link(bridge=bridge, query=self._second_query(bridge), lift=lift)

    def _steps(self, ranked: Sequence[Passage], links: Mapping[str, Link]) -> tuple[EvidenceStep, ...]:
        by_name: dict[str, list[str]] = {}
        for passage in ranked:
            if link := links.get(passage.chunk_id):
                by_name.setdefault(plain(link.bridge.name), []).append(passage.chunk_id)
        later = list(by_name.items())[: STEPS - 1]
        told = {key for _, keys in later for key in keys}
        first = EvidenceStep(
            query=self._query.text,
            why="The question as asked.",
            chunk_ids=tuple(passage.chunk_id for passage in ranked if passage.chunk_id not in told),
        )
        return (first, *(self._step(keys, links[keys[0]], ranked) for _, keys in later))

    def _step(self, keys: Sequence[str], link: Link, ranked: Sequence[Passage]) -> EvidenceStep:
        numbers = [
            n for n, passage in enumerate(ranked, 1) if passage.chunk_id == link.bridge.source.chunk_id
        ]
        source = f"Passage {numbers[0]}" if numbers else f"“{link.bridge.source.document_name}”"
        if link.bridge.asked:
            why = f"No passage of the first search held “{link.bridge.name}”."
            return EvidenceStep(query=link.query, why=why, chunk_ids=tuple(keys))
        words = self._query.open_words(link.bridge.source)
        still = f", and the question's {_quoted(words)} stood open" if words else ""
        return EvidenceStep(
            query=link.query, why=f"{source} names “{link.bridge.name}”{still}.", chunk_ids=tuple(keys)
        )


def _quoted(words: Sequence[str]) -> str:
    return ", ".join(f"“{word}”" for word in words[:4])


def _keep(links: dict[str, Link], passage: Passage, link: Link | None) -> None:
    if link is not None and link.lift > _lift(links, passage.chunk_id):
        links[passage.chunk_id] = link


def _lift(links: Mapping[str, Link], key: str) -> float:
    return links[key].lift if key in links else 0.0
