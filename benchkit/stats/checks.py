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


def rounds_table(values: ArrayLike, name: str = "values") -> Array:
    """A float array of shape (…, cases, rounds), NaN where a response is unscored, else `UsageError`."""
    array = np.asarray(values, dtype=np.float64)
    require(
        array.ndim >= 2, f"{name} has shape {array.shape}; give shape (cases, rounds), NaN where unscored."
    )
    require(
        not np.isinf(array).any(), f"{name} holds infinite scores; use NaN for a response without a score."
    )
    return array


def check_share(value: float, name: str) -> None:
    """`UsageError` unless a probability lies strictly between 0 and 1."""
    require(0 < value < 1, f"{name} is {value}; it must lie between 0 and 1, for example 0.05 or 0.8.")
