"""What a knowledge base says about itself: its documents, its size, and what its doctor found."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["DocumentInfo", "Finding", "Stats"]


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentInfo:
    """A document, or a file that did not become one (state "failed", or one that a stopped ingest left)."""

    document_id: str
    name: str
    source: str
    media_type: str
    chunks: int
    bytes: int
    sha256: str
    added_at: str  # UTC, ISO 8601; "" when it was never added
    state: str
    reason: str | None
    warnings: tuple[str, ...] = ()  # what of the file is not in the document, a sentence each

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Stats:
    name: str
    documents: int
    chunks: int
    failed: int
    generation: int
    model_id: str
    dimension: int
    bytes_on_disk: int

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """`damage` is wrong and repairable unless said otherwise; a `note` is harmless."""

    kind: str
    level: Literal["damage", "note"]
    message: str
    document_id: str | None = None
    repaired: bool = False

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)
