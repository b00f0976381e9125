"""Which column becomes which part of a row, told by a table's names, and by its cells where they do not tell."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from finetune.importing.column_content import by_content, is_plain
from finetune.importing.column_names import ROLES, assign, roles_of
from finetune.importing.containers import Table
from finetune.importing.forms import Form, form_of, own_fields
from finetune.importing.mapped_forms import KEPT

SAMPLED = 200  # records that are looked at
MAPPED: tuple[Form, ...] = ("columns", "turns")
SURE = 0.5  # certainty from which on a mapping may be used without a person's word
GUESSED = 0.4
PLAIN = 0.7  # one column asks, and one more holds texts


@dataclass(slots=True)
class Seen:
    """A table with its first records."""

    table: Table
    records: list[Mapping[str, Any]]
    forms: Counter[Form | None] = field(default_factory=Counter)

    @property
    def names(self) -> tuple[str, ...]:
        if self.table.columns is not None:
            return self.table.columns.names
        return tuple(dict.fromkeys(name for record in self.records for name in record))


def look(table: Table) -> Seen:
    records = [record.value for record in islice(table.records(), SAMPLED) if record.value is not None]
    forms = map(form_of, records) if table.columns is None else map(_form_of_cells, records)
    return Seen(table, records, Counter(forms))


def _form_of_cells(record: Mapping[str, Any]) -> Form | None:
    """Of a table's row: its columns say what becomes of it, but where a cell holds messages, or there is only text."""
    form = form_of(record)
    return form if form in (None, "chat", "sharegpt", "turns", "text") else "columns"


@dataclass(frozen=True, slots=True)
class Plan:
    """A table with its mapping: {part of a row: column}."""

    seen: Seen
    mapping: Mapping[str, str]
    certainty: float  # 0 to 1
    note: str = ""


def plans_of(
    seen: Sequence[Seen], form: Form | None, given: Mapping[str, str]
) -> tuple[list[Plan], list[str]]:
    """(the tables that are read, the names of the sheets that are not): a guess only where nothing is surer."""
    if form is not None and form not in MAPPED:
        return [Plan(one, _fixed(one, form) | _named(given), 1.0) for one in seen if one.records], []
    plans = [plan for one in seen if one.records and (plan := _mapped(one, form or "columns", given))]
    surest = max((plan.certainty for plan in plans), default=0.0)
    taken = [plan for plan in plans if plan.certainty >= SURE or surest < SURE]
    read = {id(plan.seen) for plan in taken}
    return taken, [str(one.table.sheet) for one in seen if id(one) not in read and one.table.sheet]


def _named(given: Mapping[str, str]) -> dict[str, str]:
    return {role: name for role, name in given.items() if name}


def _fixed(seen: Seen, form: Form) -> dict[str, str]:
    fields: dict[str, str] = {}
    for record in seen.records:
        if form == "mixed" or form_of(record) in (form, None):
            fields |= own_fields(form_of(record) or form if form == "mixed" else form, record)
    return fields


def _mapped(seen: Seen, form: Form, given: Mapping[str, str]) -> Plan | None:
    mapping = {role: name for role, name in assign(seen.names).items() if not _is_nested(seen, role, name)}
    if form == "columns" and "question" not in mapping and "text" in mapping:
        mapping["question"] = mapping["text"]
    for column in given.values():  # a column that is given to one role is no other's
        mapping = {role: name for role, name in mapping.items() if name != column}
    mapping = {role: name for role, name in {**mapping, **given}.items() if name}
    unwanted = {role: "" for role, name in given.items() if not name}
    guessed: dict[str, str] = {}
    if not _complete(mapping, form) and form == "columns":
        guessed = by_content(seen.names, seen.records, mapping | unwanted)
    note = " ".join(
        filter(None, (_guess_note(mapping, guessed), _further_note(seen, mapping | guessed, form)))
    )
    new = [role for role in guessed if role not in mapping]
    mapping |= guessed
    if not _complete(mapping, form):
        return None
    return Plan(seen, _only_used(mapping, form), _certainty(seen, mapping, given, new), note)


def _is_nested(seen: Seen, role: str, name: str) -> bool:
    """An object cannot name a group, document or record; a question or answer in one is asked for by its path."""
    return role in ("group", "document", "id") and any(
        isinstance(one.get(name), dict | list) for one in seen.records
    )


def _complete(mapping: Mapping[str, str], form: Form) -> bool:
    if form == "turns":
        return mapping.keys() >= {"group", "role", "text"}
    return "question" in mapping and ("answer" in mapping or mapping.keys() >= {"chosen", "rejected"})


def _only_used(mapping: Mapping[str, str], form: Form) -> dict[str, str]:
    turns = {"group", "role", "text"}
    columns = {"question", "answer", "system", "context", "history", "group", "document", "id"}
    if mapping.keys() >= {"chosen", "rejected"}:
        columns = columns - {"answer"} | {"chosen", "rejected"}
    used = turns if form == "turns" else columns
    order = [*ROLES, *(role for role in mapping if role.startswith(KEPT))]
    return {
        role: mapping[role] for role in order if role in mapping and (role in used or role.startswith(KEPT))
    }


def _certainty(
    seen: Seen, mapping: Mapping[str, str], given: Mapping[str, str], guessed: Sequence[str]
) -> float:
    """The least of its parts: as given, by name, or guessed."""
    parts = [role for role in ("question", "answer", "chosen", "rejected", "role", "text") if role in mapping]
    least = min((_sure_of(role, mapping[role], given, guessed) for role in parts), default=GUESSED)
    if least < PLAIN and "question" in mapping and is_plain(seen.names, seen.records, mapping):
        return PLAIN
    return least


def _sure_of(role: str, column: str, given: Mapping[str, str], guessed: Sequence[str]) -> float:
    if role in given:
        return 1.0
    named = {str(known): certainty for known, certainty in roles_of(column)}
    return GUESSED if role in guessed else named.get(role, named.get("text", GUESSED))


def _further_note(seen: Seen, mapping: Mapping[str, str], form: Form) -> str:
    """A table with questions in two languages has two tables' worth of rows."""
    if form != "columns" or not {"question", "answer"} <= mapping.keys():
        return ""
    roles = {name: dict(roles_of(name)) for name in seen.names if name not in mapping.values()}
    further = [
        [name for name, known in roles.items() if max(known, key=known.get, default="") == role]  # type: ignore[arg-type]
        for role in ("question", "answer")
    ]
    if not all(further):
        return ""
    pair = f"--map question={further[0][0]!r} --map answer={further[1][0]!r}"
    return f"There are more columns of questions and answers: read them in a run of their own, with {pair}."


def _guess_note(mapping: Mapping[str, str], guessed: Mapping[str, str]) -> str:
    new = [f"{column!r} as {role}" for role, column in guessed.items() if role not in mapping]
    return f"Taken by what the cells hold, not by their names: {', '.join(new)}. Check it." if new else ""
