"""Whether a text says an accepted wording: to the letter, or as the same thing is written elsewhere.

    says_wording("We take them back within 30 days.", "thirty days")   -> True
    says_wording("1 kg (Euro): 29.9", "29,90 Euro")                    -> True
    says_wording("since 1 May 2026", "2026-05-01")                     -> True
    says_wording("within 30 weeks", "30 days")                         -> False

To the letter means without case, Markdown marks and runs of white space, at the borders of words and figures. Beyond
that the words must still stand together and in order, but
    figures count by their value, with their unit's names made one (chains/quantities.py; a code or a time stays whole),
    a day with its year may be written in any way that is read without doubt,
    a sum of money may stand before or after its currency,
    beside other words a word may have another ending of number or case (day, days; Tage, Tagen),
    articles are left out,
    and the parts of an enumeration ("the manager, within an hour") may stand apart.
Other words for the same thing are not recognised: what counts as wrong may be right, hardly ever the other way.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache

from chains.quantities import UNITS, quantities
from evaluation.text_metrics import normalised
from loaders.dates import days_in

__all__ = ["says_wording"]

_MARKS = re.compile(r"[*_`>|]|\[[\d,;\s?-]{1,40}\]")
_WHOLE = re.compile(
    r"[^\W\d_]+[-./]?\d[\w./-]*\w|[^\W\d_]\d|\d{1,2}:\d\d(?!\d)|\d+(?:[.-]\d+){2,}|\d+-[^\W\d]+-?\d*"
)
_PARTS = re.compile(r"[,;]\s+")
_ORDINAL = re.compile(r"[^\W\d_]+(?:st|nd|rd|th)\b")
_KIND_OF_DAY = re.compile(r"\b(?:working|business|calendar)\b")
_ENDINGS = frozenset({"s", "es", "n", "en", "e"})
_SHORTEST = 3  # letters of a word that can have an ending
_MONEY = frozenset({"eur", "usd", "gbp", "chf"})
_FIGURE = "#"  # before a figure's value: the word "6" of a code is none


def says_wording(text: str, wording: str) -> bool:
    plain, wanted = _plain(text), _plain(wording)
    if re.search(rf"(?<!\w)(?<!\d[.,](?=\d)){re.escape(wanted)}(?!\w|(?<=\d)[.,]\d)", plain):
        return True
    if (day := _day(wanted)) is not None and day in {one for _, _, one in days_in(plain)}:
        return True
    parts = [tokens for part in _PARTS.split(wanted) if (tokens := _tokens(part))]
    said = _tokens(plain)
    return bool(parts) and all(_stands(part, said) for part in parts)


def _day(wanted: str) -> str | None:
    """A wording that is a day and nothing else, as spreadsheets have it: "2026-05-01"."""
    return next((day for start, end, day in days_in(wanted) if (start, end) == (0, len(wanted))), None)


def _plain(text: str) -> str:
    return " ".join(_MARKS.sub(" ", unicodedata.normalize("NFKC", text)).lower().split())


@lru_cache(maxsize=1024)
def _tokens(plain: str) -> tuple[str, ...]:
    found: list[str] = []
    end = 0
    for whole in _WHOLE.finditer(plain):
        found += [*_of_stretch(plain[end : whole.start()]), whole.group()]
        end = whole.end()
    return (*found, *_of_stretch(plain[end:]))


def _of_stretch(plain: str) -> Iterator[str]:
    """Its words, figures by their value, units by their first name."""
    end = 0
    for figure in quantities(plain):
        written = plain[figure.start : figure.end]
        if figure.start < end or not figure.value[:1].isdigit() or _ORDINAL.match(written):
            continue  # months and ordinals stay words
        yield from _words(plain[end : figure.start])
        yield _FIGURE + figure.value
        yield from _KIND_OF_DAY.findall(written)
        yield from filter(None, [figure.unit])
        end = figure.end
    yield from _words(plain[end:])


def _words(plain: str) -> Iterator[str]:
    for word in normalised(plain):
        yield UNITS.get(word, word)


def _stands(part: Sequence[str], said: Sequence[str]) -> bool:
    forms = [part]
    if len(part) == 2 and _MONEY & set(part):
        forms.append(part[::-1])
    return any(
        all(_same(want, have, alone=len(form) == 1) for want, have in zip(form, said[at:], strict=False))
        for form in forms
        for at in range(len(said) - len(form) + 1)
    )


def _same(want: str, have: str, *, alone: bool) -> bool:
    if want == have:
        return True
    short, long = sorted((want, have), key=len)
    inflected = long.startswith(short) and long[len(short) :] in _ENDINGS
    return not alone and inflected and len(short) >= _SHORTEST and long.isalpha()
