"""/v1/embeddings: the embedded model's sentence vectors."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Annotated, Any, Literal

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field

from app.api.context import InWorkspace
from app.api.errors import refused
from app.api.json_body import CheckedRoute
from app.api.model_names import EMBEDDING, find

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from local.encoder import MiniLMEncoder

router = APIRouter(prefix="/embeddings", route_class=CheckedRoute)
Text = Annotated[str, Field(min_length=1)]
Token = Annotated[int, Field(ge=0)]
INPUTS = 2048  # of one request, as OpenAI has it


class EmbeddingBody(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")

    model: str
    input: (
        Text
        | Annotated[list[Text], Field(min_length=1, max_length=INPUTS)]
        | Annotated[list[Token], Field(min_length=1)]
        | Annotated[list[Annotated[list[Token], Field(min_length=1)]], Field(min_length=1)]
    )
    encoding_format: Literal["float", "base64"] | None = None
    dimensions: Annotated[int, Field(ge=1)] | None = None
    user: str | None = None


@router.post("")
def embed(workspace: InWorkspace, body: EmbeddingBody) -> dict[str, Any]:
    if find(workspace, body.model).kind != "embedding":
        raise refused(f"{body.model!r} makes no embeddings: use {EMBEDDING!r}.", param="model")
    encoder, texts = workspace.encoder, _texts(body)
    if body.dimensions not in (None, encoder.dimension):
        message = (
            f"Invalid 'dimensions': vectors of {EMBEDDING} have {encoder.dimension}, and cannot be shortened."
        )
        raise refused(message, param="dimensions")
    counts = _checked_counts(encoder, texts)
    written = _base64 if body.encoding_format == "base64" else _floats
    data = [
        {"object": "embedding", "index": index, "embedding": written(vector)}
        for index, vector in enumerate(encoder.encode(texts))
    ]
    usage = {"prompt_tokens": sum(counts), "total_tokens": sum(counts)}
    return {"object": "list", "data": data, "model": EMBEDDING, "usage": usage}


def _texts(body: EmbeddingBody) -> list[str]:
    given = [body.input] if isinstance(body.input, str) else body.input
    texts = [one for one in given if isinstance(one, str)]
    if len(texts) < len(given):
        message = (
            "Invalid 'input': numbers are tokens of another model's vocabulary; send texts "
            "(with LangChain's OpenAIEmbeddings: check_embedding_ctx_length=False)."
        )
        raise refused(message, param="input")
    return texts


def _checked_counts(encoder: MiniLMEncoder, texts: list[str]) -> list[int]:
    """What the model would not read is refused, not cut off unseen."""
    counts = encoder.count_tokens(texts)
    for position, count in enumerate(counts):
        if count > encoder.max_tokens:
            message = (
                f"Invalid 'input[{position}]': it has {count} tokens, and {EMBEDDING} reads "
                f"{encoder.max_tokens}: split it."
            )
            raise refused(message, param="input", code="context_length_exceeded")
    return counts


def _floats(vector: NDArray[np.float32]) -> list[float]:
    values: list[float] = vector.tolist()
    return values


def _base64(vector: NDArray[np.float32]) -> str:
    """Little-endian float32, as the official clients ask for by default."""
    return base64.b64encode(vector.astype("<f4").tobytes()).decode()
