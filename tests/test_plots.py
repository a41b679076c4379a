"""Figures: what they say, what they draw at the edges, and that a notebook and its export show them."""

from __future__ import annotations

import base64
import json
import re
import struct
import warnings
from dataclasses import replace
from functools import cache

import nbformat
import numpy as np
import pandas as pd
import pytest

from benchkit import plots
from benchkit.plots.cases import fates
from benchkit.plots.chart import FOOT_IN, Chart
from benchkit.plots.decision import turned
from benchkit.plots.power import needed
from benchkit.plots.responses import model_summary
from benchkit.plots.sheet import looks
from benchkit.plots.spread import round_gaps
from benchkit.plots.tables import families_of, over_cases
from benchkit.plots.words import labels, limits, shorten
from benchkit.report.verify import values_apart
from benchkit.run import Run
from benchkit.signature import small_print

from .measured import HASTY, STEADY, score_table


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Coarse pixels: nothing here is about sharpness, and every edge is drawn in full."""
    monkeypatch.setattr("benchkit.plots.chart.FILE_DPI", 40)


METRICS = {"clarity": "conversation", "wer_score": "conversation", "schema_compliance": "json"}
AWKWARD = ["a$x$b", "模型/😀<script>\x1b", "x" * 200, "x" * 199 + "y"]
TEN = [f"vendor-{i}/quite-a-long-model-name-{i}-instruct" for i in range(10)]


def make_scores(models, cases=4, rounds=2, seed=0):
    random = np.random.default_rng(seed)
    rows = [
        (f"c{c}", kind, f"category_{c % 3}", model, r, metric, float(random.integers(0, 2)), "")
        for c in range(cases)
        for model in models
        for r in range(1, rounds + 1)
        for metric, kind in METRICS.items()
    ]
    columns = ["id", "test_case", "category", "model", "round", "metric", "value", "reason"]
    return pd.DataFrame(rows, columns=columns)


def make_responses(models, cases=4):
    rows = [
        (f"c{c}", model, 1, "answered" if c else "failed", 0.5 + c, 0.1, 0.001)
        for c in range(cases)
        for model in models
    ]
    columns = ["id", "model", "round", "status", "latency_s", "queue_s", "cost_usd"]
    return pd.DataFrame(rows, columns=columns)


def make_comparisons(models, low=-0.1, high=0.3):
    base = {"n": 4, "mean_a": 0.6, "mean_b": 0.5, "difference": (low + high) / 2, "standard_error": 0.1}
    rest = {"ci_low": low, "ci_high": high, "p_adjusted": 0.2, "primary": False}
    won = {m: "better_b" if m == "wer_score" else "better_a" for m in METRICS}
    return pd.DataFrame(
        [
            {"metric": m, "test_case": kind, "model_a": a, "model_b": b, **base, **rest}
            | {"outcome": won[m] if low > 0 else "open"}
            for i, a in enumerate(models)
            for b in models[i + 1 :]
            for m, kind in METRICS.items()
        ]
    )


def make_verdicts():
    accepted = {"id": ["a", "b2"], "category": ["x", "x"], "attempt": [1, 2], "parent_id": ["", "b"]}
    rejected = {"id": ["b", "c"], "category": ["x", "y"], "attempt": [1, 1], "parent_id": ["", ""]}
    scores = [{"prompt_quality_score": [a, b], "response_quality_score": [b, a]} for a, b in ((5, 4), (2, 4))]
    return pd.DataFrame(accepted | scores[0]), pd.DataFrame(rejected | scores[1])


PLAN = pd.DataFrame({"n": [10, 20, 40, 80], "power": [0.2, 0.4, 0.7, 0.9]})


def every_chart(models, scores, responses, comparisons, verdicts, plan):
    a, b = models[0], models[-1]
    return {
        "yield": plots.plot_yield(*verdicts),
        "validation": plots.plot_validation(*verdicts),
        "statuses": plots.plot_statuses(responses),
        "latency": plots.plot_latency(responses),
        "scores": plots.plot_scores(scores),
        "heatmap": plots.plot_heatmap(scores, "clarity"),
        "rounds": plots.plot_round_agreement(scores),
        "differences": plots.plot_differences(comparisons, margin=0.05),
        "pairs": plots.plot_case_pairs(scores, "wer_score", a, b),
        "tradeoff": plots.plot_tradeoff(scores, responses, "clarity"),
        "power": plots.plot_power(plan, n_now=20, difference=0.05),
    }


def texts(chart):
    return [
        t.get_text() for t in chart.figure.findobj(lambda artist: hasattr(artist, "get_text")) if t.get_text()
    ]


def unscored(table, *columns):
    return table.assign(**dict.fromkeys(columns, np.nan))


ONE, TWO, MANY = ["m"], ["m", "k"], [*AWKWARD, *TEN[:4]]
EDGES = {
    "one of each": (
        ONE,
        make_scores(ONE, 1, 1),
        make_responses(ONE, 2),
        make_comparisons(TWO)[:1],
        tuple(t[:1] for t in make_verdicts()),
        PLAN[:1],
    ),
    "many models with awkward names": (
        MANY,
        make_scores(MANY, 2),
        make_responses(MANY),
        make_comparisons(AWKWARD[:3]),
        tuple(t.assign(category=AWKWARD[1]) for t in make_verdicts()),
        PLAN,
    ),
    "nothing measured": (
        TWO,
        unscored(make_scores(TWO), "value"),
        unscored(make_responses(TWO), "latency_s", "queue_s", "cost_usd"),
        unscored(make_comparisons(TWO), "difference", "ci_low", "ci_high", "p_adjusted", "mean_a", "mean_b"),
        tuple(unscored(t, "prompt_quality_score", "response_quality_score") for t in make_verdicts()),
        unscored(PLAN, "power"),
    ),
    "empty": (TWO, *(pd.DataFrame(),) * 3, (pd.DataFrame(),) * 2, pd.DataFrame()),
}


@cache
def charts_at(edge):
    return every_chart(*EDGES[edge])


@pytest.mark.parametrize("edge", EDGES)
def test_every_chart_draws_at_every_edge(edge):
    """Every figure of every awkward input is drawn without a warning, with one caption and one alt."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for name, chart in charts_at(edge).items():
            assert chart.png.startswith(b"\x89PNG"), name
            assert "SIMULATED" not in texts(chart), name
            assert not chart.caption.startswith("Simulated"), name
            assert not chart.alt_text.startswith("Simulated"), name
            assert re.fullmatch(r"[^\n]{10,}\.", chart.caption), name
            assert re.fullmatch(r"[^\n]{10,}\.", chart.alt), name
            assert not re.search(r"\bnan\b|\bNaN\b", chart.caption), name
            assert chart.reading in chart.caption, name


@pytest.mark.parametrize("edge", ["empty", "nothing measured"])
def test_empty_frames_say_why(edge):
    """Where there is nothing to draw, the picture itself has the sentence."""
    charts = charts_at(edge)
    for name in ("validation", "latency", "rounds", "pairs", "power"):
        shown = " ".join(texts(charts[name])).replace("\n", " ")
        assert charts[name].reading in shown


def test_ties_alone_are_said():
    """Two models that tie on every case leave a frame without bars, which says why."""
    scores = make_scores(TWO)
    scores["value"] = 0.5
    assert "a tie on every case" in texts(plots.plot_case_pairs(scores, "clarity", "m", "k"))
    assert "a tie on every case" not in texts(plots.plot_case_pairs(make_scores(TWO), "clarity", "m", "k"))


def test_simulated_models_mark_their_figures():
    """An id that starts with offline/ puts SIMULATED into picture, caption and alt text; no other does."""
    models = ["offline/steady", "m"]
    case = (
        models,
        make_scores(models),
        make_responses(models),
        make_comparisons(models),
        make_verdicts(),
        PLAN,
    )
    for name, chart in every_chart(*case).items():
        if name not in ("yield", "validation", "power"):
            assert "SIMULATED" in texts(chart), name
            assert chart.caption.startswith("Simulated models: "), name
            assert chart.alt_text.startswith("Simulated models: "), name


def test_a_simulated_run_marks_what_it_draws():
    """Tables without a model's id are marked when the run stamps them, once; so does a table that says so."""
    for verdicts in (make_verdicts(), (pd.DataFrame(), pd.DataFrame())):
        marked = plots.plot_yield(*verdicts).stamped("benchkit:1", simulated=True)
        assert texts(marked).count("SIMULATED") == 1
        assert marked.caption.startswith("Simulated models: ")
        assert texts(marked.stamped("benchkit:1", simulated=True)).count("SIMULATED") == 1
    scores = make_scores(TWO)
    scores.attrs["simulated"] = True
    assert "SIMULATED" in texts(plots.plot_scores(scores))


def test_colours_do_not_swap_with_the_order_of_a_table():
    """A model looks the same in whichever order tables have the models, and no two of 70 look the same."""
    names = [f"m{i}" for i in range(70)]
    there, back = looks(names), looks(names[::-1])
    assert there == back
    assert len({(one.colour, one.marker) for one in there.values()}) == 70
    chart = plots.plot_round_agreement(make_scores(["m1", "m0"]))
    (legend,) = chart.figure.legends
    shown = zip(legend.texts, legend.legend_handles, strict=True)
    assert {text.get_text(): one.get_color() for text, one in shown} == {
        name: looks(["m0", "m1"])[name].colour for name in ("m1", "m0")
    }


@pytest.mark.parametrize(
    ("text", "width", "shown"),
    [
        ("openai/gpt-oss-120b", 30, "openai/gpt-oss-120b"),
        ("moonshotai/kimi-k2-instruct-0905", 24, "kimi-k2-instruct-0905"),
        ("abcdefghijklmnopqrstuvwxyz", 11, "abcdef…wxyz"),
        ("<script>alert(1)</script>", 12, "<script…ipt>"),
        ("a\x1bb\nc", 10, "a b c"),
    ],
)
def test_shorten(text, width, shown):
    """Long ids lose the vendor, then the middle; what a terminal obeys is a space."""
    assert shorten(text, width) == shown


def test_labels_never_meet():
    """Names that shorten to the same text still get labels of their own, which show where they differ."""
    same = labels(["x" * 60 + f"{i}" + "y" * 60 for i in range(5)], 20)
    assert len(set(same.values())) == 5
    many = [f"customer_service_category_number_{i:02d}_of_the_department" for i in range(32)]
    short = labels(many, 26)
    assert len(set(short.values())) == 32
    assert all(f"{i:02d}" in short[name] for i, name in enumerate(many))
    assert max(map(len, short.values())) <= 26


@pytest.mark.parametrize(
    ("values", "alpha", "expected"),
    [
        ([], 0.05, (np.nan, np.nan)),
        ([0.5], 0.05, (np.nan, np.nan)),
        ([1, 2, 3], 0.05, (-0.4841377, 4.4841377)),
        ([1, 2, 3], 0.2, (0.9113379, 3.0886621)),
    ],
)
def test_mean_interval(values, alpha, expected):
    """The t interval: t(.975, 2) = 4.302653 and t(.9, 2) = 1.885618 times 1/√3; none under two cases."""
    means = pd.DataFrame({"model": "m", "value": values}, dtype=object).astype({"value": float})
    (found,) = over_cases(means, "value", ["m"], alpha, (-np.inf, np.inf)).itertuples()
    assert (found.low, found.high) == pytest.approx(expected, nan_ok=True)
    assert found.n == len(values)


def test_families_are_the_units_of_an_interval():
    """Three families of four equal cases have the interval of three cases; without families, of twelve."""
    ids = pd.Series([f"c{at}" for at in range(12)])
    scores = pd.DataFrame({"id": ids, "family": np.repeat(["a", "b", "c"], 4)})
    means = pd.DataFrame({"model": "m", "id": ids, "value": np.repeat([1.0, 2.0, 3.0], 4)})
    known = families_of(scores)
    (found,) = (
        over_cases(means, "value", ["m", "n"], 0.05, (-np.inf, np.inf), known).query("n > 0").itertuples()
    )
    assert (found.mean, found.low, found.high, found.n) == pytest.approx((2, -0.4841377, 4.4841377, 12))
    assert families_of(scores.assign(family="")) is families_of(scores[["id"]]) is None


def test_words_name_the_runs_own_alpha():
    """At alpha = 0.2 nothing says 95 %: captions and alt texts name the intervals that are drawn."""
    scores, responses = make_scores(TWO), make_responses(TWO)
    for chart in (
        plots.plot_scores(scores, alpha=0.2),
        plots.plot_round_agreement(scores, alpha=0.2),
        plots.plot_differences(make_comparisons(TWO), alpha=0.2),
        plots.plot_tradeoff(scores, responses, "clarity", alpha=0.2),
    ):
        assert "80 %" in chart.caption
        assert "95 %" not in chart.caption + chart.alt


def test_unscored_is_counted_not_zero():
    """An unscored response moves no mean and is named in caption and panel."""
    scores = make_scores(["m"], 3, 1).query("metric == 'clarity'").assign(value=[0.5, 0.7, np.nan])
    chart = plots.plot_scores(scores)
    assert "1 of 3 scores unscored and left out" in chart.caption
    assert "m 0.600" in chart.alt
    assert {"n 2", "1 unsc."} <= set(texts(chart))


def test_lower_is_better_is_marked_and_turned():
    """For the word error rate right still means A better, and the row says that it was turned."""
    comparisons = make_comparisons(["a", "b"], low=0.1, high=0.3)
    rows = turned(comparisons).set_index("metric")
    assert rows.loc["wer_score", ["d", "low", "high"]].tolist() == pytest.approx([-0.2, -0.3, -0.1])
    assert rows.loc["clarity", ["d", "low", "high"]].tolist() == pytest.approx([0.2, 0.1, 0.3])
    chart = plots.plot_differences(comparisons, margin=0.05)
    assert "wer_score (turned)" in texts(chart)
    assert chart.reading == "3 of 3 comparisons show a difference: 2 for a, 1 for b."
    assert "margin ±0.05" in texts(chart)
    assert "wer_score +0.200 (0.100 to 0.300)" in chart.alt


def test_an_unbounded_metric_has_an_axis_of_its_own():
    """Twelve errors per word do not press differences of a score into zero."""
    table = make_comparisons(["a", "b"], low=0.1, high=0.3)
    table.loc[table["metric"] == "wer_score", ["difference", "ci_low", "ci_high"]] = [12.0, 10.0, 14.0]
    scores, errors = plots.plot_differences(table).figure.axes
    assert scores.get_xlim()[1] < 1 < 14 < errors.get_xlim()[1]
    assert "errors per word" in errors.get_xlabel()


def test_a_difference_is_coloured_by_its_outcome():
    """An interval that excludes zero is no winner's where the adjusted p left it inconclusive."""
    table = make_comparisons(["a", "b"], low=0.1, high=0.3).query("metric == 'clarity'")
    faces = {
        outcome: plots.plot_differences(table.assign(outcome=outcome))
        .figure.axes[0]
        .lines[-2]
        .get_markerfacecolor()
        for outcome in ("better_a", "inconclusive")
    }
    assert faces["inconclusive"] == "white" != faces["better_a"]


def test_what_is_not_known_of_a_difference_is_said():
    """No interval and no comparison are words in the alt text, never nan; from JSON they are None."""
    table = make_comparisons(["a", "b"], low=0.1, high=0.3).astype(object)
    table.loc[0, ["ci_low", "ci_high", "p_adjusted"]] = None
    table.loc[1, ["mean_a", "mean_b", "difference", "ci_low", "ci_high", "p_adjusted"]] = None
    chart = plots.plot_differences(table)
    assert chart.png
    assert "(no interval)" in chart.alt
    assert "not compared" in chart.alt
    assert "nan" not in chart.alt


def test_too_many_comparisons_are_counted():
    """All pairs of ten models are more than a figure holds: the rest is counted in the caption."""
    chart = plots.plot_differences(make_comparisons(TEN))
    assert "95 comparisons left out" in chart.caption  # 45 pairs × 3 metrics − 40


def test_fates_of_cases():
    """Each attempt has one fate; a rejected case with a successor is not rejected for good."""
    table = fates(*make_verdicts())
    assert table.loc["x"].tolist() == [1, 1, 1, 0]
    assert table.loc["y"].tolist() == [0, 0, 0, 1]


@pytest.mark.parametrize(
    ("rounds", "gap"), [([1, 1, 1], 0), ([0, 1], 1), ([0, 0, 1], 2 / 3), ([0.1, 0.5, 0.2], 0.8 / 3)]
)
def test_round_gaps(rounds, gap):
    """Mean |difference| over the pairs of rounds, the unscored ones left out."""
    scores = pd.DataFrame({"model": "m", "metric": "clarity", "id": "c", "value": [*rounds, np.nan]})
    assert round_gaps(scores)["gap"].tolist() == pytest.approx([gap])


def test_unknown_price_is_not_zero():
    """A model without a price has no cost; it is named in the figure and counted in the caption."""
    scores, responses = make_scores(TWO), make_responses(TWO)
    responses.loc[responses["model"] == "k", "cost_usd"] = np.nan
    table = model_summary(scores, responses, "clarity", TWO)
    assert table["cost"].tolist() == pytest.approx([1.0, np.nan], nan_ok=True)  # US$ per 1,000
    assert table["latency"].tolist() == [2.0, 2.0]
    chart = plots.plot_tradeoff(scores, responses, "clarity")
    assert "price of 1 model unknown" in chart.caption
    assert any("price unknown: k" in text for text in texts(chart))


@pytest.mark.parametrize(("target", "n"), [(0.4, 20), (0.55, 30), (0.1, 10), (0.95, np.nan)])
def test_cases_needed_from_a_curve(target, n):
    """The n at which a curve reaches a target, between its points, and none beyond its end."""
    assert needed(PLAN.set_index("n")["power"], target) == pytest.approx(n, nan_ok=True)


def test_power_caption_has_both_numbers():
    """The caption says the chance now and the cases that the target takes."""
    caption = plots.plot_power(PLAN, n_now=20, difference=0.05).reading
    assert (
        caption == "The chance to find a difference of 0.05 with 20 cases is 40 %, and 80 % takes 60 cases."
    )


def test_the_readers_own_style_stays():
    """Drawing neither takes over the reader's matplotlib settings nor changes them: the same bytes again."""
    from matplotlib import rc_context, rcParams

    plain = plots.plot_yield(*make_verdicts()).png
    with rc_context({"font.size": 30, "axes.facecolor": "black"}):
        assert plots.plot_yield(*make_verdicts()).png == plain
        assert rcParams["font.size"] == 30


def test_html_is_escaped():
    """A model that is named as markup is text in alt and caption."""
    attack = '"><script>alert(1)</script>'
    html = plots.plot_statuses(make_responses([attack])).html()
    assert "<script" not in html
    assert "&lt;script&gt;" in html
    assert len(re.findall(r"<img [^>]*alt=\"[^\"]*\"", html)) == 1


def test_words_of_a_chart():
    """Caption and alt text, whole."""
    chart = plots.plot_statuses(pd.DataFrame({"model": ["a", "b"], "status": ["answered", "failed"]}))
    said = "Of 2 responses from 2 models, 1 answered, 1 failed; failed ones are unscored, not zero."
    assert chart.caption == said
    assert chart.alt_text == "Stacked bars of responses by status, answered of all: a 1 of 1, b 0 of 1."


NOTEBOOK = "02_validate"


@pytest.fixture
def shown(finished_run) -> list[tuple[nbformat.NotebookNode, Chart]]:
    """The figures of an executed notebook, each with the chart that the run kept of it."""
    cells = nbformat.read(finished_run / "notebooks" / f"{NOTEBOOK}.ipynb", as_version=4).cells
    outputs = [one for cell in cells for one in cell.get("outputs", ()) if "image/png" in one.get("data", {})]
    kept = {chart.alt_text: chart for chart in Run(finished_run).figures().values()}
    return [(one, kept[one.metadata["image/png"]["alt"]]) for one in outputs]


def test_a_notebook_shows_the_chart_once(shown):
    """One output with the HTML figure and, for readers without HTML, the PNG and its alt text."""
    assert shown
    assert len({chart.name for _, chart in shown}) == len(shown)
    for output, chart in shown:
        assert output.output_type == "execute_result"
        assert output.data["text/html"].count("<img") == 1
        assert base64.b64decode(output.data["image/png"]) == chart.png


def test_an_export_shows_image_alt_and_caption(shown, finished_run):
    """The exported page has real images inside it, their alt texts, and the captions below."""
    from bs4 import BeautifulSoup

    html = (finished_run / "html" / f"{NOTEBOOK}.html").read_text()
    images = BeautifulSoup(html, "html.parser").select("figure img")
    for image, (_, chart) in zip(images, shown, strict=True):
        assert base64.b64decode(image["src"].removeprefix("data:image/png;base64,")) == chart.png
        assert image["alt"] == chart.alt_text
        assert image.find_parent("figure").find("figcaption").get_text() == chart.caption


def test_an_interval_stays_within_what_can_be():
    """A mean near the top of a score from 0 to 1 has no interval beyond 1; errors per word may have one."""
    assert limits("clarity") == (0.0, 1.0)
    assert limits("wer_score") == (0.0, np.inf)
    assert limits("their_own") == (-np.inf, np.inf)
    scores = make_scores(["m"], 3, 1).query("metric == 'clarity'").assign(value=[1.0, 1.0, 0.8])
    (bar, _) = plots.plot_scores(scores).figure.axes[0].lines
    assert max(bar.get_xdata()) == 1.0


MADE = "benchkit:0.1.0|metrics:1|n:20|rounds:3|alpha:0.05|clusters:category(5)|seed:7|nltk:3.9,scipy:1.17"


@pytest.fixture
def chart():
    return plots.plot_differences(make_comparisons(TEN[:3]), margin=0.05)


def test_a_signed_figure_carries_it(chart):
    """Small print stands in a strip of its own below, once, and under the legend."""
    plain = struct.unpack(">II", plots.plot_differences(make_comparisons(TEN[:3]), margin=0.05).png[16:24])
    signed = chart.stamped(MADE)
    width, height = struct.unpack(">II", signed.png[16:24])
    assert (width, height - plain[1]) == (plain[0], pytest.approx(FOOT_IN * 40, abs=1))
    assert [text.get_text() for text in signed.figure.texts].count(small_print(MADE)) == 1
    assert signed.stamped("benchkit:9").signature == MADE
    (legend,) = signed.figure.legends
    assert legend.get_window_extent().y0 >= 0


def test_a_title_keeps_clear_of_the_badge(tmp_path):
    """However long a metric's name, title, badge, axes and colour bar do not run into each other."""
    scores = make_scores(["offline/a", "b"]).replace({"metric": {"clarity": "quality_" + "of_service_" * 9}})
    metric = next(name for name in scores["metric"] if name.startswith("quality"))
    figure = plots.plot_heatmap(scores, metric).figure
    figure.draw_without_rendering()
    badge = next(text for text in figure.texts if text.get_text() == "SIMULATED").get_window_extent()
    title = next(text for text in figure.texts if text.get_text().startswith("quality")).get_window_extent()
    assert title.x1 < badge.x0
    for axes in figure.axes:
        assert axes.get_tightbbox().y1 < min(badge.y0, title.y0)


def test_two_figures_of_one_pair_have_two_names():
    """Every pair's figure has a file of its own, and so have names that differ in one sign."""
    scores = make_scores([*"abc", "a/b", "a-b"])
    pairs = [("a", "b"), ("a", "c"), ("b", "c"), ("a/b", "c"), ("a-b", "c")]
    names = {plots.plot_case_pairs(scores, "clarity", *pair).name for pair in pairs}
    assert len(names) == 5
    assert all(re.fullmatch(r"[\w.-]+", name) for name in names)


def test_a_figure_of_other_code_or_title_is_another(monkeypatch):
    """A chart says its title and the code that drew it, beside the data; either makes another picture."""
    sheet = plots.sheet.Sheet("x", "Same data")
    made = [sheet.empty("Nothing."), plots.sheet.Sheet("x", "Other title").empty("Nothing.")]
    monkeypatch.setattr(plots.sheet, "_code", lambda: "other code")
    made.append(sheet.empty("Nothing."))
    assert len({(chart.drawn_from, chart.drawn_by) for chart in made}) == 3
    assert made[0].as_drawn(replace(made[0], drawn=b"picture")).png == b"picture"
    assert made[2].as_drawn(replace(made[0], drawn=b"picture")).png != b"picture"
    assert made[0].as_drawn(replace(made[1], drawn=b"picture")).png != b"picture"


def test_a_sidecar_gives_the_chart_back(chart, tmp_path):
    """Caption, alt text, signature and what it was drawn from come back; a broken picture does not."""
    signed = chart.stamped(MADE, simulated=True)
    path = tmp_path / "x.png"
    path.write_bytes(signed.png)
    (tmp_path / "x.json").write_text(json.dumps(signed.sidecar()))
    back = Chart.read(path)
    assert (back.png, back.caption, back.alt_text) == (signed.png, signed.caption, signed.alt_text)
    assert back.drawn_from == plots.plot_differences(make_comparisons(TEN[:3]), margin=0.05).drawn_from
    assert back.drawn_from != plots.plot_differences(make_comparisons(TEN[:3]), margin=0.06).drawn_from
    path.write_bytes(signed.png[:200])
    assert Chart.read(path) is None
    assert Chart.read(tmp_path / "none.png") is None


def test_a_newer_version_that_draws_the_same_data_verifies(monkeypatch):
    """Other drawing code is no other figure to verify: it would name every figure of an older run."""
    sheet = plots.sheet.Sheet("x", "Same data")
    before = sheet.empty("Nothing.").sidecar()
    monkeypatch.setattr(plots.sheet, "_code", lambda: "newer")
    assert not list(values_apart("x.json", before, sheet.empty("Nothing.").sidecar()))
    assert list(values_apart("x.json", before, sheet.empty("Something.").sidecar()))


def test_rounds_are_averaged_over_metrics_of_one_unit_alone():
    """Seconds have no average with shares: what is said is of the metrics of 0 to 1, if there are any."""
    table = score_table({m: {"field_accuracy": [[0.2, 0.4]] * 4} for m in (STEADY, HASTY)})
    seconds = table.assign(metric="seconds", value=table["value"] * 100)
    both = plots.plot_round_agreement(pd.concat([table, seconds])).reading
    assert "on average over metrics of 0 to 1 two rounds differ by" in both
    assert plots.plot_round_agreement(table).reading == both.replace(" of 0 to 1", "")
    assert "differ by" not in plots.plot_round_agreement(seconds).reading


def test_brought_cases_were_not_generated():
    """What a person brought has no yield of generation."""
    chart = plots.plot_yield(*make_verdicts(), brought=True)
    assert "What became of the cases that were brought" in texts(chart)
    assert chart.reading == "2 cases of 4 brought in 2 categories accepted, 1 rejected."


CONTROLS = [
    {"metric": "clarity", "test_case": "conversation", "control": "control: prompt copied", "mean": 0.92,
     "best_model": "a", "best_mean": 0.9, "disqualifies": True},
    {"metric": "wer_score", "test_case": "conversation", "control": "control: boilerplate", "mean": 3.0,
     "best_model": "a", "best_mean": 0.4, "disqualifies": False},
]  # fmt: skip


def test_controls_say_which_metric_decides_nothing():
    """The metric on which an answer that knows nothing does as well is named in picture and words."""
    chart = plots.plot_controls(CONTROLS)
    assert chart.reading.startswith("Answers that know nothing come near the best model on clarity:")
    assert texts(chart).count("decides nothing") == 1
    assert "wer_score 3.000 (boilerplate)" in chart.alt
    assert "on none of 1 metric" in plots.plot_controls(CONTROLS[1:]).reading
    assert "No control was scored." in texts(plots.plot_controls([]))


def decided(**about):
    utility = [
        {"model": "a", "difference": 0.2, "low": 0.05, "high": 0.35, "contender": True},
        {"model": "b", "difference": -0.2, "low": -0.35, "high": -0.05, "contender": False},
    ]
    kind = {"kind": "json", "metric": "field_accuracy", "weight": 1.0, "decides": True, "n": 30}
    floor = {"kind": "json", "metric": "field_accuracy", "model": "b", "against": "a", "difference": -0.2}
    floors = [floor | {"low": -0.3, "high": -0.1, "shown_worse": True}]
    decision = {"utility": utility, "floors": floors, "kinds": [kind], "caveat": "Only 4 cases."} | about
    how = {"alpha": 0.1, "margin": 0.05, "models": ["a", "b"]}
    return {"configuration": how, "simulated": False, "decision": decision}


def test_contenders_and_floors():
    """Who is in the running, with the simultaneous intervals of the decision, at the run's own alpha."""
    chart = plots.plot_contenders(decided())
    assert chart.reading == (
        "1 contender of 2 models: a; shown worse than another by more than the margin: b on JSON cases."
    )
    assert "a +0.200 (0.050 to 0.350); b −0.200 (−0.350 to −0.050)" in chart.alt
    assert "simultaneous 90 % intervals" in chart.caption
    assert plots.plot_contenders(decided(utility=[], sentence="No decision.")).reading == "No decision."


def test_delivery_and_content_stand_apart():
    """How many answers came, and what they are worth, with the intervals of the table."""
    row = {"test_case": "json", "metric": "field_accuracy", "model": "a", "share": 0.7, "low": 0.5}
    row |= {"high": 0.8, "content": 0.95, "content_low": 0.9, "content_high": None}
    chart = plots.plot_delivery([row], alpha=0.2)
    assert chart.reading == "Answers came in usable form, at least: a 70 %."
    assert "field_accuracy, a 0.950" in chart.alt
    assert "80 % intervals" in chart.caption


def test_a_narrow_interval_is_seen_beside_its_mark():
    """The ends of a bar reach out above and below a mark that covers it."""
    table = make_comparisons(["a", "b"], low=0.199, high=0.201)
    for chart in (plots.plot_differences(table), plots.plot_contenders(decided())):
        drawn = [line for line in chart.figure.axes[0].lines if line.get_marker() not in ("None", None, "")]
        caps = [line for line in drawn if line.get_marker() == "|"]
        marks = [line for line in drawn if line.get_marker() != "|"]
        assert len(caps) == len(marks) > 0
        assert min(line.get_markersize() for line in caps) > max(m.get_markersize() for m in marks) + 3


def test_boxes_ask_for_nothing_deprecated():
    """Enough responses for boxes are drawn without a warning of any library."""
    rows = [("a", 0.5 + i / 10, 0.1) for i in range(30)]
    table = pd.DataFrame(rows, columns=["model", "latency_s", "queue_s"])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert len(plots.plot_latency(table).figure.axes[0].lines) >= 6
