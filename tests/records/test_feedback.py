"""Feedback: one per owner and answer, and what can be taught from it; votes on modes."""

from __future__ import annotations

from typing import Any, cast

import pytest

from app.records.entries import Scope
from app.records.feedback import Rating, Reason
from app.records.store import Records
from chains.answer import Answer, Question, Receipt, Turn
from errors import RecordNotFoundError, SettingsError
from tests.records.conftest import ME, OTHERS, answer, asked


def test_the_last_word_counts_and_can_be_taken_back(records: Records) -> None:
    one = asked(records.conversations, ME, "Q")[0].latest.answer_id
    feedback = records.feedback
    feedback.give(ME, one, rating="up", reason="right")
    given = feedback.give(
        ME, one, rating="down", reason="incomplete", comment=" Part-timers? ", correction=" 27. "
    )
    assert (given.rating, given.reason, given.comment, given.correction) == (
        "down",
        "incomplete",
        "Part-timers?",
        "27.",
    )
    assert feedback.of(ME, one) == given
    assert feedback.list(ME) == (given,)
    assert feedback.withdraw(ME, one)
    assert not feedback.withdraw(ME, one)
    assert feedback.of(ME, one) is None


@pytest.mark.parametrize("other", OTHERS, ids=lambda scope: f"{scope.tenant}-{scope.owner}")
def test_no_method_reaches_into_another_scope(records: Records, other: Scope) -> None:
    one = asked(records.conversations, ME, "Q")[0].latest.answer_id
    mine = records.feedback.give(ME, one, rating="up")
    assert records.feedback.of(other, one) is None
    assert records.feedback.list(other) == ()
    assert not records.feedback.withdraw(other, one)
    with pytest.raises(RecordNotFoundError, match="cannot be rated"):
        records.feedback.give(other, one, rating="down")
    assert list(records.feedback.training_examples(other.tenant, owner=other.owner)) == []
    assert records.feedback.delete_all(other) == 0
    assert records.feedback.of(ME, one) == mine


@pytest.mark.parametrize(
    ("rating", "more", "sentence"),
    [
        ("up", {"reason": "wrong"}, "'wrong' is no reason for 'up': give one of right."),
        ("down", {"reason": "right"}, "'right' is no reason for 'down'"),
        ("maybe", {}, "'maybe' is no rating"),
        ("up", {"comment": "x" * 1001}, "The comment has 1,001 characters: shorten it to 1,000."),
        ("down", {"correction": "x" * 8001}, "The corrected answer has 8,001 characters"),
    ],
)
def test_what_cannot_be_kept_is_one_sentence(
    records: Records, rating: str, more: dict[str, Any], sentence: str
) -> None:
    one = asked(records.conversations, ME, "Q")[0].latest.answer_id
    with pytest.raises(SettingsError, match=sentence):
        records.feedback.give(ME, one, rating=cast(Rating, rating), **more)
    assert records.feedback.of(ME, one) is None


@pytest.mark.parametrize(
    ("rating", "reason", "correction", "taught"),
    [
        ("up", None, "", "Answer to Q"),
        ("up", "right", "Better said [1].", "Better said."),
        ("down", "wrong", "27 days [1] [12].", "27 days."),
        ("down", "wrong", "", None),
    ],
)
def test_what_was_right_or_corrected_is_taught(
    records: Records, rating: Rating, reason: Reason | None, correction: str, taught: str | None
) -> None:
    exchange = asked(records.conversations, ME, "Q")[0]
    records.feedback.give(ME, exchange.latest.answer_id, rating=rating, reason=reason, correction=correction)
    rows = list(records.feedback.training_examples(ME.tenant, owner=ME.owner))
    if taught is None:
        assert rows == []
        return
    assert rows == [
        {
            "messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": taught}],
            "metadata": {
                "source": "feedback",
                "conversation": exchange.conversation_id,
                "answer": exchange.latest.answer_id,
                "rating": rating,
                "reason": reason,
                "mode": "rag",
            },
        }
    ]


def test_a_follow_up_is_taught_with_the_turns_before_it(records: Records) -> None:
    talk = records.conversations.begin(ME)
    made = records.conversations.ask(
        ME, talk.conversation_id, question="And part-timers?", mode="rag", knowledge_base="kb"
    )
    before = (Turn(role="user", text="How many days?"), Turn(role="assistant", text="27 [1]."))
    receipt = Receipt(
        prompt_sha256=None,
        chunks=(),
        knowledge_base="kb",
        generation=1,
        model="m",
        question=Question(text="And part-timers?", history=before),
    )
    told = answer("Pro rata [?].", searched_for="How many days for part-timers?", receipt=receipt)
    records.conversations.finish(ME, made.latest.answer_id, told)
    records.feedback.give(ME, made.latest.answer_id, rating="up")
    assert next(records.feedback.training_examples("acme", owner=None))["messages"] == [
        {"role": "user", "content": "How many days?"},
        {"role": "assistant", "content": "27.", "weight": 0},
        {"role": "user", "content": "And part-timers?"},
        {"role": "assistant", "content": "Pro rata."},
    ]


def test_a_tenant_s_examples_are_of_all_its_owners_and_no_other_tenant(records: Records) -> None:
    for scope in (ME, *OTHERS):
        one = asked(records.conversations, scope, f"Of {scope.tenant} {scope.owner}")[0]
        records.feedback.give(scope, one.latest.answer_id, rating="up")
    taught = records.feedback.training_examples("acme", owner=None)
    assert [row["messages"][0]["content"] for row in taught] == ["Of acme me", "Of acme you"]


def test_an_answer_that_was_stopped_is_not_taught(records: Records) -> None:
    talk = records.conversations.begin(ME)
    made = records.conversations.ask(ME, talk.conversation_id, question="Q", mode="rag", knowledge_base="kb")
    records.conversations.stop(ME, made.latest.answer_id, text="half")
    records.feedback.give(ME, made.latest.answer_id, rating="up")
    assert list(records.feedback.training_examples("acme", owner=None)) == []


# --- votes ----------------------------------------------------------------------------------------

BOTH: tuple[Any, ...] = ("base", "rag")


def vote(records: Records, scope: Scope, winner: str, **more: Any) -> str:
    answers = [Answer(text="b", mode="base", model="m"), None]
    return records.votes.vote(scope, question="Q", modes=BOTH, answers=answers, winner=winner, **more)


def test_a_vote_keeps_the_answers_it_was_on(records: Records) -> None:
    identity = vote(records, ME, "rag")
    kept = records.votes.all("acme", owner="me")[0]
    assert (kept.vote_id, kept.owner, kept.modes, kept.winner) == (identity, "me", BOTH, "rag")
    assert kept.answers == (Answer(text="b", mode="base", model="m"), None)


def test_a_vote_can_be_changed_and_taken_back(records: Records) -> None:
    vote(records, ME, "rag", vote_id="x")
    vote(records, ME, "tie", vote_id="x")
    vote(records, ME, "none")
    assert records.votes.tally(ME) == {"tie": 1, "none": 1}
    assert records.votes.withdraw(ME, "x")
    assert not records.votes.withdraw(ME, "x")
    assert records.votes.tally(ME) == {"none": 1}


@pytest.mark.parametrize("winner", ["hybrid", "", "RAG"])
def test_who_was_not_asked_cannot_win(records: Records, winner: str) -> None:
    with pytest.raises(SettingsError, match="vote for one of base, rag, tie, none"):
        vote(records, ME, winner)


def test_votes_are_their_owners(records: Records) -> None:
    for scope in (ME, *OTHERS):
        vote(records, scope, "base" if scope == ME else "rag", vote_id="same")
    assert [one.owner for one in records.votes.all("acme", owner=None)] == ["me", "you"]
    for scope in OTHERS:
        assert records.votes.withdraw(scope, "same")
        assert records.votes.delete_all(scope) == 0
    assert records.votes.tally(ME) == {"base": 1}
