"""Real files made on the spot, and a PDF writer small enough to see through."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
from collections.abc import Mapping, Sequence
from email.message import EmailMessage
from pathlib import Path

TextLine = tuple[float, float, float, str]  # x, y, size, text
_PADDING = bytes.fromhex("28BF4E5E4E758A4164004E56FFFA01082E2E00B6D0683E802F0CA9FE6453697A")


def pdf(
    pages: Sequence[Sequence[TextLine]],
    *,
    pictures: Sequence[int] = (),
    attachments: Mapping[str, bytes] | None = None,
    password: str | None = None,
) -> bytes:
    """A PDF with lines of Helvetica; `pictures` are 0-based pages that show an image; RC4-40 with a password."""
    objects: dict[int, bytes] = {}
    streams: dict[int, bytes] = {}
    kids = []
    objects[3] = b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>"
    objects[4] = (
        b"<< /Type /XObject /Subtype /Image /Width 1 /Height 1 /ColorSpace /DeviceGray /BitsPerComponent 8"
    )
    streams[4] = b"\x7f"
    number = 5
    for index, lines in enumerate(pages):
        content = b"".join(_shown(line) for line in lines)
        if index in pictures:
            content += b"q 400 0 0 400 100 200 cm /Im Do Q\n"
        kids.append(number)
        objects[number] = (
            b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents %d 0 R "
            b"/Resources << /Font << /F 3 0 R >> /XObject << /Im 4 0 R >> >> >>" % (number + 1)
        )
        objects[number + 1] = b"<<"
        streams[number + 1] = content
        number += 2
    names = b""
    for name, data in (attachments or {}).items():
        objects[number] = b"<< /Type /EmbeddedFile"
        streams[number] = data
        objects[number + 1] = b"<< /Type /Filespec /F (%s) /UF (%s) /EF << /F %d 0 R >> >>" % (
            name.encode(), name.encode(), number,
        )  # fmt: skip
        names += b"(%s) %d 0 R " % (name.encode(), number + 1)
        number += 2
    catalog = b"<< /Type /Catalog /Pages 2 0 R"
    objects[1] = catalog + (b" /Names << /EmbeddedFiles << /Names [%s] >> >> >>" % names if names else b" >>")
    objects[2] = b"<< /Type /Pages /Kids [%s] /Count %d >>" % (
        b" ".join(b"%d 0 R" % kid for kid in kids),
        len(kids),
    )
    return _written(objects, streams, password)


def _shown(line: TextLine) -> bytes:
    x, y, size, text = line
    escaped = text.encode("cp1252").replace(b"\\", b"\\\\").replace(b"(", b"\\(").replace(b")", b"\\)")
    return b"BT /F %g Tf %g %g Td (%s) Tj ET\n" % (size, x, y, escaped)


def _written(objects: dict[int, bytes], streams: dict[int, bytes], password: str | None) -> bytes:
    identity = hashlib.md5(b"sample").digest()
    key, encrypt = _security(password, identity) if password is not None else (b"", b"")
    out = io.BytesIO(b"%PDF-1.4\n")
    out.seek(0, 2)
    places = {}
    for number, body in sorted(objects.items()):
        places[number] = out.tell()
        whole = body
        if number in streams:
            data = streams[number]
            if key:
                data = rc4(hashlib.md5(key + struct.pack("<I", number)[:3] + b"\x00\x00").digest()[:10], data)
            whole = body + b" /Length %d >>\nstream\n" % len(data) + data + b"\nendstream"
        out.write(b"%d 0 obj\n%s\nendobj\n" % (number, whole))
    start = out.tell()
    size = max(objects) + 1
    out.write(b"xref\n0 %d\n0000000000 65535 f \n" % size)
    out.write(b"".join(b"%010d 00000 n \n" % places[number] for number in range(1, size)))
    out.write(b"trailer << /Size %d /Root 1 0 R /ID [<%s> <%s>] %s >>\n" % (
        size, identity.hex().encode(), identity.hex().encode(), encrypt))  # fmt: skip
    out.write(b"startxref\n%d\n%%%%EOF\n" % start)
    return out.getvalue()


def _security(password: str, identity: bytes) -> tuple[bytes, bytes]:
    """File key and /Encrypt entry of the standard handler, revision 2 (ISO 32000-1, 7.6.3)."""
    padded = (password.encode() + _PADDING)[:32]
    owner = rc4(hashlib.md5(padded).digest()[:5], padded)
    permissions = struct.pack("<i", -4)
    key = hashlib.md5(padded + owner + permissions + identity).digest()[:5]
    user = rc4(key, _PADDING)
    entry = b"/Encrypt << /Filter /Standard /V 1 /R 2 /O <%s> /U <%s> /P -4 >>"
    return key, entry % (owner.hex().encode(), user.hex().encode())


def rc4(key: bytes, data: bytes) -> bytes:
    state, j = list(range(256)), 0
    for i in range(256):
        j = (j + state[i] + key[i % len(key)]) % 256
        state[i], state[j] = state[j], state[i]
    out, i, j = bytearray(), 0, 0
    for byte in data:
        i = (i + 1) % 256
        j = (j + state[i]) % 256
        state[i], state[j] = state[j], state[i]
        out.append(byte ^ state[(state[i] + state[j]) % 256])
    return bytes(out)


def zipped(members: Mapping[str, bytes | str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return out.getvalue()


def replaced(package: bytes, name: str, data: bytes) -> bytes:
    """A zip container with one member exchanged."""
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        members = {info.filename: archive.read(info) for info in archive.infolist()}
    return zipped(members | {name: data})


def docx(paragraphs: Sequence[str] = ("Leave carries over to March.",)) -> bytes:
    import docx as python_docx

    document = python_docx.Document()
    document.add_heading("Leave policy", level=1)
    for paragraph in paragraphs:
        document.add_paragraph(paragraph)
    table = document.add_table(rows=0, cols=2)
    for row in (("Grade", "Days"), ("A", "25"), ("B", "30")):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    return saved(document)


def saved(document: object) -> bytes:
    out = io.BytesIO()
    document.save(out)  # type: ignore[attr-defined]
    return out.getvalue()


def xlsx(rows: Sequence[Sequence[object]] = (("Item", "Price"), ("Bolt", 12.0), ("Nut", 0.5))) -> bytes:
    import openpyxl

    workbook = openpyxl.Workbook()
    sheet = workbook.active
    sheet.title = "Prices"
    for row in rows:
        sheet.append(list(row))
    return saved(workbook)


def pptx() -> bytes:
    import pptx as python_pptx

    deck = python_pptx.Presentation()
    slide = deck.slides.add_slide(deck.slide_layouts[1])
    slide.shapes.title.text = "Roadmap"
    slide.placeholders[1].text = "Ship in May\nGrow in June"
    slide.notes_slide.notes_text_frame.text = "Mention the budget."
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = "Costs"
    table = slide.shapes.add_table(2, 2, 0, 0, 900000, 900000).table
    for index, text in enumerate(("Year", "Cost", "2026", "40")):
        table.cell(index // 2, index % 2).text = text
    return saved(deck)


def mail(
    *, attachments: Mapping[str, bytes] | None = None, body: str = "The invoice is due on 3 May."
) -> bytes:
    message = EmailMessage()
    message["From"] = "Ann Bell <ann@example.com>"
    message["To"] = "bob@example.com"
    message["Date"] = "Mon, 04 May 2026 10:00:00 +0000"
    message["Subject"] = "Überfällige Rechnung"
    message["Message-ID"] = "<1@example.com>"
    message.set_content(body)
    message.add_alternative(f"<p>{body}</p>", subtype="html")
    for name, data in (attachments or {}).items():
        message.add_attachment(data, maintype="application", subtype="octet-stream", filename=name)
    return bytes(message)


def odt(body: str, *, extra: Mapping[str, bytes | str] | None = None, kind: str = "text") -> bytes:
    content = (
        '<?xml version="1.0"?><office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0" '
        'xmlns:draw="urn:oasis:names:tc:opendocument:xmlns:drawing:1.0" '
        'xmlns:presentation="urn:oasis:names:tc:opendocument:xmlns:presentation:1.0" '
        'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"><office:body>'
        f"<office:{kind}>{body}</office:{kind}></office:body></office:document-content>"
    )
    mimetype = f"application/vnd.oasis.opendocument.{kind}"
    return zipped({"mimetype": mimetype, "content.xml": content} | dict(extra or {}))


def epub() -> bytes:
    return zipped(
        {
            "mimetype": "application/epub+zip",
            "META-INF/container.xml": '<container><rootfiles><rootfile full-path="OPS/b.opf"/></rootfiles></container>',
            "OPS/b.opf": '<package xmlns:dc="d"><metadata><dc:title>Tides</dc:title></metadata><manifest>'
            '<item id="two" href="2.xhtml" media-type="application/xhtml+xml"/>'
            '<item id="one" href="1.xhtml" media-type="application/xhtml+xml"/></manifest>'
            '<spine><itemref idref="one"/><itemref idref="two"/></spine></package>',
            "OPS/1.xhtml": "<html><body><h1>One</h1><p>The sea rises.</p></body></html>",
            "OPS/2.xhtml": "<html><body><h1>Two</h1><p>The sea falls.</p></body></html>",
        }
    )


def write(folder: Path, name: str, data: bytes) -> Path:
    path = folder / name
    path.write_bytes(data)
    return path
