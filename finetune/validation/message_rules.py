"""Rules of a list of messages: roles, keys, content, weights and their order. Those of tool calls: tool_rules.py."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from finetune.examples import Kind
from finetune.profiles import Profile
from finetune.validation.faults import Fault, meant, rule, shown

RULES = (
    rule("M01", "error", "Messages", "A row's messages are a list of objects, with at least one in it."),
    rule("M02", "error", "Roles", "A role is one that the provider's models know; `function` is deprecated."),
    rule(
        "M03",
        "error",
        "Unknown keys",
        "Providers refuse keys that they do not know; rows of another form (ShareGPT, Alpaca) are imported with "
        "`dataset build`.",
    ),
    rule(
        "M04",
        "error",
        "Content",
        "A message says something: a text, or parts of the kinds that the provider takes.",
    ),
    rule(
        "M05",
        "error",
        "An answer to learn",
        "Each row ends in an assistant message, and at least one assistant message is trained on (weight not 0).",
    ),
    rule("M06", "error", "Weights", "A weight is 0 or 1 and stands on an assistant message."),
    rule(
        "M07",
        "error",
        "Order of roles",
        "The system message comes first and once, and user and assistant take turns, where the provider or the chat "
        "template asks for it.",
    ),
)
KEYS = frozenset(
    {"role", "content", "name", "tool_calls", "tool_call_id", "weight", "refusal", "function_call"}
)
MOST_KEYS = 20  # unknown ones of one object that are named each
_PLAIN = frozenset({"role", "content"})
FOREIGN = {"from": "ShareGPT", "value": "ShareGPT", "instruction": "Alpaca", "output": "Alpaca"}
SYSTEM = ("system", "developer")
ROLE_ALIASES = {
    "human": "user", "customer": "user", "gpt": "assistant", "bot": "assistant", "model": "assistant",
    "ai": "assistant", "chatgpt": "assistant", "observation": "tool",
}  # fmt: skip
_SPEAKERS = ("user", "assistant")
_ASKING = ("user", "tool", "function")
_JOINED = "the two are joined, with an empty line between"
REMOVED = "the key is removed"
WRITTEN_AS_TEXT = "it is written as text"


def plain(messages: Any, profile: Profile) -> bool:
    """Whether nothing can be wrong: messages of role and text, at most one system message, turns, an answer last.

    The common row in a fraction of the time that `message_faults` takes; it says True only where that finds nothing.
    """
    if messages.__class__ is not list or not messages:
        return False
    turn = "user"
    for message in messages:
        if message.__class__ is not dict or message.keys() != _PLAIN:
            return False
        content, role = message["content"], message["role"]
        if content.__class__ is not str or not content or content.isspace():
            return False
        if role != turn:
            if role == "system" and message is messages[0] and role in profile.roles:
                continue
            return False
        turn = "assistant" if turn == "user" else "user"
    return bool(role == "assistant")


def message_faults(messages: Any, profile: Profile, *, path: str = "$.messages") -> Iterator[Fault]:
    """M01 to M04, M06 and M07 of any list of messages: a chat's, a prompt's, a preferred answer's."""
    if not isinstance(messages, list) or not messages:
        what = "is empty" if messages == [] else f"is no list but {shown(messages)}"
        yield Fault("M01", "error", path, f"`messages` {what}: it must be a list of messages.")
        return
    for index, message in enumerate(messages):
        here = f"{path}[{index}]"
        if isinstance(message, dict):
            yield from _one(message, profile, here)
        else:
            yield Fault("M01", "error", here, f"The message is no object but {shown(message)}.")
    yield from _order(messages, profile, path)


def answer_faults(messages: Any, *, path: str = "$.messages") -> Iterator[Fault]:
    """M05 of a chat row."""
    if not isinstance(messages, list) or not messages:
        return
    roles = [message.get("role") if isinstance(message, dict) else None for message in messages]
    trained = [
        index
        for index, role in enumerate(roles)
        if role == "assistant" and messages[index].get("weight", 1) not in (0, "0")
    ]
    if "assistant" not in roles:
        yield Fault(
            "M05", "error", path, "There is no assistant message: nothing would be learnt. Add the answer."
        )
        return
    if not trained:
        yield Fault("M05", "error", path, "Every assistant message has weight 0: nothing would be learnt.")
    if roles[-1] != "assistant":
        message = f"The last message is of role {shown(roles[-1])}: the row must end in the answer to learn."
        yield Fault(
            "M05", "error", f"{path}[{len(roles) - 1}]", message, "what follows the last answer is removed"
        )
    if not any(role in _ASKING for role in roles[: roles.index("assistant")]):
        yield Fault(
            "M05", "warning", path, "No user message stands before the first answer: add the question."
        )


def _one(message: dict[str, Any], profile: Profile, here: str) -> Iterator[Fault]:
    yield from _role(message, profile, here)
    yield from _keys(message, here)
    yield from _content(message, profile, here)
    yield from _weight(message, here)
    name = message.get("name")
    if name is not None and not isinstance(name, str):
        fix = WRITTEN_AS_TEXT if isinstance(name, int | float) else None
        yield Fault("M03", "error", f"{here}.name", f"`name` is no text but {shown(name)}.", fix)


def _role(message: dict[str, Any], profile: Profile, here: str) -> Iterator[Fault]:
    role = message.get("role")
    if role == "function" and "function" in profile.roles:
        text = "The role 'function' is deprecated: use 'tool' with tool_call_id."
        yield Fault("M02", "warning", f"{here}.role", text)
    elif not isinstance(role, str) or role not in profile.roles:
        known = ", ".join(sorted(profile.roles - {"function"}))
        what = f"The role {shown(role)} is none" if "role" in message else "The role is missing; it is one"
        better = right_role(role, profile)
        fix = f"it is written as {better!r}" if better else None
        yield Fault("M02", "error", f"{here}.role", f"{what} of {known}.", fix)


def right_role(role: object, profile: Profile) -> str | None:
    """The provider's word for a role that goes by another name."""
    if not isinstance(role, str):
        return None
    if role == "developer" and "developer" not in profile.roles:
        return "system"
    return ROLE_ALIASES.get(role.strip().lower()) or meant(role, profile.roles - {"function"})


def _keys(message: dict[str, Any], here: str) -> Iterator[Fault]:
    unknown = sorted(message.keys() - KEYS)
    for key in unknown[:MOST_KEYS]:
        yield Fault("M03", "error", f"{here}.{key}", *_unknown(key, message))
    if len(unknown) > MOST_KEYS:
        text = f"{len(unknown) - MOST_KEYS:,} further keys are unknown: remove or rename them."
        yield Fault("M03", "error", here, text)
    if "function_call" in message:
        text = "`function_call` is deprecated: use tool_calls."
        fix = REMOVED if message["function_call"] is None else None
        yield Fault("M03", "warning", f"{here}.function_call", text, fix)


def _unknown(key: str, message: dict[str, Any]) -> tuple[str, str | None]:
    if key in FOREIGN and message[key]:
        form = FOREIGN[key]
        return f"The key {key!r} is of the {form} form: import the file with `dataset build`.", None
    if message[key] in (None, [], {}, ""):
        return f"The key {key!r} is unknown, and empty: remove it.", REMOVED
    better = meant(key, KEYS - message.keys())
    if better:
        return f"The key {key!r} is unknown; {better!r} is meant, it seems.", f"it is written as {better!r}"
    return f"The key {key!r} is unknown (known: {', '.join(sorted(KEYS))}): remove or rename it.", None


def _content(message: dict[str, Any], profile: Profile, here: str) -> Iterator[Fault]:
    content = message.get("content")
    path = f"{here}.content"
    if isinstance(content, str):
        if (not content and not _speaks_otherwise(message)) or content.isspace():
            what = "only white space" if content else "empty"
            yield Fault("M04", "error", path, f"The content is {what}: write what the message says.")
    elif isinstance(content, list):
        yield from _parts(content, message.get("role"), profile, path)
    elif content is None:
        if not _speaks_otherwise(message):
            what = "null" if "content" in message else "missing"
            yield Fault("M04", "error", path, f"The content is {what}: write what the message says.")
    else:
        fix = WRITTEN_AS_TEXT if isinstance(content, int | float) else None
        yield Fault("M04", "error", path, f"The content is no text but {shown(content)}.", fix)


def _speaks_otherwise(message: dict[str, Any]) -> bool:
    """An assistant's message may stand without content for what it calls or refuses."""
    if message.get("role") != "assistant":
        return False
    return any(message.get(key) for key in ("tool_calls", "function_call", "refusal"))


def _parts(parts: list[Any], role: object, profile: Profile, path: str) -> Iterator[Fault]:
    if not parts:
        yield Fault("M04", "error", path, "The list of parts is empty: write what the message says.")
    for index, part in enumerate(parts):
        here = f"{path}[{index}]"
        kind = part.get("type") if isinstance(part, dict) else None
        if not isinstance(kind, str) or kind not in profile.parts:
            known = ", ".join(sorted(profile.parts))
            text = f"A part of type {shown(kind)}; {profile.title} takes {known}."
            yield Fault("M04", "error", here, text)
        elif kind == "text" and not (isinstance(part.get("text"), str) and part["text"].strip()):
            yield Fault("M04", "error", f"{here}.text", "The text of the part is empty or no text.")
        elif kind == "image_url":
            yield from _image(part, role, here)


def _image(part: dict[str, Any], role: object, here: str) -> Iterator[Fault]:
    image = part.get("image_url")
    url = image.get("url") if isinstance(image, dict) else None
    if not isinstance(url, str) or not url.startswith(("https://", "data:image/")):
        text = f"An image is {{'url': 'https://...'}} or a data:image/ URL, not {shown(image)}."
        yield Fault("M04", "error", f"{here}.image_url", text)
    if role != "user":
        yield Fault(
            "M04", "error", here, f"An image stands in a message of role {shown(role)}: only users send them."
        )


def _weight(message: dict[str, Any], here: str) -> Iterator[Fault]:
    if "weight" not in message:
        return
    weight, path = message["weight"], f"{here}.weight"
    if message.get("role") != "assistant":
        text = f"A weight on a message of role {shown(message.get('role'))}: only answers are trained on."
        yield Fault("M06", "error", path, text, REMOVED)
    elif isinstance(weight, bool) or not isinstance(weight, int) or weight not in (0, 1):
        fix = None if right_weight(weight) is None else f"it is written as {right_weight(weight)}"
        yield Fault("M06", "error", path, f"The weight is {shown(weight)}: it must be 0 or 1.", fix)


def right_weight(weight: object) -> int | None:
    """0 or 1 where that is what was meant."""
    known = {"0": 0, "1": 1, "0.0": 0, "1.0": 1, "False": 0, "True": 1, "false": 0, "true": 1}
    return known.get(str(weight).strip())


def _order(messages: list[Any], profile: Profile, path: str) -> Iterator[Fault]:
    roles = [message.get("role") if isinstance(message, dict) else None for message in messages]
    systems = [index for index, role in enumerate(roles) if role in SYSTEM]
    severity = profile.system_first
    if severity != "allowed" and systems and systems != [0]:
        at = systems[0] if systems[0] else systems[1]
        what = "A second system message" if len(systems) > 1 else "The system message is not the first"
        fix = "system messages are joined into one at the start" if systems_joinable(messages) else None
        yield Fault("M07", severity, f"{path}[{at}]", f"{what}: {profile.title} wants one, first.", fix)
    yield from _turns(messages, roles, profile, path)


def systems_joinable(messages: list[Any]) -> bool:
    """Whether all system messages are texts, in a list of objects."""
    if not all(isinstance(message, dict) for message in messages):
        return False
    return all(isinstance(one.get("content"), str) for one in messages if one.get("role") in SYSTEM)


def joinable(first: Any, second: Any) -> bool:
    """Two texts of one speaker, user or assistant, that differ in nothing but what they say."""
    if not isinstance(first, dict) or not isinstance(second, dict) or first.get("role") not in _SPEAKERS:
        return False
    texts = isinstance(first.get("content"), str) and isinstance(second.get("content"), str)
    return texts and {**first, "content": ""} == {**second, "content": ""}


def _turns(messages: list[Any], roles: list[Any], profile: Profile, path: str) -> Iterator[Fault]:
    severity = profile.alternation
    if severity == "allowed":
        return
    previous = None
    for index, role in enumerate(roles):
        if role == previous and role in _SPEAKERS:
            text = f"Two messages of role {role!r} in a row: user and assistant must take turns."
            fix = _JOINED if joinable(messages[index - 1], messages[index]) else None
            yield Fault("M07", severity, f"{path}[{index}]", text, fix)
        previous = role


def kind_faults(
    row: dict[str, Any], kind: Kind | None, first: tuple[Kind, int] | None, profile: Profile
) -> Iterator[Fault]:
    """F06 of one row; `first` is the kind of the file's first row, with its line."""
    if kind is None:
        yield Fault("F06", "error", "$", _no_kind(row))
    elif kind not in profile.kinds:
        takes = ", ".join(sorted(profile.kinds))
        text = f"A {kind} row; {profile.title} takes {takes} rows: convert the file with `dataset build`."
        yield Fault("F06", "error", "$", text)
    elif first is not None and kind != first[0]:
        text = f"A {kind} row, where line {first[1]} is a {first[0]} row: put them in different files."
        yield Fault("F06", "error", "$", text)


def _no_kind(row: dict[str, Any]) -> str:
    for keys, form in (
        ("conversations", "ShareGPT"),
        ("instruction", "Alpaca"),
        ("chosen", "TRL preference"),
    ):
        if keys in row:
            return f"The row is of the {form} form: import the file with `dataset build`."
    told = sorted(row.keys() & {"messages", "text", "completion", "preferred_output", "non_preferred_output"})
    if told:
        return f"The row has {' and '.join(map(repr, told))} and so is of two kinds: keep one."
    close = next((better for key in row if (better := meant(key, {"messages"}))), None)
    hint = f"; {close!r} is meant, it seems" if close else ""
    return f'The row has the keys {shown(sorted(row), 60)} but no "messages"{hint}: it is of no known kind.'
