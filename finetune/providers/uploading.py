"""Training files to a place: with a byte-order mark where it wants one, by parts where they are large, never twice."""

from __future__ import annotations

import contextlib
import hashlib
import re
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from errors import TuningError, TuningRequestError
from finetune.profiles import profile_named
from finetune.providers.places import Place
from finetune.providers.wire import pages, plain

if TYPE_CHECKING:
    import openai

BOM = b"\xef\xbb\xbf"
PART_BYTES = 64_000_000  # OpenAI's limit of one part is 64 MB
PROCESSING_LOOKS = 60
PROCESSING_SECONDS = 5.0
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Outgoing:
    """A file as the place gets it."""

    path: Path
    sha256: str  # of the bytes that are sent
    bytes: int
    filename: str
    bom: bool


def outgoing(path: Path, place: Place, *, name: str) -> Outgoing:
    """Reads the file once. Raises TuningRequestError where the place takes none so large."""
    profile = profile_named(place.profile)
    bom = profile.bom == "required"
    digest, size = hashlib.sha256(), 0
    for block in _blocks(path, bom=bom):
        digest.update(block)
        size += len(block)
    if profile.max_bytes is not None and size > profile.max_bytes:
        raise TuningRequestError(
            f"{place.title} takes files of up to {profile.max_bytes:,} bytes; this one has {size:,}: train "
            "on fewer rows.",
            code="file_too_large",
            param="training_file",
        )
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.")[:40] or "rows"
    filename = f"{slug}-{path.stem}-{digest.hexdigest()[:12]}.jsonl"
    return Outgoing(path=path, sha256=digest.hexdigest(), bytes=size, filename=filename, bom=bom)


def upload(client: openai.OpenAI, file: Outgoing, place: Place, *, part_bytes: int = PART_BYTES) -> str:
    """The file's id at the place. Raises the SDK's errors."""
    most = profile_named(place.profile).one_request_bytes
    if most is not None and file.bytes > most:
        return _by_parts(client, file, part_bytes)
    with _opened(file) as stream:
        return client.files.create(file=(file.filename, stream, "application/jsonl"), purpose="fine-tune").id


def _by_parts(client: openai.OpenAI, file: Outgoing, part_bytes: int) -> str:
    started = client.uploads.create(
        bytes=file.bytes, filename=file.filename, mime_type="text/jsonl", purpose="fine-tune"
    )
    digest, parts = hashlib.md5(usedforsecurity=False), []
    try:
        with _opened(file) as stream:
            while part := stream.read(part_bytes):
                digest.update(part)
                parts.append(client.uploads.parts.create(started.id, data=part).id)
        done = client.uploads.complete(started.id, part_ids=parts, md5=digest.hexdigest())
    except BaseException:
        with contextlib.suppress(Exception):  # it expires within the hour by itself
            client.uploads.cancel(started.id)
        raise
    if done.file is None:
        raise TuningError("The place took every part of the file and then named no file: try again.")
    return done.file.id


def there_already(client: openai.OpenAI, file: Outgoing) -> str | None:
    """The id of the very file, where an upload that nobody heard the end of has arrived."""
    from openai import omit

    for page in pages(lambda after: client.files.list(purpose="fine-tune", limit=100, after=after or omit)):
        for one in page:
            if (
                one.get("filename") == file.filename
                and one.get("bytes") == file.bytes
                and one.get("status") != "error"
            ):
                return str(one["id"])
    return None


def wait_until_processed(
    client: openai.OpenAI, file_id: str, place: Place, sleep: Callable[[float], None]
) -> None:
    """Some places look at a file before they take it for a job. Raises TuningRequestError where it finds fault."""
    for _ in range(PROCESSING_LOOKS):
        found = plain(client.files.retrieve(file_id))
        if found.get("status") == "error":
            raise TuningRequestError(
                f"{place.title} could not read the uploaded file {file_id}: check it with `python -m app dataset "
                f"validate --profile {place.profile}`.",
                code="invalid_training_file",
                param="training_file",
            )
        if found.get("status") not in ("uploaded", "pending", "running", "importing", "notRunning"):
            return
        if found.get("status") == "uploaded" and place.name != "azure":
            return  # OpenAI's own files may say so for good
        sleep(PROCESSING_SECONDS)


@contextlib.contextmanager
def _opened(file: Outgoing) -> Iterator[IO[bytes]]:
    if not file.bom:
        with file.path.open("rb") as stream:
            yield stream
        return
    with tempfile.TemporaryFile() as copy:
        for block in _blocks(file.path, bom=True):
            copy.write(block)
        copy.seek(0)
        yield copy


def _blocks(path: Path, *, bom: bool) -> Iterator[bytes]:
    """The file's bytes, which begin with the mark or, where it is not asked for, do not."""
    with path.open("rb") as stream:
        first = stream.read(_BLOCK)
        yield (BOM if bom else b"") + first.removeprefix(BOM)
        while block := stream.read(_BLOCK):
            yield block
