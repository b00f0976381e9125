"""The chat model as judge: one request for all claims of an answer, its reply read with suspicion.

    judged(checked_claims, passages, model, log)     -> the claims with the judge's verdicts and id

Where the request fails, or the reply is no verdict on every claim, the claims stay as they were and a notice in
the log says so.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, TypeGuard

from chains.answer import CheckedClaim, Passage
from chains.generation import CallLog, complete
from chains.models import ConnectedModel
from chains.passages_prompt import as_data, numbered
from chains.prompts import load_prompt
from errors import ProviderError

__all__ = ["Judgement", "ask_judge", "judge_claim", "judged"]

NOT_JUDGED = "{model} could not judge the claims, so the embedded check stands: {why}"
UNREADABLE = "its reply was not one verdict for each claim."


@dataclass(frozen=True, slots=True, kw_only=True)
class Judgement:
    verdict: Literal["supported", "unsupported"]
    score: float  # 0..1


def judged(
    claims: Sequence[CheckedClaim], passages: Sequence[Passage], model: ConnectedModel, log: CallLog
) -> list[CheckedClaim]:
    """The claims with the model's verdicts; those that cite nothing are not sent and stay "uncited"."""
    cited = [claim for claim in claims if claim.markers]
    if not cited:
        return list(claims)
    calls = len(log.calls)
    try:
        verdicts = ask_judge([(claim.text, claim.markers) for claim in cited], numbered(passages), model, log)
        why = UNREADABLE
    except ProviderError as error:
        verdicts, why = None, str(error)
    if verdicts is None:
        log.notices.append(NOT_JUDGED.format(model=model.model_id, why=why))
        return list(claims)
    answered = log.calls[-1].model if len(log.calls) > calls else model.model_id
    by_claim = dict(zip(map(id, cited), verdicts, strict=True))
    return [_with(claim, by_claim.get(id(claim)), answered) for claim in claims]


def _with(claim: CheckedClaim, judgement: Judgement | None, judge: str) -> CheckedClaim:
    if judgement is None:
        return claim
    return replace(claim, verdict=judgement.verdict, score=judgement.score, judge=judge)


def ask_judge(
    claims: Sequence[tuple[str, Sequence[int]]], passages: str, model: ConnectedModel, log: CallLog
) -> list[Judgement] | None:
    """One verdict a claim, in order; a claim is its text and the numbers it cites in the numbered `passages`.

    None where the reply is no verdict on every claim. Raises ProviderError where the model fails, StoppedError.
    """
    told = [{"claim": n, "cites": list(cites), "text": text} for n, (text, cites) in enumerate(claims, 1)]
    messages = load_prompt("judge").messages([], passages=passages, claims=_quoted(told))
    return read_verdicts(complete(model, messages, log, purpose="judge"), len(claims))


def judge_claim(claim: str, evidence: Sequence[str], model: ConnectedModel, log: CallLog) -> Judgement | None:
    """The verdict on one claim over bare texts; None and the exceptions as for `ask_judge`."""
    passages = "\n".join(
        f'<passage number="{n}">\n{as_data(text)}\n</passage>' for n, text in enumerate(evidence, 1)
    )
    found = ask_judge([(claim, range(1, len(evidence) + 1))], passages, model, log)
    return found[0] if found else None


def _quoted(claims: Sequence[dict[str, Any]]) -> str:
    """JSON in which no text can look like a delimiter of the prompt."""
    lines = [json.dumps(claim | {"text": as_data(claim["text"])}, ensure_ascii=False) for claim in claims]
    return "[" + ",\n".join(line.replace("<", "\\u003c").replace(">", "\\u003e") for line in lines) + "]"


def read_verdicts(reply: str, count: int) -> list[Judgement] | None:
    """The verdicts of claims 1 to `count`, in order; None where any is missing, doubled, or not in its form.

    Text around the array (a code fence, a greeting) is passed over.
    """
    start, end = reply.find("["), reply.rfind("]")
    try:
        rows = json.loads(reply[start : end + 1]) if 0 <= start < end else None
    except (ValueError, RecursionError):
        return None
    if not isinstance(rows, list) or len(rows) != count:
        return None
    found = {
        row["claim"]: _judgement(row)
        for row in rows
        if isinstance(row, dict) and _is_number(row.get("claim"))
    }
    judgements = [found.get(n) for n in range(1, count + 1)]
    complete_ones = [judgement for judgement in judgements if judgement is not None]
    return complete_ones if len(complete_ones) == count else None


def _judgement(row: dict[str, Any]) -> Judgement | None:
    verdict = row.get("verdict")
    if verdict not in ("supported", "unsupported"):
        return None
    score = row.get("score")
    if not _is_number(score) or not 0.0 <= score <= 1.0:
        score = verdict == "supported"
    return Judgement(verdict=verdict, score=float(score))


def _is_number(value: object) -> TypeGuard[int | float]:
    return isinstance(value, int | float) and not isinstance(value, bool)
