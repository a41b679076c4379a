"""What one response is worth: pure functions from texts or objects to a number, or None.

Every metric documents its formula, its range, its direction and what it gives for empty input. None means
that the reference leaves nothing to compare with: the caller counts the case as *undefined*, with the reason.
All that others read about a metric stands in its descriptor, `METRICS[name]`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any

from benchkit.domain import KINDS
from benchkit.errors import UsageError

if TYPE_CHECKING:
    from benchkit.domain import TestCase

Function = Callable[..., float | None]


@dataclass(frozen=True)
class Metric:
    """How one metric is computed and read.

    `function` takes the answer (text of a conversation, arguments of a json case) and the fields of the case
    that `reads` names. A built-in one is named "module.function" and loaded when it is first used, so that
    who only reads descriptors loads no language library.
    """

    name: str
    kind: str  # "json" or "conversation"
    function: Function | str | None  # None: nothing here computes it, its values came from elsewhere
    reads: tuple[str, ...] = ()  # fields of the test case
    low: float | None = 0.0  # the lowest score there can be; None: no end
    high: float | None = 1.0  # the highest; None: no end
    unit: str = ""  # "" is a score of its range
    lower_is_better: bool = False
    binary: bool = False  # right or wrong, nothing between
    description: str = ""  # what it counts, in a few words
    reported_as: str = ""  # its name in metrics.json, where that differs
    undefined: str = "the golden response leaves nothing to compare"  # why a case has no value

    @property
    def worst(self) -> float | None:
        """What an answer that was not delivered scores: the bad end of the range.

        None where that end is open. The rule is then: as bad as the worst delivered answer to the same case,
        of any model in any round, and never better than an empty answer. So no delivered answer scores worse
        than none, and no score is made up that no text has earned.
        """
        return self.high if self.lower_is_better else self.low

    @property
    def span(self) -> float | None:
        """The width of the range; None where an end is open."""
        return None if self.low is None or self.high is None else self.high - self.low

    @property
    def direction(self) -> str:
        return "lower is better" if self.lower_is_better else "higher is better"

    @cached_property
    def loaded(self) -> Function:
        """The metric's function, imported where it is named."""
        if self.function is None:
            raise UsageError(f"{self.name} has no function here. Add it with add_metric before scoring.")
        if callable(self.function):
            return self.function
        module, name = self.function.split(".")
        return getattr(import_module(f".{module}", __package__), name)

    def value(self, answer: str | dict[str, Any], case: TestCase) -> float | None:
        """The score of one answer; None where the case leaves it undefined.

        Raises UsageError for a score outside of the range that a metric of one's own was given.
        """
        found = self.loaded(answer, *[getattr(case, field) for field in self.reads])
        if found is None or isinstance(self.function, str):
            return found
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        if not low <= found <= high:
            raise UsageError(
                f"{self.name} gave {found:g}, and its range is {low:g} to {high:g}. Add it with the `low` "
                "and `high` that it has, None for an open end."
            )
        return float(found)


_GOLDEN = ("golden_response",)
_BUILT_IN = (
    Metric(
        "requirements_met",
        "conversation",
        None,  # from judgements, not from the text alone
        ("requirements",),
        description="what an answer must do and does, by weight; 0 if it does what it must not",
        undefined="the case does not say what an answer must do",
    ),
    Metric(
        "record_requirements_met",
        "json",
        None,
        ("requirements",),
        description="the same of a record, read as text: what field_accuracy cannot tell of free text",
        undefined="the case does not say what an answer must do",
    ),
    Metric(
        "response_relevance",
        "conversation",
        "conversation.response_relevance",
        ("prompt",),
        description="keywords shared with the prompt",
        undefined="the prompt has no keyword",
    ),
    Metric("clarity", "conversation", "conversation.clarity", description="sentences of a readable length"),
    Metric(
        "task_completion",
        "conversation",
        "conversation.task_completion",
        _GOLDEN,
        description="keywords of the golden response found, more where a resolution is named",
        undefined="the golden response has no keyword",
    ),
    Metric(
        "bleu_score",
        "conversation",
        "conversation.bleu_score",
        _GOLDEN,
        description="word sequences shared with the golden response",
        undefined="the golden response has no word",
    ),
    Metric(
        "wer_score",
        "conversation",
        "conversation.wer_score",
        _GOLDEN,
        high=None,
        unit="errors per word",
        lower_is_better=True,
        description="words to change, per word of the golden response",
        undefined="the golden response has no word",
    ),
    Metric(
        "schema_compliance",
        "json",
        "schemas.schema_compliance",
        ("response_schema",),
        unit="share valid",
        binary=True,
        description="valid under the response schema",
        reported_as="schema_compliance_rate",
    ),
    Metric(
        "field_accuracy",
        "json",
        "fields.field_accuracy",
        ("golden_response", "response_schema"),
        description="fields of the golden response that are right, by their weight",
        undefined="the golden response has no field that weighs anything",
    ),
    Metric(
        "structural_consistency",
        "json",
        "schemas.structural_consistency",
        _GOLDEN,
        description="keys and types shared with the golden response",
        undefined="the golden response has no field",
    ),
)
_KEPT = ("kind", "low", "high", "unit", "lower_is_better", "binary", "description", "reported_as")
METRICS = {metric.name: metric for metric in _BUILT_IN}
# What a judge's verdicts give, by kind of case. Not from METRICS, which may hold another run's, too.
JUDGED = {metric.kind: metric for metric in _BUILT_IN if metric.function is None}
PRIMARY = {"conversation": "requirements_met", "json": "field_accuracy"}
INSTEAD = {"conversation": "task_completion"}  # of a kind whose primary metric was not measured
METRICS_VERSION = (
    "3"  # raised where a definition changes or a metric comes: p-values are adjusted over all of them
)


def add_metric(name: str, kind: str, function: Function | None, **about: Any) -> Metric:
    """Add a metric of one's own, to be scored, compared, plotted and named as primary like any other.

    `function` takes the answer and, where `reads=("golden_response",)` or other fields of the case are given,
    those; it gives a number, or None where the case leaves nothing to compare. It is None for a metric whose
    values are brought: what `about` says of it then holds for them. `about` takes the other fields
    of `Metric`: `low` and `high` (0 and 1; None: open), `lower_is_better`, `unit`, `description`.
    Adding it again replaces it. Raises UsageError for a built-in name, an unknown kind or an empty range.
    """
    if name in {metric.name for metric in _BUILT_IN}:
        raise UsageError(
            f"{name} is built in, and its numbers would mean something else. Choose another name."
        )
    if kind not in KINDS:
        raise UsageError(f"kind = {kind!r} is not known. Use one of: {', '.join(KINDS)}.")
    metric = Metric(name, kind, function, **about)
    if metric.span is not None and metric.span <= 0:
        raise UsageError(f"{name} goes from {metric.low} to {metric.high}. Give a `low` below its `high`.")
    METRICS[name] = metric
    return metric


def described(name: str, kind: str = "", values: Iterable[float] = ()) -> Metric:
    """The descriptor of a metric; of one that nobody described, what its values show.

    Scores that were brought from elsewhere are taken as higher is better (`turn` says otherwise), on 0 to 1
    where they all lie there and else without ends.
    """
    if name in METRICS:
        return METRICS[name]
    found = [value for value in values if not math.isnan(value)]
    within = bool(found) and all(0 <= value <= 1 for value in found)
    ends = {"low": 0.0, "high": 1.0} if within else {"low": None, "high": None}
    return Metric(name, kind, None, unit="" if within else "score", **ends)


def turn(values: Mapping[str, Iterable[float]], lower_is_better: Collection[str]) -> list[str]:
    """Of metrics that only their values are known of: less is better of those named, more of the others.

    Returns these others. Raises UsageError for a name that is none of them, or that is described otherwise.
    """
    own = [name for name in values if name not in METRICS or METRICS[name].function is None]
    own = [name for name in own if METRICS.get(name) not in _BUILT_IN]
    for name in lower_is_better:
        if name not in values:
            there = ", ".join(values) or "no scores were brought"
            raise UsageError(f"lower_is_better names {name}, which was not scored elsewhere ({there}).")
        if name not in own and not METRICS[name].lower_is_better:
            raise UsageError(f"lower_is_better names {name}, of which more is better. Leave it out.")
    for name in own:
        METRICS.pop(name, None)  # as an earlier look at these scores took it
        if name in lower_is_better:
            METRICS[name] = replace(described(name, KINDS[0], values[name]), lower_is_better=True)
    return [name for name in own if name not in lower_is_better]


def recorded(names: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What a report keeps of the metrics that are not built in, so that `remember` knows them elsewhere."""
    own = [METRICS[name] for name in names if name in METRICS and METRICS[name] not in _BUILT_IN]
    return {metric.name: {field: getattr(metric, field) for field in _KEPT} for metric in own}


def remember(records: Mapping[str, Mapping[str, Any]]) -> None:
    """Know the metrics that another kernel added and a report recorded: to be read, not to be computed."""
    for name, record in records.items():
        METRICS.setdefault(name, Metric(name, function=None, **record))


def in_order(names: Iterable[str]) -> list[str]:
    """Metrics as METRICS lists them, unknown ones after, by name."""
    found = set(names)
    return [name for name in METRICS if name in found] + sorted(found - METRICS.keys())
