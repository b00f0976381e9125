"""/v1/uploads: a large file in parts."""

from __future__ import annotations

from fastapi import APIRouter

from app.api.json_body import CheckedRoute

router = APIRouter(prefix="/uploads", route_class=CheckedRoute)
