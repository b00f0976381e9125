"""Search in steps: where one passage names what another one tells, the second is searched for as well.

    found = search_in_steps(knowledge_base, "Which district is Icknield Walk First School in?", k=5)
    found.passages, found.steps

The first search is the question as asked. Names that its best passages bring in (chains/bridges.py) are searched for
together with the question's words that stand open; a passage whose title, heading or text is of such a name is lifted, by
how much of the open question it holds. A question that one passage covers costs one search.
Measured by benchmarks/multihop.py.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chains.answer import EvidenceStep, Passage
from chains.bridges import Bridge, Query, bridges_in, plain, subject_names
from local.lexical import STOP_WORDS

if TYPE_CHECKING:
    from chains.generation import CallLog
    from chains.models import ConnectedModel

__all__ = ["Found", "search_in_steps", "search_many_in_steps"]

POOL = 30  # passages of the first search that are looked at
SOURCES = 3  # best ones of them that may name something
BRIDGES = 4  # searched for in the second step
SECOND = 5  # passages of each such search
STEPS = 3  # that an answer is told about, the first included
COVERED = 0.95  # of the question by one passage: nothing is left to search for
# In units of the fused score, which is in deviations.
TITLED = 2.0  # for a passage whose title or heading is a bridge
HELD = 1.0  # for a passage that holds a bridge, times what it adds
ASKED = 1.0  # for a passage whose title stands in the question
DECAY = 0.8  # for each rank of the source


class Searchable(Protocol):
    def search_many(
        self, queries: Sequence[str], *, k: int = 10, filter: Mapping[str, str] | None = None
    ) -> list[list[Passage]]: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    passages: tuple[Passage, ...]  # best first
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
    """The `k` best passages of at most three searches, and what each search brought."""
    return search_many_in_steps(knowledge_base, [query], k=k, filter=filter)[0]


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
        self._query = Query(text, found)
        self._passages = {passage.chunk_id: passage for passage in found}
        self._scores = {passage.chunk_id: passage.score for passage in found}
        self._lift_asked()
        self._sources = self._ranked()[:SOURCES]
        self._bridges = self._heaviest()

    @property
    def queries(self) -> list[str]:
        return [self._second_query(bridge) for bridge in self._bridges]

    def found(self, second: Sequence[Sequence[Passage]], k: int) -> Found:
        links = self._title_links()
        for bridge, passages in zip(self._bridges, second, strict=True):
            self._take_in(passages)
            for rank, passage in enumerate(passages):
                _keep(links, passage, self._link(bridge, passage, rank))
        links |= {key: link for key, link in self._title_links().items() if link.lift > _lift(links, key)}
        for key, link in links.items():
            self._scores[key] += link.lift
        ranked = self._ranked()[:k]
        return Found(passages=tuple(ranked), steps=self._steps(ranked, links))

    def _ranked(self) -> list[Passage]:
        """Best first; in the order of the search among equals."""
        return sorted(self._passages.values(), key=lambda passage: -self._scores[passage.chunk_id])

    def _take_in(self, passages: Sequence[Passage]) -> None:
        floor = min(self._scores.values())
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
        return [bridge for _, bridge in ranked[:BRIDGES]]

    def _second_query(self, bridge: Bridge) -> str:
        return " ".join((bridge.name, *self._query.open_words(bridge.source)))

    def _title_links(self) -> dict[str, Link]:
        """Passages whose title or heading a source names."""
        links: dict[str, Link] = {}
        titled: set[str] = set()
        for passage in self._ranked():
            for name in subject_names(passage):
                bare = plain(name)
                if bare in titled or self._query.names(name) or bare in STOP_WORDS or bare.isdigit():
                    continue
                for rank, source in enumerate(self._sources):
                    if passage.document_id == source.document_id or not _mentions(source, name):
                        continue
                    titled.add(bare)
                    bridge = Bridge(name=name, source=source, weight=1.0)
                    lift = TITLED * (1 + self._query.adds(passage, source)) * DECAY**rank
                    _keep(links, passage, Link(bridge=bridge, query=self._second_query(bridge), lift=lift))
        return links

    def _link(self, bridge: Bridge, passage: Passage, rank: int) -> Link | None:
        adds = self._query.adds(passage, bridge.source)
        if passage.chunk_id == bridge.source.chunk_id or not adds:
            return None
        text = " ".join((passage.document_name, *passage.location.headings, passage.text))
        if f" {plain(bridge.name)} " not in f" {plain(text)} ":
            return None
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


def _mentions(source: Passage, name: str) -> bool:
    """Whether the passage's text names it: several words in any case, one word as it is written."""
    if " " in plain(name):
        return f" {plain(name)} " in f" {plain(source.text)} "
    return bool(name[:1].isupper() and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", source.text))
