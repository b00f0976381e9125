"""What came of a job: the tuned model and its verdict against the base, asking it, its card, its figures, its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import streamlit as st

from app.ui.escape import escape, one_line
from app.ui.facts_table import facts_table
from app.ui.prose import prose
from app.ui.rich_text import rich_text
from app.ui.tuning_access import LOCAL, access
from app.ui.tuning_actions import ask_back, asked, confirmation
from app.ui.tuning_checkpoints import asked_as, draw_trial
from app.ui.tuning_source import run_key
from app.ui.tuning_use import draw_use
from app.ui.tuning_words import VERDICT_WORDS, Colour
from finetune.providers.places import places

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.providers.orders import JobView

CARD = "card.md"
NOT_COMPARED = "It was not compared with its base: try it on questions of your own before you rely on it."


def draw_result(workspace: Workspace, job: JobView) -> None:
    model = job.fine_tuned_model
    if model is None:
        st.caption("The job has ended without a model.")
        return
    st.code(asked_as(job, model), language=None)
    known = places().get(job.place)
    if known is not None and known.deploy:
        st.info(escape(known.deploy, longest=400), icon=":material/cloud_upload:")
    draw_verdict(job)
    if job.place == LOCAL and workspace.local_models.find(model) is None:
        st.caption(
            ":material/delete: The model was deleted. Its dataset and recipe are kept: train it again."
        )
        _files(workspace, job)
        return
    draw_use(workspace, asked_as(job, model), key="result")
    draw_trial(workspace, job, model)
    _card(workspace, job, model)
    _files(workspace, job)
    _delete(workspace, job, model)


# --- base against tuned -------------------------------------------------------------------------------


def verdict_of(job: JobView) -> Mapping[str, Any]:
    """{"verdict", "reasons", ...}; empty where the model was not compared."""
    found = job.facts.get("verdict")
    return found if isinstance(found, Mapping) else {"verdict": found} if isinstance(found, str) else {}


def verdict_words(job: JobView) -> tuple[str, Colour]:
    """Escaped."""
    return verdict_words_of(job.facts.get("verdict"))


def verdict_words_of(found: object) -> tuple[str, Colour]:
    said = str((found.get("verdict") if isinstance(found, Mapping) else found) or "")
    return VERDICT_WORDS.get(said) or (escape(said or "not compared", longest=60), "gray")


def draw_verdict(job: JobView) -> None:
    found = verdict_of(job)
    words, colour = verdict_words(job)
    with st.container(border=True, key="run_verdict"):
        with st.container(horizontal=True, vertical_alignment="center"):
            st.markdown("**Base against tuned, on examples that were held out**")
            st.badge(words, color=colour)
        if not found:
            st.caption(NOT_COMPARED)
        for reason in _texts(found.get("reasons")):
            st.markdown(f"- {escape(reason, longest=500)}")
        rows = _figures(found)
        if rows:
            facts_table(rows, key=f"measures_{run_key(job)}")


def _texts(value: object) -> Sequence[str]:
    return [str(one) for one in value] if isinstance(value, list | tuple) else []


def _figures(found: Mapping[str, Any]) -> list[dict[str, str]]:
    """One row a measure: both models, their difference with its interval."""
    measures = found.get("measures")
    return (
        [_figure(one) for one in measures if isinstance(one, Mapping)] if isinstance(measures, list) else []
    )


def _figure(one: Mapping[str, Any]) -> dict[str, str]:
    told = {name: _decimal(one.get(name)) for name in ("base", "tuned", "difference", "low", "high")}
    return {
        "": one_line(str(one.get("name") or "")),
        "Base": told["base"],
        "Tuned": told["tuned"],
        "Difference (95% interval)": f"{told['difference']} ({told['low']} to {told['high']})",
        "Questions": one_line(str(one.get("n") or "–")),
    }


def _decimal(value: object) -> str:
    return f"{value:.2f}" if isinstance(value, int | float) else "–"


# --- its card, figures and end ------------------------------------------------------------------------------


def _card(workspace: Workspace, job: JobView, model: str) -> None:
    card = card_of(workspace, job, model)
    if card is None:
        return
    with st.expander("Model card", icon=":material/description:"):
        rich_text(prose(without_head(card), {}), key=f"card_{run_key(job)}")
        st.download_button(
            "Download the card",
            card,
            "card.md",
            "text/markdown",
            key="run_card",
            icon=":material/download:",
            on_click="ignore",
        )


def card_of(workspace: Workspace, job: JobView, model: str) -> str | None:
    """Of what was trained here; None where there is none."""
    found = workspace.local_models.find(model) if job.place == LOCAL else None
    path = Path(found.folder) / CARD if found is not None else None
    try:
        return path.read_text("utf-8") if path is not None else None
    except (OSError, UnicodeDecodeError):
        return None


def without_head(card: str) -> str:
    """The card's Markdown, less the YAML in front of it."""
    return card.split("\n---\n", 1)[1] if card.startswith("---\n") and "\n---\n" in card else card


def _files(workspace: Workspace, job: JobView) -> None:
    if job.result_files:
        st.download_button(
            "Download the figures of every step (CSV)",
            lambda: access(workspace).work.results(job.id),
            f"{job.id}.csv",
            "text/csv",
            key="run_results",
            icon=":material/table_view:",
            on_click="ignore",
        )


def _delete(workspace: Workspace, job: JobView, model: str) -> None:
    what = f"delete_{run_key(job)}"
    st.button(
        "Delete this model",
        key="run_delete",
        type="tertiary",
        icon=":material/delete:",
        on_click=ask_back,
        args=(what,),
    )
    confirmation(
        what,
        "This deletes the model and its files for good, at its place too. The job, its figures and its dataset stay, "
        "so that it can be trained again.",
        yes="Delete for good",
        no="Keep it",
        do=lambda: asked(
            job,
            "Delete",
            lambda: access(workspace).work.delete_model(model, place=job.place),
            "The model is deleted.",
        ),
    )
