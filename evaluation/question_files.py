"""Question sets as people keep them: CSV, TSV, spreadsheets, JSON Lines.

    question_set = read_question_set(Path("questions.xlsx"))
    question_set.questions, question_set.refused

JSON Lines rows stand as evaluation/judging.py has them. In a table the columns are found by name: question, answer,
answers (several, with | between), documents (with ; between), quote, answerable (yes or no), tags, id; so are columns
that people call otherwise ("Erwartete Antwort", "Source document"). `columns` tells what was read as what. A row that
is no question is named with its line and stops nobody else's, until most rows are none; a sheet without a column of
questions is passed over where another one has it.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from errors import DatasetError, SettingsError
from evaluation.judging import KnownQuestion, known_question
from finetune.importing.column_names import Role, plain, roles_of
from finetune.importing.containers import Table, container_of, open_tables
from finetune.importing.records import Record
from loaders.jsonl import read_rows

__all__ = ["QuestionSet", "joined", "read_question_set"]

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "_id": ("id", "_id", "nr", "number", "key"),
    "text": ("question", "text", "query", "frage", "pregunta", "domanda", "vraag", "prompt", "input"),
    "answer": ("answer", "reference", "expected", "gold answer", "antwort", "respuesta", "risposta", "antwoord",
               "output", "soll", "solution"),
    "answers": ("answers", "accepted", "accepted answers", "wordings", "antworten"),
    "documents": ("documents", "document", "source", "sources", "gold", "gold documents", "file", "files", "found in",
                  "dokument", "dokumente", "quelle", "quellen", "fundstelle", "fundstellen", "datei", "beleg"),
    "quote": ("quote", "passage", "evidence", "zitat", "textstelle"),
    "answerable": ("answerable", "in the documents", "in the document", "in documents", "answered in the documents",
                   "beantwortbar", "im dokument", "in den dokumenten"),
    "reviewed": ("reviewed", "geprüft"),
    "tags": ("tags", "tag", "topic", "topics", "category", "categories", "subject", "area", "thema", "themen",
             "kategorie", "bereich", "rubrik", "stichwort", "stichworte", "schlagwort", "schlagworte"),
}  # fmt: skip
# Under these roles the names of columns are known in many languages already (finetune/importing/column_names.py).
_ROLES: Mapping[str, Role] = {"text": "question", "answer": "answer", "documents": "document", "_id": "id"}
_LIKELY = 0.6  # certainty of a name: the word itself, or one of several
_SHOWN: Mapping[str, str] = {"_id": "id", "text": "question"}  # as the documentation calls a field
_NO = frozenset({"no", "false", "0", "n", "nein", "non", "nee", "falsch", "unanswerable"})
_YES = frozenset({"yes", "true", "1", "y", "ja", "oui", "si", "sí", "wahr", "answerable", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSet:
    name: str
    sha256: str  # of the file
    questions: tuple[KnownQuestion, ...]
    refused: tuple[str, ...] = ()  # one sentence each, with file and line
    columns: tuple[str, ...] = ()  # of tables: what was read as what, a sentence each

    @property
    def answerable(self) -> int:
        return sum(one.answerable for one in self.questions)


def read_question_set(path: Path, name: str | None = None) -> QuestionSet:
    """`name`: what it is called, the file's own name where nothing is said.

    Raises SettingsError where the file cannot be read, most of its rows are no questions, or two have the same id."""
    if not path.is_file():
        raise SettingsError(f"There is no file {str(path)!r}: name a CSV, XLSX or JSONL file of questions.")
    columns: list[str] = []
    try:
        found = list(_read(path, columns))
    except DatasetError as error:
        raise SettingsError(str(error)) from error
    questions = [one for one in found if isinstance(one, KnownQuestion)]
    refused = [one for one in found if isinstance(one, str)]
    _check_enough(path, questions, refused, columns)
    _check_ids(questions)
    return QuestionSet(
        name=name or path.stem,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        questions=tuple(questions),
        refused=tuple(refused),
        columns=tuple(columns),
    )


def joined(sets: Sequence[QuestionSet]) -> QuestionSet:
    """Several as one: each question is tagged with its set's name, and ids that several sets use begin with it."""
    if len(sets) == 1:
        return sets[0]
    uses = Counter(one.id for held in sets for one in held.questions)
    return QuestionSet(
        name=" and ".join(one.name for one in sets),
        sha256=hashlib.sha256("".join(one.sha256 for one in sets).encode()).hexdigest(),
        questions=tuple(
            replace(
                one,
                id=f"{held.name}:{one.id}" if uses[one.id] > 1 else one.id,
                group=one.group if one.documents else f"{held.name}:{one.group}",
                tags=tuple(dict.fromkeys((held.name, *one.tags))),
            )
            for held in sets
            for one in held.questions
        ),
        refused=tuple(sentence for held in sets for sentence in held.refused),
        columns=tuple(f"{held.name}: {sentence}" for held in sets for sentence in held.columns),
    )


def _check_enough(
    path: Path, questions: Sequence[KnownQuestion], refused: Sequence[str], columns: Sequence[str]
) -> None:
    """A report on the few rows that happened to be readable would look as sound as one on all of them."""
    if len(questions) >= len(refused) and questions:
        return
    said = f"{path} holds no question that can be judged."
    if questions:
        said = f"Only {len(questions)} of the {len(questions) + len(refused)} rows of {path} can be judged."
    why = f" The first row: {refused[0]}" if refused else ""
    raise SettingsError(" ".join([said + why, *columns]))


def _read(path: Path, columns: list[str]) -> Iterator[KnownQuestion | str]:
    """`columns`: filled with what was read as what."""
    rows = _json_rows(path) if path.suffix.lower() in (".jsonl", ".ndjson") else _table_rows(path, columns)
    for place, row in rows:
        try:
            yield known_question(row, place)
        except SettingsError as error:
            yield str(error)


def _json_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from read_rows(path)


def _table_rows(path: Path, columns: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    tables = open_tables(path, container_of(path), None)
    named = [(table, _named(_names(table))) for table in tables]
    if not any("text" in names for _, names in named):
        there = ", ".join(_names(tables[0])) if tables and tables[0].columns else "none"
        raise SettingsError(f"{path} has no column of questions: call one 'question' (columns: {there}).")
    for table, names in named:
        columns.append(_told(table, names))
        sheet = f", sheet {table.sheet}" if table.sheet else ""
        prefix = f"{table.sheet}-" if len(tables) > 1 else ""
        for record in table.records() if "text" in names else ():
            yield f"{path}{sheet}, row {record.number}", _row(record, names, prefix)


def _names(table: Table) -> tuple[str, ...]:
    return table.columns.names if table.columns else ()


def _told(table: Table, names: Mapping[str, str]) -> str:
    sheet = f"Sheet {table.sheet}: " if table.sheet else "Columns: "
    if "text" not in names:
        return f"{sheet}passed over, for it has no column of questions."
    read = ", ".join(f"{_SHOWN.get(field, field)} from {column!r}" for field, column in names.items())
    unused = [repr(name) for name in _names(table) if name not in names.values()]
    return f"{sheet}{read}" + (f"; not used: {', '.join(unused)}." if unused else ".")


def _named(columns: Iterable[str]) -> dict[str, str]:
    """field -> the first column that goes by one of its names, the plainest name first; else one much like it."""
    listed = list(columns)
    by_name = {plain(column): column for column in reversed(listed)}
    found: dict[str, str] = {}
    for field, names in _COLUMNS.items():
        known = next((by_name[plain(name)] for name in names if plain(name) in by_name), None)
        if known is not None:
            found[field] = known
    for field, role in _ROLES.items():
        left = [column for column in listed if column not in found.values() and _is(column, role)]
        if field not in found and left:
            found[field] = left[0]
    return {field: found[field] for field in _COLUMNS if field in found}


def _is(column: str, role: Role) -> bool:
    return any(one == role and certainty >= _LIKELY for one, certainty in roles_of(column)[:1])


def _row(record: Record, names: Mapping[str, str], prefix: str) -> dict[str, Any]:
    """As JSON Lines have it; a row without an id goes by its number."""
    value = record.value or {}
    cells = {field: str(value.get(column, "") or "").strip() for field, column in names.items()}
    row: dict[str, Any] = {
        "_id": cells.get("_id") or f"{prefix}{record.number}",
        "text": cells.get("text", ""),
    }
    if answers := _listed(cells.get("answers", ""), "|"):
        row["answers"] = answers
    if cells.get("answer"):
        row["answer"] = cells["answer"]
    if documents := _listed(cells.get("documents", ""), ";"):
        row["gold"] = [{"document": one, "quote": cells.get("quote", "")} for one in documents]
    if cells.get("reviewed", "").casefold() in _NO:
        row["reviewed"] = False
    row["tags"] = _listed(cells.get("tags", "").replace(",", ";"), ";")
    return row | _answerable(cells.get("answerable", ""))


def _answerable(cell: str) -> dict[str, Any]:
    said = cell.casefold()
    if said in _NO or said in _YES:
        return {"answerable": said in _YES}
    return {"answerable": cell}  # refused with its place, as whatever else is neither


def _listed(cell: str, separator: str) -> list[str]:
    return [one.strip() for one in cell.split(separator) if one.strip()]


def _check_ids(questions: Iterable[KnownQuestion]) -> None:
    known: dict[str, KnownQuestion] = {}
    for one in questions:
        if (first := known.setdefault(one.id, one)) is not one:
            raise SettingsError(f"{one.place} has the id {one.id!r} of {first.place}: give each its own.")
