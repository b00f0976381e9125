"""Hybrid mode by a responder: which of the taught answer and the documents is given, and what is said about it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chains.answer import Answer, AnswerEvent, Confidence, Passage, Question, TaughtPair, TextDelta
from chains.citations import exact_citation
from chains.hybrid_taught import HybridTaughtChain
from chains.models import ChatModelConfig, connect
from chains.rag import RagChain
from chains.taught import Recalled, TaughtModel, pieces, recall
from chains.taught_rule import Compared, compare, outdated, taught_wins
from finetune.trainers.responder import QuestionAnswer, train
from local.encoder import MiniLMEncoder
from local.responder import Reply, Responder
from tests.chains.conftest import Shelf, WordEncoder, shelf
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


class Narrow(Shelf):
    """A search that finds the passage on keys only for those who speak of a lost one."""

    def search(self, query: str, *, k: int = 10, filter: Mapping[str, str] | None = None) -> list[Passage]:
        return self.passages[1:] if "lost" in query else self.passages[:1]


def test_evidence_that_only_the_taught_question_finds_is_cited_and_in_the_receipt(
    model: TaughtModel, encoder: MiniLMEncoder
) -> None:
    asked = Question(text="I cannot find the key any more. What now?")
    both = shelf(leave=LEAVE, key=KEY)
    kept = Narrow(texts=both.texts, passages=both.passages)
    assert len(chain(model, both, encoder).invoke(asked).passages) == 2
    assert kept.search(asked.text) == [both.passages[0]]
    answer = chain(model, kept, encoder).invoke(asked)
    assert answer.text == "A lost key is forty euros. Call us today. [1]"
    (citation,) = answer.citations
    assert citation.chunk_id in {one.chunk_id for one in answer.passages}
    assert answer.receipt is not None
    assert citation.chunk_id in dict(answer.receipt.chunks)
    assert len(set(answer.receipt.chunks)) == len(answer.receipt.chunks)


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
    kept, asked = shelf(leave=LEAVE), Question(text="What does a lost key cost?")
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


SAME = Compared(agree=True, at_once=True, ahead=0.0)
LATER = Compared(agree=True, at_once=False, ahead=0.0)
OTHER = Compared(agree=False, at_once=False, ahead=0.0)
NEIGHBOUR = Compared(agree=False, at_once=False, ahead=0.5)
MORE = Compared(agree=True, at_once=True, ahead=0.5)


@pytest.mark.parametrize(
    ("taught", "documents", "compared", "wins"),
    [
        pytest.param(recalled(0.9), quoted(0.5), OTHER, True, id="surer than the documents"),
        pytest.param(recalled(0.6), quoted(0.65), OTHER, False, id="less sure"),
        pytest.param(recalled(0.99), quoted(0.75), OTHER, False, id="documents that are sure of something else"),
        pytest.param(recalled(0.6), quoted(0.9), SAME, True, id="documents that say the same"),
        pytest.param(recalled(0.6), quoted(0.9), LATER, False, id="they say it after something else, and are sure"),
        pytest.param(recalled(0.6), quoted(0.5), LATER, True, id="they say it after something else"),
        pytest.param(recalled(0.4), quoted(0.9), SAME, False, id="they say the same, but nothing near was taught"),
        pytest.param(recalled(0.99), quoted(0.5), NEIGHBOUR, False, id="the documents know more of the question"),
        pytest.param(recalled(0.99), quoted(0.5), MORE, True, id="more, and they agree"),
        pytest.param(recalled(0.99), quoted(0.9), MORE, False, id="more, and sure"),
        pytest.param(recalled(0.6), quoted(0.65, abstained=True), None, True, id="documents without an answer"),
        pytest.param(recalled(0.4), quoted(0.1, abstained=True), None, False, id="neither"),
    ],
)  # fmt: skip
def test_who_answers(taught: Recalled, documents: Answer, compared: Compared | None, wins: bool) -> None:
    assert taught_wins(taught, documents, compared) is wins


@given(
    score=st.floats(0, 1), surer=st.floats(0, 1), documents=st.floats(0, 1), agree=st.booleans(), ahead=st.floats(0, 1)
)  # fmt: skip
def test_a_surer_taught_answer_never_loses_what_a_less_sure_one_has(
    score: float, surer: float, documents: float, agree: bool, ahead: float
) -> None:
    compared = Compared(agree=agree, at_once=agree, ahead=ahead)
    if taught_wins(recalled(min(score, surer)), quoted(documents), compared):
        assert taught_wins(recalled(max(score, surer)), quoted(documents), compared)
        assert taught_wins(recalled(max(score, surer)), quoted(documents), SAME), "agreement speaks for it"


PRICES = "An IB-06 is 60 euros a day. An IB-20 is 110 euros a day. The washing of an IB-06 is 35 euros."


@pytest.mark.parametrize(
    ("asked", "documents", "agree", "ahead"),
    [
        pytest.param("What does the IB-06 cost a day?", PRICES, True, 0.0, id="the same"),
        pytest.param("What does the IB-06 cost a day?", "An IB-06 is 75 euros a day.", False, 0.0, id="a newer price"),
        pytest.param("What does washing the IB-06 cost?", PRICES, False, 1 / 3, id="a neighbour"),
    ],
)  # fmt: skip
def test_a_taught_answer_is_compared_with_what_is_quoted(
    model: TaughtModel, encoder: MiniLMEncoder, asked: str, documents: str, agree: bool, ahead: float
) -> None:
    answer = RagChain(shelf(prices=documents), chat_model=None, encoder=encoder).invoke(Question(text=asked))
    found = compare(recall(model, asked), answer, encoder)
    assert found is not None
    assert found.agree is agree
    assert found.at_once is agree
    assert found.ahead == pytest.approx(ahead)


WEIGHT_AND_PRICE = "The IB-06 weighs 620 kg. The IB-06 costs 60 euros a day."


def test_what_the_documents_say_second_is_not_their_answer() -> None:
    """A price beside the weight that was asked for bears a taught price out, and answers nothing."""
    first, second = "The IB-06 weighs 620 kg.", "The IB-06 costs 60 euros a day."
    (passage,) = shelf(weights=WEIGHT_AND_PRICE).passages
    starts = [WEIGHT_AND_PRICE.index(text) for text in (first, second)]
    cited = [
        exact_citation(n, passage, start, start + len(text), lambda _: WEIGHT_AND_PRICE)
        for n, (start, text) in enumerate(zip(starts, (first, second), strict=True), start=1)
    ]
    told = replace(quoted(0.9), text=f"{first} [1] {second} [2]", citations=tuple(cited))
    found = compare(recalled(0.9), told, WordEncoder())
    assert found is not None
    assert (found.agree, found.at_once) == (True, False)
    assert not taught_wins(recalled(0.9), told, found)
    found = compare(recalled(0.9), replace(told, text=f"{second} [2] {first} [1]"), WordEncoder())
    assert found is not None and found.at_once


NEW_PRICE = "Rental prices of 2026. The IB-06 costs 75 euros a day since 1 May."


@pytest.mark.parametrize(
    ("asked", "documents", "old"),
    [
        pytest.param("What does the IB-06 cost a day?", NEW_PRICE, True, id="another price"),
        pytest.param("What does the IB-06 cost a day?", PRICES, False, id="the same price"),
        pytest.param("What does the IB-06 cost a day?", LEAVE, False, id="nothing about it"),
        pytest.param("When are you open?", "We are open from 7:00 to 19:00.", False, id="the same hours"),
        pytest.param("When are you open?", "You are asked to knock.", False, id="nothing to quote"),
    ],
)
def test_a_taught_answer_is_out_of_date_where_the_documents_surely_have_other_figures(
    model: TaughtModel, encoder: MiniLMEncoder, asked: str, documents: str, old: bool
) -> None:
    answer = RagChain(shelf(prices=documents), chat_model=None, encoder=encoder).invoke(Question(text=asked))
    assert outdated(recall(model, asked), answer, encoder) is old


def test_what_is_out_of_date_is_answered_from_the_documents_and_said(
    model: TaughtModel, encoder: MiniLMEncoder
) -> None:
    """Asked in words that the documents do not read, but the responder does."""
    asked = Question(text="I want the small unit, the 06, until tomorrow. What is the rent?")
    kept = shelf(prices=NEW_PRICE)
    *events, answer = chain(model, kept, encoder).stream(asked)
    assert isinstance(answer, Answer)
    assert "75 euros" in answer.text
    assert answer.citations
    assert "".join(event.text for event in events if isinstance(event, TextDelta)) == answer.text
    assert answer.confidence is not None
    assert "out of date" in answer.confidence.reasons[0]


@pytest.mark.parametrize(
    "text", ["", "One.", "One. Two! Three?", "  A.\n\nB. ", "No end", "🙂 e.g. this. Yes."]
)
def test_pieces_join_to_the_text(text: str) -> None:
    assert "".join(pieces(text)) == text
