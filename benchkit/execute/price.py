"""What a number of answers costs: tokens, dollars, minutes at a provider's limits, and calls of the judge."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from ..agent import Agent, Item, sendable
from ..decide.prices import Prices
from ..domain import TestCase
from ..judge import judge_item, judge_of, judging
from ..judge.planted_answers import USUAL, in_turns, plant_answers
from ..llm import catalog
from ..llm.client import Client
from ..llm.estimate import limit_minutes
from ..metrics.answers import own_keys, read_answer
from ..metrics.controls import control_answers
from ..metrics.requirements import answer_text
from ..wording import count, number

NAN = float("nan")
# Groq's published limits of the models that it serves to everybody.
TIERS = dict(zip(("free", "developer"), catalog.TIERS, strict=True))


def paid_in_words(responses: pd.DataFrame) -> str:
    """What all answers cost, and how the dearest model compares with the cheapest.

    `120 answers for USD 0.0148; an answer of offline/steady costs 2.1 times as much as one of offline/hasty.`
    """
    answers = count(len(responses), "answer")
    each = responses.groupby("model", sort=False)["cost_usd"].mean().dropna()
    if not len(each):
        return f"{answers}; their price is not known."
    unpriced = int(responses["cost_usd"].isna().sum())
    said = f"{answers} for USD {number(float(responses['cost_usd'].sum()), 4)}"
    if unpriced:
        said += f" and {unpriced} of unknown price"
    if not 0 < each.min() < each.max():
        return f"{said}."
    times = number(float(each.max() / each.min()), 1)
    return f"{said}; an answer of {each.idxmax()} costs {times} times as much as one of {each.idxmin()}."


def price(
    prices: Prices,
    models: Sequence[str] | Mapping[str, str],
    cases: Mapping[str, float],
    rounds: int,
) -> dict[str, Any]:
    """Dollars of so many cases, and tokens and minutes of all models' answers, asked side by side.

    `models` are names, or names with the model that each asks: candidates of one model share its limits. NaN
    is not known.
    """
    frame = prices.answers
    known = {} if frame is None else frame.set_index(["model", "test_case"])["tokens"].to_dict()
    calls, tokens = defaultdict[str, float](float), defaultdict[str, float](float)
    for name in models:
        model = models[name] if isinstance(models, Mapping) else name
        for kind, n in cases.items():
            if n:
                calls[model] += rounds * n
                tokens[model] += rounds * n * known.get((name, kind), NAN)
    minutes = {
        f"minutes, {tier}": max(least_minutes(limits, calls[model], tokens[model]) for model in calls)
        for tier, limits in TIERS.items()
    }
    cost = prices.dollars(models, cases, rounds)
    return {"tokens": sum(tokens.values()), "cost_usd": cost} | minutes


def least_minutes(limits: Mapping[str, int], calls: float, tokens: float) -> float:
    """The least minutes for that many calls and tokens of one model, its day's share being untouched.

    Limits are the organisation's, each model has its own. NaN where the tokens are not known.
    """
    if tokens != tokens:
        return tokens
    return max(limit_minutes(limits, calls, tokens).values(), default=0.0)


def judge_work(
    client: Client, work: Sequence[tuple[Agent, list[Item]]], tests: Sequence[TestCase], models: Sequence[str]
) -> list[tuple[Agent, list[Item]]]:
    """What 04 is going to ask its judge: its test, the controls and the answers.

    In the place of answers that nobody has yet stand the golden ones, each as one of its own.
    """
    required = {sendable(one.id): one for one in tests if one.requirements}
    who = judge_of(client.name, models, client.run.parameter) if required else ""
    if not who:
        return []
    each = client.run.parameter("04_measure", "planted_answers", USUAL)
    planted = plant_answers(pd.DataFrame([one.row() for one in tests]), each, client.run.seed)
    asked = [
        judge_item(*one, repeat)
        for repeat, some in in_turns(planted)
        for one in zip(some["case"], some["text"], strict=True)
    ]
    controls = control_answers(list(tests))
    asked += [judge_item(case, answer_text(text)) for case, _, text in controls if case.requirements]
    for (_agent, items), replies in zip(work, client.on_record(work), strict=True):
        for item, reply in zip(items, replies, strict=True):
            if case := required.get(item.case):
                said = read_answer(reply.text, case.test_case, own_keys(case)).value if reply else None
                there = (said, 1) if said is not None else (case.golden_response, 1 + len(asked))
                asked.append(judge_item(case, answer_text(there[0]), there[1]))
    return [(judging(who), list({(one.case, one.round): one for one in asked}.values()))]
