"""A run's numbers from its CSV files alone, by the functions and with the parameters of 04 and 05."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ... import report as reporting
from ...decide import metrics_report
from ...generate.cases import adopt_cases
from ...measure import align, compare, metrics_json, primary_metrics, score, summarise
from ...run import Run, made_with
from ...run.json_io import INPUTS, MADE_WITH, json_text
from ...validate.validator_audit import validator_found
from .answers import Key, prompts_on_record
from .apart import Difference, values_apart

if TYPE_CHECKING:
    from ...plots import Picture

ASIDE = ("run_timestamp", INPUTS, MADE_WITH)  # what was computed when, from which bytes and parameters


@dataclass(frozen=True, repr=False)
class AsMeasured(Run):
    """A run with the provider, seed and parameters of its last 04, whatever config.json says now."""

    then: Mapping[str, Any] = field(default_factory=dict)

    @property
    def config(self) -> dict[str, Any]:
        now = super().config
        return {**now, **self.then, "parameters": now["parameters"] | self.then["parameters"]}


class Recomputed:
    """A run's numbers from its CSV files alone, by the functions that 04 and 05 use."""

    def __init__(self, run: Run) -> None:
        """Raises RunError or InputError for CSV files that are missing, damaged or do not fit together."""
        self.run = run
        self.stated = run.metrics_report()
        self.raw, self.cases = run.responses(prompts=False), adopt_cases(run.validated_tests())
        self.responses = align(self.raw, self.cases, warn=False)
        self.models = list(self.responses["model"].unique())
        self.scores = score(self.responses, self.cases)
        self.summary = summarise(self.scores)
        self._figures: Mapping[str, Picture] = {}

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

    @cached_property
    def asked(self) -> dict[Key, list[str]]:
        """What the models were asked, by the journal, which is there."""
        return prompts_on_record(self.run.path / "calls.sqlite")

    def figures(self, report: Mapping[str, Any]) -> Mapping[str, Picture]:
        """Every figure that `report` shows, made once."""
        if not self._figures:
            self._figures = reporting.figures(report, self.scores, self.responses, self.run.path / "figures")
        return self._figures

    def metrics(self, signature: str) -> dict[str, Any]:
        return as_written(metrics_json(self.summary, self.models, self.run.simulated, signature))

    def markdown(self, report: Mapping[str, Any], commentary: reporting.Commentary) -> str:
        """analysis_report.md as 05 would write it now, around the commentary that is on record."""
        primary = report["configuration"]["primary_metrics"]
        worst = reporting.worst_cases(self.responses, self.scores, self.cases, primary)
        return reporting.write(report, commentary, worst, self.figures(report))


def recomputed(run: Run) -> tuple[Recomputed, list[Difference]]:
    """The run's numbers, and where config.json is not what the run was measured with.

    Whichever of the two gives the report's numbers is right about the other.
    """
    stated = run.metrics_report()
    then, now = stated.get(MADE_WITH), made_with(run.config)
    if then is None or not (apart := list(values_apart("config.json", now, then))):
        return Recomputed(run), []
    as_then = Recomputed(AsMeasured(run.path, then))
    if not _gives(as_then) and _gives(as_now := Recomputed(run)):
        return as_now, list(values_apart("metrics_report.json", then, now, MADE_WITH))
    return as_then, apart


def _gives(again: Recomputed) -> bool:
    """Whether the report's numbers are these."""
    mine, ours = ({k: v for k, v in one.items() if k not in ASIDE} for one in (again.stated, again.report))
    return not any(values_apart("", mine, ours))


def as_written(value: Any) -> Any:
    """A value as its JSON file gives it back."""
    return json.loads(json_text(value))
