"""A finished run, computed again from its CSV files: which of the published numbers, if any, differ."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from .. import report as reporting
from ..cases import adopt_cases
from ..claims import numbers_in
from ..decision import metrics_report
from ..documents import INPUTS, json_text
from ..export import export_report, page_text
from ..measure import compare, metrics_json, primary_metrics, score, settle, summarise
from ..planted import validator_found
from ..signature import PACKAGES, parts
from ..tables import table_text
from .answers import replies_on_record, responses_apart
from .apart import Difference, cells_apart, lines_apart, rows_apart, values_apart

if TYPE_CHECKING:
    from ..run import Run

__all__ = ["Difference", "Verification", "verify"]
VERSIONS = ("benchkit", *PACKAGES)
NEVER = (
    "Not recomputed: run_timestamp (metrics_report.json); the pixels of figures/*.png (their captions are); "
    "the notebooks and their pages in html/, which show the same numbers."
)


@dataclass
class Verification:
    """What was checked, what differs, and what cannot be computed again, each in words."""

    differences: list[Difference] = field(default_factory=list)
    checked: dict[str, int] = field(default_factory=dict)  # file -> values that were recomputed
    notes: list[str] = field(default_factory=list)

    def add(self, file: str, values: int, found: Iterator[Difference]) -> None:
        self.checked[file] = self.checked.get(file, 0) + values
        self.differences += found

    def lines(self) -> list[str]:
        """The differences, then a line per file, then what could not be checked."""
        wrong = {name: sum(one.file == name for one in self.differences) for name in self.checked}
        width = max(map(len, self.checked), default=0)
        files = [
            f"{name:{width}}  {n:>8,} values  {f'{wrong[name]:,} differ' if wrong[name] else 'all agree'}"
            for name, n in self.checked.items()
        ]
        return [*map(str, self.differences), *files, *self.notes]


class Recomputed:
    """A run's numbers from its CSV files alone, by the functions that 04 and 05 use."""

    def __init__(self, run: Run) -> None:
        """Raises RunError or InputError for CSV files that are missing, damaged or do not fit together."""
        self.run = run
        self.stated = run.metrics_report()
        self.raw, self.cases = run.responses(), adopt_cases(run.validated_tests())
        self.responses = settle(self.raw, self.cases, aloud=False)
        self.models = list(self.responses["model"].unique())
        self.scores = score(self.responses, self.cases)
        self.summary = summarise(self.scores)

    def parameter(self, name: str) -> Any:
        """What 04 ran with; of a run that did not record it, what its report says."""
        fallback = {
            "reference": "",
            "primary_metric": ",".join(self.stated["configuration"].get("primary_metrics", {}).values()),
        }
        return self.run.parameter(
            "04_measure", name, self.stated["configuration"].get(name, fallback.get(name))
        )

    @cached_property
    def report(self) -> dict[str, Any]:
        """metrics_report.json as 04 would write it now."""
        named = self.parameter("primary_metric") or self.run.parameter("03_execute", "primary_metric", "")
        primary = primary_metrics(named, self.scores)
        how = {name: self.parameter(name) for name in ("margin", "alpha", "reference")}
        comparisons = compare(self.scores, self.models, primary, **how)
        about: dict[str, Any] = {"primary": primary, "simulated": self.run.simulated, "seed": self.run.seed}
        about["validator"] = validator_found(self.run.planted_tests(), how["alpha"])
        # 04 knew the report before this one; what was named first is on record in this one.
        about |= {"config": self.run.config, "seen_before": self.stated["configuration"]}
        made = metrics_report(self.responses, self.scores, self.summary, comparisons, **how, **about)
        return as_written(made)

    def metrics(self, signature: str) -> dict[str, Any]:
        return as_written(metrics_json(self.summary, self.models, self.run.simulated, signature))

    def markdown(self, report: Mapping[str, Any], commentary: reporting.Commentary) -> str:
        """analysis_report.md as 05 would write it now, around the commentary that is on record."""
        primary = report["configuration"]["primary_metrics"]
        worst = reporting.worst_cases(self.responses, self.scores, self.cases, primary)
        figures = reporting.figures(report, self.scores, self.responses)
        return reporting.write(report, commentary, worst, figures)


def verify(run: Run) -> Verification:
    """Compute everything again and compare. Reads only; raises RunError for files that cannot be read."""
    found, again = Verification(), Recomputed(run)
    _check_responses(found, again)
    _check_scores(found, again)
    report = again.report | {"signature": _signature(found, again)}
    aside = ("run_timestamp", INPUTS)  # what was computed when, and from which bytes
    stated = {name: value for name, value in again.stated.items() if name not in aside}
    computed = {name: value for name, value in report.items() if name not in aside}
    found.add("metrics_report.json", _count(computed), values_apart("metrics_report.json", stated, computed))
    if "run_timestamp" not in again.stated:
        found.differences.append(Difference("metrics_report.json", "run_timestamp", None, "a time"))
    metrics = again.metrics(report["signature"])
    found.add("metrics.json", _count(metrics), values_apart("metrics.json", run.metrics(), metrics))
    _check_report(found, again, report)
    found.notes.append(NEVER)
    return found


def _check_responses(found: Verification, again: Recomputed) -> None:
    """Each response against the journal, and the combined file against them."""
    run, raw = again.run, again.raw
    journal, files = run.path / "calls.sqlite", run.response_files()
    if journal.exists():
        differ = list(responses_apart(raw, again.cases, replies_on_record(journal), files))
        for model, name in files.items():
            count = int((raw["model"] == model).sum())
            found.add(name, count, (one for one in differ if one.file == name))
    else:
        found.notes.append(
            "Responses are taken as they stand: there is no calls.sqlite that holds what came back."
        )
    path = run.path / "combined_model_responses.csv"
    if path.exists():
        text, recomputed = path.read_bytes().decode("utf-8-sig"), table_text(run.combined(raw))
        found.add(path.name, len(raw), cells_apart(path.name, text, recomputed))


def _check_scores(found: Verification, again: Recomputed) -> None:
    key, columns = ("id", "model", "round", "metric"), ("value", "reason", "test_case", "category")
    stated, recomputed = (table.to_dict("records") for table in (again.run.scores(), again.scores))
    found.add("scores.csv", len(recomputed), rows_apart("scores.csv", stated, recomputed, key, columns))


def _signature(found: Verification, again: Recomputed) -> str:
    """The recomputed signature with the versions of the stated one: another version is told, no error."""
    stated, ours = str(again.stated.get("signature")), str(again.report["signature"])
    theirs, here = parts(stated), parts(ours)
    for name in VERSIONS:
        if name in theirs and theirs[name] != here[name]:
            found.notes.append(f"Made with {name} {theirs[name]}, recomputed with {name} {here[name]}.")
            ours = ours.replace(f"{name}:{here[name]}", f"{name}:{theirs[name]}")
    return ours


def _check_report(found: Verification, again: Recomputed, report: Mapping[str, Any]) -> None:
    """The report's text, line by line, and its commentary against the recomputed numbers."""
    run = again.run
    path = run.path / "analysis_report.md"
    if not path.exists():
        found.notes.append("There is no analysis_report.md: 05_report.ipynb has not run on this run.")
        return
    record = run.commentary()
    commentary = reporting.Commentary.read(record)
    found.add("commentary.json", len(commentary.passages), _commentary_apart(record, commentary, report))
    text, recomputed = path.read_text("utf-8"), again.markdown(report, commentary)
    found.add(path.name, sum(1 for _ in numbers_in(recomputed)), lines_apart(path.name, text, recomputed))
    _check_page(found, run, recomputed)
    found.notes.append(
        f"The commentary's words are those of {commentary.model or 'no model'}: they are not recomputed, "
        "but checked against the recomputed numbers."
    )


def _check_page(found: Verification, run: Run, markdown: str) -> None:
    """The report's page against one that is made of the recomputed text: all words, no pictures."""
    page, name = run.path / "html" / "analysis_report.html", "html/analysis_report.html"
    if not page.exists():
        return
    with TemporaryDirectory() as folder:
        source = Path(folder) / "analysis_report.md"
        source.write_text(markdown, "utf-8")
        made = export_report(source, Path(folder) / "html" / page.name, simulated=run.simulated)
        stated, recomputed = page_text(page), page_text(made)
    found.add(name, sum(1 for _ in numbers_in(recomputed)), lines_apart(name, stated, recomputed))


def _commentary_apart(
    record: Mapping[str, Any], commentary: reporting.Commentary, report: Mapping[str, Any]
) -> Iterator[Difference]:
    """What a kept passage states and the numbers do not hold; what was counted and is not there."""
    facts = reporting.facts_of(report)
    for passage in commentary.passages:
        for problem in reporting.checked(passage, facts):
            yield Difference("commentary.json", f"passage {passage['title']!r}", passage["text"], problem)
    for one in commentary.left_out:
        now = reporting.checked({"title": one.title, "text": one.text}, facts)
        yield from values_apart("commentary.json", one.problems, now, f"left_out {one.title!r}.problems")
    counts = {name: record.get(name) for name in ("published", "withheld")}
    ours = {name: commentary.record()[name] for name in counts}
    yield from values_apart("commentary.json", counts, ours)


def as_written(value: Any) -> Any:
    """A value as its JSON file gives it back."""
    return json.loads(json_text(value))


def _count(value: Any) -> int:
    """The leaves of a nested value."""
    if isinstance(value, Mapping | list):
        return sum(_count(one) for one in (value.values() if isinstance(value, Mapping) else value))
    return 1
