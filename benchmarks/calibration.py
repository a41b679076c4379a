"""Does what 04 says of a difference hold as often as it says? Simulated experiments, counted.

    python benchmarks/calibration.py [EXPERIMENTS] [PILOTS]

Every cell draws EXPERIMENTS (10,000) runs of two models on n cases in K rounds and gives their differences to
`stats.stratified`, as 04 does; the kinds' cell also to `stats.combine`. A case has a chance of its own with
each model (Beta, correlated between the models); a binary round is a draw with that chance, a continuous one
a Beta score around it. Level, share of the variance between cases and correlation are those of
../shared/data/gpqa_scores.csv as measured once (constants below). Scenarios and seeds were fixed before any
result was seen.

    none       no categories
    alike      five fixed categories with one difference
    apart      five fixed categories whose differences lie apart: their τ is half a case's σ
    random     five categories drawn anew in every run, τ as above: the estimand is the difference in the
               categories that were drawn; a second row, `others`, has that of all categories
    families   families of 1, 2 and 3 cases, half of a case's latent variance shared
    kinds      half of the cases binary, half continuous, in five fixed categories: U with equal weights

- false+: the share of equal models shown different; cover: of 95 % intervals that hold the estimand, with
  equal models and at δ
- δ: what the plan shows with 80 % at these n and K, at most .3; power: the share shown; plan: the share that
  `stats.planned_power` promises with the true variance (of 10,000 other runs)
- N named: the median number of cases that PILOTS (2,000) pilots of this cell name for the δ that three times
  their cases would show; reached: the share of fresh runs with each pilot's N that show it
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache
from itertools import product
from multiprocessing import Pool

import numpy as np
from scipy import stats as scipy_stats

from benchkit.stats import (
    Design,
    Estimate,
    Spread,
    combine,
    design,
    needed_cases,
    other_categories,
    planned_power,
    round_noise,
    smallest_difference,
    spread,
    stratified,
)

LEVEL, BETWEEN, CORRELATION = 0.646465, 0.638744, 0.591018  # of gpqa_scores.csv
NOISE = 3.0  # a continuous round's variance is a quarter of a binary one's: 1/(1 + NOISE)
APART = 0.5 * np.array([-1.4142, -0.7071, 0.0, 0.7071, 1.4142])  # differences of categories over σ
SHARED = 0.5
MOST = 0.3  # the largest δ that scores within 0..1 have room for
BATCH = 1000
GRID = np.linspace(-6, 6, 4001)
STRUCTURES = ("none", "alike", "apart", "random", "families", "kinds")


@dataclass(frozen=True)
class Cell:
    structure: str
    scores: str  # binary, continuous; mixed for kinds
    n: int
    rounds: int

    def seed(self, purpose: int) -> np.random.Generator:
        place = STRUCTURES.index(self.structure)
        return np.random.default_rng([purpose, place, len(self.scores), self.n, self.rounds])


@dataclass(frozen=True)
class Result:
    """Per run: estimate, shown at 5 %, ends of the interval and what it should hold; each (runs,)."""

    estimate: np.ndarray
    shown: np.ndarray
    low: np.ndarray
    high: np.ndarray
    truth: np.ndarray

    @property
    def covered(self) -> float:
        return float(np.mean((self.low <= self.truth) & (self.truth <= self.high)))


@cache
def chances(mean: float) -> np.ndarray:
    """A case's chance by its latent normal value, on GRID: Beta with this mean and share of variance."""
    total = 1 / BETWEEN - 1
    return scipy_stats.beta.ppf(scipy_stats.norm.cdf(GRID), mean * total, (1 - mean) * total)


@cache
def families(n: int) -> np.ndarray:
    return np.repeat(np.arange(n), np.arange(n) % 3 + 1)[:n]


@cache
def cases(structure: str, n: int) -> Design:
    if structure == "families":
        return design(n, None, None, families(n))
    return design(n, None if structure == "none" else [str(i % 5) for i in range(n)])


def drawn(
    cell: Cell, delta: float, runs: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Both models' scores, each (runs, n, rounds), and the true difference in every category, (runs, 5)."""
    gaps = np.full((runs, 5), delta)
    if cell.structure == "apart":
        gaps = gaps + APART * sigma(cell.scores, cell.rounds)
    elif cell.structure == "random":
        gaps = gaps + np.clip(0.5 * rng.standard_normal((runs, 5)), -1, 1) * sigma(cell.scores, cell.rounds)
    latent = np.sqrt(CORRELATION) * shared(cell, runs, rng)
    sides = []
    for sign in (1, -1):
        own = latent + np.sqrt(1 - CORRELATION) * shared(cell, runs, rng)
        means = np.clip(np.round(LEVEL + sign * gaps / 2, 2), 0.02, 0.98)
        chance = np.empty((runs, cell.n))
        for mean in np.unique(means):
            at = (means == mean)[:, np.arange(cell.n) % 5]
            chance[at] = np.interp(own[at], GRID, chances(float(mean)))
        sides.append((rounds_of(chance, cell, rng), means))
    (a, above), (b, below) = sides
    return a, b, above - below


def shared(cell: Cell, runs: int, rng: np.random.Generator) -> np.ndarray:
    """Standard normal values of cases, (runs, n); half of each is its family's, where there are families."""
    own = rng.standard_normal((runs, cell.n))
    if cell.structure != "families":
        return own
    of_family = rng.standard_normal((runs, cell.n))[:, families(cell.n)]
    return np.sqrt(SHARED) * of_family + np.sqrt(1 - SHARED) * own


def rounds_of(chance: np.ndarray, cell: Cell, rng: np.random.Generator) -> np.ndarray:
    chance = np.repeat(chance[:, :, None], cell.rounds, axis=2)
    if cell.scores == "binary":
        return (rng.random(chance.shape) < chance).astype(np.float64)
    safe = np.clip(chance, 1e-3, 1 - 1e-3)
    return rng.beta(safe * NOISE, (1 - safe) * NOISE)


@cache
def sigma(scores: str, rounds: int) -> float:
    """Standard deviation of a case's mean difference between equal models."""
    a, b, _ = drawn(Cell("none", scores, 100, rounds), 0.0, 1000, np.random.default_rng(0))
    return float((a - b).mean(axis=2).std())


def kinds(cell: Cell) -> tuple[Cell, Cell]:
    return tuple(replace(cell, structure="alike", scores=s, n=cell.n // 2) for s in ("binary", "continuous"))


def estimates(cell: Cell, delta: float, runs: int, rng: np.random.Generator) -> tuple[list, np.ndarray, list]:
    """Per run the estimate, its estimand, and the noise that rounds leave in each case."""
    if cell.structure == "kinds":
        parts = [estimates(part, delta, runs, rng) for part in kinds(cell)]
        u = [combine(two, [1, 1]) for two in zip(*(part[0] for part in parts), strict=True)]
        noise = [np.concatenate(two) for two in zip(*(part[2] for part in parts), strict=True)]
        return u, (parts[0][1] + parts[1][1]) / 2, noise
    a, b, gaps = drawn(cell, delta, runs, rng)
    whole = cases(cell.structure, cell.n)
    weights = whole.weights if len(whole.weights) == 5 else np.full(5, 0.2)
    found = [stratified(d, whole) for d in (a - b).mean(axis=2)]
    return found, gaps @ weights, [round_noise(x) + round_noise(y) for x, y in zip(a, b, strict=True)]


def rows(some: list[Estimate], truth: Iterable[float]) -> list[tuple[float, ...]]:
    return [(e.estimate, e.p_value <= 0.05, e.low, e.high, t) for e, t in zip(some, truth, strict=True)]


def experiments(cell: Cell, delta: float, runs: int, purpose: int) -> Result:
    rng, found = cell.seed(purpose), []
    for start in range(0, runs, BATCH):
        some, truth, _ = estimates(cell, delta, min(BATCH, runs - start), rng)
        found.append(rows(some, truth))
    return Result(*np.concatenate(found).T)


def to_others(cell: Cell, delta: float, runs: int, purpose: int) -> Result:
    """Random categories read by the line for categories other than these; the estimand is that of all."""
    rng, found = cell.seed(purpose), []
    labels = [str(i % 5) for i in range(cell.n)]
    for start in range(0, runs, BATCH):
        a, b, _ = drawn(cell, delta, min(BATCH, runs - start), rng)
        some = [other_categories(d, labels) for d in (a - b).mean(axis=2)]
        found.append(rows(some, [delta] * len(some)))
    return Result(*np.concatenate(found).T)


def true_spread(cell: Cell, delta: float, runs: int = 10_000) -> Spread:
    """n·SE² of so many other runs, with the degrees of freedom that the design has."""
    found = experiments(cell, delta, runs, 9)
    one = estimates(cell, delta, 1, cell.seed(8))[0][0]
    return Spread(
        cell.n * float(found.estimate.var()), strata=one.strata, rate=(one.df + one.strata) / cell.n
    )


def pilots(cell: Cell, known: Spread, count: int) -> tuple[float, float]:
    """(median N, power reached) of the N that pilots name for what three times their cases would show."""
    delta = min(MOST, round(smallest_difference(known, 3 * cell.n), 2))
    rng, named, reached, least = cell.seed(5), [], [], 10 if cell.structure == "kinds" else 6
    for start in range(0, count, 500):
        some, _, noise = estimates(cell, delta, min(500, count - start), rng)
        for pilot, of_rounds in zip(some, noise, strict=True):
            needed = needed_cases(spread(pilot, of_rounds, cell.rounds), delta)
            n = 10_000 if needed is None else min(10_000, max(needed.cases, least))
            again = estimates(replace(cell, n=n), delta, 1, rng)[0][0]
            named.append(n)
            reached.append(again.p_value <= 0.05)
    return float(np.median(named)), float(np.mean(reached))


def one_cell(job: tuple[Cell, int, int]) -> str:
    cell, runs, count = job
    null = experiments(cell, 0.0, runs, 1)
    head = f"{cell.structure:9} {cell.scores:10} {cell.n:4} {cell.rounds:2}  "
    if cell.structure == "random":
        others = to_others(cell, 0.0, runs, 1)
        shown = np.mean((null.low > null.truth) | (null.high < null.truth))
        second = f"{'  others':9} {cell.scores:10} {cell.n:4} {cell.rounds:2}  "
        return (
            f"{head}{100 * shown:6.1f} {100 * null.covered:6.1f}\n"
            f"{second}{100 * np.mean(others.shown):6.1f} {100 * others.covered:6.1f}"
        )
    delta = min(MOST, round(smallest_difference(true_spread(cell, 0.0, 4_000), cell.n), 2))
    known = true_spread(cell, delta)
    real = experiments(cell, delta, runs, 2)
    plan = planned_power(known, cell.n, float(real.truth.mean()))
    median, reached = pilots(cell, known, count)
    return (
        f"{head}{100 * np.mean(null.shown):6.1f} {100 * null.covered:6.1f} {100 * real.covered:6.1f}   "
        f"{delta:.2f} {100 * plan:6.1f} {100 * np.mean(real.shown):6.1f}   {median:6.0f} {100 * reached:6.1f}"
    )


def cells() -> list[Cell]:
    found = [
        Cell(structure, scores, n, rounds)
        for structure, scores, n, rounds in product(
            STRUCTURES[:-1], ("binary", "continuous"), (15, 50, 200), (1, 3)
        )
    ]
    return found + [Cell("kinds", "mixed", n, rounds) for n, rounds in product((30, 100, 400), (1, 3))]


def main(runs: int = 10_000, count: int = 2_000) -> None:
    began, cores = time.perf_counter(), len(os.sched_getaffinity(0))
    print(f"{platform.system()} {platform.machine()}, {cores} cores, Python {platform.python_version()}")
    print(f"{runs:,} experiments and {count:,} pilots a cell; percent, alpha 5\n")
    print(f"{'':28}equal models  at delta                       pilots of this cell")
    print("structure scores        n  K  false+  cover  cover   delta   plan  power   N named reached")
    with Pool(cores) as pool:
        for line in pool.imap(one_cell, [(cell, runs, count) for cell in cells()]):
            print(line, flush=True)
    errors = (100 * np.sqrt(p * (1 - p) / m) for p, m in ((0.05, runs), (0.8, runs), (0.8, count)))
    told = "{:.2f} at 5 %, {:.2f} at 80 %, {:.2f} of what pilots reach".format(*errors)
    print(f"\nMonte Carlo standard error: {told}; {time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:]))
