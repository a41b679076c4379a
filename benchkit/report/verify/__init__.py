"""A finished run, computed again from its CSV files: which of the published numbers, if any, differ."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from ... import report as reporting
from ...claims import numbers_in
from ...run import made_with
from ...run.lock import check_free
from ...run.tables import table_text
from ...signature import PACKAGES, parts
from ..export import export_report, page_text
from .answers import replies_on_record, responses_apart
from .apart import Difference, cells_apart, lines_apart, rows_apart, values_apart
from .cases import CASES, cases_apart, judged_on_record
from .pages import PAGE, changed_since, figures_apart, pages_missing, pictures_apart
from .recomputed import ASIDE, Recomputed, recomputed

if TYPE_CHECKING:
    from ...run import Run

__all__ = ["Difference", "Verification", "verify"]
REPORT = "analysis_report.md"
LEFT_BY_05 = ("commentary.json", PAGE)
VERSIONS = ("benchkit", *PACKAGES)
NEVER = (
    "Not recomputed: run_timestamp (metrics_report.json); the pixels of figures/*.png (their alt texts and "
    "signatures are); the notebooks and their pages in html/, which show the same numbers (that no page is "
    "missing is checked)."
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


def verify(run: Run) -> Verification:
    """Compute everything again and compare. Reads only; raises RunError for files that cannot be read, and
    for a run that another process is at."""
    check_free(run.path)
    found = Verification()
    again, misnamed = recomputed(run)
    found.add("config.json", _count(made_with(run.config)), (d for d in misnamed if d.file == "config.json"))
    _check_cases(found, again)
    _check_responses(found, again)
    _check_scores(found, again)
    report = again.report | {"signature": _signature(found, again)}
    stated = {name: value for name, value in again.stated.items() if name not in ASIDE}
    computed = {name: value for name, value in report.items() if name not in ASIDE}
    found.add("metrics_report.json", _count(computed), values_apart("metrics_report.json", stated, computed))
    found.differences += [one for one in misnamed if one.file != "config.json"]
    if "run_timestamp" not in again.stated:
        found.differences.append(Difference("metrics_report.json", "run_timestamp", None, "a time"))
    metrics = again.metrics(report["signature"])
    found.add("metrics.json", _count(metrics), values_apart("metrics.json", run.metrics(), metrics))
    _check_report(found, again, report)
    found.differences += pages_missing(run.path, reported=(run.path / REPORT).exists())
    found.differences += changed_since(again.run.changed_since(again.stated))
    found.notes.append(NEVER)
    return found


def _check_cases(found: Verification, again: Recomputed) -> None:
    """The cases against what the validator was shown and said of them, and what the models were asked."""
    journal, cases = again.run.path / "calls.sqlite", again.run.validated_tests()
    if journal.exists():
        found.add(CASES, len(cases), cases_apart(cases, judged_on_record(journal), again.asked))


def _check_responses(found: Verification, again: Recomputed) -> None:
    """Each response against the journal, and the combined file against them."""
    run, raw = again.run, again.raw
    journal, files = run.path / "calls.sqlite", run.response_files()
    if journal.exists():
        differ = list(responses_apart(raw, again.cases, replies_on_record(journal), files, again.asked))
        for model, name in files.items():
            count = int((raw["model"] == model).sum())
            found.add(name, count, (one for one in differ if one.file == name))
    else:
        found.notes.append(
            "Responses are taken as they stand: there is no calls.sqlite that holds what came back."
        )
    path = run.path / "combined_model_responses.csv"
    if path.exists():
        text, ours = path.read_bytes().decode("utf-8-sig"), table_text(run.combined(raw))
        found.add(path.name, len(raw), cells_apart(path.name, text, ours))


def _check_scores(found: Verification, again: Recomputed) -> None:
    key, columns = ("id", "model", "round", "metric"), ("value", "reason", "test_case", "category")
    stated, ours = (table.to_dict("records") for table in (again.run.scores(), again.scores))
    found.add("scores.csv", len(ours), rows_apart("scores.csv", stated, ours, key, columns))


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
    path = run.path / REPORT
    if not path.exists():
        if any((run.path / name).exists() for name in LEFT_BY_05):
            found.differences.append(Difference(REPORT, "the file", "none", "the report that 05 wrote"))
        else:
            found.notes.append("There is no analysis_report.md: 05_report.ipynb has not run on this run.")
        return
    record = run.commentary()
    commentary = reporting.Commentary.read(record)
    found.add("commentary.json", len(commentary.passages), _commentary_apart(record, commentary, report))
    text, ours = path.read_text("utf-8"), again.markdown(report, commentary)
    found.add(path.name, sum(1 for _ in numbers_in(ours)), lines_apart(path.name, text, ours))
    for one in figures_apart(run.path, again.figures(report)):
        found.add(one.file, 1, iter((one,)))
    found.add("figures/*.png", len(again.figures(report)), iter(()))
    _check_page(found, run, ours)
    found.notes.append(
        f"The commentary's words are those of {commentary.model or 'no model'}: they are not recomputed, "
        "but checked against the recomputed numbers."
    )


def _check_page(found: Verification, run: Run, markdown: str) -> None:
    """The report's page: its words against the recomputed text's, its pictures against their files."""
    page = run.path / PAGE
    if not page.exists():
        return
    with TemporaryDirectory() as folder:
        source = Path(folder) / "analysis_report.md"
        source.write_text(markdown, "utf-8")
        made = export_report(source, Path(folder) / "html" / page.name, simulated=run.simulated)
        stated, ours = page_text(page), page_text(made)
    found.add(PAGE, sum(1 for _ in numbers_in(ours)), lines_apart(PAGE, stated, ours))
    found.add(PAGE, 0, pictures_apart(run.path, markdown))


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
        ours = reporting.sifted(one, facts)
        for name in ("kept", "sentences"):
            place = f"left_out {one.title!r}.{name}"
            yield from values_apart("commentary.json", getattr(one, name), getattr(ours, name), place)
    counts = {name: record.get(name, 0) for name in commentary.counts}
    yield from values_apart("commentary.json", counts, commentary.counts)


def _count(value: Any) -> int:
    """The leaves of a nested value."""
    if isinstance(value, Mapping | list):
        return sum(_count(one) for one in (value.values() if isinstance(value, Mapping) else value))
    return 1
