"""Answer and document text as a tree of plain elements, the only form in which such text reaches the browser.

A node is a string, `{"tag": ..., "children": [...]}` with a tag of `TAGS`, or `{"cite": n, "title": ...}`; an element
with "doubt" is part of a marked claim, and the last one of the claim says why. Links and images of the text are shown
as text: nothing in a document or an answer can make the browser fetch anything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from app.ui.marks import Mark, Places

if TYPE_CHECKING:
    from markdown_it import MarkdownIt
    from markdown_it.tree import SyntaxTreeNode

Node = str | dict[str, Any]

TEXT_TAGS = ("p", "strong", "em", "s", "code", "pre", "ul", "ol", "li", "h4", "blockquote", "br", "hr")
TABLE_TAGS = ("table", "thead", "tbody", "tr", "th", "td")
TAGS = frozenset((*TEXT_TAGS, *TABLE_TAGS, "mark", "span"))
_MARKERS = re.compile(r"\[(\d{1,3}(?:\s*,\s*\d{1,3})*)\]")
_ELEMENTS = {
    "paragraph": "p",
    "heading": "h4",
    "bullet_list": "ul",
    "ordered_list": "ol",
    "list_item": "li",
    "blockquote": "blockquote",
    "strong": "strong",
    "em": "em",
    "s": "s",
    "table": "table",
    "thead": "thead",
    "tbody": "tbody",
    "tr": "tr",
    "th": "th",
    "td": "td",
}


def prose(text: str, citations: Mapping[int, str], marks: Sequence[Mark] = ()) -> list[Node]:
    """The nodes of a Markdown text; `[n]` becomes a citation where `citations` (n -> title) has n.

    What stands under a mark of `text` is wrapped, over as many nodes as it takes.
    """
    from markdown_it.tree import SyntaxTreeNode

    tree = SyntaxTreeNode(_parser().parse(text))
    drawing = _Drawing(citations=citations, places=Places(text, marks))
    nodes = [node for child in tree.children for node in _nodes(child, drawing)]
    for mark, last in drawing.marked.items():
        last["doubt"] = mark.label
    return nodes


@dataclass(frozen=True, slots=True, kw_only=True)
class _Drawing:
    citations: Mapping[int, str]
    places: Places
    marked: dict[Mark, dict[str, Any]] = field(default_factory=dict)  # the last element of each mark


def excerpt(before: str, quote: str, after: str) -> list[Node]:
    """Document text as it stands, the quote marked."""
    return [before, element("mark", [quote]), after]


def element(tag: str, children: Sequence[Node]) -> dict[str, Any]:
    return {"tag": tag, "children": list(children)}


@cache
def _parser() -> MarkdownIt:
    from markdown_it import MarkdownIt

    parser = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    return parser.disable(["code", "html_block", "html_inline", "reference"])


def _nodes(node: SyntaxTreeNode, drawing: _Drawing) -> Iterator[Node]:
    if node.type in ("inline", "tr", "fence", "code_block") and node.map:
        drawing.places.enter_line(node.map[0])
    if node.type == "text":
        yield from _marked(node.content, drawing)
    elif node.type in _ELEMENTS:
        yield element(_ELEMENTS[node.type], _inside(node, drawing))
    elif node.type == "code_inline":
        yield element("code", list(_marked(node.content, drawing, citing=False)))
    elif node.type in ("fence", "code_block"):
        yield element("pre", [element("code", [node.content])])
    elif node.type == "softbreak":
        yield "\n"
    elif node.type in ("hardbreak", "hr"):
        yield element("br" if node.type == "hardbreak" else "hr", [])
    elif node.type == "image":
        yield f"[image: {node.content}]"
    elif node.type == "link":
        yield from _link(node, drawing)
    else:
        yield from _inside(node, drawing)


def _inside(node: SyntaxTreeNode, drawing: _Drawing) -> list[Node]:
    return [inner for child in node.children for inner in _nodes(child, drawing)]


def _marked(content: str, drawing: _Drawing, *, citing: bool = True) -> Iterator[Node]:
    """Plain text with its citations, the doubtful runs of it wrapped."""
    citations = drawing.citations if citing else {}
    for start, end, mark in drawing.places.cut(content):
        nodes = list(cite(content[start:end], citations))
        if mark is None:
            yield from nodes
        else:
            drawing.marked[mark] = element("span", nodes) | {"doubt": ""}
            yield drawing.marked[mark]


def _link(node: SyntaxTreeNode, drawing: _Drawing) -> Iterator[Node]:
    """The link's words, and its address as text where the words do not show it."""
    yield from _inside(node, drawing)
    address = str(node.attrs.get("href", ""))
    if address and address not in _plain(node):
        yield f" ({address})"


def _plain(node: SyntaxTreeNode) -> str:
    return node.content if node.type == "text" else "".join(_plain(child) for child in node.children)


def cite(text: str, citations: Mapping[int, str]) -> Iterator[Node]:
    """`text` cut at the markers that cite something; other brackets stay as they are."""
    done = 0
    for match in _MARKERS.finditer(text):
        numbers = [int(number) for number in match[1].split(",")]
        if all(number in citations for number in numbers):
            if match.start() > done:
                yield text[done : match.start()]
            yield from ({"cite": number, "title": citations[number]} for number in numbers)
            done = match.end()
    if done < len(text):
        yield text[done:]
