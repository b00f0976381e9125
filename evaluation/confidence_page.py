"""A confidence report for people: Markdown, and one self-contained HTML page with its curves as inline SVG.

Every number of a curve stands in a table, too. No script, no font, nothing fetched.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from chains.calibration import Figures
from chains.reliability import CERTAINTY, Estimate, RiskCoverage
from evaluation.confidence import AtThreshold, ConfidenceReport

__all__ = ["as_html", "as_markdown", "sentences"]

SIDE, EDGE = 320, 44  # of a curve's square, and of its axes' margin; in SVG units
COVERAGES = 10  # rows of the risk table

STYLE = """
:root { color-scheme: light dark; --ink: #1b1b1f; --paper: #ffffff; --soft: #6a6a75; --line: #d5d5de;
  --before: #9a6700; --after: #0b57d0; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececf1; --paper: #17171b; --soft: #a5a5b1; --line: #3c3c46;
  --before: #e0a83a; --after: #8ab4f8; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper); max-width: 60rem;
  margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; margin: 1rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: .25rem .75rem; border-bottom: 1px solid var(--line); }
th:first-child, td:first-child { text-align: left; }
figure { display: inline-block; margin: 0 1.5rem 1.5rem 0; vertical-align: top; }
figcaption { color: var(--soft); max-width: 22rem; }
svg text { fill: var(--soft); font-size: 11px; } .axis { stroke: var(--line); fill: none; }
.before { stroke: var(--before); fill: var(--before); } .after { stroke: var(--after); fill: var(--after); }
.path { fill: none; stroke-width: 2; } .path.before { stroke-dasharray: 6 4; }
circle.before { fill: var(--paper); stroke-width: 2; } text.before, text.after { stroke: none; }
"""


def sentences(report: ConfidenceReport) -> list[str]:
    """What the figures mean, most important first."""
    found = report.calibrated
    told = [_outcome(report)]
    if report.unscored:
        told.append(f"{report.unscored} questions got no answer at all; they have no confidence to fit.")
    if found.refused:
        told.append(found.refused)
    if report.by_documents:
        told.append(
            f"{report.by_documents} questions name no wording of the answer: they count as right where a gold "
            "document is cited, which is lenient."
        )
    return told


def _outcome(report: ConfidenceReport) -> str:
    found, target = report.calibrated.threshold, f"{report.target_error:.0%}"
    if found is None:
        return (
            f"No threshold keeps errors at {target}: even the surest answers are wrong more often. "
            f"The threshold stays at {report.fit.abstain_below:.3f}."
        )
    seen = f"Of {found.answered} answers from confidence {found.value:.3f} on, {found.wrong} were wrong"
    if found.proven:
        most = f"with {CERTAINTY:.0%} certainty the error rate is at most {found.error_upper:.1%}"
        return f"{seen}; {most} (target {target})."
    return (
        f"{seen}, which meets {target} here but does not prove it: with {CERTAINTY:.0%} certainty the error rate is "
        f"at most {found.error_upper:.1%}. More questions would tell."
    )


def as_markdown(report: ConfidenceReport) -> str:
    parts = [f"# Confidence of {report.knowledge_base}", _about(report), *sentences(report)]
    for title, header, rows in _tables(report):
        parts += [f"## {title}", _markdown_table(header, rows)]
    return "\n\n".join(parts) + "\n"


def as_html(report: ConfidenceReport) -> str:
    found = report.calibrated
    told = "".join(f"<p>{escape(sentence)}</p>" for sentence in [_about(report), *sentences(report)])
    tables = "".join(
        f"<h2>{escape(title)}</h2>{_html_table(header, rows)}" for title, header, rows in _tables(report)
    )
    name = escape(report.knowledge_base)
    figures = _reliability_figure(found.before, found.after) + _risk_figure(
        found.before.curve, found.after.curve
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width"><meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>Confidence of {name}</title><style>{STYLE}</style></head><body>"
        f"<h1>Confidence of {name}</h1>{told}{figures}{tables}</body></html>\n"
    )


def _about(report: ConfidenceReport) -> str:
    made = report.fit.made
    assert made is not None
    found = report.calibrated.after
    return (
        f"{report.questions} questions, {found.answers} answers judged, {found.right} of them right. "
        f"Model {report.model}; fit: {report.calibrated.method}; made on {made.date} from questions with SHA-256 "
        f"{made.questions_sha256[:12]}…. Figures after the fit are cross-validated by document."
    )


Table = tuple[str, Sequence[str], list[list[str]]]


def _tables(report: ConfidenceReport) -> list[Table]:
    found = report.calibrated
    return [
        ("Figures", ("", "before", "after"), _figure_rows(found.before, found.after)),
        ("At the threshold", ("", "before", "after"), _threshold_rows(report.before, report.after)),
        ("Reliability before", ("confidence", "right", "95 % interval", "answers"), _bins(found.before)),
        ("Reliability after", ("confidence", "right", "95 % interval", "answers"), _bins(found.after)),
        (
            "Risk against coverage",
            ("answered", "wrong before", "wrong after"),
            _risks(found.before, found.after),
        ),
    ]


def _figure_rows(before: Figures, after: Figures) -> list[list[str]]:
    def area(found: Estimate | None) -> str:
        return f"{found.value:.3f} ({found.low:.3f} to {found.high:.3f})" if found else "-"

    return [
        ["AUROC, right against wrong", area(before.auroc), area(after.auroc)],
        ["calibration error (ECE, equal mass)", f"{before.ece:.3f}", f"{after.ece:.3f}"],
        ["Brier score", f"{before.brier:.3f}", f"{after.brier:.3f}"],
        ["area under risk-coverage", f"{before.curve.area:.3f}", f"{after.curve.area:.3f}"],
    ]


def _threshold_rows(before: AtThreshold, after: AtThreshold) -> list[list[str]]:
    return [
        ["threshold", f"{before.threshold:.3f}", f"{after.threshold:.3f}"],
        ["answered right", str(before.right), str(after.right)],
        ["answered wrong", str(before.wrong), str(after.wrong)],
        ["refused, would have been right", str(before.lost), str(after.lost)],
        ["refused, would have been wrong", str(before.spared), str(after.spared)],
    ]


def _bins(found: Figures) -> list[list[str]]:
    return [
        [
            f"{one.confidence:.3f}",
            f"{one.right.value:.3f}",
            f"{one.right.low:.3f} to {one.right.high:.3f}",
            str(one.count),
        ]
        for one in found.bins
    ]


def _risks(before: Figures, after: Figures) -> list[list[str]]:
    shares = [part / COVERAGES for part in range(1, COVERAGES + 1)]
    return [
        [f"{share:.0%}", f"{_risk_at(before.curve, share):.3f}", f"{_risk_at(after.curve, share):.3f}"]
        for share in shares
    ]


def _risk_at(curve: RiskCoverage, share: float) -> float:
    """At the smallest coverage there is from `share` on: equal confidences come together."""
    return next(
        risk for coverage, risk in zip(curve.coverage, curve.risk, strict=True) if coverage >= share - 1e-9
    )


def _markdown_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [header, ["---", *["---:"] * (len(header) - 1)], *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _html_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in header)
    body = "".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def _reliability_figure(before: Figures, after: Figures) -> str:
    diagonal = f'<path class="axis" d="M{_at(0, 0)} L{_at(1, 1)}"/>'
    marks = _bin_marks(before, "before") + _bin_marks(after, "after")
    told = "Reliability: share of right answers over confidence, with 95 % intervals; on the diagonal both agree."
    return _figure(told, "confidence", "share right", diagonal + marks)


def _bin_marks(found: Figures, name: str) -> str:
    return "".join(
        f'<path class="{name}" d="M{_at(one.confidence, one.right.low)} L{_at(one.confidence, one.right.high)}"/>'
        f'<circle class="{name}" r="4" {_centre(one.confidence, one.right.value)}/>'
        for one in found.bins
    )


def _risk_figure(before: RiskCoverage, after: RiskCoverage) -> str:
    lines = "".join(
        f'<path class="path {name}" style="fill:none" d="M{" L".join(map(_at, curve.coverage, curve.risk))}"/>'
        for name, curve in (("before", before), ("after", after))
        if curve.coverage
    )
    told = "Risk against coverage: share of wrong answers among the most confident ones, as more are given."
    return _figure(told, "share answered", "share wrong", lines)


def _figure(told: str, across: str, up: str, marks: str) -> str:
    size, corner = SIDE + 2 * EDGE, SIDE + EDGE
    frame = f'<rect class="axis" x="{EDGE}" y="{EDGE}" width="{SIDE}" height="{SIDE}"/>'
    ticks = "".join(
        f'<text x="{EDGE + SIDE * part / 4:.0f}" y="{corner + 16}" text-anchor="middle">{part / 4:g}</text>'
        f'<text x="{EDGE - 6}" y="{corner - SIDE * part / 4 + 4:.0f}" text-anchor="end">{part / 4:g}</text>'
        for part in range(5)
    )
    names = (
        f'<text x="{size / 2:.0f}" y="{corner + 34}" text-anchor="middle">{across}</text>'
        f'<text x="{EDGE}" y="{EDGE - 10}">{up}</text>'
        f'<text class="before" x="{corner}" y="{EDGE - 26}" text-anchor="end">before (dashed, open)</text>'
        f'<text class="after" x="{corner}" y="{EDGE - 10}" text-anchor="end">after</text>'
    )
    return (
        f'<figure><svg role="img" aria-label="{escape(told)} The tables below hold the numbers." width="{size}" '
        f'height="{size}" viewBox="0 0 {size} {size}">{frame}{ticks}{names}{marks}</svg>'
        f"<figcaption>{escape(told)}</figcaption></figure>"
    )


def _at(across: float, up: float) -> str:
    """SVG coordinates of a point of the unit square."""
    return f"{EDGE + SIDE * across:.1f},{EDGE + SIDE * (1 - up):.1f}"


def _centre(across: float, up: float) -> str:
    x, y = _at(across, up).split(",")
    return f'cx="{x}" cy="{y}"'
