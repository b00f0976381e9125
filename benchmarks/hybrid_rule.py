"""Who answers in hybrid mode, the taught row or the documents: the rule of chains/taught_rule.py and its rivals.

    python -m benchmarks.hybrid_rule [--companies] [--list]

Four invented services (benchmarks/responder_development.jsonl) are taught; hybrid_development.jsonl gives each four
documents, which say most of what was taught in other words, some of it otherwise (prices rise), and more besides.
Asked are the paraphrases of the taught questions, questions that only the documents answer (many a neighbour of a
taught one), and some that nothing answers. A paraphrase is right in the taught words alone, or, where the documents
say otherwise by now, in the documents' figure; the others by their accepted wordings.

ANOTHER_QUESTION and SAME_QUESTION are chosen here. The line "chosen without the service" chooses them on three
services and asks the fourth, so that no question is in its own choice. The responder's prior was fitted on the same
paraphrases (fit_responder.py), so that "taught" comes out too well for every rule alike.

`--companies` asks those of benchmarks/companies after their documents changed, judged as evaluation/outcomes.py judges,
without regard to sources. No share was chosen on them; that the first quote decides, not any, was found there, and cost
nothing here. Nothing at all was chosen on the sample company: `python -m benchmarks.taught_modes`.
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
from benchmarks.companies.made import Company, make, write_documents
from benchmarks.companies.profiles import PROFILES
from benchmarks.machine import describe, table
from benchmarks.responder_sets import Taught, development
from chains.answer import Answer, Question
from chains.confidence import HIGH
from chains.taught import Recalled, TaughtChain, TaughtModel, recall
from chains.taught_rule import ANOTHER_QUESTION, SAME_QUESTION, Compared, compare, outdated, taught_wins
from evaluation.judging import KnownQuestion, holds_one, known_question
from evaluation.outcomes import scored
from evaluation.statistics import mcnemar
from finetune.trainers.responder import QuestionAnswer, question_answers, train
from local.responder import Responder

ROWS = Path(__file__).with_name("hybrid_development.jsonl")
Given = Literal["taught", "documents", "reread"]
SHARES = (0.0, 0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.45, 0.5, 0.6, 1.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    service: str
    kind: str
    text: str
    taught: Recalled = field(repr=False)
    documents: Answer = field(repr=False)
    compared: Compared | None
    old: bool  # the documents' answer to the taught question says otherwise, and is given in its place
    right: Mapping[Given, bool]  # of what is given: an abstention is right where nothing answers


Rule = Callable[[Asked], Given]
Case = tuple[str, str, Callable[[Answer], bool]]  # kind, question, whether an answer to it is right


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--list", action="store_true", help="show where the two differ and the wrong one is given"
    )
    parser.add_argument(
        "--companies", action="store_true", help="on the invented companies, which chose no share"
    )
    options = parser.parse_args()
    print(describe("onnxruntime", "faiss-cpu", "tantivy", "numpy"))
    with tempfile.TemporaryDirectory() as home:
        asked = (of_companies if options.companies else of_services)(Path(home))
    report(asked, chosen=not options.companies, show=options.list)


def report(asked: Sequence[Asked], *, chosen: bool, show: bool) -> None:
    kinds = list(dict.fromkeys(one.kind for one in asked))
    rivals: dict[str, Rule] = {
        "the documents alone (RAG)": lambda _: "documents",
        "what was taught alone": lambda _: "taught",
        "the surer of the two": lambda one: _taught_if(_surer(one)),
        "the surer, unless the documents are sure": lambda one: _taught_if(_surer(one) and _sureness(one) < HIGH),
        "the rule, old answers kept": lambda one: _taught_if(_wins(one)),
        "the rule": _with(ANOTHER_QUESTION, SAME_QUESTION),
        **({"the rule, chosen without the service": _chosen_without(asked)} if chosen else {}),
        "whoever is right": lambda one: _taught_if(one.right["taught"]),
    }  # fmt: skip
    rows = [[name, *_counts(asked, rule, kinds)] for name, rule in rivals.items()]
    print(table(["who answers", *(f"{kind} ({_of(asked, kind)})" for kind in kinds), "right"], rows))
    print(_against(asked, rivals["the rule"], rivals["the surer, unless the documents are sure"]))
    for one in asked if show else ():
        given = rivals["the rule"](one)
        if any(one.right.values()) and not one.right[given]:
            said = one.taught.text if given == "taught" else one.documents.text
            print(f"{one.service}, {one.kind}, {given}: {one.text} | {said[:100]!r}")


def of_services(home: Path) -> list[Asked]:
    workspace = _workspace(home)
    rows = [json.loads(line) for line in ROWS.read_text("utf-8").splitlines()]
    asked: list[Asked] = []
    for service in development():
        own = [row for row in rows if row["set"] == service.name]
        texts = {f"{row['document']}.md": row["text"] for row in own if "document" in row}
        asked += _asked(workspace, service.name, texts, service.pairs, _questions(service, own))
    workspace.close()
    return asked


def of_companies(home: Path) -> list[Asked]:
    workspace = _workspace(home)
    asked: list[Asked] = []
    for profile in PROFILES:
        company = make(profile)
        if not company.training:
            continue
        pairs, _ = question_answers(company.training)
        asked += _asked(workspace, profile.name, company.documents_now, pairs, _company_questions(company))
    workspace.close()
    return asked


def _workspace(home: Path) -> Workspace:
    return Workspace(load_settings({"GROUNDTUNE_HOME": str(home)}))


def _asked(
    workspace: Workspace, name: str, texts: Mapping[str, str], pairs: Sequence[QuestionAnswer], cases: Iterable[Case]
) -> Iterable[Asked]:  # fmt: skip
    folder = workspace.settings.home.value / "documents" / name
    write_documents(texts, folder)
    workspace.create_knowledge_base(name).ingest([folder])
    reading = workspace.chain("rag", name)
    responder = Responder(train(pairs, workspace.encoder), workspace.encoder)
    model = TaughtModel(model_id="local:ft:responder:groundtune:benchmark:1", responder=responder)
    for kind, text, is_right in cases:
        question = Question(text=text)
        recalled, quoted = recall(model, text), reading.invoke(question)
        reread = reading.invoke(Question(text=recalled.reply.question))
        yield Asked(
            service=name,
            kind=kind,
            text=text,
            taught=recalled,
            documents=quoted,
            compared=compare(recalled, quoted, workspace.encoder),
            old=outdated(recalled, reread, workspace.encoder),
            right={
                "taught": is_right(TaughtChain(model).invoke(question)),
                "documents": is_right(quoted),
                "reread": is_right(reread),
            },
        )


def _company_questions(company: Company) -> Iterable[Case]:
    for row in company.questions:
        known = known_question(row, f"question {row['_id']}")

        def is_right(answer: Answer, known: KnownQuestion = known) -> bool:
            return scored(known, answer, key="", seconds=0.0, first_text_s=None).right

        yield known.tags[0] if known.tags else "other", known.text, is_right


def _questions(service: Taught, rows: Sequence[Mapping[str, object]]) -> Iterable[Case]:
    changed = {row["changed"]: row["answers"] for row in rows if "changed" in row}
    for pair, text, right in zip(service.pairs, service.asked, service.right, strict=True):
        now = changed.get(pair.question)
        yield ("changed", text, _says(now)) if now else ("taught", text, _says([right]))
    yield from (("documents", str(row["asked"]), _says(row["answers"])) for row in rows if "asked" in row)
    yield from (("nothing", text, _says([])) for text in service.near_misses)


def _says(accepted: object) -> Callable[[Answer], bool]:
    """Whether an answer says one of them; without any, whether nothing is answered."""
    wordings = list(map(str, accepted)) if isinstance(accepted, list) else []

    def is_right(answer: Answer) -> bool:
        if answer.abstained or not wordings:
            return answer.abstained and not wordings
        return holds_one("\n".join([answer.text, *(one.quote for one in answer.citations)]), wordings)

    return is_right


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
        agree = one.compared is not None and one.compared.agree
        return "reread" if wins and one.old and not agree else _taught_if(wins)

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


def _of(asked: Sequence[Asked], kind: str) -> int:
    return sum(one.kind == kind for one in asked)


def _counts(asked: Sequence[Asked], rule: Rule, kinds: Sequence[str]) -> list[str]:
    right = [(one.kind, one.right[rule(one)]) for one in asked]
    counts = [str(sum(hit for of, hit in right if of == kind)) for kind in kinds]
    return [*counts, f"{sum(hit for _, hit in right) / len(right):.3f}"]


def _against(asked: Sequence[Asked], rule: Rule, other: Rule) -> str:
    """Exact McNemar of the questions that one of the two alone has right."""
    pairs = [(one.right[rule(one)], one.right[other(one)]) for one in asked]
    won, lost = sum(a and not b for a, b in pairs), sum(b and not a for a, b in pairs)
    p = mcnemar(won, lost)
    return f"the rule against the surer, unless the documents are sure: {won} won, {lost} lost, p {p:.2g}"


if __name__ == "__main__":
    main()
