"""The language of a text, where it can be told (py3langid, 97 languages, its model inside the package)."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from py3langid.langid import LanguageIdentifier

__all__ = ["language_of"]

_LETTERS = 20  # fewer are too few, except where the script tells
_LONGEST = 300  # characters that are looked at
_SURE = 0.9  # probability
# Languages that differ little in writing, so that short texts of one are taken for the other.
_AS_ONE = {
    "ms": "id",
    "jv": "id",
    "su": "id",
    "nb": "no",
    "nn": "no",
    "da": "no",
    "bs": "hr",
    "sr": "hr",
    "gl": "pt",
}
_AS_ONE |= {"pcm": "en", "sco": "en", "en": "en", "zxx": "", "lb": "de", "nds": "de", "af": "nl", "ast": "es"}


def language_of(text: str) -> str | None:
    """ISO 639-1 code; None where it is not sure: short texts, code, numbers.

    Close relatives go by one code (ms, jv: id; nb, nn, da: no; bs, sr: hr): a mix of them is none.
    """
    start = text[:_LONGEST]
    letters = sum(map(str.isalpha, start))
    if letters < _LETTERS and (start.isascii() or letters < 4):
        return None
    language, probability = _identifier().classify(start)
    return (_AS_ONE.get(language, language) or None) if probability >= _SURE else None


@cache
def _identifier() -> LanguageIdentifier:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
