"""Before the first notebook: whether the values of every later one can be used, and its models are served."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import BenchkitError, ProviderError, UsageError
from ..run import Run, read_run
from ..values import checked, refused
from ..wording import listed

Values = Mapping[str, Any]
Plan = Mapping[str, Values]  # each notebook that is going to run, with all of its parameters


def check_values(plan: Plan, run: Run | None = None) -> None:
    """Raises UsageError for a value that a notebook would refuse, whichever one, before any is paid for.

    `run` is the one that goes on, if it is there. The notebooks ask again: this is for the person who would
    else wait, and pay, until the fourth says so.
    """
    for notebook, values in plan.items():
        checked(notebook, values)
    given = _given(plan)
    if given.get("labels_file") and not Path(given["labels_file"]).expanduser().is_file():
        raise refused("labels_file", given["labels_file"], "There is no such file.")
    for name, check in (("pilot_run", _run), ("baseline_run", _baseline), ("labels_file", _labels)):
        if given.get(name):
            try:
                check(given[name], plan, run)
            except BenchkitError as error:
                raise UsageError(f"{name}: {error}") from error
    names = _asked(plan)
    if given.get("reference") and names and given["reference"] not in names:
        raise refused("reference", given["reference"], f"The models are {', '.join(names)}.")
    if "03_execute" in plan:
        _check_rules(plan, given)


def _given(plan: Plan) -> dict[str, Any]:
    return {name: value for values in plan.values() for name, value in values.items()}


def _asked(plan: Plan) -> list[str]:
    """The names of the candidates that are going to be asked; [] where this plan alone does not say."""
    from ..execute.candidates import read_candidates
    from ..llm.catalog import default_models

    given = _given(plan)
    if "03_execute" not in plan:
        return []
    if file := given.get("candidates_file"):
        return [one.name for one in read_candidates(file)]
    return given.get("models") or (default_models(given["provider"]) if "provider" in given else [])


def _run(path: str, plan: Plan, run: Run | None) -> None:
    read_run(path)


def _baseline(path: str, plan: Plan, run: Run | None) -> None:
    """It is measured by the metrics that 04 is going to use, and has models of this run's."""
    from ..measure import METRICS_VERSION
    from ..report.matched_runs import measured_run, same_metrics

    before, names = measured_run(read_run(path)), _asked(plan)
    if "04_measure" in plan:
        same_metrics(before, METRICS_VERSION, "this run")
    if names and not set(names) & set(before.models):
        raise UsageError(f"{path} has {listed(before.models)}, and this run none of them: {listed(names)}.")


def _labels(path: str, plan: Plan, run: Run | None) -> None:
    """It is a table of labels, with some of this run's pairs where the answers are there."""
    from ..generate.cases import adopt_cases
    from ..measure import aligned, draw_pairs
    from ..measure.reading_labels import check_labels

    pairs = responses = None
    if run and "03_execute" not in plan and run.response_files():
        responses = aligned(run, adopt_cases(run.validated_tests()), warn=False)
        pairs = draw_pairs(responses, run.seed or 0)
    check_labels(path, pairs, responses)


def _check_rules(plan: Plan, given: Values) -> None:
    """Raises UsageError where what decides is unknown, or fits none of the cases that 01 is going to have."""
    import pandas as pd

    from ..decide import RULES, Rules, check_primary
    from ..domain import CATEGORIES, KINDS
    from ..generate.cases import read_cases

    check_primary(given.get("primary_metric", ""))
    rules = Rules(**{name: given[name] for name in RULES if name in given})
    if "01_generate" not in plan or not (rules.named or rules.kind_weights or rules.category_weights):
        return
    if given.get("cases_file"):
        cases = read_cases(given["cases_file"])
        cases = cases[cases["problem"] == ""]
    else:
        kinds = [kind for kind in KINDS if given[f"enable_{kind}_tests"] and given[f"{kind}_cases"]]
        categories = given["categories"] or CATEGORIES
        cases = pd.MultiIndex.from_product([kinds, categories], names=["test_case", "category"]).to_frame()
    rules.check_fit(cases)


async def check_models(plan: Plan, provider_name: str) -> None:
    """The key works, and every model that these notebooks are going to ask is served.

    Raises UsageError for a key that is none and for a model that is not served, naming the parameter which
    asks for it, ProviderError for a provider that is out of reach.
    """
    from ..llm.catalog import DEFAULTS, provider_of
    from ..llm.provider import Provider

    if provider_name in DEFAULTS:
        wanted = _wanted(plan, provider_name)
    else:  # of answers from elsewhere: the judge, if one is named
        fourth = plan.get("04_measure", {})
        judge = fourth.get("judge_model", "") if fourth.get("enable_judge") else ""
        wanted, provider_name = ({"judge_model": [judge]} if judge else {}), provider_of(judge)
    simulated = DEFAULTS["offline"]
    own = {*simulated["models"], *(model for role, model in simulated.items() if role != "models")}
    if provider_name == "offline" and own.issuperset(set().union(*wanted.values())):
        return  # to start the embedded server only to hear that it serves its own models takes a second
    if not wanted:
        return
    provider = Provider(provider_name)
    try:
        try:
            provider.transport  # noqa: B018 - made on first use, with the key
        except ProviderError as error:
            raise UsageError(str(error)) from error
        for parameter, models in wanted.items():
            try:
                await provider.check(models)
            except ProviderError as error:
                if not provider.models:
                    raise  # no list of models: the key or the network, whoever asks
                raise UsageError(f"{parameter}: {error}") from error
    finally:
        await provider.close()


def _wanted(plan: Plan, provider: str) -> dict[str, list[str]]:
    """The models by the parameter that names them: only those that are going to be asked anything."""
    from ..execute.candidates import models_asked
    from ..judge import judge_model
    from ..llm.catalog import DEFAULTS

    default, given = DEFAULTS[provider], _given(plan)
    roles = {
        "generator": "01_generate" in plan and not given.get("cases_file"),
        "validator": given.get("enable_validation", False),
        "report": "05_report" in plan,
    }
    named = {
        f"{role}_model": [given.get(f"{role}_model") or default.get(role, "")]
        for role, asked in roles.items()
        if asked
    }
    file = given.get("candidates_file", "")
    asked = models_asked(file, given.get("models") or default.get("models", []))
    if "03_execute" in plan:
        named["candidates_file" if file else "models"] = asked
    if any(values.get("enable_judge") for values in plan.values()):
        named["judge_model"] = [judge_model(provider, asked, given.get("judge_model", ""))]
    return named
