"""A responder on disk: two files in a folder, neither of which can run code.

    responder.json          what was taught, the weights, the calibration, the recipe; SHA-256 of the other file
    responder.safetensors   vectors and word pieces of the taught pairs (float16), the adapters (float32)

The vectors are kept, so that loading takes no encoding; `encoder` names the model that asked questions need.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from errors import LocalModelDamagedError, LocalModelNotFoundError
from local.taught import (
    FEATURES,
    Adapter,
    Adapters,
    Floats,
    Places,
    Rarity,
    TaughtPairs,
    answer_groups,
    numbers_of,
    unit,
)

__all__ = ["FORMAT", "NUMBERS", "TEXTS", "Taught", "read_taught", "write_taught"]

FORMAT = 1
TEXTS = "responder.json"
NUMBERS = "responder.safetensors"
_ADAPTERS = ("question_down", "question_up", "answer_down", "answer_up")
_VECTORS = ("question", "answer", "pair")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    """All that a responder knows."""

    questions: tuple[str, ...]
    answers: tuple[str, ...]  # of the questions, pair by pair
    pairs: TaughtPairs
    adapters: Adapters
    weights: NDArray[np.float64]  # of FEATURES
    outside: tuple[float, float]  # mean and deviation of the best score of questions on other subjects
    abstain_below: float
    encoder: str
    recipe: Mapping[str, Any] = field(default_factory=dict)  # how it was trained: seed, steps, losses
    rows: tuple[
        int | None, ...
    ] = ()  # where each pair stands in the training file, from 1; empty: not recorded
    groups: Places = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "groups", answer_groups(self.answers))


def write_taught(folder: Path, taught: Taught) -> None:
    """The numbers first, the text that vouches for them last; each appears whole or not at all."""
    from safetensors.numpy import save

    folder.mkdir(parents=True, exist_ok=True)
    packed = save({name: np.ascontiguousarray(array) for name, array in _arrays(taught).items()})
    _write(folder / NUMBERS, packed)
    text = json.dumps(_table(taught, hashlib.sha256(packed).hexdigest()), ensure_ascii=True, indent=1)
    _write(folder / TEXTS, text.encode("ascii"))


def read_taught(folder: Path) -> Taught:
    """Raises LocalModelNotFoundError where there is none, LocalModelDamagedError where it cannot be trusted."""
    if not (folder / TEXTS).is_file():
        raise LocalModelNotFoundError(f"There is no responder in {str(folder)!r}: train one first.")
    try:
        table = json.loads((folder / TEXTS).read_text("utf-8"))
        packed = (folder / NUMBERS).read_bytes()
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(folder, "a file is missing or cut short") from error
    if not isinstance(table, dict) or table.get("format") != FORMAT:
        raise _damaged(folder, "it was not written by this version of Groundtune")
    if hashlib.sha256(packed).hexdigest() != table.get("sha256"):
        raise _damaged(folder, f"{NUMBERS} is not the file that was written with {TEXTS}")
    return _restored(folder, table, packed)


def _restored(folder: Path, table: Mapping[str, Any], packed: bytes) -> Taught:
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        taught = _taught(table, load(packed))
    except (SafetensorError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(folder, "its parts do not fit together") from error
    if not _whole(taught):
        raise _damaged(folder, "its parts do not fit together")
    return taught


def _whole(taught: Taught) -> bool:
    """Whether every array has the shape that the pairs ask for, and holds numbers."""
    pairs, n = taught.pairs, len(taught.questions)
    wide = pairs.directions.shape[0]
    shapes = [
        n > 0 and len(taught.answers) == n and all(isinstance(text, str) for text in taught.questions),
        all(isinstance(text, str) for text in taught.answers),
        len(taught.rows) in (0, n) and all(row is None or type(row) is int for row in taught.rows),
        all(getattr(pairs, name).shape == (n, wide) for name in _VECTORS),
        pairs.starts.shape == (n + 1,) and pairs.answers_from.shape == (n,),
        pairs.tokens.shape == (int(pairs.starts[-1]), pairs.directions.shape[1]),
        bool(np.all(np.diff(pairs.starts) >= 0)) and int(pairs.starts[0]) == 0,
        bool(np.all((pairs.starts[:-1] <= pairs.answers_from) & (pairs.answers_from <= pairs.starts[1:]))),
        bool(np.isfinite(taught.weights).all()) and taught.outside[1] > 0,
    ]
    both = (taught.adapters.question, taught.adapters.answer)
    fit = all(one.down.shape == one.up.T.shape and one.down.shape[0] == wide for one in both)
    return all(shapes) and fit


def _arrays(taught: Taught) -> dict[str, NDArray[Any]]:
    pairs, adapters = taught.pairs, taught.adapters
    kept: dict[str, NDArray[Any]] = {name: getattr(pairs, name).astype(np.float16) for name in _VECTORS}
    kept |= {"tokens": pairs.tokens.astype(np.float16), "directions": pairs.directions}
    kept |= {"starts": pairs.starts, "answers_from": pairs.answers_from}
    changes = (adapters.question.down, adapters.question.up, adapters.answer.down, adapters.answer.up)
    return kept | dict(zip(_ADAPTERS, changes, strict=True))


def _table(taught: Taught, sha256: str) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "encoder": taught.encoder,
        "sha256": sha256,
        "weights": dict(zip(FEATURES, map(float, taught.weights), strict=True)),
        "outside": {"mean": taught.outside[0], "deviation": taught.outside[1]},
        "abstain_below": taught.abstain_below,
        "recipe": dict(taught.recipe),
        "rarity": {
            "pairs": taught.pairs.rarity.pairs,
            "pairs_with": dict(sorted(taught.pairs.rarity.pairs_with.items())),
        },
        "rows": list(taught.rows),
        "questions": list(taught.questions),
        "answers": list(taught.answers),
    }


def _taught(table: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> Taught:
    vectors: dict[str, Floats] = {name: unit(arrays[name].astype(np.float32)) for name in _VECTORS}
    question_down, question_up, answer_down, answer_up = (arrays[name] for name in _ADAPTERS)
    return Taught(
        questions=tuple(table["questions"]),
        answers=tuple(table["answers"]),
        pairs=TaughtPairs(
            **vectors,
            tokens=arrays["tokens"].astype(np.float32),
            starts=arrays["starts"],
            answers_from=arrays["answers_from"],
            directions=arrays["directions"],
            rarity=Rarity(**table["rarity"]),
            numbers=tuple(
                numbers_of(f"{question} {answer}")
                for question, answer in zip(table["questions"], table["answers"], strict=True)
            ),
        ),
        adapters=Adapters(
            question=Adapter(down=question_down, up=question_up),
            answer=Adapter(down=answer_down, up=answer_up),
        ),
        weights=np.array([float(table["weights"][name]) for name in FEATURES]),
        outside=(float(table["outside"]["mean"]), float(table["outside"]["deviation"])),
        abstain_below=float(table["abstain_below"]),
        encoder=str(table["encoder"]),
        recipe=dict(table["recipe"]),
        rows=tuple(table.get("rows", ())),
    )


def _write(path: Path, content: bytes) -> None:
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _damaged(folder: Path, why: str) -> LocalModelDamagedError:
    return LocalModelDamagedError(
        f"The responder in {str(folder)!r} is damaged ({why}): train it again, or restore it from a copy."
    )
