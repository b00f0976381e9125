"""Archives: each member that can be read, as further parts; bounded in number, size and depth, never on disk."""

from __future__ import annotations

import io
import tarfile
import zlib
from collections.abc import Iterator

from errors import CorruptFileError, EmptyFileError, ReadError
from loaders.readers.base import FileLoader
from loaders.readers.embedded import EmbeddedFiles
from loaders.readers.package import Package
from loaders.readers.part import Part

_JUNK = ("__macosx/", ".ds_store", "thumbs.db")
_BLOCK = 2**20


class ZipLoader(FileLoader):
    """`record` is the member's path in the archive."""

    media_type = "application/zip"

    def parts(self) -> Iterator[Part]:
        package = Package(self.source)
        embedded = EmbeddedFiles(self.source)
        self.title = self.source.stem
        for name in package.names():
            if name.endswith("/") or name.lower().startswith(_JUNK[0]) or name.lower().endswith(_JUNK[1:]):
                continue
            self.source.meter.check_time()
            try:
                data = package.read(name)
            except ReadError as error:
                embedded.failures.append(error)
                embedded.skip(name, str(error))
                continue
            embedded.read(data, name)
        yield from archive_parts(embedded)


class TarLoader(FileLoader):
    """`record` is the member's path in the archive."""

    media_type = "application/x-tar"

    def parts(self) -> Iterator[Part]:
        embedded = EmbeddedFiles(self.source)
        self.title = self.source.stem
        try:
            with tarfile.open(fileobj=io.BytesIO(self.source.data), mode="r:") as archive:
                for member in archive:
                    stream = archive.extractfile(member) if member.isreg() else None
                    if stream is not None:
                        self.source.meter.add_expanded(member.size)
                        embedded.read(stream.read(), member.name)
        except (tarfile.TarError, EOFError, OSError) as error:
            if not embedded.parts:
                raise CorruptFileError(
                    f"{self.source.label} is a damaged archive: get a complete copy of it."
                ) from error
            embedded.skip("further members", str(error))
        yield from archive_parts(embedded)


class GzipLoader(FileLoader):
    """One packed file, read as what it is."""

    media_type = "application/gzip"

    def parts(self) -> Iterator[Part]:
        embedded = EmbeddedFiles(self.source)
        name = self.source.name[:-3] if self.source.suffix == ".gz" else self.source.stem
        name = f"{self.source.stem}.tar" if self.source.suffix == ".tgz" else name
        embedded.read(self._unpacked(), name)
        yield from archive_parts(embedded)

    def _unpacked(self) -> bytes:
        """All members of the stream, counted while they grow."""
        pieces: list[bytes] = []
        data = self.source.data
        try:
            while data.startswith(b"\x1f\x8b"):
                unpacker = zlib.decompressobj(wbits=31)
                piece = unpacker.decompress(data, _BLOCK)
                while piece or unpacker.unconsumed_tail:
                    self.source.meter.add_expanded(len(piece))
                    pieces.append(piece)
                    piece = unpacker.decompress(unpacker.unconsumed_tail, _BLOCK)
                if not unpacker.eof:
                    raise EOFError("the stream ends early")
                data = unpacker.unused_data
        except (zlib.error, EOFError) as error:
            raise CorruptFileError(
                f"{self.source.label} is a damaged gzip file: get a complete copy of it."
            ) from error
        return b"".join(pieces)


def archive_parts(embedded: EmbeddedFiles) -> Iterator[Part]:
    """The parts found; where there are none, the reason why."""
    if not embedded.parts:
        embedded.raise_first()
        raise EmptyFileError(f"{embedded.source.label} packs no file that can be read: unpack it and look.")
    embedded.report_on(embedded.parts[0])
    yield from embedded.parts
