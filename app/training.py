"""Training data of a workspace, composed: the datasets of its home, and how a row is read by a chosen model."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from app.workspace import TENANT, Workspace
from finetune.examples import Example, Provenance
from loaders.jsonl import read_rows

if TYPE_CHECKING:
    from finetune.dataset import DatasetStore
    from finetune.rendering import Renderer
    from finetune.tokens import Vocabularies

SAMPLE_EXAMPLES = Path(__file__).resolve().parents[1] / "examples" / "training.jsonl"
SAMPLE_DATASET = "Sample company"
DATASETS = "datasets"
DEFAULT_MODEL = "gpt-4o-mini-2024-07-18"


def datasets_folder(workspace: Workspace) -> Path:
    """Where the workspace's datasets lie, working and frozen."""
    return workspace.settings.home.value / "tenants" / TENANT / DATASETS


def training_data(workspace: Workspace) -> DatasetStore:
    return _store(datasets_folder(workspace))


@cache
def _store(folder: Path) -> DatasetStore:
    from finetune.dataset import DatasetStore

    return DatasetStore(folder)


def sample_examples() -> Iterator[Example]:
    """The 120 examples of the sample company that come with Groundtune."""
    for line, (_, row) in enumerate(read_rows(SAMPLE_EXAMPLES), start=1):
        yield Example(row=row, provenance=Provenance(origin="imported", file=SAMPLE_EXAMPLES.name, line=line))


def renderer_for(workspace: Workspace, model: str | None) -> Renderer:
    """How that model reads a conversation: a local model's folder exactly, an OpenAI id approximately.

    Raises DatasetFormatError where the folder holds no tokenizer or chat template.
    """
    from finetune.rendering import MarkupRenderer, folder_renderer

    if model is not None and Path(model).is_dir():
        return folder_renderer(Path(model))
    tokenizer = vocabularies(workspace).tokenizer("o200k_base")
    return MarkupRenderer(tokenizer=tokenizer, name=model or DEFAULT_MODEL)


def vocabularies(workspace: Workspace) -> Vocabularies:
    """tiktoken's, as far as they are on this machine: a page never waits for the network."""
    return _vocabularies(workspace.settings.home.value / "vocabularies")


@cache
def _vocabularies(folder: Path) -> Vocabularies:
    from finetune.tokens import Vocabularies

    return Vocabularies(folder=folder)
