"""Question sets made where there are none: out of a knowledge base's documents, or held out of training rows.

    made = make(workspace, Order(knowledge_base="sample", out=Path("questions.jsonl"), limit=50))
    made.questions

With a chat model that model writes the answerable ones, within a budget, and a run that was cut short goes on from its
journal beside the file; without one the rules of evaluation/question_making do.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from app.workspace import Workspace
from errors import EvaluationError

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from chains.limits import Budget
    from chains.models import ConnectedModel
    from evaluation.question_making.candidates import Candidate
    from evaluation.question_making.making import Made
    from finetune.synthesis.runs import Tally

PER_PASSAGE = 1  # questions to ask for: more of one passage are more of the same


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    knowledge_base: str
    out: Path
    limit: int = 50
    seed: int = 7
    budget_usd: float | None = None  # None: the limit of one evaluation, where it is set
    resume: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What was made, and what a chat model had to do with it."""

    made: Made
    model_id: str | None = None
    cost_usd: float | None = 0.0
    stopped: str | None = None  # why the model stopped early


def make(
    workspace: Workspace,
    order: Order,
    *,
    chat: ConnectedModel | None = None,
    on_progress: Callable[[int, int], None] = lambda _made, _wanted: None,
    stop: Callable[[], bool] = lambda: False,
) -> Written:
    """Writes `order.out`. Raises EvaluationError where no question could be made, SettingsError for a file that cannot
    be written, DatasetError for a journal of another run."""
    from evaluation.question_making.making import MakeOptions, make_questions
    from evaluation.question_making.rows import write_questions

    base = workspace.knowledge_base(order.knowledge_base)
    options = MakeOptions(limit=order.limit, seed=order.seed)
    if chat is None:
        written = Written(made=make_questions(base, options, on_progress=on_progress, stop=stop))
    else:
        with _asked(workspace, order, chat, stop) as (candidates, tally):
            made = make_questions(
                base, options, written=candidates, by=chat.model_id, on_progress=on_progress, stop=stop
            )
        written = Written(made=made, model_id=chat.model_id, cost_usd=tally.cost_usd, stopped=tally.stopped)
    if not written.made.questions:
        raise EvaluationError(_nothing(order, written))
    write_questions(written.made.questions, order.out)
    return written


def _nothing(order: Order, written: Written) -> str:
    if written.made.documents == 0:
        return f"The knowledge base {order.knowledge_base!r} holds no documents: add some first."
    why = f" {written.stopped}" if written.stopped else ""
    return (
        f"No question could be made out of the {written.made.documents} documents of {order.knowledge_base!r}.{why} "
        "Without a chat model only tables, and plain statements in English or German, give questions: connect one "
        "(GROUNDTUNE_CHAT_MODEL), or write some yourself."
    )


@contextmanager
def _asked(
    workspace: Workspace, order: Order, chat: ConnectedModel, stop: Callable[[], bool]
) -> Iterator[tuple[Iterator[Candidate], Tally]]:
    """The journal is removed once the file is there, or kept for --resume where the run was cut short."""
    from contextlib import closing

    from evaluation.question_making.written import PROMPT, written_candidates
    from finetune.synthesis.journal import SUFFIX, Journal
    from finetune.synthesize import GenerateOptions, Tally, from_knowledge_base, generate, journal_header

    options = GenerateOptions(per_passage=PER_PASSAGE, seed=order.seed, prompt=PROMPT)
    path, tally = order.out.with_name(order.out.name + SUFFIX), Tally()
    source = from_knowledge_base(workspace.knowledge_base(order.knowledge_base))
    with Journal.open(path, journal_header(chat, options), resume=order.resume) as journal:
        model = chat.with_budget(_budget(workspace, order, journal.spent_usd))
        made = generate(
            source, options, tally, model=model, encoder=workspace.encoder, journal=journal, stop=stop
        )
        with closing(cast("Generator[object]", made)):
            yield written_candidates(made), tally
        tally.cost_usd = journal.cost_usd
        if tally.stopped is None:
            journal.remove()


def _budget(workspace: Workspace, order: Order, spent_usd: float) -> Budget | None:
    from chains.limits import Budget

    setting = workspace.settings.evaluation_limit_usd
    if order.budget_usd is not None:
        return Budget(order.budget_usd, spent_usd=spent_usd, setting="--budget", what="run")
    if setting.value is None:
        return None
    return Budget(setting.value, spent_usd=spent_usd, setting=setting.name, what="run")
