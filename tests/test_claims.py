"""What a commentary may say: true sentences stand, and what the run did not compute is caught."""

from __future__ import annotations

from typing import Any

import pytest

from benchkit.claims import GAP, problems, sift

from . import paraphrases
from .measured import HASTY, STEADY, TERSE

A, B, C = STEADY, HASTY, TERSE


def row(
    metric: str,
    kind: str,
    means: tuple[float, float],
    ci: tuple[float, float],
    p: float,
    outcome: str,
    **more,
):
    """A comparison of A and B."""
    gap = means[0] - means[1]
    fixed = {
        "n": 20,
        "wins": 11,
        "ties": 2,
        "losses": 7,
        "clusters": 5,
        "effect_size": 0.33,
        "bca_low": ci[0] + 0.001,
    }
    return {
        "metric": metric, "test_case": kind, "model_a": A, "model_b": B, "primary": False,
        "mean_a": means[0], "mean_b": means[1], "difference": gap, "ci_low": ci[0], "ci_high": ci[1],
        "p_value": p / 2, "p_adjusted": p, "p_permutation": 0.8 * p, "outcome": outcome, "more_cases": None, "resolves": None,
    } | fixed | {"bca_high": ci[1] + 0.001, "standard_error": 0.0391} | more  # fmt: skip


def denominator(model: str, kind: str, *counts: int) -> dict[str, Any]:
    names = ("planned", "answered", "malformed", "refused", "failed", "scored", "unscored")
    return {"model": model, "test_case": kind} | dict(zip(names, counts, strict=True))


def price(model: str, cost: float | None, median: float, tail: float) -> dict[str, Any]:
    return {
        "model": model, "cost_usd": cost, "cost_usd_per_1000": None if cost is None else cost / 0.12,
        "latency_s_median": median, "latency_s_p95": tail, "queue_s_median": 0.011,
        "prompt_tokens": 24133, "completion_tokens": 9120, "timed": 118,
    }  # fmt: skip


FACTS: dict[str, Any] = {
    "decision": f"{A} is ahead where a difference is shown, but not every kind of case is resolved.",
    "simulated": True, "alpha": 0.05, "margin": 0.05, "rounds": 3, "cases": 40,
    "models": [A, B], "recommended": [], "lower_is_better": ["wer_score"],
    "comparisons": [
        row("task_completion", "conversation", (0.81, 0.62), (0.108, 0.272), 0.0004, "better_a", primary=True,
            wins=15, ties=1, losses=4),
        row("bleu_score", "conversation", (0.3143, 0.29), (-0.0121, 0.0607), 0.55, "inconclusive", more_cases=140,
            resolves=0.05),
        row("wer_score", "conversation", (0.44, 0.71), (-0.37, -0.17), 0.002, "better_a"),
        row("field_accuracy", "json", (0.90, 0.93), (-0.11, 0.05), 0.41, "inconclusive", primary=True,
            more_cases=96, resolves=0.05, wins=6, ties=5, losses=9),
        row("schema_compliance", "json", (0.95, 0.95), (-0.011, 0.011), 1.0, "equivalent"),
        row("structural_consistency", "json", (0.80, 0.88), (-0.12, -0.04), 0.006, "better_b"),
    ],
    "denominators": [
        denominator(A, "conversation", 60, 60, 0, 0, 0, 60, 0),
        denominator(B, "conversation", 60, 57, 1, 0, 2, 58, 2),
        denominator(A, "json", 60, 55, 3, 2, 0, 60, 0),
        denominator(B, "json", 60, 60, 0, 0, 0, 60, 0),
    ],
    "cost": [price(A, 0.0456, 0.61, 1.42), price(B, 0.0123, 0.34, 0.83)],
}  # fmt: skip

TRUE = (
    """
{A} did better than {B} on task_completion over 20 cases, 0.81 against 0.62.
On task_completion {A} reaches 0.81 and {B} 0.62, a difference of 0.19 (95 % interval 0.108 to 0.272, p < 0.001).
{A} beats {B} on task completion by 19 percentage points.
{A} completes more of the task: 81 % against 62 %.
On task_completion, {A} (0.81) outperforms {B} (0.62).
{B} is worse than {A} on task_completion.
{B} is outperformed by {A} on task_completion.
The difference on task_completion is statistically significant (p = 0.0004).
The interval on task_completion excludes zero.
The interval for field_accuracy includes zero, so no winner can be named.
Neither model is better on field_accuracy.
{B} is not significantly better than {A} on field_accuracy.
There is no significant difference on field_accuracy (p = 0.41).
On field_accuracy the result is inconclusive: {B} is ahead, 0.93 against 0.90, but the interval runs from -0.11 to 0.05.
About 96 more cases would resolve a difference of 0.05 on field_accuracy.
On bleu_score the models differ by 0.0243.
On bleu_score the models differ by 2.43 %.
The BLEU difference of 0.024 has an interval of [-0.012, 0.061].
Where lower is better, as on wer_score, {A} is better: 0.44 against 0.71.
{A} has the lower word error rate, 0.44 against 0.71.
On schema_compliance the two models are equivalent within the margin of 0.05.
Both models meet the schema in 95 % of cases.
On structural_consistency {B} is better than {A}, 0.88 to 0.80.
{B} wins on structural_consistency.
{A} won 15 of 20 cases on task_completion, tied 1 and lost 4.
{B} is cheaper: $0.0123 against $0.0456 for {A}.
{A} cost $0.0456 in all.
{A} costs $0.38 per 1,000 answers.
{B} answered faster, in 0.34 s at the median, and 0.83 s at the 95th percentile.
{A} is slower than {B}.
{A} is more expensive than {B}.
All 60 planned conversation answers of {A} were scored.
{B} has 2 unscored conversation answers.
Of 60 JSON answers, {A} had 3 malformed and 2 refused.
Every answer of {A} was scored.
The comparison rests on 20 cases per kind and 3 rounds.
The two models answered each case in three rounds.
All of the models here are simulated.
The numbers cannot show how either model would do with other customers.
If cost matters most, {B} could be the better choice.
Whether {B} is better on field_accuracy cannot be said from 20 cases.
Higher is better on bleu_score.
Running more JSON cases would narrow the interval on field_accuracy.
Read the worst cases side by side before deciding.
Neither model is shown better on bleu_score.
{A} is not shown better than {B} on field_accuracy.
{A} leads on task_completion but trails on structural_consistency.
{A} is better on task_completion and {B} is better on structural_consistency.
While {A} wins on task_completion, {B} wins on structural_consistency.
The adjusted p-value on wer_score is 0.002, below 0.05.
Significance was judged at alpha = 0.05.
With a 95 % interval from 0.108 to 0.272, the difference on task_completion is unlikely to be chance.
{A} used 24,133 prompt tokens.
The effect size on bleu_score is 0.33.
{A} is ahead where a difference is shown, but not every kind of case is resolved.
Compared with {B}, {A} is better on task_completion.
No model is better on bleu_score.
{A} does not beat {B} on structural_consistency.
The models are not equivalent on task_completion.
On JSON cases no winner can be named on field_accuracy.
Steady beats hasty on task_completion.
{A} has a higher task_completion than {B}.
The mean task_completion of {B} is 0.62.
""".strip()
    .format(A=A, B=B)
    .splitlines()
)

FALSE = (
    """
A paired test gives p = 0.031 for bleu_score.
The difference on bleu_score is significant (p < 0.05).
The improvement on field_accuracy is statistically significant.
{B} is better than {A} on task_completion.
{A} is outperformed by {B} on task_completion.
{A} loses to {B} on wer_score.
{A} trails {B} on task_completion.
On structural_consistency {A} comes out ahead of {B}.
{A} has the lower task_completion.
{A} has a higher word error rate than {B}.
{A} reaches 0.62 on task_completion and {B} 0.81.
{A} did better than {B} on task_completion, 0.62 against 0.81.
On bleu_score the models differ by 3.43 %.
On bleu_score the models differ by 0.0343.
{A} is 31 % better than {B} on task_completion.
That is a relative improvement of 30.6 % over {B} on task_completion.
{A} roughly doubled the task_completion of {B}.
{A} is twice as good as {B} on wer_score.
{A} is 1.3x better on task_completion.
The word error rate was nearly halved.
The models lie thirty points apart on task_completion.
{A} wins by a dozen points.
The comparison rests on 60 cases on task_completion.
With 180 cases the evidence is solid.
The interval on bleu_score excludes zero.
The interval on task_completion includes zero.
The interval on field_accuracy runs from 0.05 to 0.11.
The interval on bleu_score is [0.0121, 0.0607].
The 99 % interval on task_completion excludes zero.
{A} and {B} are equivalent on field_accuracy.
There is no difference between the models on bleu_score.
On task_completion the models perform similarly.
The models are on par on wer_score.
On schema_compliance {A} and {B} are not equivalent.
There is no significant difference on task_completion.
{A} is not better than {B} on task_completion.
Neither model is better on wer_score.
The result on structural_consistency is inconclusive.
There is no winner on task_completion.
{A} cost $0.0123 in all.
{B} is more expensive than {A}.
{A} is cheaper than {B}.
{A} is faster than {B}.
{A} answered in 0.34 s at the median.
{A} answered in 0.83 s at the 95th percentile.
{A} is significantly cheaper than {B}.
Deploy {A}.
We recommend {B} for all cases.
{A} is the clear choice.
{A} wins on every metric.
{A} is better than {B} on every metric.
{B} is never worse than {A}.
GPT-4 would score higher on task_completion.
openai/gpt-oss-120b is better than {A} on bleu_score.
All answers of {B} were scored.
{B} has 7 unscored conversation answers.
{A} had 3 refused and 2 malformed JSON answers.
No answer was lost.
{B} won 15 of 20 cases on task_completion.
{A} won 19 of 20 cases on task_completion.
About 12 more cases would resolve field_accuracy.
On task_completion {A} scores 0.93.
{A} reaches 0.90 on task_completion.
Ninety-five percent of task_completion cases were won by {A}.
The mean bleu_score of {A} is 0.41.
{B} leads on task_completion.
The p-value on task_completion is 0.04.
The p-value for bleu_score is below 0.01.
{B}'s advantage on task_completion is significant.
Both models do equally well on task_completion.
{A} falls short of {B} on task_completion.
No model beats {B} on task_completion.
On task_completion the weaker model is {A}.
The better model on task_completion is {B}.
{A} is better on field_accuracy but {B} is better on task_completion.
Steady loses to hasty on task_completion.
The difference of 0.27 on task_completion is large.
The two models ran for five rounds.
One in four answers of {A} was malformed.
A third of all cases were tied.
{A} used 99,133 prompt tokens.
""".strip()
    .format(A=A, B=B)
    .splitlines()
)


# What the checker still gets wrong of the words of real models.
LOST = [
    f"In short: {A} for task_completion, {B} for structural_consistency.",
    f"{B} needs half a second less at most.",
    f"{B} is better at structure and {A} is better at task_completion.",
    f"Across the 20 conversation cases, {A} finished ahead of {B} on 15 when judged by task_completion.",
]
PASSED = [f"Only {A} has unscored answers, two in all."]


def test_true_sentences_in_other_words_stand():
    """At least 98 % of what is true stays, and what does not is known."""
    assert [one for one in paraphrases.TRUE if problems(one, FACTS)] == LOST
    assert len(LOST) <= 0.02 * len(paraphrases.TRUE)


def test_false_sentences_in_other_words_are_caught():
    """At most 2 % of what is false passes, and what does is known."""
    assert [one for one in paraphrases.FALSE if not problems(one, FACTS)] == PASSED
    assert len(PASSED) <= 0.02 * len(paraphrases.FALSE)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{A} leads on task_completion. It is worse than {B} there.", True),
        (f"{A} leads on task_completion. It is better than {B} there.", False),
        (f"{A} and {B} differ on structural_consistency. The latter is better.", False),
        (f"{A} and {B} differ on structural_consistency. The former is better.", True),
        (f"{A} trails on structural_consistency. It would take more cases to settle field_accuracy.", False),
        ("The interval for field_accuracy is [\u22120.11, 0.05].", False),
        ("The interval for field_accuracy is \u20130.11 to 0.05.", False),
        ("The interval for field_accuracy is \u20130.11 to \u20130.05.", True),
        ("On bleu_score, p = 0,55.", False),
        ("On bleu_score, p = 0,04.", True),
        (f"{A} used 24,133 prompt tokens.", False),
        (f"{A} ranks second on task_completion.", True),
        (f"{B} ranks second on task_completion.", False),
        (f"{A} won most cases on task_completion.", False),
        (f"{B} won most cases on field_accuracy.", True),
        (f"{A} flows like water on task_completion.", True),  # nothing in it that could be checked
        (f"Read {A}'s answers on task_completion beside those of {B}.", False),
    ],
)
def test_references_and_ways_of_writing(text, found):
    """Pronouns, ordinals, dashes, decimal commas; and what cannot be read is not published."""
    assert bool(problems(text, FACTS)) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Three of the six metrics are significant.", False),
        ("Two of the six metrics are significant.", True),
        ("Three of the five metrics are significant.", True),
        ("Of the six metrics, two are inconclusive.", False),
        ("Of the six metrics, one is inconclusive.", True),
        (f"{A} is better on two metrics.", False),
        (f"{B} is better on two metrics.", True),
        (f"95 % of the answers of {A} came within 1.42 s.", False),
        (f"90 % of the answers of {A} came within 1.42 s.", True),
        (f"{A} can be deployed.", True),
        (f"Whether {A} can be deployed depends on the JSON cases.", False),
        (f"Customers will be happier with {A}.", True),
        ("Whether customers are happier cannot be said.", False),
        ("The interval on task_completion lies above zero.", False),
        ("The interval on task_completion lies below zero.", True),
        ("On conversations, not on JSON cases, there is a winner.", False),
        ("On JSON cases, not on conversations, there is a clear winner: the matter is settled.", True),
    ],
)
def test_counts_of_outcomes_and_what_was_not_measured(text, found):
    """How many comparisons came out so, percentiles in words, readiness, the side of zero."""
    assert bool(problems(text, FACTS)) is found


MORE: dict[str, Any] = FACTS | {
    "serving": [
        {"measure": "latency_s", "model_a": A, "model_b": B, "mean_a": 0.7021, "mean_b": 0.4001,
         "difference": 0.302, "ci_low": 0.21, "ci_high": 0.394, "p_value": 0.0002},
    ],
    "rounds_summary": {"agreement": [{"model": A, "metric": "schema_compliance", "alike": 0.873, "pass_hat_k": None}]},
}  # fmt: skip


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"{A} took 0.302 s more than {B}, with an interval from 0.21 to 0.394.", False),
        (f"The mean latency of {A} is 0.70 s.", False),
        (f"{A} took 0.452 s more than {B}.", True),
        (f"{A} took 0.302 s more than {B}, with an interval from 0.11 to 0.394.", True),
        (f"The mean latency of {B} is 0.70 s.", True),
        (f"On schema_compliance 87.3 % of the pairs of rounds of {A} are alike.", False),
        (f"On schema_compliance 77.3 % of the pairs of rounds of {A} are alike.", True),
    ],
)
def test_what_an_answer_takes_and_how_rounds_agree(text, found):
    """Paired seconds and dollars and the agreement of rounds may be stated where they were computed."""
    assert bool(problems(text, MORE)) is found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("On structural_consistency, p = 0.006.", False),
        ("On structural_consistency, p = 0.003.", True),  # unadjusted, and not said to be
        ("On structural_consistency the unadjusted p = 0.003.", False),
        ("On structural_consistency p = 0.003 before adjustment.", False),
        ("On structural_consistency p = 0.006 (unadjusted: 0.003).", False),
        ("On structural_consistency p = 0.003 (unadjusted).", False),
        ("On structural_consistency the raw p-value is 0.006.", True),
        ("On structural_consistency the unadjusted p of 0.003 becomes an adjusted p of 0.006.", False),
        ("The difference on structural_consistency is significant (0.003).", True),
        ("On structural_consistency the sign-flip permutation p is 0.0048.", False),
        ("On structural_consistency p = 0.0048.", True),
        ("On structural_consistency p = 0.0048 by permutation.", False),
        ("On structural_consistency the permutation p is 0.003.", True),
        ("Holm-adjusted, structural_consistency has p = 0.003.", True),
    ],
)
def test_a_plain_p_is_the_one_that_the_table_prints(text, found):
    """The adjusted p needs no word; the others may be stated under their names only."""
    assert bool(problems(text, FACTS)) is found


def test_a_comparison_without_adjustment_has_one_p():
    """Where nothing was adjusted, its p-value is the p."""
    rows = [one | {"p_adjusted": None} for one in FACTS["comparisons"]]
    assert not problems("On structural_consistency, p = 0.003.", FACTS | {"comparisons": rows})


LIE = f"{A} roughly doubled the task_completion of {B}."


@pytest.mark.parametrize(
    ("text", "kept", "left_out"),
    [
        (f"{LIE}", "", 1),
        (f"No winner on bleu_score. {LIE} {B} is cheaper than {A}.",
         f"No winner on bleu_score. […] {B} is cheaper than {A}.", 1),
        (f"{LIE} It leads on task_completion. {B} is cheaper than {A}.", f"[…] {B} is cheaper than {A}.", 2),
        (f"{B} is cheaper than {A}. {LIE} However, {B} is faster.", f"{B} is cheaper than {A}. […]", 2),
        (f"{B} is cheaper than {A}. {LIE} It would take 96 more cases on field_accuracy.",
         f"{B} is cheaper than {A}. […] It would take 96 more cases on field_accuracy.", 1),
        (f"Two things stand out:\n{LIE}\n{B} is cheaper than {A}.", f"[…] {B} is cheaper than {A}.", 2),
        (f"{A} is better on task_completion. It beats {B} on structural_consistency. It won 15 cases.",
         f"{A} is better on task_completion. […]", 2),
        (f"{LIE} task_completion favours {A}. {LIE}", f"[…] task_completion favours {A}. […]", 2),
    ],
)  # fmt: skip
def test_true_sentences_stand_where_others_fall(text, kept, left_out):
    """What is wrong goes, and what cannot be understood without it; a mark stands for both."""
    found = sift(text, lambda some: problems(some, FACTS), FACTS)
    assert (found.text, found.left_out) == (kept, left_out)
    assert problems(found.text.replace(GAP, " "), FACTS) == []


@pytest.mark.parametrize("sentence", TRUE)
def test_true_sentences_stand(sentence):
    """What the run computed may be said in many ways."""
    assert problems(sentence, FACTS) == []


@pytest.mark.parametrize("sentence", FALSE)
def test_false_sentences_are_caught(sentence):
    """What the run did not compute, or came to otherwise, is caught however it is worded."""
    assert problems(sentence, FACTS)
