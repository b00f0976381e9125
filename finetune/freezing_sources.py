"""What can be frozen: a working dataset's accepted rows, a folder of `dataset split`, or files; checked first.

    frozen = freeze_dataset(dataset, store, SplitRecipe(seed=7), check=check)
    frozen = freeze_files({"train": path}, store, name="Rental desk", check=check)

`check` gets the files of the splits, with their metadata, and gives a Validation; one with errors keeps the rows from
being frozen. None: they are frozen as "not checked".
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from errors import DatasetError, DatasetFormatError
from finetune.freezing import Facts, Frozen, FrozenStore
from finetune.split_files import SPLIT_FILE, facts_of, split_files
from finetune.splits import SPLITS, Split, SplitRecipe
from finetune.working_set import Dataset
from loaders.files import hash_file

if TYPE_CHECKING:
    from finetune.validate import Validation

    Check = Callable[[Mapping[Split, Path]], Validation]

__all__ = ["freeze_dataset", "freeze_files", "splits_in", "summary_of"]


def freeze_dataset(
    dataset: Dataset, store: FrozenStore, recipe: SplitRecipe, *, check: Check | None = None
) -> Frozen:
    """Its accepted rows, split by the recipe; rows of an earlier split keep theirs, and this split is remembered.

    Raises DatasetError where no row is accepted, or the check finds errors.
    """
    with tempfile.TemporaryDirectory(prefix=".freezing-", dir=dataset.path.parent) as name:
        folder = Path(name)
        exported = dataset.export(folder / "rows.jsonl")
        if not exported.rows:
            raise DatasetError(f"No row of {dataset.name!r} is accepted: accept some, then freeze.")
        made = split_files([exported.path], folder / "split", recipe, earlier=dataset.assignments())
        source = {"name": dataset.name, "sha256": exported.sha256, "bytes": exported.bytes}
        facts = Facts(
            name=dataset.name,
            split=facts_of(made.plan),
            validation=_checked(made.files, check),
            sources=[source],
        )
        frozen = store.freeze(made.files, facts)
        dataset.keep_assignments(made.plan.assignments)
    return frozen


def freeze_files(
    files: Mapping[Split, Path],
    store: FrozenStore,
    *,
    name: str,
    split: Mapping[str, Any] | None = None,
    check: Check | None = None,
) -> Frozen:
    """Files of rows as they are. `split`: what split.json says of how they were divided."""
    found = _checked(files, check)
    return store.freeze(files, Facts(name=name, split=split, validation=found, sources=_sources(files)))


def splits_in(folder: Path) -> tuple[dict[Split, Path], Mapping[str, Any] | None]:
    """(the files of a folder that `dataset split` wrote, what it says of the split).

    Raises DatasetFormatError where it is no such folder, DatasetError where its files were changed since.
    """
    files: dict[Split, Path] = {split: folder / f"{split}.jsonl" for split in SPLITS}
    files = {split: path for split, path in files.items() if path.is_file()}
    if "train" not in files:
        raise DatasetFormatError(
            f"{str(folder)!r} holds no train.jsonl: make it with `python -m app dataset split`."
        )
    path = folder / SPLIT_FILE
    if not path.is_file():
        return files, None
    try:
        kept = json.loads(path.read_text("utf-8"))
        facts = {key: kept[key] for key in ("recipe", "rows", "groups", "withheld", "notes")}
        hashes = {split: kept.get("sha256", {}).get(split) for split in SPLITS}
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetFormatError(f"{str(path)!r} is not what `dataset split` wrote: split again.") from error
    if "sha256" in kept:
        _check_unchanged(files, hashes)
    return files, facts


def _check_unchanged(files: Mapping[Split, Path], hashes: Mapping[Split, str | None]) -> None:
    for split in SPLITS:
        found = hash_file(files[split])[0] if split in files else None
        if found != hashes[split]:
            raise DatasetError(
                f"{split}.jsonl is not what `dataset split` wrote, and its seed and groups no longer describe it: "
                "split again, or name the files themselves (TRAIN.jsonl --validation FILE)."
            )


def summary_of(found: Validation) -> dict[str, Any]:
    """What a manifest keeps of a check: nothing of the time it took."""
    return {
        "profile": found.profile,
        "model": found.model,
        "counts": {level: found.count(level) for level in ("error", "warning", "info")},
        "by_rule": {rule: dict(counts) for rule, counts in sorted(found.counts.items()) if counts},
        "titles": {rule.id: rule.title for rule in found.rules if found.counts.get(rule.id)},
        "skipped": dict(sorted(found.skipped.items())),
    }


def _checked(files: Mapping[Split, Path], check: Check | None) -> dict[str, Any] | None:
    if check is None:
        return None
    found = check(files)
    errors = [finding for finding in found.findings if finding.severity == "error"]
    if errors:
        first, count = errors[0], found.count("error")
        place = f" in line {first.line} of {Path(first.file).name}" if first.line else ""
        raise DatasetError(
            f"Not frozen: {count} error{'s' if count > 1 else ''}; the first is {first.rule}{place}: {first.message} "
            "Mend the rows, or freeze them unchecked."
        )
    return summary_of(found)


def _sources(files: Mapping[Split, Path]) -> Sequence[Mapping[str, Any]]:
    described = []
    for path in files.values():
        try:
            sha256, size = hash_file(path)
        except OSError as error:
            raise DatasetFormatError(
                f"Cannot read {str(path)!r} ({error.strerror}): name a .jsonl file."
            ) from error
        described.append({"name": path.name, "sha256": sha256, "bytes": size})
    return described
