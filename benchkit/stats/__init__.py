"""Paired, stratified, simultaneous, sequential, planned: the statistics of a decision.

The unit is the test case. A case's rounds are averaged first (`case_means`); the difference of two models is
a weighted mean over fixed categories (`stratified`), one quantity over kinds of cases (`combine`); several
models are held against the best of them (`best`), and contenders may be shown alike (`equivalence_p`). What
was compared says what the next comparison takes (`spread`, `needed_cases`). Nothing here knows of models or
files. What cannot be computed is NaN with a sentence in `warnings`, never zero; what was called wrongly is a
`UsageError`.
"""

from __future__ import annotations

from benchkit.stats.categories import by_category, expected_change, heterogeneity, other_categories
from benchkit.stats.contrasts import Contrasts, best, pair_alpha
from benchkit.stats.equality import cases_for_equivalence, equivalence_p, holm, sequence_alpha
from benchkit.stats.estimates import Estimate, Pairs, combine, fewest_units, pairwise
from benchkit.stats.resampled import resampled
from benchkit.stats.sample_size import (
    Needed,
    Spread,
    mix,
    needed_cases,
    needed_rounds,
    planned_power,
    round_noise,
    smallest_difference,
    spread,
    weighting,
)
from benchkit.stats.shares import case_means, pass_hat_k, proportion, round_agreement, share_interval
from benchkit.stats.strata import Design, design, stratified
