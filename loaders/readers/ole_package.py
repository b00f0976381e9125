"""Files inside OLE shells, as Office wraps what is embedded in its documents."""

from __future__ import annotations

import io
import struct

_OLE = b"\xd0\xcf\x11\xe0"
_DOCUMENTS = ("worddocument", "workbook", "book", "powerpoint document")


def unwrapped(data: bytes, name: str) -> tuple[bytes, str] | None:
    """The embedded file and its name; None for objects that hold no file (equations, controls)."""
    if not data.startswith(_OLE):
        return data, name
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(data)) as ole:
            streams = {"/".join(path).lower(): path for path in ole.listdir()}
            if any(key in streams for key in _DOCUMENTS):
                return data, name
            held = next((streams[key] for key in ("package", "contents") if key in streams), None)
            if held is not None:
                return ole.openstream(held).read(), name
            native = streams.get("\x01ole10native")
            return _native(ole.openstream(native).read(), name) if native is not None else None
    except (OSError, ValueError, IndexError, KeyError, TypeError, struct.error):
        return None


def _native(stream: bytes, name: str) -> tuple[bytes, str] | None:
    """Ole10Native ([MS-OLEDS] 2.3.6 and Office's use of it): size, label, path, command, size, data."""
    place = 6
    label, place = _string(stream, place)
    _, place = _string(stream, place)
    place += 4
    (length,) = struct.unpack_from("<I", stream, place)
    place += 4 + length
    (size,) = struct.unpack_from("<I", stream, place)
    data = stream[place + 4 : place + 4 + size]
    return (data, label.replace("\\", "/").rpartition("/")[2] or name) if data else None


def _string(stream: bytes, place: int) -> tuple[str, int]:
    end = stream.index(b"\x00", place)
    return stream[place:end].decode("cp1252", errors="replace"), end + 1
