"""The open models that can be trained here: a folder or a hub's id gets a name, by which it is asked for afterwards."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from app.tuning import tuning
from app.workspace import Workspace
from errors import SettingsError

RESPONDER = "responder"
_HUB = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+")


def local_base(workspace: Workspace, model: str | None) -> str:
    """The name of what --model says: nothing is the responder, a known name itself, a folder or hub id is registered.

    Raises SettingsError for a folder that is none.
    """
    named = (model or RESPONDER).removeprefix("local:")
    if named == RESPONDER:
        return named
    if (folder := Path(named).expanduser()).is_dir():
        return _registered(workspace, str(folder.resolve()))
    if any(base.name == named for base in tuning(workspace).store.bases.list()):
        return named
    if not _HUB.fullmatch(named):
        raise SettingsError(
            f"{named!r} is no folder, no hub id (OWNER/NAME) and no base that is known: {_known(workspace)}"
        )
    if workspace.settings.offline.value:
        raise SettingsError(
            f"{named!r} would be fetched from the hub, which GROUNDTUNE_OFFLINE forbids: name a folder that holds it."
        )
    return _registered(workspace, named)


def base_folder(workspace: Workspace, name: str) -> Path | None:
    """Where an open model lies that goes by this name, or that is named by its folder."""
    if name == RESPONDER:
        return None
    if (folder := Path(name).expanduser()).is_dir():
        return folder
    found = tuning(workspace).store.bases.get(name)
    return found.folder if found else None


def bases_left_out(workspace: Workspace) -> tuple[str, ...]:
    """A sentence for each folder of GROUNDTUNE_BASE_MODELS that cannot be used."""
    return tuning(workspace).store.bases.left_out()


def _registered(workspace: Workspace, path: str) -> str:
    """Two folders of one name are told apart by a piece of their path's hash."""
    from finetune.jobs.base_table import RESERVED, base_name

    bases, name = tuning(workspace).store.bases, base_name(path) or "model"
    known = bases.get(name)
    if name in RESERVED or (known is not None and known.path != path):
        name = f"{name}-{hashlib.sha256(path.encode()).hexdigest()[:6]}"
    return bases.register(name, path).name


def _known(workspace: Workspace) -> str:
    """Their names, and what was left out."""
    bases = tuning(workspace).store.bases
    return " ".join([", ".join(base.name for base in bases.list()) + ".", *bases.left_out()])
