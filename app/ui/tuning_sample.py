"""The sample company's examples as a frozen dataset, in one press: divided, checked, named by its hash."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from app.training import SAMPLE_DATASET, SAMPLE_EXAMPLES, frozen_data, taker

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from app.workspace import Workspace
    from finetune.freezing import Frozen
    from finetune.splits import Split
    from finetune.validate import Validation

SEED = 7
VALIDATION = 0.1


def freeze_sample(workspace: Workspace) -> Frozen:
    """The same bytes every time, hence the same hash. Raises DatasetError where the disk is full."""
    from finetune.freezing_sources import freeze_files
    from finetune.split_files import facts_of, split_files
    from finetune.splits import SplitRecipe

    recipe = SplitRecipe(seed=SEED, validation=VALIDATION)
    with tempfile.TemporaryDirectory(prefix="groundtune-") as folder:
        made = split_files([SAMPLE_EXAMPLES], Path(folder), recipe)
        return freeze_files(
            made.files, frozen_data(workspace), name=SAMPLE_DATASET, split=facts_of(made.plan), check=_check
        )


def _check(files: Mapping[Split, Path]) -> Validation:
    from finetune.validate import validate

    named: dict[str, Path | Sequence[Path]] = dict(files.items())
    return validate(named, profile=taker("local"))
