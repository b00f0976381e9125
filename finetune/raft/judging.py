"""Whether a passage holds an answer: for the search of the oracle, and against distractors that answer as well."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from itertools import chain

from chains.answer import Passage
from chains.claims import passage_evidence
from chains.quantities import Quantity, is_amount, quantities
from chains.support import SentenceEncoder, Support, SupportScorer
from loaders.fusion import codes_in
from local.sentences import is_field, is_table_row, sentence_spans

__all__ = ["Judge", "Verdict", "amounts", "folded"]

# Chosen on the sample company's 120 rows, of which each verdict was read (`dataset raft` prints who is refused).
HOLDS_FROM = 0.5  # of the score
SURE_FROM = 0.6  # where something speaks against it, or the passage does not name what is asked about
LEAKS_FROM = 0.45  # a distractor is given up sooner than an oracle is taken
LEAKS_SURELY = 0.62  # whatever figure is missing: the rest of the answer is there
NEAR_FROM = 0.2  # of the score with the question, where all figures and codes are there
MOST_QUOTES = 3
MOST_WORDED = 2  # of a statement without figures
_ORDINAL = re.compile(
    r"(?:fir|seco|thi|four|fif|six|seven|eigh|nin|ten|eleven|twelf)(?:st|nd|rd|th)", re.IGNORECASE
)
_MONEY = frozenset({"", "eur", "usd", "gbp", "chf", "%"})  # a column's title says it, often in another chunk
_CLOCK = re.compile(r"\b\d{1,2}:\d{2}\b")
_YES_OR_NO = re.compile(r"(?:yes|no|sorry, no|ja|nein|nee|oui|non|sí)\b", re.IGNORECASE)
_IN_A_CODE = re.compile(r"[A-Za-z]-?$")
_OF_SOMETHING = re.compile(r" (?!to\b|and\b|or\b|bis\b|und\b|oder\b|et\b|y\b|en\b|tot\b)[^\W\d_]{3}")
_AT_AN_ITEM = re.compile(r"(?:^|\n)[ \t#]*$")
_NOT_WORDS = re.compile(r"[^\w%€$£+]+")

Span = tuple[int, int]


def folded(text: str) -> str:
    """Words alone, in small letters, with a space on both ends: `folded(a) in folded(b)` compares whole words."""
    return f" {_NOT_WORDS.sub(' ', text.casefold()).strip()} "


def amounts(text: str) -> dict[str, str]:
    """The figures of a text that a passage must hold: their one spelling, and how they stand there."""
    found = {
        each.value: text[each.start : each.end].split(" ", maxsplit=1)[0]
        for each in quantities(text)
        if is_amount(each.value)
    }
    return {value: word for value, word in found.items() if not _ORDINAL.fullmatch(word)}


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """On one passage and one statement."""

    score: float  # 0..1: the mean of the statement's support with the question before it and alone
    asked: float  # with the question before it
    missing: bool  # a figure of the statement is not in the passage
    contrary: bool  # something in the passage speaks against the statement
    named: bool  # the passage, or what it stands under, names every code of the question
    in_cells: (
        bool  # every figure of the statement stands in a row of a table or a field, its unit somewhere by it
    )
    told: int  # figures of the statement and codes of the question, that the passage holds
    matched: (
        int  # figures and codes of the statement and codes of the question, where the passage holds them all
    )
    quotes: tuple[Span, ...]  # sentences of the passage that carry the statement, in their order

    @property
    def holds(self) -> bool:
        """Whether the passage answers."""
        if not self.named and self.asked < SURE_FROM:
            return False
        needed = SURE_FROM if self.contrary or not self.named else HOLDS_FROM
        return not self.missing and self.score >= needed

    @property
    def holds_figures(self) -> bool:
        """Whether it holds at least every figure and code, two or more: cells of a table say little else."""
        return (
            not self.missing and self.named and self.told >= 2 and self.asked >= NEAR_FROM and self.in_cells
        )

    @property
    def leaks(self) -> bool:
        """Whether it may answer too, or says something else about the same: about a figure that it shares."""
        if self.contrary and (self.asked >= HOLDS_FROM or (self.named and self.told)):
            return True
        if self.missing:
            return max(self.score, self.asked) >= LEAKS_SURELY
        return self.score >= LEAKS_FROM or (self.matched >= 2 and self.asked >= NEAR_FROM)


class Judge:
    """Keeps what it has embedded; for one thread."""

    def __init__(self, encoder: SentenceEncoder) -> None:
        self._scorer = SupportScorer(encoder)

    def weigh(self, question: str, statement: str, passages: Sequence[Passage]) -> list[Verdict]:
        """How well each passage, by itself, supports the statement as an answer to the question."""
        evidence = [passage_evidence(passage) for passage in passages]
        claims = (f"{question} {statement}", statement)
        supports = self._scorer.score(
            [(claim, [one]) for claim in claims for one in evidence], spare_encoding=True
        )
        pairs = zip(passages, supports[: len(passages)], supports[len(passages) :], strict=True)
        return [_verdict(question, statement, passage, asked, alone) for passage, asked, alone in pairs]


def _verdict(question: str, statement: str, passage: Passage, asked: Support, alone: Support) -> Verdict:
    told = "\n".join((passage.document_name, *passage.location.headings, passage.text))
    asked_figures = amounts(question)
    needed = {value: word for value, word in amounts(statement).items() if value not in asked_figures}
    held = {(each.value, each.unit) for each in quantities(told) if each.unit or not _is_a_mark(told, each)}
    marks = {each.value for each in quantities(told)}
    lacking = [
        each.value
        for each in quantities(statement)
        if each.value in needed
        and not (_held(each, held) if each.unit else each.value in marks)
        and not _in_a_code(needed[each.value], told)
    ]
    lacking += [time for time in _CLOCK.findall(statement) if time not in told and time not in question]
    polar = _YES_OR_NO.match(statement) is not None  # what it affirms or denies, the question says
    against = asked.against if polar else (*asked.against, *alone.against)
    codes, in_text = set(codes_in(question)), set(codes_in(told))
    answering = set(codes_in(statement)) - codes
    return Verdict(
        score=(asked.score + alone.score) / 2,
        asked=asked.score,
        missing=bool(lacking),
        contrary=any("is not there" not in one for one in against),
        named=in_text.issuperset(codes),
        in_cells=_in_cells(passage.text, statement, needed),
        told=len(needed) - len(lacking) + len(in_text & codes),
        matched=0
        if lacking or not (needed or answering) or not codes | answering <= in_text
        else len(needed) + len(codes | answering),
        quotes=_quotes(passage.text, statement, asked, alone, needed),
    )


def _held(figure: Quantity, held: Set[tuple[str, str]]) -> bool:
    """Whether the figure is there, with its unit or with none."""
    return (figure.value, figure.unit) in held or (figure.value, "") in held


def _is_a_mark(text: str, figure: Quantity) -> bool:
    """Whether the figure is no amount of what another counts: the 4 of IC-4, of "4. Wait" and of "four times"."""
    before, after = text[: figure.start], text[figure.end :]
    item = _AT_AN_ITEM.search(before) is not None and after[:2] in (". ", ") ")
    return item or _IN_A_CODE.search(before) is not None or _OF_SOMETHING.match(after) is not None


def _in_a_code(digits: str, text: str) -> bool:
    """Whether the text has the figure as a part of a code: the 32 of FAT32."""
    return digits.isdigit() and re.search(rf"[A-Za-z]{digits}\b", text) is not None


def _in_cells(text: str, statement: str, needed: Mapping[str, str]) -> bool:
    lines = [line for line in text.splitlines() if is_table_row(line) or is_field(line)]
    cells = {each.value for line in lines for each in quantities(line)}
    units = {each.unit for each in quantities(statement) if each.value in needed} - _MONEY
    return bool(needed) and cells.issuperset(needed) and all(unit in text.casefold() for unit in units)


def _quotes(
    text: str, statement: str, asked: Support, alone: Support, needed: Mapping[str, str]
) -> tuple[Span, ...]:
    """The sentences that hold most of the statement, and those that hold figures which they lack."""
    best = [[(start, end) for _, start, end in one.quotes] for one in (alone, asked)]
    ranked = sorted(dict.fromkeys(chain(*best)), key=lambda span: _is_label(text[slice(*span)]))
    chosen = ranked[:1]
    if not needed:
        chosen += [
            span for span in best[0][:MOST_WORDED] if span in ranked and not _is_label(text[slice(*span)])
        ]
    open_figures = set(needed) - set().union(*(_figures(text, span, statement) for span in chosen))
    for span in (*ranked, *sentence_spans(text)):
        if open_figures & _figures(text, span, statement) and len(set(chosen)) < MOST_QUOTES:
            chosen.append(span)
            open_figures -= _figures(text, span, statement)
    return tuple(sorted(set(chosen)))


def _is_label(sentence: str) -> bool:
    """A heading or a number of one: quoted only where nothing else is."""
    return sentence.startswith("#") or len(sentence.split()) < 3


def _figures(text: str, span: Span, statement: str) -> set[str]:
    """The figures of the statement that the sentence holds."""
    sentence = text[slice(*span)]
    held = {(each.value, each.unit) for each in quantities(sentence)}
    return {
        each.value
        for each in quantities(statement)
        if _held(each, held) or (not each.unit and each.value in dict(held))
    }
