"""A PDF page as a picture with a quote marked, found by its letters (white space and soft hyphens aside)."""

from __future__ import annotations

import io
from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from loaders.readers.pdf import PDFIUM_LOCK

if TYPE_CHECKING:
    from PIL.Image import Image

WIDTH_PX = 1100
TALLEST_PX = 4000
SHORTEST_PART = 12  # letters; less than that could be anything
MARK = (255, 214, 72)
_SKIPPED = frozenset("\u00ad\ufffe\x02")  # how pdfium reports hyphens at a line's end

Rectangle = tuple[int, int, int, int]  # left, top, right, bottom in pixels of the picture


@dataclass(frozen=True, slots=True, kw_only=True)
class PagePicture:
    png: bytes
    marks: int  # rectangles drawn; 0: the quote was not found on the page


def page_picture(pdf: bytes, page: int, quote: str) -> PagePicture | None:
    """The 1-based `page` with `quote` marked; None where the file has no such page or cannot be opened."""
    import pypdfium2

    with PDFIUM_LOCK:
        try:
            document = pypdfium2.PdfDocument(pdf)
        except pypdfium2.PdfiumError:
            return None
        try:
            if not 1 <= page <= len(document):
                return None
            return _draw(document[page - 1], quote)
        finally:
            document.close()


def _draw(page: Any, quote: str) -> PagePicture:
    width, height = page.get_size()
    scale = min(WIDTH_PX / max(width, 1), TALLEST_PX / max(height, 1))
    picture = page.render(scale=scale).to_pil().convert("RGB")
    marks = _rectangles(page, quote, picture.size)
    picture = _marked(picture, marks)
    out = io.BytesIO()
    picture.save(out, "PNG", optimize=False, compress_level=3)
    return PagePicture(png=out.getvalue(), marks=len(marks))


def _marked(picture: Image, marks: list[Rectangle]) -> Image:
    """Multiplied, as a marker pen does: the letters stay black."""
    from PIL import Image, ImageChops, ImageDraw

    layer = Image.new("RGB", picture.size, "white")
    pen = ImageDraw.Draw(layer)
    for left, top, right, bottom in marks:
        pen.rounded_rectangle((left - 3, top - 2, right + 3, bottom + 2), radius=4, fill=MARK)
    return ImageChops.multiply(picture, layer)


def _rectangles(page: Any, quote: str, size: tuple[int, int]) -> list[Rectangle]:
    text = page.get_textpage()
    try:
        span = _find(text, quote)
        if span is None:
            return []
        first, count = span
        boxes = [text.get_rect(index) for index in range(text.count_rects(first, count))]
        return [_on_picture(page, box, size) for box in boxes]
    finally:
        text.close()


def _find(text: Any, quote: str) -> tuple[int, int] | None:
    """(first character, count) among pdfium's characters of the quote, or of its part that stands on this page."""
    from pypdfium2 import raw

    letters = [chr(raw.FPDFText_GetUnicode(text, index)) for index in range(text.count_chars())]
    kept = [index for index, letter in enumerate(letters) if _counts(letter)]
    found = _longest_part("".join(letters[index] for index in kept), "".join(filter(_counts, quote)))
    if found is None:
        return None
    first, last = kept[found[0]], kept[found[1] - 1]
    return first, last - first + 1


def _longest_part(page: str, wanted: str) -> tuple[int, int] | None:
    """Where on the page `wanted` stands, else its longest beginning or end: it may run over a page's edge."""
    sizes = range(1, len(wanted) + 1)
    head = bisect_left(sizes, True, key=lambda size: wanted[:size] not in page)
    tail = bisect_left(sizes, True, key=lambda size: wanted[-size:] not in page)
    size, part = max((head, wanted[:head]), (tail, wanted[len(wanted) - tail :]))
    if size < min(SHORTEST_PART, len(wanted)) or not part:
        return None
    start = page.find(part)
    return start, start + size


def _counts(letter: str) -> bool:
    return not letter.isspace() and letter not in _SKIPPED and letter != "-"


def _on_picture(page: Any, box: tuple[float, float, float, float], size: tuple[int, int]) -> Rectangle:
    """PDF points to pixels through pdfium itself, which knows the page's rotation and crop box."""
    left, bottom, right, top = box
    one, two = _pixel(page, left, top, size), _pixel(page, right, bottom, size)
    return min(one[0], two[0]), min(one[1], two[1]), max(one[0], two[0]), max(one[1], two[1])


def _pixel(page: Any, x: float, y: float, size: tuple[int, int]) -> tuple[int, int]:
    from ctypes import byref, c_int

    from pypdfium2 import raw

    across, down = c_int(), c_int()
    raw.FPDF_PageToDevice(page, 0, 0, size[0], size[1], 0, x, y, byref(across), byref(down))
    return across.value, down.value
