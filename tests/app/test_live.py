"""Answers in the making outlive the page that asked for them."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from streamlit.testing.v1 import AppTest

from app.ui.live import LiveAnswer, LiveAnswers
from chains.answer import Answer, AnswerEvent, Question, StageStarted, TextDelta
from chains.base import BaseChain
from chains.models import ChatModelConfig, connect
from errors import NoModelConnectedError
from tests.loopback.openai_server import Scripted, serve_openai

ANSWER = Answer(text="Five days [1].", mode="rag", model="local:test")
SOON_S = 10.0


def whole() -> Iterator[AnswerEvent]:
    yield StageStarted(stage="retrieving")
    yield TextDelta(text="Five ")
    yield TextDelta(text="days")
    yield ANSWER


def test_the_answer_replaces_the_text_that_led_to_it() -> None:
    live = LiveAnswers().start("a", whole)
    assert live.wait(SOON_S)
    now = live.snapshot()
    assert (now.state, now.text, now.answer) == ("done", "Five days [1].", ANSWER)


def test_what_is_written_so_far_is_seen_while_it_runs() -> None:
    written, go_on = threading.Event(), threading.Event()

    def slow() -> Iterator[AnswerEvent]:
        yield StageStarted(stage="writing")
        yield TextDelta(text="Five")
        written.set()
        go_on.wait(SOON_S)
        yield ANSWER

    live = LiveAnswers().start("a", slow)
    assert written.wait(SOON_S)
    now = live.snapshot()
    assert (now.state, now.stage, now.text, now.answer) == ("running", "writing", "Five", None)
    go_on.set()
    assert live.wait(SOON_S)
    assert live.snapshot().state == "done"


def test_stopping_keeps_the_text_and_nothing_comes_after() -> None:
    asked_on, go_on = threading.Event(), threading.Event()
    taken: list[str] = []

    def endless() -> Iterator[AnswerEvent]:
        yield TextDelta(text="one ")
        asked_on.set()
        go_on.wait(SOON_S)
        for word in ("two", "three"):
            taken.append(word)
            yield TextDelta(text=word)

    live = LiveAnswers().start("a", endless)
    assert asked_on.wait(SOON_S)
    live.stop()
    go_on.set()
    threading.Event().wait(0.1)
    assert (live.snapshot().state, live.snapshot().text) == ("stopped", "one ")
    assert taken in ([], ["two"]), "the worker went on after it was stopped"


def failing() -> Iterator[AnswerEvent]:
    yield TextDelta(text="half")
    raise NoModelConnectedError("No model is connected: set OPENAI_API_KEY.")


def unfinished() -> Iterator[AnswerEvent]:
    yield TextDelta(text="half")


@pytest.mark.parametrize(
    ("events", "sentence"),
    [
        (failing, "No model is connected: set OPENAI_API_KEY."),
        (unfinished, "The answer ended before it was complete: ask again."),
    ],
)
def test_a_failure_is_one_sentence_and_keeps_the_text(events: object, sentence: str) -> None:
    live = LiveAnswer()
    live.run(events)  # type: ignore[arg-type]
    assert (live.snapshot().state, live.snapshot().text, live.snapshot().error) == (
        "failed",
        "half",
        sentence,
    )


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_defect_says_nothing_of_its_inside(monkeypatch: pytest.MonkeyPatch) -> None:
    logged: list[str] = []
    monkeypatch.setattr(threading, "excepthook", lambda found: logged.append(str(found.exc_value)))

    def broken() -> Iterator[AnswerEvent]:
        yield TextDelta(text="half")
        raise ZeroDivisionError("secret inside")

    live = LiveAnswer()
    live.run(broken)
    assert live.snapshot().state == "failed"
    assert "secret" not in (live.snapshot().error or "")
    assert logged == ["secret inside"]


def test_a_key_is_answered_once() -> None:
    registry, runs = LiveAnswers(), []

    def counted() -> Iterator[AnswerEvent]:
        runs.append(1)
        yield ANSWER

    first = registry.start("a", counted)
    assert registry.start("a", counted) is first
    assert first.wait(SOON_S)
    assert runs == [1]


def test_the_registry_is_bounded_and_never_forgets_a_running_answer() -> None:
    registry, hold = LiveAnswers(kept=3), threading.Event()

    def held() -> Iterator[AnswerEvent]:
        hold.wait(SOON_S)
        yield ANSWER

    running = registry.start("running", held)
    for number in range(8):
        assert registry.start(f"a{number}", whole).wait(SOON_S)
    registry.start("last", whole)
    assert registry.get("running") is running
    assert [registry.get(f"a{number}") is not None for number in range(8)] == [False] * 5 + [True] * 3
    hold.set()
    assert running.wait(SOON_S)


def test_only_so_many_run_at_once() -> None:
    registry, hold = LiveAnswers(at_once=2), threading.Event()
    entered = threading.Semaphore(0)

    def held() -> Iterator[AnswerEvent]:
        entered.release()
        hold.wait(SOON_S)
        yield ANSWER

    lives = [registry.start(str(number), held) for number in range(3)]
    assert entered.acquire(timeout=SOON_S)
    assert entered.acquire(timeout=SOON_S)
    assert not entered.acquire(timeout=0.2), "a third worker ran"
    hold.set()
    assert all(live.wait(SOON_S) for live in lives)


def test_a_stop_breaks_off_a_request_that_a_silent_server_holds_open() -> None:
    """The worker must be free long before the server would have gone on."""
    with serve_openai(Scripted(pieces=("A lease ", "is"), stall_after=1, stall_s=30)) as server:
        model = connect(ChatModelConfig(base_url=server.url, model_id="compatible:m", timeout_s=60))
        chain = BaseChain(chat_model=model)
        live = LiveAnswers().start("a", lambda: chain.stream(Question(text="What is a lease?")))
        while not live.snapshot().text:
            time.sleep(0.01)
        (worker,) = (one for one in threading.enumerate() if one.name == "answer-a")
        live.stop()
        worker.join(timeout=10)
        assert not worker.is_alive()
    assert (live.snapshot().state, live.snapshot().text) == ("stopped", "A lease ")


@pytest.mark.parametrize(
    ("text", "said"),
    [("", "Stopped before anything was written."), ("A lease", "Stopped. What was written so far is kept.")],
)
def test_a_stopped_answer_says_whether_anything_was_written(text: str, said: str) -> None:
    def script(text: str) -> None:
        from app.ui.live import LiveSnapshot
        from app.ui.live_view import draw_live

        draw_live("k", lambda: LiveSnapshot(state="stopped", stage="writing", text=text), heard=False)

    page = AppTest.from_function(script, args=(text,)).run(timeout=30)
    assert not page.exception
    assert page.caption[0].value.endswith(said)
