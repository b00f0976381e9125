"""Ten people at once, several processes, a killed one: no question and no answer is lost."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app import workspace as workspace_module
from app.records.entries import Scope
from app.records.store import Records
from app.settings import load_settings
from app.ui.conversations import INTERRUPTED, Conversations
from app.ui.live import live_answers
from app.workspace import Workspace
from chains.answer import Answer, AnswerEvent, TextDelta
from errors import RecordsBusyError
from tests.records.conftest import answer, asked

ROOT = Path(__file__).resolve().parents[2]
SOON_S = 60.0


@pytest.fixture
def workspace(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Workspace]:
    made = Workspace(load_settings({"GROUNDTUNE_HOME": str(tmp_path / "home")}, dotenv_path=None))
    monkeypatch.setattr(workspace_module, "_process_workspace", made)
    yield made
    made.close()


def restarted(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> Conversations:
    """As a new process sees it: nothing in memory."""
    live_answers().forget("")
    fresh = Workspace(workspace.settings)
    monkeypatch.setattr(workspace_module, "_process_workspace", fresh)
    return Conversations(fresh.records.conversations)


def writer(path: Path, owner: str, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.records.writer", str(path), owner, str(count)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def stream(text: str) -> Iterator[AnswerEvent]:
    yield TextDelta(text=text[:4])
    yield answer(text)


def test_ten_people_at_once_lose_no_answer(workspace: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    mine = Conversations(workspace.records.conversations)

    def person(name: str) -> None:
        talk = mine.begin(name)
        for number in range(20):
            exchange = talk.ask(f"{name} asks {number}", mode="rag", knowledge_base="kb")
            live = talk.answer(exchange, lambda n=number: stream(f"{name} hears {n}"))
            assert live.wait(SOON_S)

    people = [threading.Thread(target=person, args=(f"person{number}",)) for number in range(10)]
    for thread in people:
        thread.start()
    for thread in people:
        thread.join()
    after = restarted(workspace, monkeypatch)
    for number in range(10):
        [talk] = after.of(f"person{number}")
        assert [one.question for one in talk.exchanges] == [f"person{number} asks {n}" for n in range(20)]
        for n, exchange in enumerate(talk.exchanges):
            now = exchange.snapshot()
            assert now is not None
            assert now.answer == answer(f"person{number} hears {n}")


def test_processes_write_beside_each_other(workspace: Workspace) -> None:
    records = workspace.records
    path = records.database.path
    others = [writer(path, f"process{number}", 40) for number in range(2)]
    asked(records.conversations, Scope(tenant="acme", owner="here"), *(f"here asks {n}" for n in range(40)))
    for other in others:
        _, errors = other.communicate(timeout=SOON_S)
        assert other.returncode == 0, errors
    for owner in ("here", "process0", "process1"):
        scope = Scope(tenant="acme", owner=owner)
        [listed] = records.conversations.list(scope)
        talk = records.conversations.find(scope, listed.conversation_id)
        assert talk is not None
        assert [one.question for one in talk.exchanges] == [f"{owner} asks {n}" for n in range(40)]
        assert {one.latest.state for one in talk.exchanges} == {"done"}


@pytest.mark.skipif(os.name == "nt", reason="POSIX signals")
def test_a_killed_process_leaves_the_question_and_says_what_became_of_it(
    workspace: Workspace, tmp_path: Path
) -> None:
    path = workspace.settings.home.value / "groundtune.db"
    killed = writer(path, "browser", 0)
    assert killed.stdout is not None
    conversation_id = killed.stdout.readline().strip()
    assert conversation_id
    killed.send_signal(signal.SIGKILL)
    killed.communicate()
    talk = Conversations(workspace.records.conversations, tenant="acme").find(conversation_id, "browser")
    assert talk is not None
    assert [one.question for one in talk.exchanges] == ["Was I first?", "Will it end?"]
    whole, cut = (one.snapshot() for one in talk.exchanges)
    assert whole is not None
    assert whole.answer == answer("Yes [1].")
    assert cut is not None
    assert (cut.state, cut.error) == ("failed", INTERRUPTED)
    again = talk.ask_again(talk.exchanges[1], mode="rag")
    assert again is not None
    assert talk.answer(again, lambda: stream("It did.")).wait(SOON_S)
    assert [turn.text for turn in talk.history()] == ["Was I first?", "Yes [1].", "Will it end?", "It did."]


def test_what_the_browser_never_saw_is_kept_all_the_same(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page that asked is gone; nobody looks at the answer until after a restart."""
    talk = Conversations(workspace.records.conversations).begin("browser")
    exchange = talk.ask("Q", mode="rag", knowledge_base="kb", files=["a.md"])
    assert talk.answer(exchange, lambda: stream("Kept.")).wait(SOON_S)
    after = restarted(workspace, monkeypatch).find(talk.conversation_id, "browser")
    assert after is not None
    assert after.exchanges == [exchange]
    now = after.exchanges[0].snapshot()
    assert now is not None
    assert (now.state, now.answer) == ("done", answer("Kept."))


def test_an_answer_that_runs_elsewhere_is_seen_to_end_there(workspace: Workspace) -> None:
    elsewhere = Records.open(workspace.settings.home.value / "groundtune.db")
    theirs = Conversations(elsewhere.conversations)
    talk = theirs.begin("browser")
    exchange = talk.ask("Q", mode="rag", knowledge_base="kb")
    now = exchange.snapshot()
    assert now is not None
    assert now.state == "running"
    elsewhere.conversations.finish(exchange.scope, exchange.key, answer("Done there."))
    now = exchange.snapshot()
    assert now is not None
    assert now.answer == answer("Done there.")
    elsewhere.close()


def test_a_deleted_conversation_stays_deleted_while_its_answer_runs(workspace: Workspace) -> None:
    mine = Conversations(workspace.records.conversations)
    talk = mine.begin("browser")
    exchange = talk.ask("Q", mode="rag", knowledge_base="kb")
    go_on = threading.Event()

    def slow() -> Iterator[AnswerEvent]:
        go_on.wait(SOON_S)
        yield answer("Too late.")

    live = talk.answer(exchange, slow)
    mine.delete(talk.conversation_id, "browser")
    go_on.set()
    assert live.wait(SOON_S)
    assert mine.find(talk.conversation_id, "browser") is None
    assert exchange.snapshot() is None


def test_an_answer_that_cannot_be_kept_is_shown_and_says_so(workspace: Workspace) -> None:
    def full(_: object) -> None:
        raise RecordsBusyError(
            "Another process is writing conversations: wait for it to finish and try again."
        )

    live = live_answers().start("cannot-be-kept", lambda: stream("Shown."), keep=full)
    assert live.wait(SOON_S)
    now = live.snapshot()
    assert (now.state, now.answer) == ("done", answer("Shown."))
    assert now.unsaved == (
        "This answer could not be kept. Another process is writing conversations: wait for it to finish and try again."
    )


def test_nothing_is_shown_as_ended_before_it_is_kept(workspace: Workspace) -> None:
    seen: list[str] = []
    live_answers().forget("kept-first")

    def keep(now: object) -> None:
        running = live_answers().get("kept-first")
        assert running is not None
        seen.append(running.snapshot().state)

    live = live_answers().start(
        "kept-first", lambda: iter([Answer(text="a", mode="rag", model="m")]), keep=keep
    )
    assert live.wait(SOON_S)
    assert live.snapshot().unsaved is None
    assert seen == ["running"]
