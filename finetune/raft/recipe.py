"""How RAFT rows are made: the choices that are recorded in every row."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from random import Random
from typing import Any, Literal

from errors import DatasetError

Absent = Literal["abstain", "memorise"]
Voice = Literal["keep", "plain"]

MOST_DISTRACTORS = 50
BLOCK = 20  # rows of which a share of (1 - p) goes without its oracle: the share holds all through the file


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipe:
    """Raises DatasetError, naming the option, for a value that cannot be."""

    p: float = 0.8  # share of the answerable rows whose oracle is among the passages
    distractors: int = (
        4  # beside one oracle; the passages of a row are one more, as many as hybrid mode reads
    )
    hard_share: float = 0.5  # of the distractors: found by the retriever; the others are drawn at random
    absent: Absent = "abstain"  # what a row without its oracle teaches
    abstain_share: float | None = (
        None  # of the rows without their oracle; None: all or none, as `absent` says
    )
    seed: int = 7
    voice: Voice = "keep"  # "plain" leaves out the sentences that no passage supports

    def __post_init__(self) -> None:
        for name in ("p", "hard_share", "abstain_share"):
            share = getattr(self, name)
            if share is not None and not 0 <= share <= 1:
                raise DatasetError(
                    f"--{name.replace('_', '-')} {share} is no share: give a number from 0 to 1."
                )
        if not 1 <= self.distractors <= MOST_DISTRACTORS:
            raise DatasetError(
                f"--distractors {self.distractors}: give a number from 1 to {MOST_DISTRACTORS}."
            )

    @property
    def passages(self) -> int:
        """Of each row."""
        return self.distractors + 1

    @property
    def abstaining(self) -> float:
        """The share of the rows without their oracle that abstain."""
        return float(self.absent == "abstain") if self.abstain_share is None else self.abstain_share

    def as_dict(self) -> dict[str, Any]:
        return asdict(self) | {"abstain_share": self.abstaining}


class Shares:
    """Says of one row after the other whether it belongs to a share; within every block the share is kept."""

    def __init__(self, share: float, seed: int, purpose: str) -> None:
        self._share = share
        self._random = Random(f"{seed}\x1f{purpose}")  # noqa: S311 - no secret
        self._owed = 0.0  # rows that the share is ahead of the blocks so far
        self._block: list[bool] = []

    def next(self) -> bool:
        if not self._block:
            self._owed += self._share * BLOCK
            count = round(self._owed)
            self._owed -= count
            self._block = [True] * count + [False] * (BLOCK - count)
            self._random.shuffle(self._block)
        return self._block.pop()
