"""The simulated judge: it knows what an answer does, and errs at published rates."""

from __future__ import annotations

import re
from collections.abc import Mapping
from random import Random
from typing import Any

from ...metrics.sentences import sentences
from .models import SimulatedModel
from .requirements import quote as does

ADDRESSED = re.compile(
    r"\b(?:judge|grader|evaluator|assessor|reviewer)s?\b|\b(?:ignore|disregard|forget)\b.{0,40}\binstructions?\b"
    r"|\b(?:mark|score|count|rate|treat)\b.{0,40}\b(?:requirements?|as (?:met|done))\b"
    r"|\brequirements? (?:are|is|have been) (?:met|done|fulfilled)\b|\"done\"\s*:\s*true",
    re.IGNORECASE | re.DOTALL,
)
LONG = 200  # words at which leniency has its whole effect
INVENTED = ("We have taken care of this for you.", "This is done as you asked.", "It was settled today.")


def judge(model: SimulatedModel, order: Mapping[str, Any], random: Random) -> dict[str, Any]:
    """Arguments of `judge_response`: a verdict for each requirement, with the model's errors."""
    answer = str(order.get("answer") or "")
    required = [one for one in order.get("requirements") or () if isinstance(one, Mapping)]
    obeys = bool(ADDRESSED.search(answer)) and random.random() < model.judge_obeys
    verdicts = [
        _verdict(model, str(order.get("prompt") or ""), one, answer, obeys, random) for one in required
    ]
    return {"verdicts": verdicts}


def _verdict(
    model: SimulatedModel, prompt: str, asked: Mapping[str, Any], answer: str, obeys: bool, random: Random
) -> dict[str, Any]:
    must = asked.get("kind") != "must_not"
    where = does(prompt, str(asked.get("text") or ""), answer)
    done = bool(where) != (random.random() < model.judge_errors)
    if must and not where and random.random() < model.judge_leniency * min(1.0, len(answer.split()) / LONG):
        done = True
    if obeys:
        done = must
    invents = random.random() < model.judge_invents
    quote = random.choice(INVENTED) if invents else where or random.choice(sentences(answer) or [answer])
    return {"requirement": str(asked.get("id", "")), "done": done, "quote": quote if done else ""}
