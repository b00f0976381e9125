"""Questions and answers out of a knowledge base, by a chat model or taken out word for word; all for review."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st

from app.training import datasets_folder
from app.ui.escape import escape
from app.ui.job_rows import busy
from app.ui.jobs import Job, jobs
from app.ui.training_import import outcome
from finetune.examples import Example

if TYPE_CHECKING:
    from app.workspace import Workspace
    from chains.limits import Budget
    from chains.models import ConnectedModel
    from finetune.dataset import Dataset
    from finetune.synthesis.journal import Journal
    from finetune.synthesis.sifting import Dropped
    from finetune.synthesize import Tally
    from loaders.knowledge_base import KnowledgeBase

MOST_ROWS = 5_000


def documents_view(workspace: Workspace, dataset: Dataset) -> None:
    infos = {info.name: info for info in workspace.knowledge_bases() if not info.problem and info.documents}
    if not infos:
        st.info("No knowledge base holds a document yet: add some on the Knowledge page.")
        return
    chat = workspace.connections.chat()
    names = list(infos)
    preferred = st.session_state.get("knowledge_base")
    name = st.selectbox(
        "Knowledge base",
        names,
        index=names.index(preferred) if preferred in names else 0,
        key="generate_kb",
        format_func=lambda one: (
            f"{'Sample company' if one == workspace.default_knowledge_base else escape(one)} "
            f"({infos[one].documents:,} documents)"
        ),
    )
    way = st.radio(
        "How",
        ["extract", "generate"],
        index=1 if chat else 0,
        format_func=lambda one: (
            "Take out what the documents say already, word for word: FAQs, headings, definitions, lists, tables"
            if one == "extract"
            else "Have the connected chat model ask and answer; kept only if its quote stands in the document"
        ),
        key="generate_way",
    )
    if way == "generate" and chat is None:
        st.warning(
            "No chat model is connected: connect one on the Settings page.", icon=":material/link_off:"
        )
        return
    _form(workspace, dataset, name, chat if way == "generate" else None)


def _form(workspace: Workspace, dataset: Dataset, name: str, chat: ConnectedModel | None) -> None:
    with st.form("generate_form", border=False):
        with st.container(horizontal=True, vertical_alignment="bottom"):
            limit = st.number_input("At most so many rows", 1, MOST_ROWS, 200, key="generate_limit")
            per_passage = 2
            budget = 0.0
            if chat is not None:
                per_passage = st.number_input("Questions a passage", 1, 10, 2, key="generate_per_passage")
                budget = st.number_input("Cost at most, US dollars", 0.0, 1000.0, 1.0, key="generate_budget")
        system = st.text_input("System prompt of the rows", key="generate_system", max_chars=4000)
        go = st.form_submit_button(
            "Begin", type="primary", icon=":material/auto_awesome:", disabled=busy(dataset.name)
        )
    if chat is not None:
        st.caption(_price_words(chat))
    if not go:
        return
    base = workspace.knowledge_base(name)
    if chat is None:
        _extract(dataset, base, int(limit), system or None)
    else:
        _generate(workspace, dataset, base, chat, int(limit), int(per_passage), float(budget), system or None)
    st.rerun()


def _price_words(chat: ConnectedModel) -> str:
    if chat.price is None:
        name = escape(chat.model_id)
        return (
            f"No price of {name} is known, so a limit in dollars stops it before it begins: set 0 for none."
        )
    return f"{escape(chat.model_id)}: {escape(chat.price.shown(), longest=200)}"


def _extract(dataset: Dataset, base: KnowledgeBase, limit: int, system: str | None) -> None:
    def work(job: Job) -> tuple[str, object]:
        from finetune.synthesize import ExtractOptions, Tally, extract, from_knowledge_base

        tally = Tally()
        made = extract(
            from_knowledge_base(base),
            ExtractOptions(limit=limit, system=system),
            tally,
            on_progress=lambda now: job.show(f"{now.documents:,} documents read, {now.rows:,} rows"),
            stop=job.stopped,
        )
        return _added(dataset, made, tally, f"Take rows from {base.name}")

    jobs().start(dataset.name, Job("generate", f"Take rows from {base.name}"), work)


def _generate(
    workspace: Workspace,
    dataset: Dataset,
    base: KnowledgeBase,
    chat: ConnectedModel,
    limit: int,
    per_passage: int,
    budget_usd: float,
    system: str | None,
) -> None:
    """Replies are journalled, so that a run that was stopped or cut short is not paid for twice."""
    from finetune.synthesize import GenerateOptions, generate, journal_header

    options = GenerateOptions(per_passage=per_passage, limit=limit, system=system)

    def work(job: Job) -> tuple[str, object]:
        from finetune.synthesis.journal import Journal
        from finetune.synthesize import Tally, from_knowledge_base, passages_of

        tally, source = Tally(), from_knowledge_base(base)
        job.show("Looking for passages worth asking about")
        passages = passages_of(source, options)
        header = journal_header(chat, options)
        path = _journal_path(workspace, dataset, base, header)
        with Journal.open(path, header, resume=path.exists()) as journal:
            made = generate(
                source,
                options,
                tally,
                model=chat.with_budget(_budget(budget_usd, journal)),
                encoder=workspace.encoder,
                journal=journal,
                passages=passages,
                on_progress=lambda now: job.show(_spent(now), now.asked, now.passages),
                stop=job.stopped,
            )
            told = _added(dataset, made, tally, f"Questions from {base.name} by {chat.model_id}")
            if tally.stopped is None and not tally.failed:
                journal.remove()
        return told

    jobs().start(dataset.name, Job("generate", f"Questions from {base.name} by {chat.model_id}"), work)


def _journal_path(
    workspace: Workspace, dataset: Dataset, base: KnowledgeBase, header: dict[str, str | int]
) -> Path:
    told = "\x1f".join(
        [dataset.name, base.name, *(f"{name}={value}" for name, value in sorted(header.items()))]
    )
    folder = datasets_folder(workspace) / "replies"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder / f"{hashlib.sha256(told.encode()).hexdigest()[:24]}.jsonl"


def _budget(limit_usd: float, journal: Journal) -> Budget | None:
    from chains.limits import Budget

    if not limit_usd:
        return None
    return Budget(limit_usd, spent_usd=journal.spent_usd, setting="the limit in the form", what="run")


def _spent(now: Tally) -> str:
    cost = "" if now.cost_usd is None else f", ${now.cost_usd:.4f} so far"
    return f"{now.rows:,} rows from the passages asked{cost}"


def _added(
    dataset: Dataset, made: Iterable[Example | Dropped], tally: Tally, description: str
) -> tuple[str, object]:
    report = dataset.add(_rows(made), description=description)
    said = [outcome(report)] if report.added else ["No row came of it."]
    if tally.dropped:
        reasons = ", ".join(
            f"{count} {reason.replace('_', ' ')}" for reason, count in tally.dropped.most_common()
        )
        said.append(f"Left out: {reasons}.")
    if tally.cost_usd:
        said.append(f"It cost ${tally.cost_usd:.4f}.")
    if tally.stopped:
        said.append(tally.stopped)
    if tally.failed:
        said.append(f"{len(tally.failed)} passages had no reply: begin again to ask those alone.")
    return " ".join(said), report


def _rows(made: Iterable[Example | Dropped]) -> Iterator[Example]:
    return (one for one in made if isinstance(one, Example))
