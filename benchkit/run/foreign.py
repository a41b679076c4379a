"""Folders that somebody else filled: left alone, or scored without a file of theirs being touched."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import RunError, UsageError
from ..log import setup_logging
from ..wording import count, listed
from .config import CONFIG, about, is_run, now, save_config
from .paths import made_folder
from .responses import RESPONSES
from .tables import encoded, read_table, table_text

if TYPE_CHECKING:
    import pandas as pd

logger = setup_logging(__name__)
BESIDE = "benchkit"  # the folder inside theirs for our results, where theirs are in the way
CASES, SCORES, BROUGHT_SCORES = "validated_tests.csv", "scores.csv", "brought_scores.csv"
# What benchkit makes from answers that are there: none of these may be somebody else's.
MADE = (
    *(CONFIG, SCORES, "scores.parquet", "metrics.json", "metrics_report.json", "analysis_report.md"),
    *("commentary.json", "judgements.csv", "planted_answers.csv", "calls.sqlite"),
    *("labels.csv", "debug.log", "figures", "html", "notebooks"),
)
NAMED = 5  # cases of many that are named
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
        raise UsageError(
            f"{path.resolve()} holds {', '.join(held[:3])} and is no run of benchkit, so nothing is "
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
            path, listed(taken), target.resolve(),
        )  # fmt: skip
    if not (target / CONFIG).exists():
        save_config(target, imported() | about())
    return target


def imported() -> dict[str, Any]:
    """The configuration of answers that nobody asked for here."""
    return {"provider": "imported", "seed": 7, "started": now(), "parameters": {}}


def _copy(source: Path, target: Path) -> None:
    """Copy what was brought. Scores without any cases give those that they are of, without text.

    Raises RunError that names their file, and not a copy of it that nobody has seen.
    """
    files = {CASES: source / CASES, BROUGHT_SCORES: source / SCORES}
    files |= {file.name: file for file in source.glob("*" + RESPONSES)}
    brought = {name: file.read_bytes() for name, file in files.items() if file.exists()}
    if CASES not in brought:
        scores = read_table(source / SCORES)
        scores["test_case"] = scores["test_case"].replace("", "all")
        cases = scores[["id"]].drop_duplicates()
        told = "(only the scores of case " + cases["id"].astype(str) + " were brought)"
        cases = cases.assign(prompt=told, test_case="conversation", golden_response=told)
        brought = {name: encoded(table_text(one)) for name, one in ((BROUGHT_SCORES, scores), (CASES, cases))}
    there = {old.name: old.read_bytes() for old in target.glob("*.csv") if is_brought(old.name)}
    changed = {name: data for name, data in brought.items() if there.get(name) != data}
    for name in changed:
        if files[name].exists():
            read_table(files[name])
    made_folder(target)
    for name in there.keys() - brought.keys():
        (target / name).unlink()
    for name, data in changed.items():
        (target / name).write_bytes(data)


def with_their_cases(scores: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """Brought scores of these cases, with what they know of kind, category and family filled in.

    What is missing has a row without a value: a model is due a score for each case of a metric's kind in
    each round that it has scores in. `attrs["warnings"]` says what is not used, and which cases have none.
    Raises RunError for two values of one thing.
    """
    known = cases.drop_duplicates("id").set_index("id")
    other = scores.loc[~scores["id"].isin(known.index), "id"].unique()
    scores = scores[scores["id"].isin(known.index)].reset_index(drop=True)
    for name in _ABOUT:
        scores[name] = scores[name].where(scores[name] != "", scores["id"].map(known[name]))
    if (twice := scores.duplicated(_KEY)).any():
        _, row = next(scores[twice].iterrows())
        raise RunError(
            f"{SCORES} has two values of {row['metric']} for {row['model']} on case {row['id']} in round "
            f"{row['round']}. Keep one."
        )
    whole = _with_missing(scores, known)
    unscored = [
        str(id) for id, value in whole.groupby("id", sort=False)["value"].count().items() if not value
    ]
    whole.attrs["warnings"] = [
        *_of_ids(other, "{count} of {file} {are} not in validated_tests.csv, so {their} scores are not used"),
        *_of_ids(unscored, "{count} of validated_tests.csv {have} no score in {file}, and {are} unscored"),
    ]
    return whole


_ABOUT = ("test_case", "category", "family")
_KEY = ["id", "model", "round", "metric"]


def _with_missing(scores: pd.DataFrame, known: pd.DataFrame) -> pd.DataFrame:
    """The scores, below them a row without a value for each that is due and not there."""
    import pandas as pd

    kinds = scores[["id", "test_case"]].drop_duplicates()
    others = known.loc[~known.index.isin(kinds["id"]), "test_case"].reset_index()
    due = scores[["model", "metric", "round", "test_case"]].drop_duplicates()
    due = due.merge(pd.concat([kinds, others]), on="test_case")
    due = due.merge(scores[_KEY], on=_KEY, how="left", indicator=True)
    missing = due[due.pop("_merge") == "left_only"]
    if len(missing):
        about = {name: missing["id"].map(known[name]) for name in _ABOUT[1:]}
        scores = pd.concat([scores, missing.assign(**about)], ignore_index=True)
    absent = scores["value"].isna() & (scores["reason"].fillna("") == "")
    return scores.assign(reason=scores["reason"].mask(absent, "no score brought"))


def _of_ids(ids: Sequence[str], text: str) -> Iterator[str]:
    """`text` said of cases, by name as far as they are few; nothing of none."""
    if len(ids):
        one = len(ids) == 1
        words = {"are": "is", "have": "has", "their": "its"} if one else {}
        words = {"are": "are", "have": "have", "their": "their"} | words
        said = text.format(count=count(len(ids), "case"), file=SCORES, **words)
        yield f"{said}: {', '.join(ids[:NAMED])}{', …' if len(ids) > NAMED else ''}."
