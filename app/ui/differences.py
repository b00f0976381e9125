"""What changed between two texts, word by word, as nodes to draw: gone words struck through, new ones marked."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from difflib import SequenceMatcher
from typing import Any

from app.ui.prose import Node, element
from app.ui.training_row import changed, parts
from finetune.examples import Row

LONGEST = 20_000  # characters of a text that is compared word by word; longer ones are shown whole
KEPT = 12  # words round a change that are shown; the rest is an ellipsis
_WORDS = re.compile(r"\s+|\w+|[^\w\s]")


def differences(before: str, after: str) -> list[Node]:
    """`before` and `after` in one, equal stretches shortened."""
    if len(before) + len(after) > LONGEST:
        return [_toned(before[:LONGEST], "gone"), _toned(after[:LONGEST], "added")]
    old, new = _WORDS.findall(before), _WORDS.findall(after)
    matcher = SequenceMatcher(None, old, new, autojunk=False)
    return [node for step in matcher.get_opcodes() for node in _step(step, old, new)]


def _step(step: tuple[str, int, int, int, int], old: list[str], new: list[str]) -> Iterator[Node]:
    what, old_start, old_end, new_start, new_end = step
    if what == "equal":
        yield _shortened(old[old_start:old_end], first=old_start == 0, last=old_end == len(old))
        return
    if old_end > old_start:
        yield _toned("".join(old[old_start:old_end]), "gone")
    if new_end > new_start:
        yield _toned("".join(new[new_start:new_end]), "added")


def _shortened(words: list[str], *, first: bool, last: bool) -> str:
    if len(words) <= 2 * KEPT:
        return "".join(words)
    head = "" if first else "".join(words[:KEPT])
    tail = "" if last else "".join(words[-KEPT:])
    return f"{head} … {tail}"


def _toned(text: str, tone: str) -> dict[str, Any]:
    return element("span", [text]) | {"tone": tone}


def row_differences(before: Row, after: Row) -> list[Node]:
    """The same of two rows: of each text that changed, or of the rows as indented JSON where more than texts did."""
    old, new = ({part.path: part.text for part in parts(row) if part.path} for row in (before, after))
    if after and changed(before, new if new.keys() == old.keys() else {}) == after:
        texts = [differences(old[path], new[path]) for path in old if old[path] != new[path]]
        return [node for nodes in texts for node in (*nodes, "\n")][:-1]
    return differences(_shown(before), _shown(after) if after else "")


def _shown(row: Row) -> str:
    return json.dumps(row, ensure_ascii=False, indent=2).replace("\\n", "\n")
