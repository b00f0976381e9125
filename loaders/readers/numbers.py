"""Numbers of spreadsheets as people see them: ISO dates, whole numbers without `.0`, percents."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta

_QUOTED = re.compile(r'"[^"]*"|\\.|\[(?!h+\]|m+\]|s+\])[^\]]*\]|_.|\*.', re.IGNORECASE)
_CURRENCY = re.compile(r"\[\$([^-\]]+)|([$€£¥])")


@dataclass(frozen=True, slots=True, kw_only=True)
class NumberFormat:
    """What a format code says about a value (ECMA-376 part 1, 18.8.30)."""

    is_date: bool = False
    has_time: bool = False
    elapsed: bool = False  # [h]:mm
    percent: bool = False
    decimals: int | None = None  # None: as many as the value has
    currency: str = ""

    @classmethod
    def of(cls, identity: str, codes: Mapping[str, str]) -> NumberFormat:
        """The format of a cell style by its numFmtId; ids below 164 are built in."""
        if identity in codes:
            return cls.parse(codes[identity])
        return _built_in(int(identity) if identity.isdigit() else 0)

    @classmethod
    def parse(cls, code: str) -> NumberFormat:
        section = code.split(";", maxsplit=1)[0]
        currency = _CURRENCY.search(section)
        bare = _QUOTED.sub("", section).lower()
        if bare in ("general", "", "@"):
            return cls()
        elapsed = bool(re.search(r"\[[hms]+\]", bare))
        days = bool(re.search(r"[dy]|(?<![a-z])mmm", bare)) or bool(re.fullmatch(r"m+[/-]?", bare))
        hours = bool(re.search(r"[hs]", bare))
        if elapsed or days or hours:
            return cls(is_date=days, has_time=hours and not elapsed, elapsed=elapsed)
        places = re.search(r"\.([0#?]+)", bare)
        fixed = (
            len(places.group(1))
            if places and "0" in places.group(1)
            else 0
            if "0" in bare and not places
            else None
        )
        return cls(
            percent="%" in bare,
            decimals=fixed if "e" not in bare else None,
            currency=(currency.group(1) or currency.group(2)).strip() if currency else "",
        )


_DATES = frozenset({14, 15, 16, 17, 27, 28, 29, 30, 31, 36, 50, 51, 52, 53, 54, 57, 58})
_TIMES = frozenset({18, 19, 20, 21, 32, 33, 34, 35, 45, 47, 55, 56})
_TWO_DECIMALS = frozenset({2, 4, 7, 8, 39, 40, 44})


def _built_in(number: int) -> NumberFormat:
    return NumberFormat(
        is_date=number in _DATES or number == 22,
        has_time=number in _TIMES or number == 22,
        elapsed=number == 46,
        percent=number in (9, 10),
        decimals=2 if number in _TWO_DECIMALS or number == 10 else 0 if number == 9 else None,
    )


def shown_number(value: str, number_format: NumberFormat, *, epoch_1904: bool = False) -> str:
    """The value of a numeric cell as text; the raw string where it is no number."""
    try:
        number = float(value)
    except ValueError:
        return value.strip()
    if not math.isfinite(number):
        return value.strip()
    if number_format.elapsed:
        minutes, seconds = divmod(round(number * 86400), 60)
        return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
    if number_format.is_date or number_format.has_time:
        return shown_date(number, number_format, epoch_1904=epoch_1904) or plain_number(number)
    if number_format.percent:
        return f"{plain_number(round(number * 100, max(number_format.decimals or 0, 2)))}%"
    if number_format.decimals is not None and number_format.decimals <= 10 and number != round(number):
        shown = f"{number:.{max(number_format.decimals, 2)}f}"
        exact = plain_number(number)
        text = exact if len(exact) < len(shown) else shown
    else:
        text = plain_number(number)
    if number_format.decimals and "." in text and number_format.decimals <= 4:
        text += "0" * (number_format.decimals - len(text.partition(".")[2]))
    gap = " " if number_format.currency[-1:].isalpha() else ""  # "CHF 99", but "€99"
    return f"{number_format.currency}{gap}{text}"


def shown_date(number: float, number_format: NumberFormat, *, epoch_1904: bool = False) -> str:
    """ISO 8601 date, time or both of a serial day number; "" outside the calendar."""
    base = datetime(1904, 1, 1) if epoch_1904 else datetime(1899, 12, 30)
    try:
        moment = base + timedelta(seconds=round(number * 86400))
    except OverflowError:
        return ""
    if not number_format.is_date and number < 1:
        return _shown_time(moment.time())
    return _shown_moment(moment) if number_format.has_time else moment.date().isoformat()


def _shown_moment(moment: datetime) -> str:
    """Its day alone at midnight."""
    day = moment.date().isoformat()
    return day if moment.time() == time() else f"{day} {_shown_time(moment.time())}"


def _shown_time(moment: time) -> str:
    """ISO 8601, without seconds where there are none."""
    return moment.isoformat() if moment.second or moment.microsecond else moment.isoformat("minutes")


def plain_number(number: float) -> str:
    """12.0 -> 12, 0.1 + 0.2 -> 0.3: at most 15 significant digits, as spreadsheets keep."""
    if number == round(number) and abs(number) < 1e15:
        return str(int(number))
    return f"{number:.15g}"


def shown_value(value: object) -> str:
    """A cell value of a library that types its cells."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float | int):
        return plain_number(float(value)) if math.isfinite(float(value)) else str(value)
    if isinstance(value, datetime):
        return _shown_moment(value)
    if isinstance(value, date | time):
        return _shown_time(value) if isinstance(value, time) else value.isoformat()
    return str(value).strip()
