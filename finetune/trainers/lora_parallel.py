"""One training by several processes: each takes a share of every batch, and all make the same step together.

Data parallel, by adding up the adapter's gradients, which are small: the base lies whole on every card. Every process
draws its own dropout; sums, decisions and weights are the same in all of them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
S = TypeVar("S")


class Parallel(Protocol):
    @property
    def rank(self) -> int: ...  # 0: the one that tells and writes

    @property
    def processes(self) -> int: ...

    def share(self, items: Sequence[T], /) -> Sequence[T]: ...

    def add(self, numbers: Sequence[float], /) -> list[float]:
        """Each number, added up over all processes (float64)."""
        ...

    def add_gradients(self, weights: Sequence[Any], /) -> None: ...

    def told(self, value: S, /) -> S:
        """What the first process says."""
        ...


@dataclass(frozen=True, slots=True)
class Alone:
    rank: int = 0
    processes: int = 1

    def share(self, items: Sequence[T], /) -> Sequence[T]:
        return items

    def add(self, numbers: Sequence[float], /) -> list[float]:
        return list(numbers)

    def add_gradients(self, weights: Sequence[Any], /) -> None:
        pass

    def told(self, value: S, /) -> S:
        return value


@dataclass(frozen=True, slots=True)
class Several:
    """Over torch.distributed, which has been initialised."""

    rank: int
    processes: int
    device: str

    def share(self, items: Sequence[T], /) -> Sequence[T]:
        """Every so-manyth: of items by length, everybody gets long and short ones. May be empty."""
        return items[self.rank :: self.processes]

    def add(self, numbers: Sequence[float], /) -> list[float]:
        import torch

        sums = torch.tensor(numbers, dtype=torch.float64, device=self.device)
        torch.distributed.all_reduce(sums)
        return [float(number) for number in sums]

    def add_gradients(self, weights: Sequence[Any], /) -> None:
        import torch

        for one in weights:
            if one.grad is None:  # of a process without a share of this batch
                one.grad = torch.zeros_like(one)
            torch.distributed.all_reduce(one.grad)

    def told(self, value: S, /) -> S:
        import torch

        box = [value]
        torch.distributed.broadcast_object_list(box, src=0)
        return box[0]


def parallel(device: str) -> Parallel:
    """The processes that this one trains with."""
    import torch

    if not (torch.distributed.is_available() and torch.distributed.is_initialized()):
        return Alone()
    return Several(torch.distributed.get_rank(), torch.distributed.get_world_size(), device)
