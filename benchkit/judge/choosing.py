"""Which model judges: one that is no relative of a candidate, where there is one."""

from __future__ import annotations

import re
from collections.abc import Sequence

from ..llm import catalog


def families(model: str) -> frozenset[str]:
    """The names of whose making a model is: its maker and its line, in small letters.

    `openai/gpt-oss-120b` is of openai and gpt, `meta-llama/llama-4-scout` of meta-llama and llama, as
    `llama-3.1-8b-instant` is. Every simulated model is a family of its own: the maker is the same, and what
    each says does not depend on another.
    """
    maker, _, name = model.casefold().rpartition("/")
    line = re.match(r"[^\W\d_]*", name)
    names = {name} if maker == "offline" else {maker, line[0] if line else ""}
    return frozenset(names - {""})


def favoured(judge: str, candidates: Sequence[str]) -> list[str]:
    """The candidates that are of the judge's family, whom it may favour."""
    return [model for model in candidates if families(model) & families(judge)]


def judge_model(provider: str, candidates: Sequence[str], *named: str) -> str:
    """The first of `named` that is given, else the provider's default judge.

    A default that is of a candidate's family makes way for a model of the catalog that is not, where there is
    one. What a person named stays.
    """
    if chosen := next((name for name in named if name), ""):
        return chosen
    usual = catalog.default_model(provider, "judge")
    others = [] if provider == "offline" else list(catalog.MODELS)
    return next((model for model in (usual, *others) if not favoured(model, candidates)), usual)
