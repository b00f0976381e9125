"""The claims of an answer: its sentences, and the clauses of sentences that state several facts.

    split_claims("Basic costs 5 EUR [1], while Pro costs 9 EUR [2].")   ->  two claims, with their markers and spans

A heading, a question, a table's header and a phrase that only leads to the next line claim nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chains.evidence import claim_words
from chains.plain_text import as_prose, labelled
from chains.quantities import quantities
from local.sentences import is_table_row, sentence_spans

__all__ = ["Claim", "split_claims"]

Span = tuple[int, int]

_SHOWN_MARKER = re.compile(r"\[(?:\d{1,3}|\?)\]")
_HEADING = re.compile(r"#{1,6}\s|(?:\*\*|__)[^*_\n]+(?:\*\*|__):?$")
_RULE = re.compile(r"[|\s:=*_-]+")
_LEADS_ON = re.compile(r":[*_]*$")
_SAYS_NOTHING = re.compile(
    r"(?:in (?:short|summary|brief|conclusion)|to (?:sum up|summari[sz]e)|overall|yes|no|sure|certainly|of course"
    r"|(?:i )?hope(?: that| this)? helps?|(?:please )?let me know if[^.]*|here (?:is|are) (?:what|the)[^.]*"
    r"|according to (?:the|your) (?:passages?|documents?|sources?))[,.!:]*",
    re.IGNORECASE,
)
_SAYS_ABSENCE = re.compile(
    r"(?:(?:however|but|unfortunately),?\s+)?(?:(?:the|these|your)\s+)?(?:(?:given|provided|retrieved)\s+)?"
    r"(?:passages?|documents?|sources?|texts?|context)\s+(?:do not|does not|did not|don['’]t|doesn['’]t)\s[^,;]*",
    re.IGNORECASE,
)
_JOIN = re.compile(
    r";\s+|,\s+(?:and|but|while|whereas|although|though|yet)\s+|\s+(?:while|whereas|but)\s+|,\s+(?=\S)|\s+and\s+",
    re.IGNORECASE,
)
_LEANS = re.compile(r"(?:those|who|which|that|where|when|if|then|so)\b", re.IGNORECASE)
_CONCEDES = re.compile(r"(?:while|whereas|although|though)\s", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:is|are|was|were|be|been|has|have|had|do|does|did|can|may|must|will|shall|should|would|could|might|need|needs"
    r"|costs?|takes?|lasts?|starts?|ends?|begins?|gets?|gives?|goes|comes|pays?|holds?|runs?|makes?|keeps?|applies|apply"
    r"|opens?|closes?|covers?|includes?|allows?|requires?|remains?|carry|carries|lapses?|expires?|moves?|weighs?|measures?"
    r"|became|began|went|took|came|paid|held|ran|made|kept|won|lost|rose|fell|grew|left|led|met|said|wrote|sold|bought"
    r"|built|cost|reads?|works?|lives?|approves?|reports?|sends?|receives?|uses?|offers?|provides?|contains?|[a-z]{3,}ed)\b"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """`answer[start:end]`, markers included, states `text`; `markers` are the passage numbers it cites."""

    start: int
    end: int
    text: str
    markers: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Bare:
    """A text with its markers cut out, and the way back."""

    text: str
    origin: tuple[int, ...]  # for each character of `text`, its place in the answer
    markers: tuple[tuple[int, int, Span], ...]  # (place in `text`, number, span in the answer); 0 for "[?]"


def split_claims(text: str) -> list[Claim]:
    """The claims of a text in order; spans do not overlap.

    A marker belongs to the clause it stands in, or to the one before it where it follows the full stop. A
    clause without one has that of the next clause of its sentence: "A is 5, and B is 6 [1]." cites [1] for both.
    """
    bare = _without_markers(text)
    spans = sentence_spans(bare.text)
    owned = _owned(bare, spans)
    found: list[Claim] = []
    header = ""
    for position, span in enumerate(spans):
        line = bare.text[slice(*span)]
        if is_table_row(line):
            if _RULE.fullmatch(line):
                continue
            if _begins_table(bare.text, spans, position):
                header = line
                continue
            found.append(
                _claim(bare, span, owned[position], labelled(line, header) if header else as_prose(line))
            )
            continue
        header = ""
        if owned[position] or not _claims_nothing(line):
            found += _clauses(bare, span, owned[position])
    return found


def _without_markers(text: str) -> _Bare:
    kept: list[int] = []
    markers = []
    done = 0
    for match in _SHOWN_MARKER.finditer(text):
        end = match.start() - (
            match.start() > done and text[match.start() - 1] == " "
        )  # "word [1]." -> "word."
        kept += range(done, end)
        markers.append((len(kept), int(match[0].strip("[?]") or 0), match.span()))
        done = match.end()
    kept += range(done, len(text))
    return _Bare(text="".join(text[i] for i in kept), origin=tuple(kept), markers=tuple(markers))


def _owned(bare: _Bare, spans: Sequence[Span]) -> list[list[int]]:
    """For each sentence the positions of its markers in `bare.markers`."""
    owned: list[list[int]] = [[] for _ in spans]
    for index, (place, _, _) in enumerate(bare.markers):
        before = [i for i, (start, _) in enumerate(spans) if start < place]
        if spans:
            owned[before[-1] if before else 0].append(index)
    return owned


def _begins_table(text: str, spans: Sequence[Span], position: int) -> bool:
    """Whether the row is the one over a rule: `| Plan | Price |` over `|---|---|`."""
    after = text[slice(*spans[position + 1])] if position + 1 < len(spans) else ""
    return is_table_row(after) and "-" in after and _RULE.fullmatch(after) is not None


def _claims_nothing(line: str) -> bool:
    prose = as_prose(line).strip(" *_")
    return (
        _HEADING.match(line) is not None
        or _RULE.fullmatch(line) is not None
        or line.rstrip(' *_"”').endswith("?")
        or _LEADS_ON.search(line) is not None
        or _SAYS_NOTHING.fullmatch(prose) is not None
        or _SAYS_ABSENCE.fullmatch(prose) is not None
        or not any(map(str.isalnum, line))
    )


# --- clauses ----------------------------------------------------------------------------------------


def _clauses(bare: _Bare, span: Span, owned: Sequence[int]) -> Iterator[Claim]:
    parts = _parts(bare, span, owned)
    groups: list[list[int]] = [[] for _ in parts]
    for index in owned:
        place = bare.markers[index][0]
        inside = [i for i, (start, _) in enumerate(parts) if start < place]
        groups[inside[-1] if inside else 0].append(index)
    for i, part in enumerate(parts):
        following = next((group for group in groups[i:] if group), [])
        yield _claim(bare, part, groups[i], as_prose(bare.text[slice(*part)]), cited=groups[i] or following)


def _parts(bare: _Bare, span: Span, owned: Sequence[int]) -> list[Span]:
    """The sentence's span, cut where both sides state a fact of their own."""
    text = bare.text
    places = [bare.markers[index][0] for index in owned]
    parts: list[Span] = []
    begin = span[0]
    for match in _JOIN.finditer(text, *span):
        if match.start() <= begin or not _even(text[begin : match.start()]):
            continue
        left, right = (begin, match.start()), (match.end(), span[1])
        if _stands(text, left, right, match.group(), places):
            parts.append(left)
            begin = match.end()
    return [*parts, (begin, span[1])]


def _even(text: str) -> bool:
    """No bracket and no quotation is open."""
    return (
        text.count("(") == text.count(")") and text.count('"') % 2 == 0 and text.count("“") == text.count("”")
    )


def _stands(text: str, left: Span, right: Span, joint: str, places: Sequence[int]) -> bool:
    """Whether the sides are two facts: both with a verb, and both with markers or both with figures of their own."""
    ours, theirs = text[slice(*left)], text[slice(*right)]
    if not _VERB.search(ours) or not _VERB.search(_until_next(theirs)):
        return False
    marked_here = any(left[0] < place <= left[1] for place in places)
    marked_there = any(right[0] < place <= right[1] + 1 for place in places)
    bare_comma = not joint.strip(" ,")
    if bare_comma and not (_CONCEDES.match(ours) and len(ours.split()) > 3):
        return False
    if marked_here and marked_there:
        return True
    if joint.strip().lower() == "and" or _LEANS.match(theirs) or _VERB.match(theirs):
        return (
            False  # nouns are joined so as well; "those who ..." and "built 6 houses" need what stands before
        )
    figures = quantities(ours) and quantities(_until_next(theirs))
    return (bool(figures) or ";" in joint) and len(claim_words(ours)) >= 2 and len(claim_words(theirs)) >= 2


def _until_next(text: str) -> str:
    """The side up to its next joint: what is cut off there is judged there."""
    match = re.search(r";\s|,\s+(?:and|but|while|whereas|although|though|yet)\s", text)
    return text[: match.start()] if match else text


def _claim(
    bare: _Bare, span: Span, own: Sequence[int], text: str, *, cited: Sequence[int] | None = None
) -> Claim:
    start, end = bare.origin[span[0]], bare.origin[span[1] - 1] + 1
    spans = [bare.markers[index][2] for index in own]
    numbers = [bare.markers[index][1] for index in (own if cited is None else cited)]
    return Claim(
        start=min([start, *(first for first, _ in spans)]),
        end=max([end, *(last for _, last in spans)]),
        text=" ".join(text.split()),
        markers=tuple(dict.fromkeys(number for number in numbers if number)),
    )
