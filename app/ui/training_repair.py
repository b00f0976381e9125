"""Repairs of what a rule found: every change shown first, then made as one step that can be taken back."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import streamlit as st

from app.ui.differences import row_differences
from app.ui.escape import escape
from app.ui.rich_text import rich_text
from app.ui.training_session import attempted
from finetune.dataset_rows import without_metadata
from finetune.findings import Where
from finetune.profiles import ProfileName, profile_named

if TYPE_CHECKING:
    from finetune.dataset import Dataset
    from finetune.examples import Row
    from finetune.fixing import Fix, FixOptions, Redaction

SHOWN = 8  # changes that are drawn
PERSONAL = "S01"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mended:
    """One row before and after; None: it goes."""

    row_id: int
    before: Row
    after: Row | None


@st.dialog("Repair", width="large")
def repair(dataset: Dataset, rule: str, profile: ProfileName) -> None:
    from finetune.fixing import FixOptions, registered

    fixes = [fix for fix in registered() if fix.rule == rule]
    redaction: Redaction | None = None
    if rule == PERSONAL:
        redaction = st.radio(
            "Personal data",
            ["redact", "pseudonymise"],
            format_func=lambda way: (
                "Replace by what it is, such as [EMAIL]"
                if way == "redact"
                else "Replace by invented values, the same each time"
            ),
        )
    options = FixOptions(profile=profile_named(profile), redaction=redaction)
    with st.spinner("Looking at every row"):
        found = list(mended(dataset, fixes, options))
    for fix in fixes:
        st.caption(escape(fix.description, longest=300))
    if not found:
        st.markdown("There is nothing that can be repaired by itself: open the rows and correct them.")
        return
    _preview(found)
    label = f"Repair {len(found):,} row{'' if len(found) == 1 else 's'}"
    said = f"{len(found):,} repaired: Undo takes it back."
    pressed = st.button(label, type="primary", key="repair_go")
    if pressed and attempted(lambda: apply(dataset, found, rule), said=said):
        st.rerun()


def mended(dataset: Dataset, fixes: list[Fix], options: FixOptions) -> Iterator[Mended]:
    """The accepted rows that the fixes change, in order."""
    begun = [run for fix in fixes if (run := fix.begin(options)) is not None]
    for number, (row_id, line) in enumerate(dataset.lines(), start=1):
        before = without_metadata(json.loads(line))
        after: Row | None = copy.deepcopy(before)
        where = Where(file=dataset.name, line=number, split="train")
        for run in begun:
            after = run(after, where) if after is not None else None
        if after != before:
            yield Mended(row_id=row_id, before=before, after=after)


def apply(dataset: Dataset, found: list[Mended], rule: str) -> None:
    edited = {one.row_id: one.after for one in found if one.after is not None}
    gone = [one.row_id for one in found if one.after is None]
    if edited:
        dataset.edit_many(edited, description=f"Repair {len(edited)} rows by {rule}")
    if gone:
        dataset.delete(gone)


def _preview(found: list[Mended]) -> None:
    removed = sum(one.after is None for one in found)
    parts = [f"{len(found) - removed:,} rows change"] if len(found) > removed else []
    parts += [f"{removed:,} rows go"] if removed else []
    st.markdown(f"**{' and '.join(parts)}.** Nothing is written before you press the button.")
    for one in found[:SHOWN]:
        st.caption(f"Row {one.row_id}" + (": removed" if one.after is None else ""))
        rich_text(row_differences(one.before, one.after or {}), key=f"repair_{one.row_id}", style="excerpt")
    if len(found) > SHOWN:
        st.caption(f"… and {len(found) - SHOWN:,} more.")
