"""The texts of a large run's responses: in blocks of cases on disk, in memory those that are asked for."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RunError
from .large import read_parquet

if TYPE_CHECKING:
    import pandas as pd

KEY = ["model", "id", "round"]
BLOCKS = "blocks.json"  # in the folder of the texts
ABOUT = "partitions"  # in the attrs of a table of responses without texts
HELD = "(in .partitions)"  # where a text would be


def text_columns(frame: pd.DataFrame) -> list[str]:
    """Columns of texts or categories."""
    return [name for name in frame if frame[name].dtype.kind == "O"]


def with_texts(responses: pd.DataFrame, ids: Collection[str]) -> pd.DataFrame:
    """The responses to these cases, with their texts wherever those are."""
    rows = responses[responses["id"].isin(list(ids))]
    if ABOUT not in responses.attrs:
        return rows
    blocks = [at for at, block in enumerate(blocks_in(responses)) if not set(ids).isdisjoint(block)]
    return joined(rows, Path(responses.attrs[ABOUT]["folder"]), blocks)


def blocks_in(responses: pd.DataFrame) -> list[list[str]]:
    """The ids of each block's cases."""
    return json.loads((Path(responses.attrs[ABOUT]["folder"]) / BLOCKS).read_text("utf-8"))


def blocks_of(responses: pd.DataFrame) -> Iterator[pd.DataFrame]:
    """The responses with their texts: all at once, or where they are many a block after the other."""
    if ABOUT not in responses.attrs:
        yield responses
        return
    for ids in blocks_in(responses):
        yield with_texts(responses, ids)


def joined(rows: pd.DataFrame, folder: Path, blocks: Iterable[int]) -> pd.DataFrame:
    """The rows with their texts from these blocks. Raises RunError where one is missing or damaged."""
    import pandas as pd

    files = [path for at in blocks for path in sorted(folder.glob(f"texts-{at}-*.parquet"))]
    texts = read_parquet(*files) if files else pd.DataFrame(columns=[*KEY, "model_response"])
    texts = texts.astype(dict.fromkeys(text_columns(texts), object) | {"round": rows["round"].dtype})
    held = rows.astype(dict.fromkeys(text_columns(rows), object)).rename(columns={"model_response": HELD})
    whole = held.merge(texts, on=KEY, how="left").fillna({"model_response": ""})
    if (lost := (whole[HELD] == HELD) & (whole["model_response"] == "")).any():
        raise RunError(f"{folder} has lost {lost.sum():,} texts. Run 04_measure.ipynb again.")
    whole.attrs = {name: value for name, value in rows.attrs.items() if name != ABOUT}
    return whole[list(rows)]
