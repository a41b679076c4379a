"""The cases that one run answers well and the other does not, with both answers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..domain import ROUNDING
from ..wording import number
from .markdown import inline, safe

if TYPE_CHECKING:
    import pandas as pd

    from ..decide.evidence import Evidence, Kind
    from .matched_runs import Side

SHOWN = 5
HALF = 0.5  # of a metric's range: a case whose mean over rounds moved that far has flipped


@dataclass(frozen=True)
class Flip:
    """One case, its mean in both runs, and of each side the answer that shows the change most."""

    models: str
    metric: str
    ids: tuple[str, str]  # in A and in B
    means: tuple[float, float]
    gain: float  # above 0 where B is better
    prompt: str
    golden: str
    answers: tuple[str, str]


def flipped(
    evidence: Evidence,
    scores: pd.DataFrame,
    sides: Sequence[Side],
    pair: Sequence[str],
    ids: Mapping[str, str],
) -> Iterator[Flip]:
    """The cases of one pair of models whose mean moved by half of the metric's range or more.

    `scores` are those of the evidence, with A's ids; `ids` gives B's for them.
    """
    import numpy as np

    for kind in evidence.kinds:
        gain = kind.gain[1] - kind.gain[0]
        for at in np.flatnonzero(np.abs(gain) >= HALF * kind.span - ROUNDING):
            both = (kind.measured.ids[at], ids[kind.measured.ids[at]])
            rows = scores[(scores["id"] == both[0]) & (scores["metric"] == kind.metric)]
            means, answers = kind.measured.means[:, at].tolist(), []
            for n, side in enumerate(sides):
                round = _telling(rows, evidence.models[n], kind, better=bool(gain[at] > 0) == bool(n))
                answers.append(side.answer(both[n], pair[n], round))
            case = sides[0].cases[both[0]]
            yield Flip(
                models=" → ".join(dict.fromkeys(pair)),
                metric=kind.metric,
                ids=both,
                means=(means[0], means[1]),
                gain=float(gain[at]),
                prompt=case["prompt"],
                golden=case["golden_response"],
                answers=(answers[0], answers[1]),
            )


def _telling(rows: pd.DataFrame, model: str, kind: Kind, better: bool) -> int:
    """The round to read: the best of the side that did better, the worst of the other."""
    values = rows[(rows["model"] == model) & rows["value"].notna()].set_index("round")["value"]
    good = kind.measured.sign * values
    return int(good.idxmax() if better else good.idxmin())


def flips_shown(flips: Sequence[Flip]) -> str:
    """How many there are, and the largest losses first; text of a model is text."""
    lost = sum(one.gain < 0 for one in flips)
    which = f", {lost:,} for the worse and {len(flips) - lost:,} for the better" if flips else ""
    parts = [
        f"Cases that flipped (mean over rounds moved by half of the range or more): {len(flips):,}{which}."
    ]
    if len(flips) > SHOWN:
        parts.append(f"These are {SHOWN} of them, the largest losses first.")
    for one in sorted(flips, key=lambda flip: (flip.gain > 0, -abs(flip.gain)))[:SHOWN]:
        ids = ", in B ".join(dict.fromkeys(map(inline, one.ids)))
        means = " → ".join(number(mean) for mean in one.means)
        parts.append(f"**{ids}** ({inline(one.models)}, {inline(one.metric)} {means}). {safe(one.prompt)}")
        said = {"golden": one.golden, "A": one.answers[0], "B": one.answers[1]}
        parts.append("\n".join(f"- *{name}:* {safe(text)}" for name, text in said.items()))
    return "\n\n".join(parts)
