"""Whether a person has edited a table since benchkit wrote it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
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
ROWS = ".written.json"  # beside config.json: a digest of each row of those tables, by the case's id


def is_edited(path: Path, frame: pd.DataFrame, wrote: str | None) -> bool:
    """Whether the table at `path` holds neither what we wrote, as its digest tells, nor `frame`."""
    if wrote is None or not path.exists():
        return False
    with TemporaryDirectory() as folder:
        write_table(ours := Path(folder) / path.name, frame)
        return digest(path) not in (wrote, digest(ours))


def row_digests(frame: pd.DataFrame) -> dict[str, str]:
    """A digest of each row by its id; a second row of an id by that and its number."""
    found: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for id, row in zip(frame["id"], frame.itertuples(index=False, name=None), strict=True):
        seen[id] += 1
        text = "\x1f".join(map(str, row)).encode("utf-8", "backslashreplace")
        found[id if seen[id] == 1 else f"{id} {seen[id]}"] = sha256(text).hexdigest()[:16]
    return found


def edited(path: Path, wrote: str | None, rows: Mapping[str, str]) -> str:
    """What a person did to a table since we wrote it, such as "1 changed, 1 removed"; "" for nothing.

    `wrote` is the digest of all of it then, `rows` those of its rows, {} where an older version wrote it.
    """
    if wrote is None or not path.exists() or digest(path) == wrote:
        return ""
    said = f"{path.name} was edited by hand"
    if not rows:
        return f"{said}."
    now = row_digests(read_table(path))
    counts = {
        "changed": sum(now[id] != was for id, was in rows.items() if id in now),
        "removed": len(rows.keys() - now.keys()),
        "added": len(now.keys() - rows.keys()),
    }
    done = ", ".join(f"{number:,} {what}" for what, number in counts.items() if number)
    return f"{said}: {done or 'rows in another order'}."


def digest(path: Path) -> str:
    """Of what a table holds, however its cells are quoted; "" where it cannot be read."""
    try:
        text = table_text(read_table(path))
    except RunError:
        return ""
    return sha256(text.encode("utf-8", "backslashreplace")).hexdigest()[:16]
