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

from errors import SettingsError
from evaluation.judging import KnownQuestion, known_question
from evaluation.question_fields import fields_named, is_known, question_row
from evaluation.row_files import Table, columns_of, open_rows, rows_of

__all__ = ["QuestionSet", "joined", "read_question_set"]

_SHOWN: Mapping[str, str] = {"_id": "id", "text": "question"}  # as the documentation calls a field
_PLACES = (
    "gold",
    "gold_documents",
    "evidence",
)  # of JSON: ids, or objects, as evaluation/judging.py has them
_DOCUMENTS = frozenset(
    {
        ".docx",
        ".doc",
        ".odt",
        ".rtf",
        ".pptx",
        ".ppt",
        ".odp",
        ".pdf",
        ".html",
        ".htm",
        ".md",
        ".eml",
        ".msg",
        ".epub",
    }
)
_KEPT = (*_PLACES, "type", "source_paragraph")
_OWN = frozenset({*_PLACES, "_id", "id", "text", "question", "answer", "answers", "answerable", "documents", "quote",
                  "reviewed", "tags"})  # fmt: skip


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
    found = list(_read(path, columns))
    questions = [one for one in found if isinstance(one, KnownQuestion)]
    refused = [one for one in found if isinstance(one, str)]
    _check_enough(path, questions, refused, columns)
    _check_ids(questions)
    once, again = _asked_once(questions)
    return QuestionSet(
        name=name or path.stem,
        sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
        questions=tuple(once),
        refused=(*refused, *again),
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
    rows = list(_rows(path, columns))
    ids = {str(row["_id"]) for _, _, row in rows if isinstance(row, dict) and "_id" in row}
    for name, place, row in rows:
        if isinstance(row, str):
            yield row
            continue
        try:
            yield known_question({"_id": f"row {name}" if name in ids else name} | row, place)
        except SettingsError as error:
            yield str(error)


def _rows(path: Path, columns: list[str]) -> Iterator[tuple[str, str, dict[str, Any] | str]]:
    """(what a row without an id goes by, its place, the row or what is wrong with it) of each table with questions."""
    if path.suffix.lower() in _DOCUMENTS:
        raise SettingsError(
            f"{path} is a document, not a file of questions, which come as CSV, TSV, XLSX, ODS, JSON or JSONL. To make "
            "questions out of documents: python -m app evaluate questions"
        )
    tables = open_rows(path, is_known)
    if all(table.columns for table in tables):
        _check_asked(path, tables)
    for table in tables:
        names = fields_named(columns_of(table))
        prefix = f"{table.sheet}-" if len(tables) > 1 else ""
        columns += [_told(table, names)] if table.columns else []
        renamed: dict[str, str] = {}
        for number, place, value in rows_of(table, path) if "text" in names or not table.columns else ():
            own = names if table.columns or isinstance(value, str) else fields_named(value)
            renamed |= {own[field]: field for field in own if not table.columns and own[field] not in _OWN}
            yield f"{prefix}{number}", place, _row(value, own, place, of_json=not table.columns)
        if renamed:
            read = ", ".join(f"{_SHOWN.get(field, field)} from {name!r}" for name, field in renamed.items())
            columns.append(f"Fields: {read}.")


def _check_asked(path: Path, tables: Sequence[Table]) -> None:
    """Raises SettingsError where no table has a column of questions."""
    if any("text" in fields_named(columns_of(table)) for table in tables):
        return
    there = ", ".join(columns_of(tables[0])) if tables else ""
    if tables and all(table.columns is not None and table.columns.header is None for table in tables):
        raise SettingsError(
            f"{path} has no row on top that names its columns in words understood here: call one 'question' and one "
            "'answer'."
        )
    raise SettingsError(
        f"{path} has no column of questions: call one 'question' (columns: {there or 'none'})."
    )


def _told(table: Table, names: Mapping[str, str]) -> str:
    sheet = f"Sheet {table.sheet}: " if table.sheet else "Columns: "
    if "text" not in names:
        return f"{sheet}passed over, for it has no column of questions."
    read = ", ".join(f"{_SHOWN.get(field, field)} from {column!r}" for field, column in names.items())
    unused = [repr(name) for name in columns_of(table) if name not in names.values()]
    return f"{sheet}{read}" + (f"; not used: {', '.join(unused)}." if unused else ".")


def _row(
    value: Mapping[str, Any] | str, names: Mapping[str, str], place: str, *, of_json: bool
) -> dict[str, Any] | str:
    """`of_json`: what it says as this program writes it stands."""
    if isinstance(value, str):
        return value
    try:
        row = question_row(value, names)
    except SettingsError as error:
        return f"{place} {error}"
    if not row.get("text") and "messages" in value:
        return (
            f"{place} is a row of training data; questions are held out of such a file by: python -m app evaluate "
            "questions --from FILE."
        )
    if not row.get("text"):
        return f"{place} has no question in it."
    if not of_json and "answers" not in row and "|" in row.get("answer", ""):
        row["answers"] = [told for one in row.pop("answer").split("|") if (told := one.strip())]
    return row | ({name: value[name] for name in _KEPT if _is_own(value, name)} if of_json else {})


def _is_own(value: Mapping[str, Any], name: str) -> bool:
    return name in value and (name not in _PLACES or isinstance(value[name], list | dict))


def _asked_once(questions: Iterable[KnownQuestion]) -> tuple[list[KnownQuestion], list[str]]:
    """The first of each wording, and a sentence for each that comes again: counted twice, it would feign more
    questions than there are."""
    first: dict[tuple[str, ...], KnownQuestion] = {}
    again = []
    for one in questions:
        known = first.setdefault(tuple(one.text.casefold().split()), one)
        if known is one:
            continue
        said = f"{one.place} asks the same as {known.place.rpartition(', ')[2]}"
        alike = (one.answerable, one.answers, one.reference, one.gold) == (
            known.answerable, known.answers, known.reference, known.gold,
        )  # fmt: skip
        also = (
            ""
            if alike
            else ", and wants something else: put all that is accepted into one row, under 'answers'"
        )
        again.append(f"{said}{also}.")
    return list(first.values()), again


def _check_ids(questions: Iterable[KnownQuestion]) -> None:
    known: dict[str, KnownQuestion] = {}
    for one in questions:
        if (first := known.setdefault(one.id, one)) is not one:
            raise SettingsError(f"{one.place} has the id {one.id!r} of {first.place}: give each its own.")
