"""Codes, years and quantities of a question: a taught pair that names others of the kind answers something else.

unsaid("Can I run the ID-20 from your G7?", "Can your generator run an IB-20?", "Yes, our G7 runs ...")
    -> Unsaid(figures=("ID-20",), contested=True)

Meaning alone does not tell them apart: the two questions above are as near as two questions can be. What the question
names and the pair does not is a doubt; where the pair names another of that kind in its place, it is about that one.
Numbers in words are known in English only; in other languages they leave a doubt that is not called for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Unsaid", "unsaid"]

CODE = re.compile(r"(?<![\w.,/-])([^\W\d_]{1,5})-?(\d+(?:-?\w+)*)")  # IB-20, E12, g7, IB20-0611
SPACED = re.compile(r"(?<![\w.,/-])([A-Z]{2,4}) (\d+(?:[.,]\d+)*)\b(?!:)")  # ID 20, unless all is in capitals
NAMED = re.compile(r"(?<=[\w,;] )([A-Z][a-z]+) (\d+(?:[.,]\d+)*)\b(?!:)")  # the Isdeep 12
NUMBER = re.compile(r"(?<![\w.,])(\d+(?:[.,]\d+)*)(?:[\s-]?([^\W\d_]+|%|°))?")
LETTERS = re.compile(r"^\D+")
NOUGHTS = re.compile(r"^0+(?=\d)")
PLURAL = re.compile(r"(?<=\d)[sS]$")
THOUSANDS = re.compile(r"[.,](?=\d{3}(?!\d))")
YEAR = re.compile(r"(?:19|20)\d\d")
MEASURES = frozenset(["m2", "m3", "cm2", "cm3", "km2", "dm3", "mm2"])
CALENDAR = re.compile(
    r"(?:Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec|Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)[a-z]*"
)
SMALL_NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    "seventeen eighteen nineteen twenty"
)
TENS = "ten twenty thirty forty fifty sixty seventy eighty ninety"
IN_WORDS = {word: str(number) for number, word in enumerate(SMALL_NUMBERS.split())} | {
    word: str(10 * place) for place, word in enumerate(TENS.split(), 1)
}
WORDS = re.compile(rf"\b(?:{'|'.join(IN_WORDS)})\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsaid:
    """What a question names and a taught pair does not."""

    figures: tuple[str, ...] = ()  # as the question writes them
    contested: bool = False  # the pair names another of the kind of one of them


@dataclass(frozen=True, slots=True, kw_only=True)
class _Figure:
    text: str
    value: str  # "ID20", "1000": however it is written
    kind: str  # "code 2" by its letters, "name", "year", "number km"

    @property
    def number(self) -> str:
        """The figures of a code alone."""
        return LETTERS.sub("", self.value)

    @property
    def letters(self) -> str:
        """The letters of a code alone; empty for all else."""
        return self.value.removesuffix(self.number) if self.kind.startswith("code") else ""


def unsaid(asked: str, question: str, rest: str) -> Unsaid:
    """`rest`: all else that the taught pair says: its answer, and other questions that were taught with it."""
    wanted = list(_figures(asked))
    if not wanted:
        return Unsaid()
    in_question, held = list(_figures(question)), list(_figures(f"{question}\n{rest}"))
    spelled = {IN_WORDS[word.lower()] for word in WORDS.findall(f"{question}\n{rest}")}
    missing = [one for one in wanted if not _holds(one, held, in_question, spelled)]
    return Unsaid(
        figures=tuple(dict.fromkeys(one.text for one in missing)),
        contested=any(_contested(one, in_question, held) for one in missing),
    )


def _figures(text: str) -> Iterator[_Figure]:
    """Each place of the text is read once: codes first, years and quantities from what is left."""
    left = text
    for pattern in (CODE, NAMED) if text.isupper() else (CODE, SPACED, NAMED):
        for match in pattern.finditer(left):
            if match.group().lower() in MEASURES or CALENDAR.fullmatch(match[1]):
                continue
            named = pattern is NAMED
            value = _plain(match[2]) if named else match[1].upper() + _plain(match[2])
            yield _Figure(text=match.group(), value=value, kind="name" if named else f"code {len(match[1])}")
            left = left[: match.start()] + " " * len(match.group()) + left[match.end() :]
    for match in NUMBER.finditer(left):
        value = _plain(match[1])
        kind = "year" if YEAR.fullmatch(match[1]) else f"number {(match[2] or '').lower()}"
        yield _Figure(text=match[1], value=value, kind=kind)


def _plain(number: str) -> str:
    joined = THOUSANDS.sub("", PLURAL.sub("", number).replace("-", "")).replace(",", ".")
    return NOUGHTS.sub("", joined.upper())


def _holds(asked: _Figure, held: list[_Figure], in_question: list[_Figure], spelled: set[str]) -> bool:
    """A code is also held where its number stands without letters, as in "the Isbox 20" for an IB-20; but not by the
    120 euros of an MX-50, where an MX-120 is asked for.
    """
    if asked.kind.startswith("code"):
        if any(one.value == asked.value for one in held):
            return True
        if asked.letters in {one.letters for one in in_question}:
            return False
        return asked.number in {one.value for one in held if not one.kind.startswith("code")}
    return asked.value in {one.number for one in held} | spelled


def _contested(asked: _Figure, in_question: list[_Figure], held: list[_Figure]) -> bool:
    """Of quantities and names only the taught question tells what the pair is about: answers are full of others."""
    if asked.kind == "year":
        years = [one.value for one in held if one.kind == "year"]
        return bool(years) and not min(years) < asked.value < max(years)
    if asked.kind.startswith("number"):
        return any(one.kind == asked.kind for one in in_question)
    about = {one.kind for one in in_question}
    if asked.kind == "name":
        return any(kind == "name" or kind.startswith("code") for kind in about)
    return "name" in about or asked.kind in {one.kind for one in held}
