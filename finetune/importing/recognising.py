"""What a file is: its container, the form of its records, and which fields become what, before anything is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from pathlib import Path
from typing import Any

from errors import DatasetError, DatasetFormatError
from finetune.examples import Example, Kind, Row
from finetune.importing.column_content import by_content
from finetune.importing.column_names import ROLES, assign, roles_of
from finetune.importing.containers import Container, Table, container_of, open_tables
from finetune.importing.forms import FORMS, SUMMARIES, Form, form_of, kind_of_form, own_fields
from finetune.importing.mapped_forms import KEPT, held
from finetune.importing.records import Record

SAMPLED = 200  # records that are looked at
SHOWN = 3
MAPPED: tuple[Form, ...] = ("columns", "turns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Alternative:
    """Another way to read the file."""

    form: Form
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Recognition:
    """What a file was taken for; `read_examples` reads it so."""

    path: Path
    container: Container
    form: Form
    kind: Kind
    mapping: Mapping[str, str]  # {"question": "Frage"}; of the first table where there are several
    tables: Mapping[str | None, Mapping[str, str]]  # {sheet: its mapping}; {None: ...} without sheets
    fields: tuple[str, ...]  # all columns or fields seen
    unused: tuple[str, ...]  # those that no part of a row is made of
    confidence: float  # 0 to 1
    samples: tuple[Row, ...] = ()  # the first rows as they will be
    notes: tuple[str, ...] = ()
    alternatives: tuple[Alternative, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        plain = ("container", "form", "kind", "confidence")
        return {
            "file": str(self.path),
            **{name: getattr(self, name) for name in plain},
            "mapping": dict(self.mapping),
            "sheets": [sheet for sheet in self.tables if sheet is not None],
            "unused": list(self.unused),
            "samples": list(self.samples),
            "notes": list(self.notes),
            "alternatives": [{"form": one.form, "why": one.why} for one in self.alternatives],
        }


@dataclass(slots=True)
class _Seen:
    """A table with its first records."""

    table: Table
    records: list[Mapping[str, Any]]
    forms: Counter[Form | None] = field(default_factory=Counter)

    @property
    def names(self) -> tuple[str, ...]:
        if self.table.columns is not None:
            return self.table.columns.names
        return tuple(dict.fromkeys(name for record in self.records for name in record))


def recognise(
    path: Path,
    *,
    form: Form | None = None,
    mapping: Mapping[str, str] | None = None,
    sheet: str | None = None,
) -> Recognition:
    """What the file is; `form` and `mapping` say it where it is known, `sheet` names the one sheet to read.

    Raises DatasetFormatError saying what to name where no form fits, DatasetError where the file cannot be read.
    """
    container = container_of(path)
    seen = [_look(table) for table in open_tables(path, container, sheet)]
    if not any(one.records for one in seen):
        raise DatasetFormatError(_no_records(path, seen))
    _check_mapping(path, mapping or {}, seen)
    chosen = form or _form_by_mapping(mapping) or _usual_form(seen)
    plans = _plans(seen, chosen, mapping or {})
    if not plans:
        raise DatasetFormatError(_unrecognised(path, seen, chosen))
    found = _recognition(path, container, chosen or "columns", plans)
    return replace(found, samples=_samples(found))


def _look(table: Table) -> _Seen:
    records = [record.value for record in islice(table.records(), SAMPLED) if record.value is not None]
    forms = map(form_of, records) if table.columns is None else map(_form_of_cells, records)
    return _Seen(table, records, Counter(forms))


def _form_of_cells(record: Mapping[str, Any]) -> Form | None:
    """Of a table's row: its columns say what becomes of it, but where a cell holds messages, or there is only text."""
    form = form_of(record)
    return form if form in (None, "chat", "sharegpt", "turns", "text") else "columns"


def _usual_form(seen: Sequence[_Seen]) -> Form | None:
    forms: Counter[Form | None] = sum((one.forms for one in seen), Counter())
    known = Counter({form: times for form, times in forms.items() if form is not None})
    return known.most_common(1)[0][0] if known else None


def _form_by_mapping(mapping: Mapping[str, str] | None) -> Form | None:
    if not mapping or all(role.startswith(KEPT) for role in mapping):
        return None
    return "turns" if "role" in mapping and "text" in mapping else "columns"


# --- mappings -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Plan:
    seen: _Seen
    mapping: Mapping[str, str]
    certainty: float
    note: str = ""


def _plans(seen: Sequence[_Seen], form: Form | None, given: Mapping[str, str]) -> list[_Plan]:
    if form is not None and form not in MAPPED:
        return [_Plan(one, _fixed(one, form), 1.0) for one in seen if one.records]
    plans = (_mapped(one, form or "columns", given) for one in seen if one.records)
    return [plan for plan in plans if plan is not None]


def _fixed(seen: _Seen, form: Form) -> dict[str, str]:
    fields: dict[str, str] = {}
    for record in seen.records:
        if form == "mixed" or form_of(record) in (form, None):
            fields |= own_fields(form_of(record) or form if form == "mixed" else form, record)
    return fields


def _mapped(seen: _Seen, form: Form, given: Mapping[str, str]) -> _Plan | None:
    mapping = {role: name for role, name in assign(seen.names).items() if not _is_nested(seen, role, name)}
    if form == "columns" and "question" not in mapping and "text" in mapping:
        mapping["question"] = mapping["text"]
    for column in given.values():  # a column that is given to one role is no other's
        mapping = {role: name for role, name in mapping.items() if name != column}
    mapping |= given
    note = ""
    if not _complete(mapping, form) and form == "columns":
        guessed = by_content(seen.names, seen.records, mapping)
        note = _guess_note(mapping, guessed)
        mapping |= guessed
    if not _complete(mapping, form):
        return None
    return _Plan(seen, _only_used(mapping, form), _certainty(mapping, given, note), note)


def _is_nested(seen: _Seen, role: str, name: str) -> bool:
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


def _certainty(mapping: Mapping[str, str], given: Mapping[str, str], note: str) -> float:
    """The least of those of question and answer."""
    if note:
        return 0.4
    parts = [role for role in ("question", "answer", "chosen", "rejected", "role", "text") if role in mapping]
    sure = [1.0 if role in given else dict(roles_of(mapping[role])).get(role, 0.4) for role in parts]  # type: ignore[call-overload]
    return min(sure, default=0.4)


def _guess_note(mapping: Mapping[str, str], guessed: Mapping[str, str]) -> str:
    new = [f"{column!r} as {role}" for role, column in guessed.items() if role not in mapping]
    return f"Taken by what the cells hold, not by their names: {', '.join(new)}. Check it." if new else ""


# --- what is said -------------------------------------------------------------------------------------


def _recognition(path: Path, container: Container, form: Form, plans: Sequence[_Plan]) -> Recognition:
    first = plans[0]
    fields = tuple(dict.fromkeys(name for plan in plans for name in plan.seen.names))
    used = {column.split(".")[0] for plan in plans for column in plan.mapping.values()}
    used |= {column for plan in plans for column in plan.mapping.values()}
    forms: Counter[Form | None] = sum((plan.seen.forms for plan in plans), Counter())
    fitting = forms[form] / max(forms.total(), 1) if form not in MAPPED and form != "mixed" else 1.0
    kind = "preference" if "chosen" in first.mapping and form in MAPPED else kind_of_form(form)
    return Recognition(
        path=path,
        container=container,
        form=form,
        kind=kind,
        mapping=first.mapping,
        tables={plan.seen.table.sheet: plan.mapping for plan in plans},
        fields=fields,
        unused=tuple(name for name in fields if name not in used),
        confidence=round(min(plan.certainty for plan in plans) * fitting, 2),
        notes=tuple(_notes(form, forms, plans)),
        alternatives=tuple(_alternatives(form, forms)),
    )


def _notes(form: Form, forms: Counter[Form | None], plans: Sequence[_Plan]) -> Iterator[str]:
    yield from dict.fromkeys(plan.note for plan in plans if plan.note)
    for plan in plans:
        yield from plan.seen.table.notes
        columns = plan.seen.table.columns
        if columns is not None and columns.header is None:
            yield "No row names the columns: they are called by their letters."
        elif columns is not None and columns.header is not None and columns.header > 1:
            yield f"The columns are named in row {columns.header}; the rows above it are left out."
    others = {one: times for one, times in forms.items() if one not in (form, None)}
    if others and form not in (*MAPPED, "mixed"):
        told = ", ".join(f"{times} of the form {one}" for one, times in others.items())
        yield f"Of the first {forms.total()} records, {told}: they are refused unless --format mixed is given."
    if form == "questions":
        yield "A model that learns these questions cannot be measured with them any more."


def _alternatives(form: Form, forms: Counter[Form | None]) -> Iterator[Alternative]:
    for other, times in forms.most_common():
        if other is not None and other != form:
            yield Alternative(form=other, why=f"{times} of {forms.total()} records: {SUMMARIES[other]}")
    if len([one for one in forms if one is not None]) > 1 and form != "mixed":
        yield Alternative(form="mixed", why=SUMMARIES["mixed"])
    if form == "completion":
        yield Alternative(form="columns", why="chat rows: the prompt as question, the completion as answer")
    if form == "reinforcement" and "chat" not in forms:
        yield Alternative(form="chat", why=f"{SUMMARIES['chat']} alone, without the further fields")


def _check_mapping(path: Path, mapping: Mapping[str, str], seen: Sequence[_Seen]) -> None:
    names = dict.fromkeys(name for one in seen for name in one.names)
    records = [record for one in seen for record in one.records]
    for role, column in mapping.items():
        if role not in ROLES and not (role.startswith(KEPT) and len(role) > len(KEPT)):
            raise DatasetError(
                f"{role!r} is nothing that a column can be: name one of {', '.join(ROLES)}, metadata.NAME."
            )
        if column not in names and not any(held(record, column) is not None for record in records):
            raise DatasetError(f"{path} has no column {column!r}: it has {', '.join(map(repr, names))}.")


def _no_records(path: Path, seen: Sequence[_Seen]) -> str:
    faults = (record.fault for one in seen for record in islice(one.table.records(), SAMPLED) if record.fault)
    first = next(faults, None)
    if first is None:
        return f"{path} holds no records: there is nothing to import."
    return f"{path} holds no record that can be read. The first: {first.reason} {first.fix}"


def _unrecognised(path: Path, seen: Sequence[_Seen], form: Form | None) -> str:
    names = ", ".join(repr(name) for name in dict.fromkeys(name for one in seen for name in one.names))
    if form == "turns":
        wanted = "--map group=COLUMN --map role=COLUMN --map text=COLUMN"
    else:
        wanted = "--map question=COLUMN --map answer=COLUMN"
    known = ", ".join(one for one in FORMS if one != "mixed")
    asked = f"which of {names} holds the questions and which the answers?"
    return f"{path}: {asked} Say it with {wanted}, or name a --format: {known}."


def _samples(found: Recognition) -> tuple[Row, ...]:
    from finetune.importing.reading import read_examples

    made = (one.row for one in read_examples(found.path, found) if isinstance(one, Example))
    return tuple(islice(made, SHOWN))


def records_of(found: Recognition) -> Iterator[tuple[Record, Mapping[str, str]]]:
    """Every record of the tables that are read, with the mapping of its table."""
    for table in open_tables(found.path, found.container, None, hidden=True):
        if table.sheet in found.tables:
            for record in table.records():
                yield record, found.tables[table.sheet]
