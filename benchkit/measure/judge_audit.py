"""04: the judge is an instrument too; answers whose truth we know ourselves say how well it measures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ..judge import NO_QUOTE, is_failed, judge
from ..judge.planted_answers import in_turns
from ..wording import level, number, percent

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from ..llm.client import Client

UNTESTED = (
    "The judge was not tested on answers whose truth is known, and its verdicts decide: run 04 with "
    "planted_answers above 0."
)
ENOUGH = 0.8  # right verdicts on planted answers, as a share; under it the decision's caveat says so


async def try_judge(planted: pd.DataFrame, client: Client, model: str) -> pd.DataFrame:
    """What the judge says of them, a row a verdict: planted_answers.csv. Every third is judged twice.

    `should_be` is 1 or 0: whether the requirement is met; `round` 2 is the second judgement. Without a model
    nobody is asked and there are no rows.
    """
    import pandas as pd

    from ..run.tables import ARTIFACTS

    frames = []
    for repeat, some in in_turns(planted) if model else ():
        told = await judge(some, client, model, repeat=repeat)
        keys = some[["id", "model", "fault", "text", "truth"]].rename(columns={"text": "answer"})
        told = told.merge(keys, on=["id", "model"]).assign(round=repeat)
        told["should_be"] = [
            float(truth[name]) if name in truth else math.nan
            for truth, name in zip(told.pop("truth"), told["requirement"], strict=True)
        ]
        frames.append(told[told["should_be"].notna()])
    names = list(ARTIFACTS["planted_answers.csv"].columns)
    return pd.concat(frames, ignore_index=True)[names] if frames else pd.DataFrame(columns=names)


def judge_rates(tried: pd.DataFrame, alpha: float = 0.05) -> pd.DataFrame:
    """Per kind of answer: verdicts, the share that is right, and the judge's own share, before code looks.

    `low` and `high` bound `right`: Wilson's interval with the effective size that verdicts of one answer,
    which may err together, leave. `alone` counts a verdict as wrong that only the look at quotes and values
    put right. What a failed call lost is in neither.
    """
    import pandas as pd

    scored = _scored(tried)
    groups = [(fault, scored[scored["fault"] == fault]) for fault in dict.fromkeys(scored["fault"])]
    rows = []
    for fault, some in [*groups, ("all", scored)] if len(scored) else ():
        answers = some.groupby(["fault", "id"], sort=False)["right"].agg(["sum", "count"])
        low, high = _interval(answers["sum"].to_numpy(float), answers["count"].to_numpy(float), alpha)
        shares = {"right": some["right"].mean(), "low": low, "high": high, "alone": some["alone"].mean()}
        rows.append({"answer": fault, "answers": len(answers), "verdicts": len(some)} | shares)
    columns = ["answer", "answers", "verdicts", "right", "low", "high", "alone"]
    return pd.DataFrame(rows, columns=columns)


def _interval(right: np.ndarray, verdicts: np.ndarray, alpha: float) -> tuple[float, float]:
    """Wilson's interval for Σ right / Σ verdicts of answers, with the effective size p(1 − p)/SE².

    SE is that of a ratio of sums over answers (Cochran 1977, 6.3); where all verdicts are alike, as many
    trials are known as there are answers.
    """
    from ..stats.estimates import t_quantile
    from ..stats.shares import wilson

    n, total = len(right), verdicts.sum()
    share = float(right.sum() / total)
    variance = float(((right - share * verdicts) ** 2).sum()) / total**2 * n / max(1, n - 1)
    size = min(share * (1 - share) / variance, total) if variance > 0 else n
    return wilson(share, size, t_quantile(alpha / 2, n - 1 if variance > 0 else math.inf))


def judge_found(
    tried: pd.DataFrame, alpha: float = 0.05, judged: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """What metrics_report.json says of the judge: `judged`, where anything was, and how it did when tested.

    `agreement` is the share of verdicts that a second judgement repeats, `no_quote` the share of first
    verdicts whose quote was not in the answer, `with_length` the correlation of its errors with the answer's
    words; None where there is nothing to tell it from.
    """
    counts = {"judged": dict(judged)} if judged and "answers" in judged else {}
    rates = judge_rates(tried, alpha)
    if not len(rates):
        return counts
    scored, second = _scored(tried), tried[tried["round"] == 2]
    both = scored.merge(second, on=["id", "fault", "requirement"], suffixes=("", "_again"))
    both = both[both["met_again"].notna()]
    came = tried[(tried["round"] == 1) & ~(is_failed(tried) & (tried["first_fault"] == ""))]
    words = scored["answer"].str.split().str.len()
    wrong = 1.0 - scored["alone"]
    spread = wrong.std() > 0 and words.std() > 0
    by_fault = {str(row.pop("answer")): row for row in rates.to_dict("records")}
    found = {
        "alpha": alpha,
        "all": by_fault.pop("all"),
        "by_fault": by_fault,
        "agreement": float((both["met"] == both["met_again"]).mean()) if len(both) else None,
        "repeated": len(both),
        "no_quote": float((came["first_fault"] == NO_QUOTE).mean()),
        "with_length": float(wrong.corr(words.astype(float))) if spread else None,
    }
    return counts | found | {"in_words": judge_in_words(found)}


def judge_in_words(found: Mapping[str, Any]) -> str:
    """How far the judge can be believed, in a few sentences; "" where it was not tested."""
    if "all" not in found:
        return ""
    every, ends = found["all"], f"{level(found['alpha'])} interval"
    said = [
        f"Of {every['verdicts']} verdicts on answers whose truth is known {percent(every['right'])} are "
        f"right ({ends} {percent(every['low'])} to {percent(every['high'])}); of the judge's own, before its "
        f"quotes and the required values are looked up, {percent(every['alone'])}."
    ]
    if found["agreement"] is not None:
        said.append(
            f"A second judgement repeats {percent(found['agreement'])} of {found['repeated']} verdicts."
        )
    said.append(f"{percent(found['no_quote'])} of its first verdicts quoted what was not there.")
    if found["with_length"] is not None:
        said.append(
            f"Its errors and an answer's length correlate at {number(found['with_length'], 2, sign=True)}."
        )
    return " ".join(said)


def judge_doubt(found: Mapping[str, Any]) -> str:
    """What `judge_found` says against a decision on verdicts; "" from ENOUGH right ones on."""
    if "all" not in found:
        return UNTESTED if "judged" in found else ""
    every = found["all"]
    if every["right"] >= ENOUGH:
        return ""
    ends = f"{level(found['alpha'])} interval {percent(every['low'])} to {percent(every['high'])}"
    return (
        f"The judge, whose verdicts decide, is right in {percent(every['right'])} of {every['verdicts']:,} "
        f"verdicts on answers whose truth is known ({ends}); under {percent(ENOUGH)} its errors may exceed "
        "the differences between the models."
    )


def _scored(tried: pd.DataFrame) -> pd.DataFrame:
    """The first verdicts that can be used, with whether they are right, and were before code looked."""
    first = tried[(tried["round"] == 1) & ~is_failed(tried)]
    right = (first["met"].astype(float) == first["should_be"].astype(float)).astype(float)
    return first.assign(right=right, alone=right * (first["status"] == ""))
