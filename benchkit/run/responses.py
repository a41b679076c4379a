"""The responses in a run folder: what their files are called, and the tables that are made of them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import RunError
from .tables import ARTIFACTS

if TYPE_CHECKING:
    import pandas as pd

RESPONSES = "_all_responses.csv"
_PART = r"[a-z0-9.-]+(?:_[a-z0-9.-]+)*"
_PLAIN = re.compile(rf"{_PART}(?:/{_PART})?")
LONGEST = 120  # characters of a model id in a file name; systems take 255 bytes for all of it


def file_name(model: str) -> str:
    """A model id as a file name; an id that others could look like gets a digest: two never share a file.

    Not plain is also what differs from another id by case alone, which some file systems do not tell apart,
    and "golden", whose column in the combined file would be the golden response's.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]", "-", model.replace("/", "__"))
    if _PLAIN.fullmatch(model) and len(safe) <= LONGEST and model != "golden":
        return safe
    return f"{safe[:LONGEST]}~{sha256(model.encode('utf-8', 'surrogatepass')).hexdigest()[:16]}"


def model_of(stem: str) -> str:
    """The model id of which `stem` is the file name, as far as a file name tells."""
    bare = re.sub(r"~[0-9a-f]{16}$", "", stem)
    read = (bare.replace("__", "/", 1), bare.replace("__", "/"), bare)
    return next((id for id in read if file_name(id) == stem), stem.replace("__", "/", 1))


def response_files(path: Path) -> dict[str, Path]:
    """The response files that lie in a folder, by the model's id."""
    files = sorted(path.glob("*" + RESPONSES))
    return {model_of(file.name.removesuffix(RESPONSES)): file for file in files}


def combined(responses: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """One row a case and round: prompt, golden response and every model's answer in its own column."""
    wide = responses.pivot(index=["id", "round"], columns="model", values="model_response")
    wide.columns = [f"{file_name(str(model))}_response" for model in wide.columns]
    wide = wide.reset_index().rename(columns={"id": "test_id"})
    known = cases[["id", "prompt", "test_case", "golden_response"]].rename(columns={"id": "test_id"})
    left = ["test_id", "round", "prompt", "test_case", "golden_response"]
    merged = known.merge(wide, on="test_id")
    return merged[left + [column for column in merged.columns if column not in left]]


def check_current(answers: Mapping[Path, pd.DataFrame], cases: pd.DataFrame) -> None:
    """02 may have run again since 03: answers to other cases would be scored against the wrong golden."""
    asked = dict(zip(cases["id"], cases["prompt"], strict=True))
    for file, frame in answers.items():
        told = dict(zip(frame["id"], frame["prompt"], strict=True))
        if other := [id for id in {**asked, **told} if asked.get(id) != told.get(id)]:
            raise RunError(
                f"{file} answers other cases than validated_tests.csv holds now ({', '.join(other[:3])}). "
                "Run 03_execute.ipynb again: only what is new is asked."
            )


def responses_behind(scores: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """The responses that scores are of, as far as those tell: one without any score is `failed`."""
    known = scores["value"].notna() | scores["reason"].str.startswith("undefined")
    key = ["id", "test_case", "category", "model", "round"]
    rows = scores.assign(known=known).groupby(key, sort=False, dropna=False)["known"].any().reset_index()
    rows["prompt"] = rows["id"].map(dict(zip(cases["id"], cases["prompt"], strict=True)))
    for name, kind in ARTIFACTS[RESPONSES].columns.items():
        if name not in rows:
            rows[name] = "" if kind == "text" else float("nan")
    rows["status"] = rows.pop("known").map({True: "answered", False: "failed"})
    rows["error"] = rows["status"].map({"answered": "", "failed": "no score brought"})
    rows.attrs |= {"simulated": False, "scores_only": True}
    return rows
