"""Which models are asked as chat models, with the messages as they were sent; the others answer by their chains."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from app.api.errors import refused
from app.api.model_names import EMBEDDING, RESPONDER, ServedModel
from app.connections import LOCAL, Connections
from errors import NoModelConnectedError

if TYPE_CHECKING:
    from app.workspace import Workspace
    from chains.models import ConnectedModel


@dataclass(frozen=True, slots=True, kw_only=True)
class Direct:
    """`system`: the system message that its training rows had; it goes first where the caller sends none."""

    model: ConnectedModel
    system: str | None = None


def asked_directly(workspace: Workspace, model: ServedModel) -> Direct | None:
    """None: it answers by its chain.

    Raises RefusedError for one that answers no questions, NoModelConnectedError, TrainingExtrasMissingError,
    LocalModelDamagedError.
    """
    if model.kind == "embedding":
        raise refused(f"{EMBEDDING!r} makes embeddings and answers no questions.", param="model")
    if model.id == RESPONDER:
        message = (
            "'responder' is trained first: create a fine-tuning job with it, and ask the model that it makes."
        )
        raise refused(message, param="model", code="model_not_available")
    found = _direct(workspace, model)
    return None if found is None else _within_limit(workspace, found)


def _direct(workspace: Workspace, model: ServedModel) -> Direct | None:
    connections = workspace.connections
    if model.kind == "tuned":
        connections = _naming(workspace, workspace.settings.finetuned_model.name, model)
        chosen = connections.tuned()  # None: a responder, which has its own chain
        return _with_system(chosen, workspace.local_models.system_of(model.id))
    if model.mode == "finetuned":
        return _with_system(connections.tuned(), connections.tuned_system)
    if model.kind == "base":
        chosen = _naming(workspace, workspace.settings.chat_model.name, model).chat()
    elif model.mode == "base":
        chosen = connections.chat()
    else:
        return None
    if chosen is None:
        raise NoModelConnectedError(f"The base mode cannot run. {connections.missing('base') or ''}")
    return Direct(model=chosen)


def _with_system(model: ConnectedModel | None, system: str | None) -> Direct | None:
    return None if model is None else Direct(model=model, system=system)


def _naming(workspace: Workspace, setting: str, model: ServedModel) -> Connections:
    settings = workspace.settings.with_value(setting, f"{LOCAL}{model.id}", origin="command line")
    return Connections(settings, local_models=workspace.local_models)


def _within_limit(workspace: Workspace, direct: Direct) -> Direct:
    from app.model_settings import conversation_budget

    budget = conversation_budget(workspace.settings)
    return Direct(model=direct.model.with_budget(budget), system=direct.system)
