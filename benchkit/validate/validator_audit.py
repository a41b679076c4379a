"""02: the validator is an instrument too; cases whose faults we know ourselves say how well it measures."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from itertools import islice
from random import Random
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..domain import TestCase
from ..jsontext import changed, leaves
from ..metrics.schemas import schema_compliance
from ..metrics.stated import Told, facts_changed
from .checks import check_cases
from .judging import judged

if TYPE_CHECKING:
    from ..llm.client import Client

SOUND = "none"  # the fault of a case that was planted as a good one
THANKS = (
    "Thank you for your help.",
    "Thanks in advance.",
    "Many thanks for looking into this.",
    "I appreciate your help.",
)


def plant(accepted: pd.DataFrame, count: int, seed: int) -> pd.DataFrame:
    """`count` accepted cases spoilt in a way we know, and as many that are changed without harm.

    The faults take turns until the first of them has no case left, so that there are as many of each; a case
    has each fault, and is planted sound, at most once, which may give fewer than `count`. A plant is named
    for its case and fault, so that another count changes none that is on record. Deterministic in the cases
    and the seed.
    """
    cases = [TestCase.from_row(row) for row in accepted.to_dict("records")]
    faults: dict[str, Callable[[TestCase, Random], TestCase | None]] = {
        "golden swapped": lambda case, random: _swapped(case, cases, random),
        "fact changed": fact_changed,
        "schema broken": schema_broken,
        "prompt cut": prompt_cut,
    }
    lines = []
    for fault, spoil in faults.items():
        spoilt = (spoil(case, _random(seed, case, fault)) for case in _shuffled(cases, f"{seed} {fault}"))
        lines.append([(fault, case) for case in islice(filter(None, spoilt), count)])
    bad = [one for turn in zip(*filter(None, lines), strict=False) for one in turn][:count]
    chosen = _shuffled(cases, seed)[: len(bad)]
    sound = [(SOUND, thanked(case, _random(seed, case, SOUND))) for case in chosen]
    source = {case.id: case for case in cases}
    rows = [
        case.row()
        | {"id": f"planted-{fault.replace(' ', '-')}-{case.id}", "planted_from": case.id, "fault": fault}
        | {"checks_found": "; ".join(_new_findings(case, source[case.id]))}
        for fault, case in [*bad, *sound]
    ]
    fields = [name for name in TestCase.__dataclass_fields__ if name != "id"]
    return pd.DataFrame(rows, columns=["id", "planted_from", "fault", *fields, "checks_found"])


def planted_in_words(planted: pd.DataFrame, count: int) -> str:
    """How many cases were planted, and where it is fewer than `count` of either sort, why."""
    sound = int((planted["fault"] == SOUND).sum())
    spoilt = len(planted) - sound
    said = f"{spoilt} spoilt cases and {sound} sound ones are planted."
    if min(spoilt, sound) >= count:
        return said
    return f"{said} These cases allow no more: each has a fault, and is planted sound, at most once."


async def try_validator(
    planted: pd.DataFrame, client: Client, model: str = "", *, threshold: float = 4
) -> pd.DataFrame:
    """The planted cases with the validator's scores, its message and `verdict`.

    The validator sees what it sees of any case, under the id of the case that it was made from. `verdict`
    is refused, passed, or "no verdict", which is neither.
    """
    seen = planted.assign(id=planted["planted_from"])
    told = await judged(seen, client, model, threshold, on_record_as=list(planted["id"]))
    return told.assign(id=planted["id"], verdict=list(map(_verdict, told["reason"]))).drop(columns="reason")


def validator_rates(tried: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """Per planted fault, for all faults and for the sound ones: how many were refused, with Wilson intervals.

    `by_checks` were found without a model, which turns a generated case down and flags one that was brought.
    `judged` have the validator's verdict, `refused` of them a bad one; `low` and `high` bound that share.
    `passed_both` would have come into the set.
    """
    from ..stats import proportion

    bad = tried[tried["fault"] != SOUND]
    groups = {fault: bad[bad["fault"] == fault] for fault in dict.fromkeys(bad["fault"])}
    groups |= {"all faults": bad, "none (sound)": tried[tried["fault"] == SOUND]}
    rows = []
    for name, some in groups.items():
        refused, by_checks = some["verdict"] == "refused", some["checks_found"] != ""
        share = proportion(int(refused.sum()), int((some["verdict"] != "no verdict").sum()), alpha=alpha)
        rows.append(
            {
                "fault": name,
                "planted": len(some),
                "by_checks": int(by_checks.sum()),
                "judged": share.n,
                "refused": share.successes,
                "share": share.share,
                "low": share.ci_low,
                "high": share.ci_high,
                "passed_both": int(((some["verdict"] == "passed") & ~by_checks).sum()),
            }
        )
    return pd.DataFrame(rows)


def validator_found(tried: pd.DataFrame, alpha: float = 0.05) -> dict[str, Any]:
    """What metrics_report.json says of the validator: {} where nothing was planted."""
    if not len(tried):
        return {}
    rates = validator_rates(tried, alpha).set_index("fault").astype(object)
    by_name: dict[str, Any] = rates.where(rates.notna(), None).to_dict("index")
    caught, alarms = by_name.pop("all faults"), by_name.pop("none (sound)")
    return {"alpha": alpha, "caught": caught, "false_alarms": alarms, "by_fault": by_name}


def thanked(case: TestCase, random: Random) -> TestCase:
    """The same case with thanks at the end of its prompt: as good as it was, and another text."""
    return replace(case, prompt=f"{case.prompt.rstrip()}\n{random.choice(THANKS)}")


def prompt_cut(case: TestCase, random: Random) -> TestCase | None:
    """Only the first half of the prompt, up to a word's end; None for fewer than four words."""
    words = case.prompt.split()
    if len(words) < 4:
        return None
    return replace(case, prompt=case.prompt[: len(case.prompt) // 2].rstrip().rsplit(maxsplit=1)[0])


def fact_changed(case: TestCase, random: Random) -> TestCase | None:
    """One exact value that the prompt states is another in the golden answer; None where there is none."""
    made = facts_changed(case.golden_response, Told(case.prompt), random)
    schema = case.response_schema if isinstance(case.golden_response, dict) else None
    fit = (golden for golden in made if schema_compliance(golden, schema))
    return next((replace(case, golden_response=golden) for golden in fit), None)


def schema_broken(case: TestCase, random: Random) -> TestCase | None:
    """One field of the golden record is missing or of another type, so that its schema does not hold."""
    if not isinstance(case.golden_response, dict) or not case.response_schema:
        return None
    places = list(leaves(case.golden_response))
    for path, value in random.sample(places, len(places)):
        wrong = {"not": "a text"} if isinstance(value, str) else "not a number"
        ways = changed(case.golden_response, path), changed(case.golden_response, path, to=wrong)
        for golden in random.sample(ways, 2):
            if not schema_compliance(golden, case.response_schema):
                return replace(case, golden_response=golden)
    return None


def _swapped(case: TestCase, cases: list[TestCase], random: Random) -> TestCase | None:
    """With the golden answer of another case, of another category where there is one."""
    others = [
        other
        for other in cases
        if other.test_case == case.test_case and other.golden_response != case.golden_response
    ]
    others = [other for other in others if other.category != case.category] or others
    return replace(case, golden_response=random.choice(others).golden_response) if others else None


def _new_findings(case: TestCase, source: TestCase) -> list[str]:
    """What the checks say of the case and did not say of the one that it was made from."""
    before, now = (list(check_cases(pd.DataFrame([one.row()])).findings["finding"]) for one in (source, case))
    return [finding for finding in now if finding not in before]


def _verdict(reason: str) -> str:
    if reason.startswith("no verdict"):
        return "no verdict"
    return "refused" if reason else "passed"


def _shuffled(cases: list[TestCase], seed: object) -> list[TestCase]:
    return Random(f"planted {seed}").sample(cases, len(cases))


def _random(seed: int, case: TestCase, fault: str) -> Random:
    return Random(json.dumps([seed, case.id, fault]))
