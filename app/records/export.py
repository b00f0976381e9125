"""A conversation as a file to take away: Markdown and Word to read, JSON that loses nothing.

Questions, latest answers, numbered sources with place and quote, whether each quote was found in the document,
confidence, mode, model and date; what no source backs is marked. Nothing in the files loads or links.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from app.records.conversations import Conversations
from app.records.entries import Conversation, Exchange, Scope
from app.records.exported import Told, told
from errors import RecordNotFoundError
from loaders.jsonl import well_formed

__all__ = ["FORMAT", "FORMS", "VERSION", "Export", "Form", "export"]

Form = Literal["markdown", "docx", "json"]
FORMAT, VERSION = "groundtune-conversation", 1
# How a form is called, its suffix and media type.
FORMS: Mapping[Form, tuple[str, str, str]] = {
    "markdown": ("Markdown", ".md", "text/markdown; charset=utf-8"),
    "docx": (
        "Word (DOCX)",
        ".docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    "json": ("JSON", ".json", "application/json"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    file_name: str
    media_type: str
    content: bytes


def export(kept: Conversations, scope: Scope, conversation_id: str, form: Form) -> Export:
    """Raises RecordNotFoundError for a conversation that is not the scope's."""
    found = kept.find(scope, conversation_id)
    if found is None:
        raise RecordNotFoundError(
            f"There is no conversation {conversation_id!r}: see python -m app conversations list."
        )
    _, suffix, media_type = FORMS[form]
    content = _WRITERS[form](kept, scope, found)
    return Export(file_name=f"{_file_name(found.title)}{suffix}", media_type=media_type, content=content)


def _markdown(kept: Conversations, scope: Scope, found: Conversation) -> bytes:
    from app.records.markdown import markdown

    return well_formed(markdown(found, _told(kept, scope, found))).encode()


def _docx(kept: Conversations, scope: Scope, found: Conversation) -> bytes:
    from app.records.word import word

    return word(found, _told(kept, scope, found))


def _told(kept: Conversations, scope: Scope, found: Conversation) -> list[Told]:
    return [told(one, kept.answer(scope, one.latest.answer_id)) for one in found.exchanges]


def _json(kept: Conversations, scope: Scope, found: Conversation) -> bytes:
    document = {
        "format": FORMAT,
        "version": VERSION,
        "conversation": {
            "id": found.conversation_id,
            "title": found.title,
            "created_at": found.created_at,
            "changed_at": found.changed_at,
        },
        "exchanges": [_exchange(kept, scope, one) for one in found.exchanges],
    }
    return (json.dumps(_finite(document), ensure_ascii=True, indent=2, allow_nan=False) + "\n").encode()


def _exchange(kept: Conversations, scope: Scope, exchange: Exchange) -> dict[str, Any]:
    """With every version; `answer` reads back with chains.restoring.answer_from_dict."""
    plain = ("number", "mode", "state", "text", "error", "started_at", "ended_at")
    versions = []
    for one in exchange.versions:
        answer = kept.answer(scope, one.answer_id)
        version = {name: getattr(one, name) for name in plain}
        versions.append(version | {"answer": answer.as_record() if answer else None})
    return {
        "id": exchange.exchange_id,
        "question": exchange.question,
        "knowledge_base": exchange.knowledge_base,
        "files": list(exchange.files),
        "asked_at": exchange.asked_at,
        "answers": versions,
    }


def _finite(value: Any) -> Any:
    """JSON has no NaN and no infinity: null stands for them."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in value.items()}
    return [_finite(one) for one in value] if isinstance(value, list) else value


def _file_name(title: str) -> str:
    """Of letters and digits alone: no title leaves its folder or runs as a command."""
    plain = re.sub(r"[\W_]+", "-", title).strip("-")
    return plain[:60].strip("-") or "conversation"


_WRITERS: Mapping[Form, Callable[[Conversations, Scope, Conversation], bytes]] = {
    "markdown": _markdown,
    "docx": _docx,
    "json": _json,
}
