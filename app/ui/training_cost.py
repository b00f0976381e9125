"""What training would cost: every model that takes such rows, each price with its date; and what it takes here."""

from __future__ import annotations

import datetime
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.training import fetched_base
from app.ui.escape import escape
from app.ui.job_rows import busy
from app.ui.jobs import Job, jobs
from app.ui.training_session import choose_target

if TYPE_CHECKING:
    from app.workspace import Workspace
    from finetune.bases import Base
    from finetune.dataset import Dataset
    from finetune.pricing import Estimate, Measured
    from finetune.profiles import ProfileName

FILE = "train.jsonl"


@dataclass(frozen=True, slots=True, kw_only=True)
class Costs:
    """One estimate; of all models, or of the one that was named, or of training on this machine."""

    measured: Measured
    made: tuple[Estimate, ...]
    local: tuple[str, ...]  # sentences
    model: str | None


def cost_view(workspace: Workspace, dataset: Dataset) -> None:
    profile, model = choose_target(workspace)
    accepted = dataset.counts().states["accepted"]
    with st.container(horizontal=True, vertical_alignment="bottom"):
        epochs = st.number_input(
            "Epochs (empty: the provider's own rule)", 1, 50, None, key="cost_epochs", width=300
        )
        go = st.button(
            "Estimate",
            type="primary",
            key="cost_go",
            icon=":material/payments:",
            disabled=not accepted or busy(dataset.name),
        )
    st.caption(
        "Without a base model all providers are compared. Local training is measured by a short probe."
    )
    if go:
        _start(workspace, dataset, profile, model, int(epochs) if epochs else None)
        st.rerun()
    latest = jobs().latest(dataset.name, "cost")
    if latest is not None and isinstance(latest.result, Costs):
        _draw(latest.result)


def _start(
    workspace: Workspace, dataset: Dataset, profile: ProfileName, model: str | None, epochs: int | None
) -> None:
    def work(job: Job) -> tuple[str, object]:
        from finetune.pricing import measure

        job.tell("Getting ready")
        base = fetched_base(workspace, profile, model)
        with tempfile.TemporaryDirectory(prefix="groundtune-") as folder:
            path = Path(folder) / FILE
            dataset.export(path, metadata=False)
            job.tell("Counting tokens")
            measured = measure(path, base.renderer)
            if base.profile == "local":
                job.tell("Training for a moment, to measure it")
                costs = _here(workspace, path, measured, base, model, epochs)
            else:
                costs = _elsewhere(workspace, measured, base, model, epochs)
        return f"{measured.rows:,} rows, {sum(measured.tokens):,} tokens.", costs

    jobs().start(dataset.name, Job("cost", "Estimate", quiet=True), work)


def _elsewhere(
    workspace: Workspace, measured: Measured, base: Base, model: str | None, epochs: int | None
) -> Costs:
    from chains.prices import load_prices
    from finetune.pricing import compare, estimate

    today, prices = datetime.datetime.now().astimezone().date(), load_prices(workspace.settings.home.value)
    if base.model is None:
        made = compare(measured, base.catalogue, today=today, epochs=epochs, prices=prices)
    else:
        made = [estimate(measured, base.model, today=today, epochs=epochs, prices=prices, limit=base.limit)]
    return Costs(measured=measured, made=tuple(made), local=(), model=model)


def _here(
    workspace: Workspace, path: Path, measured: Measured, base: Base, model: str | None, epochs: int | None
) -> Costs:
    from finetune.probe import probe

    folder = Path(model) if model and Path(model).is_dir() else None
    probed = probe(
        path, measured, renderer=base.renderer, folder=folder, epochs=epochs, encoder=workspace.encoder
    )
    return Costs(measured=measured, made=(), local=tuple(probed.sentences()), model=model)


# --- what is shown ------------------------------------------------------------------------------------


def _draw(costs: Costs) -> None:
    measured = costs.measured
    about = "about " if measured.error else ""
    total = sum(measured.tokens)
    with st.container(horizontal=True, key="cost_numbers"):
        st.metric("Rows", f"{measured.rows:,}", border=True)
        st.metric("Tokens", f"{about}{total:,}", border=True)
        st.metric("Learnt", f"{measured.learnt / total:.0%}" if total else "–", border=True)
        st.metric("Longest row", f"{about}{max(measured.longest, default=0):,}", border=True)
    if measured.note:
        st.caption(f":material/info: {escape(measured.note, longest=400)} Off by up to {measured.error:.0%}.")
    for sentence in costs.local:
        st.markdown(f"- {escape(sentence, longest=600)}")
    if len(costs.made) == 1 and costs.model:
        _one(costs.made[0])
    elif costs.made:
        _all(costs.made)


def _one(made: Estimate) -> None:
    st.markdown(f"##### {escape(made.model.id)}: {_dollars(made)}")
    st.caption(
        f"{made.epochs} epochs ({escape(made.epochs_because, longest=200)}) × {made.tokens_an_epoch:,} tokens = "
        f"{made.billed_tokens:,} billed tokens"
    )
    if made.price is not None:
        st.caption(
            f"${made.price.value:g} a million trained tokens: {escape(str(made.price.source), longest=200)}"
        )
    st.caption(f"Asking the tuned model: {escape(made.use or 'no price is known', longest=300)}")
    _warnings([made])


def _all(made: tuple[Estimate, ...]) -> None:
    st.dataframe(
        [
            {
                "Model": one.model.id,
                "Training": _dollars(one),
                "Epochs": one.epochs,
                "Billed tokens": one.billed_tokens,
                "$ a million": f"{one.price.value:g}" if one.price else "not known",
                "Price as of": one.price.source.date if one.price else "",
                "Shuts down": one.model.shutdown.value.isoformat() if one.model.shutdown else "",
                "Cannot be trained because": one.blocked or "",
            }
            for one in made
        ],
        hide_index=True,
        key="cost_table",
    )
    for source in dict.fromkeys(str(one.price.source) for one in made if one.price):
        st.caption(f"Price: {escape(source, longest=300)}")
    _warnings(list(made))


def _warnings(made: list[Estimate]) -> None:
    for one in made:
        if one.blocked and len(made) == 1:
            st.error(escape(one.blocked, longest=400), icon=":material/block:")
    for taker, hint in dict.fromkeys((one.model.profile, hint) for one in made for hint in one.hints):
        named = f"**{taker}**: " if len(made) > 1 else ""
        st.caption(f":material/warning: {named}{escape(hint, longest=400)}")


def _dollars(made: Estimate) -> str:
    if made.usd is None or made.range_usd is None:
        return "no price known"
    low, high = made.range_usd
    return _amount(made.usd) if not made.error else f"{_amount(low)} to {_amount(high)}"


def _amount(dollars: float) -> str:
    return f"${dollars:,.2f}" if dollars >= 0.1 or not dollars else f"${dollars:.2g}"
