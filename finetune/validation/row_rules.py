"""The structure of rows: every F06, M, P and R rule, for one row or for all of a file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Any

from finetune.examples import CHAT_KEYS, METADATA, Kind, Row, kind_of
from finetune.findings import Finding, Where
from finetune.profiles import Profile
from finetune.validation import message_rules, preference_rules, tool_rules
from finetune.validation.faults import Fault, findings, meant, rule, shown

RULES = (
    rule(
        "F06",
        "error",
        "One kind of row",
        "A file holds chat, preference, completion or reinforcement rows, one kind only, and one that the provider "
        "takes.",
    ),
    *message_rules.RULES,
    *tool_rules.RULES,
    *preference_rules.RULES,
)
_CHAT_ONLY = frozenset({"messages"})
OF_PREFERENCE = frozenset({"input", "preferred_output", "non_preferred_output", METADATA})
OF_INPUT = frozenset({"messages", "tools", "parallel_tool_calls"})


def kind_of_row(row: Row) -> Kind | None:
    """As `examples.kind_of`, but a row that ends in an answer is a chat, whatever unknown keys it has.

    Reinforcement rows end with the user: the model itself answers while it is trained.
    """
    kind = kind_of(row)
    if kind == "reinforcement":
        messages = row["messages"]
        last = messages[-1] if isinstance(messages, list) and messages else None
        if not isinstance(last, dict) or last.get("role") == "assistant":
            return "chat"
    return kind


class RowRules:
    """Structure of the rows of one check: `look` for each, in order; `finish` says what holds of all."""

    rules = RULES

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._tools = tool_rules.Tools()
        self._reinforcement = preference_rules.ReinforcementRules()
        self._first: dict[str, tuple[Kind, int]] = {}  # by file: the kind of its first row, and its line
        self._without_system: Counter[str] = Counter()  # rows by file
        self._with_metadata: dict[str, tuple[Where, int]] = {}  # by file: the first such row, and how many
        self._takes_chat = "chat" in profile.kinds
        self._offered: dict[str, Where] = {}  # tool -> the first row that offers it
        self._called: set[str] = set()

    def plain(self, file: str, line: int, row: Row) -> bool:
        """Whether the row is a chat with nothing to say about: the quick way for most rows. Else `look` at it."""
        if row.keys() != _CHAT_ONLY or not self._takes_chat:
            return False
        messages = row["messages"]
        if not message_rules.plain(messages, self._profile):
            return False
        if self._first.setdefault(file, ("chat", line))[0] != "chat":
            return False
        if messages[0]["role"] != "system":
            self._without_system[file] += 1
        return True

    def look(self, where: Where, row: Row, kind: Kind | None) -> Iterable[Finding]:
        first = self._first.get(where.file)
        if kind is not None and first is None:
            self._first[where.file] = (kind, where.line)
        self._note(where, row, kind)
        yield from findings(self.faults(row, kind, first), where)

    def faults(self, row: Row, kind: Kind | None, first: tuple[Kind, int] | None = None) -> Iterator[Fault]:
        """Everything that is wrong with the structure of one row."""
        yield from message_rules.kind_faults(row, kind, first, self._profile)
        if kind == "chat":
            yield from _unknown_keys(row, CHAT_KEYS, "$")
            yield from self._chat(row)
            yield from message_rules.answer_faults(row["messages"])
        elif kind == "reinforcement":
            yield from self._chat(row)
            yield from self._reinforcement.faults(row)
        elif kind == "preference":
            yield from self._preference(row)
        elif kind == "completion":
            yield from preference_rules.completion_faults(row)

    def _chat(self, row: Row) -> Iterator[Fault]:
        yield from message_rules.message_faults(row["messages"], self._profile)
        yield from tool_rules.tool_faults(row, self._tools)
        if row.get("functions") is not None:
            yield Fault("M03", "warning", "$.functions", "`functions` is deprecated: use `tools`.")

    def _preference(self, row: Row) -> Iterator[Fault]:
        yield from _unknown_keys(row, OF_PREFERENCE, "$")
        yield from preference_rules.preference_faults(row, self._profile)
        prompt = row.get("input")
        if isinstance(prompt, dict):
            yield from _unknown_keys(prompt, OF_INPUT, "$.input")
            yield from tool_rules.tool_faults(prompt, self._tools, path="$.input")

    def _metadata(self) -> Iterator[Finding]:
        """Once a file: a working file has it in every row, and splits and reviews need it."""
        for where, count in self._with_metadata.values():
            rows = "1 row carries" if count == 1 else f"{count:,} rows carry"
            text = (
                f"{rows} Groundtune's own {METADATA!r}, which {self._profile.title} does not take: `dataset freeze` "
                "writes files without it, and so does `dataset fix --only M03`."
            )
            yield from findings([Fault("M03", "warning", f"$.{METADATA}", text)], where)

    def _note(self, where: Where, row: Row, kind: Kind | None) -> None:
        if METADATA in row and not self._profile.metadata:
            first, count = self._with_metadata.get(where.file, (where, 0))
            self._with_metadata[where.file] = first, count + 1
        body = row.get("input") if kind == "preference" else row
        if not isinstance(body, dict):
            return
        messages = body.get("messages")
        if kind in ("chat", "reinforcement") and isinstance(messages, list):
            roles = [message.get("role") for message in messages if isinstance(message, dict)]
            self._without_system[where.file] += not any(role in message_rules.SYSTEM for role in roles)
        tools = body.get("tools")
        for tool in tools if isinstance(tools, list) else ():
            function = tool.get("function") if isinstance(tool, dict) else None
            if isinstance(function, dict) and isinstance(function.get("name"), str):
                self._offered.setdefault(function["name"], where)
        if isinstance(messages, list):
            self._called.update(tool_rules.called(body))

    def finish(self) -> Iterator[Finding]:
        """What holds of whole files: rows without system message, tools that nothing calls, Groundtune's metadata."""
        yield from self._metadata()
        for file, count in self._without_system.items():
            if count:
                rows = "1 row has" if count == 1 else f"{count:,} rows have"
                text = f"{rows} no system message: right where the model will be asked without one too."
                yield Finding(rule="M05", severity="info", message=text, file=file)
        for name, where in self._offered.items():
            if name not in self._called:
                text = f"The tool {name!r} is offered and never called: the model learns not to call it."
                yield from findings([Fault("M09", "warning", "$.tools", text)], where)


def _unknown_keys(row: Row, known: frozenset[str], path: str) -> Iterator[Fault]:
    unknown = sorted(row.keys() - known)
    if len(unknown) > message_rules.MOST_KEYS:
        text = f"{len(unknown):,} keys are unknown, of which the first are named: remove or rename them."
        yield Fault("M03", "error", path, text)
    for key in unknown[: message_rules.MOST_KEYS]:
        fix: str | None
        if row[key] in (None, [], {}, ""):
            text, fix = f"The key {key!r} is unknown, and empty: remove it.", message_rules.REMOVED
        else:
            better = meant(key, known - row.keys() - {METADATA})
            fix = f"it is written as {better!r}" if better else None
            hint = f"{better!r} is meant, it seems" if better else f"known: {', '.join(sorted(known))}"
            text = f"The key {shown(key)} is unknown ({hint}): remove or rename it."
        yield Fault("M03", "error", f"{path}.{key}", text, fix)


def well_shaped(row: Row, kind: Kind | None) -> bool:
    """Whether the row is built well enough for the rules of its content: lists of objects with roles."""
    if kind == "completion":
        return all(isinstance(row.get(name, ""), str) for name in ("prompt", "completion", "text"))
    if kind == "preference":
        prompt = row.get("input")
        lists = [prompt.get("messages") if isinstance(prompt, dict) else None]
        lists += [row.get("preferred_output"), row.get("non_preferred_output")]
        return all(map(_messages, lists))
    return kind is not None and _messages(row["messages"])


def _messages(messages: Any) -> bool:
    if not isinstance(messages, list) or not messages:
        return False
    return all(
        isinstance(message, dict)
        and isinstance(message.get("role"), str)
        and isinstance(message.get("content"), str | list | None)
        for message in messages
    )
