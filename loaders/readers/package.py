"""Zip containers (Office, OpenDocument, EPUB, archives), opened only after their declared sizes are bounded."""

from __future__ import annotations

import io
import posixpath
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any
from urllib.parse import unquote

from errors import CorruptFileError, EncryptedFileError, FileTooLargeError
from loaders.readers.source import Source
from loaders.readers.xmlsafe import local_name, parse_xml

_RATIO_FROM = 64 * 2**20  # bytes unpacked; small text packs well without harm
_READ_ERRORS = (zipfile.BadZipFile, zlib.error, EOFError, OSError, ValueError, NotImplementedError)


class Package:
    """Members of a zip container by path; every byte unpacked is counted against the file's limits."""

    def __init__(self, source: Source) -> None:
        self.source = source
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(source.data))
        except _READ_ERRORS as error:
            raise CorruptFileError(
                f"{source.label} is a damaged or incomplete zip container: get a complete copy of it."
            ) from error
        infos = self._zip.infolist()
        self._refuse_bombs(infos)
        self.members: Mapping[str, zipfile.ZipInfo] = {_normal(info.filename): info for info in infos}
        self._folded = {name.lower(): name for name in self.members}

    def _refuse_bombs(self, infos: list[zipfile.ZipInfo]) -> None:
        limits = self.source.meter.limits
        self.source.meter.add_entries(len(infos))
        unpacked = sum(info.file_size for info in infos)
        if unpacked + self.source.meter.expanded > limits.expanded_bytes or (
            unpacked > _RATIO_FROM and unpacked > limits.expansion_ratio * max(len(self.source.data), 1)
        ):
            raise FileTooLargeError(
                f"{self.source.label} would unpack to {unpacked / 2**20:,.0f} MB from "
                f"{len(self.source.data) / 2**20:,.1f} MB: it was not opened; add the documents in it one by one."
            )
        spans = sorted((info.header_offset, info.header_offset + info.compress_size) for info in infos)
        for (_, end), (start, _) in pairwise(spans):
            if start < end:
                raise CorruptFileError(
                    f"{self.source.label} has overlapping members, as zip bombs do: it was not opened."
                )

    def __contains__(self, name: str) -> bool:
        return _normal(name).lower() in self._folded

    def names(self) -> list[str]:
        return list(self.members)

    def read(self, name: str) -> bytes:
        """A member's bytes; CorruptFileError where it is missing or damaged, EncryptedFileError where locked."""
        info = self._info(name)
        if info.flag_bits & 1 and not self.source.password:
            raise EncryptedFileError(
                f"{self.source.label} is encrypted: give its password, or unpack it yourself."
            )
        password = self.source.password.encode() if self.source.password and info.flag_bits & 1 else None
        try:
            data = self._zip.open(info, pwd=password).read()
        except RuntimeError as error:
            raise EncryptedFileError(
                f"{self.source.label} does not open with the password given: check the password."
            ) from error
        except NotImplementedError as error:
            if info.flag_bits & 1:
                raise EncryptedFileError(
                    f"{self.source.label} is encrypted in a way that cannot be opened here: unpack it yourself."
                ) from error
            raise CorruptFileError(
                f"{self.source.label} is packed in an unknown way: pack it again as zip."
            ) from error
        except _READ_ERRORS as error:
            raise CorruptFileError(
                f"{self.source.label} is damaged at {info.filename!r}: get a complete copy of it."
            ) from error
        self.source.meter.add_expanded(len(data))
        return data

    def head(self, name: str, count: int) -> bytes:
        try:
            with self._zip.open(self._info(name)) as member:
                return member.read(count)
        except (*_READ_ERRORS, RuntimeError) as error:
            raise CorruptFileError(
                f"{self.source.label} is damaged at {name!r}: get a complete copy of it."
            ) from error

    def xml(self, name: str) -> Any:
        return parse_xml(self.read(name), self.source.label)

    def optional_xml(self, name: str) -> Any | None:
        """The member's root element, None where it is missing or damaged."""
        if name not in self:
            return None
        try:
            return self.xml(name)
        except CorruptFileError:
            return None

    def relations(self, part: str) -> dict[str, tuple[str, str]]:
        """Relationship id -> (kind, member path) of an Office part; targets outside the package are left out."""
        folder, name = posixpath.split(part)
        root = self.optional_xml(posixpath.join(folder, "_rels", f"{name}.rels"))
        found: dict[str, tuple[str, str]] = {}
        for element in root if root is not None else ():
            if local_name(element) != "Relationship" or element.get("TargetMode") == "External":
                continue
            target = unquote(element.get("Target", ""))
            path = (
                target.lstrip("/")
                if target.startswith("/")
                else posixpath.normpath(posixpath.join(folder, target))
            )
            found[element.get("Id", "")] = (element.get("Type", "").rpartition("/")[2], path)
        return found

    def main_part(self, default: str) -> str:
        """The package's main document."""
        for kind, path in self.relations("").values():
            if kind == "officeDocument" and path in self:
                return path
        return default

    def related(self, part: str, kind: str) -> Iterator[str]:
        """Paths of the parts of one kind that `part` points to."""
        for found, path in self.relations(part).values():
            if found == kind and path in self:
                yield path

    def title(self) -> str:
        return self.property("title")

    def property(self, name: str) -> str:
        """A core property of an Office file (title, modified, created); "" where it is not given."""
        root = self.optional_xml("docProps/core.xml")
        for element in root if root is not None else ():
            if local_name(element) == name:
                return element.text or ""
        return ""

    def _info(self, name: str) -> zipfile.ZipInfo:
        found = self._folded.get(_normal(name).lower())
        if found is None:
            raise CorruptFileError(
                f"{self.source.label} lacks its part {name!r}: open it in the program that made it and save it again."
            )
        return self.members[found]


def _normal(name: str) -> str:
    return name.replace("\\", "/").lstrip("/")
