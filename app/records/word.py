"""A conversation as a Word document, without any link out of it."""

from __future__ import annotations

import io
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from app.records.entries import Conversation
from app.records.exported import NOT_BACKED, Source, Told, minute
from app.ui.marks import Mark
from app.ui.prose import Node, prose
from chains.answer import Computation

__all__ = ["word"]

# What XML 1.0 cannot hold, and what turns the direction of text.
_UNWRITABLE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff\ufffe\uffff]"
)


def word(conversation: Conversation, exchanges: Sequence[Told]) -> bytes:
    """The bytes of a .docx file."""
    from docx import Document

    document = Document()
    changed = datetime.fromisoformat(conversation.changed_at).replace(tzinfo=None)
    document.core_properties.title = _writable(conversation.title)[:255]
    document.core_properties.author = "Groundtune"
    document.core_properties.created = document.core_properties.modified = changed
    document.add_heading(_writable(conversation.title), level=0)
    count = "1 question" if len(exchanges) == 1 else f"{len(exchanges)} questions"
    document.add_paragraph(f"{count} · last changed {minute(conversation.changed_at)}")
    for number, one in enumerate(exchanges, start=1):
        _exchange(document, number, one)
    written = io.BytesIO()
    document.save(written)
    return written.getvalue()


def _exchange(document: Any, number: int, one: Told) -> None:
    document.add_heading(_writable(f"{number}. {' '.join(one.question.split())}"), level=1)
    if one.files:
        document.add_paragraph(_writable(f"Files: {', '.join(one.files)}"))
    document.add_paragraph().add_run(_writable(one.facts)).italic = True
    marks = [Mark(start=start, end=end, label=NOT_BACKED) for start, end in one.doubtful]
    _Writer(document).blocks(prose(one.text, {}, marks))
    if one.computation is not None:
        _computation(document, one.computation)
    for note in one.notes:
        document.add_paragraph(_writable(note), style="List Bullet")
    if one.sources:
        title = "Nearest passages" if one.sources[0].marker is None else "Sources"
        document.add_heading(title, level=2)
        for source in one.sources:
            _source(document, source)


def _source(document: Any, source: Source) -> None:
    line = document.add_paragraph()
    if source.marker is not None:
        line.add_run(f"[{source.marker}] ").bold = True
    line.add_run(_writable(source.title))
    if source.check:
        line.add_run(f" — {source.check}").italic = True
    document.add_paragraph(_writable(source.quote), style="Quote")


def _computation(document: Any, computation: Computation) -> None:
    document.add_paragraph(
        _writable(f"Computed from {'; '.join(computation.tables)}, by this read-only query:")
    )
    _monospaced(document.add_paragraph().add_run(_writable(computation.sql)))
    cells = [list(computation.columns)]
    cells += [["" if value is None else str(value) for value in row] for row in computation.rows]
    _table(document, cells)
    if computation.row_count > len(computation.rows):
        document.add_paragraph(f"The first {len(computation.rows):,} of {computation.row_count:,} rows.")


def _table(document: Any, rows: list[list[str]]) -> None:
    width = max(map(len, rows), default=0)
    if not width:
        return
    table = document.add_table(rows=len(rows), cols=width, style="Table Grid")
    for row, texts in zip(table.rows, rows, strict=True):
        for cell, text in zip(row.cells, texts, strict=False):
            cell.text = _writable(text)


# --- the answer's Markdown ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class _Look:
    bold: bool = False
    italic: bool = False
    code: bool = False
    struck: bool = False
    doubt: bool = False


_LOOKS = {"strong": "bold", "em": "italic", "code": "code", "pre": "code", "s": "struck"}
_BLOCKS = ("p", "h4", "pre", "hr", "table", "ul", "ol", "blockquote")


class _Writer:
    """Puts prose.py's nodes into a document, a paragraph a block."""

    def __init__(self, document: Any) -> None:
        self._document = document

    def blocks(self, nodes: Iterable[Node], style: str | None = None, *, lead: str = "") -> None:
        """`lead` goes before the first words: the number of a list's item."""
        paragraph = None
        for node in nodes:
            tag = node.get("tag") if isinstance(node, dict) else None
            if tag in _BLOCKS:
                self._block(node, tag, style, lead)
                paragraph = None
            else:
                paragraph = paragraph or self._paragraph(style, lead)
                self._runs(paragraph, [node], _Look())
            lead = ""

    def _block(self, node: Node, tag: str, style: str | None, lead: str) -> None:
        inner = _children(node)
        if tag == "table":
            _table(self._document, [[_plain(cell) for cell in row] for row in _rows(node)])
        elif tag == "ul":
            for item in inner:
                self.blocks(_children(item), "List Bullet", lead=lead)
        elif tag == "ol":  # numbered here: Word would count on from the list before
            for number, item in enumerate(inner, start=1):
                self.blocks(_children(item), "List Continue", lead=f"{number}. ")
        elif tag == "blockquote":
            self.blocks(inner, "Quote", lead=lead)
        else:
            self._runs(self._paragraph(style, lead), [node], _Look(bold=tag == "h4"))

    def _paragraph(self, style: str | None, lead: str) -> Any:
        paragraph = self._document.add_paragraph(style=style)
        if lead:
            paragraph.add_run(lead)
        return paragraph

    def _runs(self, paragraph: Any, nodes: Iterable[Node], look: _Look) -> None:
        for node in nodes:
            if isinstance(node, str):
                _run(paragraph, node, look)
            elif node.get("tag") == "br":
                paragraph.add_run().add_break()
            else:
                named = _LOOKS.get(node.get("tag", ""))
                inner = replace(look, **{named: True}) if named else look
                inner = replace(inner, doubt=True) if "doubt" in node else inner
                self._runs(paragraph, _children(node), inner)
                if node.get("doubt"):
                    paragraph.add_run(f" ({NOT_BACKED})").italic = True


def _run(paragraph: Any, text: str, look: _Look) -> None:
    run = paragraph.add_run(_writable(text))
    run.bold, run.italic, run.font.strike = look.bold or None, look.italic or None, look.struck or None
    if look.code:
        _monospaced(run)
    if look.doubt:
        from docx.enum.text import WD_UNDERLINE

        run.underline = WD_UNDERLINE.DOTTED


def _monospaced(run: Any) -> None:
    run.font.name = "Consolas"


def _children(node: Node) -> list[Node]:
    return list(node.get("children", ())) if isinstance(node, dict) else []


def _rows(table: Node) -> Iterator[list[Node]]:
    for part in _children(table):
        for row in _children(part):
            yield _children(row)


def _plain(node: Node) -> str:
    return node if isinstance(node, str) else "".join(map(_plain, _children(node)))


def _writable(text: str) -> str:
    return _UNWRITABLE.sub("\ufffd", text)
