"""Conversations as ChatGPT exports them (conversations.json): a tree of messages, of which one path was kept.

The path leads from "current_node" up to the root; branches that were asked again are not on it. Only texts of the user
and the assistant become messages: hidden ones, calls of tools, images and reasoning are left out and counted.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finetune.importing.chat_forms import made
from finetune.importing.forms import Made
from finetune.importing.records import Unfit, shown
from finetune.importing.talks import Message, with_system

_FIX = "Export the conversation again, or remove it."
_SPOKEN = ("user", "assistant")


def from_tree(value: Mapping[str, Any], system: str | None) -> Made:
    """A chat row of the path that was kept, to the last answer. Raises Unfit where nobody answers."""
    said = [node["message"] for node in _path(value) if isinstance(node.get("message"), dict)]
    messages: list[Message] = []
    for role, text in filter(None, map(_spoken, said)):
        if messages and messages[-1]["role"] == role:
            messages[-1]["content"] += f"\n\n{text}"  # an answer that a tool interrupted
        else:
            messages.append({"role": role, "content": text})
    while messages and messages[-1]["role"] != "assistant":
        messages.pop()
    if not any(message["role"] == "user" for message in messages):
        raise Unfit("mapping", "No question in it is answered with a text.", _FIX)
    row = made({"messages": with_system(messages, system)}, {})
    row.group = str(name) if (name := value.get("conversation_id") or value.get("id")) else None
    row.details = {"left_out": len(said) - len(messages)} | (
        {"title": title} if isinstance(title := value.get("title"), str) else {}
    )
    return row


def _path(value: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The nodes from the root to the current one. Raises Unfit where the tree is torn or runs in a circle."""
    nodes, name = value["mapping"], value.get("current_node")
    path: list[Mapping[str, Any]] = []
    while name is not None:
        node = nodes.get(name) if isinstance(name, str) else None
        if not isinstance(node, dict) or len(path) > len(nodes):
            raise Unfit("mapping", f"The message {shown(name)} is not in the tree, or above itself.", _FIX)
        path.append(node)
        name = node.get("parent")
    return path[::-1]


def _spoken(message: Mapping[str, Any]) -> tuple[str, str] | None:
    """(role, text) of a message that was seen; None of any other."""
    author, content = message.get("author"), message.get("content")
    role = author.get("role") if isinstance(author, dict) else None
    about = message.get("metadata")
    if isinstance(about, dict) and about.get("is_visually_hidden_from_conversation"):
        return None
    if role not in _SPOKEN or not isinstance(content, dict) or message.get("recipient", "all") != "all":
        return None
    if content.get("content_type") not in ("text", "multimodal_text"):
        return None
    parts = content.get("parts")
    text = "\n\n".join(part for part in parts if isinstance(part, str)) if isinstance(parts, list) else ""
    return (str(role), text.strip()) if text.strip() else None
