"""What a run of synthesis works on, is asked for, and has done so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.examples import Example, Origin, Provenance, Row
from finetune.synthesis.extracting import METHODS, Method
from finetune.synthesis.sifting import Reason
from loaders.progress import FailedFile
from loaders.whole_documents import WholeDocument, read_documents, stored_documents

if TYPE_CHECKING:
    from loaders.embedding import ChunkEncoder
    from loaders.knowledge_base import KnowledgeBase

__all__ = [
    "ExtractOptions",
    "GenerateOptions",
    "Progress",
    "Source",
    "Stop",
    "Tally",
    "chat_row",
    "example",
    "from_knowledge_base",
    "from_paths",
    "no_progress",
    "no_stop",
]

STOPPED = "Stopped by you."


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Documents that can be gone through more than once."""

    name: str  # the knowledge base's, or the paths
    documents: Callable[[], Iterator[WholeDocument]]
    failed: tuple[FailedFile, ...] = ()  # files that could not be read


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtractOptions:
    methods: tuple[Method, ...] = METHODS
    system: str | None = None  # the system message of each row
    limit: int | None = None  # rows, spread over all documents
    seed: int = 7  # which rows a limit picks


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateOptions:
    per_passage: int = 2  # pairs asked for
    system: str | None = None
    limit: int | None = None  # rows
    seed: int = 7  # the order of the passages
    prompt: str = "synthesis"  # that asks for the pairs, by its name in chains/prompts


@dataclass(slots=True, kw_only=True)
class Tally:
    """What a run has done so far; filled while it goes on."""

    documents: int = 0
    passages: int = 0  # that are worth asking about
    asked: int = 0  # passages with a reply, those of an earlier run included
    resumed: int = 0  # of them, replies taken from the journal
    rows: int = 0
    repaired: int = 0  # rows whose quote differed in typography
    kinds: Counter[str] = field(default_factory=Counter)  # rows by method
    languages: Counter[str] = field(default_factory=Counter)  # documents
    dropped: Counter[Reason] = field(default_factory=Counter)
    failed: list[str] = field(default_factory=list)  # passages without a reply, and why
    cost_usd: float | None = 0.0  # None: a price is not known
    stopped: str | None = None  # why the run ended before its last passage

    def as_dict(self) -> dict[str, Any]:
        return {
            "documents": self.documents,
            "passages": self.passages,
            "asked": self.asked,
            "resumed": self.resumed,
            "rows": self.rows,
            "repaired_quotes": self.repaired,
            "by_method": dict(self.kinds),
            "languages": dict(self.languages),
            "dropped": dict(self.dropped),
            "failed": self.failed,
            "cost_usd": self.cost_usd,
            "stopped": self.stopped,
        }


Progress = Callable[[Tally], None]
Stop = Callable[[], bool]


def from_knowledge_base(base: KnowledgeBase, wanted: Collection[str] = ()) -> Source:
    """All its documents, or those `wanted` by id. Raises DocumentNotFoundError when they are read."""
    return Source(name=base.name, documents=lambda: stored_documents(base, wanted))


def from_paths(paths: Sequence[Path], encoder: ChunkEncoder) -> Source:
    """Files and folders, read now and kept in memory. Raises SettingsError for one that is not there."""
    read, failed = list[WholeDocument](), list[FailedFile]()
    for one in read_documents(paths, encoder):
        if isinstance(one, FailedFile):
            failed.append(one)
        else:
            read.append(one)
    return Source(name=", ".join(map(str, paths)), documents=lambda: iter(read), failed=tuple(failed))


def no_progress(tally: Tally) -> None:
    """Nobody watches."""


def no_stop() -> bool:
    """Nobody stops it."""
    return False


def chat_row(question: str, answer: str, system: str | None) -> Row:
    turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": [{"role": "system", "content": system}, *turns] if system else turns}


def example(origin: Origin, row: Row, document_id: str, details: Mapping[str, Any]) -> Example:
    """Rows of one document are of one group: no split parts them."""
    return Example(
        row=row,
        provenance=Provenance(origin=origin, document=document_id, group=document_id, details=details),
    )
