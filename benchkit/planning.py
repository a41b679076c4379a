"""03, before it pays: what the planned answers can show, what would show more, and what either costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .domain import KINDS
from .errors import UsageError
from .pilot import assumed, measured, size
from .stats import (
    cases_needed,
    detectable_difference,
    planned_power,
    rounds_needed,
    same_cost_designs,
)

if TYPE_CHECKING:
    import pandas as pd

POWER = 0.8
UNKNOWN = (
    "Nothing is known yet of how the models vary on {}: what is said of it here is assumed, not measured. "
    "A pilot of some ten cases in two rounds or more would replace it."
)


@dataclass(frozen=True)
class Aim:
    """The rounds that are planned, and the difference that shall be found with `power` at `alpha`."""

    rounds: int
    detect: float
    alpha: float = 0.05
    power: float = POWER

    def __post_init__(self) -> None:
        one = self.detect
        if isinstance(one, bool) or not isinstance(one, int | float) or not 0 < one < 1:
            raise UsageError(
                f"detect = {one!r} is not usable. Name a difference between 0 and 1, such as 0.05."
            )
        if not self.alpha < self.power < 1:
            raise UsageError(
                f"power = {self.power!r} is not usable. Use a chance above alpha ({self.alpha:g}) and "
                "below 1, such as 0.8."
            )
        if type(self.rounds) is not int or self.rounds < 1:
            raise UsageError(f"rounds = {self.rounds!r} is not usable. Use a whole number, 1 or more.")


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
        told = [_sentence(row, self.aim) for table in (seen, guesses) for row in table.to_dict("records")]
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
) -> Outlook:
    """What `n` cases of each kind can show on its primary metric, judged by a pilot's scores.

    A kind of which the pilot knows nothing is planned with a range of assumptions, named as such. `clusters`
    are those that the comparison will take for its sample (`clusters_of`): few of them take more cases.
    """
    import pandas as pd

    wanted = {kind: primary[kind] for kind in KINDS if n.get(kind) and kind in primary}
    basis = [row for kind, metric in wanted.items() for row in measured(scores, kind, metric)]
    told = {row["test_case"] for row in basis if row["usable"]}
    basis += [row for kind, metric in wanted.items() if kind not in told for row in assumed(kind, metric)]
    known = clusters or {}
    basis = [row | {"clusters": known.get(row["test_case"], float("nan"))} for row in basis]
    table = pd.DataFrame([row | _detection(row, n[row["test_case"]], aim) for row in basis])
    designs = [one for row in widest(table).to_dict("records") for one in _designs(row, aim)]
    return Outlook(table.astype({"rounds_needed": "Int64"}), pd.DataFrame(designs), aim)


def widest(table: pd.DataFrame) -> pd.DataFrame:
    """Per kind the usable row that detects least: the pair or assumption that is hardest to plan for."""
    usable = table[table["usable"]] if len(table) else table
    if not len(usable):
        return usable
    return usable.loc[usable.groupby("test_case", sort=False)["detectable"].idxmax()]


def cases_for(outlook: Outlook) -> dict[str, int]:
    """Per kind the cases that the wanted difference takes, for the pair that takes most."""
    rows = widest(outlook.table).to_dict("records")
    return {row["test_case"]: int(row["cases_needed"]) for row in rows}


def power_curve(row: Mapping[str, Any], aim: Aim) -> pd.DataFrame:
    """n, power and rounds around the planned n, for one row of the outlook's table: what plot_power takes."""
    import numpy as np
    import pandas as pd

    most = max(3 * row["n"], 1.2 * row["cases_needed"], 10)
    sizes = np.unique([*np.geomspace(2, most, 60).astype(int).tolist(), row["n"]])
    rounds = {1, aim.rounds, 2 * aim.rounds} if row["separable"] else {aim.rounds}
    return pd.DataFrame(
        [
            {"n": n, "rounds": k, "power": _power(row, n, k, aim)}
            for k in sorted(rounds)
            for n in map(int, sizes)
            if n > 1
        ]
    )


def _variance(row: Mapping[str, Any]) -> tuple[float, float, float]:
    return row["omega2"], row["sigma2_a"], row["sigma2_b"]


def _power(row: Mapping[str, Any], n: int, rounds: int, aim: Aim) -> float:
    how: dict[str, Any] = {"alpha": aim.alpha, "clusters": _clusters(row)}
    return planned_power(aim.detect, n, *_variance(row), rounds, rounds, **how)


def _detection(row: Mapping[str, Any], n: int, aim: Aim) -> dict[str, Any]:
    """What n cases do under a row's variances, and what the wanted difference takes."""
    nan, k = float("nan"), aim.rounds
    if not row["usable"]:
        unknown = dict.fromkeys(("detectable", "power", "cases_needed", "needed_low", "needed_high"), nan)
        return {"n": n, "rounds": k} | unknown | {"rounds_needed": None}
    variance, how = _variance(row), _how(row, aim)
    needed = cases_needed(aim.detect, *variance, k, k, **how)
    low, high = _as_unsure_as(row["pilot_cases"], needed)
    return {
        "n": n,
        "rounds": k,
        "detectable": detectable_difference(n, *variance, k, k, **how),
        "power": _power(row, n, k, aim) if n > 1 else nan,
        "cases_needed": needed,
        "needed_low": low,
        "needed_high": high,
        "rounds_needed": rounds_needed(aim.detect, n, *variance, **how) if row["separable"] else None,
    }


def _how(row: Mapping[str, Any], aim: Aim) -> dict[str, Any]:
    return {"alpha": aim.alpha, "power": aim.power, "clusters": _clusters(row)}


def _clusters(row: Mapping[str, Any]) -> float | None:
    return None if math.isnan(row["clusters"]) else float(row["clusters"])


def _as_unsure_as(pilot: int, needed: int) -> tuple[float, float]:
    """The 95 % interval of the cases needed, as the pilot's variance is known no better (chi-square)."""
    from scipy.stats import chi2

    if pilot < 2:
        return float("nan"), float("nan")
    low, high = (
        max(2.0, round(needed * (pilot - 1) / float(chi2.ppf(p, pilot - 1)))) for p in (0.975, 0.025)
    )
    return low, high


def _designs(row: Mapping[str, Any], aim: Aim) -> list[dict[str, Any]]:
    """n against K: other ways to spend the calls that the plan spends on each model."""
    calls, rounds = row["n"] * aim.rounds, tuple(sorted({1, 2, 3, 5, 10, aim.rounds}))
    if not row["separable"]:
        return []
    found = same_cost_designs(calls, *_variance(row), rounds=rounds, **_how(row, aim))
    about = {name: row[name] for name in ("test_case", "metric", "basis")}
    return [
        about | {"calls_per_model": calls, "n": one.n, "rounds": one.rounds, "detectable": one.detectable}
        for one in found
    ]


def _sentence(row: Mapping[str, Any], aim: Aim) -> str:
    planned = size(row["n"], aim.rounds)
    chance = "an unknown chance" if row["power"] != row["power"] else f"{100 * row['power']:.0f} %"
    unsure = ""
    if row["needed_low"] == row["needed_low"]:
        unsure = f" ({row['needed_low']:,.0f} to {row['needed_high']:,.0f}: the pilot knows it no better)"
    return (
        f"{row['metric']} ({row['basis']}): {planned} find a difference of {row['detectable']:.3f} with "
        f"{100 * aim.power:.0f} % power, and one of {aim.detect:g} with {chance}. "
        f"For that about {row['cases_needed']:,.0f} cases are needed{unsure}. {row['note']}"
    ).rstrip()
