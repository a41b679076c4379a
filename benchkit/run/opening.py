"""A run folder begun, continued, or taken over from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from ..errors import RunError, UsageError
from ..log import log_to, setup_logging
from .artifacts import Run
from .paths import located, made_folder, new_run_dir, newest_run_dir, response_files
from .provenance import about
from .resuming import restore_config

logger = setup_logging(__name__)
PROVIDERS = ("offline", "groq")
# What 01 fixes for the whole run: with another value it would be another run.
IDENTITY = ("provider", "seed", "cases_file")


def open_run(run_dir: str | Path = "") -> Run:
    """The run in `run_dir`; empty: the newest. A folder without config.json is taken as imported.

    Raises RunError when the folder does not exist or holds nothing of a run.
    """
    path = located(run_dir) if str(run_dir) else newest_run_dir()
    if not path.is_dir():
        raise RunError(f"{run_dir} is not a folder. Give the path of a run folder, such as runs/run_….")
    run = _at_hand(path)
    if not (path / "config.json").exists():
        _adopt(run)
    run.config  # noqa: B018 - a damaged config.json is said here, before anything is made
    return run


def _at_hand(path: Path) -> Run:
    """The run at `path`, its log open, and its tables shown as text: a price is no formula."""
    import pandas as pd

    pd.set_option("display.html.use_mathjax", False)
    log_to(path.resolve())
    restore_config(path)
    return Run(path.resolve())


def start_run(run_dir: str | Path = "", *, provider: str, seed: int, **parameters: Any) -> Run:
    """The run that 01 begins: a new folder, or one that was begun with the same provider and seed.

    Raises UsageError for a provider that does not exist, RunError for a folder of another configuration.
    """
    if provider not in PROVIDERS:
        raise UsageError(f"provider = {provider!r} is not known. Use one of: {', '.join(PROVIDERS)}.")
    if isinstance(seed, bool) or not isinstance(seed, int) or seed < 0:
        raise UsageError(f"seed = {seed!r} is not usable. Use a whole number, 0 or more.")
    path = made_folder(located(run_dir) if str(run_dir) else new_run_dir())
    run = _at_hand(path)
    own = {"provider": provider, "seed": seed} | parameters
    recorded = run.config if (path / "config.json").exists() else {"parameters": {}}
    _same_run(run.path, recorded, own)
    fixed = {"provider": provider, "seed": seed, "started": recorded.get("started", _now())}
    everything = {"parameters": recorded["parameters"] | {"01_generate": own}}
    run.save_config(recorded | fixed | everything | about())
    logger.info("run %s started: %s", run.path.name, own)
    return run


def _adopt(run: Run) -> None:
    """Give a folder that was filled elsewhere the config.json that benchkit needs, and touch nothing else."""
    if (run.path / "calls.sqlite").exists():
        raise RunError(
            f"{run.path} has lost its config.json, and what it was made with is known nowhere else. Put it "
            "back, or name another run_dir."
        )
    if not (run.path / "validated_tests.csv").exists():
        raise RunError(
            f"{run.path} has neither config.json nor validated_tests.csv, so it is no run. "
            "Run 01_generate.ipynb, or put your cases there as validated_tests.csv."
        )
    imported = {"provider": "imported", "seed": 7, "started": _now(), "parameters": {}}
    run.save_config(imported | about())


def _same_run(path: Path, recorded: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Raises RunError where 01 would write over what somebody else made or another configuration."""
    if "provider" not in recorded and (path / "calls.sqlite").exists():
        raise RunError(
            f"{path} has lost its config.json, and 01 would write over what was made with it. Put it "
            "back, or name another run_dir."
        )
    foreign = [*path.glob("validated_tests.csv"), *response_files(path).values()]
    if recorded.get("provider") == "imported" or (foreign and "provider" not in recorded):
        raise RunError(
            f"{path} holds {foreign[0].name if foreign else 'cases'} from elsewhere, which 01 and 02 would "
            "write over. Start with 04_measure.ipynb to score it, or name another run_dir."
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


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="microseconds")
