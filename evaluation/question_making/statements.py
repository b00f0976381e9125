"""Statements turned into questions that ask for one thing in them: a figure, a date, a name, a reason.

    asked_of("Every accident is reported in the safety application within 24 hours.", "en")
        -> Turned(question="How soon is every accident reported in the safety application?",
                  answer="within 24 hours", wordings=("within 24 hours", "24 hours"), kind="figure")

No parser: only statements of the plainest build are turned (a subject without a clause of its own, a finite verb that
is known, then what is asked for), and the question words leave the unit out where a person would ("how soon", "how
much"). What is built otherwise gives no question. English and German (phrases.py).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

from chains.phrases import word_set
from chains.plain_text import as_prose
from evaluation.question_making.phrases import SPOKEN, Spoken, Unit

__all__ = ["Kind", "Turned", "asked_of"]

Kind = Literal["figure", "date", "name", "reason"]
SHORTEST, LONGEST = 5, 45  # words of a statement
LONGEST_SUBJECT = 10  # words
LONGEST_QUESTION = 24  # words
LONGEST_REASON = 12  # words, so that it can be asked for to the letter
_BEING = frozenset({"is", "are", "was", "were"})
_HAVING = frozenset({"has", "have"})
_LASTING = frozenset({"take", "last"})
_POINTS = re.compile(
    r"\b(?:it|they|them|he|him|she|this|these|those|there|here|below|above|following|example|es|sie|ihn|ihm|diese[rsnm]?"
    r"|hier|dort|today|yesterday|tomorrow|now|currently|recently|ago|so far|heute|gestern|morgen|derzeit|bisher)\b"
    r"(?! what| welche[rm]?)|\bthat (?:day|time|week|month|year|evening|morning)\b",
    re.IGNORECASE,
)
_NP_OF = re.compile(r"(?:^|.* )(?:an?|eine[nrm]?) (?P<noun>(?:[\w-]+ ){0,2}[\w-]+)$", re.IGNORECASE)
_LINK = word_set("of for in on at to with from by and or von für in auf mit und oder")
_NAME = re.compile(
    r"\b(?P<preposition>by|to|from) (?P<name>(?:the )?[A-Z][\w’'-]+(?: (?:de |van |von )?[A-Z][\w’'-]+)+)"
)
_TIME_OF = re.compile(r"(?:of|from|after) (?P<event>.+)")
_MEASURED = re.compile(r"(?P<word>ahead|late|old|long|wide|high|deep|away)\b\s*")
_FAR = {"ahead": "how far ahead", "away": "how far away"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Turned:
    question: str
    answer: str  # as it stands in the statement
    wordings: tuple[str, ...]  # accepted
    kind: Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class _Statement:
    spoken: Spoken
    subject: str  # "every accident"
    verb: str  # that opens the question: "is", "does"
    infinitive: str  # of a full verb that "do" stands for; "" where the verb itself opens it
    rest: str  # all that follows the verb

    def asked(self, words: str, before: str, after: str) -> str:
        """`words` that ask, the verb, the subject, and what stands before and after the thing that is asked for."""
        order = (words, self.verb, self.subject, self.infinitive, before, after)
        return _to_the_asker(" ".join(" ".join(order).split()), self.spoken)


Asked = tuple[str, str, tuple[str, ...]]  # question, answer, accepted wordings


def asked_of(statement: str, language: str, common: Collection[str] = ()) -> Iterator[Turned]:
    """At most one of each kind; none in a language that is not spoken here.

    common: words that the documents write without a capital, so that one at the beginning is known to be no name.
    """
    spoken = SPOKEN.get(language)
    plain = " ".join(as_prose(statement).split())
    if spoken is None or not SHORTEST <= len(plain.split()) <= LONGEST or not plain.endswith("."):
        return
    found = _parted(plain.rstrip("."), spoken, common)
    for kind, turned in _turned(found, language) if found else ():
        if turned is None or len(turned[0].split()) > LONGEST_QUESTION or _POINTS.search(turned[0]):
            continue
        question, answer, wordings = turned
        yield Turned(
            question=f"{question[0].upper()}{question[1:]}?", answer=answer, wordings=wordings, kind=kind
        )


def _turned(found: _Statement, language: str) -> Iterator[tuple[Kind, Asked | None]]:
    yield "reason", _reason(found)
    yield "date", _date(found, language)
    yield "figure", _figure(found, language)
    yield "name", _name(found) if language == "en" else None


# --- subject, verb and the rest -----------------------------------------------------------------------


def _parted(plain: str, spoken: Spoken, common: Collection[str]) -> _Statement | None:
    """None where the subject is none that can be asked about by itself."""
    words = plain.split()
    place = _first_verb(words, spoken.auxiliaries)
    if place is None:
        place = _first_verb(words, spoken.full_verbs)
        if place is not None and not _agrees(words[:place], words[place].casefold()):
            return None
    if place is None or not _is_subject(words[:place], spoken):
        return None
    rest = words[place + 1 :]
    if not rest or spoken.negations & {word.casefold().strip(",") for word in rest[:2]}:
        return None
    verb, infinitive = _opening(words[place].casefold(), rest[0], spoken)
    subject = " ".join([_lowered(words[0], spoken, common), *words[1:place]])
    return _Statement(spoken=spoken, subject=subject, verb=verb, infinitive=infinitive, rest=" ".join(rest))


def _first_verb(words: list[str], verbs: Collection[str]) -> int | None:
    """Before anything that ends the subject."""
    return next(
        (
            place
            for place, word in enumerate(words[: LONGEST_SUBJECT + 1])
            if place and word.casefold() in verbs
        ),
        None,
    )


def _is_subject(words: list[str], spoken: Spoken) -> bool:
    first, last = words[0].casefold(), words[-1].casefold()
    if (
        first in spoken.no_subject
        or last in _LINK
        or any(word[-1] in ",;:.)" or word[0] == "(" for word in words)
    ):
        return False
    if {word.casefold() for word in words[1:]} & spoken.never_in_subject:
        return False
    if first in _DETERMINERS:
        return first in _OWN if len(words) == 1 else first not in ("you", "we", "wir")
    ordered = words[1:2] and words[1].casefold() in _DETERMINERS  # "Set the temperature ...": an order
    return not ordered and len(words[0]) > 2 and (words[0][0].isupper() or len(words) > 1)


def _agrees(subject: list[str], verb: str) -> bool:
    """ "The costs" is no verb after an article; "cost" is one after "we" or a plural only."""
    plural = subject[-1].casefold() in ("we", "you") or subject[-1].endswith("s") or "and" in subject
    return plural != verb.endswith("s")


def _opening(verb: str, following: str, spoken: Spoken) -> tuple[str, str]:
    """(the verb that opens the question, the infinitive that is left): "has a warranty" is asked with "does"."""
    if verb in spoken.full_verbs:
        return spoken.full_verbs[verb]
    owning = following[0].isdigit() or following.casefold() in ("a", "an", "the", *_NUMBERS)
    if verb in _HAVING and owning:
        return ("does" if verb == "has" else "do"), "have"
    return verb, ""


_DETERMINERS = word_set(
    """the a an each every our your all both any we you der die das den dem des ein eine einen einer einem
    eines jede jeder jedes jedem unser unsere alle wir"""
)
_OWN = frozenset({"you", "we", "wir"})
_NUMBERS = word_set("one two three four five six seven eight nine ten eleven twelve up at about")


def _lowered(word: str, spoken: Spoken, common: Collection[str]) -> str:
    """The first word of a statement is written with a capital whatever it is; a name keeps it, so do German nouns."""
    small = word.casefold()
    known = spoken is SPOKEN["en"] and (small in common or small.removesuffix("s") in common)
    return word.lower() if known or word.casefold() in _DETERMINERS else word


# --- what is asked for --------------------------------------------------------------------------------


def _figure(found: _Statement, language: str) -> Asked | None:
    match = _figures(language).search(found.rest)
    if match is None or match["number"][0].isupper():
        return None
    before, after = found.rest[: match.start()].strip(), _tail(found.rest[match.end() :], found.spoken)
    if _unclear(before, found.spoken) or (before.endswith("over") and _unit(match, found.spoken) != "time"):
        return None
    question = _question_for(found, match, before, after)
    if question is None:
        return None
    bare = f"{match['number']} {match['adjective'] or ''} {match['unit']}"
    return question, match.group().strip(), _distinct(match.group(), f"{bare} {match['rate'] or ''}", bare)


def _question_for(found: _Statement, match: re.Match[str], before: str, after: str) -> str | None:
    unit, preposition = _unit(match, found.spoken), (match["preposition"] or "").casefold()
    rate = match["rate"] or ""
    if preposition in ("of", "von"):
        return _of_noun(found, unit, before, rate)
    if (asked := _asked_by_what_follows(found, preposition, unit, before, after)) is not None:
        return f"{asked} {rate}".strip()
    counted = _counted(match)
    if not preposition and after.startswith("of ") and match["unit"].endswith("s") and unit != "money":
        return found.asked(f"{counted} {after}", before, "")
    words = _asking(found, unit, preposition, match, before)
    if words is None:
        return None
    if (
        unit == "share"
        and words.startswith(("what percentage", "wie viel Prozent"))
        and after.startswith("of ")
    ):
        words, after = f"{words} {after}", ""
    return found.asked(words, before, after if words.endswith(counted) else f"{rate} {after}")


def _asked_by_what_follows(
    found: _Statement, preposition: str, unit: Unit, before: str, after: str
) -> str | None:
    """ "Two days ahead", "within 14 days of the return", "30 days after delivery"."""
    measured = None if preposition else _MEASURED.match(after)
    if measured is not None:
        words = _FAR.get(measured["word"], f"how {measured['word']}")
        return found.asked(words, before, after[measured.end() :])
    event = _TIME_OF.fullmatch(after) if unit == "time" and preposition == "within" else None
    if event is not None:
        return found.asked(f"how soon after {event['event']}", before, "")
    if unit == "time" and not preposition and after.startswith(("after ", "before ")):
        return found.asked(f"how long {after}", before, "")
    return None


def _counted(match: re.Match[str]) -> str:
    return " ".join(f"how many {match['adjective'] or ''} {match['unit']} {match['rate'] or ''}".split())


def _asking(found: _Statement, unit: Unit, preposition: str, match: re.Match[str], before: str) -> str | None:
    """The words that ask for the figure; None where it cannot be said without knowing more."""
    english = found.spoken is SPOKEN["en"]
    if english and unit == "time" and not preposition:
        lasts = (found.verb in _BEING and not before) or found.infinitive in _LASTING or before in _LASTING
        return "how long" if lasts and found.subject not in _OWN else _counted(match)
    if (
        english
        and unit == "money"
        and not preposition
        and (bound := (match["bound"] or "").casefold()) == "up to"
    ):
        if found.verb in _BEING and not before:
            return None  # "Claims up to 2,000 euros are decided ...": what follows is the verb's
        return found.spoken.asked[(unit, bound)] if before and not found.infinitive else "how much at most"
    known = found.spoken.asked.get((unit, preposition))
    if known is not None or (unit in ("share", "temperature", "money") and preposition):
        return known
    plural = english and match["unit"].endswith("s")
    return f"{preposition} {_counted(match)}".strip() if plural else None


def _of_noun(found: _Statement, unit: Unit, before: str, rate: str) -> str | None:
    """ "We pay an allowance of 5 euros": how much is the allowance? English only."""
    noun = _NP_OF.fullmatch(before)
    words = {"money": "how much", "time": "how long", "share": "how high"}.get(unit)
    if noun is None or words is None or found.spoken is not SPOKEN["en"] or set(noun["noun"].split()) & _LINK:
        return None
    owner = f"of {found.subject}" if found.infinitive == "have" and found.subject not in _OWN else ""
    return _to_the_asker(" ".join(f"{words} is the {noun['noun']} {owner} {rate}".split()), found.spoken)


def _date(found: _Statement, language: str) -> Asked | None:
    match = _dates(language).search(found.rest)
    if match is None or _unclear(found.rest[: match.start()].strip(), found.spoken):
        return None
    words = found.spoken.dates[match["preposition"].casefold()]
    if ":" in match["date"]:
        words = {"by when": "by what time", "before when": "before what time"}.get(words, words)
    after = _tail(found.rest[match.end() :], found.spoken)
    question = found.asked(words, found.rest[: match.start()], after)
    return question, match.group().strip(), (match["date"],)


def _name(found: _Statement) -> Asked | None:
    """By whom, to whom. English only: German names stand in no case that tells."""
    match = _NAME.search(found.rest)
    if (
        match is None
        or found.verb not in _BEING
        or _unclear(found.rest[: match.start()].strip(), found.spoken)
    ):
        return None
    after = _tail(found.rest[match.end() :], found.spoken)
    name = match["name"].removeprefix("the ")
    question = found.asked(f"{match['preposition']} whom", found.rest[: match.start()], after)
    return question, match["name"], (name,)


def _reason(found: _Statement) -> Asked | None:
    conjunction, words = found.spoken.why
    before, parted, reason = found.rest.partition(f", {conjunction} ")
    if not parted or not 3 <= len(reason.split()) <= LONGEST_REASON or re.search("[,;:]", before + reason):
        return None
    return found.asked(words, before, ""), f"{conjunction} {reason}", (reason,)


def _unclear(before: str, spoken: Spoken) -> bool:
    """Whether what stands before the thing asked for ends the clause, or says that something is not so."""
    folded = [word.casefold().strip(",.") for word in before.split()]
    last = folded[-1:] and folded[-1] in spoken.opens_clause
    inner = set(folded) & (spoken.negations | _SUBORDINATING)
    return bool(spoken.ends.search(f"{before} ") or last or inner)


_SUBORDINATING = word_set("when if unless that while once between wenn falls dass während sobald zwischen")


def _tail(after: str, spoken: Spoken) -> str:
    """What follows in the same clause."""
    end = spoken.ends.search(f"{after} ")
    return (after[: end.start()] if end else after).strip()


@cache
def _figures(language: str) -> re.Pattern[str]:
    spoken = SPOKEN[language]
    units = "|".join(spoken.units.values())
    return re.compile(
        rf"(?:\b(?P<preposition>{'|'.join(spoken.prepositions)}) )?"
        rf"(?:\b(?P<bound>{'|'.join(spoken.bounds)}) )?"
        rf"(?<![\w.,-])(?P<number>{spoken.numbers})(?: (?:to|and|bis) (?:{spoken.numbers}))?\s"
        rf"(?:(?P<adjective>{spoken.adjectives}) )?(?P<unit>(?:{units})(?!\w)|[a-zäöü]{{3,}}s(?!\w))"
        rf"(?: (?P<rate>{spoken.rates})\b)?",
        re.IGNORECASE,
    )


@cache
def _dates(language: str) -> re.Pattern[str]:
    spoken = SPOKEN[language]
    prepositions = "|".join(sorted(spoken.dates, key=len, reverse=True))
    day = rf"\d{{1,2}}\.? (?:{spoken.months})(?: \d{{4}})?|\d{{1,2}}\.\d{{1,2}}\.\d{{4}}|(?:{spoken.months}) \d{{4}}"
    return re.compile(
        rf"\b(?P<preposition>{prepositions}) "
        rf"(?P<date>{day}|\d{{1,2}}:\d\d(?!\d)(?: Uhr)?|\d{{1,2}}(?:\.\d\d)? Uhr|(?:19|20)\d\d(?![\d.,]| \w+s\b))"
    )


def _unit(match: re.Match[str], spoken: Spoken) -> Unit:
    return next(
        (unit for unit, forms in spoken.units.items() if re.fullmatch(forms, match["unit"], re.IGNORECASE)),
        "other",
    )


def _distinct(*texts: str) -> tuple[str, ...]:
    return tuple(dict.fromkeys(" ".join(text.split()) for text in texts))


_YOU = re.compile(r"\b(?:(?P<subject>(?:are|were|do|may|must|can|should|will|have|if|when|unless|that|as|where"
                  r"|than) )you|(?P<word>you|your|yours|yourself))\b", re.IGNORECASE)  # fmt: skip


def _to_the_asker(text: str, spoken: Spoken) -> str:
    """A text speaks to its reader, who asks of himself: "may you take" is asked as "may I take"."""
    for said, asked in spoken.turned.items():
        text = re.sub(rf"\b{said}\b", asked, text)
    if not spoken.mine:
        return text
    return _YOU.sub(
        lambda match: f"{match['subject']}I" if match["subject"] else spoken.mine[match["word"].casefold()],
        text,
    )
