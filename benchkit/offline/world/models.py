"""The simulated models and the numbers that say how good they are; a run can be checked against them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class SimulatedModel:
    """Published quality. Probabilities are means over cases; each case has its own (`case_quality`).

    As a model under test:
    - `fact_recall`: a sentence of the golden answer is kept, if the prompt states its facts;
    - `phrasing`: a kept sentence has the golden's wording, otherwise another wording of the same facts;
    - `field_accuracy`: a field that the prompt states is right, otherwise plausible and wrong;
    - `schema_violation`: one field of a record is missing, or of the wrong type, enum member or format;
    - `extra_fields`: a record has a field that nobody asked for;
    - `broken_json`: no usable tool call: `tool_use_failed`, prose, nothing, another tool, cut-off arguments
      or arguments that are no object;
    - `refusal`: it declines;
    - `markup`: every text carries scripts, formulas and control characters.
    In the other roles: `author_errors` is the chance of a planted fault in a first attempt, and once more of
    one in a conversation's requirements, `author_errors_again` in a regeneration, `critic_misses` that a
    faulty case passes, `critic_false_alarms` that a good one is refused.
    As a judge: `judge_errors` is the chance that a verdict is the wrong way round, `judge_leniency` that an
    undone must is called done in an answer of 200 words (in shorter ones in proportion), `judge_obeys` that
    an answer which addresses the judge gets all that it asks for, `judge_invents` that a quote is not there.
    Speed: `latency_ms` is (median, 95th percentile) of the lognormal wait before the first token, then
    `tokens_per_s`. Prices are US dollars per million tokens.
    """

    id: str
    fact_recall: float
    phrasing: float
    field_accuracy: float
    broken_json: float = 0.0
    refusal: float = 0.0
    schema_violation: float = 0.0
    extra_fields: float = 0.0
    markup: float = 0.0
    author_errors: float = 0.15
    author_errors_again: float = 0.05
    critic_misses: float = 0.10
    critic_false_alarms: float = 0.05
    judge_errors: float = 0.05
    judge_leniency: float = 0.0
    judge_obeys: float = 0.0
    judge_invents: float = 0.0
    latency_ms: tuple[float, float] = (300.0, 700.0)
    tokens_per_s: float = 900.0
    input_usd: float = 0.10
    output_usd: float = 0.40
    max_output: int = 65_536

    def row(self) -> dict[str, Any]:
        """The model as `GET /openai/v1/models` lists it; prices are dollars per token, as text."""
        made = {"id": self.id, "object": "model", "created": 1_795_000_000, "owned_by": "offline simulation"}
        price = {"prompt": _per_token(self.input_usd), "completion": _per_token(self.output_usd)}
        return made | {"pricing": price}


@dataclass(frozen=True)
class Draft:
    """What a model made: a tool call (name and raw arguments), or text.

    `invalid` 1 to 6 is a call that the provider refuses, in one of the ways in which Groq words it.
    """

    tool: str = ""
    arguments: str = ""
    content: str | None = None
    invalid: int = 0


def _per_token(per_million: float) -> str:
    return f"{per_million / 1e6:.12f}".rstrip("0").rstrip(".") or "0"


# "SIMULATED: fact_recall = 0.95" in a system prompt: how a prompt makes its model better or worse here.
_PROMPTED = re.compile(
    r"^SIMULATED: (fact_recall|phrasing|field_accuracy|broken_json|refusal) = (0(?:\.\d+)?|1(?:\.0+)?)$", re.M
)


def prompted(model: SimulatedModel, prompt: str) -> SimulatedModel:
    """The model under a system prompt: a line `SIMULATED: NAME = P` in it sets that quality, 0 to 1.

    Any other prompt changes what is drawn, as another seed would, and nothing of how good it is.
    """
    stated: dict[str, Any] = {name: float(p) for name, p in _PROMPTED.findall(prompt)}
    return replace(model, **stated)


STEADY = SimulatedModel(
    "offline/steady",
    fact_recall=0.90,
    phrasing=0.65,
    field_accuracy=0.94,
    broken_json=0.02,
    refusal=0.01,
    schema_violation=0.02,
    extra_fields=0.02,
    latency_ms=(420.0, 900.0),
    tokens_per_s=500.0,
    input_usd=0.15,
    output_usd=0.60,
)
HASTY = SimulatedModel(
    "offline/hasty",
    fact_recall=0.72,
    phrasing=0.40,
    field_accuracy=0.82,
    broken_json=0.07,
    refusal=0.01,
    schema_violation=0.08,
    extra_fields=0.08,
    latency_ms=(160.0, 420.0),
    tokens_per_s=1000.0,
    input_usd=0.075,
    output_usd=0.30,
)
TERSE = SimulatedModel(
    "offline/terse",
    fact_recall=0.50,
    phrasing=0.80,
    field_accuracy=0.94,
    broken_json=0.02,
    refusal=0.03,
    schema_violation=0.02,
    latency_ms=(220.0, 400.0),
    tokens_per_s=800.0,
    input_usd=0.05,
    output_usd=0.20,
)
# Judges and writers are not under test; their own records are good so that only their role's faults show.
GOOD = SimulatedModel("", fact_recall=0.97, phrasing=0.8, field_accuracy=0.98, input_usd=0.2, output_usd=0.8)
ROSTER: dict[str, SimulatedModel] = {
    model.id: model
    for model in (
        STEADY,
        HASTY,
        TERSE,
        replace(STEADY, id="offline/twin"),
        replace(STEADY, id="offline/hostile", markup=1.0),
        replace(GOOD, id="offline/author", broken_json=0.03),
        replace(GOOD, id="offline/critic", broken_json=0.01, latency_ms=(200.0, 450.0)),
        replace(GOOD, id="offline/analyst"),
        replace(
            GOOD,
            id="offline/judge",
            broken_json=0.01,
            judge_leniency=0.05,
            judge_obeys=0.05,
            judge_invents=0.02,
            latency_ms=(150.0, 350.0),
        ),
    )
}
# Served under Groq's ids when the server stands in for Groq, so that this path can be tested without it.
STAND_INS: dict[str, SimulatedModel] = {
    model.id: model
    for model in (
        replace(STEADY, id="openai/gpt-oss-120b"),
        replace(HASTY, id="openai/gpt-oss-20b"),
        replace(
            GOOD,
            id="qwen/qwen3.8-27b",
            input_usd=0.80,
            output_usd=4.00,
            max_output=16_384,
        ),
    )
}
