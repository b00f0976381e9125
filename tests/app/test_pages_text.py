"""No document, file name or answer can make the page fetch, run or link anything."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from app.ui.escape import WORD_JOINER, escape, one_line
from app.ui.evidence import SURROUNDINGS, surroundings
from app.ui.matches import explain, ordinal
from app.ui.prose import TAGS, Node, cite, prose
from loaders.passage import Scores

POISONED = [
    "![x](https://evil.test/x)",
    "<script>alert(1)</script>.md",
    "<img src=x onerror=alert(1)>",
    "[click](https://evil.test)",
    "[click]: https://evil.test",
    "<https://evil.test/x>",
    "$x^2$ and $$y$$",
    ":material/home: :smile: :red[x] :blue-badge[y]",
    "`code` **bold** _em_ ~~gone~~ # head",
    "a | b\n---|---\n1 | 2",
    "report\u202efdp.exe",
    "&lt;script&gt; &#60;b&#62;",
    "- item\n1. item\n> quote",
]


def markdown_of_a_page() -> MarkdownIt:
    return MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"])


def shown(markdown: str) -> tuple[set[str], str]:
    """(kinds of inline tokens, text) as a Markdown reader sees it."""
    inline = [child for token in markdown_of_a_page().parse(markdown) for child in token.children or []]
    blocks = {token.type for token in markdown_of_a_page().parse(markdown)}
    return {child.type for child in inline} | blocks, "".join(child.content for child in inline)


@pytest.mark.parametrize("text", POISONED)
def test_escaped_text_is_only_text(text: str) -> None:
    kinds, seen = shown(escape(text))
    assert kinds == {"paragraph_open", "paragraph_close", "inline", "text"}
    assert seen.replace(WORD_JOINER, "") == one_line(text)


@given(st.text(min_size=1).filter(lambda text: bool(one_line(text))))
def test_any_text_survives_escaping_word_for_word(text: str) -> None:
    kinds, seen = shown("x" + escape(text))
    assert kinds == {"paragraph_open", "paragraph_close", "inline", "text"}
    assert seen.replace(WORD_JOINER, "") == "x" + one_line(text).replace(WORD_JOINER, "")


@given(st.text(alphabet=":/abwhtps.@_+-1"))
def test_no_icon_code_or_bare_address_is_left_after_escapes_are_resolved(text: str) -> None:
    _, seen = shown("x" + escape(text))
    assert not re.search(r":[\w+/-]+:|://|www\.|\w@\w", seen, re.IGNORECASE)


def test_a_long_name_is_cut_in_the_middle() -> None:
    assert one_line("a" * 100 + ".pdf", longest=20) == "aaaaaaaaaaaaa…aa.pdf"
    assert len(one_line("x" * 500)) == 120


def nodes_of(nodes: list[Node]) -> Iterator[Node]:
    for node in nodes:
        yield node
        if isinstance(node, dict):
            yield from nodes_of(node.get("children", []))


@given(st.text(alphabet=st.sampled_from("![]()<>*_`#|-\n 1abc:/$&"), max_size=120))
def test_prose_is_made_of_known_elements_and_text_alone(text: str) -> None:
    for node in nodes_of(prose(text, {1: "Source"})):
        assert isinstance(node, str) or node.get("tag") in TAGS or set(node) == {"cite", "title"}
    json.dumps(prose(text, {1: "Source"}))


@pytest.mark.parametrize(
    ("text", "nodes"),
    [
        ("See ![x](https://evil.test/x)", ["See ", "[image: x]"]),
        ("See [here](https://evil.test)", ["See ", "here", " (https://evil.test)"]),
        ("<script>alert(1)</script>", ["<script>alert(1)</script>"]),
        ("Five days [1].", ["Five days ", {"cite": 1, "title": "Leave"}, "."]),
        ("Both [1, 2]", ["Both ", {"cite": 1, "title": "Leave"}, {"cite": 2, "title": "Pay"}]),
        ("None [7] here", ["None [7] here"]),
    ],
)
def test_prose_of_one_paragraph(text: str, nodes: list[Node]) -> None:
    assert prose(text, {1: "Leave", 2: "Pay"}) == [{"tag": "p", "children": nodes}]


@given(st.text(alphabet="ab[]12, ", max_size=40))
def test_citing_loses_no_letter(text: str) -> None:
    parts = list(cite(text, {}))
    assert "".join(str(part) for part in parts) == text


def test_the_browser_script_parses_no_markup() -> None:
    """Text nodes only: none of the ways in which a string becomes elements, an address or code."""
    script = (Path(__file__).parents[2] / "app" / "ui" / "rich_text.js").read_text("utf-8")
    for word in (
        "innerHTML",
        "outerHTML",
        "insertAdjacentHTML",
        "document.write",
        "eval(",
        ".href",
        ".src",
        "import(",
    ):
        assert word not in script
    assert set(re.findall(r'"([a-z0-9 ]{40,})"', script)[0].split()) == TAGS


@given(st.text(alphabet="ab c\n", min_size=1, max_size=1500), st.data())
def test_surroundings_hold_the_exact_quote(text: str, data: st.DataObject) -> None:
    start = data.draw(st.integers(0, len(text)))
    end = data.draw(st.integers(start, len(text)))
    before, quote, after = surroundings(text, start, end)
    assert quote == text[start:end]
    assert len(before) <= SURROUNDINGS + 2
    assert len(after) <= SURROUNDINGS + 2
    assert text[:start].endswith(before.removeprefix("… "))
    assert text[end:].startswith(after.removesuffix(" …"))


def test_surroundings_end_with_the_sheet_or_page() -> None:
    text = "other sheet\n\nfirst row, the quote, last row\n\nnext sheet"
    start = text.index("the quote")
    parts = [(0, 11), (13, 43), (45, len(text))]
    assert surroundings(text, start, start + 9, parts) == ("first row, ", "the quote", ", last row")


@pytest.mark.parametrize(
    ("dense", "keyword", "level"),
    [
        (1, 2, "High"),
        (1, 9, "Medium"),
        (None, 3, "Medium"),
        (7, None, "Low"),
        (None, None, "Low"),
        (3, 4, "Medium"),
    ],
)
def test_a_match_is_explained_by_ranks(dense: int | None, keyword: int | None, level: str) -> None:
    match = explain(Scores(fused=1.0, dense_rank=dense, keyword_rank=keyword, terms=("leave",)))
    assert match.level == level
    assert all(reason.endswith(".") for reason in match.reasons)


def test_ordinals() -> None:
    assert [ordinal(n) for n in (1, 2, 3, 4, 11, 12, 13, 21, 102, 111)] == (
        ["1st", "2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "102nd", "111th"]
    )
