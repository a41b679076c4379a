"""Paired, clustered, planned: the statistics of a comparison. Arrays in, frozen results out.

The unit is the test case. A case's rounds are averaged first (`case_means`), then two models are compared
on the same cases (`paired`), a rule turns that into one of four outcomes (`decide`), and the same variances
say how many cases the next run needs (`cases_needed`). Nothing here knows of models or files. What cannot
be computed is NaN with a sentence in `warnings`, never zero; what was called wrongly is a `UsageError`.
"""

from __future__ import annotations

from benchkit.stats.agreement import Agreement, PassHatK, pass_hat_k, pass_hat_k_cases, round_agreement
from benchkit.stats.comparing import Paired, paired
from benchkit.stats.deciding import (
    OUTCOMES,
    Equivalence,
    Verdict,
    decide,
    equivalence,
    holm,
    outcome_of,
    still_in_the_running,
)
from benchkit.stats.means import (
    MeanEstimate,
    ModelMean,
    Proportion,
    case_means,
    clustered_standard_error,
    effective_clusters,
    estimate_mean,
    model_mean,
    proportion,
)
from benchkit.stats.needed import (
    MOST_CASES,
    MOST_ROUNDS,
    CaseVariance,
    as_unsure_as,
    case_variance,
    enough_cases,
    enough_rounds,
    smallest_shown,
)
from benchkit.stats.planning import (
    VarianceComponents,
    cases_needed,
    detectable_difference,
    rounds_needed,
    variance_components,
)
from benchkit.stats.power import difference_variance, planned_power, t_factor
from benchkit.stats.sensitivity import Bounds, bounds, without_each_cluster, without_extreme_case

__all__ = [
    "MOST_CASES",
    "MOST_ROUNDS",
    "OUTCOMES",
    "Agreement",
    "Bounds",
    "CaseVariance",
    "Equivalence",
    "MeanEstimate",
    "ModelMean",
    "Paired",
    "PassHatK",
    "Proportion",
    "VarianceComponents",
    "Verdict",
    "as_unsure_as",
    "bounds",
    "case_means",
    "case_variance",
    "cases_needed",
    "clustered_standard_error",
    "decide",
    "detectable_difference",
    "difference_variance",
    "effective_clusters",
    "enough_cases",
    "enough_rounds",
    "equivalence",
    "estimate_mean",
    "holm",
    "model_mean",
    "outcome_of",
    "paired",
    "pass_hat_k",
    "pass_hat_k_cases",
    "planned_power",
    "proportion",
    "round_agreement",
    "rounds_needed",
    "smallest_shown",
    "still_in_the_running",
    "t_factor",
    "variance_components",
    "without_each_cluster",
    "without_extreme_case",
]
