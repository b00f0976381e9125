"""B01: whether the base model can still be tuned, by this method, and for how long the result would live."""

from __future__ import annotations

import datetime
from collections.abc import Iterator
from difflib import get_close_matches

from finetune.bases import Base, days_left
from finetune.catalogue import Method, Model
from finetune.examples import Kind, Row
from finetune.findings import Finding, Rule, Severity, Where

RULES: tuple[Rule, ...] = (
    Rule(
        id="B01",
        severity="error",
        title="Base model cannot be tuned, or not for long",
        help="A tuned model ends with its base. An error where no job can be started any more, the method is not "
        "offered or the model ends within 30 days; a warning within 180.",
    ),
)
TOO_SHORT = 30  # days
SOON = 180
_METHODS: dict[Kind, Method] = {
    "chat": "supervised",
    "completion": "supervised",
    "preference": "preference",
    "reinforcement": "reinforcement",
}


class BaseChecker:
    """Looks at the kinds of the rows only; everything else it knows from the catalogue."""

    rules = RULES

    def __init__(self, base: Base, *, today: datetime.date) -> None:
        self.base, self.today = base, today
        self._file: str | None = None
        self._methods: dict[Method, tuple[str, int]] = {}  # first file and line of each

    def look(self, where: Where, row: Row, kind: Kind) -> tuple[Finding, ...]:  # noqa: ARG002 - the port
        if self._file is None:
            self._file = where.file
        self._methods.setdefault(_METHODS[kind], (where.file, where.line))
        return ()

    def finish(self) -> Iterator[Finding]:
        if self._file is None or self.base.model is None or self.base.profile == "local":
            return
        yield from self._life(self.base.model)
        yield from self._offered(self.base.model)

    def _life(self, model: Model) -> Iterator[Finding]:
        for severity, sentence in life(model, self.today):
            yield self._finding(severity, sentence)
        if not model.listed:
            yield self._finding("warning", _unlisted(model, self.base))

    def _offered(self, model: Model) -> Iterator[Finding]:
        for method, (file, line) in self._methods.items():
            if model.methods is not None and method not in model.methods:
                offered = ", ".join(model.methods)
                yield Finding(
                    rule="B01",
                    severity="error",
                    file=file,
                    line=line,
                    message=f"{model.id} takes no rows for {method} tuning, only for {offered}: use another model.",
                )

    def _finding(self, severity: Severity, message: str) -> Finding:
        return Finding(rule="B01", severity=severity, message=message, file=self._file or "")


def life(model: Model, today: datetime.date) -> Iterator[tuple[Severity, str]]:
    """What the catalogue knows of the model's last days, each sentence with its source."""
    closed, left = model.no_new_jobs_from, days_left(model, today)
    if left is not None and model.shutdown is not None:
        day = f"{model.shutdown.value} ({model.shutdown.source})"
        if left <= 0:
            yield "error", f"{model.id} and what was tuned on it ended on {day}: choose another base."
            return
        if left < SOON:
            severity: Severity = "error" if left < TOO_SHORT else "warning"
            yield (
                severity,
                f"{model.id} and everything tuned on it ends on {day}, {left} days from now: keep the dataset, and "
                "prefer a base that lives longer.",
            )
    if closed is None:
        return
    if closed.value <= today:
        yield (
            "error",
            f"{model.profile} takes no new training jobs since {closed.value} ({closed.source}): choose another "
            "provider.",
        )
    elif (closed.value - today).days < SOON:
        yield (
            "warning",
            f"{model.profile} takes no new training jobs from {closed.value} on ({closed.source}).",
        )


def _unlisted(model: Model, base: Base) -> str:
    known = base.catalogue.names(model.profile)
    close = get_close_matches(model.name, known, n=1)
    meant = f" Did you mean {close[0]!r}?" if close else ""
    return (
        f"{model.id} is not in the catalogue, so its limits, prices and last day are not known: add it to "
        f"catalogue.toml in GROUNDTUNE_HOME.{meant}"
    )
