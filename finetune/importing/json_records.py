"""Records of JSON files: lines, one array, one object, or an array in a wrapper; streamed, each parsed strictly."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from itertools import count
from pathlib import Path
from typing import Any, TextIO

from errors import DatasetFormatError
from finetune.importing.encoding import file_codec
from finetune.importing.records import Fault, Record
from finetune.strict_json import LONGEST, lines, parse

_CHUNK = 2**20  # characters read at a time
_WHOLE = 16 * 2**20  # bytes: a file that is one object is held in memory up to this size
_GAP = re.compile(r"[ \t\r\n]*")
_IN_ROW = "row"  # {"rows": [{"row_idx": 0, "row": {...}}]}, as dataset servers answer
_LINES_FIX = "Correct the line, or write the record anew with a JSON library."


def read_lines(path: Path) -> Iterator[Record]:
    """One object a line; blank lines are none, and an object over several lines is one record."""
    codec = file_codec(path)
    if codec != "utf-8-sig":
        yield from _recoded_lines(path, codec)
        return
    for line in lines(path):
        if line.fault is None:
            yield Record(line.number, line.value)
        elif line.fault.code == "pretty_printed":
            yield _parsed(line.number, line.raw.strip().rstrip(b","))
        elif line.fault.code != "blank":
            yield Record(line.number, None, _line_fault(line.fault.message, line.fault.column))


def _recoded_lines(path: Path, codec: str) -> Iterator[Record]:
    with path.open(encoding=codec, errors="replace") as file:
        for number in count(1):
            text = file.readline(LONGEST)
            if not text:
                return
            if text.strip():
                yield _parsed(number, text.strip().encode())


def _parsed(number: int, text: bytes) -> Record:
    value, fault = parse(text)
    if fault is not None:
        return Record(number, None, _line_fault(fault.message, fault.column))
    return as_record(number, value)


def _line_fault(message: str, column: int | None) -> Fault:
    return Fault("", message if column is None else f"Column {column}: {message}", _LINES_FIX)


def as_record(number: int, value: Any) -> Record:
    """A value as a record; anything but an object is a fault."""
    if isinstance(value, dict):
        return Record(number, value)
    reason = f"The record is {_kind(value)}, not an object with named fields."
    return Record(number, None, Fault("", reason, "Give each record the form {...} with named fields."))


def read_document(path: Path) -> Iterator[Record]:
    """The records of a file that is one array or one object; an array is streamed, also in a wrapper.

    Where the file stops being JSON, the last record carries the fault: nothing after it can be read.
    """
    with path.open(encoding=file_codec(path), errors="replace", newline="") as file:
        scanner = _Scanner(file)
        opening = scanner.peek()
        if opening == "{" and path.stat().st_size <= _WHOLE:
            yield from _of_one_object(scanner.everything())
            return
        try:
            if opening == "{":
                scanner.enter_wrapped_array(path)
            yield from scanner.elements()
            yield from scanner.rest(wrapped=opening == "{")
        except json.JSONDecodeError as error:
            yield Record(scanner.records + 1, None, scanner.broken(error))


def _of_one_object(text: str) -> Iterator[Record]:
    value, fault = parse(text.encode())
    if fault is not None:
        yield Record(1, None, _line_fault(fault.message, fault.column))
        return
    records = _unwrapped(value)
    for number, record in enumerate(records, start=1):
        yield as_record(number, record)
    for name in _other_lists(value):
        yield Record(len(records) + 1, None, _second_list(name))


def _unwrapped(value: Mapping[str, Any]) -> list[Any]:
    """The records in one object: of a list that it wraps, of columns side by side, or the object itself."""
    lists = [held for held in value.values() if isinstance(held, list) and held]
    side_by_side = len(value) > 1 and len(lists) == len(value) and len({len(held) for held in lists}) == 1
    if side_by_side and not any(isinstance(held[0], dict) for held in lists):
        return [dict(zip(value, row, strict=True)) for row in zip(*value.values(), strict=True)]
    if _is_frame(value):
        names = next(iter(value.values()))
        return [{column: cells.get(name) for column, cells in value.items()} for name in names]
    key = wrapper_key(value)
    if key is None:
        return [value]
    return [_inner(one) for one in value[key]]


def _other_lists(value: Mapping[str, Any]) -> Iterator[str]:
    """The keys of further lists of such records: {"train": [...], "test": [...]}."""
    taken = wrapper_key(value)
    if taken is None:
        return
    for key, held in value.items():
        if key != taken and isinstance(held, list) and held and _like(held[0], value[taken][0]):
            yield key


def _like(record: Any, taken: Any) -> bool:
    """Whether two objects share half of their fields."""
    record, taken = _inner(record), _inner(taken)
    if not isinstance(record, dict) or not isinstance(taken, dict):
        return False
    return 2 * len(record.keys() & taken.keys()) >= len(taken) > 0


def _second_list(name: str) -> Fault:
    reason = f"The file holds a further list of records, {name!r}, which is not read."
    return Fault(name, reason, "Write that list to a file of its own.")


def _is_frame(value: Mapping[str, Any]) -> bool:
    """pandas' to_json: {"question": {"0": "...", "1": "..."}, "answer": {...}}."""
    columns = list(value.values())
    if len(columns) < 2 or not all(isinstance(cells, dict) and cells for cells in columns):
        return False
    return all(cells.keys() == columns[0].keys() for cells in columns) and "0" in columns[0]


WRAPPERS = (
    "data",
    "rows",
    "examples",
    "records",
    "items",
    "results",
    "dataset",
    "train",
    "entries",
    "questions",
)
# Lists that belong to one record: an object with one of these is the record itself.
_OWN_LISTS = frozenset((
    "messages", "conversations", "conversation", "input", "preferred_output", "non_preferred_output",
    "chosen", "rejected", "exchanges",
))  # fmt: skip


def wrapper_key(value: Mapping[str, Any]) -> str | None:
    """The key of the one list of objects that an object is a wrapper of; None where it is a record itself."""
    if value.keys() & _OWN_LISTS and not all(
        _holds_records(value.get(key)) for key in _OWN_LISTS & value.keys()
    ):
        return None
    lists = [
        key for key, held in value.items() if isinstance(held, list) and held and isinstance(held[0], dict)
    ]
    named = [key for key in lists if key.casefold() in WRAPPERS]
    if named:
        return named[0]
    return lists[0] if len(lists) == 1 and (len(value) == 1 or _holds_records(value[lists[0]])) else None


def _holds_records(held: Any) -> bool:
    """Whether a list is one of whole records: {"conversations": [{"messages": [...]}, ...]}."""
    if not isinstance(held, list) or not held or not isinstance(held[0], dict):
        return False
    return bool(held[0].keys() & (_OWN_LISTS | {"instruction", "question", "prompt"}))


def _inner(value: Any) -> Any:
    if (
        isinstance(value, dict)
        and value.keys() <= {_IN_ROW, "row_idx", "truncated_cells"}
        and _IN_ROW in value
    ):
        return value[_IN_ROW]
    return value


def _kind(value: Any) -> str:
    names = {str: "a text", list: "a list", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


class _Scanner:
    """The values of a JSON text one after the other, in memory for the longest of them."""

    def __init__(self, file: TextIO) -> None:
        self._file = file
        self._buffer = ""
        self._at = 0
        self._line = 1  # of the buffer's start
        self.records = 0

    def everything(self) -> str:
        return self._buffer[self._at :] + self._file.read()

    def peek(self) -> str:
        """The next character that is no white space; "" at the end."""
        while True:
            gap = _GAP.match(self._buffer, self._at)
            assert gap is not None
            self._at = gap.end()
            if self._at < len(self._buffer) or not self._more():
                return self._buffer[self._at : self._at + 1]

    def _more(self, size: int = _CHUNK) -> bool:
        """Reads on, and lets go of what was used."""
        more = self._file.read(size)
        self._line += self._buffer.count("\n", 0, self._at)
        self._buffer = self._buffer[self._at :] + more
        self._at = 0
        return bool(more)

    def take(self, wanted: str) -> bool:
        if self.peek() != wanted:
            return False
        self._at += 1
        return True

    def text(self) -> str:
        """The source text of the next value. Raises json.JSONDecodeError."""
        self.peek()
        size = _CHUNK
        while True:
            try:
                _, end = _DECODER.raw_decode(self._buffer, self._at)
            except RecursionError as error:
                raise json.JSONDecodeError("Nested too deep", self._buffer, self._at) from error
            except json.JSONDecodeError as error:
                if len(self._buffer) - self._at > LONGEST or not (_may_go_on(error) and self._more(size)):
                    raise
                size *= 2
                continue
            if end == len(self._buffer) and self._more():  # a number may go on
                continue
            found = self._buffer[self._at : end]
            self._at = end
            return found

    def elements(self) -> Iterator[Record]:
        """The records of the array that begins here."""
        self._expect("[")
        if self.take("]"):
            return
        while True:
            text = self.text()
            self.records += 1
            yield _parsed_element(self.records, text)
            if self.take("]"):
                return
            self._expect(",")

    def rest(self, *, wrapped: bool) -> Iterator[Record]:
        """What stands behind the array: nothing, or a fault that says what is not read."""
        while wrapped and self.take(","):
            self.peek()
            name = json.loads(self.text())
            self._expect(":")
            if self.peek() == "[" and self._array_of_objects():
                yield Record(self.records + 1, None, _second_list(str(name)))
                return
            self.text()
        if wrapped:
            self._expect("}")
        if self.peek():
            reason = "Text stands behind the end of the list, and is not read."
            yield Record(
                self.records + 1, None, Fault("", reason, "Remove it, or write its records into the list.")
            )

    def enter_wrapped_array(self, path: Path) -> None:
        """Goes to the list of objects in the object that begins here, past all that stands before it."""
        self._expect("{")
        while self.peek() == '"':
            self.text()
            self._expect(":")
            if self.peek() == "[" and self._array_of_objects():
                return
            self.text()
            if not self.take(","):
                break
        raise DatasetFormatError(
            f"{path} is one JSON object of more than {_WHOLE // 2**20} MB without a list of records in it: "
            "write its records as JSON Lines, one object a line."
        )

    def _array_of_objects(self) -> bool:
        while not (after := re.match(r"\[\s*(\S)", self._buffer[self._at : self._at + 4096])):
            if not self._more():
                return False
        return after.group(1) in "{]"

    def _expect(self, wanted: str) -> None:
        if not self.take(wanted):
            raise json.JSONDecodeError(f"Expecting {wanted!r}", self._buffer, self._at)

    def broken(self, error: json.JSONDecodeError) -> Fault:
        line = self._line + error.lineno - 1
        place = f"line {line}, column {error.colno}: {error.msg}"
        reason = f"From here the file is no JSON ({place}); no later record can be read."
        return Fault("", reason, "Correct that place and import the file again.")


def _parsed_element(number: int, text: str) -> Record:
    value, fault = parse(text.encode())
    if fault is not None:
        return Record(number, None, _line_fault(fault.message, fault.column))
    return as_record(number, _inner(value))


def _may_go_on(error: json.JSONDecodeError) -> bool:
    """Whether the fault can be that the text so far ends in the middle of the value."""
    return error.msg.startswith(("Unterminated string", "Invalid \\")) or error.pos >= len(error.doc) - 16


_DECODER = json.JSONDecoder(parse_int=len, parse_float=len)  # for where a value ends: digits are not read
