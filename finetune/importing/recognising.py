"""What a file is: its container, the form of its records, and which fields become what, before anything is read."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from errors import DatasetError, DatasetFormatError
from finetune.examples import Example, Kind, Row
from finetune.importing.column_names import ROLES
from finetune.importing.containers import Container, container_of, open_tables
from finetune.importing.forms import FORMS, SUMMARIES, Form, kind_of_form
from finetune.importing.mapped_forms import KEPT, PLACES, held
from finetune.importing.mapping import MAPPED, SAMPLED, SURE, Plan, Seen, look, plans_of
from finetune.importing.records import Record

SHOWN = 3


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

    @property
    def doubtful(self) -> str | None:
        """Why a person must look before it is used; None where it can be used as it is."""
        if self.confidence >= SURE or self.form not in MAPPED:
            return None
        told = " ".join(f"--map {role}={column!r}" for role, column in self.mapping.items())
        return f"{self.path}: which columns are meant is only guessed. Where it is right, say so with {told}"

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


def recognise(
    path: Path,
    *,
    form: Form | None = None,
    mapping: Mapping[str, str] | None = None,
    sheet: str | None = None,
) -> Recognition:
    """What the file is; `form` and `mapping` say it where it is known, `sheet` names the one sheet to read.

    A part that the mapping gives "" has no column, whatever the columns are called.

    Raises DatasetFormatError saying what to name where no form fits, DatasetError where the file cannot be read.
    """
    container = container_of(path)
    seen = [look(table) for table in open_tables(path, container, sheet)]
    if not any(one.records for one in seen):
        raise DatasetFormatError(_no_records(path, seen))
    if container == "csv" and path.suffix.lower() not in (".csv", ".tsv", ".tab") and len(seen[0].names) < 2:
        raise DatasetFormatError(_prose(path))
    _check_mapping(path, mapping or {}, seen)
    chosen = form or _form_by_mapping(mapping) or _usual_form(seen)
    plans, left = plans_of(seen, chosen, mapping or {})
    if not plans:
        raise DatasetFormatError(_unrecognised(path, seen, chosen))
    found = _recognition(path, container, chosen or "columns", plans)
    return replace(found, samples=_samples(found), notes=(*found.notes, *_left_out(left)))


def _left_out(sheets: Sequence[str]) -> Iterator[str]:
    if sheets:
        yield f"Sheets without columns of questions and answers are left out: {', '.join(sheets)}."


def _usual_form(seen: Sequence[Seen]) -> Form | None:
    forms: Counter[Form | None] = sum((one.forms for one in seen), Counter())
    known = Counter({form: times for form, times in forms.items() if form is not None})
    return known.most_common(1)[0][0] if known else None


def _form_by_mapping(mapping: Mapping[str, str] | None) -> Form | None:
    if not mapping or all(role in PLACES or role.startswith(KEPT) for role in mapping):
        return None
    return "turns" if "role" in mapping and "text" in mapping else "columns"


# --- what is said -------------------------------------------------------------------------------------


def _recognition(path: Path, container: Container, form: Form, plans: Sequence[Plan]) -> Recognition:
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


def _notes(form: Form, forms: Counter[Form | None], plans: Sequence[Plan]) -> Iterator[str]:
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


def _check_mapping(path: Path, mapping: Mapping[str, str], seen: Sequence[Seen]) -> None:
    names = dict.fromkeys(name for one in seen for name in one.names)
    records = [record for one in seen for record in one.records]
    for role, column in mapping.items():
        if role not in ROLES and not (role.startswith(KEPT) and len(role) > len(KEPT)):
            raise DatasetError(
                f"{role!r} is nothing that a column can be: name one of {', '.join(ROLES)}, metadata.NAME."
            )
        if column and column not in names and not any(held(record, column) is not None for record in records):
            raise DatasetError(f"{path} has no column {column!r}: it has {', '.join(map(repr, names))}.")


def _prose(path: Path) -> str:
    return (
        f"{path} is a text without columns: give questions and answers in a table, "
        "or make questions from it with python -m app dataset generate."
    )


def _no_records(path: Path, seen: Sequence[Seen]) -> str:
    faults = (record.fault for one in seen for record in islice(one.table.records(), SAMPLED) if record.fault)
    first = next(faults, None)
    if first is None:
        return f"{path} holds no records: there is nothing to import."
    return f"{path} holds no record that can be read. The first: {first.reason} {first.fix}"


def _unrecognised(path: Path, seen: Sequence[Seen], form: Form | None) -> str:
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
