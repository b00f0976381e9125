"""Files of rows divided into train.jsonl, validation.jsonl and test.jsonl, with split.json beside them.

split.json keeps the recipe, the counts and the assignments, so that splitting again after rows were added moves none
of the old ones. Rows are written as they stand, "metadata" included; nothing is left out but what withheld.jsonl holds.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TextIO

from errors import DatasetError, DatasetFormatError
from finetune.examples import Row
from finetune.splits import SPLITS, Split, SplitPlan, SplitRecipe, Splitter
from finetune.strict_json import Line, lines
from loaders.jsonl import write_whole

__all__ = ["SPLIT_FILE", "EarlierSplit", "SplitFiles", "earlier_split", "numbered_rows", "split_files"]

SPLIT_FILE = "split.json"
WITHHELD = "withheld"
SAID_EVERY = 10_000  # rows
_FORMAT = 1
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True, kw_only=True)
class SplitFiles:
    folder: Path
    plan: SplitPlan
    files: Mapping[Split, Path]  # those that hold rows

    def as_dict(self) -> dict[str, Any]:
        return {
            "folder": str(self.folder),
            "files": {split: str(path) for split, path in self.files.items()},
            **facts_of(self.plan),
        }


def facts_of(plan: SplitPlan) -> dict[str, Any]:
    """What a split says of itself, without its assignments."""
    return {
        "recipe": plan.recipe.as_dict(),
        "rows": dict(plan.counts),
        "groups": dict(plan.groups),
        WITHHELD: len(plan.withheld),
        "notes": list(plan.notes),
    }


def split_files(
    sources: Sequence[Path],
    folder: Path,
    recipe: SplitRecipe,
    *,
    earlier: Mapping[bytes, str] | None = None,
    on_progress: Callable[[int], None] = lambda _: None,
) -> SplitFiles:
    """Reads the sources twice, in bounded memory. All files of the folder take their names at the end.
    `on_progress` gets the rows read so far; what it raises ends the split with nothing written.

    Raises DatasetFormatError naming the first line that is no row, DatasetError where a file would be overwritten
    that is read.
    """
    _check_apart(sources, folder)
    with Splitter(recipe, earlier=earlier) as splitter:
        for _, row in numbered_rows(sources):
            splitter.take(row)
            if len(splitter) % SAID_EVERY == 0:
                on_progress(len(splitter))
        plan = splitter.plan()
    _make(folder)
    _write(sources, folder, plan)
    files = {split: folder / f"{split}.jsonl" for split in SPLITS if plan.counts[split]}
    return SplitFiles(folder=folder, plan=plan, files=files)


@dataclass(frozen=True, slots=True, kw_only=True)
class EarlierSplit:
    """What lies in a folder that was split before."""

    seed: int
    assignments: Mapping[bytes, str]

    def seed_now(self, wanted: int | None) -> int:
        """Its own: a row keeps its split, so another seed would be recorded of rows that it did not divide."""
        if wanted not in (None, self.seed):
            raise DatasetError(
                f"The folder was split with seed {self.seed}, and its rows stay where they are: leave --seed out, or "
                "give --fresh to divide all of them anew."
            )
        return self.seed


def earlier_split(folder: Path) -> EarlierSplit | None:
    """The split that lies in a folder, if one does. Raises DatasetFormatError."""
    path = folder / SPLIT_FILE
    if not path.is_file():
        return None
    try:
        kept = json.loads(path.read_text("utf-8"))
        if kept["format"] != _FORMAT:
            raise DatasetFormatError(f"{str(path)!r} was written by a newer Groundtune: update Groundtune.")
        return EarlierSplit(
            seed=int(kept["recipe"]["seed"]),
            assignments={
                bytes.fromhex(key): split for split in SPLITS for key in kept["assignments"].get(split, ())
            },
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise DatasetFormatError(
            f"{str(path)!r} is not what `dataset split` wrote: remove it to split afresh."
        ) from error


def numbered_rows(sources: Sequence[Path]) -> Iterator[tuple[Line, Row]]:
    """(line, row) of every file in turn. Raises DatasetFormatError naming the first line that is no row."""
    for path in sources:
        for line in lines(path):
            if line.value is not None:
                yield line, line.value
            elif line.fault is not None and line.fault.code != "blank":
                raise DatasetFormatError(
                    f"{path}, line {line.number}: {line.fault.message} "
                    f"`python -m app dataset validate {path}` lists all faults."
                )


def _check_apart(sources: Sequence[Path], folder: Path) -> None:
    written = {(folder / f"{name}.jsonl").resolve() for name in (*SPLITS, WITHHELD)}
    for path in sources:
        if path.resolve() in written:
            raise DatasetError(
                f"{str(path)!r} would be overwritten by what is made of it: give another --out."
            )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise DatasetError(
            f"{str(folder)!r} cannot be a folder ({error.strerror}): give another --out."
        ) from error


def _write(sources: Sequence[Path], folder: Path, plan: SplitPlan) -> None:
    names = [*(split for split in SPLITS if plan.counts[split]), *([WITHHELD] if plan.withheld else [])]
    with ExitStack() as stack:
        facts = stack.enter_context(write_whole(folder / SPLIT_FILE))
        outs = {name: stack.enter_context(write_whole(folder / f"{name}.jsonl")) for name in names}
        hashes = _divide(sources, plan, outs)
        json.dump(_kept(plan, hashes), facts, indent=1)
        facts.write("\n")
    for name in (*SPLITS, WITHHELD):
        if name not in names:  # of an earlier split, which this one replaces
            (folder / f"{name}.jsonl").unlink(missing_ok=True)


def _divide(sources: Sequence[Path], plan: SplitPlan, outs: Mapping[str, TextIO]) -> dict[str, str]:
    """The SHA-256 of each file."""
    number, digests = -1, {name: hashlib.sha256() for name in outs}
    for number, (line, _) in enumerate(numbered_rows(sources)):
        if number >= len(plan.codes):
            break
        data, name = line.raw.removeprefix(_BOM).strip() + b"\n", plan.split_of(number) or WITHHELD
        outs[name].write(data.decode())
        digests[name].update(data)
    if number + 1 != len(plan.codes):
        raise DatasetError("The files were changed while they were being split: split them again.")
    return {name: found.hexdigest() for name, found in digests.items()}


def _kept(plan: SplitPlan, hashes: Mapping[str, str]) -> dict[str, Any]:
    keys: dict[str, list[str]] = {split: [] for split in SPLITS}
    for key, split in sorted(plan.assignments.items()):
        keys[split].append(key.hex())
    return {"format": _FORMAT, **facts_of(plan), "sha256": hashes, "assignments": keys}
