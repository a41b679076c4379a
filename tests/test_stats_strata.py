"""A weighted mean over categories, its error, and several of them: known answers and edges."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats as scipy_stats

from benchkit.decide import Rules, compare
from benchkit.errors import UsageError
from benchkit.stats.categories import by_category, expected_change, heterogeneity, other_categories
from benchkit.stats.estimates import combine
from benchkit.stats.shares import case_means
from benchkit.stats.strata import design, stratified

GPQA = Path(__file__).parent.parent / "../shared/data/gpqa_scores.csv"


def gpqa(model: str, rounds: int) -> np.ndarray:
    """(198, rounds) scores of one of the two real models."""
    if not GPQA.exists():
        pytest.skip("../shared/data/gpqa_scores.csv is not here")
    table = pd.read_csv(GPQA)
    table = table[table.model_id.str.contains(model, regex=False)]
    wide = table.pivot(index="item_id", columns="epoch", values="score")
    return wide.to_numpy(float)[:, :rounds]


@pytest.mark.parametrize(
    ("rounds", "estimate", "se", "p", "low", "high"),
    [
        (5, 0.0585859, 0.0277885, 0.0362710, 0.003785, 0.113387),
        (3, 0.0488215, 0.0291722, 0.0958031, -0.008708, 0.106351),
    ],
)
def test_gpqa(rounds, estimate, se, p, low, high):
    """The table of ../shared/data/README.md: without categories it is the paired t."""
    e = stratified(case_means(gpqa("gpt-5-nano", rounds)) - case_means(gpqa("gpt-5.4-mini", rounds)))
    found = (e.estimate, e.se, e.p_value, e.low, e.high)
    assert found == pytest.approx((estimate, se, p, low, high), abs=6e-7)
    assert (e.n, e.df) == (198, 197)


def test_gpqa_through_the_table():
    """The file as it is, its columns renamed."""
    gpqa("gpt-5-nano", 1)
    names = {"item_id": "id", "model_id": "model", "epoch": "round", "score": "value"}
    row = compare(pd.read_csv(GPQA).rename(columns=names).assign(metric="accuracy"), Rules()).iloc[0]
    assert (row.difference, row.standard_error, row.p_value) == pytest.approx(
        (0.0585859, 0.0277885, 0.0362710), abs=6e-7
    )


@pytest.mark.parametrize(
    ("model", "mean", "se"), [("gpt-5-nano", 0.675758, 0.0275956), ("gpt-5.4-mini", 0.617172, 0.0296200)]
)
def test_gpqa_own_means(model, mean, se):
    """A model's own mean with cases as units: the error clustered by question of the README."""
    e = stratified(case_means(gpqa(model, 5)))
    assert (e.estimate, e.se) == pytest.approx((mean, se), abs=6e-7)


def uneven(seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Differences of 24 cases in four categories, one of them a single case."""
    rng = np.random.default_rng(seed)
    labels = np.repeat(["a", "b", "c", "d"], [9, 8, 6, 1])
    return rng.normal(0.1, 0.3, 24) + (labels == "b") * 0.4, labels


def ols(d: np.ndarray, labels: np.ndarray, weights: dict[str, float], **fit: object):
    """statsmodels: d on category dummies, the contrast of the weights."""
    names = sorted(set(labels))
    result = sm.OLS(d, np.array([[label == name for name in names] for label in labels], float)).fit(**fit)
    return result, result.t_test(np.array([weights[name] for name in names]))


def test_pooled_error_is_ols_on_dummies():
    """Small categories, one of a single case: SE, df and interval of the contrast in statsmodels."""
    d, labels = uneven()
    given = {label: float(np.sum(labels == label)) for label in set(labels)}
    result, contrast = ols(d, labels, {k: v / sum(given.values()) for k, v in given.items()})
    e = stratified(d, labels)
    assert e.df == result.df_resid == 20
    assert (e.estimate, e.se) == pytest.approx((contrast.effect.item(), contrast.sd.item()))
    assert (e.low, e.high) == pytest.approx(tuple(contrast.conf_int()[0]))
    assert e.p_value == pytest.approx(float(contrast.pvalue))


def test_a_weight_of_0_leaves_its_cases_out():
    """Of the estimate, its error, df and n: as if they were not given, in families or not."""
    d, labels = uneven()
    for families in (None, [i // 2 for i in range(24)]):
        e = stratified(d, labels, {"a": 4, "b": 0, "c": 1, "d": 5}, families)
        some = labels != "b"
        left = None if families is None else np.array(families)[some]
        same = stratified(d[some], labels[some], {"a": 4, "c": 1, "d": 5}, left)
        assert (e.estimate, e.se, e.df) == (same.estimate, same.se, same.df)
        assert (e.n, e.units) == (16, same.units)
        assert not e.coefficients[~some].any()


def test_own_variances_from_ten_cases_on():
    """Two categories, the difference of them weighed to their sum: Welch's t test has the same SE and df."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(0, 1, 10), rng.normal(0, 3, 25)
    e = stratified([*x, *-y], ["x"] * 10 + ["y"] * 25, {"x": 1, "y": 1})
    welch = scipy_stats.ttest_ind(x, y, equal_var=False)
    assert (2 * e.estimate / (2 * e.se), e.df, e.p_value) == pytest.approx(
        (welch.statistic, welch.df, welch.pvalue)
    )


def cr2(d: np.ndarray, x: np.ndarray, contrast: np.ndarray, clusters: np.ndarray) -> tuple[float, float]:
    """Bell and McCaffrey by their matrices: the error of a contrast and its degrees of freedom."""
    bread = np.linalg.inv(x.T @ x)
    left = np.eye(len(d)) - x @ bread @ x.T
    columns = []
    for g in np.unique(clusters):
        rows = clusters == g
        values, vectors = np.linalg.eigh(left[np.ix_(rows, rows)])
        half = vectors @ np.diag(values**-0.5) @ vectors.T
        columns.append(left[:, rows] @ half @ x[rows] @ bread @ contrast)
    p = np.array(columns)
    m = p @ p.T
    return float(np.sqrt(np.sum((p @ d) ** 2))), float(np.trace(m) ** 2 / np.sum(m**2))


def test_families_are_cr2():
    """Families within categories, and one that reaches over two: the matrices of CR2 and their df."""
    rng = np.random.default_rng(5)
    labels = np.repeat(["a", "b", "c"], [12, 9, 11])
    families = np.array(
        [0, 0, 0, 0, 1, 1, 2, 2, 2, 3, 3, 4, 4, 4, 5, 5, 5, 6, 6, 7, 7, *range(8, 14), 8, 9, 9, 10, 14]
    )
    d = rng.normal(0, 1, 15)[families] + rng.normal(0, 0.4, 32)
    x = np.array([[label == name for name in "abc"] for label in labels], float)
    weights = np.array([0.5, 0.2, 0.3])
    e = stratified(d, labels, dict(zip("abc", weights, strict=True)), families)
    assert (e.se, e.df) == pytest.approx(cr2(d, x, weights, families))
    assert e.units == 15
    assert e.influence @ e.influence == pytest.approx(e.se**2)


def test_units_are_families_where_there_are_some():
    """Their number, the heaviest one's share of the estimate and the sign test; by kinds they add up."""
    d, families = np.full(12, 0.1), np.repeat([1, 2, 3, 4], [6, 2, 2, 2])
    e = stratified(d, None, None, families)
    assert (e.n, e.units, e.heaviest, e.p_value) == (12, 4, pytest.approx(0.5), 2**-3)
    luck = stratified(np.array([0, 1] * 6, float), None, None, families)
    assert (luck.units, luck.heaviest) == (4, pytest.approx(0.5))
    both = combine([e, stratified(d)], [1, 3])
    assert (both.units, both.heaviest) == (16, pytest.approx(0.5 / 4))


def test_given_weights_take_each_category_s_own_variance():
    """Also of few cases: Welch's SE and df; one case, or few equal ones, take the largest of the others."""
    rng = np.random.default_rng(4)
    x, y = rng.normal(0, 0.1, 40), rng.normal(0, 1, 4)
    e = stratified([*x, *-y], ["x"] * 40 + ["y"] * 4, {"x": 1, "y": 1})
    welch = scipy_stats.ttest_ind(x, y, equal_var=False)
    assert (2 * e.se, e.df) == (
        pytest.approx(abs((x.mean() - y.mean()) / welch.statistic)),
        pytest.approx(welch.df),
    )
    for few in ([0.3], [0.3] * 4):
        labels = ["x"] * 40 + ["y"] * 4 + ["z"] * len(few)
        e = stratified([*x, *y, *few], labels, {"x": 1, "y": 1, "z": 2})
        own = x.var(ddof=1) / 40 / 16 + y.var(ddof=1) * (1 / 4 / 16 + 1 / len(few) / 4)
        assert e.se == pytest.approx(np.sqrt(own))


def test_families_of_one_change_nothing():
    """Every case a family of its own, or none named: the error of cases."""
    d, labels = uneven()
    plain = stratified(d, labels)
    for families in (range(24), [""] * 24, [None] * 24, [f"f{i}" if i % 2 else "" for i in range(24)]):
        e = stratified(d, labels, None, list(families))
        assert (e.se, e.df, e.units) == (plain.se, plain.df, 24)


def test_a_category_that_is_one_family_takes_the_error_of_the_others():
    """As one case does where variances are pooled."""
    d = [0.1, 0.2, -0.3, 0.4, 0.0, 0.5, 0.3, 0.3]
    e = stratified(d, list("aaaaaabb"), {"a": 1, "b": 1}, [1, 1, 2, 2, 3, 3, 4, 4])
    a = stratified(d[:6], None, None, [1, 1, 2, 2, 3, 3])
    assert e.se == pytest.approx(a.se / 2 * np.sqrt(1 + 3))
    assert np.isnan(stratified(d, list("aaaabbbb"), None, [1] * 4 + [2] * 4).se)


def test_families_that_by_luck_have_one_mean_are_not_certain():
    """Coarse scores give every family the same mean: the error of cases, not none."""
    d = np.array([0, 1] * 6, float)
    e = stratified(d, None, None, np.repeat(range(6), 2))
    assert (e.se, e.df) == pytest.approx((stratified(d).se, 11))
    assert "luck" in e.warnings[0]


def test_categories_of_one_case_each_are_not_certain():
    """Equal within every category and not between them, which few cases are by chance: no 25 equal signs.
    The error is that of the cases without categories; one winner more than losers is no deploy."""
    d = np.array([1.0, 1, 1, -1] + [0] * 21)
    labels = [f"c{i}" for i in range(22)] + ["c21"] * 3
    e, plain = stratified(d, labels), stratified(d)
    assert (e.estimate, e.se, e.df, e.p_value) == pytest.approx((plain.estimate, plain.se, 24, plain.p_value))
    assert e.p_value > 0.3
    assert "within every category" in e.warnings[0]
    weighed = stratified([0.1, 0.1, 0.3, 0.3], list("aabb"), {"a": 3, "b": 1})
    assert weighed.estimate == pytest.approx(0.15)
    assert weighed.se > 0
    assert stratified([0.2] * 4, list("aabb")).se == 0


def test_cases_without_a_value():
    """NaN cases are left out, keep their place in `influence`, and their category its weight."""
    d, labels = uneven()
    holes = d.copy()
    holes[[0, 3, 20]] = np.nan
    kept = ~np.isnan(holes)
    e = stratified(holes, labels)
    planned = design(24, labels).weights
    same = stratified(d[kept], replace(design(21, labels[kept]), weights=planned))
    assert (e.estimate, e.se, e.df, e.n) == pytest.approx((same.estimate, same.se, same.df, 21))
    assert e.influence.shape == (24,)
    assert not e.influence[~kept].any()
    assert e.coefficients @ np.nan_to_num(holes) == pytest.approx(e.estimate)
    without_d = stratified(np.where(labels == "d", np.nan, d), labels)
    assert without_d.estimate == pytest.approx(stratified(d[labels != "d"], labels[labels != "d"]).estimate)
    assert "d" in without_d.warnings[0]


@pytest.mark.parametrize(
    ("labels", "weights", "said"),
    [
        (["a", "b"], {"a": 1, "b": 1, "biling": 2}, "biling"),
        (["a", "b"], {"a": 1}, "leave out b"),
        (["a", "b"], {"a": -1, "b": 2}, "0 or more"),
        (["a", "b"], {"a": 0, "b": 0}, "not all 0"),
        (["a"], None, "1 labels for 2"),
    ],
)
def test_labels_and_weights_that_do_not_fit(labels, weights, said):
    """Each is an error that names what is wrong."""
    with pytest.raises(UsageError, match=said):
        stratified([0.1, 0.2], labels, weights)


@pytest.mark.parametrize("d", [[], [0.3], [0.3, 0.1]])
def test_too_few_for_an_error(d):
    """No case, one case, a case per category: no error, no interval, no p, and a sentence."""
    e = stratified(d, [str(i) for i in range(len(d))])
    assert np.isnan([e.se, e.low, e.high, e.p_value]).all()
    assert e.warnings


def test_nearly_equal_differences_do_not_jump():
    """Twenty of .1, then one off by rounding or by .0001: the p of twenty equal signs, 2^−19, throughout."""
    equal, rounded, nearly = (stratified([0.1] * 19 + [last]) for last in (0.1, 0.3 - 0.2, 0.1001))
    for e in (equal, rounded, nearly):
        assert e.p_value == 2**-19
        assert e.estimate == pytest.approx(0.1, abs=1e-5)
    assert equal.se == rounded.se == 0
    assert np.isnan([equal.low, equal.high, rounded.low, rounded.high]).all()
    assert "no variance, no t test" in equal.warnings[0]
    assert "nearly equal" in nearly.warnings[0]


def test_p_is_continuous_and_ordinary_differences_are_the_t_test():
    """As the spread grows from nothing, p never falls and never jumps; a t below the signs' is left alone."""
    base = np.linspace(-1, 1, 20)
    spreads = np.geomspace(1e-15, 1, 4000)
    p = np.array([stratified(0.1 + s * base).p_value for s in spreads])
    assert (np.diff(np.log(p)) > -1e-9).all()
    assert np.diff(np.log(p)).max() < 0.2
    usual = stratified(0.1 + 0.2 * base)
    known = scipy_stats.ttest_1samp(0.1 + 0.2 * base, 0)
    assert (usual.p_value, usual.warnings) == (pytest.approx(known.pvalue), ())
    assert (usual.low, usual.high) == pytest.approx(known.confidence_interval())


def test_models_that_never_differ():
    """All differences 0, rounding included: no variance, no test, no interval, and se 0."""
    for zero in (0.0, 0.1 + 0.2 - 0.3):
        e = stratified([zero] * 12)
        assert e.se == 0
        assert np.isnan([e.low, e.high, e.p_value]).all()
        assert "no variance, no t test" in e.warnings[0]


def test_combined_kinds():
    """U = Σ v Δ, SE² = Σ v² SE², and Satterthwaite's df: two kinds weighed alike are Welch's t test."""
    rng = np.random.default_rng(2)
    x, y = rng.normal(0.2, 1, 8), rng.normal(0, 0.2, 14)
    u = combine([stratified(x), stratified(-y)], [1, 1])
    welch = scipy_stats.ttest_ind(x, y, equal_var=False)
    assert (u.df, u.p_value) == pytest.approx((welch.df, welch.pvalue))
    assert u.influence @ u.influence == pytest.approx(u.se**2)
    assert u.coefficients.sum() == pytest.approx(1)
    alone = combine([stratified(x), stratified([])], [1, 0])
    assert (alone.estimate, alone.se, alone.df) == pytest.approx((x.mean(), stratified(x).se, 7))
    assert np.isnan(combine([stratified(x), stratified([])], [1, 1]).se)
    with pytest.raises(UsageError, match="one per kind"):
        combine([stratified(x)], [1, 1])


def test_heterogeneity_is_the_f_test():
    """scipy's one-way analysis of variance."""
    d, labels = uneven()
    f, _, _, p = heterogeneity(d, labels)
    known = scipy_stats.f_oneway(*(d[labels == name] for name in "abcd"))
    assert (f, p) == pytest.approx((known.statistic, known.pvalue))
    assert np.isnan(heterogeneity(d, ["a"] * 24)[3])


def test_heterogeneity_of_families():
    """Two categories of equal families: Welch's t test of their means; three without a difference: 5 %."""
    rng = np.random.default_rng(8)
    means = rng.normal([[0.0], [0.4]], [[1.0], [2.0]], (2, 9))
    d = means.ravel().repeat(4) + np.tile([-0.3, 0.3, 0.1, -0.1], 18)
    families, labels = np.arange(18).repeat(4), np.repeat(["a", "b"], 36)
    f, q, free, p = heterogeneity(d, labels, families)
    known = scipy_stats.ttest_ind(*means, equal_var=False)
    assert (f, q, free, p) == pytest.approx((known.statistic**2, 1, known.df, known.pvalue))
    family = np.arange(30).repeat(4)
    for strata in (family % 3, np.arange(120) % 3):  # families within a category, and over all
        drawn = [
            heterogeneity(rng.normal(0, 1, 30)[family] + rng.normal(0, 0.5, 120), strata, family)[3]
            for _ in range(200)
        ]
        assert np.mean(np.array(drawn) <= 0.05) <= 0.08
    assert np.isnan(heterogeneity(d, labels, labels)[3])


def test_each_category_has_its_interval():
    """Its own mean with the pooled error: s/√n_c and n − C df."""
    d, labels = uneven()
    result, _ = ols(d, labels, dict.fromkeys("abcd", 1.0))
    found = by_category(d, labels)
    assert [e.estimate for e in found.values()] == pytest.approx(result.params)
    assert [e.se for e in found.values()] == pytest.approx(result.bse)


def test_other_categories():
    """Categories as the sample: the t test of their means if they weigh alike, CR2 else."""
    d, labels = uneven()
    means = [d[labels == name].mean() for name in "abcd"]
    alike = other_categories(d, labels, [1 / (labels == label).sum() for label in labels])
    known = scipy_stats.ttest_1samp(means, 0)
    assert (alike.estimate, alike.df, alike.p_value) == pytest.approx((np.mean(means), 3, known.pvalue))
    e = other_categories(d, labels)
    assert (e.se, e.df) == pytest.approx(cr2(d, np.ones((24, 1)), np.ones(1), labels))
    assert np.isnan(other_categories(d, ["a"] * 24).se)


def test_leaving_out_a_category_knows_what_to_expect():
    """Like categories: the chance that significance changes is the share of runs where it does."""
    rng, whole = np.random.default_rng(8), design(50, np.repeat(list("abcde"), 10))
    changed, expected = [], []
    for _ in range(400):
        d = rng.normal(0.4, 1, 50)
        full = stratified(d, whole)
        for c in range(5):
            part = stratified(np.where(whole.strata == c, np.nan, d), whole)
            changed.append((part.p_value <= 0.05) != (full.p_value <= 0.05))
            expected.append(expected_change(full, part, 0.05))
    assert np.mean(expected) == pytest.approx(np.mean(changed), abs=0.025)
    assert 0.05 < np.mean(changed) < 0.3


rows = st.lists(
    st.tuples(st.integers(-20, 20).map(lambda x: x / 20), st.sampled_from("abc"), st.sampled_from("12345")),
    min_size=2,
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(rows, st.booleans(), st.randoms(use_true_random=False))
def test_swap_scale_and_order(rows, in_families, random):
    """Swapping the models mirrors, another unit scales, another order of the cases changes nothing."""

    def of(some, factor=1.0):
        d, labels, families = zip(*some, strict=True)
        return stratified(factor * np.array(d), list(labels), None, list(families) if in_families else None)

    shuffled = random.sample(rows, len(rows))
    e, mirrored, percent, other = of(rows), of(rows, -1), of(rows, 100), of(shuffled)
    same = pytest.approx((e.estimate, e.low, e.high, e.p_value), nan_ok=True, abs=1e-12)
    assert (other.estimate, other.low, other.high, other.p_value) == same
    assert (-mirrored.estimate, -mirrored.high, -mirrored.low, mirrored.p_value) == same
    assert (percent.estimate / 100, percent.low / 100, percent.high / 100, percent.p_value) == same


@settings(max_examples=60, deadline=None)
@given(rows, st.sampled_from([0.01, 0.05, 0.2]))
def test_interval_and_p_tell_the_same(rows, alpha):
    """0 lies outside of the interval wherever p is at most alpha; the converse too, unless signs say less."""
    d, labels, _ = zip(*rows, strict=True)
    e = stratified(d, list(labels), alpha=alpha)
    if e.se > 0 and abs(abs(e.estimate) / e.se - scipy_stats.t.isf(alpha / 2, e.df)) > 1e-6:
        outside = e.low > 0 or e.high < 0
        assert (e.p_value <= alpha) == (outside and 2.0 ** (1 - e.units) <= alpha)
