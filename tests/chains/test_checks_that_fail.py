"""What was written is never taken away: a check that fails leaves the answer, and says that it was not checked."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from chains.answer import Answer, AnswerEvent, Question, TextDelta
from chains.cancelling import Cancellation
from chains.chat_confidence import reply_calibration
from chains.confidence_fit import Calibration, Made
from chains.models import ChatModelConfig, ConnectedModel, connect
from chains.rag import RagChain
from errors import KnowledgeBaseError, StoppedError
from tests.chains.conftest import Shelf, WordEncoder, shelf
from tests.loopback.openai_server import LoopbackServer, Scripted, serve_openai

LEAVE = "Full-time staff have 30 days of leave. Up to 5 days carry over until 31 March."
QUESTION = Question(text="How many days of leave do staff have?")
WRITTEN = "Staff have 30 days of leave [1]."
CLOSED = "This knowledge base was closed: open it again."


class BrokenEncoder(WordEncoder):
    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        raise RuntimeError("session lost")


@dataclass(kw_only=True)
class ClosedShelf(Shelf):
    """Searched, then closed: somebody removed the knowledge base while the model wrote."""

    def document_text(self, document_id: str) -> str:
        raise KnowledgeBaseError(CLOSED)

    def document_date(self, document_id: str) -> str | None:
        raise KnowledgeBaseError(CLOSED)

    def cells(self, document_id: str, start: int, end: int) -> str | None:
        raise KnowledgeBaseError(CLOSED)


def closed() -> ClosedShelf:
    kept = shelf(leave=LEAVE)
    return ClosedShelf(texts=kept.texts, passages=kept.passages)


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve_openai() as running:
        yield running


def model(server: LoopbackServer, name: str = "compatible:m") -> ConnectedModel:
    return connect(ChatModelConfig(model_id=name, base_url=server.url, timeout_s=5, max_retries=0))


def told(events: Iterator[AnswerEvent]) -> tuple[str, Answer]:
    *before, answer = events
    assert isinstance(answer, Answer)
    return "".join(event.text for event in before if isinstance(event, TextDelta)), answer


def test_a_knowledge_base_that_is_closed_meanwhile_costs_the_checks_alone(server: LoopbackServer) -> None:
    server.then(WRITTEN)
    rag = RagChain(closed(), chat_model=model(server), encoder=WordEncoder())
    streamed, answer = told(rag.stream(QUESTION))
    assert streamed == answer.text == WRITTEN
    assert (answer.confidence, answer.claims, answer.abstained) == (None, (), False)
    (notice,) = answer.notices
    assert notice.endswith(CLOSED)
    assert "not checked" in notice
    assert [call.purpose for call in answer.calls] == ["answer"]
    assert answer.receipt is not None
    assert "check" in answer.timings_ms


def test_of_a_quoted_answer_nothing_is_shown_before_all_of_it_is_known() -> None:
    class Undated(ClosedShelf):
        def document_text(self, document_id: str) -> str:
            return self.texts[document_id]

        def document_date(self, document_id: str) -> str | None:
            raise RuntimeError("no dates")

    kept = shelf(leave=LEAVE)
    rag = RagChain(Undated(texts=kept.texts, passages=kept.passages), chat_model=None, encoder=WordEncoder())
    shown: list[AnswerEvent] = []
    with pytest.raises(RuntimeError, match="no dates"):
        shown.extend(rag.stream(QUESTION))
    assert not [event for event in shown if isinstance(event, TextDelta)]


def test_a_defect_in_a_check_is_logged_and_told(
    server: LoopbackServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.then(WRITTEN)
    rag = RagChain(shelf(leave=LEAVE), chat_model=model(server), encoder=BrokenEncoder())
    with caplog.at_level(logging.ERROR):
        streamed, answer = told(rag.stream(QUESTION))
    assert streamed == answer.text == WRITTEN
    assert "not checked" in answer.notices[0]
    assert "session lost" in caplog.text


def test_a_stop_while_the_judge_thinks_is_a_stop(server: LoopbackServer) -> None:
    server.then(WRITTEN, Scripted(delay_s=5))
    rag = RagChain(
        shelf(leave=LEAVE),
        chat_model=model(server),
        encoder=WordEncoder(),
        judge=model(server, "compatible:j"),
    )
    stop, streamed = Cancellation(), ""
    with stop.applies(), pytest.raises(StoppedError):
        for event in rag.stream(QUESTION):
            if isinstance(event, TextDelta):
                streamed += event.text
            if streamed == WRITTEN:
                stop.cancel()
    assert streamed == WRITTEN


@pytest.mark.parametrize("broken_off", [False, True])
def test_a_server_that_says_nothing_but_blanks_is_not_an_empty_knowledge_base(
    server: LoopbackServer, broken_off: bool
) -> None:
    cut = Scripted(pieces=("\n", " ", "x"), abort_after=2)
    server.then(cut if broken_off else Scripted(pieces=("\n",), finish_reason="length"))
    rag = RagChain(shelf(leave=LEAVE), chat_model=model(server), encoder=WordEncoder())
    answer = rag.invoke(QUESTION)
    assert "Not in your documents" not in answer.text
    assert not answer.abstained
    assert ("broke off" if broken_off else "token limit") in (answer.reason or "")


MADE = Made(method="platt", questions=200, questions_sha256="0" * 64, date="2026-11-22", model="compatible:m")


@pytest.mark.parametrize(
    ("fit", "says"),
    [
        (replace(reply_calibration(), abstain_below=1.0, made=MADE), True),
        (replace(reply_calibration(), abstain_below=0.0, made=MADE), False),
        (replace(reply_calibration(), abstain_below=1.0), False),
        (None, False),
    ],
)
def test_an_answer_below_the_threshold_of_its_knowledge_base_says_so(
    server: LoopbackServer, fit: Calibration | None, says: bool
) -> None:
    server.then(WRITTEN)
    rag = RagChain(shelf(leave=LEAVE), chat_model=model(server), encoder=WordEncoder(), reply_fit=fit)
    answer = rag.invoke(QUESTION)
    assert answer.confidence is not None
    value = f"{answer.confidence.value:.0%}"
    sentence = f"The confidence of this answer ({value}) is below the 100% that this knowledge base asks for."
    assert (sentence in answer.notices) is says
