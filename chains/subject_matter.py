"""Whether a phrase of an earlier question can stand in a pronoun's place; where not, what that question was about."""

from __future__ import annotations

import re

from chains.day_times import is_time
from chains.phrases import VERBS, Phrase, plural, word_set

__all__ = ["CODE", "PREDICATE", "QUESTION_WORDS", "reads_as", "subject_matter", "with_subject_matter"]

QUESTION_WORDS = re.compile(
    r"^(?:(?:to|for|by|from|with|since|until|in|on|at)\s)?(?:what|which|who|whom|when|where|why"
    r"|how(?: (?:much|many|long|often|far|soon|big|old|high|wide|heavy|tall|loud|late|fast|large|deep))?)\b\s*",
    re.IGNORECASE,
)
CODE = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Z])[\w]+(?:-\w+)*\b")

PREDICATE = word_set(
    "different same similar possible available allowed open free valid necessary compulsory included"
)
_WITH_A_VERB = re.compile(
    r"\b(?:do|does|did|can|could|may|might|must|shall|should|will|would)\b", re.IGNORECASE
)


def reads_as(phrase: Phrase, pronoun: str, question: str) -> bool:
    """Not "Sundays" for "it", nor "decided Sundays different", nor "a bonus for night" of "a bonus for night work"."""
    before, words = question[: phrase.start], phrase.text.lower().split()
    cut = re.match(r" ([a-z]+)", question[phrase.end :])
    return not (
        is_time(phrase.text)
        or (pronoun in ("it", "its") and plural(phrase) and not CODE.search(phrase.text))
        or (not phrase.determiner and words[0].endswith("ed"))
        or any(word in PREDICATE for word in words[1 + bool(phrase.determiner) :])
        or (cut and cut[1] in VERBS - {"do"} and not _WITH_A_VERB.search(before))
        or (phrase.named and not phrase.determiner and re.search(r"\b(?:in|at|from|on) $", before))
    )


def with_subject_matter(text: str, about: str) -> str:
    bare = text.rstrip(" ?.!")
    return f"{bare} (about: {about}){text[len(bare) :].strip() or '?'}"


def subject_matter(question: str) -> str:
    """The question without its question word, its verb in front and its mark."""
    rest = QUESTION_WORDS.sub("", question).rstrip(" ?.!")
    rest = re.sub(
        r"^(?:(?:is|are|was|were|am|has|have|had) |" + _WITH_A_VERB.pattern + " )",
        "",
        rest,
        flags=re.IGNORECASE,
    )
    return re.sub(r"^(?:i|you|we|one|it|there) ", "", rest, flags=re.IGNORECASE)
