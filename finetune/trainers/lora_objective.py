"""What a step lowers: the cross entropy of the learnt tokens, summed, so that parts of a batch add up to the whole.

An objective measures a list of items with a model. The loop (finetune.trainers.lora_loop) knows no more of it, so a
preference objective fits in the same place: `learnt_logits` gives it the scores of the learnt tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from finetune.trainers.lora_data import UNLEARNT, Example

T_contra = TypeVar("T_contra", contravariant=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """Sums over a batch: a mean is `loss / weight`."""

    loss: Any  # torch tensor, scalar, with its graph while training
    weight: int
    correct: int  # learnt tokens that the model would have written itself; answers that it prefers rightly


class Objective(Protocol, Generic[T_contra]):
    def weight(self, item: T_contra, /) -> int:
        """What `measure` counts for this item: its learnt tokens, or 1 for a preference."""
        ...

    def tokens(self, item: T_contra, /) -> int:
        """Those that gradients are taken of."""
        ...

    def length(self, item: T_contra, /) -> int:
        """Tokens that it takes up, with which it is batched by size."""
        ...

    def measure(self, model: Any, batch: Sequence[T_contra], /) -> Measured: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Learnt:
    """Scores of the learnt tokens of a batch, one after another."""

    logits: Any  # (learnt tokens, vocabulary) float32
    targets: Any  # (learnt tokens,) int64
    rows: Any  # (learnt tokens,) int64: which item of the batch each belongs to


@dataclass(frozen=True, slots=True, kw_only=True)
class SupervisedObjective:
    """Cross entropy of the learnt tokens. `takes`: see finetune.trainers.lora_model.forward_takes."""

    seq2seq: bool
    pad: int
    takes: frozenset[str]

    def weight(self, item: Example, /) -> int:
        return item.learnt if self.seq2seq else learnt_after_first(item)

    tokens = weight

    def length(self, item: Example, /) -> int:
        return item.length

    def measure(self, model: Any, batch: Sequence[Example], /) -> Measured:
        from torch.nn.functional import cross_entropy

        found = learnt_logits(model, batch, seq2seq=self.seq2seq, pad=self.pad, takes=self.takes)
        return Measured(
            loss=cross_entropy(found.logits, found.targets, reduction="sum"),
            weight=len(found.targets),
            correct=int((found.logits.argmax(-1) == found.targets).sum()),
        )


def learnt_after_first(item: Example) -> int:
    """A causal model writes no first token: nothing stands before it."""
    return sum(label != UNLEARNT for label in item.labels[1:])


def learnt_logits(
    model: Any, batch: Sequence[Example], *, seq2seq: bool, pad: int, takes: frozenset[str]
) -> Learnt:
    """One forward pass over examples, padded at the right. Scores are computed for learnt tokens only where the model
    can: those of a long prompt would be larger than all else (tokens x vocabulary)."""
    import torch

    device = next(model.parameters()).device
    ids, mask = _padded([item.ids for item in batch], pad, device)
    labels, _ = _padded([item.labels for item in batch], UNLEARNT, device)
    given = {"input_ids": ids, "attention_mask": mask}
    if seq2seq:
        logits, targets = model(**given, labels=labels, use_cache=False).logits, labels
    else:
        # Models that can also see pictures ask which tokens are text.
        kinds = {
            name: torch.zeros_like(ids) for name in ("token_type_ids", "mm_token_type_ids") if name in takes
        }
        targets = labels[:, 1:]
        kept = (targets != UNLEARNT).any(0).nonzero().flatten()
        some = {"logits_to_keep": kept} if "logits_to_keep" in takes else {}
        logits = model(**given, **kinds, **some, use_cache=False).logits
        logits, targets = (logits if some else logits[:, kept]), targets[:, kept]
    learnt = targets != UNLEARNT
    return Learnt(logits=logits[learnt].float(), targets=targets[learnt], rows=learnt.nonzero()[:, 0])


def _padded(rows: Sequence[Sequence[int]], fill: int, device: Any) -> tuple[Any, Any]:
    """(rows, longest) int64 each: the numbers, and 1 where they are not filling."""
    import torch

    longest = max(map(len, rows))
    numbers = [[*row, *[fill] * (longest - len(row))] for row in rows]
    mask = [[1] * len(row) + [0] * (longest - len(row)) for row in rows]
    return torch.tensor(numbers, device=device), torch.tensor(mask, device=device)
