"""Where a quote stands in a text: to the letter, or but for white space and typography.

    locate("the fee is 5 %", text)   -> Located(start=120, end=134, exact=False)     None: it does not stand there

What differs in typography: quotation marks, dashes, ligatures and full-width letters (NFKC), invisible characters,
marks of Markdown, letter case of the first letter, a full stop at the end. Words and figures never differ.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

__all__ = ["Located", "locate"]

SHORTEST = 3  # letters and digits of a quote; shorter ones stand anywhere
_SAME = str.maketrans(
    dict.fromkeys("’‘‚‛`´′", "'")
    | dict.fromkeys("“”„‟«»″", '"')
    | dict.fromkeys("‐‑‒–—―−", "-")
    | {"…": "..."}
)
_GONE = re.compile("[\\s*_\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\u2066-\u2069\ufeff]")
_ENDS = ".,;:!?"
_MARKS = "\"'“”„«»‘’"


@dataclass(frozen=True, slots=True, kw_only=True)
class Located:
    """`text[start:end]` is the quote."""

    start: int
    end: int
    exact: bool  # to the letter


def locate(quote: str, text: str) -> Located | None:
    """The first place where the quote stands in the text."""
    wanted = quote.strip()
    if sum(map(str.isalnum, wanted)) < SHORTEST:
        return None
    at = text.find(wanted)
    if at >= 0:
        return Located(start=at, end=at + len(wanted), exact=True)
    return _folded_place(wanted, text)


def _folded_place(wanted: str, text: str) -> Located | None:
    """As it is written, else without its last full stop, else without quotation marks of its own."""
    folded, places = _folded(text)
    bare = wanted.rstrip(_ENDS)
    for form in dict.fromkeys((wanted, bare, bare.strip(_MARKS).rstrip(_ENDS))):
        needle, _ = _folded(form)
        if sum(map(str.isalnum, needle)) < SHORTEST:
            return None
        for start in _starts(needle, folded):
            first, last = places[start], places[start + len(needle) - 1]
            if _at_word_edges(text, first, last + 1):
                return Located(start=first, end=last + 1, exact=False)
    return None


def _starts(needle: str, folded: str) -> list[int]:
    """Where it stands, the first letter in either case."""
    found = []
    for first in dict.fromkeys((needle[0], needle[0].lower(), needle[0].upper())):
        form = first + needle[1:]
        at = folded.find(form)
        while at >= 0 and len(first) == 1:
            found.append(at)
            at = folded.find(form, at + 1)
    return sorted(set(found))


def _at_word_edges(text: str, start: int, end: int) -> bool:
    """White space is passed over in the comparison, so a quote could begin or end within a word."""
    before, after = text[start - 1 : start], text[end : end + 1]
    return not (before.isalnum() and text[start].isalnum()) and not (
        after.isalnum() and text[end - 1].isalnum()
    )


def _folded(text: str) -> tuple[str, list[int]]:
    """The text without what may differ, and for each of its characters the place in `text` that it comes from."""
    pieces, places = [], list[int]()
    for place, character in enumerate(text):
        if _GONE.match(character):
            continue
        plain = unicodedata.normalize("NFKC", character.translate(_SAME)).translate(_SAME)
        plain = _GONE.sub("", plain)
        pieces.append(plain)
        places += [place] * len(plain)
    return "".join(pieces), places
