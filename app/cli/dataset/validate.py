"""python -m app dataset validate train.jsonl --validation valid.jsonl: every rule, every finding with its line."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from app.cli.output import print_json, print_line, say
from errors import DatasetError

if TYPE_CHECKING:
    from finetune.findings import Finding, Rule, Severity
    from finetune.validate import Progress, Validation

Format = Literal["text", "json", "sarif", "markdown"]
TAKERS = "Who takes the files: openai, azure, nebius, crusoe, together, fireworks or local."
SHOWN = 8  # findings of one rule on the terminal
WORDS: dict[Severity, tuple[str, str]] = {
    "error": ("error", "errors"),
    "warning": ("warning", "warnings"),
    "info": ("note", "notes"),
}


def validate(
    files: Annotated[list[Path] | None, typer.Argument(help="JSONL files to train on.")] = None,
    validation: Annotated[list[Path] | None, typer.Option(help="JSONL for validation.")] = None,
    test: Annotated[list[Path] | None, typer.Option(help="JSONL held out for the test.")] = None,
    questions: Annotated[
        Path | None, typer.Option(help="Evaluation questions that must not be trained on.")
    ] = None,
    profile: Annotated[str, typer.Option(help=TAKERS)] = "openai",
    model: Annotated[str | None, typer.Option(help="The base: an id, or a local model's folder.")] = None,
    report: Annotated[
        Path | None, typer.Option(help="Also write a .html, .md, .json or .sarif report.")
    ] = None,
    form: Annotated[Format, typer.Option("--format", help="What is printed.")] = "text",
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False,
    rules: Annotated[bool, typer.Option("--rules", help="List the rules, check nothing.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail too.")] = False,
    quick: Annotated[bool, typer.Option("--quick", help="Structure only: no content, no tokens.")] = False,
) -> None:
    """Check training files: JSON, messages, tools, duplicates, leaks, personal data, tokens.

    Exit status 0 without errors, 1 with errors (with --strict also with warnings).
    """
    if rules:
        _print_rules(as_json=json or form == "json")
        return
    if not files:
        raise typer.BadParameter("There is nothing to check: name a .jsonl file, or give --rules.")
    splits = {"train": files, "validation": validation, "test": test}
    if report is not None:
        _check_report(report, splits)
    found = _checked(
        {split: paths for split, paths in splits.items() if paths}, questions, profile, model, quick
    )
    _print(found, "json" if json else form)
    if report is not None:
        _write(found, report)
    if not found.passed(strict=strict):
        raise typer.Exit(1)


def _checked(
    splits: dict[str, list[Path]], questions: Path | None, profile: str, model: str | None, quick: bool
) -> Validation:
    from app.base_models import base_model
    from app.settings import load_settings
    from finetune.profiles import profile_named
    from finetune.validate import validate as check
    from finetune.validation.composing import Inputs

    taker = profile_named(profile)
    base = None if quick else base_model(load_settings(), taker.name, model)
    return check(
        splits,
        profile=taker,
        inputs=Inputs(base=base, questions=questions),
        depth="structure" if quick else "full",
        on_progress=_said(),
    )


def _said() -> Callable[[Progress], None]:
    """Says how far a long check has come, at each further tenth of what there is to read."""
    tenths = 0

    def on_progress(progress: Progress) -> None:
        nonlocal tenths
        done = 10 * progress.bytes_read // max(progress.bytes_total, 1)
        if done > tenths and progress.bytes_total > 20_000_000:
            tenths = done
            say(f"  {done * 10} % ({progress.rows:,} rows)")

    return on_progress


def _print(found: Validation, form: Format) -> None:
    if form == "json":
        print_json(found.as_dict())
    elif form == "text":
        _print_text(found)
    else:
        from finetune.reports import rendered

        print_line(rendered(found, form).rstrip())


def _check_report(report: Path, splits: dict[str, list[Path] | None]) -> None:
    """Before the check, which may take minutes."""
    from finetune.reports import form_of

    inputs = {path.resolve() for paths in splits.values() for path in paths or ()}
    if report.resolve() in inputs:
        raise DatasetError(f"{str(report)!r} is one of the files that are checked: name another --report.")
    form_of(report)


def _write(found: Validation, report: Path) -> None:
    from finetune.reports import write_report

    write_report(found, report)
    say(f"Report written to {report}")


def _print_text(found: Validation) -> None:
    for file in found.files:
        print_line(
            f"{file.path} ({file.split}): {file.rows:,} rows, {file.bytes:,} bytes, sha256 {file.sha256[:12]}"
        )
    by_rule = sorted(found.findings, key=lambda one: (_ORDER[one.severity], one.rule))
    for (severity, rule), findings in groupby(by_rule, key=lambda one: (one.severity, one.rule)):
        _print_rule(rule, severity, list(findings), found)
    for why, skipped in groupby(
        sorted(found.skipped, key=lambda rule: found.skipped[rule]), found.skipped.__getitem__
    ):
        print_line(f"not checked: {', '.join(skipped)} ({why})")
    counts = (_counted(found.count(severity), severity) for severity in WORDS)
    print_line(f"{', '.join(counts)}; profile {found.profile}; {found.seconds:.1f} s")
    if any(finding.fix for finding in found.findings):
        print_line(f"Mend what is marked [fix]: {_fix_command(found)}")


def _fix_command(found: Validation) -> str:
    """The command that mends, for the first file with something to mend."""
    fixable = [finding for finding in found.findings if finding.fix]
    path = Path(fixable[0].file)
    command = shlex.join(
        ("python", "-m", "app", "dataset", "fix", str(path), "--out", str(path.with_suffix(".fixed.jsonl")))
    )
    if found.profile != "openai":
        command += f" --profile {found.profile}"
    if any(finding.rule in ("S01", "S02") and finding.file == str(path) for finding in fixable):
        command += " (and --redact for personal data and secrets)"
    return command


_ORDER: dict[Severity, int] = {"error": 0, "warning": 1, "info": 2}


def _print_rule(rule: str, severity: Severity, findings: list[Finding], found: Validation) -> None:
    total = found.counts[rule][severity]
    title = next((one.title for one in found.rules if one.id == rule), rule)
    print_line(f"{rule} {title}: {_counted(total, severity)}")
    for finding in findings[:SHOWN]:
        place = _place(finding, alone=len(found.files) == 1)
        path = "" if finding.path == "$" else f" {finding.path}"
        fix = f" [fix: {finding.fix}]" if finding.fix else ""
        print_line(f"  {place}{path}: {finding.message}{fix}")
    if total > SHOWN:
        print_line(f"  {total - SHOWN:,} more; --json lists the first {len(findings):,}")


def _place(finding: Finding, *, alone: bool) -> str:
    """As editors read it, file:line; with one file, named above, the line says it."""
    if alone:
        return f"line {finding.line}" if finding.line else "the file"
    return f"{finding.file}:{finding.line}" if finding.line else finding.file


def _counted(count: int, severity: Severity) -> str:
    one, many = WORDS[severity]
    return f"{count:,} {one if count == 1 else many}"


def _print_rules(*, as_json: bool) -> None:
    from finetune.validate import rules

    table: tuple[Rule, ...] = rules()
    if as_json:
        print_json([{name: getattr(rule, name) for name in rule.__slots__} for rule in table])
        return
    for rule in table:
        print_line(f"{rule.id}  {rule.severity:<7}  {rule.title}: {rule.help}")
