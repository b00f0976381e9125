"""winmail.dat ([MS-OXTNEF]): the attachments that Outlook packed for Outlook, and the body where it is plain."""

from __future__ import annotations

import struct
from collections.abc import Iterator

from errors import EmptyFileError
from loaders.readers.base import FileLoader
from loaders.readers.embedded import EmbeddedFiles
from loaders.readers.encodings import decode
from loaders.readers.mail import add_text
from loaders.readers.part import Part

_SUBJECT, _BODY, _ATTACH_TITLE, _ATTACH_DATA = 0x8004, 0x800C, 0x8010, 0x800F


class TnefLoader(FileLoader):
    """`record` names the attachment that a part comes from."""

    media_type = "application/vnd.ms-tnef"

    def parts(self) -> Iterator[Part]:
        part = self.new_part()
        embedded = EmbeddedFiles(self.source)
        waiting: bytes | None = None
        count = 0
        for identity, data in _attributes(self.source.data):
            if identity == _SUBJECT:
                self.use_title(decode(data))
                part.add("paragraph", f"Subject: {decode(data)}")
            elif identity == _BODY:
                add_text(part, decode(data))
            elif identity == _ATTACH_DATA:
                waiting = data
            elif identity == _ATTACH_TITLE and waiting is not None:
                embedded.read(waiting, decode(data.rstrip(b"\x00")))
                waiting = None
                count += 1
        if waiting is not None:
            embedded.read(waiting, f"attachment {count + 1}")
        parts = ([part] if part else []) + embedded.parts
        if not parts:
            embedded.raise_first()
            raise EmptyFileError(
                f"{self.source.label} packs nothing that can be read: ask the sender for a plain copy."
            )
        embedded.report_on(parts[0])
        yield from parts


def _attributes(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(attribute id, value) until the file ends or is cut."""
    place = 6
    while place + 9 <= len(data):
        _, identity, _, length = struct.unpack_from("<BHHI", data, place)
        yield identity, data[place + 9 : place + 9 + length]
        place += 9 + length + 2
