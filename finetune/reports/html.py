"""A report as one HTML file to open, mail or archive: no script, nothing loaded, light or dark as the reader has it.

Rows of training data are strangers' text: everything goes through `text`, and the file's own policy
(default-src 'none') forbids whatever would slip past it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from finetune.findings import Finding, Severity
from finetune.reports.inert import text
from finetune.reports.report import ORDER, Chart, FileFacts, Report, RuleFindings, counted, verdict

STYLE_SHEET = Path(__file__).parent / "report.css"
POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'"
OPEN = 3  # rules whose findings are unfolded


def as_html(report: Report) -> str:
    return "".join(_parts(report))


def _parts(report: Report) -> Iterator[str]:
    yield '<!doctype html><html lang="en"><head><meta charset="utf-8">'
    yield f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">'
    yield f"<title>Check of training data</title><style>{STYLE_SHEET.read_text('utf-8')}</style></head><body>"
    yield "<main><h1>Check of training data</h1>"
    yield f'<p class="quiet">{_circumstances(report)}</p>'
    yield f'<p class="verdict {_worst(report)}">{text(verdict(report))}</p>'
    yield _files(report.files)
    yield _numbers(report)
    yield _charts(report.charts)
    yield from _rules(report)
    yield f'<p class="quiet">{_silence(report)}</p></main></body></html>\n'


def _circumstances(report: Report) -> str:
    model = f", model {text(report.model)}" if report.model else ""
    return (
        f"Profile {text(report.profile)}{model} · {text(report.made_at)} · checked in {report.seconds:.1f} s"
    )


def _worst(report: Report) -> str:
    return next((level for level in ORDER[:2] if report.counts[level]), "fine")


def _files(files: tuple[FileFacts, ...]) -> str:
    head = "<tr><th>Split</th><th>File</th><th>Rows</th><th>Bytes</th><th>SHA-256</th></tr>"
    return f'<h2>Files</h2><div class="wide"><table>{head}{"".join(map(_file, files))}</table></div>'


def _file(file: FileFacts) -> str:
    return (
        f"<tr><td>{text(file.split)}</td><td>{text(file.name)}</td>"
        f'<td class="number">{file.rows:,}</td><td class="number">{file.bytes:,}</td>'
        f'<td class="hash"><code>{text(file.sha256)}</code></td></tr>'
    )


def _numbers(report: Report) -> str:
    if not report.facts:
        return ""
    facts = "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in report.facts)
    return f'<h2>Numbers</h2><dl class="numbers">{facts}</dl>'


def _charts(found: tuple[Chart, ...]) -> str:
    drawn = "".join(map(draw, found))
    return f'<div class="charts">{drawn}</div>' if drawn else ""


def draw(chart: Chart) -> str:
    """One chart as a figure with its note."""
    note = f'<p class="quiet">{text(chart.note)}</p>' if chart.note else ""
    title, picture = text(chart.title), chart.picture().markup()
    return f'<figure class="chart"><figcaption>{title}</figcaption>{picture}{note}</figure>'


def _rules(report: Report) -> Iterator[str]:
    yield "<h2>Findings</h2>"
    if not report.rules:
        yield "<p>None.</p>"
    for index, one in enumerate(report.rules):
        yield _rule(one, unfolded=index < OPEN)


def _rule(found: RuleFindings, *, unfolded: bool) -> str:
    counts = ", ".join(_level(level, counted(count, level)) for level, count in found.counts.items() if count)
    head = f"<code>{text(found.rule.id)}</code> {text(found.rule.title)} — {counts}"
    rows = "".join(map(_finding, found.findings))
    more = f'<p class="quiet">… and {found.left_out:,} more.</p>' if found.left_out > 0 else ""
    table = f'<div class="wide"><table>{rows}</table></div>' if rows else ""
    return (
        f'<details id="{text(found.rule.id)}"{" open" if unfolded else ""}><summary>{head}</summary>'
        f'<p class="quiet">{text(found.rule.help)}</p>{table}{more}</details>'
    )


def _level(level: Severity, words: str) -> str:
    return f'<span class="level {level}">{words}</span>'


def _finding(finding: Finding) -> str:
    place = text(finding.file) + (f":{finding.line}" if finding.line is not None else "")
    path = f"<br><code>{text(finding.path)}</code>" if finding.path != "$" else ""
    mended = f'<br><span class="fix">Fix: {text(finding.fix)}</span>' if finding.fix else ""
    return (
        f"<tr><td>{_level(finding.severity, finding.severity)}</td><td>{place}{path}</td>"
        f'<td class="message">{text(finding.message)}{mended}</td></tr>'
    )


def _silence(report: Report) -> str:
    names = ", ".join(text(one.id) for one in report.silent)
    quiet = f"Checked and found nothing: {names}." if names else ""
    skipped = "".join(f"<br>{text(rule)} was not checked: {text(why)}." for rule, why in report.skipped)
    return quiet + skipped
