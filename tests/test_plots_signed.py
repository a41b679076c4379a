"""Small print: every figure says how it was made, where it is seen and where it is filed."""

from __future__ import annotations

import struct

import pytest

from benchkit import plots
from benchkit.plots.chart import FOOT_IN
from benchkit.signature import small_print

from .test_plots import METRICS, TEN, make_comparisons, make_scores

MADE = "benchkit:0.1.0|metrics:1|n:20|rounds:3|alpha:0.05|clusters:category(5)|seed:7|nltk:3.9,scipy:1.17"


@pytest.fixture(autouse=True)
def coarse(monkeypatch):
    """Coarse pixels: nothing here is about sharpness."""
    monkeypatch.setattr("benchkit.plots.chart.FILE_DPI", 50)


def size(png: bytes) -> tuple[int, int]:
    return struct.unpack(">II", png[16:24])


@pytest.fixture
def chart():
    return plots.plot_differences(make_comparisons(TEN[:3]), margin=0.05)


def test_small_print_is_the_signature_in_short():
    """What tells runs apart, under its name; the packages stand in the whole line alone."""
    expected = "benchkit 0.1.0 · metrics 1 · n 20 · rounds 3 · alpha 0.05 · clusters category(5) · seed 7"
    assert small_print(MADE) == expected
    assert small_print("benchkit:0.1.0|provider:groq|seed:7") == "benchkit 0.1.0 · seed 7 · provider groq"
    assert small_print("") == ""


def test_a_signed_figure_carries_it(chart):
    """Printed in a strip of its own below, and whole in the file's metadata."""
    plain = plots.plot_differences(make_comparisons(TEN[:3]), margin=0.05).png
    signed = chart.signed(MADE)
    assert [text.get_text() for text in signed.figure.texts].count(small_print(MADE)) == 1
    assert MADE.encode() in signed.png
    assert MADE.encode() not in plain
    assert size(signed.png)[0] == size(plain)[0]
    assert size(signed.png)[1] - size(plain)[1] == pytest.approx(FOOT_IN * 50, abs=1)


def test_signed_once(chart):
    """A figure keeps its first signature, and none changes nothing."""
    assert chart.signed("") is chart
    signed = chart.signed(MADE)
    assert signed.signed("benchkit:9") is signed


@pytest.mark.parametrize("suffix", ["svg", "pdf"])
def test_other_formats_too(chart, suffix, tmp_path):
    """SVG and PDF are signed as well."""
    path = chart.signed(MADE).save(tmp_path / f"figure.{suffix}")
    if suffix == "svg":
        assert MADE in path.read_text()
    assert path.stat().st_size > 1000


def test_the_legend_stays_above_the_small_print(chart):
    """Nothing is printed over the legend, which stays inside the figure proper."""
    signed = chart.signed(MADE)
    assert signed.png
    (legend,) = signed.figure.legends
    assert legend.get_window_extent().y0 >= 0
    print_at = next(text for text in signed.figure.texts if text.get_text() == small_print(MADE))
    assert print_at.get_window_extent().y1 <= 0


def test_what_json_does_not_know_is_drawn():
    """Comparisons from metrics_report.json: None where a number is not known."""
    table = make_comparisons(TEN[:2]).astype(object)
    table.loc[0, ["ci_low", "ci_high", "p_value", "standard_error"]] = None
    table.loc[1, ["n", "mean_a", "mean_b", "difference", "ci_low", "ci_high", "p_value"]] = None
    table.loc[1, "n"] = 0
    assert plots.plot_differences(table, margin=0.05).png


def test_of_too_many_comparisons_the_deciding_ones_are_drawn():
    """All pairs of six models on one deciding metric; the rest is counted in the caption."""
    table = make_comparisons(TEN[:6])
    table["primary"] = table["metric"] == "clarity"
    chart = plots.plot_differences(table)
    assert chart.caption.startswith("0 of 15 intervals")
    assert f"{15 * (len(METRICS) - 1)} comparisons on other metrics left out" in chart.caption


def test_a_long_list_of_unknown_prices_is_counted():
    """A title has room for one name: of more models it says how many."""
    scores = make_scores(TEN[:4])
    responses = (
        scores[["id", "model", "round"]].drop_duplicates().assign(latency_s=1.0, cost_usd=float("nan"))
    )
    chart = plots.plot_tradeoff(scores, responses, "clarity")
    titles = [axes.get_title("left") for axes in chart.figure.axes]
    assert any(title.endswith("price unknown: 4 models") for title in titles)
