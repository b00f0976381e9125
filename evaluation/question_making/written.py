"""Questions that a chat model wrote, passage by passage, as candidates like those of the rules.

    for one in written_candidates(generate(source, GenerateOptions(prompt=PROMPT), tally, ...)): one.question

finetune/synthesis asks, keeps the replies in a journal and sifts them: the quote stands in the passage and the passage
carries the answer. Here the answer must stand in the quote, so that an answer can be judged by it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from chains.phrases import names
from evaluation.question_making.candidates import Candidate
from finetune.examples import Example

__all__ = ["PROMPT", "written_candidates"]

PROMPT = "questions"  # in chains/prompts


def written_candidates(made: Iterable[object]) -> Iterator[Candidate]:
    """`made`: Examples of `generate`; what it dropped is passed over."""
    for one in made:
        if isinstance(one, Example):
            yield _candidate(one)


def _candidate(example: Example) -> Candidate:
    question, answer = (turn["content"] for turn in example.row["messages"][-2:])
    told = example.provenance
    details = told.details
    (start, _end) = details["spans"][0]
    return Candidate(
        question=question,
        answer=answer,
        wordings=(answer,),
        kind="written",
        document_id=str(told.document),
        title=str(details.get("title") or told.document),
        heading="",
        quote=details["quote"],
        start=start,
        language=str(details.get("language") or "en"),
        subjects=tuple(names(question.split(" ", 1)[-1])),
    )
