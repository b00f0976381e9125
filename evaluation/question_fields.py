"""What the columns of question files are called, and what their cells say: the same for tables and JSON Lines.

    names = fields_named(["Nr.", "Frage", "Erwartete Antwort"])     {"_id": "Nr.", "text": "Frage", "answer": ...}
    row = question_row({"Frage": "Wie viele?", ...}, names)         {"text": "Wie viele?", "answer": ...}

A row comes out as evaluation/judging.py takes it. Cells may be texts, numbers or truth values; what JSON holds as a
list or an object is kept as such.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from errors import SettingsError
from finetune.importing.column_names import Role, plain, roles_of
from loaders.readers.numbers import shown_value

__all__ = ["fields_named", "is_known", "question_row", "yes_or_no"]

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "_id": ("_id", "id", "nr", "number", "key"),
    "text": ("question", "text", "query", "frage", "pregunta", "domanda", "vraag", "prompt", "input"),
    "answer": ("answer", "reference", "expected", "gold answer", "antwort", "respuesta", "risposta", "antwoord",
               "output", "soll", "solution"),
    "answers": ("answers", "accepted", "accepted answers", "wordings", "antworten"),
    "documents": ("documents", "document", "source", "sources", "gold", "gold documents", "file", "files", "found in",
                  "dokument", "dokumente", "quelle", "quellen", "fundstelle", "fundstellen", "datei", "beleg",
                  "bron", "bronnen", "fuente", "fuentes", "fonte", "fonti", "fontes"),
    "quote": ("quote", "passage", "evidence", "zitat", "textstelle", "citation", "cita", "citaat", "citazione"),
    "answerable": ("answerable", "in the documents", "in the document", "in documents", "answered in the documents",
                   "beantwortbar", "im dokument", "in den dokumenten", "répondable", "dans les documents",
                   "en los documentos", "está en los documentos", "respondible", "rispondibile", "nei documenti",
                   "te beantwoorden", "beantwoordbaar", "in de documenten", "respondível", "nos documentos"),
    "unanswerable": ("unanswerable", "not answerable", "is impossible", "not in the documents", "not in documents",
                     "nicht beantwortbar", "unbeantwortbar", "nicht im dokument", "nicht in den dokumenten"),
    "reviewed": ("reviewed", "geprüft"),
    "tags": ("tags", "tag", "topic", "topics", "category", "categories", "subject", "area", "thema", "themen",
             "kategorie", "bereich", "rubrik", "stichwort", "stichworte", "schlagwort", "schlagworte"),
}  # fmt: skip
_PLAIN = frozenset(plain(name) for names in _COLUMNS.values() for name in names)
# Under these roles the names of columns are known in many languages already (finetune/importing/column_names.py).
_ROLES: Mapping[str, Role] = {"text": "question", "answer": "answer", "documents": "document", "_id": "id"}
# Certainty of a name: the word itself, or one of several. "Number of days" is no id.
_LIKELY: Mapping[str, float] = {"text": 0.6, "answer": 0.6, "documents": 0.6, "_id": 0.8}

_NO = (
    "no n nein non nee não nie nej nei ei ne hayır hayir нет ні нi 否 无 いいえ 아니요 아니오 لا नहीं tidak không "
    "false falsch faux falso onwaar fałsz 0 unanswerable"
)
_YES = (
    "yes y ja j oui o si sí sim s tak kyllä ano evet да так 是 有 はい 예 네 نعم हाँ ya có "
    "true wahr vrai vero verdadero waar prawda 1 answerable"
)
_SIGNS = {
    "✓": True,
    "✔": True,
    "☑": True,
    "✅": True,
    "✗": False,
    "✘": False,
    "✕": False,
    "❌": False,
    "☐": False,
}
_SAID = {plain(word): True for word in _YES.split()} | {plain(word): False for word in _NO.split()} | _SIGNS
_NOTHING = frozenset({"-", "–", "—", "--", "?", "n/a", "n.a.", "#n/a", "tbd", "tba"})  # for an answer
_FILE_NAME = re.compile(r".*\.[A-Za-z][A-Za-z0-9]{1,4}", re.DOTALL)


def is_known(column: str) -> bool:
    """Whether a column of a question file is called so."""
    return plain(column) in _PLAIN or bool(roles_of(column))


def fields_named(columns: Iterable[str]) -> dict[str, str]:
    """field -> the first column that goes by one of its names, the plainest name first; else one much like it."""
    listed = list(columns)
    by_name = {plain(column): column for column in reversed(listed)}
    found: dict[str, str] = {}
    for field, names in _COLUMNS.items():
        known = next((by_name[plain(name)] for name in names if plain(name) in by_name), None)
        if known is not None:
            found[field] = known
    for field, role in _ROLES.items():
        left = [column for column in listed if column not in found.values() and _is(column, role, field)]
        if field not in found and left:
            found[field] = left[0]
    return {field: found[field] for field in _COLUMNS if field in found}


def _is(column: str, role: Role, field: str) -> bool:
    return any(one == role and certainty >= _LIKELY[field] for one, certainty in roles_of(column)[:1])


def yes_or_no(value: object) -> bool | None:
    """What a cell says in one of many languages, or by a sign; None: neither, or nothing."""
    if isinstance(value, bool):
        return value
    said = _text(value)
    if not isinstance(said, str) or not said:
        return None
    return _SAID.get(said.rstrip("\ufe0f"), _SAID.get(plain(said)))


def question_row(value: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    """Fields that hold nothing are left out.

    Raises SettingsError, without the place, for what says neither yes nor no, and an answer that is none.
    """
    held = {field: told for field, name in names.items() if (told := _text(value.get(name))) not in ("", [])}
    row: dict[str, Any] = {name: held[name] for name in ("_id", "text") if name in held}
    answer = held.get("answer")
    answers = _listed(held.get("answers", answer if isinstance(answer, list) else ()), r"[|\n]")
    if answers:
        row["answers"] = answers
    if answer is not None and not isinstance(answer, list):
        row["answer"] = answer
    if gold := _gold(held.get("documents", ()), held.get("quote", "")):
        row["gold"] = gold
    if yes_or_no(held.get("reviewed")) is False:
        row["reviewed"] = False
    row["tags"] = _listed(held.get("tags", ()), "[;,]")
    row |= _answerable(held, names)
    _check_answer(row)
    return row


def _check_answer(row: dict[str, Any]) -> None:
    """A dash is no answer that could be said; of what the documents do not answer it is none."""
    answer = row.get("answer")
    if not isinstance(answer, str) or answer.casefold() not in _NOTHING:
        return
    if row.get("answerable", True):
        raise SettingsError(
            f"has {answer!r} for an answer: write no under 'answerable' where the documents do not answer it, else the "
            "answer."
        )
    del row["answer"]


def _text(value: Any) -> Any:
    """A cell as its text, a list as one of texts without blank ones; an object stays."""
    if isinstance(value, dict) and isinstance(value.get("text"), list):
        return _text(value["text"])  # SQuAD's {"text": ["six"], "answer_start": [12]}
    if isinstance(value, list | tuple):
        return [told for one in value if (told := _text(one)) not in ("", [])]
    return value if isinstance(value, dict) else shown_value(value)


def _listed(value: Any, separators: str) -> Any:
    if not isinstance(value, str):
        return value
    return [one.strip() for one in re.split(separators, value) if one.strip()]


def _gold(documents: Any, quote: Any) -> Any:
    """A quote for each document where there are as many, with a bar or a line between them; else it is looked for in
    each of them."""
    named = _documents(documents)
    if (
        not isinstance(named, list)
        or not isinstance(quote, str)
        or not all(isinstance(one, str) for one in named)
    ):
        return named
    several = _listed(quote, r"[|\n]")
    quotes = several if 1 < len(named) == len(several) else [quote] * len(named)
    return [{"document": one, "quote": words} for one, words in zip(named, quotes, strict=True)]


def _documents(value: Any) -> Any:
    """Names with semicolons or lines between them; commas, where each piece is the name of a file."""
    names = _listed(value, r"[;\n]")
    pieces = _listed(value, ",")
    if isinstance(value, str) and len(names) == 1 and all(map(_FILE_NAME.fullmatch, pieces)):
        return pieces
    return names


def _answerable(held: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, bool]:
    for field in ("answerable", "unanswerable"):
        if field not in held:
            continue
        said = yes_or_no(held[field])
        if said is None and field == "unanswerable" and str(held[field]).casefold() == "x":
            said = True
        if said is None:
            raise SettingsError(f"says {held[field]!r} under {names[field]!r}: write yes or no.")
        return {"answerable": said is (field == "answerable")}
    return {}
