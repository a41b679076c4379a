"""Is the final decision right about models whose quality is planted? Scenarios fixed before any was looked
at.

    python benchmarks/decisions.py [RUNS]

Each run draws per-case scores of so many models on two kinds of cases in five categories, and goes through
the decision that 04 writes: one quantity, simultaneous intervals, floors by kind, equivalence. A case's
difficulty and its category's are shared by the models; each model adds its own noise, so that a per-case
difference of two has a standard deviation of .3. Prints how often each outcome came, with a 95 % interval
(Wilson).
"""

from __future__ import annotations

import os
import platform
import sys
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import numpy as np

from benchkit.decide.deciding import conclude
from benchkit.decide.decision import decided
from benchkit.decide.evidence import Evidence, kind_of
from benchkit.decide.rules import Rules
from benchkit.decide.table import Measured
from benchkit.domain import CATEGORIES
from benchkit.metrics import METRICS, PRIMARY
from benchkit.stats import proportion

SPREAD = 0.3  # standard deviation of a per-case difference of two models
KINDS = ("json", "conversation")
Draw = Callable[[np.random.Generator], tuple[str, str]]


def evidence(scores: dict[str, np.ndarray], look: float = 0.0) -> Evidence:
    """Arrays of (models, cases) by kind as the decision takes them."""
    count = len(next(iter(scores.values())))
    models = tuple(f"m{i}" for i in range(count))
    kinds = []
    for kind, values in scores.items():
        n = values.shape[1]
        one = Measured(
            metric=METRICS[PRIMARY[kind]],
            kind=kind,
            models=models,
            ids=np.arange(n),
            category=np.array([CATEGORIES[i % 5] for i in range(n)], dtype=object),
            family=np.full(n, "", dtype=object),
            values=values[:, :, None],
            asked=np.ones((count, n, 1), dtype=bool),
            delivered=np.ones((count, n, 1), dtype=bool),
            undefined=np.zeros(n, dtype=bool),
        )
        kinds.append(kind_of(one, Rules(), look))
    weights = (1 / len(kinds),) * len(kinds)
    return Evidence(models, tuple(kinds), weights, (), Rules(), look)


def drawn(random: np.random.Generator, gains: list[tuple[float, float]], n: int) -> dict[str, np.ndarray]:
    """Scores of models with such gains on (json, conversation), (models, n) of each kind."""
    found = {}
    for at, kind in enumerate(KINDS):
        difficulty = random.normal(0, 0.2, n) + random.normal(0, 0.1, 5)[np.arange(n) % 5]
        noise = random.normal(0, SPREAD / np.sqrt(2), (len(gains), n))
        found[kind] = 0.6 + difficulty + np.array([gain[at] for gain in gains])[:, None] + noise
    return found


def one_run(gains: list[tuple[float, float]], n: int, random: np.random.Generator) -> tuple[str, str]:
    return conclude(evidence(drawn(random, gains, n)))


def said_ahead(gains: list[tuple[float, float]], n: int, random: np.random.Generator) -> tuple[str, str]:
    """The outcome, or "ahead" where a sentence of the decision uses that word."""
    found = decided(evidence(drawn(random, gains, n)))
    words = " ".join([found["sentence"], *found["because"], found["caveat"]])
    return ("ahead", "") if "ahead" in words else (found["outcome"], found["model"])


def rare_failures(n: int, random: np.random.Generator) -> tuple[str, str]:
    """Two models that agree on every case, save that the second fails outright on a tenth of them."""
    scores = {}
    for kind in KINDS:
        good = np.ones(n)
        scores[kind] = np.stack([good, np.where(random.random(n) < 0.1, 0.0, good)])
    return conclude(evidence(scores))


def looks(n: int, times: int, random: np.random.Generator) -> tuple[str, str]:
    """Equal models, looked at after every n more cases of either kind; the first winner ends it."""
    whole = drawn(random, [(0, 0), (0, 0)], n * times)
    for at in range(1, times + 1):
        now = {kind: values[:, : n * at] for kind, values in whole.items()}
        found = conclude(evidence(now, look=0.0 if at == 1 else float(at)))
        if found[0] in ("deploy", "split"):
            return found
    return found


Equal = [(0.0, 0.0)]
Better = [(0.1, 0.1)]
SCENARIOS: dict[str, tuple[Draw, tuple[str, ...], str]] = {
    **{
        f"{m} equal models, n = {n} a kind": (
            partial(one_run, Equal * m, n), ("deploy", "split"), "deploy or split, at most 5 %",
        )
        for m in (2, 4, 8)
        for n in (15, 50, 100)
    },
    **{
        f"{m} models, one better by .10 on both kinds, n = 100": (
            partial(one_run, Better + Equal * (m - 1), 100), ("deploy m0",), f"deploy it, at least {least} %",
        )
        for m, least in ((2, 98), (4, 93), (8, 58))
    },
    **{
        f"better by {a} on one kind, worse by {b} on the other, n = {n}": (
            partial(one_run, [(a, -b), (0.0, 0.0)], n), ("deploy m0",), "deploy it, at most 5 %",
        )
        for a, b in ((0.3, 0.06), (0.3, 0.1), (0.3, 0.2))
        for n in (30, 100)
    },
    "of three, best in all and worse by .10 on one kind, n = 100": (
        partial(one_run, [(0.3, -0.1), (0, 0), (0, -0.3)], 100), ("deploy m0",), "deploy it, at most 5 %",
    ),
    "10 looks at equal models, 20 cases a kind each": (
        partial(looks, 20, 10), ("deploy", "split"), "deploy or split, at most 6 %",
    ),
    **{
        f"fails outright on a tenth of the cases, {n} cases in all": (
            partial(rare_failures, max(1, n // 2)), ("equivalent",), "equivalent, at most 7 %",
        )
        for n in (5, 10, 15, 20, 60, 100, 200)
    },
    "sentences of 3 equal models, n = 10": (
        partial(said_ahead, Equal * 3, 10), ("ahead",), 'a sentence with "ahead", never',
    ),
    "sentences of 3 models, one better on json and worse on conversations, n = 50": (
        partial(said_ahead, [(0.2, -0.1), (0, 0), (0, 0)], 50), ("ahead",), 'a sentence with "ahead", never',
    ),
}  # fmt: skip


def share(job: tuple[str, int, int]) -> tuple[int, int]:
    """(how often the outcome in question came, of how many runs)."""
    name, runs, seed = job
    draw, wanted, _ = SCENARIOS[name]
    random = np.random.default_rng(seed)
    found = [draw(random) for _ in range(runs)]
    return sum(outcome in wanted or f"{outcome} {model}" in wanted for outcome, model in found), runs


def main(runs: str = "2000") -> None:
    began = time.perf_counter()
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}, Python {platform.python_version()}")
    print(f"{runs} runs a scenario, a tenth where every sentence is read; alpha .05, margin .05\n")
    few = max(4, int(runs) // 10)  # one for each of the four seeds
    sizes = {name: few if name.startswith("sentences") else int(runs) for name in SCENARIOS}
    jobs = [(name, size // 4, seed) for name, size in sizes.items() for seed in range(4)]
    with ProcessPoolExecutor(int(os.environ.get("WORKERS", "2")), mp_context=get_context("spawn")) as pool:
        done = pool.map(share, jobs)
        for name, (_, _, said) in SCENARIOS.items():
            hits, of = (sum(values) for values in zip(*(next(done) for _ in range(4)), strict=True))
            one = proportion(hits, of)
            ends = f"{100 * one.ci_low:.1f} to {100 * one.ci_high:.1f}"
            print(f"{name:78}{100 * hits / of:6.1f} %  ({ends})  {said}", flush=True)
    print(f"\n{time.perf_counter() - began:.0f} s")


if __name__ == "__main__":
    main(*sys.argv[1:])
