"""The cells of a column as values: numbers, dates, truth values or text, the same for all of them.

read_column(["1.234,50 EUR", "99,00 EUR"])   -> number, unit "EUR", (Decimal("1234.50"), Decimal("99.00"))

A column has a type only where its cells agree on it. Cells that say "there is nothing" ("-", "n/a") are empty; in
a column of numbers a few may be words ("on request"), which are left out and told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

__all__ = ["MONTHS", "ColumnKind", "ReadColumn", "Value", "read_column"]

ColumnKind = Literal["number", "date", "timestamp", "boolean", "text"]
Value = Decimal | date | datetime | bool | str | None
Comma = Literal["decimal", "thousands"]

MOST_WORDS = 0.2  # of a number column's cells
SAME_WORDS = 1 / 3  # of them, where all say the same
_SAMPLE = 200  # cells: a column whose first ones are mostly words is no column of numbers
_LONGEST_NUMBER = 15  # digits; longer ones are names of things

_NOTHING = frozenset({"", "-", "–", "—", "--", "n/a", "n.a.", "na", "nil", "null", "none", "?", "tbd", "tba"})
# Yes and no stay text: whoever asks for them writes them as they stand.
_TRUTH = {"true": True, "wahr": True, "waar": True} | {"false": False, "falsch": False, "onwaar": False}
_CURRENCIES = {"€": "EUR", "$": "USD", "£": "GBP", "¥": "JPY"}
_CODES = (  # before an amount; other letters there make it the name of a thing ("SKU123", "ISO 9001")
    "AED|ARS|AUD|BGN|BRL|CAD|CHF|CLP|CNY|COP|CZK|DKK|EGP|EUR|GBP|HKD|HUF|IDR|ILS|INR|ISK|JPY|KES|KRW|MAD|MXN|MYR|NGN"
    "|NOK|NZD|PEN|PHP|PKR|PLN|QAR|RON|RSD|RUB|SAR|SEK|SGD|THB|TND|TRY|TWD|UAH|USD|VND|ZAR"
)
_AMOUNT = re.compile(
    rf"""(?P<open>\()?\s*(?P<sign>[-+−])?\s*(?P<before>[€$£¥]|(?:{_CODES})(?=[\s\d-]))?\s*(?P<sign2>[-−])?\s*
    (?P<digits>\d[\d.,'’\u00a0\u202f\ ]*\d|\d)\s*(?P<sign3>-(?!\w))?\s*
    (?P<unit>[^\W\d_](?:[^\W\d_]|[²³/°.]){{0,11}}|[€$£¥%‰°][A-Za-z]?)?\s*(?P<close>\))?""",
    re.VERBOSE,
)
_POINT = re.compile(r"(?:\d{1,3}(?:[,'’\u00a0\u202f ]\d{3})+|\d+)(?:\.\d+)?")  # 1,234.50
_COMMA = re.compile(r"(?:\d{1,3}(?:[.'’\u00a0\u202f ]\d{3})+|\d+)(?:,\d+)?")  # 1.234,50
_POWER = re.compile(r"[-+]?\d+(?:\.\d+)?[eE][-+]?\d{1,3}")
_EITHER = re.compile(r"[1-9]\d{0,2}[.,]\d{3}")  # 1.234: a thousand and more, or one and a little
_TELEPHONE = re.compile(r"\+(?:\D*\d){9}")
_CLOCK = frozenset({"am", "pm", "a.m.", "p.m.", "a.m", "p.m", "uhr"})  # units of no amount
_VERSION = re.compile(r"\d{1,3}\.(\d{1,3})")
_GROUPS = re.compile(r"(\d{2,3})(?:[ \u00a0\u202f]\d{3}){2,}")
_NAMES_THINGS = re.compile(
    r"(?:[^\W\d_]+[ -]){0,2}(?:version|firmware|(?:tele)?phone|telefoon|telefon|tel|fax|zip|post ?code|plz)"
    r"(?: ?(?:no|nr|numbers?|code))?\.?",
    re.IGNORECASE,
)
_GROUPING = re.compile(r"['’\u00a0\u202f ]")

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            "january jan januar januari janvier", "february feb februar februari fevrier février",
            "march mar märz maart mars mrt", "april apr avril", "may mai mei", "june jun juni juin",
            "july jul juli juillet", "august aug augustus aout août", "september sep sept septembre",
            "october oct oktober okt octobre", "november nov novembre", "december dec dezember dez décembre",
        ),
        start=1,
    )
    for name in names.split()
}  # fmt: skip
_ISO = re.compile(r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[T ](\d{1,2}:\d{2}(?::\d{2})?)(?:\.\d+)?Z?)?")
_THREE = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})(?: (\d{1,2}:\d{2}(?::\d{2})?))?")
_NAMED = re.compile(r"(\d{1,2})(?:st|nd|rd|th|\.)? ([^\W\d_]+)\.?,? (\d{4})")
_NAMED_FIRST = re.compile(r"([^\W\d_]+)\.? (\d{1,2})(?:st|nd|rd|th)?,? (\d{4})")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadColumn:
    """`values[i]` is the i-th cell's; None where it is empty or among `left_out`."""

    kind: ColumnKind
    unit: str = ""  # of all numbers: "EUR", "%", "kg"
    values: tuple[Value, ...]
    left_out: tuple[int, ...] = ()  # positions of words in a column of numbers
    comma: Comma | None = None  # what the column's commas are, where one decides
    doubtful: bool = False  # "1.234" could be read two ways and nothing decides


def read_column(cells: Sequence[str], *, name: str = "", comma: Comma | None = None) -> ReadColumn:
    """name: the column's, which tells telephone numbers and versions from amounts.

    comma: how the table's other columns write numbers, for one that does not tell by itself.
    """
    cells = [" ".join(cell.split()) for cell in cells]
    filled = [cell for cell in cells if cell.lower() not in _NOTHING]
    if not filled:
        return _as_text(cells)
    if _NAMES_THINGS.fullmatch(name.strip()) or _are_versions(filled) or _are_telephones(filled):
        return _dates(cells) or _as_text(cells)
    return _numbers(cells, filled, comma) or _dates(cells) or _truths(cells) or _as_text(cells)


def _as_text(cells: Sequence[str]) -> ReadColumn:
    return ReadColumn(kind="text", values=tuple(cell or None for cell in cells))


def _are_versions(filled: Sequence[str]) -> bool:
    """1.9 and 1.10: amounts have as many places each, or no zero at their end."""
    parts = [match[1] for cell in set(filled) if (match := _VERSION.fullmatch(cell))]
    zeros = max((len(part) for part in parts if len(part) > 1 and part.endswith("0")), default=0)
    return len(parts) == len(set(filled)) and any(len(part) < zeros for part in parts)


def _are_telephones(filled: Sequence[str]) -> bool:
    """570 555 010 and 570 555 011: groups that all begin with the same one."""
    found = [_GROUPS.fullmatch(cell) for cell in set(filled)]
    return len(found) > 1 and all(found) and len({match[1] for match in found if match}) == 1


def _truths(cells: Sequence[str]) -> ReadColumn | None:
    known = [_TRUTH.get(cell.lower()) for cell in cells]
    if any(value is None and cell.lower() not in _NOTHING for value, cell in zip(known, cells, strict=True)):
        return None
    return ReadColumn(kind="boolean", values=tuple(known))


# --- numbers ------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Amount:
    digits: str
    negative: bool
    unit: str


def _numbers(cells: Sequence[str], filled: Sequence[str], comma: Comma | None) -> ReadColumn | None:
    if sum(_amount(cell) is None for cell in filled[:_SAMPLE]) * 2 > min(len(filled), _SAMPLE):
        return None
    known = {cell: _amount(cell) for cell in set(cells)}
    amounts = [known[cell] for cell in cells]
    found = [amount for amount in amounts if amount is not None]
    left_out = tuple(
        place
        for place, (cell, amount) in enumerate(zip(cells, amounts, strict=True))
        if amount is None and cell.lower() not in _NOTHING
    )
    if not found or not _few([cells[place] for place in left_out], len(filled)):
        return None
    units = {amount.unit for amount in found}
    if len(units - {""}) > 1 or ("%" in units and "" in units):
        return None  # euros and dollars do not add up
    decided = _comma_of([amount.digits for amount in found])
    if decided == "mixed" or any(_is_name(amount.digits) for amount in found):
        return None
    used = decided or comma or "thousands"
    values = tuple(None if amount is None else _value(amount, used) for amount in amounts)
    unsure = decided is None and comma is None and any(_EITHER.fullmatch(amount.digits) for amount in found)
    return ReadColumn(
        kind="number",
        unit=next(iter(units - {""}), ""),
        values=values,
        left_out=left_out,
        comma=decided,
        doubtful=unsure,
    )


def _few(words: Sequence[str], filled: int) -> bool:
    """Few enough words among numbers: a fifth, or a third that say the same, as "on request"."""
    same = len({word.lower() for word in words}) <= 1 and not any(re.search(r"\d", word) for word in words)
    return len(words) <= (SAME_WORDS if same else MOST_WORDS) * filled


def _amount(cell: str) -> _Amount | None:
    if _POWER.fullmatch(cell):
        return _Amount(f"{abs(Decimal(cell)):f}", cell.startswith("-"), "")
    match = _AMOUNT.fullmatch(cell) if len(cell) <= 40 and not _TELEPHONE.match(cell) else None
    if match is None or bool(match["open"]) != bool(match["close"]):
        return None
    digits = match["digits"]
    if not (_POINT.fullmatch(digits) or _COMMA.fullmatch(digits)):
        return None
    before, after = match["before"] or "", match["unit"] or ""
    if before and after:
        return None
    unit = _CURRENCIES.get(before or after, before or after)
    if unit.lower() in _CLOCK:
        return None
    return _Amount(
        digits,
        any(match[name] in ("-", "−") for name in ("sign", "sign2", "sign3")) or bool(match["open"]),
        unit,
    )


def _is_name(digits: str) -> bool:
    """Article numbers, postcodes, serial numbers: digits that nobody adds up."""
    if digits[0] == "0" and digits[1:2].isdigit():
        return True
    return len(digits) > _LONGEST_NUMBER and len(re.sub(r"\D", "", digits)) > _LONGEST_NUMBER


def _comma_of(numbers: Sequence[str]) -> Comma | Literal["mixed"] | None:
    numbers = list(set(numbers))
    point = [bool(_POINT.fullmatch(number)) for number in numbers]
    comma = [bool(_COMMA.fullmatch(number)) for number in numbers]
    only_point = any(not two for two in comma)
    only_comma = any(not one for one in point)
    if only_point and only_comma:
        return "mixed"
    if only_comma:
        return "decimal"
    # "0.250" and "12.345" in one column: nobody writes a thousand with a leading zero.
    zeros = {number[1] for number in numbers if re.match(r"0[.,]\d{3}", number)}
    if only_point or zeros == {"."}:
        return "thousands"
    return "decimal" if zeros == {","} else None


def _value(amount: _Amount, comma: Comma) -> Decimal:
    digits = _GROUPING.sub("", amount.digits)
    digits = digits.replace(".", "").replace(",", ".") if comma == "decimal" else digits.replace(",", "")
    return -Decimal(digits) if amount.negative else Decimal(digits)


# --- dates --------------------------------------------------------------------------------------------


def _dates(cells: Sequence[str]) -> ReadColumn | None:
    """All cells dates, and day and month told apart by at least one of them where they could be mixed up."""
    filled = [cell for cell in cells if cell.lower() not in _NOTHING]
    for day_first in _day_orders(filled):
        if any(_date(cell, day_first) is None for cell in filled[:_SAMPLE]):
            continue
        read = {cell: _date(cell, day_first) for cell in set(filled)}
        if any(value is None for value in read.values()):
            continue
        timed = any(isinstance(value, datetime) for value in read.values())
        return ReadColumn(
            kind="timestamp" if timed else "date",
            values=tuple(_at_midnight(read.get(cell)) if timed else read.get(cell) for cell in cells),
        )
    return None


def _day_orders(cells: Sequence[str]) -> tuple[bool, ...]:
    """(True,): the day stands first; (): the column does not tell."""
    slashed = [match for match in map(_THREE.fullmatch, cells) if match]
    if any(match[2] == "." for match in slashed) or not slashed:
        return (True,)
    first = max(int(match[1]) for match in slashed)
    second = max(int(match[3]) for match in slashed)
    if first > 12 >= second:
        return (True,)
    return (False,) if second > 12 >= first else ()


def _date(cell: str, day_first: bool) -> date | datetime | None:
    if match := _ISO.fullmatch(cell):
        return _made(match[1], match[2], match[3], match[4])
    if match := _THREE.fullmatch(cell):
        day, month = (match[1], match[3]) if day_first else (match[3], match[1])
        return _made(match[4], month, day, match[5])
    if match := _NAMED.fullmatch(cell):
        return _made(match[3], MONTHS.get(match[2].lower(), 0), match[1], None)
    if match := _NAMED_FIRST.fullmatch(cell):
        return _made(match[3], MONTHS.get(match[1].lower(), 0), match[2], None)
    return None


def _made(year: str, month: str | int, day: str, clock: str | None) -> date | datetime | None:
    try:
        found = date(int(year), int(month), int(day))
        return (
            datetime.combine(found, datetime.strptime(clock.zfill(5), _clock(clock)).time())
            if clock
            else found
        )
    except ValueError:
        return None


def _clock(text: str) -> str:
    return "%H:%M:%S" if text.count(":") == 2 else "%H:%M"


def _at_midnight(value: date | datetime | None) -> datetime | None:
    if value is None or isinstance(value, datetime):
        return value
    return datetime(value.year, value.month, value.day)


def most_common_comma(columns: Sequence[ReadColumn]) -> Comma | None:
    """How a table writes its numbers, where its columns agree."""
    found = Counter(column.comma for column in columns if column.comma)
    return next(iter(found)) if len(found) == 1 else None
