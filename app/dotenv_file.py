"""The file `.env`: read as data, and written one line at a time when the user asks for it."""

from __future__ import annotations

import io
import re
from pathlib import Path

from errors import SettingsError
from loaders.files import write_atomically

_PLAIN = re.compile(r"[A-Za-z0-9_./:@%+,=-]+")


def read_dotenv(path: Path) -> dict[str, str]:
    """The names that are set, not expanded; nothing where there is no such file."""
    return _parsed(path.read_text("utf-8")) if path.is_file() else {}


def _parsed(text: str) -> dict[str, str]:
    from dotenv import dotenv_values

    values = dotenv_values(stream=io.StringIO(text), interpolate=False)
    return {name: value for name, value in values.items() if value}


def save_to_dotenv(path: Path, name: str, value: str) -> None:
    """Sets `name` in the file, to nothing where `value` is empty, and leaves every other line as it is.

    The file is then this user's alone (0600). The old line is replaced where it stands; a new one goes below the
    comment that offers it (`#NAME=`), else at the end. Raises SettingsError, with the file untouched, where it
    cannot be written or read back.
    """
    target = path.resolve()  # a link stays a link
    try:
        before = target.read_text("utf-8") if target.exists() else ""
        after = _with_line(before, name, f"{name}={_quoted(value)}")
        wanted = {key: text for key, text in (_parsed(before) | {name: value}).items() if text}
        if _parsed(after) != wanted:
            raise SettingsError(f"{name} cannot be saved to {path.name}: write the line there by hand.")
        write_atomically(target, after.encode(), mode=0o600)
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{path} cannot be written ({_why(error)}): {name} was not saved.") from error


def _why(error: OSError | UnicodeDecodeError) -> str:
    return (error.strerror or type(error).__name__) if isinstance(error, OSError) else "it is not UTF-8 text"


def _quoted(value: str) -> str:
    if _PLAIN.fullmatch(value):
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _with_line(text: str, name: str, line: str) -> str:
    lines = text.splitlines()
    set_here = re.compile(rf"\s*(export\s+)?{name}\s*(=|$)")
    offered = re.compile(rf"\s*#\s*{name}\s*=")
    places = [at for at, old in enumerate(lines) if set_here.match(old)]
    if places:
        kept = [
            old for at, old in enumerate(lines) if at not in places[:-1]
        ]  # the last one is the one in force
        kept[places[-1] - len(places) + 1] = line
        return "\n".join(kept) + "\n"
    comments = [at for at, old in enumerate(lines) if offered.match(old)]
    lines.insert(comments[-1] + 1 if comments else len(lines), line)
    return "\n".join(lines) + "\n"
