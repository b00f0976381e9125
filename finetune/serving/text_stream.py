"""Tokens to text as they come: whole characters only, and nothing of what may turn out to be a stop sequence."""

from __future__ import annotations

from collections.abc import Sequence

import tokenizers


class TextStream:
    """`push(token)` gives the text that is certain by now; `stopped` says that a stop sequence was written."""

    def __init__(self, tokenizer: tokenizers.Tokenizer, stop: Sequence[str] = ()) -> None:
        self._tokenizer = tokenizer
        self._stop = tuple(text for text in stop if text)
        self._ids: list[int] = []
        self._settled = 0  # tokens whose text is whole: what is decoded anew begins there
        self._before = 0  # tokens before them that decide on the space between
        self._held = ""  # text that may be the beginning of a stop sequence
        self.stopped = False

    def push(self, token: int) -> str:
        self._ids.append(token)
        return self._cut(self._decoded())

    def finish(self) -> str:
        """What was held back, a broken character as it is."""
        if self.stopped:
            return ""
        text, self._held = self._held + self._rest(), ""
        return text

    def _decoded(self) -> str:
        """The text of the tokens that are not settled, "" while their last character is not whole."""
        text = self._rest()
        if not text or text.endswith("\ufffd"):
            return ""
        self._before, self._settled = self._settled, len(self._ids)
        return text

    def _rest(self) -> str:
        known = self._tokenizer.decode(self._ids[self._before : self._settled], skip_special_tokens=True)
        whole: str = self._tokenizer.decode(self._ids[self._before :], skip_special_tokens=True)
        return whole[len(known) :]

    def _cut(self, text: str) -> str:
        """`text` after what is held, up to a stop sequence or to what may begin one."""
        text = self._held + text
        found = [at for at in (text.find(stop) for stop in self._stop) if at >= 0]
        if found:
            self.stopped, self._held = True, ""
            return text[: min(found)]
        keep = max((_overlap(text, stop) for stop in self._stop), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep]


def _overlap(text: str, stop: str) -> int:
    """Letters at the end of `text` that `stop` begins with."""
    return next(
        (size for size in range(min(len(stop) - 1, len(text)), 0, -1) if stop.startswith(text[-size:])), 0
    )
