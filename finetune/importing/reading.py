"""Every record of a recognised file as an example, or as a refusal that names it; streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import groupby
from pathlib import Path
from typing import Any, get_args

from finetune.examples import METADATA, Example, Origin, Provenance, Refused
from finetune.importing import chat_forms, chatgpt_export, mapped_forms, own_records, preference_forms
from finetune.importing.forms import Form, Made, form_of
from finetune.importing.recognising import Recognition, records_of
from finetune.importing.records import Fault, Record, Unfit, refused

_MAKERS: Mapping[Form, Callable[[Mapping[str, Any], str | None], Made]] = {
    "chat": chat_forms.from_chat,
    "reinforcement": chat_forms.from_reinforcement,
    "sharegpt": chat_forms.from_sharegpt,
    "alpaca": chat_forms.from_alpaca,
    "completion": chat_forms.from_completion,
    "text": chat_forms.from_text,
    "questions": chat_forms.from_question,
    "preference": preference_forms.from_preference,
    "chosen-rejected": preference_forms.from_chosen_rejected,
    "conversation": own_records.from_exchange,
    "chatgpt": chatgpt_export.from_tree,
}
PLACED = frozenset(("origin", "file", "line", "document", "group"))
_OTHER_FIX = (
    "Give --format mixed to read each record by its own form, or move these records to a file of their own."
)


def read_examples(
    path: Path, recognition: Recognition, *, system: str | None = None
) -> Iterator[Example | Refused]:
    """All records in order. `system`: the system prompt of rows that have none. Raises DatasetError."""
    for record, mapping in _prepared(recognition):
        fault = record.fault
        if record.value is not None:
            try:
                yield _example(path, record, _made(record, recognition.form, mapping, system))
                continue
            except Unfit as unfit:
                fault = _explained(record.value, recognition.form, unfit.fault)
        assert fault is not None
        yield refused(str(path), record, fault)


def _prepared(recognition: Recognition) -> Iterator[tuple[Record, Mapping[str, str]]]:
    """The records, or what several of them make: a conversation of messages, the questions of a conversation."""
    if recognition.form not in ("turns", "conversation", "mixed"):
        yield from records_of(recognition)
        return
    for _, group in groupby(records_of(recognition), key=lambda pair: id(pair[1])):
        pairs = list_once = iter(group)
        first = next(pairs, None)
        if first is None:
            continue
        mapping = first[1]
        records = _records(first, list_once)
        if recognition.form == "turns":
            yield from ((record, mapping) for record in mapped_forms.conversations(records, mapping))
        else:
            yield from ((record, mapping) for record in own_records.exchanges(records))


def _records(first: tuple[Record, Any], rest: Iterator[tuple[Record, Any]]) -> Iterator[Record]:
    yield first[0]
    for record, _ in rest:
        yield record


def _made(record: Record, form: Form, mapping: Mapping[str, str], system: str | None) -> Made:
    assert record.value is not None
    if form == "mixed":
        made = _by_its_own_form(record.value, system)
    elif form == "columns":
        made = mapped_forms.from_columns(record.value, mapping, system)
    elif form == "turns":
        return mapped_forms.from_turns(record.value, mapping, system)
    else:
        made = _MAKERS[form](record.value, system)
    return mapped_forms.placed(made, record.value, mapping)


def _by_its_own_form(value: Mapping[str, Any], system: str | None) -> Made:
    from finetune.importing.column_names import assign

    form = form_of(value)
    if form == "columns":
        mapping = assign(tuple(value))
        mapping.setdefault("question", mapping.get("text", ""))
        return mapped_forms.from_columns(value, mapping, system)
    if form is None or form == "turns":
        raise Unfit(
            "", f"The record is of no form that is known: it has {_fields(value)}.", "Name its fields as one."
        )
    return _MAKERS[form](value, system)


def _explained(value: Mapping[str, Any], taken_for: Form, fault: Fault) -> Fault:
    """A record of another form than the file's is refused for that."""
    own = form_of(value)
    if own in (None, taken_for) or taken_for in ("columns", "turns", "mixed"):
        return fault
    reason = f"The record is of the form {own} (it has {_fields(value)}), the file was taken for {taken_for}."
    return Fault(fault.field, reason, _OTHER_FIX)


def _fields(value: Mapping[str, Any]) -> str:
    return ", ".join(map(repr, list(value)[:6])) or "no fields"


def _example(path: Path, record: Record, made: Made) -> Example:
    own = made.row.get(METADATA)
    if isinstance(own, dict) and own.get("origin") in get_args(Origin):
        return Example(row=made.row, provenance=_kept_provenance(path, record, made, own))
    sheet = {"sheet": record.sheet} if record.sheet else {}
    provenance = Provenance(
        origin="imported",
        file=str(path),
        line=record.number,
        document=made.document,
        group=made.group,
        details=made.details | sheet,
    )
    return Example(row=made.row, provenance=provenance)


def _kept_provenance(path: Path, record: Record, made: Made, own: Mapping[str, Any]) -> Provenance:
    """A working file of this program says where its rows came from: generated ones still wait for review."""
    file, line, document, group = (own.get(name) for name in ("file", "line", "document", "group"))
    named = isinstance(file, str)
    return Provenance(
        origin=own["origin"],
        file=file if named else str(path),
        line=line if named and isinstance(line, int) else record.number,
        document=made.document or (document if isinstance(document, str) else None),
        group=made.group or (group if isinstance(group, str) else None),
        details={name: held for name, held in own.items() if name not in PLACED} | made.details,
    )
