"""The codec of a text file of any size, found without reading it into memory."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

from errors import DatasetError, DatasetFormatError
from loaders.readers.encodings import codec_of

_CHUNK = 2**20
_SAMPLE = 64 * 1024


def file_codec(path: Path) -> str:
    """Python's name of the file's encoding; "utf-8-sig" for UTF-8 with or without a byte order mark.

    UTF-8 is taken only where the whole file is UTF-8. Raises DatasetError where the file cannot be read.
    """
    opening = opening_bytes(path, 4096)
    facts = path.stat()
    return _codec(path, opening, facts.st_size, facts.st_mtime_ns)


@lru_cache(maxsize=64)
def _codec(path: Path, opening: bytes, size: int, written: int) -> str:  # noqa: ARG001 - a changed file is another
    if opening[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) or b"\0" in opening:
        return codec_of(opening)
    # Behind a line end: bytes in the middle of a file are no byte order mark.
    return "utf-8-sig" if _is_utf8(path) else codec_of(b"\n" + _lines_beyond_ascii(path))


def encoding_note(path: Path) -> tuple[str, ...]:
    """What to tell of a text file whose encoding was guessed by its letters; nothing for UTF-8 and UTF-16."""
    codec = file_codec(path)
    if codec.startswith("utf"):
        return ()
    return (f"The file is not UTF-8: it was read as {codec}. Where letters look wrong, save it as UTF-8.",)


def opening_bytes(path: Path, size: int) -> bytes:
    """The first bytes of a file. Raises DatasetError where it cannot be read."""
    try:
        with path.open("rb") as file:
            return file.read(size)
    except FileNotFoundError as error:
        raise DatasetFormatError(f"There is no file {str(path)!r}.") from error
    except IsADirectoryError as error:
        raise DatasetFormatError(f"{str(path)!r} is a folder: name a file.") from error
    except OSError as error:
        raise DatasetError(f"Cannot read {str(path)!r} ({error.strerror}).") from error


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            yield chunk


def _is_utf8(path: Path) -> bool:
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        for chunk in _chunks(path):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def _lines_beyond_ascii(path: Path) -> bytes:
    """A sample: the first pages of a long file may be plain English."""
    sample = bytearray()
    for chunk in _chunks(path):
        for line in chunk.splitlines(keepends=True):
            if not line.isascii():
                sample += line[:_SAMPLE]
        if len(sample) >= _SAMPLE:
            break
    return bytes(sample[:_SAMPLE])
