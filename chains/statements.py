"""A sentence taken apart for comparison: its figures with their units, dates, names, bounds, yes or no, and the rest.

Made for one purpose (chains/conflicts.py): to tell whether two sentences say different things about the same thing,
where doubt means "no". English, with the figures and dates of other languages.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache

from loaders.columns import MONTHS

__all__ = ["Figure", "Statement", "figure_kind", "statement"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A value that sentences can differ in; equal `kind` makes two comparable."""

    kind: str  # "day", "working day", "EUR", "%", "date", "time", "e-mail", ...
    value: Decimal | str
    text: str  # as it stands: "27 days"
    start: int
    end: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    text: str
    figures: tuple[Figure, ...]
    words: frozenset[str]  # what it is about: content words without figures, cut to their stems
    names: frozenset[str]  # codes, labels ("version 4"), capitalised words inside the sentence
    years: frozenset[str]
    bounds: frozenset[str]  # "up to", "at least", "about"
    conditions: frozenset[str]  # "if", "part-time": the sentence holds for some cases only
    stance: tuple[tuple[str, int], ...]  # (concept, +1 or -1): ("allowed", -1)
    is_range: bool


_COUNTING = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen "
    "eighteen nineteen twenty"
)
_WORD_NUMBERS = {word: number for number, word in enumerate(_COUNTING.split(" "))} | {
    "thirty": 30,
    "forty": 40,
    "fifty": 50,
    "sixty": 60,
    "seventy": 70,
    "eighty": 80,
    "ninety": 90,
}
_ONES = "one|two|three|four|five|six|seven|eight|nine"
_TENS = "twenty|thirty|forty|fifty|sixty|seventy|eighty|ninety"
_NUMBER_WORDS = "|".join(sorted(_WORD_NUMBERS, key=len, reverse=True))
_NUMBER = (
    rf"(?:\d{{1,3}}(?:[,'\u202f]\d{{3}})+(?:\.\d+)?|\d+(?:[.,]\d+)?|(?:{_TENS})-(?:{_ONES})|{_NUMBER_WORDS})"
)
_CURRENCIES = {
    "€": "EUR", "euro": "EUR", "euros": "EUR", "eur": "EUR", "$": "USD", "dollar": "USD", "dollars": "USD",
    "usd": "USD", "£": "GBP", "pound": "GBP", "pounds": "GBP", "gbp": "GBP", "chf": "CHF", "francs": "CHF",
    "¥": "JPY", "yen": "JPY", "sek": "SEK", "nok": "NOK", "dkk": "DKK", "kr": "kr", "cent": "cent", "cents": "cent",
}  # fmt: skip
_UNITS = {"%": "%", "percent": "%", "per cent": "%", "percentage points": "points"} | {
    "hrs": "hour", "hr": "hour", "h": "hour", "min": "minute", "mins": "minute", "kilometres": "km",
    "kilometers": "km", "metres": "m", "meters": "m", "kilograms": "kg", "kilos": "kg", "litres": "l", "liters": "l",
    "people": "person", "persons": "person",
}  # fmt: skip
# Two ways of writing one length: (unit, how many of the first).
_SAME = {"hour": ("minute", 60), "year": ("month", 12), "decade": ("month", 120), "second": ("second", 1)}
_MONTH = "|".join(sorted((name for name in MONTHS if name != "may"), key=len, reverse=True)) + "|may"
_QUANTITY = re.compile(
    rf"(?<![\w.,/-])(?P<before>[€$£¥]|(?:EUR|USD|GBP|CHF|SEK|NOK|DKK)\b)?\s?(?P<number>{_NUMBER})(?![\d:/]|[.,]\d|\w*-\d)"
    rf"(?:\s?(?P<after>[€$£¥%]|°\s?[CF])|[\s-](?P<kind>working|business|calendar|paid|full|consecutive|whole)?[\s-]?"
    rf"(?P<unit>per cent|percentage points|[^\W\d_]+))?",
    re.IGNORECASE,
)
_DATE = re.compile(
    rf"\b(?:(?P<iso>\d{{4}}-\d\d-\d\d)|(?P<d1>\d{{1,2}})(?:st|nd|rd|th)?(?:\s+of)?\s+(?P<m1>{_MONTH})\b\.?(?:,?\s+(?P<y1>\d{{4}}))?"
    rf"|(?P<m2>{_MONTH})\b\.?\s+(?P<d2>\d{{1,2}})(?:st|nd|rd|th)?\b(?:,?\s+(?P<y2>\d{{4}}))?"
    r"|(?P<d3>\d{1,2})\.(?P<n3>\d{1,2})\.(?P<y3>\d{4}))",
    re.IGNORECASE,
)
_TIME = re.compile(
    r"\b(?:(\d{1,2})(?::|\.(?=\d\d\s?[ap]\.?m\b))(\d\d)(?:\s?([ap])\.?m\b\.?)?|(\d{1,2})\s?([ap])\.?m\b\.?)(?!\.\d)",
    re.IGNORECASE,
)
_MAIL = re.compile(r"[\w.+-]+@[\w-]+(?:\.[\w-]+)+")
_TELEPHONE = re.compile(r"\+\d[\d ()/-]{6,}\d|\b0\d[\d ()/-]{6,}\d")
_YEAR = re.compile(r"(?<![\w.,-])(?:19|20)\d\d(?![\w]|[.,-]\d)")
_LABELLED = re.compile(
    r"\b(?:version|firmware|release|revision|edition|section|chapter|clause|article|paragraph|step|page|room|floor|line"
    r"|table|figure|annex|appendix|form|level|grade|class|zone|phase|part|error|code|alarm|type|model|category|option"
    r"|tier|band|gate|platform|building|hall|shift|week|q)\s*(?:no\.?|number|#)?\s*(\d[\w.]*|[A-Z])\b",
    re.IGNORECASE,
)
_CODE = re.compile(r"\b(?=[\w-]*\d)(?=[\w-]*[A-Za-z])[A-Za-z][\w-]*\b")
_RANGE = re.compile(
    rf"\d\s*[-–—]\s*\d|\b{_NUMBER}\s+(?:to|or|bis)\s+{_NUMBER}\b|\bbetween\s+\S+(?:\s\w+)?\s+and\b|\bfrom\s+{_NUMBER}\s+to\b",
    re.IGNORECASE,
)
_BOUNDS = {
    "most": r"at most|up to|no more than|not more than|max(?:imum)?(?: of)?|not exceed\w*|no longer than",
    "least": r"at least|min(?:imum)?(?: of)?|no less than|not less than|no fewer than|or more",
    "more": r"more than|over|above|exceed\w*|longer than|greater than",
    "less": r"less than|fewer than|under|below",
    "about": r"about|approximately|around|roughly|nearly|almost|some|ca\.?|circa|estimated|usually|typically"
    r"|on average|average|often|sometimes|generally",
}  # fmt: skip
# Bounds only right before a figure: "from 08:00", but "excluded from the rate" and "from 2025 on".
_BEFORE_FIGURE = re.compile(
    rf"\b(from|after|by|before|within|until)\s+(?:the\s+)?(?!(?:19|20)\d\d\b)(?:[€$£]|{_NUMBER}\b|(?:{_MONTH})\b)",
    re.IGNORECASE,
)
_BOUND = {name: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for name, words in _BOUNDS.items()}
_CONDITION = re.compile(
    r"\b(?:if|when|unless|except\w*|only|until|while|during|provided|depending|otherwise|instead|additional\w*|extra"
    r"|further|another|other|plus|part[- ]time|full[- ]time|temporary|permanent|junior|senior|first|second|third|last"
    r"|previous\w*|former\w*|next|new|old|half|double|each|both|weekends?|holidays?|sundays?|saturdays?|winter|summer"
    r"|domestic|foreign|abroad|international\w*|internal|external|online|night|day|single|pilot|trial|draft|proposed"
    r"|planned|expected|would|could|might|should|used to|was|were|had|formerly|once|for example|e\.g\.)\b",
    re.IGNORECASE,
)
_NEGATION = re.compile(r"\b(?:not|no|never|neither|nor|without|cannot|nobody|none)\b|n['’]t\b", re.IGNORECASE)
_CONCEPTS: dict[str, tuple[str, str]] = {
    "allowed": (
        "allowed|permitted|may|can|authori[sz]ed|accepted",
        "forbidden|prohibited|banned|disallowed|refused",
    ),
    "required": (
        "required?|requires|mandatory|compulsory|obligatory|must|needs?|necessary",
        "optional|voluntary|unnecessary",
    ),
    "included": ("included?|includes|including|inclusive", "excluded?|excludes|excluding|exclusive"),
    "available": ("available|possible|offered", "unavailable|impossible"),
    "refundable": ("refundable", "non-?refundable"),
    "paid": ("paid", "unpaid"),
    "enabled": ("enabled|switched on|active", "disabled|switched off|inactive"),
    "open": ("open", "closed"),
    "valid": ("valid", "invalid|expired"),
    "taxable": ("taxable", "tax-free|exempt"),
}
_CONCEPT = {
    name: (re.compile(rf"\b(?:{yes})\b", re.IGNORECASE), re.compile(rf"\b(?:{no})\b", re.IGNORECASE))
    for name, (yes, no) in _CONCEPTS.items()
}
_EMPTY = (
    "a an and are as at be been but by can could did do does for from had has have he her his i if in into is it its"
    " may more most must no not of on or our out shall she should so some than that the their them then there these"
    " they this those to us was we were what when where which who will with within would you your yours yes any all"
    " also per each every about amount amounts amounting total totals equal equals currently now today always please"
    " note"
    " employee employees staff worker workers colleague colleagues everybody everyone people person persons personnel"
    " get gets receive receives entitled entitlement grant granted given gives give have has having take takes taken"
    " set fixed stands stand costs cost price priced pay pays need needs being up least only very just"
    " company organisation organization policy handbook says said states"
)
_EMPTY_WORDS = frozenset(_EMPTY.split(" "))
_ALIKE = {
    "annual": "year", "annually": "year", "yearly": "year", "monthly": "month", "weekly": "week", "daily": "day",
    "vacation": "leave", "holiday": "leave", "holidays": "leave", "nightly": "night", "hourly": "hour",
}  # fmt: skip
_LETTERS = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_STEM = 6  # letters


@lru_cache(maxsize=4096)
def statement(text: str) -> Statement:
    """`text` is one sentence or one row."""
    figures = tuple(_figures(text))
    rest = _blanked(text, [(figure.start, figure.end) for figure in figures])
    labels = {" ".join(match[0].lower().split()) for match in _LABELLED.finditer(text)}
    codes = {match[0] for match in _CODE.finditer(rest)}
    years = frozenset(match[0] for match in _YEAR.finditer(rest))
    rest = _CODE.sub(" ", rest)
    stance, rest = _stance(rest)
    bounds = frozenset(name for name, cue in _BOUND.items() if cue.search(rest))
    bounds |= {match[1].lower() for match in _BEFORE_FIGURE.finditer(text)}
    bare = rest
    for cue in _BOUND.values():
        bare = cue.sub(" ", bare)
    return Statement(
        text=text,
        figures=figures,
        words=frozenset(_stems(bare)),
        names=frozenset(labels | codes | set(_capitalised(rest))),
        years=years,
        bounds=bounds,
        conditions=frozenset(match[0].lower() for match in _CONDITION.finditer(rest)),
        stance=stance,
        is_range=bool(_RANGE.search(text)),
    )


def _blanked(text: str, spans: list[tuple[int, int]]) -> str:
    for start, end in spans:
        text = text[:start] + " " * (end - start) + text[end:]
    return text


def _figures(text: str) -> Iterator[Figure]:
    """In the order of the text; what is a date is no quantity."""
    taken: list[tuple[int, int]] = []
    found: list[Figure] = []
    for kind, pattern in (("e-mail", _MAIL), ("telephone", _TELEPHONE), ("date", _DATE), ("time", _TIME)):
        for match in pattern.finditer(text):
            if any(match.start() < end and start < match.end() for start, end in taken):
                continue
            taken.append(match.span())
            found.append(
                Figure(
                    kind=kind,
                    value=_plain_value(kind, match),
                    text=match[0].strip(" ."),
                    start=match.start(),
                    end=match.end(),
                )
            )
    labels = [match.span() for match in _LABELLED.finditer(text)]
    years = [match.span() for match in _YEAR.finditer(text)]
    for match in _QUANTITY.finditer(text):
        start, end = match.span("number")
        if any(start < last and first < end for first, last in [*taken, *labels]):
            continue
        if (start, end) in years and not match["before"] and not match["after"]:
            continue
        found.append(_quantity(match))
    return iter(sorted(found, key=lambda figure: figure.start))


def _plain_value(kind: str, match: re.Match[str]) -> str:
    if kind == "date":
        return _date_value(match)
    if kind == "time":
        hour, minute = int(match[1] or match[4]), match[2] or "00"
        half = (match[3] or match[5] or "").lower()
        hour = hour % 12 + 12 if half == "p" else hour % 12 if half == "a" else hour
        return f"{hour:02d}:{minute}"
    return re.sub(r"[^\w@.+-]", "", match[0]).lower() if kind == "e-mail" else re.sub(r"\D", "", match[0])


def _date_value(match: re.Match[str]) -> str:
    """ "03-31" or "2026-03-31"."""
    if match["iso"]:
        return match["iso"]
    day = match["d1"] or match["d2"] or match["d3"]
    month = int(match["n3"]) if match["n3"] else MONTHS[(match["m1"] or match["m2"]).lower()]
    year = match["y1"] or match["y2"] or match["y3"]
    return (f"{year}-" if year else "") + f"{month:02d}-{int(day):02d}"


def _quantity(match: re.Match[str]) -> Figure:
    value = _number(match["number"])
    unit = (match["unit"] or "").lower()
    kind, end = "", match.end("number")
    mark = (match["before"] or match["after"] or "").strip().lower()
    if mark:
        kind, end = _CURRENCIES.get(mark, mark.replace(" ", "")), max(end, match.end("after"))
    elif unit in _CURRENCIES or unit in _UNITS:
        kind, end = _CURRENCIES.get(unit) or _UNITS[unit], match.end("unit")
    elif unit and unit not in _EMPTY_WORDS:
        kind, end = _singular(unit), match.end("unit")
        kind = (
            f"{match['kind'].lower()} {kind}" if match["kind"] and match["kind"].lower() != "paid" else kind
        )
    if kind in _SAME:
        kind, times = _SAME[kind]
        value *= times
    start = match.start("before") if match["before"] else match.start("number")
    return Figure(kind=kind, value=value, text=match.string[start:end], start=start, end=end)


def figure_kind(unit: str) -> str:
    """The `kind` of a figure that stands in a column of that unit: "weeks" -> "week", "euros" -> "EUR"."""
    lowered = unit.strip().lower()
    kind = _CURRENCIES.get(lowered) or _UNITS.get(lowered) or _singular(lowered)
    return _SAME[kind][0] if kind in _SAME and _SAME[kind][1] == 1 else kind


def _number(text: str) -> Decimal:
    lowered = text.lower()
    if lowered in _WORD_NUMBERS:
        return Decimal(_WORD_NUMBERS[lowered])
    if lowered[0].isalpha():
        tens, _, ones = lowered.partition("-")
        return Decimal(_WORD_NUMBERS[tens] + _WORD_NUMBERS[ones])
    plain = re.sub(r"[,'\u202f](?=\d{3}(?:\D|$))", "", text).replace(",", ".")
    return Decimal(plain)


def _singular(noun: str) -> str:
    return noun[:-1] if noun.endswith("s") and not noun.endswith("ss") and len(noun) > 3 else noun


def _stance(text: str) -> tuple[tuple[tuple[str, int], ...], str]:
    """The concepts that are affirmed or denied, and the text without their words and its negations."""
    found: dict[str, int] = {}
    rest = text
    for name, patterns in _CONCEPT.items():
        for sign, pattern in ((-1, patterns[1]), (1, patterns[0])):
            for match in pattern.finditer(rest):
                negated = _NEGATION.search(text[max(0, match.start() - 12) : match.end() + 5])
                concept, value = (name, -sign) if negated else (name, sign)
                if match[0].lower() == "must" and negated:
                    concept, value = "allowed", -1
                found.setdefault(concept, value)
                rest = rest[: match.start()] + " " * (match.end() - match.start()) + rest[match.end() :]
    if not found:
        found["so"] = -1 if _NEGATION.search(text) else 1
    return tuple(sorted(found.items())), _NEGATION.sub(" ", rest)


def _stems(text: str) -> Iterator[str]:
    for word in map(str.lower, _LETTERS.findall(text)):
        if word not in _EMPTY_WORDS and len(word) > 1:
            yield _singular(_ALIKE.get(word, word))[:_STEM]


def _capitalised(text: str) -> Iterator[str]:
    """Names: words that begin large where a sentence does not make them."""
    for match in re.finditer(r"(?<=[^\W_][ ,] )?\b[A-Z][\w'’-]+", text):
        before = text[: match.start()].rstrip()
        if before and before[-1] not in ".:!?|•*" and match[0].lower() not in MONTHS:
            yield match[0].lower()
