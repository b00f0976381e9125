"""LangChain's own acceptance tests for vector stores, all of them, none overridden."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from langchain_core.vectorstores import VectorStore
from langchain_tests.integration_tests import VectorStoreIntegrationTests

from loaders.store import EmbeddedStore


class TestEmbeddedStore(VectorStoreIntegrationTests):
    @pytest.fixture()
    def vectorstore(self, tmp_path: Path) -> Iterator[VectorStore]:
        store = EmbeddedStore(tmp_path / "store", embedding=self.get_embeddings())
        yield store
        store.close()
