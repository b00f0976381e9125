"""JSON, JSON lines and notebooks: `path: value` lines, one part a record with its path as the location."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from loaders.readers.base import FileLoader
from loaders.readers.encodings import decode
from loaders.readers.mail import add_text
from loaders.readers.part import Part

_TITLE_KEYS = ("title", "name", "subject", "headline", "question")


class JsonLoader(FileLoader):
    """Lists of objects become a part each (`record` "$[3]"); damaged JSON is read as text, `malformed` says where."""

    media_type = "application/json"

    def parts(self) -> Iterator[Part]:
        text = decode(self.source.data).lstrip("\ufeff")
        try:
            value = json.loads(text)
        except (ValueError, RecursionError) as error:
            part = self.new_part()
            part.extra["malformed"] = f"the JSON cannot be parsed ({error}); read as plain text"
            add_text(part, text)
            yield part
            return
        if isinstance(value, dict) and isinstance(value.get("cells"), list) and "nbformat" in value:
            yield self._notebook(value)
            return
        for count, (path, record) in enumerate(_records(value), start=1):
            self.source.meter.check_rows(count)
            self.source.meter.check_time()
            part = self.new_part(record=path)
            write_record(part, record)
            yield part

    def _notebook(self, notebook: dict[str, Any]) -> Part:
        from loaders.readers.markdown import markdown_blocks

        part = self.new_part()
        for cell in notebook["cells"]:
            source = cell.get("source", "") if isinstance(cell, dict) else ""
            text = "".join(map(str, source)) if isinstance(source, list) else str(source)
            if isinstance(cell, dict) and cell.get("cell_type") == "markdown":
                for block in markdown_blocks(text):
                    part.add(block.kind, text[block.start : block.end], level=block.level)
            else:
                part.add("code", text)
        return part


class JsonLinesLoader(FileLoader):
    """One part a row, `record` "line 7"; rows that cannot be parsed are kept as they stand."""

    media_type = "application/jsonl"

    def parts(self) -> Iterator[Part]:
        rows = 0
        for number, line in enumerate(decode(self.source.data).split("\n"), start=1):
            if not line.strip():
                continue
            rows += 1
            self.source.meter.check_rows(rows)
            part = self.new_part(record=f"line {number}")
            try:
                value = json.loads(line)
            except (ValueError, RecursionError) as error:
                part.extra["malformed"] = f"line {number} cannot be parsed ({error}); read as plain text"
                part.add("paragraph", line)
            else:
                write_record(part, value)
            yield part


def _records(value: Any) -> Iterator[tuple[str, Any]]:
    """(path, record): elements of a list of objects, at the top or one level below, else the whole."""
    if isinstance(value, list) and any(isinstance(item, dict | list) for item in value):
        for index, item in enumerate(value):
            yield f"$[{index}]", item
        return
    if isinstance(value, dict):
        lists = {key: item for key, item in value.items() if isinstance(item, list) and len(item) > 1}
        lists = {
            key: item for key, item in lists.items() if all(isinstance(element, dict) for element in item)
        }
        rest = {key: item for key, item in value.items() if key not in lists}
        if rest:
            yield "$", rest
        for key, item in lists.items():
            for index, element in enumerate(item):
                yield f"$.{key}[{index}]", element
        return
    yield "$", value


def write_record(part: Part, value: Any) -> None:
    """A line `path: value` for every leaf; long strings keep their paragraphs."""
    if isinstance(value, dict):
        named = next((str(value[key]) for key in _TITLE_KEYS if isinstance(value.get(key), str)), "")
        part.title = " ".join(named.split())[:200]
    for path, leaf in _leaves(value):
        text = _shown(leaf)
        if not text.strip():
            continue
        if "\n\n" in text:
            part.add_line("paragraph", f"{path}:" if path else "")
            add_text(part, text)
        else:
            part.add_line("paragraph", f"{path}: {text}" if path else text)


def _leaves(value: Any) -> Iterator[tuple[str, Any]]:
    stack: list[tuple[str, Any]] = [("", value)]
    while stack:
        path, item = stack.pop()
        if isinstance(item, dict):
            stack.extend(
                (f"{path}.{key}" if path else str(key), child) for key, child in reversed(item.items())
            )
        elif isinstance(item, list) and item and not any(isinstance(child, dict | list) for child in item):
            yield path, ", ".join(_shown(child) for child in item)
        elif isinstance(item, list):
            stack.extend((f"{path}[{index}]", child) for index, child in reversed(list(enumerate(item))))
        else:
            yield path, item


def _shown(leaf: Any) -> str:
    if leaf is None:
        return ""
    if isinstance(leaf, bool):
        return "true" if leaf else "false"
    return str(leaf)
