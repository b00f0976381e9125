"""Receipts: written down, read back, and what differs when the question is asked again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from chains.answer import Answer, Question, Turn
from chains.rag import RagChain
from chains.receipts import answer_of_receipt, differences, receipt_document
from errors import KnowledgeBaseError, ReceiptError
from loaders.generation_view import GenerationView
from loaders.knowledge_base import KnowledgeBase
from local.encoder import MiniLMEncoder

QUESTION = Question(
    text="How many days of leave does an employee have?",
    history=(Turn(role="user", text="Hello."), Turn(role="assistant", text="Good day.")),
    k=3,
)


@pytest.fixture(scope="module")
def encoder(built_models: Path) -> MiniLMEncoder:
    return MiniLMEncoder(cache_dir=built_models)


def filled(folder: Path, encoder: MiniLMEncoder, leave: str) -> KnowledgeBase:
    documents = folder / "documents"
    documents.mkdir(exist_ok=True)
    (documents / "leave.md").write_text(leave, "utf-8")
    (documents / "parking.md").write_text("The parking fee for visitors is 4 euros a day.\n", "utf-8")
    made = KnowledgeBase.create(folder / "kb", name="Team", encoder=encoder)
    made.ingest([documents])
    return made


def changed(base: KnowledgeBase, folder: Path, leave: str) -> None:
    (folder / "documents" / "leave.md").write_text(leave, "utf-8")
    base.ingest([folder / "documents"])


def asked(base: KnowledgeBase, encoder: MiniLMEncoder) -> Answer:
    return RagChain(base, chat_model=None, encoder=encoder).invoke(QUESTION)


def test_an_answer_comes_back_whole_and_asks_the_same(tmp_path: Path, encoder: MiniLMEncoder) -> None:
    with filled(tmp_path, encoder, "Every employee has 27 days of leave a year.\n") as base:
        answer = asked(base, encoder)
        read = answer_of_receipt(json.loads(json.dumps(receipt_document(answer))))
        assert read == answer
        assert read.receipt is not None
        assert read.receipt.question == QUESTION
        assert differences(read, asked(base, encoder)) == ()


def test_a_changed_document_is_named_as_the_cause(tmp_path: Path, encoder: MiniLMEncoder) -> None:
    with filled(tmp_path, encoder, "Every employee has 27 days of leave a year.\n") as base:
        before = asked(base, encoder)
        changed(base, tmp_path, "Every employee has 29 days of leave a year.\n")
        found = differences(before, asked(base, encoder))
    assert [one.of for one in found][:2] == ["passages", "text"]
    assert "'documents/leave.md#0' has changed" in found[0].sentence or "leave.md" in found[0].sentence
    assert "citations" in {one.of for one in found}


def test_another_model_prompt_and_parameter_are_named(tmp_path: Path, encoder: MiniLMEncoder) -> None:
    with filled(tmp_path, encoder, "Every employee has 27 days of leave a year.\n") as base:
        answer = asked(base, encoder)
    assert answer.receipt is not None
    other = replace(answer.receipt, model="openai:x", generation=9, parameters={"k": 4})
    sentences = [one.sentence for one in differences(answer, replace(answer, receipt=other))]
    assert sentences[:3] == [
        "The generation was 1 and is 9.",
        "The model was 'local:extractive-reader' and is 'openai:x'.",
        "The parameter 'filter' was {} and is nothing.",
    ]


def test_an_earlier_generation_answers_as_long_as_it_is_kept(tmp_path: Path, encoder: MiniLMEncoder) -> None:
    with filled(tmp_path, encoder, "Every employee has 27 days of leave a year.\n") as base:
        before = asked(base, encoder)
        base.rebuild()
        assert base.generations() == (2, 1)
        again = RagChain(GenerationView(base, 1), chat_model=None, encoder=encoder).invoke(QUESTION)
        assert differences(before, again) == ()
        assert [one.of for one in differences(before, asked(base, encoder))] == ["generation"]
        with pytest.raises(KnowledgeBaseError, match="no longer kept"):
            GenerationView(base, 7).search("leave")


@pytest.mark.parametrize(
    ("document", "told"),
    [
        ([], "not a receipt"),
        ({"answer": {}}, "not a receipt"),
        ({"format": "groundtune-receipt", "version": 2, "answer": {}}, "update Groundtune"),
        ({"format": "groundtune-receipt", "version": 1}, "damaged"),
        ({"format": "groundtune-receipt", "version": 1, "answer": {"text": 3}}, "damaged"),
        (
            {"format": "groundtune-receipt", "version": 1, "answer": {"text": "x", "mode": "rag"}},
            "what was asked",
        ),
    ],
)
def test_what_is_no_receipt_is_one_sentence(document: Any, told: str) -> None:
    with pytest.raises(ReceiptError, match=told):
        answer_of_receipt(document)
