"""Scores as arrays: models, cases, rounds."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..metrics import METRICS, Metric

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Measured:
    """All scores of one metric: `values` (models, cases, rounds), NaN where unscored."""

    metric: Metric
    models: tuple[str, ...]
    ids: np.ndarray
    category: np.ndarray  # (cases,)
    groups: np.ndarray  # the categories as whole numbers, (cases,)
    values: np.ndarray

    def of(self, model: str) -> np.ndarray:
        """A model's scores, (cases, rounds)."""
        return self.values[self.models.index(model)]

    def without(self, kept: np.ndarray) -> Measured:
        """The same over the cases that the mask `kept` names."""
        some = self.category[kept], self.groups[kept], self.values[:, kept]
        return Measured(self.metric, self.models, self.ids[kept], *some)


def measured(scores: pd.DataFrame, models: Sequence[str]) -> Iterator[Measured]:
    """Every metric that has scores, in the order of METRICS."""
    by_metric = dict(iter(scores.groupby("metric", sort=False)))
    for name, metric in METRICS.items():
        if name in by_metric:
            ids, category, values = as_array(by_metric[name], models, "value")
            yield Measured(metric, tuple(models), ids, category, numbered(category), values)


def as_array(
    rows: pd.DataFrame, models: Sequence[str], column: str
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """(ids, category of each, `column` as (models, cases, rounds)); NaN where there is no row."""
    import numpy as np
    import pandas as pd

    rows = rows[rows["model"].isin(list(models))]
    cases, ids = pd.factorize(rows["id"])
    rounds, numbers = pd.factorize(rows["round"], sort=True)
    values = np.full((len(models), len(ids), len(numbers)), np.nan)
    values[pd.Categorical(rows["model"], categories=list(models)).codes, cases, rounds] = rows[column]
    category = rows["category"].to_numpy()[np.unique(cases, return_index=True)[1]]
    return np.asarray(ids), category, values


def numbered(category: np.ndarray) -> np.ndarray:
    """Labels as whole numbers from 0."""
    import pandas as pd

    return pd.factorize(category)[0]


def clusters_of(groups: np.ndarray) -> np.ndarray | None:
    """Clusters of cases; None where one category holds them all and so tells nothing."""
    return groups if len(groups) and groups.min() != groups.max() else None


def pairs_of(models: Sequence[str], reference: str = "") -> list[tuple[str, str]]:
    """Every pair of models; a reference is the second of its pairs, and those come first."""
    others = [model for model in models if model != reference]
    against = [(model, reference) for model in others] if reference else []
    return against + [(a, b) for i, a in enumerate(others) for b in others[i + 1 :]]
