"""Folders that somebody else filled: left alone, or scored without a file of theirs being touched."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RunError, UsageError
from ..log import setup_logging
from .json_io import CONFIG_COPY, PLANNED, is_config, json_text, read_config
from .lock import claim
from .paths import RESPONSES, made_folder
from .provenance import about, now
from .tables import read_table, table_text, write_atomically, write_table

if TYPE_CHECKING:
    import pandas as pd

logger = setup_logging(__name__)
BESIDE = "benchkit"  # the folder inside theirs for our results, where theirs are in the way
CASES, SCORES, BROUGHT_SCORES = "validated_tests.csv", "scores.csv", "brought_scores.csv"
# What benchkit makes from answers that are there: none of these may be somebody else's.
MADE = (
    *("config.json", "scores.csv", "metrics.json", "metrics_report.json", "analysis_report.md"),
    *("commentary.json", "judgements.csv", "labels.csv", "debug.log", "figures", "html", "notebooks"),
)
NOTHING = (".lock", ".owner.json", ".DS_Store", ".gitkeep", ".ipynb_checkpoints")


def is_run(path: Path) -> bool:
    """Whether benchkit began a run in this folder."""
    begun = (CONFIG_COPY, PLANNED, "calls.sqlite")
    return any((path / name).exists() for name in begun) or is_config(path / "config.json")


def is_brought(name: str) -> bool:
    """Whether an imported run has this file from elsewhere, so that nobody may write over it."""
    return name in ("initial_tests.csv", CASES, BROUGHT_SCORES) or name.endswith(RESPONSES)


def refuse_foreign(path: Path) -> None:
    """Raises UsageError for a folder that holds anything and is no run: nothing is written into it."""
    if not path.is_dir() or is_run(path):
        return
    held = sorted(entry.name for entry in path.iterdir() if not _is_nothing(entry))
    if held:
        more = f" and {len(held) - 3} more" if len(held) > 3 else ""
        raise UsageError(
            f"{path.resolve()} holds {', '.join(held[:3])}{more} and is no run of benchkit, so nothing is "
            "written into it. Name a folder that is new or empty. To score answers that lie in it, start "
            "with 04_measure.ipynb (benchkit run FOLDER --from 04)."
        )


def _is_nothing(entry: Path) -> bool:
    """papermill may keep the very notebook that is running in the run's folder."""
    if entry.suffix == ".ipynb" and entry.is_file():
        return '"output_path"' in entry.read_text("utf-8", "replace")
    return entry.name in NOTHING


def scored_at(path: Path) -> Path:
    """The run folder for answers or scores that lie in `path`: it, or one inside where it is taken.

    The folder inside holds copies of the cases, answers and scores as they are now, so that it stands
    alone. Scores without any cases give those that they are of, without text. Raises RunError where there is
    nothing to score.
    """
    if not (path / CASES).exists() and (path / SCORES).exists():
        return _scores_alone(path)
    if not (path / CASES).exists():
        raise RunError(
            f"{path} has neither config.json nor {CASES}, so it is no run. Run 01_generate.ipynb, or put "
            f"your cases there as {CASES}."
        )
    taken = [name for name in MADE if (path / name).exists()]
    target = path / BESIDE if taken else path
    if taken:
        refuse_foreign(target)
        _check_readable(path, target)
        made_folder(target)
        _copy_inputs(path, target)
        logger.warning(
            "%s holds %s, which benchkit did not make: its results go into %s.",
            path, ", ".join(taken[:4]) + (" …" if len(taken) > 4 else ""), target.resolve(),
        )  # fmt: skip
    if not (target / "config.json").exists():
        _write_config(target)
    return target


def _scores_alone(path: Path) -> Path:
    """The run folder for a table of scores and nothing else; cases without a kind are of the kind "all"."""
    scores = _lone_scores(path)
    refuse_foreign(target := path / BESIDE)
    made_folder(target)
    write_table(target / BROUGHT_SCORES, scores)
    ids = scores["id"].drop_duplicates()
    told = "(only the scores of case " + ids.astype(str) + " were brought)"
    cases = {"id": ids, "prompt": told, "test_case": "conversation", "golden_response": told}
    write_table(target / CASES, ids.to_frame().assign(**cases))
    logger.warning("%s holds scores alone: what they show goes into %s.", path, target.resolve())
    if not (target / "config.json").exists():
        _write_config(target)
    return target


def _lone_scores(path: Path) -> pd.DataFrame:
    scores = read_table(path / SCORES)
    scores["test_case"] = scores["test_case"].replace("", "all")
    return scores


def changed_since_copied(target: Path) -> Iterator[str]:
    """A sentence for each file beside a run of answers or scores from elsewhere that is not as it was copied.

    Reads only; nothing for a run that has no copies.
    """
    source = target.parent
    if target.name != BESIDE or read_config(target)["provider"] != "imported":
        return
    alone = not (source / CASES).exists() and (source / SCORES).exists()
    for file, name in [(source / SCORES, BROUGHT_SCORES)] if alone else _inputs(source):
        if not file.exists() or _is_as_copied(file, target / name, alone):
            continue
        yield (
            f"{file} has changed since it was copied to {target / name}: the numbers are those of the copy. "
            f"Run 04_measure.ipynb on {source} to measure what is there now."
        )


def _is_as_copied(file: Path, copy: Path, alone: bool) -> bool:
    if not copy.exists():
        return False
    if not alone:
        return file.read_bytes() == copy.read_bytes()
    try:
        return table_text(_lone_scores(file.parent)) == table_text(read_table(copy))
    except RunError:
        return False  # it could be read when it was copied


def _inputs(path: Path) -> Iterator[tuple[Path, str]]:
    """What there is to score, and what a run calls it."""
    yield path / CASES, CASES
    yield from ((file, file.name) for file in sorted(path.glob("*" + RESPONSES)))
    if (path / SCORES).exists():
        yield path / SCORES, BROUGHT_SCORES


def _check_readable(path: Path, target: Path) -> None:
    """Raises RunError that names their file, and not a copy of it that nobody has seen."""
    for file, name in _inputs(path):
        if not _is_as_copied(file, target / name, alone=False):
            read_table(file)


def _copy_inputs(path: Path, target: Path) -> None:
    wanted = {name: file for file, name in _inputs(path)}
    for old in target.iterdir():
        if is_brought(old.name) and old.name not in wanted:
            old.unlink()
    for name, file in wanted.items():
        if not _is_as_copied(file, target / name, alone=False):
            shutil.copyfile(file, target / name)


def imported() -> dict[str, Any]:
    """The configuration of answers that nobody asked for here."""
    return {"provider": "imported", "seed": 7, "started": now(), "parameters": {}}


def _write_config(path: Path) -> None:
    text = json_text(imported() | about())
    with claim(path):
        for name in ("config.json", CONFIG_COPY):
            write_atomically(path / name, text)
