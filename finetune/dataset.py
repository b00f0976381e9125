"""The working store of training data: named datasets whose rows are added, edited, reviewed and exported.

    store = DatasetStore(folder)
    dataset = store.create("Rental desk")
    report = dataset.add(examples)                       # Example and Refused, streamed; generated rows wait for review
    page = dataset.rows(RowQuery(state="pending", search="deposit"))
    dataset.set_state([row.id for row in page.rows], "accepted"); dataset.undo(); dataset.redo()
    exported = dataset.export(Path("rows.jsonl"), states=("accepted",), metadata=True)

A dataset lies in a folder that is named by a hash of its case-folded name: a name never becomes a path.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import threading
import unicodedata
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from errors import DatasetBusyError, DatasetError, DatasetExistsError, DatasetNotFoundError, SettingsError
from finetune.dataset_rows import (
    AddReport,
    Change,
    Counts,
    Export,
    Order,
    RowPage,
    RowQuery,
    State,
    StoredRow,
)
from finetune.dataset_schema import DATASET
from finetune.working_set import Dataset
from loaders.database import Database
from loaders.files import sync_folder

__all__ = [
    "DATABASE_FILE", "LONGEST_NAME", "AddReport", "Change", "Counts", "Dataset", "DatasetInfo", "DatasetStore",
    "Export", "Order", "RowPage", "RowQuery", "State", "StoredRow",
]  # fmt: skip

LONGEST_NAME = 80
DATABASE_FILE = "dataset.db"
_REMOVED = ".removed"
_NEW = ".new"


@dataclass(frozen=True, slots=True, kw_only=True)
class DatasetInfo:
    name: str
    rows: int
    accepted: int
    pending: int  # wait for review
    rejected: int
    refused: int
    problem: str | None = None  # why it cannot be opened

    def as_dict(self) -> dict[str, object]:
        known = {name: getattr(self, name) for name in self.__slots__ if name != "problem"}
        return known | ({"problem": self.problem} if self.problem else {})


class DatasetStore:
    """Opens each dataset once. Thread-safe."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._lock = threading.RLock()
        self._open: dict[str, tuple[Dataset, tuple[int, int]]] = {}

    def list(self) -> list[DatasetInfo]:
        """By name; one that cannot be opened says why and stands in nobody's way."""
        folders = [path.parent for path in self.root.glob(f"*/{DATABASE_FILE}") if not path.parent.suffix]
        return sorted(filter(None, map(self._info, folders)), key=lambda info: info.name.casefold())

    def has(self, name: str) -> bool:
        return (self._folder(name) / DATABASE_FILE).is_file()

    def create(self, name: str) -> Dataset:
        """Raises DatasetExistsError when the name is taken, letter case aside, SettingsError for what is no name."""
        folder = self._folder(name)
        with self._mapped(name):
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            made = self.root / f"{folder.name}-{uuid.uuid4().hex[:8]}{_NEW}"
            made.mkdir(mode=0o700)
            try:
                _make(made / DATABASE_FILE, _clean_name(name))
                if self.has(name):
                    raise DatasetExistsError(_taken(name))
                self._publish(made, folder, name)
            finally:
                shutil.rmtree(made, ignore_errors=True)
        return self.open(name)

    def open(self, name: str) -> Dataset:
        """Raises DatasetNotFoundError naming those that exist, DatasetError where it cannot be used."""
        folder = self._folder(name)
        if not self.has(name):
            raise DatasetNotFoundError(self._not_found(name))
        return self._opened(folder)

    def rename(self, name: str, new_name: str) -> Dataset:
        """Raises DatasetExistsError, DatasetNotFoundError. The folder's rename is the moment it happens."""
        dataset, old, new = self.open(name), self._folder(name), self._folder(new_name)
        if new == old:  # other letter case
            dataset.set_setting("name", _clean_name(new_name))
            return dataset
        if self.has(new_name):
            raise DatasetExistsError(_taken(new_name))
        dataset.set_setting(_name_at(new), _clean_name(new_name))
        with self._lock, self._mapped(name):
            self._let_go(old)
            self._publish(old, new, new_name)
        return self.open(new_name)

    def remove(self, name: str) -> None:
        """Deletes it for good, and what a killed removal or creation left. Frozen datasets made from it stay."""
        folder = self._folder(name)
        with self._lock, self._mapped(name):
            if not self.has(name):
                raise DatasetNotFoundError(self._not_found(name))
            self._let_go(folder)
            folder.rename(folder.with_name(f"{folder.name}-{uuid.uuid4().hex[:8]}{_REMOVED}"))
            for doomed in self.root.glob(f"*{_REMOVED}"):
                with contextlib.suppress(FileNotFoundError):  # another process clears it away too
                    shutil.rmtree(doomed)

    def close(self) -> None:
        with self._lock:
            while self._open:
                self._open.popitem()[1][0].close()

    def _folder(self, name: str) -> Path:
        return self.root / hashlib.sha256(_clean_name(name).casefold().encode()).hexdigest()[:16]

    def _opened(self, folder: Path) -> Dataset:
        """Raises DatasetNotFoundError where it was removed."""
        with self._lock:
            identity = _file_identity(folder / DATABASE_FILE)
            kept = self._open.get(folder.name)
            if kept is not None and kept[1] == identity:
                return kept[0]
            self._let_go(folder)  # another process removed or replaced it
            dataset = Dataset(folder / DATABASE_FILE)
            _finish_rename(dataset, folder)
            if identity is not None:
                self._open[folder.name] = (dataset, identity)
            return dataset

    def _info(self, folder: Path) -> DatasetInfo | None:
        name = folder.name  # where its file cannot tell
        try:
            dataset = self._opened(folder)
            name, counts = dataset.name, dataset.counts()
        except DatasetNotFoundError:
            return None  # removed meanwhile
        except DatasetError as error:
            return DatasetInfo(
                name=name, rows=0, accepted=0, pending=0, rejected=0, refused=0, problem=str(error)
            )
        states = counts.states
        return DatasetInfo(
            name=name,
            rows=counts.total,
            accepted=states["accepted"],
            pending=states["pending"],
            rejected=states["rejected"],
            refused=counts.refused,
        )

    def _not_found(self, name: str) -> str:
        known = [info.name for info in self.list()]
        those = f"There are: {', '.join(known)}." if known else "There is none yet."
        return f"There is no dataset {name!r}. {those}"

    def _let_go(self, folder: Path) -> None:
        kept = self._open.pop(folder.name, None)
        if kept is not None:
            kept[0].close()

    def _publish(self, folder: Path, named: Path, name: str) -> None:
        try:
            folder.rename(named)
        except OSError as error:
            if named.exists():
                raise DatasetExistsError(_taken(name)) from error
            raise
        sync_folder(self.root)

    @contextlib.contextmanager
    def _mapped(self, name: str) -> Iterator[None]:
        try:
            yield
        except PermissionError as error:
            raise DatasetBusyError(
                f"Files of {name!r} cannot be changed: close other programs that hold them, check the permissions of "
                f"{str(self.root)!r} and try again."
            ) from error
        except OSError as error:
            raise DatasetError(
                f"Datasets cannot be kept in {str(self.root)!r} ({error.strerror}): check the disk."
            ) from error


def _make(path: Path, name: str) -> None:
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))  # its user's alone
    database = Database(path, create=True, kind=DATASET)
    with database.write() as connection:
        connection.execute("INSERT INTO settings (key, value) VALUES ('name', ?)", (name,))
    database.close()


def _name_at(folder: Path) -> str:
    """The setting under which a dataset that is being renamed says what it is called once it lies there."""
    return f"name at {folder.name}"


def _finish_rename(dataset: Dataset, folder: Path) -> None:
    name = dataset.setting(_name_at(folder))
    if name is not None:
        dataset.set_setting("name", name)
        dataset.set_setting(_name_at(folder), None)


def _taken(name: str) -> str:
    return f"A dataset named {name!r} exists already: choose another name."


def _clean_name(name: str) -> str:
    cleaned = unicodedata.normalize("NFC", name).strip()
    if not cleaned or len(cleaned) > LONGEST_NAME or not cleaned.isprintable():
        raise SettingsError(f"{name!r} cannot name a dataset: use 1 to {LONGEST_NAME} printable characters.")
    return cleaned


def _file_identity(path: Path) -> tuple[int, int] | None:
    try:
        facts = path.stat()
    except FileNotFoundError:
        return None
    return facts.st_dev, facts.st_ino
