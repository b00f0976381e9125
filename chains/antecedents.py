"""What the words of a follow-up question mean that point back: pronouns, "that policy", "the second one", "there"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from chains.phrases import LINKS, NAME, VERBS, Phrase, names, phrases, plural, word_set
from chains.subject_matter import (
    CODE,
    PREDICATE,
    QUESTION_WORDS,
    reads_as,
    subject_matter,
    with_subject_matter,
)
from local.lexical import STOP_WORDS, stem

LEADING = re.compile(
    r"^(?:(?:and|but|so|or|then|also|ok(?:ay)?|thanks|thank you|well)\b[,.!]?\s+)+", re.IGNORECASE
)
# "Thanks. Now, ...", "Good morning, could you tell me ..."
COURTESY = re.compile(
    r"^(?:hi|hello|hey|good (?:morning|afternoon|evening|day)|(?:many )?thanks|thank you|thx|cheers|great|perfect)"
    r"(?: there| all| again| (?:very|so) much| a lot| for (?:that|this|the (?:answer|help|information)))*"
    r"(?:\s*[,.!;:]+(?:\s*(?:now|please|next|so|ok(?:ay)?)\b,?)*\s+|\s+(?=and\b))(?=\S)",
    re.IGNORECASE,
)
ORDINAL = re.compile(
    r"\bthe (first|second|third|fourth|fifth|last|latter|former)(?: ones?)?(?=\s*(?:[?.,!]|$|(?:"
    r"is|are|was|do|does|did|can|has|have|mean|cost|weigh|open|and|apply)\b))",
    re.IGNORECASE,
)
_ORDER = {"first": 0, "former": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1, "latter": -1}
PERSON = re.compile(r"\b(?:he|him|his|she|hers?)\b", re.IGNORECASE)
THING = re.compile(r"\b(?:it|its|they|them|their|theirs)\b", re.IGNORECASE)
_POSSESSIVE = word_set("his her hers its their theirs")
THERE = re.compile(
    r"(?<!is )(?<!are )(?<!was )(?<!were )\bthere\b(?! (?:is|are|was|were|any|a|an)\b)", re.IGNORECASE
)
_EXISTS = re.compile(r"\b(?:is|are|was|were) there\b", re.IGNORECASE)
_POINTING = re.compile(r"\b(?:this|that|these|those|such)\b(?: (?P<noun>[a-z][\w-]*))?", re.IGNORECASE)
_THAT_ONE = re.compile(r"\b(?:this|that|these|those) ones?\b", re.IGNORECASE)
# "Is it allowed to", "does it take to", "is it possible": nothing is meant by "it"
_EMPTY_IT = re.compile(
    r"\b(?:is|was|would be|will)\s+it\s+(?:not )?(?:allowed|possible|necessary|true|ok|okay|safe|permitted|required"
    r"|legal|forbidden|compulsory|better|enough|worth|urgent|raining|late)\b(?=\s+(?:to|that|if|for)\b)"
    r"|\bit\s+(?:take|takes|cost|costs|mean|means|matter)\b(?:\s+\w+)?\s+(?:to|if|when)\b"
    r"|\bit (?:is|was|rains|snows)\b",
    re.IGNORECASE,
)
_CLAUSE = re.compile(
    r",|\b(?:if|when|whenever|because|before|after|once|until|while|and|or|that|who|which|where|unless|whether|with)\b",
    re.IGNORECASE,
)
_SPAN = word_set("year week month morning afternoon evening summer winter quarter time day way")
_ANIMATE = frozenset(
    stem(word)
    for word in word_set("""customer employee colleague person driver technician manager lead leader director visitor
    guest member supplier worker trainee contractor owner user officer parent child partner buyer people""")
)
YEAR = re.compile(r"\b(?:19|20)\d\d\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One earlier question, completed, and its answer without markers; no answer where there was none to give."""

    question: str
    answer: str


# --- "How big is the second one?" ---------------------------------------------------------------------


def ordinal_meant(text: str, exchanges: Sequence[Exchange]) -> str | None:
    match = ORDINAL.search(text)
    if match is None:
        return None
    for exchange in reversed(exchanges):
        members = listed(exchange.answer) or listed(exchange.question)
        place = _ORDER[match[1].lower()]
        if len(members) > max(place, 1) - (place < 1) and len(members) > 1:
            return text[: match.start()] + members[place] + text[match.end() :]
    return None


def listed(text: str) -> list[str]:
    """The members of the text's list: its bullets, else "A, B and C" of names."""
    bullets = re.findall(r"(?m)^\s*(?:[-*•]|\d+[.)])\s+(.{1,80}?)\s*[.;]?$", text)
    if len(bullets) > 1:
        return bullets
    series = re.search(
        rf"(?:(?:the )?{NAME.pattern}, )*(?:the )?{NAME.pattern},? (?:and|or)(?: \w+)? (?:the )?{NAME.pattern}",
        text,
    )
    return names(re.sub(r",? (?:and|or) ", " ; ", series[0])) if series else []


# --- "How long is it valid?" --------------------------------------------------------------------------


def references_meant(text: str, exchanges: Sequence[Exchange]) -> str | None:
    """Pronouns and pointing words replaced by what they mean, from the right so that places stay true."""
    found: list[tuple[int, int, str]] = []
    if match := unmet_pronoun(text):
        meant = _antecedent(match[0], exchanges)
        if meant and (about := _unsure_of(meant, match[0].lower(), exchanges)):
            return with_subject_matter(text, about)
        found.append((*match.span(), meant))
    elif match := pointing_word(text):
        start, end, meant = _pointed(text, match, exchanges)
        pronoun = "they" if match[0].lower().startswith(("these", "those")) else "it"
        if meant and (about := _unsure_of(meant, pronoun, exchanges)):
            return with_subject_matter(text, about)
        found.append((start, end, meant))
    if match := THERE.search(text) or (_trailing_there(text)):
        place = _place(exchanges)
        found.append((*match.span(), f"in {place}" if place else ""))
    known = [(start, end, meant) for start, end, meant in found if meant]
    for start, end, meant in sorted(known, reverse=True):
        word = text[start:end].lower()
        text = text[:start] + (_possessive(meant) if _owns(word, text[end:]) else meant) + text[end:]
    return text if known else None


def _unsure_of(meant: str, pronoun: str, exchanges: Sequence[Exchange]) -> str:
    """What the question was about, where `meant` would not read as a noun phrase in the pronoun's place; else ""."""
    for exchange in reversed(exchanges):
        for phrase in phrases(exchange.question):
            if phrase.text == meant and not reads_as(phrase, pronoun, exchange.question):
                return subject_matter(exchange.question)
    return ""


def _trailing_there(text: str) -> re.Match[str] | None:
    """ "Is there parking there?": the second one."""
    return re.search(r"\bthere(?=\s*[?.!]?$)", text, re.IGNORECASE) if _EXISTS.search(text) else None


def _owns(word: str, after: str) -> bool:
    return word in _POSSESSIVE and (word != "her" or bool(re.match(r"\s+[\w-]+", after)))


def _possessive(meant: str) -> str:
    return meant + ("'" if meant.endswith("s") else "'s")


def unmet_pronoun(text: str) -> re.Match[str] | None:
    """The first pronoun that means nothing inside the question."""
    plain = _EMPTY_IT.sub(lambda empty: "-" * len(empty[0]), text)
    for match in re.finditer(rf"{PERSON.pattern}|{THING.pattern}", plain, re.IGNORECASE):
        if not _meant_inside(text[: match.start()], match[0].lower()):
            return match
    return None


def _meant_inside(before: str, pronoun: str) -> bool:
    """Whether a noun before the pronoun is what it means.

    A verb's object is never its own subject, so that "it" needs the noun in an earlier clause; "their" does not.
    """
    clauses = [match.end() for match in _CLAUSE.finditer(before)]
    reach = before if pronoun in _POSSESSIVE else before[: clauses[-1]] if clauses else ""
    for phrase in phrases(QUESTION_WORDS.sub("", LEADING.sub("", reach))):
        animate = stem(phrase.head) in _ANIMATE
        if pronoun in ("it", "its") and animate:
            continue
        if PERSON.fullmatch(pronoun) and not animate and not phrase.named:
            continue
        return True
    return False


def _antecedent(pronoun: str, exchanges: Sequence[Exchange]) -> str:
    pronoun = pronoun.lower()
    for exchange in reversed(exchanges):
        meant = _person(exchange) if PERSON.fullmatch(pronoun) else _asked_for(exchange, pronoun)
        meant = meant or ("" if PERSON.fullmatch(pronoun) else topic_of(exchange.question, pronoun))
        if meant:
            return meant
    return ""


def _person(exchange: Exchange) -> str:
    """The first name of two words: of the question, then of the answer; "who leads Sales?" the other way round."""
    told = (
        re.match(r"who(?!se)\b(?! (?:is|was) [A-Z])|whose", exchange.question, re.IGNORECASE)
        and exchange.answer
    )
    for text in (exchange.answer, exchange.question) if told else (exchange.question, exchange.answer):
        for name in names(text):
            if (
                len(name.split()) > 1
                and len(name.split()[-1]) > 1
                and not re.search(r"\d|\b(?:and|of|the)\b|&", name)
            ):
                return name
    return ""


def _asked_for(exchange: Exchange, pronoun: str) -> str:
    """What a "who" or "which" question was answered with, where the answer is short enough to tell."""
    asked = re.match(r"(who|which)\b\s*([\w-]+)?", exchange.question, re.IGNORECASE)
    if asked is None or not exchange.answer:
        return ""
    first = re.split(r"(?<=[.!?])\s|\n", exchange.answer)[0].rstrip(".")
    new = [name for name in names(first) if name.lower() not in exchange.question.lower()]
    if asked[1].lower() == "who":
        many = listed(first)
        several = pronoun in ("they", "them", "their", "theirs") and len(many) > 1
        return " and ".join(many) if several else new[0] if new else ""
    named = [name for name in new if name.split()[0] != first.split()[0]] or [
        name for name in new if " " in name
    ]
    found = named or ([first] if len(first.split()) <= 5 else [])
    return f"{asked[2]} {' and '.join(found)}" if found and asked[2] else ""


def entity_of(question: str) -> str:
    """The last name or code of the question."""
    held = [name for name in names(question) if not YEAR.fullmatch(name)]
    return f"the {held[-1]}" if held and CODE.search(held[-1]) else held[-1] if held else ""


def topic_of(question: str, pronoun: str) -> str:
    """The phrase that the question is about: one in the pronoun's number, a named one first."""
    found = phrases(QUESTION_WORDS.sub("", question)) or phrases(question)
    found = [phrase for phrase in found if stem(phrase.head) not in _ANIMATE or phrase.named]
    if not found:
        return ""
    many = pronoun in ("they", "them", "their", "theirs", "these", "those")
    ranked = sorted(found, key=lambda phrase: (not phrase.named, plural(phrase) != many))
    return ranked[0].text


# --- "Does that apply to trainees?", "Who approved that policy?" ----------------------------------------


def pointing_word(text: str) -> re.Match[str] | None:
    """The first "this" or "that" which means something said before."""
    for match in _POINTING.finditer(text):
        word, noun = match[0].split()[0].lower(), (match["noun"] or "").lower()
        before = re.findall(r"[\w'’]+", text[: match.start()].lower())
        if noun in _SPAN or (word in ("those", "such") and noun in ("who", "of", "as", "a")):
            continue
        if word == "that" and _joins_clauses(before, noun, text[match.end() :]):
            continue
        return match
    return None


def _joins_clauses(before: Sequence[str], noun: str, after: str) -> bool:
    """ "says that the door ...", "a unit that leaks": no pointing word."""
    if not before:
        return False
    if noun in STOP_WORDS | {"the", "a"} and noun not in (
        "",
        "for",
        "to",
        "in",
        "with",
        "per",
        "on",
        "also",
        "too",
    ):
        return before[-1] not in ("is", "does", "was", "do", "are", "about", "of", "after", "than")
    ends = not noun and not re.match(r"\s*\w", after)
    return not ends and before[-1] not in STOP_WORDS and before[-1] not in LINKS and before[-1] not in VERBS


def _pointed(text: str, match: re.Match[str], exchanges: Sequence[Exchange]) -> tuple[int, int, str]:
    """(start, end, what is meant): "that policy" is the policy spoken of, "that" the subject of the question."""
    noun = match["noun"] or ""
    start, end = match.start(), match.start() + len(match[0].split()[0])
    if one := _THAT_ONE.match(text, start):
        return start, one.end(), _antecedent("it", exchanges)
    is_noun = (
        bool(noun) and noun.lower() not in STOP_WORDS and not (noun.lower() in VERBS and noun.endswith("e"))
    )
    if is_noun and noun.lower() not in VERBS | PREDICATE | {"true"}:
        same = _phrase_about(noun, exchanges)
        return start, match.end(), same or f"{match[0]} ({_antecedent('it', exchanges)})"
    return (
        start,
        end,
        _antecedent("these" if match[0].lower().startswith(("these", "those")) else "it", exchanges),
    )


def _phrase_about(noun: str, exchanges: Sequence[Exchange]) -> str:
    for exchange in reversed(exchanges):
        for text in (exchange.question, exchange.answer):
            for phrase in phrases(text):
                if (
                    stem(phrase.head) == stem(noun)
                    and len(phrase.text.split()) > 1
                    and not _article_only(phrase)
                ):
                    return re.sub(r"^an? ", "the ", phrase.text)
    return ""


def _article_only(phrase: Phrase) -> bool:
    return bool(phrase.determiner) and len(phrase.text.split()) == 2


def _place(exchanges: Sequence[Exchange]) -> str:
    """The last place named: a name after "in" or "at", of the question and then of its answer."""
    for exchange in reversed(exchanges):
        for text in (exchange.question, exchange.answer):
            found = re.findall(rf"\b(?:in|at|from)\s+({NAME.pattern})", text)
            if found:
                return str(found[-1])
        if re.match(r"where|which (?:office|city|depot|country)", exchange.question, re.IGNORECASE) and names(
            exchange.answer
        ):
            return names(exchange.answer)[0]
    return ""
