"""The sample company's 80 questions, put to RAG mode with the embedded engine: right, wrong, abstained, by type.

    python -m benchmarks.sample_company [--list]

An answer is right when it holds one of the accepted answers word for word (case and Markdown marks aside); this is
strict on prose and cannot see a right value in a wrong sentence. Peer in the same run: the whole first passage of the
same search, taken as the answer to everything.
"""

from __future__ import annotations

import argparse
import json
import re
import tempfile
from collections import Counter
from collections.abc import Mapping
from typing import Any

from app.settings import PROJECT_ROOT, load_settings
from app.workspace import Workspace
from benchmarks.machine import describe, table
from chains.answer import Answer, Question

QUESTIONS = PROJECT_ROOT / "examples" / "questions.jsonl"
KINDS = ("single", "table", "conflict", "multihop", "unanswerable")


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--list", action="store_true", help="show each question that was not answered right")
    show = parser.parse_args().list
    print(describe("onnxruntime", "faiss-cpu", "tantivy"))
    with tempfile.TemporaryDirectory() as home:
        workspace = Workspace(load_settings({"GROUNDTUNE_HOME": home}))
        workspace.ensure_sample()
        chain = workspace.chain("rag")
        rows = [json.loads(line) for line in QUESTIONS.read_text("utf-8").splitlines()]
        answered = [(row, chain.invoke(Question(text=row["text"]))) for row in rows]
        workspace.close()
    print_outcomes(answered)
    if show:
        for row, answer in answered:
            if outcome(row, answer) != "right":
                print(
                    f"{row['_id']} {outcome(row, answer)}: {row['text']} | {row['answer']} | {answer.text[:160]!r}"
                )


def print_outcomes(answered: list[tuple[dict[str, Any], Answer]]) -> None:
    rows = []
    for kind in (*KINDS, "all"):
        chosen = [(row, answer) for row, answer in answered if kind in (row["type"], "all")]
        counts = Counter(outcome(row, answer) for row, answer in chosen)
        peer = sum(row["answerable"] and first_passage_right(row, answer) for row, answer in chosen)
        found = sum(gold_documents(row) <= retrieved(answer) for row, answer in chosen if row["answerable"])
        rows.append(
            [kind, len(chosen), counts["right"], counts["wrong"], counts["abstained"], peer, found],
        )
    header = (
        "questions",
        "n",
        "right",
        "wrong",
        "abstained",
        "peer right",
        "all gold documents among 5 passages",
    )
    print(table(header, [[str(cell) for cell in row] for row in rows]))


def outcome(row: Mapping[str, Any], answer: Answer) -> str:
    """Abstaining is right on a question that the documents do not answer."""
    if not row["answerable"]:
        return "right" if answer.abstained else "wrong"
    if answer.abstained:
        return "abstained"
    return "right" if holds(answer.text, row) else "wrong"


def first_passage_right(row: Mapping[str, Any], answer: Answer) -> bool:
    return bool(answer.passages) and holds(answer.passages[0].text, row)


def holds(text: str, row: Mapping[str, Any]) -> bool:
    return any(
        re.search(rf"(?<!\w){re.escape(plain(accepted))}(?!\w)", plain(text)) for accepted in row["answers"]
    )


def plain(text: str) -> str:
    return " ".join(re.sub(r"[*_`>]", "", text).lower().split())


def gold_documents(row: Mapping[str, Any]) -> set[str]:
    return {gold["document"] for gold in row["gold"]}


def retrieved(answer: Answer) -> set[str]:
    return {passage.document_id for passage in answer.passages}


if __name__ == "__main__":
    main()
