"""Where a quote stands on a PDF page: the rectangles to mark, though words are cut by hyphens at line ends there."""

from __future__ import annotations

import re
from typing import Any

Rectangle = tuple[float, float, float, float]  # left, bottom, right, top; points, y upwards

_IGNORED = re.compile("[\\s\u00ad\ufffe\x02-]")


def quote_rectangles(text_page: Any, quote: str) -> list[Rectangle]:
    """Rectangles of the first place of `quote` on a `pypdfium2.PdfTextPage`, one a line; empty when it is not there.

    Blanks, line ends and hyphens count for nothing, so the text of our parts is found again. The caller holds
    `loaders.readers.pdf.PDFIUM_LOCK`.
    """
    text = text_page.get_text_range()
    places = [place for place, character in enumerate(text) if not _IGNORED.match(character)]
    squeezed = "".join(text[place] for place in places)
    wanted = _IGNORED.sub("", quote)
    start = squeezed.find(wanted) if wanted else -1
    if start < 0:
        return []
    units = _units(text)
    first, last = units[places[start]], units[places[start + len(wanted) - 1]]
    count = text_page.count_rects(first, last - first + 1)
    return [text_page.get_rect(index) for index in range(count)]


def _units(text: str) -> list[int]:
    """pdfium counts UTF-16 units: the unit at which each character begins."""
    offsets, unit = [], 0
    for character in text:
        offsets.append(unit)
        unit += 2 if ord(character) > 0xFFFF else 1
    return offsets
