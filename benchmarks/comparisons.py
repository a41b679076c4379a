"""How long 04's statistics take for many models and cases, beside the bare t tests.

    python benchmarks/comparisons.py [MODELS] [CASES] [ROUNDS] [REPEATS]

A made-up scores table of MODELS (10) models, CASES (10,000) cases of either kind, ROUNDS (3) rounds and all
8 metrics goes through what 04 does to scores: means, every pair compared (t and bootstrap interval, sign
flips, Holm, decision), rounds and variances. Beside it the floor: scipy's `ttest_rel` over the same per-case
means, which knows no clusters, bootstrap, sign flips or unscored answers, with and without the means being
made by pandas. Wall-clock seconds and peak memory of the process.
"""

from __future__ import annotations

import os
import platform
import resource
import statistics
import sys
import time
from collections.abc import Callable
from itertools import combinations

import numpy as np
import pandas as pd
from scipy import stats as scipy_stats

from benchkit.domain import CATEGORIES
from benchkit.measure import METRICS, PRIMARY, compare, round_agreement, summarise, variance_split


def score_table(models: list[str], cases: int, rounds: int, seed: int = 0) -> pd.DataFrame:
    """Scores of models that differ a little, one in a hundred of them unscored."""
    rng, frames = np.random.default_rng(seed), []
    for name, metric in METRICS.items():
        level = rng.uniform(0.3, 0.9, (cases, 1, 1)) + np.linspace(0, 0.03, len(models))[None, :, None]
        values = np.clip(level + rng.normal(0, 0.15, (cases, len(models), rounds)), 0, 1)
        values = (values > 0.5).astype(float) if metric.binary else values
        values[rng.random(values.shape) < 0.01] = np.nan
        case, model, round = np.indices(values.shape).reshape(3, -1)
        ids = np.array([f"{metric.kind}-{i:05d}" for i in range(cases)], dtype=object)
        columns = {"id": ids[case], "model": np.array(models, dtype=object)[model], "round": round + 1}
        columns |= {"category": np.array(CATEGORIES, dtype=object)[case % 5], "value": values.ravel()}
        frames.append(pd.DataFrame(columns).assign(metric=name, test_case=metric.kind, reason=""))
    return pd.concat(frames, ignore_index=True)


def means_by_pandas(scores: pd.DataFrame) -> list[np.ndarray]:
    """Per metric the case means, (cases, models)."""
    return [
        some.groupby(["id", "model"])["value"].mean().unstack().to_numpy()
        for _, some in scores.groupby("metric", sort=False)
    ]


def bare_tests(means: list[np.ndarray]) -> list[float]:
    return [
        float(scipy_stats.ttest_rel(table[:, a], table[:, b], nan_policy="omit").pvalue)
        for table in means
        for a, b in combinations(range(table.shape[1]), 2)
    ]


def timed(about: str, work: Callable[[], object], repeats: int) -> float:
    times = []
    for _ in range(repeats):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    middle = statistics.median(times)
    print(f"{about:58} {middle:8.2f}   {min(times):.2f} to {max(times):.2f} ({repeats})", flush=True)
    return middle


def main(models: int = 10, cases: int = 10_000, rounds: int = 3, repeats: int = 3) -> None:
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.system()} {platform.machine()}, {cores} cores, Python {platform.python_version()}")
    names = [f"offline/model-{i}" for i in range(models)]
    scores = score_table(names, cases, rounds)
    size = (
        f"{models} models, {cases:,} cases, {rounds} rounds, {len(METRICS)} metrics: {len(scores):,} scores"
    )
    print(f"{size}, {models * (models - 1) // 2} pairs\n{'':58}   median   range (runs)")
    ours = [
        timed("means (summarise)", lambda: summarise(scores), repeats),
        timed("comparisons (compare)", lambda: compare(scores, names, PRIMARY, margin=0.05), repeats),
        timed("agreement between rounds, pass^k", lambda: round_agreement(scores, names), repeats),
        timed("variance between cases and rounds", lambda: variance_split(scores, names), repeats),
    ]
    print(f"{'benchkit, all of it':58} {sum(ours):8.2f}")
    means = means_by_pandas(scores)
    timed("floor: scipy ttest_rel over ready means", lambda: bare_tests(means), repeats)
    timed("floor: pandas means and ttest_rel", lambda: bare_tests(means_by_pandas(scores)), repeats)
    print(f"peak memory {resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024:,.0f} MB")


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:]))
