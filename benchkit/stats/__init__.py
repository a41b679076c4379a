"""Paired, clustered, planned: the statistics of a comparison. Arrays in, frozen results out.

The unit is the test case. A case's rounds are averaged first (`case_means`), then two models are compared
on the same cases (`paired`), a rule turns that into one of four outcomes (`decide`), and the same variances
say how many cases the next run needs (`cases_needed`). Nothing here knows of models or files. What cannot
be computed is NaN with a sentence in `warnings`, never zero; what was called wrongly is a `UsageError`.
"""

from __future__ import annotations

from benchkit.stats.agreement import Agreement, round_agreement
from benchkit.stats.categories import by_category, expected_change, heterogeneity, other_categories
from benchkit.stats.comparing import Paired, paired
from benchkit.stats.contrasts import Contrasts, best
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
from benchkit.stats.equality import cases_for_equivalence, equivalent
from benchkit.stats.estimates import Estimate, combine
from benchkit.stats.looks import sequence_alpha, sequence_radius
from benchkit.stats.means import (
    MeanEstimate,
    ModelMean,
    clustered_standard_error,
    effective_clusters,
    estimate_mean,
    model_mean,
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
from benchkit.stats.resampled import Resampled, resampled
from benchkit.stats.sample_size import Needed, needed_cases, needed_rounds, power, smallest_difference
from benchkit.stats.sampling import Design, design
from benchkit.stats.sensitivity import Bounds, bounds, without_each_cluster, without_extreme_case
from benchkit.stats.shares import (
    PassHatK,
    Proportion,
    case_means,
    pass_hat_k,
    pass_hat_k_cases,
    proportion,
    share_interval,
)
from benchkit.stats.strata import stratified
from benchkit.stats.table import Compared, compare_table
from benchkit.stats.variances import Spread, round_noise, spread

__all__ = [
    "MOST_CASES",
    "MOST_ROUNDS",
    "OUTCOMES",
    "Agreement",
    "Bounds",
    "CaseVariance",
    "Compared",
    "Contrasts",
    "Design",
    "Equivalence",
    "Estimate",
    "MeanEstimate",
    "ModelMean",
    "Needed",
    "Paired",
    "PassHatK",
    "Proportion",
    "Resampled",
    "Spread",
    "VarianceComponents",
    "Verdict",
    "as_unsure_as",
    "best",
    "bounds",
    "by_category",
    "case_means",
    "case_variance",
    "cases_for_equivalence",
    "cases_needed",
    "clustered_standard_error",
    "combine",
    "compare_table",
    "decide",
    "design",
    "detectable_difference",
    "difference_variance",
    "effective_clusters",
    "enough_cases",
    "enough_rounds",
    "equivalence",
    "equivalent",
    "estimate_mean",
    "expected_change",
    "heterogeneity",
    "holm",
    "model_mean",
    "needed_cases",
    "needed_rounds",
    "other_categories",
    "outcome_of",
    "paired",
    "pass_hat_k",
    "pass_hat_k_cases",
    "planned_power",
    "power",
    "proportion",
    "resampled",
    "round_agreement",
    "round_noise",
    "rounds_needed",
    "sequence_alpha",
    "sequence_radius",
    "share_interval",
    "smallest_difference",
    "smallest_shown",
    "spread",
    "still_in_the_running",
    "stratified",
    "t_factor",
    "variance_components",
    "without_each_cluster",
    "without_extreme_case",
]
