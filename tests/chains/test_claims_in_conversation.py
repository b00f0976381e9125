"""Numbers belong to one answer: nothing of earlier turns, of a deleted turn or of another knowledge base is cited."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chains.answer import Answer, Question, Turn
from chains.models import ChatModelConfig, connect
from chains.rag import RagChain
from tests.chains.conftest import Shelf, WordEncoder, shelf
from tests.loopback.openai_server import LoopbackServer, serve_openai

LEAVE = "Full-time staff have 30 days of leave. Sick leave is separate."
TRAVEL = "Trains are booked second class. Flights need the approval of a director."
EARLIER = (
    Turn(role="user", text="How are trains booked?"),
    Turn(role="assistant", text="Trains are booked second class [2]. Staff have 45 days of leave [4]."),
)


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve_openai(answer=lambda _: "Staff have 30 days of leave [1].") as running:
        yield running


def ask(server: LoopbackServer, base: Shelf, history: tuple[Turn, ...] = ()) -> Answer:
    model = connect(ChatModelConfig(model_id="compatible:m", base_url=server.url))
    chain = RagChain(base, chat_model=model, encoder=WordEncoder())
    return chain.invoke(Question(text="How many days of leave do staff have?", history=history))


def outcome(answer: Answer) -> list[tuple[int, str, bool]]:
    return [(one.marker, one.document_id, one.verified) for one in answer.citations]


def test_markers_of_earlier_answers_are_neither_sent_nor_cited(server: LoopbackServer) -> None:
    answer = ask(server, shelf(leave=LEAVE, travel=TRAVEL), EARLIER)
    sent = [message["content"] for message in server.chat_requests[-1].body["messages"][1:-1]]
    assert not any("[2]" in text or "[4]" in text for text in sent)
    assert outcome(answer) == [(1, "leave", True)]
    assert [(claim.verdict, claim.markers) for claim in answer.claims] == [("supported", (1,))]


def test_an_answer_again_or_after_a_deleted_turn_is_numbered_from_its_own_passages(
    server: LoopbackServer,
) -> None:
    base = shelf(leave=LEAVE, travel=TRAVEL)
    outcomes = [outcome(ask(server, base, history)) for history in (EARLIER, EARLIER[:0], EARLIER)]
    assert outcomes == [[(1, "leave", True)]] * 3


def test_two_knowledge_bases_answer_by_their_own_passages(server: LoopbackServer) -> None:
    ours, theirs = shelf(leave=LEAVE, travel=TRAVEL), shelf(travel=TRAVEL, leave=LEAVE.replace("30", "12"))
    first, second, third = (ask(server, base) for base in (ours, theirs, ours))
    assert outcome(first) == outcome(third) == [(1, "leave", True)]
    assert [(one.marker, one.verified) for one in second.citations] == [(1, False)]
    assert second.claims[0].verdict == "unsupported"
    assert {one.document_id for one in second.citations} <= {
        passage.document_id for passage in second.passages
    }
