"""The simulated customer-service desk: a scenario is a pure function of its reference, so its truth is known.

A reference is `INT-` (json) or `CASE-` (conversation), the letter of the category and seven characters.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from typing import Any

from ...domain import CATEGORIES
from .seeded import seeded

PREFIXES = {"json": "INT", "conversation": "CASE"}
LETTERS = dict(zip("TBPAS", CATEGORIES, strict=True))
REFERENCE = re.compile(r"\b(INT|CASE)-([TBPAS])[0-9A-Z]{7}\b")
GLUE = ("_", ".", "-")
ALPHABET = "0123456789ABCDEFGHJKLMNPQRSTUVWXYZ"
ENUMS = {
    "customer.segment": ("consumer", "small_business", "enterprise"),
    "customer.priority_level": ("low", "medium", "high", "urgent"),
    "interaction.type": ("chat", "email", "phone"),
    "interaction.category": CATEGORIES,
    "interaction.resolution_status": ("open", "pending", "resolved", "escalated"),
}
_ASIDE = ("product", "label")  # words of a sentence that are no facts
RECORD_KEYS = frozenset({"interaction_id", "timestamp", "customer", "interaction", "metrics"})


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a golden answer: its wording, another wording, and the facts that both state.

    `requirement` says what it does for the customer, with a weight of 1 to 3; "" where it does nothing.
    """

    golden: str
    otherwise: str
    facts: tuple[str, ...]
    requirement: str = ""
    weight: int = 1


NOTHING = Sentence("", "", ())


@dataclass(frozen=True, slots=True)
class Scenario:
    """A test case with its truth. `facts` maps a name (json: the leaf's path) to its text in the prompt."""

    reference: str
    kind: str
    category: str
    prompt: str
    golden: str | dict[str, Any]
    facts: dict[str, str]
    sentences: tuple[Sentence, ...] = ()
    forbidden: Sentence = NOTHING  # of a conversation: what no answer may say


@lru_cache(maxsize=1)
def vocabulary() -> dict[str, Any]:
    """Names, products, situations by category, notes by category."""
    return json.loads(files(__package__).joinpath("vocabulary.json").read_text(encoding="utf-8"))


def reference(kind: str, category: str, random: random.Random) -> str:
    """A new reference for a case of that kind and category."""
    letter = next(letter for letter, name in LETTERS.items() if name == category)
    return f"{PREFIXES[kind]}-{letter}{''.join(random.choices(ALPHABET, k=7))}"


@lru_cache(maxsize=8192)
def scenario(reference: str) -> Scenario:
    """The scenario of a reference; the same one in every process and for every seed."""
    prefix, code = reference.split("-")
    category, random = LETTERS[code[0]], seeded("scenario", reference)
    return (_record if prefix == "INT" else _conversation)(reference, category, random)


@lru_cache(maxsize=8192)
def recognised(text: str) -> Scenario | None:
    """The scenario that a prompt is about, by the first reference in it."""
    found = REFERENCE.search(text)
    return scenario(found[0]) if found else None


@lru_cache(maxsize=8192)
def visible(prompt: str) -> frozenset[str]:
    """The names of the scenario's facts whose text stands in this very prompt."""
    known = recognised(prompt)
    facts = known.facts if known else {}
    return frozenset(name for name, text in facts.items() if stated(text, prompt))


def stated(value: str, text: str) -> bool:
    """Whether `value` stands in `text` as a whole: 4 is not stated by 14, 4.5 or CUST-4."""
    at = text.find(value)
    while at >= 0:
        before, after = text[max(at - 1, 0) : at], text[at + len(value) : at + len(value) + 2]
        inside = before.isalnum() or before in GLUE or after[:1].isalnum() or after[:1] in ("_", "-")
        if not inside and not (after[:1] == "." and after[1:].isdigit()):
            return True
        at = text.find(value, at + 1)
    return False


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """(path, value) of every leaf; paths are dotted, list positions are numbers."""
    if not isinstance(value, (dict, list)):
        yield path, value
        return
    for key, item in value.items() if isinstance(value, dict) else enumerate(value):
        yield from leaves(item, f"{path}.{key}" if path else str(key))


def said(value: Any) -> str:
    """A leaf as prose and JSON write it alike: 12.5, true, text."""
    return value if isinstance(value, str) else json.dumps(value)


def amount(random: random.Random) -> str:
    return f"${random.randrange(800, 39900) / 100:.2f}"


def day(random: random.Random, months: tuple[int, int]) -> str:
    """A day of 2026 as "14 March 2026", in the months given (inclusive)."""
    at = datetime(2026, random.randint(*months), random.randint(1, 28), tzinfo=UTC)
    return f"{at.day} {at:%B %Y}"


def _story(category: str, random: random.Random) -> tuple[dict[str, Any], str, str]:
    """(situation, product, what the customer says)."""
    words = vocabulary()
    situation, product = random.choice(words["situations"][category]), random.choice(words["products"])
    told = random.choice(situation["stories"]).format(
        product=product, place=random.choice(words["places"]), since=random.choice(words["since"])
    )
    first, second, third = random.sample(words["remarks"], 3)
    told = told[0].upper() + told[1:]
    return (
        situation,
        product,
        random.choice((f"{told} {first} {second} {third}", f"{first} {told} {second} {third}")),
    )


def _conversation(reference: str, category: str, random: random.Random) -> Scenario:
    situation, product, story = _story(category, random)
    facts = {
        "name": random.choice(vocabulary()["names"]),
        "reference": reference,
        "order": f"{random.choice('KLMNQRVX')}{random.choice('ABDFGH')}-{random.randrange(10000, 99999)}",
        "amount": amount(random),
        "event": day(random, (1, 5)),
        "due": day(random, (7, 12)),
        "slot": f"between {random.randint(8, 11):02}:{random.choice('134')}0 and {random.randint(13, 18)}:15",
    }
    steps = random.sample(situation["steps"], 2)
    facts |= {"step_1": steps[0], "step_2": steps[1]}
    notes = [note["prompt"].format(**facts) for note in vocabulary()["notes"][category]]
    words = facts | {"product": product, "label": situation["label"]}
    told = (*vocabulary()["greeting"], *vocabulary()["notes"][category], *vocabulary()["steps"])
    sentences = tuple(_sentence(one, words) for one in told)
    prompt = _letter(facts, story, notes, random)
    golden = " ".join(sentence.golden for sentence in sentences)
    forbidden = _sentence(vocabulary()["forbidden"][category], words)
    return Scenario(reference, "conversation", category, prompt, golden, facts, sentences, forbidden)


def _sentence(template: Mapping[str, Any], words: Mapping[str, str]) -> Sentence:
    return Sentence(
        golden=template["golden"].format(**words),
        otherwise=template["otherwise"].format(**words),
        facts=tuple(name for name in words if f"{{{name}}}" in template["golden"] and name not in _ASIDE),
        requirement=template.get("requirement", "").format(**words),
        weight=template.get("weight", 1),
    )


def _letter(facts: Mapping[str, str], story: str, notes: list[str], random: random.Random) -> str:
    """The prompt of a conversation: the customer's letter and what the desk knows."""
    opening, known, advice, closing = (
        random.choice(variants) for variants in vocabulary()["letter"].values()
    )
    told = " ".join(random.sample(notes, len(notes)))
    return "\n".join(
        (opening.format(**facts), f'"{story}"', f"{known} {told}", advice.format(**facts), closing)
    )


def _record(reference: str, category: str, random: random.Random) -> Scenario:
    situation, product, story = _story(category, random)
    at = datetime(2026, 1, 5, tzinfo=UTC) + timedelta(minutes=random.randrange(400_000))
    picked = {path: random.choice(values) for path, values in ENUMS.items()}
    golden = {
        "interaction_id": reference,
        "timestamp": f"{at:%Y-%m-%dT%H:%M:%SZ}",
        "customer": {
            "id": f"CUST-{random.randrange(10000, 99999)}",
            "segment": picked["customer.segment"],
            "priority_level": picked["customer.priority_level"],
        },
        "interaction": {
            "type": picked["interaction.type"],
            "summary": f"{product} {situation['label']}",
            "category": category,
            "resolution_status": picked["interaction.resolution_status"],
            "next_steps": random.sample(situation["steps"], random.randint(2, 4)),
        },
        "metrics": {
            "response_time": _number(random.randrange(13, 190) / 2),
            "satisfaction_score": random.randint(1, 5),
            "resolution_time": _number(random.randrange(200, 2900) / 2),
        },
    }
    facts = {path: said(value) for path, value in leaves(golden)}
    return Scenario(reference, "json", category, _memo(golden, story, random), golden, facts)


def _number(value: float) -> int | float:
    return int(value) if value == int(value) else value


def _memo(golden: dict[str, Any], story: str, random: random.Random) -> str:
    """The prompt of a record: a memo that states every value of the golden in prose."""
    words = vocabulary()
    flat = {path.split(".")[-1]: said(value) for path, value in leaves(golden)}
    flat |= {"name": random.choice(words["names"]), "city": random.choice(words["cities"]), "story": story}
    steps = golden["interaction"]["next_steps"]
    flat["steps"] = f"{'; '.join(steps[:-1])}; and {steps[-1]}"
    parts = [random.choice(variants).format(**flat) for variants in words["memo"]]
    return "\n".join((parts[0], *random.sample(parts[1:-1], len(parts) - 2), parts[-1]))
