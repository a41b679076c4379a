"""What every statistic asks of its arguments."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from benchkit.errors import UsageError

Array = NDArray[np.float64]
Labels = Sequence[object] | NDArray[np.generic]


def require(met: bool, message: str) -> None:
    """Raise `UsageError` with the message unless the condition is met."""
    if not met:
        raise UsageError(message)


def vector(values: ArrayLike, name: str) -> Array:
    """A flat float array without NaN or infinity, else `UsageError`."""
    array = np.asarray(values, dtype=np.float64)
    require(array.ndim == 1, f"{name} has shape {array.shape}; give one value per case, shape (n,).")
    bad = np.flatnonzero(~np.isfinite(array))
    where = f" at position {bad[0]}" if bad.size else ""
    require(
        not bad.size,
        f"{name} has {bad.size} values that are NaN or infinite, the first{where}; "
        "drop the cases without a score before comparing.",
    )
    return array


def rounds_table(values: ArrayLike, name: str = "values") -> Array:
    """A float array of shape (cases, rounds), NaN where a response is unscored, else `UsageError`."""
    array = np.asarray(values, dtype=np.float64)
    require(
        array.ndim == 2, f"{name} has shape {array.shape}; give shape (cases, rounds), NaN where unscored."
    )
    require(
        not np.isinf(array).any(), f"{name} holds infinite scores; use NaN for a response without a score."
    )
    return array


def cluster_codes(clusters: Labels | None, n: int) -> NDArray[np.intp] | None:
    """Labels as integers from 0 in label order; None for no clusters. One label per case, or `UsageError`."""
    if clusters is None:
        return None
    whole = isinstance(clusters, np.ndarray) and clusters.dtype.kind in "iu"
    labels = np.asarray(clusters if whole else [str(label) for label in clusters])
    require(len(labels) == n, f"clusters has {len(labels)} labels for {n} cases; give one label per case.")
    return np.unique(labels, return_inverse=True)[1].reshape(-1)


def check_share(value: float, name: str) -> None:
    """`UsageError` unless a probability lies strictly between 0 and 1."""
    require(0 < value < 1, f"{name} is {value}; it must lie between 0 and 1, for example 0.05 or 0.8.")
