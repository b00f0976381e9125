"""Conversations: written before they are answered, whole afterwards, found by their owner alone, gone when deleted."""

from __future__ import annotations

import contextlib
import random
import sqlite3
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import text

from app.records.conversations import HISTORY_TURNS, Conversations
from app.records.database import Database
from app.records.entries import Conversation, Scope
from app.records.running import LEASE_S, new_token, process_token
from app.records.store import Records
from chains.answer import Answer, Turn
from errors import RecordNotFoundError, RecordsDamagedError
from tests.records.conftest import ME, OTHERS, START, answer, asked, ticking


def found(talks: Conversations, conversation_id: str, scope: Scope = ME) -> Conversation:
    talk = talks.find(scope, conversation_id)
    assert talk is not None
    return talk


# --- a question and its answer --------------------------------------------------------------------


def test_the_question_is_there_before_its_answer(talks: Conversations) -> None:
    talk = talks.begin(ME)
    talks.ask(
        ME, talk.conversation_id, question="How?", mode="base", knowledge_base="kb", files=["a.md", "b\n.md"]
    )
    exchange = found(talks, talk.conversation_id).exchanges[0]
    assert (exchange.question, exchange.knowledge_base, exchange.files) == ("How?", "kb", ("a.md", "b\n.md"))
    assert (exchange.latest.state, exchange.latest.mode, exchange.latest.text) == ("running", "base", "")
    assert exchange.asked_at.startswith("2026-07-01T09:00:0")


def test_the_answer_comes_back_whole_in_another_process(records: Records, path: Path) -> None:
    exchange = asked(records.conversations, ME, "How many?")[0]
    after = Records.open(path)
    assert after.conversations.answer(ME, exchange.latest.answer_id) == answer("Answer to How many?")
    again = found(after.conversations, exchange.conversation_id)
    assert (again.title, again.exchanges[0].latest.state) == ("How many?", "done")
    after.close()


Ending = Callable[[Conversations, str], bool]


@pytest.mark.parametrize(
    ("end", "state", "kept", "error"),
    [
        (lambda talks, one: talks.stop(ME, one, text="half"), "stopped", "half", None),
        (lambda talks, one: talks.fail(ME, one, error="No model.", text="ha"), "failed", "ha", "No model."),
        (lambda talks, one: talks.finish(ME, one, answer("whole")), "done", "whole", None),
    ],
)
def test_each_end_is_kept_and_is_the_only_one(
    talks: Conversations, end: Ending, state: str, kept: str, error: str | None
) -> None:
    talk = talks.begin(ME)
    one = talks.ask(ME, talk.conversation_id, question="Q", mode="rag", knowledge_base="kb").latest.answer_id
    assert end(talks, one)
    assert not talks.finish(ME, one, answer("late"))
    assert not talks.stop(ME, one, text="late")
    assert not talks.fail(ME, one, error="late")
    latest = found(talks, talk.conversation_id).exchanges[0].latest
    assert (latest.state, latest.text, latest.error) == (state, kept, error)
    assert latest.ended_at is not None
    assert (talks.answer(ME, one) is not None) == (state == "done")


@pytest.mark.parametrize("odd", ["\ud800 half a pair", "nul \0 byte", "😀 \u202e", "' OR 1=1; --", "%_\\"])
def test_any_text_is_kept(talks: Conversations, odd: str) -> None:
    kept = odd.replace("\ud800", "?").replace("\0", "\ufffd")
    exchange = asked(talks, ME, odd)[0]
    talks.rename(ME, exchange.conversation_id, odd)
    talk = found(talks, exchange.conversation_id)
    assert (talk.exchanges[0].question, talk.exchanges[0].latest.text) == (kept, f"Answer to {kept}")
    assert talk.title == kept
    whole = talks.answer(ME, exchange.latest.answer_id)
    assert whole is not None
    assert whole.text == f"Answer to {odd}", "the record itself loses nothing"


def test_asking_again_keeps_both_and_shows_the_latest(talks: Conversations) -> None:
    first, second = asked(talks, ME, "One", "Two")[0], None
    second = talks.regenerate(ME, first.exchange_id, mode="base")
    assert [(one.number, one.state, one.mode) for one in second.versions] == [
        (1, "done", "rag"),
        (2, "running", "base"),
    ]
    assert talks.finish(ME, second.latest.answer_id, answer("Better", mode="base"))
    shown = found(talks, first.conversation_id).exchanges[0]
    assert (shown.latest.text, shown.latest.mode, shown.question) == ("Better", "base", "One")
    assert [talks.answer(ME, one.answer_id) for one in shown.versions] == (
        [answer("Answer to One"), answer("Better", mode="base")]
    )


def test_an_earlier_answer_that_ends_later_is_not_what_a_search_finds(talks: Conversations) -> None:
    talk = talks.begin(ME)
    first = talks.ask(ME, talk.conversation_id, question="Q", mode="rag", knowledge_base="kb")
    second = talks.regenerate(ME, first.exchange_id, mode="rag")
    assert talks.finish(ME, second.latest.answer_id, answer("The latest is banana."))
    assert talks.finish(ME, first.latest.answer_id, answer("The one before was cherry."))
    (match,) = talks.search(ME, "banana")
    assert ("banana", True) in match.snippet
    assert talks.search(ME, "cherry") == ()


# --- a process that was killed --------------------------------------------------------------------


def running(talks: Conversations, scope: Scope = ME) -> tuple[str, str]:
    talk = talks.begin(scope)
    made = talks.ask(scope, talk.conversation_id, question="Q", mode="rag", knowledge_base="kb")
    return talk.conversation_id, made.latest.answer_id


@pytest.mark.parametrize(
    ("runner", "later_s", "state"),
    [
        (process_token(), 10 * LEASE_S, "running"),  # this process knows what it does
        (new_token(), 0, "interrupted"),  # of the same number as ours, and another
        (new_token().replace("|", "-elsewhere|", 1), LEASE_S - 10, "running"),
        (new_token().replace("|", "-elsewhere|", 1), LEASE_S + 10, "interrupted"),
        (f"{process_token().split('|')[0]}|4194304|abc", 0, "interrupted"),  # past the highest process id
        (f"{process_token().split('|')[0]}|1|abc", 0, "running"),  # alive, whoever it is
    ],
    ids=[
        "this",
        "its number again",
        "elsewhere, of late",
        "elsewhere, long ago",
        "no such number",
        "another's",
    ],
)
def test_an_answer_whose_process_ended_was_interrupted(
    path: Path, runner: str, later_s: float, state: str
) -> None:
    database = Database(path)
    before = Conversations(database, clock=ticking(), runner=runner)
    conversation_id, answer_id = running(before)
    after = Conversations(database, clock=ticking(START + timedelta(seconds=later_s)))
    assert found(after, conversation_id).exchanges[0].latest.state == state
    version = after.version(ME, answer_id)
    assert version is not None
    assert version.state == state
    before.close()
    database.close()


def test_a_beat_says_that_it_still_runs(path: Path) -> None:
    database = Database(path)
    before = Conversations(database, clock=ticking(), runner="elsewhere|1|a")
    conversation_id, answer_id = running(before)
    late = START + timedelta(seconds=LEASE_S + 30)
    Conversations(database, clock=ticking(late), runner="elsewhere|1|a")._beat([answer_id])
    after = Conversations(database, clock=ticking(late + timedelta(seconds=1)))
    assert found(after, conversation_id).exchanges[0].latest.state == "running"
    assert before.finish(ME, answer_id, answer())
    assert found(after, conversation_id).exchanges[0].latest.state == "done"
    database.close()


def test_no_beat_goes_on_for_an_answer_whose_end_could_not_be_kept(records: Records, path: Path) -> None:
    """It has ended, if only in memory: other processes may call it interrupted once its lease is over."""
    talks = records.conversations
    _, answer_id = running(talks)
    with contextlib.closing(sqlite3.connect(path)) as disk:
        disk.execute("CREATE TRIGGER full BEFORE UPDATE ON answers BEGIN SELECT RAISE(ABORT, 'full'); END")
    assert answer_id in talks._pulse._running
    with pytest.raises(RecordsDamagedError):
        talks.finish(ME, answer_id, answer())
    assert answer_id not in talks._pulse._running


# --- history --------------------------------------------------------------------------------------


def said(turns: tuple[Turn, ...]) -> list[str]:
    assert [turn.role for turn in turns] == ["user", "assistant"] * (len(turns) // 2)
    return [turn.text for turn in turns]


def test_history_holds_the_last_exchanges(talks: Conversations) -> None:
    questions = [f"Q{number}" for number in range(HISTORY_TURNS + 2)]
    done = asked(talks, ME, *questions)
    talk = done[0].conversation_id
    talks.ask(ME, talk, question="Running", mode="rag", knowledge_base="kb")
    wanted = [part for q in questions[2:] for part in (q, f"Answer to {q}")]
    assert said(talks.history(ME, talk)) == wanted


def test_a_question_whose_answer_did_not_come_to_its_end_is_part_of_the_history(talks: Conversations) -> None:
    talk = asked(talks, ME, "Whole")[0].conversation_id
    endings: tuple[tuple[str, Callable[[str], object]], ...] = (
        ("Stopped?", lambda one: talks.stop(ME, one, text="half")),
        ("Stopped at once?", lambda one: talks.stop(ME, one, text=" ")),
        ("Failed?", lambda one: talks.fail(ME, one, error="The server is away.", text="a part")),
        ("Failed at once?", lambda one: talks.fail(ME, one, error="The server is away.")),
    )
    for question, end in endings:
        end(talks.ask(ME, talk, question=question, mode="rag", knowledge_base="kb").latest.answer_id)
    talks.ask(ME, talk, question="Running?", mode="rag", knowledge_base="kb")
    assert [(turn.role, turn.text) for turn in talks.history(ME, talk)] == [
        ("user", "Whole"),
        ("assistant", "Answer to Whole"),
        ("user", "Stopped?"),
        ("assistant", "half"),
        ("user", "Stopped at once?"),
        ("user", "Failed?"),
        ("assistant", "a part"),
        ("user", "Failed at once?"),
    ]


def test_history_before_an_exchange_knows_nothing_of_it_and_what_followed(talks: Conversations) -> None:
    one, two, three = asked(talks, ME, "One", "Two", "Three")
    talk = one.conversation_id
    assert said(talks.history(ME, talk, before=two.exchange_id)) == ["One", "Answer to One"]
    assert talks.history(ME, talk, before=one.exchange_id) == ()
    talks.delete_exchange(ME, one.exchange_id)
    assert said(talks.history(ME, talk, before=three.exchange_id)) == ["Two", "Answer to Two"]


def test_history_takes_the_latest_whole_answer(talks: Conversations) -> None:
    exchange = asked(talks, ME, "One")[0]
    better = talks.regenerate(ME, exchange.exchange_id, mode="rag")
    assert said(talks.history(ME, exchange.conversation_id)) == ["One", "Answer to One"]
    talks.finish(ME, better.latest.answer_id, answer("Better"))
    assert said(talks.history(ME, exchange.conversation_id)) == ["One", "Better"]
    worse = talks.regenerate(ME, exchange.exchange_id, mode="rag")
    talks.stop(ME, worse.latest.answer_id, text="half")
    assert said(talks.history(ME, exchange.conversation_id)) == ["One", "Better"]


# --- lists, names, deletion -----------------------------------------------------------------------


def test_the_list_is_by_latest_change_in_pages_and_without_empty_ones(talks: Conversations) -> None:
    old, middle, new = (asked(talks, ME, name)[0] for name in ("Old", "Middle", "New"))
    talks.begin(ME)
    assert [one.title for one in talks.list(ME)] == ["New", "Middle", "Old"]
    talks.ask(ME, old.conversation_id, question="More", mode="rag", knowledge_base="kb")
    assert [(one.title, one.exchanges) for one in talks.list(ME)] == [("Old", 2), ("New", 1), ("Middle", 1)]
    pages = [talks.list(ME, limit=2, offset=at)[0].conversation_id for at in (0, 1, 2)]
    assert pages == [old.conversation_id, new.conversation_id, middle.conversation_id]
    assert talks.list(ME, limit=2, offset=3) == ()


def test_a_name_is_kept_and_a_blank_one_gives_the_question_back(talks: Conversations) -> None:
    exchange = asked(talks, ME, "How many days?")[0]
    talks.rename(ME, exchange.conversation_id, "  Leave\n and  more " + "x" * 200)
    title = talks.list(ME)[0].title
    assert title.startswith("Leave and more x")
    assert len(title) == 120
    talks.rename(ME, exchange.conversation_id, " ")
    assert talks.list(ME)[0].title == found(talks, exchange.conversation_id).title == "How many days?"


def test_deleting_leaves_the_others_in_order(talks: Conversations) -> None:
    one, two, three = asked(talks, ME, "One", "Two", "Three")
    talks.delete_exchange(ME, two.exchange_id)
    talk = found(talks, one.conversation_id)
    assert [each.exchange_id for each in talk.exchanges] == [one.exchange_id, three.exchange_id]
    four = talks.ask(ME, one.conversation_id, question="Four", mode="rag", knowledge_base="kb")
    assert [each.question for each in found(talks, one.conversation_id).exchanges] == ["One", "Three", "Four"]
    talks.delete(ME, one.conversation_id)
    assert talks.find(ME, one.conversation_id) is None
    assert not talks.finish(ME, four.latest.answer_id, answer("late")), (
        "an answer does not come back from the dead"
    )
    with pytest.raises(RecordNotFoundError, match="was deleted"):
        talks.ask(ME, one.conversation_id, question="Five", mode="rag", knowledge_base="kb")


# --- whose ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", OTHERS, ids=lambda scope: f"{scope.tenant}-{scope.owner}")
def test_no_method_reaches_into_another_scope(talks: Conversations, other: Scope) -> None:
    mine, theirs = asked(talks, ME, "Secret question")[0], asked(talks, other, "Their question")[0]
    talk, answer_id = mine.conversation_id, mine.latest.answer_id
    going = talks.ask(ME, talk, question="Still going", mode="rag", knowledge_base="kb").latest.answer_id
    before = found(talks, talk)

    assert talks.find(other, talk) is None
    assert talks.answer(other, answer_id) is None
    assert talks.version(other, answer_id) is None
    assert [one.title for one in talks.list(other)] == ["Their question"]
    assert talks.search(other, "secret") == ()
    assert talks.history(other, talk) == ()
    assert talks.history(other, theirs.conversation_id, before=mine.exchange_id) == ()
    assert not talks.finish(other, going, answer("forged"))
    assert not talks.stop(other, going, text="forged")
    assert not talks.fail(other, going, error="forged")
    for refused in (
        lambda: talks.ask(other, talk, question="Forged", mode="rag", knowledge_base="kb"),
        lambda: talks.regenerate(other, mine.exchange_id, mode="rag"),
        lambda: talks.rename(other, talk, "Forged"),
        lambda: talks.delete_exchange(other, mine.exchange_id),
        lambda: talks.delete(other, talk),
    ):
        with pytest.raises(RecordNotFoundError, match="There is no "):
            refused()
    assert talks.delete_all(other) == 1
    assert found(talks, talk) == before
    assert talks.finish(ME, going, answer("mine"))


# --- for good -------------------------------------------------------------------------------------


def bytes_of(path: Path) -> bytes:
    return b"".join(one.read_bytes() for one in path.parent.iterdir())


def marked(name: str, times: int) -> str:
    """Text of any length whose every part is known by its name."""
    return " ".join(f"{name}x{number:04d}" for number in range(times))


def test_what_was_deleted_is_in_no_file(records: Records, path: Path) -> None:
    """Rows of all sizes, changed and deleted in any order: not a word of them is left, and all of the others."""
    dice, talks = random.Random(7), records.conversations
    live: dict[str, str] = {}
    gone: list[str] = []
    for number in range(60):
        name = f"word{number:03d}"
        talk = talks.begin(ME).conversation_id
        made = talks.ask(
            ME, talk, question=marked(name, dice.randint(1, 30)), mode="rag", knowledge_base="kb"
        )
        talks.finish(ME, made.latest.answer_id, answer(marked(name, dice.randint(1, 400))))
        talks.rename(ME, talk, marked(name, 3))
        records.feedback.give(ME, made.latest.answer_id, rating="down", comment=marked(name, 20))
        if dice.random() < 0.3:
            again = talks.regenerate(ME, made.exchange_id, mode="rag")
            talks.stop(ME, again.latest.answer_id, text=marked(name, dice.randint(1, 200)))
        live[name] = talk
        if dice.random() < 0.5:
            name = dice.choice(sorted(live))
            talks.delete(ME, live.pop(name))
            gone.append(name)
    left = bytes_of(path)
    assert gone
    assert [name for name in gone if name.encode() in left] == []
    assert [name for name in live if name.encode() not in left] == []
    records.forget(ME)
    assert b"word0" not in bytes_of(path)


def test_deleting_one_exchange_is_for_good_too(talks: Conversations, path: Path) -> None:
    one, two = asked(talks, ME, "Keep this", "Forget quicksilver")
    assert b"quicksilver" in bytes_of(path)
    talks.delete_exchange(ME, two.exchange_id)
    assert b"quicksilver" not in bytes_of(path)
    assert b"Keep this" in bytes_of(path)
    assert found(talks, one.conversation_id).exchanges[0].question == "Keep this"


def test_a_reader_in_the_way_only_puts_it_off(records: Records, path: Path) -> None:
    exchange = asked(records.conversations, ME, "Forget quicksilver")[0]
    with records.database.read() as connection:
        connection.execute(text("SELECT count(*) FROM answers")).all()
        records.conversations.delete(ME, exchange.conversation_id)
    Records.open(path).close()
    assert b"quicksilver" not in bytes_of(path)


def test_an_owner_can_be_forgotten_while_others_stay(records: Records, path: Path) -> None:
    for scope in (ME, *OTHERS):
        exchange = asked(records.conversations, scope, f"Question of {scope.tenant} {scope.owner}")[0]
        records.feedback.give(scope, exchange.latest.answer_id, rating="up")
        records.votes.vote(
            scope,
            question=f"Vote of {scope.owner}",
            modes=["rag"],
            answers=[Answer(text="a", mode="rag", model="m")],
            winner="rag",
        )
    records.forget(ME)
    assert records.conversations.list(ME) == records.feedback.list(ME) == ()
    assert records.votes.all(ME.tenant, owner=ME.owner) == ()
    for scope in OTHERS:
        assert len(records.conversations.list(scope)) == len(records.feedback.list(scope)) == 1
        assert records.votes.tally(scope) == {"rag": 1}
    assert b"Question of acme me" not in bytes_of(path)
