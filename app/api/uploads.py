"""/v1/uploads: a large file in parts."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter(prefix="/uploads")
