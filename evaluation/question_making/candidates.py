"""What documents could be asked, one after another, each with its answer and the words of the document that hold it.

    for one in candidates(outline, "en", common): one.question, one.answer, one.quote

    figure, date, name, reason   statements turned round (statements.py)
    table                        a cell, by the names of its row and its column
    faq                          a question that the document asks and answers itself, where the answer is short
    definition                   "What is meant by ...?", and the sentence that says it

Nothing is invented: the answer stands in the quote and the quote in the document, word for word.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from chains.instructions import instructions_in
from chains.phrases import names, word_set
from chains.plain_text import as_prose
from evaluation.question_making.phrases import SPOKEN
from evaluation.question_making.statements import asked_of
from finetune.synthesis.extracting import Extracted, extracted
from finetune.synthesis.outline import Outline, OutlineBlock
from finetune.synthesis.tables import cells_asked
from finetune.synthesis.wording import TEMPLATES, Language
from loaders.whole_documents import WholeDocument
from local.lexical import query_terms, stem
from local.sentences import sentence_spans

__all__ = ["KINDS", "MONTHS", "Candidate", "CandidateKind", "candidates", "common_words", "telling_words"]

CandidateKind = Literal["figure", "date", "name", "reason", "table", "faq", "definition", "written"]
KINDS: tuple[CandidateKind, ...] = get_args(CandidateKind)
LONGEST_SPAN = (
    40  # words of a faq's answer or a definition: a longer one is not said whole, and none could be right
)
LONGEST_CELL = 12  # words
FEWEST_NAMED = 3  # words of a question that says by itself what it is about
_ASKING = frozenset(
    stem(word)
    for word in word_set(
        """long soon high far often amount percentage number list give take last price temperature time whom minutes
        hours days weeks months years euros metres"""
    )
)
MONTHS = re.compile("|".join(one.months for one in SPOKEN.values()))
_CELL: Mapping[Language, str] = {
    "en": "What is the {column} of {row}?",
    "de": "Was gilt für {row}: {column}?",
    "fr": "Quelle est la valeur de « {column} » pour {row} ?",
    "es": "¿Cuál es el valor de «{column}» para {row}?",
    "nl": "Wat is „{column}” voor {row}?",
}
_LISTED = "What is listed for {row} under “{column}”?"  # English, where the column is no noun
_SEVERAL = "What are the {column} of {row}?"
_COUNTED = "How many {column} are given for {row}?"
_ACCORDING: Mapping[str, str] = {
    "en": ", according to “{place}”?",
    "de": " (laut „{place}“)?",
    "fr": ", selon « {place} » ?",
    "es": ", según «{place}»?",
    "nl": ", volgens „{place}”?",
}
_NO_NOUN = re.compile(
    r"(?:\w+ed|kept|held|sold|built|what|who|when|where|how|why|which|may|can|must|is|are|has|if)\b", re.I
)
_DULL = re.compile(
    r"(?:what|text|names?|values?|notes?|remarks?|comments?|description|title|nr|no|id|wert|bemerkung)\.?",
    re.I,
)
_UNIT_WORD = re.compile(
    r"(?:^| )(?:m|mm|cm|c|kg|g|l|h|db|dba|eur|usd|kwh|kw|w|v|a|pct)(?: |$)| (?:hours|days|weeks|months|years)$",
    re.I,
)
_ASKED_SHORT = 4  # letters of a row's name that says nothing without its table
_UNIT = re.compile(r"(?P<name>.+?)[ ,]*\((?P<unit>[\w°%€$/ ²³]{1,14})\)")
_WORD = re.compile(r"[^\W\d_][\w’'-]*")
_CAPITAL = re.compile(r"(?<=[a-z,;] )[A-Z][\w’'-]+")
_CODE = re.compile(r"[A-Z][A-Z0-9]*[- ]?\d[\w-]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    question: str
    answer: str
    wordings: tuple[str, ...]  # accepted; empty: the answer is judged as a whole
    kind: CandidateKind
    document_id: str
    title: str  # of the document, as people name it
    heading: str  # that it stands under; "" where there is none
    quote: str
    start: int  # of the quote in the document's text
    language: str
    subjects: tuple[str, ...] = ()  # names and codes that it asks about, as the question writes them

    @property
    def telling(self) -> frozenset[str]:
        """Stems of the words that say what it asks about, those that only ask left out."""
        return telling_words(self.question)

    @property
    def stands_alone(self) -> bool:
        """Whether it names what it asks about."""
        return bool(self.subjects) or len(self.telling) >= FEWEST_NAMED

    def placed(self) -> str:
        """The question with its document named, for what one document says and another one does not.

        With its heading, where the question hardly says what it is about.
        """
        own = self.heading.casefold().rstrip("?") in self.question.casefold()
        vague = len(self.telling) < FEWEST_NAMED - 1 and not self.subjects and self.heading and not own
        place = f"{self.title}, {self.heading}" if vague else self.title
        ending = _ACCORDING.get(self.language, _ACCORDING["en"]).format(place=place)
        return f"{self.question.rstrip('?').rstrip()}{ending}"


def telling_words(question: str) -> frozenset[str]:
    """Stems of the words that say what a question asks about."""
    return frozenset(term.stem for term in query_terms(question)) - _ASKING


def candidates(outline: Outline, language: Language | None, common: Collection[str]) -> Iterator[Candidate]:
    """Of one document, in its order. Without a language that is known, only its own questions."""
    found = [*_statements(outline, language, common), *_cells(outline, language, common)]
    for one in [*found, *_spans(outline, language)]:
        if not instructions_in(one.question) and not instructions_in(one.quote):
            yield one


def common_words(documents: Iterable[WholeDocument]) -> frozenset[str]:
    """Words that are written small and never with a capital inside a sentence: no names."""
    small, capital = Counter[str](), set[str]()
    for document in documents:
        text = document.text
        small.update(word for word in _WORD.findall(text) if word.islower() and f"@{word}" not in text)
        capital.update(word.casefold() for word in _CAPITAL.findall(text))
    return frozenset(word for word in small if word not in capital)


def _statements(outline: Outline, language: Language | None, common: Collection[str]) -> Iterator[Candidate]:
    for block in outline.blocks:
        if block.kind not in ("paragraph", "list_item") or block.record:
            continue
        for start, end in sentence_spans(block.text):
            sentence = block.text[start:end]
            for turned in asked_of(sentence, language or "", common):
                yield Candidate(
                    question=turned.question,
                    answer=turned.answer,
                    wordings=turned.wordings,
                    kind=turned.kind,
                    document_id=outline.document.document_id,
                    title=outline.title,
                    heading=block.headings[-1] if block.headings else "",
                    quote=sentence,
                    start=block.start + start,
                    language=language or "en",
                    subjects=_named(turned.question, turned.answer),
                )


def _named(question: str, answer: str) -> tuple[str, ...]:
    """Names and codes inside the question."""
    inner = question.split(" ", 1)[-1]
    plain = (name.removesuffix("'s").removesuffix("’s") for name in names(inner))
    found = (name for name in dict.fromkeys(plain) if name not in answer and len(name) > 2)
    return tuple(name for name in found if not MONTHS.search(name))


def _cells(outline: Outline, language: Language | None, common: Collection[str]) -> Iterator[Candidate]:
    if language is None:
        return
    text = outline.document.text
    for title, row, column, (start, end) in cells_asked(outline, TEMPLATES[language].total):
        answer = as_prose(text[start:end]).strip()
        too_long = len(answer.split()) > LONGEST_CELL
        if not answer or too_long or answer.casefold() == row.casefold() or _DULL.fullmatch(column):
            continue
        line = text.rfind("\n", 0, start) + 1
        last = text.find("\n", end)
        one = Candidate(
            question=_cell_question(row, column, answer, language, common),
            answer=answer,
            wordings=(answer,),
            kind="table",
            document_id=outline.document.document_id,
            title=title,
            heading="",
            quote=text[line : last if last >= 0 else len(text)],
            start=line,
            language=language,
            subjects=(row,) if _is_name(row) else (),
        )
        if answer.casefold() not in one.question.casefold():
            yield one


def _cell_question(row: str, column: str, answer: str, language: Language, common: Collection[str]) -> str:
    if language != "en":
        return _CELL[language].format(row=row, column=column)
    first = column.split(maxsplit=1)[0]
    ordinary = first.casefold() in common
    name = column[0].lower() + column[1:] if ordinary else column
    unit = _UNIT.fullmatch(name)
    if unit is not None:
        name = f"{unit['name']} in {unit['unit']}"
    if not ordinary or _NO_NOUN.match(name) or (unit is None and _UNIT_WORD.search(name)):
        return _LISTED.format(row=row, column=column)
    head = re.split(r" (?:of|for|in|on|at|to|from|per|with|by) ", name)[0]
    if head.endswith("s") and not head.endswith(("ss", "us", "is", "address")) and unit is None:
        return (_COUNTED if answer.isdecimal() else _SEVERAL).format(row=row, column=name)
    return _CELL[language].format(row=row, column=name)


def _is_name(row: str) -> bool:
    """A code, or words that begin with capitals: what can be asked about without the table that it stands in."""
    words = row.split()
    if len(row) < _ASKED_SHORT:
        return False
    return bool(_CODE.search(row)) or (
        1 < len(words) <= 5 and sum(word[0].isupper() for word in words) > len(words) / 2
    )


def _spans(outline: Outline, language: Language | None) -> Iterator[Candidate]:
    """The document's own questions, and definitions."""
    for found in extracted(outline, language, ("faq", "definition")):
        short = len(found.answer.split()) <= LONGEST_SPAN and len(found.spans) == 1
        if short and found.answer.casefold() != found.question.casefold():
            yield _taken(found, outline, language)


def _taken(found: Extracted, outline: Outline, language: Language | None) -> Candidate:
    (start, end) = found.spans[0]
    block = _block_at(outline, start)
    return Candidate(
        question=found.question,
        answer=" ".join(as_prose(found.answer).split()),
        wordings=(),
        kind="definition" if found.method == "definition" else "faq",
        document_id=outline.document.document_id,
        title=outline.title,
        heading=block.headings[-1] if block and block.headings else "",
        quote=outline.document.text[start:end],
        start=start,
        language=language or "en",
        subjects=_named(found.question, ""),
    )


def _block_at(outline: Outline, start: int) -> OutlineBlock | None:
    return next((block for block in outline.blocks if block.start <= start < block.end), None)
