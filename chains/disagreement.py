"""Whether two sentences of different documents say different things about the same thing.

    disagreement("Staff get 25 days of leave.", "Employees get 27 days of leave.")   -> ("25 days", "27 days")
    disagreement("Berlin has 20 seats.", "Hamburg has 30 seats.")                     -> None

A false alarm is worse than a missed one: everything but one figure, name, or yes and no must be the same.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from chains.statements import Figure, Statement, statement
from loaders.sheet_rows import BORDER

__all__ = ["disagreement"]

_CLAUSE = re.compile(
    r"(?:;|,(?!\d)|\s[-–—]\s|\b(?:which|who|because|so that|but|whereas|although)\b)", re.IGNORECASE
)
_LONG_WORD = re.compile(r"[^\W\d_]{4,}")
_LEAST_SHARED = 2  # content words
_ONCE = re.compile(
    r"\b(?:founded|established|born|built|opened|signed|launched|acquired|merged|died|invented|incorporated|began|started"
    r"|ends?|expires?|terminates?)\b",
    re.IGNORECASE,
)
_ROLE_WORDS = (
    r"CEO|CFO|CTO|COO|chief [\w ]{3,30}|managing director|director|manager|head|lead|leader|chair|chairman|chairwoman"
    r"|president|owner|officer|contact|secretary|treasurer|supervisor|deputy|capital|headquarters|author|editor"
    r"|coordinator|sponsor|landlord|foreman"
)
_NAME = r"(?P<name>(?:[A-Z][\w'’.-]+|de|van|von|der|di|la|le)(?:\s+(?:[A-Z][\w'’.-]+|de|van|von|der|di|la|le)){0,4})"
_ROLES = (
    re.compile(
        rf"\b(?:the|our|its)\s+(?P<role>(?:[\w&-]+\s+){{0,4}}?(?:{_ROLE_WORDS})(?:\s+(?:of|for)\s+[\w& -]{{2,40}}?)?)"
        rf"\s*(?:is|:|=)\s*{_NAME}",
        re.IGNORECASE,
    ),
    re.compile(
        rf"^{_NAME}\s+is\s+(?:the|our|its)\s+"
        rf"(?P<role>(?:[\w&-]+\s+){{0,4}}?(?:{_ROLE_WORDS})(?:\s+(?:of|for)\s+[\w& -]{{2,40}})?)",
        re.IGNORECASE,
    ),
    re.compile(rf"^{_NAME}\s+(?P<role>(?:leads|heads|chairs|manages|runs)\s+(?:the\s+)?[\w& -]{{2,40}})"),
)
_PERIOD = re.compile(
    r"\b(?:year|quarter|month|week|period)\b", re.IGNORECASE
)  # columns of when a figure is of
_EDITION = re.compile(r"\b(?:valid|date|from)\b", re.IGNORECASE)  # columns of since when it holds
Difference = tuple[str, str]


def disagreement(first: str, second: str, question: str = "") -> Difference | None:
    """The words in which they differ, of each; None where they agree, or where it is not certain that they do not."""
    if first.rstrip().endswith("?") or second.rstrip().endswith("?"):
        return None
    if not _alike(first, second):
        return None
    rows = _fields(first), _fields(second)
    if rows[0] and rows[1]:
        return _of_rows(rows[0], rows[1], question)
    if rows[0] or rows[1]:
        return None
    asked = statement(question).words
    return _of_sentences(first, second, asked) or _of_clauses(first, second, asked)


def _alike(first: str, second: str) -> bool:
    """A cheap look before the thorough one: half of the shorter sentence's longer words."""
    one, two = _rough_words(first), _rough_words(second)
    return bool(one and two) and 2 * len(one & two) >= min(len(one), len(two))


@lru_cache(maxsize=4096)
def _rough_words(text: str) -> frozenset[str]:
    return frozenset(word[:5] for word in _LONG_WORD.findall(text.lower()))


def _of_sentences(first: str, second: str, asked: frozenset[str]) -> Difference | None:
    one, two = statement(first), statement(second)
    return _names(first, second) or _figures(one, two, asked) or _stances(one, two, asked)


def _of_clauses(first: str, second: str, asked: frozenset[str]) -> Difference | None:
    """The same of the clauses that hold their figures; what limits the whole sentence still counts."""
    one, two = statement(first), statement(second)
    if one.conditions != two.conditions or one.years != two.years or one.names != two.names:
        return None
    for left in _clauses(first):
        for right in _clauses(second):
            if (left, right) == (first, second):
                continue
            found = _figures(statement(left), statement(right), asked)
            if found:
                return found
    return None


def _clauses(text: str) -> list[str]:
    return [clause.strip() for clause in _CLAUSE.split(text) if clause and re.search(r"\d", clause)]


# --- figures ------------------------------------------------------------------------------------------


def _figures(one: Statement, two: Statement, asked: frozenset[str]) -> Difference | None:
    if not _comparable(one, two, asked):
        return None
    pairs = list(zip(one.figures, two.figures, strict=True))
    differing = [(a, b) for a, b in pairs if a.value != b.value]
    if not differing:
        return _years(one, two)
    if len(differing) > 1 or not _same_years(one, two):
        return None
    return _difference(*differing[0], one, two)


def _comparable(one: Statement, two: Statement, asked: frozenset[str]) -> bool:
    """The same subject, the same kinds of figures, and as firm: no ranges, no "about", the same "at least"."""
    if not _same_subject(one, two, asked) or one.stance != two.stance or one.bounds != two.bounds:
        return False
    if one.is_range or two.is_range or "about" in one.bounds:
        return False
    return [figure.kind for figure in one.figures] == [figure.kind for figure in two.figures]


def _difference(a: Figure, b: Figure, one: Statement, two: Statement) -> Difference | None:
    if not a.kind and len(one.figures) > 1:
        return None  # bare numbers in a list of them
    if a.kind == "date" and _other_years(str(a.value), str(b.value)) and not _once(one, two):
        return None  # the party of 2024 and the party of 2025
    if _written_otherwise(a.text, b.text):
        return None
    return a.text, b.text


def _written_otherwise(one: str, two: str) -> bool:
    """1.500 and 1,500: a point in one country is a comma in the next, and who wrote which is not known."""
    return one.replace(",", ".") == two.replace(",", ".")


def _other_years(a: str, b: str) -> bool:
    return len(a) > 5 and len(b) > 5 and a[:4] != b[:4]


def _once(one: Statement, two: Statement) -> bool:
    return bool(_ONCE.search(one.text) and _ONCE.search(two.text))


def _years(one: Statement, two: Statement) -> Difference | None:
    """Founded in 1998, or in 1999: what happens once has one year."""
    if len(one.years) == len(two.years) == 1 and one.years != two.years and _once(one, two):
        return next(iter(one.years)), next(iter(two.years))
    return None


def _same_years(one: Statement, two: Statement) -> bool:
    """Two years named are two cases; a year on one side alone says from when it holds."""
    if one.years == two.years:
        return True
    if one.years and two.years:
        return False
    dated = one if one.years else two
    return bool(
        re.search(r"\b(?:from|since|as of|starting)\s+(?:\w+\s+)?(?:19|20)\d\d", dated.text, re.IGNORECASE)
    )


def _same_subject(one: Statement, two: Statement, asked: frozenset[str]) -> bool:
    """One word in common ("The deposit is 250 euros.") is enough where the question asks for just that."""
    if one.words != two.words or one.names != two.names or one.conditions != two.conditions:
        return False
    return len(one.words | one.names) >= _LEAST_SHARED or bool(one.words and one.words <= asked)


# --- yes and no ---------------------------------------------------------------------------------------


def _stances(one: Statement, two: Statement, asked: frozenset[str]) -> Difference | None:
    if one.stance == two.stance or not _same_subject(one, two, asked):
        return None
    if one.years != two.years or one.bounds != two.bounds:
        return None
    if sorted(str(f.value) for f in one.figures) != sorted(str(f.value) for f in two.figures):
        return None
    left, right = dict(one.stance), dict(two.stance)
    if left.keys() != right.keys() or sum(left[name] != right[name] for name in left) != 1:
        return None
    return one.text.strip(), two.text.strip()


# --- names --------------------------------------------------------------------------------------------


def _names(first: str, second: str) -> Difference | None:
    """One office, two holders: "The head of sales is A" and "The head of sales is B"."""
    for pattern in _ROLES:
        one, two = pattern.search(first), pattern.search(second)
        if one and two and _plain(one["role"]) == _plain(two["role"]):
            left, right = one["name"].strip(" ."), two["name"].strip(" .")
            if (
                _is_name(left)
                and _is_name(right)
                and not set(left.lower().split()) & set(right.lower().split())
            ):
                return left, right
    return None


def _is_name(text: str) -> bool:
    return bool(re.match(r"[A-Z][\w'’-]+", text)) and not re.search(r"\d", text)


def _plain(role: str) -> str:
    return " ".join(word for word in role.lower().split() if word not in ("the", "our", "its", "of", "for"))


# --- table rows ---------------------------------------------------------------------------------------


def _fields(row: str) -> dict[str, str]:
    """{"Model": "IB-12", ...} of a row written with its headers; {} for prose."""
    if BORDER not in row:
        return {}
    pairs = [piece.partition(": ") for piece in row.split(BORDER)]
    return {name.strip(): value.strip() for name, mark, value in pairs if mark and len(name) <= 60}


def _of_rows(one: Mapping[str, str], two: Mapping[str, str], question: str) -> Difference | None:
    """Rows of one thing, told by the first column, that differ in the one column that the question asks for."""
    key, other = next(iter(one)), next(iter(two))
    if key.lower() != other.lower() or one[key].lower() != two[other].lower():
        return None
    asked = _long_words(question)
    shared = [name for name in one if name in two and name != key]
    wanted = [name for name in shared if _long_words(name) & asked]
    if len(wanted) != 1 or _value(one[wanted[0]]) == _value(two[wanted[0]]):
        return None
    if _written_otherwise(one[wanted[0]], two[wanted[0]]):
        return None
    differing = [name for name in shared if name != wanted[0] and _value(one[name]) != _value(two[name])]
    editions = [name for name in differing if _EDITION.search(name)]
    if editions and statement(question).years:
        return None
    if any(_tells_apart(name, one[name], two[name]) for name in differing if name not in editions):
        return None
    return f"{wanted[0]}: {one[wanted[0]]}", f"{wanted[0]}: {two[wanted[0]]}"


def _tells_apart(column: str, *cells: str) -> bool:
    """Two sizes, regions or quarters of one thing; another figure does not make it another thing."""
    return bool(_PERIOD.search(column)) or any(len(statement(cell).figures) != 1 for cell in cells)


def _long_words(text: str) -> set[str]:
    return {word[:6] for word in _LONG_WORD.findall(text.lower())}


def _value(cell: str) -> object:
    figures = statement(cell).figures
    return figures[0].value if len(figures) == 1 else " ".join(cell.lower().split())
