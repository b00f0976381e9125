"""Rules of a file and its lines: encoding, JSON Lines, strict JSON, size, number of rows."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from finetune.findings import Finding, Severity
from finetune.json_faults import FaultCode, JsonFault
from finetune.profiles import Profile
from finetune.strict_json import Line
from finetune.validation.faults import rule

RULES = (
    rule(
        "F01",
        "error",
        "Encoding",
        "The file is UTF-8 without NUL; a byte order mark is refused by OpenAI and asked for by Azure.",
    ),
    rule(
        "F02",
        "error",
        "JSON Lines",
        "One JSON object stands on each line; CRLF line ends and blank lines are taken by some and not by others.",
    ),
    rule(
        "F03",
        "error",
        "Strict JSON",
        "A key stands once in its object; NaN, Infinity, numbers past a double and nesting past 100 levels are "
        "read differently by different readers.",
    ),
    rule("F04", "error", "File size and name", "The provider takes files up to a size, named .jsonl."),
    rule(
        "F05",
        "error",
        "Number of rows",
        "Below the provider's minimum no job starts; below 50 rows little is learnt.",
    ),
)
FEW_ROWS = 50  # OpenAI's guide: gains from 50 to 100 examples on
RULE_OF: dict[FaultCode, str] = {
    **dict.fromkeys(("encoding", "nul", "nul_escape", "bom", "utf16", "surrogate"), "F01"),
    **dict.fromkeys(("duplicate_key", "nan", "number", "too_deep"), "F03"),
}  # every other code is F02's
_WARNINGS: frozenset[FaultCode] = frozenset({"blank", "crlf", "nul_escape"})
FIXED_BY: dict[FaultCode, str] = {  # what `dataset fix` does about it
    "array": "each object of the array is written on a line",
    "blank": "the line is left out",
    "bom": "the byte order mark is removed",
    "crlf": "the line ends with LF",
    "line_ends": "each object is written on a line",
    "nul_escape": "the character is removed",
    "pretty_printed": "the object is written on one line",
    "second_object": "each object is written on a line",
    "trailing_comma": "the comma is removed",
    "utf16": "the file is written as UTF-8",
}


def line_findings(line: Line, file: str, profile: Profile) -> Iterator[Finding]:
    """What is wrong with a line as text."""
    if line.fault is not None:
        yield _finding(line.fault, line.number, file)
    for note in line.notes:
        if note.code != "bom" or profile.bom == "forbidden":
            yield _finding(note, line.number, file)
    if line.number == 1 and profile.bom == "required" and not any(note.code == "bom" for note in line.notes):
        yield _no_bom(file, profile)


def _finding(fault: JsonFault, number: int, file: str) -> Finding:
    severity: Severity = "warning" if fault.code in _WARNINGS else "error"
    place = f" (column {fault.column:,})" if fault.column and fault.column > 1 else ""
    return Finding(
        rule=RULE_OF.get(fault.code, "F02"),
        severity=severity,
        message=fault.message + place,
        file=file,
        line=number,
        fix=FIXED_BY.get(fault.code),
    )


def _no_bom(file: str, profile: Profile) -> Finding:
    message = f"{profile.title} asks for UTF-8 with a byte order mark (BOM), and the file has none."
    return Finding(
        rule="F01", severity="error", message=message, file=file, line=1, fix="a byte order mark is added"
    )


def size_findings(path: Path, size: int, profile: Profile) -> Iterator[Finding]:
    """What is wrong with the file's name and size in bytes."""
    file = str(path)
    if path.suffix.lower() != ".jsonl" and profile.extension != "allowed":
        ending = repr(path.suffix) if path.suffix else "no extension"
        message = f"The name ends in {ending}: name the file .jsonl."
        yield Finding(rule="F04", severity=profile.extension, message=message, file=file)
    if profile.max_bytes is not None and size > profile.max_bytes:
        message = (
            f"{size:,} bytes; {profile.title} takes {profile.max_bytes:,}: split the file or take fewer rows."
        )
        yield Finding(rule="F04", severity="error", message=message, file=file)
    elif profile.one_request_bytes is not None and size > profile.one_request_bytes:
        message = (
            f"{size:,} bytes, past {profile.one_request_bytes:,}: {profile.title} takes it by parts only."
        )
        yield Finding(rule="F04", severity="info", message=message, file=file)


def count_findings(file: str, rows: int, unreadable: int, split: str, profile: Profile) -> Iterator[Finding]:
    """Whether the file holds enough rows, and not too many; only a training file needs many."""
    least = profile.min_rows if split == "train" else 1
    if rows < least:
        what = "mend those first" if unreadable else f"add {least - rows}"
        lines = f" beside {unreadable:,} that cannot be read" if unreadable else ""
        message = f"{_rows(rows)}{lines}; {profile.title} needs at least {least}: {what}."
        yield Finding(rule="F05", severity="error", message=message, file=file)
    elif split == "train" and rows < FEW_ROWS:
        message = f"{_rows(rows)}: a start, but little is learnt below {FEW_ROWS}; add more, as different as they come."
        yield Finding(rule="F05", severity="warning", message=message, file=file)
    if profile.max_rows is not None and rows > profile.max_rows:
        message = f"{_rows(rows)}; {profile.title} takes {profile.max_rows:,}: take fewer."
        yield Finding(rule="F05", severity="error", message=message, file=file)


def _rows(count: int) -> str:
    return f"{count:,} row" if count == 1 else f"{count:,} rows"
