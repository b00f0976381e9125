"""A training that has just ended, judged in its own worker process: the responder, or a LoRA adapter with its base."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from errors import LocalModelNotFoundError
from finetune.after.evaluation import Reply, evaluate
from finetune.after.verdict import Verdict
from finetune.jobs.base_table import RESPONDER
from finetune.trainers.responder_rows import rows_of

if TYPE_CHECKING:
    from finetune.serving.engine import Engine
    from finetune.trainers.contract import Trained, TrainingTask
    from finetune.trainers.worker_encoder import TextEncoder

__all__ = ["judge_training"]

MOST_ROWS = 24  # of a generating model, which takes its time
LONGEST = 128  # tokens of a reply


def judge_training(
    task: TrainingTask,
    trained: Trained,
    *,
    encoder: TextEncoder | None = None,
    stopped: Callable[[], bool] = lambda: False,
) -> Verdict:
    """`encoder` None: the embedded one, as the worker's environment describes it. `stopped`: asked between tokens.

    Raises GroundtuneError with a sentence where the models cannot be asked; the model is whole all the same.
    """
    from finetune.trainers.worker_encoder import embedded_encoder

    known = encoder or embedded_encoder(os.environ)
    held_out = list(rows_of(task.validation)) if task.validation else []
    if task.base == RESPONDER:
        from finetune.after.responder import judge_responder
        from local.responder_files import read_taught

        return judge_responder(read_taught(trained.folder), known, validation=held_out, seed=task.seed)
    return _judge_adapter(task, trained.folder, held_out, known, stopped)


def _judge_adapter(
    task: TrainingTask,
    adapter: Path,
    held_out: Sequence[Mapping[str, Any]],
    encoder: TextEncoder,
    stopped: Callable[[], bool],
) -> Verdict:
    from finetune.serving.engine import Engine

    engine = Engine(_base_of(task, adapter), device=task.device)
    return evaluate(
        held_out,
        _asking(engine, adapter, task.seed, stopped),
        _asking(engine, None, task.seed, stopped),
        encoder,
        seed=task.seed,
        most=MOST_ROWS,
    )


def _base_of(task: TrainingTask, adapter: Path) -> Path:
    """Of a base that came from the hub, the folder that it was trained from stands in the adapter's seal."""
    from finetune.serving.adapter_files import read_seal

    if task.base_folder is not None:
        return task.base_folder
    seal = read_seal(adapter)
    if seal is None:
        raise LocalModelNotFoundError(f"Where the base {task.base!r} lies was not recorded with its adapter.")
    return Path(seal.base_folder)


def _asking(engine: Engine, adapter: Path | None, seed: int, stopped: Callable[[], bool]) -> Reply:
    from finetune.serving.wire import Ask

    def ask(messages: Sequence[Mapping[str, Any]]) -> str:
        said: list[str] = []
        question = Ask(
            id=0,
            messages=[dict(one) for one in messages],
            adapter=str(adapter) if adapter else None,
            temperature=0.0,
            top_p=1.0,
            seed=seed,
            max_tokens=LONGEST,
        )
        engine.reply(question, said.append, stopped)
        return "".join(said)

    return ask
