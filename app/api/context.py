"""What an endpoint works on. Today there is one workspace; with tenants, the key's own stands here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

from fastapi import Depends, Request

from app.tuning import Tuning, tuning
from app.workspace import Workspace

if TYPE_CHECKING:
    from finetune.jobs.store import TuningStore


def current_workspace(request: Request) -> Workspace:
    found: Workspace = request.app.state.workspace
    return found


def current_tuning(request: Request) -> Tuning:
    return tuning(current_workspace(request))


def current_store(request: Request) -> TuningStore:
    return current_tuning(request).store


InWorkspace = Annotated[Workspace, Depends(current_workspace)]
InTuning = Annotated[Tuning, Depends(current_tuning)]
