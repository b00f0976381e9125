"""Whether a model's reply in its own words says no more than that it has no answer."""

from __future__ import annotations

import re

__all__ = ["declines"]

LONGEST = 200  # characters; what is longer says something besides
_REFUSAL = re.compile(
    r"(?:i'?m |i am )?(?:sorry|unfortunately|apologies)?[,.!]?\s*(?:but )?"
    r"(?:i (?:do not|don't|cannot|can't) (?:know|tell|find|answer)"
    r"|i (?:do not|don't) have (?:any |the |that |this |enough )?(?:information|access|details|data)"
    r"|i have (?:no (?:information|access|details|data|way)|not seen)"
    r"|i(?: am|'m) (?:unable|not able) to (?:tell|find|answer|say)"
    r"|(?:that|this|it|the answer) depends on (?:your |the )?documents"
    r"|(?:the|these|those|your) (?:provided |given )?(?:passages?|documents?|sources?)"
    r" (?:do not|don't|does not|doesn't|hold no|contain no)"
    r"|there is no (?:information|answer|mention)|no (?:information|answer) )",
    re.IGNORECASE,
)


def declines(text: str) -> bool:
    """English only; a reply with a citation, or a long one, says something."""
    return len(text) <= LONGEST and "[" not in text and bool(_REFUSAL.match(text.strip()))
