"""The sentence a run ends on: what it says, what it holds against, and what belongs beside it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from benchkit.decide import metrics_report
from benchkit.decide.families import families, instruments, kinship
from benchkit.decide.naming import first_named, looked_before, named_late
from benchkit.decide.saying import need
from benchkit.decide.serving import serving_sentence
from benchkit.measure import PRIMARY, compare, summarise
from benchkit.report import comparisons
from benchkit.stats import holm

from .measured import HASTY, STEADY, TERSE, drawn, report_of, responses_of, score_table


def apart(gap, n=30, rounds=3, spread=0.1, seed=0):
    """JSON field accuracy of two models `gap` apart."""
    random = np.random.default_rng(seed)
    level = random.normal(0.6, 0.1, (n, 1))
    return {
        model: {"field_accuracy": level + shift + random.normal(0, spread, (n, rounds))}
        for model, shift in ((STEADY, gap), (HASTY, 0.0))
    }


def json_part(values, categories=None, **how):
    scores = score_table(values, categories) if categories else score_table(values)
    return report_of(scores, **how)["decision"]["by_kind"]["json"]


def test_inconclusive_says_what_it_takes():
    """So many more cases, or so many rounds, would resolve a difference of that size."""
    part = json_part(apart(0.0, spread=0.3), margin=0.04)
    assert part["outcome"] == "inconclusive"
    row = compare(score_table(apart(0.0, spread=0.3)), [STEADY, HASTY], PRIMARY, margin=0.04).iloc[0]
    more, total, rounds = (int(row[name]) for name in ("more_cases", "cases_needed", "rounds_needed"))
    assert total == row["n"] + more
    assert (
        f"about {more} more cases ({total} in all, 95 % interval {row['needed_low']:,.0f} to "
        f"{row['needed_high']:,.0f}), or {rounds} rounds instead of 3 if these differ no more than their "
        "rounds' noise, which 30 cases cannot tell, would resolve a difference of 0.040."
    ) in part["sentence"]
    assert not row["between_told"]
    assert " rounds instead of 3, would resolve" in need(dict(row) | {"between_told": True}, 0.05)


def test_the_open_pair_is_named():
    """With three models it is said between which two, and that each of three tests needs alpha/3."""
    values = apart(0.0, spread=0.3) | {
        TERSE: {"field_accuracy": apart(0.0, spread=0.3, seed=1)[STEADY]["field_accuracy"]}
    }
    part = json_part(values, margin=0.04)
    rows = compare(score_table(values), list(values), PRIMARY, margin=0.04).to_dict("records")
    open_ = [row for row in rows if part["best"] in (row["model_a"], row["model_b"])]
    hardest = max(open_, key=lambda row: row["more_cases"])
    (other,) = {hardest["model_a"], hardest["model_b"]} - {part["best"]}
    said = (
        f"would resolve a difference of 0.040 between {part['best']} and {other} (at alpha 0.05/3, Holm's "
        "first step of 3 comparisons)."
    )
    assert said in part["sentence"]
    alone = {model: values[model] for model in (hardest["model_a"], hardest["model_b"])}
    (two,) = compare(score_table(alone), list(alone), PRIMARY, margin=0.04).to_dict("records")
    assert two["cases_needed"] < hardest["cases_needed"]


def test_equivalence_shows_what_it_stands_on():
    """Where models are called equivalent, the 90 % interval and the adjusted p of the two tests are there."""
    part = json_part(apart(0.0, n=60, spread=0.05))
    (row,) = compare(
        score_table(apart(0.0, n=60, spread=0.05)), [STEADY, HASTY], PRIMARY, margin=0.05
    ).to_dict("records")
    assert part["outcome"] == "equivalent"
    assert row["p_equivalence_adjusted"] == row["p_equivalence"] < 0.05
    assert -0.05 < row["equivalence_low"] < row["equivalence_high"] < 0.05
    ends = sorted(abs(row[name]) for name in ("equivalence_low", "equivalence_high"))
    said = part["sentence"]
    assert "; 90 % interval " in said
    assert all(f"{end:.3f}" in said for end in ends)
    assert "equivalence p < 0.001) within the margin of 0.05" in said


def test_equivalence_is_adjusted_among_its_family():
    """Three pairs within the margin: each is decided on its Holm-adjusted p, and one may miss it by that."""
    values = apart(0.0, n=24, spread=0.2) | {
        TERSE: {"field_accuracy": apart(0.0, n=24, spread=0.2, seed=5)[STEADY]["field_accuracy"]}
    }
    rows = compare(score_table(values), list(values), PRIMARY, margin=0.12).to_dict("records")
    adjusted = holm([row["p_equivalence"] for row in rows])
    assert [row["p_equivalence_adjusted"] for row in rows] == pytest.approx(list(adjusted))
    for row in rows:
        assert (row["outcome"] == "equivalent") == (row["p_equivalence_adjusted"] <= 0.05)


def test_a_difference_too_small_for_any_run():
    """Where a million cases would not do, no number is made up."""
    row = {"resolves": 0.0002, "more_cases": None, "family_size": 1}
    assert need(row, 0.05) == "more than 1,000,000 cases would be needed to resolve a difference of 0.0002"


def test_a_finding_that_holds():
    """A clear difference holds without any category and without any case, and says so."""
    part = json_part(apart(0.2))
    assert (part["outcome"], part["best"]) == ("better", STEADY)
    assert (part["survives_unscored"], part["survives_categories"], part["survives_extreme_case"]) == (
        None, True, True,
    )  # fmt: skip
    assert part["sentence"].endswith(
        "Checked without each category in turn and without the most extreme case: the outcome stays the same."
    )


def test_a_finding_of_one_case():
    """Equivalence that one wild case keeps open: without it the outcome is another."""
    values = apart(0.0, spread=0.02)
    values[STEADY]["field_accuracy"][3] += 0.4
    part = json_part(values, margin=0.02)
    assert part["outcome"] == "inconclusive"
    assert part["survives_extreme_case"] is False
    assert part["changed_without"] == ("account_management",)
    assert part["sentence"].endswith(
        "Checked without each category in turn and without the most extreme case: the outcome changes. "
        "Without account_management or without the most extreme case, offline/steady would be equivalent to "
        "offline/hasty."
    )


def test_unscored_responses_that_decide():
    """A difference that the missing answers could undo says that it could change."""
    values = apart(0.06, spread=0.02)
    values[STEADY]["field_accuracy"][:9] = math.nan
    part = json_part(values)
    assert (part["outcome"], part["survives_unscored"]) == ("better", False)
    assert (
        "and with every unscored response at its worst and at its best: the outcome changes."
        in (part["sentence"])
    )
    assert part["sentence"].endswith(
        "With every unscored response worst for offline/steady and best for offline/hasty, offline/steady "
        "would be shown worse than offline/hasty."
    )


def test_other_metrics():
    """Whether the other metrics of the kind have the same model in front, or show another one better."""
    values = apart(0.2)
    for model in values:
        values[model]["structural_consistency"] = values[model]["field_accuracy"]
    assert (
        "Every other metric of these cases has offline/steady in front too." in json_part(values)["sentence"]
    )
    for model, other in ((STEADY, HASTY), (HASTY, STEADY)):
        values[model]["structural_consistency"] = values[other]["field_accuracy"]
    part = json_part(values)
    assert part["other_metrics"] == {"structural_consistency": {"contradicts": HASTY}}
    assert part["sentence"].endswith("On structural_consistency offline/hasty is shown better.")
    for model in values:
        values[model]["structural_consistency"] = values[STEADY]["field_accuracy"]
    part = json_part(values)
    assert part["other_metrics"] == {"structural_consistency": {"level": STEADY}}
    assert "On structural_consistency the models' means are the same." in part["sentence"]


def test_three_models_and_who_is_left():
    """The one that is shown worse is out; the others are named as still in the running."""
    values = apart(0.0) | {TERSE: {"field_accuracy": apart(0.0)[HASTY]["field_accuracy"] - 0.3}}
    made = report_of(score_table(values))["decision"]
    assert made["outcome"] == "inconclusive"
    assert set(made["running_on_every_kind"]) == {STEADY, HASTY}
    assert "still in the running: offline/steady and offline/hasty." in made["headline"]


def test_a_reference_is_answered():
    """With a reference it is said how every other model stands to it."""
    values = apart(0.2) | {TERSE: {"field_accuracy": apart(0.0)[HASTY]["field_accuracy"] - 0.3}}
    scores = score_table(values)
    table = compare(scores, list(values), PRIMARY, reference=HASTY)
    how = {"simulated": True, "primary": PRIMARY, "alpha": 0.05, "margin": 0.0, "reference": HASTY}
    report = metrics_report(responses_of(scores), scores, summarise(scores), table, **how)
    sentence = report["decision"]["by_kind"]["json"]["sentence"]
    assert "Held against offline/hasty: offline/steady better; offline/terse worse." in sentence
    assert report["configuration"]["reference"] == HASTY


def test_serving_sentence_reads_either_way():
    """Seconds as they are, dollars per 1,000 answers; less is the same interval seen from the other side."""
    row = {
        "measure": "latency_s",
        "model_a": STEADY,
        "model_b": HASTY,
        "difference": 0.5,
        "ci_low": 0.2,
        "ci_high": 0.8,
    }
    price = row | {"measure": "cost_usd", "difference": 0.0001, "ci_low": -0.0001, "ci_high": 0.0003}
    assert serving_sentence([row, price], STEADY, 0.05) == (
        "Beside quality, an answer of offline/steady takes 0.500 s longer than offline/hasty (95 % interval "
        "0.200 to 0.800); 1,000 answers of offline/steady cost USD 0.100 more than offline/hasty (95 % "
        "interval -0.100 to 0.300, not told from zero)."
    )
    assert "takes 0.500 s less than offline/steady (90 % interval 0.200 to 0.800)" in serving_sentence(
        [row], HASTY, 0.1
    )
    assert serving_sentence([row | {"difference": None}], STEADY, 0.05) == ""


@pytest.mark.parametrize(
    ("dollars", "says"),
    [
        (1.2e-7, "cost USD 0.00012 more than offline/hasty (95 % interval -0.10000 to 0.30000, not told"),
        (-4.5e-10, "cost USD 0.00000045 less than offline/hasty (95 % interval -0.30000000 to 0.10000000"),
        (0.0, "cost the same as offline/hasty to 3 digits (95 % interval -0.300 to 0.100"),
        (1e-13, "cost the same as offline/hasty to 3 digits (95 % interval -0.100 to 0.300"),
    ],
)
def test_a_difference_that_rounds_to_nothing(dollars, says):
    """It is said with two figures, or as none; never as 0.000 more or less."""
    row = {"measure": "cost_usd", "model_a": STEADY, "model_b": HASTY, "difference": dollars}
    row |= {"ci_low": -0.0001, "ci_high": 0.0003}
    assert says in serving_sentence([row], STEADY, 0.05)


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("openai/gpt-oss-120b", "openai/gpt-oss-20b", True),
        ("qwen/qwen3.8-27b", "qwen/qwen3-32b", True),
        ("llama-3.3-70b-versatile", "meta-llama/llama-4-scout-17b-16e-instruct", True),
        ("deepseek-r1-distill-llama-70b", "llama-3.1-8b-instant", True),
        ("mixtral-8x7b-32768", "mistral-saba-24b", True),
        ("openai/gpt-oss-120b", "qwen/qwen3.8-27b", False),
        ("gemma2-9b-it", "llama-3.1-8b-instant", False),
        ("offline/author", "offline/steady", False),
    ],
)
def test_families(one, other, same):
    """Of one family by vendor or by name; every simulated model stands alone."""
    assert bool(families(one) & families(other)) is same


def test_kin_is_said():
    """A generator or validator that is, or is akin to, a model under test: a warning says what it favours."""
    given = {
        "01_generate": {"generator_model": ""},
        "02_validate": {"enable_validation": True, "validator_model": "x/y"},
    }
    config = {"provider": "groq", "parameters": given}
    assert instruments(config) == {"generator": "qwen/qwen3.8-27b", "validator": "x/y"}
    (akin,) = kinship(config, ["qwen/qwen3-32b", "openai/gpt-oss-20b"])
    assert "qwen/qwen3.8-27b wrote the test cases and is of one family (qwen) with qwen/qwen3-32b" in akin
    assert "golden responses (bleu_score" in akin
    (itself,) = kinship(config, ["x/y"])
    assert itself.startswith("x/y chose which test cases to keep and is itself under test")
    brought = {"provider": "groq", "parameters": given | {"01_generate": {"cases_file": "mine.csv"}}}
    assert list(kinship(brought, ["qwen/qwen3-32b"])) == []
    assert instruments({"provider": "imported", "parameters": {}}) == {}


NOW = {"alpha": 0.05, "margin": 0.05, "reference": "", "primary_metrics": {"json": "field_accuracy"}}


@pytest.mark.parametrize(
    ("in_03", "seen", "says"),
    [
        ("", {}, []),
        ("field_accuracy", {}, []),
        (
            "structural_consistency",
            {},
            ["field_accuracy decides on JSON cases; before results were seen it was structural_consistency"],
        ),
        ("", NOW, []),
        ("", NOW | {"margin": 0.1}, ["margin is 0.05; before results were seen it was 0.1"]),
        (
            "",
            NOW | {"first_named": NOW | {"alpha": 0.01}},
            ["alpha is 0.05; before results were seen it was 0.01"],
        ),
        ("", NOW | {"reference": "a"}, ["reference is none; before results were seen it was a"]),
        ("", {"models": []}, []),
    ],
)
def test_what_was_named_late(in_03, seen, says):
    """A metric, margin, alpha or reference that is another than before results were seen is a warning."""
    first = first_named(NOW, {"parameters": {"03_execute": {"primary_metric": in_03}}}, seen)
    warned = list(named_late(NOW, first))
    assert len(warned) == len(says)
    assert all(text in line for text, line in zip(says, warned, strict=True))


@pytest.mark.parametrize(
    ("seen", "says"),
    [
        ({}, ""),
        ({"cases": 20, "rounds": 3}, ""),
        ({"cases": 12, "rounds": 3}, "results were looked at before, of 12 cases in 3 rounds."),
        ({"cases": 20, "rounds": 1}, "results were looked at before, of 20 cases in 1 round."),
        ({"first_named": {"cases": 5, "rounds": 3}, "cases": 20, "rounds": 3}, "of 5 cases in 3 rounds."),
        ({"first_named": {"alpha": 0.05}, "cases": 12, "rounds": 3}, "of 12 cases in 3 rounds."),
    ],
)
def test_an_earlier_look_is_said(seen, says):
    """Cases or rounds that came after a report are a warning, and stay one in every report after that."""
    now = NOW | {"cases": 20, "rounds": 3}
    first = first_named(now, {}, seen)
    warned = list(looked_before(now, first))
    assert len(warned) == bool(says)
    assert all(says in one and "do not count that look" in one for one in warned)
    again = now | {"first_named": first}
    assert first_named(now, {}, again) == first


def test_what_was_named_first_is_not_forgotten():
    """Measured a third time with the late metric, the report still says that it was late."""
    scores = drawn(3)
    late = dict(PRIMARY) | {"json": "structural_consistency"}
    seen: dict = {}
    for primary, warned in ((PRIMARY, 0), (late, 1), (late, 1)):
        table = compare(scores, [STEADY, HASTY], primary)
        how = {"simulated": True, "primary": primary, "alpha": 0.05, "margin": 0.0, "seen_before": seen}
        report = metrics_report(responses_of(scores), scores, summarise(scores), table, **how)
        assert len(report["decision"]["warnings"]) == warned
        seen = report["configuration"]


@pytest.mark.parametrize("seed", range(6))
def test_the_report_is_plain_json(seed):
    """What metrics_report.json holds can be written, whatever came."""
    report = report_of(drawn(seed, (STEADY, HASTY, TERSE)), costs={STEADY: 0.0003, HASTY: 0.0002})
    assert json.loads(json.dumps(report, allow_nan=False)) is not None
    assert set(report["rounds"]) == {"agreement", "pass_hat_k", "variance"}
    assert {row["measure"] for row in report["serving"]} == {"latency_s", "cost_usd"}


def test_few_cases_are_said_in_the_report():
    """The plain warning of a small comparison is in the report that a reader gets."""
    text = comparisons(report_of(score_table(apart(0.1, n=9), "abc")))
    assert "field_accuracy: only 9 cases, fewer than 15" in text
    assert "field_accuracy: only 3 clusters, fewer than 5" in text
