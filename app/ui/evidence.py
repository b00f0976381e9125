"""The evidence panel: the document, the place in it, the quote in its surroundings, and why it was found."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from app.ui.escape import escape, one_line
from app.ui.matches import explain, place_in
from app.ui.pdf_page import PagePicture, page_picture
from app.ui.prose import excerpt
from app.ui.rich_text import rich_text
from app.ui.session import Shown, show
from chains.answer import Answer, Citation
from errors import DocumentNotFoundError, KnowledgeBaseNotFoundError
from loaders.location import Location
from loaders.passage import Passage

if TYPE_CHECKING:
    from loaders.knowledge_base import KnowledgeBase

GONE = "This document is no longer in the knowledge base. The quote as it was:"
CHANGED = (
    "This document has changed since: what stands in this place is not what was quoted. The quote as it was:"
)
SURROUNDINGS = 420  # characters shown on each side of a quote
LEVEL_COLOURS = {"High": "green", "Medium": "orange", "Low": "gray"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Evidence:
    """A span of a document that an answer cites or nearly cited."""

    document_id: str
    document_name: str
    location: Location
    start: int
    end: int
    quote: str
    verified: bool | None  # None: a passage, which was not quoted
    passage: Passage | None


def find_evidence(answer: Answer, wanted: Shown) -> Evidence | None:
    if wanted.marker is not None:
        cited = next((one for one in answer.citations if one.marker == wanted.marker), None)
        return _of_citation(cited, answer) if cited else None
    if wanted.passage is not None and wanted.passage < len(answer.passages):
        return _of_passage(answer.passages[wanted.passage])
    return None


def _of_citation(citation: Citation, answer: Answer) -> Evidence:
    return Evidence(
        document_id=citation.document_id,
        document_name=citation.document_name,
        location=citation.location,
        start=citation.start,
        end=citation.end,
        quote=citation.quote,
        verified=citation.verified,
        passage=next((one for one in answer.passages if one.chunk_id == citation.chunk_id), None),
    )


def _of_passage(passage: Passage) -> Evidence:
    return Evidence(
        document_id=passage.document_id,
        document_name=passage.document_name,
        location=passage.location,
        start=passage.start,
        end=passage.end,
        quote=passage.text,
        verified=None,
        passage=passage,
    )


def evidence_panel(knowledge_base: KnowledgeBase | None, evidence: Evidence, marker: int | None) -> None:
    with st.container(key="evidence"):
        _head(evidence, marker)
        _body(knowledge_base, evidence)


def evidence_drawer(knowledge_base: KnowledgeBase | None, evidence: Evidence, marker: int | None) -> None:
    """The same in a drawer over the page, where there is no room beside the answer; Escape closes it."""

    @st.dialog(_title(evidence, marker), width="medium", position="right", on_dismiss=lambda: show(None))
    def drawer() -> None:
        _place(evidence)
        _body(knowledge_base, evidence)

    drawer()


def _body(knowledge_base: KnowledgeBase | None, evidence: Evidence) -> None:
    try:
        if knowledge_base is None:
            raise KnowledgeBaseNotFoundError("gone")
        _source(knowledge_base, evidence)
    except (DocumentNotFoundError, KnowledgeBaseNotFoundError):
        _as_it_was(GONE, evidence)
    _why(evidence)


def _as_it_was(why: str, evidence: Evidence) -> None:
    st.info(why)
    rich_text(excerpt("", evidence.quote, ""), key="evidence_text", style="excerpt")


def _title(evidence: Evidence, marker: int | None) -> str:
    if marker is not None:
        return f"Source {marker}"
    return "Nearest miss" if evidence.verified is None else "Source"


def _place(evidence: Evidence) -> None:
    st.markdown(f"**{escape(evidence.document_name)}**")
    place = place_in(evidence.document_name, evidence.location)
    if place:
        st.caption(f":material/location_on: {escape(place, longest=200)}")


def _head(evidence: Evidence, marker: int | None) -> None:
    with st.container(horizontal=True, vertical_alignment="top"):
        with st.container(gap=None):
            st.caption(_title(evidence, marker))
            _place(evidence)
        st.button(
            "Close",
            icon=":material/close:",
            type="tertiary",
            key="evidence_close",
            on_click=show,
            args=(None,),
        )


def _source(knowledge_base: KnowledgeBase, evidence: Evidence) -> None:
    stored = knowledge_base.document_text(evidence.document_id)
    if evidence.verified is not False and stored[evidence.start : evidence.end] != evidence.quote:
        _as_it_was(CHANGED, evidence)
        return
    before, quote, after = surroundings(
        stored,
        evidence.start,
        evidence.end,
        [(start, end) for start, end, _ in knowledge_base.document_parts(evidence.document_id)],
    )
    if evidence.verified:
        st.badge("Quoted word for word", icon=":material/verified:", color="green")
    elif evidence.verified is False:
        st.badge("Not found word for word in the source", icon=":material/warning:", color="orange")
    blob = knowledge_base.blob(evidence.document_id)
    page = evidence.location.page
    picture = _picture(blob, page, quote) if blob and page is not None and blob.startswith(b"%PDF") else None
    text = excerpt(before, quote, after)
    if picture is None:
        rich_text(text, key="evidence_text", style="excerpt")
    else:
        as_page, as_text = st.tabs([f"Page {page}", "Text"])
        with as_page:
            _draw_page(picture, page)
        with as_text:
            rich_text(text, key="evidence_text", style="excerpt")
    if blob is not None:
        _download(knowledge_base, evidence)


def surroundings(
    text: str, start: int, end: int, parts: Sequence[tuple[int, int]] = ()
) -> tuple[str, str, str]:
    """(before, quote, after), cut at word boundaries, with an ellipsis where something is left out.

    What stands around a quote ends with its page, sheet or slide: `parts` are the spans of these.
    """
    opening = max((first for first, _ in parts if first <= start), default=0)
    closing = min((last for _, last in parts if last >= end), default=len(text))
    first, last = max(opening, start - SURROUNDINGS), min(closing, end + SURROUNDINGS)
    before, after = text[first:start], text[end:last]
    if first > opening and " " in before:
        before = "… " + before.split(" ", 1)[1]
    if last < closing and " " in after:
        after = after.rsplit(" ", 1)[0] + " …"
    return before.lstrip("\n"), text[start:end], after.rstrip("\n")


def _draw_page(picture: PagePicture, page: int | None) -> None:
    words = "with the quote marked" if picture.marks else "the quote could not be marked on the picture"
    st.image(picture.png, caption=f"Page {page}, {words}", width="stretch", alt=f"Page {page}, {words}")


@st.cache_resource(max_entries=24, show_spinner="Drawing the page")
def _picture(blob: bytes, page: int, quote: str) -> PagePicture | None:
    return page_picture(blob, page, quote)


def _download(knowledge_base: KnowledgeBase, evidence: Evidence) -> None:
    st.download_button(
        "Download the original",
        data=lambda: knowledge_base.blob(evidence.document_id) or b"",
        file_name=one_line(evidence.document_id.rsplit("/", 1)[-1]),
        mime="application/octet-stream",
        icon=":material/download:",
        on_click="ignore",
        key="evidence_download",
    )


def _why(evidence: Evidence) -> None:
    if evidence.passage is None:
        return
    scores = evidence.passage.scores
    match = explain(scores)
    st.badge(f"{match.level} match", color=LEVEL_COLOURS[match.level])  # type: ignore[arg-type]
    st.caption("  \n".join(escape(reason, longest=300) for reason in match.reasons))
    with st.expander("Numbers"):
        numbers = {
            "Similarity of meaning (cosine)": scores.cosine,
            "Keyword score (BM25)": scores.bm25,
            "Both together (z-score)": scores.fused,
        }
        for label, value in numbers.items():
            st.markdown(f"{label}: **{'not found this way' if value is None else format(value, '.3f')}**")
