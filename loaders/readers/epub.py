"""E-books (EPUB 2 and 3): the chapters in spine order, one part each."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from urllib.parse import unquote

from errors import CorruptFileError, EncryptedFileError, ReadError
from loaders.readers.base import FileLoader
from loaders.readers.embedded import EmbeddedFiles
from loaders.readers.html import write_html
from loaders.readers.package import Package
from loaders.readers.part import Part
from loaders.readers.xmlsafe import attribute, local_name

_PAGES = ("application/xhtml+xml", "text/html", "application/x-dtbook+xml")


class EpubLoader(FileLoader):
    """`record` is the chapter's path in the book; copy-protected books are refused."""

    media_type = "application/epub+zip"

    def parts(self) -> Iterator[Part]:
        package = Package(self.source)
        locked = _locked_members(package)
        embedded = EmbeddedFiles(self.source)
        parts: list[Part] = []
        for path in self._spine(package):
            if path in locked:
                raise EncryptedFileError(
                    f"{self.source.label} is a copy-protected e-book: add an edition without protection."
                )
            part = self.new_part(record=path)
            try:
                write_html(part, package.read(path))
            except ReadError as error:
                embedded.failures.append(error)
                embedded.skip(path, str(error))
                continue
            if part:
                parts.append(part)
        if parts:
            embedded.report_on(parts[0])
        elif embedded.failures:
            raise CorruptFileError(f"{self.source.label} is damaged: none of its chapters can be read.")
        yield from parts

    def _spine(self, package: Package) -> Iterator[str]:
        book = self._book(package)
        if book is None:
            yield from (
                name for name in package.names() if name.lower().endswith((".xhtml", ".html", ".htm"))
            )
            return
        folder = posixpath.dirname(book)
        root = package.xml(book)
        title = next(root.iter("{*}title"), None)
        self.use_title("".join(title.itertext()) if title is not None else "")
        items = {
            attribute(item, "id"): posixpath.normpath(
                posixpath.join(folder, unquote(attribute(item, "href")))
            )
            for item in root.iter("{*}item")
            if attribute(item, "media-type") in _PAGES
        }
        spine = [items.get(attribute(mark, "idref"), "") for mark in root.iter("{*}itemref")]
        yield from (path for path in (spine or list(items.values())) if path and path in package)

    def _book(self, package: Package) -> str | None:
        container = package.optional_xml("META-INF/container.xml")
        for mark in container.iter("{*}rootfile") if container is not None else ():
            path = unquote(attribute(mark, "full-path"))
            if path in package:
                return path
        return next((name for name in package.names() if name.lower().endswith(".opf")), None)


def _locked_members(package: Package) -> set[str]:
    """Members that META-INF/encryption.xml names, but for obfuscated fonts."""
    root = package.optional_xml("META-INF/encryption.xml")
    locked = set()
    for mark in root.iter("{*}EncryptedData") if root is not None else ():
        method = next(
            (attribute(child, "Algorithm") for child in mark if local_name(child) == "EncryptionMethod"), ""
        )
        if "obfuscation" not in method and "RC" not in method:
            locked |= {unquote(attribute(place, "URI")) for place in mark.iter("{*}CipherReference")}
    return locked
