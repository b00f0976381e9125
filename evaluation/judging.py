"""Questions whose answers are known, and whether an answer is right.

A row: {_id, text} and one of
    "answers": ["six", "6 days"] or "answer": "six"     words of which one must stand in the answer or its quotes
    "answer": a text of more than twelve words          its figures, and half of its words (token F1), must be there
    "gold": [{"document": ...}] or "gold_documents"     documents of which one must be cited
    "answerable": false                                 the documents do not answer it: every answer is wrong
Where both words and documents are given, both must hold: a "5" from somewhere else is no right answer. How words are
compared: evaluation/wordings.py; a right answer in other words counts as wrong, so that error rates come out too high
rather than too low.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from chains.answer import Answer
from errors import SettingsError
from evaluation.text_metrics import figures_kept, normalised, token_f1
from evaluation.wordings import says_wording
from loaders.jsonl import well_formed

if TYPE_CHECKING:
    from loaders.inventory import DocumentInfo

__all__ = [
    "GoldPlace",
    "KnownQuestion",
    "check_documents",
    "holds_one",
    "is_one",
    "is_right",
    "known_question",
    "names_one",
    "not_held",
    "says",
]

LONGEST_WORDING = 12  # words of an answer that can be asked for to the letter
LIKE_ENOUGH = 0.5  # token F1 with a longer one


@dataclass(frozen=True, slots=True, kw_only=True)
class GoldPlace:
    """Where an answer stands: a document, and its words there where they are known."""

    document: str
    quote: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownQuestion:
    id: str
    text: str
    answerable: bool
    answers: tuple[str, ...]  # accepted wordings; empty: judged by its documents
    documents: tuple[str, ...]  # that hold the answer; empty: not known
    group: str  # questions on one document share it
    place: str = ""  # file and line, for error messages
    reference: str = ""  # a whole answer, as it should be said; "" where there is none
    tags: tuple[str, ...] = ()
    gold: tuple[GoldPlace, ...] = ()
    reviewed: bool = True  # False: made by rules or a model, and no person has looked at it


def known_question(row: Mapping[str, Any], place: str) -> KnownQuestion:
    """Raises SettingsError naming the place and the field at fault."""
    identifier, text = row.get("_id"), row.get("text")
    if not isinstance(identifier, str | int) or not isinstance(text, str) or not text.strip():
        raise SettingsError(f'{place} needs the fields "_id" and "text".')
    answerable = row.get("answerable", True)
    if not isinstance(answerable, bool):
        raise SettingsError(f'{place}: the field "answerable" must be true or false.')
    reference = row["answer"] if isinstance(row.get("answer"), str) else ""
    answers = _texts(row.get("answers") or row.get("answer") or (), "answers", place)
    if answers == (reference,) and len(normalised(reference)) > LONGEST_WORDING:
        answers = ()
    documents = _documents(row, place)
    if answerable and not answers and not documents and not reference:
        raise SettingsError(
            f'{place} has nothing to tell right from wrong by: give its "answer", "answers" or "documents" ("gold" in '
            'JSON Lines), or mark it as not "answerable".'
        )
    article = str(row.get("source_paragraph", "")).split("#")[0]
    return KnownQuestion(
        id=well_formed(str(identifier)),
        text=well_formed(text),
        answerable=answerable,
        answers=answers,
        documents=documents,
        group=article or (documents[0] if documents else f"question {identifier}"),
        place=place,
        reference=reference.strip(),
        tags=_tags(row, place),
        gold=_gold(row, documents),
        reviewed=row.get("reviewed") is not False,
    )


def check_documents(
    known: Sequence[KnownQuestion], held: Iterable[DocumentInfo], knowledge_base: str
) -> None:
    """Raises SettingsError, naming file and line, for a gold document that the knowledge base does not hold."""
    for question, document in not_held(known, held):
        raise SettingsError(
            f"{question.place}: question {question.id!r} names the document {document!r}, which the "
            f"knowledge base {knowledge_base!r} does not hold: take a name that python -m app kb show prints, or "
            "ingest the document."
        )


def not_held(
    known: Iterable[KnownQuestion], held: Iterable[DocumentInfo]
) -> Iterator[tuple[KnownQuestion, str]]:
    """Each question that names a document which is not there, with the first such document."""
    have = [(one.document_id, one.name) for one in held if one.chunks]
    ends = {_name(name) for names in have for name in names}
    for question in known:
        for document in question.documents:
            if _name(document) in ends and any(is_one(names, (document,)) for names in have):
                continue
            yield question, document
            break


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def _listed_gold(row: Mapping[str, Any]) -> list[Any]:
    """`gold` or `gold_documents`: ids, or objects that name one as "document" or "doc"; or BEIR's `evidence`."""
    found = row.get("gold") or row.get("gold_documents") or row.get("evidence") or ()
    return list(found) if isinstance(found, list | tuple) else [found]


def _documents(row: Mapping[str, Any], place: str) -> tuple[str, ...]:
    return _texts([_document(one) for one in _listed_gold(row)], "gold", place)


def _document(one: Any) -> Any:
    return one.get("document", one.get("doc")) if isinstance(one, dict) else one


def _gold(row: Mapping[str, Any], documents: Sequence[str]) -> tuple[GoldPlace, ...]:
    """Every place that is given, several in one document too; a document alone where its places are not known."""
    quotes = [
        (_document(one), one["quote"])
        for one in _listed_gold(row)
        if isinstance(one, dict) and isinstance(one.get("quote"), str) and one["quote"].strip()
    ]
    places = [GoldPlace(document=name, quote=well_formed(quote)) for name, quote in quotes]
    alone = set(documents) - {one.document for one in places}
    found = dict.fromkeys([*places, *(GoldPlace(document=name) for name in alone)])
    return tuple(sorted(found, key=lambda one: documents.index(one.document)))


def _tags(row: Mapping[str, Any], place: str) -> tuple[str, ...]:
    """Its tags, and its type as one of them."""
    kind = row.get("type")
    found = _texts(row.get("tags") or (), "tags", place)
    return tuple(dict.fromkeys([*([kind] if isinstance(kind, str) and kind else []), *found]))


def _texts(value: object, name: str, place: str) -> tuple[str, ...]:
    listed = [value] if isinstance(value, str) else value
    if not isinstance(listed, list | tuple) or not all(
        isinstance(one, str) and one.strip() for one in listed
    ):
        raise SettingsError(f'{place}: the field "{name}" must be a list of texts.')
    return tuple(dict.fromkeys(listed))


def is_right(answer: Answer, question: KnownQuestion) -> bool:
    """Whether a given answer is right, its source included; an abstention is not judged here."""
    if not question.answerable:
        return False
    if not question.documents or names_one(answer, question.documents):
        return says(answer, question) is not False
    return False


def says(answer: Answer, question: KnownQuestion) -> bool | None:
    """Whether the answer's words, quotes included, are right; None where only its documents are known."""
    if question.answers:
        return holds_one(_said(answer), question.answers)
    if question.reference:
        kept = figures_kept(_said(answer), question.reference)
        return kept in (None, 1.0) and token_f1(answer.text, question.reference) >= LIKE_ENOUGH
    return None


def names_one(answer: Answer, documents: Sequence[str]) -> bool:
    """Whether one of the documents is cited."""
    cited = ((one.document_id, one.document_name) for one in answer.citations)
    return any(is_one(names, documents) for names in cited)


def _said(answer: Answer) -> str:
    return "\n".join([answer.text, *(citation.quote for citation in answer.citations)])


def holds_one(text: str, accepted: Sequence[str]) -> bool:
    return any(says_wording(text, one) for one in accepted)


def is_one(have: Sequence[str], documents: Sequence[str]) -> bool:
    """Whether a document is one of these, by its id or its name.

    A path counts by its end, as ids are made below the folder ingested.
    """
    return any(
        one == name or one.endswith(f"/{name}") or name.endswith(f"/{one}")
        for one in have
        for name in documents
    )
