"""Asking a model again, over the real wire: what counts as the same answer, what is sent, what a failure does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chains.answer import Confidence, Question
from chains.consistency import in_doubt, says_the_same, self_consistency
from chains.generation import CallLog
from chains.limits import Budget
from chains.models import ChatModelConfig, ConnectedModel, connect
from tests.chains.conftest import WordEncoder, passage
from tests.loopback.openai_server import LoopbackServer, Scripted, serve_openai

QUESTION = Question(text="How many days of leave do staff have?")
ANSWER = "Full-time staff have 30 days of leave [1]. Up to 5 days carry over until 31 March [1]."
PASSAGES = [
    passage("leave", "Full-time staff have 30 days of leave. Up to 5 days carry over until 31 March.")
]


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve_openai() as running:
        yield running


def model(server: LoopbackServer, *, temperature: float | None = None) -> ConnectedModel:
    return connect(
        ChatModelConfig(model_id="compatible:m", base_url=server.url, max_retries=0, temperature=temperature)
    )


def asked_again(server: LoopbackServer, log: CallLog, *, samples: int = 3, **change: object) -> float | None:
    return self_consistency(
        QUESTION,
        ANSWER,
        PASSAGES,
        model=model(server, **change),  # type: ignore[arg-type]
        encoder=WordEncoder(),
        log=log,
        samples=samples,
    )


@pytest.mark.parametrize(
    ("sample", "same"),
    [
        ("30 days.", True),
        ("Staff have 30 days of leave.", True),
        ("30 days, of which 5 carry over until 31 March.", True),
        ("25 days.", False),
        ("30 days, of which 10 carry over.", False),
        ("Trains are booked second class.", False),
        ("NOT_IN_DOCUMENTS", False),
        ("  ", False),
    ],
)
def test_the_same_or_not(sample: str, same: bool) -> None:
    assert says_the_same(sample, ANSWER, QUESTION.text, WordEncoder()) is same


def test_a_figure_of_the_question_proves_nothing() -> None:
    asked = "Who approves flights above 500 EUR?"
    assert not says_the_same(
        "Above 500 EUR, the mayor.", "A director approves them [1].", asked, WordEncoder()
    )
    assert says_the_same("A director.", "A director approves them [1].", asked, WordEncoder())


def test_the_share_of_samples_that_agree(server: LoopbackServer) -> None:
    server.then("30 days.", "25 days.", "NOT_IN_DOCUMENTS", "Staff have 30 days.")
    log = CallLog()
    assert asked_again(server, log, samples=4) == 0.5
    assert [call.purpose for call in log.calls] == ["consistency"] * 4
    assert log.notices == []
    told = str(server.chat_requests[0].body["messages"])
    assert PASSAGES[0].text in told
    assert QUESTION.text in told
    assert ANSWER not in told


@pytest.mark.parametrize(("set_to", "sent"), [(0.0, 0.8), (1.0, 1.0), (None, None)])
def test_a_cold_model_is_warmed_and_its_own_temperature_left(
    server: LoopbackServer, set_to: float | None, sent: float | None
) -> None:
    server.then("30 days.")
    asked_again(server, CallLog(), samples=1, temperature=set_to)
    assert server.chat_requests[0].body.get("temperature") == sent


def test_a_server_that_fails_ends_the_asking_with_a_notice(server: LoopbackServer) -> None:
    server.then("30 days.", Scripted(status=500))
    log = CallLog()
    assert asked_again(server, log) == 1.0
    assert len(server.chat_requests) == 2
    (notice,) = log.notices
    assert notice.startswith("The model was not asked again as often as set")


def test_nothing_is_known_where_no_sample_came(server: LoopbackServer) -> None:
    server.then(Scripted(status=401))
    log = CallLog()
    assert asked_again(server, log) is None
    assert len(log.notices) == 1


@pytest.mark.parametrize(
    ("value", "expected"), [(0.05, False), (0.2, True), (0.5, True), (0.8, True), (0.95, False)]
)
def test_only_doubt_is_worth_asking_again(value: float, expected: bool) -> None:
    assert in_doubt(Confidence(value=value, level="low", reasons=())) is expected


def test_a_spending_limit_ends_the_asking_before_anything_is_sent(server: LoopbackServer) -> None:
    log = CallLog()
    priced = model(server).with_budget(Budget(0.0))
    found = self_consistency(
        QUESTION, ANSWER, PASSAGES, model=priced, encoder=WordEncoder(), log=log, samples=3
    )
    assert found is None
    assert server.chat_requests == []
    assert len(log.notices) == 1
