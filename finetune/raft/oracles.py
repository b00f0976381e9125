"""The oracle of a question: the passage, or the two, that hold its answer, and which sentence rests on which."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from chains.answer import Passage
from chains.claim_splitting import split_claims
from chains.clauses import clauses
from chains.evidence import claim_words
from finetune.raft.asked import Asked, Place
from finetune.raft.judging import Judge, Verdict, amounts, folded
from finetune.raft.passages import Library, Span
from finetune.raft.recipe import Voice
from loaders.fusion import codes_in
from local.sentences import is_field, is_table_row, sentence_spans

MOST_ORACLES = 2  # of an answer whose places are not given
FITS_FROM = 0.4  # of the score, for a clause without figures, in the oracles of the others
VOICE_FROM = 0.65  # of the score, for a sentence without figures and codes: mostly it is manner, not matter
POLITE_WORDS = 5  # a sentence that is longer, or has a comma, answers after its politeness
_POLITE = re.compile(
    r"(?:i'?m |i am |we'?re |we are )?(?:so |very )?(?:sorry|thanks?|thank you|hello|hi|dear|great"
    r"|good (?:morning|day|question)|glad(?:ly)?|happy|danke|vielen dank|hallo|gern|leider|tut mir leid"
    r"|merci|bonjour|désolée?|gracias|hola|lo siento|bedankt|helaas)\b",
    re.IGNORECASE,
)
MOST_QUOTED = 4  # sentences of a place that is given by its spans
MOST_WEIGHED = 40  # passages that are held against an answer


@dataclass(frozen=True, slots=True, kw_only=True)
class Oracle:
    passage: Passage
    quotes: tuple[Span, ...]  # of the passage's text: the words that the answer rests on


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """`answer[start:end]`, and the oracles that support it, by their place; none for what only the voice adds."""

    start: int
    end: int
    oracles: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grounded:
    """An answer with what it rests on."""

    asked: Asked
    oracles: tuple[Oracle, ...]
    sentences: tuple[Sentence, ...]  # that are kept, in order
    left_out: tuple[str, ...]  # sentences with facts that no passage supports

    @property
    def statements(self) -> tuple[str, ...]:
        """The supported sentences: what no distractor may say."""
        return tuple(self.asked.answer[one.start : one.end] for one in self.sentences if one.oracles)


class NoOracle(Exception):
    """Why a question has none, and what to change."""

    def __init__(self, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.reason, self.fix = reason, fix


def ground(
    asked: Asked, candidates: Sequence[Passage], library: Library, judge: Judge, voice: Voice
) -> Grounded:
    """`candidates`: what searches for the question and its answer found. Raises NoOracle."""
    if asked.gold:
        return _by_places(asked, library, judge)
    return _by_search(asked, candidates[:MOST_WEIGHED], judge, voice)


# --- the places are given -------------------------------------------------------------------------


def _by_places(asked: Asked, library: Library, judge: Judge) -> Grounded:
    oracles: list[Oracle] = []
    for place in asked.gold:
        _join(oracles, _at(place, asked, library, judge))
    every = tuple(range(len(oracles)))
    spans = sentence_spans(asked.answer)
    return Grounded(
        asked=asked,
        oracles=tuple(oracles),
        sentences=tuple(Sentence(start=start, end=end, oracles=every) for start, end in spans),
        left_out=(),
    )


def _at(place: Place, asked: Asked, library: Library, judge: Judge) -> Oracle:
    document = library.document(place.document)
    if document is None:
        raise NoOracle(
            f"The knowledge base {library.name!r} has no document {place.document!r}.",
            "Add it with `python -m app ingest`, or name the document as `python -m app kb show` does.",
        )
    marked = _at_spans(place, document, library)
    if marked is not None:
        return marked
    if place.quote:
        held = library.holding(document, place.quote)
        if held is None:
            raise NoOracle(
                f"No passage of {document!r} holds the quote {_short(place.quote)!r} whole.",
                "Quote fewer words, exactly as they stand in the document.",
            )
        return Oracle(passage=held[0], quotes=(held[1],))
    passage = library.chunk(document, place.chunk) if place.chunk else None
    if passage is None:
        raise NoOracle(f"The place in {document!r} is not said.", 'Give its "quote", word for word.')
    return Oracle(passage=passage, quotes=judge.weigh(asked.question, asked.answer, [passage])[0].quotes)


def _at_spans(place: Place, document: str, library: Library) -> Oracle | None:
    """The passage that holds all spans of the place, with the sentences or rows around them; None where none does."""
    if not place.spans:
        return None
    passage = library.spanning(document, place.spans[0][0], place.spans[-1][1])
    if passage is None:
        return None
    inside = [(start - passage.start, end - passage.start) for start, end in place.spans]
    around = _merged([span for start, end in inside for span in _around(passage.text, start, end)])
    return Oracle(passage=passage, quotes=around[:MOST_QUOTED]) if around else None


def _around(text: str, start: int, end: int) -> list[Span]:
    """The rows or fields that the span touches; in prose, the sentences."""
    lines = [one.span() for one in re.finditer(r"[^\n]+", text) if one.start() < end and start < one.end()]
    if all(is_field(text[slice(*line)]) or is_table_row(text[slice(*line)]) for line in lines):
        return lines
    return [span for span in sentence_spans(text) if span[0] < end and start < span[1]]


def _merged(spans: Iterable[Span]) -> tuple[Span, ...]:
    """In order; those that overlap are one."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start < merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


# --- the places are looked for --------------------------------------------------------------------


def _by_search(asked: Asked, candidates: Sequence[Passage], judge: Judge, voice: Voice) -> Grounded:
    spans = sentence_spans(asked.answer)
    main = next((at for at, span in enumerate(spans) if _states(asked.answer[slice(*span)])), 0)
    if not candidates:
        raise NoOracle("No passage was found for the question.", "Add the document that holds the answer.")
    oracles = _main_oracles(asked.question, asked.answer[slice(*spans[main])], candidates, judge)
    every = tuple(range(len(oracles)))
    sentences: list[Sentence] = []
    left_out: list[str] = []
    for at, span in enumerate(spans):
        text = asked.answer[slice(*span)]
        places = every if at == main else _support(asked.question, text, oracles, candidates, judge)
        if places:
            sentences.append(Sentence(start=span[0], end=span[1], oracles=places))
        elif _unfounded(text, asked.question, oracles):
            left_out.append(text)
        elif voice == "keep":
            sentences.append(Sentence(start=span[0], end=span[1], oracles=()))
    return Grounded(asked=asked, oracles=tuple(oracles), sentences=tuple(sentences), left_out=tuple(left_out))


def _states(sentence: str) -> bool:
    """Whether the sentence claims something and does more than greet, thank or regret."""
    short = len(sentence.split()) <= POLITE_WORDS and "," not in sentence
    polite = short and _POLITE.match(sentence) is not None
    return bool(split_claims(sentence)) and (not polite or bool(_figures(sentence, "")))


def _main_oracles(question: str, statement: str, candidates: Sequence[Passage], judge: Judge) -> list[Oracle]:
    """The passage that holds the answer best, or the two that hold its clauses. Raises NoOracle, naming the nearest."""
    weighed = list(zip(candidates, judge.weigh(question, statement, candidates), strict=True))
    best = _holding(weighed)
    if best is not None:
        return [Oracle(passage=best[0], quotes=best[1].quotes)]
    parts = _by_clauses(question, statement, candidates, judge)
    if parts:
        return parts
    nearest, verdict = max(weighed, key=lambda one: one[1].score)
    raise NoOracle(
        f"No passage supports {_short(statement)!r}: the nearest, of {nearest.document_name!r}, {_why_not(verdict)}"
        f" (support {verdict.score:.2f}).",
        'Add the document that says so, correct the answer, or name its place: "gold": [{"document", "quote"}].',
    )


def _holding(weighed: Sequence[tuple[Passage, Verdict]]) -> tuple[Passage, Verdict] | None:
    """The best of those that hold the statement and name what is asked about; else that hold it; else its figures."""
    holding = [one for one in weighed if one[1].holds]
    named = [one for one in holding if one[1].named]
    figures = [one for one in weighed if one[1].holds_figures]
    return max(named or holding or figures, key=lambda one: one[1].score, default=None)


def _by_clauses(question: str, statement: str, candidates: Sequence[Passage], judge: Judge) -> list[Oracle]:
    """An oracle for each clause with figures of a sentence that two passages tell together; the rest must fit them."""
    told = [statement[start:end] for start, end in clauses(statement)]
    oracles: list[Oracle] = []
    for clause in [one for one in told if amounts(one)] if len(told) > 1 else ():
        found = _holding(list(zip(candidates, judge.weigh(question, clause, candidates), strict=True)))
        if found is None:
            return []
        _join(oracles, Oracle(passage=found[0], quotes=found[1].quotes))
    fitting = all(_fits(question, one, oracles, judge) for one in told if not amounts(one))
    return oracles if fitting and len(oracles) <= MOST_ORACLES else []


def _fits(question: str, clause: str, oracles: Sequence[Oracle], judge: Judge) -> bool:
    verdicts = judge.weigh(question, clause, [one.passage for one in oracles])
    return any(one.score >= FITS_FROM for one in verdicts)


def _join(oracles: list[Oracle], oracle: Oracle) -> int:
    """The place of the oracle among them, with the quotes of both where its passage is there already."""
    for place, known in enumerate(oracles):
        if known.passage.chunk_id == oracle.passage.chunk_id:
            oracles[place] = replace(known, quotes=_merged((*known.quotes, *oracle.quotes)))
            return place
    oracles.append(oracle)
    return len(oracles) - 1


def _why_not(verdict: Verdict) -> str:
    if verdict.missing:
        return "does not hold its figures"
    return "speaks against it" if verdict.contrary else "says too little of it"


def _support(
    question: str, text: str, oracles: list[Oracle], candidates: Sequence[Passage], judge: Judge
) -> tuple[int, ...]:
    """The place of the oracle of a further sentence; a new one joins them for figures that they do not hold."""
    told = bool(_figures(text, question) or _names(text, question))
    verdicts = judge.weigh(question, text, [one.passage for one in oracles])
    holding = [place for place, one in enumerate(verdicts) if one.holds and (told or one.score >= VOICE_FROM)]
    if holding:
        place = max(holding, key=lambda one: verdicts[one].score)
        held = oracles[place].passage
        return (_join(oracles, Oracle(passage=held, quotes=verdicts[place].quotes)),)
    if not _figures(text, question) or len(oracles) >= MOST_ORACLES:
        return ()
    weighed = zip(candidates, judge.weigh(question, text, candidates), strict=True)
    found = max((one for one in weighed if one[1].holds), key=lambda one: one[1].score, default=None)
    if found is None:
        return ()
    return (_join(oracles, Oracle(passage=found[0], quotes=found[1].quotes)),)


def _unfounded(text: str, question: str, oracles: Sequence[Oracle]) -> bool:
    """Whether a sentence that nothing supports says more than manner: a figure, or a name that no oracle knows."""
    known = {word for one in oracles for word in folded(one.passage.text).split()}
    return bool(_figures(text, question)) or not _names(text, question) <= known


def _figures(text: str, question: str) -> set[str]:
    """Amounts and codes that were not asked about."""
    return {*amounts(text), *codes_in(text)} - {*amounts(question), *codes_in(question)}


def _names(text: str, question: str) -> set[str]:
    """The words of names that were not asked about."""
    names = (word.text for word in claim_words(text) if word.kind == "name")
    return {word for name in names for word in folded(name).split()} - set(folded(question).split())
