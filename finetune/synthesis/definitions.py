"""Sentences that say what a word means: "A deposit is ...", "X means ...", "**Isbox** (IB) is the cold room".

    for term, (start, end) in definitions(outline, "en"): outline.document.text[start:end]

Careful rather than complete: a sentence that may be about one case ("The minimum is the ...") is left alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from chains.plain_text import as_prose
from finetune.synthesis.outline import Outline
from finetune.synthesis.wording import Language
from local.sentences import sentence_spans

__all__ = ["definitions"]

SHORTEST, LONGEST = 30, 400  # characters of the sentence
LONGEST_TERM = 4  # words
_ITEM = re.compile(r"\s*(?:[-*+•‣▪◦●–—·]|\(?\d{1,3}[.)])\s+")
_BRACKET = re.compile(r"\s*\([^()]{1,40}\)")
_UP = r"[^\W\d_a-zà-öø-ÿ]"  # a capital letter
_WORDS = r"(?:[\w’'/.-]+ ){0,4}[\w’'/-]+"

# Group 1 is the term. The first pattern of a language wants a term that is marked as one (bold or in quotation marks).
_MARKED = r"(?:(?:The|An?|D(?:er|ie|as)|Eine?|L[ea]|Une?|El|Una|De|Het|Een) )?"
_MARKED += r"(?:\*\*|__|[“„«\"‘])\s?({words})\s?(?:\*\*|__|[”“»\"’])(?:\s*\([^()]{{1,40}}\))?\s*(?:{verbs})\b"
_MEANING: dict[Language, str] = {
    "en": "means|refers to|is defined as|stands for|denotes",
    "de": "bedeutet|bezeichnet|steht für|meint|heißt",
    "fr": "signifie|désigne|s’entend|s'entend",
    "es": "significa|se refiere a|designa|se entiende",
    "nl": "betekent|verwijst naar|staat voor",
}
# "The first choice", "the rule", "the same": says how something is, not what it is.
_HOW = r"(?! (?:first|second|third|last|only|same|best|most|next|rule|case|exception|reason|erste|einzige|gleiche"
_HOW += r"|beste|Regel|premi|seul|même|meilleur|règle|primer|únic|mism|mejor|regla|eerste|enige|zelfde|regel)\w*\b)"
_BEING: dict[Language, str] = {
    "en": "is (?:an?|the|any)",
    "de": "ist (?:eine?|einer|der|die|das|jede[rs]?)",
    "fr": "est (?:une?|le|la|l’|l'|tout)",
    "es": "es (?:una?|el|la|todo)",
    "nl": "is (?:een|de|het|elke?)",
}
_ARTICLE: dict[Language, str] = {
    "en": "An?",
    "de": "Eine?",
    "fr": "Une?",
    "es": "Una?",
    "nl": "Een",
}


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


_NO_TERM: dict[Language, frozenset[str]] = {
    "en": _words(
        """a an the this that these those it he she they we you i there here what which who where when how
        why our your their his her its all each every some any no one two three both most many if as only but
        and or so yet such however by during while since after before because although also then not more less better
        higher lower greater larger smaller
        nothing everything another typical good new first second last example special"""
    ),
    "de": _words(
        """ein eine der die das dies diese dieser dieses es er sie wir ihr ich hier dort da was wer wo wann
        wie warum unser unsere ihre alle jede jeder jedes einige kein keine man beide viele wenn nur
        nichts alles"""
    ),
    "fr": _words(
        """un une le la les ce cet cette ces ceci cela il elle ils elles nous vous je on y qui que quoi où
        quand comment notre votre leur leurs tout toute tous chaque aucun si seul rien"""
    ),
    "es": _words(
        """un una el la los las este esta estos estas esto eso él ella ellos nosotros usted yo aquí qué
        quién dónde cuándo cómo nuestro nuestra su sus todo toda cada ningún si solo nada"""
    ),
    "nl": _words(
        """een de het dit dat deze die hij zij ze wij we u jij ik er hier daar wat wie waar wanneer hoe
        waarom ons onze uw hun alle elke iedere geen als alleen niets alles"""
    ),
}


# Words that part two phrases: "a side effect of tamoxifen is ..." is about one case.
_LINKS = _words(
    """of for in on at with from to and or are is was were has have von für in im auf mit und oder ist sind du de des
    pour dans avec et ou est para con en y o es van voor met op bij of is zijn"""
)


def definitions(outline: Outline, language: Language) -> Iterator[tuple[str, tuple[int, int]]]:
    """(term, span of its sentence), each term once."""
    patterns = _patterns(language)
    known: set[str] = set()
    for block in outline.blocks:
        if (
            block.kind not in ("paragraph", "list_item")
            or block.record
            or block.text.lstrip().startswith(">")
        ):
            continue
        for start, end in sentence_spans(block.text):
            term = _term(block.text[start:end], patterns, _NO_TERM[language])
            if term is not None and term.casefold() not in known:
                known.add(term.casefold())
                yield term, (block.start + start + _mark(block.text[start:end]), block.start + end)


def _patterns(language: Language) -> tuple[re.Pattern[str], ...]:
    every = f"{_MEANING[language]}|{_BEING[language]}"
    return (
        re.compile(_MARKED.format(words=_WORDS, verbs=every)),
        re.compile(
            rf"((?:{_ARTICLE[language]} )?{_WORDS})(?:{_BRACKET.pattern})? (?:{_MEANING[language]})\b"
        ),
        re.compile(rf"{_ARTICLE[language]} ({_WORDS})(?:{_BRACKET.pattern})? (?:{_BEING[language]})\b{_HOW}"),
        re.compile(
            rf"({_UP}[\w-]*(?: {_UP}[\w-]*| \d+){{0,3}})(?:{_BRACKET.pattern})? (?:{_BEING[language]})\b{_HOW}"
        ),
    )


def _term(sentence: str, patterns: tuple[re.Pattern[str], ...], no_term: frozenset[str]) -> str | None:
    own = sentence[_mark(sentence) :]
    if not SHORTEST <= len(own) <= LONGEST or own.rstrip().endswith(("?", "？", ":")):
        return None
    for pattern in patterns:
        match = pattern.match(own)
        if match is not None:
            term = as_prose(match[1]).strip()
            return term if _is_term(term, no_term, marked=pattern is patterns[0]) else None
    return None


def _is_term(term: str, no_term: frozenset[str], *, marked: bool) -> bool:
    """A name or a short noun phrase; what stands in bold or in quotation marks may be longer."""
    words = term.casefold().split()
    if not words or words[0] in no_term or words[-1].isdigit():
        return False
    return marked or (len(words) <= LONGEST_TERM and not set(words[1:]) & (no_term | _LINKS))


def _mark(sentence: str) -> int:
    """Where the sentence begins after its bullet."""
    mark = _ITEM.match(sentence)
    return mark.end() if mark else 0
