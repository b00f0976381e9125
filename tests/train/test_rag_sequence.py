"""RagSequenceForGeneration with its RagRetriever over a real knowledge base, and a generator made on the spot."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from chains.answer import Answer, Question, TextDelta
from chains.rag_sequence import KnowledgeIndex, RagSequenceChain
from errors import ModelError
from loaders.knowledge_base import KnowledgeBase
from local.encoder import MiniLMEncoder
from tests.train.tiny_models import tiny_bart

LEAVE = "Every employee has 27 days of paid leave a year."
PARKING = "The parking fee is 4 euros."
QUESTION = Question(text="How many days of paid leave are there?")


@pytest.fixture(scope="module")
def encoder(built_models: Path) -> MiniLMEncoder:
    return MiniLMEncoder(cache_dir=built_models)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory, encoder: MiniLMEncoder) -> Iterator[KnowledgeBase]:
    folder = tmp_path_factory.mktemp("base")
    for name, text in {"leave": LEAVE, "parking": PARKING}.items():
        (folder / f"{name}.txt").write_text(text, "utf-8")
    with KnowledgeBase.create(folder / "kb", name="Team", encoder=encoder) as made:
        made.ingest([folder / "leave.txt", folder / "parking.txt"])
        yield made


@pytest.fixture(scope="module")
def generator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_bart(tmp_path_factory.mktemp("bart"))


@pytest.fixture(scope="module")
def chain(base: KnowledgeBase, encoder: MiniLMEncoder, generator: Path) -> RagSequenceChain:
    return RagSequenceChain.load(base, encoder=encoder, generator=generator, passages=2)


def test_the_index_gives_the_retriever_our_passages(base: KnowledgeBase, encoder: MiniLMEncoder) -> None:
    index = KnowledgeIndex(base)
    questions = encoder.encode(["How much leave is there?", "What does parking cost?"])
    numbers, vectors = index.get_top_docs(questions, n_docs=3)
    assert numbers.shape == (2, 3)
    assert vectors.shape == (2, 3, 384)
    texts = [found["text"] for found in index.get_doc_dicts(numbers)]
    assert [row[0] for row in texts] == [LEAVE, PARKING]
    assert [row[2] for row in texts] == [PARKING, LEAVE], (
        "fewer passages than asked for: the last one fills up"
    )
    assert np.allclose(np.linalg.norm(vectors, axis=-1), 1.0, atol=1e-3)


def test_the_question_is_encoded_by_the_knowledge_bases_own_model(
    chain: RagSequenceChain, encoder: MiniLMEncoder
) -> None:
    questions = chain._model.retriever.question_encoder_tokenizer(QUESTION.text, return_tensors="pt")
    vector = chain._model.rag.question_encoder(questions["input_ids"])[0].numpy()[0]
    assert float(vector @ encoder.encode([QUESTION.text])[0]) > 0.9999


def test_an_answer_names_the_passages_it_was_made_from(chain: RagSequenceChain) -> None:
    *events, answer = chain.stream(QUESTION)
    assert isinstance(answer, Answer)
    assert [event.text for event in events if isinstance(event, TextDelta)] == [answer.text]
    assert [passage.text for passage in answer.passages] == [LEAVE, PARKING]
    assert (answer.mode, answer.citations, answer.confidence) == ("rag", (), None)
    assert answer.model.startswith("local:rag-sequence:")
    assert "cannot cite" in answer.notices[0]
    assert answer.receipt is not None
    assert len(answer.receipt.chunks) == 2
    assert chain.invoke(QUESTION).text == answer.text, "beam search has no chance in it"


def test_a_question_to_an_empty_knowledge_base_is_one_sentence(
    tmp_path: Path, encoder: MiniLMEncoder, generator: Path
) -> None:
    with KnowledgeBase.create(tmp_path / "kb", name="Empty", encoder=encoder) as empty:
        chain = RagSequenceChain.load(empty, encoder=encoder, generator=generator)
        with pytest.raises(ModelError, match="no documents yet"):
            chain.invoke(QUESTION)


def test_a_folder_without_a_model_is_one_sentence(
    tmp_path: Path, base: KnowledgeBase, encoder: MiniLMEncoder
) -> None:
    with pytest.raises(ModelError, match="name a folder or a model of the hub"):
        RagSequenceChain.load(base, encoder=encoder, generator=tmp_path)
