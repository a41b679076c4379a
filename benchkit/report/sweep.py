"""What the runs of a sweep say together: a row a run in sweep.csv, one figure, and a page that links them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from ..decide import complete, control_table, rules_of
from ..decide.controls import disqualified
from ..decide.deciding import conclude
from ..decide.decision import plain
from ..decide.evidence import gather, utility_ends
from ..llm.journal import looking
from ..run import Run, figures
from ..run.config import JOURNAL, is_begun
from ..run.tables import write_table
from ..wording import count, interval, level, number
from .export import export_markdown
from .markdown import Markup, inline, linked, table

if TYPE_CHECKING:
    import pandas as pd

OPEN = "inconclusive"


def write_sweep(
    folder: Path, runs: Mapping[str, Mapping[str, Any]], ended: Mapping[str, str] | None = None
) -> Path:
    """Write `sweep.csv`, the figure and `index.html` of `runs`, {folder's name: what the grid gave it}.

    A run that has not got so far has its row, with nothing in it but how it `ended`. Returns the page's path.
    """
    import pandas as pd

    from ..plots import plot_sweep

    rows = pd.DataFrame(
        [
            {"run": name, **varied, "ended": (ended or {}).get(name), **row(folder / name, len(runs))}
            for name, varied in runs.items()
        ]
    )
    write_table(folder / "sweep.csv", rows)
    simulated = bool(rows["simulated"].eq(True).any())
    chart = plot_sweep(rows).stamped(simulated=simulated)
    figures.keep(folder / "figures", chart, "sweep")
    return export_markdown(_page(folder, rows), folder, folder / "index.html", simulated=simulated)


def row(path: Path, runs: int) -> dict[str, Any]:
    """What `sweep.csv` holds of the run at `path`, one of `runs`; None is what it does not have yet.

    `outcome` and `model` are the run's own decision; `best` leads in U by `difference` over the best other,
    with its interval at the run's `alpha` divided by the number of runs (Bonferroni): all intervals of the
    sweep hold together. `outcome_adjusted` is the outcome where it is the same at that alpha;
    where people decide, that is not known.
    """
    known = ("outcome", "outcome_adjusted", "model", "best", "difference", "low", "high", "alpha")
    found: dict[str, Any] = dict.fromkeys((*known, "cost_usd", "at_most_usd", "minutes"))
    run, begun = Run(path), is_begun(path)
    if (path / JOURNAL).exists():
        with looking(path / JOURNAL) as record:
            found["cost_usd"], found["at_most_usd"] = record.cost_usd()
            found["minutes"] = record.spent()[2] / 60
    if (path / "metrics_report.json").exists():
        decision = run.metrics_report()["decision"]
        found |= {"outcome": decision["outcome"], "model": decision["model"]} | adjusted(run, decision, runs)
    return found | {"simulated": run.simulated if begun else None, "folder": str(path)}


def adjusted(run: Run, decision: Mapping[str, Any], runs: int) -> dict[str, Any]:
    """The run's leader and what holds of it at alpha / `runs`, from the run's own scores and rules."""
    scores, rules = run.scores(), rules_of(run, reference=run.parameter("04_measure", "reference", ""))
    spoilt = disqualified(control_table(scores, rules))
    looks = decision["looks"]
    look = looks["cases"] / looks["first_cases"] if looks else 0.0
    strict = replace(rules, alpha=rules.alpha / runs)
    evidence = gather(complete(scores), strict, spoilt, look=look)
    found: dict[str, Any] = {"outcome_adjusted": OPEN, "alpha": strict.alpha}
    if not evidence.usable:
        return found
    if not rules.people_decide and conclude(evidence)[0] == decision["outcome"]:
        found["outcome_adjusted"] = decision["outcome"]
    first = evidence.order[0]
    low, high = utility_ends(evidence, first)
    found |= {"best": evidence.models[first], "low": low, "high": high}
    return plain(found | {"difference": evidence.contrasts.difference[first]})


def _page(folder: Path, rows: pd.DataFrame) -> str:
    found = rows[rows["difference"].notna()]
    told = f"{len(found)} of {count(len(rows), 'run')} have a result."
    if len(found):
        top = found.loc[found["difference"].astype(float).idxmax()]
        lead = number(top["difference"], sign=True)
        told += f" The largest lead over the best other, {lead}, is {inline(str(top['best']))}'s in "
        told += (
            f"{_link(top['run'], 'html/05_report.html', top['run'])}. The largest of many is partly luck; "
            f"every interval is at {level(float(top['alpha']))} (alpha divided by {len(rows)}), so that all "
            "hold together."
        )
    shown = [_shown(one) for one in rows.astype(object).where(rows.notna(), None).to_dict("records")]
    picture = linked(figures.kept(folder / "figures"), "sweep")
    return "\n\n".join(["# The runs of a sweep", told, *picture, table(shown), "[sweep.csv](sweep.csv)"])


def _shown(one: Mapping[str, Any]) -> dict[str, Any]:
    """A row of the page: what its run ended on, and the way there."""
    ends = interval(one["low"], one["high"]) if one["low"] is not None else "no interval"
    gain = "" if one["difference"] is None else f"{number(one['difference'], sign=True)} ({ends})"
    cost = "" if one["cost_usd"] is None else number(one["cost_usd"])
    cost += "" if one["cost_usd"] == one["at_most_usd"] else f" to {number(one['at_most_usd'])}"
    minutes = "" if one["minutes"] is None else number(one["minutes"], 1)
    said = {
        "run": _link(one["run"], "html/index.html", one["run"]),
        "outcome": one["outcome"] or one["ended"] or "none yet",
    }
    said |= {
        "adjusted": one["outcome_adjusted"] or "",
        "best": one["best"] or "",
        "over the best other": gain,
    }
    return said | {"US dollars": Markup(cost), "minutes": Markup(minutes)}


def _link(run: str, page: str, words: str) -> Markup:
    return Markup(f"[{inline(words)}]({quote(run)}/{page})")
