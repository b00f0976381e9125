"""Rich Text Format (Microsoft RTF 1.9.1): visible text, paragraphs and table rows; and the packed form in messages."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

from errors import CorruptFileError
from loaders.readers.base import FileLoader
from loaders.readers.part import Part
from loaders.readers.tables import write_rows

_TOKEN = re.compile(
    rb"\\([a-zA-Z]{1,32})(-?\d{1,10})? ?|\\'([0-9a-fA-F]{2})|\\([^a-zA-Z])|([{}])|[\r\n]+|([^\\{}\r\n]+)"
)
_HIDDEN = {
    b"fonttbl", b"colortbl", b"stylesheet", b"info", b"pict", b"object", b"header", b"headerl", b"headerr", b"headerf",
    b"footer", b"footerl", b"footerr", b"footerf", b"fldinst", b"themedata", b"datastore", b"listtable", b"generator",
    b"listoverridetable", b"rsidtbl", b"xmlnstbl", b"latentstyles", b"bkmkstart", b"bkmkend", b"objdata", b"nonshppict",
    b"filetbl", b"revtbl", b"pntext", b"xe", b"tc", b"private", b"colorschememapping", b"mmathPr", b"htmltag",
}  # fmt: skip
_SIGNS = {
    b"tab": "\t", b"line": "\n", b"emdash": "—", b"endash": "–", b"bullet": "•", b"lquote": "‘", b"rquote": "’",
    b"ldblquote": "“", b"rdblquote": "”", b"emspace": " ", b"enspace": " ", b"qmspace": " ",
}  # fmt: skip
_CHARSETS = {0: "cp1252", 77: "mac_roman", 128: "cp932", 129: "cp949", 134: "gbk", 136: "big5", 161: "cp1253",
             162: "cp1254", 163: "cp1258", 177: "cp1255", 178: "cp1256", 186: "cp1257", 204: "cp1251", 222: "cp874",
             238: "cp1250"}  # fmt: skip


class RtfLoader(FileLoader):
    """One part; the title of the info group is the file's title."""

    media_type = "application/rtf"

    def parts(self) -> Iterator[Part]:
        title = re.search(
            rb"\\info\b.{0,2000}?\{\\title ([^{}\\]{1,200})\}", self.source.data[:65536], re.DOTALL
        )
        self.use_title(title.group(1).decode("cp1252", "replace") if title else "")
        part = self.new_part()
        write_rtf(part, self.source.data)
        yield part


class _Reader:
    def __init__(self, part: Part, data: bytes) -> None:
        self.part = part
        self.codec = _document_codec(data)
        self.fonts = _font_codecs(data)
        self.font_codec = ""
        self.hidden = False
        self.skip = 1  # characters that stand in for one \\u
        self.pending = 0
        self.stack: list[tuple[bool, int, str]] = []
        self.text: list[str] = []
        self.raw = bytearray()
        self.row: list[str] = []
        self.rows: list[list[str]] = []

    def read(self, data: bytes) -> None:
        for match in _TOKEN.finditer(data):
            word, number, code, sign, brace, plain = match.groups()
            if code is not None:
                self.byte(bytes([int(code, 16)]))
            elif plain is not None:
                self.byte(plain)
            elif brace is not None:
                self.brace(brace)
            elif sign is not None:
                self.sign(sign)
            elif word is not None:
                self.word(word, int(number) if number else None)
        self.paragraph()
        self.table()

    def byte(self, piece: bytes) -> None:
        if self.pending and piece:
            cut = min(self.pending, len(piece))
            self.pending -= cut
            piece = piece[cut:]
        if not self.hidden:
            self.raw += piece

    def settle(self) -> None:
        if self.raw:
            self.text.append(bytes(self.raw).decode(self.font_codec or self.codec, errors="replace"))
            self.raw.clear()

    def put(self, text: str) -> None:
        if not self.hidden:
            self.settle()
            self.text.append(text)

    def brace(self, brace: bytes) -> None:
        self.settle()
        self.pending = 0
        if brace == b"{":
            self.stack.append((self.hidden, self.skip, self.font_codec))
        elif self.stack:
            self.hidden, self.skip, self.font_codec = self.stack.pop()

    def sign(self, sign: bytes) -> None:
        if sign == b"*":
            self.hidden = True
        elif sign in (b"\n", b"\r"):
            self.paragraph()
        elif sign == b"~":
            self.put(" ")
        elif sign == b"_":
            self.put("-")
        elif sign in (b"\\", b"{", b"}"):
            self.byte(sign)

    def word(self, word: bytes, number: int | None) -> None:
        if word == b"u" and number is not None:
            self.put(chr(number % 0x10000))
            self.pending = self.skip
        elif word == b"uc":
            self.skip = max(0, min(number or 0, 16))
        elif word in _HIDDEN or (word == b"v" and number != 0):
            self.hidden = True
        elif word == b"f":
            self.settle()
            self.font_codec = self.fonts.get(number or 0, "")
        elif word in _SIGNS:
            self.put(_SIGNS[word])
        elif word in (b"par", b"sect", b"page") and not self.hidden:
            self.paragraph()
        elif word in (b"cell", b"nestcell") and not self.hidden:
            self.row.append(" ".join(self.taken().split()))
        elif word in (b"row", b"nestrow") and not self.hidden:
            self.rows.append(self.row)
            self.row = []
        elif word == b"bin" and number:
            self.pending = max(number, 0)

    def taken(self) -> str:
        self.settle()
        text = "".join(self.text)
        self.text.clear()
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")

    def paragraph(self) -> None:
        text = self.taken()
        if self.row:
            self.text.append(text + " ")
            return
        if text.strip():
            self.table()
            self.part.add("paragraph", text)

    def table(self) -> None:
        rows, self.rows = self.rows, []
        write_rows(self.part, rows)


def write_rtf(part: Part, data: bytes) -> None:
    """Add the visible text of RTF `data` to the part."""
    _Reader(part, data).read(data)


def _document_codec(data: bytes) -> str:
    page = re.search(rb"\\ansicpg(\d{3,5})", data[:4096])
    codec = f"cp{page.group(1).decode()}" if page else "mac_roman" if b"\\mac" in data[:200] else "cp1252"
    codec = {"cp65001": "utf-8", "cp10000": "mac_roman", "cp0": "cp1252", "cp936": "gbk"}.get(codec, codec)
    try:
        "".encode(codec)
    except LookupError:
        return "cp1252"
    return codec


def _font_codecs(data: bytes) -> dict[int, str]:
    """Font number -> codec of its charset, for text set in another script."""
    found = {}
    for match in re.finditer(rb"\\f(\d{1,5})\b[^{};]{0,200}?\\fcharset(\d{1,3})", data[:262144]):
        codec = _CHARSETS.get(int(match.group(2)), "")
        if codec and codec != "cp1252":
            found[int(match.group(1))] = codec
    return found


_DICTIONARY = (
    b"{\\rtf1\\ansi\\mac\\deff0\\deftab720{\\fonttbl;}{\\f0\\fnil \\froman \\fswiss \\fmodern \\fscript "
    b"\\fdecor MS Sans SerifSymbolArialTimes New RomanCourier{\\colortbl\\red0\\green0\\blue0\r\n\\par "
    b"\\pard\\plain\\f0\\fs20\\b\\i\\u\\tab\\tx"
)


def unpacked_rtf(data: bytes) -> bytes:
    """Body of a message in compressed RTF ([MS-OXRTFCP] 2.1.3)."""
    size, raw_size, magic, _ = struct.unpack_from("<IIII", data, 0)
    if magic == 0x414C454D:
        return data[16 : 16 + raw_size]
    if magic != 0x75465A4C:
        raise CorruptFileError("the message's body is packed in an unknown way")
    window = bytearray(_DICTIONARY.ljust(4096, b"\x00"))
    write, place, out = len(_DICTIONARY), 16, bytearray()
    end = min(len(data), size + 4)
    while place < end and len(out) < raw_size:
        control = data[place]
        place += 1
        for bit in range(8):
            if place >= end or len(out) >= raw_size:
                break
            if control & (1 << bit):
                if place + 2 > end:
                    break
                token = (data[place] << 8) | data[place + 1]
                place += 2
                offset, length = token >> 4, (token & 0xF) + 2
                if offset == write % 4096:
                    return bytes(out)
                piece = bytearray()
                for step in range(length):
                    value = window[(offset + step) % 4096]
                    piece.append(value)
                    window[write % 4096] = value
                    write += 1
                out += piece
            else:
                out.append(data[place])
                window[write % 4096] = data[place]
                write += 1
                place += 1
    return bytes(out[:raw_size])
