"""The training examples, their paraphrases for choosing and for testing, and the starters of the chat page."""

import json
import re
from typing import Any

import pytest

from tests.examples.company import EXAMPLES, documents, normalised, rows, text_of

TRAINING = rows("training.jsonl")
PARAPHRASES = rows("paraphrases.jsonl")
VALIDATION = rows("validation.jsonl")
ASKED_AGAIN = pytest.mark.parametrize(
    "paraphrases", [pytest.param(PARAPHRASES, id="test"), pytest.param(VALIDATION, id="validation")]
)


def bare(text: str) -> str:
    return normalised(re.sub(r"\W", " ", text.casefold()))


def questions() -> list[str]:
    return [row["messages"][1]["content"] for row in TRAINING]


def test_rows_are_openai_chat_examples() -> None:
    assert len(TRAINING) == 120
    for row in TRAINING:
        assert set(row) == {"messages"}
        assert [set(message) for message in row["messages"]] == [{"role", "content"}] * 3
        assert [message["role"] for message in row["messages"]] == ["system", "user", "assistant"]
        assert all(message["content"].strip() == message["content"] != "" for message in row["messages"])


def test_one_voice() -> None:
    assert len({row["messages"][0]["content"] for row in TRAINING}) == 1
    for row in TRAINING:
        answer = row["messages"][2]["content"]
        assert answer.count("Next step: ") == 1, answer
        assert answer.endswith("."), answer
        assert len(answer.split()) <= 60, answer


def test_no_question_is_asked_twice() -> None:
    assert len({bare(question) for question in questions()}) == 120


@ASKED_AGAIN
def test_paraphrases_are_held_out(paraphrases: list[dict[str, Any]]) -> None:
    assert len(paraphrases) == len({row["_id"] for row in paraphrases}) == 40
    taught = {bare(question) for question in questions()}
    assert taught.isdisjoint(bare(row["text"]) for row in paraphrases)
    assert len({row["training_row"] for row in paraphrases}) == 40


def test_what_chooses_a_model_does_not_test_it() -> None:
    assert {row["training_row"] for row in PARAPHRASES}.isdisjoint(row["training_row"] for row in VALIDATION)


@ASKED_AGAIN
def test_a_paraphrase_names_its_row_and_carries_its_answer(paraphrases: list[dict[str, Any]]) -> None:
    for row in paraphrases:
        assert set(row) == {"_id", "text", "training_row", "answer"}
        assert row["answer"] == TRAINING[row["training_row"]]["messages"][2]["content"]


def test_numbers_of_the_answers_stand_in_the_documents() -> None:
    """Every figure taught is a figure of the documents; sums of two of them are listed here."""
    sums = {"320"}  # delivery and collection in zone 2
    everything = " ".join(text_of(document) for document in documents())
    known = set(re.findall(r"\d+(?:\.\d+)?", everything.replace(",", "")))
    for row in TRAINING:
        answer = row["messages"][2]["content"].replace(",", "")
        assert set(re.findall(r"\d+(?:\.\d+)?", answer)) <= known | sums, answer


def test_starters_are_questions_of_three_kinds() -> None:
    starters = json.loads((EXAMPLES / "starters.json").read_text("utf-8"))
    by_text = {row["text"]: row["type"] for row in rows("questions.jsonl")}
    kinds = [by_text[starter] for starter in starters]
    assert kinds[0] == "single"
    assert kinds[1] in ("conflict", "multihop")
    assert kinds[2] == "table"
