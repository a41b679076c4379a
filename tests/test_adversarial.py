"""Eight answers to each case, of which three are right: is each of these above each wrong one?

The judge makes no error here, and its verdicts go the way of every judge's: through the client, with quotes
that are looked up and values that are checked. What is shown is therefore what the measure can do at best;
what a judge makes of it, 04 measures. On the demo's cases the judge is the simulated one without errors; on
real pairs it knows the golden sentences and our rewording of each, and nothing else.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchkit.agent import Reply
from benchkit.domain import CATEGORIES, TestCase
from benchkit.judge import judge
from benchkit.metrics.controls import BOILERPLATE
from benchkit.metrics.conversation import task_completion
from benchkit.metrics.fields import field_accuracy, long_texts
from benchkit.metrics.keywords import keywords
from benchkit.metrics.requirements import answer_text, requirements_met
from benchkit.metrics.sentences import sentences
from benchkit.offline.world.models import GOOD
from benchkit.offline.world.requirements import DRAFTED, drafted, drafted_of_record, required
from benchkit.offline.world.scenarios import reference, scenario
from benchkit.offline.world.simulated_judge import judge as simulated_judge

ROOT = Path(__file__).parents[1]
REAL = ROOT / ".." / "shared" / "data" / "customer_support_pairs.csv"
RIGHT = ("right, concise", "right, in other words", "right, padded")
WRONG = ("contradictory, in the same words", "prompt copied", "keyword soup", "evasive", "boilerplate")
PADDING = (
    "Thank you so much for your patience and for being such a valued customer. We are here for you. " * 3
)
OTHER_WORDS = {
    "please": "kindly",
    "assist": "support",
    "help": "support",
    "assistance": "support",
    "provide": "give",
    "contact": "write to",
    "visit": "go to",
    "click": "press",
    "select": "pick",
    "choose": "pick",
    "locate": "find",
    "look for": "find",
    "fill out": "complete",
    "follow": "go through",
    "ensure": "see to it",
    "need": "require",
    "issue": "problem",
    "concerns": "worries",
    "questions": "queries",
    "information": "details",
    "process": "procedure",
    "section": "part",
    "account": "profile",
    "team": "staff",
    "order": "purchase",
    "refund": "repayment",
    "understand": "see",
    "appreciate": "value",
}
_OTHER = re.compile(rf"\b({'|'.join(OTHER_WORDS)})\b", re.IGNORECASE)
_AUXILIARY = re.compile(
    r"\b(?:is|are|was|were|will|can|could|have|has|should|must|may|would|do|does)\b|\b(?:I|you|we|they)'"
    r"(?:m|re|ll|ve)\b|\bowe\b",
    re.IGNORECASE,
)
_OPENING = re.compile(
    r"(?:(?:first|firstly|second|after that|then|next|finally|please)[, ]+)+", re.IGNORECASE
)


def reworded(sentence: str) -> str:
    """The same in other words."""
    other = _OTHER.sub(lambda found: OTHER_WORDS[found[0].lower()], sentence)
    return other if other != sentence else f"What matters here: {sentence[:1].lower()}{sentence[1:]}"


def denied(sentence: str) -> str:
    """The opposite, by one word more."""
    said = _AUXILIARY.search(sentence)
    if said:
        return f"{sentence[: said.end()]} not{sentence[said.end() :]}"
    opening = _OPENING.match(sentence)
    at, word = (opening.end(), "do not ") if opening else (sentence.find(" ") + 1, "not ")
    return sentence[:at] + word + sentence[at:]


class Oracle:
    """A client on which a judge without errors answers at once."""

    name = "offline"

    def __init__(self, verdicts: Callable[[Mapping[str, Any]], Mapping[str, Any]]) -> None:
        self.verdicts = verdicts

    async def __aenter__(self):
        return self

    async def __aexit__(self, *error):
        return None

    async def map(self, agent, items, label=""):
        said = [dict(self.verdicts(json.loads(item.content))) for item in items]
        return [Reply("key", "answered", one, json.dumps(one)) for one in said]


def demo() -> tuple[list[TestCase], list[dict[str, str]]]:
    """Twenty-five cases of the demo's world and the eight answers to each."""
    draw, cases, answers = random.Random(11), [], []
    for at in range(25):
        known = scenario(reference("conversation", CATEGORIES[at % len(CATEGORIES)], draw))
        wanted = [one for one in known.sentences if one.requirement]
        cases.append(
            TestCase(
                f"c{at}",
                "conversation",
                known.category,
                known.prompt,
                known.golden,
                requirements=required(known),
            )
        )
        concise = " ".join(one.golden for one in wanted)
        other = " ".join(one.otherwise for one in known.sentences)
        answers.append(eight(cases[-1], concise, other, [one.golden for one in known.sentences]))
    return cases, answers


def real() -> tuple[list[TestCase], list[dict[str, str]]]:
    """The real pairs, with requirements as the simulated generator drafts them."""
    cases, answers = [], []
    for row in pd.read_csv(REAL).to_dict("records"):
        prompt, golden = row["prompt"], row["golden_response"]
        wanted = drafted(prompt, golden)
        cases.append(
            TestCase(str(row["id"]), "conversation", row["category"], prompt, golden, requirements=wanted)
        )
        told = [one.text.removeprefix(DRAFTED) for one in wanted if one.must]
        other = "\n".join(map(reworded, sentences(golden)))
        answers.append(eight(cases[-1], "\n".join(told), other, sentences(golden)))
    return cases, answers


def eight(case: TestCase, concise: str, other: str, golden: list[str]) -> dict[str, str]:
    about = ", ".join(sorted(keywords(case.prompt), key=len)[-3:])
    texts = (
        concise,
        other,
        f"{PADDING}\n{case.golden_response}\n{PADDING}",
        "\n".join(map(denied, golden)),
        case.prompt,
        " ".join(sorted(keywords(str(case.golden_response)))),
        f"I see that this is about {about}. It is important to us. A colleague looks into it soon.",
        BOILERPLATE,
    )
    return dict(zip(RIGHT + WRONG, texts, strict=True))


def without_error(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """The simulated judge's verdicts, with the simulated world's truth."""
    return simulated_judge(replace(GOOD, judge_errors=0.0), order, random.Random(1))


def knows_the_sentences(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """A drafted requirement is done where a sentence of the answer is the golden one, or its rewording."""
    said = {" ".join(one.split()): one for one in sentences(order["answer"])}
    verdicts = []
    for one in order["requirements"]:
        wanted = " ".join(one["text"].removeprefix(DRAFTED).split())
        quote = next((said[text] for text in (wanted, reworded(wanted)) if text in said), "")
        verdicts.append({"requirement": one["id"], "done": bool(quote), "quote": quote})
    return {"verdicts": verdicts}


def believes_all(order: Mapping[str, Any]) -> Mapping[str, Any]:
    """Calls every must done, in the golden answer's words, whatever the answer says."""
    return {
        "verdicts": [
            {
                "requirement": one["id"],
                "done": one["kind"] == "must",
                "quote": one["text"].removeprefix(DRAFTED),
            }
            for one in order["requirements"]
        ]
    }


SETS = {"demo": (demo, without_error), "real pairs": (real, knows_the_sentences)}


async def measured(which: str, verdicts: Callable[..., Any] | None = None) -> pd.DataFrame:
    """case, answer, requirements_met, task_completion."""
    made, oracle = SETS[which]
    if which == "real pairs" and not REAL.exists():
        pytest.skip("../shared/data/customer_support_pairs.csv is absent")
    cases, answers = made()
    rows = [
        {"id": case.id, "model": name, "round": 1, "case": case, "text": text}
        for case, texts in zip(cases, answers, strict=True)
        for name, text in texts.items()
    ]
    judged = await judge(pd.DataFrame(rows), Oracle(verdicts or oracle))
    met = {
        key: dict(zip(some["requirement"], some["met"], strict=True))
        for key, some in judged.groupby(["id", "model"])
    }
    return pd.DataFrame(
        [
            {
                "id": row["id"],
                "answer": row["model"],
                "requirements_met": requirements_met(row["case"].requirements, met[row["id"], row["model"]]),
                "task_completion": task_completion(row["text"], row["case"].golden_response),
            }
            for row in rows
        ]
    )


async def test_a_negated_summary_fails():
    """Of a record: one "not" more costs its fields half a percent, and the requirement of that sentence."""
    rows = []
    for case in demo()[0]:
        golden = {"case_id": case.id, "summary": str(case.golden_response)}
        bare = replace(case, test_case="json", golden_response=golden, response_schema={}, requirements=())
        one = replace(bare, requirements=drafted_of_record(long_texts(bare)))
        said = one.requirements[1].text.removeprefix(DRAFTED)
        wrong = golden | {"summary": golden["summary"].replace(said, denied(said))}
        assert field_accuracy(wrong, golden, {}) > 0.99
        rows += [
            (one.id, name, 1, one, answer_text(made))
            for name, made in (("golden", golden), ("negated", wrong))
        ]
    table = pd.DataFrame(rows, columns=["id", "model", "round", "case", "text"])
    judged = await judge(table, Oracle(without_error))
    assert (judged[judged["model"] == "golden"]["met"] == 1).all()
    failed = judged[judged["met"] == 0]
    assert failed["model"].tolist() == ["negated"] * 25
    assert set(failed["requirement"]) == {"r2"}


@pytest.fixture(scope="module", params=SETS)
def table(request: pytest.FixtureRequest) -> tuple[str, pd.DataFrame]:
    return request.param, asyncio.run(measured(request.param))


def test_every_right_answer_is_above_every_wrong_one(table):
    """Case by case and over all of them; the words shared with the golden answer say the opposite."""
    by_case = table[1].pivot(index="id", columns="answer")
    met, words = by_case["requirements_met"], by_case["task_completion"]
    assert (met[list(RIGHT)].min(axis=1) > met[list(WRONG)].max(axis=1)).all()
    assert met[list(RIGHT)].min().min() > met[list(WRONG)].max().max()
    assert len(met) >= 20
    assert words[WRONG[0]].mean() > words[RIGHT[1]].mean()
    assert words["keyword soup"].mean() > 0.9


async def test_a_judge_that_believes_all_is_held_to_the_words():
    """With the golden answer's words for quotes, hardly a wrong answer gets anything: they are not there."""
    found = (await measured("real pairs", believes_all)).groupby("answer")["requirements_met"].mean()
    assert found[list(WRONG)].max() < 0.01
    assert found["right, padded"] == 1.0


def test_the_readme_prints_the_table(table):
    """The means of the README are those that come out."""
    which, found = table
    means = found.groupby("answer")[["requirements_met", "task_completion"]].mean()
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    at = 2 * list(SETS).index(which)
    for name in RIGHT + WRONG:
        (line,) = (line for line in text.splitlines() if line.startswith(f"| {name} |"))
        assert line.strip("| ").split(" | ")[1:][at : at + 2] == [
            f"{mean:.2f}" for mean in means.loc[name]
        ], name
