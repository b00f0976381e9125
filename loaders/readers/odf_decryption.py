"""Password-protected OpenDocument members (ODF 1.2 part 3, 3.4; LibreOffice's AES-256-CBC and AES-256-GCM)."""

from __future__ import annotations

import base64
import hashlib
import zlib
from typing import Any

from errors import EncryptedFileError
from loaders.readers.package import Package
from loaders.readers.xmlsafe import attribute, local_name

_MAX_ITERATIONS = 2_000_000


def decrypted_member(package: Package, manifest: Any, name: str) -> bytes:
    """The member's XML; EncryptedFileError without the right password or for other ciphers."""
    label = package.source.label
    password = package.source.password
    if not password:
        raise EncryptedFileError(f"{label} is encrypted: give its password, or save it without one.")
    for entry in manifest.iter("{*}file-entry"):
        if attribute(entry, "full-path") == name:
            try:
                return _decrypted(package, entry, name, password)
            except (ValueError, KeyError, zlib.error) as error:
                raise EncryptedFileError(
                    f"{label} does not open with the password given: check the password."
                ) from error
    raise EncryptedFileError(
        f"{label} is encrypted in a way that cannot be opened here: save it without a password."
    )


def _decrypted(package: Package, entry: Any, name: str, password: str) -> bytes:
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    marks = {local_name(mark): mark for mark in entry.iter()}
    algorithm = attribute(marks["algorithm"], "algorithm-name").lower()
    vector = base64.b64decode(attribute(marks["algorithm"], "initialisation-vector"))
    start = (
        "sha256"
        if "256" in attribute(marks.get("start-key-generation", entry), "start-key-generation-name")
        else "sha1"
    )
    key_mark = marks["key-derivation"]
    iterations = int(attribute(key_mark, "iteration-count", "1024"))
    if "aes256-cbc" not in algorithm or "pbkdf2" not in attribute(key_mark, "key-derivation-name").lower():
        raise EncryptedFileError(
            f"{package.source.label} is encrypted in a way that cannot be opened here: save it without a password."
        )
    if not 0 < iterations <= _MAX_ITERATIONS:
        raise ValueError("iteration count")
    first = hashlib.new(start, password.encode()).digest()
    salt = base64.b64decode(attribute(key_mark, "salt"))
    key = hashlib.pbkdf2_hmac("sha1", first, salt, iterations, 32)
    decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
    data = decryptor.update(package.read(name)) + decryptor.finalize()
    unpacked = zlib.decompressobj(wbits=-15).decompress(data, package.source.meter.limits.expanded_bytes)
    package.source.meter.add_expanded(len(unpacked))
    if not unpacked.lstrip().startswith(b"<"):
        raise ValueError("not XML")
    return unpacked
