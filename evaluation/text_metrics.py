"""How near an answer comes to accepted wordings: exact match, token F1, ROUGE-L, figures. All in 0..1.

Words are Unicode's: case folded, compatibility forms made one (NFKC), punctuation and Markdown marks left out; for
English the articles too, as SQuAD's script does (Rajpurkar et al. 2016), so that figures compare with published ones.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Sequence

from chains.quantities import quantities, same_figure

__all__ = ["best", "exact_match", "figures_kept", "normalised", "rouge_l", "token_f1"]

_ARTICLES = frozenset({"a", "an", "the"})
_CITATION = re.compile(r"\[[\d,;\s?-]{1,40}\]")
# Digits keep their inner points and commas: 1,270.50 is one word.
_WORD = re.compile(r"\d+(?:[.,:]\d+)*|[^\W\d_]+(?:['’][^\W\d_]+)*|\d+", re.UNICODE)


def normalised(text: str) -> list[str]:
    """Its words as they are compared; citation markers such as [2] are none."""
    plain = unicodedata.normalize("NFKC", _CITATION.sub(" ", text)).casefold()
    return [word for word in _WORD.findall(plain) if word not in _ARTICLES]


def exact_match(answer: str, accepted: str) -> float:
    return float(normalised(answer) == normalised(accepted))


def token_f1(answer: str, accepted: str) -> float:
    """Harmonic mean of the shares of words that are in the other; of two texts without words, 1."""
    said, wanted = normalised(answer), normalised(accepted)
    common = (Counter(said) & Counter(wanted)).total()
    return _f1(common, len(said), len(wanted))


def rouge_l(answer: str, accepted: str) -> float:
    """F1 of the longest common subsequence of words (Lin 2004, with beta 1, as rouge-score computes it)."""
    said, wanted = normalised(answer), normalised(accepted)
    return _f1(_longest_common(said, wanted), len(said), len(wanted))


def figures_kept(answer: str, accepted: str) -> float | None:
    """Share of the accepted wording's figures, dates included, that the answer holds; None where it has none."""
    wanted = quantities(accepted)
    if not wanted:
        return None
    said = [figure.value for figure in quantities(answer)]
    held = [any(same_figure(figure.value, other) for other in said) for figure in wanted]
    return sum(held) / len(held)


def best(measure: Callable[[str, str], float], answer: str, accepted: Sequence[str]) -> float:
    """Against whichever accepted wording is nearest; 0 where there is none."""
    return max((measure(answer, one) for one in accepted), default=0.0)


def _f1(common: int, said: int, wanted: int) -> float:
    if not said and not wanted:
        return 1.0
    return 2 * common / (said + wanted)


def _longest_common(first: Sequence[str], second: Sequence[str]) -> int:
    row = [0] * (len(second) + 1)
    for word in first:
        before = 0
        for place, other in enumerate(second, start=1):
            kept, row[place] = row[place], before + 1 if word == other else max(row[place], row[place - 1])
            before = kept
    return row[-1]
