"""Who answers in hybrid mode by a responder: what was taught, or the documents.

    compared = compare(recalled, quoted, encoder)        # None: one of the two says nothing
    if taught_wins(recalled, quoted, compared):          # the taught answer, unless
        outdated(recalled, reread, encoder)              # the documents' answer to the taught question says otherwise

Three thoughts. Where the first thing that the documents quote says the same, the answer is given as it was taught,
however sure they are. Where what they quote holds a large part of the question that the taught pair leaves out, the
question is a neighbour of what was taught, not the same, however near it is in meaning. And what was taught grows old:
the documents are asked the taught question too, which they read more easily than a paraphrase, and where they surely
give another figure, theirs is the newer one.

The two shares were chosen on four invented services, each service's on the other three (benchmarks/hybrid_rule.py).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chains.answer import Answer
from chains.confidence import HIGH
from chains.support import HOLDS_FROM, SentenceEncoder, Support, SupportScorer, numbers
from chains.taught import Recalled, pieces
from local.lexical import STOP_WORDS, stem, words

__all__ = ["ANOTHER_QUESTION", "Compared", "compare", "outdated", "sureness", "taught_wins"]

# Shares of the question's words: the documents know so much more of it that it is another question than the taught one
# (unless both say the same), and so little that they may be sure of it and yet leave the word to the taught answer.
ANOTHER_QUESTION, SAME_QUESTION = 0.3, 0.15

_MARKER = re.compile(r"\[(\d+)\]")
_STATEMENT = re.compile(r".*?(?:\[\d+\])+", re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """A taught answer beside what the documents quote."""

    agree: bool  # the quotes bear the taught answer out, in words and figures
    at_once: bool  # so does the first of them, which is the documents' answer; the others may speak of something near
    ahead: float  # 0..1: share of the question's words that the quotes hold and the taught pair does not


def taught_wins(
    recalled: Recalled,
    quoted: Answer,
    compared: Compared | None,
    *,
    another: float = ANOTHER_QUESTION,
    same: float = SAME_QUESTION,
) -> bool:
    """Whether the taught answer is given. `compared` None: one of the two says nothing."""
    if recalled.abstained or compared is None:
        return not recalled.abstained
    if compared.agree and compared.at_once and compared.ahead <= same:
        return True
    documents = sureness(quoted)
    surer = recalled.reply.score >= documents and documents < HIGH
    return surer and (compared.agree or compared.ahead <= another)


def compare(recalled: Recalled, quoted: Answer, encoder: SentenceEncoder) -> Compared | None:
    """None where one of the two says nothing that could be compared."""
    if recalled.abstained or quoted.abstained:
        return None
    asked, reply = _content(recalled.asked), recalled.reply
    ahead = (asked & _content(_told(quoted))) - _content(f"{reply.question} {reply.text}")
    quotes = [one.quote for one in quoted.citations]
    return Compared(
        agree=_agree(recalled, _told(quoted), quotes, encoder),
        at_once=_agree(recalled, *_first(quoted), encoder),
        ahead=len(ahead) / len(asked) if asked else 0.0,
    )


def outdated(recalled: Recalled, reread: Answer, encoder: SentenceEncoder) -> bool:
    """`reread`: the documents' answer to the taught question. They are sure of it, and have other figures."""
    if reread.abstained or sureness(reread) < HIGH:
        return False
    figures = _figures(recalled, recalled.reply.question)
    if not figures - numbers(_told(reread)):
        return False
    support = _support(recalled, [one.quote for one in reread.citations], encoder)
    return support is not None and bool(support.against)


def sureness(answer: Answer) -> float:
    """Of an answer that is given: of an abstention the figure says how far from one it was."""
    return 0.0 if answer.abstained or answer.confidence is None else answer.confidence.value


def _agree(recalled: Recalled, told: str, quotes: Sequence[str], encoder: SentenceEncoder) -> bool:
    figures, held = _figures(recalled, recalled.asked), numbers(told)
    if figures and held and not figures & held:
        return False
    support = _support(recalled, quotes, encoder)
    return support is not None and support.score >= HOLDS_FROM


def _support(recalled: Recalled, quotes: Sequence[str], encoder: SentenceEncoder) -> Support | None:
    """Of the taught answer's claim by what is quoted."""
    claim = _claim(recalled)
    if not claim or not quotes:
        return None
    return SupportScorer(encoder).score([(claim, ["\n".join(quotes)])])[0]


def _first(quoted: Answer) -> tuple[str, list[str]]:
    """(all that is told, the quotes) of the answer's first statement, up to its markers."""
    found = _STATEMENT.match(quoted.text)
    said = found.group() if found else quoted.text
    markers = set(map(int, _MARKER.findall(said)))
    quotes = [one.quote for one in quoted.citations if one.marker in markers]
    return "\n".join([said, *quotes]), quotes


def _figures(recalled: Recalled, asked: str) -> set[str]:
    """Those of the claim that do not stand in the question already."""
    return numbers(_claim(recalled)) - numbers(asked)


def _claim(recalled: Recalled) -> str:
    """The first sentence, where a taught answer says what it says: the rest is often an offer, or the next step."""
    return pieces(recalled.text)[0].strip() if recalled.text.strip() else ""


def _told(quoted: Answer) -> str:
    return "\n".join([quoted.text, *(one.quote for one in quoted.citations)])


def _content(text: str) -> set[str]:
    return {stem(word) for word in words(text) if word.lower() not in STOP_WORDS}
