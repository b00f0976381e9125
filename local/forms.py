"""Things that are known by their form: a sum of money, a telephone number, an address for mail.

    sum_missing("What does it cost to rent a desk?", "Desks are rented by the week.")     -> True

Who asks for one of them is not answered by a sentence that holds none.
"""

from __future__ import annotations

import re

__all__ = ["contact_missing", "sum_missing"]

_CURRENCY = (
    r"(?:€|\$|£|¥|eur\b|euros?\b|usd\b|gbp\b|chf\b|dollars?\b|pounds?\b|sterling\b|francs?\b|yen\b|yuan\b|rupees?\b"
    r"|crowns?\b|kron[aeo]r?\b|lira\b|z[lł]oty\b|roubles?\b|rubles?\b|marks?\b|cents?\b|pence\b|million\b|billion\b"
    r"|free\b|nothing\b|no charge\b|per ?cent\b|%)"
)
ASKS_SUM = re.compile(
    r"\b(?:what (?:do|does|did|will|would) [^?]{1,60}\bcost"
    r"|how much (?:do|does|did|will|would) [^?]{1,60}\b(?:cost|earn)|how much money|how many (?:euros|dollars|pounds)"
    r"|what (?:is|was|are|were) the (?:[\w'’-]+ )?(?:price|fee|salary|deposit)\b)",
    re.IGNORECASE,
)
SUM = re.compile(rf"{_CURRENCY}|\d[\d.,]*k\b", re.IGNORECASE)
ASKS_TELEPHONE = re.compile(r"\b(?:telephone|phone|mobile|fax) number\b", re.IGNORECASE)
TELEPHONE = re.compile(r"\+?\d(?:[ ()/.-]{0,2}\d){4,}")
ASKS_MAIL = re.compile(r"\be-?mail address\b", re.IGNORECASE)
MAIL = re.compile(r"[\w.+-]+@[\w-]+\.\w")
FIGURE = re.compile(r"\d")


def sum_missing(question: str, text: str, *, row: bool = False) -> bool:
    """Whether `question` asks for a sum of money and `text` holds none; `row`: of a table, where any figure is one."""
    return ASKS_SUM.search(question) is not None and not (FIGURE if row else SUM).search(text)


def contact_missing(question: str, text: str) -> bool:
    """Whether `question` asks for a telephone number or an address for mail and `text` holds none."""
    forms = ((ASKS_TELEPHONE, TELEPHONE), (ASKS_MAIL, MAIL))
    return any(asks.search(question) and not form.search(text) for asks, form in forms)
