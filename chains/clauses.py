"""Clauses of a sentence, and its words sorted into what must be checked: names, figures, other words.

clauses("Basic costs 5 EUR, while Pro costs 9 EUR.")   ->  [(0, 17), (19, 40)]
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

from chains.quantities import quantities
from local.lexical import PART, STOP_WORDS, WORD, stem
from local.sentences import TITLES

__all__ = ["WordKind", "Words", "clauses", "content_words", "held_stems"]

_NEXT_WORD = re.compile(r" (\w+)")
WordKind = Literal["name", "figure", "word"]
Span = tuple[int, int]

_BREAK = re.compile(
    r";\s+|:\s+|\s[–—-]\s|,\s+(?:and|but|or|yet|so|while|whereas|although|though|which|who|unless|except)\b\s*|,\s+"
    r"|\s(?:and|but|while|whereas|although|though|unless|except)\s+",
    re.IGNORECASE,
)
_MORE_FUNCTION_WORDS = frozenset(
    re.findall(
        r"\S+",
        "would could should may might must can cannot also however therefore thus including include includes e.g i.e "
        "one's within per via among every many most several",
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """A content word of a text: `text[start:end]`."""

    text: str
    stem: str
    kind: WordKind
    start: int
    end: int


def clauses(sentence: str) -> list[Span]:
    """Spans between commas, semicolons and joining words; each at least two words long, where there are any."""
    spans: list[Span] = []
    begin = 0
    for match in _BREAK.finditer(sentence):
        if len(sentence[begin : match.start()].split()) >= 2:
            spans.append((begin, match.start()))
            begin = match.end()
    if sentence[begin:].strip():
        spans.append((begin, len(sentence)))
    return spans


@lru_cache(maxsize=8192)
def content_words(text: str) -> tuple[Words, ...]:
    """Words that carry meaning, in order; a figure's words are one."""
    figures = [(quantity.start, quantity.end) for quantity in quantities(text)]
    found = []
    for match in WORD.finditer(text):
        word, span = match.group(), match.span()
        if any(start < span[1] and span[0] < end for start, end in figures):
            continue
        plain = word.lower()
        if (plain in STOP_WORDS or plain in _MORE_FUNCTION_WORDS) and not word.isupper():
            continue
        if len(word) == 1 and not word.isupper():
            continue
        kind: WordKind = "name" if _is_name(text, word, span[0]) else "word"
        found.append(Words(text=word, stem=stem(word), kind=kind, start=span[0], end=span[1]))
    return tuple(found)


def _is_name(text: str, word: str, start: int) -> bool:
    """Capitalised inside a sentence, or with two capitals, or letters and digits mixed."""
    if sum(map(str.isupper, word)) > 1 or (any(map(str.isdigit, word)) and word[0].isupper()):
        return True
    if not word[0].isupper():
        return False
    before = text[:start].rstrip(" \"'“‘(*_")
    if not before or before[-1] in ".!?:\n|•-":
        after = _NEXT_WORD.match(text, start + len(word))
        titled = (
            before.endswith(".") and before[:-1].rsplit(None, 1)[-1:][0].lower() in TITLES
            if before[:-1].strip()
            else False
        )
        return titled or (after is not None and after[1][0].isupper() and after[1].lower() not in STOP_WORDS)
    return True


@lru_cache(maxsize=8192)
def held_stems(text: str) -> frozenset[str]:
    """Stems of all words, of the parts of hyphenated ones, and initials of runs of capitalised words."""
    found = set()
    run: list[str] = []
    for match in WORD.finditer(text):
        word = match.group()
        found.add(stem(word))
        if PART.search(word):
            found.update(stem(part) for part in PART.split(word) if part)
        if word[0].isupper():
            run.append(word[0])
        elif word.lower() not in ("of", "the", "for", "and", "de"):
            run = []
        for length in range(2, min(len(run), 6) + 1):
            found.add("".join(run[-length:]).lower())
    return frozenset(found)
