"""Days, parts of the day and seasons of an English question: "on a weekday night" gives way to "on Sundays"."""

from __future__ import annotations

import re

__all__ = ["is_time", "time_replaced"]

_WORDS = {
    "day": r"(?:(?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)days?|week-?days?|week-?ends?"
    r"|(?:public|bank|national) holidays?|working days?)",
    "part": r"(?:nights?|mornings?|afternoons?|evenings?)",
    "season": r"(?:spring|summer|autumn|winter|January|February|March|April|June|July|August|September|October"
    r"|November|December)",
}
_ANY = "|".join(_WORDS.values())
_TIME = re.compile(
    rf"(?:\b(?P<link>on|in|at|during|for|over) )?\b(?P<article>(?:an?|the|each|every|any) )?"
    rf"(?P<time>(?:{_ANY})(?: (?:{_ANY}))*)(?![\w-])"
)


def is_time(phrase: str) -> bool:
    """Whether a phrase says when, and nothing else: "on Sundays", "a weekday night"."""
    return bool(_TIME.fullmatch(phrase))


def time_replaced(fragment: str, question: str) -> str | None:
    """The question asked of another time; None where the fragment is no time, or the question has none of its kind."""
    new = _TIME.fullmatch(fragment)
    if new is None:
        return None
    alike = [old for old in _TIME.finditer(question) if _kinds(old["time"]) & _kinds(new["time"])]
    if not alike:
        return None
    old = alike[-1]
    if re.match(r" [a-z]", question[old.end() :]) and not old["link"] and new["link"]:
        return _moved(question, old, fragment)
    start = old.start() if new["link"] or not old["link"] else old.end("link") + 1
    return question[:start] + fragment + question[old.end() :]


def _moved(question: str, old: re.Match[str], fragment: str) -> str:
    """ "the weekday night allowance": the time stands before its noun, and the new one goes to the end."""
    rest = question[: old.start("time")] + question[old.end() + 1 :]
    said, mark = re.match(r"(?s)(.*?)([?.!\s]*)$", rest).groups()  # type: ignore[union-attr]
    return f"{said} {fragment}{mark or '?'}"


def _kinds(time: str) -> set[str]:
    return {kind for kind, pattern in _WORDS.items() if re.search(rf"\b{pattern}\b", time)}
