"""Which models are asked as chat models, with the messages as they were sent; the others answer by their chains."""

from __future__ import annotations

from typing import TYPE_CHECKING

from app.api.errors import refused
from app.api.model_names import EMBEDDING, RESPONDER, ServedModel
from errors import NoModelConnectedError

if TYPE_CHECKING:
    from app.workspace import Workspace
    from chains.models import ConnectedModel


def asked_directly(workspace: Workspace, model: ServedModel) -> ConnectedModel | None:
    """None: it answers by its chain.

    Raises RefusedError for one that answers no questions, NoModelConnectedError, LocalModelDamagedError.
    """
    if model.kind == "embedding":
        raise refused(f"{EMBEDDING!r} makes embeddings and answers no questions.", param="model")
    if model.id == RESPONDER:
        message = (
            "'responder' is trained first: create a fine-tuning job with it, and ask the model that it makes."
        )
        raise refused(message, param="model", code="model_not_available")
    if model.mode == "base":
        return _connected(workspace)
    return None


def _connected(workspace: Workspace) -> ConnectedModel:
    from app.model_settings import conversation_budget

    chosen = workspace.connections.chat()
    if chosen is None:
        raise NoModelConnectedError(
            f"The base mode cannot run. {workspace.connections.missing('base') or ''}"
        )
    return chosen.with_budget(conversation_budget(workspace.settings))
