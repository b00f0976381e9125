"""Files that are broken in one way each: what `dataset validate` must say of them, with its rule and line.

Each file is otherwise sound: ten good rows stand before the broken one (line 11), unless it is the file itself.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

ROWS = 10
BROKEN = ROWS + 1  # the line of the broken row
Row = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One broken file."""

    name: str
    data: bytes
    rule: str
    severity: str = "error"
    line: int | None = BROKEN
    path: str = "$"
    profile: str = "openai"
    says: str = ""  # part of the message
    fixed: bool = False  # whether `dataset fix` mends it
    file_name: str = "train.jsonl"


def user(content: Any = "Where is valve 3?", **more: Any) -> Row:
    return {"role": "user", "content": content, **more}


def assistant(content: Any = "In hall 2, on the left.", **more: Any) -> Row:
    return {"role": "assistant", "content": content, **more}


def system(content: Any = "You answer for the depot.", **more: Any) -> Row:
    return {"role": "system", "content": content, **more}


def chat(*messages: Any, **more: Any) -> Row:
    return {"messages": list(messages), **more}


def good(number: int) -> Row:
    return chat(
        system(),
        user(f"Where is pump {number * 7919}?"),
        assistant(f"In hall {number}, shelf {number * 31}."),
    )


def written(*rows: Row) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in rows)


GOOD = written(*(good(number) for number in range(ROWS)))
FUNCTION = {
    "name": "weather",
    "parameters": {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]},
}
TOOLS = [{"type": "function", "function": FUNCTION}]


def call(
    identifier: Any = "c1", arguments: Any = '{"city": "Ghent"}', name: str = "weather", **more: Any
) -> Row:
    return {"id": identifier, "type": "function", "function": {"name": name, "arguments": arguments}, **more}


def calling(*calls: Any, answers: tuple[Any, ...] = ("c1",), tools: Any = TOOLS) -> Row:
    answered = [{"role": "tool", "tool_call_id": one, "content": "12 degrees"} for one in answers]
    return chat(user(), {"role": "assistant", "content": None, "tool_calls": list(calls)}, *answered, assistant(),
                tools=tools)  # fmt: skip


def pair(**more: Any) -> Row:
    row = {
        "input": {"messages": [user()]},
        "preferred_output": [assistant("In hall 2.")],
        "non_preferred_output": [assistant("No idea at all.")],
    }
    return {name: value for name, value in (row | more).items() if value is not ...}


def text_cases() -> Iterator[Case]:
    """F01 to F05: encoding, lines, JSON, size."""
    line = written(good(99)).decode().rstrip("\n")
    open_row = line[:-1]
    nested = '{"messages": ' + "[" * 101 + "]" * 101 + "}"

    def raw(name: str, text: str | bytes, rule: str, **more: Any) -> Case:
        body = text if isinstance(text, bytes) else text.encode()
        return Case(name=name, data=GOOD + body + b"\n" + GOOD, rule=rule, **more)

    yield raw("Latin-1", line.replace("hall", "Höhle").encode("latin-1"), "F01", says="0xf6")
    yield raw("bytes cut within a character", line.replace("hall", "ö").encode().replace(b"\xb6", b""), "F01")
    yield raw("raw NUL", line.replace("hall", "ha\0ll"), "F01", says="NUL")
    yield raw("escaped NUL", line.replace("hall", "ha\\u0000ll"), "F01", severity="warning", fixed=True)
    yield raw("half a surrogate pair", line.replace("hall", "\\ud83d"), "F01", says="surrogate")
    yield Case(name="BOM", data=codecs.BOM_UTF8 + GOOD, rule="F01", line=1, fixed=True)
    yield Case(
        name="BOM for local", data=codecs.BOM_UTF8 + GOOD, rule="F01", line=1, profile="local", fixed=True
    )
    yield Case(name="no BOM for Azure", data=GOOD, rule="F01", line=1, profile="azure", fixed=True)
    yield Case(
        name="UTF-16", data=GOOD.decode().encode("utf-16"), rule="F01", line=1, says="UTF-16", fixed=True
    )
    yield raw("trailing comma", line[:-1] + ",}", "F02", says="comma", fixed=True)
    yield raw("comma after the object", line + ",", "F02", says="comma", fixed=True)
    yield raw("two objects on a line", line + written(good(98)).decode().strip(), "F02", fixed=True)
    yield raw("text after the object", line + " end", "F02", says="'end'")
    yield raw("comment", "// the next rows", "F02", says="comments")
    yield raw("torn line", open_row, "F02", says="ends before")
    yield raw("Python dict", str(good(99)), "F02", says="Python")
    yield raw("bare text", "Where is valve 3?", "F02")
    yield raw("number", "42", "F02", says="42")
    yield raw("array of messages", json.dumps(good(99)["messages"]), "F02", says="array", fixed=True)
    yield raw("blank line", "", "F02", severity="warning", fixed=True)
    yield raw("pretty-printed", json.dumps(good(99), indent=2), "F02", says="several lines", fixed=True)
    yield raw("raw line break in a text", line.replace("hall", "ha\nll"), "F02")
    yield raw("raw tab in a text", line.replace("hall", "ha\tll"), "F02", says="control character")
    yield Case(
        name="CRLF", data=GOOD.replace(b"\n", b"\r\n"), rule="F02", severity="warning", line=1, fixed=True
    )
    yield Case(name="CR alone", data=GOOD.replace(b"\n", b"\r"), rule="F02", line=1, fixed=True)
    rows = [json.loads(one) for one in GOOD.splitlines()]
    yield Case(name="array", data=json.dumps(rows, indent=1).encode(), rule="F02", line=1, fixed=True)
    yield Case(name="array on one line", data=json.dumps(rows).encode(), rule="F02", line=1, fixed=True)
    yield Case(name="gzip", data=b"\x1f\x8b\x08\x00" + bytes(40), rule="F02", line=1, says="gzip")
    yield raw("duplicate key", open_row + ', "messages": []}', "F03", says="'messages' stands twice")
    yield raw("NaN", open_row + ', "score": NaN}', "F03", says="NaN")
    yield raw("Infinity", open_row + ', "score": -Infinity}', "F03", says="Infinity")
    yield raw("number past a double", open_row + ', "score": 1e999}', "F03", says="double")
    yield raw("leading zero", open_row + ', "score": 007}', "F03", says="number")
    yield raw("nested too deeply", nested, "F03", says="deep")
    yield Case(name="wrong ending", data=GOOD, rule="F04", line=None, file_name="train.txt", says=".jsonl")
    yield Case(name="empty file", data=b"", rule="F05", line=None, says="0 rows")
    yield Case(name="nine rows", data=written(*map(good, range(9))), rule="F05", line=None, says="add 1")
    yield Case(
        name="two rows for Fireworks",
        data=written(good(1), good(2)),
        rule="F05",
        line=None,
        profile="fireworks",
    )
    yield Case(name="ten rows", data=GOOD, rule="F05", severity="warning", line=None, says="below 50")


def row_cases() -> Iterator[Case]:
    """F06, M, P and R: one broken row after ten good ones."""

    def row(name: str, broken: Row, rule: str, path: str = "$", **more: Any) -> Case:
        return Case(name=name, data=GOOD + written(broken), rule=rule, path=path, **more)

    yield row("ShareGPT", {"conversations": [{"from": "human", "value": "Hi"}]}, "F06", says="ShareGPT")
    yield row("Alpaca", {"instruction": "Say hi", "output": "Hi"}, "F06", says="Alpaca")
    yield row("text and messages", {"text": "a", **good(1)}, "F06", says="two kinds")
    yield row("no known keys", {"question": "Hi?", "answer": "Hi"}, "F06", says="question")
    yield row("misspelt messages", {"mesages": good(1)["messages"]}, "F06", says="'messages' is meant")
    yield row("preference among chat", pair(), "F06", says="line 1")
    yield row("completion for OpenAI", {"prompt": "a", "completion": "b"}, "F06", says="completion")
    yield row("preference for Nebius", pair(), "F06", profile="nebius", says="Nebius")
    yield row("empty messages", chat(), "M01", "$.messages")
    yield row("messages no list", {"messages": "Hi"}, "M01", "$.messages")
    yield row("message no object", chat("Hi", assistant()), "M01", "$.messages[0]")
    yield row(
        "unknown role",
        chat(user(), {"role": "robot", "content": "x"}, assistant()),
        "M02",
        "$.messages[1].role",
    )
    yield row(
        "human", chat({"role": "human", "content": "x"}, assistant()), "M02", "$.messages[0].role", fixed=True
    )
    yield row(
        "capital role",
        chat({"role": "User", "content": "x"}, assistant()),
        "M02",
        "$.messages[0].role",
        fixed=True,
    )
    yield row("no role", chat({"content": "x"}, assistant()), "M02", "$.messages[0].role", says="missing")
    yield row(
        "developer for Together",
        chat({"role": "developer", "content": "x"}, user(), assistant()),
        "M02",
        "$.messages[0].role",
        profile="together",
        fixed=True,
    )
    yield row(
        "function role",
        chat(user(), {"role": "function", "name": "f", "content": "1"}, assistant()),
        "M02",
        "$.messages[1].role",
        severity="warning",
        says="deprecated",
    )
    yield row("unknown key", chat(user(mood="glad"), assistant()), "M03", "$.messages[0].mood")
    yield row(
        "misspelt key",
        chat({"role": "user", "contents": "x"}, assistant()),
        "M03",
        "$.messages[0].contents",
        fixed=True,
    )
    yield row(
        "unknown empty key", chat(user(), assistant(audio=None)), "M03", "$.messages[1].audio", fixed=True
    )
    yield row(
        "from and value",
        chat({"from": "human", "value": "x"}, assistant()),
        "M03",
        "$.messages[0].from",
        says="ShareGPT",
    )
    yield row(
        "function_call",
        chat(user(), assistant(function_call=None)),
        "M03",
        "$.messages[1].function_call",
        severity="warning",
        fixed=True,
    )
    yield row("unknown key of the row", good(1) | {"source": "crm"}, "M03", "$.source")
    yield row(
        "metadata",
        good(1) | {"metadata": {"origin": "imported"}},
        "M03",
        "$.metadata",
        severity="warning",
    )
    yield row("name no text", chat(user(name=7), assistant()), "M03", "$.messages[0].name", fixed=True)
    yield row("content null", chat(user(None), assistant()), "M04", "$.messages[0].content", says="null")
    yield row(
        "content missing", chat({"role": "user"}, assistant()), "M04", "$.messages[0].content", says="missing"
    )
    yield row("content empty", chat(user(), assistant("")), "M04", "$.messages[1].content", says="empty")
    yield row(
        "content white space",
        chat(user(" \n"), assistant()),
        "M04",
        "$.messages[0].content",
        says="white space",
    )
    yield row("content number", chat(user(), assistant(42)), "M04", "$.messages[1].content", fixed=True)
    yield row("content object", chat(user({"a": 1}), assistant()), "M04", "$.messages[0].content")
    yield row("no parts", chat(user([]), assistant()), "M04", "$.messages[0].content")
    yield row(
        "empty part",
        chat(user([{"type": "text", "text": ""}]), assistant()),
        "M04",
        "$.messages[0].content[0].text",
    )
    yield row("unknown part", chat(user([{"type": "audio"}]), assistant()), "M04", "$.messages[0].content[0]")
    picture = {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}}
    yield row(
        "image for local",
        chat(user([picture]), assistant()),
        "M04",
        "$.messages[0].content[0]",
        profile="local",
    )
    yield row("image of the assistant", chat(user(), assistant([picture])), "M04", "$.messages[1].content[0]")
    yield row(
        "image by path",
        chat(user([picture | {"image_url": {"url": "a.png"}}]), assistant()),
        "M04",
        "$.messages[0].content[0].image_url",
    )
    yield row("no answer", chat(system(), user()), "M05", "$.messages", says="no assistant")
    yield row("answer of weight 0", chat(user(), assistant(weight=0)), "M05", "$.messages", says="weight 0")
    yield row("user last", chat(user(), assistant(), user("Thanks")), "M05", "$.messages[2]", fixed=True)
    yield row("no question", chat(system(), assistant()), "M05", "$.messages", severity="warning")
    yield row(
        "weight of a user", chat(user(weight=1), assistant()), "M06", "$.messages[0].weight", fixed=True
    )
    yield row("weight 0.5", chat(user(), assistant(weight=0.5)), "M06", "$.messages[1].weight")
    yield row(
        "weight as text", chat(user(), assistant(weight="1")), "M06", "$.messages[1].weight", fixed=True
    )
    yield row("weight true", chat(user(), assistant(weight=True)), "M06", "$.messages[1].weight", fixed=True)
    yield row(
        "two systems",
        chat(system(), user(), system("Be brief."), assistant()),
        "M07",
        "$.messages[2]",
        severity="warning",
        fixed=True,
    )
    yield row(
        "system second, Fireworks",
        chat(user(), system(), assistant()),
        "M07",
        "$.messages[1]",
        profile="fireworks",
        fixed=True,
    )
    yield row(
        "two users, Together",
        chat(user(), user("And pump 4?"), assistant()),
        "M07",
        "$.messages[1]",
        profile="together",
        fixed=True,
    )
    yield row(
        "two answers, local",
        chat(user(), assistant(), assistant("Or not.")),
        "M07",
        "$.messages[2]",
        profile="local",
        severity="warning",
        fixed=True,
    )


def tool_cases() -> Iterator[Case]:
    """M08 and M09."""
    calls = "$.messages[1].tool_calls"

    def row(name: str, broken: Row, rule: str, path: str, **more: Any) -> Case:
        return Case(name=name, data=GOOD + written(broken), rule=rule, path=path, **more)

    yield row("call without id", calling(call(None), answers=()), "M08", f"{calls}[0].id")
    yield row("two calls of one id", calling(call(), call()), "M08", f"{calls}[1].id")
    yield row("call without type", calling(call() | {"type": None}), "M08", f"{calls}[0].type", fixed=True)
    yield row("call of no function", calling(call() | {"function": {}}), "M08", f"{calls}[0].function")
    yield row(
        "call of an unknown function",
        calling(call(name="wether")),
        "M08",
        f"{calls}[0].function.name",
        says="Did you mean 'weather'",
    )
    yield row("call without tools", calling(call(), tools=None), "M08", f"{calls}[0].function.name")
    yield row(
        "arguments an object",
        calling(call(arguments={"city": "Ghent"})),
        "M08",
        f"{calls}[0].function.arguments",
        fixed=True,
    )
    yield row(
        "arguments no JSON", calling(call(arguments="{city: Ghent}")), "M08", f"{calls}[0].function.arguments"
    )
    yield row(
        "arguments with NaN",
        calling(call(arguments='{"city": NaN}')),
        "M08",
        f"{calls}[0].function.arguments",
    )
    yield row(
        "argument missing",
        calling(call(arguments="{}")),
        "M08",
        f"{calls}[0].function.arguments",
        says="city",
    )
    yield row(
        "argument of a wrong type",
        calling(call(arguments='{"city": 9}')),
        "M08",
        f"{calls}[0].function.arguments",
        says="$.city",
    )
    yield row("answer to no call", calling(call(), answers=("c1", "c2")), "M08", "$.messages[3].tool_call_id")
    yield row(
        "answer without id", calling(call(), answers=(None,)), "M08", "$.messages[2].tool_call_id", fixed=True
    )
    yield row("call without answer", calling(call(), call("c2")), "M08", f"{calls}[1]", says="'c2'")
    more = calling(call(), call("c2"))
    more["messages"] += [user(), assistant(), user(), assistant()]
    yield row("call without answer, turns after it", more, "M08", f"{calls}[1]", says="'c2'")
    yield row("no calls", chat(user(), assistant(tool_calls=[])), "M08", calls, fixed=True)
    yield row(
        "user calls",
        chat(user(tool_calls=[call()]), assistant(), tools=TOOLS),
        "M08",
        "$.messages[0].tool_calls",
    )
    yield row("tools no list", chat(user(), assistant(), tools={}), "M09", "$.tools")
    yield row("tool no function", chat(user(), assistant(), tools=[FUNCTION]), "M09", "$.tools[0]")
    yield row(
        "tool without name",
        chat(user(), assistant(), tools=[{"type": "function", "function": {}}]),
        "M09",
        "$.tools[0].function.name",
    )
    yield row(
        "two tools of one name", chat(user(), assistant(), tools=TOOLS * 2), "M09", "$.tools[1].function.name"
    )
    schema = {"type": "object", "properties": {"city": {"type": "strin"}}}
    wrong = [{"type": "function", "function": FUNCTION | {"parameters": schema}}]
    yield row(
        "schema of no type", chat(user(), assistant(), tools=wrong), "M09", "$.tools[0].function.parameters"
    )
    yield row(
        "tool never called", chat(user(), assistant(), tools=TOOLS), "M09", "$.tools", severity="warning"
    )
    yield row(
        "parallel_tool_calls a text",
        calling(call()) | {"parallel_tool_calls": "no"},
        "M09",
        "$.parallel_tool_calls",
    )


def other_kinds() -> Iterator[Case]:
    """P01, R01 and completions: files of their own kind."""

    def pairs(name: str, broken: Row, path: str, rule: str = "P01", **more: Any) -> Case:
        sound = [pair(input={"messages": [user(f"Where is pump {number}?")]}) for number in range(ROWS)]
        return Case(name=name, data=written(*sound, broken), rule=rule, path=path, **more)

    yield pairs("no input", pair(input=...), "$.input")
    yield pairs(
        "prompt ends in an answer", pair(input={"messages": [user(), assistant()]}), "$.input.messages[1]"
    )
    yield pairs("empty prompt", pair(input={"messages": []}), "$.input.messages", rule="M01")
    yield pairs("no other answer", pair(non_preferred_output=...), "$.non_preferred_output")
    yield pairs(
        "two preferred", pair(preferred_output=[assistant("a"), assistant("b")]), "$.preferred_output"
    )
    yield pairs("answer as text", pair(preferred_output="In hall 2."), "$.preferred_output", fixed=True)
    yield pairs("answer of a user", pair(preferred_output=[user("In hall 2.")]), "$.preferred_output[0].role")
    yield pairs(
        "equal answers",
        pair(non_preferred_output=[assistant("in  HALL 2.")]),
        "$.non_preferred_output",
        fixed=True,
    )
    yield pairs(
        "length teaches",
        pair(preferred_output=[assistant("word " * 40)]),
        "$.preferred_output",
        severity="warning",
    )
    yield pairs("unknown key of a pair", pair(score=3), "$.score", rule="M03")

    def graded(name: str, broken: Row, path: str) -> Case:
        sound = [chat(user(f"What is {number} + 1?"), answer=str(number + 1)) for number in range(ROWS)]
        return Case(name=name, data=written(*sound, broken), rule="R01", path=path)

    yield graded("grader field missing", chat(user(), other="x"), "$.answer")
    yield graded("grader field empty", chat(user(), answer=""), "$.answer")
    yield graded("system last", chat(user(), system(), answer="x"), "$.messages[1]")
    sound = [{"prompt": f"Pump {number}:", "completion": f" hall {number}"} for number in range(ROWS)]
    for name, broken, path in (
        ("no completion text", {"prompt": "a", "completion": None}, "$.completion"),
        ("completion of white space", {"prompt": "a", "completion": " "}, "$.completion"),
    ):
        yield Case(name=name, data=written(*sound, broken), rule="M04", path=path, profile="local")


SOURCES: tuple[Callable[[], Iterator[Case]], ...] = (text_cases, row_cases, tool_cases, other_kinds)
CASES: tuple[Case, ...] = tuple(case for source in SOURCES for case in source())
