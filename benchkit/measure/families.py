"""Whether a model that made or judged the test cases is of one family with a model under test."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from ..judge import families, judge_of, models_of
from ..llm.catalog import DEFAULTS, default_model, default_models
from ..wording import listed

_FAVOUR = {
    "generator": (
        "wrote the test cases",
        "what is compared with its golden responses (bleu_score, wer_score, task_completion, field_accuracy, "
        "structural_consistency)",
    ),
    "validator": ("chose which test cases to keep", "the choice of cases, and with it every metric,"),
    "judge": ("judged the answers", "its verdicts (requirements_met)"),
}


def instruments(config: Mapping[str, Any]) -> dict[str, str]:
    """{role: model} of who wrote and who judged this run's cases and answers, from its config.json."""
    provider, given = config.get("provider", ""), config.get("parameters", {})
    asked = {
        "generator": "01_generate" in given and not given["01_generate"].get("cases_file"),
        "validator": bool(given.get("02_validate", {}).get("enable_validation")),
    }
    homes = {"generator": "01_generate", "validator": "02_validate"}
    found = {
        role: given[homes[role]].get(f"{role}_model") or default_model(provider, role)
        for role, used in asked.items()
        if used
    }
    if not given.get("04_measure", {}).get("enable_judge"):
        return found
    usual = default_models(provider) if provider in DEFAULTS else []
    asked = given.get("03_execute", {})
    candidates = list(asked.get("candidates") or asked.get("models") or usual)
    judge = judge_of(provider, candidates, lambda at, name, default: given.get(at, {}).get(name, default))
    return found | ({"judge": judge} if judge else {})


def kinship(
    config: Mapping[str, Any], models: Sequence[str], roles: Collection[str] = tuple(_FAVOUR)
) -> Iterator[str]:
    """A warning for every instrument in `roles` that is, or is akin to, the model of one under test."""
    behind = config.get("parameters", {}).get("03_execute", {}).get("candidates")
    ids = dict(zip(models, models_of(models, behind), strict=True))
    for role, instrument in instruments(config).items():
        if role not in roles:
            continue
        did, what = _FAVOUR[role]
        itself = [model for model in models if ids[model] == instrument]
        near = families(instrument)
        akin = [model for model in models if ids[model] != instrument and families(ids[model]) & near]
        if itself:
            yield f"{instrument} {did} and is itself under test: {what} could favour it."
        if akin:
            shared = sorted(frozenset.union(*(families(ids[m]) & near for m in akin)))
            yield (
                f"{instrument} {did} and is of one family ({', '.join(shared)}) with {listed(akin)}, under "
                f"test here: {what} could favour {'it' if len(akin) == 1 else 'them'}."
            )
