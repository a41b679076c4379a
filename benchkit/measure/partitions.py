"""Runs past 100,000 responses: read and scored a block of cases at a time, never with all their texts.

Each file of responses is gone through once. Its texts go into blocks of cases, `.partitions/` in the run
folder; all else of a response, and what its text was read as, is a row of a table, which `align` takes as it
takes any. `score` works on a block at a time, in processes of their own or on Dask's workers. A block has all
answers to its cases, so its scores are those of the whole.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from functools import partial
from importlib.util import find_spec
from itertools import pairwise
from multiprocessing import get_context
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from ..domain import Response, TestCase
from ..metrics import JUDGED, METRICS
from ..metrics.answers import own_keys
from ..run import large
from ..run.json_io import json_text
from ..run.tables import read_chunks, write_atomically
from ..run.texts import ABOUT, BLOCKS, HELD, KEY, blocks_in, joined, text_columns
from .aligning import READ, align, outcome, rows_of, word_of
from .scoring import judged_kinds, score

if TYPE_CHECKING:
    import pandas as pd

    from ..run import Run

FOLDER = ".partitions"  # in the run folder
BLOCK = 10_000  # responses, about, that a process has in memory at a time
KEPT = {*Response.__dataclass_fields__, *READ}


def aligned(run: Run, cases: pd.DataFrame, *, warn: bool = True, scheduler: str = "") -> pd.DataFrame:
    """`align` of the run's responses; past LARGE of them, without their texts (`with_texts` has some).

    `scheduler` is the address of Dask's, whose workers have to see the run folder; "" takes processes of this
    machine. Raises what `Run.responses` and `align` raise.
    """
    files = run.response_files()
    rows = large.rows_in(files.values())
    if rows <= large.LARGE or not find_spec("pyarrow"):
        return align(run.responses(), cases, warn=warn)
    folder = run.path / FOLDER
    rmtree(folder, ignore_errors=True)
    folder.mkdir()
    size = max(1, len(cases) * BLOCK // rows)  # cases a block
    tests = [TestCase.from_row(row) for row in cases.to_dict("records")]
    told = {case.id: (at // size, case.test_case, own_keys(case)) for at, case in enumerate(tests)}
    with mapping(scheduler) as over:
        made = list(over(partial(_split, folder, told), range(len(files)), files, files.values()))
    whole = large.read_parquet(*made)
    whole = whole.astype(dict.fromkeys(text_columns(whole), object))
    responses = align(
        run.checked({model: whole[whole["model"] == model] for model in files}), cases, warn=warn
    )
    responses = responses.astype(dict.fromkeys(text_columns(responses), "category"))
    bounds = pairwise([*range(0, len(cases), size), len(cases)])
    blocks = [list(cases["id"].iloc[start:end]) for start, end in bounds]
    write_atomically(folder / BLOCKS, json_text(blocks))
    responses.attrs[ABOUT] = {"folder": str(folder), "scheduler": scheduler}
    return responses


def _split(folder: Path, told: dict[str, Any], at: int, model: str, path: Path) -> Path:
    """A model's file: its texts into the blocks of their cases, all else into the file that is named."""
    import pandas as pd

    rows = []
    for number, frame in enumerate(read_chunks(path, BLOCK)):
        frame["model"] = model
        ours = frame[frame["id"].isin(list(told))]
        where = [told[id] for id in ours["id"]]
        read = [outcome(row, kind, own) for row, (_, kind, own) in zip(rows_of(ours), where, strict=True)]
        for block, some in ours[[*KEY, "model_response"]].groupby([block for block, _, _ in where]):
            large.write_parquet(folder / f"texts-{block}-{at}-{number}.parquet", some)
        frame["model_response"] = [HELD if word_of(text) else "" for text in frame["model_response"]]
        told_of = pd.DataFrame([(one.status, one.error) for one in read], ours.index, list(READ))
        frame = frame[[name for name in frame if name in KEPT]].join(told_of)
        rows.append(frame.astype(dict.fromkeys(text_columns(frame), "category")))
    large.write_parquet(made := folder / f"responses-{at}.parquet", large.below(*rows))
    return made


def score_blocks(
    responses: pd.DataFrame, cases: pd.DataFrame, judgements: pd.DataFrame | None = None
) -> pd.DataFrame:
    """`score` of responses whose texts are in blocks: the same rows in the same order."""
    import numpy as np

    about = responses.attrs[ABOUT]
    read = responses[[*KEY, "test_case", "status", "error", "model_response"]]
    texts = dict.fromkeys(text_columns(read), object)  # a category would bring the ids of all cases along
    blocks = blocks_in(responses)
    parts = [
        (_of(read, ids).astype(texts), _of(cases, ids), None if judgements is None else _of(judgements, ids))
        for ids in blocks
    ]
    scored = partial(_score, Path(about["folder"]), judged_kinds(judgements, cases))
    with mapping(about["scheduler"]) as over:
        made = list(over(scored, range(len(blocks)), *zip(*parts, strict=True)))
    scores = large.read_parquet(*made)
    models = {model: at for at, model in enumerate(responses["model"].unique())}
    place = scores["model"].map(models).astype(int)
    by_judge = scores["metric"].isin([one.name for one in JUDGED.values()])
    scores = scores.iloc[np.lexsort((place, by_judge))].reset_index(drop=True)  # as from one pass
    scores.attrs["simulated"] = responses.attrs.get("simulated", False)
    return scores


def _of(table: pd.DataFrame, ids: Collection[str]) -> pd.DataFrame:
    return table[table["id"].isin(ids)]


def _score(
    folder: Path,
    kinds: Collection[str],
    block: int,
    responses: pd.DataFrame,
    cases: pd.DataFrame,
    judgements: pd.DataFrame | None,
) -> Path:
    """The scores of one block, in the file that is named."""
    scores = score(joined(responses, folder, [block]), cases, judgements, kinds)
    scores = scores.astype(dict.fromkeys(text_columns(scores), "category"))
    large.write_parquet(made := folder / f"scores-{block}.parquet", scores)
    return made


@contextmanager
def mapping(scheduler: str = "") -> Iterator[Callable[..., Iterable[Any]]]:
    """A `map` over Dask's workers, or over a process for each core; over this one where it has to be.

    A metric of one's own is a function that no other process has, so that those are scored here.
    """
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    if any(callable(metric.function) for metric in METRICS.values()) or not (scheduler or cores > 1):
        yield map
    elif scheduler:
        from distributed import Client

        with Client(scheduler) as client, client.get_executor() as pool:
            yield pool.map
    else:  # a fresh process: one that is forked from a notebook's kernel can hang on a lock of its threads
        vars(sys.modules["__main__"]).setdefault("__spec__", None)  # which multiprocessing reads, lacks there
        with ProcessPoolExecutor(cores, get_context("spawn")) as pool:
            yield pool.map
