"""Frozen datasets: immutable, named by what they hold, so that a training job can say for good what it learnt from.

    store = FrozenStore(folder)
    frozen = store.freeze({"train": path, "validation": path}, Facts(name="Rental desk"))
    frozen.hash, frozen.files["train"], store.verify(frozen.hash)

    FOLDER/HASH/train.jsonl, validation.jsonl, test.jsonl    the rows as a provider gets them, without "metadata"
    FOLDER/HASH/provenance.jsonl                             {"split", "line", "metadata"} of each row
    FOLDER/HASH/card.md, manifest.json

HASH is the SHA-256 of manifest.json, which holds the SHA-256 of every other file and nothing of the time or machine:
any change of any byte shows, and freezing the same again gives the same hash. Two that differ only in their checks,
names or provenance share `data_sha256`. A folder appears whole, synced and read-only, or not at all.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import time
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import Any, BinaryIO, cast

from errors import DatasetError, DatasetFormatError, DatasetFrozenError, DatasetNotFoundError
from finetune.card import written_card
from finetune.contents import Contents
from finetune.dataset_rows import encoded, without_metadata
from finetune.examples import METADATA, Row
from finetune.split_files import numbered_rows
from finetune.splits import SPLITS, Split
from loaders.files import hash_file, sync_folder

__all__ = ["MANIFEST", "Facts", "Frozen", "FrozenStore"]

MANIFEST = "manifest.json"
CARD = "card.md"
PROVENANCE = "provenance.jsonl"
_FORMAT = 1
_PART = ".part"
_FORGOTTEN_S = 24 * 3600  # a folder of a killed process goes after that
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")
_SHORTEST_PREFIX = 6  # characters of a hash


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """What is known of a dataset beside its rows; JSON values only."""

    name: str
    split: Mapping[str, Any] | None = None  # finetune.split_files.facts_of
    validation: Mapping[str, Any] | None = None  # finetune.freezing_checks.summary_of
    sources: Sequence[Mapping[str, Any]] = ()  # {name, sha256, bytes} of the files that it was made from


@dataclass(frozen=True, slots=True, kw_only=True)
class Frozen:
    hash: str  # SHA-256 in hex
    folder: Path
    manifest: Mapping[str, Any] = field(repr=False)

    @property
    def name(self) -> str:
        return str(self.manifest["name"])

    @property
    def files(self) -> Mapping[Split, Path]:
        """The splits that hold rows."""
        return {
            split: self.folder / f"{split}.jsonl"
            for split in SPLITS
            if f"{split}.jsonl" in self.manifest["files"]
        }

    @property
    def rows(self) -> Mapping[Split, int]:
        return {split: int(self.manifest["files"][path.name]["rows"]) for split, path in self.files.items()}

    @property
    def card(self) -> str:
        return (self.folder / CARD).read_text("utf-8")

    @property
    def frozen_at(self) -> float:
        """Seconds since 1970, by the file system: no part of what is hashed."""
        return (self.folder / MANIFEST).stat().st_mtime

    def as_dict(self) -> dict[str, Any]:
        return {"hash": self.hash, "folder": str(self.folder), **self.manifest}


class FrozenStore:
    """All frozen datasets of a folder."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def freeze(self, files: Mapping[Split, Path | Sequence[Path]], facts: Facts) -> Frozen:
        """Reads each split's files once, in bounded memory. What was frozen before comes back as it is.

        Raises DatasetFormatError naming a line that is no row, DatasetError where nothing is to be trained on or the
        disk is full, DatasetFrozenError where the same was frozen before and is damaged.
        """
        with self._new_folder() as folder:
            manifest = _written(folder, _listed(files), facts)
            name = hashlib.sha256(manifest).hexdigest()
            frozen = self.root / name
            if frozen.exists():
                self.verify(name)
            else:
                _publish(folder, frozen)
        return self.open(name)

    def open(self, name: str) -> Frozen:
        """By its hash, or the beginning of it. Raises DatasetNotFoundError, DatasetFrozenError where it is damaged."""
        found = [folder for folder in self._folders() if folder.name.startswith(name.lower())]
        if len(name) < _SHORTEST_PREFIX or len(found) != 1:
            raise DatasetNotFoundError(_not_found(name, len(found)))
        data = _read(found[0] / MANIFEST)
        if hashlib.sha256(data).hexdigest() != found[0].name:
            raise DatasetFrozenError(_changed(found[0].name, MANIFEST))
        return Frozen(hash=found[0].name, folder=found[0], manifest=json.loads(data))

    def all(self) -> list[Frozen]:
        """The newest first; damaged ones are left out, `damaged` names them."""
        found = []
        for folder in self._folders():
            with contextlib.suppress(DatasetError):
                found.append(self.open(folder.name))
        return sorted(found, key=lambda one: (-one.frozen_at, one.hash))

    def damaged(self) -> Mapping[str, str]:
        """hash -> what is wrong, of every frozen dataset that is not what its hash says."""
        found = {}
        for folder in self._folders():
            try:
                self.verify(folder.name)
            except DatasetError as error:
                found[folder.name] = str(error)
        return found

    def verify(self, name: str) -> Frozen:
        """Every byte is what the hash says, or DatasetFrozenError naming the first file that is not."""
        frozen = self.open(name)
        files = frozen.manifest["files"]
        there = {path.name for path in frozen.folder.iterdir()}
        for extra in sorted(there - {*files, MANIFEST}):
            raise DatasetFrozenError(_changed(frozen.hash, extra))
        for file, facts in files.items():
            if file not in there or hash_file(frozen.folder / file) != (facts["sha256"], facts["bytes"]):
                raise DatasetFrozenError(_changed(frozen.hash, file))
        return frozen

    def remove(self, name: str) -> None:
        """For good: jobs that name its hash cannot be repeated any more. Damaged ones can be removed too."""
        found = [folder for folder in self._folders() if folder.name.startswith(name.lower())]
        if len(name) < _SHORTEST_PREFIX or len(found) != 1:
            raise DatasetNotFoundError(_not_found(name, len(found)))
        doomed = found[0].with_name(f".{found[0].name}{_PART}")
        found[0].chmod(0o700)
        found[0].rename(doomed)
        shutil.rmtree(doomed)

    def _folders(self) -> list[Path]:
        return sorted(path for path in self.root.glob("*") if path.is_dir() and not path.name.startswith("."))

    @contextlib.contextmanager
    def _new_folder(self) -> Iterator[Path]:
        folder = self.root / f".{uuid.uuid4().hex}{_PART}"
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            _forget_old(self.root)
            folder.mkdir(mode=0o700)
            yield folder
        except OSError as error:
            raise DatasetError(
                f"The dataset cannot be frozen in {str(self.root)!r} ({error.strerror}): check the disk and its "
                "permissions."
            ) from error
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _listed(files: Mapping[Split, Path | Sequence[Path]]) -> dict[Split, Sequence[Path]]:
    return {split: [found] if isinstance(found := files.get(split, ()), Path) else found for split in SPLITS}


def _written(folder: Path, files: Mapping[Split, Sequence[Path]], facts: Facts) -> bytes:
    """Everything but the manifest, then the manifest; its bytes."""
    contents, written = Contents(), {}
    with _hashed(folder / PROVENANCE) as provenance:
        for split in SPLITS:
            if files[split]:
                written[f"{split}.jsonl"] = _write_split(folder, split, files[split], provenance, contents)
    if not contents.rows.get("train"):
        raise DatasetError("There is no row to train on: accept or add some, then freeze.")
    written = {name: described for name, described in written.items() if described["rows"]}
    written[PROVENANCE] = provenance.described()
    manifest = {
        "format": _FORMAT,
        "name": facts.name,
        "data_sha256": _data_hash(written, contents),
        "sources": list(facts.sources),
        "split": facts.split,
        "validation": facts.validation,
        **contents.as_dict(),
        "files": written,
    }
    _write_bytes(folder / CARD, written_card(manifest).encode())
    sha256, size = hash_file(folder / CARD)
    manifest["files"] = written | {CARD: {"sha256": sha256, "bytes": size}}
    data = (
        json.dumps(manifest, ensure_ascii=False, indent=1, sort_keys=True, allow_nan=False) + "\n"
    ).encode()
    _write_bytes(folder / MANIFEST, data)
    return data


def _write_split(
    folder: Path, split: Split, sources: Sequence[Path], provenance: _HashedFile, contents: Contents
) -> dict[str, Any]:
    path = folder / f"{split}.jsonl"
    with _hashed(path) as out:
        for number, (_, row) in enumerate(numbered_rows(sources), start=1):
            plain, facts = without_metadata(row), _facts(row)
            if not plain:
                raise DatasetFormatError(f"Row {number} of {split} holds nothing but metadata: remove it.")
            out.write(plain)
            provenance.write({"split": split, "line": number, METADATA: facts})
            contents.take(split, plain | {METADATA: facts})
    described = out.described()
    if not described["rows"]:
        path.unlink()
    return described


def _facts(row: Row) -> Mapping[str, Any]:
    """What is known of the row, with a file by its name alone: its folder is this machine's, and often a person's."""
    found = row.get(METADATA)
    facts = cast(dict[str, Any], found) if isinstance(found, dict) else {}
    file = facts.get("file")
    if not isinstance(file, str):
        return facts
    return facts | {"file": PureWindowsPath(file).name if _WINDOWS.match(file) else PurePosixPath(file).name}


def _data_hash(written: Mapping[str, Mapping[str, Any]], contents: Contents) -> str:
    """Of what is learnt alone: the splits' files and the wrapper of documents."""
    rows = {name: written[name]["sha256"] for name in sorted(written) if name != PROVENANCE}
    plain = json.dumps({"files": rows, "wrappers": contents.as_dict()["wrappers"]}, sort_keys=True)
    return hashlib.sha256(plain.encode()).hexdigest()


class _HashedFile:
    """Rows to a file, hashed as they are written."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()
        self._bytes = self._rows = 0

    def write(self, row: Mapping[str, Any]) -> None:
        data = encoded(row).encode() + b"\n"
        self._file.write(data)
        self._digest.update(data)
        self._bytes += len(data)
        self._rows += 1

    def described(self) -> dict[str, Any]:
        return {"sha256": self._digest.hexdigest(), "bytes": self._bytes, "rows": self._rows}


@contextlib.contextmanager
def _hashed(path: Path) -> Iterator[_HashedFile]:
    with path.open("wb") as file:
        yield _HashedFile(file)
        file.flush()
        os.fsync(file.fileno())


def _write_bytes(path: Path, data: bytes) -> None:
    with path.open("wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())


def _publish(folder: Path, frozen: Path) -> None:
    for path in folder.iterdir():
        path.chmod(0o444)
    sync_folder(folder)
    try:
        folder.rename(frozen)
    except OSError:
        if not (frozen / MANIFEST).is_file():  # another process froze the same meanwhile
            raise
    frozen.chmod(0o555)
    sync_folder(frozen.parent)


def _forget_old(root: Path) -> None:
    for folder in root.glob(f".*{_PART}"):
        with contextlib.suppress(FileNotFoundError):
            if time.time() - folder.stat().st_mtime > _FORGOTTEN_S:
                shutil.rmtree(folder, ignore_errors=True)


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise DatasetFrozenError(_changed(path.parent.name, path.name)) from error


def _changed(name: str, file: str) -> str:
    return (
        f"The frozen dataset {name[:12]} was changed: {file!r} is not what its hash says. Restore its folder from a "
        "copy, or freeze the data again."
    )


def _not_found(name: str, count: int) -> str:
    if count > 1:
        return f"{count} frozen datasets begin with {name!r}: give more of the hash."
    return (
        f"There is no frozen dataset {name!r} (give at least {_SHORTEST_PREFIX} characters of its hash): "
        "`python -m app dataset list` names them."
    )
