"""Scores that were computed elsewhere, and which way is good."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from ..log import setup_logging
from ..metrics import turn
from ..wording import listed

if TYPE_CHECKING:
    import pandas as pd

    from ..run import Run

logger = setup_logging(__name__)


def brought(run: Run, lower_is_better: Collection[str] = ()) -> pd.DataFrame:
    """A run's brought scores; no rows where it has none. `lower_is_better` names metrics of them.

    Of every other metric that nobody described more is taken as better: that is said, here and among the
    `attrs["warnings"]` that the report repeats. Raises UsageError for a name that was not brought.
    """
    scores = run.brought_scores()
    values = {str(name): some.tolist() for name, some in scores.groupby("metric", sort=False)["value"]}
    if assumed := turn(values, lower_is_better):
        said = f"Nobody said which way is good of {listed(assumed)}: higher is taken as better"
        said += ". Where lower is, name it in 04's lower_is_better."
        scores.attrs["warnings"] = [*scores.attrs.get("warnings", ()), said]
    for warning in scores.attrs.get("warnings", ()):
        logger.warning(warning)
    return scores
