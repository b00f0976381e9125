"""How well evidence supports a claim: words, figures and names held, meaning word by word, and what goes against it.

    support, = SupportScorer(encoder).score([("Leave is 27 days.", ["Full-time staff have 27 days of leave."])])
    support.score, support.holds, support.against

No entailment model: who turns the meaning with the same words in the same order passes. What it does notice stands
in chains/contradictions.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from chains.clauses import Words
from chains.contradictions import contradictions, prepare
from chains.evidence import Coverage, Evidence, as_evidence, coverage
from chains.quantities import is_amount, quantities
from chains.table_rows import against_rows, named_rows

__all__ = [
    "HOLDS_FROM",
    "SentenceEncoder",
    "Support",
    "SupportScorer",
    "numbers",
    "prepare_evidence",
    "score_claim",
    "word_recall",
]

# A logistic regression, rounded, of supported claims against partly and not supported ones, alike when it is
# fitted on claims with the page they cite and on questions with their own and with another answer.
# benchmarks/citation_support.py prints what it does.
ALIGNED, ONE_SENTENCE, NAME_MISSING, FIGURE_MISSING, AGAINST, BIAS = 5.5, 1.0, -0.45, -0.8, -1.5, -3.3
VERBATIM, AGAINST_VERBATIM = 0.95, -2.5  # who repeats the evidence but for one thing has changed that thing
HOLDS_FROM = 0.5  # of score
UNLIKE, MOST = (
    0.4,
    0.4,
)  # a missing word's likeness below which it is told nowhere; how much of a claim may be such

# Alignment as the words alone foretell it, and how far it strays from that (a twentieth of claims go further).
BY_WORDS = {"share": 0.21, "joined": 0.26, "first": 0.10, "bias": 0.35}
STRAYS = 0.11
TOLD = 0.8  # share of a claim's words that must be held for words alone to support it
MAX_ENCODED = 8  # sentences that are embedded for a claim
LEAST_LIKENESS = 0.6  # of vectors of whole sentences, where the encoder gives no vectors of words


class SentenceEncoder(Protocol):
    """Anything that gives unit vectors: `(n, dimension)` float32."""

    def encode(self, texts: Sequence[str]) -> Any: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Support:
    """`score` is 0..1; `quotes` are the sentences that carry the claim, best first: (text, start, end)."""

    score: float
    against: tuple[str, ...]  # in words; empty where nothing speaks against the claim
    untold: float  # share of the claim's words that no word of the evidence comes near
    quotes: tuple[tuple[int, int, int], ...]
    shares: tuple[float, ...]  # text by text: the share of the claim's words that it holds
    contested: tuple[
        bool, ...
    ]  # text by text: whether it has other figures in the place of all of the claim's

    @property
    def holds(self) -> bool:
        return self.score >= HOLDS_FROM and not self.against and self.untold <= MOST


@dataclass(frozen=True, slots=True, kw_only=True)
class _Case:
    claim: str
    evidence: tuple[Evidence, ...]
    coverage: Coverage
    against: tuple[str, ...]
    sentences: tuple[str, ...]  # the likeliest, as they would be embedded
    contested: tuple[bool, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Alignment:
    mean: float  # likeness of the claim's words to the nearest ones of the evidence
    untold: float = 0.0


class SupportScorer:
    """Scores claims against texts; what it embeds once it keeps. Not shared between threads."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._encoder = encoder
        self._vectors: dict[str, Any] = {}

    def score(
        self, pairs: Sequence[tuple[str, Sequence[str | Evidence]]], *, spare_encoding: bool = False
    ) -> list[Support]:
        """How well the texts of each pair together support its claim, in that order.

        `spare_encoding` embeds only where the words leave open on which side of HOLDS_FROM a claim stands.
        """
        cases = [_case(claim, texts) for claim, texts in pairs]
        open_cases = [case for case in cases if not (spare_encoding and _decided(case))]
        self._embed([text for case in open_cases for text in (case.claim, *case.sentences)])
        return [
            _support(case, self._aligned(case) if case in open_cases else _Alignment(mean=_foretold(case)))
            for case in cases
        ]

    def _embed(self, texts: Sequence[str]) -> None:
        unknown = list(dict.fromkeys(text for text in texts if text not in self._vectors))
        if not unknown:
            return
        by_token = getattr(self._encoder, "token_embeddings", None)
        vectors = by_token(unknown) if by_token is not None else self._encoder.encode(unknown)
        self._vectors |= dict(zip(unknown, vectors, strict=True))

    def _aligned(self, case: _Case) -> _Alignment:
        """The claim's content words against the nearest words of the evidence (as BERTScore's recall, arXiv
        1904.09675); estimated from whole sentences where the encoder has no vectors of words.
        """
        if not any(text.strip() for text in case.sentences):
            return _Alignment(mean=0.0, untold=1.0)
        claim = self._vectors[case.claim]
        others = [self._vectors[text] for text in case.sentences]
        if not hasattr(claim, "spans"):
            nearest = max((float(claim @ other) for other in others), default=0.0)
            strays = STRAYS * max(-1.0, min(1.0, (nearest - LEAST_LIKENESS) / 0.3))
            held = case.coverage.held
            return _Alignment(mean=_foretold(case) + strays, untold=held.count(False) / max(1, len(held)))
        likeness = _likeness(claim, others, case.coverage.words)
        if not likeness:
            return _Alignment(mean=_foretold(case))
        pairs = zip(likeness, case.coverage.held, strict=True)
        untold = sum(near < UNLIKE and not held for near, held in pairs) / len(likeness)
        return _Alignment(mean=sum(likeness) / len(likeness), untold=untold)


def _likeness(claim: Any, others: Sequence[Any], words: Sequence[Words]) -> list[float]:
    """For each word the mean over its tokens of the likeness to the nearest token; empty where there are none."""
    held = [other.vectors for other in others if len(other.vectors)]
    if not held or not len(claim.vectors):
        return []
    nearest = (claim.vectors @ np.concatenate(held).T).max(axis=1)
    found = []
    for word in words:
        own = [i for i, (start, end) in enumerate(claim.spans) if start < word.end and word.start < end]
        found.append(float(nearest[own].mean()) if own else 0.0)  # past the tokens that are read: no likeness
    return found


def prepare_evidence(texts: Sequence[str]) -> None:
    """Takes texts apart ahead of time; what is found is kept for the claims that are held against them."""
    for text in texts:
        prepare([sentence.text for sentence in as_evidence(text).sentences])


def score_claim(claim: str, evidence: Sequence[str], encoder: SentenceEncoder) -> float:
    """0..1: how well the texts together support the claim."""
    return SupportScorer(encoder).score([(claim, evidence)])[0].score


def numbers(text: str) -> set[str]:
    """The figures of a text in one spelling; months are "month 8"."""
    return {quantity.value for quantity in quantities(text)}


def word_recall(claim: str, evidence: str) -> float:
    """Share of the claim's content words and figures that the evidence holds, in any form."""
    return coverage(claim, [as_evidence(evidence)]).share


def _case(claim: str, texts: Sequence[str | Evidence]) -> _Case:
    evidence = tuple(as_evidence(text) if isinstance(text, str) else text for text in texts)
    abouts = list(dict.fromkeys(one.about.text for one in evidence if one.about is not None))
    found = coverage(claim, evidence)
    sentences = [sentence for one in evidence for sentence in one.sentences]
    keys = {word.stem for word in found.words}
    figures = {word.stem for word in found.words if word.kind == "figure"}
    likeliest = sorted(sentences, key=lambda each: -len(keys & each.stems))
    related = [each.text for each in sentences if keys & each.stems or (figures and each.figures)]
    return _Case(
        claim=claim,
        evidence=evidence,
        coverage=found,
        against=(
            *contradictions(claim, related, "\n".join(abouts)),
            *against_rows(claim, [one.text for one in evidence]),
        ),
        contested=tuple(len(evidence) > 1 and _contested(claim, one) for one in evidence),
        sentences=(*(each.text for each in likeliest[:MAX_ENCODED]), *abouts),
    )


def _contested(claim: str, one: Evidence) -> bool:
    """Whether the text, by itself, goes against every figure of the claim with a figure in its place."""
    figures = [each for each in quantities(claim) if is_amount(each.value)]
    about = one.about.text if one.about is not None else ""
    against = " ".join(
        (
            *contradictions(claim, [each.text for each in one.sentences], about),
            *against_rows(claim, [one.text]),
        )
    )
    if not figures or any(f"figure {claim[each.start : each.end]} " not in against for each in figures):
        return False
    nearest = [one.sentences[place].text for _, place in coverage(claim, [one]).best[:1]]
    return any(
        is_amount(each.value)
        for line in (*nearest, *named_rows(claim, one.text))
        for each in quantities(line)
    )


def _support(case: _Case, aligned: _Alignment) -> Support:
    return Support(
        score=1.0 / (1.0 + math.exp(-_odds(case, aligned.mean))),
        against=case.against,
        untold=aligned.untold,
        quotes=tuple(
            (text, sentence.start, sentence.end)
            for text, place in case.coverage.best
            for sentence in [case.evidence[text].sentences[place]]
        ),
        shares=case.coverage.by_text,
        contested=case.contested,
    )


def _odds(case: _Case, aligned: float) -> float:
    """The logarithm of the odds that the claim is supported."""
    found = case.coverage
    return (
        BIAS
        + ALIGNED * aligned
        + ONE_SENTENCE * found.first_share
        + NAME_MISSING * sum(word.kind == "name" for word in found.missing)
        + FIGURE_MISSING * sum(word.kind == "figure" for word in found.missing)
        + AGAINST * any("is not there" not in each for each in case.against)
        + AGAINST_VERBATIM * bool(case.against and found.plain_share >= VERBATIM)
    )


def _foretold(case: _Case) -> float:
    """Alignment, from the words alone."""
    found = case.coverage
    return (
        BY_WORDS["bias"]
        + BY_WORDS["share"] * found.share
        + BY_WORDS["joined"] * found.joined_share
        + BY_WORDS["first"] * found.first_share
    )


def _decided(case: _Case) -> bool:
    """Whether no likely alignment changes the verdict."""
    middle = _foretold(case)
    told = case.coverage.share >= TOLD
    holds = told and not case.against and _odds(case, middle - STRAYS) >= 0.0
    fails = _odds(case, middle + STRAYS) < 0.0 or bool(case.against)
    return holds or fails
