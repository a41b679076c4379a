"""Two measured runs, and the cases that stand in both: matched by what they hold, not by their ids."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from ..domain import as_text
from ..errors import InputError
from ..metrics import remember
from ..metrics.answers import read_answer, read_golden
from ..run import Run
from ..signature import parts
from ..wording import count, listed

if TYPE_CHECKING:
    import pandas as pd

CONTENT = ("kind", "prompt", "golden response", "response schema")
Content = tuple[Any, ...]  # those of a case, and its number among the cases of a run that have the same


@dataclass(frozen=True)
class Side:
    """One of the two runs, as 04 measured it."""

    run: Run
    report: Mapping[str, Any]
    scores: pd.DataFrame

    @property
    def models(self) -> list[str]:
        return list(self.report["configuration"]["models"])

    @cached_property
    def cases(self) -> dict[str, dict[str, Any]]:
        """The scored cases by their ids, each of the kind as which it was scored."""
        kinds = dict(zip(self.scores["id"], self.scores["test_case"], strict=True))
        rows = self.run.validated_tests().drop_duplicates("id").to_dict("records")
        return {row["id"]: row | {"test_case": kinds[row["id"]]} for row in rows if row["id"] in kinds}

    @cached_property
    def contents(self) -> dict[Content, str]:
        """The ids of the scored cases by what these hold."""
        seen: Counter[Content] = Counter()
        found = {}
        for id, row in self.cases.items():
            content = _content(row)
            seen[content] += 1
            found[(*content, seen[content])] = id
        return found

    def answer(self, id: str, model: str, round: int) -> str:
        """What a model said, and what was wrong with it."""
        row = self._responses.get((id, model, round), {})
        said, status = row.get("model_response", ""), row.get("status") or "answered"
        if status != "answered":
            return f"[{': '.join(filter(None, (status, row['error'])))}] {said}"
        value = read_answer(said, row["test_case"]).value if said else "[no answer on record]"
        return said if value is None else as_text(value)

    @cached_property
    def _responses(self) -> dict[tuple[str, str, int], dict[str, Any]]:
        rows = self.run.responses().to_dict("records")
        return {(row["id"], row["model"], row["round"]): row for row in rows}


def measured_run(run: Run) -> Side:
    """A run as 04 measured it. Raises RunError where it did not, naming the notebook that does."""
    report = run.current_report()
    remember(report.get("metrics", {}))
    return Side(run, report, run.scores())


def check_versions(a: Side, b: Side) -> None:
    """Raises InputError where two versions of the metrics scored the runs."""
    made = [parts(str(side.report["signature"])).get("metrics", "") for side in (a, b)]
    if made[0] != made[1]:
        raise InputError(
            f"{a.run.path} was scored by version {made[0]} of the metrics and {b.run.path} by {made[1]}: the "
            "difference may be theirs. Run 04_measure.ipynb again on the older one."
        )


def _content(row: Mapping[str, Any]) -> Content:
    return (row["test_case"], row["prompt"].strip(), *(_canonical(row[name]) for name in _WRITTEN))


_WRITTEN = ("golden_response", "response_schema")


def _canonical(text: str) -> str:
    """JSON with its keys in one order, whoever wrote it; other text as it is."""
    if not text.lstrip().startswith("{"):
        return text.strip()
    try:
        return json.dumps(read_golden(text), sort_keys=True)
    except InputError:
        return text.strip()


def matched(a: Side, b: Side) -> dict[str, str]:
    """{id in A: id in B} of the cases that hold the same. Raises InputError where there is none."""
    if both := {id: b.contents[content] for content, id in a.contents.items() if content in b.contents}:
        return both
    prompts = {content[1]: content for content in b.contents}
    alike = [(one, prompts[one[1]]) for one in a.contents if one[1] in prompts]
    apart = [name for at, name in enumerate(CONTENT) if any(x[at] != y[at] for x, y in alike)]
    why = (
        f"{count(len(alike), 'prompt')} stand in both, with another {listed(apart)}" if alike else
        "no prompt is in both"
    )  # fmt: skip
    raise InputError(
        f"{a.run.path} has {count(len(a.cases), 'scored case')} and {b.run.path} has {len(b.cases):,}, and "
        f"none is the same: {why}. Give a new run the cases of the other: benchkit run --cases "
        f"{a.run.path / 'validated_tests.csv'}"
    )
