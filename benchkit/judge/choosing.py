"""Which model judges: one that is no relative of a candidate, where there is one."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Any

from ..llm import catalog
from ..wording import listed

# Names that a family's models carry whoever serves them; else the vendor before the slash is the family.
NAMES = ("gpt", "llama", "qwen", "mistral", "mixtral", "gemma", "gemini", "claude", "deepseek", "kimi", "phi")
_SAME = {"mixtral": "mistral", "gemini": "gemma"}
_FAVOUR = {
    "generator": (
        "wrote the test cases",
        "what is compared with its golden responses (bleu_score, wer_score, task_completion, field_accuracy, "
        "structural_consistency)",
    ),
    "validator": ("chose which test cases to keep", "the choice of cases, and with it every metric,"),
    "judge": ("judged the answers", "its verdicts (requirements_met)"),
}


def families(model: str) -> frozenset[str]:
    """The families that a model id names; a simulated model is a family of its own."""
    if model.startswith("offline/"):
        return frozenset({model})
    vendor, _, name = model.lower().rpartition("/")
    words = re.findall(r"[a-z]+", f"{vendor} {name}")
    named = {_SAME.get(one, one) for one in NAMES if any(word.startswith(one) for word in words)}
    return frozenset(named | ({vendor} if vendor else set())) or frozenset({words[0] if words else model})


def akin(model: str, candidates: Sequence[str]) -> list[str]:
    """The candidates that are of the model's family, whom it may favour."""
    return [one for one in candidates if families(one) & families(model)]


def judge_model(provider: str, candidates: Sequence[str], *named: str) -> str:
    """The first of `named` that is given, else the provider's default judge.

    A default that is of a candidate's family makes way for a model of the catalog that is not, where there is
    one. What a person named stays.
    """
    if chosen := next((name for name in named if name), ""):
        return chosen
    usual = catalog.default_model(provider, "judge")
    others = [] if provider == "offline" else list(catalog.MODELS)
    return next((model for model in (usual, *others) if not akin(model, candidates)), usual)


def judge_of(provider: str, candidates: Sequence[str], parameter: Callable[..., Any]) -> str:
    """The judge of a run by its recorded parameters (`parameter(notebook, name, default)`); "" for none.

    The one that 04 names, else 02's, else the default. Answers that were made elsewhere have no default, for
    nobody agreed to pay for it: only one that is named. With `enable_judge` False there is none.
    """
    homes = ("04_measure", "02_validate")
    enabled = parameter(homes[0], "enable_judge", parameter(homes[1], "enable_judge", True))
    named = [parameter(home, "judge_model", "") for home in homes]
    if not enabled or (provider not in catalog.DEFAULTS and not any(named)):
        return ""
    return judge_model(provider, models_of(candidates, parameter("03_execute", "candidates", {})), *named)


def models_of(names: Sequence[str], candidates: Mapping[str, Any] | None) -> list[str]:
    """The model behind each name: that of the candidate (config.json keeps them), else the name is an id."""
    return [(candidates or {}).get(name, {}).get("model", name) for name in names]


def instruments(config: Mapping[str, Any]) -> dict[str, str]:
    """{role: model} of who wrote and who judged this run's cases and answers, from its config.json."""
    provider, given = config.get("provider", ""), config.get("parameters", {})
    asked = {
        "generator": "01_generate" in given and not given["01_generate"].get("cases_file"),
        "validator": bool(given.get("02_validate", {}).get("enable_validation")),
    }
    homes = {"generator": "01_generate", "validator": "02_validate"}
    found = {
        role: given[homes[role]].get(f"{role}_model") or catalog.default_model(provider, role)
        for role, used in asked.items()
        if used
    }
    if not given.get("04_measure", {}).get("enable_judge"):
        return found
    usual = catalog.default_models(provider) if provider in catalog.DEFAULTS else []
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
