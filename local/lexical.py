"""Words of a text for the reader: stems, which words of a question carry it, what kind of answer it asks for.

English. For other languages words still match as they stand; endings and question words are not understood.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

__all__ = ["AnswerType", "QueryTerm", "answer_type", "holds_type", "query_terms", "stem", "stems", "words"]

AnswerType = Literal["person", "time", "date", "number", "place", "any"]

WORD = re.compile(r"\w+(?:[.,'’-]\w+)*")
PART = re.compile(r"[-'’]")
FISCAL_YEAR = re.compile(r"\bFY[ -]?(?:(19|20)(\d\d)|(\d\d))\b")
PLAIN_NUMBER = re.compile(r"\d+(?:[.,]\d+)*%?")
VOWEL = re.compile(r"[aeiouy]")


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


STOP_WORDS = _words(
    """a about above after again all also am an and any are as at be because been before being below between both
    but by can could did do does doing down during each few for from further had has have having he her here hers
    him his how i if in into is it its itself just me more most my no nor not now of off on once only or other
    our ours out over own same shall she should so some such than that the their theirs them then there these
    they this those through to too under until up upon us very was we were what when where which while who whom
    whose why will with would you your yours s t d ll m re ve does please tell give many much name called
    may might must"""
)
IRREGULAR = MappingProxyType(
    dict(
        pair.split("=")
        for pair in _words(
            """paid=pay bought=buy sold=sell left=leave held=hold began=begin begun=begin wrote=write
        written=write built=build made=make took=take taken=take gave=give given=give went=go gone=go came=come
        became=become won=win lost=lose led=lead met=meet kept=keep said=say sent=send spent=spend found=find
        founded=found grew=grow grown=grow knew=know known=know drew=draw drawn=draw fought=fight taught=teach
        thought=think brought=bring caught=catch told=tell rose=rise risen=rise fell=fall fallen=fall ran=run
        chose=choose chosen=choose spoke=speak spoken=speak broke=break broken=break drove=drive driven=drive
        used=use born=birth died=death die=death men=man women=woman children=child people=person feet=foot
        lives=live analyses=analysis"""
        )
    )
)
# Longest first. Endings of the first kind need three letters before them, the others four.
INFLECTIONS = _words("ments ment ing est ers ors ed er or al ly es s e")
SUFFIXES = (
    *("ization", "isation", "ational", "fulness", "iveness", "ousness", "ations", "ation", "ating", "ators"),
    *(
        "ments",
        "ities",
        "ator",
        "ated",
        "ates",
        "ical",
        "ment",
        "ness",
        "ions",
        "ance",
        "ence",
        "able",
        "ible",
    ),
    *(
        "ity",
        "ive",
        "ize",
        "ise",
        "ion",
        "ing",
        "ful",
        "ous",
        "ant",
        "ent",
        "est",
        "ers",
        "ors",
        "ate",
        "ism",
    ),
    *("ist", "ed", "er", "or", "al", "ic", "ly", "es", "s", "y", "e"),
)

MONTH = r"(?:jan|feb|mar|apr|may|june?|july?|aug|sep|oct|nov|dec)[a-z]*"
TIME = re.compile(
    rf"\b(?:1\d{{3}}|20\d\d|\d{{1,2}}(?::\d\d)?\s?[ap]\.?m|\d{{1,2}}:\d\d|{MONTH}\.?\s\d|\d\s{MONTH}|\d\ds"
    r"|(?:\d+(?:st|nd|rd|th)|\w+th)\s(?:century|day)|(?:mon|tues|wednes|thurs|fri|satur|sun)days?"
    r"|(?:day|week|month|year|decade|quarter|hour|minute)s?|january|february|march|april|august|september"
    r"|october|november|december|annually|daily|weekly|monthly|yearly|century|ago|noon|midnight)\b",
    re.IGNORECASE,
)
DATE = re.compile(
    rf"\b(?:\d{{1,2}}(?:st|nd|rd|th)?(?:\sof)?\s{MONTH}|{MONTH}\.?\s\d{{1,2}}(?!\d)|\d{{4}}-\d\d-\d\d"
    r"|\d{1,2}[./]\d{1,2}[./]\d{2,4})",
    re.IGNORECASE,
)
NUMBER = re.compile(
    r"\d.*|one|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty|forty|fifty|sixty"
    r"|hundreds?|thousands?|millions?|billions?|half|third|quarter|dozen|percent|both|none|zero|once|twice",
    re.IGNORECASE,
)
NAME_INSIDE = re.compile(r"(?<=[a-z0-9,;:(|] )(?:the )?[A-Z][\w’'-]+|[A-Z]\w+ (?:[A-Z]\.? )?[A-Z]\w+")
PLACE = re.compile(
    r"\b(?:in|at|near|from|to|of|on|floor|room|street|building|office|city|country|site)\b", re.IGNORECASE
)

ASKS_PERSON = re.compile(r"\b(?:who|whom|whose)\b", re.IGNORECASE)
ASKS_DATE = re.compile(r"\b(?:what|which) date\b", re.IGNORECASE)
ASKS_TIME = re.compile(
    r"\b(?:when|(?:what|which) (?:year|day|date|month|time|century|decade|hours?|days?|weeks?|years?)"
    r"|how (?:soon|often|old|quickly)|by what date|what time)\b",
    re.IGNORECASE,
)
ASKS_NUMBER = re.compile(
    r"\b(?:how (?:long|many|much|far|tall|big|large|high|fast|heavy|deep|wide|loud|warm|cold|hot)"
    r"|(?:what|which) (?:[\w'’-]+ ){0,4}(?:number|percentage|percent|amount|price|costs?"
    r"|fee|limit|rate|population|ratio|budget|deposit|share|score)"
    r"|what (?:do|does|did|will|would|may|must|can) [^?]{1,60}\b(?:cost|pay|charge))\b",
    re.IGNORECASE,
)
ASKS_PLACE = re.compile(
    r"\b(?:where|(?:what|which) (?:city|country|state|place|location|region|town|office|building|floor|room))\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryTerm:
    """One word of the question that carries meaning."""

    word: str  # as the user wrote it
    stem: str
    kind: Literal["word", "name", "number"]


def words(text: str) -> list[str]:
    """Words as they stand; "state-of-the-art" and "3.5" are one word each, and "FY2018" and "FY18" are "2018"."""
    return WORD.findall(_plain_years(text))


def _plain_years(text: str) -> str:
    if "FY" not in text:
        return text
    return FISCAL_YEAR.sub(lambda year: f"{year[1] or '20'}{year[2] or year[3]}", text)


@lru_cache(maxsize=65_536)
def stem(word: str) -> str:
    """The word without accents and endings: "Approvals", "approved", "approving" -> "approv"."""
    plain = (
        _plain(word).removesuffix("'s").removesuffix("’s").replace(".", "")
        if not word[:1].isdigit()
        else word
    )
    plain = IRREGULAR.get(plain, plain)
    if not plain.isalpha() or len(plain) <= 3:
        return plain
    for _ in range(3):
        shorter = _without_suffix(plain)
        if shorter == plain:
            break
        plain = shorter
    return plain


def stems(text: str) -> set[str]:
    """Stems of a text's words and of the parts of its hyphenated words, stop words included."""
    found = {stem(word) for word in words(text)}
    found |= {stem(part) for word in words(text) if PART.search(word) for part in PART.split(word) if part}
    return found


def query_terms(question: str) -> list[QueryTerm]:
    """The question's words without stop words, each stem once, in order."""
    terms: dict[str, QueryTerm] = {}
    for position, word in enumerate(words(question)):
        if _plain(word) in STOP_WORDS and not (word == "May" and position):
            continue
        term = QueryTerm(word=word, stem=stem(word), kind=_kind(word, first=position == 0))
        if term.stem:
            terms.setdefault(term.stem, term)
    return list(terms.values())


def answer_type(question: str) -> AnswerType:
    """What kind of thing would answer: "who" a person, "how many" a number."""
    kinds: tuple[tuple[re.Pattern[str], AnswerType], ...] = (
        (ASKS_DATE, "date"),
        (ASKS_TIME, "time"),
        (ASKS_NUMBER, "number"),
        (ASKS_PERSON, "person"),
        (ASKS_PLACE, "place"),
    )
    return next((kind for pattern, kind in kinds if pattern.search(question)), "any")


def holds_type(kind: AnswerType, text: str, question_stems: set[str]) -> bool:
    """Whether `text` holds something of that kind which the question does not name itself."""
    if kind == "any":
        return True
    if kind == "time":
        return any(not stems(match.group()) <= question_stems for match in TIME.finditer(text))
    if kind == "number":
        found = (word for word in words(text) if NUMBER.fullmatch(word))
        return any(stem(word) not in question_stems for word in found)
    if kind == "date":
        return DATE.search(text) is not None
    return any(not stems(match.group()) <= question_stems for match in NAME_INSIDE.finditer(text))


def _kind(word: str, *, first: bool) -> Literal["word", "name", "number"]:
    if PLAIN_NUMBER.fullmatch(word):
        return "number"
    capital = word[0].isupper() and not first
    return "name" if capital or sum(char.isupper() for char in word) > 1 else "word"


def _plain(word: str) -> str:
    if word.isascii():
        return word.lower()
    return "".join(
        char for char in unicodedata.normalize("NFKD", word.lower()) if not unicodedata.combining(char)
    )


def _without_suffix(word: str) -> str:
    if word.endswith("ss"):
        return word
    if len(word) > 4 and word.endswith(("ies", "ied")):
        return word[:-3] + "y"
    for suffix in SUFFIXES:
        rest = word.removesuffix(suffix)
        least = 3 if suffix in INFLECTIONS else 4
        if rest != word and len(rest) >= least and VOWEL.search(rest):
            doubled = suffix in ("ing", "ed", "er", "est") and len(rest) > 3 and rest[-1] == rest[-2]
            return rest[:-1] if doubled and rest[-1] not in "lsz" else rest
    return word
