"""/v1/files: what jobs train on, and what they leave."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, Form, Query, UploadFile
from starlette.responses import StreamingResponse

from app.api.context import InTuning
from app.api.errors import refused
from app.api.paging import listed
from app.api.wire import file_object
from errors import TuningNotFoundError

router = APIRouter(prefix="/files")
Purpose = Literal["fine-tune", "assistants", "batch", "vision", "user_data"]
EXPIRES_S = (3600, 2_592_000)  # an hour to 30 days, as OpenAI has it
CHUNK = 2**20
LARGEST_PAGE = 10_000


@router.post("")
def create(
    there: InTuning,
    file: Annotated[UploadFile, File()],
    purpose: Annotated[Purpose, Form()],
    anchor: Annotated[Literal["created_at"] | None, Form(alias="expires_after[anchor]")] = None,
    seconds: Annotated[
        int | None, Form(alias="expires_after[seconds]", ge=EXPIRES_S[0], le=EXPIRES_S[1])
    ] = None,
) -> dict[str, Any]:
    if (anchor is None) != (seconds is None):
        raise refused("Invalid 'expires_after': it takes both an anchor and seconds.", param="expires_after")
    stored = there.store.files.add(file.file, file.filename or "upload", purpose, expires_after=seconds)
    return file_object(stored)


@router.get("")
def list_files(
    there: InTuning,
    purpose: str | None = None,
    after: str | None = None,
    limit: Annotated[int, Query(ge=1, le=LARGEST_PAGE)] = LARGEST_PAGE,
    order: Literal["asc", "desc"] = "desc",
) -> dict[str, Any]:
    page = there.store.files.list(purpose=purpose, after=after, limit=limit, order=order)
    return listed([file_object(one) for one in page.data], has_more=page.has_more)


@router.get("/{file_id}")
def retrieve(there: InTuning, file_id: str) -> dict[str, Any]:
    return file_object(there.store.files.get(file_id))


@router.delete("/{file_id}")
def delete(there: InTuning, file_id: str) -> dict[str, Any]:
    there.store.files.delete(file_id)
    return {"id": file_id, "object": "file", "deleted": True}


@router.get("/{file_id}/content")
def content(there: InTuning, file_id: str) -> StreamingResponse:
    """Its bytes; never as something that a browser would show as a page of this server."""
    stored = there.store.files.get(file_id)
    path = there.store.files.path(file_id)
    if not path.is_file():
        raise TuningNotFoundError(f"The bytes of {file_id} are gone from the disk: upload the file again.")
    headers = {"content-disposition": "attachment", "x-content-type-options": "nosniff"}
    return StreamingResponse(
        _chunks(path),
        media_type="text/csv" if stored.purpose == "fine-tune-results" else "application/octet-stream",
        headers=headers | {"content-length": str(stored.bytes)},
    )


def _chunks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            yield chunk
