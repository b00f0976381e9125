"""Files into a dataset: uploaded, recognised, the mapping shown and open to change, and only then imported."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

import streamlit as st

from app.ui.escape import escape, one_line
from app.ui.ingestion import LARGEST_MB, Uploaded, file_name
from app.ui.jobs import Job, jobs
from app.ui.training_row import draw_row
from app.ui.training_session import next_turn, turn
from errors import GroundtuneError
from finetune.dataset_rows import AddReport
from finetune.importing import DATA_SUFFIXES, FORMS, SUMMARIES, Form, Recognition, read_examples, recognise

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.dataset import Dataset
    from finetune.examples import Example, Refused

MAPPED: tuple[Form, ...] = ("columns", "turns")
PARTS: Mapping[str, str] = {
    "question": "Question",
    "answer": "Answer",
    "chosen": "Better answer",
    "rejected": "Worse answer",
    "system": "System prompt",
    "context": "Context",
    "group": "Group (ticket, conversation)",
    "document": "Document",
}
TURN_PARTS: Mapping[str, str] = {"group": "Conversation", "role": "Who speaks", "text": "What is said"}
WAITING = "training_files"  # uploaded, not yet imported
# What the importer tells who works at a command line, as it is done here.
_ON_THE_PAGE = (
    (re.compile(r"Say it with --map .*", re.DOTALL), "Choose a form at Read as, or name the columns below."),
    (re.compile(r"Read one with --sheet NAME\."), "To read one, show it in the spreadsheet."),
    (
        re.compile(r"read them in a run of their own, with --map .*\."),
        "import the file once more with these.",
    ),
    (re.compile("unless --format mixed is given"), "unless the form at Read as is each record by its own"),
    (re.compile("Give --format mixed to read"), "Choose at Read as to read"),
)


def import_view(workspace: Workspace, dataset: Dataset) -> None:
    files = st.file_uploader(
        "CSV, Excel, ODS, JSON, JSONL or Parquet: chat rows, question and answer columns, ShareGPT, Alpaca, preference "
        f"pairs, conversations; up to {LARGEST_MB} MB each",
        type=[suffix.removeprefix(".") for suffix in DATA_SUFFIXES],
        accept_multiple_files=True,
        key=f"training_upload_{turn('upload')}",
    )
    if files:
        folder = workspace.settings.home.value / "uploads" / "datasets" / secrets.token_hex(8)
        waiting: list[Path] = st.session_state.setdefault(WAITING, [])
        waiting.extend(_kept(one, folder) for one in cast(Sequence[Uploaded], files))
        next_turn("upload")
        st.rerun()
    waiting = st.session_state.get(WAITING, [])
    if waiting:
        _preview(dataset, waiting)


def _kept(file: Uploaded, folder: Path) -> Path:
    """Each in a folder of its own: two files of one name stay two."""
    path = folder / secrets.token_hex(4) / file_name(file.name)
    path.parent.mkdir(parents=True)
    with path.open("wb") as out:
        while block := file.read(2**20):
            out.write(block)
    return path


# --- what the files are -----------------------------------------------------------------------------


def _preview(dataset: Dataset, paths: list[Path]) -> None:
    st.markdown("**What they were taken for.** Nothing is written before you press *Import*.")
    found = [_file(path) for path in paths]
    ready = [one for one in found if one is not None]
    system = st.text_input(
        "System prompt for rows that have none",
        key="training_import_system",
        max_chars=4000,
        placeholder="Leave empty to import them as they are.",
    )
    with st.container(horizontal=True):
        label = f"Import {len(ready)} file{'' if len(ready) == 1 else 's'}"
        if st.button(label, type="primary", key="import_go", icon=":material/download:", disabled=not ready):
            _start(dataset, ready, system.strip() if system else None)
            st.session_state[WAITING] = [path for path in paths if path not in [one.path for one in ready]]
            st.rerun()
        st.button("Let go of them", key="import_forget", type="tertiary", on_click=_forget, args=(paths,))


def _forget(paths: list[Path]) -> None:
    for path in paths:
        path.unlink(missing_ok=True)
    st.session_state[WAITING] = []


def _file(path: Path) -> Recognition | None:
    """The file's card; None where it cannot be read as it is told."""
    key = path.parent.name
    with st.container(border=True, key=f"import_{key}"):
        st.markdown(f":material/description: **{escape(path.name)}**")
        form = _chosen_form(key)
        try:
            first = recognise(path, form=form)
            mapping = _chosen_mapping(first, key) if first.form in MAPPED else {}
            found = recognise(path, form=form, mapping=mapping) if mapping else first
        except GroundtuneError as error:
            st.warning(_for_the_page(error, path), icon=":material/warning:")
            return _by_hand(path, key)
        _told(found)
        return found if _is_sure(found, key) else None


def _is_sure(found: Recognition, key: str) -> bool:
    """A guess counts only where it is said to be right, as on the command line."""
    return not found.doubtful or st.checkbox(
        "These columns were only guessed: yes, they are right", key=f"import_sure_{key}"
    )


def _for_the_page(error: GroundtuneError, path: Path) -> str:
    return escape(_here(str(error).replace(str(path), path.name)), longest=500)


def _here(text: str) -> str:
    """Without the options of the command line."""
    for pattern, words in _ON_THE_PAGE:
        text = pattern.sub(words, text)
    return text


def _chosen_form(key: str) -> Form | None:
    options: list[Form | None] = [None, *FORMS]
    chosen: Form | None = st.selectbox(
        "Read as",
        options,
        key=f"import_form_{key}",
        format_func=lambda form: "What it looks like" if form is None else SUMMARIES[form],
    )
    return chosen


def _chosen_mapping(found: Recognition, key: str) -> dict[str, str]:
    """Only what was changed: the rest is recognised."""
    words = TURN_PARTS if found.form == "turns" else PARTS
    options: list[str | None] = [None, *found.fields]
    chosen: dict[str, str] = {}
    with st.container(horizontal=True, key=f"import_map_{key}"):
        for part, label in words.items():
            now = found.mapping.get(part)
            if now is None and part in ("chosen", "rejected", "context", "document") and len(words) > 3:
                continue
            column = st.selectbox(
                label,
                options,
                index=options.index(now) if now in options else 0,
                key=f"import_{part}_{key}",
                format_func=lambda name: "(none)" if name is None else one_line(name, longest=60),
            )
            if column != now:
                chosen[part] = column or ""
    return chosen


def _by_hand(path: Path, key: str) -> Recognition | None:
    """Columns named by the user where none was recognised."""
    with (
        st.form(f"import_hand_{key}", border=False),
        st.container(horizontal=True, vertical_alignment="bottom"),
    ):
        question = st.text_input("Column of the questions", key=f"import_hand_q_{key}")
        answer = st.text_input("Column of the answers", key=f"import_hand_a_{key}")
        st.form_submit_button("Try these")
    if not (question and answer):
        return None
    try:
        found = recognise(path, mapping={"question": question.strip(), "answer": answer.strip()})
    except GroundtuneError as error:
        st.caption(_for_the_page(error, path))
        return None
    _told(found)
    return found


def _told(found: Recognition) -> None:
    st.caption(
        f"{escape(SUMMARIES[found.form])} → {found.kind} rows · {found.confidence:.0%} sure"
        + (f" · not used: {escape(', '.join(found.unused), longest=200)}" if found.unused else "")
    )
    for note in found.notes:
        st.caption(f":material/info: {escape(_here(note), longest=300)}")
    for other in found.alternatives:
        st.caption(f"It could also be: {escape(other.why, longest=200)}")
    if found.samples:
        with st.expander(f"The first {len(found.samples)} rows as they will be", expanded=True):
            for number, row in enumerate(found.samples):
                draw_row(row, key=f"sample_{found.path.parent.name}_{number}")


# --- importing --------------------------------------------------------------------------------------


def _start(dataset: Dataset, found: list[Recognition], system: str | None) -> None:
    names = ", ".join(one.path.name for one in found)
    job = Job("import", f"Import {names}")

    def work(job: Job) -> tuple[str, object]:
        report = dataset.add(
            _examples(found, system),
            description=f"Import {names}",
            on_progress=lambda count: job.tell("Reading records", count),
        )
        for one in found:
            one.path.unlink(missing_ok=True)
        return outcome(report), report

    jobs().start(dataset.name, job, work)


def _examples(found: list[Recognition], system: str | None) -> Iterator[Example | Refused]:
    """Named as the user knows the files, not by where the page keeps them."""
    from dataclasses import replace

    from finetune.examples import Refused

    for one in found:
        for made in read_examples(one.path, one, system=system):
            if isinstance(made, Refused):
                yield replace(made, file=one.path.name, fix=_here(made.fix))
            else:
                yield replace(made, provenance=replace(made.provenance, file=one.path.name))


def outcome(report: AddReport) -> str:
    parts = [f"{report.added:,} row{'' if report.added == 1 else 's'} added"]
    if report.pending:
        parts.append(f"{report.pending:,} of them wait for review")
    if report.duplicates:
        parts.append(f"{report.duplicates:,} repeat another row (Check finds and removes them)")
    if report.refused:
        parts.append(f"{report.refused:,} records refused, listed under Add")
    return "; ".join(parts) + "."
