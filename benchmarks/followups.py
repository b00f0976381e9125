"""Follow-up questions about the sample company: searched and answered as asked, rewritten by rules, and worded alone.

    python -m benchmarks.followups [--list]

examples/followups.jsonl holds conversations of two and three turns. The turns before the last are asked of the embedded
engine, each rewritten first, so that the history is what a conversation would really hold, abstentions included. The
peer in the same run is the wording that a person gave the question without its conversation.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Mapping
from typing import Any

from app.settings import PROJECT_ROOT, load_settings
from app.workspace import SAMPLE, Workspace
from benchmarks.machine import describe, table
from benchmarks.sample_company import holds
from chains.answer import Chain, Question, Turn
from chains.generation import CallLog
from chains.history import rewrite
from loaders.knowledge_base import KnowledgeBase

CONVERSATIONS = PROJECT_ROOT / "examples" / "followups.jsonl"
Row = Mapping[str, Any]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--list", action="store_true", help="show each query and whether it found its document"
    )
    show = parser.parse_args().list
    print(describe("onnxruntime", "faiss-cpu", "tantivy"))
    rows = [json.loads(line) for line in CONVERSATIONS.read_text("utf-8").splitlines()]
    with tempfile.TemporaryDirectory() as home:
        workspace = Workspace(load_settings({"GROUNDTUNE_HOME": home}))
        workspace.ensure_sample()
        base, chain = workspace.knowledge_base(SAMPLE), workspace.chain("rag")
        queries = {row["_id"]: rewritten(row, chain) for row in rows}
        wordings: tuple[tuple[str, Callable[[Row], str]], ...] = (
            ("as asked", lambda row: str(row["text"])),
            ("rewritten by rules", lambda row: queries[row["_id"]]),
            ("worded alone", lambda row: str(row["alone"])),
        )
        measured = [(name, measure(rows, wording, base, chain)) for name, wording in wordings]
        workspace.close()
    print(
        table(
            ("question", "n", "gold document @5", "n with an answer", "answered right"), lines(rows, measured)
        )
    )
    if show:
        found = dict(measured)
        for row in rows:
            marks = "".join("+" if found[name][row["_id"]][0] else "-" for name, _ in wordings)
            print(f"{row['_id']} {marks} {row['turns'][-1]} > {row['text']} => {queries[row['_id']]}")


def rewritten(row: Row, chain: Chain) -> str:
    history: tuple[Turn, ...] = ()
    for text in row["turns"]:
        alone = rewrite(Question(text=text, history=history), model=None, log=CallLog()).text
        answer = chain.invoke(Question(text=alone))
        history += (Turn(role="user", text=text), Turn(role="assistant", text=answer.text))
    return rewrite(Question(text=row["text"], history=history), model=None, log=CallLog()).text


def measure(
    rows: list[Row], wording: Callable[[Row], str], base: KnowledgeBase, chain: Chain
) -> dict[str, tuple[bool, bool]]:
    """id -> (a gold document among five passages, the answer holds an accepted one)."""
    measured = {}
    for row in rows:
        query = wording(row)
        documents = {passage.document_id for passage in base.search(query, k=5)}
        answer = chain.invoke(Question(text=query))
        right = not answer.abstained and holds(answer.text, row)
        measured[row["_id"]] = (bool(documents & set(row["gold"])), right)
    return measured


def lines(rows: list[Row], measured: list[tuple[str, dict[str, tuple[bool, bool]]]]) -> list[list[str]]:
    asked = [row["_id"] for row in rows if row["answers"]]
    return [
        [
            name,
            str(len(rows)),
            f"{sum(found for found, _ in outcome.values()) / len(rows):.3f}",
            str(len(asked)),
            f"{sum(outcome[key][1] for key in asked)}",
        ]
        for name, outcome in measured
    ]


if __name__ == "__main__":
    main()
