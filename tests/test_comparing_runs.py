"""A run against an earlier one: the same cases, what changed, and when B is worse past the margin."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from benchkit.decide import Rules, complete
from benchkit.decide.evidence import gather
from benchkit.decide.rules import RULES as TERMS
from benchkit.errors import InputError, RunError, UsageError
from benchkit.metrics import METRICS_VERSION
from benchkit.report.comparing_runs import against, compare_runs, effects_of
from benchkit.run import Run, open_run, read_run, start_run
from benchkit.runner import cli
from benchkit.runner.parameters import NOTEBOOKS, notebook_folder
from benchkit.runner.preflight import check_values
from benchkit.runner.replay import replay, verify

from .conftest import unpaint
from .measured import HASTY, STEADY, TERSE, case, report_of, responses_of, score_table
from .test_preflight import plan

TALK, TASK, MET = "bleu_score", "task_completion", "requirements_met"
RULES = Rules(primary_metric=TALK)


def made(
    path: Path,
    values: dict[str, dict[str, Any]],
    *,
    rules: Rules = RULES,
    change: dict[str, Any] | None = None,
    **given: Any,
) -> Run:
    """A measured run of these scores ({model: {metric: (cases, rounds)}}); `change` is of each case's row."""
    scores = score_table(values)
    key = repr((scores.to_csv(), rules, change, given))
    if key in _MADE:
        path.mkdir()
        for name, content in _MADE[key].items():
            (path / name).write_bytes(content)
        return Run(path)
    named = scores[~scores["model"].str.startswith("control")]
    rows = scores.drop_duplicates("id").to_dict("records")
    cases = [case(r["id"], r["test_case"], category=r["category"], **(change or {})) for r in rows]
    run = start_run(path, provider="offline", seed=7, cases_file="")
    run.record(
        "03_execute",
        **{name: getattr(rules, name) for name in TERMS} | {"models": list(named["model"].unique())} | given,
    )
    run.save("validated_tests.csv", pd.DataFrame(cases))
    answers = responses_of(named)
    answers["prompt"] = answers["id"].map({c["id"]: c["prompt"] for c in cases})
    key = zip(answers["model"], answers["id"], answers["round"], strict=True)
    answers["model_response"] = [f"<b>{model}</b> says $5 on {id}, round {n}" for model, id, n in key]
    run.save_responses(answers)
    run.save("scores.csv", scores)
    run.save_report(report_of(scores, rules))
    kept = [file for file in path.iterdir() if file.name not in (".lock", ".owner.json")]
    _MADE[key] = {file.name: file.read_bytes() for file in kept}
    return run


_MADE: dict[
    str, dict[str, bytes]
] = {}  # the files of each run that was made, for the next of the same scores


@pytest.fixture
def level() -> np.ndarray:
    return np.random.default_rng(3).uniform(0.3, 0.7, 30)


def two(path: Path, *of_steady: np.ndarray, **how: Any) -> Run:
    """A run of two models, of which the second always scores the same."""
    return made(path, {STEADY: {TALK: np.array(of_steady).T}, HASTY: {TALK: np.full(30, 0.5)}}, **how)


def brought(path: Path, of: Run) -> Run:
    """The scores of a run as if they came from elsewhere, measured: its folder is the one inside `path`."""
    path.mkdir()
    for name in ("validated_tests.csv", "scores.csv"):
        shutil.copy(of.path / name, path)
    run = open_run(path)
    run.save("scores.csv", run.brought_scores())
    run.save_report(of.metrics_report())
    return run


def test_known_answer(tmp_path, level):
    """Difference, interval and p are those of a paired t within five equal categories, by hand."""
    loss = np.random.default_rng(4).normal(0.2, 0.05, 30)
    a, b = two(tmp_path / "a", level), two(tmp_path / "b", level - loss)
    found = compare_runs(a, b, {STEADY: STEADY})
    (one,) = found.effects
    inside = loss.reshape(6, 5) - loss.reshape(6, 5).mean(axis=0)
    error = np.sqrt((inside**2).sum() / 25 / 30)
    half = stats.t.ppf(0.975, 25) * error
    expected = [-loss.mean(), -loss.mean() - half, -loss.mean() + half]
    assert [one.gain.estimate, one.gain.low, one.gain.high] == pytest.approx(expected)
    assert one.p == pytest.approx(max(2 * stats.t.sf(loss.mean() / error, 25), 2.0**-29))
    assert one.means == pytest.approx((level.mean(), (level - loss).mean()))
    assert (one.counts, found.cases, found.exit_code) == ((0, 0, 30), (30, 0, 0), 5)
    assert found.sentence.startswith(
        f"B is worse than A past the margin of 0.05: {STEADY} on conversations, {TALK} by 0.193 ("
    )
    assert "**worse past the margin**" in found.markdown


def test_brought_scores_are_called_by_the_folder_above(tmp_path, level):
    """Both were called after the folder inside, which has the same name in each."""
    run = two(tmp_path / "run", level)
    a, b = brought(tmp_path / "old", run), brought(tmp_path / "new", run)
    assert a.path == tmp_path / "old" / "benchkit"
    assert compare_runs(a, b).names == ("old", "new")


def test_several_hold_together(tmp_path, level):
    """Two models are two comparisons: p twice as large, intervals at half of alpha."""
    loss = np.random.default_rng(4).normal(0.02, 0.1, 30)
    a, b = two(tmp_path / "a", level), two(tmp_path / "b", level - loss)
    both, alone = compare_runs(a, b), compare_runs(a, b, {STEADY: STEADY})
    assert [one.models for one in both.effects] == [STEADY, HASTY]
    assert both.effects[0].p == pytest.approx(min(1, 2 * alone.effects[0].p))
    assert both.effects[0].gain.alpha == 0.025
    assert "all 2 together (Bonferroni)" in both.markdown


@pytest.mark.parametrize(
    ("gain", "shown", "code", "said"),
    [
        (np.zeros(30), "equal on every case", 0, "no difference to test"),
        (np.full(30, -0.2), "worse past the margin", 5, "no 95 % interval can be given"),
        (np.tile([-0.03, -0.01], 15), "worse, within the margin", 0, "a loss of more than 0.05 is excluded"),
        (np.tile([-0.9, 0.7], 15), "open", 0, "none is excluded: it may be as large as 0.4"),
        (np.tile([0.3, 0.1], 15), "better", 0, "a loss of more than 0.05 is excluded"),
    ],
)
def test_when_it_is_worse_past_the_margin(tmp_path, level, gain, shown, code, said):
    """A loss that is shown, and larger than the margin: one of both does not do."""
    a, b = two(tmp_path / "a", level), two(tmp_path / "b", level + gain)
    found = compare_runs(a, b, {STEADY: STEADY})
    assert (found.effects[0].shown, found.exit_code) == (shown, code)
    assert said in found.sentence


@pytest.mark.parametrize(
    ("n", "said"), [(30, "none is excluded"), (60, "a loss of more than 0.05 is excluded")]
)
def test_equal_differences_exclude_what_a_rare_failure_would_have_shown(tmp_path, n, said):
    """All cases but for the same gain: no interval, so that few of them exclude no failure on others."""
    level = np.full(n, 0.5)
    found = compare_runs(two(tmp_path / "a", level), two(tmp_path / "b", level + 0.01), {STEADY: STEADY})
    assert said in found.sentence


def test_no_difference_is_said_that_the_metrics_cannot_have(tmp_path):
    """Few cases give intervals beyond the range: a loss on scores in 0 to 1 is never larger than 1."""
    both, rules = ("schema_compliance", TALK), Rules(primary_metric=f"schema_compliance,{TALK}")
    values = {"a": [0, 1, 1, 1, 1, 1], "b": [1, 0, 1, 0, 1, 0]}
    each = {n: {m: dict.fromkeys(both, np.array(v)) for m in (STEADY, HASTY)} for n, v in values.items()}
    found = compare_runs(*(made(tmp_path / n, v, rules=rules) for n, v in each.items()))
    assert len(found.effects) == 6
    assert all(-1 <= one.gain.low < one.gain.high <= 1 for one in found.effects)
    assert found.sentence.endswith("none is excluded: it may be as large as 1.000.")


def test_a_loss_that_has_no_largest_is_said_to_be_unknown(level, tmp_path):
    """Not "as large as unknown"."""
    found = compare_runs(two(tmp_path / "a", level), two(tmp_path / "b", level - 0.01), {STEADY: STEADY})
    found = replace(found, effects=[replace(found.effects[0], lowest=-np.inf)])
    assert found.sentence.endswith("none is excluded: how large it may be is not known.")


def test_false_alarms(level):
    """Between runs that differ by chance alone, right or wrong on 20 cases a kind, at most alpha alarm."""
    draws, rules = 50, Rules(primary_metric=f"schema_compliance,{TALK}", alpha=0.1)
    rng, alarms = np.random.default_rng(11), 0
    for _ in range(draws):
        drawn = {m: {x: rng.integers(0, 2, (20, 1)) for x in ("schema_compliance", TALK)} for m in ("A", "B")}
        effects = effects_of({"one": gather(complete(score_table(drawn)), rules)}, rules)
        assert len(effects) == 3
        alarms += any(one.shown == "worse past the margin" for one in effects)
    assert alarms <= draws * rules.alpha


def test_a_run_against_itself(tmp_path, level):
    """All zero, no test, nothing changed, nothing flipped; and both folders are only read."""
    run = two(tmp_path / "a", level, level + 0.1)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    found = compare_runs(run, run)
    assert found.exit_code == 0
    assert (
        found.sentence == "Every score that decides is the same in both runs: there is no difference to test."
    )
    assert "Nothing that is on record" in found.markdown
    assert "rounds moved by half of the range or more): 0." in found.markdown
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


class TestCases:
    def test_are_matched_by_what_they_hold(self, tmp_path, level):
        """Other ids, keys in another order: the same case. Another golden: another one."""
        a, b = two(tmp_path / "a", level), two(tmp_path / "b", level - 0.2)
        edited = {"golden_response": "Another one."}
        renamed(b, lambda row: {"id": f"new-{row['id']}"} | (edited if row["id"].endswith("7") else {}))
        found = compare_runs(a, b)
        assert found.cases == (27, 3, 3)
        assert found.effects[0].gain.estimate == pytest.approx(-0.2)
        assert "27 cases in both" in found.markdown

    @pytest.mark.parametrize("change", [{"golden_response": "Another."}, {"prompt": "Another."}])
    def test_none_in_common(self, tmp_path, level, change):
        """How many each has, and how to have the same."""
        a, b = two(tmp_path / "a", level), two(tmp_path / "b", level, change=change)
        with pytest.raises(InputError, match=r"a has 30 scored cases and .*b has 30, and none is") as told:
            compare_runs(a, b)
        assert f"benchkit run --cases {a.path / 'validated_tests.csv'}" in str(told.value)

    def test_that_are_unscored_are_counted(self, tmp_path, level):
        """A failed call is no zero: its case is left out, and the number said."""
        lost = np.where(np.arange(30) < 4, np.nan, level)
        found = compare_runs(two(tmp_path / "a", level), two(tmp_path / "b", lost), {STEADY: STEADY})
        assert (found.effects[0].gain.n, found.effects[0].shown) == (26, "equal on every case")
        assert f"{STEADY} @ B: 4 answers of 30 unscored on {TALK}." in found.notes

    def test_with_other_requirements(self, tmp_path, level):
        """A case that asks for something else is another case."""
        a, b = (two(tmp_path / name, level) for name in "ab")
        renamed(b, lambda row: {"requirements": "Say when."} if row["id"] < "conversation-012" else {})
        found = compare_runs(a, b)
        assert found.cases == (18, 12, 12)
        assert [one.gain.n for one in found.effects] == [18, 18]

    def test_of_a_kind_that_is_in_one_run_alone(self, tmp_path, level):
        """Where no case of a kind is the same, nothing is said of it, and that is no pass."""
        rules = Rules(primary_metric=f"schema_compliance,{TALK}")
        values = {m: {"schema_compliance": np.ones(30), TALK: level} for m in (STEADY, HASTY)}
        a, b = (made(tmp_path / name, values, rules=rules) for name in "ab")
        renamed(b, lambda row: {"requirements": "Say when."} if row["test_case"] == "json" else {})
        found = compare_runs(a, b)
        assert found.exit_code == 1
        assert found.missing[0].startswith(
            "none of the JSON cases is the same in B. Give a new run the cases"
        )

    @pytest.mark.parametrize(
        ("other", "why"),
        [
            ({"model": "offline/critic"}, "the judge is offline/critic in B and offline/judge in A"),
            ({"prompt": "new"}, "offline/judge judges by another prompt in B"),
            ({}, ""),
        ],
    )
    def test_that_another_judge_judged(self, tmp_path, level, other, why):
        """A change of the judge is no change of a model: no loss, no flip, and the reason in its place."""
        rules = Rules(primary_metric=f"schema_compliance,{MET}")
        valid = {"schema_compliance": np.ones(30)}
        values = [{m: valid | {MET: x} for m in (STEADY, HASTY)} for x in (level + 0.3, level - 0.3)]
        a, b = (made(tmp_path / n, v, rules=rules) for n, v in zip("ab", values, strict=True))
        for run, how in ((a, {}), (b, other)):
            told = {"judged": {"model": "offline/judge", "prompt": "old"} | how}
            run.save_report(run.metrics_report() | {"judge": told})
        found = compare_runs(a, b)
        assert found.effects
        if not why:
            assert found.exit_code == 5
            assert found.flips
            return
        assert found.exit_code == 1
        assert found.missing == [
            f"{MET} is another thing in B: {why}. Run 04_measure.ipynb on b with A's judge"
        ]
        assert not found.flips
        assert MET not in str(found.effects)

    @pytest.mark.parametrize("off", ["a", "b"])
    def test_that_nobody_judged_in_one_run(self, tmp_path, level, off):
        """What decided in A decides: without a judge in B it cannot be compared, and 04 has to run again."""
        judged, words = (
            {m: dict.fromkeys(some, level) for m in (STEADY, HASTY)} for some in ((MET, TASK), (TASK,))
        )
        each = {name: words if name == off else judged for name in "ab"}
        found = compare_runs(*(made(tmp_path / n, v, rules=Rules()) for n, v in each.items()))
        if off == "a":
            assert {one.scope for one in found.effects} == {f"conversations, {TASK}"}
            assert found.exit_code == 0
            return
        assert found.exit_code == 1
        assert found.missing == [
            f"{model} @ B has no score of {MET}: no answer was judged. Run 04_measure.ipynb with "
            "enable_judge = True and a judge_model on b again"
            for model in (STEADY, HASTY)
        ]
        shutil.copytree(tmp_path / "b", tmp_path / "elsewhere" / "b")  # as verify does
        moved = compare_runs(read_run(tmp_path / "a"), read_run(tmp_path / "elsewhere" / "b"))
        assert moved.markdown == found.markdown

    def test_the_true_reason_is_the_only_one(self, tmp_path, level):
        """Where another kind decides too, what B lacks is told once, not as if A had no score of it."""
        valid = {"schema_compliance": np.ones(30)}
        values = [{m: valid | {one: level} for m in (STEADY, HASTY)} for one in (MET, TALK)]
        both = zip("ab", values, (MET, TALK), strict=True)
        runs = [
            made(tmp_path / n, v, rules=Rules(primary_metric=f"schema_compliance,{one}"))
            for n, v, one in both
        ]
        found = compare_runs(*runs)
        assert found.missing
        assert all("no answer was judged" in one for one in found.missing)
        assert "decides nothing" not in found.markdown

    def test_without_any_score(self, tmp_path, level):
        """What has no score at all in one run is no reason to pass, whatever else is fine."""
        whole = {TALK: level, "schema_compliance": np.ones(30)}
        values = [{STEADY: whole, HASTY: whole}, {STEADY: whole | {TALK: level * np.nan}, HASTY: whole}]
        rules = Rules(primary_metric=f"schema_compliance,{TALK}")
        found = compare_runs(*(made(tmp_path / f"{n}", v, rules=rules) for n, v in enumerate(values)))
        assert f"{STEADY} @ B has no score of {TALK}: all its calls failed" in found.missing[0]
        assert [one.models for one in found.effects] == [STEADY, HASTY, HASTY, HASTY]
        assert found.exit_code == 1
        assert found.sentence.startswith("A and B cannot be compared in full: ")


def renamed(run: Run, change: Any) -> None:
    """Change the cases of a finished run, in every table that names them."""
    cases = run.validated_tests()
    rows = [row | change(row) for row in cases.to_dict("records")]
    ids = dict(zip(cases["id"], (row["id"] for row in rows), strict=True))
    scores, answers, report = run.scores(), run.responses(), run.metrics_report()
    pd.DataFrame(rows).to_csv(run.path / "validated_tests.csv", index=False)
    for table in (scores, answers):
        table["id"] = table["id"].map(ids)
    run.save_responses(answers)
    run.save("scores.csv", scores)
    run.save_report(report)


class TestModels:
    def test_of_other_names_have_to_be_paired(self, tmp_path, level):
        """None in common: the command to give is said; with it they are compared."""
        a = two(tmp_path / "a", level)
        b = made(tmp_path / "b", {TERSE: {TALK: level - 0.2}, "offline/other": {TALK: level}})
        with pytest.raises(UsageError, match=f"--models {STEADY}={TERSE}$"):
            compare_runs(a, b)
        found = compare_runs(a, b, {STEADY: TERSE})
        assert (found.effects[0].models, found.exit_code) == (f"{STEADY} → {TERSE}", 5)
        with pytest.raises(UsageError, match=f"b has no model {STEADY}, only {TERSE} and offline/other"):
            compare_runs(a, b, {STEADY: STEADY})

    def test_of_a_run_that_got_bad_are_no_reason_to_trust_no_metric(self, tmp_path, level):
        """Controls disqualify a metric by A's models: B's fall below them because they are worse."""
        control = {"control: prompt copied": {TALK: np.full(30, 0.2)}}
        good = {STEADY: {TALK: level}, HASTY: {TALK: level}}
        bad = {STEADY: {TALK: level - 0.3}, HASTY: {TALK: level - 0.3}}
        a, b = made(tmp_path / "a", good | control), made(tmp_path / "b", bad | control)
        assert not b.metrics_report()["decision"]["kinds"][0]["decides"]
        assert compare_runs(a, b).exit_code == 5
        back = compare_runs(b, a)
        assert (back.exit_code, back.effects) == (1, [])
        assert f"{TALK} decides nothing: on {TALK} the prompt copied back scores" in back.sentence


def test_what_changed(tmp_path, level):
    """Parameters, versions, commit and prompts."""
    a, b = two(tmp_path / "a", level, temperature=0.7), two(tmp_path / "b", level, temperature=0.2)
    for run, line in ((a, "first"), (b, "second")):
        versions = run.config["versions"] | {"groq": line}
        hashes = run.config["prompt_hashes"] | {"validate": line}
        changed = {"versions": versions, "prompt_hashes": hashes, "git_commit": line}
        run.save_json("config.json", run.config | changed)
    said = compare_runs(a, b).changed
    rows = [line.split(" | ")[0].strip("| ") for line in said.splitlines() if line.startswith("| ")][2:]
    assert rows == ["03 temperature", "version of groq", "git commit", "prompt validate"]


def test_what_changed_of_a_candidate(tmp_path, level):
    """Its settings, and the lines of its prompt that differ, from config.json alone."""
    own = {STEADY: {"model": STEADY, "prompt": "Serve.\nBe <b>brief</b>."}, HASTY: {"model": HASTY}}
    kind = own | {STEADY: {"model": STEADY, "prompt": "Serve.\nBe kind.", "temperature": 0.2}}
    said = compare_runs(
        two(tmp_path / "a", level, candidates=own), two(tmp_path / "b", level, candidates=kind)
    ).changed
    assert f"| {STEADY}: temperature | – | 0.2 |" in said
    assert f"| {STEADY}: prompt | " in said
    assert "- only in A: Be \\<b>brief\\</b>.\n- only in B: Be kind." in said
    assert "Serve" not in said


def test_flipped_cases(tmp_path):
    """How many, the largest losses first and at most five, each with the round that tells, as text."""
    a, b = np.ones((30, 2)), np.ones((30, 2))
    b[:6], b[0, 0], a[29], b[10, 0] = (
        0,
        0.3,
        0,
        0.5,
    )  # the first loses less; one gains; one moves by a quarter
    other = {HASTY: {TALK: np.full(30, 0.5)}}
    runs = [made(tmp_path / n, {STEADY: {TALK: v}} | other) for n, v in (("a", a), ("b", b))]
    found = compare_runs(*runs)
    assert "range or more): 7, 6 for the worse and 1 for the better." in found.markdown
    shown = [line for line in found.markdown.splitlines() if line.startswith("**conversation-")]
    assert [line[2:18] for line in shown] == [f"conversation-00{at}" for at in (1, 2, 3, 4, 5)]
    assert f"{TALK} 1.000 → 0.000). What about order" in shown[0].replace("\\", "")
    assert f"- *A:* \\<b>{STEADY}\\</b> says \\$5 on conversation-001" in found.markdown
    assert "<b>" not in found._repr_markdown_().replace("\\<b>", "")
    assert "round 2" in next(one for one in found.flips if one.ids[0] == "conversation-000").answers[1]


def test_a_case_that_flips_with_both_models_is_one_case(tmp_path):
    """And so with two metrics."""
    a, b = np.ones((30, 2)), np.ones((30, 2))
    b[3] = 0
    runs = [made(tmp_path / n, {STEADY: {TALK: v}, HASTY: {TALK: v}}) for n, v in (("a", a), ("b", b))]
    told = "more): 1, 2 times over models and metrics, 2 for the worse and 0 for the better."
    assert told in compare_runs(*runs).markdown


def test_a_run_that_cannot_be_compared(tmp_path, level):
    """Not measured, and scored by another version of the metrics: the notebook that helps is named."""
    a, b = two(tmp_path / "a", level), two(tmp_path / "b", level)
    b.save_report(b.metrics_report() | {"signature": "benchkit:0|metrics:0"})
    with pytest.raises(InputError, match=r"of the metrics and .*b by 0: .* Run 04_measure\.ipynb again"):
        compare_runs(a, b)
    (b.path / "metrics_report.json").unlink()
    with pytest.raises(RunError, match=r"b has no metrics_report\.json\. Run 04_measure\.ipynb on it first"):
        compare_runs(a, b)


@pytest.mark.parametrize(
    ("change", "given", "why"),
    [
        ("metrics:0", {}, "of the metrics and this run by"),
        ("absent", {}, r"no metrics_report\.json"),
        ("", {"models": [TERSE, HASTY + "2"]}, f"has {STEADY} and {HASTY}, and this run none of them: "),
        ("", {}, ""),
    ],
)
def test_that_it_cannot_be_compared_is_said_before_anything_is_asked(tmp_path, level, change, given, why):
    """By `benchkit run`, with the values that are known then."""
    a = two(tmp_path / "a", level)
    version = change or f"metrics:{METRICS_VERSION}"
    a.save_report(a.metrics_report() | {"signature": version})
    if change == "absent":
        (a.path / "metrics_report.json").unlink()
    whole = plan(baseline_run=str(a.path), **given)
    if not why:
        check_values(whole)
        return
    with pytest.raises(UsageError, match=f"baseline_run: .*{why}"):
        check_values(whole)


def test_the_command(tmp_path, level, capsys):
    """Exit code 5 where B is worse; 0 where it is not, 1 and 2 where nothing can be said."""
    a, b = two(tmp_path / "a", level), two(tmp_path / "b", level - 0.2)
    assert cli.main(["compare", str(a.path), str(b.path)]) == 5
    done = capsys.readouterr()
    assert done.err == ""
    assert "**B is worse than A past the margin of 0.05" in done.out
    assert "SIMULATED" in done.out
    assert cli.main(["compare", str(b.path), str(a.path), "--models", f"{STEADY}={STEADY}", HASTY]) == 0
    assert cli.main(["compare", str(a.path), str(b.path), "--models", "nobody"]) == 2
    twice = [f"{STEADY}={STEADY}", f"{STEADY}={HASTY}"]
    assert cli.main(["compare", str(a.path), str(b.path), "--models", *twice]) == 2
    assert "names a model of A twice" in capsys.readouterr().err
    assert cli.main(["compare", str(a.path), str(tmp_path / "nowhere")]) == 2
    (b.path / "scores.csv").unlink()
    assert cli.main(["compare", str(a.path), str(b.path)]) == 1
    assert "b has no scores.csv. Run 04_measure.ipynb on it first." in capsys.readouterr().err


def test_a_reader_that_has_left_changes_no_exit_code(tmp_path, level, monkeypatch):
    """`benchkit compare A B | head -0`, and the same where an error is all that is said."""
    a, b = two(tmp_path / "a", level), two(tmp_path / "b", level - 0.2)
    for stream, run, code in (("stdout", b.path, 5), ("stderr", tmp_path / "nowhere", 2)):
        read, write = os.pipe()
        os.close(read)
        with open(write, "w") as closed, monkeypatch.context() as patched:
            patched.setattr(sys, stream, closed)
            assert cli.main(["compare", str(a.path), str(run)]) == code


PROMPTS = {"a": "Fill in the record.", "worse": "Fill in the record.\nSIMULATED: field_accuracy = 0.5"}


@pytest.fixture(scope="module")
def by_notebooks(tmp_path_factory) -> Path:
    """Two runs that the notebooks' cells made of the same cases, one model under two prompts."""
    base = tmp_path_factory.mktemp("compared")
    small = {"json_cases": 20, "conversation_cases": 0, "planted_cases": 0, "planted_answers": 0, "rounds": 1}

    async def replayed(name: str, notebooks: Any) -> None:
        (base / f"{name}.md").write_text(PROMPTS[name])
        asked = (
            f"- {{name: desk, model: {STEADY}, prompt_file: {name}.md}}\n- {{name: other, model: {HASTY}}}"
        )
        (base / f"{name}.yaml").write_text(asked)
        given = small | {"run_dir": str(base / name), "candidates_file": str(base / f"{name}.yaml")}
        for notebook in notebooks:
            await replay(notebook_folder() / f"{notebook}.ipynb", given)

    (base / "a").mkdir()
    with pytest.MonkeyPatch.context() as patch:
        unpaint(patch)
        asyncio.run(replayed("a", NOTEBOOKS[:4]))
        shutil.copytree(base / "a", base / "worse", ignore=shutil.ignore_patterns(".lock", ".owner.json"))
        asyncio.run(replayed("worse", NOTEBOOKS[2:4]))
    return base


def test_runs_of_the_notebooks(by_notebooks, capsys):
    """A worse prompt is exit code 5, the run itself is none; the prompt is told."""
    a, worse = (str(by_notebooks / name) for name in PROMPTS)
    assert cli.main(["compare", a, a, "--models", "desk"]) == 0
    capsys.readouterr()
    assert cli.main(["compare", a, worse]) == 5
    said = capsys.readouterr().out
    assert "past the margin of 0.05: desk on JSON" in said
    assert "| desk: prompt | " in said
    assert "- only in B: SIMULATED: field\\_accuracy = 0.5" in said.replace("field_", "field\\_")


def test_a_report_against_an_earlier_run_verifies(by_notebooks, unpainted):
    """What 05 said of an earlier run is computed again by verify, and agrees."""
    a, b = (read_run(by_notebooks / name) for name in PROMPTS)
    given = {"run_dir": str(b.path), "baseline_run": str(a.path)}
    asyncio.run(replay(notebook_folder() / "05_report.ipynb", given))
    section = (b.path / "analysis_report.md").read_text().split("## Against an earlier run\n\n")[1]
    assert section.split("\n## ")[0].strip() == compare_runs(a, b).markdown
    assert "B is worse than A past" in section
    assert against("", b) is None
    assert [str(one) for one in verify(b.path).differences] == []
