"""What a run is about: test cases, validations, responses, scores, comparisons. Frozen, no I/O."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

# Rounding of sums and differences is near 1e-16 of the largest score; anything this small is rounding.
ROUNDING = 1e-12
KINDS = ("json", "conversation")
CATEGORIES = (
    "technical_support",
    "billing_inquiry",
    "product_question",
    "account_management",
    "service_complaint",
)
# Letters of scripts that set no spaces between words (Thai, Lao, Burmese, Khmer, Japanese, Chinese), and of
# Korean, which hangs its particles on: "订单A-1001的" states A-1001.
UNSPACED = (
    "\u0e00-\u0e4f\u0e80-\u0ecf\u1000-\u103f\u1050-\u108f\u1780-\u17df\u3040-\u30ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff"
)
# The model owns the first three; `failed` is ours: no answer after every retry, so nothing to score.
STATUSES = ("answered", "malformed", "refused", "failed")
FEWEST, MOST = 3, 8  # requirements of a conversation that an agent writes
CONTROL = "control: "  # begins the name, in place of a model's, of answers that know nothing


def is_control(model: str) -> bool:
    """Whether `model` names an answer that knows nothing, which is scored like a model and never compared."""
    return model.startswith(CONTROL)


@dataclass(frozen=True, slots=True)
class Requirement:
    """One thing that an answer must do for the customer, or must not do."""

    id: str
    text: str  # of a must_not: what the answer must not do
    must: bool = True
    weight: int = 1  # 1 to 3
    value: str = ""  # the exact date, amount, reference or time that it names

    @property
    def kind(self) -> str:
        return "must" if self.must else "must_not"

    def record(self) -> dict[str, Any]:
        """The requirement as JSON holds it, `kind` in the place of `must`."""
        return {name: getattr(self, name) for name in ("id", "text", "kind", "weight", "value")}


def requirements_given(text: str) -> list[Any]:
    """What a cell lists as requirements, each as it is given. Raises ValueError for JSON that is none."""
    text = text.strip()
    if text[:1] not in ("[", "{"):
        return [line for line in map(str.strip, text.splitlines()) if line]
    try:
        said = json.loads(text)
    except ValueError as error:
        raise ValueError(f"they are not readable as JSON ({error})") from None
    return said if isinstance(said, list) else [said]


def read_requirements(text: str) -> tuple[Requirement, ...]:
    """The requirements in a cell: a JSON list of objects or texts, or one a line; () for an empty cell.

    An object needs `text`; without `id` it is numbered r1, r2, …; `kind` is must or must_not, `weight` 1 to
    3, `value` a text; it has no other keys. What begins with "must not", "do not" or "never", also after
    "The answer" or "You", is a must_not, in an object, too, and its text is what follows. Raises ValueError
    that names every requirement at fault and all that is wrong with it.
    """
    found, faults = [], []
    for at, one in enumerate(requirements_given(text), 1):
        try:
            found.append(_requirement(one, f"r{at}"))
        except ValueError as error:
            faults.append(str(error))
    ids = [one.id for one in found]
    twice = dict.fromkeys(id for id in ids if ids.count(id) > 1)
    faults += [f"two requirements have the id {id!r}; give each its own" for id in twice]
    if faults:
        raise ValueError("; ".join(faults))
    return tuple(found)


def _requirement(said: Any, id: str) -> Requirement:
    said = {"text": said} if isinstance(said, str) else said
    if not isinstance(said, Mapping):
        raise ValueError(f"requirement {id} is neither an object nor a text")
    id, told, weight = str(said.get("id") or id), said.get("text"), said.get("weight", 1)
    weight = int(weight) if weight in ("1", "2", "3") else weight  # a spreadsheet writes texts
    given = str(said.get("kind") or "").lower()
    text, kind = _wanted(told, given) if isinstance(told, str) else ("", given)
    strange = [str(key) for key in said if key not in _KEYS and said[key] is not None]
    faults = [f"has the key {key[:60]!r}, which is none of: {', '.join(_KEYS)}" for key in strange]
    if given not in ("", "must", "must_not"):
        faults.append(f"has the kind {given!r}; use must or must_not")
    elif given == "must" != kind and text:
        faults.append(
            f"has the kind 'must' and a text that forbids ({str(told).strip()[:60]!r}); leave the kind out, "
            "or say what an answer must do"
        )
    if not text:
        faults.append("has no text")
    if isinstance(weight, bool) or weight not in (1, 2, 3):
        faults.append(f"has the weight {weight!r}; use 1, 2 or 3")
    if faults:
        raise ValueError("; ".join(f"requirement {id} {fault}" for fault in faults))
    value = as_text("" if said.get("value") is None else said["value"])
    return Requirement(id, text, kind == "must", int(weight), value.strip())


def _wanted(told: str, kind: str) -> tuple[str, str]:
    """(what an answer must or must not do, "must" or "must_not"): `kind` where the text does not forbid."""
    told = _BULLET.sub("", told.strip())
    if forbids := _MUST_NOT.match(told):
        return told[forbids.end() :].strip(), "must_not"
    return (told if kind == "must_not" else _MUST.sub("", told)).strip(), kind or "must"


_KEYS = ("id", "text", "kind", "weight", "value")
_BULLET = re.compile(r"^\s*(?:[-*•]|\d+[.)])\s+")
_ANSWER = (
    r"(?:(?:the|an?|any|this|your|our)\s+(?:[\w-]+\s+)?)?"
    r"(?:answer|reply|response|agent|assistant|model|(?:chat)?bot|representative|message|e-?mail|text)s?\s+"
)
_FORBIDS = (
    r"(?:must|should|shall|may)[\s_]+(?:not|never)|(?:must|should)n['’]t|do(?:es)?\s+(?:not|never)|"
    r"do(?:es)?n['’]t|(?:is|are)\s+not\s+(?:allowed\s+|permitted\s+)?to|never"
)
# "You cannot return it" and "It will not be charged" are said to a customer: no ban on the answer.
_UNABLE = r"can(?:\s*not|['’]t)|(?:can|could|will|would)\s+(?:not|never)|(?:could|would|wo)n['’]t"
_MUST_NOT = re.compile(
    r"(?:must\b\s*:?\s*)*"
    rf"(?:(?:(?:{_ANSWER})?(?:{_FORBIDS})|(?:it|you|we|they)\s+(?:{_FORBIDS})|{_ANSWER}(?:{_UNABLE}))"
    r"\b(?!\s+only\b)\s*:?\s*)+",
    re.IGNORECASE,
)
_MUST = re.compile(r"^(?:must\b\s*:?\s*)+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class TestCase:
    """One customer-service task with its reference answer."""

    __test__ = False  # pytest: not a test class

    id: str
    test_case: str  # its kind, one of KINDS
    category: str
    prompt: str
    golden_response: str | dict[str, Any]  # text for a conversation, an object for json
    response_schema: dict[str, Any] | None = None  # JSON Schema 2020-12, json cases only
    attempt: int = 1  # 1, or how often the generator has been asked for it
    parent_id: str = ""  # the rejected case that this one replaces
    family: str = ""  # cases that share a template, customer or wording; "" shares with none
    requirements: tuple[Requirement, ...] = ()  # what an answer must do and must not do

    def row(self) -> dict[str, Any]:
        """The case as one CSV row: structures become JSON text."""
        return asdict(self) | {
            "golden_response": as_text(self.golden_response),
            "response_schema": "" if self.response_schema is None else as_text(self.response_schema),
            "requirements": as_text([one.record() for one in self.requirements] or ""),
        }

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> TestCase:
        """A case from a row that `row()` wrote; json goldens, schemas and requirements are parsed again."""
        golden, schema = row["golden_response"], row.get("response_schema") or ""
        return cls(
            id=str(row["id"]),
            test_case=str(row["test_case"]),
            category=str(row["category"]),
            prompt=str(row["prompt"]),
            golden_response=json.loads(golden) if row["test_case"] == "json" else str(golden),
            response_schema=json.loads(schema) if schema else None,
            attempt=int(row.get("attempt") or 1),
            parent_id=str(row.get("parent_id") or ""),
            family=str(row.get("family") or ""),
            requirements=read_requirements(str(row.get("requirements") or "")),
        )


@dataclass(frozen=True, slots=True)
class Validation:
    """The validator's verdict on one test case; scores run from 0 to 5."""

    id: str
    prompt_quality_score: float
    response_quality_score: float
    message: str
    timestamp: str

    def accepts(self, threshold: float) -> bool:
        return self.prompt_quality_score >= threshold and self.response_quality_score >= threshold


@dataclass(frozen=True, slots=True)
class Response:
    """A model's answer to one test case in one round. `None` means not known, never zero."""

    id: str
    prompt: str
    test_case: str
    model: str
    round: int  # from 1
    model_response: str  # the tool's arguments as JSON text, else the raw text that came
    status: str = "answered"  # one of STATUSES
    error: str = ""
    timestamp: str = ""  # UTC, ISO 8601
    latency_s: float | None = None  # the last attempt's own
    queue_s: float | None = None  # the provider's queue, as it reports it
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cost_usd: float | None = None


class Score(NamedTuple):
    """One metric of one response: a value, or None with the reason why it is unscored."""

    id: str
    model: str
    round: int
    metric: str
    value: float | None
    reason: str = ""  # why undefined or unscored, or why it has the worst value
    content: float | None = None  # of what could be read of the answer, delivered or not

    @classmethod
    def unscored(cls, id: str, model: str, round: int, metric: str, reason: str) -> Score:
        return cls(id, model, round, metric, None, reason)


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two models on one metric over the same cases; `difference` is mean A minus mean B."""

    metric: str
    test_case: str
    model_a: str
    model_b: str
    primary: bool  # the metric of its kind that decides
    n: int  # cases that both models have a score for
    mean_a: float  # over those, categories weighted
    mean_b: float
    difference: float
    standard_error: float
    df: float  # degrees of freedom of the t interval
    ci_low: float  # t interval, adjusted for nothing
    ci_high: float
    p_value: float
    p_adjusted: float  # Holm: among a kind's primary pairs, or among all others
    effect_size: float  # difference over the standard deviation of per-case differences
    wins: int  # cases where A is better, whichever direction that is
    ties: int
    losses: int
    outcome: str  # better_a, better_b, open: what p_adjusted shows
    warnings: str


def as_text(value: Any) -> str:
    """Text as it is; anything else as JSON, keys in their own order."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
