"""Questions made from the documents, on the Evaluation page: made as a job, reviewed row by row, then asked."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.evaluating import QuestionFile
from app.ui.escape import escape
from app.ui.job_rows import busy, job_rows
from app.ui.jobs import Job, jobs
from app.ui.training_session import press
from app.workspace import SAMPLE, Workspace
from chains.instructions import instructions_in
from errors import GroundtuneError
from evaluation.question_making.reviewing import Review, Reviewed, State

if TYPE_CHECKING:
    from collections.abc import Callable

A_PAGE = 10  # questions shown at once
MOST, USUAL = 500, 50
UNDO = 50  # steps
EXPLAINED = (
    "Questions with their answers and where they stand, taken out of your documents; about a fifth of them ask for "
    "what the documents do not say. Read them through: keep, change or drop each. What nobody has read is said in "
    "the report."
)
WITHOUT_MODEL = (
    "No chat model is connected: they come from plain statements and tables, close to their words."
)
_DECISIONS: tuple[tuple[str, State, str], ...] = (("Keep", "kept", "check"), ("Drop", "dropped", "close"))
_TOLD: dict[State, str] = {"open": "not read yet", "kept": "kept", "dropped": "dropped"}


def draw_made(workspace: Workspace, knowledge_base: str) -> QuestionFile | None:
    """The questions to ask: those that were not dropped. None until there are some."""
    folder = _folder(workspace, knowledge_base)
    work = f"questions {knowledge_base}"
    st.caption(EXPLAINED)
    _maker(workspace, knowledge_base, folder, work)
    job_rows(work)
    review = _review(folder)
    if review is None or busy(work):
        return None
    _draw_review(review, folder)
    if review.count("dropped") == len(review.rows):
        st.caption(":material/info: Every question is dropped: keep one at least, or make others.")
        return None
    return QuestionFile(path=folder / "questions.jsonl", name=f"made from {knowledge_base}")


def _folder(workspace: Workspace, knowledge_base: str) -> Path:
    """Beside uploads, until uploads are cleared; a run keeps its own copy."""
    return workspace.settings.home.value / "uploads" / "questions" / "made" / knowledge_base


def _review(folder: Path) -> Review | None:
    """None where none were made, or another version wrote them."""
    path = folder / "review.jsonl"
    if not path.is_file() or not (folder / "questions.jsonl").is_file():
        return None
    try:
        return Review.read(path)
    except GroundtuneError as error:
        st.caption(
            f":material/warning: The questions that were made cannot be read: {escape(str(error), longest=300)}"
        )
        return None


# --- making -------------------------------------------------------------------------------------------


def _maker(workspace: Workspace, knowledge_base: str, folder: Path, work: str) -> None:
    connected = workspace.chat_connected
    with st.container(horizontal=True, vertical_alignment="bottom"):
        limit = int(
            st.number_input(
                "How many", min_value=1, max_value=MOST, value=USUAL, step=10, key="made_limit", width=160
            )
        )
        budget = _budget() if connected else None
        again = (folder / "review.jsonl").is_file()
        st.button(
            "Make others" if again else "Make questions",
            key="made_go",
            icon=":material/auto_awesome:",
            type="secondary",
            disabled=busy(work),
            on_click=press,
            args=(partial(_start, workspace, knowledge_base, folder, work, limit, budget),),
            help="In place of those below." if again else None,
        )
    if not connected:
        st.caption(f":material/info: {WITHOUT_MODEL}")


def _budget() -> float | None:
    return st.number_input(
        "US dollars the model may cost",
        min_value=0.0,
        value=None,
        step=0.5,
        placeholder="as the settings say",
        key="made_budget",
        width=260,
    )


def _start(
    workspace: Workspace, knowledge_base: str, folder: Path, work: str, limit: int, budget: float | None
) -> None:
    from app.question_making import Order, make

    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    made = folder / "made.jsonl"
    seed = st.session_state.get("made_seed", 6) + 1
    st.session_state["made_seed"] = seed  # others, where it is pressed again
    st.session_state["made_undo"] = []

    def run(job: Job) -> tuple[str, object]:
        job.tell("Reading the documents")
        if knowledge_base == SAMPLE:
            workspace.ensure_sample()  # where nobody asked it anything yet
        order = Order(
            knowledge_base=knowledge_base, out=made, limit=limit, seed=seed, budget_usd=budget, resume=True
        )
        chat = workspace.connections.chat() if workspace.chat_connected else None
        written = make(
            workspace,
            order,
            chat=chat,
            on_progress=lambda done, total: job.show("Making questions", done, total),
            stop=job.stopped,
        )
        review = Review.read(made)
        review.write_kept(folder / "questions.jsonl")
        review.write(folder / "review.jsonl")
        count = len(written.made.questions)
        few = "" if count >= limit or written.stopped else " The documents gave no more."
        return f"{count:,} questions were made.{few} {written.stopped or ''}".strip(), None

    jobs().start(work, Job("questions", "Making questions"), run)


# --- review -------------------------------------------------------------------------------------------


def _draw_review(review: Review, folder: Path) -> None:
    pages = -(-len(review.rows) // A_PAGE)
    page = min(st.session_state.get("made_page", 0), pages - 1)
    numbers = range(page * A_PAGE, min(len(review.rows), (page + 1) * A_PAGE))
    with st.container(border=True, key="made_review", gap="small"):
        _head(review, folder, numbers)
        for number in numbers:
            _row(review, folder, number)
        if pages > 1:
            _pager(page, pages)


def _head(review: Review, folder: Path, numbers: range) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        told = (f"{review.count(state):,} {words}" for state, words in _TOLD.items())
        st.markdown(f"**{len(review.rows):,} questions**: {', '.join(told)}")
        _button(
            "Keep all of this page", "made_keep_page", "done_all", _decided(review, folder, "kept", *numbers)
        )
        if st.session_state.get("made_undo"):
            _button("Undo", "made_undo_step", "undo", partial(_undo, folder))


def _button(label: str, key: str, icon: str, action: Callable[[], None], *, disabled: bool = False) -> None:
    st.button(
        label,
        key=key,
        icon=f":material/{icon}:",
        type="tertiary",
        on_click=press,
        args=(action,),
        disabled=disabled,
    )


def _row(review: Review, folder: Path, number: int) -> None:
    one = review.rows[number]
    with st.container(key=f"made_row_{number}", gap=None):
        if st.session_state.get("made_editing") == number:
            _edited(review, folder, number)
            return
        struck = "~~" if one.state == "dropped" else ""
        st.markdown(f"{number + 1}. {struck}{escape(one.question, longest=300)}{struck}")
        st.caption(_answer(one))
        with st.container(horizontal=True, vertical_alignment="center", gap="small"):
            st.caption(_TOLD[one.state])
            for label, state, icon in _DECISIONS:
                action = _decided(review, folder, state, number)
                _button(label, f"made_{state}_{number}", icon, action, disabled=one.state == state)
            _button("Change", f"made_change_{number}", "edit", partial(_edit, number))


def _answer(one: Reviewed) -> str:
    if not one.answerable:
        return ":material/block: The documents do not say."
    quote = f" — “{escape(one.quote, longest=240)}”" if one.quote and not instructions_in(one.quote) else ""
    where = f" · {escape(', '.join(one.documents), longest=160)}" if one.documents else ""
    return f":material/check_circle: **{escape(one.answer, longest=300)}**{quote}{where}"


def _edited(review: Review, folder: Path, number: int) -> None:
    one = review.rows[number]
    st.text_input("Question", one.question, key=f"made_question_{number}", max_chars=300)
    if one.answerable:
        st.text_input("Answer, as short as it can be", one.answer, key=f"made_answer_{number}")
    with st.container(horizontal=True):
        save = partial(_saved, review, folder, number)
        st.button("Save", key=f"made_save_{number}", type="primary", on_click=press, args=(save,))
        _button("Cancel", f"made_cancel_{number}", "close", partial(_edit, None))


def _pager(page: int, pages: int) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        _button("Earlier", "made_earlier", "chevron_left", partial(_turn, page - 1), disabled=page == 0)
        st.caption(f"Page {page + 1} of {pages}")
        _button("Next", "made_next", "chevron_right", partial(_turn, page + 1), disabled=page + 1 >= pages)


def _turn(page: int) -> None:
    st.session_state["made_page"] = page
    _edit(None)


def _edit(number: int | None) -> None:
    st.session_state["made_editing"] = number


def _decided(review: Review, folder: Path, state: State, *numbers: int) -> Callable[[], None]:
    return lambda: _keep(review, review.with_state(state, *numbers), folder)


def _saved(review: Review, folder: Path, number: int) -> None:
    """What stands in the fields as the button is pressed, not as they were drawn."""
    question = str(st.session_state[f"made_question_{number}"])
    answer = str(st.session_state.get(f"made_answer_{number}", ""))
    _keep(review, review.with_text(number, question=question, answer=answer), folder)
    _edit(None)


def _keep(before: Review, after: Review, folder: Path) -> None:
    """On the disk at once: a page that is closed loses nothing."""
    _write(after, folder)
    steps: list[Review] = st.session_state.setdefault("made_undo", [])
    steps.append(before)
    del steps[:-UNDO]


def _undo(folder: Path) -> None:
    _write(st.session_state["made_undo"].pop(), folder)


def _write(review: Review, folder: Path) -> None:
    review.write(folder / "review.jsonl")
    if review.count("dropped") < len(review.rows):
        review.write_kept(folder / "questions.jsonl")
