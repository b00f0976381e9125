"""Writes README's table of the four modes out of an evaluation: python -m scripts.which_pays evaluation.json

Of the sample company, as a stranger runs it:

python -m app finetune start examples/training.jsonl --validation examples/validation.jsonl --seed 1 --yes --watch
python -m app evaluate answers --out evaluation.html
python -m scripts.which_pays evaluation.json
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from chains.answer import MODES
from evaluation.reports.verdict import NAMES

ROOT = Path(__file__).resolve().parent.parent
BEGIN, END = "<!-- figures: python -m scripts.which_pays evaluation.json -->\n", "<!-- /figures -->"
DOCUMENTS, TAUGHT = "document questions", "taught questions"
NOT_RUN = "needs a chat model"


def main() -> None:
    readme = ROOT / "README.md"
    document = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    readme.write_text(with_figures(readme.read_text("utf-8"), document), "utf-8")


def with_figures(readme: str, document: Mapping[str, Any]) -> str:
    """The README's text with its table made anew."""
    start, end = readme.index(BEGIN) + len(BEGIN), readme.index(END)
    return readme[:start] + figures(document) + readme[end:]


def figures(document: Mapping[str, Any]) -> str:
    """Markdown: the verdict's first sentence, then right answers with their 95 % intervals, and the taught words."""
    summary = document["summary"]
    tags = {one["tag"]: one for one in summary["tags"]}
    rows = [
        (
            f"all {summary['questions']}: right",
            {mode: one["right"] for mode, one in summary["modes"].items()},
        ),
        *((f"{tags[tag]['questions']} {tag}: right", tags[tag]["right"]) for tag in (DOCUMENTS, TAUGHT)),
    ]
    lines = [_row("questions", [NAMES[mode] for mode in MODES]), _row("---", ["---"] * len(MODES))]
    lines += [_row(name, [_share(found.get(mode)) for mode in MODES]) for name, found in rows]
    voice = tags[TAUGHT]["scores"]
    words = [f"{voice[mode]['token_f1']:.2f}" if mode in voice else NOT_RUN for mode in MODES]
    lines.append(
        _row(f"{tags[TAUGHT]['questions']} {TAUGHT}: nearness to the taught words (token F1)", words)
    )
    return f"> {document['verdict']['sentences'][0]}\n\n" + "\n".join(lines) + "\n"


def shares(table: str) -> dict[str, list[tuple[float, float, float]]]:
    """Each row's values in per cent, with their intervals: of a table that `figures` wrote."""
    rows = [line.strip("| ").split(" | ") for line in table.splitlines() if ": right |" in line]
    return {name: [_numbers(cell) for cell in cells if "%" in cell] for name, *cells in rows}


def _numbers(cell: str) -> tuple[float, float, float]:
    value, low, high = (float(one) for one in re.findall(r"\d+", cell))
    return value, low, high


def _row(name: str, cells: list[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def _share(found: Mapping[str, float] | None) -> str:
    if found is None:
        return NOT_RUN
    value, low, high = (f"{100 * found[name]:.0f}" for name in ("value", "low", "high"))
    return f"{value} % ({low} to {high})"


if __name__ == "__main__":
    main()
