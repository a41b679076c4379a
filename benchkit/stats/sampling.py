"""How cases were sampled: in which categories, at which weights, in which families."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchkit.stats.checks import Array, Labels, require
from benchkit.stats.estimates import normalised

Codes = NDArray[np.intp]


@dataclass(frozen=True, slots=True)
class Design:
    """How cases were sampled: made once by `design`, used by every comparison of the same n cases."""

    n: int
    strata: Codes  # (n,) which stratum
    labels: tuple[str, ...]  # of the strata
    weights: Array  # (strata,) sum 1
    families: Codes | None  # (n,) which family; None where every case is its own
    first: Codes | None  # (families,) the place of each family's first case


def design(
    n: int,
    strata: Labels | None = None,
    weights: Mapping[str, float] | None = None,
    families: Labels | None = None,
) -> Design:
    """Labels of n cases as a Design; `weights` by stratum, by default the cases' shares.

    Weights are normalised. Raises UsageError for labels that are not one per case, for a weight that names
    no stratum, and for a stratum without a weight (0 leaves it out). A family "" or None is a case of its
    own.
    """
    codes, labels = (np.zeros(n, dtype=np.intp), ("all",)) if strata is None else _codes(strata, n, "strata")
    shares = np.bincount(codes, minlength=len(labels)) if weights is None else _given(weights, labels)
    family, first = (None, None) if families is None else _families(families, n)
    used = normalised(shares.astype(np.float64), "category weights") if n else np.ones(len(labels))
    return Design(n, codes, labels, used, family, first)


def scored(whole: Design, kept: NDArray[np.bool_]) -> tuple[Design, list[str]]:
    """The design of the cases that have a value; strata without any hand their weight to the others."""
    if kept.all() and np.bincount(whole.strata, minlength=len(whole.labels)).all():
        return whole, []
    counts = np.bincount(whole.strata[kept], minlength=len(whole.labels))
    present = np.flatnonzero(counts)
    lost = [whole.labels[c] for c in np.flatnonzero(counts == 0) if whole.weights[c] > 0]
    notes = [f"No case with a value in {', '.join(lost)}: its weight goes to the others."] if lost else []
    weights = whole.weights[present]
    if weights.sum() > 0:
        weights = weights / weights.sum()
    else:
        present, notes = present[:0], [*notes, "No category with a weight has a case with a value."]
        kept = kept & False
    place = np.zeros(len(whole.labels), dtype=np.intp)
    place[present] = np.arange(len(present))
    family = first = None
    if whole.families is not None and whole.first is not None:
        seen, family = np.unique(whole.families[kept], return_inverse=True)
        first = whole.first[seen]
    labels = tuple(whole.labels[c] for c in present)
    return Design(int(kept.sum()), place[whole.strata[kept]], labels, weights, family, first), notes


def _codes(labels: Labels, n: int, name: str) -> tuple[Codes, tuple[str, ...]]:
    require(len(labels) == n, f"{name} has {len(labels)} labels for {n} cases; give one label per case.")
    known, codes = np.unique(np.asarray([str(label) for label in labels], dtype=str), return_inverse=True)
    return codes.reshape(-1), tuple(known.tolist())


def _given(weights: Mapping[str, float], labels: tuple[str, ...]) -> Array:
    unknown = sorted(set(map(str, weights)) - set(labels))
    require(not unknown, f"weights name {', '.join(unknown)}; the categories are {', '.join(labels)}.")
    without = sorted(set(labels) - set(map(str, weights)))
    require(not without, f"weights leave out {', '.join(without)}; give every category one, 0 to ignore it.")
    given = {str(label): value for label, value in weights.items()}
    return np.array([given[label] for label in labels], dtype=np.float64)


def _families(families: Labels, n: int) -> tuple[Codes | None, Codes | None]:
    require(len(families) == n, f"families has {len(families)} labels for {n} cases; give one per case.")
    own = [f"{label}" if _named(label) else f"\0{i}" for i, label in enumerate(families)]
    known, first, codes = np.unique(np.asarray(own, dtype=str), return_index=True, return_inverse=True)
    return (None, None) if len(known) == n else (codes.reshape(-1), first.astype(np.intp))


def _named(label: object) -> bool:
    return label is not None and label == label and str(label) != ""
