"""Which models the API has: the four modes, bases, tuned models and their checkpoints, the embedding model.

base, rag, rag:KNOWLEDGE_BASE, hybrid, hybrid:KNOWLEDGE_BASE, finetuned     the modes, as the chat page has them
responder, NAME                                                             what can be trained
ft:BASE:groundtune:SUFFIX:ID, ...:ckpt-step-N                               what was trained
all-MiniLM-L6-v2                                                            embeddings
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from app.local_models import verdict_of
from errors import LocalModelNotFoundError, SettingsError
from local.encoder import MiniLMEncoder

if TYPE_CHECKING:
    from app.workspace import Workspace
    from chains.answer import Mode

Kind = Literal["mode", "base", "tuned", "embedding"]
RESPONDER = "responder"
EMBEDDING = MiniLMEncoder.model_id.removeprefix("local:")
READING: tuple[Mode, ...] = ("rag", "hybrid")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServedModel:
    id: str
    kind: Kind
    created: int = 0  # seconds since 1970; 0: it came with the program
    mode: Mode | None = None
    knowledge_base: str | None = None
    facts: dict[str, Any] = field(default_factory=dict)

    def as_object(self) -> dict[str, Any]:
        owner = "user" if self.kind == "tuned" else "groundtune"
        own = {"kind": self.kind, **self.facts}
        return {
            "id": self.id,
            "object": "model",
            "created": self.created,
            "owned_by": owner,
            "x_groundtune": own,
        }


def served(workspace: Workspace) -> list[ServedModel]:
    """All that can be asked or trained now; a mode that cannot run is left out."""
    return [*_modes(workspace), *_bases(workspace), *_tuned(workspace), _embedding()]


def find(workspace: Workspace, name: str) -> ServedModel:
    """Raises LocalModelNotFoundError naming what there is. A mode is found also while it cannot run."""
    name = name.removeprefix("local:")
    if (mode := _mode_named(workspace, name)) is not None:
        return mode
    there = [*_bases(workspace), *_tuned(workspace), _embedding()]
    for model in there:
        if model.id == name:
            return model
    names = ", ".join(model.id for model in served(workspace)[:12])
    raise LocalModelNotFoundError(
        f"The model {name[:100]!r} does not exist here; GET /v1/models lists all, such as {names}."
    )


def _modes(workspace: Workspace) -> Iterator[ServedModel]:
    for status in workspace.modes():
        if not status.available:
            continue
        yield ServedModel(id=status.mode, kind="mode", mode=status.mode, facts={"summary": status.summary})
        if status.mode in READING:
            for base in workspace.knowledge_bases():
                name = f"{status.mode}:{base.name}"
                yield ServedModel(id=name, kind="mode", mode=status.mode, knowledge_base=base.name)


def _mode_named(workspace: Workspace, name: str) -> ServedModel | None:
    mode, _, knowledge_base = name.partition(":")
    known = {status.mode: status for status in workspace.modes()}
    for status in known.values():
        if status.mode != mode or (knowledge_base and mode not in READING):
            continue
        if knowledge_base:
            _check_there(workspace, knowledge_base)
        return ServedModel(id=name, kind="mode", mode=status.mode, knowledge_base=knowledge_base or None)
    return None


def _check_there(workspace: Workspace, knowledge_base: str) -> None:
    """Raises KnowledgeBaseNotFoundError, LocalModelNotFoundError for what cannot even be a name of one."""
    try:
        workspace.describe(knowledge_base)
    except SettingsError as error:
        raise LocalModelNotFoundError(str(error)) from error


def _bases(workspace: Workspace) -> Iterator[ServedModel]:
    yield ServedModel(id=RESPONDER, kind="base", facts={"trainer": RESPONDER})
    for name in sorted(workspace.local_models.bases()):
        if name != RESPONDER:
            yield ServedModel(id=name, kind="base", facts={"trainer": "lora"})


def _tuned(workspace: Workspace) -> Iterator[ServedModel]:
    for model in workspace.local_models.tuned():
        facts = {"base": model.base, "trainer": model.trainer, "job": model.job_id, "step": model.step}
        yield ServedModel(
            id=model.id,
            kind="tuned",
            created=int(model.created_at),
            facts=facts | {"verdict": verdict_of(model)},
        )


def _embedding() -> ServedModel:
    return ServedModel(id=EMBEDDING, kind="embedding", facts={"dimensions": MiniLMEncoder.dimension})
