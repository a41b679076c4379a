"""The run's figures in the report: those that its notebooks drew, in Markdown with their words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .markdown import safe

if TYPE_CHECKING:
    from ..plots import Chart


def shown(figures: Mapping[str, Chart], about: str) -> list[Chart]:
    """The figures whose names begin with `about`."""
    return [chart for name, chart in figures.items() if name.startswith(about)]


def linked(figures: Mapping[str, Chart], about: str) -> list[str]:
    """The figures whose names begin with `about` as Markdown, each with its caption below."""
    return [
        part
        for chart in shown(figures, about)
        for part in (f"![{_alt(chart.alt_text)}](figures/{chart.name}.png)", f"*{safe(chart.caption)}*")
    ]


def _alt(text: str) -> str:
    """A dollar sign in an alt text would be an element in a notebook, which no attribute can hold."""
    return safe(text.replace("US$", "USD").replace("$", "USD "))
