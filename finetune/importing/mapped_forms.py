"""Records whose fields are found by a mapping: questions and answers by column, or one message a record."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from finetune.examples import METADATA
from finetune.importing.chat_forms import Value, exchange, history_of, joined
from finetune.importing.forms import Made
from finetune.importing.preference_forms import preference_row
from finetune.importing.records import Fault, Record, Unfit, shown
from finetune.importing.talks import role_of, with_system

Mapped = Mapping[str, str]  # {role, or "metadata.NAME": column, or path of a field}
KEPT = "metadata."
PLACES = frozenset(("group", "document", "id"))  # where a record belongs, whatever its form
_FIX = "Fill it in, or remove the record."
_MOST_TURNS = 10_000  # of one conversation


def held(value: Value, column: str) -> Any:
    """What a column holds; of a nested record by its path, "ticket.user.text"."""
    if column in value:
        return value[column]
    found: Any = value
    for name in column.split("."):
        if not isinstance(found, Mapping) or name not in found:
            return None
        found = found[name]
    return found


def text_of(value: Value, mapping: Mapped, role: str) -> str:
    """A cell as text; "" where the role has no column, or its cell is empty. Raises Unfit for lists and objects."""
    column = mapping.get(role)
    if column is None:
        return ""
    found = held(value, column)
    if found is None:
        return ""
    if isinstance(found, bool | int | float):
        return str(found)
    if isinstance(found, list) and (len(found) < 2 or role == "context"):
        found = "\n".join(found) if all(isinstance(one, str) for one in found) else found
    if not isinstance(found, str):
        raise Unfit(column, f"{shown(found)} is no text.", f"Map {role} to a field that holds a text.")
    return found.strip()


def _needed(value: Value, mapping: Mapped, role: str) -> str:
    text = text_of(value, mapping, role)
    if not text:
        raise Unfit(mapping.get(role, role), f"The {role} is empty.", _FIX)
    return text


def from_columns(value: Value, mapping: Mapped, system: str | None) -> Made:
    """A chat row, or a preference row where the mapping names chosen and rejected. Raises Unfit."""
    _refuse_unwanted(value, mapping)
    question = joined(text_of(value, mapping, "context"), _needed(value, mapping, "question"))
    before = history_of(held(value, mapping["history"]), mapping["history"]) if "history" in mapping else []
    own = text_of(value, mapping, "system") or system
    if "chosen" not in mapping:
        row = exchange(question, _needed(value, mapping, "answer"), system=own, before=before)
        return Made(row=_with_own_metadata(row, value))
    answers = [
        {"role": "assistant", "content": _needed(value, mapping, role)} for role in ("chosen", "rejected")
    ]
    asked = with_system([*before, {"role": "user", "content": question}], own)
    return Made(row=_with_own_metadata(preference_row(asked, answers[:1], answers[1:]), value))


def _refuse_unwanted(value: Value, mapping: Mapped) -> None:
    """KTO's {prompt, completion, label: false}: an answer that must not be learnt."""
    if value.get("label") is False and "label" not in mapping.values():
        reason = "The answer is marked as one that is not wanted (label: false)."
        raise Unfit(
            "label", reason, "Pair it with a wanted answer as chosen and rejected, or remove the record."
        )


def _with_own_metadata(row: dict[str, Any], value: Value) -> dict[str, Any]:
    own = value.get(METADATA)
    return row | ({METADATA: own} if isinstance(own, dict) else {})


def placed(made: Made, value: Value, mapping: Mapped) -> Made:
    """With what the mapping says of where the record belongs. Raises Unfit."""
    if "group" in mapping:
        made.group = text_of(value, mapping, "group") or None
    if "document" in mapping:
        made.document = text_of(value, mapping, "document") or None
    identity = held(value, mapping["id"]) if "id" in mapping else None
    if isinstance(identity, str | int) and identity != "":
        made.details["id"] = identity
    for role, column in mapping.items():
        kept = held(value, column) if role.startswith(KEPT) else None
        if kept not in (None, ""):
            made.details[role.removeprefix(KEPT)] = kept
    return made


# --- one message a record -----------------------------------------------------------------------------


def conversations(records: Iterable[Record], mapping: Mapped) -> Iterator[Record]:
    """One record {group, turns} for each run of records of one conversation; faults pass through.

    A conversation that comes back after another began is a fault: its messages would be torn apart.
    """
    finished: set[int] = set()  # hashes: a million of them take 60 MB
    turns: list[Record] = []
    current: str | None = None
    for record in records:
        if record.value is None:
            yield record
            continue
        name = _conversation(record, mapping)
        if name is None:
            yield Record(
                record.number,
                None,
                Fault(mapping["group"], "The conversation has no name.", _FIX),
                record.sheet,
            )
            continue
        if name != current or len(turns) >= _MOST_TURNS:
            yield from _closed(turns, current)
            finished.add(hash(current))
            current, turns = name, []
            if hash(name) in finished:
                current = None
                yield _torn(record, mapping, name)
                continue
        turns.append(record)
    yield from _closed(turns, current)


def _conversation(record: Record, mapping: Mapped) -> str | None:
    assert record.value is not None
    name = held(record.value, mapping["group"])
    return str(name).strip() or None if isinstance(name, str | int | float) else None


def _torn(record: Record, mapping: Mapped, name: str) -> Record:
    reason = f"A message of the conversation {shown(name)} stands apart from its others."
    fix = f"Sort the file by {mapping['group']!r}, the messages of each conversation in their order."
    return Record(record.number, None, Fault(mapping["group"], reason, fix), record.sheet)


def _closed(turns: list[Record], name: str | None) -> Iterator[Record]:
    if turns:
        yield Record(turns[0].number, {"group": name, "turns": turns}, None, turns[0].sheet)


def from_turns(value: Value, mapping: Mapped, system: str | None) -> Made:
    """A chat row of a conversation as `conversations` makes it. Raises Unfit."""
    messages = [_turn(record, mapping) for record in value["turns"]]
    if not any(message["role"] == "assistant" for message in messages):
        names = ", ".join(sorted({message["role"] for message in messages}))
        raise Unfit(
            mapping["role"],
            f"Nobody answers in this conversation (only {names}).",
            "Remove it, or add the answer.",
        )
    return Made(row={"messages": with_system(messages, system)}, group=value["group"])


def _turn(record: Record, mapping: Mapped) -> dict[str, Any]:
    assert record.value is not None
    speaker = text_of(record.value, mapping, "role")
    role = role_of(speaker)
    if role not in ("system", "user", "assistant"):
        reason = f"{shown(speaker)} (record {record.number}) is neither user nor assistant."
        raise Unfit(mapping["role"], reason, "Write user or assistant in this column.")
    text = text_of(record.value, mapping, "text")
    if not text:
        raise Unfit(mapping["text"], f"The message of record {record.number} is empty.", _FIX)
    return {"role": role, "content": text}
