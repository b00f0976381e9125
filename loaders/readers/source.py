"""The bytes that a reader works on, where they came from, and what may be spent on them."""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath

from errors import FileTooLargeError, ReadError, UnsupportedFileError
from loaders.readers.limits import Limits, Meter


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """One file's bytes; `label` names it in sentences, `source` goes into the metadata."""

    data: bytes
    name: str  # file name or member path; its suffix only breaks ties
    source: str  # the outermost file, as the caller named it
    meter: Meter
    password: str | None = None
    depth: int = 0

    @property
    def suffix(self) -> str:
        return PurePosixPath(self.name.replace("\\", "/")).suffix.lower()

    @property
    def stem(self) -> str:
        return PurePosixPath(self.name.replace("\\", "/")).stem or self.name

    @property
    def label(self) -> str:
        """For sentences: the name, with the container it sits in."""
        return self.name if self.depth == 0 else f"{self.name} (in {self.meter.name})"

    def inner(self, data: bytes, name: str) -> Source:
        """A file packed in this one; FileTooLargeError past the nesting limit."""
        self.meter.add_entries(1)
        if self.depth + 1 > self.meter.limits.depth:
            raise FileTooLargeError(
                f"{self.meter.name} packs files more than {self.meter.limits.depth} levels deep: "
                "unpack it and add the files that matter."
            )
        return replace(self, data=data, name=name or "attachment", depth=self.depth + 1)

    def same(self, data: bytes) -> Source:
        """The same file after decryption or unpacking."""
        return replace(self, data=data)

    @classmethod
    def from_path(
        cls,
        path: Path | str,
        *,
        name: str | None = None,
        password: str | None = None,
        limits: Limits | None = None,
    ) -> Source:
        limits = limits or Limits()
        path = Path(path)
        shown = name or path.name
        data = _file_bytes(path, shown, limits)
        meter = Meter(limits=limits, name=shown)
        return cls(data=data, name=shown, source=name or str(path), meter=meter, password=password)


def _file_bytes(path: Path, shown: str, limits: Limits) -> bytes:
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise UnsupportedFileError(f"{shown} is not a file: give a file or a folder of files.")
        limits.check_file(status.st_size, shown)
        return path.read_bytes()
    except (OSError, ValueError) as error:
        reason = os.strerror(error.errno) if isinstance(error, OSError) and error.errno else str(error)
        raise ReadError(f"{shown} cannot be opened: {reason}.") from error
