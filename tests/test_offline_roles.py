"""The simulated generator and validator: what they plant, what they catch, how often they err."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise
from statistics import mean
from typing import Any

import pytest

from benchkit.domain import CATEGORIES
from benchkit.generate import CUSTOMER_INTERACTION
from benchkit.offline.world import simulated_generator, simulated_validator
from benchkit.offline.world.models import ROSTER, STEADY, SimulatedModel
from benchkit.offline.world.scenarios import recognised
from benchkit.offline.world.seeded import seeded


def orders(kind: str, n: int, **more: Any) -> list[dict[str, Any]]:
    schema = {"response_schema": CUSTOMER_INTERACTION} if kind == "json" else {}
    return [
        {"id": f"{kind}-{at}", "category": CATEGORIES[at % 5], "index": at, "of": n, **schema, **more}
        for at in range(n)
    ]


def written(kind: str, n: int, model: SimulatedModel, **more: Any) -> list[dict[str, Any]]:
    """Cases as 02 sends them to the validator."""
    made = []
    for order in orders(kind, n, **more):
        case = simulated_generator.write(
            model, order, kind, seeded("author", kind, order["id"], sorted(more))
        )
        made.append(order | case)
    return made


@pytest.mark.parametrize("kind", ["json", "conversation"])
def test_the_author_honours_id_category_and_kind(kind: str) -> None:
    """A faultless author's cases are what was ordered, and the validator's truth finds nothing wrong."""
    for case in written(kind, 50, replace(STEADY, author_errors=0.0)):
        known = recognised(case["prompt"])
        assert known is not None
        assert (case["test_case"], known.category) == (kind, case["category"])
        assert simulated_validator.faults(case) == ("", "")


@pytest.mark.parametrize("kind", ["json", "conversation"])
def test_the_author_errs_at_the_published_rate_and_less_when_asked_again(kind: str) -> None:
    """About 15 % of first attempts have a fault that shows or repeat a prompt; about 5 % of regenerations."""
    model = ROSTER["offline/author"]

    def faulty(cases: list[dict[str, Any]]) -> float:
        prompts = [case["prompt"] for case in cases]
        return mean(any(simulated_validator.faults(c)) or prompts.count(c["prompt"]) > 1 for c in cases)

    first = faulty(written(kind, 400, model))
    again = faulty(written(kind, 400, model, rejected={"prompt": "x", "golden_response": "y", "reason": "z"}))
    assert first == pytest.approx(model.author_errors, abs=0.05)
    assert again == pytest.approx(model.author_errors_again, abs=0.03)


def verdict(model: SimulatedModel, case: dict[str, Any]) -> bool:
    """Whether the critic accepts at the threshold of 4."""
    scores = simulated_validator.validate(
        model, case, seeded("critic", case["id"], case["prompt"], str(case["golden_response"]))
    )
    return min(scores["prompt_quality_score"], scores["response_quality_score"]) >= 4


def test_the_critic_errs_at_the_published_rates() -> None:
    """It refuses about 5 % of good cases and lets about 10 % of those with a changed fact pass."""
    model = ROSTER["offline/critic"]
    good = written("conversation", 400, replace(STEADY, author_errors=0.0))
    bad = [case | {"golden_response": case["golden_response"].replace("$", "$9")} for case in good]
    assert mean(not verdict(model, case) for case in good) == pytest.approx(0.05, abs=0.03)
    assert mean(verdict(model, case) for case in bad) == pytest.approx(0.10, abs=0.04)


@pytest.mark.parametrize("kind", ["json", "conversation"])
def test_the_critic_knows_what_was_planted(kind: str) -> None:
    """Swapped goldens, halved prompts and broken records are faults by its own truth."""
    cases = written(kind, 20, replace(STEADY, author_errors=0.0))
    swapped = [a | {"golden_response": b["golden_response"]} for a, b in pairwise(cases)]
    halved = [case | {"prompt": case["prompt"][: len(case["prompt"]) // 2]} for case in cases]
    assert all(simulated_validator.faults(case)[1] for case in swapped)
    assert all(simulated_validator.faults(case)[0] for case in halved)
    if kind == "json":
        broken = [c | {"golden_response": {**c["golden_response"], "surplus": 1}} for c in cases]
        assert all("schema" in simulated_validator.faults(case)[1] for case in broken)


@pytest.mark.parametrize(
    ("golden", "fault"),
    [
        ("Log in, open your orders and cancel purchase 12 there.", ""),
        ("Please go to {{Website}} and cancel your purchase there.", "placeholder"),
        ("Will do.", "too short"),
    ],
)
def test_the_critic_judges_foreign_cases_by_what_it_sees(golden: str, fault: str) -> None:
    """Placeholders and brevity are visible without knowing the truth."""
    found = simulated_validator.faults({"prompt": "cancel my purchase 12 please", "golden_response": golden})[
        1
    ]
    assert (fault in found) if fault else found == ""


@pytest.mark.parametrize(
    ("prompt", "golden"),
    [
        ("登录时提示密码错误。", "已为您重置密码，请开启双重验证。"),
        ("下单三天还没发货，订单号：ORD20240101001。", "订单ORD20240101001缺货，预计明天发货。"),
        ("ฉันลืมรหัสผ่าน", "กรุณากดลืมรหัสผ่านแล้วตั้งรหัสใหม่"),
        ("Мой заказ А-1001 до сих пор не пришёл.", "Мы нашли заказ А-1001, он придёт в пятницу."),
        ("Wo bleibt die Rückerstattung für A-1001?", "Sie kommt bis Freitag bei Ihnen an."),
        ("The kettle leaks. How do I send it back?", "Print the label under Returns and hand in the parcel."),
    ],
)  # fmt: skip
def test_sound_cases_are_accepted_in_any_language(prompt: str, golden: str) -> None:
    """Words are not counted by spaces where a script sets none, and few words promise no overlap."""
    assert simulated_validator.faults({"prompt": prompt, "golden_response": golden}) == ("", "")


def test_an_answer_beside_the_point_is_seen() -> None:
    """A prompt of many words of which the answer takes up none is answered by another case's golden."""
    prompt = "My Juniper purifier blinks red since Monday though I replaced both filters and pressed reset"
    golden = "We changed the address of your invoice to the one you gave us."
    assert "hardly touches" in simulated_validator.faults({"prompt": prompt, "golden_response": golden})[1]
    assert "too short" in simulated_validator.faults({"prompt": "你好", "golden_response": golden})[0]


def test_the_critic_survives_a_schema_that_is_none() -> None:
    """An impossible schema is a fault of the case, said in words."""
    case = {"prompt": "one two three", "golden_response": {"a": 1}, "response_schema": {"type": "nonsense"}}
    assert re.search("no JSON Schema", simulated_validator.faults(case)[1])
