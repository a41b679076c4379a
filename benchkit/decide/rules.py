"""What a decision rests on, named in 03 before an answer is seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from ..errors import UsageError
from ..metrics import INSTEAD, METRICS, PRIMARY, Metric, described
from ..run import Run
from ..values import check
from ..wording import KIND_NAMES, kind_name, listed

NAMED_IN = "03_execute"
PREFERENCE = "preference"  # as a primary metric: people decide
RULES = ("primary_metric", "alpha", "margin", "detect", "kind_weights", "category_weights")


@dataclass(frozen=True)
class Rules:
    """What decides, how sure one wants to be, and what would not matter.

    `alpha` is the chance, 0 to 0.4, to see a difference where there is none; `margin` the difference in score
    that would not matter; `detect` the difference that the run should find, both above 0 and below 1.
    `kind_weights` and `category_weights` are the shares that kinds and categories have in the work that the
    model is for; {} means equal kinds, and each category's share of the cases. A weight of 0 leaves a kind or
    category out of the decision. Raises UsageError for values outside their ranges.
    """

    primary_metric: str = ""  # what decides: a metric, or one per kind with a comma; "": the defaults
    alpha: float = 0.05
    margin: float = 0.05
    detect: float = 0.05
    kind_weights: Mapping[str, float] = field(default_factory=dict)
    category_weights: Mapping[str, float] = field(default_factory=dict)
    reference: str = ""  # 04's: the model that the others are held against

    def __post_init__(self) -> None:
        check(**{name: getattr(self, name) for name in RULES})

    @property
    def named(self) -> list[str]:
        """The parts of `primary_metric`."""
        return list(dict.fromkeys(filter(None, map(str.strip, self.primary_metric.split(",")))))

    @property
    def people_decide(self) -> bool:
        """Whether labels decide; the metrics that are named, or the defaults, then only correct them."""
        return PREFERENCE in self.named

    def primary(self, scores: pd.DataFrame) -> dict[str, str]:
        """{kind: the metric that decides on it}, of a table with `test_case` and, where it is one, `metric`.

        A kind without a named or default metric is decided by its single one. Raises UsageError for a metric
        that is not there, for two of one kind, and where several could decide and none is named.
        """
        measured = _metrics_by_kind(scores)
        chosen = _named(self.named, measured)
        for kind, metrics in measured.items():
            default = _default(kind, scores)
            if kind in chosen or (default and (default in metrics or not metrics)):
                chosen.setdefault(kind, default)
            elif len(metrics) == 1:
                chosen[kind] = metrics[0]
            else:
                raise UsageError(
                    f"primary_metric names none of {listed(metrics, 'or') or 'the metrics'} of "
                    f"{kind_name(kind)}. Name the one that decides."
                )
        return {kind: chosen[kind] for kind in measured}

    def check_fit(self, cases: pd.DataFrame) -> None:
        """Raises UsageError where the rules do not fit the cases, or scores: a kind or category that is not
        there, metrics that cannot be added."""
        _check_names("kind_weights", self.kind_weights, _present(cases, "test_case"))
        _check_names("category_weights", self.category_weights, _present(cases, "category"))
        self.units(cases)

    def units(self, scores: pd.DataFrame) -> dict[str, float]:
        """{kind: the difference on its deciding metric that is 1 in U}: 1, or, where metrics of different
        ranges are named, the width of its range.

        What is named settles it and not what can decide in the end, so that a margin means the same
        throughout. Raises UsageError where metrics are named together of which one has no range.
        """
        primary = self.primary(scores)
        weighed = [kind for kind, weight in self.weights(primary).items() if weight]
        ranges = {primary[kind]: _metric(primary[kind], scores) for kind in weighed}
        found = {name: one for name, one in ranges.items() if one} if not self.people_decide else {}
        if len(found) > 1 and (endless := [one for one in found.values() if one.span is None]):
            raise UsageError(_no_common_size(endless[0], found))
        if len({one.span for one in found.values()}) < 2:
            return dict.fromkeys(primary, 1.0)
        return {kind: found[name].span or 1.0 if name in found else 1.0 for kind, name in primary.items()}

    def weights(self, kinds: Iterable[str]) -> dict[str, float]:
        """The share of each kind in U; those that are not named weigh nothing, {} means equal shares."""
        other = 0.0 if self.kind_weights else 1.0
        given = {kind: float(self.kind_weights.get(kind, other)) for kind in kinds}
        total = sum(given.values())
        return {kind: weight / total if total else 0.0 for kind, weight in given.items()}


def rules_of(run: Run, **given: Any) -> Rules:
    """The rules that 03 recorded in a run, `given` ones in their place."""
    named = {name: run.parameter(NAMED_IN, name) for name in RULES}
    return Rules(**{name: value for name, value in named.items() if value is not None} | given)


def _default(kind: str, scores: pd.DataFrame) -> str:
    """What decides on a kind that no metric is named for, as far as the scores have a value of it."""
    usual = PRIMARY.get(kind, "")
    if kind not in INSTEAD or "metric" not in scores:
        return usual
    return usual if scores.loc[scores["metric"] == usual, "value"].notna().any() else INSTEAD[kind]


def _metric(name: str, scores: pd.DataFrame) -> Metric | None:
    """The descriptor of a deciding metric, of an unknown one as its values show it; None without a value."""
    if "value" not in scores:  # cases
        return described(name)
    values = scores.loc[scores["metric"] == name, "value"]
    return described(name, values=values if name not in METRICS else ()) if values.notna().any() else None


def _no_common_size(one: Metric, among: Iterable[str]) -> str:
    lacks = "upper" if one.low is not None else "lower" if one.high is not None else "lower and no upper"
    others = listed(name for name in among if name != one.name)
    return (
        f"{one.name} has no {lacks} end, so that its differences have no size to be added to those of "
        f"{others}. Name a metric with both ends in primary_metric, leave a kind out by a weight of 0 in "
        "kind_weights, or add a metric of your own with benchkit.metrics.add_metric, with low and high."
    )


def _named(names: Iterable[str], measured: Mapping[str, list[str]]) -> dict[str, str]:
    there = [name for metrics in measured.values() for name in metrics]
    chosen: dict[str, str] = {}
    for name in (name for name in names if name != PREFERENCE):
        if name not in there and name not in METRICS:
            known = listed([*(sorted(set(there)) or METRICS), PREFERENCE], "or")
            raise UsageError(
                f"primary_metric = {name!r} is not known. Use {known}; one of your own has to be added "
                "first, with benchkit.metrics.add_metric."
            )
        kinds = [kind for kind, metrics in measured.items() if name in metrics]
        for kind in kinds or [METRICS[name].kind]:
            if kind in chosen:
                raise UsageError(
                    f"primary_metric names {chosen[kind]} and {name} for {kind_name(kind)}. "
                    "Name one per kind."
                )
            chosen[kind] = name
    return chosen


def check_primary(named: str) -> None:
    """Raises UsageError for metrics that cannot decide, as far as that is known before there are cases."""
    _named(Rules(primary_metric=named).named, {})


def _metrics_by_kind(scores: pd.DataFrame) -> dict[str, list[str]]:
    """The metrics of each kind, known ones in the order of KIND_NAMES first; none where no scores are."""
    there = _present(scores, "test_case")
    kinds = sorted(there, key=lambda kind: [*KIND_NAMES, kind].index(kind))
    if "metric" not in scores:
        return {kind: [] for kind in kinds}
    return {kind: _present(scores[scores["test_case"] == kind], "metric") for kind in kinds}


def _present(table: pd.DataFrame, column: str) -> list[str]:
    return [str(one) for one in table[column].dropna().unique()] if column in table else []


def _check_names(name: str, weights: Mapping[str, float], known: list[str]) -> None:
    """Weights name everything that is there, and nothing else."""
    if not weights:
        return
    if unknown := [one for one in weights if one not in known]:
        raise UsageError(f"{name} names {listed(unknown)}; the cases have {listed(known) or 'none'}.")
    if missing := [one for one in known if one not in weights]:
        raise UsageError(f"{name} leaves out {listed(missing)}. Give each a weight, 0 to leave it out.")
