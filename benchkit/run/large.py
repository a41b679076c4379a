"""Tables past 100,000 rows: all of them as Parquet, and beside it the first as CSV, for people to look at."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from contextlib import suppress
from hashlib import file_digest
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RunError
from ..log import setup_logging
from .tables import ARTIFACTS, UNWRITABLE, read_table, replacing, write_table

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

logger = setup_logging(__name__)
LARGE = 100_000  # rows; what has more is kept as Parquet and scored by partitions
FIRST = 1_000  # rows of the CSV beside it
GROWING = ("scores.csv", "combined_model_responses.csv")  # the tables that grow with the responses
NEEDS = "pip install 'benchkit[large]'"


def whole_of(path: Path) -> Path:
    """Where all rows of a table are, if there are many; `path` is its CSV."""
    return path.with_suffix(".parquet")


def first_of(path: Path) -> Path:
    """Where the first rows of such a table are. No other file has the name of a whole CSV."""
    return path.with_stem(f"{path.stem}_first_rows")


def write_growing(path: Path, frame: pd.DataFrame) -> None:
    """One of GROWING: as CSV, or past LARGE rows as Parquet with a CSV of its FIRST rows.

    What is there in the other form is taken away. Without pyarrow it is CSV whatever its size.
    """
    large = len(frame) > LARGE
    if large and not find_spec("pyarrow"):
        logger.warning(
            "%s has %s rows and is kept as CSV. With pyarrow (%s) it would be Parquet, which is smaller and "
            "faster to read.", path, f"{len(frame):,}", NEEDS,
        )  # fmt: skip
    elif large:
        write_parquet(whole_of(path), frame)
        write_table(first_of(path), frame.head(FIRST))
        path.unlink(missing_ok=True)
        return
    write_table(path, frame)
    for other in (whole_of(path), first_of(path)):
        other.unlink(missing_ok=True)


def write_parquet(path: Path, frame: pd.DataFrame) -> None:
    """`frame` whole or not at all; what has no place in UTF-8 is replaced, as in a CSV."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pandas.api.types import is_object_dtype

    texts = {
        name: [UNWRITABLE.sub("�", "" if cell is None or cell != cell else str(cell)) for cell in column]
        for name, column in frame.items()
        if is_object_dtype(column)
    }
    table = pa.Table.from_pandas(frame.assign(**texts), preserve_index=False)
    with replacing(path) as temporary:
        pq.write_table(table, temporary, row_group_size=LARGE)


def read_parquet(*paths: Path) -> pd.DataFrame:
    """The tables below each other, texts as categories: one is in memory once, however often it occurs.

    Raises RunError for a file that cannot be read.
    """
    if not find_spec("pyarrow"):
        raise RunError(f"{paths[0]} cannot be read without pyarrow. Install it: {NEEDS}.")
    import pandas as pd
    import pyarrow as pa

    table = pa.concat_tables(map(_arrow, paths)).unify_dictionaries()
    frame = table.to_pandas(ignore_metadata=True, self_destruct=True, split_blocks=True)
    for name, column in frame.items():
        if isinstance(column.dtype, pd.CategoricalDtype):
            # In the order in which texts are grouped and sorted.
            frame[name] = column.cat.reorder_categories(sorted(column.cat.categories))
    return frame


def _arrow(path: Path) -> pa.Table:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        schema = pq.read_schema(path)
        texts = [field.name for field in schema if not pa.types.is_primitive(field.type)]
        return pq.read_table(path, read_dictionary=texts, use_threads=False)
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read as Parquet ({' '.join(str(error).split())[:100]}).") from error


def below(*frames: pd.DataFrame) -> pd.DataFrame:
    """The tables below each other; a column that holds categories in the first does so in all."""
    import pandas as pd
    from pandas.api.types import union_categoricals

    names = [name for name, column in frames[0].items() if isinstance(column.dtype, pd.CategoricalDtype)]
    texts = {
        name: union_categoricals([frame[name].astype("category") for frame in frames], sort_categories=True)
        for name in names
    }
    rest = pd.concat([frame.drop(columns=names) for frame in frames], ignore_index=True)
    return rest.assign(**texts)[list(frames[0])]


def rows_in(paths: Iterable[Path]) -> int:
    """The rows of CSV files. A file that is missing or cannot be read has none."""
    csv.field_size_limit(2**31 - 1)
    rows = 0
    with suppress(OSError, csv.Error):
        for path in paths:
            with open(path, encoding="utf-8", errors="replace", newline="") as file:
                rows += sum(1 for row in csv.reader(file) if row) - 1
    return rows


def read_growing(path: Path) -> pd.DataFrame:
    """One of GROWING, in whichever form it is there: the columns and types that `read_table` gives.

    Texts of a large one are categories. Raises RunError that names the file and the notebook that makes it.
    """
    whole, artifact = whole_of(path), ARTIFACTS[path.name]
    remedy = f"Run {artifact.maker}.ipynb again."
    if not whole.exists():
        return read_table(path)
    try:
        frame = read_parquet(whole)
    except RunError as error:
        raise RunError(f"{error} {remedy}") from error
    if lacking := [name for name in artifact.needed if name not in frame]:
        raise RunError(f"{whole} has no column {', '.join(lacking)}. {remedy}")
    for name, kind in artifact.columns.items():
        if name not in frame:
            frame[name] = "" if kind == "text" else float("nan")
        if kind == "integer":
            frame[name] = frame[name].astype("Int64")
    return frame[[*artifact.columns, *(name for name in frame if name not in artifact.columns)]]


def digest(path: Path) -> str:
    """The first half of the file's SHA-256, without the file in memory."""
    with open(path, "rb") as file:
        return file_digest(file, "sha256").hexdigest()[:16]
