"""One part of a file as text: the builder that keeps each block's exact span while the text grows."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from loaders.location import Block, BlockKind
from loaders.readers.limits import Meter

_UNWANTED = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff\ufffe\uffff]")
_BREAKS = re.compile("\r\n?|\x85|\u2028|\u2029")
_TIGHT = {"table_header", "table_row", "list_item"}


def clean(text: str) -> str:
    """`text` that any store can hold: \\n line ends, no NUL, no controls, no lone surrogates."""
    if text.isascii() and text.isprintable():
        return text
    return _UNWANTED.sub("", _BREAKS.sub("\n", text.replace("\x0c", "\n").replace("\x0b", "\n")))


@dataclass(slots=True)
class Part:
    """Text and blocks of one part; `place` holds page, slide, sheet or record where they apply."""

    meter: Meter
    place: dict[str, Any] = field(default_factory=dict)
    blocks: list[Block] = field(default_factory=list)
    title: str = ""
    extra: dict[str, Any] = field(default_factory=dict)  # further metadata
    _pieces: list[str] = field(default_factory=list)
    _length: int = 0

    @property
    def text(self) -> str:
        return "".join(self._pieces)

    def __bool__(self) -> bool:
        return bool(self.blocks)

    def add(
        self,
        kind: BlockKind,
        text: str,
        *,
        level: int = 0,
        cells: str = "",
        at: tuple[tuple[int, int, int], ...] = (),
    ) -> None:
        """Append a block: table rows and list items on the next line, all else after a blank line.

        at: of `text` that is clean already and has no blank edges.
        """
        text = clean(text).strip("\n")
        text = text.rstrip() if kind == "code" else text.strip()
        if not text:
            return
        if self.blocks:
            tight = kind in _TIGHT and self.blocks[-1].kind in _TIGHT and kind != "table_header"
            self._append("\n" if tight else "\n\n")
        start = self._length
        self._append(text)
        self.blocks.append(Block(start=start, end=self._length, kind=kind, level=level, cells=cells, at=at))

    def add_line(self, kind: BlockKind, text: str) -> None:
        """Append a block right on the next line."""
        text = clean(text).strip()
        if text:
            if self.blocks:
                self._append("\n")
            start = self._length
            self._append(text)
            self.blocks.append(Block(start=start, end=self._length, kind=kind))

    def take_text(self, text: str, blocks: list[Block]) -> None:
        """Use `text` as it stands (already clean) with blocks that give spans in it."""
        self._append(text)
        self.blocks = blocks

    def _append(self, text: str) -> None:
        self.meter.add_characters(len(text))
        self._pieces.append(text)
        self._length += len(text)
