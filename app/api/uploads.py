"""/v1/uploads: a large file in parts, put together in the order that is named at the end."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from fastapi import APIRouter, File, UploadFile
from pydantic import BaseModel, ConfigDict, Field

from app.api.context import InTuning
from app.api.errors import refused
from app.api.files import EXPIRES_S, Purpose
from app.api.json_body import CheckedRoute
from app.api.wire import part_object, upload_object
from errors import TuningError

router = APIRouter(prefix="/uploads", route_class=CheckedRoute)
LARGEST_BYTES = 8 * 2**30  # of one upload, as OpenAI has it


class Expiry(BaseModel):
    model_config = ConfigDict(strict=True)

    anchor: Literal["created_at"]
    seconds: Annotated[int, Field(ge=EXPIRES_S[0], le=EXPIRES_S[1])]


class UploadBody(BaseModel):
    model_config = ConfigDict(strict=True)

    filename: Annotated[str, Field(min_length=1, max_length=255)]
    purpose: Purpose
    bytes: Annotated[int, Field(ge=0)]
    mime_type: Annotated[str, Field(min_length=1, max_length=255)]
    expires_after: Expiry | None = None


class CompletionBody(BaseModel):
    model_config = ConfigDict(strict=True)

    part_ids: Annotated[list[str], Field(min_length=1)]
    md5: Annotated[str, Field(pattern=r"^[0-9a-fA-F]{32}$")] | None = None


@router.post("")
def create(there: InTuning, body: UploadBody) -> dict[str, Any]:
    if body.bytes > LARGEST_BYTES:
        raise refused("Invalid 'bytes': at most 8 GiB are taken in one upload.", param="bytes")
    upload = there.store.uploads.create(
        filename=body.filename,
        purpose=body.purpose,
        bytes=body.bytes,
        mime_type=body.mime_type,
        expires_after=body.expires_after.seconds if body.expires_after else None,
    )
    return upload_object(upload)


@router.post("/{upload_id}/parts")
def add_part(there: InTuning, upload_id: str, data: Annotated[UploadFile, File()]) -> dict[str, Any]:
    return part_object(there.store.uploads.add_part(upload_id, data.file))


@router.post("/{upload_id}/complete")
def complete(there: InTuning, upload_id: str, body: CompletionBody) -> dict[str, Any]:
    """Of an upload that is complete, its file once more: the answer to the first request may have been lost."""
    uploads = there.store.uploads
    known = uploads.get(upload_id)
    if known.status != "completed":
        try:
            known = uploads.complete(upload_id, body.part_ids, md5=body.md5)
        except (TuningError, FileNotFoundError):  # the first request may have gone on, and been faster
            known = uploads.get(upload_id)
            if known.status != "completed":
                raise
    return upload_object(known)


@router.post("/{upload_id}/cancel")
def cancel(there: InTuning, upload_id: str) -> dict[str, Any]:
    return upload_object(there.store.uploads.cancel(upload_id))
