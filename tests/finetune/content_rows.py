"""Rows as tests write them, and what a checker says of them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from finetune.examples import Row, kind_of
from finetune.findings import Checker, Finding, Where


def chat(question: str, answer: str, *, system: str | None = None, **metadata: Any) -> Row:
    """A chat row of one question."""
    first = [] if system is None else [{"role": "system", "content": system}]
    said = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
    return {"messages": [*first, *said]} | ({"metadata": metadata} if metadata else {})


def pair(question: str, preferred: str, other: str) -> Row:
    """A preference row."""
    return {
        "input": {"messages": [{"role": "user", "content": question}]},
        "preferred_output": [{"role": "assistant", "content": preferred}],
        "non_preferred_output": [{"role": "assistant", "content": other}],
    }


def check(checker: Checker, **splits: Sequence[Row]) -> list[Finding]:
    """What a checker says of rows by split; each split is a file of its name, lines count from 1."""
    said: list[Finding] = []
    for split, rows in splits.items():
        for line, row in enumerate(rows, start=1):
            where = Where(file=f"{split}.jsonl", line=line, split=split)
            said += checker.look(where, row, kind_of(row) or "chat")
    return [*said, *checker.finish()]


def places(findings: Iterable[Finding]) -> list[tuple[str, str, int | None]]:
    """(rule, file, line) of each."""
    return [(finding.rule, finding.file.removesuffix(".jsonl"), finding.line) for finding in findings]
