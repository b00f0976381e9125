"""Whether passages and citations come from where the answer stands: a gold document, and its quote where it is known.

A passage or citation is gold where its document is, and, where the gold quote is known, it holds that quote or is a
part of it (white space, case and Markdown marks aside). Without a quote the document alone decides, which is lenient.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from chains.answer import Citation, Passage
from evaluation.judging import GoldPlace
from evaluation.ranking import ndcg, recall

__all__ = ["citation_precision", "citation_recall", "passage_ndcg", "passage_recall"]

_MARKS = re.compile(r"[*_`>|#\\-]+")
_LEAST_SHARED = 12  # characters of a part that says anything


def passage_recall(passages: Sequence[Passage], gold: Sequence[GoldPlace]) -> float:
    """Share of the gold places that one of the passages holds."""
    return recall(_named(passages, gold), _gold_names(gold), max(len(passages), 1))


def passage_ndcg(passages: Sequence[Passage], gold: Sequence[GoldPlace]) -> float:
    """nDCG of the passages' order, each gold place counted at its first passage."""
    return ndcg(_named(passages, gold), dict.fromkeys(_gold_names(gold), 1.0), max(len(passages), 1))


def citation_precision(citations: Sequence[Citation], gold: Sequence[GoldPlace]) -> float | None:
    """Share of the citations that are gold; None where nothing is cited."""
    if not citations:
        return None
    return sum(_place(one.document_id, one.quote, gold) is not None for one in citations) / len(citations)


def citation_recall(citations: Sequence[Citation], gold: Sequence[GoldPlace]) -> float:
    """Share of the gold places that are cited."""
    found = {_place(one.document_id, one.quote, gold) for one in citations} - {None}
    return len(found) / len(gold) if gold else 0.0


def _gold_names(gold: Sequence[GoldPlace]) -> list[str]:
    return [f"gold {number}" for number in range(len(gold))]


def _named(passages: Sequence[Passage], gold: Sequence[GoldPlace]) -> list[str]:
    places = [_place(one.document_id, one.text, gold) for one in passages]
    return [f"other {number}" if place is None else f"gold {place}" for number, place in enumerate(places)]


def _place(document: str, text: str, gold: Sequence[GoldPlace]) -> int | None:
    """Which gold place this is, by its number."""
    for number, one in enumerate(gold):
        same = (
            document == one.document
            or document.endswith(f"/{one.document}")
            or one.document.endswith(f"/{document}")
        )
        if same and (not one.quote or _shares(text, one.quote)):
            return number
    return None


def _shares(text: str, quote: str) -> bool:
    held, wanted = _plain(text), _plain(quote)
    return wanted in held or (len(held) >= _LEAST_SHARED and held in wanted)


def _plain(text: str) -> str:
    return " ".join(_MARKS.sub(" ", text).casefold().split())
