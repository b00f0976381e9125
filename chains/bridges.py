"""Bridges: names that a passage brings in and the question does not hold, by which a second search goes on.

"Which district is the school in?" finds the school's passage; that names its town, and the town's own passage the
district.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

from chains.answer import Passage
from chains.phrases import NAME
from local.lexical import STOP_WORDS, query_terms, stems

__all__ = ["Bridge", "Query", "bridges_in", "plain", "subject_names"]

_SEGMENT = re.compile(r"(?<=[.!?])\s+(?=[A-Z\"“])|\n")
_MARKS = re.compile(r"^[\s>*#|•\d.)-]+")
_QUOTED = re.compile(r"\"([^\"\n]{3,60})\"|“([^”\n]{3,60})”")
_CALENDAR = re.compile(
    r"(?:(?:mon|tues|wednes|thurs|fri|satur|sun)days?|january|february|march|april|may|june|july|august|september"
    r"|october|november|december)(?: \d+)*"
)
_WORD = re.compile(r"\w+")
_LONGEST = 60  # characters of a name


@dataclass(frozen=True, slots=True, kw_only=True)
class Bridge:
    """A name in a passage, as it stands there."""

    name: str
    source: Passage
    weight: float  # how near it stands to the question's words, 0..1
    asked: bool = False  # the question itself names it, and `source`, the best passage, does not


class Query:
    """A question's words and what each is worth among the passages that it found."""

    def __init__(self, text: str, found: Sequence[Passage]) -> None:
        self.text = text
        self.plain = f" {plain(text)} "
        self._words = {term.stem: term.word for term in query_terms(text)}
        self._held: dict[str, frozenset[str]] = {}
        counts = [self.held(passage) for passage in found]
        self.worth: Mapping[str, float] = {
            word: math.log(1 + (len(found) + 1) / (1 + sum(word in held for held in counts)))
            for word in self._words
        }

    @property
    def words(self) -> list[str]:
        """As they were written, stop words left out."""
        return list(self._words.values())

    @cached_property
    def total(self) -> float:
        return sum(self.worth.values()) or 1.0

    def held(self, passage: Passage) -> frozenset[str]:
        """Stems of the question that the passage, its title or its headings hold."""
        if passage.chunk_id not in self._held:
            text = " ".join((passage.document_name, *passage.location.headings, passage.text))
            self._held[passage.chunk_id] = frozenset(stems(text).intersection(self._words))
        return self._held[passage.chunk_id]

    def open_words(self, passage: Passage) -> list[str]:
        """The question's words that the passage does not hold, as they were written."""
        held = self.held(passage)
        return [word for found, word in self._words.items() if found not in held]

    def share(self, words: Iterable[str]) -> float:
        """What these stems are worth of the whole question, 0..1."""
        return sum(self.worth[word] for word in words) / self.total

    def adds(self, passage: Passage, source: Passage) -> float:
        """The share of the question that `passage` holds and `source` does not."""
        return self.share(self.held(passage) - self.held(source))

    def names(self, name: str) -> bool:
        """Whether the question holds the name already."""
        bare = plain(name)
        return f" {bare} " in self.plain or set(bare.split()) <= set(self.plain.split())


@lru_cache(maxsize=8192)
def plain(text: str) -> str:
    """Lower case, without accents and punctuation, words apart by one blank."""
    bare = text.lower()
    if not bare.isascii():
        bare = "".join(c for c in unicodedata.normalize("NFKD", bare) if not unicodedata.combining(c))
    return " ".join(_WORD.findall(bare))


def subject_names(passage: Passage) -> list[str]:
    """What the passage is about by its title and its last heading: "Royston (band)" -> "Royston"."""
    found = []
    for heading in (passage.document_name, *passage.location.headings[-1:]):
        bare = re.sub(r"\s*\([^)]*\)\s*$", "", heading).strip()
        found += [bare, re.split(r":\s|\s[|–-]\s", bare)[0]]
    return [name for name in dict.fromkeys(found) if name]


def bridges_in(passage: Passage, query: Query) -> list[Bridge]:
    """The passage's bridges, heaviest first; names beside words of the question weigh more."""
    own = {plain(name) for name in subject_names(passage)}
    found: dict[str, Bridge] = {}
    for segment in _SEGMENT.split(passage.text):
        near = query.share(stems(segment).intersection(query.worth))
        for name in _names(segment):
            bare = plain(name)
            if not bare or bare in own or query.names(name) or (bare in found and found[bare].weight >= near):
                continue
            found[bare] = Bridge(name=name, source=passage, weight=near)
    return sorted(found.values(), key=lambda bridge: -bridge.weight)


def _names(segment: str) -> Iterable[str]:
    text = _MARKS.sub("", segment)
    for match in _QUOTED.finditer(text):
        yield match[1] or match[2]
    for match in NAME.finditer(text):
        name = match[0].rstrip("'’-&").removeprefix("The ")
        label = text[match.end() : match.end() + 1] == ":"
        ordinary = match.start() == 0 and " " not in match[0] and not re.search(r"\d|^[A-Z]{2,}$", name)
        if label or ordinary or len(name) < 2 or len(name) > _LONGEST or _CALENDAR.fullmatch(name.lower()):
            continue
        if name.lower() not in STOP_WORDS:
            yield name
            parts = name.split(" and ")
            yield from (part for part in parts if len(parts) > 1 and " " in part)
