"""Password-protected OpenDocument members (ODF 1.2 part 3, 3.4; LibreOffice's AES-256-CBC and the older Blowfish)."""

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
    marks = {local_name(mark): mark for mark in entry.iter()}
    vector = base64.b64decode(attribute(marks["algorithm"], "initialisation-vector"))
    start = marks.get("start-key-generation", entry)
    first = hashlib.new(
        "sha256" if "256" in attribute(start, "start-key-generation-name") else "sha1", password.encode()
    ).digest()
    derivation = marks["key-derivation"]
    salt = base64.b64decode(attribute(derivation, "salt"))
    iterations = int(attribute(derivation, "iteration-count", "1024"))
    size = int(attribute(derivation, "key-size", "16"))
    if not 0 < iterations <= _MAX_ITERATIONS or size not in (16, 32):
        raise ValueError("key derivation out of range")
    cipher = attribute(marks["algorithm"], "algorithm-name").lower()
    key = hashlib.pbkdf2_hmac("sha1", first, salt, iterations, size)
    return _unpacked(package, _deciphered(package, cipher, key, vector, package.read(name)))


def _deciphered(package: Package, cipher: str, key: bytes, vector: bytes, data: bytes) -> bytes:
    from cryptography.hazmat.decrepit.ciphers.algorithms import Blowfish
    from cryptography.hazmat.decrepit.ciphers.modes import CFB
    from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

    if "aes256-cbc" in cipher and len(key) == 32:
        decryptor = Cipher(algorithms.AES(key), modes.CBC(vector)).decryptor()
    elif "blowfish" in cipher:
        decryptor = Cipher(Blowfish(key), CFB(vector)).decryptor()
    else:
        raise EncryptedFileError(
            f"{package.source.label} is encrypted in a way that cannot be opened here: save it without a password."
        )
    return decryptor.update(data) + decryptor.finalize()


def _unpacked(package: Package, data: bytes) -> bytes:
    """Inflated content; ValueError where the key was wrong."""
    text = zlib.decompressobj(wbits=-15).decompress(data, package.source.meter.limits.expanded_bytes)
    package.source.meter.add_expanded(len(text))
    if not text.lstrip().startswith(b"<"):
        raise ValueError("not XML")
    return text
