"""A document as an outline: its blocks in order, each under its headings, with what every page repeats taken out."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from chains.plain_text import as_prose
from loaders.draft import PartDraft
from loaders.location import ABOVE, Block, Headings, Location, headings_with
from loaders.whole_documents import WholeDocument

__all__ = ["Outline", "OutlineBlock", "Section", "outlined", "short_lines"]

SHORT = 120  # characters: a longer paragraph is content, however often it stands there
REPEATED = 3  # documents, or pages of one document, that hold the same short paragraph
_DIGITS = re.compile(r"\d+")
_FOOTER = re.compile(
    r"(?:page|seite|página|pagina|page)\s+\d+(?:\s*(?:of|/|von|de|van|sur)\s*\d+)?|©.*|\d+", re.I
)
_ENDS = (".", "!", "?", "…", "。", "！", "？")
_NOTES = re.compile(r"Notes: ")
_NUMBERING = re.compile(  # "3 years of warranty" is none
    r"(?:(?:§|Art(?:icle|ikel|ículo)?\.?|Section|Abschnitt|Chapter|Kapitel)\s*\d+(?:\.\d+)*[.):]?"
    r"|\d+[.)]|\d+(?:\.\d+)+[.)]?)\s+"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class OutlineBlock:
    """`document.text[start:end]`."""

    kind: str  # loaders.location.BlockKind
    start: int
    end: int
    text: str
    headings: tuple[str, ...]  # from the top heading down, without marks and numbers; its own not included
    under: int  # where its nearest heading begins; the start of its part where that has none
    location: Location  # of the part that holds it
    level: int  # of a heading
    cells: str  # "B2:F2" for rows of a spreadsheet
    record: str  # the title of the record that the part is; "" where it is none


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """What stands under one heading, up to the next one."""

    headings: tuple[str, ...]
    blocks: tuple[OutlineBlock, ...]  # without the heading itself

    @property
    def heading(self) -> str:
        return self.headings[-1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    document: WholeDocument
    title: str  # as people name the document
    blocks: tuple[OutlineBlock, ...]
    sections: tuple[Section, ...]


def outlined(document: WholeDocument, repeated: frozenset[str] = frozenset()) -> Outline:
    """`repeated` are the lines that many documents share (surveying.py)."""
    blocks = list(_blocks(document))
    pages = _on_many_pages(blocks)
    kept = [block for block in blocks if not _is_furniture(block, repeated | pages)]
    return Outline(
        document=document, title=_title(document, kept), blocks=tuple(kept), sections=tuple(_sections(kept))
    )


def short_lines(document: WholeDocument) -> frozenset[str]:
    """Its short paragraphs, figures aside: those that many documents share are menus and footers."""
    return frozenset(_folded(block.text) for block in _blocks(document) if _may_repeat(block))


def _on_many_pages(blocks: Iterable[OutlineBlock]) -> frozenset[str]:
    """Heads and feet of pages."""
    places = {(_folded(block.text), block.location.page) for block in blocks if _may_repeat(block)}
    counts = Counter(line for line, page in places if page is not None)
    return frozenset(line for line, count in counts.items() if count >= REPEATED)


def _may_repeat(block: OutlineBlock) -> bool:
    """A sentence may be an answer wherever it stands ("Yes."); a menu or a letterhead is none."""
    return block.kind == "paragraph" and len(block.text) <= SHORT and not block.text.rstrip().endswith(_ENDS)


def _is_furniture(block: OutlineBlock, repeated: Iterable[str]) -> bool:
    if block.location.slide is not None and _NOTES.match(block.text):
        return True  # for the speaker, not for the audience
    if not _may_repeat(block):
        return False
    return _folded(block.text) in repeated or _FOOTER.fullmatch(block.text.strip()) is not None


def _folded(text: str) -> str:
    return _DIGITS.sub("0", " ".join(text.split()).casefold())


def _blocks(document: WholeDocument) -> Iterator[OutlineBlock]:
    above: Headings = ()
    under = 0
    before: PartDraft | None = None
    for part in document.parts:
        under = under if _goes_on(before, part) else part.start
        above = above if _goes_on(before, part) else tuple(map(tuple, part.metadata.get(ABOVE) or ()))
        for data in part.metadata.get("blocks") or ():
            block = Block.from_dict(data)
            own = document.text[part.start : part.end]
            yield OutlineBlock(
                kind=block.kind,
                start=part.start + block.start,
                end=part.start + block.end,
                text=own[block.start : block.end],
                headings=tuple(_named(title) for _, title in above),
                under=under,
                location=part.location,
                level=block.level,
                cells=block.cells,
                record=_record(part),
            )
            above = headings_with(above, block, own)
            under = part.start + block.start if block.kind == "heading" else under
        before = part


def _goes_on(before: PartDraft | None, part: PartDraft) -> bool:
    """A page goes on under the headings of the page before it; a slide, sheet or attachment begins anew."""
    return before is not None and before.location.page is not None and part.location.page is not None


def _record(part: PartDraft) -> str:
    """The name of the one thing that a part of a JSON document describes."""
    path = part.location.record or ""
    return str(part.metadata.get("title") or "") if path.startswith("$") and path.endswith("]") else ""


@lru_cache(maxsize=1024)
def _named(heading: str) -> str:
    """A heading without its marks and its number."""
    plain = as_prose(" ".join(heading.lstrip("#").split())).rstrip(":").strip()
    numbering = _NUMBERING.match(plain)
    return plain[numbering.end() :] if numbering and numbering.end() < len(plain) else plain


def _title(document: WholeDocument, blocks: Sequence[OutlineBlock]) -> str:
    """The top heading where the document begins with one, else the title that it says, else the file's name."""
    paged = any(part.location.slide is not None for part in document.parts[:1])
    first = next((block for block in blocks[:4] if block.kind == "heading"), None)
    if first is not None and first.level == 1 and not paged:
        return _named(first.text)
    return " ".join(document.title.split()) or document.name


def _sections(blocks: Sequence[OutlineBlock]) -> Iterator[Section]:
    body = [block for block in blocks if block.kind != "heading" and block.headings]
    for _, group in groupby(body, key=lambda block: block.under):
        blocks_of_one = tuple(group)
        yield Section(headings=blocks_of_one[0].headings, blocks=blocks_of_one)
