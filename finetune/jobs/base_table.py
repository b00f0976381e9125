"""Open models that may be trained here, by the names that a client asks for them by; never by a path of a client's."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from errors import TuningRequestError
from loaders.database import Database

__all__ = ["RESPONDER", "BaseModel", "BaseTable", "base_name"]

RESPONDER = "responder"  # the embedded engine's own, always there
_ODD = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseModel:
    name: str
    path: str  # a folder of this machine, or a Hugging Face id; "" for the responder

    @property
    def folder(self) -> Path | None:
        """None for the responder, and for a hub's id."""
        path = Path(self.path) if self.path else None
        return path if path is not None and path.is_dir() else None

    @property
    def is_there(self) -> bool:
        """False for a folder that was taken away."""
        return not Path(self.path).is_absolute() or self.folder is not None


class BaseTable:
    """`shelf` (GROUNDTUNE_BASE_MODELS): each of its subfolders with a config.json is a base by its own name."""

    def __init__(
        self, database: Callable[[], Database], clock: Callable[[], float], shelf: Path | None
    ) -> None:
        self._database = database
        self._clock = clock
        self._shelf = shelf

    def register(self, name: str, path: str) -> BaseModel:
        """The same name for another path is refused. Raises TuningRequestError."""
        if name == RESPONDER or not name or base_name(name) != name:
            raise TuningRequestError(
                f"{name!r} cannot name a base model: use letters, digits, '.', '_', '-'."
            )
        known = self.get(name)
        if known is not None and known.path != path:
            raise TuningRequestError(
                f"The base model {name!r} is {known.path!r} already: choose another name."
            )
        with self._database().write() as rows:
            rows.execute("INSERT OR REPLACE INTO bases VALUES (?, ?, ?)", (name, path, self._clock()))
        return BaseModel(name=name, path=path)

    def get(self, name: str) -> BaseModel | None:
        return next((one for one in self.list() if one.name == name), None)

    def list(self) -> tuple[BaseModel, ...]:
        """The responder first, then by name; what was registered wins over the shelf."""
        found = {one.name: one for one in _shelved(self._shelf)}
        with self._database().read() as rows:
            for name, path in rows.execute("SELECT name, path FROM bases"):
                found[name] = BaseModel(name=name, path=path)
        return (BaseModel(name=RESPONDER, path=""), *(found[name] for name in sorted(found)))


def _shelved(shelf: Path | None) -> list[BaseModel]:
    if shelf is None or not shelf.is_dir():
        return []
    return [
        BaseModel(name=path.name, path=str(path))
        for path in shelf.iterdir()
        if (path / "config.json").is_file() and base_name(path.name) == path.name != RESPONDER
    ]


def base_name(path: str) -> str:
    """A name for a folder or a hub's id: "Qwen/Qwen2.5-0.5B" -> "Qwen2.5-0.5B"."""
    last = path.rstrip("/\\").replace("\\", "/").rpartition("/")[2]
    return _ODD.sub("-", last).strip("-.") or "model"
