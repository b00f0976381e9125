"""A phrase in place of a question: "And for contractors?" is the earlier question, asked of contractors."""

from __future__ import annotations

import re
from collections.abc import Sequence

from chains.antecedents import PERSON, THING, YEAR, Exchange, entity_of, topic_of
from chains.day_times import time_replaced
from chains.phrases import LINKS, is_name, names, phrases, plural, word_set
from chains.subject_matter import CODE, QUESTION_WORDS
from local.lexical import query_terms, stem

_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|am|do|does|did|can|could|may|might|must|shall|should|will|would|has|have|had)\b",
    re.IGNORECASE,
)
# "What about 2023?", "And for contractors?", "The same for Ghent?"
ABOUT = re.compile(
    r"^(?:(?:what|how) about|(?:is it |is that )?(?:the )?same(?: question| thing| goes| applies)*"
    r"(?= (?:for|in|with|at)\b))\s+",
    re.IGNORECASE,
)
# "the one in Ghent", "after those 26 weeks": the words that point are in the way
_ONE = re.compile(
    r"^the ones? (?=in|at|for|of|from|with)|(?<=\w )(?:this|that|these|those) (?=\w)", re.IGNORECASE
)
# What a fragment may begin with
_PREPOSITIONS = LINKS | word_set(
    "after before within during without per until since by than against through as"
)
# What belongs to something: alone it asks about what was spoken of
ATTRIBUTE = word_set(
    """address amount condition conditions cost costs date deadline delivery deposit details discount duration email
    exception exceptions fee fine height interest length limit maximum minimum name notice number penalty percentage
    phone power price procedure process rate reason rent size temperature term terms time total voltage warranty weight
    width year"""
)


def is_fragment(text: str) -> bool:
    """A phrase alone, that starts with a preposition or is a name, a code or a year."""
    bare = text.rstrip(" ?.!")
    words = bare.split()
    if (
        not 0 < len(words) <= 6
        or _AUXILIARY.search(bare)
        or words[0].lower() in ("who", "what", "which", "how", "why")
    ):
        return False
    if words[0].lower() in _PREPOSITIONS:
        return text.endswith("?")
    return len(words) <= 2 and all(is_name(word) or YEAR.fullmatch(word) for word in words)


def fragment_completed(text: str, exchanges: Sequence[Exchange]) -> str | None:
    """`text` has lost its leading "and" already: a short phrase without a verb is enough."""
    named = _ONE.sub("", ABOUT.sub("", text))
    bare = named.rstrip(" ?.!")
    words = bare.split()
    if (
        not words
        or _AUXILIARY.search(bare)
        or QUESTION_WORDS.match(bare)
        or PERSON.search(bare)
        or THING.search(bare)
    ):
        return None
    if named == text and not is_fragment(named) and not (text.endswith("?") and len(words) <= 5):
        return None
    if len(query_terms(bare)) > 4 or (named == text and _keywords(words)):
        return None
    return substituted(bare, exchanges[-1])


def _keywords(words: Sequence[str]) -> bool:
    """Search words in a row, not a phrase of a conversation: "opening hours Ghent depot"."""
    return (
        len(words) > 2
        and words[0].lower() not in _PREPOSITIONS | {"the", "a", "an"}
        and not is_name(words[0])
    )


def substituted(fragment: str, before: Exchange) -> str:
    """The earlier question asked of `fragment` instead of what stood in its place; beside it where nothing did."""
    question = before.question
    if (at_another_time := time_replaced(fragment, question)) is not None:
        return at_another_time
    link, _, phrase = (
        fragment.partition(" ")
        if fragment.split(maxsplit=1)[0].lower() in _PREPOSITIONS
        else ("", "", fragment)
    )
    old = _same_kind(link, phrase, question)
    if old is not None:
        start, end = old
        return question[:start] + phrase + question[end:]
    last = phrase.rsplit(maxsplit=1)[-1].lower()
    if not link and last in ATTRIBUTE and not is_name(phrase.rsplit(maxsplit=1)[-1]):
        entity = entity_of(before.question) or topic_of(question, "it")
        return f"{phrase} of {entity}?" if entity else f"{question} {phrase}"
    joint = f" {link} {phrase}" if link else f" in {phrase}" if YEAR.fullmatch(phrase) else f" for {phrase}"
    stem_, mark = re.match(r"(?s)(.*?)([?.!\s]*)$", question).groups()  # type: ignore[union-attr]
    return f"{stem_}{joint}{mark or '?'}"


def _same_kind(link: str, phrase: str, question: str) -> tuple[int, int] | None:
    """Where in the question something stands that `phrase` can replace."""
    if YEAR.fullmatch(phrase.removeprefix("in ")):
        return _last(YEAR, question)
    if CODE.search(phrase):
        bare = re.sub(r"^(?:the|an?) ", "", phrase)
        if CODE.fullmatch(bare) and (place := _last(CODE, question)):
            return _article(question, phrase, place)
    if link and (place := _after_link(link, phrase, question)):
        return place
    for old in phrases(question):
        if stem(old.head) == stem(_head(phrase)) and not is_name(old.head):
            return (old.start, old.end)
    if is_name(phrase.rsplit(maxsplit=1)[-1]):
        return _old_name(link, phrase, question)
    return None if link else _old_phrase(phrase, question)


def _article(question: str, phrase: str, place: tuple[int, int]) -> tuple[int, int]:
    """The article goes with the code where the new one brings its own."""
    before = re.search(r"\b(?:the|an?) $", question[: place[0]], re.IGNORECASE)
    return (before.start(), place[1]) if before and phrase[0].islower() else place


def _last(pattern: re.Pattern[str], text: str) -> tuple[int, int] | None:
    found = list(pattern.finditer(text))
    return found[-1].span() if found else None


def _after_link(link: str, phrase: str, question: str) -> tuple[int, int] | None:
    """ "above 5,000 euros" for "above 20,000 euros", "in Denmark" for "in Norway"."""
    for match in reversed(list(re.finditer(rf"\b{link} ", question, re.IGNORECASE))):
        for old in phrases(question[match.end() :])[:1]:
            if old.start == 0 and _kind(old.text) == _kind(phrase):
                first = re.split(rf" (?:{'|'.join(LINKS)}) ", old.text)[0]
                return (match.end(), match.end() + len(first))
    return None


def _kind(phrase: str) -> str:
    if YEAR.fullmatch(phrase):
        return "year"
    if re.search(r"\d", phrase) and not CODE.search(phrase):
        return "number"
    return (
        "name" if is_name(phrase.rsplit(maxsplit=1)[-1]) or is_name(phrase.split(maxsplit=1)[0]) else "word"
    )


def _head(phrase: str) -> str:
    found = phrases(phrase)
    return found[0].head if found else phrase.rsplit(maxsplit=1)[-1]


def _old_name(link: str, phrase: str, question: str) -> tuple[int, int] | None:
    """The last name of the question: of a place, where a place is named now."""
    held = names(question)
    if not held:
        return None
    placed = [
        name for name in held if re.search(rf"\b(?:in|at|from|to)\s+(?:the )?{re.escape(name)}", question)
    ]
    if link in ("in", "at", "from", "to") and not placed:
        return None
    name = (placed or held)[-1]
    start = question.rindex(name)
    return _article(question, phrase, (start, start + len(name)))


def _old_phrase(phrase: str, question: str) -> tuple[int, int] | None:
    """The phrase with the same article and number: "a logger" for "a probe"."""
    new = phrases(phrase)
    if not new or _head(phrase).lower() in ATTRIBUTE:
        return None
    alike = [
        old
        for old in phrases(question)
        if old.determiner == new[0].determiner and plural(old) == plural(new[0]) and not is_name(old.head)
    ]
    asked = QUESTION_WORDS.match(question)
    inner = [old for old in alike if not asked or old.start > asked.end() or old.determiner]
    return (inner[-1].start, inner[-1].end) if inner else None
