"""A first look over all documents: the lines that many share, and the language that most are in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from finetune.synthesis.outline import REPEATED, Outline, outlined, short_lines
from finetune.synthesis.wording import Language, language_of
from loaders.whole_documents import WholeDocument

__all__ = ["Survey", "prose_language", "surveyed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Survey:
    repeated: frozenset[
        str
    ]  # short paragraphs that at least three documents hold: menus, footers, letterheads
    usual: Language | None  # of most documents: a table of names and figures has no language of its own


def surveyed(documents: Iterable[WholeDocument]) -> Survey:
    held, languages = Counter[str](), Counter[Language]()
    for document in documents:
        outline = outlined(document)
        held.update(short_lines(document))
        language = prose_language(outline)
        if language is not None:
            languages[language] += 1
    repeated = frozenset(line for line, count in held.items() if count >= REPEATED)
    return Survey(repeated=repeated, usual=languages.most_common(1)[0][0] if languages else None)


def prose_language(outline: Outline) -> Language | None:
    """By the sentences of a document; None where it has none, or another language."""
    prose = (
        block.text
        for block in outline.blocks
        if block.kind in ("paragraph", "list_item") and not block.record
    )
    return language_of("\n".join(prose))
