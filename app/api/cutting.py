"""Ends a text where its reader asked for it, while it streams: at a stop sequence, or after so many tokens."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Literal

Spans = Callable[[str], Sequence[tuple[int, int]]]  # of a text's tokens, (start, end) in characters


class Cut:
    """Feed it the deltas; what it gives back may be sent. `ended` says which limit was met first.

    The last letters are held back as long as they may become part of a stop sequence or of a longer token.
    """

    def __init__(self, *, stops: Sequence[str] = (), longest: int | None = None, spans: Spans) -> None:
        self._stops = stops
        self._longest = longest
        self._spans = spans
        self._held = max((len(stop) for stop in stops), default=1) - 1
        self._text = ""
        self._sent = 0
        self.ended: Literal["stop", "length"] | None = None

    @property
    def text(self) -> str:
        """What was given back so far."""
        return self._text[: self._sent]

    def feed(self, delta: str) -> str:
        if self.ended is not None:
            return ""
        self._text += delta
        self._apply_limits()
        return self._until(len(self._text) if self.ended else self._certain())

    def close(self) -> str:
        """The rest."""
        return self._until(len(self._text))

    def _apply_limits(self) -> None:
        """What a reader who gets letter by letter would meet first."""
        found = [(at + len(stop), at) for stop in self._stops if (at := self._text.find(stop)) >= 0]
        ends, begins = min(found, default=(math.inf, 0))
        spans = self._spans(self._text) if self._longest is not None else ()
        if self._longest is not None and len(spans) > self._longest and spans[self._longest][0] < ends:
            self._text, self.ended = self._text[: spans[self._longest - 1][1]], "length"
        elif found:
            self._text, self.ended = self._text[:begins], "stop"

    def _certain(self) -> int:
        certain = len(self._text) - self._held
        if self._longest is not None:
            last_word = len(self._text.rstrip().rsplit(maxsplit=1)[-1]) if self._text.strip() else 0
            certain = min(certain, len(self._text.rstrip()) - last_word)
        return certain

    def _until(self, end: int) -> str:
        begin, self._sent = self._sent, max(self._sent, min(end, len(self._text)))
        return self._text[begin : self._sent]
