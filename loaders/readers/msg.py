"""Outlook messages (MSG) by python-oxmsg: headers and body as one part, attachments as further parts."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

from errors import EncryptedFileError
from loaders.readers.base import FileLoader
from loaders.readers.embedded import EmbeddedFiles
from loaders.readers.html import write_html
from loaders.readers.mail import add_text
from loaders.readers.part import Part, clean

_RTF_BODY = 0x1009
_PR_HTML = 0x1013


class MsgLoader(FileLoader):
    """`record` names the attachment that a part comes from."""

    media_type = "application/vnd.ms-outlook"

    def parts(self) -> Iterator[Part]:
        from oxmsg import Message

        message = Message.load(io.BytesIO(self.source.data))
        self.use_title(message.subject)
        part = self.new_part()
        part.add("paragraph", "\n".join(_headers(message)))
        headers_only = len(part.blocks)
        self._body(message, part)
        embedded = EmbeddedFiles(self.source)
        for number, attachment in enumerate(message.attachments, start=1):
            self._attachment(attachment, number, embedded)
        kind = message.message_class.lower()
        locked = "smime" in kind and "signed" not in kind
        if locked and len(part.blocks) == headers_only and not embedded.parts:
            raise EncryptedFileError(
                f"{self.source.label} is an encrypted message: decrypt it in Outlook and save it again."
            )
        parts = ([part] if part else []) + embedded.parts
        if parts:
            embedded.report_on(parts[0])
        yield from parts

    def _body(self, message: Any, part: Part) -> None:
        plain = clean(message.body or "")
        if plain.strip():
            add_text(part, plain)
            return
        page = _binary(message, _PR_HTML) or message.html_body
        if page:
            write_html(part, page)
            return
        packed = _binary(message, _RTF_BODY)
        if packed:
            from loaders.readers.rtf import unpacked_rtf, write_rtf

            write_rtf(part, unpacked_rtf(packed))

    def _attachment(self, attachment: Any, number: int, embedded: EmbeddedFiles) -> None:
        name = clean(attachment.file_name or f"attachment {number}")
        data = attachment.file_bytes
        if data:
            embedded.read(data, name)
        else:
            embedded.skip(name, f"{name} is a message or object kept inside Outlook's own format.")


def _headers(message: Any) -> list[str]:
    fields = {key.lower(): value for key, value in (message.message_headers or {}).items()}
    recipients = "; ".join(
        f"{recipient.name} <{recipient.email_address}>".replace(" <>", "") for recipient in message.recipients
    )
    sent = message.sent_date
    shown = {
        "From": message.sender or fields.get("from", ""),
        "To": recipients or fields.get("to", ""),
        "Cc": fields.get("cc", ""),
        "Date": sent.isoformat(sep=" ") if sent else fields.get("date", ""),
        "Subject": message.subject or "",
    }
    return [f"{name}: {' '.join(str(value).split())}" for name, value in shown.items() if value]


def _binary(message: Any, identity: int) -> bytes | None:
    value = message.properties.binary_prop_value(identity)
    return bytes(value) if value else None
