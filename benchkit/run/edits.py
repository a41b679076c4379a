"""Whether a person has edited a table since benchkit wrote it."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..errors import RunError
from .foreign import CASES
from .tables import read_table, table_text, write_table

if TYPE_CHECKING:
    import pandas as pd

WRITTEN = "written"  # in config.json: a digest of each table that a person may edit, as we wrote it
BY_HAND = ("initial_tests.csv", CASES)


def is_edited(path: Path, frame: pd.DataFrame, wrote: str | None) -> bool:
    """Whether the table at `path` holds neither what we wrote, as its digest tells, nor `frame`."""
    if wrote is None or not path.exists():
        return False
    with TemporaryDirectory() as folder:
        write_table(ours := Path(folder) / path.name, frame)
        return digest(path) not in (wrote, digest(ours))


def digest(path: Path) -> str:
    """Of what a table holds, however its cells are quoted; "" where it cannot be read."""
    try:
        text = table_text(read_table(path))
    except RunError:
        return ""
    return sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
