"""Which mode answers best with no key at all: the sample company in RAG, fine-tuned and hybrid mode.

    python -m benchmarks.taught_modes [--seeds 12] [--list]

Taught on examples/training.jsonl, its step chosen on examples/validation.jsonl as README does; asked
examples/questions.jsonl (answered by the documents, or by nothing) and examples/paraphrases.jsonl (answered by a
taught row, in other words). A question of the first file is answered right when the answer holds an accepted wording;
of the second when the answer begins with the taught answer, word for word. Quotes of documents that say the same as a
taught answer thus count as other, neither right nor wrong.

How much a figure that was not taught lowers a score (UNSAID in local/responder.py) was chosen on these very questions;
the rule of the hybrid mode (chains/taught_rule.py) was not: hybrid_rule.py chose it on other services.
"""

from __future__ import annotations

import argparse
import json
import math
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median_low
from typing import Any

from app.settings import PROJECT_ROOT, load_settings
from app.workspace import Workspace
from benchmarks.machine import describe, table
from benchmarks.responder_sets import sample_company
from benchmarks.sample_company import QUESTIONS, outcome
from chains.answer import Answer, Chain, Mode, Question
from finetune.jobs.record import TunedModel
from finetune.jobs.store import TuningStore
from finetune.trainers.responder import QuestionAnswer, Recipe, Training
from local.responder_files import write_taught

PARAPHRASES = PROJECT_ROOT / "examples" / "paraphrases.jsonl"
VALIDATION = PROJECT_ROOT / "examples" / "validation.jsonl"
FIRST_SEED = 1  # README's, whose validation loss is the lowest of twelve
KINDS = ("right", "wrong", "other", "abstained")
MODES: tuple[Mode, ...] = ("rag", "finetuned", "hybrid")
Row = Mapping[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=1, help="trainings, from seed 1 on")
    parser.add_argument("--list", action="store_true", help="show each question that was answered wrong")
    options = parser.parse_args()
    print(describe("onnxruntime", "faiss-cpu", "tantivy", "numpy"))
    asked = [
        (name, row) for name, path in (("questions", QUESTIONS), ("paraphrases", PARAPHRASES))
        for row in map(json.loads, path.read_text("utf-8").splitlines())
    ]  # fmt: skip
    found = []
    with tempfile.TemporaryDirectory() as home:
        for seed in range(FIRST_SEED, FIRST_SEED + options.seeds):
            workspace = Workspace(load_settings({"GROUNDTUNE_HOME": home}))
            workspace.ensure_sample()
            loss = teach(workspace, Path(home) / "tenants" / "default" / "tuning", seed)
            print(f"seed {seed}: validation loss {loss:.3f}")
            found.append({mode: asked_of(workspace.chain(mode), asked) for mode in MODES})
            workspace.close()
    report(found, options.list)


def teach(workspace: Workspace, root: Path, seed: int = FIRST_SEED) -> float:
    """The validation loss of the step that is kept. The newest model is the one that answers."""
    folder = root / "models" / str(seed)
    validation = [
        QuestionAnswer(question=row["text"], answer=row["answer"])
        for row in map(json.loads, VALIDATION.read_text("utf-8").splitlines())
    ]
    training = Training(
        sample_company().pairs, workspace.encoder, recipe=Recipe(seed=seed), validation=validation
    )
    while training.advance() is not None:
        pass
    write_taught(folder, training.taught())
    store = TuningStore(root)
    store.models.add(
        TunedModel(
            id=f"ft:responder:groundtune:benchmark:{seed}",
            job_id=f"ftjob-{seed}",
            base="responder",
            trainer="responder",
            folder=str(folder),
            created_at=float(seed),
        )
    )
    store.close()
    return training.best.validation_loss if training.best and training.best.validation_loss else math.nan


def asked_of(chain: Chain, asked: Sequence[tuple[str, Row]]) -> list[tuple[str, Row, Answer]]:
    return [(name, row, ask(chain, row)) for name, row in asked]


def ask(chain: Chain, row: Row) -> Answer:
    return chain.invoke(Question(text=row["text"]))


def report(found: Sequence[Mapping[Mode, list[tuple[str, Row, Answer]]]], show: bool) -> None:
    """A line for each mode and file; least to most where several seeds differ."""
    lines = []
    for mode in MODES:
        for name in ("questions", "paraphrases"):
            counts = [
                Counter(judged(of, row, answer) for of, row, answer in one[mode] if of == name)
                for one in found
            ]
            lines.append([mode, name, *(spread([one[kind] for one in counts]) for kind in KINDS)])
    print(table(["mode", "asked", *KINDS], lines))
    for mode in MODES if show else ():
        for name, row, answer in found[0][mode]:
            if judged(name, row, answer) == "wrong":
                print(f"{mode} {row['_id']}: {row['text']} | {row['answer']} | {answer.text[:120]!r}")


def spread(counts: Sequence[int]) -> str:
    low, high = min(counts), max(counts)
    return str(low) if low == high else f"{low} to {high}, median {median_low(counts)}"


def judged(name: str, row: Row, answer: Answer) -> str:
    if name == "questions":
        return outcome(row, answer)
    if answer.abstained:
        return "abstained"
    if answer.text.startswith(row["answer"]):
        return "right"
    return "wrong" if answer.taught else "other"


if __name__ == "__main__":
    main()
