"""E-mail (EML, MHTML, MBOX): headers and body as one part, forwarded messages and attachments as further parts."""

from __future__ import annotations

import email
import re
from collections.abc import Iterator
from email.errors import HeaderParseError
from email.header import decode_header
from email.message import Message

from errors import EncryptedFileError
from loaders.readers.base import FileLoader
from loaders.readers.embedded import EmbeddedFiles
from loaders.readers.encodings import decode
from loaders.readers.html import write_html
from loaders.readers.part import Part
from loaders.readers.text import text_blocks

_SHOWN = ("From", "To", "Cc", "Date", "Subject")
_LOCKED = (
    "multipart/encrypted",
    "application/pkcs7-mime",
    "application/x-pkcs7-mime",
    "application/pgp-encrypted",
)
_FROM_LINE = re.compile(rb"^From .*\n", re.MULTILINE)
_MAX_PARTS = 2000


class MailLoader(FileLoader):
    """One message. `record` names the attachment or forwarded message that a part comes from."""

    media_type = "message/rfc822"

    def parts(self) -> Iterator[Part]:
        message = email.message_from_bytes(_without_envelope(self.source.data))
        yield from MessageReader(self, EmbeddedFiles(self.source)).read(message)


class MboxLoader(FileLoader):
    """A mailbox: its messages in order, each with `record` "message N: subject"."""

    media_type = "application/mbox"

    def parts(self) -> Iterator[Part]:
        self.use_title(self.source.stem)
        for number, data in enumerate(_mailbox_messages(self.source.data), start=1):
            self.source.meter.add_entries(1)
            message = email.message_from_bytes(data)
            subject = header_text(message, "Subject")
            name = f"message {number}: {subject}" if subject else f"message {number}"
            embedded = EmbeddedFiles(self.source)
            try:
                for part in MessageReader(self, embedded).read(message):
                    inner = part.place.get("record")
                    part.place["record"] = f"{name} › {inner}" if inner else name
                    part.title = part.title or subject
                    yield part
            except EncryptedFileError:
                continue


def _mailbox_messages(data: bytes) -> Iterator[bytes]:
    """Bytes of each message, without its "From " line; ">From " is what the body had."""
    starts = [
        match
        for match in _FROM_LINE.finditer(data)
        if match.start() == 0 or data.endswith((b"\n\n", b"\n\r\n"), 0, match.start())
    ]
    for here, following in zip(starts, [*starts[1:], None], strict=True):
        end = following.start() if following else len(data)
        yield data[here.end() : end].replace(b"\n>From ", b"\nFrom ")


class MessageReader:
    """Reads one parsed message; nested messages are taken by the same reader a level deeper."""

    def __init__(self, loader: FileLoader, embedded: EmbeddedFiles) -> None:
        self.loader = loader
        self.embedded = embedded
        self.locked = False
        self.seen = 0

    def read(self, message: Message) -> list[Part]:
        part = self.loader.new_part()
        self.loader.use_title(header_text(message, "Subject"))
        part.add("paragraph", "\n".join(header_lines(message)))
        headers_only = len(part.blocks)
        self._body(message, part)
        if self.locked and len(part.blocks) == headers_only and not self.embedded.parts:
            raise EncryptedFileError(
                f"{self.loader.source.label} is an encrypted message: decrypt it in your mail program and export it."
            )
        parts = [part] if part else []
        parts += self.embedded.parts
        if parts:
            self.embedded.report_on(parts[0])
        return parts

    def _body(self, message: Message, part: Part) -> None:
        """The message's own text into `part`, everything else into the embedded files."""
        stack: list[Message] = [message]
        while stack:
            item = stack.pop()
            self.seen += 1
            if self.seen > _MAX_PARTS:
                self.embedded.skip("further parts", f"more than {_MAX_PARTS} parts in one message")
                return
            kind = item.get_content_type()
            if kind in _LOCKED and _is_locked(item):
                self.locked = True
            elif kind == "message/rfc822":
                self._nested(item)
            elif kind == "multipart/alternative":
                stack.extend(_preferred(item))
            elif item.is_multipart():
                stack.extend(reversed(_children(item)))
            else:
                self._leaf(item, kind, part)

    def _leaf(self, item: Message, kind: str, part: Part) -> None:
        name = attachment_name(item)
        attached = item.get_content_disposition() == "attachment" or bool(name)
        if kind == "text/html" and not attached:
            write_html(part, payload(item), charset(item))
        elif (kind.startswith("text/") and not attached) or kind.startswith("message/"):
            add_text(part, decode(payload(item), charset(item)))
        elif not kind.startswith(
            ("image/", "audio/", "video/", "application/pgp-sig", "application/pkcs7-sig")
        ):
            data = payload(item)
            if data.strip():
                self.embedded.read(data, name or f"attachment.{kind.rpartition('/')[2]}")
        elif name:
            self.embedded.skip(name, f"{name} is {kind.partition('/')[0]} content without text.")

    def _nested(self, item: Message) -> None:
        for child in _children(item):
            subject = header_text(child, "Subject")
            name = attachment_name(item) or (f"message: {subject}" if subject else "message")
            self.embedded.read(
                child.as_bytes(unixfrom=False) if child.keys() else payload(child), _mail_name(name)
            )


def _mail_name(name: str) -> str:
    return name if name.lower().endswith(".eml") else f"{name}.eml"


def _children(item: Message) -> list[Message]:
    found = item.get_payload()
    return [child for child in found if isinstance(child, Message)] if isinstance(found, list) else []


def _preferred(item: Message) -> list[Message]:
    """Of alternatives the plain text where it says something, else the page, else all."""
    children = _children(item)
    plain = [
        child for child in children if child.get_content_type() == "text/plain" and payload(child).strip()
    ]
    if plain:
        others = [child for child in children if child.get_content_type() == "multipart/mixed"]
        return [*others, plain[0]]
    pages = [child for child in children if child.get_content_type() in ("text/html", "multipart/related")]
    return pages[-1:] or list(reversed(children))


def _is_locked(item: Message) -> bool:
    kind = str(item.get_param("smime-type") or "").lower()
    return item.get_content_type() == "multipart/encrypted" or "signed" not in kind


def payload(item: Message) -> bytes:
    """Decoded bytes of a leaf; the raw text where its transfer encoding is wrong."""
    data = item.get_payload(decode=True)
    if isinstance(data, bytes):
        return data
    text = item.get_payload()
    return text.encode("utf-8", "surrogateescape") if isinstance(text, str) else b""


def charset(item: Message) -> str | None:
    try:
        return item.get_content_charset()
    except (LookupError, ValueError, UnicodeError):
        return None


def attachment_name(item: Message) -> str:
    try:
        name = item.get_filename()
    except (LookupError, ValueError, UnicodeError):
        return "attachment"
    return " ".join(decoded_words(name).split()).replace("\\", "/").rpartition("/")[2] if name else ""


def header_lines(message: Message) -> list[str]:
    """`From: ...` and the other fields people look at, decoded."""
    shown = [(name, header_text(message, name)) for name in _SHOWN]
    return [f"{name}: {value}" for name, value in shown if value]


def header_text(message: Message, name: str) -> str:
    value = message.get(name)
    return " ".join(decoded_words(str(value)).split()) if value is not None else ""


def decoded_words(value: str) -> str:
    """RFC 2047 words decoded; 8-bit headers and unknown charsets as well as they can be."""
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        return value
    text = ""
    for piece, codec in pieces:
        text += decode(piece, codec) if isinstance(piece, bytes) else piece
    return decode(text.encode("utf-8", "surrogateescape")) if re.search("[\udc80-\udcff]", text) else text


def add_text(part: Part, text: str) -> None:
    """Plain text as blocks of the part."""
    for block in text_blocks(text):
        part.add(block.kind, text[block.start : block.end], level=block.level)


def _without_envelope(data: bytes) -> bytes:
    data = data.lstrip(b"\xef\xbb\xbf\r\n \t")
    return data.partition(b"\n")[2] if data.startswith(b"From ") else data
