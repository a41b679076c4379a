"""05: the decision first, then what it stands on; commentary only where its figures were checked."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from .agent import Agent, Item, Tool, system_prompt
from .claims import problems
from .llm.catalog import default_model
from .metrics.answers import read_answer

if TYPE_CHECKING:
    import pandas as pd

    from .llm.client import Client
    from .plots import Chart

SIMULATED = (
    "**SIMULATED.** Every answer in this run came from the offline provider's simulated models. "
    "It shows how the method works and says nothing about any real model."
)
# What HTML, Markdown or a formula could be made of.
_CHARACTERS = {c: f"&#{ord(c)};" for c in "<>&\"'*_`[]\\|#!~"}
# JupyterLab sets what stands between two dollar signs as a formula, unless each is an element of its own.
_CHARACTERS["$"] = "<span>&#36;</span>"
_MEANS = ("test_case", "metric", "model", "mean", "cases", "planned", "scored", "unscored")
TRIES = 3  # a passage is sent back twice, then left out
COMMENTARY = Tool(
    "write_commentary",
    "Hand in the commentary.",
    {
        "type": "object",
        "properties": {
            "passages": {
                "type": "array",
                "minItems": 1,
                "maxItems": 5,
                "items": {
                    "type": "object",
                    "properties": {"title": {"type": "string"}, "text": {"type": "string", "minLength": 1}},
                    "required": ["title", "text"],
                    "additionalProperties": False,
                },
            }
        },
        "required": ["passages"],
        "additionalProperties": False,
    },
)


@dataclass(frozen=True)
class Commentary:
    """Passages whose figures and claims were checked, and how many were left out, with the reasons."""

    passages: list[dict[str, str]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)
    note: str = ""  # why there is none, where there is none


def facts_of(report: Mapping[str, Any]) -> dict[str, Any]:
    """What the commentary may speak of: the computed part of metrics_report.json, without the long tables."""
    how = report["configuration"]
    return {
        "decision": report["decision"]["sentence"],
        "simulated": report["simulated"],
        "alpha": how["alpha"],
        "margin": how["margin"],
        "models": how["models"],
        "rounds": how["rounds"],
        "cases": how["cases"],
        "lower_is_better": how["lower_is_better"],
        "recommended": report["decision"]["recommended"],
        "comparisons": report["comparisons"],
        "models_summary": report["results_summary"]["means"],
        "denominators": report["denominators"],
        "cost": report["results_summary"]["cost"],
    }


async def comment(report: Mapping[str, Any], client: Client, model: str = "") -> Commentary:
    """Have the report agent comment, and keep what holds. An imported run without a `model` gets none."""
    if client.name == "imported" and not model:
        return Commentary(note="These responses were made elsewhere and no report_model was named.")
    facts = facts_of(report)
    agent = Agent(
        "report",
        model or default_model(client.name, "report"),
        system_prompt("report"),
        COMMENTARY,
        0.3,
        2500,
    )
    kept: list[dict[str, str]] = []
    wrong: list[tuple[dict[str, str], list[str]]] = []
    async with client:
        for attempt in range(1, TRIES + 1):
            item = Item("commentary", _message(facts, wrong), attempt=attempt)
            (reply,) = await client.map(agent, [item], "comment")
            if reply.arguments is None:
                return Commentary(kept, [], f"The report agent gave no usable commentary ({reply.error}).")
            checked = [(passage, problems(_whole(passage), facts)) for passage in reply.arguments["passages"]]
            kept += [passage for passage, found in checked if not found]
            wrong = [(passage, found) for passage, found in checked if found]
            if not wrong:
                break
    return Commentary(kept, [found[0] for _, found in wrong])


def _whole(passage: Mapping[str, str]) -> str:
    return f"{passage['title']}. {passage['text']}"


def _message(facts: Mapping[str, Any], wrong: Sequence[tuple[dict[str, str], list[str]]]) -> str:
    sent_back = [{"passage": passage, "problems": found} for passage, found in wrong]
    return json.dumps(dict(facts) | ({"sent_back": sent_back} if wrong else {}), ensure_ascii=False)


def write(
    report: Mapping[str, Any], commented: Commentary, worst: pd.DataFrame, figures: Mapping[str, Chart]
) -> str:
    """analysis_report.md: every number in it is read from `report`."""
    sections = [
        f"# Which model to deploy: {' or '.join(report['configuration']['models'])}",
        SIMULATED if report["simulated"] else "",
        "## Decision",
        decision(report),
        "## Comparisons",
        comparisons(report),
        *_figures(figures, "differences"),
        "## What was measured",
        denominators(report),
        "A failed call is unscored; malformed answers and refusals are the model's own and score worst.",
        "## Means by model",
        means(report),
        *_figures(figures, "scores"),
        *_figures(figures, "categories"),
        "## Cost and latency",
        cost(report),
        *_figures(figures, "latency"),
        *_figures(figures, "tradeoff"),
        "## Where the models differ most",
        side_by_side(worst),
        "## Commentary",
        commentary(commented),
        "## Method",
        method(report),
        f"`{report['signature']}`",
    ]
    return "\n\n".join(filter(None, sections)) + "\n"


def decision(report: Mapping[str, Any]) -> str:
    """The sentence that the run ends on, and every warning that belongs beside it."""
    warnings = [f"> **Warning.** {line}" for line in report["decision"]["warnings"]]
    made = report["decision"]
    return "\n\n".join([f"**{made['headline']}**", *(f"- {one}" for one in made["details"]), *warnings])


def denominators(report: Mapping[str, Any]) -> str:
    return _table(report["denominators"])


def cost(report: Mapping[str, Any]) -> str:
    """Dollars, tokens and seconds per model; an unknown price is said to be unknown."""
    return _table(
        [
            {
                "model": row["model"],
                "cost, USD": _digits(row["cost_usd"], 4),
                "USD per 1,000 answers": _digits(row["cost_usd_per_1000"], 3),
                "tokens in": row["prompt_tokens"],
                "tokens out": row["completion_tokens"],
                "latency, median s": _digits(row["latency_s_median"], 2),
                "latency, 95th percentile s": _digits(row["latency_s_p95"], 2),
                "queue, median s": _digits(row["queue_s_median"], 2),
                "answers timed": row["timed"],
            }
            for row in report["results_summary"]["cost"]
        ]
    )


def _digits(value: float | None, places: int) -> str:
    return "unknown" if value is None else f"{value:,.{places}f}"


def worst_cases(
    responses: pd.DataFrame, scores: pd.DataFrame, cases: pd.DataFrame, primary: Mapping[str, str], n: int = 3
) -> pd.DataFrame:
    """The `n` cases of each kind on whose primary metric the models differ most, with their first answers."""
    import pandas as pd

    chosen = scores[scores["metric"].isin(primary.values())]
    means = chosen.groupby(["test_case", "id", "model"], sort=False)["value"].mean().unstack()
    spread = (means.max(axis=1) - means.min(axis=1)).dropna()
    top = spread.sort_values(ascending=False, kind="stable").groupby(level="test_case").head(n)
    rows = [
        {
            "id": id,
            "model": model,
            "mean": means.loc[(kind, id), model],
            **_shown(id, model, responses, cases),
        }
        for kind, id in top.index
        for model in means.columns
    ]
    return pd.DataFrame(rows, columns=["id", "model", "mean", "prompt", "golden_response", "answer"])


def _shown(id: str, model: str, responses: pd.DataFrame, cases: pd.DataFrame) -> dict[str, str]:
    case = cases[cases["id"] == id].iloc[0]
    row = responses[(responses["id"] == id) & (responses["model"] == model)].sort_values("round").iloc[0]
    answer = read_answer(row["model_response"], row["test_case"])
    said = answer.value if row["status"] == "answered" else f"[{row['status']}] {row['model_response']}"
    text = said if isinstance(said, str) else json.dumps(said, ensure_ascii=False)
    return {"prompt": case["prompt"], "golden_response": case["golden_response"], "answer": text}


def comparisons(report: Mapping[str, Any]) -> str:
    """The table of every comparison, the metric that decides first in its kind; one pair is named once."""
    level = f"{100 * (1 - report['configuration']['alpha']):g} % interval"
    rows = sorted(report["comparisons"], key=lambda row: (row["test_case"], not row["primary"]))
    pairs = {(row["model_a"], row["model_b"]) for row in rows}
    table = [
        {
            "metric": f"**{row['metric']}**" if row["primary"] else row["metric"],
            **({"A": row["model_a"], "B": row["model_b"]} if len(pairs) > 1 else {}),
            "A − B": row["difference"],
            level: _range(row["ci_low"], row["ci_high"]),
            "p (Holm)": row["p_adjusted"],
            "cases": row["n"],
            "won / tied / lost": f"{row['wins']} / {row['ties']} / {row['losses']}",
            "outcome": _outcome(row),
        }
        for row in rows
    ]
    named = "".join(f"A is {a}, B is {b}. " for a, b in pairs) if len(pairs) == 1 else ""
    return f"{named}Bold: the metrics that decide.\n\n{_table(table)}\n\n{_cautions(rows)}"


def _cautions(rows: Sequence[Mapping[str, Any]]) -> str:
    """What to be wary of, each sentence once."""
    said = dict.fromkeys(row["warnings"] for row in rows if row["primary"] and row["warnings"])
    return "\n".join(f"> {one}" for one in said)


def _outcome(row: Mapping[str, Any]) -> str:
    named = {"better_a": f"{row['model_a']} better", "better_b": f"{row['model_b']} better"}
    return named.get(row["outcome"], row["outcome"])


def _range(low: float | None, high: float | None) -> str:
    return "unknown" if low is None or high is None else f"{low:.3f} to {high:.3f}"


def means(report: Mapping[str, Any]) -> str:
    """Every mean over cases, with the responses planned, scored and unscored behind it."""
    rows = sorted(report["results_summary"]["table"], key=lambda row: (row["test_case"], row["metric"]))
    return _table([{name: row[name] for name in _MEANS} for row in rows])


def _table(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return "Nothing to show."
    head = list(rows[0])
    lines = ["| " + " | ".join(head) + " |", "|" + " --- |" * len(head)]
    lines += ["| " + " | ".join(_cell(row[name]) for name in head) + " |" for row in rows]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if value is None or (isinstance(value, float) and value != value):
        return "unknown"
    if isinstance(value, float):
        return f"{value:.3f}" if abs(value) >= 0.001 or value == 0 else f"{value:.2g}"
    return str(value).replace("|", "\\|")


def _figures(figures: Mapping[str, Chart], about: str) -> list[str]:
    """The figures whose names begin with `about`, each with its caption below."""
    shown = [(name, chart) for name, chart in figures.items() if name.startswith(about)]
    return [
        part
        for name, chart in shown
        for part in (
            f"![{_safe(chart.alt.replace('$', 'USD '))}](figures/{name}.png)",
            f"*{_safe(chart.caption)}*",
        )
    ]


def side_by_side(worst: pd.DataFrame) -> str:
    """Model text as text: escaped, and with no dollar sign that a notebook would read as a formula."""
    if not len(worst):
        return "No case has a score from two models."
    blocks = []
    for id, rows in worst.groupby("id", sort=False):
        first = rows.iloc[0]
        head = "".join(f"<th>{_safe(row.model)} ({_cell(row.mean)})</th>" for row in rows.itertuples())
        body = "".join(f"<td>{_safe(row.answer)}</td>" for row in rows.itertuples())
        blocks.append(
            f"**{_safe(id)}.** {_safe(first['prompt'])}\n\n<table><tr><th>golden response</th>{head}</tr>"
            f"<tr><td>{_safe(first['golden_response'])}</td>{body}</tr></table>"
        )
    return "\n\n".join(blocks)


def _safe(text: Any) -> str:
    short = str(text) if len(str(text)) <= 1200 else str(text)[:1200] + " […]"
    one_line = " ".join("".join(c if c.isprintable() else " " for c in short).split())
    return "".join(_CHARACTERS.get(c, c) for c in one_line)


def commentary(commentary: Commentary) -> str:
    parts = [f"**{_safe(p['title'])}.** {_safe(p['text'])}" for p in commentary.passages]
    if commentary.left_out:
        n = len(commentary.left_out)
        parts.append(
            f"> {n} passage{'s were' if n > 1 else ' was'} left out: what it said did not agree with the "
            f"computed results (such as: {_safe(commentary.left_out[0])})."
        )
    if commentary.note or not parts:
        parts.append(f"> No commentary. {_safe(commentary.note)}")
    return "\n\n".join(parts)


def method(report: Mapping[str, Any]) -> str:
    how = report["configuration"]
    return (
        f"Every model answered every case in {how['rounds']} rounds. The case is the unit: its rounds are "
        "averaged, then models are compared on the same cases by a paired t interval at "
        f"alpha = {how['alpha']:g}; cases of one category count as a cluster, so that the interval is wide "
        "where they move together. One metric per kind was named before the results were seen "
        f"({', '.join(how['primary_metrics'].values())}); all others are Holm-adjusted. "
        f"A difference within {how['margin']:g} was declared not to matter. "
        "Intervals speak of cases like these; they know nothing of other customers, prompts or dates."
    )
