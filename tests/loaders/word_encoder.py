"""The tests' encoder as a LangChain `Embeddings` too."""

from __future__ import annotations

from langchain_core.embeddings import Embeddings

from tests.loaders.plain_encoder import PlainEncoder


class WordEncoder(PlainEncoder, Embeddings):
    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [row.tolist() for row in self.encode(texts)]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]
