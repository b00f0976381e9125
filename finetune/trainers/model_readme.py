"""README.md of an exported model: its model card, and the commands that run it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path


def readme(
    adapter: Path, model_id: str, commands: Sequence[str], notes: Sequence[str], *, merged: bool
) -> str:
    """The card where there is one, so that the hub reads its head; then how the folder is used."""
    card = adapter / "card.md"
    text = card.read_text("utf-8").rstrip() if card.is_file() else f"# {model_id}"
    if merged:  # no adapter any more: the head names the library that loads it
        text = text.replace("\nlibrary_name: peft\n", "\nlibrary_name: transformers\n", 1)
    shown = "\n".join(commands)
    told = "".join(f"\n{note}\n" for note in notes)
    return f"{text}\n\n## How to run it\n\n```sh\n{shown}\n```\n{told}"
