"""What a file is, by its bytes; the suffix only decides between kinds of text."""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from typing import Literal

from errors import CorruptFileError, EmptyFileError, UnsupportedFileError
from loaders.readers.encodings import decode_raw, looks_binary
from loaders.readers.source import Source

Kind = Literal[
    "pdf", "docx", "pptx", "xlsx", "xlsb", "odt", "ods", "odp", "epub", "zip", "gzip", "tar",
    "doc", "xls", "ppt", "msg", "encrypted_office", "image", "rtf", "tnef",
    "html", "markdown", "text", "csv", "json", "jsonl", "eml", "mbox", "xml", "subtitles",
]  # fmt: skip

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_IMAGES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n", b"GIF87a", b"GIF89a", b"II*\x00", b"MM\x00*", b"II+\x00",
           b"\x00\x00\x01\x00\x01", b"8BPS", b"\x97JB2", b"\x00\x00\x00\x0cjP  ")  # fmt: skip
_KNOWN_BINARY = (
    (b"7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it and add the files in it"),
    (b"Rar!\x1a\x07", "a RAR archive", "unpack it and add the files in it"),
    (b"\xfd7zXZ\x00", "an XZ archive", "unpack it and add the files in it"),
    (b"BZh", "a bzip2 archive", "unpack it and add the files in it"),
    (b"\x28\xb5\x2f\xfd", "a Zstandard archive", "unpack it and add the files in it"),
    (b"MSCF", "a cabinet archive", "unpack it and add the files in it"),
    (b"\x7fELF", "a program", "add documents only"),
    (b"MZ", "a program", "add documents only"),
    (b"SQLite format 3\x00", "a database", "export its tables as CSV"),
    (b"ID3", "a sound recording", "add a transcript instead"),
    (b"OggS", "a sound recording", "add a transcript instead"),
    (b"fLaC", "a sound recording", "add a transcript instead"),
    (b"!BDN", "an Outlook data file", "export its messages as .eml or .msg"),
    (b"PAR1", "a Parquet table", "export it as CSV"),
    (b"%!PS", "a PostScript file", "convert it to PDF"),
)  # fmt: skip
_TEXT_SUFFIXES: dict[str, Kind] = {
    ".html": "html", ".htm": "html", ".xhtml": "html", ".md": "markdown", ".markdown": "markdown",
    ".csv": "csv", ".tsv": "csv", ".tab": "csv", ".json": "json", ".ipynb": "json", ".geojson": "json",
    ".jsonl": "jsonl", ".ndjson": "jsonl", ".eml": "eml", ".mht": "eml", ".mhtml": "eml", ".mbox": "mbox",
    ".xml": "xml", ".svg": "xml", ".rtf": "rtf", ".srt": "subtitles", ".vtt": "subtitles",
}  # fmt: skip
_MAIL_FIELD = re.compile(
    r"^(from|to|cc|subject|date|message-id|received|return-path|mime-version|delivered-to|reply-to|sender"
    r"|content-type|content-transfer-encoding|x-[\w-]+|dkim-signature|envelope-to|in-reply-to):",
    re.IGNORECASE | re.MULTILINE,
)
_MAIL_PROOF = re.compile(
    r"^(message-id|received|return-path|mime-version|delivered-to|x-mailer|x-[\w-]+|dkim-signature):",
    re.IGNORECASE | re.MULTILINE,
)
_HEADER_LINE = re.compile(r"^([!-9;-~]+:|[ \t]+\S)")
_HTML_START = re.compile(
    r"\s*+(?:(?><!--.*?-->)\s*+)*+<(!doctype\s+html|html|head|body)\b", re.IGNORECASE | re.DOTALL
)
_HTML_TAG = re.compile(
    r"</?(html|body|head|div|p|table|tr|td|span|h[1-6]|ul|li|br|a)\b[^<>]*>", re.IGNORECASE
)


def detect(source: Source) -> Kind:
    """The kind of file; EmptyFileError, UnsupportedFileError or CorruptFileError where there is none."""
    data = source.data
    if not data.strip(b"\x00 \t\r\n\x0b\x0c\xef\xbb\xbf\xfe\xff"):
        raise EmptyFileError(f"{source.label} is empty: check that it was saved or copied completely.")
    kind = _by_magic(source)
    if kind is not None:
        return kind
    if looks_binary(data):
        raise UnsupportedFileError(_unknown(source))
    return _by_text(source)


def _by_magic(source: Source) -> Kind | None:  # noqa: PLR0911 - a table in the order of trust
    data = source.data
    head = data[:1024].lstrip()
    if _is_pdf(data):
        return "pdf"
    if data[:2] == b"PK" and data[2:4] in (b"\x03\x04", b"\x05\x06", b"\x07\x08", b"00"):
        return _zip_kind(source)
    if data.startswith(_OLE):
        return _ole_kind(source)
    if head.startswith(b"{\\rtf") or head.startswith(b"{\\*\\rtf"):
        return "rtf"
    if data.startswith(_IMAGES) or _is_other_image(data):
        return "image"
    if data.startswith(b"\x1f\x8b"):
        return "gzip"
    if data[257:262] == b"ustar":
        return "tar"
    if data.startswith(b"\x78\x9f\x3e\x22"):
        return "tnef"
    for magic, what, advice in _KNOWN_BINARY:
        if data.startswith(magic) and (len(magic) > 2 or looks_binary(data)):
            raise UnsupportedFileError(f"{source.label} is {what}: {advice}.")
    return None


def _is_pdf(data: bytes) -> bool:
    place = data[:1024].find(b"%PDF-")
    if place < 0:
        return False
    return not data[:place].strip() or b" obj" in data or b"startxref" in data


def _is_other_image(data: bytes) -> bool:
    return (
        (data[:2] == b"BM" and len(data) > 26 and data[6:10] == b"\x00\x00\x00\x00")
        or (data[:4] == b"RIFF" and data[8:12] == b"WEBP")
        or (data[4:8] == b"ftyp" and data[8:12] in (b"heic", b"heix", b"mif1", b"avif", b"msf1"))
    )


_CONTENT_TYPES: tuple[tuple[bytes, Kind], ...] = (
    (b"wordprocessingml.document.main", "docx"),
    (b"wordprocessingml.template.main", "docx"),
    (b"ms-word.document.macroEnabled", "docx"),
    (b"ms-word.template.macroEnabled", "docx"),
    (b"presentationml.presentation.main", "pptx"),
    (b"presentationml.slideshow.main", "pptx"),
    (b"presentationml.template.main", "pptx"),
    (b"ms-powerpoint.", "pptx"),
    (b"ms-excel.sheet.binary", "xlsb"),
    (b"spreadsheetml.sheet.main", "xlsx"),
    (b"spreadsheetml.template.main", "xlsx"),
    (b"ms-excel.", "xlsx"),
)
_MIMETYPES: tuple[tuple[bytes, Kind], ...] = (
    (b"application/epub+zip", "epub"),
    (b"application/vnd.oasis.opendocument.text", "odt"),
    (b"application/vnd.oasis.opendocument.spreadsheet", "ods"),
    (b"application/vnd.oasis.opendocument.presentation", "odp"),
    (b"application/vnd.oasis.opendocument.graphics", "odp"),
)
_ZIP_SUFFIXES: dict[str, str] = {
    ".docx": "Word document", ".docm": "Word document", ".xlsx": "Excel workbook", ".xlsm": "Excel workbook",
    ".pptx": "PowerPoint presentation", ".pptm": "PowerPoint presentation", ".epub": "e-book",
    ".odt": "OpenDocument text", ".ods": "OpenDocument spreadsheet", ".odp": "OpenDocument presentation",
    ".zip": "zip archive",
}  # fmt: skip


def _zip_kind(source: Source) -> Kind:
    try:
        with zipfile.ZipFile(io.BytesIO(source.data)) as archive:
            names = set(archive.namelist())
            kind = _package_kind(archive, names)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, RuntimeError, EOFError) as error:
        what = _ZIP_SUFFIXES.get(source.suffix, "zip container")
        raise CorruptFileError(
            f"{source.label} is a damaged or incomplete {what}: get a complete copy of it."
        ) from error
    if kind is None and not names:
        raise EmptyFileError(f"{source.label} is an empty zip container: get a complete copy of it.")
    return kind or "zip"


def _package_kind(archive: zipfile.ZipFile, names: set[str]) -> Kind | None:
    folded = {name.replace("\\", "/").lower(): name for name in names}
    if "[content_types].xml" in folded:
        types = _member_head(archive, folded["[content_types].xml"])
        for marker, kind in _CONTENT_TYPES:
            if marker in types:
                return kind
    main: tuple[tuple[str, Kind], ...] = (
        ("word/document.xml", "docx"), ("ppt/presentation.xml", "pptx"),
        ("xl/workbook.xml", "xlsx"), ("xl/workbook.bin", "xlsb"),
    )  # fmt: skip
    for name, kind in main:
        if name in folded:
            return kind
    if "mimetype" in folded:
        mimetype = _member_head(archive, folded["mimetype"]).strip()
        for marker, kind in _MIMETYPES:
            if mimetype.startswith(marker):
                return kind
    if "meta-inf/container.xml" in folded:
        return "epub"
    return None


def _member_head(archive: zipfile.ZipFile, name: str) -> bytes:
    """The first MiB of a member; nothing where it is damaged or locked, for other members may tell the kind."""
    try:
        with archive.open(name) as member:
            return member.read(2**20)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, NotImplementedError, RuntimeError):
        return b""


def _ole_kind(source: Source) -> Kind:
    import olefile

    try:
        with olefile.OleFileIO(io.BytesIO(source.data)) as ole:
            names = {"/".join(path).lower() for path in ole.listdir()}
    except (
        OSError,
        ValueError,
        IndexError,
        KeyError,
        TypeError,
        AttributeError,
        RecursionError,
        MemoryError,
    ) as error:
        raise CorruptFileError(
            f"{source.label} is a damaged Office file: get a complete copy of it."
        ) from error
    if "encryptedpackage" in names:
        return "encrypted_office"
    streams: tuple[tuple[str, Kind], ...] = (
        ("worddocument", "doc"), ("workbook", "xls"), ("book", "xls"), ("powerpoint document", "ppt"),
        ("__properties_version1.0", "msg"),
    )  # fmt: skip
    for name, kind in streams:
        if name in names:
            return kind
    raise UnsupportedFileError(_unknown(source))


def _by_text(source: Source) -> Kind:  # noqa: PLR0911 - a table in the order of trust
    head = decode_raw(source.data[:65536]).lstrip("\ufeff\x00 \t\r\n")
    by_suffix = _TEXT_SUFFIXES.get(source.suffix)
    if by_suffix in ("markdown", "eml", "subtitles"):
        return by_suffix
    if head.startswith("<?xml") or by_suffix == "xml":
        return _xml_kind(head)
    if _HTML_START.match(head):
        return "html"
    if is_mail(head):
        return "mbox" if head.startswith("From ") else "eml"
    if by_suffix in ("json", "jsonl"):
        return _json_kind(source) or by_suffix
    if by_suffix is not None and by_suffix != "rtf":
        return by_suffix
    if head.startswith(("{", "[")):
        found = _json_kind(source)
        if found:
            return found
    if len(_HTML_TAG.findall(head)) >= 6 and head.startswith("<"):
        return "html"
    if head.startswith("WEBVTT"):
        return "subtitles"
    if not source.suffix and _is_table(head):
        return "csv"
    return "text"


def is_mail(head: str) -> bool:
    """Whether text opens with mail headers: the usual four, those of MIME, or three with one that only mail has."""
    if head.startswith("From ") and "\n" in head:
        head = head.split("\n", 1)[1]
    block: list[str] = []
    for line in head.splitlines():
        if not _HEADER_LINE.match(line):
            break
        block.append(line)
    fields = "\n".join(block)
    known = {match.group(1).lower() for match in _MAIL_FIELD.finditer(fields)}
    if {"mime-version", "content-type"} <= known or {"from", "to", "subject", "date"} <= known:
        return True
    return len(known) >= 3 and bool(_MAIL_PROOF.search(fields))


def _xml_kind(head: str) -> Kind:
    root = re.search(r"<(?![?!])(?:[\w.-]+:)?([\w.-]+)", head)
    return "html" if root is not None and root.group(1).lower() == "html" else "xml"


def _json_kind(source: Source) -> Kind | None:
    text = decode_raw(source.data)
    lines = [line for line in text[:65536].splitlines()[:50] if line.strip()]
    if (
        len(lines) >= 2
        and all(_parses(line) for line in lines[:2])
        and lines[0].lstrip().startswith(("{", "["))
    ):
        return "jsonl"
    return "json" if _parses(text) else None


def _parses(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _is_table(head: str) -> bool:
    lines = [line for line in head.splitlines()[:20] if line.strip()][:-1]
    for mark in (",", "\t", ";", "|"):
        counts = {line.count(mark) for line in lines}
        if len(lines) >= 3 and len(counts) == 1 and min(counts) >= 2:
            return True
    return False


def _unknown(source: Source) -> str:
    return (
        f"{source.label} is of no kind that can be read: give PDF, Office, OpenDocument, HTML, Markdown, "
        "e-mail, CSV, JSON or plain text."
    )
