"""Starting an evaluation: which questions, which modes, what it may cost."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.evaluating import SAMPLE_SETS, Plan, QuestionFile, read_sets
from app.evaluation_leaks import Taught, rows_of_tuned, taught_here
from app.ui.escape import escape
from app.ui.evaluation_questions import draw_made
from app.ui.evaluation_session import open_run
from app.ui.evaluation_work import Terms, start
from app.ui.ingestion import LARGEST_MB, file_name
from app.ui.training_session import attempted
from app.workspace import SAMPLE as SAMPLE_BASE
from app.workspace import ModeStatus, Workspace
from chains.answer import Mode
from errors import GroundtuneError

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from evaluation.question_files import QuestionSet

SAMPLE, OWN, MADE = "The sample company's", "A file of mine", "Made from my documents"
INTRODUCTION = (
    "Puts every question to every mode and says which way pays, with intervals: how many are right, what they cost, "
    "how long they take, and what so few questions cannot show."
)
COLUMNS = (
    "CSV, Excel or JSON Lines. Columns: **question**, **answer** (as it should be said) or **answers** (accepted "
    "wordings, with | between), and where you have them **documents** (that hold the answer), **answerable** (yes or "
    "no), **tags**, **id**."
)
REFUSED_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class _Chosen:
    files: tuple[QuestionFile, ...]
    questions: QuestionSet


def draw_start(workspace: Workspace) -> None:
    st.markdown(INTRODUCTION)
    name = st.session_state.get("knowledge_base") or workspace.default_knowledge_base
    chosen = _questions(workspace, name, sample=name == workspace.default_knowledge_base)
    modes = _modes(workspace.modes())
    if chosen is not None:
        _taught_note(workspace, chosen, modes)
    budget, judge = _money(workspace)
    fresh = st.checkbox(
        "Ask everything anew",
        key="evaluation_fresh",
        help="Otherwise answers of earlier runs are taken over where question, model, prompt and documents are the "
        "same.",
    )
    ready = chosen is not None and bool(modes)
    if st.button(
        _asking(chosen, modes) if chosen is not None and modes else "Ask",
        type="primary",
        key="evaluation_go",
        icon=":material/play_arrow:",
        disabled=not ready,
    ):
        assert chosen is not None
        plan = Plan(sets=chosen.files, modes=modes, knowledge_base=name)
        _start(workspace, plan, Terms(budget=budget, judge=judge, fresh=fresh))
    if chosen is not None and not modes:
        st.caption(":material/info: Tick one mode at least.")


def _asking(chosen: _Chosen, modes: tuple[Mode, ...]) -> str:
    """What the button starts."""
    count = len(chosen.questions.questions)
    asked = f"Ask {count:,} question{'s' if count != 1 else ''}"
    return f"{asked} in {len(modes)} modes" if len(modes) > 1 else asked


def _start(workspace: Workspace, plan: Plan, terms: Terms) -> None:
    begun: list[str] = []
    if plan.knowledge_base == SAMPLE_BASE and not workspace.has_knowledge_base(SAMPLE_BASE):
        with st.spinner("Loading the sample company's documents (once): this takes a minute."):
            if not attempted(workspace.ensure_sample):
                return
    if attempted(lambda: begun.append(start(workspace, plan, terms).id)):
        st.session_state["evaluation_wanted"] = begun[0]  # the part's control is drawn already
        st.rerun()


def take_wanted() -> None:
    """Before anything is drawn: the run that was just started."""
    name = st.session_state.pop("evaluation_wanted", None)
    if name is not None:
        open_run(name)


def _questions(workspace: Workspace, knowledge_base: str, *, sample: bool) -> _Chosen | None:
    options = [SAMPLE, OWN, MADE] if sample else [OWN, MADE]
    which = st.radio("Questions", options, key=f"evaluation_set_{sample}", horizontal=True)
    if which == SAMPLE:
        return _read(SAMPLE_SETS)
    if which == MADE:
        made = draw_made(workspace, knowledge_base)
        return _read((made,)) if made else None
    given = st.file_uploader(
        "A file of questions with their answers",
        type=["csv", "tsv", "xlsx", "ods", "jsonl", "json"],
        key="evaluation_upload",
        max_upload_size=LARGEST_MB,
    )
    st.caption(COLUMNS)
    return _read((QuestionFile(path=_kept(workspace, given), name=Path(given.name).stem),)) if given else None


def _read(files: tuple[QuestionFile, ...]) -> _Chosen | None:
    """None, with the reason on the page, where it holds no question."""
    try:
        found = read_sets(files)
    except GroundtuneError as error:
        st.error(escape(str(error), longest=500), icon=":material/error:")
        return None
    unanswerable = len(found.questions) - found.answerable
    aside = f", {unanswerable:,} of them without an answer in the documents" if unanswerable else ""
    st.caption(
        f":material/quiz: {len(found.questions):,} questions{aside}: {escape(found.name, longest=200)}"
    )
    for sentence in found.columns[:REFUSED_SHOWN]:
        st.caption(f":material/view_column: {escape(sentence, longest=400)}")
    for sentence in found.refused[:REFUSED_SHOWN]:
        st.caption(f":material/warning: Left out: {escape(sentence, longest=300)}")
    if len(found.refused) > REFUSED_SHOWN:
        st.caption(f"… and {len(found.refused) - REFUSED_SHOWN:,} more rows.")
    return _Chosen(files=files, questions=found)


def _kept(workspace: Workspace, file: UploadedFile) -> Path:
    """Where the command line would find it: by its content, until uploads are cleared; a run keeps its own copy."""
    held = file.getvalue()
    digest = hashlib.sha256(held).hexdigest()[:20]
    path = workspace.settings.home.value / "uploads" / "questions" / digest / file_name(file.name)
    if not path.is_file():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(held)
    return path


def _modes(statuses: tuple[ModeStatus, ...]) -> tuple[Mode, ...]:
    """Those that are ticked; those that cannot run say what they need."""
    ticked: list[Mode] = []
    for column, status in zip(st.columns(len(statuses), gap="small"), statuses, strict=True):
        with column, st.container(gap=None):
            can = status.available
            if st.checkbox(status.label, can, key=f"evaluation_{status.mode}_{can}", disabled=not can):
                ticked.append(status.mode)
            why = escape(status.reason or status.summary, longest=300)
            st.caption(f"{':material/lock: ' if status.reason else ''}{why}")
    return tuple(ticked)


def _taught_note(workspace: Workspace, chosen: _Chosen, modes: tuple[Mode, ...]) -> None:
    """Before the run: which of these the tuned model learnt in training, as far as its rows are known."""
    known = rows_of_tuned(workspace, modes)
    if known is None:
        return
    key = (chosen.questions.sha256, *map(str, known))
    held: dict[tuple[str, ...], Taught | None] = st.session_state.setdefault("evaluation_taught", {})
    if key not in held:
        held.clear()
        held[key] = taught_here(workspace, modes, chosen.questions.questions)
    if found := held[key]:
        st.warning(escape(found.sentence, longest=400), icon=":material/school:")


def _money(workspace: Workspace) -> tuple[float | None, str | None]:
    """(budget, judge), only where something may cost. None: the limit of the settings, no judge."""
    if not workspace.chat_connected:
        return None, None
    with st.container(horizontal=True, vertical_alignment="bottom"):
        budget = st.number_input(
            "US dollars that may be spent",
            min_value=0.0,
            value=None,
            step=0.5,
            placeholder="as the settings say",
            key="evaluation_budget",
            width=300,
        )
        judge = st.text_input(
            "A chat model that judges the answers too",
            placeholder="none, or its id: openai:NAME",
            key="evaluation_judge",
            help="Named in the report. What it costs is spent from the same dollars, after the questions.",
            width=360,
        )
    return budget, judge.strip() or None
