"""03, before it pays: what the planned answers can show, what would show more, and what either costs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from ..domain import KINDS
from ..errors import UsageError
from ..stats import (
    MOST_ROUNDS,
    CaseVariance,
    as_unsure_as,
    enough_cases,
    enough_rounds,
    planned_power,
    smallest_shown,
)
from .pilot import assumed, deciding_pairs, measured
from .plan_wording import sentence

if TYPE_CHECKING:
    import pandas as pd

POWER = 0.8
NAN = float("nan")
SMALLEST = 0.0001  # a smaller difference no run could find
UNKNOWN = (
    "Nothing is known yet of how the models vary on {}: what is said of it here is assumed, not measured. "
    "A pilot of some ten cases in two rounds or more would replace it."
)


@dataclass(frozen=True)
class Aim:
    """The rounds that are planned, and the difference that shall be found with `power` at `alpha`.

    Of several `comparisons` that decide together each has to pass Holm's first step: see `level`.
    """

    rounds: int
    detect: float
    alpha: float = 0.05
    power: float = POWER
    comparisons: int = 1

    def __post_init__(self) -> None:
        one = self.detect
        if isinstance(one, bool) or not isinstance(one, int | float) or not SMALLEST <= one < 1:
            raise UsageError(
                f"detect = {one!r} is not usable. "
                f"Name a difference from {SMALLEST:g} to below 1, such as 0.05."
            )
        if not self.alpha < self.power < 1:
            raise UsageError(
                f"power = {self.power!r} is not usable. Use a chance above alpha ({self.alpha:g}) and "
                "below 1, such as 0.8."
            )
        if type(self.rounds) is not int or not 1 <= self.rounds <= MOST_ROUNDS:
            raise UsageError(
                f"rounds = {self.rounds!r} is not usable. Use a whole number from 1 to {MOST_ROUNDS}."
            )

    @property
    def level(self) -> float:
        """The alpha that each comparison is planned with."""
        return self.alpha / self.comparisons


@dataclass(frozen=True)
class Outlook:
    """What a run can detect. `table` has a row a kind and pair (or assumption), `designs` n against K."""

    table: pd.DataFrame
    designs: pd.DataFrame
    aim: Aim

    @property
    def sentences(self) -> list[str]:
        """The plan in words: each kind's pair that is hardest to tell apart, or every assumption."""
        guesses = self.table[self.table["pilot_cases"] == 0]
        kinds = " and ".join(dict.fromkeys(guesses["metric"]))
        seen = widest(self.table.drop(index=guesses.index))
        told = [sentence(row, self.aim) for table in (seen, guesses) for row in table.to_dict("records")]
        useless = self.table[~self.table["usable"]].to_dict("records")
        lost = [f"{row['metric']} ({row['basis']}): {row['note']}" for row in useless]
        return lost + ([UNKNOWN.format(kinds)] if kinds else []) + told

    def _repr_markdown_(self) -> str:
        return "\n".join(f"- {one}" for one in self.sentences)


def plan_detection(
    scores: pd.DataFrame,
    n: Mapping[str, int],
    primary: Mapping[str, str],
    aim: Aim,
    clusters: Mapping[str, float] | None = None,
    *,
    models: Sequence[str] = (),
    reference: str = "",
    again: bool = False,
) -> Outlook:
    """What `n` cases of each kind can show on its primary metric, judged by a pilot's scores.

    A kind of which the pilot knows nothing is planned with a range of assumptions, named as such. `clusters`
    are those that the comparison will take for its sample (`clusters_of`): few of them take more cases. The
    `models` to be compared (those of the pilot) say how many comparisons decide together. With `again` the
    plan is for the pilot itself once more: clusters are those that each comparison had, and so are the cases
    where `n` is all of the pilot's.
    """
    import pandas as pd

    pairs = deciding_pairs(list(models) or list(dict.fromkeys(scores["model"])), reference)
    aim = replace(aim, comparisons=max(1, len(pairs)))
    wanted = {kind: primary[kind] for kind in KINDS if n.get(kind) and kind in primary}
    basis = [
        row
        for kind, metric in wanted.items()
        for row in measured(scores, kind, metric, reference, clustered=again or kind in (clusters or {}))
    ]
    told = {row["test_case"] for row in basis if row["usable"]}
    basis += [row for kind, metric in wanted.items() if kind not in told for row in assumed(kind, metric)]
    all_cases = scores.groupby("metric")["id"].nunique().to_dict()
    rows = []
    for row in basis:
        own = again and row["pilot_cases"] > 1
        size = n[row["test_case"]]
        row |= {} if own else {"clusters": (clusters or {}).get(row["test_case"], NAN)}
        whole = own and size == all_cases.get(row["metric"])
        rows.append(row | _detection(row, row["pilot_cases"] if whole else size, aim))
    table = pd.DataFrame(rows)
    designs = [one for row in widest(table).to_dict("records") for one in _designs(row, aim)]
    return Outlook(table.astype({"rounds_needed": "Int64"}), pd.DataFrame(designs), aim)


def widest(table: pd.DataFrame) -> pd.DataFrame:
    """Per kind the usable row that detects least: the pair or assumption that is hardest to plan for."""
    usable = table[table["usable"]] if len(table) else table
    if not len(usable):
        return usable
    return usable.loc[usable.groupby("test_case", sort=False)["detectable"].idxmax()]


def cases_for(outlook: Outlook) -> dict[str, int]:
    """Per kind the cases that the wanted difference takes, for the pair that takes most; none unheard of."""
    rows = widest(outlook.table).to_dict("records")
    return {
        row["test_case"]: int(row["cases_needed"])
        for row in rows
        if row["cases_needed"] == row["cases_needed"]
    }


def power_curve(row: Mapping[str, Any], aim: Aim) -> pd.DataFrame:
    """n, power and rounds around the planned n, for one row of the outlook's table: what plot_power takes."""
    import numpy as np
    import pandas as pd

    needed = row["cases_needed"] if row["cases_needed"] == row["cases_needed"] else 0
    most = max(3 * row["n"], 1.2 * needed, 10)
    # The planned n and the needed one are points of their own, so that a figure reads off what the text says.
    own = [row["n"], *([int(needed) - 1, int(needed)] if needed else [])]
    sizes = np.unique([*np.geomspace(2, most, 60).astype(int).tolist(), *own])
    rounds = {1, aim.rounds, 2 * aim.rounds} if row["separable"] else {aim.rounds}
    return pd.DataFrame(
        [
            {"n": n, "rounds": k, "power": _power(row, n, k, aim)}
            for k in sorted(rounds)
            for n in map(int, sizes)
            if n > 1
        ]
    )


def _variance(row: Mapping[str, Any]) -> CaseVariance:
    clusters = None if row["clusters"] != row["clusters"] else float(row["clusters"])
    parts = row["omega2"], row["sigma2_a"], row["sigma2_b"]
    return CaseVariance(*parts, row["pilot_rounds"], row["df"], clusters, bool(row["separable"]))


def _power(row: Mapping[str, Any], n: int, rounds: int, aim: Aim) -> float:
    known = _variance(row)
    parts = known.omega2, known.sigma2_a, known.sigma2_b, rounds, rounds
    return planned_power(aim.detect, n, *parts, alpha=aim.level, clusters=known.clusters)


def _detection(row: Mapping[str, Any], n: int, aim: Aim) -> dict[str, Any]:
    """What n cases do under a row's variances, and what the wanted difference takes."""
    nan, k = float("nan"), aim.rounds
    if not row["usable"]:
        unknown = dict.fromkeys(("detectable", "power", "cases_needed", "needed_low", "needed_high"), nan)
        return {"n": n, "rounds": k} | unknown | {"rounds_needed": None}
    known, how = _variance(row), {"alpha": aim.level, "power": aim.power}
    needed = enough_cases(known, aim.detect, k, **how)
    low, high = (nan, nan) if needed is None else as_unsure_as(known.df, needed)
    return {
        "n": n,
        "rounds": k,
        "detectable": smallest_shown(known, n, k, **how),
        "power": _power(row, n, k, aim) if n > 1 else nan,
        "cases_needed": nan if needed is None else needed,
        "needed_low": low,
        "needed_high": high,
        "rounds_needed": enough_rounds(known, aim.detect, n, **how),
    }


def _designs(row: Mapping[str, Any], aim: Aim) -> list[dict[str, Any]]:
    """n against K: other ways to spend the calls that the plan spends on each model."""
    known, how = _variance(row), {"alpha": aim.level, "power": aim.power}
    if not known.separable:
        return []
    calls = row["n"] * aim.rounds
    about = {name: row[name] for name in ("test_case", "metric", "basis")} | {"calls_per_model": calls}
    return [
        about | {"n": calls // k, "rounds": k} | _shown(row, smallest_shown(known, calls // k, k, **how))
        for k in sorted({1, 2, 3, 5, 10, aim.rounds})
        if calls // k >= 2
    ]


def _shown(row: Mapping[str, Any], detectable: float) -> dict[str, Any]:
    """The smallest difference that is found, and what to be wary of in it."""
    remarks = (
        "more than there can be" if detectable > row["most"] else "",
        "" if row["told"] else "between cases not told from 0",
    )
    return {"detectable": detectable, "caution": "; ".join(filter(None, remarks))}
