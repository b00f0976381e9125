"""Records that a Python program printed: one dict literal a line. Read as literals alone, never run."""

from __future__ import annotations

import ast
import math
from collections.abc import Iterator
from itertools import count
from pathlib import Path
from typing import Any

from finetune.importing.encoding import file_codec
from finetune.importing.json_records import as_record
from finetune.importing.records import Fault, Record

LONGEST_LINE = 2**20  # characters; the parser takes about 100 times as much memory
_DEEPEST = 100
_FIX = "Write the records with json.dumps, one object a line."


def read_python_lines(path: Path) -> Iterator[Record]:
    """One literal a line; a file that is one list of dicts is taken as well where it is short."""
    with path.open(encoding=file_codec(path), errors="replace") as file:
        for number in count(1):
            text = file.readline(LONGEST_LINE + 1)
            if not text:
                return
            if len(text) > LONGEST_LINE:
                _skip_line(file)
                reason = (
                    f"The line is longer than {LONGEST_LINE:,} characters, the most for a Python literal."
                )
                yield Record(number, None, Fault("", reason, _FIX))
            elif text.strip():
                yield from _records(number, text)


def _skip_line(file: Any) -> None:
    while (rest := file.readline(LONGEST_LINE)) and not rest.endswith("\n"):
        pass


def _records(number: int, text: str) -> Iterator[Record]:
    """The dicts of a line: one, or those of a list."""
    value = literal(text)
    if isinstance(value, Fault):
        yield Record(number, None, value)
        return
    for one in value if isinstance(value, list) else [value]:
        record = as_record(number, one)
        fault = _not_json(one) if record.value is not None else None
        yield Record(number, None, fault) if fault else record


def literal(text: str) -> Any:
    """The value of a Python literal, or the Fault that says why it is none."""
    if _depth(text) > _DEEPEST:
        return Fault("", f"The record is nested more than {_DEEPEST} levels deep.", _FIX)
    try:
        return ast.literal_eval(text.strip().rstrip(","))
    except SyntaxError as error:
        return Fault("", f"Column {error.offset or 1}: this is no Python literal ({error.msg}).", _FIX)
    except (ValueError, TypeError, MemoryError, RecursionError) as error:
        reason = "The line holds more than plain values (calls, names such as nan, or dates)"
        return Fault("", f"{reason}: {type(error).__name__}.", _FIX)


def _depth(text: str) -> int:
    """Of brackets, those in texts counted too: at least the depth of the literal."""
    depth = deepest = 0
    for character in text:
        if character in "([{":
            depth += 1
            deepest = max(deepest, depth)
        elif character in ")]}":
            depth -= 1
    return deepest


def _not_json(value: Any, path: str = "$") -> Fault | None:
    """The first value that JSON has no form for: bytes, sets, tuples as keys, complex numbers, 1e999."""
    if isinstance(value, dict):
        for key, held in value.items():
            if not isinstance(key, str):
                return Fault(
                    path, f"The key {key!r} is no text.", "Give every field a name in quotation marks."
                )
            if found := _not_json(held, f"{path}.{key}"):
                return found
        return None
    if isinstance(value, list | tuple):
        faults = (_not_json(held, f"{path}[{place}]") for place, held in enumerate(value))
        return next(filter(None, faults), None)
    if value is None or isinstance(value, str | int) or (isinstance(value, float) and math.isfinite(value)):
        return None
    return Fault(path, f"{value!r:.60} is of a type that JSON does not have.", _FIX)
