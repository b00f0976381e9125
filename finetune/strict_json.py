"""JSON Lines read strictly and fast: every line is one JSON object (RFC 8259), or a fault with its line and column.

Stricter than the standard library, which lets NaN, Infinity, lone surrogates and duplicate keys pass, and than RFC 8259
where that leaves room: a key stands once in an object, nesting ends at DEEPEST, a number fits a double.

orjson does the parsing. It keeps the last of duplicate keys without a word, so the keys that it found are counted
against the places in the text where a key can end, a quote before a colon: equal counts prove that none was lost
(`"` stands bare in JSON only at the ends of strings, so the places are never fewer than the keys). Only where the
counts differ, as with a text that starts with a colon, the line is read a second time, token by token.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson

from errors import DatasetError, DatasetFormatError
from finetune.examples import Row
from finetune.json_faults import FaultCode, JsonFault, explain, fault_at

DEEPEST = 100  # objects and lists within one another; schemas of tools reach about 20
LONGEST = 64 * 2**20  # bytes of one line
_BUFFER = 2**20
_BOM = b"\xef\xbb\xbf"
# Possessive (++, *+): the engine keeps no way back for each character of a text of 60 MB.
_TOKEN = re.compile(r'"(?:[^"\\]++|\\.)*+"|[{}\[\]:,]', re.DOTALL)
_TEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+("?)', re.DOTALL)  # a text without an end takes the rest of its line
_A_LINE = 64  # bytes that a line weighs beside its own when lines are looked through
_LOOK_AHEAD = 5 * LONGEST  # bytes that may be looked through in vain; twice what is read comes back
_FORMATS = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "ZIP (perhaps a spreadsheet)",
    b"PAR1": "Parquet",
    b"BZh": "bzip2",
    b"\x28\xb5\x2f\xfd": "Zstandard",
    b"SQLite format 3": "SQLite",
}
_WIDE = {b"\xff\xfe": "UTF-16", b"\xfe\xff": "UTF-16"}


class Line(NamedTuple):
    """One line: a row, or the fault that keeps it from being one. A tuple since a million of them are made."""

    number: int  # 1-based, of the first line where `raw` spans several
    value: Row | None  # None exactly where there is a fault
    fault: JsonFault | None
    raw: bytes  # as it stands in the file, with its line end; empty for a line past the longest
    notes: tuple[
        JsonFault, ...
    ] = ()  # what does not keep the line from being read: "bom", "crlf", "nul_escape"


_CRLF = JsonFault(
    code="crlf", message="The line ends with CRLF (Windows): write lines that end with LF.", column=None
)
_BOM_NOTE = JsonFault(code="bom", message="The file starts with a byte order mark (BOM).", column=1)
_NUL_ESCAPE = JsonFault(
    code="nul_escape", message="A text holds the character NUL (\\u0000): remove it.", column=None
)


def lines(path: Path, *, longest_bytes: int = LONGEST) -> Iterator[Line]:
    """Every line of a JSONL file in order, blank ones too (fault "blank"), in memory for one line.

    Where the file is of another form as a whole (an array over many lines, UTF-16, a packed file) the last line given
    carries that fault. A JSON object over several lines comes as one Line with the fault "pretty_printed" and all
    its bytes. Raises DatasetError where the file cannot be opened or read.
    """
    with _opened(path) as file:
        yield from _Reader(file, longest_bytes).lines()


def parse(text: bytes) -> tuple[Any, JsonFault | None]:
    """(value of one JSON text, None), or (None, its first fault)."""
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return None, explain(text, error)
    fault = _hidden_fault(text, value)
    return (None, fault) if fault else (value, None)


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    try:
        with path.open("rb", buffering=_BUFFER) as file:
            yield file
    except FileNotFoundError as error:
        raise DatasetFormatError(f"There is no file {str(path)!r}.") from error
    except IsADirectoryError as error:
        raise DatasetFormatError(f"{str(path)!r} is a folder: name a .jsonl file.") from error
    except OSError as error:
        raise DatasetError(f"Cannot read {str(path)!r} ({error.strerror}).") from error


class _Reader:
    """Lines of one open file, with those put back that a look ahead took."""

    def __init__(self, file: BinaryIO, longest: int) -> None:
        self._file = file
        self._longest = longest
        self._ahead: list[bytes] = []  # the next line last
        self._number = 0  # of the line taken last
        self._spare = _LOOK_AHEAD

    def lines(self) -> Iterator[Line]:
        first = self._take()
        stop = _other_format(first)
        if stop:
            yield Line(1, None, stop, first)
            return
        while first:
            line = self._line(first)
            self._spare = min(self._spare + 2 * (len(line.raw) + _A_LINE), _LOOK_AHEAD)
            yield line
            if line.fault is not None and line.fault.code == "array" and not line.fault.whole_line:
                return
            first = self._take()

    def _take(self) -> bytes:
        self._number += 1
        return self._ahead.pop() if self._ahead else self._file.readline(self._longest + 1)

    def _line(self, raw: bytes) -> Line:
        number, text = self._number, raw
        notes: tuple[JsonFault, ...] = ()
        if number == 1 and raw.startswith(_BOM):
            text, notes = raw[3:], (_BOM_NOTE,)
        if len(raw) > self._longest:
            return self._too_long(raw)
        try:
            value = orjson.loads(text)
        except orjson.JSONDecodeError as error:
            return self._refused(number, raw, text, error, notes)
        if value.__class__ is not dict:
            return Line(number, None, _not_an_object(text, value), raw, notes)
        fault = _hidden_fault(text, value)
        if fault:
            return Line(number, None, fault, raw, notes)
        return Line(number, value, None, raw, _notes(raw, notes))

    def _refused(
        self, number: int, raw: bytes, text: bytes, error: ValueError, notes: tuple[JsonFault, ...]
    ) -> Line:
        stripped = text.strip()
        if not stripped:
            return Line(number, None, fault_at("blank", "The line is blank: remove it."), raw, notes)
        fault = parse(text.rstrip(b"\r\n"))[1] or explain(text, error)  # a line end is no character of a text
        if fault.code != "truncated" or stripped[:1] not in (b"{", b"["):
            return Line(number, None, fault, raw, notes)
        return self._over_lines(number, raw, fault, notes)

    def _too_long(self, start: bytes) -> Line:
        while start and not start.endswith(b"\n"):
            start = self._file.readline(_BUFFER)
        message = f"The line is longer than {self._longest:,} bytes: split or shorten it."
        return Line(self._number, None, fault_at("too_long", message), b"")

    def _over_lines(self, number: int, raw: bytes, fault: JsonFault, notes: tuple[JsonFault, ...]) -> Line:
        """The line begins an object that it does not end: a pretty-printed one, a file that is one array, or torn."""
        if number == 1 and raw.lstrip(_BOM).lstrip()[:1] == b"[":
            message = "The file is one JSON array over several lines: write each of its objects on a line."
            return Line(number, None, fault_at("array", message, 1), raw, notes)
        joined = self._balanced(raw)
        if joined is None:
            return Line(number, None, fault, raw, notes)
        message = "A JSON object is spread over several lines: write it on one line."
        return Line(number, None, fault_at("pretty_printed", message, 1), joined, notes)

    def _balanced(self, raw: bytes) -> bytes | None:
        """The line and those after it that close its brackets; None, and nothing taken, where they do not."""
        taken, size, depth = [raw], len(raw), _opened_brackets(raw)
        while depth and 0 < depth <= DEEPEST and size <= self._longest and self._spare > 0:
            taken.append(self._take())
            if _stands_alone(taken[-1]):
                break
            size += len(taken[-1])
            self._spare -= len(taken[-1]) + _A_LINE
            change = _opened_brackets(taken[-1])
            depth = None if change is None else depth + change
        if depth == 0 and not isinstance(_loads(b"".join(taken)), Exception):
            return b"".join(taken)
        for line in reversed(taken[1:]):
            self._put_back(line)
        return None

    def _put_back(self, line: bytes) -> None:
        self._number -= 1
        if line:
            self._ahead.append(line)


def _stands_alone(line: bytes) -> bool:
    """The end of the file, or a row by itself: an object that began before it is torn."""
    return not line or (line[:1] == b"{" and not isinstance(_loads(line), Exception))


def _loads(text: bytes) -> Any:
    try:
        return orjson.loads(text.removeprefix(_BOM).strip().rstrip(b","))
    except orjson.JSONDecodeError as error:
        return error


def _opened_brackets(raw: bytes) -> int | None:
    """Brackets opened less those closed, outside strings; None where a string is not closed on its line."""
    bare = _TEXT.sub(lambda text: b"" if text[1] else b'"', raw)
    if b'"' in bare:
        return None
    return bare.count(b"{") + bare.count(b"[") - bare.count(b"}") - bare.count(b"]")


def _other_format(start: bytes) -> JsonFault | None:
    """What the file is instead, by its first bytes."""
    for magic, name in _FORMATS.items():
        if start.startswith(magic):
            return fault_at(
                "binary", f"The file is no text but {name}: unpack or export it, or use `dataset build`.", 1
            )
    wide = next((name for magic, name in _WIDE.items() if start.startswith(magic)), None)
    if wide is None and (start[1:2] == b"\0" or start[:1] == b"\0") and len(start) > 2:
        wide = "UTF-16"
    if wide:
        return fault_at("utf16", f"The file is {wide}: save it as UTF-8.", 1)
    return None


def _not_an_object(text: bytes, value: Any) -> JsonFault:
    if isinstance(value, list):
        message = "The line is a JSON array: write each of its objects on a line of its own."
        return JsonFault(code="array", message=message, column=1, whole_line=True)
    shown = text.strip()[:40].decode("utf-8", "replace")
    return fault_at("not_an_object", f"The line is no JSON object but {shown!r}: each line must be one.", 1)


def _notes(raw: bytes, notes: tuple[JsonFault, ...]) -> tuple[JsonFault, ...]:
    if raw.endswith(b"\r\n"):
        notes = (*notes, _CRLF)
    if b"\\u0000" in raw and "\0" in "".join(_texts(orjson.loads(raw.removeprefix(_BOM)))):
        notes = (*notes, _NUL_ESCAPE)
    return notes


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        yield from value
        for member in value.values():
            yield from _texts(member)
    elif isinstance(value, list):
        for member in value:
            yield from _texts(member)


def _hidden_fault(text: bytes, value: Any) -> JsonFault | None:
    """What orjson lets pass: duplicate keys, and nesting past DEEPEST."""
    if value.__class__ is not dict and value.__class__ is not list:
        return None
    keys = _keys(value, DEEPEST)
    if keys < 0:
        message = f"The nesting is deeper than {DEEPEST} levels: flatten it."
        return fault_at("too_deep", message, _column_of_depth(text))
    return None if keys == _key_places(text) else _duplicate(text)


def _keys(value: Any, levels: int) -> int:
    """The number of keys in a value and all within it; below zero where it nests deeper than `levels`."""
    if levels <= 0:
        return -(2**40)  # outweighs every count of keys on the way up
    if value.__class__ is dict:
        count = len(value)
        value = value.values()
    else:
        count = 0
    for member in value:
        if member.__class__ is dict or member.__class__ is list:
            count += _keys(member, levels - 1)
    return count


def _key_places(text: bytes) -> int:
    """At least the number of keys in the text, and mostly just that; see the head of the file.

    White space is left out first, so that a key's quote and its colon touch. A quote after one backslash is part of a
    text, unless that backslash is itself escaped.
    """
    text = text.translate(None, b" \t\r\n")
    escaped = text.count(b'\\":')
    return text.count(b'":') - escaped + (text.count(b'\\\\":') if escaped else 0)


def _duplicate(data: bytes) -> JsonFault | None:
    """The first key that stands twice in one object, by reading token by token."""
    text = data.decode()
    open_objects: list[set[str] | None] = []  # the keys so far; None for a list
    last, start = "", 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in "{[":
            open_objects.append(set() if mark == "{" else None)
        elif mark in "}]":
            open_objects.pop()
        elif mark == ":" and (keys := open_objects[-1]) is not None:
            key = orjson.loads(last)
            if key in keys:
                message = f"The key {key!r} stands twice in one object: keep one of the two."
                return fault_at("duplicate_key", message, start + 1)
            keys.add(key)
        if mark[0] == '"':
            last, start = mark, token.start()
    return None


def _column_of_depth(data: bytes) -> int:
    depth = 0
    for token in _TOKEN.finditer(data.decode()):
        depth += (token[0] in "{[") - (token[0] in "}]")
        if depth > DEEPEST:
            return token.start() + 1
    return 1


__all__ = ["DEEPEST", "LONGEST", "FaultCode", "JsonFault", "Line", "lines", "parse"]
