"""Who answers in hybrid mode, the taught row or the documents: the rule of chains/taught_rule.py and its rivals.

    python -m benchmarks.hybrid_rule [--list]

Four invented services (benchmarks/responder_development.jsonl) are taught; hybrid_development.jsonl gives each four
documents, which say most of what was taught in other words, some of it otherwise (prices rise), and more besides.
Asked are the paraphrases of the taught questions, questions that only the documents answer (many a neighbour of a
taught one), and some that nothing answers. A paraphrase is right in the taught words alone, or, where the documents
say otherwise by now, in the documents' figure; the others by their accepted wordings.

ANOTHER_QUESTION and SAME_QUESTION are chosen here. The line "chosen without the service" chooses them on three
services and asks the fourth, so that no question is in its own choice. The responder's prior was fitted on the same
paraphrases (fit_responder.py), so that "taught" comes out too well for every rule alike. Sets that no rule was chosen
on: `python -m benchmarks.taught_modes`.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path
from typing import Literal

from app.settings import load_settings
from app.workspace import Workspace
from benchmarks.machine import describe, table
from benchmarks.responder_sets import Taught, development
from chains.answer import Answer, Question
from chains.confidence import HIGH
from chains.taught import Recalled, TaughtModel, recall
from chains.taught_rule import ANOTHER_QUESTION, SAME_QUESTION, Compared, compare, outdated, taught_wins
from evaluation.judging import holds_one
from finetune.trainers.responder import train
from local.responder import Responder

ROWS = Path(__file__).with_name("hybrid_development.jsonl")
Given = Literal["taught", "documents", "reread"]
Kind = Literal["taught", "changed", "documents", "nothing"]
KINDS: tuple[Kind, ...] = ("taught", "changed", "documents", "nothing")
SHARES = (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    service: str
    kind: Kind
    text: str
    taught: Recalled = field(repr=False)
    documents: Answer = field(repr=False)
    compared: Compared | None
    old: bool  # the documents' answer to the taught question says otherwise, and is given in its place
    right: Mapping[Given, bool]  # of what is given: an abstention is right where nothing answers


Rule = Callable[[Asked], Given]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--list", action="store_true", help="show where the two differ and the wrong one is given"
    )
    show = parser.parse_args().list
    print(describe("onnxruntime", "faiss-cpu", "tantivy", "numpy"))
    with tempfile.TemporaryDirectory() as home:
        asked = measure(Path(home))
    rivals: dict[str, Rule] = {
        "the documents alone (RAG)": lambda _: "documents",
        "what was taught alone": lambda _: "taught",
        "the surer of the two": lambda one: _taught_if(_surer(one)),
        "the surer, unless the documents are sure": lambda one: _taught_if(_surer(one) and _sureness(one) < HIGH),
        "the rule, old answers kept": lambda one: _taught_if(_wins(one)),
        "the rule": lambda one: "reread" if _wins(one) and one.old else _taught_if(_wins(one)),
        "the rule, chosen without the service": _chosen_without(asked),
        "whoever is right": lambda one: _taught_if(one.right["taught"]),
    }  # fmt: skip
    rows = [[name, *_counts(asked, rule)] for name, rule in rivals.items()]
    print(table(["who answers", *(f"{kind} ({_of(asked, kind)})" for kind in KINDS), "right"], rows))
    for one in asked if show else ():
        given = rivals["the rule"](one)
        if any(one.right.values()) and not one.right[given]:
            said = one.taught.text if given == "taught" else one.documents.text
            print(f"{one.service}, {one.kind}, {given}: {one.text} | {said[:100]!r}")


def measure(home: Path) -> list[Asked]:
    workspace = Workspace(load_settings({"GROUNDTUNE_HOME": str(home)}))
    rows = [json.loads(line) for line in ROWS.read_text("utf-8").splitlines()]
    asked: list[Asked] = []
    for service in development():
        own = [row for row in rows if row["set"] == service.name]
        asked += _asked(workspace, service, own, home / "documents" / service.name)
    workspace.close()
    return asked


def _asked(
    workspace: Workspace, service: Taught, rows: Sequence[Mapping[str, object]], folder: Path
) -> Iterable[Asked]:
    folder.mkdir(parents=True)
    for row in rows:
        if "document" in row:
            (folder / f"{row['document']}.md").write_text(str(row["text"]), encoding="utf-8")
    workspace.create_knowledge_base(service.name).ingest([folder])
    reading = workspace.chain("rag", service.name)
    responder = Responder(train(service.pairs, workspace.encoder), workspace.encoder)
    model = TaughtModel(model_id="local:ft:responder:groundtune:development:1", responder=responder)
    for kind, text, accepted in _questions(service, rows):
        recalled, quoted = recall(model, text), reading.invoke(Question(text=text))
        reread = reading.invoke(Question(text=recalled.reply.question))
        yield Asked(
            service=service.name,
            kind=kind,
            text=text,
            taught=recalled,
            documents=quoted,
            compared=compare(recalled, quoted, workspace.encoder),
            old=outdated(recalled, reread, workspace.encoder),
            right={
                "taught": _says(recalled.text, recalled.abstained, accepted),
                "documents": _says(_told(quoted), quoted.abstained, accepted),
                "reread": _says(_told(reread), reread.abstained, accepted),
            },
        )


def _questions(
    service: Taught, rows: Sequence[Mapping[str, object]]
) -> Iterable[tuple[Kind, str, Sequence[str]]]:
    """(kind, question, accepted wordings; none where nothing answers)"""
    changed = {row["changed"]: row["answers"] for row in rows if "changed" in row}
    for pair, text, right in zip(service.pairs, service.asked, service.right, strict=True):
        now = changed.get(pair.question)
        yield ("changed", text, list(map(str, now))) if isinstance(now, list) else ("taught", text, [right])
    for row in rows:
        if "asked" in row and isinstance(row["answers"], list):
            yield "documents", str(row["asked"]), list(map(str, row["answers"]))
    yield from (("nothing", text, []) for text in service.near_misses)


def _says(text: str, abstained: bool, accepted: Sequence[str]) -> bool:
    return abstained if not accepted else not abstained and holds_one(text, accepted)


def _told(answer: Answer) -> str:
    return "\n".join([answer.text, *(one.quote for one in answer.citations)])


def _sureness(one: Asked) -> float:
    sure = one.documents.confidence
    return 0.0 if one.documents.abstained or sure is None else sure.value


def _surer(one: Asked) -> bool:
    return not one.taught.abstained and one.taught.reply.score >= _sureness(one)


def _wins(one: Asked) -> bool:
    return taught_wins(one.taught, one.documents, one.compared)


def _taught_if(taught: bool) -> Given:
    return "taught" if taught else "documents"


def _with(another: float, same: float) -> Rule:
    def rule(one: Asked) -> Given:
        wins = taught_wins(one.taught, one.documents, one.compared, another=another, same=same)
        return "reread" if wins and one.old else _taught_if(wins)

    return rule


def _chosen_without(asked: Sequence[Asked]) -> Rule:
    """For each service the shares that are best on the other three; of equal ones those nearest to the rule's."""
    found = {
        service: max(product(SHARES, SHARES), key=_key([one for one in asked if one.service != service]))
        for service in sorted({one.service for one in asked})
    }
    print("chosen without it:", ", ".join(f"{name} {shares}" for name, shares in found.items()))
    return lambda one: _with(*found[one.service])(one)


def _key(asked: Sequence[Asked]) -> Callable[[tuple[float, float]], tuple[int, float]]:
    def key(shares: tuple[float, float]) -> tuple[int, float]:
        away = abs(shares[0] - ANOTHER_QUESTION) + abs(shares[1] - SAME_QUESTION)
        return sum(one.right[_with(*shares)(one)] for one in asked), -away

    return key


def _of(asked: Sequence[Asked], kind: Kind) -> int:
    return sum(one.kind == kind for one in asked)


def _counts(asked: Sequence[Asked], rule: Rule) -> list[str]:
    right = [(one.kind, one.right[rule(one)]) for one in asked]
    counts = [str(sum(hit for of, hit in right if of == kind)) for kind in KINDS]
    return [*counts, f"{sum(hit for _, hit in right) / len(right):.3f}"]


if __name__ == "__main__":
    main()
