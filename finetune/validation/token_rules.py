"""C01-C03: rows that do not fit the model, rows that teach nothing, and what the tokens are spent on."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from errors import DatasetFormatError
from finetune.bases import Base
from finetune.examples import Kind, Row
from finetune.findings import Finding, Rule, Severity, Where
from finetune.masks import Rendered, Trained, count_tokens, rendered
from finetune.rendering import has_images

RULES: tuple[Rule, ...] = (
    Rule(
        id="C01",
        severity="error",
        title="Row longer than the model takes",
        help="Providers and trainers cut a row at its end, where the answer is: shorten its context. An error where "
        "an answer that is to be learnt would be cut.",
    ),
    Rule(
        id="C02",
        severity="error",
        title="Nothing to learn in a row",
        help="After masking no token of an answer is left, or the model's chat template cannot form the row: `dataset "
        "show --mask` shows what is learnt.",
    ),
    Rule(
        id="C03",
        severity="warning",
        title="Where the tokens go",
        help="Share of tokens that are learnt, longest rows and total: what training costs and takes. A warning where "
        "little of it is learnt.",
    ),
)
LITTLE_LEARNT = 0.05  # of all tokens: the rest is paid for and only read


@dataclass(slots=True, kw_only=True)
class TokenStatistics:
    """Of one split. One number of 4 bytes a row: a million rows are 8 MB."""

    tokens: array[int] = field(default_factory=lambda: array("I"))  # of each row
    learnt: array[int] = field(default_factory=lambda: array("I"))
    longest_line: int = 0
    longest: int = 0

    def add(self, line: int, tokens: int, learnt: int) -> None:
        self.tokens.append(tokens)
        self.learnt.append(learnt)
        if tokens > self.longest:
            self.longest, self.longest_line = tokens, line

    def as_dict(self) -> dict[str, int]:
        ordered = sorted(self.tokens)
        return {
            "rows": len(ordered),
            "tokens": sum(ordered),
            "learnt": sum(self.learnt),
            "median": quantile(ordered, 0.5),
            "p99": quantile(ordered, 0.99),
            "longest": self.longest,
            "longest_line": self.longest_line,
        }

    def histogram(self, columns: int = 20) -> list[tuple[int, int, int]]:
        """(from, to, rows) of each column, `to` not included, even widths up to the longest row."""
        if not self.tokens:
            return []
        width = max(1, -(-(self.longest + 1) // columns))
        counts = Counter(tokens // width for tokens in self.tokens)
        return [(n * width, (n + 1) * width, counts[n]) for n in range(self.longest // width + 1)]


def quantile(ordered: list[int], share: float) -> int:
    """Of a sorted list, by the nearest rank; 0 for an empty one."""
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0


class TokenChecker:
    """Counts every row as its base model reads it."""

    rules = RULES

    def __init__(self, base: Base) -> None:
        self.base = base
        self.statistics: dict[str, TokenStatistics] = {}  # by split
        self._files: dict[str, str] = {}
        self._unstopped: dict[str, int] = {}
        self._with_images = 0

    def look(self, where: Where, row: Row, kind: Kind) -> Iterator[Finding]:
        self._files.setdefault(where.split, where.file)
        self._with_images += has_images(row)
        try:
            texts = rendered(row, self.base.renderer, kind)
        except DatasetFormatError as error:
            yield _finding(where, "C02", "error", str(error))
            return
        tokens, learnt = 0, 0
        too_long: list[Finding] = []
        for text in texts:
            whole, of_answers = count_tokens(text, self.base.renderer)
            whole += self.base.renderer.primer
            too_long += self._too_long(where, text, whole)
            tokens, learnt = tokens + whole, learnt + of_answers
            self._unstopped[where.file] = self._unstopped.get(where.file, 0) + (not text.ended)
        yield from too_long[:1]  # a preference's two texts share what makes them long
        self.statistics.setdefault(where.split, TokenStatistics()).add(where.line, tokens, learnt)
        yield from _left_out(where, row, texts)
        said = [_says_something(text, self.base) for text in texts]
        if kind != "reinforcement" and not (all(said) if kind == "preference" else any(said)):
            yield _finding(where, "C02", "error", _NOTHING, "$.messages" if kind == "chat" else "$")

    def _too_long(self, where: Where, text: Rendered, count: int) -> Iterator[Finding]:
        limit = self.base.limit
        if limit is None:
            return
        tokenizer = self.base.renderer.tokenizer
        about = "about " if tokenizer.estimated else ""
        if count <= limit:
            if count * (1 + tokenizer.error) > limit:
                yield _finding(
                    where,
                    "C01",
                    "warning",
                    f"The row has about {count:,} tokens and may pass the limit of {limit:,} "
                    f"({self.base.limit_source}): the count is an estimate, shorten the row to be sure.",
                )
            return
        cut = self._cut_answer(text, limit)
        what = f"The row has {about}{count:,} tokens, the limit is {limit:,} ({self.base.limit_source}): "
        if cut is None:
            yield _finding(where, "C01", "warning", what + "its end, which is not learnt, would be cut off.")
        else:
            yield _finding(
                where,
                "C01",
                "error",
                what
                + "the end of an answer would be cut off and never learnt; shorten what stands before it.",
                "$" if cut.message is None or kept_apart(text) else f"$.messages[{cut.message}]",
            )

    def _cut_answer(self, text: Rendered, limit: int) -> Trained | None:
        """The last answer whose end lies past the limit."""
        for span in reversed(text.trained):
            if self.base.renderer.tokenizer.count(text.text[: span.end]) > limit:
                return span
        return None

    def finish(self) -> Iterator[Finding]:
        for split, statistics in self.statistics.items():
            yield self._spent(split, statistics)
        for file, rows in self._unstopped.items():
            if rows and not self.base.renderer.approximate:
                yield Finding(
                    rule="C02",
                    severity="warning",
                    file=file,
                    message="An answer ends with no token that stops the model, so that it may not learn to stop: see "
                    f"the chat template's end-of-turn token. Rows: {rows:,}.",
                )

    def facts(self) -> dict[str, Any]:
        """What was counted, for reports: JSON values."""
        tokenizer = self.base.renderer.tokenizer
        return {
            "tokens": {
                "model": self.base.renderer.name,
                "counter": tokenizer.name,
                "estimated": tokenizer.estimated,
                "error": tokenizer.error,
                "note": tokenizer.note,
                "limit": self.base.limit,
                "splits": {
                    split: statistics.as_dict() | {"histogram": statistics.histogram()}
                    for split, statistics in self.statistics.items()
                },
            }
        }

    def _spent(self, split: str, statistics: TokenStatistics) -> Finding:
        of = statistics.as_dict()
        share = of["learnt"] / of["tokens"] if of["tokens"] else 0.0
        little = share < LITTLE_LEARNT and of["rows"] > 0 and of["learnt"] > 0
        note = self.base.renderer.tokenizer.note
        return Finding(
            rule="C03",
            severity="warning" if little else "info",
            file=self._files[split],
            line=of["longest_line"] or None,
            message=(
                f"{of['rows']:,} rows hold {'about ' if note else ''}{of['tokens']:,} tokens, {share:.0%} of them "
                f"learnt; the median row has {of['median']:,}, 1 in 100 more than {of['p99']:,}, the longest "
                f"{of['longest']:,} (line {of['longest_line']})."
                + (" Images are not counted." if self._with_images else "")
                + (" Little is learnt of much that is read: shorten the prompts." if little else "")
                + (f" {note}" if note else "")
            ),
        )


_NOTHING = (
    "No token of an answer is learnt: the row needs an assistant message with text, or a tool call, whose weight is "
    "not 0."
)


def kept_apart(text: Rendered) -> bool:
    """Its messages are not those of the row's own list."""
    return text.part in ("preferred", "non-preferred")


def _left_out(where: Where, row: Row, texts: tuple[Rendered, ...]) -> Iterator[Finding]:
    """Templates without tools say nothing of a call, and nothing is learnt of it."""
    for text in texts:
        for span in text.trained:
            if span.message is None or kept_apart(text):
                continue
            names = _called(row["messages"][span.message])
            if names and not any(name in text.text[span.start : span.end] for name in names):
                yield _finding(
                    where,
                    "C02",
                    "error",
                    f"The model's chat template leaves out the call of {names[0]!r}, so that it is not learnt: use a "
                    "model whose template knows tools.",
                    f"$.messages[{span.message}].tool_calls",
                )


def _called(message: Mapping[str, Any]) -> list[str]:
    calls = message.get("tool_calls")
    functions = (
        [call.get("function") for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []
    )
    names = [function.get("name") for function in functions if isinstance(function, dict)]
    return [name for name in names if isinstance(name, str) and name]


def _says_something(text: Rendered, base: Base) -> bool:
    """A learnt stretch holds more than white space and the token that ends it."""
    for span in text.trained:
        said = text.text[span.start : span.end].strip()
        for end in base.renderer.ends:
            said = said.removesuffix(end).rstrip()
        if said:
            return True
    return False


def _finding(where: Where, rule: str, severity: Severity, message: str, path: str = "$") -> Finding:
    return Finding(rule=rule, severity=severity, message=message, file=where.file, line=where.line, path=path)
