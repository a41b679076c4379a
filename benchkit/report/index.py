"""The first page of a run: the decision with its figure, then every page and table there is."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

from ..run import Run
from ..wording import count
from .export import export_markdown, export_report
from .markdown import inline, linked
from .tables import headline, reasons

PAGES = {
    "analysis_report": "The report: the decision, what it stands on, and how it was made",
    "01_generate": "1. Generate: the test cases and what an answer must do",
    "02_validate": "2. Validate: which cases were accepted, and why others were not",
    "03_execute": "3. Execute: what was planned, what it cost, what came back",
    "04_measure": "4. Measure: every metric, its controls and comparisons",
    "05_report": "5. Report: the decision step by step",
}


def export_run(run: Run) -> None:
    """Write the report's page and the run's first page. Raises RunError where one cannot be written."""
    page = run.path / "html" / "analysis_report.html"
    export_report(run.path / "analysis_report.md", page, simulated=run.simulated, home=True)
    write_index(run)


def write_index(run: Run) -> Path:
    """Write `html/index.html`, which links what the run has by now; returns its path."""
    folder = run.path / "html"
    target = folder / "index.html"
    report = run.metrics_report() if (run.path / "metrics_report.json").exists() else {}
    decision = [headline(report), *linked(run.figures(), "contenders"), reasons(report)] if report else []
    pages = [
        f"- [{about}]({name}.html)" for name, about in PAGES.items() if (folder / f"{name}.html").exists()
    ]
    tables = [f"- [{inline(path.name)}](../{quote(path.name)})" for path in sorted(run.path.glob("*.csv"))]
    text = [
        f"# {'Which model to deploy' if report else 'A run without a decision so far'}",
        *decision,
        *(["## Pages", "\n".join(pages)] if pages else []),
        *([f"## {count(len(tables), 'table')}", "\n".join(tables)] if tables else []),
    ]
    return export_markdown("\n\n".join(filter(None, text)), run.path, target, simulated=run.simulated)
