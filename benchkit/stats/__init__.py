"""Paired, stratified, simultaneous, sequential, planned: the statistics of a decision.

The unit is the test case. A case's rounds are averaged first (`case_means`); the difference of two models is
a weighted mean over fixed categories (`stratified`), one quantity over kinds of cases (`combine`); several
models are held against the best of them (`best`), and contenders may be shown alike (`equivalent`). What was
compared says what the next comparison takes (`spread`, `needed_cases`). Nothing here knows of models or
files. What cannot be computed is NaN with a sentence in `warnings`, never zero; what was called wrongly is a
`UsageError`.
"""

from __future__ import annotations

from benchkit.stats.agreement import round_agreement
from benchkit.stats.categories import by_category, expected_change, heterogeneity, other_categories
from benchkit.stats.contrasts import Contrasts, best, pair_alpha
from benchkit.stats.equality import cases_for_equivalence, equivalent, holm
from benchkit.stats.estimates import Estimate, Pairs, combine, pairwise
from benchkit.stats.looks import sequence_alpha
from benchkit.stats.resampled import resampled
from benchkit.stats.sample_size import Needed, needed_cases, needed_rounds, planned_power, smallest_difference
from benchkit.stats.sampling import Design, design
from benchkit.stats.shares import case_means, pass_hat_k, proportion, share_interval
from benchkit.stats.strata import stratified
from benchkit.stats.variances import Spread, mix, round_noise, spread
