"""Folders that somebody else filled: left alone, or scored without a file of theirs being touched."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RunError, UsageError
from ..log import setup_logging
from .config import CONFIG, about, is_run, now, read_config, save_config
from .paths import RESPONSES, made_folder
from .tables import ARTIFACTS, encoded, read_table, table_text

if TYPE_CHECKING:
    import pandas as pd

logger = setup_logging(__name__)
BESIDE = "benchkit"  # the folder inside theirs for our results, where theirs are in the way
CASES, SCORES, BROUGHT_SCORES = "validated_tests.csv", "scores.csv", "brought_scores.csv"
_THEIRS = {BROUGHT_SCORES: SCORES}  # what they call a file that a run calls otherwise
# What benchkit makes from answers that are there: none of these may be somebody else's.
MADE = (
    *(CONFIG, SCORES, "scores.parquet", "metrics.json", "metrics_report.json", "analysis_report.md"),
    *("commentary.json", "judgements.csv", "planted_answers.csv", "calls.sqlite"),
    *("labels.csv", "debug.log", "figures", "html", "notebooks"),
)
NOTHING = (".lock", ".owner.json", ".DS_Store", ".gitkeep", ".ipynb_checkpoints")


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

    The folder inside holds copies of the cases, answers and scores as they are now, so that it stands alone.
    Raises RunError where there is nothing to score.
    """
    if not (path / CASES).exists() and not (path / SCORES).exists():
        raise RunError(
            f"{path} has neither config.json nor {CASES}, so it is no run. Run 01_generate.ipynb, or put "
            f"your cases there as {CASES}."
        )
    taken = [name for name in MADE if (path / name).exists()]
    target = path / BESIDE if taken else path
    if taken:
        refuse_foreign(target)
        _copy(path, target)
        logger.warning(
            "%s holds %s, which benchkit did not make: its results go into %s.",
            path, ", ".join(taken[:4]) + (" …" if len(taken) > 4 else ""), target.resolve(),
        )  # fmt: skip
    if not (target / CONFIG).exists():
        save_config(target, imported() | about())
    return target


def imported() -> dict[str, Any]:
    """The configuration of answers that nobody asked for here."""
    return {"provider": "imported", "seed": 7, "started": now(), "parameters": {}}


def changed_since_copied(target: Path) -> Iterator[str]:
    """A sentence for each file beside a run of answers or scores from elsewhere that is not as it was copied.

    Reads only; nothing for a run that has no copies.
    """
    source = target.parent
    if target.name != BESIDE or read_config(target)["provider"] != "imported":
        return
    for name in _changed(source, target):
        if (file := source / _THEIRS.get(name, name)).exists():
            yield (
                f"{file} has changed since it was copied to {target / name}: the numbers are those of the "
                f"copy. Run 04_measure.ipynb on {source} to measure what is there now."
            )


def _brought(path: Path) -> dict[str, bytes]:
    """What a run of what lies in `path` holds, by the name that it has there.

    Scores without any cases give those that they are of, without text; cases without a kind are of the kind
    "all". Raises RunError for such scores that cannot be read.
    """
    if (path / CASES).exists() or not (path / SCORES).exists():
        names = [CASES, *sorted(file.name for file in path.glob("*" + RESPONSES)), BROUGHT_SCORES]
        files = {name: path / _THEIRS.get(name, name) for name in names}
        return {name: file.read_bytes() for name, file in files.items() if file.exists()}
    scores = read_table(path / SCORES)
    scores["test_case"] = scores["test_case"].replace("", "all")
    cases = scores[["id"]].drop_duplicates()
    told = "(only the scores of case " + cases["id"].astype(str) + " were brought)"
    cases = cases.assign(prompt=told, test_case="conversation", golden_response=told)
    return {name: encoded(table_text(one)) for name, one in ((BROUGHT_SCORES, scores), (CASES, cases))}


def _changed(source: Path, target: Path) -> dict[str, bytes]:
    """What of `_brought(source)` is not in `target` as it is now."""
    try:
        brought = _brought(source)
    except RunError:
        brought = {BROUGHT_SCORES: b""}  # it could be read when it was copied
    return {
        name: data
        for name, data in brought.items()
        if not (target / name).exists() or (target / name).read_bytes() != data
    }


def _copy(source: Path, target: Path) -> None:
    """Raises RunError that names their file, and not a copy of it that nobody has seen."""
    changed = _changed(source, target)
    for name in changed:
        if (file := source / _THEIRS.get(name, name)).exists():
            read_table(file)
    made_folder(target)
    wanted = _brought(source)
    for old in target.iterdir():
        if is_brought(old.name) and old.name not in wanted:
            old.unlink()
    for name, data in changed.items():
        (target / name).write_bytes(data)


def with_their_cases(scores: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Brought scores of these cases, with what they know of kind, category and family filled in.

    Raises RunError for two values of one thing.
    """
    known = cases.drop_duplicates("id").set_index("id")
    scores = scores[scores["id"].isin(known.index)].reset_index(drop=True)
    for name in ("test_case", "category", "family"):
        scores[name] = scores[name].where(scores[name] != "", scores["id"].map(known[name]))
    key = ["id", "model", "round", "metric"]
    if (twice := scores.duplicated(key)).any():
        row = dict(zip(key, scores.loc[twice, key].iloc[0], strict=True))
        raise RunError(f"{SCORES} has two values for {row}. Keep one.")
    return scores


def responses_behind(scores: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """The responses that scores are of, as far as those tell."""
    rows = scores[["id", "test_case", "category", "model", "round"]].drop_duplicates(ignore_index=True)
    rows["prompt"] = rows["id"].map(dict(zip(cases["id"], cases["prompt"], strict=True)))
    for name, kind in ARTIFACTS[RESPONSES].columns.items():
        if name not in rows:
            rows[name] = "" if kind == "text" else float("nan")
    responses = rows.assign(status="answered")
    responses.attrs |= {"simulated": False, "scores_only": True}
    return responses
