"""Files that cannot be read: one class and one sentence each, in bounded time, and nothing else ever comes out."""

from __future__ import annotations

import io
import os
import random
import struct
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from errors import (
    CorruptFileError,
    EmptyFileError,
    EncryptedFileError,
    FileTooLargeError,
    ReadError,
    ScannedFileError,
    UnsupportedFileError,
)
from loaders.readers import Limits, ReaderProcess, read_file
from loaders.readers.base import FileLoader
from loaders.readers.part import Part
from tests.readers import samples

TEXT = [(72, 700, 11, "Some text.")]
PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 40
ENTITY_BOMB = b'<!DOCTYPE d [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'


def encrypted_docx(password: str) -> bytes:
    from msoffcrypto.format.ooxml import OOXMLFile

    out = io.BytesIO()
    OOXMLFile(io.BytesIO(samples.docx())).encrypt(password, out)
    return out.getvalue()


def lying_zip() -> bytes:
    """A member whose header declares 10 bytes but which unpacks to far more."""
    data = bytearray(samples.zipped({"a.txt": b"x" * 100_000}))
    place = data.index(b"PK\x01\x02")
    struct.pack_into("<I", data, place + 24, 10)
    return bytes(data)


def locked_zip() -> bytes:
    data = bytearray(samples.zipped({"a.txt": b"secret"}))
    for magic, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        place = data.index(magic)
        data[place + offset] |= 1
    return bytes(data)


def nested_zip(depth: int) -> bytes:
    data = samples.zipped({"a.txt": "deep"})
    for _ in range(depth):
        data = samples.zipped({"in.zip": data})
    return data


FAILURES: list[tuple[str, Callable[[], bytes], type[ReadError], str]] = [
    ("empty.txt", lambda: b"", EmptyFileError, "is empty"),
    ("blank.txt", lambda: b" \n\x00\n ", EmptyFileError, "is empty"),
    ("blank.pdf", lambda: samples.pdf([[], []]), EmptyFileError, "no text and no pictures"),
    ("blank.xlsx", lambda: samples.xlsx(rows=()), EmptyFileError, "no text"),
    ("empty.zip", lambda: samples.zipped({}), EmptyFileError, "empty zip"),
    ("scan.pdf", lambda: samples.pdf([[], []], pictures=[0, 1]), ScannedFileError, "2 pages: run OCR"),
    ("scan.png", lambda: PNG, ScannedFileError, "run OCR"),
    ("locked.pdf", lambda: samples.pdf([TEXT], password="s3cret"), EncryptedFileError, "give its password"),
    ("locked.docx", lambda: encrypted_docx("s3cret"), EncryptedFileError, "give its password"),
    ("locked.zip", locked_zip, EncryptedFileError, "give its password"),
    ("locked.odt", lambda: samples.odt("", extra={"META-INF/manifest.xml": "<m><encryption-data/></m>"}),
     EncryptedFileError, "give its password"),
    ("locked.epub", lambda: samples.replaced(samples.epub(), "META-INF/encryption.xml",
     b"<e><EncryptedData><EncryptionMethod Algorithm='aes'/><CipherReference URI='OPS/1.xhtml'/></EncryptedData></e>"),
     EncryptedFileError, "copy-protected"),
    ("locked.eml", lambda: b"From: a@b.c\nTo: d@e.f\nMessage-ID: <1@x>\nContent-Type: application/pkcs7-mime; "
     b"smime-type=enveloped-data\n\nAAAA\n", EncryptedFileError, "decrypt it"),
    ("cut.pdf", lambda: b"%PDF-1.7\n1 0 obj\n<<", CorruptFileError, "damaged PDF"),
    ("cut.docx", lambda: samples.docx()[:9000], CorruptFileError, "damaged or incomplete Word document"),
    ("cut.gz", lambda: b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\x01", CorruptFileError, "damaged gzip"),
    ("cut.doc", lambda: b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + b"\x00" * 600, CorruptFileError, "damaged Office file"),
    ("prog.exe", lambda: b"MZ" + bytes(range(256)) * 8, UnsupportedFileError, "is a program"),
    ("data.7z", lambda: b"7z\xbc\xaf\x27\x1c" + bytes(200), UnsupportedFileError, "7-Zip"),
    ("noise.bin", lambda: random.Random(1).randbytes(4000), UnsupportedFileError, "of no kind that can be read"),
    ("lying.zip", lying_zip, CorruptFileError, "damaged at"),
    ("deep.zip", lambda: nested_zip(6), FileTooLargeError, "levels deep"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "make", "error", "words"), FAILURES, ids=[row[0] for row in FAILURES])
def test_each_failure_is_one_sentence_that_names_the_file(
    tmp_path: Path, name: str, make: Callable[[], bytes], error: type[ReadError], words: str
) -> None:
    path = samples.write(tmp_path, name, make())
    with pytest.raises(error) as found:
        read_file(path)
    sentence = str(found.value)
    assert type(found.value) is error
    assert name in sentence
    assert words in sentence
    assert "\n" not in sentence
    assert sentence.endswith(".")


def test_passwords_open_what_they_should(tmp_path: Path) -> None:
    for name, data in (
        ("locked.pdf", samples.pdf([TEXT], password="s3cret")),
        ("locked.docx", encrypted_docx("s3cret")),
    ):
        path = samples.write(tmp_path, name, data)
        assert read_file(path, password="s3cret")[0].page_content
        with pytest.raises(EncryptedFileError, match="check the password"):
            read_file(path, password="wrong")


@pytest.mark.parametrize("cipher", ["aes256-cbc", "Blowfish CFB"])
def test_locked_open_documents_open_with_their_password(tmp_path: Path, cipher: str) -> None:
    import base64
    import hashlib
    import zlib

    from cryptography.hazmat.decrepit.ciphers.algorithms import Blowfish
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    aes = cipher == "aes256-cbc"
    start, size = ("sha256", 32) if aes else ("sha1", 16)
    key = hashlib.pbkdf2_hmac("sha1", hashlib.new(start, b"s3cret").digest(), b"salt" * 4, 1024, size)
    packer = zlib.compressobj(wbits=-15)
    plain = samples.odt("<text:p>Open at last.</text:p>")
    with zipfile.ZipFile(io.BytesIO(plain)) as archive:
        data = packer.compress(archive.read("content.xml")) + packer.flush()
    vector = bytes(16 if aes else 8)
    data += bytes(-len(data) % 16 if aes else 0)
    encryptor = (
        Cipher(algorithms.AES(key), modes.CBC(vector)) if aes else Cipher(Blowfish(key), CFB(vector))
    ).encryptor()
    manifest = (
        f'<m><file-entry full-path="content.xml"><encryption-data><algorithm algorithm-name="{cipher}" '
        f'initialisation-vector="{base64.b64encode(vector).decode()}"/><start-key-generation '
        f'start-key-generation-name="{start}"/><key-derivation salt="{base64.b64encode(b"salt" * 4).decode()}" '
        f'iteration-count="1024" key-size="{size}"/></encryption-data></file-entry></m>'
    )
    locked = samples.replaced(plain, "content.xml", encryptor.update(data) + encryptor.finalize())
    locked = samples.replaced(locked, "META-INF/manifest.xml", manifest.encode())
    path = samples.write(tmp_path, "locked.odt", locked)
    assert read_file(path, password="s3cret")[0].page_content == "Open at last."
    with pytest.raises(EncryptedFileError, match="check the password"):
        read_file(path, password="wrong")


def test_paths_that_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(ReadError, match=r"nowhere\.txt cannot be opened: No such file"):
        read_file(tmp_path / "nowhere.txt")
    with pytest.raises(UnsupportedFileError, match="not a file"):
        read_file(tmp_path)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(UnsupportedFileError, match="not a file"):
            read_file(tmp_path / "pipe")


BOUNDS: list[tuple[str, Callable[[], bytes], Limits, str]] = [
    ("t.txt", lambda: b"word " * 100, Limits(file_bytes=100), "MB allowed"),
    ("t.txt", lambda: b"word " * 100, Limits(text_characters=100), "more than 100 characters"),
    ("t.pdf", lambda: samples.pdf([TEXT] * 3), Limits(pages=2), "has 3 pages"),
    ("t.csv", lambda: b"a,b\n" * 50, Limits(rows=10), "more than 10 rows"),
    ("t.zip", lambda: samples.zipped({f"{n}.txt": "x" for n in range(20)}), Limits(entries=10), "more than 10 pieces"),
    ("t.zip", lambda: samples.zipped({"a.txt": b"a" * 5000}), Limits(expanded_bytes=1000), "would unpack"),
    ("t.gz", lambda: __import__("gzip").compress(b"a" * 9_000_000), Limits(expanded_bytes=2**20), "unpacks to more"),
    ("t.zip", lambda: samples.zipped({"a.txt": bytes(80 * 2**20)}), Limits(), "would unpack"),
    ("t.docx", lambda: samples.replaced(samples.docx(), "media/x", bytes(80 * 2**20)), Limits(), "would unpack"),
    ("t.txt", lambda: b"word", Limits(seconds=-1.0), "takes longer"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "make", "limits", "words"), BOUNDS)
def test_limits_hold(
    tmp_path: Path, name: str, make: Callable[[], bytes], limits: Limits, words: str
) -> None:
    with pytest.raises(FileTooLargeError, match=words):
        read_file(samples.write(tmp_path, name, make()), limits=limits)


def with_entities(package: bytes, member: str, root: str) -> bytes:
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        data = archive.read(member)
    start = data.index(f"<{root}".encode())
    head = ENTITY_BOMB.replace(b"<!DOCTYPE d", f"<!DOCTYPE {root}".encode())
    head = head.replace(b"]>", b'<!ENTITY x SYSTEM "file:///etc/hostname">]>')
    body = data[start:].replace(b"Leave carries", b"Leave &c;&x; carries").replace(b"Bolt", b"Bolt &c;&x;")
    return samples.replaced(package, member, b"<?xml version='1.0'?>" + head + body)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("x.docx", with_entities(samples.docx(), "word/document.xml", "w:document")),
        ("x.xlsx", with_entities(samples.xlsx(rows=(("Leave carries", 1),)), "xl/worksheets/sheet1.xml", "worksheet")),
        ("x.xml", b"<?xml version='1.0'?>" + ENTITY_BOMB.replace(b"]>", b'<!ENTITY x SYSTEM "file:///etc/hostname">]>')
         + b"<d>Leave &c;&x; carries</d>"),
        ("x.svg", ENTITY_BOMB.replace(b"]>", b'<!ENTITY x SYSTEM "file:///etc/hostname">]>')
         + b"<svg><text>Leave &c;&x; carries</text></svg>"),
    ],
)  # fmt: skip
def test_entities_are_never_expanded_nor_fetched(tmp_path: Path, name: str, data: bytes) -> None:
    text = read_file(samples.write(tmp_path, name, data))[0].page_content
    assert "Leave" in text
    assert "carries" in text
    assert "haha" not in text
    assert Path("/etc/hostname").read_text().strip() not in text


def test_a_page_with_outside_references_fetches_nothing(tmp_path: Path) -> None:
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        url = f"http://127.0.0.1:{server.getsockname()[1]}/x"
        page = (
            f'<!DOCTYPE html SYSTEM "{url}"><html><head><link rel=stylesheet href="{url}"><base href="{url}">'
            f'</head><body><img src="{url}"><iframe src="{url}"></iframe><p>Here</p></body></html>'
        )
        assert read_file(samples.write(tmp_path, "p.html", page.encode()))[0].page_content == "Here"
        xml = f'<?xml version="1.0"?><!DOCTYPE r SYSTEM "{url}"><r>Here</r>'
        assert read_file(samples.write(tmp_path, "p.xml", xml.encode()))[0].page_content == "Here"
        with pytest.raises(TimeoutError):
            server.accept()


DEEP: list[tuple[str, bytes]] = [
    ("deep.html", b"<div>" * 50_000 + b"Found" + b"</div>" * 50_000),
    ("deep.html", b"<ul><li>" * 20_000 + b"Found"),
    ("deep.html", b"<table><tr><td>" * 3_000 + b"Found"),
    ("deep.json", b"[" * 100_000 + b"1" + b"]" * 100_000),
    ("deep.xml", b"<?xml version='1.0'?>" + b"<a>" * 100_000 + b"Found" + b"</a>" * 100_000),
    ("deep.md", b"> " * 5_000 + b"Found\n" + b"- " * 3_000 + b"x"),
    ("deep.rtf", b"{\\rtf1 " + b"{" * 100_000 + b"Found" + b"}" * 100_000 + b"}"),
    (
        "deep.eml",
        b"".join(b"Content-Type: message/rfc822\nMessage-ID: <1@x>\nFrom: a\nTo: b\n\n" for _ in range(200)),
    ),
    ("wide.html", b"<p>" + b"<b>x " * 50_000),
    ("long.csv", b'"' + b"a,b\n" * 50_000),
    ("long.txt", b"x" * 3_000_000),
    ("dash.txt", b"-" * 300_000 + b"\n" + b"- " * 100_000),
]


@pytest.mark.parametrize(("name", "data"), DEEP, ids=[f"{name}-{len(data)}" for name, data in DEEP])
def test_deep_and_wide_files_end_soon(tmp_path: Path, name: str, data: bytes) -> None:
    start = time.monotonic()
    try:
        documents = read_file(samples.write(tmp_path, name, data))
    except ReadError:
        documents = []
    assert time.monotonic() - start < 20
    assert all(document.page_content for document in documents)


def test_a_sheet_of_a_million_empty_rows_is_quick(tmp_path: Path) -> None:
    package = samples.xlsx()
    with zipfile.ZipFile(io.BytesIO(package)) as archive:
        sheet = archive.read("xl/worksheets/sheet1.xml")
    rows = b"".join(b'<row r="%d" s="1"/>' % number for number in range(4, 1_000_004))
    package = samples.replaced(
        package, "xl/worksheets/sheet1.xml", sheet.replace(b"</sheetData>", rows + b"</sheetData>")
    )
    start = time.monotonic()
    (document,) = read_file(samples.write(tmp_path, "huge.xlsx", package))
    assert document.page_content.endswith("Item: Nut | Price: 0.5")
    assert time.monotonic() - start < 30


SAMPLES: dict[str, bytes] = {
    "a.pdf": samples.pdf([TEXT], attachments={"n.txt": b"note"}),
    "a.docx": samples.docx(),
    "a.xlsx": samples.xlsx(),
    "a.pptx": samples.pptx(),
    "a.odt": samples.odt("<text:p>One</text:p>"),
    "a.epub": samples.epub(),
    "a.eml": samples.mail(attachments={"a.docx": samples.docx()}),
    "a.zip": samples.zipped({"a.txt": "One", "b.csv": "a,b\n1,2\n"}),
    "a.html": b"<html><body><h1>T</h1><table><tr><th>a<th>b<tr><td>1<td>2</table></body></html>",
    "a.md": b"# T\n\n- a\n- b\n\n| a | b |\n|---|---|\n| 1 | 2 |\n",
    "a.rtf": rb"{\rtf1\ansi\ansicpg1252 A\'e9\par\trowd x\cell y\cell\row}",
    "a.json": b'{"a": [1, {"b": "c"}]}',
    "a.csv": b'name,age\n"Ann",3\n',
    "locked.docx": encrypted_docx("s3cret"),
}


@pytest.mark.parametrize(
    ("raised", "error"),
    [
        (ValueError("bad\nvalue"), CorruptFileError),
        (KeyError("part"), CorruptFileError),
        (struct.error("short"), CorruptFileError),
        (RecursionError(), FileTooLargeError),
        (MemoryError(), FileTooLargeError),
        (EncryptedFileError("locked.x is encrypted."), EncryptedFileError),
    ],
)
def test_whatever_a_parser_raises_is_mapped(
    tmp_path: Path, raised: Exception, error: type[ReadError]
) -> None:
    class Raising(FileLoader):
        def parts(self) -> Iterator[Part]:
            yield from ()
            raise raised

    with pytest.raises(error) as found:
        Raising(samples.write(tmp_path, "locked.x", b"x")).load()
    assert type(found.value) is error
    assert "locked.x" in str(found.value)
    assert "\n" not in str(found.value)


@settings(
    max_examples=200,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(
    name=st.sampled_from(sorted(SAMPLES)),
    seed=st.integers(0, 2**32),
    way=st.sampled_from(["cut", "flip", "noise", "drop"]),
)
def test_damaged_files_raise_read_errors_only(tmp_path: Path, name: str, seed: int, way: str) -> None:
    rng = random.Random(seed)
    data = bytearray(SAMPLES[name])
    place = rng.randrange(len(data))
    stop = min(len(data), place + rng.randrange(1, 300))
    if way == "cut":
        del data[place:]
    elif way == "drop":
        del data[place:stop]
    elif way == "noise":
        data[place:stop] = rng.randbytes(stop - place)
    else:
        for _ in range(rng.choice([1, 4, 30])):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    start = time.monotonic()
    try:
        documents = read_file(samples.write(tmp_path, name, bytes(data)))
    except ReadError as error:
        assert str(error).count("\n") == 0
    else:
        for document in documents:
            document.page_content.encode()
            spans = [(block["start"], block["end"]) for block in document.metadata["blocks"]]
            assert spans == sorted(spans)
            assert all(begin < end <= len(document.page_content) for begin, end in spans)
    assert time.monotonic() - start < 10


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    data=st.binary(max_size=400),
    suffix=st.sampled_from(sorted({Path(name).suffix for name in SAMPLES} | {".doc", ".msg", ""})),
)
def test_any_bytes_raise_read_errors_only(tmp_path: Path, data: bytes, suffix: str) -> None:
    try:
        read_file(samples.write(tmp_path, f"any{suffix}", data))
    except ReadError:
        return


def test_the_worker_reads_many_files_and_raises_the_same_errors(tmp_path: Path) -> None:
    good = samples.write(tmp_path, "leave.docx", samples.docx())
    locked = samples.write(tmp_path, "locked.pdf", samples.pdf([TEXT], password="s3cret"))
    with ReaderProcess(timeout_s=60) as process:
        documents = process.read(good, name="up/leave.docx")
        assert [d.page_content for d in documents] == [d.page_content for d in read_file(good)]
        assert documents[0].metadata == read_file(good, name="up/leave.docx")[0].metadata
        first = process.pid
        with pytest.raises(EncryptedFileError, match="give its password"):
            process.read(locked)
        assert process.read(locked, password="s3cret")[0].page_content == "Some text."
        assert process.pid == first
    assert process.pid is None


def test_the_worker_is_started_anew_after_a_crash(tmp_path: Path) -> None:
    good = samples.write(tmp_path, "t.txt", b"Fine.")
    with ReaderProcess(timeout_s=60) as process:
        process.read(good)
        pid = process.pid
        assert pid is not None
        os.kill(pid, 9)
        with pytest.raises(CorruptFileError, match="crashes its reader"):
            while process.pid == pid:
                process.read(good)
        assert process.read(good)[0].page_content == "Fine."


def test_a_file_that_takes_too_long_is_given_up(tmp_path: Path) -> None:
    slow = samples.write(tmp_path, "slow.csv", b"a,b,c\n" + b"1,2,3\n" * 400_000)
    good = samples.write(tmp_path, "t.txt", b"Fine.")
    with ReaderProcess(timeout_s=60) as process:
        process.read(good)
        process.timeout_s = 0.2
        with pytest.raises(FileTooLargeError, match=r"takes longer than 0\.2 s"):
            process.read(slow)
        process.timeout_s = 60
        assert process.read(good)[0].page_content == "Fine."


def test_a_file_that_eats_memory_is_given_up(tmp_path: Path) -> None:
    hungry = samples.write(tmp_path, "hungry.json", b"[" + b'{"a":1},' * 3_000_000 + b"1]")
    with (
        ReaderProcess(memory_bytes=400 * 2**20, timeout_s=60) as process,
        pytest.raises((FileTooLargeError, CorruptFileError), match=r"memory|too large"),
    ):
        process.read(hungry)


def test_the_worker_knows_no_secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-secret")
    with ReaderProcess(timeout_s=60) as process:
        process.read(samples.write(tmp_path, "t.txt", b"Fine."))
        environment = Path(f"/proc/{process.pid}/environ")
        if environment.exists():
            assert b"sk-secret" not in environment.read_bytes()


def test_threads_share_a_worker_and_pdfium(tmp_path: Path) -> None:
    path = samples.write(tmp_path, "t.pdf", samples.pdf([TEXT] * 3))
    found: list[int] = []
    with ReaderProcess(timeout_s=60) as process:
        threads = [
            threading.Thread(target=lambda read: found.append(len(read(path))), args=(read,))
            for read in [process.read, read_file] * 4
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [3] * 8
