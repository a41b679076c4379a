"""CSV tables as a run keeps them: typed columns, whole or not at all, safe to open in a spreadsheet."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import InputError, RunError, unwritable
from .delimited import Row, read_row_chunks, read_rows

if TYPE_CHECKING:
    import pandas as pd

MOST_SAID, MOST_SHOWN = 20, 60  # bad cells of a table, and characters of one
DEFAULTS = {"attempt": "1"}  # a case that somebody wrote by hand is a first attempt


def _columns(text: str) -> dict[str, str]:
    """Names with their types: `name` is text, `name:integer` a whole number, `name:number` any."""
    return {name: kind or "text" for name, _, kind in (one.partition(":") for one in text.split())}


_CASE = _columns(
    "id prompt test_case category family golden_response response_schema requirements attempt:integer "
    "parent_id problem"  # why the row cannot be used; "" where it can
)
_VALIDATED = _CASE | _columns(
    "prompt_quality_score:number response_quality_score:number validation_message validation_timestamp"
)
_RESPONSE = _columns(
    "id prompt test_case round:integer model_response status error timestamp latency_s:number queue_s:number "
    "prompt_tokens:integer completion_tokens:integer cost_usd:number"
)
_SCORE = _columns(
    "id test_case category family model round:integer metric value:number reason content:number"
)
_JUDGEMENT = _columns("id model round:integer requirement met:number quote status first_fault")
_PLANTED_ANSWER = _columns(
    "id fault answer round:integer requirement should_be:number met:number quote status first_fault"
)


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
    "rejected_tests.csv": Artifact(_VALIDATED | _columns("reason"), ("id", "reason"), "02_validate"),
    "review.csv": Artifact(
        _columns("case who when before after reason"), ("case", "before", "after", "reason"), "02_validate"
    ),
    "planted_tests.csv": Artifact(
        _VALIDATED | _columns("planted_from fault checks_found verdict"),
        ("id", "fault", "verdict"),
        "02_validate",
    ),
    "_all_responses.csv": Artifact(_RESPONSE, _BARE_RESPONSE, "03_execute"),
    "judgements.csv": Artifact(_JUDGEMENT, ("id", "model", "round", "requirement", "met"), "04_measure"),
    "labels.csv": Artifact(
        _columns("id round:integer model_a model_b preferred labeller time"),
        ("id", "preferred"),
        "04_measure",
    ),
    "planted_answers.csv": Artifact(_PLANTED_ANSWER, ("id", "fault", "requirement", "met"), "04_measure"),
    "scores.csv": Artifact(_SCORE, ("id", "model", "round", "metric", "value"), "04_measure"),
}
# A cell that begins so is run as a formula by a spreadsheet. The apostrophe that stops it is added once
# on the way out and taken away once on the way in, so that every text comes back as it was.
_FORMULA = re.compile(r"'*[=+\-@\t\r\n＝＋－＠]")
_NEUTRALISED = re.compile(r"'+[=+\-@\t\r\n＝＋－＠]")
UNWRITABLE = re.compile(r"[\x00\ud800-\udfff]")  # NUL and lone surrogates have no place in a CSV file


def neutralise(text: str) -> str:
    """`text` so that no spreadsheet runs it; `restore` gives it back."""
    return "'" + text if _FORMULA.match(text) else text


def restore(text: str) -> str:
    return text[1:] if text[:1] == "'" and _NEUTRALISED.match(text) else text


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """A temporary file that takes the place of `path` when the block ends well: old or new, never half.

    Raises RunError when it cannot be written; the file that was there stays.
    """
    temporary = path.with_name(f".{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        with open(temporary, "rb") as file:
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise unwritable(path, error) from error
    finally:
        with suppress(OSError):  # on a disk that turned read-only; it would hide why
            temporary.unlink(missing_ok=True)


def write_atomically(path: Path, text: str) -> None:
    """`text` as UTF-8, through `replacing`."""
    with replacing(path) as temporary:
        temporary.write_bytes(encoded(text))


def encoded(text: str) -> bytes:
    """`text` as UTF-8, a lone surrogate as its escape."""
    return text.encode("utf-8", "backslashreplace")


def write_table(path: Path, frame: pd.DataFrame) -> None:
    write_atomically(path, table_text(frame))


def table_text(frame: pd.DataFrame) -> str:
    """`frame` as CSV (RFC 4180), text cells and column names neutralised."""
    from pandas.api.types import is_numeric_dtype

    out = frame.rename(columns=neutralise)
    for column in out.columns:
        if not is_numeric_dtype(out[column]):
            texts = out[column].astype("object").where(out[column].notna(), "")
            # One by one: with pyarrow installed, pandas' own strings hold no lone surrogate.
            out[column] = [neutralise(UNWRITABLE.sub("�", str(text))) for text in texts]
    # With lines that end on \n alone, cells with a \r in them would not be quoted.
    return out.to_csv(index=False, lineterminator="\r\n")


def read_table(path: Path, *, or_empty: bool = False) -> pd.DataFrame:
    """An artifact's table with every column it should have, typed; text that is absent is "".

    With `or_empty` a file that is not there is a table without rows. Raises RunError that names the file,
    what is wrong with it, and the notebook that makes it.
    """
    artifact = _artifact(path)
    if or_empty and not path.exists():
        return _typed(path, artifact, list(artifact.columns), [])
    if not path.exists():
        raise RunError(f"{path.parent} has no {path.name}. Run {artifact.maker}.ipynb on it first.")
    try:
        # Not pandas' reader: it fills up and shifts rows that lack or exceed the columns.
        names, rows = read_rows(path, artifact.needed, artifact.columns, guess=not _is_ours(path))
    except InputError as error:
        raise RunError(f"{error} {_remedy(path, artifact)}") from error
    return _typed(path, artifact, names, rows)


def read_chunks(path: Path, size: int) -> Iterator[pd.DataFrame]:
    """`read_table` of a UTF-8 file, `size` rows at a time: all of it is never in memory.

    Raises RunError as that does, when it comes to the place.
    """
    artifact = _artifact(path)
    first = 2
    try:
        for names, rows in read_row_chunks(path, artifact.needed, artifact.columns, size):
            yield _typed(path, artifact, names, rows, first)
            first += len(rows)
    except InputError as error:
        raise RunError(f"{error} {_remedy(path, artifact)}") from error


def _artifact(path: Path) -> Artifact:
    return next(artifact for suffix, artifact in ARTIFACTS.items() if path.name.endswith(suffix))


def _typed(
    path: Path, artifact: Artifact, names: Sequence[str], rows: Sequence[Row], first: int = 2
) -> pd.DataFrame:
    """The table with every column, typed; its rows are numbered from `first` in what is said of them."""
    import pandas as pd

    frame = _cells(path, artifact, names, rows)
    bad: list[tuple[int, str]] = []
    for column, kind in artifact.columns.items():
        texts: Iterable[str] = map(restore, frame[column]) if column in frame.columns else [""] * len(frame)
        if column == "id":  # nobody sees a blank around one
            texts = map(str.strip, texts)
        if column in DEFAULTS:
            texts = (text or DEFAULTS[column] for text in texts)
        frame[column] = pd.Series([*texts], frame.index, dtype="object")
        if kind != "text":
            frame[column], wrong = _numbers(frame[column], kind)
            bad += [(first + at, f": {column} = {what}") for at, what in wrong]
    if bad:
        raise _damaged(path, artifact, f"{_bad_rows(bad)} ({_cure(bad)})")
    return frame[[*artifact.columns, *(c for c in frame.columns if c not in artifact.columns)]]


def _cells(path: Path, artifact: Artifact, names: Sequence[str], rows: Sequence[Row]) -> pd.DataFrame:
    """All cells as text. Raises RunError for rows and columns that are not those of the artifact."""
    import pandas as pd

    header = [restore(name) for name in names]
    if not header or len(set(header)) < len(header):
        raise _damaged(path, artifact, "has a column twice" if header else "is empty")
    if lacking := [column for column in artifact.needed if column not in header]:
        raise _damaged(path, artifact, f"has no column {', '.join(lacking)}")
    if bad := [(number, f" {'' if cells else 'is '}{problem}") for number, cells, problem in rows if problem]:
        raise _damaged(path, artifact, _bad_rows(bad))
    return pd.DataFrame([cells for _, cells, _ in rows], columns=header, dtype="object")


def _numbers(cells: pd.Series, kind: str) -> tuple[pd.Series, list[tuple[int, str]]]:
    """The numbers in a column of texts; the index of each cell that is none, and what is wrong with it."""
    import pandas as pd

    numbers = pd.to_numeric(cells.where(cells != "", None), errors="coerce").astype("float64")
    usable = numbers.between(-1e15, 1e15)
    if kind == "integer":
        usable &= numbers.round() == numbers
    bad = cells[(cells != "") & ~usable]
    wanted = "whole number" if kind == "integer" else "number"
    wrong = [(at, f"{cell[:MOST_SHOWN]!r} is not a {wanted}") for at, cell in bad.items()]
    numbers = numbers.where(usable)
    return numbers.astype("Int64") if kind == "integer" else numbers, wrong


def _damaged(path: Path, artifact: Artifact, what: str) -> RunError:
    return RunError(f"{path} {what}. {_remedy(path, artifact)}")


def _remedy(path: Path, artifact: Artifact) -> str:
    """What a notebook made it can make again; what came from elsewhere it cannot."""
    if not _is_ours(path):
        return "Mend it there."
    return f"Mend it, or delete it and run {artifact.maker}.ipynb again."


def _is_ours(path: Path) -> bool:
    return (path.parent / "calls.sqlite").exists()


def _cure(bad: list[tuple[int, str]]) -> str:
    """What to write in cells that hold no number."""
    words, said = [what.rpartition(" = ")[2].lower() for _, what in bad], " ".join(what for _, what in bad)
    cures = ["leave a cell empty where there is no value"]
    if re.search(r"'-?\d+,\d+'", said):
        cures.append("write decimals with a point: 5.0 for 5,0")
    if any(word.startswith(_YES_NO) for word in words):
        cures.append("write 1 and 0 for pass and fail, yes and no, true and false")
    return "; ".join(cures)


_YES_NO = ("'pass", "'fail", "'yes'", "'no'", "'true'", "'false'")


def _bad_rows(bad: list[tuple[int, str]]) -> str:
    """All of them in the order of their rows, so that one look at the file mends them."""
    said = [f"row {row}{what}" for row, what in sorted(bad)]
    more = f"; and {len(said) - MOST_SAID:,} more" if len(said) > MOST_SAID else ""
    return "; ".join(said[:MOST_SAID]) + more
