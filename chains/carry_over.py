"""What a follow-up question leaves out, carried over from the conversation by rules; English.

    carry_over("And the IB-20?", turns)   # turns: "How much does the IB-12 weigh?", "870 kg"
    -> "How much does the IB-20 weigh?"

The turns are read in order, each question completed by those before it, so "And in Ghent?" can follow
"And in Leipzig?".
In doubt a question stays as it is: a search for the asked words is better than one for another question's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from chains.answer import Turn
from chains.antecedents import (
    COURTESY,
    LEADING,
    ORDINAL,
    THERE,
    Exchange,
    entity_of,
    ordinal_meant,
    pointing_word,
    references_meant,
    topic_of,
    unmet_pronoun,
)
from chains.guard import ABSTENTION_TOKEN, NOT_FOUND
from chains.subject_matter import QUESTION_WORDS
from chains.substitution import ABOUT, ATTRIBUTE, fragment_completed, is_fragment
from local.lexical import query_terms

__all__ = ["carry_over", "stands_alone"]

EXCHANGES = 4  # of the conversation, the latest ones
_MARKER = re.compile(r"\s?\[\d{1,3}\]")
_GERMAN = re.compile(
    r"\b(?:der|das|dem|ist|sind|und|wie|wo|wer|wann|warum|für|ich|wir|nicht|ein|eine|gilt)\b"
)
# "Why?", "How much?", "Until when?": the question word alone
_BARE = re.compile(
    r"^(?:(?:to|for|by|from|with|since|until|till|at|in|on)\s)?(?:why(?: not)?|when|where|who|whom|whose|how"
    r"(?: (?:much|many|long|often|far|soon|big|old|late|early|high|come))?|which(?: ones?)?|what(?: for| time| else)?)"
    r"(?: exactly| then)?\s*\??$",
    re.IGNORECASE,
)
_OBJECTLESS = re.compile(
    r"^(?:who|how|where|when)\b.*\b(?:approves?|decides?|pays?|signs?|apply|order|book|claim|register|checks?|start)\s*\??$",
    re.IGNORECASE,
)


def carry_over(asked: str, turns: Sequence[Turn]) -> str:
    """The question completed from the turns before it, or as it is."""
    exchanges: list[Exchange] = []
    for question, answer in _pairs(turns)[-EXCHANGES:]:
        exchanges.append(Exchange(question=_completed(_plain(question), exchanges), answer=answer))
    return _completed(asked, exchanges)


def stands_alone(asked: str) -> bool:
    """Whether nothing in the question points outside it."""
    plain = _plain(asked)
    text = LEADING.sub("", plain)
    return text == plain and not any(
        (
            _BARE.match(text),
            ABOUT.match(text),
            ORDINAL.search(text),
            is_fragment(text),
            unmet_pronoun(text),
            THERE.search(text),
            pointing_word(text),
            _lacks_complement(text, leading=False),
        )
    )


def _plain(asked: str) -> str:
    """Without the greeting or the thanks that it begins with, which are nobody's question."""
    text = asked.strip()
    rest = COURTESY.sub("", text)
    return text if rest == text else _capital(rest)


def _pairs(turns: Sequence[Turn]) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    for turn in turns:
        if turn.role == "user":
            found.append((turn.text.strip(), ""))
        elif found and not turn.text.startswith((NOT_FOUND, ABSTENTION_TOKEN)):
            found[-1] = (found[-1][0], _MARKER.sub("", turn.text).strip())
    return found


def _completed(asked: str, exchanges: Sequence[Exchange]) -> str:
    if not exchanges or _GERMAN.search(asked):
        return asked
    plain = _plain(asked)
    text = LEADING.sub("", plain)
    rules: tuple[Callable[[str, Sequence[Exchange]], str | None], ...] = (
        _bare_question_word,
        fragment_completed,
        ordinal_meant,
        references_meant,
    )
    for rule in rules:
        completed = rule(text, exchanges)
        if completed is not None:
            return _capital(completed)
    if _lacks_complement(text, leading=text != plain):
        return _capital(_with_complement(text, exchanges))
    return asked


# --- "Why?" -------------------------------------------------------------------------------------------


def _bare_question_word(text: str, exchanges: Sequence[Exchange]) -> str | None:
    if not _BARE.match(text):
        return None
    rest = QUESTION_WORDS.sub("", exchanges[-1].question)
    return f"{text.rstrip(' ?')}: {rest}"


# --- "What is the deadline?", "Who approves?" -----------------------------------------------------------


def _lacks_complement(text: str, *, leading: bool) -> bool:
    """Asks for an attribute, or with a verb, of something that it does not name.

    leading: the question began with "and", so that "the cancellation fee" counts beside "the fee".
    """
    if _OBJECTLESS.match(text):
        return len(query_terms(text)) <= 1
    words = r"(?:[a-z-]+ )?" if leading else ""
    match = re.fullmatch(
        rf"(?:what|how much|how high) (?:is|are|was|were) the {words}(\w+)\s*\??", text, re.IGNORECASE
    )
    return bool(match) and match[1].lower() in ATTRIBUTE  # type: ignore[index]


def _with_complement(text: str, exchanges: Sequence[Exchange]) -> str:
    for exchange in reversed(exchanges):
        topic = entity_of(exchange.question) or topic_of(exchange.question, "it")
        if topic:
            return f"{text.rstrip(' ?')} for {topic}?"
    return text


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
