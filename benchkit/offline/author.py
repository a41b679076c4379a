"""The simulated test-case generator: good cases, and planted faults at a published rate."""

from __future__ import annotations

import copy
import json
import random as random_module
from collections.abc import Mapping
from typing import Any

from benchkit.domain import CATEGORIES
from benchkit.offline import answers, schemas
from benchkit.offline.chance import chance
from benchkit.offline.models import SimulatedModel
from benchkit.offline.scenarios import RECORD_KEYS, Scenario, leaves, said, scenario, world
from benchkit.offline.scenarios import reference as new_reference

Random = random_module.Random
FAULTS = ("fact_changed", "fact_missing", "schema_broken", "near_duplicate")
TOO_SHORT = "Thank you, we will look into it."


def author(model: SimulatedModel, order: Mapping[str, Any], kind: str, random: Random) -> dict[str, Any]:
    """Arguments of `generate_json_test` or `generate_conversation_test` for an order."""
    category = order.get("category") if order.get("category") in CATEGORIES else random.choice(CATEGORIES)
    errors = model.author_errors_again if order.get("rejected") else model.author_errors
    fault = random.choice(FAULTS) if random.random() < errors else ""
    schema = order.get("response_schema")
    if kind == "json" and isinstance(schema, Mapping) and set(schema.get("properties") or ()) != RECORD_KEYS:
        prompt, golden = foreign_case(schema, str(category), fault, random)
    else:
        prompt, golden = own_case(kind, str(category), fault, random)
    return {"id": str(order.get("id", "")), "prompt": prompt, "golden_response": golden, "test_case": kind}


def own_case(kind: str, category: str, fault: str, random: Random) -> tuple[str, Any]:
    """(prompt, golden) of a new scenario, with the fault planted in it; "" plants none."""
    # A fixed scenario for each kind and category: whoever repeats himself repeats this one.
    source = chance("the usual", kind, category) if fault == "near_duplicate" else random
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
    return case.golden.replace(fact, answers.wrong(fact, random))


def _faulty_record(golden: dict[str, Any], fault: str, random: Random) -> dict[str, Any]:
    golden = copy.deepcopy(golden)
    if fault == "schema_broken":
        answers.violate(golden, random)
    if fault == "fact_changed":
        path, value = random.choice(
            [leaf for leaf in leaves(golden) if any(c.isdigit() for c in said(leaf[1]))]
        )
        answers.put(golden, path, answers.wrong(value, random))
    return golden


def foreign_case(
    schema: Mapping[str, Any], category: str, fault: str, random: Random
) -> tuple[str, dict[str, Any]]:
    """(prompt, golden) for somebody's own schema: an instance of it and a memo that states its every leaf."""
    golden = schemas.instance(schema, random)
    golden = golden if isinstance(golden, dict) else {"value": golden}
    words = world()
    situation = random.choice(words["situations"][category])
    story = random.choice(situation["stories"]).format(
        product=random.choice(words["products"]),
        place=random.choice(words["places"]),
        since=random.choice(words["since"]),
    )
    told = [
        f"{schemas.label(path)}: {json.dumps(value, ensure_ascii=False)}" for path, value in leaves(golden)
    ]
    if fault == "fact_missing" and told:
        told.remove(random.choice(told))
    if fault in ("fact_changed", "schema_broken"):
        golden = _faulty_record(golden, "schema_broken", random)
    closing = f"{random.choice(words['remarks'])} {random.choice(words['remarks'])}"
    head = f"Fill in the record for {random.choice(words['names'])} of {random.choice(words['cities'])}."
    return "\n".join(
        (head, f'The customer said: "{story} {closing}"', "Noted: " + "; ".join(told) + ".")
    ), golden
