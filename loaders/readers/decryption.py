"""Encrypted Office files, opened with the password given (msoffcrypto); one sentence where it is missing or wrong."""

from __future__ import annotations

import io

import msoffcrypto
from msoffcrypto import exceptions

from errors import CorruptFileError, EncryptedFileError
from loaders.readers.source import Source

# What Excel itself tries first: workbooks "protected" so open for everybody ([MS-OFFCRYPTO] 2.3.7.1 note).
_EXCEL_DEFAULT = "VelvetSweatshop"


def decrypted_office(source: Source) -> Source:
    """The package inside an encrypted OOXML container."""
    opened = _opened(source)
    if opened is None:
        raise CorruptFileError(
            f"{source.label} is damaged: its encryption cannot be read. Get a complete copy of it."
        )
    return opened


def decrypted_binary(source: Source) -> Source:
    """A DOC, XLS or PPT file as it is, or decrypted where it is encrypted."""
    return _opened(source) or source


def _opened(source: Source) -> Source | None:
    """The decrypted file; None where the file is not encrypted or its encryption cannot be understood."""
    try:
        office = msoffcrypto.OfficeFile(io.BytesIO(source.data))
        if not office.is_encrypted():
            return None
    except Exception:  # noqa: BLE001 - the library raises what its parsers happen to raise; the reader decides
        return None
    for password in dict.fromkeys((source.password, _EXCEL_DEFAULT)):
        data = _with_password(office, password) if password else None
        if data:
            return source.same(data)
    if source.password:
        raise EncryptedFileError(f"{source.label} does not open with the password given: check the password.")
    raise EncryptedFileError(f"{source.label} is encrypted: give its password, or save it without one.")


def _with_password(office: object, password: str) -> bytes | None:
    out = io.BytesIO()
    try:
        office.load_key(password=password)  # type: ignore[attr-defined]
        office.decrypt(out)  # type: ignore[attr-defined]
    except (exceptions.InvalidKeyError, exceptions.DecryptionError):
        return None
    except Exception:  # noqa: BLE001 - wrong keys surface as any parser error; all mean "does not open"
        return None
    return out.getvalue()
