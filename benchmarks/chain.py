"""Calibration of the whole chain: does it decide right about simulated models whose quality is planted?

    python benchmarks/chain.py [RUNS]
    python benchmarks/chain.py RUNS better,worse    only those whose models differ; "equal": only equal ones

Full runs without notebooks, against the offline provider over real HTTP: cases are written, validated by a
critic and a judge that err, answered while calls fail, judged, scored, compared and decided on. Half of the
runs has two equal models; in the others one is worse, and a pilot has planned the cases that find it with
80 % power. The pilot's calls fail as those of the runs do, since a lost round makes a case's score less sure.
Prints how each run ended, how often an equal pair got a winner, and how often the worse model was found
beside the power that was planned. The decision is read as 04 writes it; its metrics' controls are left
out, for it is the statistics that are tried here.
"""

from __future__ import annotations

import asyncio
import math
import os
import platform
import statistics
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from contextlib import redirect_stderr
from dataclasses import dataclass, replace
from io import StringIO
from multiprocessing import get_context
from typing import Any

import pandas as pd

from benchkit.decide import Rules, compare, complete, decide
from benchkit.decide.evidence import gather
from benchkit.execute import execute, plan_execution
from benchkit.execute.plan import Power, plan_power
from benchkit.generate import generate, plan_cases, rewriter
from benchkit.llm import jobs, retry
from benchkit.llm.budget import Budget
from benchkit.llm.client import Client
from benchkit.llm.provider import Provider
from benchkit.llm.sender import Clock
from benchkit.measure import PRIMARY, align, judge_answers, score
from benchkit.offline import OfflineServer
from benchkit.offline.world.models import ROSTER
from benchkit.run import Run, start_run
from benchkit.stats import proportion
from benchkit.validate import validate
from benchkit.validate.requirements import requirements_judge
from benchkit.values import checked

STEADY = ROSTER["offline/steady"]
LESSER = replace(STEADY, id="offline/lesser", field_accuracy=0.82, fact_recall=0.72)
JUDGE = "offline/judge"
CRITIC = replace(ROSTER["offline/critic"], id="offline/erring", critic_misses=0.25, critic_false_alarms=0.15)
ROUNDS, POWER = 2, 0.8
RULES = Rules(primary_metric=",".join(PRIMARY.values()))
PILOT = 300  # cases of each kind in each of two pilots
FAILING = 0.10  # calls that fail for good: each of their four attempts fails at the fourth root of it
PAIRS = {
    "equal": (STEADY.id, "offline/twin"),
    "better": (STEADY.id, LESSER.id),
    "worse": (LESSER.id, STEADY.id),
}


class Skipping:
    """A clock that jumps over waits, so that a retry waits for nothing."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def now(self) -> float:
        return time.monotonic() + self.skipped

    async def sleep(self, wait_s: float) -> None:
        await asyncio.sleep(0)
        self.skipped += wait_s


@dataclass(frozen=True)
class Task:
    """One run of the chain."""

    planted: str  # a key of PAIRS
    seed: int
    cases: dict[str, int]


@dataclass(frozen=True)
class Ended:
    """What a run of the chain ended on."""

    task: Task
    decision: dict[str, Any]
    compared: dict[str, dict[str, Any]]  # the deciding comparison of each kind
    scores: pd.DataFrame  # of the deciding metrics
    unscored: float  # share of the responses
    unjudged: float  # share of the verdicts
    seconds: float

    def shown(self, model: str) -> bool:
        """Whether U of the model is shown above the other's."""
        return any(row["model"] == model and row["low"] > 0 for row in self.decision["utility"])

    @property
    def deployed(self) -> str:
        """The model that the decision says to deploy, or ""."""
        return self.decision["model"] if self.decision["outcome"] == "deploy" else ""


def full_run(task: Task) -> Ended:
    jobs.TURNS = 1  # a call that has failed is not asked again in the same map, so that it stays lost
    retry.LONGEST_SILENCE_S = retry.LONGEST_OUTAGE_S = math.inf  # the clock jumps: its minutes say nothing
    began, rate = time.perf_counter(), FAILING**0.25
    server = OfflineServer(seed=task.seed, latency_ms=0, error_rate=rate, models=[LESSER, CRITIC])
    with server, tempfile.TemporaryDirectory() as folder, redirect_stderr(StringIO()):
        os.environ |= {"GROQ_BASE_URL": server.url, "GROQ_API_KEY": "offline"}
        ended = asyncio.run(walk(task, start_run(folder, provider="groq", seed=task.seed)))
    return replace(ended, seconds=time.perf_counter() - began)


async def walk(task: Task, run: Run) -> Ended:
    """01 to 04 as the notebooks do it."""
    models = list(PAIRS[task.planted])
    async with client_of(run) as client:
        await answer(run, client, models, task)
        cases = run.validated_tests()
        responses = align(run.responses(), cases)
        judgements = await judge_answers(responses, cases, client, JUDGE)
    scores = score(responses, cases, judgements)
    rows = compare(scores, RULES)
    deciding = rows[rows["primary"]].set_index("test_case").to_dict("index")
    unscored = float((responses["status"] == "failed").mean())
    unjudged = float(judgements["met"].isna().mean())
    kept = scores[scores["metric"].isin(PRIMARY.values())]
    return Ended(task, decide(scores, RULES), deciding, kept, unscored, unjudged, 0.0)


def client_of(run: Run) -> Client:
    clock = Skipping()
    provider = Provider("groq", run.seed, sleep=clock.sleep)
    return Client(run, provider, Budget(), clock=Clock(clock.now, clock.sleep))


async def answer(run: Run, client: Client, models: list[str], task: Task) -> None:
    """01 to 03: cases written, validated and answered."""
    author, sizes = "offline/author", {f"{kind}_cases": n for kind, n in task.cases.items()}
    run.save("initial_tests.csv", await generate(plan_cases(checked("01_generate", sizes)), client, author))
    how = {"rewrite": rewriter(client, author), "doubts": requirements_judge(client, JUDGE)}
    outcome = await validate(run.initial_tests(), client, CRITIC.id, **how)
    run.save("validated_tests.csv", outcome.accepted)
    work = plan_execution(client, run.validated_tests(), models, ROUNDS)
    run.save_responses(await execute(work, client))


def pooled(ended: list[Ended]) -> pd.DataFrame:
    """The scores of many runs as those of one."""
    return pd.concat([one.scores.assign(id=f"{one.task.seed} " + one.scores["id"]) for one in ended])


class Truth:
    """The planted difference in U, as far as a number of runs shows it, and the power to show it."""

    def __init__(self, scores: pd.DataFrame) -> None:
        self.scores = scores
        pair = gather(complete(scores), RULES).pairs[0][1]
        sign = 1 if scores["model"].iloc[0] == STEADY.id else -1
        self.n, self.difference, self.error = pair.n, sign * pair.estimate, pair.se

    def plan(self, sizes: dict[str, int]) -> Power:
        rules = replace(RULES, detect=self.difference)
        return plan_power(sizes, rules, PAIRS["better"], ROUNDS, pilot=self.scores, power=POWER)

    def power(self, sizes: tuple[int, ...]) -> float:
        """The planned power of a run with so many cases of each kind."""
        table = self.plan(dict(zip(PRIMARY, sizes, strict=True))).table
        return float(table.iloc[0].filter(like="power at").iloc[0])


def planned_cases(pilot: pd.DataFrame) -> dict[str, int]:
    """Per kind the cases that the plan asks for to find the planted difference, as many of either kind."""
    found = Truth(pilot).plan(dict.fromkeys(PRIMARY, PILOT)).needed
    assert found is not None
    return dict.fromkeys(PRIMARY, math.ceil(found.cases / len(PRIMARY)))


def to_write(wanted: dict[str, int], pilot: pd.DataFrame) -> dict[str, int]:
    """How many cases to have written: some are refused, or get no answer of their author or critic."""
    accepted = pilot.groupby("test_case")["id"].nunique() / (2 * PILOT)
    return {kind: math.ceil(n / accepted[kind]) for kind, n in wanted.items()}


def told(one: Ended) -> Ended:
    """Says how a run ended, so that a benchmark that is cut short has not run for nothing."""
    sizes = [one.compared[kind]["n"] for kind in PRIMARY]
    outcome = f"{one.decision['outcome']} {one.decision['model']}"
    print(f"{one.task.planted} {one.task.seed}: {outcome}, {sizes} cases, {one.seconds:.0f} s", flush=True)
    return one


def share(hits: list[bool]) -> str:
    one = proportion(sum(hits), len(hits))
    low, high = 100 * one.ci_low, 100 * one.ci_high
    return f"{one.successes:4d} of {one.n:4d} = {100 * one.share:5.1f} %  ({low:.1f} to {high:.1f})"


def print_equal(ended: list[Ended]) -> None:
    print(f"\nEqual models ({' and '.join(PAIRS['equal'])}): what is said that is not so")
    names = PAIRS["equal"]
    print(f"  {'U of one shown above the other':36}{share([any(map(one.shown, names)) for one in ended])}")
    print(f"  {'one of them deployed':36}{share([bool(one.deployed) for one in ended])}")
    print(f"  {'split by kind':36}{share([one.decision['outcome'] == 'split' for one in ended])}")
    same = [one.decision["outcome"] == "equivalent" for one in ended]
    print(f"  {'equivalent (which is so)':36}{share(same)}")


def print_planted(ended: list[Ended], pilot: pd.DataFrame) -> None:
    print(f"\n{STEADY.id} against {LESSER.id}: found in U, beside the planned power at the cases compared")
    found = [one.shown(STEADY.id) for one in ended]
    print(f"  {'found':36}{share(found)}")
    for name, truth in (("pilot", Truth(pilot)), ("all runs", Truth(pooled(ended)))):
        sizes = [tuple(one.compared[kind]["n"] for kind in PRIMARY) for one in ended]
        power = statistics.mean(map(truth.power, sizes))
        plan = f"{f'planned, from {name}':36}{'':13}{100 * power:5.1f} %"
        print(f"  {plan}  off by {100 * (statistics.mean(found) - power):+.1f} points; ", end="")
        print(f"difference {truth.difference:.4f} ± {truth.error:.4f} on {truth.n} cases")
    print(f"  {'deployed':36}{share([one.deployed == STEADY.id for one in ended])}")
    print(f"  {'the lesser model deployed':36}{share([one.deployed == LESSER.id for one in ended])}")


def print_ended(ended: list[Ended], seconds: float) -> None:
    times = [one.seconds for one in ended]
    n = [one.compared[kind]["n"] for one in ended for kind in PRIMARY]
    unscored = statistics.mean(one.unscored for one in ended)
    unjudged = statistics.mean(one.unjudged for one in ended)
    print(f"\nunscored responses {100 * unscored:.1f} %, lost verdicts {100 * unjudged:.1f} %; ", end="")
    print(f"cases compared per kind {min(n)} to {max(n)}")
    print(f"{seconds:.0f} s in all; a run {statistics.median(times):.1f} s, ", end="")
    print(f"{min(times):.1f} to {max(times):.1f}")


def planned_runs(pool: ProcessPoolExecutor) -> tuple[pd.DataFrame, dict[str, int]]:
    """The scores of the pilots, and how many cases of each kind a run has written."""
    first = [Task("better", 7 + i, dict.fromkeys(PRIMARY, PILOT)) for i in range(2)]
    pilot = pooled(list(pool.map(full_run, first)))
    wanted = planned_cases(pilot)
    print(f"planned {wanted}")
    return pilot, to_write(wanted, pilot)


def main(runs: str = "400", planted: str = "equal,better,equal,worse") -> None:
    began, order = time.perf_counter(), planted.split(",")
    machine = f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores"
    print(f"{machine}, Python {platform.python_version()}")
    print(f"critic misses {CRITIC.critic_misses}, false alarms {CRITIC.critic_false_alarms}; ", end="")
    print(f"judge errs in {ROSTER[JUDGE].judge_errors} of its verdicts; ", end="")
    print(f"{100 * FAILING:.0f} % of calls fail for good; {ROUNDS} rounds", flush=True)
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:
        pilot, sizes = planned_runs(pool)
        print(f"{runs} runs; written {sizes}", flush=True)
        tasks = [Task(order[i % len(order)], 1000 + i, sizes) for i in range(int(runs))]
        ended = [told(one) for one in pool.map(full_run, tasks)]
    if equal := [one for one in ended if one.task.planted == "equal"]:
        print_equal(equal)
    if differing := [one for one in ended if one.task.planted != "equal"]:
        print_planted(differing, pilot)
    print_ended(ended, time.perf_counter() - began)


if __name__ == "__main__":
    main(*sys.argv[1:])
