"""Before the first notebook: whether the values of every later one can be used, and its models are served."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from ..errors import ProviderError

Values = Mapping[str, Any]
Plan = Mapping[str, Values]  # each notebook that is going to run, with all of its parameters


def check_values(plan: Plan) -> None:
    """Raises UsageError for a value that a notebook would refuse, whichever one, before any is paid for.

    The notebooks ask again: this is for the person who would else wait, and pay, until the fourth says so.
    """
    for name, (check, needed) in _CHECKS.items():
        if needed <= plan.get(name, {}).keys():  # somebody's own notebook may know less
            check(plan[name])
    _check_weights(plan.get("01_generate", {}), plan.get("03_execute", {}))


async def check_models(plan: Plan, provider_name: str) -> None:
    """The key works, and every model that these notebooks are going to ask is served.

    Raises ProviderError that names the parameter which asks for the model.
    """
    from ..llm.catalog import DEFAULTS
    from ..llm.provider import Provider

    wanted = _wanted(plan, DEFAULTS.get(provider_name, {}))
    if not wanted or provider_name not in DEFAULTS:
        return
    provider = Provider(provider_name)
    try:
        for parameter, models in wanted.items():
            try:
                await provider.check(models)
            except ProviderError as error:
                if not provider.models:
                    raise  # no list of models: the key or the network, whoever asks
                raise ProviderError(f"{parameter}: {error}") from error
    finally:
        await provider.close()


def _wanted(plan: Plan, default: Mapping[str, Any]) -> dict[str, list[str]]:
    """The models by the parameter that names them: only those that are going to be asked anything."""
    first, second = plan.get("01_generate", {}), plan.get("02_validate", {})
    roles = {
        "generator": bool(first) and not first.get("cases_file"),
        "validator": second.get("enable_validation", False),
        "report": "05_report" in plan,
    }
    given = {key: value for values in plan.values() for key, value in values.items()}
    named = {
        f"{role}_model": [given.get(f"{role}_model") or default.get(role, "")]
        for role, asked in roles.items()
        if asked
    }
    under_test = {"models": list(given.get("models") or default.get("models", []))}
    return named | (under_test if "03_execute" in plan else {})


def _check_generate(values: Values) -> None:
    from ..domain import CATEGORIES
    from ..generate import check_parameters
    from ..llm.budget import CEILINGS, Budget
    from ..llm.client import check_pace

    wanted = {name: values[name] for name in _COUNTS}
    check_parameters(**wanted, categories=values["categories"] or CATEGORIES)
    Budget(**{name: values[name] for name in CEILINGS})
    check_pace(values.get("max_concurrency", 0), values.get("timeout_s", 0))


def _check_validate(values: Values) -> None:
    from ..validate import check_parameters
    from ..validate.validator_audit import check_count

    check_parameters(values["enable_validation"], values["quality_threshold"], values["max_regenerations"])
    check_count(values["planted_cases"])


def _check_execute(values: Values) -> None:
    from ..decide import RULES, Rules, check_primary
    from ..execute import check_parameters
    from ..llm.client import check_pace

    check_parameters(values["models"], values["rounds"], values["temperature"], values.get("max_tokens", 0))
    check_pace(values["max_concurrency"], values.get("timeout_s", 0))
    Rules(**{name: values[name] for name in RULES})
    check_primary(values["primary_metric"])


def _check_weights(first: Values, third: Values) -> None:
    """Weights name kinds and categories that 01 is about to write; of brought cases 03 knows them."""
    from ..decide import Rules
    from ..domain import CATEGORIES

    given: dict[str, Any] = {name: third.get(name) or {} for name in ("kind_weights", "category_weights")}
    if any(given.values()) and first and not first.get("cases_file"):
        kinds = [k for k in ("json", "conversation") if first[f"enable_{k}_tests"] and first[f"{k}_cases"]]
        Rules(**given).check_names(kinds, first["categories"] or CATEGORIES)


_COUNTS = (
    *("json_cases", "conversation_cases", "enable_json_tests", "enable_conversation_tests"),
    "cases_file",
)
_CHECKS: dict[str, tuple[Callable[[Values], None], set[str]]] = {
    "01_generate": (_check_generate, {*_COUNTS, "categories", "max_cost_usd", "max_calls", "max_minutes"}),
    "02_validate": (
        _check_validate,
        {"enable_validation", "quality_threshold", "max_regenerations", "planted_cases"},
    ),
    "03_execute": (
        _check_execute,
        {"models", "rounds", "temperature", "max_concurrency", "kind_weights", "primary_metric", "detect"},
    ),
}
