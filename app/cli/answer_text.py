"""An answer in a terminal: the words as they come, then its sources, doubts and what it took."""

from __future__ import annotations

from collections.abc import Iterable

from app.cli.output import print_line, print_text
from chains.answer import Answer, AnswerEvent, CheckedClaim, Citation, Searched, TextDelta

NEAR_MISSES = 3
VERDICTS = {"unsupported": "not supported by what it cites", "uncited": "cites no source"}


def print_stream(events: Iterable[AnswerEvent]) -> Answer:
    """Prints the text as it is written; returns the Answer at the end."""
    answer: Answer | None = None
    streamed = ""
    for event in events:
        if isinstance(event, Searched):
            print_line(f"Searched for: {event.query}\n")
        elif isinstance(event, TextDelta):
            streamed += event.text
            print_text(event.text)
        elif isinstance(event, Answer):
            answer = event
    assert answer is not None, "a chain's last event is its Answer"
    print_line("" if streamed else answer.text)
    if streamed and streamed.strip() != answer.text.strip():
        print_line(f"\nAfter checking the citations, the answer reads:\n{answer.text}")
    return answer


def print_answer(answer: Answer) -> None:
    """What stands below the text."""
    _print_steps(answer)
    for citation in answer.citations:
        _print_citation(citation)
    for conflict in answer.conflicts:
        print_line(f"\n! {conflict.sentence}")
    _print_computation(answer)
    for claim in answer.claims:
        _print_doubt(claim)
    if answer.reason and answer.reason not in answer.text:
        print_line(answer.reason if answer.abstained else f"\nThis answer is incomplete: {answer.reason}")
    if answer.abstained:
        for passage in answer.passages[:NEAR_MISSES]:
            print_line(f"  near: {passage.document_id} · {' '.join(passage.text.split())[:160]}")
    _print_taught(answer)
    for notice in answer.notices:
        print_line(f"\nNote: {notice}")
    if answer.confidence:
        print_line(f"\nConfidence {answer.confidence.level} ({answer.confidence.value:.2f})")
    if answer.cost_usd is not None:
        print_line(f"Cost {answer.cost_usd:.4f} US dollars")


def _print_steps(answer: Answer) -> None:
    if len(answer.steps) > 1:
        for number, step in enumerate(answer.steps, 1):
            print_line(f"\nStep {number}: searched for {step.query!r}. {step.why}")


def _print_citation(citation: Citation) -> None:
    place = citation.location.label()
    mark = "" if citation.verified else "  (not verified)"
    print_line(f"\n[{citation.marker}] {citation.document_id}{' · ' + place if place else ''}{mark}")
    print_line(f'    "{" ".join(citation.quote.split())}"')


def _print_taught(answer: Answer) -> None:
    for pair in answer.taught:
        row = f"row {pair.row} of the training file" if pair.row is not None else "the training file"
        begin = "  near: " if answer.abstained else "\nTaught by "
        print_line(f"{begin}{row}: {' '.join(pair.question.split())[:200]}")


def _print_computation(answer: Answer) -> None:
    if answer.computation is None:
        return
    print_line("\nComputed by this query over " + "; ".join(answer.computation.tables))
    print_line("    " + answer.computation.sql.replace("\n", "\n    "))


def _print_doubt(claim: CheckedClaim) -> None:
    if claim.verdict in VERDICTS:
        print_line(f'\n? "{claim.text}" {VERDICTS[claim.verdict]}.')
