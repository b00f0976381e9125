"""A run for programs: the whole of it as JSON, one line a question and mode as CSV, and rows for other tools.

Other tools' forms as their documents have them: MLflow's `mlflow.genai.evaluate` takes inputs, outputs and expectations
(https://mlflow.org/docs/latest/genai/eval-monitor/); Inspect's datasets are JSON Lines of id, input, target and
metadata (https://inspect.aisi.org.uk/datasets.html); Langfuse's `create_dataset_item(dataset_name=..., **row)` takes
id, input, expected_output and metadata (https://langfuse.com/docs/evaluation/dataset-runs/datasets). MLflow 3.17
and Inspect 0.3.285 were tried: they read and score these rows. Of Langfuse 5.0 only the call's signature was compared.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterator, Mapping
from typing import Any, Literal, get_args

from chains.restoring import record
from errors import SettingsError
from evaluation.judging import KnownQuestion
from evaluation.measures import measures_of
from evaluation.outcomes import Outcome
from evaluation.reports.content import Content
from evaluation.reports.worth import document as worth_document

__all__ = ["FORMAT", "Tool", "as_csv", "as_json", "document", "finite", "rows_for"]

FORMAT = 1
Tool = Literal["mlflow", "inspect", "langfuse"]
_FORMULA = (
    "=",
    "+",
    "-",
    "@",
    "\t",
    "\r",
    "\n",
    "＝",
    "＋",
    "－",
    "＠",
)  # the wide forms too, as OWASP has it
NO_ANSWER = "(the documents do not answer this)"  # an empty target would be found in every answer
SCORES = (
    "exact_match", "token_f1", "rouge_l", "similarity", "figures", "citation_precision", "citation_recall",
    "passage_recall", "passage_ndcg", "faithfulness", "judged",
)  # fmt: skip


def document(content: Content) -> dict[str, Any]:
    """Everything but the receipts, which the store keeps."""
    found: dict[str, Any] = finite(_document(content))
    return found


def _document(content: Content) -> dict[str, Any]:
    return {
        "format": FORMAT,
        "run": {name: value for name, value in record(content.run).items() if name != "facts"},
        "facts": dict(content.facts),
        "made_at": content.made_at,
        "verdict": {"strength": content.verdict.strength, "sentences": list(content.verdict.sentences)},
        "summary": content.summary.as_dict(),
        "measures": {
            mode: _written(measures_of(one, content.worth)) for mode, one in content.summary.modes.items()
        },
        "worth": worth_document(content.worth),
        "notes": list(content.notes),
        "failures": record(content.failures),
        "outcomes": [_outcome(one) for one in content.outcomes],
    }


def _written(measures: Mapping[str, float | None]) -> dict[str, float | str | None]:
    """JSON has no infinity: "from which volume" is "never"."""
    return {name: "never" if value == math.inf else value for name, value in measures.items()}


def as_json(content: Content) -> str:
    return json.dumps(document(content), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def as_csv(content: Content) -> str:
    """UTF-8 with a mark for Excel; cells that a spreadsheet would run as a formula begin with an apostrophe."""
    out = io.StringIO()
    out.write("\ufeff")
    writer = csv.writer(out)
    head = ["question", "text", "tags", "mode", "verdict", "answer", "model", "confidence", "seconds"]
    writer.writerow(
        [*head, "first_text_s", "input_tokens", "output_tokens", "cost_usd", *SCORES, "error", "cut_off"]
    )
    for one in content.outcomes:
        writer.writerow([_safe(cell) for cell in _cells(one, content.questions[one.question])])
    return out.getvalue()


def rows_for(content: Content, tool: str) -> Iterator[dict[str, Any]]:
    """One a question and mode. Raises SettingsError for a tool that is not known."""
    if tool not in get_args(Tool):
        raise SettingsError(f"There is no export for {tool!r}: choose one of {', '.join(get_args(Tool))}.")
    for one in content.outcomes:
        question = content.questions[one.question]
        yield _row(tool, one, question)


def _wanted(question: KnownQuestion) -> list[str]:
    """The accepted wordings, of which one must be said; none where only documents are known."""
    if not question.answerable:
        return [NO_ANSWER]
    return list(question.answers) or [question.reference] * bool(question.reference)


def _row(tool: str, one: Outcome, question: KnownQuestion) -> dict[str, Any]:
    wanted = _wanted(question)
    facts: dict[str, Any] = {
        "mode": one.mode,
        "verdict": one.verdict,
        "model": one.model,
        "tags": list(question.tags),
    }
    facts |= {"answerable": question.answerable, "scores": dict(one.scores), "seconds": one.seconds}
    if tool == "mlflow":
        return {
            "inputs": {"question": question.text},
            "outputs": {"response": one.text},
            "expectations": {"expected_response": " or ".join(wanted)},
            "tags": {"question_id": question.id, "mode": one.mode, "verdict": one.verdict},
        }
    if tool == "inspect":
        name = f"{question.id}:{one.mode}"
        return {
            "id": name,
            "input": question.text,
            "target": wanted,
            "metadata": facts | {"answer": one.text},
        }
    return {
        "id": f"{question.id}:{one.mode}",
        "input": {"question": question.text},
        "expected_output": " or ".join(wanted),
        "metadata": facts | {"answer": one.text},
    }


def _outcome(one: Outcome) -> dict[str, Any]:
    return {name: value for name, value in record(one).items() if name != "answer"} | {"cut_off": one.cut_off}


def _cells(one: Outcome, question: KnownQuestion) -> Iterator[object]:
    yield from (
        question.id,
        question.text,
        ";".join(question.tags),
        one.mode,
        one.verdict,
        one.text,
        one.model,
    )
    yield from (
        one.confidence,
        one.seconds,
        one.first_text_s,
        one.input_tokens,
        one.output_tokens,
        one.cost_usd,
    )
    yield from (one.scores.get(name) for name in SCORES)
    yield one.error
    yield one.cut_off


def _safe(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def finite(value: Any) -> Any:
    """NaN, which stands for "of no questions", is null in JSON."""
    if isinstance(value, Mapping):
        return {name: finite(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [finite(one) for one in value]
    return None if isinstance(value, float) and value != value else value  # noqa: PLR0124 - NaN is not itself
