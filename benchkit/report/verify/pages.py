"""The report's pictures and pages: that they are there, that they are this run's, that their words are."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from ...plots.kept import read_figure
from .apart import Difference

if TYPE_CHECKING:
    from ...plots import Picture

PAGE = "html/analysis_report.html"
_IMAGE = re.compile(r"<img\b[^>]*>", re.IGNORECASE)
_SHOWN = re.compile(r"^!\[.*\]\(figures/(\w+)\.png\)$", re.MULTILINE)
_INSIDE = re.compile(r"""\bsrc\s*=\s*["']data:image/png;base64,([^"']+)""", re.IGNORECASE)


def figures_apart(run: Path, figures: Mapping[str, Picture]) -> Iterator[Difference]:
    """Every figure of the report that is missing, damaged, or says something else inside."""
    for name, chart in figures.items():
        file = f"figures/{name}.png"
        if not (run / file).exists():
            yield Difference(file, "the file", "no such file", "a figure that the report shows")
        elif (there := read_figure(run / file)) is None:
            yield Difference(
                file, "the file", "no picture that can be read", "a figure that the report shows"
            )
        else:
            for place in ("caption", "alt", "signature"):
                stated, ours = getattr(there, place), getattr(chart, place)
                if stated != ours:
                    yield Difference(file, place, stated, ours)


def pages_missing(run: Path, *, reported: bool) -> Iterator[Difference]:
    """Every page that a run of its notebooks has made and that is not there any more."""
    ran = sorted((run / "notebooks").glob("[0-9][0-9]_*.ipynb"))
    names = [(f"html/{one.stem}.html", f"a page of notebooks/{one.name}") for one in ran]
    for name, what in [*names, *([(PAGE, "the report's page")] if reported else [])]:
        if not (run / name).exists():
            yield Difference(name, "the file", "no such file", what)


def pictures_apart(run: Path, markdown: str) -> Iterator[Difference]:
    """Every picture in the report's page that is not the file that `markdown` shows in its place."""
    names = _SHOWN.findall(markdown)
    inside = [_INSIDE.search(tag) for tag in _IMAGE.findall((run / PAGE).read_text("utf-8", "replace"))]
    for at, name in enumerate(names):
        file = run / "figures" / f"{name}.png"
        found = inside[at] if at < len(inside) else None
        if found is None:
            yield Difference(PAGE, f"picture {at + 1}", "no picture", f"figures/{name}.png")
        elif file.exists() and found.group(1) != base64.b64encode(file.read_bytes()).decode():
            yield Difference(PAGE, f"picture {at + 1}", "another picture", f"figures/{name}.png")
    if len(inside) > len(names):
        yield Difference(PAGE, "pictures", len(inside), len(names))


def changed_since(files: list[str]) -> Iterator[Difference]:
    """A line for every file that 04 has read and that is not as it was."""
    for name in files:
        yield Difference(name, "the file", "other bytes", "the bytes that 04 measured, by their digest")
