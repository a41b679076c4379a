"""Does the test of 04 do what its alpha, its interval and its plan say? Simulated experiments, counted.

    python benchmarks/calibration.py [EXPERIMENTS]

Every cell draws EXPERIMENTS (10,000; about eight minutes on two cores) runs of two models on n cases in
K rounds and gives their per-case means to `stats.paired`, as 04 does. A case has a chance of its own with
each model (Beta, correlated between models); a binary round is a draw with that chance, a continuous one a
Beta score around it. The variances are those of ../shared/data/gpqa_scores.csv, or its recorded constants
where it is absent.

- false positives: equal models, p < 0.05; coverage: the 95 % interval holds the true difference
- power: at the difference that the plan finds with 80 %, or 0.5 where that is less; beside it the plan
- pooled: the same runs by a paired t test over rows, rounds taken for cases and categories not known
- larger: the same runs by the usual error or the one with C/(C−1), whichever is larger, as 04 once did

Categories: none given; five given that do not matter; five that move together (a tenth of a case's latent
variance); five of very unequal size that do. The Monte Carlo standard error stands below the table.
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import product
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from scipy import stats as scipy_stats

from benchkit import stats

GPQA = Path(__file__).parents[1] / "../shared/data/gpqa_scores.csv"
# Of gpqa_scores.csv: mean score, share of a score's variance between cases, correlation of cases' chances.
LEVEL, BETWEEN, CORRELATION = 0.646465, 0.638744, 0.591018
NOISE = 3.0  # a continuous round's variance is a quarter of a binary one's: 1/(1 + NOISE)
TOGETHER = 0.1
BATCH = 500
SIZES = (0.40, 0.28, 0.18, 0.10, 0.04)
CATEGORIES = ("none", "idle", "moving", "unequal")
HEAD = "false+  cover  cover  delta  plan power   false+  cover  power   false+ power"
GRID = np.linspace(-6, 6, 8001)


@dataclass(frozen=True)
class Cell:
    n: int
    rounds: int
    scores: str  # binary, continuous
    categories: str  # one of CATEGORIES

    @property
    def labels(self) -> np.ndarray:
        """A category per case; a case of its own where there are none."""
        if self.categories == "none":
            return np.arange(self.n)
        if self.categories == "unequal":
            return np.searchsorted(np.cumsum(SIZES), (np.arange(self.n) + 0.5) / self.n)
        return np.arange(self.n) % 5

    @property
    def together(self) -> float:
        return TOGETHER if self.categories in ("moving", "unequal") else 0.0


@dataclass(frozen=True)
class Counts:
    """What a cell's experiments came to; rejections by each analysis, coverage by ours and by pooling."""

    ours: float
    covered: float
    pooled: float
    pooled_covered: float
    larger: float


def measured() -> tuple[float, float, float]:
    """Mean, share between cases and correlation of the shared data; the recorded ones where it is absent."""
    if not GPQA.exists():
        return LEVEL, BETWEEN, CORRELATION
    import pandas as pd

    table = pd.read_csv(GPQA).pivot(index="item_id", columns=["model_id", "epoch"], values="score")
    a, b = (table[model].to_numpy(float) for model in table.columns.levels[0])
    own = [stats.variance_components(x, np.zeros_like(x)).omega2 for x in (a, b)]
    level = [x.mean() for x in (a, b)]
    share = np.mean([v / (m * (1 - m)) for v, m in zip(own, level, strict=True)])
    covariance = (sum(own) - stats.variance_components(a, b).omega2) / 2
    return float(np.mean(level)), float(share), float(covariance / np.sqrt(own[0] * own[1]))


@cache
def chances(mean: float, between: float) -> np.ndarray:
    """A case's chance by its latent normal value, on GRID: Beta with this mean and share of variance."""
    spread = 1 / between - 1
    return scipy_stats.beta.ppf(scipy_stats.norm.cdf(GRID), mean * spread, (1 - mean) * spread)


def drawn(
    cell: Cell, delta: float, runs: int, rng: np.random.Generator, truth: tuple[float, float, float]
) -> tuple[np.ndarray, np.ndarray]:
    """Both models' scores, each (runs, n, rounds)."""
    level, between, correlation = truth
    shared = rng.standard_normal((runs, cell.n))
    own, kept = np.sqrt(1 - correlation), np.sqrt(1 - cell.together)
    out = []
    for mean in (level + delta / 2, level - delta / 2):
        latent = np.sqrt(correlation) * shared + own * rng.standard_normal((runs, cell.n))
        moved = rng.standard_normal((runs, cell.labels.max() + 1))[:, cell.labels]
        latent = kept * latent + np.sqrt(cell.together) * moved
        chance = np.interp(latent, GRID, chances(mean, between))[:, :, None]
        chance = np.broadcast_to(chance, (runs, cell.n, cell.rounds))
        out.append(_scores(cell, chance, rng))
    return out[0], out[1]


def _scores(cell: Cell, chance: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    if cell.scores == "binary":
        return (rng.random(chance.shape, dtype=np.float32) < chance).astype(np.float64)
    safe = np.clip(chance, 1e-3, 1 - 1e-3)
    return rng.beta(safe * NOISE, (1 - safe) * NOISE)


def planned(cell: Cell, delta: float, truth: tuple[float, float, float]) -> tuple[float, float]:
    """(power at `delta`, smallest difference at 80 %) by the plan, with the true variances put in."""
    together, noise = _variances(cell, delta, truth)
    sizes = np.bincount(cell.labels)
    # What one case adds to the variance of the mean, and what two of one category add with it.
    omega2 = together[0] + together[1] * float(sizes @ sizes - cell.n) / cell.n
    clusters = None if cell.categories == "none" else stats.effective_clusters(cell.labels)
    how = (omega2, *noise, cell.rounds, cell.rounds)
    power = stats.planned_power(delta, cell.n, *how, clusters=clusters)
    return power, stats.detectable_difference(cell.n, *how, clusters=clusters or cell.n)


def _variances(
    cell: Cell, delta: float, truth: tuple[float, float, float]
) -> tuple[tuple[float, float], list[float]]:
    """((ω², covariance of two cases of one category), [σ² of either model]) by 500,000 pairs of cases."""
    pair = Cell(10, 2, cell.scores, "none" if cell.categories == "none" else "moving")
    pair = Cell(10, 2, cell.scores, "idle") if cell.categories == "idle" else pair
    a, b = drawn(pair, delta, 100_000, np.random.default_rng(0), truth)
    first, second = (a - b)[..., 0] - delta, (a - b)[..., 1] - delta
    noise = [float(np.mean((x[..., 0] - x[..., 1]) ** 2) / 2) for x in (a, b)]
    mean = (first + second) / 2
    shared = float(np.mean(mean[:, :5] * mean[:, 5:])) if cell.together else 0.0
    return (float(np.mean(first * second)), shared), noise


def experiments(cell: Cell, delta: float, runs: int, truth: tuple[float, float, float]) -> Counts:
    rng = np.random.default_rng([cell.n, cell.rounds, len(cell.scores), CATEGORIES.index(cell.categories)])
    found = []
    for start in range(0, runs, BATCH):
        a, b = drawn(cell, delta, min(BATCH, runs - start), rng, truth)
        ours = np.array([analysed(x, y, cell, delta) for x, y in zip(a, b, strict=True)])
        pooled = _pooled((a - b).reshape(len(a), -1), delta)
        larger = _larger((a - b).mean(axis=2), cell.labels)
        found.append(np.column_stack([ours, pooled, larger]))
    return Counts(*np.concatenate(found).mean(axis=0))


def analysed(a: np.ndarray, b: np.ndarray, cell: Cell, delta: float) -> tuple[bool, bool]:
    """(rejected, covered) by the package; equal scores everywhere have an interval by their range."""
    labels = None if cell.categories == "none" else cell.labels
    result = stats.paired(a.mean(axis=1), b.mean(axis=1), clusters=labels, resamples=0, span=1.0)
    return result.p_value < 0.05, result.ci_low <= delta <= result.ci_high


def _pooled(rows: np.ndarray, delta: float) -> np.ndarray:
    """(rejected, covered) by a paired t test over rows."""
    n, mean = rows.shape[1], rows.mean(axis=1)
    half = scipy_stats.t.ppf(0.975, n - 1) * rows.std(axis=1, ddof=1) / np.sqrt(n)
    return np.column_stack([np.abs(mean) > half, np.abs(mean - delta) <= half])


def _larger(cases: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """Rejected by the larger of the usual and the C/(C−1) error, each with its own t."""
    n, groups = cases.shape[1], labels.max() + 1
    mean = cases.mean(axis=1)
    usual = cases.std(axis=1, ddof=1) / np.sqrt(n)
    sums = (cases - mean[:, None]) @ np.eye(groups)[labels]
    clustered = np.sqrt(groups / (groups - 1) * (sums**2).sum(axis=1)) / n
    wider = clustered > usual * (1 + 1e-9)
    critical = np.where(wider, *scipy_stats.t.ppf(0.975, [groups - 1, n - 1]))
    return np.abs(mean) > critical * np.where(wider, clustered, usual)


def one_cell(job: tuple[Cell, int, tuple[float, float, float]]) -> str:
    cell, runs, truth = job
    null = experiments(cell, 0.0, runs, truth)
    delta = min(0.5, planned(cell, 0.0, truth)[1])
    plan, _ = planned(cell, delta, truth)
    shifted = experiments(cell, delta, runs, truth)
    return (
        f"{cell.categories:8} {cell.scores:10} {cell.n:4} {cell.rounds:2}  "
        f"{100 * null.ours:6.1f} {100 * null.covered:6.1f} {100 * shifted.covered:6.1f}  "
        f"{delta:.3f} {100 * plan:5.1f} {100 * shifted.ours:5.1f}   "
        f"{100 * null.pooled:6.1f} {100 * null.pooled_covered:6.1f} {100 * shifted.pooled:6.1f}   "
        f"{100 * null.larger:6.1f} {100 * shifted.larger:5.1f}"
    )


def cells() -> Iterator[Cell]:
    for categories, scores, n, rounds in product(CATEGORIES, ("binary", "continuous"), (15, 50, 200), (1, 3)):
        yield Cell(n, rounds, scores, categories)


def main(runs: int = 10_000) -> None:
    truth, began = measured(), time.perf_counter()
    cores = len(os.sched_getaffinity(0))
    print(f"{platform.system()} {platform.machine()}, {cores} cores, Python {platform.python_version()}")
    print("level {:.3f}, share between cases {:.3f}, correlation {:.3f}".format(*truth), end="; ")
    print(f"{runs:,} experiments a cell; percent, alpha 5\n")
    print(f"{'':28}equal models  at delta                    pooled rows              larger of two")
    print(f"category scores        n  K  {HEAD}")
    with Pool(cores) as pool:
        for line in pool.imap(one_cell, [(cell, runs, truth) for cell in cells()]):
            print(line, flush=True)
    error = 100 * np.sqrt(0.05 * 0.95 / runs), 100 * np.sqrt(0.8 * 0.2 / runs)
    print(f"\nMonte Carlo standard error: {error[0]:.2f} at 5 %, {error[1]:.2f} at 80 %", end="; ")
    print(f"{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:]))
