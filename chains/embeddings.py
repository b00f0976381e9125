"""The embedding models by id, as LangChain `Embeddings` and as the encoder of a knowledge base.

    embedded, local:all-MiniLM-L6-v2   on this machine, with no key and no network
    openai:text-embedding-3-small      and -3-large, text-embedding-ada-002
    azure:DEPLOYMENT                   an embedding model deployed at Azure OpenAI
    compatible:NAME                    whatever embeds behind OPENAI_BASE_URL
    sentence-transformers:NAME         any model of that library, with the training extras installed

Texts go out as they are: nothing here needs tiktoken, which would fetch its vocabulary from the network without a
timeout. A knowledge base's chunks are below every model's limit; a longer text is refused by its server.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings

from chains.cancelling import current_cancellation
from chains.connection import azure_resource, azure_v1_url, http_client, only_what_is_set, timeouts
from chains.failures import SettingNames, provider_error
from chains.limits import Limits, shared_limits
from chains.model_ids import OPENAI_URL, ModelId, checked_url, is_compatible, parse_model_id, shown_url
from chains.models import DEFAULT_AZURE_API_VERSION, KEYLESS, ChatModelConfig, revealed
from errors import EmbeddingModelMissingError, NoModelConnectedError, ProviderError, SettingsError
from loaders.embedding import ChunkEncoder, LangChainEncoder

if TYPE_CHECKING:
    import openai

EMBEDDED = "local:all-MiniLM-L6-v2"
SENTENCE_TRANSFORMERS = "sentence-transformers:"
BATCH_TEXTS = 256
BATCH_BYTES = 500_000  # of UTF-8; OpenAI takes 300,000 tokens in one request


def embedding_id(text: str | None) -> str:
    """The whole id, as it is stored with the vectors, of what a person wrote. Raises SettingsError."""
    written = (text or "").strip()
    if written.lower() in ("", "embedded", EMBEDDED.lower()):
        return EMBEDDED
    if written.lower().startswith(SENTENCE_TRANSFORMERS):
        return SENTENCE_TRANSFORMERS + written[len(SENTENCE_TRANSFORMERS) :].strip()
    return str(parse_model_id(written))


def connect_encoder(
    config: ChatModelConfig, *, embedded: Callable[[], ChunkEncoder], dimension: int | None = None
) -> ChunkEncoder:
    """The encoder of a knowledge base whose vectors are of `config.model_id`; `embedded` makes the shipped one.

    With the `dimension` that a knowledge base was built with (`KnowledgeBase.model_at`), nothing is asked of the
    server before the first text. Raises as `connect_embeddings`.
    """
    model_id = embedding_id(config.model_id)
    if model_id == EMBEDDED:
        return embedded()
    return LangChainEncoder(connect_embeddings(config), model_id=model_id, dimension=dimension)


def connect_embeddings(config: ChatModelConfig) -> Embeddings:
    """The embedding model `config.model_id`, over a server or the sentence-transformers library.

    Raises NoModelConnectedError, SettingsError, EmbeddingModelMissingError. Nothing is sent before the first text.
    """
    model_id = embedding_id(config.model_id)
    if model_id == EMBEDDED:
        raise SettingsError(f"{EMBEDDED} runs on this machine: take local.encoder.MiniLMEncoder.")
    if model_id.startswith(SENTENCE_TRANSFORMERS):
        return SentenceTransformerEmbeddings(model_id.removeprefix(SENTENCE_TRANSFORMERS))
    named = parse_model_id(model_id)
    if named.provider == "local":
        raise SettingsError(f"No local embedding model is called {named.name!r}: there is {EMBEDDED}.")
    return _azure(named, config) if named.provider == "azure" else _openai(named, config)


class ServedEmbeddings(Embeddings):
    """An embedding model behind OpenAI's wire; failures come out as ProviderError. Thread-safe."""

    def __init__(
        self, model_id: str, client: openai.OpenAI, *, endpoint: str, limits: Limits, names: SettingNames
    ) -> None:
        self.model = model_id
        self._client = client
        self._endpoint = endpoint
        self._limits = limits
        self._names = names

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [vector for batch in _batches(texts) for vector in self._embedded(batch)]

    def embed_query(self, text: str) -> list[float]:
        return self.embed_documents([text])[0]

    def _embedded(self, texts: list[str]) -> list[list[float]]:
        import httpx2
        import openai

        name = self.model.partition(":")[2]
        try:
            with self._limits.turn(current_cancellation()):
                response = self._client.embeddings.create(model=name, input=texts)
            vectors = [list(row.embedding) for row in sorted(response.data, key=lambda row: row.index)]
        except (
            openai.OpenAIError,
            httpx2.HTTPError,
            ValueError,
            KeyError,
            TypeError,
            AttributeError,
        ) as error:
            raise provider_error(
                error, model_id=self.model, endpoint=self._endpoint, names=self._names
            ) from None
        if len(vectors) != len(texts) or len({len(vector) for vector in vectors}) != 1:
            raise ProviderError(
                f"{self._endpoint} gave {len(vectors)} vectors for {len(texts)} texts: look at the server's log."
            )
        return vectors


def _batches(texts: Sequence[str]) -> Iterator[list[str]]:
    """Blank texts, which OpenAI refuses, go as a space."""
    batch: list[str] = []
    size = 0
    for text in texts:
        weight = len(text.encode())
        if batch and (len(batch) == BATCH_TEXTS or size + weight > BATCH_BYTES):
            yield batch
            batch, size = [], 0
        batch.append(text or " ")
        size += weight
    if batch:
        yield batch


class SentenceTransformerEmbeddings(Embeddings):
    """A model of the sentence-transformers library, loaded at the first text (and downloaded, where it must be)."""

    def __init__(self, name: str) -> None:
        from importlib.util import find_spec

        if find_spec("sentence_transformers") is None:
            raise EmbeddingModelMissingError(
                f"{SENTENCE_TRANSFORMERS}{name} needs the training extras: pip install sentence-transformers."
            )
        self.model = SENTENCE_TRANSFORMERS + name
        self._name = name
        self._loaded: Any = None

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [list(map(float, row)) for row in self._encoder().encode_document(texts)]

    def embed_query(self, text: str) -> list[float]:
        return list(map(float, self._encoder().encode_query([text])[0]))

    def _encoder(self) -> Any:
        if self._loaded is None:
            from sentence_transformers import SentenceTransformer

            try:
                self._loaded = SentenceTransformer(self._name)
            except (OSError, ValueError) as error:
                raise EmbeddingModelMissingError(
                    f"sentence-transformers cannot load {self._name!r} ({type(error).__name__}): "
                    "check its name, or name a folder that holds it."
                ) from error
        return self._loaded


def _openai(model: ModelId, config: ChatModelConfig) -> ServedEmbeddings:
    import openai

    key = revealed(config.api_key)
    url = checked_url(config.base_url or OPENAI_URL, setting=config.names.url)
    if model.provider == "compatible" and not config.base_url:
        raise SettingsError(f"'{model}' needs the address of its server: set {config.names.url}.")
    if not key and not is_compatible(url):
        raise NoModelConnectedError(
            f"'{model}' needs a key: set {config.names.key} in .env or the environment."
        )
    client = openai.OpenAI(
        base_url=url,
        api_key=key or KEYLESS,
        timeout=timeouts(config.timeout_s),
        max_retries=config.max_retries,
        http_client=http_client(url),
    )
    return _served(model, client, config, url, config.names)


def _azure(model: ModelId, config: ChatModelConfig) -> ServedEmbeddings:
    import openai

    names, key = config.names.for_azure(), revealed(config.azure_api_key)
    if not config.azure_endpoint or not key:
        missing = names.key if config.azure_endpoint else names.url
        raise NoModelConnectedError(
            f"'{model}' needs Azure's address and a key: set {missing} in .env or the environment."
        )
    endpoint = checked_url(config.azure_endpoint, setting=names.url)
    url = azure_v1_url(endpoint)
    if url is not None:
        as_openai = replace(config, api_key=key, base_url=url, names=names)
        return _openai(model, as_openai)
    resource = azure_resource(endpoint)
    client = openai.AzureOpenAI(
        azure_endpoint=resource,
        azure_deployment=model.name,
        api_version=config.api_version or DEFAULT_AZURE_API_VERSION,
        api_key=key,
        timeout=timeouts(config.timeout_s),
        max_retries=config.max_retries,
        http_client=http_client(resource),
    )
    return _served(model, client, config, resource, names)


def _served(
    model: ModelId, client: openai.OpenAI, config: ChatModelConfig, url: str, names: SettingNames
) -> ServedEmbeddings:
    only_what_is_set(client, url)
    endpoint = shown_url(url)
    limits = shared_limits(endpoint, config.requests_per_minute, config.concurrent_requests)
    return ServedEmbeddings(str(model), client, endpoint=endpoint, limits=limits, names=names)
