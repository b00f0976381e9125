"""Open models that may be trained here, by the names that a client asks for them by; never by a path of a client's."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chains.answer import MODES
from errors import TuningRequestError
from loaders.database import Database

__all__ = ["RESERVED", "RESPONDER", "BaseModel", "BaseTable", "Shelf", "base_name", "shelf_of"]

RESPONDER = "responder"  # the embedded engine's own, always there
RESERVED = frozenset({RESPONDER, *MODES})  # names that a client asks for something else by
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Shelf:
    """What lies in GROUNDTUNE_BASE_MODELS."""

    models: tuple[BaseModel, ...] = ()
    left_out: tuple[str, ...] = ()  # a sentence for each folder that cannot be used


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
        if name in RESERVED:
            raise TuningRequestError(f"{name!r} cannot name a base model: it is a name of Groundtune's own.")
        if not name or base_name(name) != name:
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
        found = {one.name: one for one in shelf_of(self._shelf).models}
        with self._database().read() as rows:
            for name, path in rows.execute("SELECT name, path FROM bases"):
                if name not in RESERVED:  # one that came before there was a mode of that name
                    found[name] = BaseModel(name=name, path=path)
        return (BaseModel(name=RESPONDER, path=""), *(found[name] for name in sorted(found)))

    def left_out(self) -> tuple[str, ...]:
        """A sentence for each folder of the shelf that cannot be used."""
        return shelf_of(self._shelf).left_out


def shelf_of(folder: Path | None) -> Shelf:
    """`folder`: GROUNDTUNE_BASE_MODELS; None, or one that is not there, holds nothing."""
    if folder is None:
        return Shelf()
    try:
        paths = sorted(folder.iterdir()) if folder.is_dir() else []
    except OSError as error:
        return Shelf(left_out=(_unreadable(folder, error),))
    seen = [_on_shelf(path) for path in paths]
    return Shelf(
        models=tuple(one for one in seen if isinstance(one, BaseModel)),
        left_out=tuple(one for one in seen if isinstance(one, str)),
    )


def _on_shelf(path: Path) -> BaseModel | str | None:
    """None for what is no model's folder, a sentence for one that cannot be used."""
    try:
        if not (path / "config.json").is_file():
            return None
    except OSError as error:
        return _unreadable(path, error)
    if path.name in RESERVED:
        return f"{str(path)!r} is left out: {path.name!r} is a name of Groundtune's own; rename the folder."
    if base_name(path.name) != path.name:
        return f"{str(path)!r} is left out: rename the folder to {base_name(path.name)!r}."
    return BaseModel(name=path.name, path=str(path))


def _unreadable(path: Path, error: OSError) -> str:
    return f"{str(path)!r} in GROUNDTUNE_BASE_MODELS is left out: it cannot be read ({error.strerror})."


def base_name(path: str) -> str:
    """A name for a folder or a hub's id: "Qwen/Qwen2.5-0.5B" -> "Qwen2.5-0.5B"."""
    last = path.rstrip("/\\").replace("\\", "/").rpartition("/")[2]
    return _ODD.sub("-", last).strip("-.") or "model"
