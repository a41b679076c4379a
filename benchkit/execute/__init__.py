"""03: every model answers every accepted case in every round, and sees nothing but the prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import pandas as pd

from ..agent import Agent, Call, Item, Reply, Tool, object_of, sendable, system_prompt
from ..domain import KINDS, TestCase
from ..errors import InputError, UsageError
from ..llm import catalog
from ..llm.client import Client
from ..llm.estimate import BY_BATCH, Estimate, time_table
from ..llm.progress import say
from ..metrics.schemas import check_schema, without_own_keywords
from ..metrics.toolcalls import TOOL
from ..wording import count, number
from .candidates import Candidate, read_candidates
from .price import judge_work
from .responses import status_of, table_of

MAX_TOKENS = 2048  # of an answer, unless 03 says otherwise
PROCESS = Tool(
    TOOL,
    "Hand in the reply to the customer.",
    object_of(
        response_text={"type": "string"},
        response_type={"type": "string", "enum": ["answer", "clarification", "solution"]},
        next_steps={"type": "array", "items": {"type": "string"}},
    ),
)


@dataclass(frozen=True)
class Plan:
    """Who answers what, what is on record already, and what the rest may cost."""

    work: list[tuple[Agent, list[Item]]]
    cases: list[TestCase]
    table: pd.DataFrame
    judging: pd.DataFrame  # what 04 asks its judge of these answers and of the controls; no row where nobody
    candidates: dict[str, dict[str, Any]]  # by name, where a file named them

    def _repr_html_(self) -> str:
        table = self._whole.to_html(index=False, na_rep="unknown", float_format="{:.4g}".format)
        return f"{table}\n<p>{self.in_words}</p>"

    def __repr__(self) -> str:
        return f"{self._whole.to_string(index=False, na_rep='unknown')}\n{self.in_words}"

    @property
    def _whole(self) -> pd.DataFrame:
        return pd.concat([self.table, self.judging]) if len(self.judging) else self.table

    @property
    def minutes(self) -> float:
        """Of the slowest model: all agents and candidates that ask it share its limits, but not batches."""
        if self.by_batch:
            return float(self.table["minutes (estimate)"].max())
        asked = [agent.model for agent, _ in self.work]
        return float(self.table["minutes (estimate)"].groupby(asked).sum().max())

    @property
    def to_ask(self) -> int:
        """How many calls have no reply on record."""
        return int(self.table["to ask"].sum())

    @property
    def in_words(self) -> str:
        """Before anything is paid for: how many calls, for how much and how long."""
        said = (
            f"{self.to_ask:,} of {self.table['planned'].sum():,} calls are to be asked, for "
            f"{_price(self.table)} and {self._time}."
        )
        calls = self.judging["to ask"].sum() if len(self.judging) else 0
        if not calls:
            return said
        cost = _price(self.judging)
        asked = f"{count(calls, 'call')} for {cost}, its test included"
        return f"{said} 04 has them judged by {self.judge}: {asked}."

    @property
    def by_batch(self) -> bool:
        return bool((self.table["at"] == BY_BATCH).any())

    @property
    def _time(self) -> str:
        if self.by_batch:
            return "by batches, each over within a day: first one call that tries them, then all the others"
        seconds = max(1, round(60 * self.minutes))
        time = count(seconds, "second") if seconds < 120 else f"{self.minutes:,.0f} minutes"
        return f"in about {time}: the models are asked at once"

    @property
    def judge(self) -> str:
        """Who 04 has judge the answers; "" for nobody."""
        return str(self.judging["model"].iloc[0]) if len(self.judging) else ""

    @property
    def expected(self) -> dict[str, pd.DataFrame]:
        """For `case_prices`."""
        return {"work": self.table, "judging": self.judging}

    @property
    def models(self) -> list[str]:
        """The names that are compared."""
        return list(self.served)

    @property
    def served(self) -> dict[str, str]:
        """The model that each of those asks."""
        return {agent.name: agent.model for agent, _ in self.work}

    @property
    def compared(self) -> dict[str, Any]:
        """For config.json: the models, or the candidates with the texts of their prompts."""
        return {"candidates": self.candidates} if self.candidates else {"models": self.models}


def _price(table: pd.DataFrame) -> str:
    cost = table["cost_usd (estimate)"].sum(min_count=len(table))
    return "an unknown price" if cost != cost else f"about ${number(cost, 2 if cost >= 1 else 4)}"


def executor(kind: str, candidate: Candidate, temperature: float, max_tokens: int = 0) -> Agent:
    """A candidate. Not strict: what it sends is its answer. `max_tokens` 0 is 2,048."""
    return Agent(
        f"{kind}_executor",
        candidate.model,
        candidate.prompt or system_prompt(f"execute_{kind}"),
        PROCESS,
        temperature if candidate.temperature is None else candidate.temperature,
        candidate.max_tokens or max_tokens or MAX_TOKENS,
        strict=False,
        reasoning_effort=candidate.reasoning_effort or catalog.known(candidate.model).effort,
        candidate=candidate.name,
    )


def plan_execution(
    client: Client,
    cases: pd.DataFrame,
    models: Sequence[str] = (),
    rounds: int = 3,
    temperature: float = 0.7,
    max_tokens: int = 0,
    candidates_file: str = "",
) -> Plan:
    """Every case to every model in every round; empty `models`: the candidates' or the provider's pair.

    `max_tokens` is the longest answer, a reasoning model's thoughts included; 0 is 2,048.
    Nothing is asked. Raises UsageError for candidates that cannot be used or do not differ, and InputError
    for cases that cannot be asked.
    """
    if candidates_file:
        who = read_candidates(candidates_file)
    else:
        named = [model.strip() for model in models] or catalog.default_models(client.name)
        who = [Candidate(name=model, model=model) for model in named]
    tests, work = _usable(cases), []
    for candidate, kind in product(who, KINDS):
        some = [test for test in tests if test.test_case == kind]
        if some:
            items = [_item(test, i + 1) for i in range(rounds) for test in some]
            work.append((executor(kind, candidate, temperature, max_tokens), items))
    _check_apart([agent for agent, _ in work])
    judged = judge_work(client, work, tests, [candidate.model for candidate in who])
    recorded = {one.name: one.recorded() for one in who} if candidates_file else {}
    return Plan(work, tests, _table(client, work), _table(client, judged), recorded)


def _check_apart(agents: Sequence[Agent]) -> None:
    """Raises UsageError for two candidates that ask the same: one answer would count as two."""
    seen: dict[Agent, str] = {}
    for agent in agents:
        other = seen.setdefault(replace(agent, candidate=""), agent.name)
        if other != agent.name:
            raise UsageError(
                f"the candidates {other} and {agent.name} ask the same: model, prompt and settings are "
                "equal. Change one of them, or leave it out."
            )


def _table(client: Client, work: Sequence[tuple[Agent, list[Item]]]) -> pd.DataFrame:
    if not work:
        return pd.DataFrame()
    told = zip(work, client.estimates(work), client.changes(work), strict=True)
    rows = [_row(agent, estimate, changed) for (agent, _), estimate, changed in told]
    return pd.DataFrame(rows).astype({"cost_usd (estimate)": float})


async def execute(plan: Plan, client: Client) -> pd.DataFrame:
    """All calls of all models at once; one row per case, round and model, whatever became of the call."""
    tests = {sendable(test.id): test for test in plan.cases}

    def counted_as(call: Call, reply: Reply) -> str:
        return status_of(tests[call.case], reply)[0]

    if plan.to_ask:
        say(plan.in_words)
    async with client:
        return _responses(plan, await client.map_all(plan.work, "answer", status=counted_as))


def recorded_responses(plan: Plan, client: Client) -> pd.DataFrame:
    """Those of a plan's responses that are on record already, as `execute` gives them; asks nothing."""
    return _responses(plan, client.on_record(plan.work))


def _responses(plan: Plan, replies: Sequence[Sequence[Reply | None]]) -> pd.DataFrame:
    tests = {test.id: test for test in plan.cases}
    return table_of(
        (tests[item.case], agent.name, item.round, reply)
        for (agent, items), some in zip(plan.work, replies, strict=True)
        for item, reply in zip(items, some, strict=True)
        if reply is not None
    )


def where_time_went(plan: Plan, client: Client) -> pd.DataFrame:
    """Mean seconds of an answered call by model: held by limits, at the server, in retries, in our hands."""
    recorded = zip(plan.work, client.on_record(plan.work), strict=True)
    return time_table((agent.name, reply) for (agent, _), done in recorded for reply in done if reply)


def _item(test: TestCase, round: int) -> Item:
    """Built from the prompt and the schema alone: golden data has no way into a call."""
    tool = None
    if test.test_case == "json":
        schema = without_own_keywords(test.response_schema or {})
        tool = Tool(PROCESS.name, "Hand in the record of the interaction.", schema)
    return Item(test.id, test.prompt, round, tool=tool)


def _row(agent: Agent, estimate: Estimate, changed: Mapping[str, int]) -> dict[str, Any]:
    return {
        "model": agent.name,
        "agent": agent.role,
        "planned": estimate.planned,
        "on record": estimate.recorded,
        "to ask": estimate.missing,
        "asked again": ", ".join(f"{count}: changed {what}" for what, count in changed.items()),
        "tokens (estimate)": estimate.tokens,
        "cost_usd (estimate)": estimate.cost_usd,
        "minutes (estimate)": round(estimate.minutes, 2),
        "at": estimate.bound,
    }


def _usable(cases: pd.DataFrame) -> list[TestCase]:
    """Every case. Raises InputError for one that cannot be asked: somebody may have edited them by hand."""
    if not len(cases):
        raise InputError("validated_tests.csv holds no accepted case. Run 02_validate.ipynb until some are.")
    found: dict[str, TestCase] = {}
    for row in cases.to_dict("records"):
        try:
            case = TestCase.from_row(row)
            if case.id in found:
                raise InputError("the id is there twice")
            if case.test_case not in KINDS:
                raise InputError(f"test_case {case.test_case!r} is neither of: {', '.join(KINDS)}")
            if not case.prompt.strip():
                raise InputError("the prompt is empty")
            if case.test_case == "json":
                check_schema(case.response_schema)
        except (ValueError, RecursionError, InputError) as error:
            raise InputError(
                f"validated_tests.csv cannot be asked: case {row['id']}, {str(error)[:300]}. "
                "Mend or remove it, or run 02_validate.ipynb again."
            ) from None
        found[case.id] = case
    return list(found.values())
