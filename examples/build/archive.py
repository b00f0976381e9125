"""Makes Office files reproducible: fixed dates inside and out, entries in their order."""

import re
import zipfile
from io import BytesIO
from pathlib import Path

STAMP = (2026, 6, 15, 9, 0, 0)
CORE_DATE = b"2026-06-15T09:00:00Z"
_DATES = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(</dcterms:)")


def settle(data: bytes, path: Path) -> Path:
    """Write the Office file `data` to `path` with every time stamp replaced by a fixed one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(BytesIO(data)) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for name in old.namelist():
            entry = zipfile.ZipInfo(name, STAMP)
            entry.compress_type = zipfile.ZIP_DEFLATED
            new.writestr(entry, _dated(name, old.read(name)))
    return path


def _dated(name: str, content: bytes) -> bytes:
    if name != "docProps/core.xml":
        return content
    return _DATES.sub(rb"\g<1>" + CORE_DATE + rb"\g<3>", content)
