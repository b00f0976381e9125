"""The title in an OLE file's summary ([MS-OLEPS] 2.20), read with bounds: damaged counts cost nothing."""

from __future__ import annotations

import struct
from typing import Any

from loaders.readers.encodings import decode, known_codec

_SUMMARY = "\x05SummaryInformation"
_CODE_PAGE, _TITLE = 1, 2
_STRING, _WIDE_STRING = 0x1E, 0x1F


def ole_title(ole: Any) -> str:
    """The file's title, "" where there is none or the summary is damaged."""
    if not ole.exists(_SUMMARY):
        return ""
    try:
        return _title(ole.openstream(_SUMMARY).read())
    except (OSError, struct.error, ValueError):
        return ""


def _title(stream: bytes) -> str:
    (start,) = struct.unpack_from("<I", stream, 44)
    (count,) = struct.unpack_from("<I", stream, start + 4)
    places = dict(struct.iter_unpack("<II", stream[start + 8 : start + 8 + 8 * min(count, 64)]))
    if _TITLE not in places:
        return ""
    page = (
        struct.unpack_from("<H", stream, start + places[_CODE_PAGE] + 4)[0] if _CODE_PAGE in places else 1252
    )
    kind, length = struct.unpack_from("<II", stream, start + places[_TITLE])
    text = stream[start + places[_TITLE] + 8 :][: length * (2 if kind == _WIDE_STRING else 1)]
    if kind == _WIDE_STRING:
        return text.decode("utf-16-le", errors="replace").rstrip("\x00")
    return decode(text.rstrip(b"\x00"), known_codec(f"cp{page}")) if kind == _STRING else ""
