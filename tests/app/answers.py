"""Answers made by hand, with everything in them that a page can show."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal

from chains.answer import (
    Answer,
    CheckedClaim,
    Citation,
    Computation,
    Confidence,
    Conflict,
    EvidenceStep,
    Location,
    ModelCall,
    Passage,
    Receipt,
    Scores,
    Side,
    Usage,
)

TEXT = (
    "Employees have 27 days of leave [1]. An older policy says 25 days [2]. Leave is a **basic right**. "
    "Five days may be carried over [1]. Unused leave is paid out [2]."
)
UNBACKED = ("Leave is a **basic right**.", "Unused leave is paid out [2].")
SQL = "SELECT region, SUM(amount) AS total FROM sales GROUP BY region"


def _passage(number: int, name: str, text: str) -> Passage:
    return Passage(
        chunk_id=f"chunk-{number}",
        document_id=f"{name}.md",
        document_name=name,
        text=text,
        start=0,
        end=len(text),
        location=Location(headings=(name,)),
        score=2.5,
        scores=Scores(
            fused=2.5, cosine=0.61, bm25=8.2, dense_rank=number, keyword_rank=number, terms=("leave",)
        ),
    )


PASSAGES = (
    _passage(1, "Leave policy 2026", "Employees have 27 days of leave. Five days may be carried over."),
    _passage(2, "Leave policy 2019", "Employees have 25 days of leave a year."),
)


def _citation(marker: int) -> Citation:
    passage = PASSAGES[marker - 1]
    quote = passage.text.partition(".")[0] + "."
    return Citation(
        marker=marker,
        chunk_id=passage.chunk_id,
        document_id=passage.document_id,
        document_name=passage.document_name,
        location=passage.location,
        start=0,
        end=len(quote),
        quote=quote,
        verified=True,
    )


def claim(sentence: str, verdict: Literal["supported", "unsupported", "uncited"]) -> CheckedClaim:
    start = TEXT.index(sentence)
    return CheckedClaim(
        start=start, end=start + len(sentence), text=sentence, markers=(), score=0.2, verdict=verdict
    )


CLAIMS = (
    claim("Employees have 27 days of leave [1].", "supported"),
    claim("An older policy says 25 days [2].", "supported"),
    claim(UNBACKED[0], "uncited"),
    claim("Five days may be carried over [1].", "supported"),
    claim(UNBACKED[1], "unsupported"),
)
CONFLICT = Conflict(
    sentence="The sources differ: Leave policy 2026 says 27 days [1]; Leave policy 2019 says 25 days [2].",
    sides=(
        Side(marker=1, document_name="Leave policy 2026", value="27 days", date="2026-01-01"),
        Side(marker=2, document_name="Leave policy 2019", value="25 days", date=None),
    ),
)
COMPUTED = Computation(
    sql=SQL,
    columns=("region", "total"),
    rows=(("North <b>", 1234.5), ("South", None)),
    row_count=41,
    tables=("sales.xlsx · sheet 2026 · A1:C42 (41 rows)",),
)
CALL = ModelCall(
    purpose="answer",
    model="compatible:loopback-model",
    messages=(("system", "Answer from the passages. <script>"), ("human", "How many days?")),
    usage=Usage(input_tokens=1204, output_tokens=87),
    cost_usd=0.0021,
    ms=1234.0,
)
ANSWER = Answer(
    text=TEXT,
    mode="rag",
    model="compatible:loopback-model",
    citations=(_citation(1), _citation(2)),
    passages=PASSAGES,
    confidence=Confidence(
        value=0.62, level="medium", reasons=("Two sources differ.",), signals={"margin": 0.4}
    ),
    usage=Usage(input_tokens=1204, output_tokens=87),
    cost_usd=0.0021,
    timings_ms={"retrieve": 12.0, "first_token": 400.0, "total": 1234.0},
    receipt=Receipt(
        prompt_sha256="ab" * 32,
        chunks=(("chunk-1", "cd" * 32),),
        knowledge_base="sample",
        generation=1,
        model="compatible:loopback-model",
    ),
    searched_for="How many days of leave do employees of Nordwind have?",
    steps=(
        EvidenceStep(query="days of leave", why="The question as asked.", chunk_ids=("chunk-1",)),
        EvidenceStep(
            query="Nordwind leave 2019", why="Passage 1 names an older policy.", chunk_ids=("chunk-2",)
        ),
    ),
    claims=CLAIMS,
    conflicts=(CONFLICT,),
    notices=("compatible:other-model did not answer; compatible:loopback-model stood in.",),
    calls=(CALL,),
)
COMPUTED_ANSWER = replace(
    ANSWER, text="The North sold 1,234.50.", claims=(), conflicts=(), computation=COMPUTED
)
