"""Words that are too common to tell whether a passage holds an answer."""

from __future__ import annotations

from finetune.raft.judging import folded

_SAID_ANYWHERE = frozenset(
    ["yes", "no", "none", "never", "always", "ja", "nein", "nee", "oui", "non", "sí", "si"]
)


def says_nothing(text: str) -> bool:
    """Whether the text is empty or a word such as "no", which stands in every other passage."""
    words = folded(text).split()
    return not words or (len(words) == 1 and words[0] in _SAID_ANYWHERE)
