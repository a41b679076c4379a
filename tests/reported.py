"""A finished run in a folder, made by the stages' own functions without a notebook or a provider."""

from __future__ import annotations

import asyncio
import json
import random
from contextlib import closing
from pathlib import Path
from typing import Any

import pandas as pd

from benchkit import report
from benchkit.agent import Item, Reply
from benchkit.decide import metrics_report
from benchkit.domain import Response, TestCase
from benchkit.execute import executor, response_from
from benchkit.generate.cases import adopt_cases
from benchkit.llm.journal import Journal
from benchkit.measure import align, compare, metrics_json, primary_metrics, score, signature, summarise
from benchkit.offline import commentary as simulated
from benchkit.offline.chance import chance
from benchkit.offline.models import ROSTER
from benchkit.plots import plot_validation
from benchkit.report.export import export_report
from benchkit.run import Run, start_run

from .staging import HASTY, STEADY, cases

ALPHA, MARGIN, ROUNDS = 0.05, 0.05, 2


def finished(path: Path, per_kind: int = 6, models: tuple[str, ...] = (STEADY, HASTY)) -> Run:
    """A run with every artifact that `benchkit verify` reads, its journal included."""
    run = start_run(path, provider="offline", seed=7)
    run.save("validated_tests.csv", cases(per_kind))
    run.record("03_execute", models=list(models), rounds=ROUNDS, temperature=0.7, max_concurrency=0)
    run.save_responses(asyncio.run(_answered(run, models)))
    run.record("04_measure", alpha=ALPHA, margin=MARGIN, primary_metric="")
    _measure(run)
    write_report(run)
    return run


async def _answered(run: Run, models: tuple[str, ...]) -> pd.DataFrame:
    """Responses of which every model spoils its share, each reply on record."""
    rows, draw = [], random.Random(1)
    with closing(Journal(run.path / "calls.sqlite")) as journal:
        for model in models:
            for case in run.validated_tests().to_dict("records"):
                for round in range(1, ROUNDS + 1):
                    test = TestCase.from_row(case)
                    call = executor(test.test_case, model, 0.7).call(Item(test.id, test.prompt, round), 7)
                    reply = _reply(call.key, test, draw, 0.15 if model == STEADY else 0.45)
                    await journal.record(call, reply)
                    rows.append(vars_of(response_from(test, model, round, reply)))
    whole = {"prompt_tokens": "Int64", "completion_tokens": "Int64"}
    return pd.DataFrame(rows).astype(whole | dict.fromkeys(("latency_s", "queue_s", "cost_usd"), float))


def _reply(key: str, test: TestCase, draw: random.Random, spoilt: float) -> Reply:
    if draw.random() < 0.05:
        return Reply(key, "failed", error="APITimeoutError: timed out")
    golden = test.golden_response
    if isinstance(golden, dict):
        said: dict[str, Any] = {name: value for name, value in golden.items() if draw.random() > spoilt}
    else:
        text = " ".join(word for word in golden.split() if draw.random() > spoilt)
        said = {"response_text": text, "response_type": "answer", "next_steps": []}
    used = {"prompt_tokens": draw.randrange(200, 300), "completion_tokens": draw.randrange(50, 90)}
    took = {"latency_s": draw.lognormvariate(0, 0.4), "queue_s": 0.01, "cost_usd": draw.random() / 1000}
    stamp = "2026-01-01T00:00:00+00:00"
    return Reply(key, "answered", said, json.dumps(said), timestamp=stamp, **used, **took)


def vars_of(one: Response) -> dict[str, Any]:
    return {name: getattr(one, name) for name in Response.__dataclass_fields__}


def _measure(run: Run) -> None:
    """What 04 does."""
    responses = align(run.responses(), adopt_cases(run.validated_tests()))
    scores = score(responses, adopt_cases(run.validated_tests()))
    primary, summary, models = (
        primary_metrics("", scores),
        summarise(scores),
        list(responses["model"].unique()),
    )
    comparisons = compare(scores, models, primary, margin=MARGIN, alpha=ALPHA)
    how: dict[str, Any] = {"primary": primary, "alpha": ALPHA, "margin": MARGIN}
    made = metrics_report(responses, scores, summary, comparisons, simulated=True, seed=run.seed, **how)
    run.save("scores.csv", scores)
    run.save_report(made)
    run.save_json(
        "metrics.json",
        metrics_json(summary, models, True, signature(scores, ALPHA, primary, run.seed, MARGIN)),
    )


def write_report(run: Run) -> None:
    """What 05 does, with the simulated analyst's commentary."""
    made, tests = run.metrics_report(), adopt_cases(run.validated_tests())
    responses, scores = align(run.responses(), tests), run.scores()
    said = simulated.write(ROSTER["offline/analyst"], report.facts_of(made), chance(1))["passages"]
    wrong = {"title": "The gap", "text": f"{STEADY} roughly doubled the score of {HASTY}."}
    left_out = report.LeftOut(**wrong, problems=report.checked(wrong, report.facts_of(made)))
    commentary = report.Commentary("offline/analyst", said, [left_out], 2)
    run.save_json("commentary.json", commentary.record())
    worst = report.worst_cases(responses, scores, tests, made["configuration"]["primary_metrics"])
    run.save_figure("validation", plot_validation(tests, tests.iloc[:0], simulated=True))
    figures = report.figures(made, scores, responses, run.path / "figures")
    for name, figure in figures.items():
        run.save_figure(name, figure)
    run.save_text("analysis_report.md", report.write(made, commentary, worst, figures))
    page = run.path / "html" / "analysis_report.html"
    export_report(run.path / "analysis_report.md", page, simulated=run.simulated)
