"""A run folder begun, continued, taken over from elsewhere, or only read."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import RunError
from ..log import log_to, setup_logging
from ..values import checked
from .artifacts import Run
from .config import CONFIG, about, is_begun, is_run, now, read_config, save_config
from .foreign import BESIDE, CASES, refuse_foreign, scored_at
from .paths import located, made_folder, new_run_dir, newest_run_dir

logger = setup_logging(__name__)
# What 01 fixes for the whole run: with another value it would be another run.
IDENTITY = ("provider", "seed", "cases_file")


def open_run(run_dir: str | Path = "") -> Run:
    """The run in `run_dir`; empty: the newest. Answers made elsewhere become an `imported` one.

    Nothing of theirs is written over: where files that benchkit would make lie in that folder already, the
    run is its folder `benchkit`. Raises RunError when the folder does not exist or holds nothing of a run.
    """
    path = _found(run_dir)
    if not is_run(path):
        if not (path / CASES).exists() and (path / CONFIG).exists():
            read_config(path)  # says what is wrong with it
        path = scored_at(path)
    read_config(path)  # a damaged one is said here, before anything is made
    return _at_hand(path)


def read_run(run_dir: str | Path = "") -> Run:
    """The run in `run_dir`, or the newest, to be read only: nothing is written or logged there.

    Raises RunError as `open_run` does.
    """
    run = Run(results_in(_found(run_dir)))
    run.config  # noqa: B018 - raises where there is no run
    return run


def results_in(path: Path) -> Path:
    """The folder of the run in `path`: it, or the one inside where what was brought is in the way."""
    return path / BESIDE if not is_run(path) and is_run(path / BESIDE) else path


def _found(run_dir: str | Path) -> Path:
    path = located(run_dir) if str(run_dir) else newest_run_dir()
    if not path.is_dir():
        raise RunError(f"{path} is not a folder. Give the path of a run folder, such as runs/run_….")
    return path.resolve()


def _at_hand(path: Path) -> Run:
    """The run at `path`, its log open, and its tables shown as text: a price is no formula."""
    import pandas as pd

    pd.set_option("display.html.use_mathjax", False)
    log_to(path)
    return Run(path)


def begun_folder(run_dir: str | Path = "") -> Path:
    """The folder that a run begins or goes on in, made where it is missing; empty: a new one under `runs/`.

    Raises UsageError for a folder that holds something else than a run.
    """
    if not str(run_dir):
        return new_run_dir().resolve()
    path = located(run_dir)
    refuse_foreign(path)
    return made_folder(path).resolve()


def start_run(run_dir: str | Path = "", *, provider: str, seed: int, **parameters: Any) -> Run:
    """The run that 01 begins: a new folder, or one that was begun with the same provider and seed.

    Raises UsageError for values that 01 cannot have and a folder that is somebody else's, RunError for a
    folder of another configuration.
    """
    own = {"provider": provider, "seed": seed} | parameters
    checked("01_generate", own)
    run = _at_hand(begun_folder(run_dir))
    recorded = run.config if is_begun(run.path) else {"parameters": {}}
    _same_run(run.path, recorded, own)
    fixed = {"provider": provider, "seed": seed, "started": recorded.get("started", now())}
    fixed["parameters"] = recorded["parameters"] | {"01_generate": own}
    save_config(run.path, recorded | fixed | about())
    logger.info("run %s started: %s", run.path.name, own)
    return run


def _same_run(path: Path, recorded: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raises RunError where 01 would write over what somebody else made or another configuration."""
    if recorded.get("provider") == "imported":
        raise RunError(
            f"{path} holds answers from elsewhere, whose cases 01 and 02 would write over. Start with "
            "04_measure.ipynb to score them, or name another run_dir."
        )
    if not any((path / name).exists() for name in ("initial_tests.csv", "calls.sqlite")):
        return  # Nothing was made with what is recorded, such as the name of a file that cannot be read.
    made_with = {**recorded, **recorded["parameters"].get("01_generate", {})}
    for name in IDENTITY:
        if name in made_with and made_with[name] != wanted.get(name, made_with[name]):
            raise RunError(
                f"{path} was made with {name} = {made_with[name]!r}, not {wanted[name]!r}. "
                f"Continue it with {name} = {made_with[name]!r}, or start a new run."
            )
