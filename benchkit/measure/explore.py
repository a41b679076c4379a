"""Widgets around the same tables and figures. Nothing here is needed: a notebook reads the same without."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from html import escape
from typing import Any

import ipywidgets as widgets
import pandas as pd

from ..metrics import in_order
from ..plots import plot_scores

EVERY = "(all)"
# Nothing from a model is trusted to be short either: every text scrolls in a box of its own.
BOX = "white-space:pre-wrap;overflow:auto;max-height:22em;border:1px solid #D9D9D9;padding:.5em;margin:.2em 0"


def browse_cases(
    cases: pd.DataFrame, responses: pd.DataFrame, scores: pd.DataFrame | None = None
) -> widgets.VBox:
    """Pick a case and a model; see prompt, golden response and every round's answer side by side.

    `cases` has `id, category, prompt, golden_response`; `responses` and `scores` are the run's tables. Text
    is escaped: what a model wrote is shown, never run.
    """
    if cases.empty:
        return _picture(lambda: "<p>There is no case to show.</p>", {})
    # Several hundred thousand scores are searched once, not again at every choice.
    answers = dict(list(responses.groupby(responses["id"].astype(str)))) if len(responses) else {}
    marks = _marks(scores)
    titles = [(f"{row.id} · {row.category}", i) for i, row in enumerate(cases.itertuples())]
    case = widgets.Dropdown(options=titles, description="Case")
    models = sorted(set(responses["model"].astype(str))) if len(responses) else []
    model = widgets.Dropdown(options=[EVERY, *models], description="Model")

    def draw() -> str:
        row = cases.iloc[case.value]
        answered = answers.get(str(row["id"]), responses.iloc[:0])
        if model.value != EVERY:
            answered = answered[answered["model"].astype(str) == model.value]
        return _case_html(row, answered, marks)

    return _picture(draw, {"case": case, "model": model})


def explore_scores(scores: pd.DataFrame, *, alpha: float = 0.05) -> widgets.VBox:
    """Pick a metric and a category; the figure is `plot_scores`, drawn on the scores that are left."""
    some = len(scores) > 0
    metric = widgets.Dropdown(
        options=[EVERY, *in_order(scores["metric"] if some else [])], description="Metric"
    )
    found = sorted(set(scores["category"].dropna().astype(str))) if some else []
    category = widgets.Dropdown(options=[EVERY, *found], description="Category")

    def draw() -> str:
        chosen = {"metric": metric.value, "category": category.value}
        narrowed = {name: "" if value == EVERY else value for name, value in chosen.items()}
        return plot_scores(scores, **narrowed, alpha=alpha).html()

    return _picture(draw, {"metric": metric, "category": category})


def _picture(draw: Callable[[], str], controls: Mapping[str, widgets.Dropdown]) -> widgets.VBox:
    """Controls above the HTML that `draw` makes of their values, made again at every choice."""
    pane = widgets.HTML(draw())

    def redraw(_: Any) -> None:
        pane.value = draw()

    for control in controls.values():
        control.observe(redraw, names="value")
    return widgets.VBox([widgets.HBox(list(controls.values())), pane])


def _marks(scores: pd.DataFrame | None) -> dict[tuple[str, str, int], str]:
    """What each response scored, as one line of text by `(id, model, round)`."""
    if scores is None or scores.empty:
        return {}
    shown = scores["value"].map(lambda value: "unscored" if pd.isna(value) else f"{value:.3g}")
    lines = scores["metric"].astype(str) + " " + shown
    keys = [scores["id"].astype(str), scores["model"].astype(str), scores["round"].astype(int)]
    return lines.groupby(keys).agg(" · ".join).to_dict()


def _case_html(case: pd.Series, responses: pd.DataFrame, marks: Mapping[tuple[str, str, int], str]) -> str:
    asked = _column("Prompt", [("", case["prompt"])]) + _column(
        "Golden response", [("", case["golden_response"])]
    )
    by_model = responses.sort_values("round").groupby("model", observed=True) if len(responses) else []
    answered = "".join(
        _column(str(model), [(_answer_line(row, marks), row.model_response) for row in rows.itertuples()])
        for model, rows in by_model
    )
    return _side_by_side(asked) + _side_by_side(answered or "<p>No response to this case.</p>")


def _answer_line(row: Any, marks: Mapping[tuple[str, str, int], str]) -> str:
    status = getattr(row, "status", "")
    error = getattr(row, "error", "")
    parts = [
        f"round {row.round}",
        status,
        error,
        marks.get((str(row.id), str(row.model), int(row.round)), ""),
    ]
    return " · ".join(str(part) for part in parts if part and not pd.isna(part))


def _column(heading: str, entries: Sequence[tuple[str, Any]]) -> str:
    body = "".join(
        (f"<small>{escape(readable(line))}</small>" if line else "")
        + f'<div style="{BOX}">{escape(readable(text))}</div>'
        for line, text in entries
    )
    return f'<div style="flex:1 1 18em;min-width:0"><b>{escape(readable(heading))}</b>{body}</div>'


def _side_by_side(columns: str) -> str:
    return f'<div style="display:flex;flex-wrap:wrap;gap:1em;line-height:1.35">{columns}</div>'


def readable(value: Any) -> str:
    """Text as it is, JSON indented, control characters as pictures of them; a missing value is empty."""
    if isinstance(value, str) and value.lstrip()[:1] in ("{", "["):
        # A malformed answer is shown as it came, and so is one nested deeper than the parser goes.
        with suppress(ValueError, RecursionError):
            value = json.loads(value)
    if not isinstance(value, str):
        missing = pd.api.types.is_scalar(value) and pd.isna(value)
        value = "" if missing else json.dumps(value, indent=2, ensure_ascii=False)
    return "".join(_visible(character) for character in value)


def _visible(character: str) -> str:
    if character < " " and character not in "\n\t":
        return chr(0x2400 + ord(character))
    return "\N{REPLACEMENT CHARACTER}" if "\ud800" <= character <= "\udfff" else character
