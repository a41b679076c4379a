"""What more cases cost: everything that a case takes, from its writing to the verdicts on its answers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pandas as pd

from ..agent import sendable
from ..llm.journal import looking
from ..run.foreign import CASES
from ..run.tables import read_table
from ..wording import known, listed, number

if TYPE_CHECKING:
    from ..run import Run

REJECTED = "rejected_tests.csv"
COLUMNS = ("model", "test_case", "tokens", "cost_usd")
NAN = float("nan")
PARTS = {  # of a case, by the role of who is paid
    "json_generator": "generating",
    "conversation_generator": "generating",
    "requirements_drafter": "drafting requirements",
    "validator": "validating",
    "judge": "judging",
}
JUDGING = "judging"
ORDER = ("generating", "drafting requirements", "validating", "answering", "judging")
LEAST_CONTROLS = 3  # that 04 has judged of each case with requirements, beside its answers


@dataclass(frozen=True)
class Prices:
    """Dollars; NaN is not known. `left_out` are the parts of a case that are not in them, in words."""

    answers: pd.DataFrame | None = None  # of one answer: model, test_case, cost_usd (and tokens, for 03)
    cases: Mapping[str, float] = field(default_factory=dict)  # of one case by kind, before it is asked
    verdicts: Mapping[str, float] = field(default_factory=dict)  # of judging one answer, by kind
    counted: tuple[str, ...] = ("answering",)
    left_out: tuple[str, ...] = ()

    def dollars(self, models: Iterable[str], cases: Mapping[str, float], rounds: int) -> float:
        """For so many cases of each kind, written anew, asked of all `models` and judged."""
        if self.answers is None or not len(self.answers):
            return NAN
        each, total = self.answers.set_index(["model", "test_case"])["cost_usd"].to_dict(), 0.0
        for kind, n in cases.items():
            if n:
                verdict = self.verdicts.get(kind, 0.0)
                answers = sum(each.get((name, kind), NAN) + verdict for name in models)
                total += n * (self.cases.get(kind, 0.0) + rounds * answers)
        return total


NOT_KNOWN = Prices()


def in_dollars(
    cost_usd: float | None, counted: Iterable[str] = ("answering",), without: Iterable[str] = ()
) -> str:
    """`about USD 4.10 for generating, validating, answering and judging`; "" where the price is not known."""
    if cost_usd is None or not known(cost_usd):
        return ""
    missing = f", without {listed(without)}" if (without := list(without)) else ""
    return f"about USD {number(cost_usd, 2)} for {listed(counted)}{missing}"


def answer_prices(responses: pd.DataFrame | None, work: pd.DataFrame | None = None) -> pd.DataFrame:
    """Mean tokens and dollars of one answer, per model and kind: as answered, else as `work` estimates.

    `responses` are those of a run; `work` is the table of 03's plan, where there is one.
    """
    told = [] if work is None else [_estimate(row) for row in work.to_dict("records") if row["to ask"]]
    frames = [pd.DataFrame(told, columns=list(COLUMNS))]
    if responses is not None and len(responses):
        tokens = (responses["prompt_tokens"] + responses["completion_tokens"]).astype(float)
        seen = responses.assign(tokens=tokens)[list(COLUMNS)].dropna(subset="tokens")
        frames.insert(0, seen.groupby(["model", "test_case"], sort=False).mean().reset_index())
    both = pd.concat([frame for frame in frames if len(frame)] or frames[:1])
    return both.drop_duplicates(["model", "test_case"], ignore_index=True)


def _estimate(row: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "model": row["model"],
        "test_case": str(row["agent"]).removesuffix("_executor"),
        "tokens": row["tokens (estimate)"] / row["to ask"],
        "cost_usd": row["cost_usd (estimate)"] / row["to ask"],
    }


def case_prices(
    run: Run,
    responses: pd.DataFrame | None,
    judge: str = "",
    *,
    work: pd.DataFrame | None = None,
    judging: pd.DataFrame | None = None,
) -> Prices:
    """At what `run` has paid for its cases, for `responses` and for the verdicts of `judge` ("": nobody).

    Rejected attempts and second askings are in a case's price. What tests validator and judge is not: it does
    not grow with the cases. `work` and `judging` are the tables of 03's plan: they stand in for answers and
    verdicts that nobody has paid for yet.
    """
    accepted, rejected = (read_table(run.path / name, or_empty=True) for name in (CASES, REJECTED))
    both = pd.concat([accepted, rejected])
    kinds = dict(zip(map(sendable, both["id"]), both["test_case"], strict=True))
    paid, each, verdicts = _paid(run, kinds, judge), dict[str, float](), dict[str, float]()
    unknown = {name for name, _ in paid} - {name for (name, _), one in paid.items() if one.calls}
    for kind, some in (run.validated_tests() if len(accepted) else accepted).groupby("test_case"):
        made = sum(one.usd for (name, of), one in paid.items() if of == kind and name != JUDGING)
        each[kind] = made / len(some)
        share = float((some["requirements"] != "").mean()) if judge else 0.0  # of the cases, that is judged
        if not share:
            continue
        judged = paid.get((JUDGING, kind), _Paid())
        verdict = share * (judged.usd / judged.calls if judged.calls else _expected(judging))
        if verdict != verdict:
            unknown.add(JUDGING)
        else:
            answers = 0 if responses is None else int((responses["test_case"] == kind).sum())
            tests = _tests(run, {id for id, of in kinds.items() if of == kind}) / share
            beside = (judged.usd - (answers + tests) * verdict) / len(some)
            each[kind] += max(beside, LEAST_CONTROLS * verdict)
            verdicts[kind] = verdict
    counted = {
        "answering",
        *(name for name, _ in paid if name != JUDGING),
        *[JUDGING][: len(verdicts)],
    } - unknown
    left = ["writing the cases"] * run.brought + [
        f"{name} (of unknown price)" for name in ORDER if name in unknown
    ]
    left += ["the tests of validator and judge"] * bool(len(run.planted_tests()) or _tests(run, set(kinds)))
    ordered = tuple(name for name in ORDER if name in counted)
    return Prices(answer_prices(responses, work), each, verdicts, ordered, tuple(left))


@dataclass
class _Paid:
    """How many calls have a price, and their dollars."""

    calls: int = 0
    usd: float = 0.0


def _paid(run: Run, kinds: Mapping[str, str], judge: str) -> dict[tuple[str, str], _Paid]:
    """What is on record, by part and kind of the case."""
    found: dict[tuple[str, str], _Paid] = {}
    with looking(run.path / "calls.sqlite") as record:
        for role, model, case, n, usd in record.paid(PARTS):
            kind = kinds.get(case.rpartition(" ")[0] if role == "judge" else case)
            if kind and (role != "judge" or model == judge):
                one = found.setdefault((PARTS[role], kind), _Paid())
                one.calls, one.usd = one.calls + n, one.usd + usd
    return found


def _tests(run: Run, ids: set[str]) -> int:
    """How many judgements of planted answers to these cases tested the judge."""
    tried = read_table(run.path / "planted_answers.csv", or_empty=True)
    tried = tried[tried["id"].map(sendable).isin(ids)]
    return len(tried[["id", "answer", "round"]].drop_duplicates())


def _expected(judging: pd.DataFrame | None) -> float:
    """Dollars of one verdict, as 03's plan has it; NaN without a plan."""
    if judging is None or not len(judging) or not judging["to ask"].sum():
        return NAN
    return float(judging["cost_usd (estimate)"].sum(min_count=len(judging)) / judging["to ask"].sum())
