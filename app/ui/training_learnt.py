"""What will be learnt of a row: its tokens as the model sees them, those that are trained on coloured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import streamlit as st

from app.training import base_for
from app.ui.escape import escape
from app.ui.prose import Node, element
from app.ui.rich_text import rich_text
from app.ui.training_session import chosen_model, chosen_profile
from app.workspace import open_workspace
from errors import GroundtuneError
from finetune.examples import METADATA
from finetune.masks import Mask, Piece, mask

MOST_PIECES = 6_000  # tokens that are drawn; a longer row is cut at its middle, and says so
PART_WORDS = {
    "row": "",
    "answer": "Up to one answer",
    "preferred": "Preferred answer",
    "non-preferred": "Answer not preferred",
}


def learnt_view(row: Mapping[str, Any], *, key: str) -> None:
    """For the model that is chosen for checks and costs; a row that cannot be rendered says why."""
    plain = {name: value for name, value in row.items() if name != METADATA}
    try:
        renderer = base_for(open_workspace(), chosen_profile(), chosen_model()).renderer
        masks = mask(plain, renderer)
    except GroundtuneError as error:
        st.warning(escape(str(error), longest=500), icon=":material/warning:")
        return
    for number, one in enumerate(masks):
        _draw(one, key=f"{key}_{number}")
    st.caption(_basis(masks, renderer.name, renderer.tokenizer.note))


def _draw(one: Mask, *, key: str) -> None:
    words = PART_WORDS[one.part]
    share = f" ({100 * one.trained_tokens / one.tokens:.0f} %)" if one.tokens else ""
    about = "about " if one.approximate else ""
    head = f"**{words}** · " if words else ""
    st.markdown(
        f"{head}{about}{one.tokens:,} tokens, **{one.trained_tokens:,} learnt**{share}"
        if one.trained_tokens
        else f"{head}{about}{one.tokens:,} tokens, **none learnt**"
    )
    if not one.ended and one.trained_tokens:
        st.caption(":material/warning: No token ends the answer: a model taught on it may not stop.")
    rich_text(list(_nodes(one.pieces)), key=key, style="tokens")


def _nodes(pieces: tuple[Piece, ...]) -> Iterator[Node]:
    """Neighbouring tokens are told apart by a fine line, so each is an element of its own."""
    half = MOST_PIECES // 2
    if len(pieces) <= MOST_PIECES:
        yield from map(_node, pieces)
        return
    yield from map(_node, pieces[:half])
    yield f"\n… {len(pieces) - 2 * half:,} tokens are not shown …\n"
    yield from map(_node, pieces[-half:])


def _node(piece: Piece) -> dict[str, Any]:
    return element("span", [piece.text]) | {"tone": "learnt" if piece.trained else "read"}


def _basis(masks: tuple[Mask, ...], name: str, note: str | None) -> str:
    approximate = (
        " Its markup is not published, so the marks are an approximation." if masks[0].approximate else ""
    )
    return f"Coloured: trained on. As {escape(name)} reads it.{approximate} {escape(note or '', longest=300)}"
