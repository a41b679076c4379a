"""The decision on a table of scores, and the tables that it is read with.

`decide` gives what stands under `decision` in metrics_report.json. What is not known is None, never 0. All
intervals are at 1 − alpha. A difference is a gain: positive where the first model is better, also on a metric
of which less is better.

    outcome         deploy | equivalent | split | inconclusive
    model           deploy: which; equivalent: the one to take, "" where none is known to be cheaper
                    or faster than the others; else ""
    sentence, because [at most 3], caveat (the one that matters most), warnings [everything else]
    cases           that the decision rests on, of all kinds that decide
    contenders      [model]: not shown worse than the best, best first
    kinds           [kind, metric, weight (share of U), decides, why_not, n, planned, undefined,
                    undelivered: for want of usable answers]
    utility         [model, difference, low, high, contender]: U less that of the best other model,
                    with its simultaneous interval (multiple comparisons with the best)
    floors          [kind, metric, model, against, difference, low, high, shown_worse, held]: the other
                    model that it stands worst against; held: a loss of more than the margin is excluded;
                    shown_worse: it is shown
    split           None | routing {kind: model}, over, gain, low, high: over the best single model
    needed          None | what (difference | equivalence | floor | least), cases (in all), more, low,
                    high, power, difference, kinds, models (to ask), cost_usd (of so many more:
                    `counted` is in it, `left_out` is not)
    looks           None | cases, rounds, first_cases, first_rounds: results were seen before, so that the
                    intervals are those that hold at any number of looks
    sensitivity     {} where nothing decides, else
      unscored      None | model, against, n_unscored, worst, best, changes
      categories    [without, outcome, model, changes, expected, too_few: the cases that are left allow no
                    such outcome by their number alone]; expected_changes: their sum, from lost cases alone
      heterogeneity [kind, metric, model_a, model_b, f, df1, df2, p_value,
                     categories [category, n, difference, low, high]]
      elsewhere     None | model, against, categories (count), difference, low, high, p_value: of U in
                    categories other than these
      resampled     None | model, against, low, high, p_sign_flip: BCa and sign flips of the same pair
      weights       [kind, weight, outcome, model] as one kind's weight goes from 0 to 1
      holds         [kind, low, high]: the weights around its own at which the outcome stays
"""

from __future__ import annotations

from .comparing import compare, compare_serving
from .controls import control_table
from .decision import decide
from .rules import RULES, Rules, check_primary, rules_of
from .table import complete, of_models
