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


def rounds_table(values: ArrayLike) -> Array:
    """A float array of shape (…, cases, rounds), NaN where a response is unscored, else `UsageError`."""
    array = np.asarray(values, dtype=np.float64)
    fits = array.ndim >= 2 and not np.isinf(array).any()
    require(fits, "Give finite scores of shape (cases, rounds), NaN for a response without one.")
    return array
