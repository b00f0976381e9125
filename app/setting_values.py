"""What a setting's text means: each function parses one kind of value or raises ValueError saying what it is not."""

from __future__ import annotations

import math
import re
from pathlib import Path
from urllib.parse import urlsplit


def path(text: str) -> Path:
    return Path(text).expanduser().absolute()


def precision(text: str) -> str:
    if text not in ("auto", "fp32", "int8"):
        raise ValueError("is none of auto, fp32, int8")
    return text


def switch(text: str) -> bool:
    if text.lower() not in ("1", "true", "yes", "on", "0", "false", "no", "off"):
        raise ValueError("is neither 1 (yes) nor 0 (no)")
    return text.lower() in ("1", "true", "yes", "on")


def threads(text: str) -> int:
    return _count(text, "threads", 1024)


def samples(text: str) -> int:
    if not text.isdecimal() or not 2 <= int(text) <= 10:
        raise ValueError("is not a number of answers from 2 to 10")
    return int(text)


def requests(text: str) -> int:
    return _count(text, "requests", 100_000)


def _count(text: str, of_what: str, most: int) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text) or not 1 <= int(text) <= most:
        raise ValueError(f"is not a whole number of {of_what} from 1 to {most}")
    return int(text)


def seconds(text: str) -> float:
    value = _number(text)
    if not 0 < value <= 3600:
        raise ValueError("is not a number of seconds between 0 and 3600")
    return value


def minutes(text: str) -> float:
    value = _number(text)
    if not 0 < value <= 100_000:
        raise ValueError("is not a number of minutes such as 60")
    return value


def gigabytes(text: str) -> float:
    value = _number(text)
    if not 0 < value <= 100_000:
        raise ValueError("is not an amount of memory in GB such as 16")
    return value


def dollars(text: str) -> float:
    value = _number(text)
    if not 0 < value <= 1_000_000:
        raise ValueError("is not an amount of US dollars such as 0.50")
    return value


def _number(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        return 0.0
    return value if math.isfinite(value) else 0.0


def key(text: str) -> str:
    if not all("!" <= letter <= "~" for letter in text):
        raise ValueError("holds blanks or letters that no key has: copy it again")
    return text


def api_version(text: str) -> str:
    if not re.fullmatch(r"[0-9A-Za-z.-]{1,40}", text):
        raise ValueError("is not an API version such as 2024-10-21")
    return text


def url(text: str) -> str:
    if not text.startswith(("http://", "https://")):
        raise ValueError("does not start with http:// or https://")
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - looked at only when asked for
    except ValueError:
        raise ValueError("is not an address such as http://127.0.0.1:11434/v1") from None
    if not parts.hostname:
        raise ValueError("names no host")
    return text.rstrip("/")
