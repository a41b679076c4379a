"""Responses, whoever made them -> responses with a status each; what is missing is `failed`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from ..domain import Response
from ..errors import InputError
from ..log import setup_logging
from .scoring import delivered

if TYPE_CHECKING:
    import pandas as pd

logger = setup_logging(__name__)
KEY = ["model", "id", "round"]


def settle(responses: pd.DataFrame, cases: pd.DataFrame, *, aloud: bool = True) -> pd.DataFrame:
    """Responses with a status each, whoever made them; a response that is not on file is `failed`.

    Answers of another harness come with no status: they are read as what they are, and what was lost is
    said to be lost. What cannot be scored at all is named in `attrs["warnings"]`, which the decision
    repeats, and warned of where it is to be said `aloud`. Raises InputError for an answer that stands there
    twice, when none is to our cases, or when they are all one model's.
    """
    ours = _ours(responses, cases)
    full = _on_grid(ours, cases)
    columns = ["status", "error", "model_response", "test_case"]
    read = [delivered(s.strip().lower(), e, t, k) for s, e, t, k in full[columns].to_numpy()]
    full["status"], full["error"] = [one.status for one in read], [one.error for one in read]
    settled = full[[*dict.fromkeys((*Response.__dataclass_fields__, "category"))]]
    settled.attrs["warnings"] = list(_left_out(responses, cases))
    for line in settled.attrs["warnings"] if aloud else ():
        logger.warning("%s", line)
    return settled


def _ours(responses: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """The responses to our cases, each once and with a round."""
    ours = responses[responses["id"].isin(cases["id"]) & responses["round"].notna()]
    if not len(ours):
        raise InputError(
            "no response belongs to a case of validated_tests.csv and has a round. "
            "Check that the ids agree and the rounds are numbered."
        )
    names = list(ours["model"].unique())
    if len(names) < 2:
        others = [name for name in responses["model"].unique() if name not in names]
        lost = f"; those of {', '.join(others)} have none of the ids of validated_tests.csv" if others else ""
        raise InputError(
            f"only {names[0]} has responses to these cases{lost}, and a comparison needs two or more models. "
            + ("Mend the ids." if others else "Add another model's responses.")
        )
    twice = ours[ours.duplicated(KEY)]
    if len(twice):
        row = twice.iloc[0]
        raise InputError(
            f"{row['model']} answers case {row['id']} in round {row['round']} twice. "
            "Number the rounds, or keep one."
        )
    return ours


def _on_grid(ours: pd.DataFrame, cases: pd.DataFrame) -> pd.DataFrame:
    """A row for every model, case and round that any model has."""
    import pandas as pd

    axes = [ours["model"].unique(), cases["id"], sorted(ours["round"].unique())]
    grid = pd.MultiIndex.from_product(axes, names=KEY).to_frame(index=False)
    known = ours.drop(columns=["prompt", "test_case", "category"], errors="ignore")
    known = known.reindex(columns=[*dict.fromkeys((*Response.__dataclass_fields__, *known.columns))])
    known = known.drop(columns=["prompt", "test_case"])
    about = cases[["id", "prompt", "test_case", "category"]]
    full = grid.merge(about, on="id").merge(known, on=KEY, how="left", indicator=True)
    absent = full.pop("_merge") == "left_only"
    full["status"] = full["status"].where(~absent, "failed").fillna("")
    full["error"] = full["error"].where(~absent, "no response on file").fillna("")
    full["model_response"] = full["model_response"].fillna("")
    return full


def _left_out(responses: pd.DataFrame, cases: pd.DataFrame) -> Iterator[str]:
    """A sentence for what nobody can score: unusable cases, answers to none of the rest, or of no round."""
    unusable = cases.attrs.get("unusable", {})
    for id, problem in unusable.items():
        lost = "the row is" if id in set(cases["id"]) else "the case and the answers to it are"
        yield f"validated_tests.csv, {problem.rstrip('.')}; {lost} left out."
    responses = responses[~responses["id"].isin(set(unusable) - set(cases["id"]))]
    known = responses["id"].isin(cases["id"])
    unknown, roundless = responses.loc[~known, "id"], int((known & responses["round"].isna()).sum())
    if len(unknown):
        some = ", ".join(dict.fromkeys(unknown.astype(str).head(50)))[:120]
        yield (
            f"{len(unknown)} responses answer {unknown.nunique()} cases that validated_tests.csv does not "
            f"hold, so they are not scored: {some}."
        )
    if roundless:
        yield f"{roundless} responses have no round, so they are not scored. Number them from 1."
