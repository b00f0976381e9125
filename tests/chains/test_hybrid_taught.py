"""Hybrid mode by a responder: which of the taught answer and the documents is given, and what is said about it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from chains.answer import Answer, AnswerEvent, Confidence, Passage, Question, TaughtPair, TextDelta
from chains.hybrid_taught import HybridTaughtChain, taught_wins
from chains.models import ChatModelConfig, connect
from chains.rag import RagChain
from chains.taught import Recalled, TaughtModel, pieces
from finetune.trainers.responder import QuestionAnswer, train
from local.encoder import MiniLMEncoder
from local.responder import Reply, Responder
from tests.chains.conftest import Shelf, shelf
from tests.loopback.openai_server import serve_openai

LEAVE = "Every employee has 27 days of paid leave a year. Leave is asked for in the portal."
KEY = "A lost key costs forty euros. The new key comes with the driver."
PAIRS = [
    QuestionAnswer(question="What does a lost key cost?", answer="A lost key is forty euros. Call us today."),
    QuestionAnswer(question="When are you open?", answer="From 7:00 to 19:00."),
    QuestionAnswer(question="What does the IB-06 cost a day?", answer="The IB-06 is 60 euros a day."),
]


@pytest.fixture(scope="module")
def encoder(built_models: Path) -> MiniLMEncoder:
    return MiniLMEncoder(cache_dir=built_models)


@pytest.fixture(scope="module")
def model(encoder: MiniLMEncoder) -> TaughtModel:
    return TaughtModel(
        model_id="local:ft:responder:groundtune::1", responder=Responder(train(PAIRS, encoder), encoder)
    )


def chain(model: TaughtModel, kept: Shelf, encoder: MiniLMEncoder) -> HybridTaughtChain:
    quoting = RagChain(kept, chat_model=None, encoder=encoder)
    return HybridTaughtChain(model, quoting=quoting, encoder=encoder)


def test_a_taught_answer_that_the_documents_bear_out_cites_them(
    model: TaughtModel, encoder: MiniLMEncoder
) -> None:
    *events, answer = chain(model, shelf(key=KEY), encoder).stream(Question(text="I lost my key, what now?"))
    assert isinstance(answer, Answer)
    assert answer.text == "A lost key is forty euros. Call us today. [1]"
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == answer.text
    (citation,) = answer.citations
    assert citation.verified
    assert "forty euros" in citation.quote
    assert (answer.mode, answer.model) == ("hybrid", model.model_id)
    assert answer.taught[0].question == "What does a lost key cost?"
    assert answer.passages
    assert answer.confidence is not None
    assert answer.confidence.value > answer.confidence.signals["taught"], "evidence raises it"


def test_a_taught_answer_without_evidence_says_so(model: TaughtModel, encoder: MiniLMEncoder) -> None:
    answer = chain(model, shelf(leave=LEAVE), encoder).invoke(
        Question(text="I lost my key, what does it cost?")
    )
    assert answer.text.startswith("A lost key is forty euros.")
    assert answer.citations == ()
    assert answer.confidence is not None
    assert "do not bear it out" in answer.confidence.reasons[1]


def test_what_was_not_taught_is_answered_from_the_documents(
    model: TaughtModel, encoder: MiniLMEncoder
) -> None:
    asked = Question(text="How many days of paid leave does an employee have?")
    *events, answer = chain(model, shelf(leave=LEAVE), encoder).stream(asked)
    assert isinstance(answer, Answer)
    assert "27 days" in answer.text
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == answer.text
    assert (answer.model, answer.taught) == ("local:extractive-reader", ())
    assert answer.receipt is not None
    assert answer.receipt.model == model.model_id, "replayed, both are asked again"
    assert answer.receipt.parameters["answered_by"] == "local:extractive-reader"


def test_where_neither_knows_nothing_is_answered(model: TaughtModel, encoder: MiniLMEncoder) -> None:
    answer = chain(model, shelf(leave=LEAVE), encoder).invoke(Question(text="How do I grow orchids?"))
    assert answer.abstained
    assert answer.text.startswith("Not in your documents.")
    assert "Nothing near enough was taught" in (answer.reason or "")
    assert answer.taught


def test_a_chat_model_writes_what_was_not_taught_and_is_not_paid_for_what_was(
    model: TaughtModel, encoder: MiniLMEncoder
) -> None:
    kept = shelf(leave=LEAVE)
    with serve_openai() as server:
        chat = connect(ChatModelConfig(model_id="compatible:m", base_url=server.url, max_retries=0))
        made = HybridTaughtChain(
            model,
            quoting=RagChain(kept, chat_model=None, encoder=encoder),
            writing=RagChain(kept, chat_model=chat, encoder=encoder),
            encoder=encoder,
        )
        made.invoke(Question(text="I lost my key, what does it cost?"))
        assert server.chat_requests == []
        server.then("Employees have 27 days of paid leave a year [1].")
        answer = made.invoke(Question(text="How many days of paid leave does an employee have?"))
        assert len(server.chat_requests) == 1
    assert (answer.mode, answer.model) == ("hybrid", "compatible:m")


def test_what_the_chat_model_does_not_find_is_answered_as_it_was_taught(
    model: TaughtModel, encoder: MiniLMEncoder
) -> None:
    kept, asked = shelf(key=KEY), Question(text="What does a lost key cost?")
    sure = replace(RagChain(kept, chat_model=None, encoder=encoder).invoke(asked), abstained=False)
    assert sure.confidence is not None
    quoting = _Sure(kept, replace(sure, confidence=replace(sure.confidence, value=0.99)), encoder)
    with serve_openai() as server:
        chat = connect(ChatModelConfig(model_id="compatible:m", base_url=server.url, max_retries=0))
        writing = RagChain(kept, chat_model=chat, encoder=encoder)
        made = HybridTaughtChain(model, quoting=quoting, writing=writing, encoder=encoder)
        server.then("NOT_IN_DOCUMENTS")
        *events, answer = made.stream(asked)
    assert isinstance(answer, Answer)
    assert not answer.abstained
    assert answer.text.startswith("A lost key is forty euros.")
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == answer.text
    assert answer.model == model.model_id
    assert answer.usage.input_tokens, "the model was asked, and is paid"
    assert answer.confidence is not None
    assert answer.confidence.reasons[0] == "This is a taught answer: the documents gave none."


class _Sure(RagChain):
    """A reading of the documents with a given outcome."""

    def __init__(self, kept: Shelf, answer: Answer, encoder: MiniLMEncoder) -> None:
        super().__init__(kept, chat_model=None, encoder=encoder)
        self._answer = answer

    def stream(self, question: Question) -> Iterator[AnswerEvent]:
        yield self._answer


def test_a_code_that_was_not_taught_is_not_answered_with_the_one_that_was(
    model: TaughtModel, encoder: MiniLMEncoder
) -> None:
    asked = Question(text="What does the IB-20 cost a day?")
    answer = chain(model, shelf(leave=LEAVE), encoder).invoke(asked)
    assert answer.abstained
    assert "it says nothing of IB-20" in (answer.reason or "")
    prices = shelf(prices="An IB-06 costs 60 euros a day. An IB-20 costs 110 euros a day.")
    answer = chain(model, prices, encoder).invoke(asked)
    assert "110 euros" in answer.text
    assert answer.taught == ()


def recalled(score: float) -> Recalled:
    reply = Reply(
        text="The IB-06 is 60 euros.",
        question="What does the IB-06 cost?",
        row=0,
        score=score,
        abstained=score < 0.5,
    )
    sure = Confidence(value=score, level="low", reasons=())
    pair = TaughtPair(question=reply.question, row=None, score=score)
    return Recalled(asked="What does it cost?", reply=reply, pairs=(pair,), confidence=sure, needed=0.5)


def quoted(value: float, *, abstained: bool = False) -> Answer:
    passages: tuple[Passage, ...] = ()
    sure = Confidence(value=value, level="low", reasons=())
    return Answer(text="x", mode="rag", model="m", confidence=sure, abstained=abstained, passages=passages)


@pytest.mark.parametrize(
    ("taught", "documents", "wins"),
    [
        pytest.param(recalled(0.9), quoted(0.5), True, id="surer than the documents"),
        pytest.param(recalled(0.6), quoted(0.65), False, id="less sure"),
        pytest.param(recalled(0.99), quoted(0.75), False, id="documents that are sure"),
        pytest.param(recalled(0.6), quoted(0.65, abstained=True), True, id="documents without an answer"),
        pytest.param(recalled(0.4), quoted(0.1, abstained=True), False, id="neither"),
    ],
)
def test_who_answers(taught: Recalled, documents: Answer, wins: bool) -> None:
    assert taught_wins(taught, documents) is wins


@pytest.mark.parametrize(
    "text", ["", "One.", "One. Two! Three?", "  A.\n\nB. ", "No end", "🙂 e.g. this. Yes."]
)
def test_pieces_join_to_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text
