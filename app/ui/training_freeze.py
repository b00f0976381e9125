"""Split and freeze: a checked copy of the accepted rows that never changes, named by its hash; its card and files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.training import frozen_data
from app.ui.escape import escape
from app.ui.job_rows import busy
from app.ui.jobs import Job, jobs
from app.ui.prose import prose
from app.ui.rich_text import rich_text
from app.ui.training_session import attempted, choose_target

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.dataset import Dataset
    from finetune.freezing import Frozen
    from finetune.freezing_sources import Check
    from finetune.profiles import ProfileName
    from finetune.splits import Split
    from finetune.validate import Progress, Validation

SHOWN = 10  # frozen datasets
EXPLAINED = (
    "Freezing divides the accepted rows into training and validation so that rows of one document, ticket or "
    "conversation, and near copies of each other, stay on one side; checks them; and keeps them, read-only, under the "
    "SHA-256 of all their bytes. A training job records that hash. Rows divided before keep their side."
)


def freeze_view(workspace: Workspace, dataset: Dataset) -> None:
    st.markdown(EXPLAINED)
    profile, model = choose_target(workspace)
    accepted = dataset.counts().states["accepted"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        validation = st.slider("Validation, %", 0, 50, 10, 1, key="freeze_validation")
        test = st.slider("Test, %", 0, 40, 0, 1, key="freeze_test")
        seed = st.number_input("Seed", 0, 2**31, 7, key="freeze_seed")
    checked = st.checkbox("Check first: rows with errors are not frozen", True, key="freeze_check")
    if st.button(
        f"Freeze {accepted:,} row{'' if accepted == 1 else 's'}",
        type="primary",
        key="freeze_go",
        icon=":material/ac_unit:",
        disabled=not accepted or busy(dataset.name),
    ):
        attempted(
            lambda: _start(
                workspace,
                dataset,
                int(seed),
                validation / 100,
                test / 100,
                (profile, model) if checked else None,
            )
        )
        st.rerun()
    _frozen_ones(workspace, dataset)


def _start(
    workspace: Workspace,
    dataset: Dataset,
    seed: int,
    validation: float,
    test: float,
    target: tuple[ProfileName, str | None] | None,
) -> None:
    from finetune.splits import SplitRecipe

    recipe = SplitRecipe(seed=seed, validation=validation, test=test)

    def work(job: Job) -> tuple[str, object]:
        from finetune.freezing_sources import freeze_dataset

        job.tell("Dividing the rows")
        check = _check(workspace, target, job) if target is not None else None
        frozen = freeze_dataset(dataset, frozen_data(workspace), recipe, check=check)
        return f"{_rows(frozen)} frozen as {frozen.hash[:12]}.", frozen.hash

    jobs().start(dataset.name, Job("freeze", "Freeze"), work)


def _check(workspace: Workspace, target: tuple[ProfileName, str | None], job: Job) -> Check:
    from app.training import fetched_base, taker
    from finetune.validate import validate
    from finetune.validation.composing import Inputs

    profile, model = target

    def told(progress: Progress) -> None:
        job.tell("Checking rows", progress.rows)

    def check(files: Mapping[Split, Path]) -> Validation:
        base = fetched_base(workspace, profile, model)
        named: dict[str, Path | Sequence[Path]] = dict(files.items())
        return validate(named, profile=taker(profile), inputs=Inputs(base=base), on_progress=told)

    return check


# --- what is frozen -----------------------------------------------------------------------------------


def _frozen_ones(workspace: Workspace, dataset: Dataset) -> None:
    every = frozen_data(workspace).all()
    mine = [one for one in every if one.name == dataset.name]
    if mine:
        st.subheader("Frozen copies")
    for number, one in enumerate(mine[:SHOWN]):
        _draw(workspace, one, unfolded=number == 0)
    others = len(every) - len(mine)
    if others:
        st.caption(f"{others} more of other datasets: `python -m app dataset list` names them.")


def _draw(workspace: Workspace, frozen: Frozen, *, unfolded: bool) -> None:
    day = datetime.fromtimestamp(frozen.frozen_at, UTC)
    title = f"`{frozen.hash[:12]}` · {_rows(frozen)} · {day.day} {day:%B %Y, %H:%M} UTC"
    with st.expander(title, expanded=unfolded, icon=":material/ac_unit:", key=f"frozen_{frozen.hash[:12]}"):
        st.code(frozen.hash, language=None)
        _checks(frozen.manifest.get("validation"))
        with st.container(horizontal=True):
            for path in (*frozen.files.values(), frozen.folder / "card.md", frozen.folder / "manifest.json"):
                st.download_button(
                    path.name,
                    path.read_bytes,
                    path.name,
                    key=f"frozen_{frozen.hash[:12]}_{path.name}",
                    icon=":material/download:",
                    on_click="ignore",
                )
            st.button(
                "Verify",
                key=f"verify_{frozen.hash[:12]}",
                icon=":material/verified:",
                type="tertiary",
                on_click=_verify,
                args=(workspace, frozen.hash),
            )
        if st.toggle("Show its card", key=f"card_{frozen.hash[:12]}"):
            rich_text(prose(_without_head(frozen.card), {}), key=f"card_text_{frozen.hash[:12]}")


def _checks(found: Mapping[str, Mapping[str, int]] | None) -> None:
    if found is None:
        st.caption(":material/warning: It was frozen unchecked.")
        return
    counts = found["counts"]
    st.caption(
        f":material/rule: Checked for {escape(str(found['profile']))}: {counts.get('error', 0)} errors, "
        f"{counts.get('warning', 0)} warnings."
    )


def _verify(workspace: Workspace, name: str) -> None:
    attempted(
        lambda: frozen_data(workspace).verify(name), said=f"{name[:12]}: every byte is what its hash says."
    )


def _rows(frozen: Frozen) -> str:
    return ", ".join(f"{count:,} {split}" for split, count in frozen.rows.items()) + " rows"


def _without_head(card: str) -> str:
    """The card's Markdown, less the YAML in front of it."""
    return card.split("\n---\n", 1)[1] if card.startswith("---\n") and "\n---\n" in card else card
