"""Whether a finding survives: what was not measured, and the loss of a category or of one case."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ..measure.arrays import Measured, clusters_of

if TYPE_CHECKING:
    import numpy as np

    from ..stats import Paired

Row = Mapping[str, Any]
_WHERE = {
    "categories": "without {}",
    "extreme": "without the most extreme case",
    "unscored": "with every unscored response {}",
}


@dataclass(frozen=True)
class Change:
    """A way of looking under which one outcome would be another."""

    where: str  # in words: "without billing_inquiry"
    other: str  # the model that the best one is compared with
    outcome: str  # what it would be then, read from the side of the best


@dataclass(frozen=True)
class Survival:
    """Whether every outcome stays; None where there was nothing to take away."""

    unscored: bool | None  # with all unscored responses worst for one model and best for the other
    categories: bool | None  # without any one category
    changed_without: tuple[str, ...]  # the categories without which an outcome is another
    extreme_case: bool | None  # without the case that most favours whoever is ahead
    changes: tuple[Change, ...] = ()


@dataclass(frozen=True)
class Terms:
    """On what terms the outcome of a comparison was decided, to decide a changed one on the same."""

    alpha: float
    margin: float
    # Of its family, by metric and pair: (of a difference, of equivalence).
    p_values: Mapping[tuple[str, frozenset[str]], tuple[float, float]]

    def outcome(self, result: Paired, row: Row) -> str:
        """The outcome with `result` in the place of `row`; the rest of the family keeps its p-values."""
        from ..stats import equivalence, holm, outcome_of

        rest = [p for key, p in self.p_values.items() if key != _key(row)]
        same = equivalence(result, self.margin).p_value if self.margin else float("nan")
        p, p_same = (
            float(holm([own, *(one[at] for one in rest)])[0]) for at, own in enumerate((result.p_value, same))
        )
        return outcome_of(result, p, p_same, self.alpha)


def terms(row: Row, comparisons: Sequence[Row], alpha: float, margin: float) -> Terms:
    family = [one for one in comparisons if one["family"] == row["family"]]
    return Terms(alpha, margin, {_key(one): (one["p_value"], one["p_equivalence"]) for one in family})


def survival(
    one: Measured, best: str, against: Sequence[Row], comparisons: Sequence[Row], alpha: float, margin: float
) -> Survival:
    """What becomes of the outcomes in `against`, rows that are read from the side of `best`."""
    found: dict[str, list[tuple[str, Row, str]]] = {"unscored": [], "categories": [], "extreme": []}
    for row in against:
        how = terms(row, comparisons, alpha, margin)
        found["categories"] += [(name, row, end) for name, end in _without_each(one, best, row, how)]
        found["extreme"] += [("", row, end) for end in _without_extreme(one, best, row, how)]
        found["unscored"] += [(name, row, end) for name, end in _unscored(one, best, row, how)]
    changed = {way: [end for end in ends if end[2] != end[1]["outcome"]] for way, ends in found.items()}
    stays = {way: not changed[way] if ends else None for way, ends in found.items()}
    return Survival(
        unscored=stays["unscored"],
        categories=stays["categories"],
        changed_without=tuple(dict.fromkeys(name for name, _, _ in changed["categories"])),
        extreme_case=stays["extreme"],
        changes=tuple(
            Change(_WHERE[way].format(name), row["other"], end)
            for way, ends in changed.items()
            for name, row, end in ends
        ),
    )


def _unscored(one: Measured, best: str, row: Row, how: Terms) -> Iterator[tuple[str, str]]:
    """(which way the unscored responses turn out, the outcome then), where there are any."""
    import numpy as np

    from ..stats import bounds

    a, b = one.of(best), one.of(row["other"])
    if not (np.isnan(a).any() or np.isnan(b).any()):
        return
    lower = one.metric.lower_is_better
    worst, top = (max(1.0, float(np.nanmax([a, b]))), 0.0) if lower else (0.0, 1.0)
    found = bounds(a, b, worst=worst, best=top, clusters=_labels(one), alpha=how.alpha)
    yield f"worst for {best} and best for {row['other']}", how.outcome(found.against_a, row)
    yield f"best for {best} and worst for {row['other']}", how.outcome(found.for_a, row)


def _without_each(one: Measured, best: str, row: Row, how: Terms) -> Iterator[tuple[str, str]]:
    """(category, the outcome without it), where there are several."""
    from ..stats import without_each_cluster

    both = _both(one, best, row["other"])
    if len(set(both.category)) < 2:
        return
    means = _means(both, best, row["other"])
    each = without_each_cluster(*means, list(both.category), alpha=how.alpha, **_range(one))
    yield from ((name, how.outcome(result, row)) for name, result in each.items())


def _without_extreme(one: Measured, best: str, row: Row, how: Terms) -> Iterator[str]:
    """The outcome without the case that most favours whoever is ahead, where three or more are there."""
    from ..stats import without_extreme_case

    both = _both(one, best, row["other"])
    if len(both.category) < 3:
        return
    means = _means(both, best, row["other"])
    result = without_extreme_case(*means, clusters=_labels(both), alpha=how.alpha, **_range(one))
    yield how.outcome(result, row)


def _both(one: Measured, a: str, b: str) -> Measured:
    """The cases that both models have a score for."""
    import numpy as np

    scored = [(~np.isnan(one.of(model))).any(axis=1) for model in (a, b)]
    return one.without(scored[0] & scored[1])


def _means(one: Measured, a: str, b: str) -> tuple[np.ndarray, np.ndarray]:
    from ..stats import case_means

    return case_means(one.of(a)), case_means(one.of(b))


def _labels(one: Measured) -> list[Any] | None:
    found = clusters_of(one.groups)
    return None if found is None else list(found)


def _range(one: Measured) -> dict[str, Any]:
    lower = one.metric.lower_is_better
    return {"lower_is_better": lower, "span": None if lower else 1.0}


def _key(row: Row) -> tuple[str, frozenset[str]]:
    return row["metric"], frozenset((row["model_a"], row["model_b"]))
