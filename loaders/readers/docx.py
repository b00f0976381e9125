"""Word documents (DOCX, DOCM and templates): the body in order; macros are never looked at.

Read from WordprocessingML (ECMA-376 part 1, chapter 17) with lxml, which opens also what python-docx refuses
(macro-enabled files, missing styles) and keeps tracked deletions and field codes out.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from loaders.readers.base import FileLoader
from loaders.readers.embedded import EmbeddedFiles
from loaders.readers.ole_package import unwrapped
from loaders.readers.package import Package
from loaders.readers.part import Part
from loaders.readers.tables import write_rows
from loaders.readers.xmlsafe import attribute, local_name, own_text

_SKIP = {"del", "moveFrom", "instrText", "delText", "rPr", "pPr", "sectPr", "Fallback", "fldData"}
_BLOCKS = {
    "sdt",
    "sdtContent",
    "ins",
    "moveTo",
    "customXml",
    "smartTag",
    "AlternateContent",
    "Choice",
    "body",
}
_NOTES = ("footnotes", "endnotes", "comments")


class DocxLoader(FileLoader):
    """One part for the document; embedded files (PDF, workbooks) are further parts."""

    media_type = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"

    def parts(self) -> Iterator[Part]:
        package = Package(self.source)
        main = package.main_part("word/document.xml")
        self.use_title(package.title())
        self.use_file_date(package.property("modified"), package.property("created"))
        writer = BodyWriter(self.new_part(), _style_levels(package, main))
        self._headers(package, main, "header", writer)
        writer.blocks(package.xml(main))
        for path in package.related(main, "diagramData"):
            root = package.optional_xml(path)
            for body in root.iter("{*}t") if root is not None else ():
                writer.part.add("paragraph", " ".join("".join(body.itertext()).split()) if len(body) else "")
        for kind in _NOTES:
            for path in package.related(main, kind):
                self._notes(package.optional_xml(path), writer)
        self._headers(package, main, "footer", writer)
        embedded = EmbeddedFiles(self.source)
        read_embedded(package, embedded, "word/embeddings/")
        for path in package.related(main, "aFChunk"):
            embedded.read(package.read(path), path.rpartition("/")[2])
        parts = [part for part in [writer.part] if part] + embedded.parts
        if parts:
            embedded.report_on(parts[0])
        yield from parts

    def _headers(self, package: Package, main: str, kind: str, writer: BodyWriter) -> None:
        seen: set[str] = set()
        for path in package.related(main, kind):
            root = package.optional_xml(path)
            text = " ".join(run_text(root).split()) if root is not None else ""
            if text and text not in seen and not text.isdigit():
                seen.add(text)
                writer.part.add("paragraph", text)

    def _notes(self, root: Any, writer: BodyWriter) -> None:
        for note in root if root is not None else ():
            if attribute(note, "type") not in ("separator", "continuationSeparator", "continuationNotice"):
                writer.part.add("paragraph", " ".join(run_text(note).split()))


def read_embedded(package: Package, embedded: EmbeddedFiles, folder: str) -> None:
    """Read the files that an Office document carries, unwrapped from their OLE shells."""
    for name in package.names():
        if name.lower().startswith(folder) and not name.endswith("/"):
            found = unwrapped(package.read(name), name.rpartition("/")[2])
            if found is not None:
                embedded.read(*found)


class BodyWriter:
    """Adds the paragraphs, lists and tables of WordprocessingML to a part; `levels`: style id -> heading level."""

    def __init__(self, part: Part, levels: dict[str, int]) -> None:
        self.part = part
        self.levels = levels

    def blocks(self, parent: Any) -> None:
        """Paragraphs and tables under `parent`, in order."""
        for element in parent:
            name = local_name(element)
            if name == "p":
                self.paragraph(element)
            elif name == "tbl":
                self.table(element)
            elif name in _BLOCKS:
                self.blocks(element)

    def paragraph(self, element: Any) -> None:
        self.part.meter.check_time()
        text = re.sub(r"[ \xa0]+", " ", run_text(element, boxes=False))
        style, outline, listed = _properties(element)
        level = self.levels.get(style, 0) or outline
        if level and len(text) <= 300:
            self.part.add("heading", " ".join(text.split()), level=min(level, 6))
        elif listed and text.strip():
            self.part.add("list_item", f"- {text.strip()}")
        else:
            self.part.add("paragraph", text)
        for box in _text_boxes(element):
            self.blocks(box)

    def table(self, element: Any) -> None:
        rows: list[list[str]] = []
        marked = False
        for row in _rows(element):
            marked = marked or (not rows and _has_header_mark(row))
            rows.append([" ".join(run_text(cell).split()) for cell in _cells(row)])
        write_rows(self.part, rows, header=marked or None)


def run_text(element: Any, *, boxes: bool = True) -> str:
    """The visible text under `element`: no deletions, no field codes; paragraphs end lines."""
    pieces: list[str] = []
    stack: list[Any] = [element]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        name = local_name(item)
        if name in _SKIP or (name == "txbxContent" and not boxes):
            continue
        if name == "t":
            pieces.append(own_text(item))
        elif name in ("tab", "ptab"):
            pieces.append("\t")
        elif name in ("br", "cr"):
            pieces.append("\n")
        elif name == "noBreakHyphen":
            pieces.append("-")
        elif name == "sym":
            pieces.append("•" if attribute(item, "char").upper().startswith("F0") else "")
        elif name in ("r", "txbxContent") and _hidden(item):
            continue
        else:
            if name in ("p", "tc"):
                stack.append("\n")
            stack.extend(reversed(item))
    return "".join(pieces)


def _hidden(run: Any) -> bool:
    properties = next((child for child in run if local_name(child) == "rPr"), None)
    if properties is None:
        return False
    return any(
        local_name(child) == "vanish" and attribute(child, "val") not in ("0", "false")
        for child in properties
    )


def _properties(paragraph: Any) -> tuple[str, int, bool]:
    """Style id, outline level (1-based, 0 for none) and whether the paragraph is a list item."""
    style, outline, listed = "", 0, False
    properties = next((child for child in paragraph if local_name(child) == "pPr"), ())
    for child in properties:
        name = local_name(child)
        if name == "pStyle":
            style = attribute(child, "val")
        elif name == "outlineLvl" and attribute(child, "val").isdigit():
            outline = int(attribute(child, "val")) + 1
        elif name == "numPr":
            listed = any(local_name(mark) == "numId" and attribute(mark, "val") != "0" for mark in child)
    return style, outline if outline <= 6 else 0, listed or style.lower().startswith("list")


def _style_levels(package: Package, main: str) -> dict[str, int]:
    """Style id -> heading level, by the style's built-in name or its outline level, inherited styles too."""
    levels = {f"Heading{level}": level for level in range(1, 7)}
    parents: dict[str, str] = {}
    for path in package.related(main, "styles"):
        root = package.optional_xml(path)
        for style in root.iter("{*}style") if root is not None else ():
            identity = attribute(style, "styleId")
            level = _style_level(style)
            if level:
                levels[identity] = level
            for child in style:
                if local_name(child) == "basedOn":
                    parents[identity] = attribute(child, "val")
    for identity, parent in parents.items():
        if identity not in levels and parent in levels:
            levels[identity] = levels[parent]
    return levels


def _style_level(style: Any) -> int:
    """1 to 9 for a style named as a heading or title, or with an outline level; else 0."""
    named = next((attribute(child, "val").lower() for child in style if local_name(child) == "name"), "")
    match = re.match(r"heading (\d)$|(title)$", named)
    if match:
        return int(match.group(1) or 1)
    for mark in style.iter("{*}outlineLvl"):
        value = attribute(mark, "val")
        return int(value) + 1 if value in ("0", "1", "2", "3", "4", "5") else 0
    return 0


def _text_boxes(paragraph: Any) -> Iterator[Any]:
    for box in paragraph.iter("{*}txbxContent"):
        if not any(local_name(parent) in ("Fallback", "txbxContent") for parent in box.iterancestors()):
            yield box


def _rows(table: Any) -> Iterator[Any]:
    for child in table:
        name = local_name(child)
        if name == "tr":
            yield child
        elif name in _BLOCKS:
            yield from _rows(child)


def _cells(row: Any) -> Iterator[Any]:
    for child in row:
        name = local_name(child)
        if name == "tc":
            yield child
        elif name in _BLOCKS:
            yield from _cells(child)


def _has_header_mark(row: Any) -> bool:
    return any(
        local_name(mark) == "tblHeader" for child in row if local_name(child) == "trPr" for mark in child
    )
