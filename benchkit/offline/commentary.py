"""The simulated report agent: sentences that the report supports, and, in the liar, some that it refutes."""

from __future__ import annotations

import random as random_module
from collections.abc import Mapping
from typing import Any

from benchkit.offline.claims import LOWER_IS_BETTER, Claim, comparisons, decided, known, p_shown, ranked
from benchkit.offline.falsehoods import falsehoods
from benchkit.offline.models import SimulatedModel

Random = random_module.Random
PASSAGES = {"decision": "The decision", "conversation": "Conversations", "json": "Records",
            "coverage": "What was scored", "cost": "Cost and speed"}  # fmt: skip
LONGEST = 8  # sentences in a passage: ten models have more comparisons than anybody reads


def write(model: SimulatedModel, message: Mapping[str, Any], random: Random) -> dict[str, Any]:
    """Arguments of `write_commentary`: one to five passages; where some were sent back, those anew."""
    said = claims(message, model.lies, random)
    sent_back = {item["passage"]["title"] for item in message.get("sent_back") or ()}
    passages = []
    for key, title in PASSAGES.items():
        lines = [claim.text for claim in said if claim.passage == key][:LONGEST]
        if lines and (not sent_back or title in sent_back):
            passages.append({"title": title, "text": " ".join(lines)})
    rest = {"title": "Reading the tables", "text": "The tables hold all that was measured."}
    return {"passages": passages or [rest]}


def claims(message: Mapping[str, Any], lies: float, random: Random) -> list[Claim]:
    """The sentences of a commentary; each true one is replaced by a falsehood with probability `lies`."""
    said = truths(message)
    if not lies:
        return said
    false = falsehoods(message, random)
    random.shuffle(false)
    return [false.pop() if false and random.random() < lies else claim for claim in said]


def truths(message: Mapping[str, Any]) -> list[Claim]:
    """Everything a careful writer would say; each number stands in the message, rounded."""
    said = [Claim("decision", str(message["decision"]))] if message.get("decision") else []
    if message.get("simulated"):
        said.append(Claim("decision", "All of the models here are simulated."))
    said += [Claim(str(row["test_case"]), _comparison(row)) for row in comparisons(message)]
    for row in message.get("denominators") or ():
        said.append(Claim("coverage", _coverage(row)))
    for row in message.get("cost") or ():
        said += [Claim("cost", text) for text in _cost(row)]
    return said


def _comparison(row: Mapping[str, Any]) -> str:
    interval = f"the interval runs from {row['ci_low']:z.3f} to {row['ci_high']:z.3f}"
    models = f"{row['model_a']} and {row['model_b']}"
    if row.get("outcome") == "equivalent":
        return f"On {row['metric']}, {models} are equivalent within the margin; {interval}."
    if not decided(row):
        gap = f"the difference is {row['difference']:z.3f} and {interval}"
        return f"On {row['metric']} the {row['n']} cases name no winner between {models}: {gap}."
    ahead, behind = ranked(row)
    means = {row["model_a"]: row["mean_a"], row["model_b"]: row["mean_b"]}
    shown = p_shown(row)
    p = f" (p = {shown:.3f})" if known(shown) and shown >= 0.001 else ""
    lower = ", where lower is better" if row["metric"] in LOWER_IS_BETTER else ""
    return (
        f"On {row['metric']}{lower}, {ahead} did better than {behind} over {row['n']} cases, "
        f"{means[ahead]:.3f} against {means[behind]:.3f}; {interval}{p}."
    )


def _coverage(row: Mapping[str, Any]) -> str:
    kind = f" {row['test_case']}" if row.get("test_case") else ""
    return f"Of {row['planned']} planned{kind} answers of {row['model']}, {row['scored']} were scored."


def _cost(row: Mapping[str, Any]) -> list[str]:
    said = []
    if known(row.get("cost_usd")):
        said.append(f"{row['model']} cost ${row['cost_usd']:.4f} in all.")
    if known(row.get("latency_s_median")):
        said.append(f"{row['model']} answered in {row['latency_s_median']:.2f} s at the median.")
    return said
