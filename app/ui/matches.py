"""Where a passage stands and why it was found, in words.

The words of a match rest on ranks, which mean the same for every question.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from loaders.location import Location
from loaders.passage import Scores

NEAR_THE_TOP = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    level: Literal["High", "Medium", "Low"]
    reasons: tuple[str, ...]


def explain(scores: Scores) -> Match:
    """High: near the top both by meaning and by words. Medium: by one of them. Low: by neither."""
    ranks = [rank for rank in (scores.dense_rank, scores.keyword_rank) if rank is not None]
    near = sum(rank <= NEAR_THE_TOP for rank in ranks)
    level: Literal["High", "Medium", "Low"] = "High" if near == 2 else "Medium" if near == 1 else "Low"
    return Match(level=level, reasons=(_meaning(scores), _words(scores)))


def _meaning(scores: Scores) -> str:
    if scores.dense_rank is None:
        return "By meaning: not among the closest passages."
    return f"By meaning: {ordinal(scores.dense_rank)} closest to the question."


def _words(scores: Scores) -> str:
    if scores.keyword_rank is None:
        return "By words: shares none that tell passages apart."
    shared = f", sharing {', '.join(scores.terms)}" if scores.terms else ""
    return f"By words: {ordinal(scores.keyword_rank)} best{shared}."


def ordinal(number: int) -> str:
    tail = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{tail}"


def titled_place(document_name: str, location: Location) -> str:
    """`Leave policy · page 3 · Carry-over`; a top heading that repeats the document's name is left out."""
    place = place_in(document_name, location)
    return f"{document_name} · {place}" if place else document_name


def place_in(document_name: str, location: Location) -> str:
    if location.headings[:1] == (document_name,):
        location = replace(location, headings=location.headings[1:])
    return location.label()
