"""The runs of a sweep: each point of a grid of parameters, with a folder name that tells it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from itertools import product
from pathlib import Path
from typing import Any

from ..errors import UsageError
from ..llm.budget import CEILINGS
from ..values import refused
from ..wording import listed
from .parameters import NOTEBOOKS
from .pipeline import BenchmarkPipeline

KEYS = ("grid", "parameters", *CEILINGS)
EXAMPLE = "Write it as:\ngrid:\n  temperature: [0, 0.7]\n  seed: [1, 2, 3]\nparameters:\n  rounds: 5"
LONGEST = 80  # characters of a folder's name before its digest


@dataclass(frozen=True)
class Part:
    """Notebooks of a run that go in one process; `asks`: while it runs, no other may ask that provider."""

    first: str
    last: str
    asks: bool


@dataclass(frozen=True)
class Point:
    """One run: what the grid gives it, and all parameters as they were checked."""

    varied: dict[str, Any]
    parameters: dict[str, Any]
    last: str
    declared: Mapping[str, Mapping[str, Any]]

    @cached_property
    def name(self) -> str:
        """The run's folder: what is varied, and a digest of all that makes the run what it is."""
        shown = "_".join(f"{name}-{_short(value)}" for name, value in self.varied.items())
        safe = re.sub(r"[^A-Za-z0-9._-]+", "-", shown)[:LONGEST].strip("-_")
        told = json.dumps(self.parameters | _contents(self.parameters), sort_keys=True, default=str)
        return f"{safe}_{sha256(told.encode()).hexdigest()[:8]}".lstrip("_.")

    @property
    def parts(self) -> list[Part]:
        """The notebooks that ask call after call, and the rest, whose one call is 05's commentary."""
        asking = "03" if self.parameters.get("enable_judge") is False else "04"
        parts = [Part("01", min(asking, self.last), True)]
        return parts + ([Part(f"0{int(asking) + 1}", self.last, False)] if self.last > asking else [])

    def words(self, part: Part) -> list[str]:
        """The command line's words for the parameters that a part's notebooks declare."""
        here = [name for name in NOTEBOOKS if part.first <= name[:2] <= part.last]
        given = {k: v for k, v in self.parameters.items() if any(k in self.declared[name] for name in here)}
        return [word for name, value in given.items() for word in ("-p", name, _text(value))]


def points(told: Mapping[str, Any], last: str = "05") -> list[Point]:
    """Every combination of the values under `grid`, in their order.

    Raises UsageError for what is no grid, a combination that is there twice (for more runs of one thing there
    are `rounds` and `seed`), and a value that a run could not be started with.
    """
    if unknown := [name for name in told if name not in KEYS]:
        raise UsageError(f"A grid has no {listed(unknown)}. There are: {', '.join(KEYS)}. {EXAMPLE}")
    grid, fixed = told.get("grid") or {}, told.get("parameters") or {}
    if not isinstance(grid, Mapping) or not isinstance(fixed, Mapping) or not grid:
        raise UsageError(f"A sweep needs names with lists of values under grid:. {EXAMPLE}")
    for name, values in grid.items():
        if not isinstance(values, list) or not values:
            raise refused(name, values, "Under grid: give a list of one or more values.")
    for name in {*grid, *fixed}:
        if name in CEILINGS:
            raise UsageError(f"{name} holds over the whole sweep. Write it beside grid:, not under it.")
        if name == "run_dir" or (name in grid and name in fixed):
            raise UsageError(f"{name} is given twice, or is the sweep's own to give. Leave one out.")
    found: list[Point] = []
    for values in product(*grid.values()):
        varied = dict(zip(grid, values, strict=True))
        checked = BenchmarkPipeline(last=last, **fixed, **varied)
        point = Point(varied, checked.parameters, last, checked.declared)
        if any(point.name == other.name or point.parameters == other.parameters for other in found):
            run = ", ".join(f"{name} = {value}" for name, value in varied.items())
            raise UsageError(f"The grid has the run {run} twice. Leave one out; another seed is another run.")
        found.append(point)
    return found


def _contents(parameters: Mapping[str, Any]) -> dict[str, Any]:
    """What the files say, in place of where they are: an edited prompt makes another run."""
    from ..execute.candidates import read_candidates

    found: dict[str, Any] = {}
    if file := parameters.get("candidates_file"):
        found["candidates_file"] = [one.model_dump(exclude={"prompt_file"}) for one in read_candidates(file)]
    if file := parameters.get("cases_file"):
        found["cases_file"] = sha256(Path(file).read_bytes()).hexdigest()
    return found


def _short(value: Any) -> str:
    """A value in a folder's name: of a file its folder and stem, of a list its items."""
    if isinstance(value, list | tuple):
        return "+".join(str(one).rpartition("/")[2] for one in value)
    return "-".join(Path(value).with_suffix("").parts[-2:]) if isinstance(value, str) else str(value)


def _text(value: Any) -> str:
    return json.dumps(value) if isinstance(value, list | dict) else str(value)
