"""Questions made out of the sample company's documents, with no key: are they good, and do they rank modes alike?

    python -m benchmarks.question_making [--questions 60]

Good: the marks of question_making_marks.jsonl, set by hand over the 60 questions of seed 7 before any mode was asked:
"good" (clear by itself, one right answer, said as people say it), "awkward" (clear, but nobody would say it so),
"unclear" (who asks must know the passage, or the answer is wrong). A question that is not among them is counted as
not marked. The marks were set by those who wrote the rules, and the rules were written looking at this company.

Alike: RAG, fine-tuned and hybrid mode, taught on examples/training.jsonl, are asked the made questions and the
hand-written ones (peer of the same run), which nobody made the rules from. Words shared: of a question's telling
words, those that stand in its gold quote.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from app.evaluating import Plan, QuestionFile, begin, content_of_run, go_on
from app.question_making import Order, make
from app.settings import PROJECT_ROOT, load_settings
from app.workspace import SAMPLE, Workspace
from benchmarks.machine import describe, table
from benchmarks.taught_modes import MODES, teach
from evaluation.question_files import read_question_set
from evaluation.question_making.candidates import telling_words
from evaluation.reports.content import Content
from evaluation.statistics import Interval
from local.lexical import stems

MARKS = Path(__file__).with_name("question_making_marks.jsonl")
HAND_WRITTEN = PROJECT_ROOT / "examples" / "questions.jsonl"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--questions", type=int, default=60)
    wanted = parser.parse_args().questions
    print(describe("onnxruntime", "faiss-cpu", "tantivy"))
    with tempfile.TemporaryDirectory() as home:
        workspace = Workspace(load_settings({"GROUNDTUNE_HOME": home}))
        workspace.ensure_sample()
        teach(workspace, Path(home) / "tenants" / "default" / "tuning")
        made = Path(home) / "made.jsonl"
        found = make(workspace, Order(knowledge_base=SAMPLE, out=made, limit=wanted)).made
        print(f"\n{len(found.questions)} questions out of {found.documents} documents: {marks(made)}")
        sets = (("made", made), ("hand-written", HAND_WRITTEN))
        print_sets([(name, path, asked(workspace, path)) for name, path in sets])
        workspace.close()


def marks(made: Path) -> str:
    """How many of them were marked as what."""
    known = {row["text"]: row["mark"] for row in map(json.loads, MARKS.read_text("utf-8").splitlines())}
    texts = [row["text"] for row in map(json.loads, made.read_text("utf-8").splitlines())]
    counts = Counter(known.get(text, "not marked") for text in texts)
    return ", ".join(f"{count} {mark}" for mark, count in counts.most_common())


def asked(workspace: Workspace, path: Path) -> Content:
    run = begin(workspace, Plan(sets=(QuestionFile(path=path),), modes=MODES))
    return content_of_run(workspace, go_on(workspace, run).id)


def print_sets(sets: Sequence[tuple[str, Path, Content]]) -> None:
    rows = []
    for name, path, content in sets:
        right = {mode: found.right for mode, found in content.summary.modes.items()}
        order = sorted(right, key=lambda mode: -right[mode].value)
        shown = [f"{mode} {_interval(right[mode])}" for mode in order]
        rows.append([name, str(len(content.questions)), f"{shared(path):.2f}", *shown])
    print()
    print(table(["questions", "count", "words shared", "first", "second", "third"], rows))


def _interval(share: Interval) -> str:
    return f"{share.value:.2f} ({share.low:.2f} to {share.high:.2f})"


def shared(path: Path) -> float:
    """On average over the questions that have a quote."""
    shares = []
    for one in read_question_set(path).questions:
        quotes = " ".join(place.quote for place in one.gold)
        telling = telling_words(one.text)
        if quotes and telling:
            shares.append(len(telling & stems(quotes)) / len(telling))
    return sum(shares) / len(shares)


if __name__ == "__main__":
    main()
