"""What an endpoint works on. Today there is one workspace; with tenants, the key's own stands here."""

from __future__ import annotations

from typing import Annotated

from fastapi import Depends, Request

from app.tuning import Tuning, tuning
from app.workspace import Workspace


def current_workspace(request: Request) -> Workspace:
    found: Workspace = request.app.state.workspace
    return found


def current_tuning(request: Request) -> Tuning:
    return tuning(current_workspace(request))


InWorkspace = Annotated[Workspace, Depends(current_workspace)]
InTuning = Annotated[Tuning, Depends(current_tuning)]
