"""Whether an answer says what its sources say: the share of its claims that they support, by the embedded scorer.

A chat model's answer was checked as it was written (chains/claims.py), by a judge where one is named. An answer of
quotes, or one given as it was taught, was not: its claims are held against what it cites, and where it cites nothing
against the passages that were read. No chat model is asked. The scorer's own errors: benchmarks/citation_support.py.
"""

from __future__ import annotations

from chains.answer import Answer
from chains.claim_splitting import split_claims
from chains.claims import passage_evidence, supported_share
from chains.evidence import Evidence
from chains.support import SentenceEncoder, SupportScorer

__all__ = ["faithfulness"]


def faithfulness(answer: Answer, encoder: SentenceEncoder | None) -> float | None:
    """0..1; None for a refusal, and where no passage was read."""
    if answer.abstained:
        return None
    if answer.claims:
        return supported_share(answer.claims)
    claims, evidence = split_claims(answer.text), _evidence(answer)
    if encoder is None or not claims or not evidence:
        return None
    found = SupportScorer(encoder).score([(one.text, evidence) for one in claims], spare_encoding=True)
    return sum(one.holds for one in found) / len(found)


def _evidence(answer: Answer) -> list[str | Evidence]:
    if answer.citations:
        return [one.quote for one in answer.citations]
    return [passage_evidence(one) for one in answer.passages]
