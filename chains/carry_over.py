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
from dataclasses import dataclass

from chains.answer import Turn
from chains.guard import ABSTENTION_TOKEN, NOT_FOUND
from chains.phrases import LINKS, NAME, VERBS, Phrase, is_name, names, phrases, plural, word_set
from local.lexical import STOP_WORDS, query_terms, stem

__all__ = ["carry_over", "stands_alone"]

EXCHANGES = 4  # of the conversation, the latest ones
_MARKER = re.compile(r"\s?\[\d{1,3}\]")
_LEADING = re.compile(
    r"^(?:(?:and|but|so|or|then|also|ok(?:ay)?|thanks|thank you|well)\b[,.!]?\s+)+", re.IGNORECASE
)
_GERMAN = re.compile(
    r"\b(?:der|die|das|den|dem|ist|sind|und|wie|wo|wer|wann|warum|für|ich|wir|nicht|ein|eine|gilt)\b"
)
_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|am|do|does|did|can|could|may|might|must|shall|should|will|would|has|have|had)\b",
    re.IGNORECASE,
)

# "Why?", "How much?", "Until when?": the question word alone
_BARE = re.compile(
    r"^(?:(?:to|for|by|from|with|since|until|till|at|in|on)\s)?(?:why(?: not)?|when|where|who|whom|whose|how"
    r"(?: (?:much|many|long|often|far|soon|big|old|late|early|high|come))?|which(?: ones?)?|what(?: for| time| else)?)"
    r"(?: exactly| then)?\s*\??$",
    re.IGNORECASE,
)
_QUESTION_WORDS = re.compile(
    r"^(?:(?:to|for|by|from|with|since|until|in|on|at)\s)?(?:what|which|who|whom|when|where|why"
    r"|how(?: (?:much|many|long|often|far|soon|big|old|high|wide|heavy|tall|loud|late|fast|large|deep))?)\b\s*",
    re.IGNORECASE,
)
# "What about 2023?", "And for contractors?", "The same for Ghent?"
_ABOUT = re.compile(
    r"^(?:(?:what|how) about|(?:is it |is that )?(?:the )?same(?: question| thing| goes| applies)*"
    r"(?= (?:for|in|with|at)\b))\s+",
    re.IGNORECASE,
)
# "the one in Ghent", "after those 26 weeks": the words that point are in the way
_ONE = re.compile(
    r"^the ones? (?=in|at|for|of|from|with)|(?<=\w )(?:this|that|these|those) (?=\w)", re.IGNORECASE
)
_ORDINAL = re.compile(
    r"\bthe (first|second|third|fourth|fifth|last|latter|former)(?: ones?)?(?=\s*(?:[?.,!]|$|(?:"
    r"is|are|was|do|does|did|can|has|have|mean|cost|weigh|open|and|apply)\b))",
    re.IGNORECASE,
)
_ORDER = {"first": 0, "former": 0, "second": 1, "third": 2, "fourth": 3, "fifth": 4, "last": -1, "latter": -1}

_PERSON = re.compile(r"\b(?:he|him|his|she|hers?)\b", re.IGNORECASE)
_THING = re.compile(r"\b(?:it|its|they|them|their|theirs)\b", re.IGNORECASE)
_POSSESSIVE = word_set("his her hers its their theirs")
_THERE = re.compile(
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
# What a fragment may begin with
_PREPOSITIONS = LINKS | word_set(
    "after before within during without per until since by than against through as"
)
_SPAN = word_set("year week month morning afternoon evening summer winter quarter time day way")
_ANIMATE = frozenset(
    stem(word)
    for word in word_set("""customer employee colleague person driver technician manager lead leader director visitor
    guest member supplier worker trainee contractor owner user officer parent child partner buyer people""")
)
# What belongs to something: alone it asks about what was spoken of
_ATTRIBUTE = word_set(
    """address amount condition conditions cost costs date deadline delivery deposit details discount duration email
    exception exceptions fee fine height interest length limit maximum minimum name notice number penalty percentage
    phone power price procedure process rate reason rent size temperature term terms time total voltage warranty weight
    width year"""
)
_OBJECTLESS = re.compile(
    r"^(?:who|how|where|when)\b.*\b(?:approves?|decides?|pays?|signs?|apply|order|book|claim|register|checks?|start)\s*\??$",
    re.IGNORECASE,
)
_YEAR = re.compile(r"\b(?:19|20)\d\d\b")
_CODE = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w]+(?:-\w+)*\b")


@dataclass(frozen=True, slots=True, kw_only=True)
class Exchange:
    """One earlier question, completed, and its answer without markers; no answer where there was none to give."""

    question: str
    answer: str


def carry_over(asked: str, turns: Sequence[Turn]) -> str:
    """The question completed from the turns before it, or as it is."""
    exchanges: list[Exchange] = []
    for question, answer in _pairs(turns)[-EXCHANGES:]:
        exchanges.append(Exchange(question=_completed(question, exchanges), answer=answer))
    return _completed(asked, exchanges)


def stands_alone(asked: str) -> bool:
    """Whether nothing in the question points outside it."""
    text = _LEADING.sub("", asked.strip())
    return text == asked.strip() and not any(
        (
            _BARE.match(text),
            _ABOUT.match(text),
            _ORDINAL.search(text),
            _is_fragment(text),
            _pronoun(text),
            _THERE.search(text),
            _pointing(text),
            _lacks_complement(text, leading=False),
        )
    )


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
    text = _LEADING.sub("", asked.strip())
    rules: tuple[Callable[[str, Sequence[Exchange]], str | None], ...] = (
        _bare_question_word,
        _fragment,
        _ordinal,
        _references,
    )
    for rule in rules:
        completed = rule(text, exchanges)
        if completed is not None:
            return _capital(completed)
    if _lacks_complement(text, leading=text != asked.strip()):
        return _capital(_with_complement(text, exchanges))
    return asked


# --- "Why?" -------------------------------------------------------------------------------------------


def _bare_question_word(text: str, exchanges: Sequence[Exchange]) -> str | None:
    if not _BARE.match(text):
        return None
    rest = _QUESTION_WORDS.sub("", exchanges[-1].question)
    return f"{text.rstrip(' ?')}: {rest}"


# --- "And for contractors?" ---------------------------------------------------------------------------


def _is_fragment(text: str) -> bool:
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
    return len(words) <= 2 and all(is_name(word) or _YEAR.fullmatch(word) for word in words)


def _fragment(text: str, exchanges: Sequence[Exchange]) -> str | None:
    """`text` has lost its leading "and" already: a short phrase without a verb is enough."""
    named = _ONE.sub("", _ABOUT.sub("", text))
    bare = named.rstrip(" ?.!")
    words = bare.split()
    if (
        not words
        or _AUXILIARY.search(bare)
        or _QUESTION_WORDS.match(bare)
        or _PERSON.search(bare)
        or _THING.search(bare)
    ):
        return None
    if named == text and not _is_fragment(named) and not (text.endswith("?") and len(words) <= 5):
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
    if not link and last in _ATTRIBUTE and not is_name(phrase.rsplit(maxsplit=1)[-1]):
        entity = _entity(before.question) or _topic(question, "it")
        return f"{phrase} of {entity}?" if entity else f"{question} {phrase}"
    joint = f" {link} {phrase}" if link else f" in {phrase}" if _YEAR.fullmatch(phrase) else f" for {phrase}"
    stem_, mark = re.match(r"(?s)(.*?)([?.!\s]*)$", question).groups()  # type: ignore[union-attr]
    return f"{stem_}{joint}{mark or '?'}"


def _same_kind(link: str, phrase: str, question: str) -> tuple[int, int] | None:
    """Where in the question something stands that `phrase` can replace."""
    if _YEAR.fullmatch(phrase.removeprefix("in ")):
        return _last(_YEAR, question)
    if _CODE.search(phrase):
        bare = re.sub(r"^(?:the|an?) ", "", phrase)
        if _CODE.fullmatch(bare) and (place := _last(_CODE, question)):
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
    if _YEAR.fullmatch(phrase):
        return "year"
    if re.search(r"\d", phrase) and not _CODE.search(phrase):
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
    if not new or _head(phrase).lower() in _ATTRIBUTE:
        return None
    alike = [
        old
        for old in phrases(question)
        if old.determiner == new[0].determiner and plural(old) == plural(new[0]) and not is_name(old.head)
    ]
    asked = _QUESTION_WORDS.match(question)
    inner = [old for old in alike if not asked or old.start > asked.end() or old.determiner]
    return (inner[-1].start, inner[-1].end) if inner else None


# --- "How big is the second one?" ---------------------------------------------------------------------


def _ordinal(text: str, exchanges: Sequence[Exchange]) -> str | None:
    match = _ORDINAL.search(text)
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


def _references(text: str, exchanges: Sequence[Exchange]) -> str | None:
    """Pronouns and pointing words replaced by what they mean, from the right so that places stay true."""
    found: list[tuple[int, int, str]] = []
    if match := _pronoun(text):
        found.append((*match.span(), _antecedent(match[0], exchanges)))
    elif match := _pointing(text):
        found.append(_pointed(text, match, exchanges))
    if match := _THERE.search(text) or (_trailing_there(text)):
        place = _place(exchanges)
        found.append((*match.span(), f"in {place}" if place else ""))
    known = [(start, end, meant) for start, end, meant in found if meant]
    for start, end, meant in sorted(known, reverse=True):
        word = text[start:end].lower()
        text = text[:start] + (_possessive(meant) if _owns(word, text[end:]) else meant) + text[end:]
    return text if known else None


def _trailing_there(text: str) -> re.Match[str] | None:
    """ "Is there parking there?": the second one."""
    return re.search(r"\bthere(?=\s*[?.!]?$)", text, re.IGNORECASE) if _EXISTS.search(text) else None


def _owns(word: str, after: str) -> bool:
    return word in _POSSESSIVE and (word != "her" or bool(re.match(r"\s+[\w-]+", after)))


def _possessive(meant: str) -> str:
    return meant + ("'" if meant.endswith("s") else "'s")


def _pronoun(text: str) -> re.Match[str] | None:
    """The first pronoun that means nothing inside the question."""
    plain = _EMPTY_IT.sub(lambda empty: "-" * len(empty[0]), text)
    for match in re.finditer(rf"{_PERSON.pattern}|{_THING.pattern}", plain, re.IGNORECASE):
        if not _meant_inside(text[: match.start()], match[0].lower()):
            return match
    return None


def _meant_inside(before: str, pronoun: str) -> bool:
    """Whether a noun before the pronoun is what it means.

    A verb's object is never its own subject, so that "it" needs the noun in an earlier clause; "their" does not.
    """
    clauses = [match.end() for match in _CLAUSE.finditer(before)]
    reach = before if pronoun in _POSSESSIVE else before[: clauses[-1]] if clauses else ""
    for phrase in phrases(_QUESTION_WORDS.sub("", _LEADING.sub("", reach))):
        animate = stem(phrase.head) in _ANIMATE
        if pronoun in ("it", "its") and animate:
            continue
        if _PERSON.fullmatch(pronoun) and not animate and not phrase.named:
            continue
        return True
    return False


def _antecedent(pronoun: str, exchanges: Sequence[Exchange]) -> str:
    pronoun = pronoun.lower()
    for exchange in reversed(exchanges):
        meant = _person(exchange) if _PERSON.fullmatch(pronoun) else _asked_for(exchange, pronoun)
        meant = meant or ("" if _PERSON.fullmatch(pronoun) else _topic(exchange.question, pronoun))
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


def _entity(question: str) -> str:
    """The last name or code of the question."""
    held = [name for name in names(question) if not _YEAR.fullmatch(name)]
    return f"the {held[-1]}" if held and _CODE.search(held[-1]) else held[-1] if held else ""


def _topic(question: str, pronoun: str) -> str:
    """The phrase that the question is about: one in the pronoun's number, a named one first."""
    found = phrases(_QUESTION_WORDS.sub("", question)) or phrases(question)
    found = [phrase for phrase in found if stem(phrase.head) not in _ANIMATE or phrase.named]
    if not found:
        return ""
    many = pronoun in ("they", "them", "their", "theirs", "these", "those")
    ranked = sorted(found, key=lambda phrase: (not phrase.named, plural(phrase) != many))
    return ranked[0].text


# --- "Does that apply to trainees?", "Who approved that policy?" ----------------------------------------


def _pointing(text: str) -> re.Match[str] | None:
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
    if is_noun and noun.lower() not in VERBS | {"compulsory", "valid", "true", "included", "possible"}:
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
    return bool(match) and match[1].lower() in _ATTRIBUTE  # type: ignore[index]


def _with_complement(text: str, exchanges: Sequence[Exchange]) -> str:
    for exchange in reversed(exchanges):
        topic = _entity(exchange.question) or _topic(exchange.question, "it")
        if topic:
            return f"{text.rstrip(' ?')} for {topic}?"
    return text


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
