"""Fixes of lines as text: arrays, pretty-printed objects, trailing commas, blank lines, Windows line ends, NUL."""

from __future__ import annotations

import codecs
import json
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from errors import DatasetError
from finetune.json_faults import FaultCode
from finetune.strict_json import Line, lines, parse
from finetune.validation.file_rules import FIXED_BY, RULE_OF

LARGEST_ARRAY = 512_000_000  # bytes: an array is read whole
_BLOCK = 2**20
_BOM = codecs.BOM_UTF8
_COMMA_BEFORE_BRACKET = re.compile(r'("(?:[^"\\]++|\\.)*+"?)|,(\s*[}\]])', re.DOTALL)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """What a line became: any number of lines, as text without line ends."""

    rule: str
    description: str
    texts: tuple[bytes, ...]


def mended(line: Line, rules: frozenset[str] | None) -> Mended | None:
    """The line with its fault gone; None where it has none, none that can be mended, or none of these rules'."""
    for fault in (line.fault, *reversed(line.notes)):  # NUL before CRLF: writing the row anew mends both
        if fault is None or fault.code not in FIXED_BY or fault.code == "bom":
            continue
        rule = RULE_OF.get(fault.code, "F02")
        if rules is not None and rule not in rules:
            continue
        texts = _texts(fault.code, line)
        if texts is not None:
            return Mended(rule=rule, description=FIXED_BY[fault.code], texts=tuple(texts))
    return None


def _texts(code: FaultCode, line: Line) -> list[bytes] | None:
    raw = line.raw.removeprefix(_BOM).strip()
    known: dict[FaultCode, Callable[[], list[bytes] | None]] = {
        "blank": list,
        "crlf": lambda: [raw],
        "nul_escape": lambda: [_written(_without_nul(json.loads(raw)))],
        "trailing_comma": lambda: _sound([_without_comma(raw)]),
        "second_object": lambda: _objects(raw),
        "line_ends": lambda: _objects(raw),
    }
    return known.get(code, lambda: _reprinted(raw.rstrip(b",")))()


def _sound(texts: list[bytes]) -> list[bytes] | None:
    return texts if all(parse(text)[1] is None for text in texts) else None


def _without_comma(raw: bytes) -> bytes:
    text = raw.rstrip(b", \t").decode("utf-8", "surrogateescape")
    text = _COMMA_BEFORE_BRACKET.sub(lambda found: found[1] or found[2], text)
    return text.encode("utf-8", "surrogateescape")


def _objects(raw: bytes) -> list[bytes] | None:
    """Objects that follow one another, each by itself, as it is written."""
    text, decoder, found, at = raw.decode("utf-8", "surrogateescape"), json.JSONDecoder(), [], 0
    while at < len(text):
        try:
            _, end = decoder.raw_decode(text, at)
        except ValueError:
            return None
        found.append(text[at:end].encode("utf-8", "surrogateescape"))
        at = end + len(text[end:]) - len(text[end:].lstrip(" \t\r\n,"))
    return _sound(found)


def _reprinted(raw: bytes) -> list[bytes] | None:
    """An object on one line, or the objects of an array on a line each."""
    value, fault = parse(raw)
    if fault is not None:
        return None
    exact = json.loads(raw)  # the standard library keeps whole numbers of any size
    return [_written(one) for one in (exact if isinstance(value, list) else [exact])]


def _without_nul(value: Any) -> Any:
    if isinstance(value, str):
        return value.replace("\0", "")
    if isinstance(value, dict):
        return {_without_nul(key): _without_nul(member) for key, member in value.items()}
    return [_without_nul(member) for member in value] if isinstance(value, list) else value


def _written(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8")


@contextmanager
def readable(path: Path) -> Iterator[Path]:
    """The file, or where it is UTF-16 a temporary copy in UTF-8."""
    encoding = _wide_encoding(path)
    if encoding is None:
        yield path
        return
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "utf8.jsonl"
        _transcode(path, copy, encoding)
        yield copy


def _wide_encoding(path: Path) -> str | None:
    first = next(lines(path), None)
    if first is None or first.fault is None or first.fault.code != "utf16":
        return None
    start = first.raw[:2]
    if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    return "utf-16-be" if start[:1] == b"\0" else "utf-16-le"


def _transcode(path: Path, copy: Path, encoding: str) -> None:
    try:
        with (
            path.open(encoding=encoding, newline="") as source,
            copy.open("w", encoding="utf-8", newline="") as out,
        ):
            while text := source.read(_BLOCK):
                out.write(text)
    except UnicodeError as error:
        message = f"{str(path)!r} looks like UTF-16 and is not sound as such: save it as UTF-8."
        raise DatasetError(message) from error


def array_lines(path: Path, first: Line) -> Iterator[Line]:
    """A file that is one array over several lines, as the one line it could be. Raises DatasetError past 512 MB."""
    if path.stat().st_size > LARGEST_ARRAY:
        raise DatasetError(
            f"{str(path)!r} is one array of more than {LARGEST_ARRAY:,} bytes: use `dataset build`."
        )
    raw = path.read_bytes()
    _, fault = parse(raw.removeprefix(_BOM))
    yield Line(1, None, first.fault if fault is None else fault, raw)
