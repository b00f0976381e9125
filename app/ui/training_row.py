"""One row of training data on the page: its messages as they stand, and its question and answer in short."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import streamlit as st

from app.ui.escape import escape
from app.ui.prose import element
from app.ui.rich_text import rich_text
from chains.reasoned_reply import taken_apart
from finetune import row_texts
from finetune.examples import METADATA, Row, kind_of

ROLE_WORDS = {
    "system": (":material/tune:", "System"),
    "developer": (":material/tune:", "Developer"),
    "user": (":material/person:", "User"),
    "assistant": (":material/smart_toy:", "Assistant"),
    "tool": (":material/build:", "Tool"),
    "function": (":material/build:", "Function"),
    "preferred": (":green[:material/thumb_up:]", "Preferred answer"),
    "non_preferred": (":red[:material/thumb_down:]", "Answer not preferred"),
    "prompt": (":material/person:", "Prompt"),
    "completion": (":material/smart_toy:", "Completion"),
    "text": (":material/notes:", "Text"),
}
ORIGIN_WORDS = {
    "imported": "Imported",
    "feedback": "Feedback",
    "conversation": "Conversation",
    "generated": "Written by a model",
    "extracted": "Taken from a document",
    "raft": "RAFT",
    "edited": "Edited",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One message, or what stands for it in rows of other kinds."""

    role: str
    text: str
    weight: object = None  # 0: read, not learnt
    path: tuple[str | int, ...] = ()  # where its text stands in the row, if it can be edited as text


def parts(row: Mapping[str, Any]) -> list[Part]:
    """What a person reads of a row, in order. Total: whatever stands there becomes text."""
    kind = kind_of(row)
    if kind == "preference":
        given = row.get("input")
        asked = given.get("messages") if isinstance(given, dict) else None
        return [
            *_messages(asked, ("input", "messages")),
            *_messages(row.get("preferred_output"), ("preferred_output",), role="preferred"),
            *_messages(row.get("non_preferred_output"), ("non_preferred_output",), role="non_preferred"),
        ]
    if kind == "completion":
        return [
            Part(role=name, text=_text(row[name]), path=(name,))
            for name in ("prompt", "completion", "text")
            if name in row
        ]
    return list(_messages(row.get("messages"), ("messages",)))


def _messages(found: object, path: tuple[str | int, ...], *, role: str | None = None) -> Iterator[Part]:
    for index, message in enumerate(found if isinstance(found, list) else []):
        if not isinstance(message, dict):
            yield Part(role="?", text=_text(message))
            continue
        content = message.get("content")
        calls = message.get("tool_calls") or message.get("function_call")
        said = "\n".join(filter(None, (_text(content), _text(calls))))
        plain = isinstance(content, str)
        yield Part(
            role=role or str(message.get("role", "?")),
            text=said,
            weight=message.get("weight"),
            path=(*path, index, "content") if plain else (),
        )


def _text(value: object) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=2)


def question_of(row: Mapping[str, Any]) -> str:
    """The last thing that the user says before the answer; of a RAFT row the bare question."""
    if _raft(row) is not None:
        return row_texts.question_of(dict(row))
    asked = [part.text for part in parts(row) if part.role in ("user", "prompt", "text")]
    return asked[-1] if asked else ""


def answer_of(row: Mapping[str, Any]) -> str:
    """What is to be learnt, in the last place; of a RAFT row without its reasoning."""
    said = [part.text for part in parts(row) if part.role in ("assistant", "preferred", "completion")]
    if not said:
        return ""
    return said[-1] if _raft(row) is None else taken_apart(said[-1])[1].strip()


def _raft(row: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """What `dataset raft` recorded."""
    told = row.get(METADATA)
    found = told.get("raft") if isinstance(told, dict) else None
    return found if isinstance(found, dict) else None


def changed(row: Row, texts: Mapping[tuple[str | int, ...], str]) -> Row:
    """A copy of the row with other texts in those places."""
    copy: Row = json.loads(json.dumps(row))
    for path, text in texts.items():
        place: Any = copy
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = text
    return copy


def draw_row(row: Mapping[str, Any], *, key: str) -> None:
    """Every message with its role; a long one is folded at its middle by the browser's own scroll bar."""
    shown = parts(row)
    if not shown:
        st.warning("There is no message in this row.", icon=":material/warning:")
    for number, part in enumerate(shown):
        icon, word = ROLE_WORDS.get(part.role, (":material/help:", escape(part.role, longest=40)))
        unlearnt = " · weight 0: read, not learnt" if part.weight == 0 and part.role == "assistant" else ""
        st.markdown(f"{icon} **{word}**{unlearnt}")
        rich_text([element("p", [part.text or "(empty)"])], key=f"{key}_{number}", style="excerpt")


def origin_words(row: Mapping[str, Any]) -> str:
    """Where a row came from, in one line of plain text; "" where it does not say."""
    told = row.get(METADATA)
    if not isinstance(told, dict):
        return ""
    known: Sequence[tuple[str, str]] = [
        (ORIGIN_WORDS.get(str(told.get("origin")), ""), ""),
        (str(told.get("document_name") or told.get("document") or ""), "document "),
        (str(told.get("file") or ""), "file "),
        (str(told.get("line") or ""), "line "),
        (str(told.get("model") or ""), "model "),
    ]
    return ", ".join(before + value for value, before in known if value)
