"""PowerPoint presentations (PPTX, PPTM, shows, templates): one part a slide, title, text, tables, notes.

Read from PresentationML (ECMA-376 part 1, chapter 19) with lxml.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from loaders.readers.base import FileLoader
from loaders.readers.docx import read_embedded
from loaders.readers.embedded import EmbeddedFiles
from loaders.readers.package import Package
from loaders.readers.part import Part
from loaders.readers.tables import write_rows
from loaders.readers.xmlsafe import attribute, local_name, own_text

_TITLES = ("title", "ctrTitle")
_FURNITURE = ("sldNum", "dt", "ftr", "hdr", "sldImg")


class PptxLoader(FileLoader):
    """`slide` is the 1-based place in the show; hidden slides carry `hidden: True`."""

    media_type = "application/vnd.openxmlformats-officedocument.presentationml.presentation"

    def parts(self) -> Iterator[Part]:
        package = Package(self.source)
        main = package.main_part("ppt/presentation.xml")
        self.use_title(package.title())
        self.use_file_date(package.property("modified"), package.property("created"))
        embedded = EmbeddedFiles(self.source)
        read_embedded(package, embedded, "ppt/embeddings/")
        parts: list[Part] = []
        for number, path in enumerate(_slides(package, main), start=1):
            part = self.new_part(slide=number)
            root = package.optional_xml(path)
            if root is None:
                embedded.skip(f"slide {number}", "the slide is damaged")
                continue
            if attribute(root, "show") == "0":
                part.extra["hidden"] = True
            _write_slide(root, part)
            self._diagrams_and_notes(package, path, part)
            if part:
                parts.append(part)
        parts += embedded.parts
        if parts:
            embedded.report_on(parts[0])
        yield from parts

    def _diagrams_and_notes(self, package: Package, slide: str, part: Part) -> None:
        for path in package.related(slide, "diagramData"):
            root = package.optional_xml(path)
            for body in root.iter("{*}t") if root is not None else ():
                if body.text is None and len(body):
                    _write_paragraphs(body, part)
        for path in package.related(slide, "notesSlide"):
            root = package.optional_xml(path)
            texts = [] if root is None else [
                text for shape in root.iter("{*}sp") if _placeholder(shape) not in _FURNITURE
                for text in _paragraphs(shape)
            ]  # fmt: skip
            if texts:
                part.add("paragraph", "Notes: " + "\n".join(texts))
        for path in package.related(slide, "comments"):
            root = package.optional_xml(path)
            for body in root.iter("{*}text") if root is not None else ():
                part.add("paragraph", f"Comment: {body.text or ''}" if body.text else "")


def _slides(package: Package, main: str) -> Iterator[str]:
    relations = package.relations(main)
    found = False
    root = package.xml(main)
    for mark in root.iter("{*}sldId"):
        identity = next((value for key, value in mark.attrib.items() if key.endswith("}id")), "")
        _, path = relations.get(identity, ("", ""))
        if path and path in package:
            found = True
            yield path
    if not found:
        names = [name for name in package.names() if name.lower().startswith("ppt/slides/slide")]
        yield from sorted(names, key=lambda name: (len(name), name))


def _write_slide(root: Any, part: Part) -> None:
    shapes = [shape for shape in root.iter("{*}sp", "{*}graphicFrame") if not _in_fallback(shape)]
    titles = [shape for shape in shapes if _placeholder(shape) in _TITLES]
    for shape in titles:
        part.add("heading", " ".join(_paragraphs(shape)), level=1)
    for shape in sorted((shape for shape in shapes if shape not in titles), key=_is_subtitle, reverse=True):
        if _placeholder(shape) in _FURNITURE:
            continue
        table = next(shape.iter("{*}tbl"), None)
        if table is not None:
            _write_table(table, part)
        elif local_name(shape) == "sp":
            _write_paragraphs(shape, part, listed=_placeholder(shape) in ("body", "obj", ""))


def _is_subtitle(shape: Any) -> bool:
    return _placeholder(shape) == "subTitle"


def _in_fallback(shape: Any) -> bool:
    return any(local_name(parent) == "Fallback" for parent in shape.iterancestors())


def _placeholder(shape: Any) -> str | None:
    """The placeholder's kind, "" for one without a kind, None for shapes that are none."""
    for mark in shape.iter("{*}ph"):
        return attribute(mark, "type")
    return None


def _write_paragraphs(shape: Any, part: Part, *, listed: bool = False) -> None:
    texts = _paragraphs(shape)
    for text in texts:
        part.add("list_item" if listed and len(texts) > 1 else "paragraph", text)


def _paragraphs(shape: Any) -> list[str]:
    texts = []
    for paragraph in shape.iter("{*}p"):
        pieces = []
        for element in paragraph.iter():
            name = local_name(element)
            if name == "t":
                pieces.append(own_text(element))
            elif name in ("br", "tab"):
                pieces.append("\n" if name == "br" else " ")
        text = "\n".join(" ".join(line.split()) for line in "".join(pieces).split("\n"))
        if text.strip():
            texts.append(text.strip())
    return texts


def _write_table(table: Any, part: Part) -> None:
    rows = [
        [" ".join(_paragraphs(cell)) for cell in row if local_name(cell) == "tc"]
        for row in table
        if local_name(row) == "tr"
    ]
    marked = any(attribute(mark, "firstRow") == "1" for mark in table if local_name(mark) == "tblPr")
    write_rows(part, rows, header=True if marked and len(rows) > 1 else None)
