"""What in a claim goes against its evidence: figures, units, bounds, negation, opposites, names, who did what.

    contradictions("Basic costs 9 EUR.", ["Basic costs 5 EUR.", "Pro costs 9 EUR."])
        ->  ["figure 9 stands beside another subject"]

Rules over words, for English; each looks only where a clause of the evidence says nearly the same as the claim.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType

from chains.clauses import Words, clauses, content_words, held_stems
from chains.quantities import Quantity, in_date, is_amount, is_year, quantities, same_figure
from local.lexical import WORD, stem

__all__ = ["contradictions", "prepare"]

SAYS_THE_SAME = (
    0.6  # least share of the claim's other words that a clause holds, to be held against the claim
)
SAYS_LITTLE_ELSE = 0.4  # least share of that clause's words that stand in the claim
SCOPE = 3  # content words after a negation that it may turn

_NEGATION = re.compile(
    r"\b(?:not|no|never|none|nobody|nothing|neither|nor|without|cannot|hardly|rarely|seldom)\b|n['’]t\b"
    r"|\b(?:fail(?:s|ed)?|refus(?:es?|ed)|declin(?:es?|ed)) to\b",
    re.IGNORECASE,
)
_NOT_NEGATING = re.compile(
    r"\b(?:not only|no\. ?\d|why not|whether or not"
    r"|no (?:more|less|fewer|later|longer|earlier) than|not (?:more|less|fewer|later) than)",
    re.IGNORECASE,
)

# Each side's words turn a claim round where the evidence has one of the other side's in their place.
_OPPOSITES = """
before, prior | after, following
earlier | later
increase, rise, grow, gain, raise, climb | decrease, fall, decline, drop, shrink, reduce, lose
more, over, above, exceed | less, fewer, under, below
higher, high | lower, low
larger, bigger, large, big | smaller, small
longer, long | shorter, short
maximum, most | minimum, least
always | never
all, every, each, any, always, everyone, everybody | no, none, nobody
first | last, final
best | worst
open, opened | closed, shut
opens | closes
begin, start, starts | end, ends, finish, stop, cease
buy, purchase, buyer | sell, sale, seller
import | export
accept, approve, grant | reject, refuse, deny
allow, allowed, permit, permitted, may | forbid, forbidden, prohibit, prohibited, ban, banned
include, includes, including | exclude, excludes, excluding, except
win, won, victory | lose, lost, defeat
north, northern | south, southern
east, eastern | west, western
internal | external
mandatory, compulsory, required, obligatory, must | optional, voluntary, may
permanent | temporary
public | private
male, man, men, boy, husband, father, son, brother | female, woman, women, girl, wife, mother, daughter, sister
hot, warm | cold, cool
inside, indoors | outside, outdoors
daily | weekly, monthly, yearly, annually
weekly | daily, monthly, yearly, annually
monthly | daily, weekly, yearly, annually
yearly, annually, annual | daily, weekly, monthly
employer | employee
landlord | tenant
supplier, vendor | customer, client
success, succeed, successful | failure, fail, unsuccessful
true | false
left | right
upper, top | bottom
morning | afternoon, evening, night
summer | winter
spring | autumn
monday | tuesday, wednesday, thursday, friday, saturday, sunday
tuesday | monday, wednesday, thursday, friday, saturday, sunday
wednesday | monday, tuesday, thursday, friday, saturday, sunday
thursday | monday, tuesday, wednesday, friday, saturday, sunday
friday | monday, tuesday, wednesday, thursday, saturday, sunday
saturday | monday, tuesday, wednesday, thursday, friday, sunday
sunday | monday, tuesday, wednesday, thursday, friday, saturday
red | blue, green, yellow, black, white
blue | red, green, yellow, black, white
"""
# Only one way: who claims the left where the evidence says the right claims too much.
_TOO_MUCH = """
all, every, each, everyone, everybody, any, entire, whole | some, several, many, most, few, half, part
always | sometimes, usually, often, mostly
only, solely, exclusively | also, mainly, mostly, primarily
must, mandatory, required | should, recommended
will | may, might, could
"""


def _table(lines: str, *, both_ways: bool) -> MappingProxyType[str, frozenset[str]]:
    found: dict[str, set[str]] = {}
    for line in lines.strip().splitlines():
        left, right = ([word.strip() for word in side.split(",")] for side in line.split("|"))
        for words, others in ((left, right), (right, left)) if both_ways else ((left, right),):
            for word in words:
                found.setdefault(stem(word), set()).update(map(stem, others))
    return MappingProxyType({word: frozenset(others) for word, others in found.items()})


OPPOSITES = _table(_OPPOSITES, both_ways=True)
TOO_MUCH = _table(_TOO_MUCH, both_ways=False)
_PREFIXES = ("un", "non", "non-", "in", "im", "ir", "dis")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Said:
    """One clause, of the claim or of the evidence, taken apart."""

    text: str
    lower: tuple[str, ...]
    stems: frozenset[str]
    content: tuple[Words, ...]
    keys: frozenset[str]  # stems of the content words, and figures
    figures: tuple[Quantity, ...]


@lru_cache(maxsize=8192)
def _said(text: str) -> _Said:
    content, figures = content_words(text), quantities(text)
    values = frozenset(figure.value for figure in figures)
    return _Said(
        text=text,
        lower=tuple(word.lower() for word in WORD.findall(text)),
        stems=held_stems(text) | values,
        content=content,
        keys=values | {word.stem for word in content},
        figures=figures,
    )


def prepare(sentences: Sequence[str]) -> None:
    """Takes sentences and their clauses apart ahead of time."""
    for sentence in sentences:
        for segment in _segments((sentence,)):
            _said(segment)


def contradictions(claim: str, sentences: Sequence[str], about: str = "") -> tuple[str, ...]:
    """What goes against the claim, in words, most telling first; empty where nothing does.

    `about` names the documents (title, headings, date): its years and names are there, whatever the sentences say.
    """
    found: list[str] = []
    for start, end in _parts(claim):
        part = _said(claim[start:end])
        if part.content or part.figures:
            found += _against(part, sentences, _said(about))
    found += _exchanged(_said(claim), sentences)
    return tuple(dict.fromkeys(found))


def _parts(claim: str) -> list[tuple[int, int]]:
    """Clauses that say something of their own; a list of names or figures is one."""
    spans = clauses(claim)
    long_enough = [span for span in spans if len(content_words(claim[slice(*span)])) >= 2]
    return long_enough if len(long_enough) > 1 and len(long_enough) == len(spans) else [(0, len(claim))]


def _against(part: _Said, sentences: Sequence[str], about: _Said) -> list[str]:
    segments = [_said(segment) for segment in _segments(sentences)]
    near = _nearest(part.keys, segments)
    found = [*_figures(part, segments, about), *_renamed(part, segments, about)]
    if near is not None:
        found += [*_negated(part, near), *_opposed(part, near)]
    return found


def _segments(sentences: Sequence[str]) -> list[str]:
    """Sentences and their clauses, each once."""
    return list(dict.fromkeys(segment for sentence in sentences for segment in _with_clauses(sentence)))


@lru_cache(maxsize=4096)
def _with_clauses(sentence: str) -> tuple[str, ...]:
    return (sentence, *(sentence[start:end] for start, end in clauses(sentence)))


def _overlap(keys: frozenset[str], said: _Said) -> int:
    return len(keys & said.stems)


def _nearest(keys: frozenset[str], segments: Iterable[_Said]) -> _Said | None:
    """The shortest segment that holds most of the words; None where none says nearly the same."""
    best = max(segments, key=lambda said: _overlap(keys, said) - 0.04 * len(said.lower), default=None)
    if best is None or not keys:
        return None
    shared = _overlap(keys, best)
    near = shared >= SAYS_THE_SAME * len(keys) and shared >= SAYS_LITTLE_ELSE * len(best.keys)
    return best if near else None


# --- figures ---------------------------------------------------------------------------------------


def _figures(part: _Said, segments: Sequence[_Said], about: _Said) -> Iterable[str]:
    for figure in part.figures:
        if in_date(figure, part.figures) and figure.value in about.keys:
            continue
        same = [
            (said, other)
            for said in segments
            for other in said.figures
            if same_figure(figure.value, other.value)
        ]
        same = [pair for pair in same if pair[1].unit == figure.unit] or same
        shown = part.text[figure.start : figure.end]
        if not same and shown.lower().startswith("one"):
            if _elsewhere(part, figure, (), segments):
                yield f"figure {shown} is not there"
        elif not same:
            yield f"figure {shown} is not there"
        elif figure.unit and all(other.unit and other.unit != figure.unit for _, other in same):
            yield f"figure {shown} has another unit"
        elif figure.bound != "none" and all(other.bound not in (figure.bound, "none") for _, other in same):
            yield f"figure {shown} bounds the other way"
        elif _elsewhere(part, figure, same, segments):
            yield f"figure {shown} stands beside another subject"


def _elsewhere(
    part: _Said, figure: Quantity, same: Sequence[tuple[_Said, Quantity]], segments: Sequence[_Said]
) -> bool:
    """Whether a clause with another figure of the kind is nearer to the claim than every clause with this one."""
    if not part.keys or _kind(figure) != "number" or _dated(part, figure):
        return False
    smallest = [said for said in segments if len(_with_clauses(said.text)) == 2]
    own = max(
        (_likeness(part, figure, said) for said, _ in same if said in smallest), default=None if same else 0
    )
    rivals = [
        said
        for said in smallest
        if any(
            other.unit == figure.unit and _kind(other) == "number" and not _dated(said, other)
            for other in said.figures
        )
        and not any(same_figure(figure.value, other.value) for other in said.figures)
    ]
    nearest = max((_likeness(part, figure, said) for said in rivals), default=0)
    return own is not None and nearest > own and nearest >= max(2, SAYS_THE_SAME * len(part.keys))


def _likeness(part: _Said, figure: Quantity, said: _Said) -> int:
    """Words and other figures that both hold."""
    return _overlap(part.keys - {figure.value}, said)


def _dated(part: _Said, figure: Quantity) -> bool:
    """Whether the figure is the day of a date."""
    return is_amount(figure.value) and in_date(figure, part.figures)


def _kind(figure: Quantity) -> str:
    return "month" if figure.value.startswith("month") else "year" if is_year(figure.value) else "number"


# --- negation and opposites ---------------------------------------------------------------------------


def _negated(part: _Said, near: _Said) -> Iterable[str]:
    """One is negated and the other is not, and the word that is turned stands in both."""
    ours, theirs = _turned(part.text), _turned(near.text)
    if len(ours) % 2 == len(theirs) % 2:
        return
    for head in (ours or theirs)[0][:2]:
        if head in part.stems and head in near.stems:
            yield f"{'the claim' if ours else 'the evidence'} negates {head!r}"
            return


def _turned(text: str) -> list[list[str]]:
    """For each negation the stems of the content words after it (or before it, where none follows)."""
    skipped = [match.span() for match in _NOT_NEGATING.finditer(text)]
    found = []
    for match in _NEGATION.finditer(text):
        if any(start <= match.start() < end for start, end in skipped):
            continue
        after = [word.stem for word in content_words(text) if word.start >= match.end()]
        before = [word.stem for word in content_words(text) if word.end <= match.start()]
        found.append((after or before[::-1])[:SCOPE])
    return [heads for heads in found if heads]


def _opposed(part: _Said, near: _Said) -> Iterable[str]:
    """A word of the claim that is not there, while its opposite is; unless a negation makes up for it."""
    if len(_turned(part.text)) % 2 != len(_turned(near.text)) % 2:
        return
    held, claimed = dict(zip(map(stem, near.lower), near.lower, strict=True)), set(map(stem, part.lower))
    for word in part.lower:
        if stem(word) in held:
            continue
        others = OPPOSITES.get(stem(word), frozenset()) | TOO_MUCH.get(stem(word), frozenset())
        found = sorted(held[other] for other in others if other in held and other not in claimed)
        turned = _without_prefix(word, frozenset(near.lower))
        if turned is not None and stem(turned) not in claimed:
            found.append(turned)
        if found:
            yield f"{word!r} where the evidence has {found[0]!r}"


def _without_prefix(word: str, held: frozenset[str]) -> str | None:
    """The word of the evidence that is this one with, or without, a prefix that turns it."""
    for prefix in _PREFIXES:
        if len(word) >= 4 and prefix + word in held:
            return prefix + word
        rest = word.removeprefix(prefix)
        if rest != word and len(rest) >= 4 and rest in held:
            return rest
    return None


# --- names -------------------------------------------------------------------------------------------


def _renamed(part: _Said, segments: Sequence[_Said], about: _Said) -> Iterable[str]:
    """A name that the evidence does not hold, where the clause that says the same has another in its place."""
    everywhere = about.stems.union(*(said.stems for said in segments))
    missing = [word for word in part.content if word.kind == "name" and word.stem not in everywhere]
    rest = part.keys - {word.stem for word in missing}
    near = _nearest(rest, segments) if missing and len(rest) >= 2 else None
    if near is None or _overlap(rest, near) < 0.75 * len(rest):
        return
    others = [word for word in near.content if word.kind == "name" and word.stem not in part.stems]
    if others:
        yield f"{missing[0].text!r} where the evidence has {others[0].text!r}"


def _exchanged(claim: _Said, sentences: Sequence[str]) -> Iterable[str]:
    """Two names around one word that stand the other way round: who reports to whom."""
    names = [word for word in claim.content if word.kind == "name"]
    if len({word.stem for word in names}) < 2 or _passive(claim.text):
        return
    for sentence in sentences:
        said = _said(sentence)
        if not claim.keys <= said.stems or _passive(sentence):
            continue
        order = _order(claim)
        theirs = [key for key in _order(said) if key in order]
        same = len(order) > 1 and sorted(order) == sorted(theirs)
        if same and order[0] == theirs[-1] and order[-1] == theirs[0]:
            yield f"{names[0].text!r} and {names[-1].text!r} have changed places"
            return


def _order(said: _Said) -> list[str]:
    """The content words in order, each once; a run of names is one."""
    found: list[str] = []
    end, named = -1, False
    for word in said.content:
        runs_on = named and word.kind == "name" and word.start - end == 1
        found[-1:] = [f"{found[-1]} {word.stem}"] if runs_on else [*found[-1:], word.stem]
        end, named = word.end, word.kind == "name"
    return list(dict.fromkeys(found))


def _passive(text: str) -> bool:
    return re.search(r"\bby\b|\b(?:and|or)\b", text, re.IGNORECASE) is not None
