"""The oracle of a question: the passage, or the two, that hold its answer, and which sentence rests on which."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from chains.answer import Passage
from chains.claim_splitting import split_claims
from chains.evidence import claim_words
from finetune.raft.asked import Asked, Place
from finetune.raft.judging import Judge, Verdict, amounts, folded
from finetune.raft.library import Library, Span
from finetune.raft.recipe import Voice
from loaders.fusion import codes_in
from local.sentences import sentence_spans

MOST_ORACLES = 2  # of an answer whose places are not given
VOICE_FROM = 0.65  # of the score, for a sentence without figures and codes: mostly it is manner, not matter
POLITE_WORDS = 5  # a sentence that is longer, or has a comma, answers after its politeness
_POLITE = re.compile(
    r"(?:i'?m |i am |we'?re |we are )?(?:so |very )?(?:sorry|thanks?|thank you|hello|hi|dear|great"
    r"|good (?:morning|day|question)|glad(?:ly)?|happy|danke|vielen dank|hallo|gern|leider|tut mir leid"
    r"|merci|bonjour|désolée?|gracias|hola|lo siento|bedankt|helaas)\b",
    re.IGNORECASE,
)
MOST_WEIGHED = 30  # passages that are held against an answer


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
    oracles: dict[str, Oracle] = {}
    for place in asked.gold:
        oracle = _at(place, asked, library, judge)
        known = oracles.get(oracle.passage.chunk_id)
        quotes = {*oracle.quotes, *(known.quotes if known else ())}
        oracles[oracle.passage.chunk_id] = replace(oracle, quotes=tuple(sorted(quotes)))
    every = tuple(range(len(oracles)))
    spans = sentence_spans(asked.answer)
    return Grounded(
        asked=asked,
        oracles=tuple(oracles.values()),
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


def _short(text: str) -> str:
    return text if len(text) <= 60 else f"{text[:59]}…"


# --- the places are looked for --------------------------------------------------------------------


def _by_search(asked: Asked, candidates: Sequence[Passage], judge: Judge, voice: Voice) -> Grounded:
    spans = sentence_spans(asked.answer)
    main = next((at for at, span in enumerate(spans) if _states(asked.answer[slice(*span)])), 0)
    if not candidates:
        raise NoOracle("No passage was found for the question.", "Add the document that holds the answer.")
    first, verdict = _best(asked.question, asked.answer[slice(*spans[main])], candidates, judge)
    oracles = [Oracle(passage=first, quotes=verdict.quotes)]
    sentences: list[Sentence] = []
    left_out: list[str] = []
    for at, span in enumerate(spans):
        text = asked.answer[slice(*span)]
        place = 0 if at == main else _support(asked.question, text, oracles, candidates, judge)
        if place is not None:
            sentences.append(Sentence(start=span[0], end=span[1], oracles=(place,)))
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


def _best(
    question: str, statement: str, candidates: Sequence[Passage], judge: Judge
) -> tuple[Passage, Verdict]:
    """The passage that holds the statement best. Raises NoOracle, naming the nearest."""
    weighed = list(zip(candidates, judge.weigh(question, statement, candidates), strict=True))
    holding = [one for one in weighed if one[1].holds] or [one for one in weighed if one[1].holds_figures]
    if holding:
        return max(holding, key=lambda one: one[1].score)
    nearest, verdict = max(weighed, key=lambda one: one[1].score)
    why = (
        "does not hold its figures"
        if verdict.missing
        else "speaks against it"
        if verdict.contrary
        else "says too little of it"
    )
    raise NoOracle(
        f"No passage supports {_short(statement)!r}: the nearest, of {nearest.document_name!r}, {why}"
        f" (support {verdict.score:.2f}).",
        'Add the document that says so, correct the answer, or name its place: "gold": [{"document", "quote"}].',
    )


def _support(
    question: str, text: str, oracles: list[Oracle], candidates: Sequence[Passage], judge: Judge
) -> int | None:
    """The oracle that supports a further sentence; a new one joins them for figures that they do not hold."""
    told = bool(_figures(text, question) or _names(text, question))
    verdicts = judge.weigh(question, text, [one.passage for one in oracles])
    holding = [place for place, one in enumerate(verdicts) if one.holds and (told or one.score >= VOICE_FROM)]
    if holding:
        place = max(holding, key=lambda one: verdicts[one].score)
        quotes = {*oracles[place].quotes, *verdicts[place].quotes}
        oracles[place] = replace(oracles[place], quotes=tuple(sorted(quotes)))
        return place
    if not _figures(text, question) or len(oracles) >= MOST_ORACLES:
        return None
    weighed = zip(candidates, judge.weigh(question, text, candidates), strict=True)
    found = max((one for one in weighed if one[1].holds), key=lambda one: one[1].score, default=None)
    if found is None:
        return None
    oracles.append(Oracle(passage=found[0], quotes=found[1].quotes))
    return len(oracles) - 1


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
