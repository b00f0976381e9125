"""The chat-model path of RAG and hybrid mode: the model writes from numbered passages, and what it cites is checked."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from chains.answer import Answer, AnswerEvent, Confidence, Question, Receipt, StageStarted, TextDelta
from chains.background import in_background
from chains.chat_confidence import agreement, assess_reply
from chains.claims import Checked, ClaimChecker
from chains.confidence_fit import Calibration
from chains.conflicts import find_conflicts, rival_citations
from chains.consistency import in_doubt, self_consistency
from chains.generation import SAID_NOTHING, Reply, stream_reply
from chains.guard import ABSTENTION_TOKEN, UNKNOWN_SOURCE, SafeStream
from chains.models import ConnectedModel
from chains.passages_prompt import as_data, as_shown, numbered
from chains.prompts import Prompt, load_prompt, messages_sha256
from chains.reading import abstention, assessed
from chains.reasoned_reply import ReasonedStream, quotes_in
from chains.refusals import declines
from chains.retrieval import Retrieved
from chains.support import SentenceEncoder
from errors import GroundtuneError, ProviderError, StoppedError

if TYPE_CHECKING:
    from local.reader import ExtractiveReader, Reading

SENTENCE_END = re.compile(r"[.!?\n]")
MODEL_ABSTAINED = "The model found no answer in the passages."
NO_ANSWER_YET = "The model's reply ended in its reasoning, before the answer."
MISQUOTED = "The model's reasoning quotes words that its passages do not hold: {quote!r}"
SHOWN_OF_A_QUOTE = 80  # characters
NOT_CHECKED = "The answer was not checked against your documents: {why}"
BELOW = "The confidence of this answer ({value}) is below the {needed} that this knowledge base asks for."

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checks:
    """What a written answer is held against."""

    encoder: SentenceEncoder
    judge: ConnectedModel | None = None  # a chat model that judges support; None: the embedded scorer
    fit: Calibration | None = None  # of the confidence in written answers; None: the shipped one
    consistency_samples: int = 0  # further answers asked for where the first is in doubt


def write_answer(
    found: Retrieved, model: ConnectedModel, reader: ExtractiveReader, checks: Checks
) -> Iterator[AnswerEvent]:
    """Yields the model's words as they come, made safe, and last the Answer with checked citations.

    The embedded reader looks at the passages while the model writes. A server that fails before any text raises
    ProviderError. One that breaks off later leaves an Answer with the text so far, `reason` saying what happened:
    what was shown is never taken away.
    """
    yield StageStarted(stage="writing")
    read = in_background(lambda: assessed(found, reader))
    checker = ClaimChecker(found.passages, encoder=checks.encoder, document_text=found.document_text)
    checker.prepare()
    writer = _Writer(found, model, load_prompt(found.mode))
    for text in writer.deltas():
        found.watch.first_token()
        yield TextDelta(text=text)
        if SENTENCE_END.search(text):
            checker.feed(writer.text)
    found.watch.lap("generate")
    draft = replace(
        found.draft(writer.reply.model_id or model.model_id),
        text=writer.text,
        reason=writer.shortfall,
        receipt=writer.signed(found.receipt),
        reasoning=writer.reasoning,
        notices=misquoted(writer.reasoning or "", found),
    )
    if writer.abstained:
        yield abstention(draft, MODEL_ABSTAINED, found.watch)
        return
    if declines(writer.text):
        yield replace(draft, abstained=True, reason=MODEL_ABSTAINED, timings_ms=found.watch.finish())
        return
    if not writer.text.strip():
        yield replace(draft, reason=writer.shortfall or SAID_NOTHING, timings_ms=found.watch.finish())
        return
    yield StageStarted(stage="checking")
    answer = _checked(draft, found, model, checker, read, checks)
    found.watch.lap("check")
    yield replace(answer, timings_ms=found.watch.finish())


def _checked(
    draft: Answer,
    found: Retrieved,
    model: ConnectedModel,
    checker: ClaimChecker,
    read: Future[tuple[Reading, Confidence]],
    checks: Checks,
) -> Answer:
    """The answer after all checks; as it was written, with a notice, where a check fails. Raises StoppedError."""
    try:
        checked = checker.finish(draft.text, judge=checks.judge, log=found.log)
        reading, embedded = read.result()
        consistency = _asked_again(draft.text, found, embedded, model, checks)
        return _weighed(draft, found, checked, reading, embedded, consistency, checks)
    except StoppedError:
        raise
    except GroundtuneError as error:
        why = str(error)
    except Exception:  # noqa: BLE001 - what was shown stays: reported in the answer and to the log
        _log.exception("The check of an answer failed")
        why = "the log has the details."
    return replace(draft, notices=(*draft.notices, NOT_CHECKED.format(why=why)))


def _asked_again(
    text: str, found: Retrieved, embedded: Confidence, model: ConnectedModel, checks: Checks
) -> float | None:
    """Share of further answers that say the same; None where nobody wants to know, or the passages leave no doubt."""
    if not checks.consistency_samples or not in_doubt(embedded):
        return None
    return self_consistency(
        _asked(found),
        text,
        found.passages,
        model=model,
        encoder=checks.encoder,
        log=found.log,
        samples=checks.consistency_samples,
    )


def _weighed(
    draft: Answer,
    found: Retrieved,
    checked: Checked,
    reading: Reading,
    embedded: Confidence,
    consistency: float | None,
    checks: Checks,
) -> Answer:
    """The answer with its checked claims, what contradicts them, and how sure all that makes us."""
    citations = checked.citations
    citations += rival_citations(found.standalone, citations, found.passages, found.document_text)
    confidence = assess_reply(
        embedded,
        checked.claims,
        agreement=agreement(draft.text, found.standalone, [one.text for one in reading.sentences]),
        consistency=consistency,
        unknown_source=UNKNOWN_SOURCE in draft.text,
        fit=checks.fit,
    )
    return replace(
        draft,
        citations=citations,
        claims=checked.claims,
        confidence=confidence,
        conflicts=find_conflicts(
            found.standalone, draft.text, citations, found.passages, dates=found.dates()
        ),
        notices=(*draft.notices, *_below(confidence, checks.fit)),
    )


def _below(confidence: Confidence, fit: Calibration | None) -> tuple[str, ...]:
    """A sentence where the knowledge base's own fit asks for more; the shipped fit's threshold asks for nothing."""
    if fit is None or fit.made is None or confidence.value >= fit.abstain_below:
        return ()
    value, needed = f"{confidence.value:.0%}", f"{fit.abstain_below:.0%}"
    if value == needed:
        value, needed = f"{confidence.value:.2%}", f"{fit.abstain_below:.2%}"
    return (BELOW.format(value=value, needed=needed),)


class _Writer:
    """One reply: holds back the abstention word, guards the rest, remembers how it ended."""

    def __init__(self, found: Retrieved, model: ConnectedModel, prompt: Prompt) -> None:
        question, passages = _asked(found), found.passages
        self._model = model
        self._log = found.log
        self._prompt = prompt
        self._messages = prompt.messages(
            question.history, passages=numbered(passages, found.dates()), question=as_data(question.text)
        )
        self._allowed = "\n".join([question.text, *(passage.text for passage in passages)])
        self._sources = len(passages)
        self._guard = self._new_guard()
        self._reasoned = ReasonedStream() if found.mode == "hybrid" else None
        self._failure: str | None = None
        self.reply = Reply()
        self.abstained = False

    @property
    def text(self) -> str:
        return self._guard.text

    @property
    def reasoning(self) -> str | None:
        return self._reasoned.reasoning if self._reasoned else None

    @property
    def shortfall(self) -> str | None:
        unfinished = self._reasoned is not None and self._reasoned.unfinished
        return self._failure or self.reply.shortfall or (NO_ANSWER_YET if unfinished else None)

    def signed(self, receipt: Receipt) -> Receipt:
        """The receipt with the prompt file's hash, and that of the very messages sent."""
        return replace(
            receipt,
            prompt_sha256=self._prompt.sha256,
            parameters=dict(receipt.parameters)
            | {"prompt": self._prompt.version, "messages_sha256": messages_sha256(self._messages)},
        )

    def deltas(self) -> Iterator[str]:
        held = ""
        opening = True
        taken_back = 0
        try:
            for delta in self._answer():
                if self._taken_back != taken_back:
                    # What was shown was reasoning: it cannot be unsaid here, but `text`, and with it the final
                    # Answer, begins anew and holds only what comes behind it.
                    held, opening, taken_back = "", True, self._taken_back
                    self._guard = self._new_guard()
                held += delta
                opening = opening and _may_abstain(held)
                if not opening:
                    yield from self._shown(self._guard.feed(held))
                    held = ""
        except ProviderError as error:
            if not (self._guard.began or held or taken_back):
                raise
            self._failure = str(error)
        if opening and _abstains(held):
            self.abstained = True
            return
        yield from self._shown(self._guard.feed(held) + self._guard.close())

    def _answer(self) -> Iterator[str]:
        """The reply as it comes, without the reasoning that a tuned model begins with."""
        reply = stream_reply(self._model, self._messages, self.reply, self._log)
        if self._reasoned is None:
            yield from reply
            return
        for delta in reply:
            taken_back = self._reasoned.taken_back
            text = self._reasoned.feed(delta)
            if text or self._reasoned.taken_back != taken_back:
                yield text
        yield self._reasoned.close()

    @property
    def _taken_back(self) -> int:
        return self._reasoned.taken_back if self._reasoned else 0

    def _new_guard(self) -> SafeStream:
        return SafeStream(sources=self._sources, allowed_text=self._allowed)

    def _shown(self, text: str) -> Iterator[str]:
        if text:
            yield text


def _asked(found: Retrieved) -> Question:
    """What the model is asked: a tuned one was taught single questions, without a conversation before them."""
    if found.mode == "hybrid":
        return replace(found.question, text=found.standalone, history=())
    return found.question


def misquoted(reasoning: str, found: Retrieved) -> tuple[str, ...]:
    """A sentence for each quote of the reasoning that does not stand in its passage as the model was shown it."""
    quotes = quotes_in(reasoning)
    texts = [as_shown(passage.text) for passage in found.passages] if quotes else []
    wrong = [quote.text for quote in quotes if not quote.stands_in(texts)]
    return tuple(MISQUOTED.format(quote=text[:SHOWN_OF_A_QUOTE]) for text in dict.fromkeys(wrong))


def _bare(text: str) -> str:
    return text.lstrip(" \t\r\n\"'`*_").upper()


def _may_abstain(text: str) -> bool:
    """Whether what came so far is, or may become, the abstention word."""
    bare = _bare(text)
    return ABSTENTION_TOKEN.startswith(bare[: len(ABSTENTION_TOKEN)])


def _abstains(text: str) -> bool:
    return _bare(text).startswith(ABSTENTION_TOKEN)
