"""Word 97-2003: the text by the piece table ([MS-DOC] 2.4.1 and 2.9.177); encrypted files with their password."""

from __future__ import annotations

import io
import re
import struct
from collections.abc import Iterator

import olefile

from errors import CorruptFileError, UnsupportedFileError
from loaders.readers.base import FileLoader
from loaders.readers.decryption import decrypted_binary
from loaders.readers.ole_title import ole_title
from loaders.readers.part import Part
from loaders.readers.tables import write_rows

_FIB_MAGIC = (0xA5EC, 0xA5DC)
_WORD_97 = 0x00C1
_COUNTS = (
    0x4C,
    0x50,
    0x54,
    0x5C,
    0x60,
    0x64,
    0x68,
)  # main text, footnotes, headers, comments, endnotes, boxes
_DROPPED = re.compile("[\x01-\x06\x08\x0e-\x12\x16-\x1d\x1f]")


class DocLoader(FileLoader):
    """One part; paragraphs, and table rows as `cell | cell`."""

    media_type = "application/msword"

    def parts(self) -> Iterator[Part]:
        source = decrypted_binary(self.source)
        with olefile.OleFileIO(io.BytesIO(source.data)) as ole:
            stream = ole.openstream("WordDocument").read()
            magic, version = struct.unpack_from("<HH", stream, 0)
            if magic not in _FIB_MAGIC:
                raise UnsupportedFileError(
                    f"{self.source.label} is from a Word before 97: open it in Word or LibreOffice and save it as DOCX."
                )
            (flags,) = struct.unpack_from("<H", stream, 0x0A)
            name = "1Table" if flags & 0x0200 else "0Table"
            if version >= _WORD_97 and ole.exists(name):
                text = _piece_text(stream, ole.openstream(name).read())
            else:
                text = _plain_text(stream)
            self.use_title(ole_title(ole))
        part = self.new_part()
        _write(part, _without_fields(text))
        yield part


def _plain_text(stream: bytes) -> str:
    """Word 6 and 95: one run of 8-bit text between fcMin and fcMac."""
    first, last = struct.unpack_from("<II", stream, 0x18)
    return stream[first:last].decode("cp1252", errors="replace")


def _piece_text(stream: bytes, table: bytes) -> str:
    place, length = struct.unpack_from("<II", stream, 0x01A2)
    clx = table[place : place + length]
    place = 0
    while place < len(clx) and clx[place] == 1:  # property modifiers before the piece table
        place += 3 + struct.unpack_from("<H", clx, place + 1)[0]
    if place >= len(clx) or clx[place] != 2:
        raise CorruptFileError("the document's piece table is missing")
    (size,) = struct.unpack_from("<I", clx, place + 1)
    pieces = clx[place + 5 : place + 5 + size]
    count = (len(pieces) - 4) // 12
    ends = struct.unpack_from(f"<{count + 1}I", pieces, 0)
    total = sum(struct.unpack_from("<I", stream, offset)[0] for offset in _COUNTS)
    text: list[str] = []
    for index in range(count):
        (where,) = struct.unpack_from("<I", pieces, 4 * (count + 1) + 8 * index + 2)
        text.append(_piece(stream, where, min(ends[index + 1], total or ends[index + 1]) - ends[index]))
    return "".join(text)


def _piece(stream: bytes, where: int, length: int) -> str:
    if length <= 0:
        return ""
    if where & 0x40000000:
        start = (where & 0x3FFFFFFF) // 2
        return stream[start : start + length].decode("cp1252", errors="replace")
    return stream[where : where + 2 * length].decode("utf-16-le", errors="replace")


def _without_fields(text: str) -> str:
    """Fields (0x13 code 0x14 result 0x15) reduced to their results, nested ones too."""
    kept: list[str] = []
    stack: list[bool] = []  # whether each open field still shows its code
    for piece in re.split("([\x13\x14\x15])", text):
        if piece == "\x13":
            stack.append(True)
        elif piece == "\x14" and stack:
            stack[-1] = False
        elif piece == "\x15" and stack:
            stack.pop()
        elif piece not in ("\x13", "\x14", "\x15") and not any(stack):
            kept.append(piece)
    return "".join(kept)


def _write(part: Part, text: str) -> None:
    text = _DROPPED.sub(
        "", text.replace("\x1e", "-").replace("\x0b", "\n").replace("\x0c", "\r").replace("\xa0", " ")
    )
    rows: list[list[str]] = []
    row: list[str] = []
    cell = ""
    for piece in re.split("([\r\x07])", text):
        if piece not in ("\r", "\x07"):
            cell += piece
        elif piece == "\x07" and (cell.strip() or not row):
            row.append(" ".join(cell.split()))
            cell = ""
        elif piece == "\x07":
            rows, row, cell = [*rows, row], [], ""
        elif rows and not row:
            write_rows(part, rows)
            rows = []
            part.add("paragraph", cell)
            cell = ""
        elif row:
            cell += " "
        else:
            part.add("paragraph", cell)
            cell = ""
    write_rows(part, [*rows, row])
    part.add("paragraph", cell)
