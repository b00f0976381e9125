"""RAG by Hugging Face's RagSequenceForGeneration, its RagRetriever reading a knowledge base of ours.

    chain = RagSequenceChain.load(knowledge_base, encoder=encoder, generator="facebook/bart-large-cnn", passages=5)
    chain.invoke(Question(text="How many days of leave are there?"))          -> Answer

Needs the training extras (requirements-train.txt). The generator is any sequence-to-sequence model of the Hugging
Face hub or a folder. Questions are encoded by the model that the knowledge base was embedded with, so its index serves
as it is; nothing is trained here. The model marginalises over passages (RAG-Sequence, Lewis et al. 2020,
arXiv:2005.11401), so it cannot say which passage a sentence is from: its answers cite nothing, and say so.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from chains.answer import Answer, AnswerEvent, Passage, Question, Receipt, StageStarted, TextDelta
from chains.base import last_answer
from chains.batching import run_batch
from chains.guard import neutralise
from chains.retrieval import sha256_of
from chains.stopwatch import Stopwatch
from errors import ModelError, TrainingExtrasMissingError

if TYPE_CHECKING:
    from loaders.knowledge_base import KnowledgeBase
    from loaders.search import Neighbour
    from local.encoder import MiniLMEncoder

__all__ = ["KnowledgeIndex", "RagSequenceChain"]

EXTRAS = "This chain needs the training extras: pip install -r requirements-train.txt"
LONGEST_ANSWER = 128  # tokens
LONGEST_INPUT = 512  # tokens of question and one passage; chunks of the embedded model have at most 256
BEAMS = 2


class KnowledgeIndex:
    """A knowledge base in the form of transformers' `models.rag.retrieval_rag.Index`.

    Passages are numbered as they are found; only those of the latest search are kept.
    """

    def __init__(self, base: KnowledgeBase) -> None:
        self._base = base
        self.found: list[Neighbour] = []

    def is_initialized(self) -> bool:
        return True

    def init_index(self) -> None:
        """The knowledge base is open."""

    def get_doc_dicts(self, doc_ids: NDArray[np.int64]) -> list[dict[str, list[str]]]:
        """Titles and texts, one dict a question."""
        return [
            {
                "title": [self.found[number].passage.document_name for number in row],
                "text": [self.found[number].passage.text for number in row],
            }
            for row in doc_ids
        ]

    def get_top_docs(
        self, question_hidden_states: NDArray[np.float32], n_docs: int = 5
    ) -> tuple[NDArray[np.int64], NDArray[np.float32]]:
        """(questions, n_docs) numbers and (questions, n_docs, d) vectors; fewer passages are filled up with the last.

        Raises ModelError where the knowledge base holds nothing.
        """
        self.found = []
        numbers, vectors = [], []
        for row in np.asarray(question_hidden_states, dtype=np.float32):
            hits = self._base.nearest(row, n_docs)
            if not hits:
                raise ModelError(
                    "There are no documents yet: add some to this knowledge base, then ask again."
                )
            known = range(len(self.found), len(self.found) + len(hits))
            self.found += hits
            filled = [*known, *[known[-1]] * (n_docs - len(hits))]
            numbers.append(filled)
            vectors.append(np.stack([self.found[number].vector for number in filled]))
        return np.array(numbers, dtype=np.int64), np.stack(vectors).astype(np.float32)


class RagSequenceChain:
    """Question -> Answer; one question at a time, since the index remembers what it found. Made by `load`."""

    def __init__(
        self, base: KnowledgeBase, model: Any, index: KnowledgeIndex, *, name: str, passages: int
    ) -> None:
        self._base = base
        self._model = model
        self._index = index
        self._name = f"local:rag-sequence:{name}"
        self._count = passages
        self._lock = threading.Lock()
        self._clock: Callable[[], float] = time.perf_counter

    @classmethod
    def load(
        cls,
        base: KnowledgeBase,
        *,
        encoder: MiniLMEncoder,
        generator: str | Path,
        passages: int = 5,
    ) -> RagSequenceChain:
        """`generator`: a folder, or a name of the hub. Raises TrainingExtrasMissingError, ModelError."""
        index = KnowledgeIndex(base)
        model = _rag_model(index, encoder, str(generator), passages)
        return cls(base, model, index, name=Path(generator).name, passages=passages)

    def invoke(self, question: Question) -> Answer:
        return last_answer(self.stream(question))

    def batch(self, questions: Sequence[Question], *, max_concurrency: int = 1) -> list[Answer]:
        return run_batch(self.invoke, questions, max_concurrency=max_concurrency)

    def stream(self, question: Question) -> Iterator[AnswerEvent]:
        """The text comes in one piece: sequences are scored against each other before one is chosen."""
        watch = Stopwatch(self._clock)
        yield StageStarted(stage="writing")
        with self._lock:
            raw = self._generated(question.text)
            found = {one.passage.chunk_id: _passage(one) for one in self._index.found}
        passages = tuple(found.values())
        watch.lap("generate")
        text = neutralise(raw, sources=0, allowed_text="\n".join(passage.text for passage in passages))
        watch.first_token()
        yield TextDelta(text=text)
        yield Answer(
            text=text,
            mode="rag",
            model=self._name,
            passages=passages,
            timings_ms=watch.finish(),
            notices=("The model weighs all passages together and cannot cite: no statement is checked.",),
            receipt=self._receipt(question, passages),
        )

    def _generated(self, question: str) -> str:
        import torch

        retriever = self._model.retriever
        ids = retriever.question_encoder_tokenizer(question, return_tensors="pt", truncation=True)
        with torch.no_grad():
            made = self._model.generate(
                input_ids=ids["input_ids"],
                attention_mask=ids["attention_mask"],
                num_beams=BEAMS,
                num_return_sequences=1,
                max_new_tokens=LONGEST_ANSWER,
            )
        return str(retriever.generator_tokenizer.batch_decode(made, skip_special_tokens=True)[0]).strip()

    def _receipt(self, question: Question, passages: Sequence[Passage]) -> Receipt:
        return Receipt(
            prompt_sha256=None,
            chunks=tuple((passage.chunk_id, sha256_of(passage.text)) for passage in passages),
            knowledge_base=self._base.name,
            generation=self._base.generation,
            model=self._name,
            parameters={"k": self._count, "beams": BEAMS},
            question=question,
        )


def _passage(found: Neighbour) -> Passage:
    scores = replace(found.passage.scores, cosine=found.cosine)
    return replace(found.passage, score=found.cosine, scores=scores)


def _rag_model(index: KnowledgeIndex, encoder: MiniLMEncoder, generator: str, passages: int) -> Any:
    try:
        import torch
        from transformers import (
            AutoModelForSeq2SeqLM,
            AutoTokenizer,
            BertConfig,
            PreTrainedModel,
            PreTrainedTokenizerFast,
            RagConfig,
            RagRetriever,
            RagSequenceForGeneration,
        )
        from transformers.models.dpr.modeling_dpr import DPRQuestionEncoderOutput
    except ImportError as error:
        raise TrainingExtrasMissingError(EXTRAS) from error
    questions = PreTrainedTokenizerFast(
        tokenizer_file=str(encoder.tokenizer_file),
        pad_token="[PAD]",  # noqa: S106 - a token of the vocabulary
        cls_token="[CLS]",  # noqa: S106
        sep_token="[SEP]",  # noqa: S106
        unk_token="[UNK]",  # noqa: S106
        model_max_length=encoder.max_tokens,
    )

    class QuestionEncoder(PreTrainedModel):  # type: ignore[misc]
        """The knowledge base's own encoder, as RagModel calls it: its first output is the question's vector."""

        config_class = BertConfig

        def __init__(self, config: Any) -> None:
            super().__init__(config)
            self.unused = torch.nn.Parameter(torch.zeros(1), requires_grad=False)

        def forward(self, input_ids: Any, **_: Any) -> Any:
            texts = questions.batch_decode(input_ids, skip_special_tokens=True)
            vectors = torch.from_numpy(np.array(encoder.encode(texts), dtype=np.float32))
            return DPRQuestionEncoderOutput(pooler_output=vectors)

    try:
        writer = AutoModelForSeq2SeqLM.from_pretrained(generator)
        words = AutoTokenizer.from_pretrained(generator)
    except (OSError, ValueError) as error:
        raise ModelError(
            f"{generator!r} is no sequence-to-sequence model that can be loaded: name a folder or a model of the hub."
        ) from error
    asking = BertConfig(hidden_size=encoder.dimension, vocab_size=len(questions))
    config = RagConfig.from_question_encoder_generator_configs(
        asking,
        writer.config,
        n_docs=passages,
        retrieval_vector_size=encoder.dimension,
        max_combined_length=_longest_input(writer.config, words),
    )
    retriever = RagRetriever(config, questions, words, index=index)
    model = RagSequenceForGeneration(
        config, question_encoder=QuestionEncoder(asking), generator=writer, retriever=retriever
    )
    return model.train(False)


def _longest_input(config: Any, tokenizer: Any) -> int:
    """Tokens of question and passage together that the generator takes."""
    limits = [
        LONGEST_INPUT,
        tokenizer.model_max_length,
        getattr(config, "max_position_embeddings", LONGEST_INPUT),
    ]
    return int(min(limits))
