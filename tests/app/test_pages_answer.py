"""Everything an answer knows is on the chat page, in words; made by hand here, so that each is there."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from streamlit.testing.v1 import AppTest

from app import workspace as workspace_module
from app.ui.amounts import dated, dollars, took
from app.ui.asking import ask_again, take_out
from app.ui.conversations import Conversation, conversations
from app.ui.live import live_answers
from app.ui.marks import NOT_BACKED, Mark, doubts
from app.ui.prose import Node, prose
from app.workspace import Workspace
from chains.answer import Answer
from tests.app.answers import ANSWER, COMPUTED_ANSWER, SQL, TEXT, UNBACKED, claim
from tests.app.test_pages import (
    OWNER,
    ask,
    assert_sound,
    drawn_text,
    encoder,
    fill_disk,
    page,
    words,
    workspace,
)

__all__ = ["encoder", "page", "workspace"]  # fixtures


def show(app: AppTest, answer: Answer) -> AppTest:
    """A conversation with one answered question, opened."""
    conversation = conversations().begin(OWNER)
    exchange = conversation.ask("How many days?", mode="rag", knowledge_base="sample")
    assert conversation.answer(exchange, lambda: iter([answer])).wait(10)
    app.query_params["c"] = conversation.conversation_id
    app.run()
    assert_sound(app)
    return app


def labels(app: AppTest, prefix: str) -> list[str]:
    return [one.label.replace("\\", "") for one in app.button if (one.key or "").startswith(prefix)]


def click(app: AppTest, prefix: str) -> AppTest:
    next(one for one in app.button if (one.key or "").startswith(prefix)).click().run()
    assert_sound(app)
    return app


def test_what_an_answer_knows_is_said(page: AppTest) -> None:
    said = words(show(page, ANSWER)).replace("\u2060", "")
    for sentence in (
        "Searched for: How many days of leave do employees of Nordwind have?",
        "2 of 5 statements are not backed by a source.",
        "The sources differ",
        "27 days** · 1 January 2026",
        "25 days** · no date known",
        "compatible:other-model did not answer; compatible:loopback-model stood in.",
        "RAG · 1.2 s · Tokens: 1,204 in, 87 out · $0.0021",
    ):
        assert sentence in said


def test_the_searches_are_a_chain(page: AppTest) -> None:
    drawn = drawn_text(show(page, ANSWER))
    assert "First searched for " in drawn
    assert "Then for " in drawn
    assert "Passage 1 names an older policy." in drawn


def test_that_sources_differ_is_said_once(page: AppTest) -> None:
    show(page, ANSWER)
    assert (words(page) + drawn_text(page)).count("The sources differ") == 1


def test_each_side_of_a_conflict_opens_its_evidence(page: AppTest) -> None:
    show(page, ANSWER)
    assert labels(page, "side_") == ["**1** Leave policy 2026", "**2** Leave policy 2019"]
    next(
        one for one in page.button if (one.key or "").startswith("side_") and "2019" in one.label
    ).click().run()
    assert_sound(page)
    assert "Source 2" in words(page)


def test_a_computed_answer_shows_query_result_and_tables(page: AppTest) -> None:
    show(page, COMPUTED_ANSWER)
    assert "Computed" in "".join(str(one.value) for one in page.markdown)
    assert [code.value for code in page.code] == [SQL]
    assert "sales.xlsx" in words(page)
    assert "The first 2 of 41 rows." in words(page)
    drawn = drawn_text(page)
    assert "1,234.5" in drawn
    assert "North <b>" in drawn


def test_why_shows_the_prompt_as_it_was_sent_and_gives_the_receipt(page: AppTest) -> None:
    click(show(page, ANSWER), "why_")
    said = words(page)
    for sentence in ("Medium confidence · 62%", "Two sources differ.", "What was sent to the model"):
        assert sentence in said
    titles = [one.label.replace("\\", "").replace("\u2060", "") for one in page.expander]
    assert (
        "1. Writing the answer · compatible:loopback-model · 1.2 s · 1,204 tokens in, 87 out · $0.0021"
        in titles
    )
    assert "Statements: 3 of 5 backed by a source" in titles
    assert "Answer from the passages. <script>" in drawn_text(page)
    assert {metric.label: metric.value for metric in page.metric} == (
        {"Retrieve": "12 ms", "First token": "400 ms", "Total": "1.2 s"}
    )
    assert json.loads(page.code[0].value)["generation"] == 1


def test_why_shows_what_a_tuned_model_quoted_before_it_answered(page: AppTest) -> None:
    reasoning = "[1] <quote>27 days <script></quote>\n[2] does not answer the question."
    click(show(page, replace(ANSWER, reasoning=reasoning)), "why_")
    assert "What the model quoted before it answered" in [one.label for one in page.expander]
    said = words(page)
    assert "[1] 27 days <script>" in said
    assert "[2] does not answer the question." in said
    assert "<quote>" not in said


# --- again, and out -------------------------------------------------------------------------------


@pytest.fixture
def three(workspace: Workspace) -> Conversation:
    made = conversations().begin(OWNER)
    for question in ("One", "Two", "Three"):
        answer = Answer(text=f"Of {question}", mode="rag", model="local:made")
        exchange = made.ask(question, mode="rag", knowledge_base="sample")
        assert made.answer(exchange, lambda found=answer: iter([found])).wait(10)
    return made


def test_deleting_an_exchange_leaves_the_others_in_order(three: Conversation) -> None:
    take_out(three, three.exchanges[1])
    assert [turn.text for turn in three.history()] == ["One", "Of One", "Three", "Of Three"]


def test_asking_again_stands_in_its_place_and_knows_only_what_was_before(
    three: Conversation, workspace: Workspace
) -> None:
    old = three.exchanges[1]
    ask_again(workspace, three, old, mode="rag")
    assert [one.question for one in three.exchanges] == ["One", "Two", "Three"]
    fresh = three.exchanges[1]
    assert fresh.key != old.key
    live = live_answers().get(fresh.key)
    assert live is not None
    assert live.wait(30)
    answer = live.snapshot().answer
    assert answer is not None
    if answer.receipt is not None and answer.receipt.question is not None:
        assert [turn.text for turn in answer.receipt.question.history] == ["One", "Of One"]


def test_an_exchange_that_is_gone_is_neither_asked_nor_deleted(
    three: Conversation, workspace: Workspace
) -> None:
    gone = three.exchanges[1]
    take_out(three, gone)
    take_out(three, gone)
    ask_again(workspace, three, gone, mode="rag")
    assert [one.question for one in three.exchanges] == ["One", "Three"]


def test_a_question_that_cannot_be_asked_again_says_so(
    page: AppTest, three: Conversation, workspace: Workspace
) -> None:
    page.query_params["c"] = three.conversation_id
    page.run()
    fill_disk(workspace, "answers")
    menu = next(one for one in page.get("menu_button") if one.key == f"more_{three.exchanges[0].key}")
    menu.set_value("Answer again").run()
    assert not page.exception
    assert "disk is full" in page.toast[0].value
    assert "Of One" in drawn_text(page)


def test_a_document_that_has_changed_is_not_passed_off_as_the_one_quoted(
    page: AppTest, workspace: Workspace
) -> None:
    ask(page, "How many days of annual leave are there?")
    folder = workspace_module.SAMPLE_DOCUMENTS
    (folder / "leave.md").write_text("# Leave policy\n\nThis page was rewritten. " * 20, "utf-8")
    workspace.knowledge_base("sample").ingest([folder])
    click(page, "cite_")
    assert "This document has changed since" in words(page)
    assert "Every employee has 27 days of paid annual leave a year." in drawn_text(page)
    assert "This page was rewritten" not in drawn_text(page)
    assert "Quoted word for word" not in words(page)


# --- doubts in the text ---------------------------------------------------------------------------


def plain(nodes: list[Node], *, doubted: bool | None = None, inside: bool = False) -> str:
    """The text of nodes; with `doubted` only that under a mark."""
    parts = []
    for node in nodes:
        if isinstance(node, str):
            parts.append(node if not doubted or inside else "")
        elif "cite" in node:
            parts.append(f"[{node['cite']}]" if not doubted or inside else "")
        else:
            parts.append(plain(node["children"], doubted=doubted, inside=inside or "doubt" in node))
    return "".join(parts)


def test_the_sentences_without_support_are_marked_and_nothing_else() -> None:
    nodes = prose(TEXT, {1: "A", 2: "B"}, doubts(ANSWER.claims))
    assert plain(nodes, doubted=True) == "".join(UNBACKED).replace("*", "")
    labels_of_marks = [one["doubt"] for one in elements(nodes) if one.get("doubt")]
    assert labels_of_marks == [NOT_BACKED, NOT_BACKED]


def elements(nodes: list[Node]) -> list[dict[str, object]]:
    found = []
    for node in nodes:
        if isinstance(node, dict):
            found += [node, *elements(node.get("children", []))]
    return found


MARKDOWN = st.lists(
    st.sampled_from(
        [
            "Leave ",
            "**27**",
            " days",
            "[1]",
            ". ",
            "\n\n",
            "\n- ",
            "`x`",
            "&amp;",
            "_a_",
            "\\*",
            "|",
            "\n# ",
            "> ",
        ]
    ),
    max_size=24,
).map("".join)


@given(MARKDOWN, st.data())
def test_a_mark_never_changes_what_is_read(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    mark = Mark(start=start, end=data.draw(st.integers(start, len(text))), label="why")
    assert plain(prose(text, {1: "A"}, [mark])) == plain(prose(text, {1: "A"}))


@given(
    st.lists(st.sampled_from(["Leave", "27", "days", "of", "a", "year"]), min_size=1, max_size=30), st.data()
)
def test_of_plain_words_exactly_the_span_is_marked(words_of: list[str], data: st.DataObject) -> None:
    text = " ".join(words_of)
    start = data.draw(st.integers(0, len(text) - 1))
    end = data.draw(st.integers(start + 1, len(text)))
    assert plain(prose(text, {}, [Mark(start=start, end=end, label="w")]), doubted=True) == text[start:end]


def test_overlapping_claims_are_cut_apart() -> None:
    first, second = (
        claim("Leave is a **basic right**. Five", "uncited"),
        claim("right**. Five days", "unsupported"),
    )
    marks = doubts([second, first])
    assert marks[0].end <= marks[1].start
    assert marks[1].end == second.end


# --- amounts --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("shown", "expected"),
    [
        (took(12.4), "12 ms"),
        (took(1234), "1.2 s"),
        (took(125_000), "2 min 5 s"),
        (dollars(0), "$0.0000"),
        (dollars(0.00002), "under $0.0001"),
        (dollars(0.0021), "$0.0021"),
        (dollars(1234.5), "$1,234.50"),
        (dated("2026-03-03"), "3 March 2026"),
        (dated("2026"), "2026"),
        (dated("spring"), "spring"),
    ],
)
def test_amounts_in_words(shown: str, expected: str) -> None:
    assert shown == expected
