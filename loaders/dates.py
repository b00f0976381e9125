"""The date of a document: what it says of itself first, what its file's properties say last.

In this order: a date field of a record; "valid from 1 January 2026", "Last updated: ...", a mail's Date, or a lone
date, in the first lines; a date or a year in the title or the file's name; the file's own modified or created
property. The time at which a file was copied to a disk says nothing and is not asked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from typing import Any

from loaders.columns import MONTHS

__all__ = ["FILE_DATE", "date_in", "dated", "days_in", "document_date"]

FILE_DATE = "file_date"  # metadata of a document's first part: its modified or created property
FIRST_LINES = 1500  # characters of the text that may say the date
_OPENING = 250  # characters in which a lone date is the document's
_FIELDS = ("date", "effective_date", "valid_from", "effective", "updated", "modified", "published", "created")

_DAY = r"(?P<day>\d{1,2})(?:st|nd|rd|th|\.)?"
_MONTH = rf"(?P<month>{'|'.join(sorted(MONTHS, key=len, reverse=True))})\b\.?"
_YEAR = r"(?P<year>(?:19|20)\d\d)\b"
_FORMS = tuple(
    re.compile(rf"\b{form}", re.IGNORECASE)
    for form in (
        r"(?P<year>(?:19|20)\d\d)-(?P<number>\d\d)-(?P<day>\d\d)(?!\d)",
        rf"{_DAY}\s+{_MONTH},?\s+{_YEAR}",
        rf"{_MONTH}\s+{_DAY},?\s+{_YEAR}",
        r"(?P<day>\d{1,2})\.(?P<number>\d{1,2})\.(?P<year>(?:19|20)\d\d)\b",
        rf"{_MONTH},?\s+{_YEAR}",
        r"(?P<year>(?:19|20)\d\d)-(?P<number>0[1-9]|1[0-2])(?![\d-])",
    )
)
_PROPERTY = re.compile(r"(?:D:)?((?:19|20)\d\d)-?(\d\d)-?(\d\d)")
_LONE_YEAR = re.compile(r"(?<![\d.,-])((?:19|20)\d\d)(?![\d.,]*\d)")
_LONG_PAST = re.compile(
    r"\b(?:founded|established|incorporated|born|since|gegründet|geboren)\W+(?:on\s+|in\s+|am\s+)?$", re.I
)
# What makes a date the document's own; the first kind says more than the second.
_CUES = tuple(
    re.compile(
        rf"\b(?:{cue})\b[^\S\n]*(?:\|[\w ]{{1,20}}:|\||:|of|on|from|as of|since|the|\n|[^\S\n])*",
        re.IGNORECASE,
    )
    for cue in (
        r"valid (?:from|since|as of)|effective(?: date| from| as of| on)?|in (?:force|effect)(?: from| since| as of)?"
        r"|appl(?:ies|icable) (?:from|as of)|begin on or after|gültig ab|geldig vanaf|en vigueur",
        r"(?:last )?(?:updated|modified|revised|reviewed|changed)|version(?: of)?|edition|as of|as at|released?|issued"
        r"|published|dated?|date of issue|stand|datum",
    )
)


def document_date(
    *, name: str, title: str, text: str, metadata: Mapping[str, Any], first_part: Mapping[str, Any]
) -> str | None:
    """ISO 8601 date ("2026-01-31"), or month or year where no more is known; None where nothing is."""
    for field in _FIELDS:
        found = date_in(str(metadata.get(field) or "")) or _year_field(metadata.get(field))
        if found:
            return found
    opening = text[:FIRST_LINES]
    return _stated(opening) or _lone(opening[:_OPENING]) or dated(name, title) or _property(first_part)


def date_in(text: str) -> str | None:
    """The first date of a text, in ISO form; a month ("2026-01") where no day is named."""
    matches = [match for form in _FORMS for match in form.finditer(text)]
    for match in sorted(matches, key=lambda match: (match.start(), -match.end())):
        found = _iso(match)
        if found:
            return found
    return None


def days_in(text: str) -> list[tuple[int, int, str]]:
    """(start, end, "2026-01-31") of each day that a text names with its year, however it is written."""
    return [
        (match.start(), match.end(), day)
        for form in _FORMS[:4]
        for match in form.finditer(text)
        if (day := _iso(match))
    ]


def dated(name: str, title: str) -> str | None:
    """The date, or the year, that a document is named by."""
    for label in (title, re.sub(r"[_/]", " ", name)):
        found = date_in(label)
        if found:
            return found
    years = {year for label in (title, name) for year in _LONE_YEAR.findall(re.sub(r"[_/-]", " ", label))}
    return next(iter(years)) if len(years) == 1 else None


def _stated(opening: str) -> str | None:
    for cue in _CUES:
        for match in cue.finditer(opening):
            after = opening[match.end() : match.end() + 40]
            forms = [
                found for form in _FORMS if (found := form.search(after)) and found.start() <= _gap(after)
            ]
            for found in sorted(forms, key=lambda found: -found.end()):
                if iso := _iso(found):
                    return iso
    return None


def _gap(after: str) -> int:
    """How far behind its cue a date may begin: past a weekday ("Date: Thu, 23 Apr 2026")."""
    weekday = re.match(r"[A-Z][a-z]{2,8},?\s+", after)
    return weekday.end() if weekday else 0


def _lone(opening: str) -> str | None:
    """A date that stands alone at the top, as in minutes and letters."""
    found = {
        iso
        for form in _FORMS[:4]
        for match in form.finditer(opening)
        if not _LONG_PAST.search(opening[: match.start()]) and (iso := _iso(match))
    }
    return next(iter(found)) if len(found) == 1 else None


def _iso(match: re.Match[str]) -> str | None:
    parts = match.groupdict()
    month = int(parts["number"]) if parts.get("number") else MONTHS[parts["month"].lower()]
    if not parts.get("day"):
        return f"{parts['year']}-{month:02d}"
    try:
        return date(int(parts["year"]), month, int(parts["day"])).isoformat()
    except ValueError:
        return None


def _year_field(value: Any) -> str | None:
    return str(value) if re.fullmatch(r"(?:19|20)\d\d", str(value)) else None


def _property(first_part: Mapping[str, Any]) -> str | None:
    match = _PROPERTY.match(str(first_part.get(FILE_DATE) or ""))
    try:
        return date(*map(int, match.groups())).isoformat() if match else None
    except ValueError:
        return None
