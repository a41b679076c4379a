"""The figures of a run: each beside what it says, and gone when the notebook that drew it runs again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .json_io import json_text
from .paths import made_folder
from .tables import replacing, write_atomically

if TYPE_CHECKING:
    from ..plots import Chart


def keep(folder: Path, chart: Chart, notebook: str) -> None:
    """Write `{name}.png` and the sidecar `{name}.json`, which says also who drew it, and as which figure."""
    made_folder(folder)
    drawn = {told["name"]: told["at"] for told in _sidecars(folder) if told["notebook"] == notebook}
    at = drawn.get(chart.name, len(drawn))  # drawn again, by its cell alone, it keeps its place
    with replacing(folder / f"{chart.name}.png") as temporary:
        temporary.write_bytes(chart.png)
    about = chart.sidecar() | {"notebook": notebook, "at": at}
    write_atomically(folder / f"{chart.name}.json", json_text(about))


def kept(folder: Path) -> dict[str, Chart]:
    """The figures in `folder` that have their sidecars, by name, in the order in which they were drawn."""
    from ..plots import Chart

    told = sorted(_sidecars(folder), key=lambda one: (one["notebook"], one["at"]))
    charts = {one["name"]: Chart.read(folder / f"{one['name']}.png") for one in told}
    return {name: chart for name, chart in charts.items() if chart}


def forget(folder: Path, notebook: str) -> dict[str, Chart]:
    """Remove what `notebook` drew when it last ran: it may draw others now, of another metric say.

    Returns them, for those that it would draw again.
    """
    drawn = kept(folder) if any(_sidecars(folder)) else {}  # pictures take a second's import
    for one in [told for told in _sidecars(folder) if told["notebook"] == notebook]:
        for suffix in (".png", ".json"):
            (folder / f"{one['name']}{suffix}").unlink(missing_ok=True)
    return drawn


def _sidecars(folder: Path) -> Iterator[dict[str, Any]]:
    for path in sorted(folder.glob("*.json")):
        with suppress(OSError, ValueError):
            told = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(told, dict) and told.get("name") == path.stem and {"notebook", "at"} <= told.keys():
                yield told
