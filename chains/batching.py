"""Many questions through one chain, answers in the order of the questions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from chains.answer import Answer, Question


def run_batch(
    invoke: Callable[[Question], Answer], questions: Sequence[Question], *, max_concurrency: int
) -> list[Answer]:
    """Raises the first failing question's error once the running ones have ended."""
    with ThreadPoolExecutor(max_workers=max(1, max_concurrency)) as pool:
        return list(pool.map(invoke, questions))
