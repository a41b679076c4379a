"""`benchkit plan`: what 03 shows before it pays, without a notebook. Asks nothing."""

from __future__ import annotations

import argparse
from functools import cache
from typing import TYPE_CHECKING, Any

from ..domain import CATEGORIES
from ..errors import RunError, UsageError
from ..run.paths import newest_run_dir, response_files

if TYPE_CHECKING:
    import pandas as pd

    from ..execute.planning import Aim, Outlook
    from ..run import Run
    from .parameters import Parameter

SIMULATED = "SIMULATED: the pilot's answers are no real model's."


def add_plan(command: argparse.ArgumentParser) -> None:
    add = command.add_argument
    pilot = "a run to plan from, finished or begun (default: the newest; none at all: assumptions)"
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
    from ..execute.pilot import clusters_of
    from ..execute.planning import plan_detection

    cases, answers = _seen(run)
    aim, sizes = _aim(run, answers, args), _sizes(run, cases, args.cases)
    clusters = clusters_of(cases) if len(cases) else dict.fromkeys(sizes, float(len(CATEGORIES)))
    models = list(dict.fromkeys(answers["model"]))
    if len(models) < 2:  # a run that was stopped early
        models = _parameter(run, "03_execute", "models") or ["A", "B"]
    finished = run is not None and bool(response_files(run.path))
    outlook = plan_detection(
        _scores(run, answers, cases),
        sizes,
        _primary(run, sizes),
        aim,
        clusters,
        models=models,
        reference=_parameter(run, "04_measure", "reference"),
        again=finished,
    )
    marked = [SIMULATED] if run and run.simulated and len(answers) else []
    return [*marked, *(f"- {one}" for one in outlook.sentences), *_tables(outlook, sizes, answers, models)]


def _aim(run: Run | None, answers: pd.DataFrame, args: argparse.Namespace) -> Aim:
    """What is to be found: as the command line says, else as the pilot did."""
    from ..execute.planning import Aim

    seen = {"rounds": int(answers["round"].nunique())} if len(answers) else {}
    known = {name: _parameter(run, "03_execute", name) for name in ("detect", "rounds")} | seen
    known |= {name: value for name, value in vars(args).items() if name in known and value is not None}
    return Aim(known["rounds"], known["detect"], _parameter(run, "04_measure", "alpha"), args.power)


def _primary(run: Run | None, sizes: dict[str, int]) -> dict[str, str]:
    """The metrics that decide, as 04 takes them."""
    from ..measure import primary_metrics

    given = (_parameter(run, notebook, "primary_metric") for notebook in ("04_measure", "03_execute"))
    return primary_metrics(next(filter(None, given), ""), _kinds(sizes))


def _scores(run: Run | None, answers: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """As 04 scored these very answers, where it did; else as a pilot."""
    from ..execute.pilot import pilot_scores

    try:
        if run is not None and run.current_report():
            return run.scores()
    except RunError:
        pass  # 04 has not measured it, or not what is there now
    return pilot_scores(answers, cases)


def _tables(outlook: Outlook, sizes: dict[str, int], answers: pd.DataFrame, models: list[str]) -> list[str]:
    from ..execute.planning import cases_for
    from ..execute.price import answer_prices, price_table

    aim = outlook.aim
    wanted = {"as planned": sizes, f"to find {aim.detect:g}": cases_for(outlook)}
    wanted = {name: of for name, of in wanted.items() if of}
    price = price_table(answer_prices(answers), models, wanted, aim.rounds)
    lines = _pairs(outlook)
    if len(outlook.designs):
        designs = outlook.designs.drop(columns="basis")
        lines += ["", "The same calls, spent on cases or on rounds:", _text(designs)]
    return [
        *lines,
        "",
        f"The price at {aim.rounds} {'round' if aim.rounds == 1 else 'rounds'} and Groq's published limits:",
        _text(price),
    ]


def _pairs(outlook: Outlook) -> list[str]:
    """Every pair beside the hardest, where the pilot has several."""
    seen = outlook.table[(outlook.table["pilot_cases"] > 0) & outlook.table["usable"]]
    if not seen["metric"].duplicated().any():
        return []
    names = ["metric", "model_a", "model_b", "n", "detectable", "power", "cases_needed", "needed_low"]
    whole = dict.fromkeys(("cases_needed", "needed_low", "needed_high"), "Int64")
    table = seen[[*names, "needed_high", "rounds_needed"]].astype(whole)
    return [
        "",
        f"Every pair that decides, and what a difference of {outlook.aim.detect:g} takes:",
        _text(table),
    ]


def _pilot(run_dir: str) -> Run | None:
    """The run to plan from; None where none is named and there is none."""
    from ..run import read_run

    if run_dir:
        return read_run(run_dir)
    try:
        return read_run(newest_run_dir())
    except RunError:
        return None


def _seen(run: Run | None) -> tuple[pd.DataFrame, pd.DataFrame]:
    """(cases, responses) of the pilot: those on file, else those that an interrupted 03 has on record."""
    import pandas as pd

    from ..domain import Response, TestCase
    from ..generate.cases import adopt_cases

    columns = [*Response.__dataclass_fields__, "category"]
    nobody = pd.DataFrame(columns=columns).astype({"prompt_tokens": float, "completion_tokens": float})
    if run is None or not (run.path / "validated_tests.csv").exists():
        return pd.DataFrame(columns=list(TestCase.__dataclass_fields__)), nobody
    cases = adopt_cases(run.validated_tests())
    if response_files(run.path):
        return cases, run.responses()
    if run.provider == "imported":
        return cases, nobody
    return cases, _on_record(run, cases)


def _on_record(run: Any, cases: pd.DataFrame) -> pd.DataFrame:
    from ..execute import plan_execution, recorded_responses
    from ..llm.client import connect

    client = connect(run)
    names = ("models", "rounds", "temperature", "max_tokens")
    asked = {name: _parameter(run, "03_execute", name) for name in names}
    return recorded_responses(plan_execution(client, cases, **asked), client)


def _sizes(run: Run | None, cases: pd.DataFrame, count: int | None) -> dict[str, int]:
    """Cases per kind: the pilot's, else what 01 would write; `count` of each where it is given."""
    from ..stats import MOST_CASES

    sizes = cases["test_case"].value_counts().to_dict()
    if not sizes:
        sizes = {kind: _parameter(run, "01_generate", f"{kind}_cases") for kind in ("json", "conversation")}
    if count is not None and not 1 <= count <= MOST_CASES:
        raise UsageError(f"--cases {count} is not usable. Use a whole number from 1 to {MOST_CASES:,}.")
    return {kind: count or n for kind, n in sizes.items() if n}


def _kinds(sizes: dict[str, int]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({"test_case": list(sizes)})


def _parameter(run: Run | None, notebook: str, name: str) -> Any:
    """What the pilot was run with, else the notebook's default."""
    default = _declared()[notebook][name].default
    return run.parameter(notebook, name, default) if run else default


@cache
def _declared() -> dict[str, dict[str, Parameter]]:
    """Read once: a plan asks for a dozen of them, and each reading opens every notebook."""
    from .parameters import declared_parameters, notebook_folder

    return declared_parameters(notebook_folder())


def _text(table: pd.DataFrame) -> str:
    whole = {"calls": "{:,}", "tokens": "{:,.0f}", "cost_usd": "{:,.4f}"}
    whole |= dict.fromkeys(table.filter(like="minutes"), "{:,.1f}")
    forms = {name: whole[name].format for name in whole if name in table}
    return table.to_string(index=False, na_rep="unknown", float_format="{:,.3f}".format, formatters=forms)
