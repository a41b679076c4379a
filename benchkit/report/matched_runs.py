"""Two measured runs: the cases that stand in both, matched by what they hold; and what else changed."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from difflib import ndiff
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from ..domain import Requirement, as_text, read_requirements
from ..errors import InputError
from ..llm.journal import system_prompts
from ..metrics import JUDGED, remember
from ..metrics.answers import read_answer, read_golden
from ..run import Run
from ..signature import PACKAGES, parts
from ..wording import count, listed
from .markdown import inline, safe, table

if TYPE_CHECKING:
    import pandas as pd

CONTENT = ("kind", "prompt", "golden response", "response schema")
MOST_LINES, MOST_CASES = 12, 5  # of a prompt's difference, and of changed cases that are named
ABSENT = "–"
UNCHANGED = (
    "Nothing that is on record: models, parameters, versions, commit, prompts, requirements are the same."
)
MEASURED = "05"  # what later notebooks are given changes no score
REDRAFTED, REJUDGED = "undefined: other requirements in B", "undefined: another judge in B"
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
    def judge(self) -> dict[str, str]:
        """The judge's model, and the digest of its prompt; {} where no answer was judged, or it is not known.

        A run that does not say by which prompt it was judged was so by the one that it began with.
        """
        judged = self.report.get("judge", {}).get("judged", {})
        prompt = judged.get("prompt") or self.run.config.get("prompt_hashes", {}).get("judge", "")
        return {"model": judged["model"], "prompt": prompt} if "model" in judged else {}

    @cached_property
    def cases(self) -> pd.DataFrame:
        """The scored cases by their ids, with what they hold; `copy` numbers those that hold the same."""
        kinds = self.scores.drop_duplicates("id").set_index("id")["test_case"]
        rows = self.run.validated_tests().drop_duplicates("id").set_index("id", drop=False)
        rows = rows[rows.index.isin(kinds.index)]
        held = rows.assign(kind=kinds.reindex(rows.index), prompt=rows["prompt"].str.strip())
        for name in ("golden_response", "response_schema"):
            held[name.replace("_", " ")] = rows[name].map(_canonical)
        return held.assign(copy=held.groupby(list(CONTENT)).cumcount())

    @cached_property
    def answers(self) -> dict[tuple[str, str, int], dict[str, Any]]:
        rows = self.run.responses().to_dict("records")
        return {(row["id"], row["model"], row["round"]): row for row in rows}

    def answer(self, id: str, model: str, round: int) -> str:
        """What a model said, and what was wrong with it."""
        row = self.answers.get((id, model, round), {})
        said, status = row.get("model_response", ""), row.get("status") or "answered"
        if status != "answered":
            return f"[{': '.join(filter(None, (status, row['error'])))}] {said}"
        value = read_answer(said, row["test_case"]).value if said else "[no answer on record]"
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

    @cached_property
    def redrafted(self) -> list[str]:
        """The cases, by A's ids, whose requirements are others in B: there, what is met is another thing."""
        return [old for old, new in self.ids.items() if _asked(self.a, old) != _asked(self.b, new)]

    @property
    def rejudged(self) -> str:
        """What of the judge is another in B, in words; "" where it is the same, or one of both had none."""
        if not (self.a.judge and self.b.judge):
            return ""
        (model, prompt), (other, changed) = self.a.judge.values(), self.b.judge.values()
        if model != other:
            return f"the judge is {other} in B and {model} in A"
        return f"{model} judges by another prompt in B" if prompt != changed else ""

    def scores(self, pair: Pair) -> pd.DataFrame:
        """Of a model of A and one of B, of the matched cases: ids, categories and families are A's."""
        import pandas as pd

        a = self.a.scores[self.a.scores["id"].isin(self.ids) & (self.a.scores["model"] == pair[0])]
        b = self.b.scores.assign(id=self.b.scores["id"].map({new: old for old, new in self.ids.items()}))
        b = b[b["id"].notna() & (b["model"] == pair[1])]
        strata = self.a.scores.drop_duplicates("id").set_index("id")
        b = b.assign(**{name: b["id"].map(strata[name]) for name in ("category", "family")})
        both = pd.concat([a.assign(model=f"{pair[0]} @ A"), b.assign(model=f"{pair[1]} @ B")])
        apart = both["id"].isin(self.redrafted) & both["metric"].isin(BY_JUDGE)
        both.loc[apart, ["value", "reason"]] = [float("nan"), REDRAFTED]
        if self.rejudged:
            both.loc[both["metric"].isin(BY_JUDGE), ["value", "reason"]] = [float("nan"), REJUDGED]
        return both

    def changed(self, pairs: Sequence[Pair]) -> str:
        """Markdown: a row for everything that differs, then the requirements and the lines of prompts.

        A prompt is known by its hash in config.json; its text, where a call on record went with it.
        """
        names = [{pair[side]: called(pair) for pair in pairs} for side in (0, 1)]
        before, now = (_made_with(side, some) for side, some in zip((self.a, self.b), names, strict=True))
        rows = [
            {"": name, "A": as_text(before.get(name, ABSENT)), "B": as_text(now.get(name, ABSENT))}
            for name in {**before, **now}
            if before.get(name, ABSENT) != now.get(name, ABSENT)
        ]
        said = [table(rows)] if rows else []
        if self.redrafted:
            some = listed(map(inline, self.redrafted[:MOST_CASES]))
            more = " and others" if len(self.redrafted) > MOST_CASES else ""
            said.append(
                f"The requirements of {count(len(self.redrafted), 'case')} are others in B ({some}{more}): "
                "what their answers meet is not compared."
            )
        said += _lines_apart(_prompts(self.a.run, names[0]), _prompts(self.b.run, names[1])) if rows else ()
        return "\n\n".join(said) or UNCHANGED


def match(a: Side, b: Side) -> Matched:
    """The cases that hold the same.

    Raises InputError where there is none, and where two versions of the metrics scored the runs.
    """
    same_metrics(a, _metrics(b), b.run.path)
    ours, theirs = a.cases[["id", *CONTENT, "copy"]], b.cases[["id", *CONTENT, "copy"]]
    both = ours.merge(theirs, on=[*CONTENT, "copy"], suffixes=("", " in B"))
    if len(both):
        return Matched(a, b, dict(zip(both["id"], both["id in B"], strict=True)))
    alike = ours.merge(theirs, on="prompt", suffixes=("", " in B")).drop_duplicates("id")
    apart = [name for name in CONTENT if name != "prompt" and (alike[name] != alike[f"{name} in B"]).any()]
    raise no_same_case(a, b.run.path, len(b.cases), len(alike), apart)


def _metrics(side: Side) -> str:
    return parts(str(side.report["signature"])).get("metrics", "")


def same_metrics(a: Side, version: str, b: object) -> None:
    """Raises InputError where another version of the metrics scored A than scores `b`."""
    if (made := _metrics(a)) != version:
        raise InputError(
            f"{a.run.path} was scored by version {made} of the metrics and {b} by {version}: the difference "
            "may be theirs. Run 04_measure.ipynb again on the older one."
        )


def no_same_case(a: Side, b: object, cases: int, alike: int = 0, apart: Sequence[str] = ()) -> InputError:
    """The error where no case of A is among those of `b`, `alike` prompts of which hold another `apart`."""
    other = f"{count(alike, 'prompt')} stand in both, with another {listed(apart)}"
    return InputError(
        f"{a.run.path} has {count(len(a.cases), 'scored case')} and {b} has {cases:,}, and "
        f"none is the same: {other if alike else 'no prompt is in both'}. {same_cases(a)}"
    )


def same_cases(a: Side) -> str:
    """How a new run is given the cases of A."""
    file = a.run.path / "validated_tests.csv"
    return f"Give a new run the cases of the other: benchkit run --cases {file}"


def called(pair: Pair) -> str:
    return " → ".join(dict.fromkeys(pair))


def _asked(side: Side, id: str) -> tuple[Requirement, ...]:
    return read_requirements(str(side.cases.loc[id].get("requirements", "")))


def _canonical(text: str) -> str:
    """JSON with its keys in one order, whoever wrote it; other text as it is."""
    if not text.lstrip().startswith("{"):
        return text.strip()
    try:
        return json.dumps(read_golden(text), sort_keys=True)
    except InputError:
        return text.strip()


def _made_with(side: Side, names: Mapping[str, str]) -> dict[str, Any]:
    """Everything on record that could make a score differ, by the name that it is said with."""
    config, measured = side.run.config, parts(side.report["signature"])
    versions = config.get("versions", {}) | {name: measured[name] for name in PACKAGES if name in measured}
    given = (item for item in sorted(config["parameters"].items()) if item[0] < MEASURED)
    own = ((name, *item) for name, one in _candidates(side.run, names).items() for item in one.items())
    return {
        "provider": config["provider"],
        "models": ", ".join(side.models),
        **{
            f"{notebook[:2]} {name}": value
            for notebook, values in given
            for name, value in values.items()
            if name not in ("models", "candidates")
        },
        "judge": side.report.get("judge", {}).get("judged", {}).get("model", ABSENT),
        **{f"{who}: {key}": _digest(value) if key == "prompt" else value for who, key, value in own},
        **{f"version of {name}": value for name, value in versions.items()},
        "git commit": config.get("git_commit") or ABSENT,
        **{f"prompt {name}": digest for name, digest in config.get("prompt_hashes", {}).items()},
    }


def _candidates(run: Run, names: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    found = run.parameter("03_execute", "candidates") or {}
    return {names.get(name, name): one for name, one in found.items()}


def _prompts(run: Run, names: Mapping[str, str]) -> dict[str, str]:
    """The texts of prompts, those of candidates among them, as far as they are on record."""
    texts = {_digest(text): text for text in system_prompts(run.path / "calls.sqlite")}
    ours = {name: texts.get(digest, "") for name, digest in run.config.get("prompt_hashes", {}).items()}
    own = {name: one.get("prompt", "") for name, one in _candidates(run, names).items()}
    return {name: text for name, text in (own | ours).items() if text}


def _lines_apart(a: Mapping[str, str], b: Mapping[str, str]) -> Iterator[str]:
    """The lines that are only in one of both texts of a prompt."""
    for name in (name for name in a if a[name] != b.get(name, a[name])):
        lines = [line for line in ndiff(a[name].splitlines(), b[name].splitlines()) if line[0] in "-+"]
        said = [f"- only in {'A' if line[0] == '-' else 'B'}: {safe(line[2:])}" for line in lines]
        more = [f"- and {count(len(said) - MOST_LINES, 'line')} more"] if len(said) > MOST_LINES else []
        yield "\n".join([f"Prompt {safe(name)}:", "", *said[:MOST_LINES], *more])


def _digest(text: str) -> str:
    """The hash that config.json holds of a prompt's file, which ends its text with a line's end."""
    return sha256(f"{text}\n".encode()).hexdigest()[:16]
