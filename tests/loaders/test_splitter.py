"""The splitter's promises, for any text and any blocks; then its choices, one by one."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from langchain_core.documents import Document

from loaders.location import Block, BlockKind
from loaders.splitter import Chunk, SpanSplitter

KINDS: tuple[BlockKind, ...] = ("heading", "paragraph", "list_item", "table_header", "table_row", "code")
TEXTS = st.text(
    st.sampled_from(list("aB1 .,|\n\té"))
    | st.sampled_from(["\u0301", "\u200d", "👍", "🏽", "中"])
    | st.characters(),
    max_size=400,
)
PROSE = st.lists(
    st.sampled_from(["word", "longerword", "it", "stops.", "Then,", "\n\n", "\n", "a | b | c", "x" * 90]),
    max_size=80,
).map(" ".join)


def words(text: str) -> list[tuple[int, int]]:
    return [match.span() for match in re.finditer(r"\S+", text)]


def fragments(text: str) -> list[tuple[int, int]]:
    """Like WordPiece where it is troublesome: words in threes, but one of over 40 letters is one token."""
    spans: list[tuple[int, int]] = []
    for start, end in words(text):
        step = end - start if end - start > 40 else 3
        spans += [(first, min(first + step, end)) for first in range(start, end, step)]
    return spans


@st.composite
def parts(draw: st.DrawFn) -> Document:
    """A text with blocks that may overlap, run out of order, or past its end."""
    text = draw(TEXTS | PROSE)
    edge = st.integers(0, len(text) + 5)
    blocks = st.builds(
        lambda one, two, kind, level: Block(
            start=min(one, two), end=max(one, two), kind=kind, level=level
        ).as_dict(),
        edge,
        edge,
        st.sampled_from(KINDS),
        st.integers(0, 6),
    )
    return Document(page_content=text, metadata={"blocks": draw(st.lists(blocks, max_size=8)), "page": 3})


def marked(*pieces: tuple[str, str], **metadata: Any) -> Document:
    """A part made of blocks, parted by newlines; "heading 2" gives the level, "table_row A1:B1" the cells."""
    text, blocks = "", []
    for kind, content in pieces:
        name, _, detail = kind.partition(" ")
        blocks.append(
            Block(
                start=len(text),
                end=len(text) + len(content),
                kind=name,  # type: ignore[arg-type]
                level=int(detail) if detail.isdigit() else 0,
                cells="" if detail.isdigit() else detail,
            ).as_dict()
        )
        text += content + "\n"
    return Document(page_content=text, metadata={"blocks": blocks, **metadata})


def texts(part: Document, chunks: Sequence[Chunk]) -> list[str]:
    return [part.page_content[chunk.start : chunk.end] for chunk in chunks]


class TestPromises:
    @settings(max_examples=300)
    @given(parts(), st.integers(1, 30), st.sampled_from([words, fragments]), st.integers(0, 10))
    def test_any_part(self, part: Document, limit: int, token_spans: Any, overlap: int) -> None:
        splitter = SpanSplitter(token_spans=token_spans, max_tokens=limit, overlap_tokens=min(overlap, limit))
        chunks = splitter.split_part(part)
        found = texts(part, chunks)
        assert all(text == text.strip() != "" for text in found)
        assert all(len(token_spans(text)) <= limit or len(text) == 1 for text in found)
        assert all(one.start < two.start and one.end < two.end for one, two in pairwise(chunks))
        covered = {position for chunk in chunks for position in range(chunk.start, chunk.end)}
        assert all(spot in covered for spot, char in enumerate(part.page_content) if not char.isspace())
        assert chunks == splitter.split_part(part)
        assert all(chunk.location.page == 3 for chunk in chunks)
        if not overlap:
            assert all(one.end <= two.start for one, two in pairwise(chunks))

    @given(parts(), st.integers(3, 30))
    def test_documents_carry_the_spans(self, part: Document, limit: int) -> None:
        for document in SpanSplitter(token_spans=fragments, max_tokens=limit).split_documents([part]):
            start, end = document.metadata["start_index"], document.metadata["end_index"]
            assert document.page_content == part.page_content[start:end]
            assert "blocks" not in document.metadata

    @given(PROSE, st.integers(30, 60))
    def test_no_word_is_cut_that_fits(self, text: str, limit: int) -> None:
        inside = {position for start, end in words(text) for position in range(start + 1, end)}
        for chunk in SpanSplitter(token_spans=fragments, max_tokens=limit).split_part(
            Document(page_content=text)
        ):
            assert chunk.start not in inside
            assert chunk.end not in inside

    @given(PROSE, st.integers(3, 60))
    def test_a_chunk_is_not_split_again(self, text: str, limit: int) -> None:
        splitter = SpanSplitter(token_spans=fragments, max_tokens=limit, target_tokens=limit)
        for chunk in splitter.split_text(text):
            if "\n\n" not in chunk:
                assert splitter.split_text(chunk) == [chunk]

    @given(st.lists(st.sampled_from(["e\u0301", "👩\u200d🔧", "👍🏽", "नि"]), max_size=60).map("".join))
    def test_no_character_cluster_is_torn(self, text: str) -> None:
        for chunk in SpanSplitter(token_spans=fragments, max_tokens=2).split_text(text):
            assert chunk[0] not in "\u0301\u200d🏽\u093f"
            assert chunk[-1] != "\u200d"


class TestChoices:
    def test_a_heading_stays_with_what_follows_and_names_the_chunk(self) -> None:
        part = marked(
            ("heading 1", "# Leave"),
            ("heading 2", "## Carry-over"),
            ("paragraph", "Five days move to the next year."),
            ("list_item", "- ask before March"),
            ("heading 2", "## Sick leave"),
            ("paragraph", "Call before nine."),
        )
        chunks = SpanSplitter(token_spans=words, max_tokens=50).split_part(part)
        assert texts(part, chunks) == [
            "# Leave\n## Carry-over\nFive days move to the next year.\n- ask before March",
            "## Sick leave\nCall before nine.",
        ]
        assert [chunk.location.headings for chunk in chunks] == [
            ("Leave", "Carry-over"),
            ("Leave", "Sick leave"),
        ]

    def test_rows_stay_whole_and_know_their_cells_and_header(self) -> None:
        rows = [(f"table_row A{row}:C{row}", f"Plan {row} | {row} EUR | monthly") for row in range(2, 8)]
        part = marked(("table_header A1:C1", "Plan | Price | Billing"), *rows, sheet="Prices")
        chunks = SpanSplitter(token_spans=words, max_tokens=20).split_part(part)
        found = texts(part, chunks)
        assert [line for text in found for line in text.split("\n")] == part.page_content.strip().split("\n")
        assert found[0].startswith("Plan | Price")
        assert [chunk.table_header for chunk in chunks] == [
            "",
            "Plan | Price | Billing",
            "Plan | Price | Billing",
        ]
        assert [chunk.location.cells for chunk in chunks] == ["A1:C3", "A4:C5", "A6:C7"]
        assert {chunk.location.sheet for chunk in chunks} == {"Prices"}

    def test_cells_past_column_z(self) -> None:
        part = marked(("table_row Z9:AB9", "x | y"), ("table_row B10", "z | w"))
        (chunk,) = SpanSplitter(token_spans=words, max_tokens=20).split_part(part)
        assert chunk.location.cells == "B9:AB10"

    def test_a_table_ends_where_text_comes_between(self) -> None:
        part = marked(
            ("table_header", "Plan | Price"),
            ("paragraph", "one two three"),
            ("table_row", "Basic | 5"),
        )
        chunks = SpanSplitter(token_spans=words, max_tokens=4).split_part(part)
        assert [chunk.table_header for chunk in chunks] == ["", "", ""]

    @pytest.mark.parametrize(
        ("kind", "text", "chunks"),
        [
            ("paragraph", "One two three. Four five six.", ["One two three.", "Four five six."]),
            ("paragraph", "one two, three four five six", ["one two,", "three four", "five six"]),
            ("table_row", "one two | three | four", ["one two |", "three | four"]),
            ("code", "a = 1\nb = 2", ["a = 1", "b = 2"]),
        ],
        ids=["sentence", "clause", "cell", "line"],
    )
    def test_where_a_block_that_is_too_long_is_cut(
        self, kind: BlockKind, text: str, chunks: list[str]
    ) -> None:
        part = marked((kind, text))
        assert texts(part, SpanSplitter(token_spans=words, max_tokens=3).split_part(part)) == chunks

    def test_blank_lines_part_paragraphs_when_no_blocks_are_given(self) -> None:
        part = Document(page_content="one two three\n\nfour five six\n \nseven")
        splitter = SpanSplitter(token_spans=words, max_tokens=5)
        assert splitter.split_text(part.page_content) == ["one two three", "four five six\n \nseven"]

    def test_overlap_repeats_whole_sentences_but_not_across_headings(self) -> None:
        part = marked(
            ("paragraph", "Aa bb cc. Dd ee ff."),
            ("paragraph", "Gg hh ii jj."),
            ("heading 1", "Kk"),
            ("paragraph", "Ll mm."),
        )
        splitter = SpanSplitter(token_spans=words, max_tokens=8, target_tokens=6, overlap_tokens=4)
        assert texts(part, splitter.split_part(part)) == [
            "Aa bb cc. Dd ee ff.",
            "Dd ee ff.\nGg hh ii jj.",
            "Kk\nLl mm.",
        ]

    def test_a_word_that_the_tokenizer_gives_up_on_is_not_one_chunk(self) -> None:
        splitter = SpanSplitter(token_spans=fragments, max_tokens=50)
        found = splitter.split_text("x" * 10_000)
        assert "".join(found) == "x" * 10_000
        assert max(map(len, found)) <= 50 * 4

    def test_an_empty_part_has_no_chunks(self) -> None:
        assert SpanSplitter(token_spans=words).split_text(" \n\n ") == []


def test_the_tokenizer_sees_a_megabyte_twice_and_no_more() -> None:
    seen = 0

    def counted(text: str) -> list[tuple[int, int]]:
        nonlocal seen
        seen += len(text)
        return words(text)

    text = "\n\n".join(f"Sentence {n} of this text is short. It has a second one." for n in range(18_000))
    chunks = SpanSplitter(token_spans=counted).split_text(text)
    assert len(text) > 1_000_000
    assert len(chunks) > 1_000
    assert seen <= 2 * len(text)
