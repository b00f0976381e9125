"""The embedded store as a LangChain `VectorStore`: the same kb.db, FAISS and tantivy as a knowledge base.

    store = EmbeddedStore(Path("store"), embedding=embeddings)
    store.add_texts(["A horse eats grass."], ids=["horse"])
    store.similarity_search("What do horses eat?", k=1)

A text is one document of one chunk and is never split. Adding an id again replaces it; deleting an unknown id does
nothing. Scores are cosines. Thread-safe; several processes may share the folder.
"""

from __future__ import annotations

import contextlib
import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import numpy as np
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore
from langchain_core.vectorstores.utils import maximal_marginal_relevance
from numpy.typing import NDArray

from errors import KnowledgeBaseExistsError
from loaders.draft import WHOLE, ChunkDraft, DocumentDraft, PartDraft
from loaders.embedding import ChunkEncoder, chunk_encoder, encode_queries, unit_rows
from loaders.knowledge_base import KnowledgeBase
from loaders.location import Location
from loaders.rows import GenerationChanged, VectorsGone, batched, placeholders
from loaders.sources import Record, well_formed
from loaders.writing import embed_chunks, write_documents

__all__ = ["EmbeddedStore"]

Filter = Mapping[str, str | int | float | bool]
Hit = tuple[Document, float, NDArray[np.float32]]


class EmbeddedStore(VectorStore):
    """Opens the store in the folder `path`, or makes it."""

    def __init__(self, path: Path, *, embedding: Embeddings | ChunkEncoder) -> None:
        self._encoder = chunk_encoder(embedding)
        self._embedding = embedding
        with contextlib.suppress(KnowledgeBaseExistsError):
            KnowledgeBase.create(path, name=path.name, encoder=self._encoder).close()
        self._base = KnowledgeBase.open(path, encoder=self._encoder)

    @property
    def embeddings(self) -> Embeddings | None:
        return self._embedding if isinstance(self._embedding, Embeddings) else None

    @property
    def knowledge_base(self) -> KnowledgeBase:
        """The same texts with hybrid search, `doctor` and the rest."""
        return self._base

    def add_texts(
        self,
        texts: Iterable[str],
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: Sequence[str | None] | None = None,
        **kwargs: Any,
    ) -> list[str]:
        """The ids, given or made; of one id given twice the last text counts. All become visible together."""
        _refuse(kwargs)
        texts = list(texts)
        rows = metadatas or [{} for _ in texts]
        names = [name or str(uuid.uuid4()) for name in (ids or [None] * len(texts))]
        drafts = {
            name: _draft(name, text, metadata)
            for name, text, metadata in zip(names, texts, rows, strict=True)
        }
        if drafts:
            self._write(list(drafts.values()))
        return names

    def delete(self, ids: list[str] | None = None, **kwargs: Any) -> bool | None:
        """Removes these; all of them when `ids` is None. Unknown ids are no error."""
        _refuse(kwargs)
        self._base.remove([info.document_id for info in self._base.documents()] if ids is None else ids)
        return True

    def get_by_ids(self, ids: Sequence[str], /) -> list[Document]:
        """Those that are there, in the order of `ids`."""
        found: dict[str, Document] = {}
        with self._base.database.read() as connection:
            for some in batched(ids, 500):
                query = f"SELECT document_id, text, metadata FROM documents WHERE document_id IN ({placeholders(some)})"
                for name, text, metadata in connection.execute(query, some):
                    found[name] = Document(id=name, page_content=text, metadata=json.loads(metadata))
        return [found[name] for name in ids if name in found]

    def similarity_search(
        self, query: str, k: int = 4, *, filter: Filter | None = None, **kwargs: Any
    ) -> list[Document]:
        """filter: metadata that must be equal; exact, so `k` come back wherever `k` pass it."""
        return [
            document for document, _ in self.similarity_search_with_score(query, k, filter=filter, **kwargs)
        ]

    def similarity_search_with_score(
        self, query: str, k: int = 4, *, filter: Filter | None = None, **kwargs: Any
    ) -> list[tuple[Document, float]]:
        """(document, cosine), best first."""
        _refuse(kwargs)
        vector = encode_queries(self._encoder, [query])[0]
        return [(document, score) for document, score, _ in self._nearest(vector, k, filter)]

    def similarity_search_by_vector(
        self, embedding: list[float], k: int = 4, *, filter: Filter | None = None, **kwargs: Any
    ) -> list[Document]:
        _refuse(kwargs)
        return [document for document, _, _ in self._nearest(unit_rows([embedding])[0], k, filter)]

    def max_marginal_relevance_search(
        self,
        query: str,
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        *,
        filter: Filter | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        vector = encode_queries(self._encoder, [query])[0]
        return self.max_marginal_relevance_search_by_vector(
            vector.tolist(), k, fetch_k, lambda_mult, filter=filter, **kwargs
        )

    def max_marginal_relevance_search_by_vector(
        self,
        embedding: list[float],
        k: int = 4,
        fetch_k: int = 20,
        lambda_mult: float = 0.5,
        *,
        filter: Filter | None = None,
        **kwargs: Any,
    ) -> list[Document]:
        """Carbonell & Goldstein 1998, over the `fetch_k` nearest."""
        _refuse(kwargs)
        vector = unit_rows([embedding])[0]
        hits = self._nearest(vector, max(k, fetch_k), filter)
        chosen = maximal_marginal_relevance(vector, [hit[2].tolist() for hit in hits], lambda_mult, k)
        return [hits[position][0] for position in chosen]

    @classmethod
    def from_texts(
        cls,
        texts: list[str],
        embedding: Embeddings,
        metadatas: list[dict[str, Any]] | None = None,
        *,
        ids: list[str] | None = None,
        path: Path | None = None,
        **kwargs: Any,
    ) -> Self:
        """path: the store's folder; it is required, and keyword only because LangChain fixes the rest."""
        _refuse(kwargs)
        if path is None:
            raise TypeError("EmbeddedStore.from_texts needs path=, the folder to keep the store in")
        store = cls(path, embedding=embedding)
        store.add_texts(texts, metadatas, ids=ids)
        return store

    def close(self) -> None:
        self._base.close()

    def _select_relevance_score_fn(self) -> Any:
        return lambda cosine: (cosine + 1) / 2

    def _write(self, drafts: Sequence[DocumentDraft]) -> None:
        while True:
            generation = self._base.writable()
            chunks = [chunk for draft in drafts for chunk in draft.chunks]
            vectors = embed_chunks(self._base.database, self._encoder, generation, chunks)
            try:
                write_documents(self._base.database, self._base.blobs, generation, drafts, vectors)
                break
            except (VectorsGone, GenerationChanged):
                continue
        self._base.refresh()

    def _nearest(self, vector: NDArray[np.float32], k: int, filter: Filter | None) -> list[Hit]:
        hits = self._base.nearest(vector, k, filter)
        return [
            (
                Document(id=row.passage.document_id, page_content=row.passage.text, metadata=row.metadata),
                row.cosine,
                row.vector,
            )
            for row in hits
        ]


def _draft(name: str, text: str, metadata: Mapping[str, Any]) -> DocumentDraft:
    text, whole = well_formed(text), Location()
    record = Record(id=name, text=text, metadata=metadata)
    return DocumentDraft(
        document_id=name,
        source=f"record:{name}",
        name=name,
        title="",
        media_type="text/plain",
        sha256=record.sha256,
        bytes=len(text.encode()),
        text=text,
        metadata=json.loads(well_formed(json.dumps(metadata, ensure_ascii=False, default=str))),
        parts=[PartDraft(start=0, end=len(text), location=whole, metadata={WHOLE: True})],
        chunks=[ChunkDraft(start=0, end=len(text), text=text, location=whole, embedded=text)],
    )


def _refuse(options: Mapping[str, Any]) -> None:
    """An option that would be ignored is an error."""
    if options:
        raise TypeError(f"EmbeddedStore does not know the option {next(iter(options))!r}")
