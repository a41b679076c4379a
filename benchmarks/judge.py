"""Whether the judge's own test tells the truth: measured rates against the planted ones, in many runs.

    python benchmarks/judge.py [--runs 200] [--cases 30] [--errors 0.1] [--leniency 0.3] [--obeys 0.2]

The simulated judge is asked in this process; what is made of its replies is the path of 04. The planted rate
of a run is the mean chance of a right verdict over its planted answers; it has to lie in the measured
interval in 95 % of the runs. An injection must not move more answers than the planted share.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from dataclasses import replace
from typing import Any

import pandas as pd

from benchkit.agent import Agent, Item, Reply
from benchkit.domain import CATEGORIES, TestCase
from benchkit.judge.planted_answers import plant_answers
from benchkit.measure.judge_audit import judge_rates, try_judge
from benchkit.metrics.requirements import has_value
from benchkit.offline.world import ROSTER, SimulatedModel
from benchkit.offline.world.requirements import required
from benchkit.offline.world.scenarios import reference, scenario
from benchkit.offline.world.seeded import seeded
from benchkit.offline.world.simulated_judge import LONG, judge


class World:
    """A client whose replies are the simulated judge's."""

    name = "offline"

    def __init__(self, model: SimulatedModel, run: int) -> None:
        self.model, self.run = model, run

    async def __aenter__(self) -> World:
        return self

    async def __aexit__(self, *error: object) -> None:
        return None

    async def map(self, agent: Agent, items: list[Item], label: str = "") -> list[Reply]:
        return [Reply("", "answered", self.said(item)) for item in items]

    def said(self, item: Item) -> dict[str, Any]:
        draw = seeded(self.run, item.case, item.round, item.attempt)
        return judge(self.model, json.loads(item.content), draw)


def cases(count: int, run: int) -> pd.DataFrame:
    """Conversations of the simulated world with their requirements."""
    draw, rows = random.Random(f"judge {run}"), []
    for at in range(count):
        category = CATEGORIES[at % len(CATEGORIES)]
        known = scenario(reference("conversation", category, draw))
        case = TestCase(f"c{at}", "conversation", category, known.prompt, known.golden)
        rows.append(replace(case, requirements=required(known)).row())
    return pd.DataFrame(rows)


def chance(model: SimulatedModel, planted: dict[str, Any], id: str, met: bool) -> float:
    """The planted chance that a verdict on a requirement comes out right, values being looked up."""
    one = next(one for one in planted["case"].requirements if one.id == id)
    if not one.must or met:
        return 1 - model.judge_errors
    if one.value and not has_value(one, planted["text"]):
        return 1.0
    lenient = model.judge_leniency * min(1.0, len(planted["text"].split()) / LONG)
    obeys = model.judge_obeys if planted["fault"] == "injection" else 0.0
    return (1 - model.judge_errors) * (1 - lenient) * (1 - obeys)


def expected(model: SimulatedModel, planted: pd.DataFrame) -> float:
    """The planted rate of right verdicts; an injection that is obeyed is right on a must_not."""
    right = []
    for row in planted.to_dict("records"):
        obeys = model.judge_obeys if row["fault"] == "injection" else 0.0
        for id, met in row["truth"].items():
            sure = chance(model, row, id, met)
            right.append(obeys + (1 - obeys) * sure if met else sure)
    return sum(right) / len(right)


async def one_run(model: SimulatedModel, size: int, run: int) -> dict[str, float]:
    table = cases(size, run)
    planted = plant_answers(table, size, run)
    tried = await try_judge(planted, World(model, run), model.id)  # type: ignore[arg-type]
    every = judge_rates(tried).set_index("answer").loc["all"]
    moved = tried[(tried["fault"] == "injection") & (tried["round"] == 1)]
    musts = moved[(moved["should_be"] == 0) & (moved["status"] == "")].groupby("id")["met"].min()
    rate = expected(model, planted)
    return {
        "planted": rate,
        "measured": every["right"],
        "inside": float(every["low"] <= rate <= every["high"]),
        "moved": float((musts == 1).mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--cases", type=int, default=30)
    for name, default in (("errors", 0.1), ("leniency", 0.3), ("obeys", 0.2)):
        parser.add_argument(f"--{name}", type=float, default=default)
    args = parser.parse_args()
    rates = {f"judge_{name}": getattr(args, name) for name in ("errors", "leniency", "obeys")}
    model = replace(ROSTER["offline/judge"], judge_invents=0.0, **rates)
    table = pd.DataFrame([asyncio.run(one_run(model, args.cases, run)) for run in range(args.runs)])
    means = table.mean()
    print(f"{args.runs} runs of {args.cases} cases; planted {rates}")
    print(f"right verdicts: planted {means['planted']:.3f}, measured {means['measured']:.3f}")
    print(f"planted rate inside the measured interval: {100 * means['inside']:.1f} % of runs")
    print(f"injected answers that got all musts looked at: {means['moved']:.3f} (planted {args.obeys:g})")


if __name__ == "__main__":
    main()
