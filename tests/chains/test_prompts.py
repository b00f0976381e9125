"""Prompt files: a released one is never edited, a better wording is a new version."""

from __future__ import annotations

import pytest

from chains.answer import Turn
from chains.prompts import CURRENT, load_prompt

RELEASED = {
    "base.v1": "fe45c43827674822b74df084b6ba30e7fc523d438c20e4751f5551b6a59664f3",
    "rag.v1": "154400a7019df27c959312755710e7c9a154bc7057343abf24afbeceb7e4a15f",
    "finetuned.v1": "7bff8ac1fa2110a1e5b1dbef1116da723b335689672448de34026959213bd2bf",
    "hybrid.v1": "1ac39f353474a0c6f074a567a96e481d088eb49634c8e87028436f0ccb7f55f5",
    "hybrid.v2": "954cc06c870333e01a61c83e21faa2d5839cec28819cf83d776340f754793afd",
    "consistency.v1": "79b2eda59c918bd6716243c7491a03633228ab9515ea602f0e7852c18cb26635",
    "judge.v1": "cf36b0aa1935e543f8bcff6a69e687569617a76320d61f16a665d1a8242737fd",
    "multihop.v1": "f930462abee9ec0598ff5845d5b2eb4feafdbf4ce55943877c8e219e0be74ee8",
    "rewrite.v1": "3d40cb545ccf13f5023a87cb3c58797c04c5d9c7405005a40cf06e592721bc7d",
    "questions.v1": "5fc7c57fc00f64775a47908f7c24581cb3cdbf0360d497ff3cc78dba7ce0d062",
    "synthesis.v1": "1a4db40ecf23f354199e14023497e91839f83fdb15634c1176733c2c49535805",
    "sql.v1": "1f3cac65b20512ee9cd19d242deb3d19a5c52281192d2ae8326ee266222d2a02",
}


@pytest.mark.parametrize("name", sorted(CURRENT))
def test_released_prompts_are_never_edited(name: str) -> None:
    prompt = load_prompt(name)
    assert prompt.version == CURRENT[name]
    assert prompt.sha256 == RELEASED[prompt.version], "make a new version instead"


def test_a_prompt_of_the_hybrid_mode_wraps_passages_as_that_of_rag_does() -> None:
    """RAFT rows are trained in the wrapper that retrieval fills: a change here is a change of the training data."""
    assert load_prompt("hybrid").user == load_prompt("rag").user


def test_a_turn_that_stayed_empty_keeps_its_place_in_the_conversation() -> None:
    history = [Turn(role="user", text="Hello?"), Turn(role="assistant", text=" \n")]
    messages = load_prompt("base").messages(history, question="Are you there?")
    assert [(one.type, one.content) for one in messages[1:]] == [
        ("human", "Hello?"),
        ("ai", "(no answer)"),
        ("human", "Are you there?"),
    ]


def test_a_question_without_an_answer_is_followed_by_none() -> None:
    """A stopped or failed answer leaves its question: servers refuse two messages in a row of one role."""
    history = [
        Turn(role="user", text="One?"),
        Turn(role="user", text="Two?"),
        Turn(role="assistant", text="2"),
    ]
    messages = load_prompt("base").messages((*history, Turn(role="user", text="Three?")), question="Four?")
    assert [(one.type, one.content) for one in messages[1:]] == [
        ("human", "One?"),
        ("ai", "(no answer)"),
        ("human", "Two?"),
        ("ai", "2"),
        ("human", "Three?"),
        ("ai", "(no answer)"),
        ("human", "Four?"),
    ]
