"""python -m app search "query" --kb NAME, and the batch form that writes a TREC run file."""

from __future__ import annotations

import urllib.parse
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from app.cli.ingest import load_sample
from app.cli.output import print_json, print_line, say
from app.workspace import SAMPLE, open_workspace
from errors import SettingsError
from loaders.jsonl import read_questions, well_formed, write_whole

if TYPE_CHECKING:
    from chains.multihop import Found
    from loaders.knowledge_base import KnowledgeBase
    from loaders.passage import Passage

BATCH = 64
CHUNKS_PER_DOCUMENT = 4  # a run file ranks documents: ask for more chunks than documents wanted


def search(
    query: Annotated[str | None, typer.Argument(help="What to look for.")] = None,
    kb: Annotated[str, typer.Option(help="The knowledge base.")] = SAMPLE,
    k: Annotated[int, typer.Option(min=1, max=1000, help="How many results.")] = 10,
    filter: Annotated[list[str] | None, typer.Option(help="key=value that the document must have.")] = None,
    explain: Annotated[bool, typer.Option("--explain", help="Show what each score is made of.")] = False,
    multihop: Annotated[
        bool, typer.Option("--multihop", help="Search in steps: also for what the first passages name.")
    ] = False,
    queries: Annotated[Path | None, typer.Option(help="JSONL of {_id, text}: search them all.")] = None,
    run: Annotated[Path | None, typer.Option(help="With --queries: the TREC run file to write.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
) -> None:
    """Search a knowledge base: dense and keyword results fused, each score explained."""
    conditions = parse_filter(filter or [])
    if (query is None) == (queries is None) or (queries is None) != (run is None):
        raise typer.BadParameter("give a query, or --queries FILE with --run FILE")
    if kb == SAMPLE:
        load_sample()
    if query is not None and not query.strip():
        raise typer.BadParameter("the query is empty")
    knowledge_base = open_workspace().knowledge_base(kb)
    if query is not None:
        found = _searched(
            knowledge_base, [well_formed(query)], k=k, conditions=conditions, multihop=multihop
        )[0]
        _print_passages(found.passages, explain=explain, json=json)
        if explain and multihop and not json:
            _print_steps(found)
        return
    assert queries is not None
    assert run is not None
    count = write_run(
        knowledge_base, read_questions(queries), run, k=k, conditions=conditions, multihop=multihop
    )
    if json:
        print_json({"queries": count, "run": str(run)})
    else:
        print_line(f"{count} queries written to {run}")


def _searched(
    knowledge_base: KnowledgeBase,
    queries: Sequence[str],
    *,
    k: int,
    conditions: dict[str, str] | None,
    multihop: bool,
) -> list[Found]:
    from chains.multihop import Found, search_many_in_steps

    if multihop:
        return search_many_in_steps(knowledge_base, queries, k=k, filter=conditions)
    plain = knowledge_base.search_many(queries, k=k, filter=conditions)
    return [Found(passages=tuple(passages), steps=()) for passages in plain]


def parse_filter(pairs: Sequence[str]) -> dict[str, str] | None:
    """["key=value", ...] -> {"key": "value"}."""
    for pair in pairs:
        if "=" not in pair.strip("="):
            raise SettingsError(f"--filter {pair!r} is not of the form key=value.")
    conditions = [pair.split("=", 1) for pair in pairs]
    for key, _ in conditions:
        if sum(key == other for other, _ in conditions) > 1:
            raise SettingsError(f"--filter names {key!r} twice: a document can match one value only.")
    return dict(conditions) or None


def write_run(
    knowledge_base: KnowledgeBase,
    questions: Iterable[dict[str, Any]],
    path: Path,
    *,
    k: int,
    conditions: dict[str, str] | None,
    multihop: bool = False,
) -> int:
    """Writes `query-id Q0 document-id rank score groundtune`; returns how many queries it wrote."""
    count = 0
    with write_whole(path) as out:
        for batch in _batches(iter(questions), BATCH):
            texts = [row["text"] for row in batch]
            depth = k * CHUNKS_PER_DOCUMENT
            found = _searched(knowledge_base, texts, k=depth, conditions=conditions, multihop=multihop)
            for row, each in zip(batch, found, strict=True):
                out.writelines(_run_lines(str(row["_id"]), each.passages, k))
            count += len(batch)
            say(f"  {count} queries")
    return count


def _run_lines(query_id: str, passages: Sequence[Passage], k: int) -> Iterator[str]:
    best: dict[str, float] = {}
    for passage in passages:
        best.setdefault(passage.document_id, passage.score)
    for rank, (document_id, score) in enumerate(islice(best.items(), k), start=1):
        yield f"{_token(query_id)} Q0 {_token(document_id)} {rank} {score:.6f} groundtune\n"


def _token(text: str) -> str:
    """Run files separate by blanks, so blanks in ids are percent-encoded."""
    return "".join(urllib.parse.quote(char) if char.isspace() else char for char in text)


def _batches(rows: Iterator[dict[str, Any]], size: int) -> Iterator[list[dict[str, Any]]]:
    while batch := list(islice(rows, size)):
        yield batch


def _print_passages(passages: Sequence[Passage], *, explain: bool, json: bool) -> None:
    if json:
        print_json([p.as_dict() | ({"scores": p.scores.as_dict()} if explain else {}) for p in passages])
        return
    for rank, passage in enumerate(passages, start=1):
        place = passage.location.label()
        print_line(f"{rank}. {passage.document_id}{' · ' + place if place else ''}  ({passage.score:.3f})")
        print_line("   " + " ".join(passage.text.split())[:300])
        if explain:
            print_line("   " + _explained(passage))
    if not passages:
        say("Nothing found: the knowledge base is empty, or no document passes the filter.")


def _print_steps(found: Found) -> None:
    ranks = {passage.chunk_id: rank for rank, passage in enumerate(found.passages, start=1)}
    for number, step in enumerate(found.steps, start=1):
        print_line(f"step {number}: {step.query}")
        print_line(
            f"   {step.why} Results: {', '.join(str(ranks[key]) for key in step.chunk_ids) or 'none'}."
        )


def _explained(passage: Passage) -> str:
    scores = passage.scores
    dense = (
        f"meaning {scores.cosine:.3f} (rank {scores.dense_rank or '-'})" if scores.cosine is not None else ""
    )
    words = f"words {scores.bm25:.2f} (rank {scores.keyword_rank})" if scores.bm25 is not None else "no words"
    return "; ".join(
        filter(None, (dense, words, "shares: " + ", ".join(scores.terms) if scores.terms else ""))
    )
