"""Damaged and unfinished text: UTF-8 read as Windows-1252, invisible characters, placeholders nobody "
"filled in."""

from __future__ import annotations

import re

__all__ = ["damaged_in", "invisible_in", "mended", "placeholder_in", "visible"]

# A lead byte of UTF-8 as Windows-1252 shows it, then its one to three continuation bytes.
_CONTINUED = "\u0080-\u00bf\u0152\u0153\u0160\u0161\u0178\u017d\u017e\u0192\u02c6\u02dc\u2013\u2014\u2018-\u201e\u2020-\u2022\u2026\u2030\u2039\u203a\u20ac\u2122"  # noqa: E501
_MOJIBAKE = re.compile(
    f"(?:[\u00c2-\u00df][{_CONTINUED}]|[\u00e0-\u00ef][{_CONTINUED}]{{2}}|\u00f0[{_CONTINUED}]{{3}})+"
)
_LOST = "\ufffd"
_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f\u200b\u2060-\u2064\u180e\ufeff\U000e0000-\U000e007f]"
    "|(?<![^\\x00-\u024f])[\u200c\u200d](?![^\\x00-\u024f])"  # joiners belong to other scripts and to emoji
)
_DIRECTION = re.compile("[\u200e\u200f\u202a-\u202e\u2066-\u2069]")
_RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]")
_FENCED = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_PLACEHOLDER = re.compile(
    r"(?i:\blorem ipsum\b)|\b(?:TODO|FIXME|TBD)\b(?=\s*(?:[:(\]-]|$))|\{\{\s*[\w.]{1,40}\s*\}\}"
    r"|\[(?i:(?:your|insert|enter|add|fill in|placeholder|name of|company name|customer name|first name"
    r"|last name)\b)"
    r"[^\]\n]{0,40}\](?!\()|<(?i:insert|your)[ _-][^<>\n]{1,40}>|\bX{4,}\b",
    re.MULTILINE,
)


_NEEDED = ("[", "<", "{{", "TODO", "FIXME", "TBD", "XXXX", "orem ", "OREM ")  # most texts hold none


def damaged_in(text: str) -> str | None:
    """The first run that was decoded wrongly, or the mark of a lost character; None where there is none."""
    if text.isascii():
        return None
    for match in _MOJIBAKE.finditer(text):
        if _decoded(match[0]) is not None:
            return match[0]
    return _LOST if _LOST in text else None


def mended(text: str) -> str:
    """The text with such runs decoded rightly; lost characters stay lost."""
    return text if text.isascii() else _MOJIBAKE.sub(lambda match: _decoded(match[0]) or match[0], text)


def invisible_in(text: str) -> list[str]:
    """Characters that nobody sees and a tokenizer reads, as U+200B, each once. Direction marks count beside no
    right-to-left letter."""
    if text.isascii() and text.isprintable():
        return []
    found = {match[0] for pattern in _patterns(text) for match in pattern.finditer(text)}
    return sorted(f"U+{ord(character):04X}" for character in found)


def visible(text: str) -> str:
    """The text without them."""
    for pattern in _patterns(text):
        text = pattern.sub("", text)
    return text


def placeholder_in(text: str) -> str | None:
    """The first placeholder outside of code; None where there is none."""
    if not any(mark in text for mark in _NEEDED):
        return None
    match = _PLACEHOLDER.search(text)
    if match and "`" in text:
        match = _PLACEHOLDER.search(_FENCED.sub(" ", text))
    return match[0] if match else None


def _patterns(text: str) -> tuple[re.Pattern[str], ...]:
    return (_INVISIBLE,) if _RIGHT_TO_LEFT.search(text) else (_INVISIBLE, _DIRECTION)


def _decoded(run: str) -> str | None:
    data = b"".join(_byte(character) for character in run)
    try:
        return data.decode()
    except UnicodeDecodeError:
        return None


def _byte(character: str) -> bytes:
    try:
        return character.encode("cp1252")
    except UnicodeEncodeError:  # five bytes are no character of Windows-1252 and pass through as they are
        return character.encode("latin-1", "replace")
