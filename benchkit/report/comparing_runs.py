"""Two runs held against each other: the same cases, what it did to the scores, and the cases that flipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..decide import Rules, complete, rules_of
from ..decide.evidence import Evidence, Kind, gather
from ..domain import ROUNDING
from ..errors import UsageError
from ..run import Run, read_run
from ..wording import count, kind_name, listed
from .matched_runs import BY_JUDGE, Matched, Pair, Side, called, match, measured_run, same_cases
from .runs_compared import EQUAL, WORSE, Effect, Flip, RunsCompared

if TYPE_CHECKING:
    import pandas as pd

    from ..stats import Estimate

HALF = 0.5  # of a metric's range: a case whose mean over rounds moved that far has flipped


def compare_runs(baseline: Run, run: Run, models: Mapping[str, str] | None = None) -> RunsCompared:
    """What `run` (B) does better or worse than `baseline` (A), on the cases that stand in both.

    `models` {a model of A: one of B} says which are held against each other; None: those of one name. The
    terms (alpha, margin, weights, metrics) are A's, which were named first. Both runs are only read. Raises
    UsageError where no model is in both, RunError for a run that 04 has not measured, InputError where no
    case is in both or the scores were made by different versions of the metrics.
    """
    a, b = measured_run(baseline), measured_run(run)
    runs, pairs = match(a, b), _pairs(a, b, models)
    rules = _rules(runs)
    each = [Compared(runs, pair, rules) for pair in pairs]
    return RunsCompared(
        names=(a.run.name, b.run.name),
        simulated=a.run.simulated or b.run.simulated,
        rules=rules,
        cases=(len(runs.ids), len(a.cases) - len(runs.ids), len(b.cases) - len(runs.ids)),
        effects=effects_of({called(one.pair): one.evidence for one in each if one.evidence.usable}, rules),
        missing=[*_unmatched(runs), *dict.fromkeys(line for one in each for line in one.missing())],
        notes=list(dict.fromkeys(line for one in each for line in one.notes())),
        changed=runs.changed(pairs),
        flips=[flip for one in each if one.evidence.usable for flip in one.flips()],
    )


def against(baseline_run: str, run: Run) -> RunsCompared | None:
    """05's comparison with an earlier run; None where none is named."""
    return compare_runs(read_run(baseline_run), run) if baseline_run else None


def _pairs(a: Side, b: Side, given: Mapping[str, str] | None) -> list[Pair]:
    for side, names in ((a, given or {}), (b, (given or {}).values())):
        if unknown := [name for name in names if name not in side.models]:
            raise UsageError(f"{side.run.path} has no model {unknown[0]}, only {listed(side.models)}.")
    if pairs := list((given or {name: name for name in a.models if name in b.models}).items()):
        return pairs
    raise UsageError(
        f"No model is in both runs ({listed(a.models)} in A, {listed(b.models)} in B). Say which to hold "
        f"against which: benchkit compare {a.run.path} {b.run.path} --models {a.models[0]}={b.models[0]}"
    )


def _rules(runs: Matched) -> Rules:
    """A's, of what the cases have; what decided there decides here, whatever else B was scored on."""
    rules, rows = rules_of(runs.a.run), runs.a.scores[runs.a.scores["id"].isin(runs.ids)]
    kinds, categories = set(rows["test_case"]), set(rows["category"])
    primary = runs.a.report["configuration"]["primary_metrics"]
    return replace(
        rules,
        primary_metric=",".join(one for kind, one in primary.items() if one and kind in kinds),
        kind_weights=_weights(rules.kind_weights, kinds),
        category_weights=_weights(rules.category_weights, categories),
    )


def _unmatched(runs: Matched) -> list[str]:
    """The kinds of which no case is in both, and what to do."""
    rows = runs.a.scores
    both = set(rows.loc[rows["id"].isin(runs.ids), "test_case"])
    lost = set(runs.a.report["configuration"]["primary_metrics"]) & set(rows["test_case"]) - both
    return [f"none of the {kind_name(one)} is the same in B. {same_cases(runs.a)}" for one in sorted(lost)]


def _weights(given: Mapping[str, float], names: set[str]) -> dict[str, float]:
    kept = {name: weight for name, weight in given.items() if name in names}
    return kept if sum(kept.values()) else {}


@dataclass(frozen=True)
class Compared:
    """A model of A and the one of B that is held against it, on the cases of both."""

    runs: Matched
    pair: Pair
    rules: Rules

    @cached_property
    def scores(self) -> pd.DataFrame:
        return complete(self.runs.scores(self.pair))

    @cached_property
    def evidence(self) -> Evidence:
        """What decides nothing in A for its controls decides nothing. B's do not count: a model that got bad
        does no better than those.
        """
        report = self.runs.a.report
        failed = {(row["test_case"], row["metric"]) for row in report["controls"] if row["disqualifies"]}
        kinds = {(row["kind"], row["metric"]): row["why_not"] for row in report["decision"]["kinds"]}
        return gather(
            self.scores, self.rules, {key: why for key, why in kinds.items() if why and key in failed}
        )

    def missing(self) -> Iterator[str]:
        """What cannot be compared, why, and what to do."""
        for kind in self.evidence.aside:
            there = self.scores[self.scores["metric"] == kind.metric].groupby("model")["value"].count()
            lacking = [at for at in (0, 1) if not there.get(self.evidence.models[at], 0)]
            if self.runs.rejudged and kind.metric in BY_JUDGE:
                yield f"{kind.metric} is another thing in B: {self.runs.rejudged}"
            elif lacking:
                yield from (self._unscored(at, kind.metric) for at in lacking)
            elif not kind.n or not self.evidence.kinds:
                yield f"{kind.metric} decides nothing: {kind.why_not}"

    def _unscored(self, at: int, metric: str) -> str:
        side, model = (self.runs.a, self.runs.b)[at], self.evidence.models[at]
        folder = side.run.name  # not its path: verify computes 05's report again in another place
        why = "all its calls failed, or 04 measured something else. Run 03_execute.ipynb and 04_measure.ipynb"
        if metric in BY_JUDGE and not side.scores.loc[side.scores["metric"] == metric, "value"].count():
            why = "no answer was judged. Run 04_measure.ipynb with enable_judge = True and a judge_model"
        return f"{model} has no score of {metric}: {why} on {folder} again"

    def notes(self) -> Iterator[str]:
        """What to read the differences with, beside themselves."""
        for kind in self.evidence.kinds:
            rows = self.scores[self.scores["metric"] == kind.metric]
            rows = rows[rows["id"].isin(kind.measured.ids)]
            for model, some in rows.groupby("model", sort=False)["value"]:
                if lost := int(some.isna().sum()):
                    yield f"{model}: {count(lost, 'answer')} of {len(some):,} unscored on {kind.metric}."
            gain = kind.pairs[1][0]
            yield from gain.warnings if gain and gain.estimate else ()
        yield from self.evidence.few
        aside = self.evidence.aside if self.evidence.kinds else ()  # without scores of both: see missing
        yield from (f"{one.metric} decides nothing: {one.why_not}." for one in aside if one.n)

    def flips(self) -> Iterator[Flip]:
        """The cases whose mean moved by half of the metric's range or more."""
        import numpy as np

        runs = self.runs
        for kind in self.evidence.kinds:
            gain = kind.gain[1] - kind.gain[0]
            for at in np.flatnonzero(np.abs(gain) >= HALF * kind.span - ROUNDING):
                id = kind.measured.ids[at]
                case, rounds = runs.a.cases.loc[id], self._telling_rounds(id, kind, bool(gain[at] > 0))
                yield Flip(
                    models=called(self.pair),
                    metric=kind.metric,
                    ids=(id, runs.ids[id]),
                    means=tuple(kind.measured.means[:, at].tolist()),
                    gain=float(gain[at]),
                    prompt=case["prompt"],
                    golden=case["golden_response"],
                    answers=(
                        runs.a.answer(id, self.pair[0], rounds[0]),
                        runs.b.answer(runs.ids[id], self.pair[1], rounds[1]),
                    ),
                )

    def _telling_rounds(self, id: str, kind: Kind, better: bool) -> tuple[int, int]:
        """Of the side that did better its best round, of the other its worst."""
        rows = self.scores[(self.scores["id"] == id) & (self.scores["metric"] == kind.metric)]
        good = (kind.measured.sign * rows.set_index(["model", "round"])["value"]).dropna()
        a, b = (good[model] for model in self.evidence.models)
        return (int(a.idxmin()), int(b.idxmax())) if better else (int(a.idxmax()), int(b.idxmin()))


def effects_of(found: Mapping[str, Evidence], rules: Rules) -> list[Effect]:
    """Every kind that decides and, where there are several, U; for every pair of models, A's first."""
    raw = [(models, *one) for models, evidence in found.items() for one in _of_pair(evidence)]
    effects = []
    for models, scope, means, gain, counts, reach, span in raw:
        gain, p = gain.at(rules.alpha / len(raw)).within(reach), gain.p_value * len(raw)
        p = 1.0 if p > 1 else p  # NaN, where there is nothing to test, stays
        effects.append(
            Effect(
                models,
                scope,
                means,
                gain,
                p,
                counts,
                _shown(gain, p, rules),
                gain.lowest(span, rules.alpha / len(raw)),
            )
        )
    return effects


def _shown(gain: Estimate, p: float, rules: Rules) -> str:
    if gain.se == 0 and abs(gain.estimate) <= ROUNDING:
        return EQUAL
    if not p <= rules.alpha:
        return "open"
    if gain.estimate > 0:
        return "better"
    return WORSE if gain.estimate < -rules.margin - ROUNDING else "worse, within the margin"


def _of_pair(
    evidence: Evidence,
) -> Iterator[tuple[str, tuple[float, float], Any, tuple[int, int, int], float, float]]:
    """Scope, means, gain, counts, and the largest difference: by the metrics' ranges, and as far as known."""
    import numpy as np

    each = [(kind, *_sides(kind)) for kind in evidence.kinds]
    if len(each) > 1:
        a, b = np.array(evidence.weights) @ np.array([means for _, means, _ in each])
        better, same, worse = np.sum([counts for *_, counts in each], axis=0)
        yield (
            "U",
            (float(a), float(b)),
            evidence.pairs[1][0],
            (int(better), int(same), int(worse)),
            evidence.reach,
            evidence.span,
        )
    for kind, means, counts in each:
        yield f"{kind_name(kind.name)}, {kind.metric}", means, kind.pairs[1][0], counts, kind.reach, kind.span


def _sides(kind: Kind) -> tuple[tuple[float, float], tuple[int, int, int]]:
    """The means of A and B over the cases that both have a score for; where B is better, the same, worse."""
    import numpy as np

    gain, sign = kind.pairs[1][0], kind.measured.sign
    assert gain is not None  # of two models
    there = ~np.isnan(kind.gain).any(axis=0)
    a, b = (sign * float(gain.coefficients @ np.where(there, side, 0.0)) for side in kind.gain)
    change = (kind.gain[1] - kind.gain[0])[there]
    better, worse = int((change > ROUNDING).sum()), int((change < -ROUNDING).sum())
    return (a, b), (better, len(change) - better - worse, worse)
