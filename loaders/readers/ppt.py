"""PowerPoint 97-2003: text of the slides in order, by the record tree ([MS-PPT] 2.3 and 2.9)."""

from __future__ import annotations

import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field

import olefile

from errors import EncryptedFileError
from loaders.readers.base import FileLoader
from loaders.readers.decryption import decrypted_binary
from loaders.readers.ole_title import ole_title
from loaders.readers.part import Part

_SLIDE, _NOTES, _LIST, _SLIDE_PLACE = 1006, 1008, 4080, 1011
_KIND, _CHARS, _BYTES, _PERSIST = 3999, 4000, 4008, 6002
_ENCRYPTED_TOKEN = 0xF3D1C4DF
_TITLE_KINDS = (0, 6)


@dataclass(slots=True)
class _Record:
    kind: int
    instance: int
    start: int  # of the body
    end: int
    container: bool


@dataclass(slots=True)
class _Slide:
    persist: int
    texts: list[tuple[int, str]] = field(default_factory=list)  # (kind of text, text)


class PptLoader(FileLoader):
    """One part a slide where the slide list can be followed, else one part."""

    media_type = "application/vnd.ms-powerpoint"

    def parts(self) -> Iterator[Part]:
        source = decrypted_binary(self.source)
        with olefile.OleFileIO(io.BytesIO(source.data)) as ole:
            if source is self.source and _is_encrypted(ole):
                raise EncryptedFileError(
                    f"{self.source.label} is encrypted: give its password, or save it without one."
                )
            data = ole.openstream("PowerPoint Document").read()
            self.use_title(ole_title(ole))
        slides = _slides(data)
        if not any(slide.texts for slide in slides):
            slides = [_Slide(0, list(_texts(data, 0, len(data))))]
        for number, slide in enumerate(slides, start=1):
            part = self.new_part(slide=number)
            for kind, text in dict.fromkeys(slide.texts):
                _write_text(part, kind, text.replace("\r", "\n").replace("\x0b", " ").strip("\n "))
            yield part


def _write_text(part: Part, kind: int, text: str) -> None:
    if text == "*":  # where the slide number or the date goes
        return
    if kind in _TITLE_KINDS:
        part.add("heading", " ".join(text.split()), level=1)
        return
    for line in text.split("\n"):
        part.add("paragraph", line)


def _is_encrypted(ole: olefile.OleFileIO) -> bool:
    if not ole.exists("Current User"):
        return False
    head = ole.openstream("Current User").read()[:16]
    return len(head) == 16 and struct.unpack_from("<I", head, 12)[0] == _ENCRYPTED_TOKEN


def _records(data: bytes, start: int, end: int) -> Iterator[_Record]:
    """Records between two places, one level."""
    while start + 8 <= end:
        head, kind, length = struct.unpack_from("<HHI", data, start)
        stop = min(start + 8 + length, end)
        yield _Record(kind, head >> 4, start + 8, stop, head & 0xF == 0xF)
        start = stop


def _walk(data: bytes, start: int, end: int) -> Iterator[_Record]:
    stack = [iter(list(_records(data, start, end)))]
    while stack:
        record = next(stack[-1], None)
        if record is None:
            stack.pop()
            continue
        yield record
        if record.container and len(stack) < 64:
            stack.append(_records(data, record.start, record.end))


def _texts(data: bytes, start: int, end: int) -> Iterator[tuple[int, str]]:
    kind = -1
    for record in _walk(data, start, end):
        body = data[record.start : record.end]
        if record.kind == _KIND and len(body) >= 4:
            kind = struct.unpack_from("<I", body, 0)[0]
        elif record.kind == _CHARS:
            yield kind, body.decode("utf-16-le", errors="replace")
            kind = -1
        elif record.kind == _BYTES:
            yield kind, body.decode("cp1252", errors="replace")
            kind = -1


def _slides(data: bytes) -> list[_Slide]:
    """Slides in the show's order: outline text of the list, then text of the slide's own shapes."""
    slides: list[_Slide] = []
    places: dict[int, int] = {}
    for record in _walk(data, 0, len(data)):
        if record.kind == _LIST and record.instance == 0:
            slides += _listed(data, record)
        elif record.kind == _PERSIST:
            places |= _persist_places(data[record.start : record.end])
    for slide in slides:
        place = places.get(slide.persist, -1)
        if 0 <= place <= len(data) - 8:
            record = next(_records(data, place, len(data)))
            if record.kind == _SLIDE:
                slide.texts += _texts(data, record.start, record.end)
    return slides


def _listed(data: bytes, slide_list: _Record) -> list[_Slide]:
    slides: list[_Slide] = []
    start = slide_list.start
    for record in _records(data, slide_list.start, slide_list.end):
        if record.kind == _SLIDE_PLACE and record.end - record.start >= 4:
            slides.append(_Slide(struct.unpack_from("<I", data, record.start)[0]))
            start = record.end
        elif slides and record.kind in (_CHARS, _BYTES):
            slides[-1].texts += _texts(data, start, record.end)
            start = record.end
    return slides


def _persist_places(body: bytes) -> dict[int, int]:
    """Persist id -> place in the stream ([MS-PPT] 2.3.5)."""
    found: dict[int, int] = {}
    place = 0
    while place + 4 <= len(body):
        (head,) = struct.unpack_from("<I", body, place)
        first, count = head & 0xFFFFF, head >> 20
        place += 4
        for index in range(min(count, (len(body) - place) // 4)):
            found[first + index] = struct.unpack_from("<I", body, place + 4 * index)[0]
        place += 4 * count
    return found
