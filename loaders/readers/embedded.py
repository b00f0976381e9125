"""Files packed in a file (attachments, embedded packages, archive members): read as further parts of it."""

from __future__ import annotations

from errors import EmptyFileError, ReadError
from loaders.readers.part import Part, clean
from loaders.readers.source import Source


class EmbeddedFiles:
    """Collects the parts of packed files; one that cannot be read is named, with the reason, not raised."""

    def __init__(self, source: Source) -> None:
        self.source = source
        self.parts: list[Part] = []
        self.failures: list[ReadError] = []
        self._unread: list[dict[str, str]] = []

    def read(self, data: bytes, name: str) -> None:
        """Add the parts of `data`; `record` in their place is the name, path-like when packed twice."""
        from loaders.readers.registry import loader_of

        name = clean(name)  # tar names may hold bytes that no store takes
        try:
            loader = loader_of(self.source.inner(data, name))
            for part in loader.checked_parts():
                inner = part.place.get("record")
                part.place["record"] = f"{name} › {inner}" if inner else name
                part.title = part.title or loader.title
                part.extra.setdefault("embedded_media_type", loader.media_type)
                self._adopt_unread(part, name)
                self.parts.append(part)
        except EmptyFileError as error:
            self.failures.append(error)
        except ReadError as error:
            self.failures.append(error)
            self.skip(name, str(error))

    def skip(self, name: str, reason: str) -> None:
        self._unread.append({"name": clean(name), "reason": clean(reason)})

    def report_on(self, part: Part) -> None:
        """Name on the file's first part what could not be read."""
        if self._unread:
            part.extra["unread_parts"] = self._unread

    def raise_first(self) -> None:
        """Raise why nothing could be read, the most telling failure first."""
        telling = [error for error in self.failures if not isinstance(error, EmptyFileError)]
        if telling or self.failures:
            raise (telling or self.failures)[0]

    def _adopt_unread(self, part: Part, name: str) -> None:
        for lost in part.extra.pop("unread_parts", []):
            self.skip(f"{name} › {lost['name']}", lost["reason"])
