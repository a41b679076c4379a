"""The report's figures, made in one place for 05, for the report and for its verification."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .markdown import safe

if TYPE_CHECKING:
    import pandas as pd

    from ..plots import Chart, Picture
    from ..plots.kept import Kept

EARLIER = ("validation", "power")  # what 02 and 03 have drawn and saved


def figures(
    report: Mapping[str, Any], scores: pd.DataFrame, responses: pd.DataFrame, folder: Path | None = None
) -> dict[str, Chart | Kept]:
    """Every figure of the report by its file's name, each with its caption and how it was made.

    Those that earlier notebooks made are taken from `folder`, where they lie. Without times and prices there
    are none of those, and none by category where there is only one.
    """
    import pandas as pd

    from .. import plots
    from ..plots.kept import kept_figures

    how = report["configuration"]
    look = {"models": how["models"], "simulated": report["simulated"]}
    primary = how["primary_metrics"].values()
    comparisons = pd.DataFrame(report["comparisons"])
    made = {
        "differences": plots.plot_differences(comparisons, margin=how["margin"] or None, **look),
        **{f"pairs_{m}": plots.plot_case_pairs(scores, m, *_front(report, m), **look) for m in primary},
        "scores": plots.plot_scores(scores, **look),
        **{f"categories_{m}": plots.plot_heatmap(scores, m, **look) for m in _by_category(scores, primary)},
        "rounds": plots.plot_round_agreement(scores, **look),
    }
    timed, priced = (responses[name].notna().any() for name in ("latency_s", "cost_usd"))
    if timed:
        made["latency"] = plots.plot_latency(responses, **look)
    if timed or priced:
        made |= {f"tradeoff_{m}": plots.plot_tradeoff(scores, responses, m, **look) for m in primary}
    signed = {name: chart.signed(report["signature"]) for name, chart in made.items()}
    return signed | (kept_figures(folder, EARLIER) if folder else {})


def _by_category(scores: pd.DataFrame, metrics: Iterable[str]) -> list[str]:
    """The metrics whose cases are of more than one category."""
    kinds = scores.groupby("metric")["category"].nunique()
    return [metric for metric in metrics if kinds.get(metric, 0) > 1]


def _front(report: Mapping[str, Any], metric: str) -> list[str]:
    """The two models that are in front on a metric, in the run's order."""
    models, means = report["configuration"]["models"], report["results_summary"]["means"]
    sign = 1 if metric in report["configuration"]["lower_is_better"] else -1
    ranked = sorted(models, key=lambda model: sign * means.get(model, {}).get(metric, -sign * float("inf")))
    return [model for model in models if model in ranked[:2]]


def shown(made: Mapping[str, Picture], about: str) -> list[Picture]:
    """The figures whose names begin with `about`."""
    return [chart for name, chart in made.items() if name.startswith(about)]


def linked(made: Mapping[str, Picture], about: str) -> list[str]:
    """The figures whose names begin with `about` as Markdown, each with its caption below."""
    chosen = [(name, chart) for name, chart in made.items() if name.startswith(about)]
    return [
        part
        for name, chart in chosen
        for part in (f"![{_alt(chart.alt)}](figures/{name}.png)", f"*{safe(chart.caption)}*")
    ]


def _alt(text: str) -> str:
    """A dollar sign in an alt text would be an element in a notebook, which no attribute can hold."""
    return safe(text.replace("US$", "USD").replace("$", "USD "))
