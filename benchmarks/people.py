"""How often the preference that labels give, corrected by a metric, holds the truth; and false winners.

Three worlds, fixed before any was looked at. A person prefers a (1), b (−1) or neither (0); the metric's
difference F is what a judge makes of the same answers:

    noisy      F is what the person says in 60 % of cases, else drawn anew: the metric is right on average
    biased     as noisy, but in 30 % of cases F is 1: the metric favours a, whatever people say
    unrelated  F is drawn anew always: the metric says nothing of people

Usage: python benchmarks/people.py [DRAWS]
"""

from __future__ import annotations

import sys

import numpy as np

from benchkit.stats.preference import preference

CASES, LABELLED, ALPHA = 200, (20, 30, 50, 100), 0.05
SHARES = {"even": (0.3, 0.4, 0.3), "a ahead": (0.2, 0.4, 0.4)}  # of −1, 0, 1
WORLDS = ("noisy", "biased", "unrelated")


def world(name: str, people: np.ndarray, shares: tuple[float, ...], draw: np.random.Generator) -> np.ndarray:
    anew = draw.choice([-1.0, 0.0, 1.0], len(people), p=shares)
    if name == "unrelated":
        return anew
    metric = np.where(draw.random(len(people)) < 0.6, people, anew)
    return np.where(draw.random(len(people)) < 0.3, 1.0, metric) if name == "biased" else metric


def main(draws: int = 10_000) -> None:
    print(f"{draws:,} draws a cell, {CASES} cases, level {1 - ALPHA:.0%}; wins: intervals that exclude 0")
    print("world      truth      n  corrected: covers  wins  width   labels: covers  width   metric: covers")
    for name in WORLDS:
        for truth, shares in SHARES.items():
            for n in LABELLED:
                print(f"{name:10} {truth:8} {n:3}  {cell(name, shares, n, draws)}", flush=True)


def cell(name: str, shares: tuple[float, ...], n: int, draws: int) -> str:
    draw = np.random.default_rng([WORLDS.index(name), n, round(100 * shares[0])])
    mean, seen = shares[2] - shares[0], []
    for _ in range(draws):
        people = draw.choice([-1.0, 0.0, 1.0], CASES, p=shares)
        metric = world(name, people, shares, draw)
        labels = np.where(np.arange(CASES) < n, people, np.nan)
        both, alone = preference(labels, metric), preference(labels, metric, weight=0.0)
        half = 1.96 * metric.std(ddof=1) / CASES**0.5
        seen.append(
            (
                both.low <= mean <= both.high,
                not both.low <= 0 <= both.high,
                both.high - both.low,
                alone.low <= mean <= alone.high,
                alone.high - alone.low,
                abs(metric.mean() - mean) <= half,
            )
        )
    covers, wins, width, alone_covers, alone_width, metric_covers = np.mean(seen, axis=0)
    return (
        f"           {covers:5.1%}  {wins:5.1%}  {width:.3f}           {alone_covers:5.1%}  {alone_width:.3f}"
        f"           {metric_covers:5.1%}"
    )


if __name__ == "__main__":
    main(*map(int, sys.argv[1:2]))
