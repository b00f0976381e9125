"""Fixes of content: damaged text, special tokens, personal data and secrets where that is asked for, and copies."""

from __future__ import annotations

from collections.abc import Callable

from finetune.examples import Row
from finetune.findings import Where
from finetune.fixing import Fix, FixOptions, RowFix
from finetune.near_duplicates import NearSeen
from finetune.row_texts import canonical, changed
from finetune.validation.credentials import without_secrets
from finetune.validation.fingerprints import NONE, digest, said
from finetune.validation.personal_data import Pseudonyms, redacted
from finetune.validation.quality import mend
from finetune.validation.safety import remove_special_tokens

__all__ = ["FIXES"]


def _each(change: Callable[[Row], Row]) -> Callable[[FixOptions], RowFix]:
    return lambda options: lambda row, _: change(row)  # noqa: ARG005


def _personal_data(options: FixOptions) -> RowFix | None:
    if options.redaction is None:
        return None
    replaced = redacted if options.redaction == "redact" else Pseudonyms(options.seed).applied
    return lambda row, _: changed(row, replaced)


def _secrets(options: FixOptions) -> RowFix | None:
    """A secret has no use under another name: it goes whichever way personal data goes."""
    if options.redaction is None:
        return None
    return lambda row, _: changed(row, without_secrets)


def _copies(_: FixOptions) -> RowFix:
    seen: set[int] = set()

    def fix(row: Row, _: Where) -> Row | None:
        key = digest(whole) if (whole := canonical(row)) else NONE
        if key in seen:
            return None
        if key != NONE:  # rows that say nothing are not alike by it
            seen.add(key)
        return row

    return fix


def _near_copies(_: FixOptions) -> RowFix:
    seen = NearSeen()
    return lambda row, _: None if seen.like(said(row)) or seen.add(said(row)) else row


FIXES: tuple[Fix, ...] = (
    Fix(
        rule="Q01",
        description="wrongly decoded text put right, invisible characters removed",
        begin=_each(mend),
    ),
    Fix(
        rule="S03",
        description="special tokens of chat templates removed from texts",
        begin=_each(remove_special_tokens),
    ),
    Fix(rule="S02", description="secrets replaced by [SECRET]", begin=_secrets),
    Fix(rule="S01", description="personal data redacted or given a pseudonym", begin=_personal_data),
    Fix(rule="D01", description="copies of an earlier row removed", begin=_copies),
    Fix(
        rule="D02",
        description="rows that are nearly an earlier one removed",
        begin=_near_copies,
        only_when_named=True,
    ),
)
