"""The simulated test-case generator: good cases, and planted faults at a published rate."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from random import Random
from typing import Any

from ...domain import CATEGORIES
from .mistakes import put, violate, wrong
from .models import SimulatedModel
from .scenarios import Scenario, leaves, said, scenario
from .scenarios import reference as new_reference
from .seeded import seeded

FAULTS = ("fact_changed", "fact_missing", "schema_broken", "near_duplicate")
TOO_SHORT = "Thank you, we will look into it."


def write(model: SimulatedModel, order: Mapping[str, Any], kind: str, random: Random) -> dict[str, Any]:
    """Arguments of `generate_json_test` or `generate_conversation_test` for an order."""
    category = order.get("category") if order.get("category") in CATEGORIES else random.choice(CATEGORIES)
    errors = model.author_errors_again if order.get("rejected") else model.author_errors
    fault = random.choice(FAULTS) if random.random() < errors else ""
    prompt, golden = own_case(kind, str(category), fault, random)
    return {"id": str(order.get("id", "")), "prompt": prompt, "golden_response": golden, "test_case": kind}


def own_case(kind: str, category: str, fault: str, random: Random) -> tuple[str, Any]:
    """(prompt, golden) of a new scenario, with the fault planted in it; "" plants none."""
    # A fixed scenario for each kind and category: whoever repeats himself repeats this one.
    source = seeded("the usual", kind, category) if fault == "near_duplicate" else random
    case = scenario(new_reference(kind, category, source))
    if fault == "fact_missing":
        return _without_a_fact(case, random), copy.deepcopy(case.golden)
    if isinstance(case.golden, str):
        return case.prompt, _faulty_text(case, fault, random)
    return case.prompt, _faulty_record(case.golden, fault, random)


def _without_a_fact(case: Scenario, random: Random) -> str:
    names = [name for name in case.facts if name not in ("reference", "interaction_id")]
    return case.prompt.replace(case.facts[random.choice(names)], "(illegible)")


def _faulty_text(case: Scenario, fault: str, random: Random) -> str:
    assert isinstance(case.golden, str)
    if fault == "schema_broken":
        return TOO_SHORT
    if fault != "fact_changed":
        return case.golden
    fact = case.facts[random.choice(("order", "amount", "event", "due", "slot"))]
    return case.golden.replace(fact, wrong(fact, random))


def _faulty_record(golden: dict[str, Any], fault: str, random: Random) -> dict[str, Any]:
    golden = copy.deepcopy(golden)
    if fault == "schema_broken":
        violate(golden, random)
    if fault == "fact_changed":
        path, value = random.choice(
            [leaf for leaf in leaves(golden) if any(c.isdigit() for c in said(leaf[1]))]
        )
        put(golden, path, wrong(value, random))
    return golden
