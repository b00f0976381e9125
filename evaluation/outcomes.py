"""What came of one question in one mode: the answer, or the error that stands in its place, scored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from chains.answer import Answer, Mode
from chains.generation import STOPPED_EARLY
from chains.refusals import declines
from evaluation.judging import KnownQuestion, names_one, says
from evaluation.text_metrics import best, exact_match, figures_kept, rouge_l, token_f1

__all__ = [
    "JUDGED",
    "SCORING",
    "Outcome",
    "Verdict",
    "cut_off_notes",
    "errors_told",
    "failed",
    "scored",
    "taken_over_notes",
]

Verdict = Literal[
    "right",  # answered, and the words are right
    "wrong",  # answered, and they are not
    "rightly refused",  # the documents do not answer it
    "missed",  # refused, though there is an answer
    "error",  # no answer came
]
SCORING = 4  # raised with every change of what counts as right: answers are judged anew then, not asked again
JUDGED = "judged"  # the score that a chat model gave afterwards: of one run, never taken over
RIGHT: frozenset[Verdict] = frozenset({"right", "rightly refused"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """JSON values; `answer` is Answer.as_record(), None for an error."""

    question: str  # its id
    mode: Mode
    verdict: Verdict
    key: str  # of the cache: what was asked of what
    text: str
    model: str
    confidence: float | None
    seconds: float
    first_text_s: float | None
    input_tokens: int | None
    output_tokens: int | None
    cost_usd: float | None  # None: no price is known
    scores: Mapping[str, float] = field(default_factory=dict)
    tries: int = 1
    error: str | None = None
    taken_over: bool = False  # from an earlier run: its times and cost are of then
    answer: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def right(self) -> bool:
        return self.verdict in RIGHT

    @property
    def cut_off(self) -> str | None:
        """Why the text is not the whole answer, in a sentence; None where it is. It is judged as it stands."""
        told = self.answer or {}
        reason = None if told.get("abstained") or not self.text.strip() else told.get("reason")
        return reason if isinstance(reason, str) and reason else None


def scored(
    question: KnownQuestion,
    answer: Answer,
    *,
    key: str,
    seconds: float,
    first_text_s: float | None,
    similarity: float | None = None,
    faithfulness: float | None = None,
    tries: int = 1,
) -> Outcome:
    """`similarity`: of the answer and the reference by embeddings, -1..1; None where there is none to compare.

    `faithfulness`: share of the answer's claims that its sources support (evaluation/faithfulness.py).
    """
    return Outcome(
        question=question.id,
        mode=answer.mode,
        verdict=_verdict(question, answer),
        key=key,
        text=answer.text,
        model=answer.model,
        confidence=answer.confidence.value if answer.confidence else None,
        seconds=seconds,
        first_text_s=first_text_s,
        input_tokens=answer.usage.input_tokens,
        output_tokens=answer.usage.output_tokens,
        cost_usd=_cost(answer),
        scores=_scores(question, answer, similarity, faithfulness),
        tries=tries,
        answer=answer.as_record(),
    )


def failed(
    question: KnownQuestion, mode: Mode, error: str, *, key: str, seconds: float, tries: int
) -> Outcome:
    """No answer came: an outcome like any other, and not a right one."""
    return Outcome(
        question=question.id,
        mode=mode,
        verdict="error",
        key=key,
        text="",
        model="",
        confidence=None,
        seconds=seconds,
        first_text_s=None,
        input_tokens=None,
        output_tokens=None,
        cost_usd=None,
        tries=tries,
        error=error,
    )


def taken_over_notes(outcomes: Collection[Outcome]) -> tuple[str, ...]:
    """A sentence where some answers are of earlier runs."""
    earlier = sum(one.taken_over for one in outcomes)
    if not earlier:
        return ()
    return (
        f"{earlier:,} of {len(outcomes):,} answers were taken over from earlier runs of the same model, prompt and "
        "documents: their times and costs are of then (--fresh asks everything anew).",
    )


def cut_off_notes(outcomes: Collection[Outcome]) -> tuple[str, ...]:
    """A sentence for each way in which answers were cut off, the commonest first, with what helps."""
    given = sum(bool(one.text.strip()) for one in outcomes)
    found = Counter(one.cut_off for one in outcomes if one.cut_off)
    return tuple(
        f"{count:,} of {given:,} answers were cut off and are judged as they stand: {_inside(why)}; {_cure(why)}, and "
        "run it again: these are asked anew."
        for why, count in found.most_common()
    )


def errors_told(outcomes: Collection[Outcome]) -> str:
    """How many came to nothing, with the commonest message; "" where none did."""
    found = Counter(one.error or "no message" for one in outcomes if one.verdict == "error")
    if not found:
        return ""
    (why, count), *others = found.most_common()
    total = found.total()
    often = f" (in {count:,} of them)" if others else ""
    named = f"All {total:,} answers" if total == len(outcomes) else f"{total:,} of {len(outcomes):,} answers"
    return f"{named} are errors{often}: {why}"


def _inside(sentence: str) -> str:
    return sentence[:1].lower() + sentence[1:].removesuffix(".")


def _cure(why: str) -> str:
    if why == STOPPED_EARLY["length"]:
        return "give the model server a larger limit of tokens for its replies"
    if why == STOPPED_EARLY["content_filter"]:
        return "look at these questions, or at the server's filter"
    return "look at the model server"


def _verdict(question: KnownQuestion, answer: Answer) -> Verdict:
    """By the words alone where they are known, the same for modes that cite and modes that cannot."""
    if _refused(question, answer):
        return "missed" if question.answerable else "rightly refused"
    if not question.answerable:
        return "wrong"
    said = says(answer, question)
    return "right" if (names_one(answer, question.documents) if said is None else said) else "wrong"


def _refused(question: KnownQuestion, answer: Answer) -> bool:
    """A chat model without documents has no other way to abstain than to say that it does not know."""
    return answer.abstained or (
        declines(answer.text) and not (question.answerable and says(answer, question))
    )


def _cost(answer: Answer) -> float | None:
    """Without a call of a chat model nothing is charged."""
    return answer.cost_usd if answer.calls else 0.0


def _scores(
    question: KnownQuestion, answer: Answer, similarity: float | None, faithfulness: float | None
) -> dict[str, float]:
    found: dict[str, float | None] = {"similarity": similarity, "faithfulness": faithfulness}
    refused = _refused(question, answer)
    wanted = (question.reference, *question.answers) if question.reference else question.answers
    if question.answerable and wanted and not refused:
        found["exact_match"] = best(exact_match, answer.text, wanted)
        found["token_f1"] = best(token_f1, answer.text, wanted)
        found["rouge_l"] = best(rouge_l, answer.text, wanted)
        found["figures"] = figures_kept(_with_quotes(answer), question.reference or wanted[0])
    if question.answerable and wanted and refused:
        found |= {"exact_match": 0.0, "token_f1": 0.0, "rouge_l": 0.0}
    if question.answerable and question.documents and answer.mode in ("rag", "hybrid"):
        found |= _of_sources(question, answer)
    return {name: value for name, value in found.items() if value is not None}


def _of_sources(question: KnownQuestion, answer: Answer) -> dict[str, float | None]:
    from evaluation.sources import citation_precision, citation_recall, passage_ndcg, passage_recall

    return {
        "passage_recall": passage_recall(answer.passages, question.gold),
        "passage_ndcg": passage_ndcg(answer.passages, question.gold),
        "citation_precision": citation_precision(answer.citations, question.gold),
        "citation_recall": None if answer.abstained else citation_recall(answer.citations, question.gold),
    }


def _with_quotes(answer: Answer) -> str:
    return "\n".join([answer.text, *(one.quote for one in answer.citations)])
