"""Citation markers: `[1]`, `[1][2]`, `[1, 2]`, `[1-3]`; which sentence of an answer each belongs to; and the
exact sentence of the passage that carries it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from chains.answer import Citation, Passage
from chains.support import SentenceEncoder, Support, best_support
from local.sentences import sentence_spans

LONGEST_MARKER = 40  # characters between the brackets
MARKER = (
    rf"[\[【](?=[^\]】\n]{{0,{LONGEST_MARKER}}}[\]】])"
    r"(?:\^|(?:passages?|sources?|docs?|documents?)\s+)?"
    r"\d{1,3}(?:\s{0,2}(?:[,;]|[-–—]|and|&)\s{0,2}\d{1,3}){0,9}[\]】]"
)
LONGEST_RANGE = 20
LONGEST_QUOTE = 600  # characters; past it a marker's several sentences are shown by the best one

_NUMBERS = re.compile(r"(\d+)(?:\s*[-–—]\s*(\d+))?")
_PLAIN_MARKER = re.compile(r"\[(\d{1,3})\]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """A sentence of the answer, without its markers, and the passage numbers it cites."""

    text: str
    markers: tuple[int, ...]


def expand_marker(marker: str) -> list[int]:
    """The numbers of one bracket, in order, each once: "[3, 1-2]" -> [3, 1, 2]."""
    numbers: list[int] = []
    for first, last in _NUMBERS.findall(marker):
        low, high = int(first), int(last or first)
        ascending = low <= high <= low + LONGEST_RANGE
        numbers += range(low, high + 1) if ascending else [low, high]
    return list(dict.fromkeys(numbers))


def markers_in(text: str) -> list[int]:
    """The numbers cited in neutralised text, in order of first use."""
    return list(dict.fromkeys(int(found) for found in _PLAIN_MARKER.findall(text)))


def claims(text: str) -> list[Claim]:
    """The sentences of an answer with their markers.

    A marker belongs to the sentence it stands in, or to the one before it where it follows the full stop.
    """
    bare, places = _without_markers(text)
    spans = sentence_spans(bare)
    cited: list[list[int]] = [[] for _ in spans]
    for position, number in places:
        before = [i for i, (start, _) in enumerate(spans) if start < position]
        if spans:
            cited[before[-1] if before else 0].append(number)
    return [
        Claim(text=bare[start:end], markers=tuple(dict.fromkeys(numbers)))
        for (start, end), numbers in zip(spans, cited, strict=True)
    ]


def _without_markers(text: str) -> tuple[str, list[tuple[int, int]]]:
    """The text with its markers cut out, and (position in that text, number) of each."""
    bare: list[str] = []
    places: list[tuple[int, int]] = []
    length = done = 0
    for match in _PLAIN_MARKER.finditer(text):
        piece = text[done : match.start()]
        if match.start() > done and text[match.start() - 1] == " ":
            piece = piece[:-1]  # "word [1]." reads "word."
        bare.append(piece)
        length += len(piece)
        places.append((length, int(match[1])))
        done = match.end()
    bare.append(text[done:])
    return "".join(bare), places


def cite(
    text: str,
    passages: Sequence[Passage],
    *,
    encoder: SentenceEncoder,
    document_text: Callable[[str], str],
) -> tuple[Citation, ...]:
    """One citation a marker, in order of first use: `[n]` is `passages[n - 1]`.

    The quote is the passage's sentence (or two) that best supports the claims citing it; `verified` says that
    each of those claims is supported and that the quote stands at its span in the document.
    """
    told = claims(text)
    wanted = [(claim.text, n) for claim in told for n in claim.markers]
    found = best_support([(claim, passages[n - 1].text) for claim, n in wanted], encoder)
    by_marker: dict[int, list[Support]] = {}
    for (_, n), support in zip(wanted, found, strict=True):
        by_marker.setdefault(n, []).append(support)
    return tuple(
        _citation(n, passages[n - 1], by_marker[n], document_text) for n in markers_in(text) if n in by_marker
    )


def _citation(
    marker: int, passage: Passage, supports: Sequence[Support], document_text: Callable[[str], str]
) -> Citation:
    start = min(support.start for support in supports)
    end = max(support.end for support in supports)
    if end - start > LONGEST_QUOTE:
        best = max(supports, key=lambda support: support.score)
        start, end = best.start, best.end
    citation = exact_citation(marker, passage, start, end, document_text)
    supported = all(support.holds for support in supports)
    return citation if supported or not citation.verified else _unverified(citation)


def exact_citation(
    marker: int, passage: Passage, start: int, end: int, document_text: Callable[[str], str]
) -> Citation:
    """Cites `passage.text[start:end]`; `verified` when the document holds just that at the mapped span."""
    quote = passage.text[start:end]
    first, last = passage.start + start, passage.start + end
    return Citation(
        marker=marker,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        document_name=passage.document_name,
        location=passage.location,
        start=first,
        end=last,
        quote=quote,
        verified=bool(quote) and document_text(passage.document_id)[first:last] == quote,
    )


def _unverified(citation: Citation) -> Citation:
    from dataclasses import replace

    return replace(citation, verified=False)


def supported_share(text: str, citations: Mapping[int, Citation] | Sequence[Citation]) -> float:
    """Share of the answer's sentences whose every citation is verified; 0 where nothing is cited."""
    listed = citations.values() if isinstance(citations, Mapping) else citations
    verified = {citation.marker for citation in listed if citation.verified}
    told = claims(text)
    good = sum(bool(claim.markers) and set(claim.markers) <= verified for claim in told)
    return good / len(told) if told else 0.0
