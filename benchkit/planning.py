"""03, before it pays: what the planned answers can show, what would show more, and what either costs."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING, Any

from .domain import KINDS
from .errors import UsageError
from .measure import score, settle
from .stats import (
    cases_needed,
    detectable_difference,
    effective_clusters,
    planned_power,
    rounds_needed,
    same_cost_designs,
    variance_components,
)

if TYPE_CHECKING:
    import pandas as pd

POWER = 0.8
MOST_PILOT_CASES = 500  # of a kind: more would take time to score and change no plan
# ω² and both σ² of pairs of models that one may meet, from tame to wild. The second is what two real models
# did on 198 public questions scored 0 or 1; the last is as much as two unrelated models can do.
ASSUMED = (
    ("graded scores that vary little", 0.02, 0.02),
    ("0/1 scores, as of two real models on public questions", 0.12, 0.083),
    ("0/1 scores at worst, rounds alike", 0.50, 0.0),
)
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


def pilot_scores(responses: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """The scores of a pilot's answers, of at most its first 500 cases a kind; no rows without answers."""
    some = cases.groupby("test_case", sort=False).head(MOST_PILOT_CASES)
    answers = responses[responses["id"].isin(some["id"])]
    if not len(answers):
        return score(answers, some)
    return score(settle(answers, some), some)


def clusters_of(cases: pd.DataFrame) -> dict[str, float]:
    """Per kind the clusters of one size that its categories are worth; a kind of one category has none."""
    some = {str(kind): rows["category"] for kind, rows in cases.groupby("test_case", sort=False)}
    return {kind: effective_clusters(list(of)) for kind, of in some.items() if of.nunique() > 1}


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


def measured(scores: pd.DataFrame, kind: str, metric: str) -> list[dict[str, Any]]:
    """The variances of each pair of models on one metric, as a pilot shows them."""
    some = scores[scores["metric"] == metric]
    wide = some.pivot(index="id", columns=["model", "round"], values="value")
    models = list(dict.fromkeys(some["model"]))
    return [_variances(wide, kind, metric, *pair) for pair in combinations(models, 2)]


def _variances(wide: pd.DataFrame, kind: str, metric: str, a: str, b: str) -> dict[str, Any]:
    found = variance_components(wide[a].to_numpy(float), wide[b].to_numpy(float))
    flat = found.n > 1 and found.omega2 + found.sigma2_a + found.sigma2_b == 0
    notes = (*found.warnings, *(["The pilot shows no variance at all, so it says nothing."] if flat else []))
    return {
        "test_case": kind,
        "metric": metric,
        "model_a": a,
        "model_b": b,
        "basis": f"measured: {a} and {b}, {_size(found.n, wide[a].shape[1])}",
        "label": metric,
        "pilot_cases": max(1, found.n),
        "omega2": found.omega2,
        "sigma2_a": found.sigma2_a,
        "sigma2_b": found.sigma2_b,
        "separable": found.separable,
        "usable": found.n > 1 and not flat,
        "note": " ".join(notes),
    }


def assumed(kind: str, metric: str) -> list[dict[str, Any]]:
    """Rows like the measured ones, for a range of variances that nobody has measured here."""
    return [
        {
            "test_case": kind,
            "metric": metric,
            "model_a": "A",
            "model_b": "B",
            "basis": f"assumed: {name}",
            "label": f"{metric} (assumed)",
            "pilot_cases": 0,
            "omega2": omega2,
            "sigma2_a": sigma2,
            "sigma2_b": sigma2,
            "separable": True,
            "usable": True,
            "note": "",
        }
        for name, omega2, sigma2 in ASSUMED
    ]


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


def _size(cases: int, rounds: int) -> str:
    return f"{cases} {'case' if cases == 1 else 'cases'} × {rounds} {'round' if rounds == 1 else 'rounds'}"


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
    size = _size(row["n"], aim.rounds)
    chance = "an unknown chance" if row["power"] != row["power"] else f"{100 * row['power']:.0f} %"
    unsure = ""
    if row["needed_low"] == row["needed_low"]:
        unsure = f" ({row['needed_low']:,.0f} to {row['needed_high']:,.0f}: the pilot knows it no better)"
    return (
        f"{row['metric']} ({row['basis']}): {size} find a difference of {row['detectable']:.3f} with "
        f"{100 * aim.power:.0f} % power, and one of {aim.detect:g} with {chance}. "
        f"For that about {row['cases_needed']:,.0f} cases are needed{unsure}. {row['note']}"
    ).rstrip()
