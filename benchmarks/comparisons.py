"""How long 04's statistics take for many models and cases, beside the bare t tests.

    python benchmarks/comparisons.py [MODELS] [CASES] [ROUNDS] [REPEATS]

A made-up scores table of MODELS (10) models, CASES (10,000) cases of either kind in five categories, ROUNDS
(3) rounds and all metrics that are computed from the answers (8) goes through what 04 and 05 do to scores:
every pair compared on every metric (stratified t, Holm), means, rounds, and the decision with its
simultaneous intervals, floors and sensitivity. Beside it the floor: scipy's `ttest_rel` over the same
per-case means, which knows no categories, families or unscored answers, with and without the means being
made by pandas. Wall-clock and CPU seconds, and the process's peak memory after each step; the table alone is
the first of those.
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

from benchkit.decide import Rules, compare, complete, decide
from benchkit.decide.rounds import round_agreement, variance_split
from benchkit.decide.table import measured
from benchkit.domain import CATEGORIES
from benchkit.measure import summarise
from benchkit.metrics import METRICS

COMPUTED = [metric for metric in METRICS.values() if metric.function]


def score_table(models: list[str], cases: int, rounds: int, seed: int = 0) -> pd.DataFrame:
    """Scores of models that differ a little, one in a hundred of them unscored."""
    rng, frames = np.random.default_rng(seed), []
    for metric in COMPUTED:
        level = rng.uniform(0.3, 0.9, (cases, 1, 1)) + np.linspace(0, 0.03, len(models))[None, :, None]
        values = np.clip(level + rng.normal(0, 0.15, (cases, len(models), rounds)), 0, 1)
        values = (values > 0.5).astype(float) if metric.binary else values
        values[rng.random(values.shape) < 0.01] = np.nan
        case, model, round = np.indices(values.shape).reshape(3, -1)
        ids = np.array([f"{metric.kind}-{i:05d}" for i in range(cases)], dtype=object)
        columns = {"id": ids[case], "model": np.array(models, dtype=object)[model], "round": round + 1}
        columns |= {"category": np.array(CATEGORIES, dtype=object)[case % 5], "value": values.ravel()}
        frames.append(pd.DataFrame(columns).assign(metric=metric.name, test_case=metric.kind, reason=""))
    return pd.concat(frames, ignore_index=True)


def rounds_of(scores: pd.DataFrame, models: list[str]) -> list[pd.DataFrame]:
    parts = list(measured(complete(scores), models))
    return [round_agreement(parts), variance_split(parts)]


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


def peak() -> float:
    """Megabytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def timed(about: str, work: Callable[[], object], repeats: int) -> float:
    """Median wall-clock seconds, printed with their range and the CPU's, which other work moves less."""
    times, spent = [], []
    for _ in range(repeats):
        began, used = time.perf_counter(), time.process_time()
        work()
        times.append(time.perf_counter() - began)
        spent.append(time.process_time() - used)
    middle, ends = statistics.median(times), f"{min(times):.2f} to {max(times):.2f} ({repeats})"
    print(f"{about:46} {middle:8.2f}  {ends:22} {statistics.median(spent):8.2f} {peak():8,.0f}", flush=True)
    return middle


def main(models: int = 10, cases: int = 10_000, rounds: int = 3, repeats: int = 3) -> None:
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.system()} {platform.machine()}, {cores} cores, Python {platform.python_version()}")
    names = [f"offline/model-{i}" for i in range(models)]
    scores, rules = score_table(names, cases, rounds), Rules(primary_metric="task_completion,field_accuracy")
    size = (
        f"{models} models, {cases:,} cases, {rounds} rounds, {len(COMPUTED)} metrics: {len(scores):,} scores"
    )
    print(f"{size}, {models * (models - 1) // 2} pairs; with the table alone {peak():,.0f} MB")
    print(f"{'':46}   median  range (runs)                CPU  MB at most")
    ours = [
        timed("comparisons (compare)", lambda: compare(scores, rules), repeats),
        timed("means (summarise)", lambda: summarise(scores), repeats),
        timed("agreement, pass^k, variance between rounds", lambda: rounds_of(scores, names), repeats),
        timed("decision and sensitivity", lambda: decide(complete(scores), rules), repeats),
    ]
    print(f"{'benchkit, all of it':46} {sum(ours):8.2f}")
    means = means_by_pandas(scores)
    timed("floor: scipy ttest_rel over ready means", lambda: bare_tests(means), repeats)
    timed("floor: pandas means and ttest_rel", lambda: bare_tests(means_by_pandas(scores)), repeats)


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:]))
