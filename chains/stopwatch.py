"""Times the stages of one answer."""

from __future__ import annotations

from collections.abc import Callable


class Stopwatch:
    """Milliseconds by stage; `first_token` counts from the start."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._started = self._lap_started = clock()
        self._times: dict[str, float] = {}

    def lap(self, stage: str) -> None:
        """Ends a stage that began where the last one ended."""
        now = self._clock()
        self._times[stage] = (now - self._lap_started) * 1000
        self._lap_started = now

    def first_token(self) -> None:
        """Notes the first text shown; later calls change nothing."""
        self._times.setdefault("first_token", (self._clock() - self._started) * 1000)

    @property
    def text_began(self) -> bool:
        return "first_token" in self._times

    def finish(self) -> dict[str, float]:
        return self._times | {"total": (self._clock() - self._started) * 1000}
