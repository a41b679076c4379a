"""Models, prices, retirements, and the default model of each role. Dated: the provider's list wins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import ProviderError

BATCH_PRICE = 0.5  # of the list price; cached tokens are no cheaper there
AS_OF = "2026-09-29"  # the newest evidence behind this table; what the provider lists today wins


@dataclass(frozen=True)
class Model:
    """Prices in US dollars per million tokens; None is not known. `effort` is sent where a model reasons."""

    id: str
    input_usd: float | None = None
    output_usd: float | None = None
    cached_usd: float | None = None
    effort: str = ""

    def cost_usd(self, prompt: int | None, completion: int | None, cached: int = 0) -> float | None:
        """Dollars for one call, or None when a price or a count is not known."""
        if self.input_usd is None or self.output_usd is None or prompt is None or completion is None:
            return None
        full = self.input_usd if self.cached_usd is None else self.cached_usd
        cached = min(cached, prompt)
        return ((prompt - cached) * self.input_usd + cached * full + completion * self.output_usd) / 1e6


MODELS = {
    model.id: model
    for model in (
        Model("openai/gpt-oss-120b", 0.15, 0.60, 0.075, effort="low"),
        Model("openai/gpt-oss-20b", 0.075, 0.30, 0.0375, effort="low"),
        Model("qwen/qwen3.8-27b", 0.80, 4.00, effort="none"),
    )
}
# Smallest first: Free, Developer. Which one it is, and what has changed since, the provider's replies tell.
TIERS = (
    {"RPM": 30, "RPD": 1_000, "TPM": 8_000, "TPD": 200_000},
    {"RPM": 1_000, "RPD": 500_000, "TPM": 250_000},
)
# What Groq recommends, followed to a model that still lives.
RETIRED = {
    "mixtral-8x7b-32768": ("2025-03-20", "openai/gpt-oss-120b"),
    "gemma2-9b-it": ("2025-10-08", "openai/gpt-oss-20b"),
    "llama-3.1-8b-instant": ("2026-08-16", "openai/gpt-oss-20b"),
    "llama-3.3-70b-versatile": ("2026-08-16", "openai/gpt-oss-120b"),
    "mistral-saba-24b": ("2025-07-30", "openai/gpt-oss-120b"),
    "qwen/qwen3-32b": ("2026-07-17", "qwen/qwen3.8-27b"),
    "qwen/qwen3.6-27b": ("2026-09-14", "qwen/qwen3.8-27b"),
    "meta-llama/llama-4-scout-17b-16e-instruct": ("2026-07-17", "openai/gpt-oss-120b"),
    "meta-llama/llama-4-maverick-17b-128e-instruct": ("2026-03-09", "openai/gpt-oss-120b"),
    "moonshotai/kimi-k2-instruct-0905": ("2026-04-15", "openai/gpt-oss-120b"),
    "groq/compound": ("2026-09-21", "openai/gpt-oss-120b"),
    "groq/compound-mini": ("2026-09-21", "openai/gpt-oss-20b"),
}
# Generator, validator and judge are no candidates by default: nobody should mark their own work.
DEFAULTS: dict[str, dict[str, Any]] = {
    "offline": {
        "generator": "offline/author",
        "validator": "offline/critic",
        "judge": "offline/judge",
        "report": "offline/analyst",
        "models": ["offline/steady", "offline/hasty"],
    },
    "groq": {
        "generator": "qwen/qwen3.8-27b",
        "validator": "qwen/qwen3.8-27b",
        "judge": "qwen/qwen3.8-27b",
        "report": "openai/gpt-oss-120b",
        "models": ["openai/gpt-oss-120b", "openai/gpt-oss-20b"],
    },
}


def default_model(provider: str, role: str) -> str:
    """The provider's model for `generator`, `validator`, `judge` or `report`."""
    return _defaults(provider)[role]


def default_models(provider: str) -> list[str]:
    """The provider's pair of models under test."""
    return list(_defaults(provider)["models"])


def provider_of(model: str) -> str:
    """The provider that serves a model, by its id."""
    return "offline" if model.startswith("offline/") else "groq"


def _defaults(provider: str) -> dict[str, Any]:
    if provider not in DEFAULTS:
        raise ProviderError(
            f"a run with provider {provider!r} has no models to ask. Start a run with provider = "
            f"{' or '.join(map(repr, DEFAULTS))} in 01_generate and give it your cases_file."
        )
    return DEFAULTS[provider]


def known(id: str) -> Model:
    """The catalog's entry, the published prices of a simulated model, or a model without prices."""
    if id.startswith("offline/"):
        from ..offline.world import ROSTER

        if simulated := ROSTER.get(id):
            return Model(id, simulated.input_usd, simulated.output_usd)
    return MODELS.get(id, Model(id))


def tiers(id: str) -> tuple[dict[str, int], ...]:
    """The limits that the model may have, smallest tier first; () where nothing is known."""
    return TIERS if id in MODELS else ()


def listed(row: Mapping[str, Any]) -> Model:
    """A model as the provider lists it: its own prices where it states them, else the catalog's."""
    ours = known(str(row["id"]))
    pricing = row.get("pricing")
    if not isinstance(pricing, Mapping):
        return ours
    prompt, completion, cached = (
        _per_million(pricing.get(name)) for name in ("prompt", "completion", "input_cache_read")
    )
    if prompt is None or completion is None:
        return ours
    return Model(ours.id, prompt, completion, cached, ours.effort)


def replacement(id: str) -> str:
    """A sentence on a retired model, or "" for one that is not known as retired."""
    if id not in RETIRED:
        return ""
    date, instead = RETIRED[id]
    return f"{id} was retired by Groq on {date}; use {instead} instead."


def _per_million(price: Any) -> float | None:
    """Dollars per million tokens from the per-token price that the models endpoint states."""
    return None if price is None else round(float(price) * 1e6, 9)  # 0.15, not 0.15000000000000002
