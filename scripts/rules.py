"""Writes the table of rules in docs/training-data.md from the code: python -m scripts.rules"""

from __future__ import annotations

from pathlib import Path

from finetune.validate import rules

PAGE = Path(__file__).resolve().parent.parent / "docs" / "training-data.md"
BEGIN, END = "<!-- rules: python -m scripts.rules -->\n", "<!-- /rules -->"


def main() -> None:
    PAGE.write_text(with_rules(PAGE.read_text("utf-8")), "utf-8")


def with_rules(page: str) -> str:
    """The page's text with its table made anew."""
    start, end = page.index(BEGIN) + len(BEGIN), page.index(END)
    return page[:start] + table() + page[end:]


def table() -> str:
    lines = ["| id | at worst | rule | why, and what to do |", "|---|---|---|---|"]
    lines += [f"| {rule.id} | {rule.severity} | {rule.title} | {_cell(rule.help)} |" for rule in rules()]
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    main()
