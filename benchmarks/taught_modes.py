"""Which mode answers best with no key at all: the sample company in RAG, fine-tuned and hybrid mode.

    python -m benchmarks.taught_modes [--list]

Taught on examples/training.jsonl; asked examples/questions.jsonl (answered by the documents, or by nothing) and
examples/paraphrases.jsonl (answered by a taught row, in other words). A question of the first file is answered right
when the answer holds an accepted wording; of the second when the answer begins with the taught answer, word for word.
Quotes of documents that say the same as a taught answer thus count as other, neither right nor wrong.

How much a figure that was not taught lowers a score (UNSAID in local/responder.py) was chosen on these very questions;
the rule of the hybrid mode (chains/taught_rule.py) was not: hybrid_rule.py chose it on other services.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from app.settings import PROJECT_ROOT, load_settings
from app.workspace import Workspace
from benchmarks.machine import describe, table
from benchmarks.responder_sets import sample_company
from benchmarks.sample_company import QUESTIONS, outcome
from chains.answer import Answer, Chain, Mode, Question
from finetune.jobs.record import TunedModel
from finetune.jobs.store import TuningStore
from finetune.trainers.responder import train
from local.responder_files import write_taught

PARAPHRASES = PROJECT_ROOT / "examples" / "paraphrases.jsonl"
MODEL = "ft:responder:groundtune:benchmark:1"
MODES: tuple[Mode, ...] = ("rag", "finetuned", "hybrid")
Row = Mapping[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true", help="show each question that was answered wrong")
    show = parser.parse_args().list
    print(describe("onnxruntime", "faiss-cpu", "tantivy", "numpy"))
    with tempfile.TemporaryDirectory() as home:
        workspace = Workspace(load_settings({"GROUNDTUNE_HOME": home}))
        workspace.ensure_sample()
        teach(workspace, Path(home) / "tenants" / "default" / "tuning")
        chains = {mode: workspace.chain(mode) for mode in MODES}
        asked = [
            (name, row) for name, path in (("questions", QUESTIONS), ("paraphrases", PARAPHRASES))
            for row in map(json.loads, path.read_text("utf-8").splitlines())
        ]  # fmt: skip
        report(
            {mode: [(name, row, ask(chain, row)) for name, row in asked] for mode, chain in chains.items()},
            show,
        )
        workspace.close()


def teach(workspace: Workspace, root: Path) -> None:
    folder = root / "models" / "1"
    write_taught(folder, train(sample_company().pairs, workspace.encoder))
    store = TuningStore(root)
    store.models.add(
        TunedModel(
            id=MODEL,
            job_id="ftjob-1",
            base="responder",
            trainer="responder",
            folder=str(folder),
            created_at=1.0,
        )
    )
    store.close()


def ask(chain: Chain, row: Row) -> Answer:
    return chain.invoke(Question(text=row["text"]))


def report(asked: Mapping[str, list[tuple[str, Row, Answer]]], show: bool) -> None:
    lines = []
    for mode, found in asked.items():
        for name in ("questions", "paraphrases"):
            counts = Counter(judged(name, row, answer) for of, row, answer in found if of == name)
            lines.append(
                [mode, name, *(str(counts[kind]) for kind in ("right", "wrong", "other", "abstained"))]
            )
    print(table(["mode", "asked", "right", "wrong", "other", "abstained"], lines))
    for mode, found in asked.items() if show else ():
        for name, row, answer in found:
            if judged(name, row, answer) == "wrong":
                print(f"{mode} {row['_id']}: {row['text']} | {row['answer']} | {answer.text[:120]!r}")


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
