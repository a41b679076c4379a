"""Scores to comparisons: families, references, rounds, and what an answer takes."""

from __future__ import annotations

import math

import numpy as np
import pytest

from benchkit import stats
from benchkit.domain import CATEGORIES
from benchkit.errors import UsageError
from benchkit.measure import (
    PRIMARY,
    check_primary,
    compare,
    compare_serving,
    pass_hat_k,
    primary_metrics,
    round_agreement,
    summarise,
    variance_split,
)

from .measured import HASTY, STEADY, TERSE, drawn, response, responses, score_table

ALL = (STEADY, HASTY, TERSE)


def only(table, **where):
    """The rows that have these values."""
    for name, value in where.items():
        table = table[table[name] == value]
    return table


def test_a_comparison_is_the_paired_one():
    """Rounds are averaged first, cases without a score from both left out, categories are the clusters."""
    scores = drawn(1, n=30)
    row = only(compare(scores, [STEADY, HASTY], PRIMARY), metric="field_accuracy").iloc[0]
    means = only(scores, metric="field_accuracy").groupby(["id", "model"])["value"].mean().unstack()
    both = means.dropna()
    labels = [CATEGORIES[int(id[-3:]) % 5] for id in both.index]
    expected = stats.paired(both[STEADY], both[HASTY], clusters=labels, span=1.0)
    for name in (
        "n",
        "difference",
        "standard_error",
        "df",
        "ci_low",
        "bca_high",
        "p_value",
        "wins",
        "clusters",
    ):
        assert row[name] == pytest.approx(getattr(expected, name), rel=1e-12)
    assert row["clustered"]


def test_one_model_is_no_comparison():
    """Responses of a single model are refused before anything is scored."""
    from benchkit.errors import InputError
    from benchkit.measure import align

    from .measured import case, cases

    alone = responses(response("a", STEADY, "Done."), response("b", STEADY, "Done."))
    with pytest.raises(InputError, match=r"only offline/steady has responses.*two or more models"):
        align(alone, cases(case("a"), case("b")))


def test_unusable_cases_are_named():
    """What adopting left out is said with its row, not as a case that the file does not hold."""
    from benchkit.measure import align

    from .measured import case, cases

    table = cases(case("a"))
    table.attrs["unusable"] = {"b": "row 3: test_case 'x' is neither of: json, conversation"}
    both = responses(*(response(id, model, "Done.") for id in "ab" for model in (STEADY, HASTY)))
    (said,) = align(both, table).attrs["warnings"]
    assert said.startswith("validated_tests.csv, row 3: test_case 'x' is neither")
    assert said.endswith("; the case and the answers to it are left out.")


def test_a_row_that_is_there_twice_counts_once():
    """The first row of an id counts, and its answers do; the second is left out and said."""
    from benchkit.measure import align

    from .measured import case, cases

    table = cases(case("a"))
    table.attrs["unusable"] = {"a": "row 3: id a stands in row 2 already"}
    settled = align(responses(*(response("a", model, "Done.") for model in (STEADY, HASTY))), table)
    assert settled.attrs["warnings"] == [
        "validated_tests.csv, row 3: id a stands in row 2 already; the row is left out."
    ]
    assert set(settled["status"]) == {"answered"}


def test_answers_to_other_ids_are_named():
    """A model whose file answers none of the cases is named, with what to mend."""
    from benchkit.errors import InputError
    from benchkit.measure import align

    from .measured import case, cases

    both = responses(response("a", STEADY, "Done."), response("z", HASTY, "Done."))
    with pytest.raises(InputError, match=r"those of offline/hasty have none of the ids.*Mend the ids"):
        align(both, cases(case("a")))


def test_two_families():
    """A kind's primary pairs are adjusted among themselves, every other comparison among the rest."""
    table = compare(drawn(2, ALL), ALL, PRIMARY)
    assert dict(table["family"].value_counts()) == {"the rest": 18, "json": 3, "conversation": 3}
    for _, rows in table.groupby("family"):
        assert list(rows["p_adjusted"]) == pytest.approx(list(stats.holm(rows["p_value"])))
    assert set(table.loc[table["primary"], "metric"]) == set(PRIMARY.values())


def test_a_reference_limits_the_primary_family():
    """With a reference its pairs alone are the primary family; it is model B, and no pair is lost."""
    scores = drawn(2, ALL)
    table = compare(scores, ALL, PRIMARY, reference=HASTY)
    named = only(table, family="json")
    assert [tuple(pair) for pair in named[["model_a", "model_b"]].to_numpy()] == [
        (STEADY, HASTY),
        (TERSE, HASTY),
    ]
    assert list(named["p_adjusted"]) == pytest.approx(list(stats.holm(named["p_value"])))
    assert len(table) == len(compare(scores, ALL, PRIMARY))
    with pytest.raises(UsageError, match="reference = 'nobody' is none of the models"):
        compare(scores, ALL, PRIMARY, reference="nobody")


def test_rounds_that_would_settle_it():
    """Noise between rounds asks for so many of them; where cases differ, no number of rounds will do."""
    random = np.random.default_rng(4)
    noisy = {m: {"field_accuracy": random.normal(0.5, 0.2, (200, 2))} for m in (STEADY, HASTY)}
    row = compare(score_table(noisy, ["one"]), [STEADY, HASTY], PRIMARY, margin=0.03).iloc[0]
    assert (row["outcome"], row["resolves"]) == ("inconclusive", 0.03)
    parts = stats.variance_components(*(some["field_accuracy"] for some in noisy.values()))
    omega2 = max(0, 200 * row["standard_error"] ** 2 - (parts.sigma2_a + parts.sigma2_b) / 2)
    found = stats.rounds_needed(0.03, 200, omega2, parts.sigma2_a, parts.sigma2_b, clusters=200)
    assert row["rounds_needed"] == found > 2
    assert found == pytest.approx((200 + row["more_cases"]) / 200 * 2, abs=3)
    own = {m: {"field_accuracy": np.repeat(random.normal(0.5, 0.1, (200, 1)), 2, 1)} for m in (STEADY, HASTY)}
    row = compare(score_table(own), [STEADY, HASTY], PRIMARY, margin=0.02).iloc[0]
    assert row["outcome"] == "inconclusive"
    assert math.isnan(row["rounds_needed"] or math.nan)


def test_warnings_reach_the_table():
    """Under 15 cases or 5 clusters the comparison says so."""
    few = score_table({m: {"field_accuracy": np.random.default_rng(1).random((9, 2))} for m in ALL}, "abc")
    warnings = compare(few, ALL, PRIMARY)["warnings"].iloc[0]
    assert "Only 9 cases, fewer than 15" in warnings
    assert "Only 3 clusters, fewer than 5" in warnings


def test_agreement_and_pass_hat_k():
    """By hand: two of three cases with every round right; rounds of a metric that is not binary have no k."""
    right = [[1, 1], [1, 1], [1, 0]]
    table = score_table(
        {STEADY: {"schema_compliance": right, "field_accuracy": [[0.5, 0.5], [0.2, 0.4], [1, 1]]}}
    )
    agreed = round_agreement(table, [STEADY]).set_index("metric")
    row = agreed.loc["schema_compliance"]
    assert (row["n"], row["alike"], row["k"], row["pass_hat_k"], row["pass_hat_k_n"]) == (
        3, pytest.approx(2 / 3), 2, pytest.approx(2 / 3), 3,
    )  # fmt: skip
    assert row["pass_hat_k_error"] == pytest.approx(np.std([1, 1, 0], ddof=1) / math.sqrt(3))
    assert math.isnan(agreed.loc["field_accuracy", "pass_hat_k"])
    each = pass_hat_k(table, [STEADY])
    assert list(each["k"]) == [1, 2]
    assert list(each["share"]) == pytest.approx([5 / 6, 2 / 3])


def test_variance_split_is_the_components():
    """Between cases and between rounds, with the share that rounds cannot remove."""
    scores = drawn(3, n=40, rounds=4)
    row = only(variance_split(scores, [STEADY, HASTY]), metric="bleu_score").iloc[0]
    wide = only(scores, metric="bleu_score").pivot(index="id", columns=["model", "round"], values="value")
    expected = stats.variance_components(wide[STEADY], wide[HASTY])
    assert (row["omega2"], row["sigma2_a"], row["sigma2_b"], row["n"]) == pytest.approx(
        (expected.omega2, expected.sigma2_a, expected.sigma2_b, expected.n)
    )
    total = expected.omega2 + (expected.sigma2_a + expected.sigma2_b) / 4
    assert row["between_cases"] == pytest.approx(expected.omega2 / total)
    assert row["omega2_low"] <= row["omega2"] < row["omega2_high"]
    assert row["share_low"] <= row["between_cases"] < row["share_high"] < 1
    assert math.isnan(variance_split(drawn(3, rounds=1), [STEADY, HASTY])["between_cases"].iloc[0])


def test_serving_is_paired():
    """Seconds and dollars per answer over the same cases: rounds averaged, failed answers left out."""
    took = {STEADY: [[1.0, 2.0], [2.0, 2.0], [4.0, math.nan]], HASTY: [[1.0, 1.0], [1.0, 1.0], [1.0, 1.0]]}
    rows = [
        response(
            f"c{case}", model, round=round, latency_s=value, cost_usd=math.nan, category=CATEGORIES[case]
        )
        for model, cases in took.items()
        for case, of_case in enumerate(cases)
        for round, value in enumerate(of_case, 1)
    ]
    table = compare_serving(responses(*rows), [STEADY, HASTY]).set_index("measure")
    row = table.loc["latency_s"]
    expected = stats.paired([1.5, 2.0, 4.0], [1.0] * 3, lower_is_better=True)
    assert (row["n"], row["difference"], row["losses"]) == (3, pytest.approx(1.5), 3)
    assert (row["ci_low"], row["ci_high"]) == pytest.approx((expected.ci_low, expected.ci_high))
    assert (table.loc["cost_usd", "n"], math.isnan(table.loc["cost_usd", "difference"])) == (0, True)
    turned = compare_serving(responses(*rows), [STEADY, HASTY], reference=STEADY).iloc[0]
    assert (turned["model_a"], turned["difference"]) == (HASTY, pytest.approx(-1.5))


@pytest.mark.parametrize(
    ("named", "chosen"),
    [
        ("", {}),
        ("bleu_score", {"conversation": "bleu_score"}),
        (
            " wer_score , structural_consistency",
            {"conversation": "wer_score", "json": "structural_consistency"},
        ),
    ],
)
def test_primary_metrics(named, chosen):
    """One metric a kind decides: the one that is named, else the default."""
    assert check_primary(named) == chosen
    assert primary_metrics(named, drawn(1)) == PRIMARY | chosen


@pytest.mark.parametrize(
    ("named", "says"),
    [("rouge", "'rouge' is not known"), ("bleu_score,clarity", "two metrics for conversation")],
)
def test_primary_metric_that_cannot_be(named, says):
    """A metric that does not exist, or two of one kind, is refused before anything is computed."""
    with pytest.raises(UsageError, match=says):
        check_primary(named)


def test_a_mean_over_nothing_is_unknown():
    """Planned, scored and unscored stand beside every mean; nothing scored is NaN, not 0."""
    table = summarise(score_table({STEADY: {"field_accuracy": [[math.nan, math.nan]]}})).iloc[0]
    assert (table["planned"], table["scored"], table["unscored"]) == (2, 0, 2)
    assert math.isnan(table["mean"])
