"""A run folder of many responses: its scores and decision without its texts in memory, on one and two cores.

    python benchmarks/scale.py [RESPONSES] [CORES]

10 models answer half conversations and half records (the cases: pairs.csv of `scoring.py` again and again,
each with a number of its own), 3 rounds. No conversation comes twice; records do.
All 8 metrics that are computed from an answer are: 5 of a conversation, 3 of a record.
Measured are reading, aligning, scoring, the tables on disk
and the whole report of 04; memory is the sum of the resident sets of all processes, looked at each 50 ms. The
plain loop of `scoring.py` goes over the first 3,000 of the same answers on one core, and is scaled to all.
"""

from __future__ import annotations

import json
import os
import random
import sys
import threading
import time
from collections.abc import Callable
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pandas as pd
from scoring import PAIRS, floor, pairs

from benchkit.decide import Rules
from benchkit.generate.cases import adopt_cases, schema_of
from benchkit.measure import aligned, metrics_report, score, with_controls
from benchkit.run import Run, large, open_run
from benchkit.run.tables import write_table

MODELS, ROUNDS, LOOP = 10, 3, 3_000


class Memory(threading.Thread):
    """The most megabytes that this process and all below it have resident (Linux)."""

    most, going = 0.0, True

    def run(self) -> None:
        while self.going:
            self.most = max(self.most, sum(map(held, family(os.getpid()))))
            time.sleep(0.05)


def family(pid: int) -> list[int]:
    try:
        below = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return []
    return [pid, *(one for child in below for one in family(int(child)))]


def held(pid: int) -> float:
    try:
        with open(f"/proc/{pid}/statm") as file:
            return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
    except OSError:
        return 0.0


def record(at: int, wrong: bool = False) -> dict[str, Any]:
    return {"order": f"A-{at}", "amount": at % 97 + wrong, "lines": [{"sku": f"s{at % 13}", "n": at % 5 + 1}]}


def make(folder: Path, responses: int) -> None:
    """The folder as somebody's harness would leave it."""
    known = list(pairs(PAIRS))[::10]
    n, rng, rows = responses // MODELS // ROUNDS, random.Random(0), []
    for at in range(n):
        _, prompt, golden, _ = known[at // 2 % len(known)]
        is_json = at % 2
        text = json.dumps(record(at)) if is_json else golden
        schema = json.dumps(schema_of([record(at)], least=1)) if is_json else ""
        kind, category = ("json", "conversation")[not is_json], f"c{at % 5}"
        rows.append((f"case-{at}", f"{prompt} ({at})", kind, category, text, schema))
    names = ["id", "prompt", "test_case", "category", "golden_response", "response_schema"]
    write_table(folder / "validated_tests.csv", pd.DataFrame(rows, columns=names))
    for model in range(MODELS):
        told = []
        for at, row in enumerate(rows):
            for round in range(1, ROUNDS + 1):
                good = rng.random() < 0.6 + 0.02 * model
                said = known[(at // 2 + (0 if good else model + 1)) % len(known)][3]
                said = json.dumps(record(at, not good)) if at % 2 else f"{said} {at}.{model}.{round}"
                told.append((row[0], said, round, rng.random()))
        table = pd.DataFrame(told, columns=["id", "model_response", "round", "latency_s"])
        write_table(folder / f"model-{model}_all_responses.csv", table)


def spent() -> float:
    """CPU seconds of this process and of those below it that have ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def timed(what: str, work: Callable[[], Any], memory: Memory) -> Any:
    began, used, memory.most = time.perf_counter(), spent(), 0.0
    found = work()
    took = f"{time.perf_counter() - began:8.1f} s {spent() - used:8.1f} s of CPU"
    print(f"  {what:28}{took} {memory.most:8,.0f} MB at most", flush=True)
    return found


def plain_loop(folder: Path) -> float:
    """CPU seconds an answer."""
    cases = pd.read_csv(folder / "validated_tests.csv").set_index("id")[["prompt", "golden_response"]]
    said = pd.read_csv(folder / "model-0_all_responses.csv", nrows=LOOP).join(cases, on="id")
    names = ["id", "prompt", "golden_response", "model_response"]
    used = spent()
    for row in said[names].itertuples(index=False, name=None):
        floor(row)
    return (spent() - used) / len(said)


def measure(run: Run, memory: Memory) -> None:
    cases, rules = adopt_cases(run.validated_tests()), Rules(primary_metric="task_completion,field_accuracy")
    responses = timed("read and align", lambda: aligned(run, cases), memory)
    scores = timed("score", lambda: score(responses, cases), memory)
    print(f"  {len(responses):,} responses, {len(scores):,} scores")
    everything = timed("controls", lambda: with_controls(scores, cases), memory)
    timed("scores.parquet", lambda: run.save("scores.csv", everything), memory)
    report = timed("report", lambda: metrics_report(everything, responses, rules, run), memory)
    print(" ", report["decision"]["sentence"])


def main(responses: int = 1_000_000, cores: int = 2) -> None:
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:cores])
    large.LARGE = min(large.LARGE, responses // 2)  # fewer are a run of many, too
    memory = Memory(daemon=True)
    with TemporaryDirectory() as name:
        folder = Path(name)
        maker = get_context("spawn").Process(target=make, args=(folder, responses))  # its memory is not ours
        maker.start()
        maker.join()
        size = sum(path.stat().st_size for path in folder.iterdir()) / 2**20
        print(f"{responses:,} responses, {size:,.0f} MB of CSV, {cores} cores; load {os.getloadavg()[0]:.1f}")
        loop = plain_loop(folder) * responses
        print(f"  the plain loop, on one core {loop:,.0f} s of CPU, from {LOOP:,} answers", flush=True)
        memory.start()
        began, used = time.perf_counter(), spent()
        measure(open_run(folder), memory)
        took, used = time.perf_counter() - began, spent() - used
        print(
            f"  in all {took:.1f} s, {used:.1f} s of CPU: {loop / took:.1f} times (by CPU {loop / used:.1f})"
        )
        memory.going = False


if __name__ == "__main__":
    main(*(int(one) for one in sys.argv[1:]))
