"""Two runs held against each other: the same cases, what it did to the scores, and the cases that flipped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from ..decide import Rules, complete, rules_of
from ..decide.evidence import Evidence, gather
from ..errors import UsageError
from ..run import Run, read_run
from ..wording import count, listed
from .flipped_cases import flipped
from .matched_runs import Side, check_versions, matched, measured_run
from .runs_compared import RunsCompared, effects_of
from .what_changed import what_changed

if TYPE_CHECKING:
    import pandas as pd

Pair = tuple[str, str]  # a model of A, and the one of B that is held against it


def compare_runs(baseline: Run, run: Run, models: Mapping[str, str] | None = None) -> RunsCompared:
    """What `run` (B) does better or worse than `baseline` (A), on the cases that stand in both.

    `models` {a model of A: one of B} says which are held against each other; None: those of one name. The
    terms (alpha, margin, weights, metrics) are A's, which were named first. Both runs are only read. Raises
    UsageError where no model is in both, RunError for a run that 04 has not measured, InputError where no
    case is in both or the scores were made by different versions of the metrics.
    """
    a, b = measured_run(baseline), measured_run(run)
    check_versions(a, b)
    pairs = _pairs(a, b, models)
    ids = matched(a, b)
    rules = _rules(a, ids)
    tables = {pair: complete(_scores(a, b, pair, ids)) for pair in pairs}
    found = {pair: gather(table, rules, _spoilt(a)) for pair, table in tables.items()}
    return RunsCompared(
        names=(baseline.path.name, run.path.name),
        simulated=baseline.simulated or run.simulated,
        rules=rules,
        cases=(len(ids), len(a.cases) - len(ids), len(b.cases) - len(ids)),
        effects=effects_of({_called(pair): one for pair, one in found.items() if one.usable}, rules),
        missing=[line for pair, one in found.items() for line in _missing(one, tables[pair])],
        notes=list(dict.fromkeys(_notes(a, b, ids, found, tables))),
        changed=what_changed((a.run, b.run), (a.report, b.report)),
        flips=[
            flip
            for pair, one in found.items()
            for flip in flipped(one, tables[pair], (a, b), pair, ids)
            if one.usable
        ],
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


def _called(pair: Pair) -> str:
    return pair[0] if pair[0] == pair[1] else " → ".join(pair)


def _rules(a: Side, ids: Mapping[str, str]) -> Rules:
    """A's, with the weights of what the cases have."""
    rules, rows = rules_of(a.run), a.scores[a.scores["id"].isin(ids)]
    return replace(
        rules,
        kind_weights=_of(rules.kind_weights, set(rows["test_case"])),
        category_weights=_of(rules.category_weights, set(rows["category"])),
    )


def _of(weights: Mapping[str, float], names: set[str]) -> dict[str, float]:
    kept = {name: weight for name, weight in weights.items() if name in names}
    return kept if sum(kept.values()) else {}


def _spoilt(a: Side) -> dict[tuple[str, str], str]:
    """What decides nothing in A for its controls. Not B's: a model that got bad does no better than those."""
    failed = {(row["test_case"], row["metric"]) for row in a.report["controls"] if row["disqualifies"]}
    kinds = {(row["kind"], row["metric"]): row["why_not"] for row in a.report["decision"]["kinds"]}
    return {key: why for key, why in kinds.items() if why and key in failed}


def _scores(a: Side, b: Side, pair: Pair, ids: Mapping[str, str]) -> pd.DataFrame:
    """The scores of the two as one table of the matched cases: ids, categories and families are A's."""
    import pandas as pd

    back = {new: old for old, new in ids.items()}
    old = a.scores[a.scores["id"].isin(ids) & (a.scores["model"] == pair[0])]
    new = b.scores[b.scores["id"].isin(back) & (b.scores["model"] == pair[1])]
    new = new.assign(id=new["id"].map(back))
    strata = a.scores.drop_duplicates("id").set_index("id")
    for name in ("category", "family"):
        new[name] = new["id"].map(strata[name])
    return pd.concat([old.assign(model=f"{pair[0]} @ A"), new.assign(model=f"{pair[1]} @ B")])


def _missing(found: Evidence, scores: pd.DataFrame) -> Iterator[str]:
    """What of a pair of models cannot be compared, and why: no score in common, or nothing that decides."""
    for kind in found.aside:
        rows = scores[(scores["metric"] == kind.metric) & scores["value"].notna()]
        without = [model for model in found.models if model not in set(rows["model"])]
        if without:
            yield (
                f"{listed(without)} has no score of {kind.metric}: all its calls failed, or 04 measured "
                "something else there. Run 03_execute.ipynb and 04_measure.ipynb on that run again"
            )
        elif not kind.n or not found.kinds:
            yield f"{kind.metric} decides nothing: {kind.why_not}"


def _notes(
    a: Side, b: Side, ids: Mapping[str, str], found: Mapping[Pair, Evidence], tables: Mapping[Pair, Any]
) -> Iterator[str]:
    """What to read the differences with, beside themselves."""
    other = sum(
        a.cases[old].get("requirements", "") != b.cases[new].get("requirements", "")
        for old, new in ids.items()
    )
    if other:
        yield f"The requirements of {count(other, 'case')} are others in B: what is met is another thing."
    for pair, one in found.items():
        for kind in one.kinds:
            rows = tables[pair]
            rows = rows[(rows["metric"] == kind.metric) & rows["id"].isin(kind.measured.ids)]
            for model, some in rows.groupby("model", sort=False)["value"]:
                if lost := int(some.isna().sum()):
                    yield f"{model}: {count(lost, 'answer')} of {len(some):,} unscored on {kind.metric}."
            gain = kind.pairs[1][0]
            yield from gain.warnings if gain and gain.estimate else ()
        yield from one.few
        yield from (f"{aside.metric} decides nothing: {aside.why_not}." for aside in one.aside if one.kinds)
