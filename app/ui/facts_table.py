"""Small tables of plain text, built in the browser like all text of others: long values wrap, nothing is markup."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from app.ui.prose import Node, element
from app.ui.rich_text import rich_text


def facts_table(rows: Sequence[Mapping[str, str]], *, key: str, wide: bool = False) -> None:
    """One line a row; the keys of the first are the heads of all. `wide`: of many columns, whose words stay whole; it
    scrolls by itself where there is no room."""
    if not rows:
        return
    heads = list(rows[0])
    lines = [_line("th", heads), *(_line("td", [row.get(head, "") for head in heads]) for row in rows)]
    rich_text([element("table", [element("tbody", lines)])], key=key, style="wide" if wide else "quiet")


def _line(tag: str, cells: Sequence[str]) -> Node:
    return element("tr", [element(tag, [cell]) for cell in cells])
