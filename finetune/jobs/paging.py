"""One page of a list, by a cursor: the id of the last row that was seen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    data: tuple[T, ...]
    has_more: bool


def page_of(found: list[T], limit: int) -> Page[T]:
    """Of one row more than was asked for."""
    return Page(tuple(found[:limit]), len(found) > limit)
