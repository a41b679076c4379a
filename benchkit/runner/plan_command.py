"""`benchkit plan`: what 03 shows before it pays, without a notebook. Asks nothing."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..domain import KINDS
from ..errors import RunError
from ..run.responses import response_files
from ..values import refused
from .terminal import Add, say

if TYPE_CHECKING:
    import pandas as pd

    from ..run import Run

SIMULATED = "SIMULATED: the pilot's answers are no real model's."
MOST_CASES = 1_000_000


def add_plan(add: Add) -> None:
    pilot = "a run to plan from (default: the newest; none, or one that 04 has not measured: assumptions)"
    add("run_dir", nargs="?", default="", metavar="RUN_DIR", help=pilot)
    add("--detect", type=float, metavar="D", help="the difference to find (default: 03's)")
    add("--cases", type=int, metavar="N", help="cases of each kind (default: the pilot's, else 01's)")
    rounds = "answers per case and model (default: the pilot's, else 03's)"
    add("--rounds", type=int, metavar="K", help=rounds)
    add("--power", type=float, default=0.8, metavar="P", help="the chance to find it (default: 0.8)")


def plan(args: argparse.Namespace) -> int:
    """Print what a run can detect, n against K at the same cost, and the price."""
    from ..decide import RULES, Rules, of_models
    from ..decide.prices import NOT_KNOWN, case_prices
    from ..execute.plan import plan_power
    from ..judge import judge_of

    run = _pilot(args.run_dir)
    known = _parameters(run)
    answers, scores = _seen(run) if run else (None, None)
    named, rounds = known.get("candidates") or known["models"] or ["A", "B"], known["rounds"]
    if scores is not None:
        ours = of_models(scores)
        named, rounds = list(ours["model"].unique()), int(ours["round"].nunique())
    asked = known.get("candidates") or {}
    models = {name: asked[name]["model"] if name in asked else name for name in named}
    given = {} if args.detect is None else {"detect": args.detect}
    power = plan_power(
        _sizes(run, known, args.cases),
        Rules(**{name: known[name] for name in RULES} | given),
        models,
        rounds if args.rounds is None else args.rounds,
        cases=_cases(run),
        pilot=scores,
        prices=case_prices(run, answers, judge_of(run.provider, named, run.parameter)) if run else NOT_KNOWN,
        power=args.power,
        named=str(run.path) if run else "",
    )
    marked = [SIMULATED] if run and run.simulated and scores is not None else []
    say("\n".join([*marked, repr(power), "", _text(power.table)]))
    return 0


def _pilot(run_dir: str) -> Run | None:
    """The run to plan from; None where none is named and there is none."""
    from ..run import read_run

    try:
        return read_run(run_dir)
    except RunError:
        if run_dir:
            raise
        return None


def _parameters(run: Run | None) -> dict[str, Any]:
    """What the pilot was run with, else the notebooks' defaults."""
    from .parameters import declared_parameters, notebook_folder

    known: dict[str, Any] = {}
    for notebook, declared in declared_parameters(notebook_folder()).items():
        recorded = run.config["parameters"].get(notebook, {}) if run else {}
        known |= {one.name: one.default for one in declared.values()} | recorded
    return known


def _seen(run: Run) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """(responses, scores) of the pilot, None without any; scores if 04 measured these very answers."""
    if not response_files(run.path):
        return None, None
    answers = run.responses()
    try:
        run.current_report()
        return answers, run.scores()
    except RunError:
        return answers, None


def _cases(run: Run | None) -> pd.DataFrame | None:
    return run.validated_tests() if run and (run.path / "validated_tests.csv").exists() else None


def _sizes(run: Run | None, known: Mapping[str, Any], count: int | None) -> dict[str, int]:
    """Cases per kind: the pilot's, else what 01 would write; `count` of each where it is given."""
    if count is not None and not 1 <= count <= MOST_CASES:
        raise refused("--cases", count, f"Use a whole number from 1 to {MOST_CASES:,}.")
    sizes = {kind: known[f"{kind}_cases"] for kind in KINDS}
    if (cases := _cases(run)) is not None:
        sizes = cases["test_case"].value_counts().to_dict()
    return {kind: count or n for kind, n in sizes.items() if n}


def _smallest(value: float) -> str:
    """An infinite one is none: it would be more than there can be."""
    return "none" if value == float("inf") else "unknown" if value != value else f"{value:,.3f}"


def _text(table: pd.DataFrame) -> str:
    whole = {"answers": "{:,}", "tokens": "{:,.0f}", "cost_usd": "{:,.4f}", "contenders": "{:,.1f}"}
    whole |= dict.fromkeys(table.filter(like="minutes"), "{:,.1f}")
    forms: dict[str, Any] = {name: whole[name].format for name in whole if name in table}
    forms |= {"smallest difference": _smallest}
    return table.to_string(index=False, na_rep="unknown", float_format="{:,.3f}".format, formatters=forms)
