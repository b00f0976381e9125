"""The check of an answer against the passages it was written from: every claim, every citation.

    checked = check_answer(text, passages, encoder=encoder, document_text=document_text)
    checked.citations, checked.claims

While a model still writes, a `ClaimChecker` does the same sentence by sentence:

    checker = ClaimChecker(passages, encoder=encoder, document_text=document_text)
    checker.prepare()                  # takes the passages apart while the model has not begun
    checker.feed(text_so_far)          # returns at once; the work is done beside the model
    checker.finish(text)               # -> Checked, of the whole text
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from chains.answer import CheckedClaim, Citation, Passage
from chains.background import in_background
from chains.citations import exact_citation
from chains.claim_splitting import Claim, split_claims
from chains.evidence import Evidence, as_evidence
from chains.support import SentenceEncoder, Support, SupportScorer, prepare_evidence

if TYPE_CHECKING:
    from chains.generation import CallLog
    from chains.models import ConnectedModel

__all__ = ["Checked", "Claim", "ClaimChecker", "check_answer", "split_claims", "supported_share"]

LONGEST_QUOTE = 600  # characters; past it a marker's several sentences are shown by the best one
SHORT_OF_SUPPORT = 0.49  # the most that a claim shows which is not supported
OWN_PART = 0.34  # share of a claim's words from which a passage, cited beside others, carries part of it

Span = tuple[int, int]
DocumentText = Callable[[str], str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """Citations by first use of their marker; claims in the order of the text."""

    citations: tuple[Citation, ...]
    claims: tuple[CheckedClaim, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Held:
    """A claim, the passages it was held against (all of them where it cites none), and the outcome."""

    claim: Claim
    markers: tuple[int, ...]  # those that number a passage
    support: Support


def check_answer(
    text: str,
    passages: Sequence[Passage],
    *,
    encoder: SentenceEncoder,
    document_text: DocumentText,
    judge: ConnectedModel | None = None,
    log: CallLog | None = None,
) -> Checked:
    """Holds every claim of the text against the passages it cites; `[n]` is `passages[n - 1]`.

    A citation is verified where the document holds its quote at its span and every claim that cites it is
    supported. A number that is not among the passages is no citation. A claim that cites nothing is "uncited",
    whatever the passages hold; its score says how well they would support it. With a `judge` the chat model
    decides on the cited claims; where it fails, the embedded check stands and `log.notices` says so.
    """
    checker = ClaimChecker(passages, encoder=encoder, document_text=document_text)
    return checker.finish(text, judge=judge, log=log)


def supported_share(claims: Iterable[CheckedClaim]) -> float:
    """Share of the claims that their cited passages support; 0 where nothing is claimed."""
    verdicts = [claim.verdict for claim in claims]
    return verdicts.count("supported") / len(verdicts) if verdicts else 0.0


class ClaimChecker:
    """Checks an answer while it is written. One answer each; what was fed and is never finished holds nothing up."""

    def __init__(
        self, passages: Sequence[Passage], *, encoder: SentenceEncoder, document_text: DocumentText
    ) -> None:
        self._passages = tuple(passages)
        self._document_text = document_text
        self._scorer = SupportScorer(encoder)
        self._known: dict[tuple[str, tuple[int, ...]], Support] = {}
        self._lock = threading.Lock()  # the scorer is one thread's at a time
        self._working: list[Future[None]] = []
        self._fed = 0

    def prepare(self) -> None:
        """Takes the passages apart, which every check needs, on a thread of its own."""
        self._working.append(in_background(lambda: prepare_evidence([p.text for p in self._passages])))

    def feed(self, text_so_far: str) -> None:
        """Begins to check the sentences that are complete: all but the last, which may still go on."""
        complete = split_claims(text_so_far)[:-1]
        if len(complete) <= self._fed:
            return
        fresh, self._fed = complete[self._fed :], len(complete)
        self._working.append(in_background(lambda: self._score(fresh)))

    def finish(
        self, text: str, *, judge: ConnectedModel | None = None, log: CallLog | None = None
    ) -> Checked:
        """The outcome for the whole text; only what was not fed yet is left to do."""
        for work in self._working:
            work.result()
        told = split_claims(text)
        self._score(told)
        held = [
            _Held(claim=claim, markers=self._cited(claim), support=self._known[self._key(claim)])
            for claim in told
        ]
        checked = [_verdict(one) for one in held]
        if judge is not None and log is not None:
            from chains.judging import judged

            checked = judged(checked, self._passages, judge, log)
        return Checked(citations=self._citations(held, checked), claims=tuple(checked))

    def _score(self, claims: Sequence[Claim]) -> None:
        with self._lock:
            new = list(
                {self._key(claim): claim for claim in claims if self._key(claim) not in self._known}.values()
            )
            pairs = [
                (claim.text, [passage_evidence(self._passages[n - 1]) for n in self._read(claim)])
                for claim in new
            ]
            found = self._scorer.score(pairs, spare_encoding=True)
            self._known |= {self._key(claim): support for claim, support in zip(new, found, strict=True)}

    def _key(self, claim: Claim) -> tuple[str, tuple[int, ...]]:
        return claim.text, self._cited(claim)

    def _cited(self, claim: Claim) -> tuple[int, ...]:
        return tuple(n for n in claim.markers if 1 <= n <= len(self._passages))

    def _read(self, claim: Claim) -> Sequence[int]:
        """The passages a claim is held against: those it cites, or all."""
        return self._cited(claim) or range(1, len(self._passages) + 1)

    def _citations(self, held: Sequence[_Held], checked: Sequence[CheckedClaim]) -> tuple[Citation, ...]:
        by_marker: dict[int, list[tuple[_Held, bool]]] = {}
        for one, outcome in zip(held, checked, strict=True):
            for n in one.markers:
                by_marker.setdefault(n, []).append((one, outcome.verdict == "supported"))
        return tuple(self._citation(n, uses) for n, uses in by_marker.items())

    def _citation(self, marker: int, uses: Sequence[tuple[_Held, bool]]) -> Citation:
        passage = self._passages[marker - 1]
        spans = [span for one, _ in uses for span in _quoted(one, one.markers.index(marker))]
        spans = spans or [(0, len(passage.text))]
        start, end = min(start for start, _ in spans), max(end for _, end in spans)
        if end - start > LONGEST_QUOTE:
            start, end = spans[0]
        citation = exact_citation(marker, passage, start, end, self._document_text)
        carried = all(supported and _carries(one, one.markers.index(marker)) for one, supported in uses)
        return citation if carried else replace(citation, verified=False)


def passage_evidence(passage: Passage) -> Evidence:
    """A passage under the name and the date of its document and the headings above it."""
    date = str(passage.metadata.get("date") or "")
    told = date if len(date) == len("2026-01-31") else date[: len("2026")]  # "2026-01" reads as two years
    lines = (passage.document_name, *passage.location.headings, told)
    return as_evidence(passage.text, "\n".join(dict.fromkeys(line for line in lines if line)))


def _verdict(one: _Held) -> CheckedClaim:
    cited: Literal["supported", "unsupported"] = "supported" if one.support.holds else "unsupported"
    return CheckedClaim(
        start=one.claim.start,
        end=one.claim.end,
        text=one.claim.text,
        markers=one.markers,
        score=one.support.score if one.support.holds else min(one.support.score, SHORT_OF_SUPPORT),
        verdict=cited if one.markers else "uncited",
    )


def _quoted(one: _Held, place: int) -> list[Span]:
    """The sentences of the passage at `place` among the cited ones that carry the claim."""
    return [(start, end) for text, start, end in one.support.quotes if text == place]


def _carries(one: _Held, place: int) -> bool:
    """Whether the passage has a part in the claim's support; alone it has all of it."""
    return len(one.markers) == 1 or (
        one.support.shares[place] >= OWN_PART and not one.support.contested[place]
    )
