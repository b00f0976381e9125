"""Taught pairs with held-out questions, for responder.py and fit_responder.py.

`development` holds four invented services (library, broadband, veterinary practice, tool rental), 20 pairs each
with one paraphrase, and 8 near-miss questions each that no pair answers. `another_question` is made of a folder in
BEIR form: a sentence that answers questions is taught with them, but for one that is asked.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune.trainers.responder import QuestionAnswer
from local.sentences import sentence_spans

ROOT = Path(__file__).parents[1]
DEVELOPMENT = Path(__file__).with_name("responder_development.jsonl")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taught:
    name: str
    pairs: tuple[QuestionAnswer, ...]
    asked: tuple[str, ...]
    right: tuple[str, ...]  # the answer to each of `asked`
    near_misses: tuple[str, ...] = ()  # on the subject, but not taught
    foreign: tuple[str, ...] = ()  # on other subjects


def development() -> list[Taught]:
    rows = [json.loads(line) for line in DEVELOPMENT.read_text("utf-8").splitlines()]
    names = list(dict.fromkeys(row["set"] for row in rows))
    return [_service(name, rows) for name in names]


def _service(name: str, rows: Sequence[dict[str, str]]) -> Taught:
    own = [row for row in rows if row["set"] == name and "question" in row]
    return Taught(
        name=name,
        pairs=tuple(QuestionAnswer(question=row["question"], answer=row["answer"]) for row in own),
        asked=tuple(row["paraphrase"] for row in own),
        right=tuple(row["answer"] for row in own),
        near_misses=tuple(row["outside"] for row in rows if row["set"] == name and "outside" in row),
        foreign=tuple(row.get("outside") or row["paraphrase"] for row in rows if row["set"] != name),
    )


def another_question(
    folder: Path, *, pairs: int, seed: int, articles: Sequence[str] | None = None, foreign: Sequence[str] = ()
) -> Taught:
    """Sentences with several questions first; one question of each of these is asked, all others are taught."""
    by_sentence = _questions_by_sentence(folder, articles)
    shuffled = random.Random(seed)
    sentences = sorted(by_sentence)
    shuffled.shuffle(sentences)
    sentences.sort(key=lambda sentence: len(by_sentence[sentence]) < 2)
    taught: list[QuestionAnswer] = []
    asked: list[tuple[str, str]] = []
    for sentence in sentences:
        questions = shuffled.sample(by_sentence[sentence], len(by_sentence[sentence]))
        if len(taught) + max(1, len(questions) - 1) > pairs:
            break
        if len(questions) > 1:
            asked.append((questions.pop(), sentence))
        taught += [QuestionAnswer(question=question, answer=sentence) for question in questions]
    return Taught(
        name=folder.name,
        pairs=tuple(taught),
        asked=tuple(question for question, _ in asked),
        right=tuple(sentence for _, sentence in asked),
        foreign=tuple(foreign),
    )


def articles_of(folder: Path) -> list[str]:
    lines = (folder / "corpus.jsonl").read_text("utf-8").splitlines()
    return sorted({json.loads(line)["_id"].split("#")[0] for line in lines})


def _questions_by_sentence(folder: Path, articles: Sequence[str] | None) -> dict[str, list[str]]:
    lines = (folder / "corpus.jsonl").read_text("utf-8").splitlines()
    texts = {row["_id"]: row["text"] for row in map(json.loads, lines)}
    spans = {name: sentence_spans(text) for name, text in texts.items()}
    found: dict[str, list[str]] = {}
    for row in map(json.loads, (folder / "queries.jsonl").read_text("utf-8").splitlines()):
        if not row.get("answerable", True) or not row["evidence"]:
            continue
        gold = row["evidence"][0]
        if articles is not None and gold["doc"].split("#")[0] not in articles:
            continue
        for start, end in spans[gold["doc"]]:
            if start <= gold["start"] < end:
                found.setdefault(texts[gold["doc"]][start:end], []).append(row["text"])
    return {sentence: list(dict.fromkeys(questions)) for sentence, questions in found.items()}


def sample_company() -> Taught:
    """The 120 training rows, the 40 held-out paraphrases and the unanswerable questions of examples/."""
    from finetune.trainers.responder import question_answers

    rows, examples = {}, ROOT / "examples"
    for name in ("training", "paraphrases", "questions"):
        rows[name] = [
            json.loads(line) for line in (examples / f"{name}.jsonl").read_text("utf-8").splitlines()
        ]
    pairs, _ = question_answers(rows["training"])
    unanswerable = [row for row in rows["questions"] if not row["answerable"]]
    return Taught(
        name="sample company",
        pairs=tuple(pairs),
        asked=tuple(row["text"] for row in rows["paraphrases"]),
        right=tuple(row["answer"] for row in rows["paraphrases"]),
        near_misses=tuple(row["text"] for row in unanswerable if "near-miss" in row["tags"]),
        foreign=tuple(row["text"] for row in unanswerable if "near-miss" not in row["tags"]),
    )
