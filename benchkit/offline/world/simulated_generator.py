"""The simulated test-case generator: good cases, and planted faults at a published rate."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from random import Random
from typing import Any

from ...domain import CATEGORIES
from .mistakes import put, violate, wrong
from .models import SimulatedModel
from .requirements import DRAFTED, NAMED, drafted, drafted_of_record, required
from .scenarios import Scenario, amount, leaves, recognised, said, scenario
from .scenarios import reference as new_reference
from .seeded import seeded

FAULTS = ("fact_changed", "fact_missing", "schema_broken", "near_duplicate")
REQUIREMENT_FAULTS = ("unstated_value", "unmet_by_golden", "duplicate_id", "no_must_not", "met_by_prompt")
TOO_SHORT = "Thank you, we will look into it."


def write(model: SimulatedModel, order: Mapping[str, Any], kind: str, random: Random) -> dict[str, Any]:
    """Arguments of `generate_json_test` or `generate_conversation_test` for an order."""
    category = order.get("category") if order.get("category") in CATEGORIES else random.choice(CATEGORIES)
    prompt, golden = own_case(kind, str(category), _fault(model, order, FAULTS, random), random)
    made = {"id": str(order.get("id", "")), "prompt": prompt, "golden_response": golden, "test_case": kind}
    known = recognised(prompt)
    if kind == "json" or known is None:
        return made
    fault = _fault(model, order, REQUIREMENT_FAULTS, random)
    return made | {"requirements": own_requirements(known, fault, random)}


def draft(model: SimulatedModel, order: Mapping[str, Any], random: Random) -> dict[str, Any]:
    """Arguments of `draft_requirements` for a case of whoever."""
    prompt, golden = str(order.get("prompt", "")), order.get("golden_response", "")
    known = recognised(prompt)
    fault = _fault(model, order, REQUIREMENT_FAULTS[:2], random)
    if known and known.kind == "conversation":
        made = own_requirements(known, fault, random)
    else:
        is_record = isinstance(golden, dict)
        wanted = drafted_of_record(golden) if is_record else drafted(prompt, str(golden))
        made = _faulty([one.record() for one in wanted], fault, random)
    return {"requirements": [{key: one[key] for key in one if key != "id"} for one in made]}


def _fault(model: SimulatedModel, order: Mapping[str, Any], faults: Sequence[str], random: Random) -> str:
    """One of `faults` at the model's rate, "" else; seldom where an earlier attempt was turned down."""
    errors = model.author_errors_again if order.get("rejected") else model.author_errors
    return random.choice(faults) if random.random() < errors else ""


def own_requirements(known: Scenario, fault: str, random: Random) -> list[dict[str, Any]]:
    """The requirements of a scenario as a tool takes them, with the fault planted; "" plants none."""
    records = [one.record() for one in required(known)]
    if fault == "met_by_prompt":
        named = [f"{NAMED}{known.facts[name]}" for name in ("order", "amount", "due")]
        musts = [{**records[0], "id": f"r{at}", "text": text} for at, text in enumerate(named, 1)]
        records = [{**one, "value": ""} for one in musts] + records[-2:]
    return _faulty(records, fault, random)


def _faulty(records: list[dict[str, Any]], fault: str, random: Random) -> list[dict[str, Any]]:
    if fault == "unstated_value":
        return [{**records[0], "value": amount(random)}, *records[1:]]
    if fault == "unmet_by_golden":  # nothing says so: the desk promises it nowhere
        return [*records[:-1], {**records[-1], "text": f"{DRAFTED}{TOO_SHORT}", "kind": "must", "weight": 3}]
    if fault == "duplicate_id":
        return [records[0], {**records[1], "id": records[0]["id"]}, *records[2:]]
    if fault == "no_must_not":
        return [one for one in records if one["kind"] == "must"]
    return records


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
