"""Training data of a workspace, composed: the datasets of its home, and how a row is read by a chosen model."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from app.base_models import base_model
from app.workspace import TENANT, Workspace
from finetune.examples import Example, Provenance
from loaders.jsonl import read_rows

if TYPE_CHECKING:
    from finetune.bases import Base
    from finetune.dataset import DatasetStore
    from finetune.freezing import FrozenStore
    from finetune.profiles import Profile, ProfileName

SAMPLE_EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "training.jsonl"
SAMPLE_QUESTIONS = SAMPLE_EXAMPLES.with_name("questions.jsonl")
SAMPLE_DATASET = "Sample company"
DATASETS = "datasets"


def datasets_folder(workspace: Workspace) -> Path:
    """Where the workspace's datasets lie, working and frozen."""
    return workspace.settings.home.value / "tenants" / TENANT / DATASETS


def training_data(workspace: Workspace) -> DatasetStore:
    return _store(datasets_folder(workspace))


@cache
def _store(folder: Path) -> DatasetStore:
    from finetune.dataset import DatasetStore

    return DatasetStore(folder)


def frozen_data(workspace: Workspace) -> FrozenStore:
    from finetune.freezing import FrozenStore

    return FrozenStore(datasets_folder(workspace) / "frozen")


def taker(profile: ProfileName) -> Profile:
    """The provider's demands on rows that still carry Groundtune's metadata, which freezing takes out."""
    from finetune.profiles import profile_named

    return replace(profile_named(profile), metadata=True)


def sample_examples() -> Iterator[Example]:
    """The 120 examples of the sample company that come with Groundtune."""
    for line, (_, row) in enumerate(read_rows(SAMPLE_EXAMPLES), start=1):
        yield Example(row=row, provenance=Provenance(origin="imported", file=SAMPLE_EXAMPLES.name, line=line))


def base_for(workspace: Workspace, profile: ProfileName, model: str | None) -> Base:
    """The model that rows are shown for, with what is on this machine: a page never waits for the network.

    Raises DatasetFormatError where a local model's folder holds no tokenizer or chat template.
    """
    return _base(workspace.settings.home.value, profile, model)


@lru_cache(8)
def _base(home: Path, profile: ProfileName, model: str | None) -> Base:
    from finetune.bases import choose_base

    return choose_base(profile, model, home=home)


def fetched_base(workspace: Workspace, profile: ProfileName, model: str | None) -> Base:
    """The same in a worker: a vocabulary that is missing is fetched once, unless GROUNDTUNE_OFFLINE is set."""
    base = base_model(workspace.settings, profile, model)
    _base.cache_clear()  # a page may have taken the estimate that this replaces
    return base


def models_of(workspace: Workspace, profile: ProfileName) -> list[str]:
    """Models of the catalogue that this provider tunes, by name."""
    from finetune.catalogue import load_catalogue

    found = load_catalogue(workspace.settings.home.value).models.values()
    return sorted(one.name for one in found if one.profile == profile and one.name != "*")
