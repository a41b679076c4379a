"""Which model judges: one that is no relative of a candidate, where there is one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ..llm import catalog

# Names that a family's models carry whoever serves them; else the vendor before the slash is the family.
NAMES = ("gpt", "llama", "qwen", "mistral", "mixtral", "gemma", "gemini", "claude", "deepseek", "kimi", "phi")
_SAME = {"mixtral": "mistral", "gemini": "gemma"}


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
