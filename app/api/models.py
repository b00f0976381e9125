"""/v1/models: what can be asked, trained and embedded with; tuned models can be deleted."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter

from app.api.context import InTuning, InWorkspace
from app.api.errors import Refusal, RefusedError
from app.api.model_names import find, served

router = APIRouter(prefix="/models")


@router.get("")
def list_models(workspace: InWorkspace) -> dict[str, Any]:
    return {"object": "list", "data": [model.as_object() for model in served(workspace)]}


@router.get("/{name:path}")
def retrieve(workspace: InWorkspace, name: str) -> dict[str, Any]:
    return find(workspace, name).as_object()


@router.delete("/{name:path}")
def delete(workspace: InWorkspace, there: InTuning, name: str) -> dict[str, Any]:
    """Only what was trained here, with its files."""
    model = find(workspace, name)
    if model.kind != "tuned":
        message = f"{model.id!r} is no tuned model: only those can be deleted."
        raise RefusedError(Refusal(status=403, message=message, code="permission_denied", param="model"))
    there.store.models.delete(model.id)
    return {"id": model.id, "object": "model", "deleted": True}
