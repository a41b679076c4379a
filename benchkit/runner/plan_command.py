"""`benchkit plan`: what 03 shows before it pays, without a notebook. Asks nothing."""

from __future__ import annotations

import argparse
from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import RunError
from ..run.paths import newest_run_dir, response_files
from ..values import refused

if TYPE_CHECKING:
    import pandas as pd

    from ..decide import Rules
    from ..run import Run
    from .parameters import Parameter

SIMULATED = "SIMULATED: the pilot's answers are no real model's."
MOST_CASES = 1_000_000


def add_plan(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    pilot = "a run to plan from (default: the newest; none at all, or one without answers: assumptions)"
    add("run_dir", nargs="?", default="", metavar="RUN_DIR", help=pilot)
    add("--detect", type=float, metavar="D", help="the difference to find (default: 03's)")
    add("--cases", type=int, metavar="N", help="cases of each kind (default: the pilot's, else 01's)")
    add(
        "--rounds", type=int, metavar="K", help="answers per case and model (default: the pilot's, else 03's)"
    )
    add("--power", type=float, default=0.8, metavar="P", help="the chance to find it (default: 0.8)")
    command.set_defaults(command=plan)


def plan(args: argparse.Namespace) -> int:
    """Print what a run can detect, n against K at the same cost, and the price."""
    print("\n".join(_plan(_pilot(args.run_dir), args)))
    return 0


def _plan(run: Run | None, args: argparse.Namespace) -> list[str]:
    from ..decide import of_models
    from ..execute.plan import plan_power
    from ..execute.price import answer_prices

    answers, scores = _seen(run)
    models = _parameter(run, "03_execute", "models") or ["A", "B"]
    rounds = _parameter(run, "03_execute", "rounds")
    if scores is not None:
        ours = of_models(scores)
        models, rounds = list(ours["model"].unique()), int(ours["round"].nunique())
    rounds = rounds if args.rounds is None else args.rounds
    power = plan_power(
        _sizes(run, args.cases),
        _rules(run, args.detect),
        models,
        rounds,
        pilot=scores,
        prices=answer_prices(answers),
        power=args.power,
        named=str(run.path) if run else "",
    )
    marked = [SIMULATED] if run and run.simulated and scores is not None else []
    return [*marked, repr(power), "", _text(power.table)]


def _rules(run: Run | None, detect: float | None) -> Rules:
    from ..decide import RULES, Rules

    named = {name: _parameter(run, "03_execute", name) for name in RULES}
    return Rules(**named | ({} if detect is None else {"detect": detect}))


def _pilot(run_dir: str) -> Run | None:
    """The run to plan from; None where none is named and there is none."""
    from ..run import read_run

    if run_dir:
        return read_run(run_dir)
    try:
        return read_run(newest_run_dir())
    except RunError:
        return None


def _seen(run: Run | None) -> tuple[pd.DataFrame | None, pd.DataFrame | None]:
    """(responses, scores) of the pilot; None without any. As 04 scored these very answers, where it did."""
    from ..generate.cases import adopt_cases
    from ..measure import align, score
    from ..measure.controls import with_controls

    if run is None or not response_files(run.path):
        return None, None
    answers, cases = run.responses(), adopt_cases(run.validated_tests())
    try:
        run.current_report()
        scores = run.scores()
    except RunError:  # 04 has not measured it, or not what is there now
        scores = with_controls(score(align(answers, cases), cases), cases)
    return answers, scores


def _sizes(run: Run | None, count: int | None) -> dict[str, int]:
    """Cases per kind: the pilot's, else what 01 would write; `count` of each where it is given."""
    if count is not None and not 1 <= count <= MOST_CASES:
        raise refused("--cases", count, f"Use a whole number from 1 to {MOST_CASES:,}.")
    sizes = {kind: _parameter(run, "01_generate", f"{kind}_cases") for kind in ("json", "conversation")}
    if run is not None and (run.path / "validated_tests.csv").exists():
        sizes = run.validated_tests()["test_case"].value_counts().to_dict()
    return {kind: count or n for kind, n in sizes.items() if n}


def _parameter(run: Run | None, notebook: str, name: str) -> Any:
    """What the pilot was run with, else the notebook's default."""
    default = _declared()[notebook][name].default
    return run.parameter(notebook, name, default) if run else default


@cache
def _declared() -> dict[str, dict[str, Parameter]]:
    """Read once: a plan asks for a dozen of them, and each reading opens every notebook."""
    from .parameters import declared_parameters, notebook_folder

    return declared_parameters(notebook_folder())


def _smallest(value: float) -> str:
    """An infinite one is none: it would be more than there can be."""
    return "none" if value == float("inf") else "unknown" if value != value else f"{value:,.3f}"


def _text(table: pd.DataFrame) -> str:
    whole = {"answers": "{:,}", "tokens": "{:,.0f}", "cost_usd": "{:,.4f}", "contenders": "{:,.1f}"}
    whole |= dict.fromkeys(table.filter(like="minutes"), "{:,.1f}")
    forms: dict[str, Any] = {name: whole[name].format for name in whole if name in table}
    forms |= {"smallest difference": _smallest}
    return table.to_string(index=False, na_rep="unknown", float_format="{:,.3f}".format, formatters=forms)
