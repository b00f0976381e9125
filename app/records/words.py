"""Word search over conversations: how text becomes words, and which part of a text shows the words found.

Letter case, accents and compatibility forms do not matter; a word is found by its beginning ("cal" finds
"calibration"), in scripts that write no spaces by any part of it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

__all__ = ["patterns", "snippet", "words_of"]

_WORD = re.compile(r"[^\W_]+")
# Scripts without spaces between words: Thai, Lao, Burmese, Khmer, kana, Han.
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]"
)
SNIPPET_LETTERS = 200
_BEFORE = 60  # letters shown before the first word found


def words_of(text: str) -> str:
    """Folded words, each after a space: " how many days of leave"."""
    return "".join(f" {word}" for found in _found(text) for word in _folded(found[0]))


def patterns(query: str) -> tuple[str, ...]:
    """What `words_of` must be LIKE, all of them; none for a query without a letter or digit."""
    return tuple(dict.fromkeys(f"%{_start(term)}%" for term in _terms(query)))


def snippet(text: str, query: str) -> tuple[tuple[str, bool], ...]:
    """A part of the text in one line, cut around the first word found, as pieces; True where a word is meant."""
    shown = " ".join(unicodedata.normalize("NFC", text).split())
    spans = [match.span() for match in _WORD.finditer(shown) if _meant(match[0], _terms(query))]
    first = spans[0][0] if spans else 0
    start = max(0, min(first - _BEFORE, len(shown) - SNIPPET_LETTERS))
    end = min(len(shown), start + SNIPPET_LETTERS)
    within = [(a, b) for a, b in spans if start <= a and b <= end]
    return tuple(piece for piece in _pieces(shown, start, end, within) if piece[0])


def _pieces(text: str, start: int, end: int, spans: list[tuple[int, int]]) -> Iterator[tuple[str, bool]]:
    yield "…" if start else "", False
    at = start
    for a, b in spans:
        yield text[at:a], False
        yield text[a:b], True
        at = b
    yield text[at:end] + ("…" if end < len(text) else ""), False


def _found(text: str) -> Iterator[re.Match[str]]:
    return _WORD.finditer(unicodedata.normalize("NFC", text))


def _folded(word: str) -> list[str]:
    bare = "".join(c for c in unicodedata.normalize("NFKD", word) if not unicodedata.combining(c))
    return _WORD.findall(unicodedata.normalize("NFKC", bare.casefold()))


def _terms(query: str) -> list[str]:
    return words_of(query).split()


def _start(term: str) -> str:
    return term if _UNSPACED.search(term) else f" {term}"


def _meant(word: str, terms: list[str]) -> bool:
    folded = words_of(word)
    return any(_start(term) in folded for term in terms)
