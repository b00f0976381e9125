"""HTML: headings, paragraphs, lists and tables of the page; scripts, styles, hidden parts and menus left out.

Nothing is fetched: no stylesheet, image, frame or DTD.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from errors import CorruptFileError
from loaders.location import BlockKind
from loaders.readers.base import FileLoader
from loaders.readers.encodings import decode, known_codec
from loaders.readers.part import Part
from loaders.readers.tables import is_header, write_rows

_DROP = {
    "script", "style", "noscript", "template", "svg", "math", "iframe", "object", "embed", "canvas", "audio",
    "video", "head", "select", "button", "datalist", "map", "applet", "nav", "dialog", "link", "meta",
}  # fmt: skip
_BLOCK = {
    "address", "article", "aside", "blockquote", "body", "center", "dd", "details", "dir", "div", "dl", "dt",
    "fieldset", "figcaption", "figure", "footer", "form", "h1", "h2", "h3", "h4", "h5", "h6", "header", "hr", "html",
    "legend", "li", "main", "menu", "ol", "p", "pre", "section", "summary", "table", "tbody", "tfoot",
    "thead", "tr", "td", "th", "caption", "ul", "title", "optgroup", "option", "frameset", "noframes",
}  # fmt: skip
# Text that no reader of the page sees: taken out, shrunk to nothing, transparent, or moved off the screen.
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?:\.0+)?(?!\d|\.\d*[1-9])"
    r"|(?<![\w-])opacity\s*:\s*0(?:\.0+)?(?!\d|\.\d*[1-9])"
    r"|(?:left|right|top|text-indent)\s*:\s*-\d{4,}|clip\s*:\s*rect\(\s*0(?:px)?[\s,]+0",
    re.IGNORECASE,
)
_COLOUR = re.compile(r"(?:^|;)\s*(color|background(?:-color)?)\s*:\s*([^;]+)", re.IGNORECASE)
_CHARSET = re.compile(rb"<meta[^>]{0,200}?charset\s*=\s*[\"']?\s*([\w:.-]+)", re.IGNORECASE)
_XML_ENCODING = re.compile(rb"^\s*<\?xml[^>]{0,100}encoding\s*=\s*[\"']([\w.-]+)", re.IGNORECASE)


class HtmlLoader(FileLoader):
    """One part; its title is the page's `<title>`."""

    media_type = "text/html"

    def parts(self) -> Iterator[Part]:
        part = self.new_part()
        self.use_title(write_html(part, self.source.data))
        yield part


def html_text(data: bytes, declared: str | None = None) -> str:
    """Decoded page: byte-order mark, then what the page or its carrier declares, then statistics."""
    named = _CHARSET.search(data[:4096]) or _XML_ENCODING.search(data[:200])
    charset = named.group(1).decode("ascii", "replace") if named else None
    if charset and charset.lower().startswith(("utf-16", "utf-32")):
        charset = None  # a declaration read as ASCII cannot be right about that
    return decode(data, declared if known_codec(declared) else charset)


def write_html(part: Part, data: bytes | str, declared: str | None = None) -> str:
    """Add the page's blocks to `part` and return its title."""
    text = html_text(data, declared) if isinstance(data, bytes) else data
    root = parse_html(text)
    if root is None:
        return ""
    title = next(iter(root.iter("title")), None)
    _Walker(part).walk(root)
    return " ".join("".join(title.itertext()).split()) if title is not None else ""


def parse_html(text: str) -> Any:
    """The tree of a page, however broken; None where there is nothing in it."""
    text = re.sub(r"^\s*<\?xml[^>]*\?>", "", text)
    parser = etree.HTMLParser(
        encoding="utf-8", no_network=True, remove_comments=True, remove_pis=True, huge_tree=True, recover=True
    )
    try:
        return etree.fromstring(text.encode("utf-8", "replace"), parser)
    except etree.XMLSyntaxError as error:
        if "empty" in str(error).lower():
            return None
        raise CorruptFileError(f"the page's HTML cannot be parsed ({error})") from error


class _Walker:
    """Walks the tree without recursion; inline text gathers until a block element begins or ends."""

    def __init__(self, part: Part) -> None:
        self.part = part
        self.pieces: list[str] = []
        self.kind: BlockKind = "paragraph"
        self.level = 0
        self.marker = ""
        self.lists: list[list[Any]] = []  # [tag, count] of open lists

    def walk(self, root: Any) -> None:
        stack: list[tuple[str, Any]] = [("open", root)]
        while stack:
            step, item = stack.pop()
            if step == "text":
                self.pieces.append(item)
            elif step == "close":
                self.close(item)
            elif self.opens(item):
                stack.append(("close", item))
                for child in reversed(item):
                    if child.tail:
                        stack.append(("text", child.tail))
                    stack.append(("open", child))
                if item.text:
                    stack.append(("text", item.text))
        self.flush()

    def opens(self, element: Any) -> bool:
        """Begin an element; False where its inside is not to be walked."""
        tag = element.tag if isinstance(element.tag, str) else ""
        tag = tag.rpartition("}")[2].lower()
        if not tag or tag in _DROP or _is_hidden(element):
            return False
        if tag == "br":
            self.pieces.append("\n")
        elif tag in ("img", "area") and element.get("alt"):
            self.pieces.append(f" {element.get('alt')} ")
        elif tag == "input":
            value = element.get("value") if element.get("type", "text") in ("text", "submit") else ""
            self.pieces.append(f" {value} " if value and element.get("type") == "text" else " ")
        elif tag == "pre":
            self.flush()
            self.part.add("code", "".join(element.itertext()))
            return False
        elif tag == "table" and _is_data_table(element):
            self.flush()
            self.table(element)
            return False
        elif tag in _BLOCK:
            self.flush()
            self.begin(tag)
        return True

    def begin(self, tag: str) -> None:
        if tag in ("ul", "ol", "menu", "dir"):
            self.lists.append([tag, 0])
        elif tag == "li":
            ordered = bool(self.lists) and self.lists[-1][0] == "ol"
            if self.lists:
                self.lists[-1][1] += 1
            self.kind, self.marker = "list_item", f"{self.lists[-1][1]}. " if ordered else "- "
        elif len(tag) == 2 and tag[0] == "h" and tag[1] in "123456":
            self.kind, self.level = "heading", int(tag[1])

    def close(self, element: Any) -> None:
        tag = element.tag.rpartition("}")[2].lower()
        if tag in _BLOCK:
            self.flush()
            if tag in ("ul", "ol", "menu", "dir") and self.lists:
                self.lists.pop()

    def flush(self) -> None:
        """Write what has gathered; two line breaks in a row end a paragraph, one a line."""
        lines = _broken_lines(self.pieces)
        self.pieces = []
        if self.kind == "paragraph":
            texts = [text.strip("\n") for text in re.split(r"\n{2,}", "\n".join(lines))]
        else:
            texts = [(" " if self.kind == "heading" else "\n").join(line for line in lines if line)]
        texts = [text for text in texts if text]
        if not texts:
            return
        for text in texts:
            self.part.add(self.kind, self.marker + text, level=self.level)
        self.kind, self.level, self.marker = "paragraph", 0, ""

    def table(self, table: Any) -> None:
        caption = next(table.iterchildren("caption"), None)
        if caption is not None:
            self.part.add("paragraph", _inline(caption))
        rows: list[list[str]] = []
        header = None
        for row in table.iter("tr"):
            cells = [cell for cell in row if cell.tag in ("td", "th")]
            if not rows and cells and all(cell.tag == "th" for cell in cells):
                header = True
            if not _is_hidden(row):
                rows.append([_inline(cell) for cell in cells])
        write_rows(self.part, rows, header=header or is_header([row for row in rows if any(row)]))


def _broken_lines(pieces: list[str]) -> list[str]:
    """Text with a line for each `<br>`; line ends of the source itself are blanks."""
    lines = [""]
    for piece in pieces:
        if piece == "\n":
            lines.append("")
        else:
            lines[-1] += piece
    return [" ".join(line.split()) for line in lines]


def _inline(element: Any) -> str:
    """All visible text in `element` on one line, with a blank where a block or a line ends."""
    pieces: list[str] = []
    stack: list[Any] = [element]
    while stack:
        item = stack.pop()
        if isinstance(item, str):
            pieces.append(item)
            continue
        tag = item.tag if isinstance(item.tag, str) else ""
        if item is not element and item.tail:
            stack.append(item.tail)
        if not tag or tag in _DROP or (item is not element and _is_hidden(item)):
            continue
        if tag in _BLOCK or tag == "br":
            pieces.append(" ")
            stack.append(" ")
        if tag == "img" and item.get("alt"):
            pieces.append(f" {item.get('alt')} ")
        stack.extend(reversed(item))
        if item.text:
            stack.append(item.text)
    return " ".join("".join(pieces).split())


def _is_hidden(element: Any) -> bool:
    style = element.get("style")
    return (
        element.get("hidden") is not None
        or element.get("aria-hidden") == "true"
        or bool(style and (_HIDDEN.search(style) or _on_itself(style)))
    )


def _on_itself(style: str) -> bool:
    """Whether letters and background have one colour: white on white."""
    said = {name.lower().removesuffix("-color"): _colour(value) for name, value in _COLOUR.findall(style)}
    return "color" in said and said["color"] == said.get("background")


def _colour(value: str) -> str:
    """`#fff`, `white` and `#ffffff` are one."""
    plain = value.lower().replace("!important", "").strip()
    if re.fullmatch(r"#[0-9a-f]{3}", plain):
        plain = "#" + "".join(letter * 2 for letter in plain[1:])
    return {"white": "#ffffff", "black": "#000000"}.get(plain, plain)


def _is_data_table(table: Any) -> bool:
    """Whether a table holds data, not the page's layout: no table or heading in it, short cells, columns."""
    if table.get("role") == "presentation":
        return False
    if any(element is not table for element in table.iter("table", "h1", "h2", "h3", "ul", "ol", "form")):
        return False
    rows = [len([cell for cell in row if cell.tag in ("td", "th")]) for row in table.iter("tr")]
    return bool(rows) and max(rows) >= 2
