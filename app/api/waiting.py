"""Jobs that were left waiting, as by a machine that was switched off, go on when a server or a client starts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from app.tuning import tuning, tuning_folder
from errors import GroundtuneError

if TYPE_CHECKING:
    from app.workspace import Workspace


def go_on(workspace: Workspace) -> None:
    """Nothing is made where there never was a job; a store that is busy is no reason not to serve."""
    if not (tuning_folder(workspace) / "tuning.db").is_file():
        return
    from finetune.jobs.runner import has_work

    try:
        there = tuning(workspace)
        if has_work(there.store):
            there.ensure_runner()
    except GroundtuneError as error:
        logging.getLogger(__name__).warning("Jobs that wait are not gone on with: %s", error)
