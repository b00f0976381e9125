"""One RAFT row: what hybrid mode sends for these passages, and the reply that is to be learnt."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from chains.answer import Passage
from chains.guard import ABSTENTION_TOKEN
from chains.passages_prompt import as_data, as_shown, numbered, wrapper_sha256
from chains.prompts import load_prompt
from chains.reasoned_reply import Quoted, written
from finetune.examples import METADATA, Example, Provenance
from finetune.raft.asked import Asked
from finetune.raft.oracles import Grounded
from finetune.raft.passages import Library
from finetune.raft.recipe import Recipe

Teaches = Literal["read", "abstain", "memorise"]
PROMPT = "hybrid"
RAFT = "raft"  # the key of the row's metadata
_ENDING = re.compile(r"(?:[.!?…。！？]+[\"'”’»)*_]*)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """A passage of the row with its part in it."""

    passage: Passage
    role: Literal["oracle", "hard", "random"]


def raft_row(
    asked: Asked,
    grounded: Grounded | None,
    placed: Sequence[Placed],
    teaches: Teaches,
    library: Library,
    recipe: Recipe,
) -> Example:
    """`placed` in the order in which they are shown."""
    passages = [one.passage for one in placed]
    reply, quotes = _reply(grounded, passages, teaches)
    row = {
        "messages": [
            {"role": "system", "content": load_prompt(PROMPT).system},
            {"role": "user", "content": asked_with(asked.question, passages, library)},
            {"role": "assistant", "content": reply},
        ],
        METADATA: {"id": asked.id, RAFT: _facts(asked, grounded, placed, teaches, quotes, library, recipe)},
    }
    document = grounded.oracles[0].passage.document_id if grounded else None
    return Example(
        row=row,
        provenance=Provenance(
            origin="raft",
            file=asked.file,
            line=asked.line,
            document=document,
            group=document or asked.group or asked.id,
        ),
    )


def asked_with(question: str, passages: Sequence[Passage], library: Library) -> str:
    """The user message of hybrid mode."""
    return load_prompt(PROMPT).render(
        passages=numbered(passages, library.dates(passages)), question=as_data(question)
    )


def _reply(
    grounded: Grounded | None, passages: Sequence[Passage], teaches: Teaches
) -> tuple[str, tuple[Quoted, ...]]:
    if teaches == "abstain" or grounded is None:
        return ABSTENTION_TOKEN, ()
    if teaches == "memorise":  # nothing was given that could be quoted or cited
        return _answer(grounded, {}), ()
    numbers = {
        place: next(n for n, one in enumerate(passages, 1) if one.chunk_id == oracle.passage.chunk_id)
        for place, oracle in enumerate(grounded.oracles)
    }
    quotes = tuple(
        Quoted(number=numbers[place], text=as_shown(oracle.passage.text[slice(*span)]))
        for place, oracle in enumerate(grounded.oracles)
        for span in oracle.quotes
    )
    return written(quotes, _others(set(numbers.values()), len(passages)), _answer(grounded, numbers)), quotes


def _others(oracles: set[int], count: int) -> str:
    """What the reasoning says of the distractors."""
    others = [f"[{n}]" for n in range(1, count + 1) if n not in oracles]
    if len(others) < 2:
        return f"{others[0]} does not answer the question." if others else ""
    return f"{', '.join(others[:-1])} and {others[-1]} do not answer the question."


def _answer(grounded: Grounded, numbers: dict[int, int]) -> str:
    """The kept sentences, each with the numbers of its oracles before its full stop."""
    answer, shown, before = grounded.asked.answer, "", 0
    for sentence in grounded.sentences:
        gap = answer[before : sentence.start] if shown else ""
        markers = "".join(f"[{numbers[place]}]" for place in sentence.oracles if place in numbers)
        shown += (gap if gap.isspace() or not gap else " ") + _cited(
            answer[sentence.start : sentence.end], markers
        )
        before = sentence.end
    return shown


def _cited(sentence: str, markers: str) -> str:
    if not markers:
        return sentence
    ending = _ENDING.search(sentence)
    place = ending.start() if ending else len(sentence)
    return f"{sentence[:place]} {markers}{sentence[place:]}"


def _facts(
    asked: Asked,
    grounded: Grounded | None,
    placed: Sequence[Placed],
    teaches: Teaches,
    quotes: Sequence[Quoted],
    library: Library,
    recipe: Recipe,
) -> dict[str, Any]:
    """What is recorded beside the row; the check of finetune/validation/raft_rules.py goes by it."""
    prompt = load_prompt(PROMPT)
    return {
        "teaches": teaches,
        "answerable": grounded is not None,
        "oracles": [n for n, one in enumerate(placed, 1) if one.role == "oracle"],
        "needs": len(grounded.oracles) if grounded else 0,
        "passages": [
            {"chunk": one.passage.chunk_id, "document": one.passage.document_id, "role": one.role}
            for one in placed
        ],
        "sources": [one.passage.chunk_id for one in grounded.oracles] if grounded else [],
        "documents": sorted({one.passage.document_id for one in grounded.oracles}) if grounded else [],
        "quotes": [{"passage": quote.number, "text": quote.text} for quote in quotes],
        "accepted": list(asked.accepted),
        "left_out": list(grounded.left_out) if grounded else [],
        "recipe": recipe.as_dict(),
        "prompt": prompt.version,
        "prompt_sha256": prompt.sha256,
        "wrapper_sha256": wrapper_sha256(),
        "question": as_data(
            asked.question
        ),  # as it stands in the prompt: for leaks, splits and lists of rows
        "question_sha256": hashlib.sha256(asked.question.encode()).hexdigest(),
        **library.wrapped_with(),
    }
