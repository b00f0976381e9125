"""The program's own records -> rows: exported conversations, and feedback as app/records gives it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from finetune.examples import METADATA, Example, Provenance
from finetune.importing.chat_forms import exchange
from finetune.importing.forms import Made
from finetune.importing.records import Record, Unfit, shown
from finetune.importing.talks import Message, with_system

# As app/records/feedback.py has it, which this layer may not import.
_MARKERS = re.compile(r"\s?\[(?:\d{1,3}|\?)\]")
_EARLIER = 12  # turns that a question carries along
_REMOVE = "Nothing to do: there is no answer to learn from."


def exchanges(records: Iterable[Record]) -> Iterator[Record]:
    """One record for each question of an exported conversation."""
    for record in records:
        found = record.value.get("exchanges") if record.value is not None else None
        if record.value is None or not isinstance(found, list):
            yield record
            continue
        talk = record.value.get("conversation")
        name = talk.get("id") if isinstance(talk, dict) else None
        for number, one in enumerate(found, start=1):
            if isinstance(one, dict):
                yield Record(number, {**one, "conversation": name})


def from_exchange(value: Mapping[str, Any], system: str | None) -> Made:
    """A chat row of a question and its latest answer, a follow-up with the turns before it. Raises Unfit."""
    question, answers = value.get("question"), value.get("answers")
    if not isinstance(question, str) or not question.strip():
        raise Unfit("question", f"{shown(question)} is no question.", "Export the conversation again.")
    latest = answers[-1] if isinstance(answers, list) and answers else None
    if not isinstance(latest, dict) or latest.get("state") != "done":
        state = latest.get("state") if isinstance(latest, dict) else None
        raise Unfit("answers", f"The answer was not finished ({state or 'there is none'}).", _REMOVE)
    text = without_markers(str(latest.get("text") or ""))
    if not text:
        raise Unfit("answers", "The answer is empty.", _REMOVE)
    row = exchange(question, text, system=system, before=_before(latest.get("answer")))
    details = {
        name: held for name, held in (("exchange", value.get("id")), ("mode", latest.get("mode"))) if held
    }
    name = value.get("conversation")
    return Made(row=row, group=name if isinstance(name, str) else None, details=details)


def _before(record: Any) -> list[Message]:
    """The turns that were sent with a follow-up question: read, not learnt."""
    if not isinstance(record, dict) or not record.get("searched_for"):
        return []
    receipt = record.get("receipt") or {}
    turns = (receipt.get("question") or {}).get("history", []) if isinstance(receipt, dict) else []
    return [
        {"role": turn["role"], "content": without_markers(turn["text"])}
        | ({"weight": 0} if turn["role"] == "assistant" else {})
        for turn in turns[-_EARLIER:]
        if isinstance(turn, dict) and isinstance(turn.get("role"), str) and isinstance(turn.get("text"), str)
    ]


def without_markers(text: str) -> str:
    """An answer without the numbers of its sources."""
    return _MARKERS.sub("", text).strip()


def examples_of(rows: Iterable[Mapping[str, Any]], *, system: str | None = None) -> Iterator[Example]:
    """Rows {messages | input ..., metadata} that the program kept, as examples of a group for each conversation."""
    for number, kept in enumerate(rows, start=1):
        row = {name: value for name, value in kept.items() if name != METADATA}
        facts = dict(kept.get(METADATA) or {})
        source = facts.pop("source", "feedback")
        if "messages" in row:
            row["messages"] = with_system(row["messages"], system)
        elif "input" in row:
            row["input"] = {**row["input"], "messages": with_system(row["input"]["messages"], system)}
        provenance = Provenance(
            origin="conversation" if source == "conversation" else "feedback",
            line=number,
            group=facts.get("conversation"),
            details=facts,
        )
        yield Example(row=row, provenance=provenance)
