"""Whether passages and citations come from where the answer stands: a gold document, and its quote where it is known.

A passage or citation is gold where its document is, and, where the gold quote is known, it holds that quote or is a
part of it (white space, case and Markdown marks aside). Without a quote the document alone decides, which is lenient.
The same quote in several documents is one place: whichever of them holds it will do.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from chains.answer import Citation, Passage
from evaluation.judging import GoldPlace, is_one
from evaluation.ranking import ndcg

__all__ = ["citation_precision", "citation_recall", "passage_ndcg", "passage_recall"]

_MARKS = re.compile(r"[*_`>|#\\-]+")
_LEAST_SHARED = 12  # characters of a part that says anything


def passage_recall(passages: Sequence[Passage], gold: Sequence[GoldPlace]) -> float:
    """Share of the gold places that one of the passages holds."""
    found = set().union(*(_places(_names(one), one.text, gold) for one in passages))
    return len(found) / len(_all_places(gold)) if gold else 0.0


def passage_ndcg(passages: Sequence[Passage], gold: Sequence[GoldPlace]) -> float:
    """nDCG of the passages' order: a passage gains the gold places that none before it holds.

    The ideal order has these passages first, then one for each gold place that was not found.
    """
    gains: dict[str, float] = {}
    left = _all_places(gold)
    for number, one in enumerate(passages):
        new = left & _places(_names(one), one.text, gold)
        left -= new
        gains[f"passage {number}"] = len(new)
    missing = {f"missing {number}": 1.0 for number in left}
    return ndcg(list(gains), gains | missing, max(len(passages), 1))


def citation_precision(citations: Sequence[Citation], gold: Sequence[GoldPlace]) -> float | None:
    """Share of the citations that are gold; None where nothing is cited."""
    if not citations:
        return None
    return sum(bool(_places(_names(one), one.quote, gold)) for one in citations) / len(citations)


def citation_recall(citations: Sequence[Citation], gold: Sequence[GoldPlace]) -> float:
    """Share of the gold places that are cited."""
    found = set().union(*(_places(_names(one), one.quote, gold) for one in citations))
    return len(found) / len(_all_places(gold)) if gold else 0.0


def _names(source: Passage | Citation) -> tuple[str, str]:
    return source.document_id, source.document_name


def _places(names: Sequence[str], text: str, gold: Sequence[GoldPlace]) -> set[int]:
    """Numbers of the gold places that this is."""
    return {
        _number(one, gold)
        for one in gold
        if is_one(names, (one.document,)) and (not one.quote or _shares(text, one.quote))
    }


def _all_places(gold: Sequence[GoldPlace]) -> set[int]:
    return {_number(one, gold) for one in gold}


def _number(place: GoldPlace, gold: Sequence[GoldPlace]) -> int:
    """Of the first one with its quote; of its own where it has none."""
    return next(
        at for at, one in enumerate(gold) if one == place or (place.quote and one.quote == place.quote)
    )


def _shares(text: str, quote: str) -> bool:
    held, wanted = _plain(text), _plain(quote)
    return wanted in held or (len(held) >= _LEAST_SHARED and held in wanted)


def _plain(text: str) -> str:
    return " ".join(_MARKS.sub(" ", text).casefold().split())
