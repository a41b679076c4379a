"""Two measured runs: the cases that stand in both, matched by what they hold; and what else changed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from difflib import ndiff
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ..domain import as_text, read_requirements
from ..errors import InputError
from ..metrics import JUDGED, remember
from ..metrics.answers import read_answer, read_golden
from ..run import Run
from ..signature import PACKAGES, parts
from ..wording import count
from .markdown import safe, table

if TYPE_CHECKING:
    import pandas as pd

CONTENT = ["kind", "prompt", "golden response", "response schema", "asked"]
MOST_LINES = 12  # of a prompt's difference
ABSENT = "–"
UNCHANGED = "Nothing that is on record: models, parameters, versions, commit and prompts are the same."
MEASURED = "05"  # what later notebooks are given changes no score
Pair = tuple[str, str]  # a model of A, and the one of B that is held against it
BY_JUDGE = {metric.name for metric in JUDGED.values()}


@dataclass(frozen=True)
class Side:
    """One of the two runs, as 04 measured it."""

    run: Run
    report: Mapping[str, Any]
    scores: pd.DataFrame

    @property
    def models(self) -> list[str]:
        return list(self.report["configuration"]["models"])

    @property
    def metrics_version(self) -> str:
        return parts(str(self.report["signature"])).get("metrics", "")

    @property
    def judge(self) -> tuple[str, str] | None:
        """The judge's model and the digest of its prompt; None where nobody judged, or it is not known."""
        judged = self.report.get("judge", {}).get("judged", {})
        prompt = judged.get("prompt") or self.run.config.get("prompt_hashes", {}).get("judge", "")
        return (judged["model"], prompt) if "model" in judged else None

    @cached_property
    def cases(self) -> pd.DataFrame:
        """The scored cases by their ids, with what they hold; `copy` numbers those that hold the same."""
        kinds = self.scores.drop_duplicates("id").set_index("id")["test_case"]
        rows = self.run.validated_tests().drop_duplicates("id").set_index("id", drop=False)
        rows = rows[rows.index.isin(kinds.index)]
        held = rows.assign(kind=kinds.reindex(rows.index), prompt=rows["prompt"].str.strip())
        for name in ("golden_response", "response_schema"):
            held[name.replace("_", " ")] = rows[name].map(_canonical)
        asked = rows.reindex(columns=["requirements"], fill_value="")["requirements"]
        held["asked"] = [str(read_requirements(str(text))) for text in asked]
        return held.assign(copy=held.groupby(CONTENT).cumcount())

    @cached_property
    def answers(self) -> dict[tuple[str, str, int], dict[str, Any]]:
        rows = self.run.responses().to_dict("records")
        return {(row["id"], row["model"], row["round"]): row for row in rows}

    def answer(self, id: str, model: str, round: int) -> str:
        """What a model said, and what was wrong with it."""
        row = self.answers.get((id, model, round), {})
        said, status = row.get("model_response") or "[no answer on record]", row.get("status") or "answered"
        if status != "answered":
            return f"[{': '.join(filter(None, (status, row['error'])))}] {row['model_response']}"
        value = read_answer(said, row["test_case"]).value if row else None
        return said if value is None else as_text(value)


def measured_run(run: Run) -> Side:
    """A run as 04 measured it. Raises RunError where it did not, naming the notebook that does."""
    report = run.current_report()
    remember(report.get("metrics", {}))
    return Side(run, report, run.scores())


@dataclass(frozen=True)
class Matched:
    """Both runs, and the cases that stand in both."""

    a: Side
    b: Side
    ids: Mapping[str, str]  # {id in A: id in B}

    @property
    def rejudged(self) -> str:
        """Why what a judge says cannot be compared, and what to do; "" where one judge judged both runs."""
        a, b = self.a.judge, self.b.judge
        if not a or not b or a == b:
            return ""
        who = f"the judge is {b[0]} in B and {a[0]} in A"
        other = f"{a[0]} judges by another prompt in B" if a[0] == b[0] else who
        return f"{other}. Run 04_measure.ipynb on {self.b.run.name} with A's judge"

    def scores(self, pair: Pair) -> pd.DataFrame:
        """Of a model of A and one of B, of the matched cases: ids, categories and families are A's."""
        import pandas as pd

        a = self.a.scores[self.a.scores["id"].isin(self.ids) & (self.a.scores["model"] == pair[0])]
        b = self.b.scores.assign(id=self.b.scores["id"].map({new: old for old, new in self.ids.items()}))
        b = b[b["id"].notna() & (b["model"] == pair[1])]
        strata = self.a.scores.drop_duplicates("id").set_index("id")
        b = b.assign(**{name: b["id"].map(strata[name]) for name in ("category", "family")})
        both = pd.concat([a.assign(model=f"{pair[0]} @ A"), b.assign(model=f"{pair[1]} @ B")])
        if self.rejudged:
            reason = "undefined: another judge in B"
            both.loc[both["metric"].isin(BY_JUDGE), ["value", "reason"]] = [float("nan"), reason]
        return both

    def changed(self, pairs: Sequence[Pair]) -> str:
        """Markdown: a row for everything that differs, then the lines of candidates' prompts that do."""
        before, now = (
            _made_with(side, {pair[at]: called(pair) for pair in pairs})
            for at, side in enumerate((self.a, self.b))
        )
        apart = [
            (name, before.get(name, ABSENT), now.get(name, ABSENT))
            for name in {**before, **now}
            if before.get(name, ABSENT) != now.get(name, ABSENT)
        ]
        texts = [(name, str(a), str(b)) for name, a, b in apart if name.endswith(": prompt")]
        rows = [{"": name, "A": _short(name, a), "B": _short(name, b)} for name, a, b in apart]
        said = [table(rows)] if rows else []
        said += [_lines_apart(*one) for one in texts if ABSENT not in one]
        return "\n\n".join(said) or UNCHANGED


def match(a: Side, b: Side) -> Matched:
    """The cases that hold the same.

    Raises InputError where there is none, and where two versions of the metrics scored the runs.
    """
    same_metrics(a, b.metrics_version, b.run.path)
    keys = [*CONTENT, "copy"]
    both = a.cases[["id", *keys]].merge(b.cases[["id", *keys]], on=keys, suffixes=("", " in B"))
    if both.empty:
        raise no_same_case(a, b.run.path, len(b.cases))
    return Matched(a, b, dict(zip(both["id"], both["id in B"], strict=True)))


def same_metrics(a: Side, version: str, b: object) -> None:
    """Raises InputError where another version of the metrics scored A than scores `b`."""
    if (made := a.metrics_version) != version:
        raise InputError(
            f"{a.run.path} was scored by version {made} of the metrics and {b} by {version}: the difference "
            "may be theirs. Run 04_measure.ipynb again on the older one."
        )


def no_same_case(a: Side, b: object, cases: int) -> InputError:
    """The error where no case of A is among those of `b`."""
    return InputError(
        f"{a.run.path} has {count(len(a.cases), 'scored case')} and {b} has {cases:,}, and none is the same "
        f"in kind, prompt, golden response, schema and requirements. {same_cases(a)}"
    )


def same_cases(a: Side) -> str:
    """How a new run is given the cases of A."""
    file = a.run.path / "validated_tests.csv"
    return f"Give a new run the cases of the other: benchkit run --cases {file}"


def called(pair: Pair) -> str:
    return " → ".join(dict.fromkeys(pair))


def _canonical(text: str) -> str:
    """JSON with its keys in one order, whoever wrote it; other text as it is."""
    try:
        return (
            json.dumps(read_golden(text), sort_keys=True) if text.lstrip().startswith("{") else text.strip()
        )
    except InputError:
        return text.strip()


def _made_with(side: Side, names: Mapping[str, str]) -> dict[str, Any]:
    """Everything on record that could make a score differ, by the name that it is said with."""
    config, measured = side.run.config, parts(side.report["signature"])
    versions = config.get("versions", {}) | {name: measured[name] for name in PACKAGES if name in measured}
    candidates = side.run.parameter("03_execute", "candidates") or {}
    return {
        "provider": config["provider"],
        "models": ", ".join(side.models),
        **{
            f"{notebook[:2]} {name}": value
            for notebook, values in sorted(config["parameters"].items())
            for name, value in values.items()
            if notebook < MEASURED and name not in ("models", "candidates")
        },
        "judge": side.judge[0] if side.judge else ABSENT,
        **{
            f"{names.get(name, name)}: {key}": value
            for name, one in candidates.items()
            for key, value in one.items()
        },
        **{f"version of {name}": value for name, value in versions.items()},
        "git commit": config.get("git_commit") or ABSENT,
        **{f"prompt {name}": digest for name, digest in config.get("prompt_hashes", {}).items()},
    }


def _short(name: str, value: Any) -> str:
    """A value for the table; a candidate's prompt, whose lines stand below it, as its digest."""
    text = as_text(value)
    return sha256(text.encode()).hexdigest()[:16] if name.endswith(": prompt") and value != ABSENT else text


def _lines_apart(name: str, a: str, b: str) -> str:
    """The lines that are only in one of both texts of a prompt."""
    lines = [line for line in ndiff(a.splitlines(), b.splitlines()) if line[0] in "-+"]
    said = [f"- only in {'A' if line[0] == '-' else 'B'}: {safe(line[2:])}" for line in lines]
    more = [f"- and {count(len(said) - MOST_LINES, 'line')} more"] if len(said) > MOST_LINES else []
    return "\n".join([f"{safe(name)}:", "", *said[:MOST_LINES], *more])
