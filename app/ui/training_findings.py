"""What a check of a dataset found, on the page: the verdict, charts, and findings by rule with the row behind each."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import streamlit as st

from app.ui.charts import charts
from app.ui.escape import escape
from app.ui.training_session import jump_to_row
from finetune.findings import Finding, Severity
from finetune.reports.report import Report, RuleFindings, counted, verdict

SHOWN = 15  # findings of a rule; the downloads have all that were kept
COLOURS: dict[Severity, str] = {"error": "red", "warning": "orange", "info": "blue"}
_LINE = re.compile(
    r"(?:(?<= in )|(?<= is )|(?<= from )|(?<=\())line (\d{1,9})\b"
)  # as rules name another row
RowOf = Callable[[Finding], int | None]
Mend = Callable[[str], None]


def draw_verdict(report: Report) -> None:
    said = escape(verdict(report), longest=200)
    if report.counts["error"]:
        st.error(said, icon=":material/error:")
    elif report.counts["warning"]:
        st.warning(said, icon=":material/warning:")
    else:
        st.success(said, icon=":material/check_circle:")


def draw_charts(report: Report) -> None:
    if report.charts:
        with st.expander("Numbers and charts", icon=":material/bar_chart:"):
            facts = " · ".join(f"{escape(name)}: **{escape(value)}**" for name, value in report.facts)
            st.markdown(facts)
            charts([(chart.picture(), chart.note) for chart in report.charts], key="check_charts")


def draw_findings(report: Report, row_of: RowOf, mend: Mend, mendable: frozenset[str]) -> None:
    """`mendable`: rules whose findings can be repaired; `mend` is called with such a rule's id."""
    for one in report.rules:
        _rule(one, row_of, mend, mendable)
    if report.silent:
        st.caption(f"{len(report.silent)} more rules were checked and found nothing.")


def _rule(found: RuleFindings, row_of: RowOf, mend: Mend, mendable: frozenset[str]) -> None:
    said = ", ".join(
        f":{COLOURS[level]}[{counted(count, level)}]" for level, count in found.counts.items() if count
    )
    title = f"{escape(found.rule.id)} · {escape(found.rule.title)} — {said}"
    with st.expander(title, expanded=found.severity == "error", key=f"rule_{found.rule.id}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.caption(escape(found.rule.help, longest=500))
            if found.rule.id in mendable and st.button(
                "Repair …", key=f"mend_{found.rule.id}", icon=":material/build:"
            ):
                mend(found.rule.id)
        for number, finding in enumerate(found.findings[:SHOWN]):
            _finding(finding, f"{found.rule.id}_{number}", row_of)
        hidden = found.total - min(SHOWN, len(found.findings))
        if hidden > 0:
            st.caption(f"… and {hidden:,} more.")


def _finding(finding: Finding, key: str, row_of: RowOf) -> None:
    row = row_of(finding)
    with st.container(horizontal=True, vertical_alignment="center", gap="small", key=f"finding_{key}"):
        if row is not None:
            st.button(f"Row {row}", key=f"jump_{key}", type="tertiary", on_click=jump_to_row, args=(row,))
        path = f" `{_code(finding.path)}`" if finding.path != "$" else ""
        st.markdown(f"{escape(_by_rows(finding, row_of), longest=400)}{path}")


def _by_rows(finding: Finding, row_of: RowOf) -> str:
    """The message with rows of the dataset in place of lines of the file that was checked."""

    def named(found: re.Match[str]) -> str:
        row = row_of(replace(finding, line=int(found[1])))
        return found[0] if row is None else f"row {row}"

    return _LINE.sub(named, finding.message)


def _code(path: str) -> str:
    """For a code span: no back-ticks, and nothing else is read as markup there."""
    return "".join(letter for letter in path if letter.isprintable() and letter != "`")[:120]
