"""Figures of a text in one spelling, with their unit and bound: "25,000" is "25 thousand", "Aug" is "August".

    quantities("at most 25 thousand EUR")   ->  [Quantity(value="25000", unit="eur", bound="most", ...)]

English. What is not covered: fractions, centuries against years, sums in other units ("90 minutes", "1.5 hours").
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import MappingProxyType
from typing import Literal

__all__ = ["Bound", "Quantity", "in_date", "is_amount", "is_year", "quantities", "same_figure"]

Bound = Literal["least", "most", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quantity:
    """`text[start:end]`, unit included, in its one spelling; months are "month 8"."""

    value: str
    unit: str  # "" where none is known
    bound: Bound
    start: int
    end: int


def _numbered(names: str, first: int) -> dict[str, int]:
    return {name: first + place for place, name in enumerate(names.split())}


_ONES = _numbered(
    "two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen",
    2,
)
_TENS = {
    name: 10 * n for name, n in _numbered("twenty thirty forty fifty sixty seventy eighty ninety", 2).items()
}
_ORDINALS = _numbered("second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth", 2)
_WORDS = MappingProxyType(_ONES | _TENS | _ORDINALS | {"zero": 0, "first": 1, "dozen": 12, "decade": 10})
_SCALES = MappingProxyType(
    {"hundred": 100, "thousand": 1000, "k": 1000, "million": 10**6, "m": 10**6, "mn": 10**6}
    | {"billion": 10**9, "bn": 10**9, "b": 10**9, "trillion": 10**12}
)
_MONTHS = MappingProxyType(
    {
        name[:3]: str(n)
        for name, n in _numbered(
            "january february march april may june july august september october november december", 1
        ).items()
    }
)
UNITS = MappingProxyType(
    {
        form: names.split()[0]
        for names in (
            "second seconds sec secs",
            "minute minutes min mins",
            "hour hours hr hrs",
            "day days",
            "week weeks",
            "month months",
            "year years yr yrs",
            "% percent pct",
            "eur € euro euros",
            "usd $ dollar dollars",
            "gbp £ pound pounds sterling",
            "chf franc francs",
            "mm millimetre millimetres millimeter millimeters",
            "cm centimetre centimetres centimeter centimeters",
            "km kilometre kilometres kilometer kilometers",
            "mile miles mi",
            "metre metres meter meters",
            "foot feet ft",
            "kg kilogram kilograms kilo kilos",
            "gram grams",
            "tonne tonnes ton tons",
            "litre litres liter liters",
            "gb gigabyte gigabytes",
            "mb megabyte megabytes",
            "bar bars",
            "volt volts",
            "watt watts",
            "kw kilowatt kilowatts",
            "degree degrees °c",
        )
        for form in names.split()
    }
)
_NUMBER_WORD = "|".join(sorted((*_ONES, *_TENS, *_ORDINALS, "zero", "first", "dozen"), key=len, reverse=True))
_MONTH = "january|february|april|june|july|august|september|october|november|december"
_SHORT_MONTH = (
    "jan|feb|mar|march|apr|jun|jul|aug|sept?|oct|nov|dec|may"  # beside a figure only: Jan is a name too
)
_FOUND = re.compile(
    rf"""
    (?P<iso>(?<!\d)\d{{4}}-\d\d-\d\d(?!\d))
    | (?P<dotted>(?<![\d.])\d{{1,2}}[./]\d{{1,2}}[./](?:19|20)\d\d(?!\d))
    | (?P<years>(?<!\d)(?:19|20)\d\d[–/-]\d\d(?!\d))
    | (?:(?P<currency>[€$£])\s?)?(?P<digits>(?<![\d.,])\d+(?:[.,]\d+)*)
      (?P<scale>\s(?:hundred|thousand|million|billion|trillion)\b|(?:k|mn?|bn?)\b)?
      (?P<ending>st\b|nd\b|rd\b|th\b|s\b)?
    | \b(?P<tens>{"|".join(_TENS)})[-\s](?P<ones>{"|".join(list(_ONES)[:8])}|one)\b
    | \b(?P<word>{_NUMBER_WORD})\b(?P<wordscale>\s(?:hundred|thousand|million|billion)\b)?
    | \b(?P<single>one)\b(?=(?:[\s-](?:working|business|calendar))?[\s-](?:hour|day|week|month|year)\b)
    | \b(?P<month>{_MONTH})\b
    | (?:(?<=\d\s)|(?<=\dst\s)|(?<=\dnd\s)|(?<=\drd\s)|(?<=\dth\s))(?P<month_after>{_SHORT_MONTH})\b
    | \b(?P<month_before>{_SHORT_MONTH})\b(?=\.?\s\d)
    """,
    re.IGNORECASE | re.VERBOSE,
)
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d{1,3}(?:\.\d{3}){2,}")
_GROUP_MARK = re.compile(r"[.,](?=\d{3}(?:\D|$))")
_UNIT_AFTER = re.compile(
    r"[\s-]?(?:(?:working|business|calendar)[\s-](?=days?|hours?|weeks?))?(per\s?cent|[^\W\d_]+|[%€$£]|°C)",
    re.IGNORECASE,
)
_LEAST = re.compile(
    r"(?:at least|no (?:less|fewer) than|not (?:less|fewer) than|minimum(?: of)?|more than|over|above|exceed(?:s|ing)?"
    r"|from|after|since|later than|longer than|beyond)\s(?:\w+\s)?(?:[€$£]\s?)?$",
    re.IGNORECASE,
)
_MOST = re.compile(
    r"(?:at most|no (?:more|later|longer) than|not (?:more|later|longer) than|maximum(?: of)?|up to|within|less than"
    r"|fewer than|under|below|until|till|before|by)\s(?:\w+\s)?(?:[€$£]\s?)?$",
    re.IGNORECASE,
)
_LEAST_AFTER = re.compile(
    r"\s(?:[^\W\d_]+\s)?(?:or (?:more|longer|later|above)|(?:at )?minimum)\b", re.IGNORECASE
)
_YEAR = re.compile(r"(?:19|20)\d\d")
_MOST_AFTER = re.compile(
    r"\s(?:[^\W\d_]+\s)?(?:or (?:less|fewer|below)|(?:at )?maximum|at (?:the )?most)\b", re.IGNORECASE
)


@lru_cache(maxsize=4096)
def quantities(text: str) -> tuple[Quantity, ...]:
    """Every figure of the text, in order; "one" is a figure before a unit of time only, else mostly an article."""
    found: list[Quantity] = []
    for match in _FOUND.finditer(text):
        start = match.end() - len(match.group().lstrip())
        unit, end = _unit(text, match)
        bound = _bound(text, start, match.end())
        found += [
            Quantity(value=value, unit=unit, bound=bound, start=start, end=end) for value in _values(match)
        ]
    return tuple(found)


def same_figure(claimed: str, held: str) -> bool:
    """Whether a held value is the claimed one; a decade holds its years."""
    if claimed == held:
        return True
    return claimed.endswith("0s") and len(claimed) == 5 and held[:3] == claimed[:3] and len(held) == 4


def is_year(value: str) -> bool:
    return _YEAR.fullmatch(value) is not None


def in_date(figure: Quantity, figures: Sequence[Quantity]) -> bool:
    """Whether the figure is a year, a month, or the day beside a month among the figures of its text."""
    return not is_amount(figure.value) or (
        not figure.unit
        and any(
            each.value.startswith("month")
            and min(abs(each.start - figure.end), abs(figure.start - each.end)) <= 2
            for each in figures
        )
    )


def is_amount(value: str) -> bool:
    """Neither a year nor a month."""
    return not is_year(value) and not value.startswith("month")


def _values(match: re.Match[str]) -> list[str]:
    if match["iso"] or match["dotted"] or match["years"]:
        return _dates(match)
    if match["digits"]:
        return [_scaled(match["digits"], match["scale"]) + ("s" if match["ending"] == "s" else "")]
    if match["tens"]:
        return [str(_TENS[match["tens"].lower()] + _ONES.get(match["ones"].lower(), 1))]
    if match["word"]:
        scale = _SCALES[match["wordscale"].strip().lower()] if match["wordscale"] else 1
        return [str(_WORDS[match["word"].lower()] * scale)]
    if match["single"]:
        return ["1"]
    month = match["month"] or match["month_after"] or match["month_before"]
    return [f"month {_MONTHS[month[:3].lower()]}"]


def _dates(match: re.Match[str]) -> list[str]:
    """ "2026-06-30" -> day, month and year; "1990–95" -> both years."""
    if match["years"]:
        first, last = match["years"][:4], match["years"][5:]
        return [first, first[:2] + last]
    if match["iso"]:
        year, month, day = match["iso"].split("-")
    else:
        day, month, year = re.split(r"[./]", match["dotted"])
    return [str(int(day)), f"month {int(month)}", year]


def _scaled(digits: str, scale: str | None) -> str:
    """ "25,000.50" -> "25000.5"; a version number such as "3.2.1" stays as it is."""
    if _GROUPED.fullmatch(digits):
        digits = _GROUP_MARK.sub("", digits)
    plain = digits.replace(",", ".")
    if plain.count(".") > 1 or len(plain) > 15:
        return digits
    return _plain(float(plain) * (_SCALES[scale.strip().lower()] if scale else 1))


def _plain(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")


def _unit(text: str, match: re.Match[str]) -> tuple[str, int]:
    """The unit, "" where none is known, and where the figure ends with it."""
    if match["currency"]:
        return UNITS[match["currency"]], match.end()
    after = _UNIT_AFTER.match(text, match.end())
    form = after[1].lower() if after else ""
    unit = UNITS.get("".join(form.split()), "")
    return unit, after.end() if unit and after else match.end()


def _bound(text: str, start: int, end: int) -> Bound:
    before = text[max(0, start - 30) : start]
    if _LEAST_AFTER.match(text, end):
        return "least"
    if _MOST_AFTER.match(text, end):
        return "most"
    if _MOST.search(before):
        return "most"
    return "least" if _LEAST.search(before) else "none"
