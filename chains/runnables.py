"""Groundtune's parts as LangChain parts, for use in anyone's own LangChain program.

Importing this module loads langchain_core's runnables (about a second of CPU), so nothing of the program's
own path to an answer does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from langchain_core.callbacks import CallbackManagerForRetrieverRun
from langchain_core.documents import Document
from langchain_core.retrievers import BaseRetriever
from langchain_core.runnables import Runnable, RunnableConfig
from pydantic import ConfigDict

from chains.answer import Answer, Passage, Question
from chains.retrieval import SearchableKnowledge


class AnswersQuestions(Protocol):
    def invoke(self, question: Question) -> Answer: ...


class ChainRunnable(Runnable[Question | str, Answer]):
    """A chain as a LangChain Runnable: `invoke`, `batch`, `ainvoke` and `|` work; a str is a Question's text.

    `stream` yields the finished Answer; for the words as they come use the chain's own `stream`.
    """

    def __init__(self, chain: AnswersQuestions) -> None:
        self._chain = chain

    def invoke(self, input: Question | str, config: RunnableConfig | None = None, **_: Any) -> Answer:
        return self._call_with_config(self._answer, input, config)

    def _answer(self, question: Question | str) -> Answer:
        return self._chain.invoke(Question(text=question) if isinstance(question, str) else question)


class KnowledgeBaseRetriever(BaseRetriever):
    """A knowledge base as a LangChain retriever: Documents with their exact spans in the metadata."""

    model_config = ConfigDict(arbitrary_types_allowed=True)

    knowledge_base: Any  # SearchableKnowledge; pydantic cannot check a protocol with properties
    k: int = 10
    filter: Mapping[str, str] | None = None

    def _get_relevant_documents(
        self,
        query: str,
        *,
        run_manager: CallbackManagerForRetrieverRun,  # noqa: ARG002 - LangChain's signature
        k: int | None = None,
    ) -> list[Document]:
        knowledge_base: SearchableKnowledge = self.knowledge_base
        found = knowledge_base.search(query, k=self.k if k is None else k, filter=self.filter)
        return [as_document(passage) for passage in found]


def as_document(passage: Passage) -> Document:
    """`metadata["start"]` and `["end"]` are the passage's span in its document's text."""
    place = passage.location.as_dict() | {"start": passage.start, "end": passage.end}
    return Document(
        id=passage.chunk_id,
        page_content=passage.text,
        metadata=dict(passage.metadata)
        | {
            "document_id": passage.document_id,
            "source": passage.document_name,
            "score": passage.score,
            "start": passage.start,
            "end": passage.end,
            "location": place,
        },
    )
