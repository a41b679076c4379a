"""A table of scores as arrays: models, cases, rounds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from ..domain import is_control
from ..errors import InputError
from ..metrics import METRICS, Metric, described, in_order
from ..wording import ALL

if TYPE_CHECKING:
    from ..stats import Design

NEEDED = ("id", "model", "round", "metric", "value")
OPTIONAL = ("test_case", "category", "family", "reason")
UNDEFINED = "undefined"  # how the reason begins where a case leaves a metric nothing to compare


def of_models(scores: pd.DataFrame) -> pd.DataFrame:
    """The scores without those of controls."""
    controls = [model for model in scores["model"].unique() if is_control(model)]
    return scores[~scores["model"].isin(controls)]


def in_full(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores with every column: what is not there is empty, a kind that nobody named ALL.

    Needs NEEDED; raises InputError where one is missing.
    """
    if missing := [name for name in NEEDED if name not in scores]:
        raise InputError(f"The scores have no column {', '.join(missing)}. Give {', '.join(NEEDED)}.")
    absent = {name: "" for name in OPTIONAL if name not in scores}
    scores = scores.assign(**absent)
    scores = scores.fillna({name: "" for name in OPTIONAL if scores[name].hasnans})
    if (unnamed := scores["test_case"] == "").any():
        known = {name: METRICS[name].kind if name in METRICS else ALL for name in scores["metric"].unique()}
        kinds = scores.loc[unnamed, "metric"].map(known)
        scores = scores.assign(test_case=scores["test_case"].mask(unnamed, kinds))
    return scores


def complete(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores of models, without controls, with every column (`in_full`).

    Raises InputError where a column is missing, where a response has two values of one metric, or where fewer
    than two models are scored.
    """
    scores = of_models(in_full(scores))
    twice = scores.duplicated(["id", "model", "round", "metric"])
    if twice.any():
        row = scores[twice].iloc[0]
        raise InputError(
            f"{row['model']} has two scores on {row['metric']} for case {row['id']}, round {row['round']}. "
            "Keep one."
        )
    if scores["model"].nunique() < 2:
        found = ", ".join(scores["model"].unique()) or "no model"
        raise InputError(f"The scores are of {found} alone; a comparison needs two or more models.")
    return scores


@dataclass(frozen=True)
class Measured:
    """All scores of one metric: `values` (models, cases, rounds), NaN where there is none."""

    metric: Metric
    kind: str
    models: tuple[str, ...]
    ids: np.ndarray  # (cases,)
    category: np.ndarray  # (cases,) labels, "" for none
    family: np.ndarray  # (cases,) labels, "" for a case of its own
    values: np.ndarray
    asked: np.ndarray  # (models, cases, rounds): there is a row, with a value or without
    delivered: np.ndarray  # (models, cases, rounds): there is a value, and the model earned it by an answer
    undefined: np.ndarray  # (cases,): the case leaves this metric nothing to compare
    weightless: int = 0  # further cases that were left out, as their category has a weight of 0

    @property
    def sign(self) -> int:
        """1 where more is better, else −1."""
        return -1 if self.metric.lower_is_better else 1

    @cached_property
    def means(self) -> np.ndarray:
        """Per-case means over scored rounds, (models, cases); NaN where none is."""
        from ..stats import case_means

        return case_means(self.values)

    @property
    def unscored(self) -> np.ndarray:
        """(models, cases, rounds): what was asked and has no value."""
        return self.asked & np.isnan(self.values)

    @property
    def labels(self) -> list[str]:
        """The cases' categories."""
        return [str(label) for label in self.category]

    @property
    def families(self) -> list[str] | None:
        """The cases' families; None where no case has one."""
        return [str(label) for label in self.family] if any(self.family) else None

    def design(self, weights: Mapping[str, float]) -> Design:
        """Categories as strata, with weights or, where none is given, their shares of the planned cases."""
        from ..stats import design

        given = {label: weights[label] for label in sorted(set(self.labels)) if weights}
        return design(len(self.ids), self.labels, given if sum(given.values()) else None, self.families)

    @cached_property
    def shared(self) -> int:
        """Cases on which at least two models have a score."""
        return int(((~np.isnan(self.means)).sum(axis=0) > 1).sum())

    def of(self, model: str) -> np.ndarray:
        """A model's scores, (cases, rounds)."""
        return self.values[self.models.index(model)]

    def only(self, kept: np.ndarray) -> Measured:
        """The same over the cases that the mask `kept` names."""
        by_case = {name: getattr(self, name)[kept] for name in ("ids", "category", "family", "undefined")}
        by_round = {name: getattr(self, name)[:, kept] for name in ("values", "asked", "delivered")}
        return replace(self, **by_case, **by_round)

    def weighing(self, weights: Mapping[str, float]) -> Measured:
        """The same over the cases whose category weighs anything; all where none does, or none is named."""
        kept = np.array([not weights or weights[label] > 0 for label in self.labels], dtype=bool)
        if kept.all() or not kept.any():
            return self
        return replace(self.only(kept), weightless=int((~kept).sum()))

    def filled(self, by_model: Sequence[float]) -> Measured:
        """The same with what is unscored of each model at one value."""
        each = np.asarray(by_model, dtype=float)[:, None, None]
        return replace(self, values=np.where(self.unscored, each, self.values))


def measured(scores: pd.DataFrame, models: Sequence[str]) -> Iterator[Measured]:
    """Every kind's metrics that have scores, in the order of METRICS; `scores` as `complete` gives them."""
    scored, reason = scores["value"].notna(), scores["reason"]
    undefined = reason.isin([told for told in reason.unique() if told.startswith(UNDEFINED)])
    scores = scores.assign(
        delivered=(scored & (reason == "")).astype(float), undefined=(~scored & undefined).astype(float)
    )
    by_metric = dict(iter(scores.groupby("metric", sort=False)))
    for name in in_order(by_metric):
        rows = by_metric[name]
        for kind, some in rows.groupby("test_case", sort=False):
            yield _measured(described(name, str(kind), rows["value"]), str(kind), some, models)


def _measured(metric: Metric, kind: str, rows: pd.DataFrame, models: Sequence[str]) -> Measured:
    ids, first, arrays = as_arrays(rows, models, ("value", "delivered", "undefined"))
    category, family = (rows[name].to_numpy(dtype=object)[first] for name in ("category", "family"))
    left = np.nan_to_num(arrays["undefined"]).any(axis=(0, 2))
    asked, delivered = ~np.isnan(arrays["delivered"]), np.nan_to_num(arrays["delivered"]) > 0
    return Measured(
        metric, kind, tuple(models), ids, category, family, arrays["value"], asked, delivered, left
    )


def as_arrays(
    rows: pd.DataFrame, models: Sequence[str], columns: Sequence[str]
) -> tuple[np.ndarray, np.ndarray, Mapping[str, np.ndarray]]:
    """(ids, row of each id's first appearance, {column: (models, cases, rounds)}); NaN where no row is."""
    rows = rows[rows["model"].isin(list(models))]
    cases, ids = pd.factorize(rows["id"])
    rounds, numbers = pd.factorize(rows["round"], sort=True)
    named = rows["model"].astype(object)  # not with the categories of controls
    at = pd.Categorical(named, categories=list(models)).codes, cases, rounds
    arrays = {}
    for name in columns:
        arrays[name] = np.full((len(models), len(ids), len(numbers)), np.nan)
        arrays[name][at] = rows[name].to_numpy(dtype=float)
    return np.asarray(ids), np.unique(cases, return_index=True)[1], arrays


def pairs_of(models: Sequence[str], reference: str = "") -> list[tuple[str, str]]:
    """Every pair of models; a reference is the second of its pairs, and those come first."""
    others = [model for model in models if model != reference]
    against = [(model, reference) for model in others] if reference else []
    return against + [(a, b) for i, a in enumerate(others) for b in others[i + 1 :]]
