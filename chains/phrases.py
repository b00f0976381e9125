"""Names, codes and noun phrases of a short English text, found by closed word lists; no tagger."""

from __future__ import annotations

import re
from dataclasses import dataclass

from local.lexical import STOP_WORDS, stem

__all__ = ["NAME", "Phrase", "is_name", "names", "phrases", "plural", "word_set"]


def word_set(text: str) -> frozenset[str]:
    return frozenset(text.split())


TOKEN = re.compile(r"\w+(?:[.,:'’/@-]\w+)*|[?,;:.!()]")
DETERMINERS = word_set("a an the my our your every each any all both some no")
LINKS = word_set("of for in on at about with from to into under above below outside inside between")
# Words that are verbs unless a determiner or an adjective stands before them.
_BASE_FORMS = word_set(
    """accept access agree allow answer apply approve approved arrive ask attend begin belong book break bring bought
    built buy call called cancel carry change charge check clean close come contact cost count cover decide
    deliver do drive eat employ end enter expect extend fail fill find fit fly follow found founded get give go grow
    handle happen have hear help hire include installed invoice join keep kept know last lead learn lease leave
    led lend lift live load look lose lost made make mean measure meet mention mind move need offer open opened order
    own park pay plan print produce provide publish put raise reach read receive recruit recruiting refuse
    rent repair replace replaced report require reserve return run say see sell send serve set ship show sign sit
    sleep smoke sold speak spend stand start stay stop store stored supplies supply support take taken talk
    tell think tow train travel turn understand use used visit wait want wash wear weigh work write wrote"""
)
VERBS = (
    _BASE_FORMS
    | {f"{verb}s" for verb in _BASE_FORMS}
    | {"supplies", "carries", "applies", "reaches", "washes"}
)
_CODE = re.compile(r"(?=\w*\d)(?=.*[A-Z])[\w./-]+")
_NAME_WORD = r"[^\W\d_a-zß-ÿ][\w’'&-]*"
NAME = re.compile(
    rf"{_NAME_WORD}(?:(?: (?:of|de|der|van|von|the|and|&) (?={_NAME_WORD})| ){_NAME_WORD}| \d+\b)*"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Phrase:
    """`text[start:end]`, determiner included."""

    text: str
    start: int
    end: int
    head: str  # the last word before the first link: "rent" of "the weekly rent of an IB-20"

    @property
    def determiner(self) -> str:
        first = self.text.split()[0].lower()
        return first if first in DETERMINERS else ""

    @property
    def named(self) -> bool:
        return any(is_name(word) for word in self.text.split())


def is_name(word: str) -> bool:
    """Whether a word is written like a name or a code: "Ghent", "IB-20", "VAT"."""
    return word[:1].isupper() or bool(_CODE.fullmatch(word))


def plural(phrase: Phrase) -> bool:
    return phrase.head.endswith("s") and not phrase.head.endswith(("ss", "us", "is"))


def phrases(text: str) -> list[Phrase]:
    """The text's noun phrases in order; those that "of", "for", "in" ... join are one."""
    found: list[Phrase] = []
    run: list[re.Match[str]] = []
    for token in TOKEN.finditer(text):
        if _continues(run, token):
            run.append(token)
            continue
        _close(found, run, text)
        run = [token] if _opens(token) else []
    _close(found, run, text)
    return found


def _opens(token: re.Match[str]) -> bool:
    word = token[0].lower()
    if not token[0][0].isalnum():
        return False
    return word in DETERMINERS or (word not in STOP_WORDS and word not in VERBS) or _acronym(token[0])


def _continues(run: list[re.Match[str]], token: re.Match[str]) -> bool:
    if not run or not token[0][0].isalnum():
        return False
    word, before = token[0].lower(), run[-1][0].lower()
    if word in DETERMINERS:
        return before in LINKS
    if word in LINKS:
        return before not in LINKS and before not in DETERMINERS
    if word in VERBS:
        return before in DETERMINERS or before.endswith(("ly", "al", "ive")) or before == "own"
    participle = word.endswith("ed") and before not in DETERMINERS and not is_name(token[0])
    return (word not in STOP_WORDS and not participle) or word == "own" or _acronym(token[0])


def _acronym(word: str) -> bool:
    return len(word) > 1 and word.isupper()


def _close(found: list[Phrase], run: list[re.Match[str]], text: str) -> None:
    while run and run[-1][0].lower() in LINKS | DETERMINERS:
        run.pop()
    if not run:
        return
    start, end = run[0].start(), run[-1].end()
    words = [token[0] for token in run]
    cut = next((i for i, word in enumerate(words) if i and word.lower() in LINKS), len(words))
    found.append(Phrase(text=text[start:end], start=start, end=end, head=words[cut - 1]))


def names(text: str) -> list[str]:
    """Capitalised names and codes, the first word of a sentence only where it is no ordinary word, in order."""
    found = []
    for match in NAME.finditer(text):
        name = match[0].rstrip("'’-&")
        first = name.split()[0]
        opens = not text[: match.start()].rstrip(" \n") or text[: match.start()].rstrip()[-1:] in ".?!:\n-*|"
        if opens and first.lower() in STOP_WORDS | VERBS | DETERMINERS:
            name = name[len(first) :].strip()
        label = text[match.end() : match.end() + 1] == ":" and not re.search(r"\d", name)
        if name and not label and is_name(name) and stem(name) and name.lower() not in STOP_WORDS:
            found.append(name)
    return list(dict.fromkeys(found))
