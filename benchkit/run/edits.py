"""Whether a person has edited a table since benchkit wrote it."""

from __future__ import annotations

from collections import Counter
from hashlib import sha256
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from ..errors import RunError
from .config import is_begun, read_config, save_config
from .foreign import CASES
from .json_io import json_text, read_json
from .tables import encoded, read_table, table_text, write_atomically, write_table

if TYPE_CHECKING:
    import pandas as pd

WRITTEN = "written"  # in config.json: a digest of each table that a person may edit, as we wrote it
BY_HAND = ("initial_tests.csv", CASES)
ROWS = ".written.json"  # beside config.json: a digest of each row of those tables, by the case's id


def write_unless_edited(path: Path, frame: pd.DataFrame) -> bool:
    """Write a table and remember what was written; False where a person has edited the one that is there."""
    wrote = _wrote(path)
    if wrote is not None and path.exists():
        with TemporaryDirectory() as folder:
            write_table(ours := Path(folder) / path.name, frame)
            if _digest(path) not in (wrote, _digest(ours)):
                return False
    write_table(path, frame)
    config = read_config(path.parent)
    save_config(path.parent, config | {WRITTEN: config.get(WRITTEN, {}) | {path.name: _digest(path)}})
    rows = _rows(path.parent) | {path.name: _row_digests(read_table(path))}
    write_atomically(path.with_name(ROWS), json_text(rows))
    return True


def edited(path: Path) -> str:
    """What a person did to a table since we wrote it, such as "1 changed, 1 removed"; "" for nothing.

    Without a count where nothing is known of its rows, as an older version wrote it.
    """
    wrote = _wrote(path)
    if wrote is None or not path.exists() or _digest(path) == wrote:
        return ""
    said = f"{path.name} was edited by hand"
    rows = _rows(path.parent).get(path.name)
    if not rows:
        return f"{said}."
    now = _row_digests(read_table(path))
    counts = {
        "changed": sum(now[id] != was for id, was in rows.items() if id in now),
        "removed": len(rows.keys() - now.keys()),
        "added": len(now.keys() - rows.keys()),
    }
    done = ", ".join(f"{number:,} {what}" for what, number in counts.items() if number)
    return f"{said}: {done or 'rows in another order'}."


def _wrote(path: Path) -> str | None:
    config = read_config(path.parent) if is_begun(path.parent) else {}
    return config.get(WRITTEN, {}).get(path.name)


def _rows(folder: Path) -> dict[str, dict[str, str]]:
    return read_json(folder / ROWS, "02_validate") if (folder / ROWS).exists() else {}


def _row_digests(frame: pd.DataFrame) -> dict[str, str]:
    """A digest of each row by its id; a second row of an id by that and its number."""
    found: dict[str, str] = {}
    seen: Counter[str] = Counter()
    for id, row in zip(frame["id"], frame.itertuples(index=False, name=None), strict=True):
        seen[id] += 1
        found[id if seen[id] == 1 else f"{id} {seen[id]}"] = _short("\x1f".join(map(str, row)))
    return found


def _digest(path: Path) -> str:
    """Of what a table holds, however its cells are quoted; "" where it cannot be read."""
    try:
        return _short(table_text(read_table(path)))
    except RunError:
        return ""


def _short(text: str) -> str:
    return sha256(encoded(text)).hexdigest()[:16]
