"""CSV tables as a run keeps them: typed columns, whole or not at all, safe to open in a spreadsheet."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import RunError

if TYPE_CHECKING:
    import pandas as pd

TEXT, INTEGER, NUMBER = "object", "Int64", "float64"
_CASE = {
    "id": TEXT,
    "prompt": TEXT,
    "test_case": TEXT,
    "category": TEXT,
    "golden_response": TEXT,
    "response_schema": TEXT,
    "attempt": INTEGER,
    "parent_id": TEXT,
    "problem": TEXT,  # why the row cannot be used; "" where it can
}
_VALIDATED = _CASE | {
    "prompt_quality_score": NUMBER,
    "response_quality_score": NUMBER,
    "validation_message": TEXT,
    "validation_timestamp": TEXT,
}
_RESPONSE = {
    "id": TEXT,
    "prompt": TEXT,
    "test_case": TEXT,
    "round": INTEGER,
    "model_response": TEXT,
    "status": TEXT,
    "error": TEXT,
    "timestamp": TEXT,
    "latency_s": NUMBER,
    "queue_s": NUMBER,
    "prompt_tokens": INTEGER,
    "completion_tokens": INTEGER,
    "cost_usd": NUMBER,
}
_SCORE = {
    "id": TEXT,
    "test_case": TEXT,
    "category": TEXT,
    "model": TEXT,
    "round": INTEGER,
    "metric": TEXT,
    "value": NUMBER,
    "reason": TEXT,
}


@dataclass(frozen=True)
class Artifact:
    """A table's columns with their types, those it cannot do without, and the notebook that makes it."""

    columns: dict[str, str]
    needed: tuple[str, ...]
    maker: str


_BARE_CASE = ("id", "prompt", "test_case", "golden_response")
_BARE_RESPONSE = ("id", "model_response", "round")
ARTIFACTS = {
    "initial_tests.csv": Artifact(_CASE, _BARE_CASE, "01_generate"),
    "validated_tests.csv": Artifact(_VALIDATED, _BARE_CASE, "02_validate"),
    "rejected_tests.csv": Artifact(_VALIDATED | {"reason": TEXT}, ("id", "reason"), "02_validate"),
    "_all_responses.csv": Artifact(_RESPONSE, _BARE_RESPONSE, "03_execute"),
    "scores.csv": Artifact(_SCORE, tuple(_SCORE), "04_measure"),
}
# A cell that begins so is run as a formula by a spreadsheet. The apostrophe that stops it is added once
# on the way out and taken away once on the way in, so that every text comes back as it was.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NEUTRALISED = re.compile(r"'+[=+\-@\t\r]")
_UNWRITABLE = re.compile(r"[\x00\ud800-\udfff]")  # NUL and lone surrogates have no place in a CSV file


def neutralise(text: str) -> str:
    """`text` so that no spreadsheet runs it; `restore` gives it back."""
    return "'" + text if _FORMULA.match(text) else text


def restore(text: str) -> str:
    return text[1:] if _NEUTRALISED.match(text) else text


def write_atomically(path: Path, text: str) -> None:
    """`text` under a temporary name, on disk, then renamed: a reader sees the old file or the new one.

    Raises RunError when it cannot be written; the file that was there stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with open(temporary, "w", encoding="utf-8", errors="backslashreplace", newline="") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise RunError(
            f"{path} cannot be written ({error.strerror}). Free the disk or the folder."
        ) from error


def write_table(path: Path, frame: pd.DataFrame) -> None:
    """`frame` as CSV, text cells neutralised."""
    out = frame.copy()
    for column in out.columns:
        if not _is_numeric(out[column]):
            out[column] = [neutralise(_UNWRITABLE.sub("�", _text(cell))) for cell in out[column]]
    write_atomically(path, out.to_csv(index=False, lineterminator="\n"))


def read_table(path: Path) -> pd.DataFrame:
    """An artifact's table with every column it should have, typed; text that is absent is "".

    Raises RunError that names the file, what is wrong with it, and the notebook that makes it.
    """
    artifact = _artifact(path)
    frame = _raw(path, artifact)
    absent = [column for column in artifact.needed if column not in frame.columns]
    if absent:
        raise RunError(
            f"{path} has no column {', '.join(absent)}. Run {artifact.maker}.ipynb again, or add the column."
        )
    for column, kind in artifact.columns.items():
        frame[column] = _typed(path, artifact, frame, column, kind)
    return frame[[*artifact.columns, *(c for c in frame.columns if c not in artifact.columns)]]


def _artifact(path: Path) -> Artifact:
    return next(artifact for suffix, artifact in ARTIFACTS.items() if path.name.endswith(suffix))


def _raw(path: Path, artifact: Artifact) -> pd.DataFrame:
    import pandas as pd

    if not path.exists():
        raise RunError(f"{path.parent} has no {path.name}. Run {artifact.maker}.ipynb on it first.")
    try:
        return pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig", na_filter=False)
    except (ValueError, OSError) as error:  # pandas' parser errors are ValueErrors
        reason = str(error).strip().splitlines()[0]
        raise RunError(f"{path} cannot be read ({reason}). Run {artifact.maker}.ipynb again.") from error


def _typed(path: Path, artifact: Artifact, frame: pd.DataFrame, column: str, kind: str) -> pd.Series:
    import pandas as pd

    if column not in frame.columns:
        frame[column] = ""
    if kind == TEXT:
        return frame[column].map(restore).astype("object")
    numbers = pd.to_numeric(frame[column].replace("", None), errors="coerce")
    bad = numbers.isna() & (frame[column] != "")
    if bad.any():
        row = int(bad.to_numpy().argmax())
        raise RunError(
            f"{path} row {row + 2}: {column} = {frame[column].iloc[row]!r} is not a number. "
            f"Mend it, or run {artifact.maker}.ipynb again."
        )
    return numbers.round().astype("Int64") if kind == INTEGER else numbers.astype("float64")


def _is_numeric(column: pd.Series) -> bool:
    from pandas.api.types import is_numeric_dtype

    return is_numeric_dtype(column)


def _text(cell: Any) -> str:
    import pandas as pd

    return cell if isinstance(cell, str) else "" if cell is None or pd.isna(cell) else str(cell)
