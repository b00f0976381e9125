"""One run: its progress while it runs, then verdict, charts, tables, answers, and the reports to download."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import streamlit as st

from app.evaluating import content_of_run, evaluations, remove_run
from app.evaluation_judging import judge_of
from app.ui.charts import charts
from app.ui.escape import escape
from app.ui.evaluation_answers import draw_answers
from app.ui.evaluation_list import run_words
from app.ui.evaluation_session import WORK, open_run
from app.ui.evaluation_work import Terms, at_work, judge_later, resume
from app.ui.facts_table import facts_table
from app.ui.job_rows import job_rows
from app.ui.training_session import attempted, press
from evaluation.reports.charts import pictures
from evaluation.reports.exports import as_csv, as_json
from evaluation.reports.html import as_html
from evaluation.reports.markdown import as_markdown
from evaluation.reports.sections import fact_rows, sections
from evaluation.reports.verdict import NAMES, wanting

if TYPE_CHECKING:
    from app.workspace import Workspace
    from evaluation.reports.content import Content
    from evaluation.run_store import Run

FORMS: tuple[tuple[str, str, str, Callable[[Content], str]], ...] = (
    ("HTML", "html", "text/html", as_html),
    ("Markdown", "md", "text/markdown", as_markdown),
    ("JSON", "json", "application/json", as_json),
    ("CSV", "csv", "text/csv", as_csv),
)
KEPT = 3  # reports of a session: a page that is drawn again does not count anew


def draw_run(workspace: Workspace, run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.button(
            "All runs",
            key="evaluation_back",
            type="tertiary",
            icon=":material/arrow_back:",
            on_click=open_run,
            args=(None,),
        )
        st.caption(escape(f"{run_words(run)} · {run.id}", longest=160))
    job_rows(WORK, run.id)
    if at_work(run.id):
        st.caption("Closing this page changes nothing: the run goes on, and is found here again.")
        return
    if run.state != "done":
        _unfinished(workspace, run)
        _why(run)
    content = _content(workspace, run)
    if not content.summary.modes:
        st.info("No question was answered in every mode yet.", icon=":material/hourglass_empty:")
        return
    _verdict(content)
    _downloads(content)
    if workspace.chat_connected:
        _judge(workspace, run)
    _tables(content)
    draw_answers(content)
    _foot(workspace, content)


def _unfinished(workspace: Workspace, run: Run) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f":material/pause_circle: This run is {run.state}: what was answered is kept.")
        if run.state == "running":
            st.caption("Another process asks its questions.")
            return
        budget = _money("US dollars for the rest", "evaluation_more") if workspace.chat_connected else None
        st.button(
            "Go on",
            key="evaluation_resume",
            icon=":material/play_arrow:",
            on_click=press,
            args=(lambda: resume(workspace, run, Terms(budget=budget)),),
        )


def _judge(workspace: Workspace, run: Run) -> None:
    """A second opinion, at any time after the run: the judge's word is kept as it comes."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        judge = st.text_input(
            "A chat model that judges the answers",
            placeholder="the connected one, or its id: openai:NAME",
            key="evaluation_judge_named",
            help="A second opinion, named in the report: it changes no verdict. Take one of another family than the "
            "models judged. What was judged is not asked again; another judge begins anew.",
            width=360,
        )
        budget = _money("US dollars for the judge", "evaluation_judge_budget")
        st.button(
            "Judge this run",
            key="evaluation_judge_go",
            icon=":material/gavel:",
            on_click=press,
            args=(lambda: judge_later(workspace, run, judge.strip() or judge_of(workspace, run), budget),),
        )


def _why(run: Run) -> None:
    """Of a run that its budget ended: perhaps no price is known, and more money would not help."""
    if run.state == "out of budget" and (spent := run.facts.get("spent")):
        st.caption(f":material/payments: {escape(str(spent), longest=400)}")


def _money(label: str, key: str) -> float | None:
    return st.number_input(
        label,
        min_value=0.0,
        value=None,
        step=0.5,
        placeholder="as the settings say",
        key=key,
        width=220,
    )


def _content(workspace: Workspace, run: Run) -> Content:
    """Counted once in a session, until the run changes."""
    held: dict[tuple[str, float, str], Content] = st.session_state.setdefault("evaluation_contents", {})
    key = (run.id, run.changed_at, repr(run.facts))
    if key not in held:
        held[key] = content_of_run(workspace, run.id)
        while len(held) > KEPT:
            del held[next(iter(held))]
    return held[key]


def _verdict(content: Content) -> None:
    draw = st.success if content.verdict.strength == "clear" else st.warning
    first, *others = content.verdict.sentences
    words = [f"**{escape(first, longest=600)}**", *(escape(one, longest=600) for one in others)]
    draw("\n\n".join(words), icon=":material/balance:")
    for mode, why in content.not_run.items():
        st.caption(f":material/lock: {NAMES[mode]} was not asked: {escape(wanting(why), longest=300)}")
    for note in content.notes:
        st.caption(f":material/gavel: {escape(note, longest=600)}")


def _downloads(content: Content) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption("Report")
        for label, suffix, media, written in FORMS:
            st.download_button(
                label,
                partial(written, content),
                file_name=f"{content.run.id}.{suffix}",
                mime=media,
                key=f"evaluation_{suffix}",
                type="tertiary",
                icon=":material/download:",
                on_click="ignore",
            )


def _tables(content: Content) -> None:
    charts([(picture, "") for picture in pictures(content.summary)], key="evaluation_charts")
    for one in sections(content):
        with st.expander(one.title, expanded=one.first):
            facts_table(_named(one.rows), key=f"evaluation_table_{one.title}", wide=True)
            if one.note:
                st.caption(escape(one.note, longest=600))


def _named(rows: Sequence[tuple[str, ...]]) -> list[dict[str, str]]:
    head, *body = rows
    return [dict(zip(head, row, strict=True)) for row in body]


def _foot(workspace: Workspace, content: Content) -> None:
    with st.expander("To run it again"):
        st.code(str(content.facts.get("command", "")), language="bash")
        facts_table(_named(tuple(fact_rows(content))), key="evaluation_facts")
        st.button(
            "Remove this run",
            key="evaluation_remove",
            icon=":material/delete:",
            on_click=_removed,
            args=(workspace, content.run.id),
        )


def _removed(workspace: Workspace, name: str) -> None:
    if attempted(lambda: remove_run(workspace, name), said=f"{name} is removed."):
        open_run(None)


def run_of(workspace: Workspace, name: str) -> Run:
    """Raises EvaluationNotFoundError."""
    return evaluations(workspace).run(name)
