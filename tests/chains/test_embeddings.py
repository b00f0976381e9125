"""Embedding models by id: over the wire, in a knowledge base, and what they say when they cannot."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from chains.embeddings import EMBEDDED, connect_embeddings, connect_encoder, embedding_id
from chains.failures import SettingNames
from chains.models import ChatModelConfig
from errors import (
    EmbeddingModelMissingError,
    GroundtuneError,
    KnowledgeBaseError,
    NoModelConnectedError,
    ProviderError,
    SettingsError,
)
from loaders.embedding import ChunkEncoder
from loaders.knowledge_base import KnowledgeBase
from tests.chains.conftest import WordEncoder
from tests.loopback.openai_server import EMBEDDING_DIMENSION, LoopbackServer, serve_openai

CANARY = "sk-canary-e3"
NAMES = SettingNames(model="GROUNDTUNE_EMBEDDING_MODEL")


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with serve_openai(key=CANARY) as running:
        yield running


def config(server: LoopbackServer, model_id: str) -> ChatModelConfig:
    return ChatModelConfig(
        model_id=model_id,
        api_key=CANARY,
        base_url=server.url,
        azure_api_key=CANARY,
        azure_endpoint=server.azure_endpoint,
        max_retries=0,
        names=NAMES,
    )


def no_encoder() -> ChunkEncoder:
    raise AssertionError("the embedded encoder was not asked for")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, EMBEDDED),
        ("embedded", EMBEDDED),
        ("local:all-MiniLM-L6-v2", EMBEDDED),
        ("openai:text-embedding-3-small", "openai:text-embedding-3-small"),
        ("text-embedding-3-large", "openai:text-embedding-3-large"),
        ("Compatible: nomic", "compatible:nomic"),
        ("sentence-transformers: intfloat/e5-small", "sentence-transformers:intfloat/e5-small"),
    ],
)
def test_an_id_is_written_out(text: str | None, expected: str) -> None:
    assert embedding_id(text) == expected


@pytest.mark.parametrize(
    ("model_id", "path"),
    [
        ("openai:text-embedding-3-small", "/v1/embeddings"),
        ("compatible:nomic-embed-text", "/v1/embeddings"),
        ("azure:embedder", "/openai/deployments/embedder/embeddings"),
    ],
)
def test_texts_go_out_as_text_and_come_back_in_order(
    server: LoopbackServer, model_id: str, path: str
) -> None:
    """As text: tokens would need tiktoken's vocabulary, which is fetched from the network."""
    embeddings = connect_embeddings(config(server, model_id))
    texts = [f"text number {n}" for n in range(300)]
    vectors = embeddings.embed_documents(texts)
    assert [len(request.body["input"]) for request in server.requests] == [256, 44]
    assert server.requests[0].body["input"] == texts[:256]
    assert server.requests[0].path.startswith(path)
    np.testing.assert_allclose(vectors[299], embeddings.embed_query(texts[299]), rtol=1e-6)
    assert embeddings.embed_documents([]) == []


def test_long_texts_share_a_request_only_up_to_a_size_and_blank_ones_are_sent(server: LoopbackServer) -> None:
    connect_embeddings(config(server, "compatible:m")).embed_documents(["a" * 300_000, "b" * 300_000, ""])
    assert [len(request.body["input"]) for request in server.requests] == [1, 2]
    assert server.requests[1].body["input"][1] == " "


def test_a_knowledge_base_is_made_and_opened_again_with_the_model_that_its_vectors_name(
    server: LoopbackServer, tmp_path: Path
) -> None:
    (tmp_path / "leave.md").write_text("Staff have 27 days of annual leave.\n", "utf-8")
    (tmp_path / "travel.md").write_text("Trains are booked in second class.\n", "utf-8")
    folder = tmp_path / "kb"
    encoder = connect_encoder(config(server, "compatible:nomic"), embedded=no_encoder)
    made = KnowledgeBase.create(folder, name="team", encoder=encoder)
    made.ingest([tmp_path / "leave.md", tmp_path / "travel.md"])
    made.close()

    model_id, dimension = KnowledgeBase.model_at(folder)
    assert (model_id, dimension) == ("compatible:nomic", EMBEDDING_DIMENSION)
    before = len(server.requests)
    opened = KnowledgeBase.open(
        folder, encoder=connect_encoder(config(server, model_id), embedded=no_encoder, dimension=dimension)
    )
    assert len(server.requests) == before, "opening asks the server nothing"
    assert opened.search("annual leave of staff")[0].document_name == "leave"
    opened.close()
    other = connect_encoder(config(server, "compatible:other"), embedded=no_encoder)
    with pytest.raises(KnowledgeBaseError, match="compatible:nomic"):
        KnowledgeBase.open(folder, encoder=other).search("leave")


def test_the_embedded_encoder_is_the_one_that_is_given() -> None:
    class Embedded(WordEncoder):
        pass

    given = Embedded()
    assert connect_encoder(ChatModelConfig(), embedded=lambda: given) is given  # type: ignore[arg-type,return-value]


@pytest.mark.parametrize(
    ("given", "error", "says"),
    [
        (ChatModelConfig(model_id="openai:text-embedding-3-small"), NoModelConnectedError, "OPENAI_API_KEY"),
        (ChatModelConfig(model_id="compatible:nomic"), SettingsError, "OPENAI_BASE_URL"),
        (
            ChatModelConfig(model_id="azure:x", azure_api_key="k"),
            NoModelConnectedError,
            "AZURE_OPENAI_ENDPOINT",
        ),
        (ChatModelConfig(model_id="local:other"), SettingsError, EMBEDDED),
        (ChatModelConfig(model_id="opnai:x"), SettingsError, "did you mean 'openai:x'"),
        (
            ChatModelConfig(model_id="sentence-transformers:intfloat/e5-small"),
            EmbeddingModelMissingError,
            "pip install sentence-transformers",
        ),
    ],
)
def test_what_cannot_be_connected_says_how(
    given: ChatModelConfig, error: type[GroundtuneError], says: str
) -> None:
    with pytest.raises(error, match=says):
        connect_embeddings(given)


def test_a_refused_key_is_said_without_the_key_and_a_dead_server_with_its_address() -> None:
    with (
        serve_openai(key="another") as server,
        pytest.raises(ProviderError, match="refused the key") as raised,
    ):
        connect_embeddings(config(server, "compatible:m")).embed_query("x")
    assert CANARY not in str(raised.value)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}/v1"
        dead = ChatModelConfig(model_id="compatible:m", base_url=url, max_retries=0)
        with pytest.raises(ProviderError, match=f"Nothing answers at {url}"):
            connect_embeddings(dead).embed_query("x")
