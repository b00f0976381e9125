"""Replies over the wire: tried again, limited, paid for, handed over, stopped; and every request on record."""

from __future__ import annotations

import email.utils
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
from langchain_core.messages import HumanMessage

from chains.cancelling import Cancellation
from chains.generation import CallLog, Reply, complete, stream_reply
from chains.limits import Budget, Limits
from chains.models import ChatModelConfig, ConnectedModel, connect
from chains.prices import Price
from errors import ProviderError, SpendingLimitError, StoppedError
from tests.loopback.openai_server import LoopbackServer, Scripted, serve_openai

CANARY = "sk-canary-9d21"
ASKED = [HumanMessage("What is a lease?")]
DOLLAR_A_TOKEN = Price(input_usd=1e6, output_usd=1e6, date="2026-11-22", source="a test")
CENT_A_TOKEN = Price(input_usd=1e4, output_usd=1e4, date="2026-11-22", source="a test")
ROUND_THE_CLOCK = 20.0  # seconds that a stalled server stays silent: a stop must not wait for it


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve_openai() as running:
        yield running


def model(server: LoopbackServer, name: str = "m", *, max_retries: int = 0) -> ConnectedModel:
    return connect(
        ChatModelConfig(
            model_id=f"compatible:{name}",
            base_url=server.url,
            api_key=CANARY,
            timeout_s=30,
            max_retries=max_retries,
        )
    )


@pytest.mark.parametrize(
    ("pieces", "text"),
    [
        (("Yes \ud83d", "\ude00."), "Yes \U0001f600."),
        (("Yes \ud83d", "", "\ude00"), "Yes \U0001f600"),
        (("Yes \ud83d", " no"), "Yes \ufffd no"),
        (("Yes", " \ude00"), "Yes \ufffd"),
        (("Yes \ud83d",), "Yes \ufffd"),
    ],
)
def test_characters_sent_in_halves_come_whole(
    server: LoopbackServer, pieces: tuple[str, ...], text: str
) -> None:
    server.then(Scripted(pieces=pieces))
    assert complete(model(server), ASKED, CallLog(), purpose="answer") == text


# --- tried again -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "waited_s"),
    [
        (Scripted(status=429, retry_after_ms=150), 0.15),
        (Scripted(status=429, retry_after_ms=100, retry_after=20), 0.1),
        (Scripted(status=503, retry_after=1), 1.0),
        (Scripted(status=500), 0.5),
        (Scripted(status=400, headers={"x-should-retry": "true"}, retry_after_ms=50), 0.05),
        (Scripted(abort_after=0, text="never"), 0.5),
    ],
)
def test_a_failure_that_may_pass_is_tried_again_after_the_time_the_server_names(
    server: LoopbackServer, failure: Scripted, waited_s: float
) -> None:
    server.then(failure, Scripted(text="A contract.", input_tokens=9, output_tokens=3))
    log = CallLog()
    assert complete(model(server, max_retries=1), ASKED, log, purpose="judge") == "A contract."
    first, second = server.chat_requests
    assert second.at_s - first.at_s >= waited_s
    assert [(call.failed is None, call.purpose) for call in log.calls] == [(False, "judge"), (True, "judge")]
    assert log.notices == []


def test_a_time_named_as_a_date_is_waited_for(server: LoopbackServer) -> None:
    at = email.utils.formatdate(time.time() + 3, usegmt=True)
    server.then(Scripted(status=429, retry_after=at), "Done.")
    assert complete(model(server, max_retries=1), ASKED, CallLog(), purpose="judge") == "Done."
    first, second = server.chat_requests
    assert second.at_s - first.at_s > 0.9


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (Scripted(status=429, retry_after=31), "try again in 31 s"),
        (Scripted(status=429, retry_after_ms=90_500), "try again in 91 s"),
        (Scripted(status=429, error_code="insufficient_quota"), "no quota left"),
        (Scripted(status=500, headers={"x-should-retry": "false"}), "status 500"),
        (Scripted(status=401), "refused the key"),
        (Scripted(raw=b"<html></html>"), "not OpenAI's format"),
    ],
)
def test_what_would_not_help_is_not_tried_again(server: LoopbackServer, failure: Scripted, says: str) -> None:
    server.then(failure)
    with pytest.raises(ProviderError, match=says):
        complete(model(server, max_retries=5), ASKED, CallLog(), purpose="judge")
    assert len(server.chat_requests) == 1


def test_nothing_is_tried_again_once_there_is_text(server: LoopbackServer) -> None:
    server.then(Scripted(pieces=("A ", "lease"), abort_after=1))
    texts = stream_reply(model(server, max_retries=5), ASKED, Reply())
    assert next(texts) == "A "
    with pytest.raises(ProviderError, match="broke off"):
        next(texts)
    assert len(server.chat_requests) == 1


def test_a_redirect_is_not_followed_with_the_key(server: LoopbackServer) -> None:
    with serve_openai("Stolen.") as elsewhere:
        target = f"{elsewhere.url}/chat/completions"
        server.then(Scripted(status=307, headers={"location": target}))
        with pytest.raises(ProviderError, match="another address"):
            complete(model(server), ASKED, CallLog(), purpose="judge")
        assert elsewhere.requests == []


# --- the fallback ------------------------------------------------------------------------------------


def test_the_fallback_stands_in_and_both_are_named(server: LoopbackServer) -> None:
    server.then(Scripted(status=503), "From the second.")
    with_fallback = replace(model(server, "first"), fallback=model(server, "second"))
    log, reply = CallLog(), Reply()
    assert "".join(stream_reply(with_fallback, ASKED, reply, log)) == "From the second."
    assert reply.model_id == "compatible:second"
    (notice,) = log.notices
    assert notice.startswith("compatible:second stood in for compatible:first, which did not answer:")
    assert "status 503" in notice
    assert [call.model for call in log.calls] == ["compatible:first", "compatible:second"]
    assert [request.body["model"] for request in server.chat_requests] == ["first", "second"]


def test_no_fallback_takes_over_a_text_that_has_begun(server: LoopbackServer) -> None:
    server.then(Scripted(pieces=("A ", "lease"), abort_after=1))
    with_fallback = replace(model(server, "first"), fallback=model(server, "second"))
    log = CallLog()
    with pytest.raises(ProviderError, match="broke off"):
        list(stream_reply(with_fallback, ASKED, Reply(), log))
    assert log.notices == []
    assert len(server.chat_requests) == 1


def test_where_both_fail_both_reasons_are_given(server: LoopbackServer) -> None:
    server.then(Scripted(status=503), Scripted(status=401))
    with_fallback = replace(model(server, "first"), fallback=model(server, "second"))
    with pytest.raises(ProviderError) as raised:
        complete(with_fallback, ASKED, CallLog(), purpose="judge")
    assert "status 503" in str(raised.value)
    assert "The fallback compatible:second failed too" in str(raised.value)
    assert "refused the key" in str(raised.value)
    assert CANARY not in repr(raised.value) + repr(raised.value.__context__) + repr(raised.value.__cause__)


# --- limits ------------------------------------------------------------------------------------------


def test_no_more_requests_run_at_a_time_than_are_allowed(server: LoopbackServer) -> None:
    running, most = [0], [0]
    lock = threading.Lock()

    def slow(_: dict[str, object]) -> str:
        with lock:
            running[0] += 1
            most[0] = max(most[0], running[0])
        time.sleep(0.1)
        with lock:
            running[0] -= 1
        return "ok"

    with serve_openai(answer=slow) as busy:
        limited = replace(model(busy), limits=Limits(concurrent_requests=2))
        with ThreadPoolExecutor(8) as pool:
            texts = list(pool.map(lambda _: complete(limited, ASKED, CallLog(), purpose="judge"), range(8)))
    assert texts == ["ok"] * 8
    assert most[0] == 2


@pytest.mark.parametrize(("per_minute", "at"), [(2, [0, 0, 60, 60, 120]), (1, [0, 60, 120, 180, 240])])
def test_a_minute_holds_no_more_requests_than_are_allowed(per_minute: int, at: list[int]) -> None:
    now = [1000.0]

    class Clockwork(Cancellation):
        def wait(self, seconds: float) -> None:
            now[0] += seconds

    limits = Limits(requests_per_minute=per_minute, clock=lambda: now[0], longest_wait_s=1e9)
    starts = []
    for _ in at:
        with limits.turn(Clockwork()):
            starts.append(now[0] - 1000)
    assert starts == pytest.approx(at, abs=0.01)


def test_who_waits_too_long_is_told_which_setting_holds_him() -> None:
    limits = Limits(concurrent_requests=1, longest_wait_s=0.05)
    with (
        limits.turn(Cancellation()),
        pytest.raises(ProviderError, match="GROUNDTUNE_CONCURRENT_REQUESTS"),
        limits.turn(Cancellation()),
    ):
        pass
    with limits.turn(Cancellation()):
        pass


def test_models_of_one_server_share_its_limits_and_those_of_another_do_not(server: LoopbackServer) -> None:
    def limited(url: str, name: str) -> ConnectedModel:
        return connect(ChatModelConfig(base_url=url, model_id=f"compatible:{name}", requests_per_minute=7))

    assert limited(server.url, "a").limits is limited(server.url, "b").limits
    assert limited(server.url, "a").limits is not limited("http://127.0.0.1:9/v1", "a").limits


# --- spending ----------------------------------------------------------------------------------------


def test_a_cost_is_counted_from_the_servers_tokens(server: LoopbackServer) -> None:
    server.then(Scripted(text="A contract.", input_tokens=10, output_tokens=5))
    budget, log = Budget(100.0), CallLog()
    priced = replace(model(server), price=CENT_A_TOKEN).with_budget(budget)
    complete(priced, ASKED, log, purpose="answer")
    assert log.cost_usd == pytest.approx(0.15)
    assert budget.spent_usd == pytest.approx(0.15)
    assert not log.calls[0].estimated


def test_a_server_that_does_not_count_is_charged_by_the_length_of_the_texts(server: LoopbackServer) -> None:
    server.then(Scripted(text="A contract.", counts_usage=False))
    budget, log = Budget(100.0), CallLog()
    complete(replace(model(server), price=CENT_A_TOKEN).with_budget(budget), ASKED, log, purpose="answer")
    (call,) = log.calls
    assert call.estimated
    assert (call.usage.input_tokens, call.usage.output_tokens) == (None, None)
    assert call.cost_usd == pytest.approx(0.01 * (6 + 4))  # 16 and 11 letters, three a token, rounded up
    assert budget.spent_usd == pytest.approx(call.cost_usd)


def test_a_refused_request_costs_nothing_and_leaves_the_sum_known(server: LoopbackServer) -> None:
    server.then(Scripted(status=429, retry_after_ms=1), Scripted(text="ok", input_tokens=10, output_tokens=5))
    budget, log = Budget(100.0), CallLog()
    priced = replace(model(server, max_retries=1), price=CENT_A_TOKEN).with_budget(budget)
    complete(priced, ASKED, log, purpose="answer")
    assert (log.usage.input_tokens, log.usage.output_tokens) == (10, 5)
    assert budget.spent_usd == pytest.approx(0.15)


def test_a_request_that_may_pass_the_limit_is_not_sent(server: LoopbackServer) -> None:
    server.then("never sent")
    spent = replace(model(server), price=DOLLAR_A_TOKEN).with_budget(Budget(5.0, spent_usd=4.5))
    log = CallLog()
    with pytest.raises(
        SpendingLimitError, match=r"has spent \$4\.5000 of the \$5 that GROUNDTUNE_SPENDING_LIMIT"
    ):
        complete(spent, ASKED, log, purpose="answer")
    assert server.chat_requests == []
    assert log.calls == []


def test_a_limit_without_a_price_says_where_the_price_goes(server: LoopbackServer) -> None:
    with pytest.raises(SpendingLimitError, match=r"no price of compatible:m is known: .*prices\.toml"):
        complete(model(server).with_budget(Budget(5.0)), ASKED, CallLog(), purpose="answer")
    assert server.chat_requests == []


def test_many_at_once_do_not_pass_the_limit_together() -> None:
    """Each request is expected to cost 5.06 dollars: the reply's 500 tokens and the question's 6, a cent each."""
    with serve_openai(
        answer=lambda _: Scripted(text="x", input_tokens=6, output_tokens=500, delay_s=0.1)
    ) as busy:
        budget = Budget(21.0)
        priced = replace(model(busy), price=CENT_A_TOKEN).with_budget(budget)

        def ask(_: int) -> bool:
            try:
                complete(priced, ASKED, CallLog(), purpose="answer")
            except SpendingLimitError:
                return False
            return True

        with ThreadPoolExecutor(12) as pool:
            answered = list(pool.map(ask, range(12)))
    assert answered.count(True) == 4
    assert budget.spent_usd == pytest.approx(4 * 5.06)


# --- stopped -----------------------------------------------------------------------------------------


def stalled(kind: str) -> Scripted:
    if kind == "before the first byte":
        return Scripted(text="never", delay_s=ROUND_THE_CLOCK)
    return Scripted(pieces=("A ", "lease ", "is"), stall_after=1, stall_s=ROUND_THE_CLOCK)


@pytest.mark.parametrize("kept_alive", [False, True])
@pytest.mark.parametrize("kind", ["before the first byte", "between two words"])
def test_a_stop_ends_a_silent_request_at_once(kind: str, kept_alive: bool) -> None:
    """Over a fresh connection, and over one that an earlier request has left open."""
    with serve_openai(keep_alive=kept_alive) as server:
        connected = model(server)
        if kept_alive:
            server.then("Warm.")
            complete(connected, ASKED, CallLog(), purpose="answer")
        server.then(stalled(kind))
        reply, log, raised = Reply(), CallLog(), []

        def read() -> None:
            try:
                list(stream_reply(connected, ASKED, reply, log))
            except StoppedError as error:
                raised.append(str(error))

        worker = threading.Thread(target=read)
        worker.start()
        while len(server.chat_requests) < 1 + kept_alive:
            time.sleep(0.01)
        time.sleep(0.2)
        reply.cancel()
        worker.join(timeout=5)  # a quarter of what the server would take
        assert not worker.is_alive()
    assert raised == ["The answer was stopped."]
    assert [call.failed for call in log.calls] == ["The answer was stopped."]


def test_a_connection_whose_reply_is_whole_is_not_broken_off_any_more() -> None:
    """It may be in use for another answer by then."""
    stop, cancelling, happened = Cancellation(), threading.Event(), list[str]()

    def slow() -> None:
        cancelling.set()
        ended.wait(0.5)

    ended = threading.Event()

    def read() -> None:
        with stop.breaking(lambda: happened.append("broken off")):
            began.set()
            cancelling.wait(5)
        happened.append("ended")
        ended.set()

    began = threading.Event()
    with stop.breaking(slow):
        reading = threading.Thread(target=read)
        reading.start()
        assert began.wait(5)
        stop.cancel()
        reading.join()
    assert happened == ["broken off", "ended"]


@pytest.mark.parametrize(
    "scripted", [Scripted(status=429, retry_after=20), Scripted(status=503, retry_after=20)]
)
def test_a_stop_ends_the_wait_for_another_try(server: LoopbackServer, scripted: Scripted) -> None:
    server.then(scripted, "never asked for")
    stop = Cancellation()
    threading.Timer(0.3, stop.cancel).start()
    with stop.applies(), pytest.raises(StoppedError):
        complete(model(server, max_retries=3), ASKED, CallLog(), purpose="answer")
    assert len(server.chat_requests) == 1


def test_a_stop_ends_the_wait_for_a_turn(server: LoopbackServer) -> None:
    limits, stop = Limits(concurrent_requests=1), Cancellation()
    threading.Timer(0.2, stop.cancel).start()
    with limits.turn(Cancellation()), stop.applies(), pytest.raises(StoppedError):
        complete(replace(model(server), limits=limits), ASKED, CallLog(), purpose="answer")
    assert server.chat_requests == []


def test_no_fallback_and_no_further_request_comes_after_a_stop(server: LoopbackServer) -> None:
    stop = Cancellation()
    stop.cancel()
    with_fallback = replace(model(server), fallback=model(server, "second"))
    with stop.applies(), pytest.raises(StoppedError):
        complete(with_fallback, ASKED, CallLog(), purpose="answer")
    assert server.requests == []


def test_closing_the_generator_closes_the_connection() -> None:
    with serve_openai(Scripted(pieces=["word "] * 400, gap_s=0.01)) as server:
        texts = stream_reply(model(server), ASKED, Reply())
        next(texts)
        texts.close()  # type: ignore[attr-defined]
        until = time.monotonic() + 5
        while not server.disconnects and time.monotonic() < until:
            time.sleep(0.02)
        assert server.disconnects == 1


def test_a_turn_is_given_back_by_whoever_leaves_early(server: LoopbackServer) -> None:
    server.then(Scripted(pieces=["word "] * 50, gap_s=0.01), "Next.")
    limited = replace(model(server), limits=Limits(concurrent_requests=1, longest_wait_s=2))
    texts = stream_reply(limited, ASKED, Reply())
    next(texts)
    texts.close()  # type: ignore[attr-defined]
    assert complete(limited, ASKED, CallLog(), purpose="answer") == "Next."
