"""What is wrong with a JSON text, in words that tell its writer what to change."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

FaultCode = Literal[
    "array",  # of objects, on the line or over the whole file
    "binary",  # a packed or binary file
    "blank",
    "bom",
    "comment",
    "crlf",
    "duplicate_key",
    "encoding",  # bytes that are no UTF-8
    "line_ends",  # CR alone between objects
    "nan",  # NaN or Infinity
    "not_an_object",
    "nul",
    "nul_escape",  # \u0000 in a text
    "number",  # past a double, or not written as JSON writes numbers
    "pretty_printed",
    "second_object",  # on one line
    "python",  # a Python dict: single quotes, None, True
    "surrogate",  # half a pair
    "syntax",
    "too_deep",
    "too_long",
    "trailing_comma",
    "trailing_text",  # more after the object
    "truncated",  # ends before its object does
    "utf16",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class JsonFault:
    """One fault in one line."""

    code: FaultCode
    message: str  # one sentence: what is wrong and what to do
    column: int | None  # 1-based, in characters; None for the whole line
    whole_line: bool = False  # an array: it begins and ends on its line


def fault_at(code: FaultCode, message: str, column: int | None = None) -> JsonFault:
    return JsonFault(code=code, message=message, column=column)


_COMMA = "A comma stands before the closing bracket: remove it."
_OF_NUMBERS = "+-.0123456789eE"
_STARTS: tuple[tuple[re.Pattern[str], FaultCode, str], ...] = (
    (
        re.compile(r"-?(?:NaN|Infinity|inf|nan)\b"),
        "nan",
        "{} is not JSON: write null, or leave the field out.",
    ),
    (
        re.compile(r"[bu]?'|(?:None|True|False)\b|\("),
        "python",
        "{} is Python, not JSON: convert the file with `dataset build`.",
    ),
    (re.compile(r"//|#|/\*"), "comment", "JSON has no comments: remove what begins at {}."),
    (re.compile("\0"), "nul", "The line holds a NUL byte: remove it."),
    (
        re.compile(r"[-+]?\.?\d[\w.+-]*|[-+]\.?"),
        "number",
        "{} is no number as JSON writes them: write it plainly.",
    ),
)
_UNKNOWN = ("syntax", "The line is not JSON from {} on: correct it.")


def explain(data: bytes, error: ValueError) -> JsonFault:
    """The fault for a text that orjson refused with `error` (an orjson.JSONDecodeError, which knows the place)."""
    try:
        text = data.decode()
    except UnicodeDecodeError as undecodable:
        return _encoding(data, undecodable)
    position = getattr(error, "pos", 0)
    message = getattr(error, "msg", str(error))
    expected = re.search("expected ('.+)", message)
    if expected and not (text[position : position + 1] in "}]" and text[:position].rstrip().endswith(",")):
        sentence = f"JSON needs {expected[1]} before {_word(text[position:])}: correct it."
        return fault_at("syntax", sentence, position + 1)
    return _by_message(text, position, message) or _by_token(text, position)


def _encoding(data: bytes, error: UnicodeDecodeError) -> JsonFault:
    column = len(data[: error.start].decode("utf-8", "replace")) + 1
    if b"\0" in data:
        return fault_at(
            "nul", "The line holds NUL bytes and is no UTF-8 text: save the file as UTF-8.", column
        )
    byte = data[error.start]
    return fault_at("encoding", f"Byte 0x{byte:02x} is not UTF-8: save the file as UTF-8.", column)


_TOO_DEEP = "The nesting is too deep: flatten it."
_SIMPLE: tuple[tuple[str, FaultCode, str], ...] = (  # in orjson's message, our code, our sentence
    ("surrogate", "surrogate", "A \\u escape is half of a surrogate pair: write both halves."),
    ("infinity", "number", "The number is too large for a double: write it as text."),
    ("allocate", "too_deep", _TOO_DEEP),
    ("depth limit", "too_deep", _TOO_DEEP),
)


def _by_message(text: str, position: int, message: str) -> JsonFault | None:
    """Faults that orjson names itself."""
    for part, code, sentence in _SIMPLE:
        if part in message:
            return fault_at(code, sentence, position + 1)
    if "trailing comma" in message:
        return fault_at("trailing_comma", _COMMA, _comma(text, position + 1))
    if "after document" in message:
        return _trailing(text, position)
    if "control character" in message:
        return _control(text, position)
    if "end of data" in message:
        end = len(text.rstrip()) + 1
        return fault_at("truncated", "The line ends before its JSON object does: complete it.", end)
    return None


def _comma(text: str, column: int) -> int:
    """orjson points at the comma or past it."""
    return text.rfind(",", 0, column) + 1 or column


def _trailing(text: str, position: int) -> JsonFault:
    rest = text[position:].strip()
    column = position + 1
    if rest == ",":
        return fault_at("trailing_comma", "A comma follows the object: remove it.", column)
    if rest.startswith(("{", "[")):
        if "\r" in text[:position].rstrip(" \t")[-1:]:
            return fault_at("line_ends", "The lines end with CR alone (old Mac): write LF.", column)
        return fault_at("second_object", "A second object stands on the line: give it its own line.", column)
    if rest.startswith(("//", "#", "/*")):
        return fault_at("comment", "JSON has no comments: remove it.", column)
    if rest.startswith("\0"):
        return fault_at("nul", "A NUL byte follows the object: remove it.", column)
    return fault_at("trailing_text", f"Text follows the object ({rest[:20]!r}): remove it.", column)


def _control(text: str, position: int) -> JsonFault:
    """orjson points at the character or past it."""
    around = range(min(position, len(text) - 1), max(position - 2, -1), -1)
    place = next((index for index in around if text[index] < " "), position)
    character = text[place : place + 1]
    if character == "\0":
        return fault_at("nul", "The line holds a NUL byte: remove it.", place + 1)
    if character in "\r\n":
        return fault_at(
            "syntax", "A text is broken over two lines: write \\n for a line break in it.", place + 1
        )
    return fault_at("syntax", f"A raw control character ({character!r}) in a text: escape it.", place + 1)


def _by_token(text: str, position: int) -> JsonFault:
    """Faults by what stands at the place."""
    if text[position : position + 1].isdigit() or text[position - 1 : position] in tuple("-.eE+"):
        position -= len(text[:position]) - len(text[:position].rstrip(_OF_NUMBERS))
    rest, column = text[position:], position + 1
    if rest[:1] in ("}", "]") and text[:position].rstrip().endswith(","):
        return fault_at("trailing_comma", _COMMA, _comma(text, column))
    code, sentence = next((found for pattern, *found in _STARTS if pattern.match(rest)), _UNKNOWN)
    return fault_at(code, sentence.format(_word(rest)), column)  # type: ignore[arg-type]


def _word(rest: str) -> str:
    return repr((re.match(r"[-+\w.]+|'[^']*'?|.", rest, re.DOTALL) or [rest])[0][:20])
