"""The expiry radar: models that will be switched off, days left, and the same data trained elsewhere in one press."""

from __future__ import annotations

from typing import TYPE_CHECKING

import streamlit as st

from app.ui.amounts import dated
from app.ui.escape import escape
from app.ui.training_session import press
from app.ui.tuning_access import access
from app.ui.tuning_prefill import train_again
from errors import TuningNotFoundError
from finetune.providers.places import places

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.providers.radar import Expiry

SOON_DAYS = 90
EXPLAINED = (
    "A tuned model ends with its base. What you trained and what you use stands first; then every base that has a "
    "date. Dates come from each place's own pages, read on the day that is named."
)


def draw_radar(workspace: Workspace) -> None:
    st.markdown(EXPLAINED)
    found = access(workspace).radar(_in_use(workspace))
    mine = [one for one in found if one.kind != "base"]
    if mine:
        st.subheader("Yours")
    else:
        st.caption(":material/check_circle: Nothing that you trained or use has a known last day.")
    for number, one in enumerate(mine):
        _mine(workspace, number, one)
    bases = [one for one in found if one.kind == "base"]
    if bases:
        st.subheader("Bases")
        st.dataframe(_rows(bases), hide_index=True, key="radar_bases")
        for source in dict.fromkeys(one.source for one in bases):
            st.caption(f":material/source: {escape(source, longest=300)}")


def _in_use(workspace: Workspace) -> list[str]:
    settings = workspace.settings
    named = (settings.chat_model, settings.finetuned_model, settings.fallback_model, settings.judge_model)
    return [str(one.value) for one in named if one.value]


def _mine(workspace: Workspace, number: int, one: Expiry) -> None:
    with st.container(border=True, key=f"radar_{number}"):
        with st.container(horizontal=True, vertical_alignment="center", horizontal_alignment="distribute"):
            st.markdown(f"**{escape(one.model, longest=90)}**")
            st.badge(days_words(one.days_left), color="red" if one.days_left <= SOON_DAYS else "orange")
        st.caption(
            f"Switched off {'since' if one.days_left < 0 else 'on'} {dated(one.ends.isoformat())}. Base: "
            f"{escape(one.base, longest=90)}. {escape(one.source, longest=300)}"
        )
        if one.job is not None:
            job = one.job
            st.button(
                "Train it elsewhere",
                key=f"radar_again_{number}",
                icon=":material/move_up:",
                help="Opens the start form with its stored dataset and recipe, for this machine.",
                on_click=press,
                args=(lambda: _elsewhere(workspace, job),),
            )


def _elsewhere(workspace: Workspace, name: str) -> None:
    found = next((job for job in access(workspace).jobs() if job.id == name), None)
    if found is None or found.dataset is None:
        raise TuningNotFoundError(
            "The dataset of this model is not known on this machine: freeze one and start anew."
        )
    train_again(found, "local")


def days_words(days: int) -> str:
    if days < 0:
        return f"off for {-days:,} day{'' if days == -1 else 's'}"
    return "last day today" if days == 0 else f"{days:,} day{'' if days == 1 else 's'} left"


def _rows(found: list[Expiry]) -> list[dict[str, object]]:
    known = places()
    return [
        {
            "Base": one.base,
            "Place": known[one.place].title if one.place in known else one.place,
            "Days left": one.days_left,
            "Switched off": one.ends.isoformat(),
            "No new jobs from": one.no_new_jobs_from.isoformat() if one.no_new_jobs_from else "",
        }
        for one in found
    ]
