"""Questions and answers that documents hold already: nothing is invented, every answer is the document's own text.

    for found in extracted(outline, "en"): found.question, found.answer, found.spans

    faq         a heading that asks, "Q: ... A: ...", or a bold question -> what follows it
    definition  "A deposit is ...", "X means ..."                       -> that sentence
    section     a heading                                               -> its paragraphs
    list        a heading with a list under it                          -> the list
    table       row and column of a table, or record and field          -> the cell

Only "faq" questions are the document's words; the others come from one plain template a kind (wording.py).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal, get_args

from chains.plain_text import as_prose
from finetune.synthesis.definitions import definitions
from finetune.synthesis.outline import Outline, OutlineBlock, Section
from finetune.synthesis.tables import cells_asked
from finetune.synthesis.wording import TEMPLATES, Language, is_question
from local.sentences import is_list_item, is_table_row

__all__ = ["METHODS", "Extracted", "Method", "extracted", "tidied"]

Method = Literal["faq", "definition", "section", "list", "table"]
METHODS: tuple[Method, ...] = get_args(Method)
SHORTEST = 20  # characters of a section that answers
Span = tuple[int, int]

_ASKS = re.compile(r"(?:Q|Question|F|Frage|P|Pregunta|V|Vraag)\s*\d*\s*[:.)]\s*(?=\S)", re.I)
_REPLIES = re.compile(r"(?:A|Answer|Antwort|R|Réponse|Respuesta|Antwoord)\s*\d*\s*[:.)]\s*(?=\S)", re.I)
_LINE = re.compile(r"[^\n]+")
_BOLD = re.compile(r"(?:\*\*|__)(.+[?？])(?:\*\*|__)")
_ENDS = (".", "!", "?", "…", ":", "。", "！", "？")
_CLOSING = " *_”’\"'»)]"
_NUMBERED = re.compile(
    r"(?:chapter|section|part|annex|appendix|kapitel|abschnitt|teil|anhang|chapitre|partie|annexe|capítulo|sección|parte"
    r"|anexo|hoofdstuk|deel|bijlage) (?:[ivxlc]+|\w|\d+)\.?|(?:chart|figure|fig\.|table|abbildung|abb\.|tabelle"
    r"|tableau|tabla|figura|tabel|figuur) \d+\b.*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Extracted:
    method: Method
    question: str
    answer: str  # the text at `spans`, white space aside
    spans: tuple[Span, ...]  # in the document's text


def extracted(
    outline: Outline, language: Language | None, methods: Iterable[Method] = METHODS
) -> Iterator[Extracted]:
    """All of one document, in its order. Without a language that has templates, only its own questions."""
    wanted = frozenset(methods)
    if "faq" in wanted:
        yield from _asked_in_text(outline)
    if language is None:
        return
    if wanted & {"section", "list", "faq"}:
        yield from (one for one in _by_heading(outline, language) if one.method in wanted)
    if "definition" in wanted:
        template = TEMPLATES[language].definition
        for term, span in definitions(outline, language):
            yield _taken("definition", template.format(term=term), outline, [span])
    if "table" in wanted:
        for title, row, column, span in cells_asked(outline, TEMPLATES[language].total):
            question = TEMPLATES[language].cell.format(title=title, row=row, column=column)
            yield _taken("table", question, outline, [span])


def tidied(text: str) -> str:
    """Lines that were only wrapped run on; list items and table rows keep their lines."""
    pieces, before = list[str](), ""
    for line in text.strip().splitlines():
        plain = " ".join(line.split())
        if plain:
            pieces += ["" if not before else "\n" if _stands_apart(plain, before) else " ", plain]
            before = plain
    return "".join(pieces)


def _stands_apart(line: str, before: str) -> bool:
    return is_list_item(line) or is_table_row(line) or is_table_row(before)


def _taken(method: Method, question: str, outline: Outline, spans: Sequence[Span]) -> Extracted:
    text = outline.document.text
    answer = ""
    for start, end in spans:
        piece = tidied(text[start:end])
        apart = "\n" if method == "list" and answer else _apart(answer, piece)
        answer = f"{answer}{apart}{piece}"
    return Extracted(method=method, question=question, answer=answer, spans=tuple(spans))


def _apart(before: str, piece: str) -> str:
    """Items of a list and rows of a table stand line under line; paragraphs are set apart."""
    last = before.rpartition("\n")[2]
    together = any(kind(last) and kind(piece) for kind in (is_list_item, is_table_row))
    return "" if not before else "\n" if together else "\n\n"


# --- headings -----------------------------------------------------------------------------------------


def _by_heading(outline: Outline, language: Language) -> Iterator[Extracted]:
    named = Counter(section.heading.casefold() for section in outline.sections)
    for section in outline.sections:
        if section.blocks[0].location.slide == 1:
            continue  # the title of a presentation and what stands under it
        if section.heading.endswith(("?", "？")) or not _tells(section, outline, TEMPLATES[language].dull):
            continue
        whole = _spans(section)
        listing = _is_list(section)
        template = TEMPLATES[language].listing if listing else TEMPLATES[language].section
        above = section.headings[-2:-1]
        dull = TEMPLATES[language].dull | {outline.title.casefold()}
        several = named[section.heading.casefold()] > 1 and above and above[0].casefold() not in dull
        heading = " › ".join(section.headings[-2:]) if several else section.heading
        question = template.format(title=outline.title, heading=heading)
        found = _taken("list" if listing else "section", question, outline, whole)
        if len(found.answer) >= SHORTEST and (listing or _says_something(section)):
            yield found


def _tells(section: Section, outline: Outline, dull: frozenset[str]) -> bool:
    """Whether heading and text are enough for a question and its whole answer."""
    heading = section.heading.casefold()
    named = heading not in dull and not _NUMBERED.fullmatch(heading) and any(map(str.isalpha, heading))
    own = named and heading != outline.title.casefold()
    return own and not any(map(_is_run_together, section.blocks)) and not _is_mail(outline)


def _says_something(section: Section) -> bool:
    """Sentences, a list, or rows that can be told apart, for the most part: the labels of a chart are none of these."""
    telling = [
        block.kind == "list_item"
        or is_table_row(block.text)
        or (len(block.text) >= SHORTEST and block.text.rstrip(_CLOSING).endswith(_ENDS))
        for block in section.blocks
    ]
    return sum(telling) * 2 > len(telling)


def _is_run_together(block: OutlineBlock) -> bool:
    """A table row whose cells nothing parts: taken from a page, it cannot be read without its lines."""
    return block.kind in ("table_row", "table_header") and not is_table_row(block.text)


def _is_mail(outline: Outline) -> bool:
    return outline.document.media_type in ("message/rfc822", "application/vnd.ms-outlook")


def _is_list(section: Section) -> bool:
    items = [block.kind == "list_item" for block in section.blocks]
    lead = section.blocks[0].text.rstrip().endswith((":", "："))
    return len(items) > 2 - (not lead) and all(items[lead:])


def _spans(section: Section) -> list[Span]:
    """Blocks as they follow each other; a page's head or foot between two of them parts the spans."""
    return [(block.start, block.end) for block in section.blocks]


# --- questions of the document itself -----------------------------------------------------------------


def _asked_in_text(outline: Outline) -> Iterator[Extracted]:
    for section in outline.sections:
        if is_question(section.heading) and not any(map(_is_run_together, section.blocks)):
            yield _taken("faq", _unlettered(section.heading, _ASKS), outline, _reply_spans(section))
    yield from _bold_questions(outline)
    yield from _lettered(outline)


def _unlettered(text: str, letter: re.Pattern[str]) -> str:
    """Without the "Q:" or "A:" before it."""
    match = letter.match(text)
    return text[match.end() :] if match else text


def _reply_spans(section: Section) -> list[Span]:
    (start, end), *others = _spans(section)
    own = section.blocks[0].text
    return [(start + len(own) - len(_unlettered(own, _REPLIES)), end), *others]


def _bold_questions(outline: Outline) -> Iterator[Extracted]:
    question, spans = "", list[Span]()
    for block in (*outline.blocks, None):
        bold = _BOLD.fullmatch(block.text.strip()) if block and block.kind == "paragraph" else None
        ends = block is None or bold is not None or block.kind == "heading"
        if ends:
            if question and spans:
                yield _taken("faq", question, outline, spans)
            question, spans = "", []
        if bold is not None and is_question(bold[1]):
            question = as_prose(bold[1])
        elif question and block is not None and not ends:
            spans.append((block.start, block.end))


def _lettered(outline: Outline) -> Iterator[Extracted]:
    """ "Q: ... A: ...", with or without a line of its own for each."""
    question, answer = "", (0, 0)
    for start, end in (*_lines(outline), (0, 0)):
        line = outline.document.text[start:end]
        asks, replies = _ASKS.match(line), _REPLIES.match(line)
        asked = asks is not None and line.rstrip().endswith(("?", "？"))
        if (asked or start == end) and question and answer != (0, 0):
            yield _taken("faq", question, outline, [answer])
        if asked and asks is not None:
            question, answer = as_prose(line[asks.end() :]), (0, 0)
        elif question and replies is not None and answer == (0, 0):
            answer = (start + replies.end(), end)
        elif question and answer != (0, 0) and start != end:
            answer = (answer[0], end)


def _lines(outline: Outline) -> Iterator[Span]:
    for block in outline.blocks:
        if block.kind in ("paragraph", "list_item"):
            for match in _LINE.finditer(block.text):
                line = match[0]
                indent = len(line) - len(line.lstrip())
                yield block.start + match.start() + indent, block.start + match.start() + len(line.rstrip())
