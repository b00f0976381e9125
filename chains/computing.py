"""Questions that ask for a computation, answered by read-only SQL over the documents' own tables.

    compute("What is the average sales price?", knowledge_base, passages, model=model, log=log)  -> Computed | None

The chat model writes the SQL and sees no more than the tables' columns and first rows; the figures come out of
DuckDB (chains/sql.py), not out of the model. None leaves the question to the passages.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from chains.answer import Citation, Computation, Passage
from chains.generation import CallLog, complete
from chains.models import ConnectedModel
from chains.prompts import load_prompt
from errors import DocumentNotFoundError, ProviderError

if TYPE_CHECKING:
    from langchain_core.messages import BaseMessage

    from chains.sql import Result, SheetDatabase
    from loaders.sheets import SheetTable

__all__ = ["Computed", "KnowsTables", "compute", "is_computation"]

NO_SQL = "NO_SQL"
MOST_TABLES = 6  # shown to the model
MOST_DOCUMENTS = 3
MOST_CELLS = 4_000_000  # of one table; more would take seconds to load
ATTEMPTS = 2
TOO_LARGE = "{label} is too large to compute with here."
GIVEN_UP = "The computation over the tables was given up ({why}); the answer is from the passages alone."

_FENCE = re.compile(r"```(?:\w+)?\s*\n(.*?)```", re.DOTALL)
_COMPUTATION = re.compile(
    r"""\b(?:
      how\s+(?:many|often|much) | number\s+of | counts? | counted | totals? | totall?ing | sums? | add(?:ed)?\s+up
    | altogether | in\s+all | combined | together | overall | averages? | mean\s+(?:of|value) | median | min | max
    | minimum | maximum | most | least | fewest | best | worst | first | last
    | (?:high|low|larg|small|bigg|great|long|short|old|new|lat|earli|cheap|few|fast|slow|heavi|light|young)est
    | top\s+(?:\d+|two|three|four|five|ten) | bottom\s+\d+ | rank\w* | sort\w* | differ\w* | ratio | share
    | percent\w* | proportion | per | each | every | group\w* | by\s+\w+ | compar\w* | versus | vs | twice | double
    | (?:more|less|fewer|cheaper)\s+than | at\s+(?:least|most) | over | under | above | below | exceed\w*
    | between | before | after | since | until | which | list | cost\s+of\s+\d+ | price\s+(?:of|for)\s+\d+
    | wie\s?viele? | anzahl | summe | gesamt\w* | insgesamt | durchschnitt\w* | mittelwert | höchste\w*
    | niedrigste\w* | teuerste\w* | billigste\w* | hoeveel | gemiddeld\w* | totaal | hoogste | laagste | duurste
    | goedkoopste | combien | moyenne | somme
    )\b""",
    re.IGNORECASE | re.VERBOSE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Computed:
    text: str  # with its markers, which number `citations` from 1
    computation: Computation
    citations: tuple[Citation, ...]


class KnowsTables(Protocol):
    """What `loaders.knowledge_base.KnowledgeBase` offers a computation."""

    def tables(self, document_id: str) -> tuple[SheetTable, ...]: ...
    def document_text(self, document_id: str) -> str: ...
    def chunk_at(self, document_id: str, start: int) -> str | None: ...


def is_computation(question: str) -> bool:
    """A cheap look: whether the words can ask for a figure that no cell holds. Errs towards yes: the model decides."""
    return bool(_COMPUTATION.search(question))


def compute(
    question: str,
    knowledge_base: KnowsTables,
    passages: Sequence[Passage],
    *,
    model: ConnectedModel,
    log: CallLog,
) -> Computed | None:
    """None where it is no computation, no passage is of a table, or no statement came out that runs.

    What failed on the way is in `log`: a server's failure and a computation given up as notices.
    """
    if not is_computation(question):
        return None
    tables = _tables(knowledge_base, passages, log)
    if not tables:
        return None
    from chains.sql import SheetDatabase

    with SheetDatabase(tables) as database:
        try:
            answered = _ask(question, database, model, log)
        except ProviderError as error:
            log.notices.append(GIVEN_UP.format(why=str(error).rstrip(".")))
            return None
        if answered is None:
            return None
        from chains.computed_answer import describe

        sql, result = answered
        return describe(sql, result, database.tables, knowledge_base)


def _ask(
    question: str, database: SheetDatabase, model: ConnectedModel, log: CallLog
) -> tuple[str, Result] | None:
    """The statement that ran and its result; a statement that does not run goes back to the model once."""
    from langchain_core.messages import AIMessage, HumanMessage

    from chains.sql import SqlRefusedError

    messages: list[BaseMessage] = load_prompt("sql").messages((), tables=database.schema(), question=question)
    why = ""
    for _ in range(ATTEMPTS):
        reply = complete(model, messages, log, purpose="sql")
        sql = _statement(reply)
        if not sql:
            return None
        try:
            return sql, database.run(sql)
        except SqlRefusedError as refused:
            why = refused.people or f"its SQL did not run: {refused}"
            repair = f"The statement was refused: {refused}\nReply with one corrected SELECT statement, or {NO_SQL}."
            messages = [*messages, AIMessage(reply), HumanMessage(repair)]
    log.notices.append(GIVEN_UP.format(why=why.rstrip(".")))
    return None


def _statement(reply: str) -> str:
    """The SQL of a reply, out of a code fence where there is one; "" for NO_SQL."""
    fenced = _FENCE.search(reply)
    sql = (fenced[1] if fenced else reply).strip()
    said = sql.upper()
    declined = NO_SQL in said[: len(NO_SQL) + 4] or (NO_SQL in said and "SELECT" not in said)
    return "" if not sql or declined else sql


# --- which tables -------------------------------------------------------------------------------------


def _tables(knowledge_base: KnowsTables, passages: Sequence[Passage], log: CallLog) -> list[SheetTable]:
    """Those that the passages are of, in their order, then the others of the same documents."""
    of_cells = [passage for passage in passages if passage.location.cells]
    documents = list(dict.fromkeys(passage.document_id for passage in of_cells))[:MOST_DOCUMENTS]
    known = {document: _known(knowledge_base, document) for document in documents}
    hit = [
        table
        for passage in of_cells
        for table in known.get(passage.document_id, ())
        if _holds(table, passage)
    ]
    others = [table for tables in known.values() for table in tables] if hit else []
    found = []
    for table in {id(table): table for table in [*hit, *others]}.values():
        if len(table.rows) * len(table.columns) > MOST_CELLS:
            log.notices.append(TOO_LARGE.format(label=table.label))
        else:
            found.append(table)
    return found[:MOST_TABLES]


def _known(knowledge_base: KnowsTables, document_id: str) -> tuple[SheetTable, ...]:
    try:
        return knowledge_base.tables(document_id)
    except DocumentNotFoundError:
        return ()  # removed since it was found


def _holds(table: SheetTable, passage: Passage) -> bool:
    """Whether rows of the table stand in the passage."""
    lines = [*table.rows, *table.totals]
    first = min(line.start for line in lines)
    first = min(first, table.header[0]) if table.header else first
    return first < passage.end and passage.start < max(line.end for line in lines)
