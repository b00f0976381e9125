"""Fine-tuning of a workspace, composed: where its jobs lie, and what the processes that train are told.

tuning(workspace).store.jobs.get("ftjob-...")
"""

from __future__ import annotations

import functools
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from app.settings import PROJECT_ROOT, Settings
from app.workspace import TENANT, Workspace
from finetune.jobs.configuration import RunnerConfig

if TYPE_CHECKING:
    from finetune.jobs.store import TuningStore

EXTRAS = PROJECT_ROOT / ".venv-train"
HOW_TO_GET_EXTRAS = (
    "Training open models needs the training extras: run `make train-extras`, or install requirements-train.txt and "
    "name that Python in GROUNDTUNE_TRAINING_PYTHON."
)


@dataclass(frozen=True, slots=True)
class Tuning:
    store: TuningStore
    config: RunnerConfig

    def ensure_runner(self) -> None:
        """Starts the process that works the queue where none is running; returns at once."""
        from finetune.jobs.runner import ensure_runner

        ensure_runner(self.store.root, config=self.config)


def tuning(workspace: Workspace) -> Tuning:
    from finetune.jobs.store import TuningStore

    shelf = workspace.settings.base_models.value
    store = TuningStore(tuning_folder(workspace), base_models=shelf)
    return Tuning(store, runner_config(workspace.settings))


def tuning_folder(workspace: Workspace) -> Path:
    return workspace.settings.home.value / "tenants" / TENANT / "tuning"


def runner_config(settings: Settings) -> RunnerConfig:
    python = training_python(settings)
    folder = settings.embedding_dir.value
    return RunnerConfig(
        home=str(settings.home.value),
        training_python=str(python) if python else None,
        embedding_dir=str(folder) if folder else None,
        precision=settings.precision.value,
        threads=settings.threads.value,
        minutes=settings.training_minutes.value,
        memory_gb=settings.training_memory_gb.value,
        offline=settings.offline.value,
        base_models=str(settings.base_models.value) if settings.base_models.value else None,
    )


def training_python(settings: Settings) -> Path | None:
    """The Python that has torch: the one that is named, else this one, else the one beside the code; None: none has."""
    named = settings.training_python.value
    candidates = [named] if named else [Path(sys.executable), _python_of(EXTRAS)]
    return next((python for python in candidates if python.is_file() and _has_torch(python)), None)


def _python_of(environment: Path) -> Path:
    return environment / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


@functools.cache
def _has_torch(python: Path) -> bool:
    """Looked for without being imported, which would take seconds."""
    wanted = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ('torch', 'peft', 'transformers'))))"
    try:
        return (
            subprocess.run([python, "-c", wanted], capture_output=True, timeout=30, check=False).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
