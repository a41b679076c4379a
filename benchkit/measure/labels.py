"""Which of two answers to a case people prefer: the blind sheet, and what its labels say of the models."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from hashlib import sha256
from itertools import combinations
from typing import TYPE_CHECKING, Any

from ..decide.people import people
from ..metrics.answers import read_answer
from ..run import large
from ..run.texts import ABOUT, with_texts

if TYPE_CHECKING:
    import pandas as pd

    from ..run import Run


def draw_pairs(responses: pd.DataFrame, seed: int) -> pd.DataFrame:
    """For every two models a pair of answers to each case, in an order drawn by `seed`.

    Columns: pair (the name that hides who answered), id, round, model_1, model_2. The first n of two models
    are a uniform sample of their cases. The round and the sides are drawn, too. A case without a round in
    which neither call failed is left out. `responses` as from `align`.
    """
    import pandas as pd

    there = _drawable(responses, seed)
    there = there[there["status"] != "failed"]
    rounds = there.groupby(["id", "model"])["round"].agg(set).unstack()
    models = sorted(responses["model"].unique())  # whatever the order of the files
    rows = [row for two in combinations(models, 2) for row in _drawn(rounds, two, seed)]
    pairs = pd.DataFrame(rows, columns=["pair", "id", "round", "model_1", "model_2"])
    return pairs.sort_values("pair", ignore_index=True)


def _drawable(responses: pd.DataFrame, seed: int) -> pd.DataFrame:
    """The responses that people may be asked about: of many, those to FIRST cases that `seed` draws."""
    if len(responses) <= large.LARGE:
        return responses
    ids = sorted(responses["id"].unique(), key=lambda id: sha256(f"{seed} {id}".encode()).digest())
    return responses[responses["id"].isin(ids[: large.FIRST])].astype({"id": object, "model": object})


def _drawn(rounds: pd.DataFrame, two: tuple[str, str], seed: int) -> Iterator[tuple[Any, ...]]:
    for id, answered in rounds.reindex(columns=list(two)).dropna().iterrows():
        if both := sorted(set.intersection(*answered)):
            drawn = int(sha256(f"{seed} {id} {two}".encode()).hexdigest(), 16)
            sides = two if drawn % 2 else two[::-1]
            yield (f"{drawn:064x}"[:12], id, int(both[drawn // 2 % len(both)]), *sides)


def contending(run: Run, models: Sequence[str]) -> list[str]:
    """The two models that the run's report has first among its contenders; else the first two."""
    report = run.metrics_report() if (run.path / "metrics_report.json").exists() else {"decision": {}}
    contenders = [name for name in report["decision"].get("contenders", ()) if name in models]
    return [*contenders, *(name for name in models if name not in contenders)][:2]


def of_two(pairs: pd.DataFrame, models: Collection[str]) -> pd.DataFrame:
    """The pairs of two models, in the drawn order."""
    ours = pairs["model_1"].isin(models) & pairs["model_2"].isin(models)
    return pairs[ours].reset_index(drop=True)


def sheet(pairs: pd.DataFrame, responses: pd.DataFrame) -> pd.DataFrame:
    """What a labeller fills in: pair, prompt, answer_1, answer_2, preferred (1, 2 or tie), labeller."""
    responses = with_texts(responses, pairs["id"])
    said = responses.set_index(["id", "round", "model"])[["prompt", "test_case", "model_response"]]
    for side in ("1", "2"):
        places = list(zip(pairs["id"], pairs["round"], pairs[f"model_{side}"], strict=True))
        texts = said.loc[places] if places else said.iloc[:0]
        pairs = pairs.assign(
            prompt=list(texts["prompt"]),
            **{f"answer_{side}": list(map(shown, texts["model_response"], texts["test_case"]))},
        )
    blank = pairs.assign(preferred="", labeller="")
    return blank[["pair", "prompt", "answer_1", "answer_2", "preferred", "labeller"]]


def shown(response: str, kind: str) -> str:
    """A response as a person reads it, without a model's thoughts: its text, or JSON over several lines.

    What cannot be read is shown as it came.
    """
    value = read_answer(response, kind).value
    if value is None:
        return response
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, indent=1)


def tasks(filled: pd.DataFrame) -> list[dict[str, Any]]:
    """The sheet as tasks for Label Studio's Pairwise template (text1, text2)."""
    named = filled.rename(columns={"answer_1": "text1", "answer_2": "text2"})
    return [{"data": row} for row in named[["pair", "prompt", "text1", "text2"]].to_dict("records")]


def said_by_people(
    labels: pd.DataFrame,
    responses: pd.DataFrame,
    scores: pd.DataFrame,
    primary: Mapping[str, str],
    *,
    alpha: float,
    detect: float = 0.05,
    sample: int,
    seed: int,
) -> dict[str, Any]:
    """What labels say of the two models that most of them compare: see `benchkit.decide.people`.

    `sample` cases are drawn by `seed`, as for the sheet: labels of others are counted and not inferred from.
    """
    import pandas as pd

    if not len(labels):
        return {}
    two = labels.groupby(["model_a", "model_b"]).size().idxmax()
    ours = labels[(labels["model_a"] == two[0]) & (labels["model_b"] == two[1])]
    drawn = of_two(draw_pairs(responses, seed), two).head(sample)
    there = responses[responses["status"] != "failed"]
    read = with_texts(there, drawn["id"]) if ABOUT in responses.attrs else there
    texts = map(shown, read["model_response"], read["test_case"])
    lengths = read.assign(words=[len(text.split()) for text in texts])
    lengths = pd.concat([lengths, there[~there["id"].isin(lengths["id"])]])
    return people(ours, list(drawn["id"].astype(str)), scores, lengths, primary, alpha, detect)
