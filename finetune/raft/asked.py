"""What RAFT rows are made from: questions with their answers, and where these stand, from a JSONL file.

Read are question rows `{_id, text, answer, gold: [{document, quote}]}`, chat rows of which the last message is the
answer, completion pairs, and rows of `dataset generate`, which know their document and quote. A row that cannot be
used comes back as Refused, with its line and what to change.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chains.answer import Question, Turn
from chains.generation import CallLog
from chains.guard import ABSTENTION_TOKEN
from chains.history import rewrite
from chains.refusals import declines
from finetune.examples import METADATA, Refused
from finetune.strict_json import lines
from loaders.jsonl import well_formed

LONGEST_LINE = 16 << 20  # bytes
LONGEST_QUESTION = 2000  # characters; hybrid mode is asked questions, not documents
_WRAPPED = re.compile(r"<passage number=|<DOCUMENT>")
_MARKER = re.compile(r"\s?\[\d{1,3}\]")
FORM = re.compile(
    rf"</?(?:reasoning|quote|think)>|##(?:reason|begin_quote)|{ABSTENTION_TOKEN}", re.IGNORECASE
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where an answer stands: a document by its id, and words of it. Either may be empty where it is not known."""

    document: str
    quote: str
    chunk: str = ""  # id of the chunk that it was made from
    spans: tuple[tuple[int, int], ...] = ()  # of the document's text, where the answer stands


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A question that stands alone, with its answer."""

    question: str
    answer: str  # empty where the documents do not hold one
    accepted: tuple[str, ...] = ()  # short wordings of the answer, for the search for leaks
    gold: tuple[Place, ...] = ()  # where the answer stands; all of them are needed
    stale: tuple[Place, ...] = ()  # where another, overruled answer stands
    file: str
    line: int
    id: str
    group: str | None = None  # of the row that it comes from

    @property
    def answerable(self) -> bool:
        return bool(self.answer)

    def refused(self, reason: str, fix: str, field: str = "") -> Refused:
        return Refused(file=self.file, line=self.line, field=field, reason=reason, fix=fix)


class _Unfit(Exception):
    def __init__(self, field: str, reason: str, fix: str) -> None:
        super().__init__(reason)
        self.field, self.reason, self.fix = field, reason, fix


def read_asked(path: Path) -> Iterator[Asked | Refused]:
    """Streamed. Raises DatasetError where the file cannot be read."""
    for line in lines(path, longest_bytes=LONGEST_LINE):
        if line.fault is not None:
            yield Refused(
                file=str(path), line=line.number, field="", reason=line.fault.message, fix=_FIX_JSON
            )
            continue
        yield asked_of_row(line.value, str(path), line.number)


def asked_of_row(row: object, file: str, number: int) -> Asked | Refused:
    """One row, by the number of its line."""
    try:
        return asked_of(row, file, number)
    except _Unfit as unfit:
        return Refused(file=file, line=number, field=unfit.field, reason=unfit.reason, fix=unfit.fix)


_FIX_JSON = "Give one JSON object a line; `dataset validate` says more."
_FIX_FORM = (
    'Give {"text", "answer"} or {"messages": [..., user, assistant]}; `dataset build` makes them of others.'
)


def asked_of(row: object, file: str, number: int) -> Asked:
    """Raises _Unfit."""
    if not isinstance(row, Mapping):
        raise _Unfit("", "The line is no JSON object.", _FIX_FORM)
    if "messages" in row:
        question, answer = _of_messages(row["messages"])
    elif "prompt" in row and "completion" in row:
        question, answer = _text(row, "prompt"), _text(row, "completion")
    else:
        question, answer = _text(row, "text" if "text" in row else "question"), _answer(row)
    question, answer = _clean_question(question), _clean_answer(answer)
    told = row.get(METADATA)
    facts: Mapping[str, Any] = told if isinstance(told, Mapping) else {}
    return Asked(
        question=question,
        answer=answer,
        accepted=_accepted(row, answer),
        gold=(*_places(row, "gold"), *_own_place(facts)),
        stale=_places(row, "superseded"),
        file=file,
        line=number,
        id=str(row.get("_id") or facts.get("id") or f"line {number}"),
        group=facts.get("group") if isinstance(facts.get("group"), str) else None,
    )


def _text(row: Mapping[str, Any], key: str) -> str:
    value = row.get(key)
    if not isinstance(value, str) or not value.strip():
        raise _Unfit(f"$.{key}", f"The field {key!r} holds no text.", _FIX_FORM)
    return value


def _answer(row: Mapping[str, Any]) -> str:
    """Empty only where the row says that the documents do not answer."""
    return "" if row.get("answerable") is False else _text(row, "answer")


def _of_messages(messages: object) -> tuple[str, str]:
    """The last question, made to stand alone as hybrid mode would, and its answer."""
    turns = [_turn(message, at) for at, message in enumerate(_list(messages))]
    spoken = [(role, text) for role, text in turns if role not in ("system", "developer")]
    if len(spoken) < 2 or [role for role, _ in spoken[-2:]] != ["user", "assistant"]:
        raise _Unfit("$.messages", "The row does not end with a question and its answer.", _FIX_FORM)
    earlier = tuple(
        Turn(role="user" if role == "user" else "assistant", text=text) for role, text in spoken[:-2]
    )
    asked = Question(text=spoken[-2][1], history=earlier)
    return rewrite(asked, model=None, log=CallLog()).text, spoken[-1][1]


def _list(value: object) -> Sequence[object]:
    if not isinstance(value, list) or not value:
        raise _Unfit("$.messages", "'messages' is no list of messages.", _FIX_FORM)
    return value


def _turn(message: object, at: int) -> tuple[str, str]:
    place = f"$.messages[{at}]"
    if (
        not isinstance(message, Mapping)
        or message.get("tool_calls")
        or message.get("role") in ("tool", "function")
    ):
        raise _Unfit(place, "A RAFT row is made of questions and answers, not of calls of tools.", _LEAVE_OUT)
    if message.get("weight") == 0 and message.get("role") == "assistant":
        raise _Unfit(f"{place}.weight", "The answer has weight 0: it is not to be learnt.", _LEAVE_OUT)
    content = message.get("content")
    if not isinstance(content, str) or not content.strip():
        raise _Unfit(f"{place}.content", "The content is no text.", _LEAVE_OUT)
    return str(message.get("role")), content


_LEAVE_OUT = "Leave the row out, or give one question and its answer as text."


def _clean_question(text: str) -> str:
    if _WRAPPED.search(text):
        raise _Unfit(
            "", "The question comes with passages already.", "Give the questions that it was made from."
        )
    text = " ".join(well_formed(text).split())
    if len(text) > LONGEST_QUESTION:
        raise _Unfit(
            "",
            f"The question has {len(text):,} characters.",
            f"Ask in at most {LONGEST_QUESTION:,} characters.",
        )
    return text


def _clean_answer(text: str) -> str:
    """Without the markers of another retrieval."""
    text = _MARKER.sub("", well_formed(text)).strip()
    if (found := FORM.search(text)) is not None:
        raise _Unfit(
            "",
            f"The answer holds {found[0]!r}, which is a mark of RAFT rows.",
            "Give the questions and answers that the rows were made from.",
        )
    if declines(text):
        raise _Unfit(
            "",
            "The answer only says that it is not known.",
            'Give the answer, or {"text": ..., "answerable": false} for a question that the documents do not answer.',
        )
    return text


def _accepted(row: Mapping[str, Any], answer: str) -> tuple[str, ...]:
    others = row.get("answers")
    listed = [one for one in others if isinstance(one, str)] if isinstance(others, list) else []
    return tuple(dict.fromkeys(filter(None, (answer, *listed))))


def _places(row: Mapping[str, Any], key: str) -> tuple[Place, ...]:
    value = row.get(key)
    if value is None:
        return ()
    places = value if isinstance(value, list) else [value]
    found = []
    for at, place in enumerate(places):
        if not isinstance(place, Mapping) or not isinstance(place.get("document"), str):
            raise _Unfit(
                f"$.{key}[{at}]", "A place names no document.", 'Give {"document": ID, "quote": "its words"}.'
            )
        found.append(Place(document=place["document"], quote=str(place.get("quote") or "")))
    return tuple(found)


def _own_place(facts: Mapping[str, Any]) -> tuple[Place, ...]:
    """What `dataset generate` writes beside a row; what it lacks is looked for."""
    document, quote, chunks = facts.get("document"), facts.get("quote"), facts.get("chunks")
    quoted = quote if isinstance(quote, str) else ""
    chunk = str(chunks[0]) if isinstance(chunks, list) and chunks else ""
    spans = _spans(facts.get("spans"))
    if not isinstance(document, str) or not (quoted or chunk or spans):
        return ()
    return (Place(document=document, quote=quoted, chunk=chunk, spans=spans),)


def _spans(value: object) -> tuple[tuple[int, int], ...]:
    pairs = value if isinstance(value, list) else []
    whole = [one for one in pairs if isinstance(one, list) and [type(place) for place in one] == [int, int]]
    return tuple((start, end) for start, end in whole if 0 <= start < end)
