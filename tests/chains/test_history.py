"""Follow-up questions made to stand alone, by rules and by a chat model."""

from __future__ import annotations

import pytest

from chains.answer import Turn
from chains.carry_over import carry_over
from tests.chains.conversations import HELD_OUT, WORKED_ON, Conversation


def turns(conversation: Conversation) -> tuple[Turn, ...]:
    roles = ("user", "assistant")
    return tuple(Turn(role=roles[i % 2], text=text) for i, text in enumerate(conversation.turns))


def name(conversation: Conversation) -> str:
    return f"{conversation.turns[0] if conversation.turns else ''} > {conversation.ask}"


@pytest.mark.parametrize("conversation", WORKED_ON + HELD_OUT, ids=name)
def test_what_a_follow_up_leaves_out_is_carried_over(conversation: Conversation) -> None:
    query = carry_over(conversation.ask, turns(conversation))
    if not conversation.holds and not conversation.lacks:
        assert query == conversation.ask
    said = f" {query} ".lower()
    for part in conversation.holds:
        assert part.lower() in said
    for part in conversation.lacks:
        assert f" {part.lower()} " not in said.replace("?", " ").replace("'s", " ")
