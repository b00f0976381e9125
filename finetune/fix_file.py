"""Writes a mended copy of a training file: fixes of lines, then those of rows; every change told and counted.

A line that no fix can mend is copied byte for byte. Lines that nothing is wrong with are too, so the difference between
the two files is exactly the list of changes.
"""

from __future__ import annotations

import codecs
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import orjson

from errors import DatasetError
from finetune.examples import Row
from finetune.findings import Where
from finetune.fixing import FixOptions, RowFix, registered
from finetune.line_fixes import array_lines, mended, readable
from finetune.strict_json import Line, lines, parse
from loaders.jsonl import write_whole

_BOM = codecs.BOM_UTF8
KEPT = 200  # changes told in full


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One line that was changed, or left out."""

    rules: tuple[str, ...]  # whose fixes changed it, in order
    line: int  # 1-based, of the file as it was
    descriptions: tuple[str, ...]
    before: bytes  # as it stands in the file, with its line end
    after: bytes  # the same; empty where the line is left out

    def as_dict(self) -> dict[str, Any]:
        texts = {
            name: getattr(self, name).decode("utf-8", "replace").rstrip("\r\n")
            for name in ("before", "after")
        }
        return {
            "rules": list(self.rules),
            "line": self.line,
            "descriptions": list(self.descriptions),
            **texts,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Fixed:
    """What came of mending one file."""

    source: str
    out: str
    rows: int  # lines written
    removed: int  # lines left out, blank ones too
    changed: int  # lines written otherwise than they were
    by_rule: Mapping[str, int]  # lines changed or left out by each rule's fixes
    changes: tuple[Change, ...]  # the first KEPT

    def as_dict(self) -> dict[str, Any]:
        told = {name: getattr(self, name) for name in ("source", "out", "rows", "removed", "changed")}
        return {
            **told,
            "by_rule": dict(self.by_rule),
            "changes": [change.as_dict() for change in self.changes],
        }


def fix_file(
    source: Path,
    out: Path,
    *,
    options: FixOptions,
    only: frozenset[str] | None = None,
    on_change: Callable[[Change, int], None] = lambda _change, _line: None,
) -> Fixed:
    """Writes `out` whole or not at all; never over `source`.

    `only` names rules whose fixes run; None means all that run by default. `on_change` is told each change with the
    number of lines written before it. Raises DatasetError where a rule has no fix or a file cannot be read,
    SettingsError where `out` cannot be written.
    """
    if out.resolve() == source.resolve():
        raise DatasetError(
            f"{str(out)!r} is the file to be mended, which is never overwritten: name another --out."
        )
    run = _Run(str(source), _begun(options, only), only, on_change)
    with readable(source) as path, write_whole(out) as text:
        if path != source:
            run.note_encoding()
        run.write(path, text.buffer, options)
    return run.fixed(str(out))


def fixable() -> frozenset[str]:
    """Rules that have a fix."""
    return frozenset({"F01", "F02"} | {fix.rule for fix in registered()})


def _begun(options: FixOptions, only: frozenset[str] | None) -> Sequence[tuple[str, str, RowFix]]:
    """(rule, description, function) of every fix that runs."""
    unknown = (only or frozenset()) - fixable()
    if unknown:
        raise DatasetError(
            f"No fix for {', '.join(sorted(unknown))}; there are fixes for {', '.join(sorted(fixable()))}."
        )
    chosen = (
        fix for fix in registered() if (fix.rule in only if only is not None else not fix.only_when_named)
    )
    begun = ((fix.rule, fix.description, fix.begin(options)) for fix in chosen)
    return [(rule, description, run) for rule, description, run in begun if run is not None]


class _Run:
    """One file on its way through the fixes."""

    def __init__(
        self,
        name: str,
        fixes: Sequence[tuple[str, str, RowFix]],
        only: frozenset[str] | None,
        on_change: Callable[[Change, int], None],
    ) -> None:
        self._name = name
        self._fixes = fixes
        self._only = only
        self._on_change = on_change
        self._written = self._removed = self._changed = 0
        self._by_rule: Counter[str] = Counter()
        self._changes: list[Change] = []

    def write(self, path: Path, out: BinaryIO, options: FixOptions) -> None:
        wanted = options.profile.bom if self._only is None or "F01" in self._only else "allowed"
        for line in _whole(path):
            change = _bom(self._line(line), line, wanted)
            if change.before != change.after:
                self._keep(change)
            out.write(change.after)
            text = change.after.removeprefix(_BOM)
            self._written += text.count(b"\n") + bool(text and not text.endswith(b"\n"))

    def note_encoding(self) -> None:
        """That the file was UTF-16: its lines say the same, their bytes do not."""
        self._by_rule["F01"] += 1
        described = ("the file is written as UTF-8",)
        self._changes.append(Change(rules=("F01",), line=1, descriptions=described, before=b"", after=b""))

    def _line(self, line: Line) -> Change:
        mend = mended(line, self._only)
        rules, descriptions = ([mend.rule], [mend.description]) if mend else ([], [])
        texts = [line.raw] if mend is None else list(mend.texts)
        done = [self._rows(text, line.number, rules, descriptions) for text in texts]
        after = b"".join(
            text if text.endswith(b"\n") or mend is None else text + b"\n" for text in done if text
        )
        return Change(
            rules=tuple(rules),
            line=line.number,
            descriptions=tuple(descriptions),
            before=line.raw,
            after=after,
        )

    def _rows(self, text: bytes, number: int, rules: list[str], descriptions: list[str]) -> bytes:
        """The text after the fixes of rows; empty where one removed it."""
        row = _exact(text)
        if row is None:
            return text
        where, form = Where(file=self._name, line=number, split="train"), _form(row)
        first = form
        for rule, description, fix in self._fixes:
            after = fix(row, where)
            before, form = form, _form(after) if after is not None else b""
            if form != before:
                rules.append(rule)
                descriptions.append(description)
            if after is None:
                return b""
            row = after
        if form == first:
            return text
        end = b"\r\n" if text.endswith(b"\r\n") else b"\n" if text.endswith(b"\n") else b""
        return json.dumps(row, ensure_ascii=False).encode() + end

    def _keep(self, change: Change) -> None:
        self._on_change(change, self._written)
        self._by_rule.update(set(change.rules))
        self._removed += not change.after
        self._changed += bool(change.after)
        if len(self._changes) < KEPT:
            self._changes.append(change)

    def fixed(self, out: str) -> Fixed:
        return Fixed(
            source=self._name,
            out=out,
            rows=self._written,
            removed=self._removed,
            changed=self._changed,
            by_rule=dict(sorted(self._by_rule.items())),
            changes=tuple(self._changes),
        )


def _whole(path: Path) -> Iterator[Line]:
    """Every line with all its bytes. Raises DatasetError where a copy would lack something."""
    for line in lines(path):
        code = line.fault.code if line.fault is not None else None
        if line.fault is not None and code in ("binary", "too_long"):
            raise DatasetError(f"{str(path)!r}, line {line.number}: {line.fault.message}")
        if line.fault is not None and code == "array" and not line.fault.whole_line:
            yield from array_lines(path, line)
        else:
            yield line


def _exact(text: bytes) -> Row | None:
    """The row with whole numbers of any size; None where it is none."""
    value, fault = parse(text.removeprefix(_BOM))
    return json.loads(text.removeprefix(_BOM)) if fault is None and isinstance(value, dict) else None


def _form(row: Row) -> bytes:
    try:
        return orjson.dumps(row)
    except TypeError:  # a whole number past 64 bits
        return json.dumps(row).encode()


def _bom(change: Change, line: Line, wanted: str) -> Change:
    """The mark at the head of the file, as the profile has it: forbidden, required or allowed."""
    if line.number != 1:
        return change
    marked = line.raw.startswith(_BOM)
    text = change.after.removeprefix(_BOM)
    keep = marked if wanted == "allowed" else wanted == "required"
    done: tuple[str, ...] = ()
    if keep != marked:
        done = ("a byte order mark is added" if keep else "the byte order mark is removed",)
    return Change(
        rules=change.rules + ("F01",) * len(done),
        line=1,
        descriptions=change.descriptions + done,
        before=change.before,
        after=_BOM + text if keep else text,
    )
