"""Bytes of unknown encoding -> text: byte-order mark, UTF without one, the declared name, then statistics."""

from __future__ import annotations

import codecs
import re

from loaders.readers.part import clean

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# What browsers do (WHATWG Encoding Standard, "Names and labels").
_ALIASES = {
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "us-ascii": "cp1252",
    "ascii": "cp1252",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "iso-8859-9": "cp1254",
    "shift_jis": "cp932",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "unicode": "utf-16",
    "x-sjis": "cp932",
    "x-user-defined": "cp1252",
}
# Legacy encodings that files are found in; those for mainframes and old terminals only mislead.
_LEGACY = (
    "cp1250", "cp1251", "cp1252", "cp1253", "cp1254", "cp1255", "cp1256", "cp1257", "cp1258", "cp874", "koi8_r",
    "koi8_u", "cp866", "mac_cyrillic", "iso8859_2", "iso8859_5", "iso8859_7", "cp932", "euc_jp", "iso2022_jp",
    "gb18030", "big5", "cp949", "cp850", "mac_roman",
)  # fmt: skip
_WESTERN = frozenset("äöüßÄÖÜéèêëÉÈÊàâÀÂçÇîïÎôÔûùñÑóíáúÓÍÁÚåÅæÆøØœŒãõÃÕ€£§°«»“”„‘’‚–—…•·©®™±²½¿¡µ×\xa0\xad")
_SAMPLE = 64 * 1024
_NOT_TEXT = re.compile(rb"[\x00-\x06\x0e-\x1a\x1c-\x1f]")


def decode(data: bytes, declared: str | None = None) -> str:
    """The text of `data`, cleaned; bytes that fit no encoding become U+FFFD."""
    return clean(decode_raw(data, declared))


def decode_raw(data: bytes, declared: str | None = None) -> str:
    """As `decode`, with the line ends and control characters that the bytes have."""
    return data.decode(codec_of(data, declared), errors="replace").lstrip("\ufeff")


def codec_of(data: bytes, declared: str | None = None) -> str:
    """Python's name of the encoding that the bytes are read in; not all of them need fit it."""
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return codec
    wide = _wide_codec(data)
    if wide:
        return wide
    if _fits(data, "utf-8"):
        return "utf-8"
    codec = known_codec(declared) or ""
    if codec and codec != "utf-8" and _fits(data, codec):
        return codec
    lossy = data.decode("utf-8", errors="replace")
    high = sum(1 for byte in data[:_SAMPLE] if byte > 127)
    if lossy.count("\ufffd", 0, _SAMPLE) <= high // 20 or (codec == "utf-8" and lossy.count("\ufffd") < 3):
        return "utf-8"
    return _statistical(data) or codec or "cp1252"


def _fits(data: bytes, codec: str) -> bool:
    try:
        data.decode(codec)
    except (UnicodeDecodeError, LookupError):
        return False
    return True


def known_codec(name: str | None) -> str | None:
    """Python's codec for a declared charset, text codecs only; None when it names none."""
    if not name:
        return None
    name = name.strip("\"' ;").lower()
    try:
        info = codecs.lookup(_ALIASES.get(name, name))
    except (LookupError, ValueError):
        return None
    return info.name if getattr(info, "_is_text_encoding", True) else None


def looks_binary(data: bytes) -> bool:
    """Whether the bytes are no text in any encoding: control bytes that are not UTF-16 or UTF-32."""
    sample = data[:8192]
    if any(sample.startswith(mark) for mark, _ in _MARKS) or _wide_codec(sample):
        return False
    controls = len(_NOT_TEXT.findall(sample))
    return controls > max(2, len(sample) // 100)


def _wide_codec(data: bytes) -> str | None:
    """UTF-32 or UTF-16 without a byte-order mark, told by where the zero bytes stand."""
    sample = data[:4096]
    sample = sample[: len(sample) // 4 * 4]
    if len(sample) < 4 or b"\x00" not in sample:
        return None
    zeros = [sample[place::4].count(0) / (len(sample) // 4) for place in range(4)]
    if zeros[1] < 0.1 and zeros[3] < 0.1 and zeros[0] > 0.5 and zeros[2] > 0.5:
        return "utf-16-be"
    if zeros[0] < 0.1 and zeros[2] < 0.1 and zeros[1] > 0.5 and zeros[3] > 0.5:
        return "utf-16-le"
    if zeros[0] > 0.9 and zeros[1] > 0.9 and zeros[3] < 0.1:
        return "utf-32-be"
    if zeros[3] > 0.9 and zeros[2] > 0.9 and zeros[0] < 0.1:
        return "utf-32-le"
    return None


def _statistical(data: bytes) -> str | None:
    """By the share of letters beyond ASCII: few and Western ones are cp1252, else charset-normalizer decides."""
    sample = data[:_SAMPLE]
    if _is_western(sample):
        return "cp1252"
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=list(_LEGACY)).best()
    return best.encoding if best is not None else None


def _is_western(sample: bytes) -> bool:
    text = sample.decode("cp1252", errors="replace")
    high = [character for character in text if ord(character) > 127]
    letters = sum(character.isalpha() for character in text)
    western = sum(character in _WESTERN for character in high)
    if len(high) < 12:  # too few for statistics, but not for a look at whether they are letters of the West
        return western >= 0.7 * len(high)
    return western >= 0.95 * len(high) and len(high) < 0.25 * max(letters, 1)
