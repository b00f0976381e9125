"""Question sets as people keep them: CSV, TSV, spreadsheets, JSON Lines.

    question_set = read_question_set(Path("questions.xlsx"))
    question_set.questions, question_set.refused

JSON Lines rows stand as evaluation/judging.py has them. In a table the columns are found by name: question, answer,
answers (several, with | between), documents (with ; between), quote, answerable (yes or no), tags, id. A row that is
no question is named with its line; it stops nobody else's.
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
from finetune.importing.column_names import plain
from finetune.importing.containers import container_of, open_tables
from finetune.importing.records import Record
from loaders.jsonl import read_rows

__all__ = ["QuestionSet", "joined", "read_question_set"]

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "_id": ("id", "_id", "nr", "number", "key"),
    "text": ("question", "text", "query", "frage", "pregunta", "domanda", "vraag", "prompt", "input"),
    "answer": ("answer", "reference", "expected", "antwort", "respuesta", "risposta", "antwoord", "output"),
    "answers": ("answers", "accepted", "acceptedanswers", "wordings"),
    "documents": ("documents", "document", "source", "sources", "gold", "golddocuments", "file", "dokument"),
    "quote": ("quote", "passage", "evidence", "zitat"),
    "answerable": ("answerable", "inthedocuments", "beantwortbar"),
    "tags": ("tags", "tag", "topic", "category", "thema"),
}
_NO = frozenset({"no", "false", "0", "n", "nein", "non", "nee", "unanswerable"})
_YES = frozenset({"yes", "true", "1", "y", "ja", "oui", "si", "answerable", ""})


@dataclass(frozen=True, slots=True, kw_only=True)
class QuestionSet:
    name: str
    sha256: str  # of the file
    questions: tuple[KnownQuestion, ...]
    refused: tuple[str, ...] = ()  # one sentence each, with file and line

    @property
    def answerable(self) -> int:
        return sum(one.answerable for one in self.questions)


def read_question_set(path: Path, name: str | None = None) -> QuestionSet:
    """`name`: what it is called, the file's own name where nothing is said.

    Raises SettingsError where the file cannot be read or holds no question at all, or two of the same id."""
    if not path.is_file():
        raise SettingsError(f"There is no file {str(path)!r}: name a CSV, XLSX or JSONL file of questions.")
    try:
        found = list(_read(path))
    except DatasetError as error:
        raise SettingsError(str(error)) from error
    questions = [one for one in found if isinstance(one, KnownQuestion)]
    refused = [one for one in found if isinstance(one, str)]
    if not questions:
        why = f" The first row: {refused[0]}" if refused else ""
        raise SettingsError(f"{path} holds no question that can be judged.{why}")
    _check_ids(questions)
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    return QuestionSet(
        name=name or path.stem, sha256=sha256, questions=tuple(questions), refused=tuple(refused)
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
    )


def _read(path: Path) -> Iterator[KnownQuestion | str]:
    rows = _json_rows(path) if path.suffix.lower() in (".jsonl", ".ndjson") else _table_rows(path)
    for place, row in rows:
        try:
            yield known_question(row, place)
        except SettingsError as error:
            yield str(error)


def _json_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    yield from read_rows(path)


def _table_rows(path: Path) -> Iterator[tuple[str, Mapping[str, Any]]]:
    tables = open_tables(path, container_of(path), None)
    for table in tables:
        columns = table.columns.names if table.columns else ()
        names = _named(columns)
        if "text" not in names:
            there = ", ".join(columns) if columns else "none"
            raise SettingsError(f"{path} has no column of questions: call one 'question' (columns: {there}).")
        sheet = f", sheet {table.sheet}" if table.sheet else ""
        prefix = f"{table.sheet}-" if len(tables) > 1 else ""
        for record in table.records():
            yield f"{path}{sheet}, row {record.number}", _row(record, names, prefix)


def _named(columns: Iterable[str]) -> dict[str, str]:
    """field -> the first column that goes by one of its names, the plainest name first."""
    by_name = {plain(column).replace(" ", ""): column for column in reversed(list(columns))}
    return {
        field: by_name[name]
        for field, names in _COLUMNS.items()
        for name in reversed(names)
        if name in by_name
    }


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
