"""The modes as they are evaluated: their chains, and what names their answers in the cache."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.workspace import Workspace
from chains.answer import Mode
from errors import GroundtuneError, NoModelConnectedError

if TYPE_CHECKING:
    from chains.limits import Budget
    from evaluation.running import Arm

ENGINE = ("chains", "local")
ENGINE_FILES = (".py", ".json")


def arms(
    workspace: Workspace, modes: Sequence[Mode], knowledge_base: str, *, k: int, budget: Budget | None
) -> tuple[list[Arm], dict[Mode, str]]:
    """The modes that can run, and why the others cannot. All spend from one budget."""
    from evaluation.running import Arm

    made: list[Arm] = []
    missing: dict[Mode, str] = {}
    for mode in modes:
        try:
            chain = workspace.chain(mode, knowledge_base, budget=budget)
        except NoModelConnectedError as error:
            missing[mode] = str(error)
            continue
        made.append(Arm(mode=mode, chain=chain, identity=identity(workspace, mode, knowledge_base), k=k))
    return made, missing


def identity(workspace: Workspace, mode: Mode, knowledge_base: str) -> str:
    """Changes with whatever may change this mode's answers: models, prompts, documents, fits, settings, and for the
    embedded engine, whose answers cost nothing to be had again, its code."""
    told = json.dumps(_parts(workspace, mode, knowledge_base), sort_keys=True, default=str)
    return hashlib.sha256(told.encode()).hexdigest()


def facts_of(workspace: Workspace, knowledge_base: str) -> dict[str, Any]:
    """What the report says about where the answers came from."""
    found: dict[str, Any] = {"knowledge_base": knowledge_base, "engine": workspace.engine_label}
    if workspace.has_knowledge_base(knowledge_base):
        found["generation"] = workspace.knowledge_base(knowledge_base).generation
        found["documents_sha256"] = documents_sha256(workspace, knowledge_base)
    return found | {"models": _models(workspace), "tuned": workspace.connections.tuned_id}


def documents_sha256(workspace: Workspace, knowledge_base: str) -> str:
    """Changes with whatever is added, removed or changed."""
    documents = workspace.knowledge_base(knowledge_base).documents()
    return hashlib.sha256(
        json.dumps(sorted((one.document_id, one.sha256) for one in documents)).encode()
    ).hexdigest()


def _parts(workspace: Workspace, mode: Mode, knowledge_base: str) -> dict[str, Any]:
    known = workspace.settings
    parts: dict[str, Any] = {
        "models": _models(workspace),
        "prompts": _prompts(),
        "endpoint": [known.openai_base_url.value, known.azure_openai_endpoint.value],
        "system": known.finetuned_system.value,
        "samples": known.consistency_samples.value,
        "fallback": [known.fallback_model.value, known.fallback_base_url.value],
        "checked_by": known.judge_model.value,
    }
    if mode in ("rag", "hybrid"):
        base = workspace.knowledge_base(knowledge_base)
        documents = sorted((one.document_id, one.sha256) for one in base.documents())
        fits = [workspace.calibration_file(knowledge_base, written=written) for written in (False, True)]
        parts |= {
            "knowledge_base": knowledge_base,
            "generation": base.generation,
            "documents": documents,
            "fits": [path.read_text("utf-8") if path.is_file() else "" for path in fits],
        }
    if mode in ("finetuned", "hybrid"):
        parts |= _tuned(workspace)
    if parts.get("taught") or (mode == "rag" and parts["models"]["chat"] is None):
        parts["engine"] = _engine_sha256()
    return parts


def _tuned(workspace: Workspace) -> dict[str, Any]:
    """Which model, by name; a responder by its job and data too, for a name can be given twice."""
    try:
        taught = workspace.connections.taught()
    except GroundtuneError:
        taught = None
    return {
        "tuned": workspace.connections.tuned_id,
        "taught": dict(taught.parameters) if taught is not None else None,
    }


@cache
def _engine_sha256() -> str:
    """Of the code, weights and fits that quote and recall, as they stand when this process first asks."""
    root = Path(__file__).resolve().parents[1]
    files = (path for name in ENGINE for path in (root / name).rglob("*") if path.suffix in ENGINE_FILES)
    told = hashlib.sha256()
    for path in sorted(files):
        told.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return told.hexdigest()


def _models(workspace: Workspace) -> dict[str, str | None]:
    """Without asking a server more than it was asked already."""
    found: dict[str, str | None] = {}
    for name, connected in (("chat", workspace.connections.chat), ("tuned", workspace.connections.tuned)):
        try:
            model = connected()
        except GroundtuneError:
            model = None
        found[name] = model.model_id if model else None
    return found


def _prompts() -> dict[str, str]:
    from chains.prompts import CURRENT, load_prompt

    return {name: load_prompt(name).sha256 for name in CURRENT}
