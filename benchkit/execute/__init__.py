"""03: every model answers every accepted case in every round, and sees nothing but the prompt."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from textwrap import shorten
from typing import Any

import pandas as pd

from ..agent import Agent, Call, Item, Reply, Tool, sendable, system_prompt
from ..domain import KINDS, Response, TestCase
from ..errors import InputError, ProviderError, UsageError
from ..judge import judge_item, judge_of, judging
from ..judge.planted_answers import USUAL, in_turns, plant_answers
from ..llm import catalog
from ..llm.client import Client
from ..llm.estimate import Estimate, time_table
from ..llm.progress import say
from ..log import redact, setup_logging
from ..metrics.answers import own_keys, read_answer
from ..metrics.controls import control_answers
from ..metrics.requirements import answer_text
from ..metrics.schemas import check_schema, without_own_keywords
from ..metrics.toolcalls import TOOL
from ..values import checked
from ..wording import count
from .candidates import Candidate, read_candidates

logger = setup_logging(__name__)
MAX_TOKENS = 2048  # of an answer, unless 03 says otherwise
PROCESS = Tool(
    TOOL,
    "Hand in the reply to the customer.",
    {
        "type": "object",
        "properties": {
            "response_text": {"type": "string"},
            "response_type": {"type": "string", "enum": ["answer", "clarification", "solution"]},
            "next_steps": {"type": "array", "items": {"type": "string"}},
        },
        "required": ["response_text", "response_type", "next_steps"],
        "additionalProperties": False,
    },
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
        """Of the slowest model: all agents and candidates that ask it share its limits."""
        asked = [agent.model for agent, _ in self.work]
        return float(self.table["minutes (estimate)"].groupby(asked).sum().max())

    @property
    def to_ask(self) -> int:
        """How many calls have no reply on record."""
        return int(self.table["to ask"].sum())

    @property
    def in_words(self) -> str:
        """Before anything is paid for: how many calls, for how much and how long."""
        seconds = 60 * self.minutes
        time = f"{seconds:.0f} seconds" if seconds < 120 else f"{self.minutes:,.0f} minutes"
        said = (
            f"{self.to_ask:,} of {self.table['planned'].sum():,} calls are to be asked, for "
            f"{_price(self.table)} and in about {time}: the models are asked at once."
        )
        calls = self.judging["to ask"].sum() if len(self.judging) else 0
        if not calls:
            return said
        judge, cost = self.judging["model"].iloc[0], _price(self.judging)
        return f"{said} 04 has them judged by {judge}: {count(calls, 'call')} for {cost}, its test included."

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
    return "an unknown price" if cost != cost else f"about ${cost:.2g}"


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
    Raises UsageError for fewer than two models, a model named twice, candidates that cannot be used or do not
    differ, or numbers out of range, and InputError for no cases. Nothing is asked.
    """
    checked("03_execute", locals())
    who = _candidates(client, models, candidates_file)
    tests = _usable(cases)
    work = [
        (
            executor(kind, candidate, temperature, max_tokens),
            [_item(test, i + 1) for i in range(rounds) for test in some],
        )
        for candidate in who
        for kind in KINDS
        if (some := [test for test in tests if test.test_case == kind])
    ]
    _check_apart([agent for agent, _ in work])
    judged = _judge_work(client, work, tests, [candidate.model for candidate in who])
    recorded = {one.name: one.recorded() for one in who} if candidates_file else {}
    return Plan(work, tests, _table(client, work), _table(client, judged), recorded)


def _candidates(client: Client, models: Sequence[str], candidates_file: str) -> list[Candidate]:
    if candidates_file:
        return read_candidates(candidates_file)
    named = [model.strip() for model in models] or catalog.default_models(client.name)
    return [Candidate(name=model, model=model) for model in named]


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


def _judge_work(
    client: Client, work: Sequence[tuple[Agent, list[Item]]], tests: Sequence[TestCase], models: Sequence[str]
) -> list[tuple[Agent, list[Item]]]:
    """What 04 is going to ask its judge: its test, the controls and the answers.

    In the place of answers that nobody has yet stand the golden ones, each as one of its own.
    """
    required = {sendable(one.id): one for one in tests if one.requirements}
    who = judge_of(client.name, models, client.run.parameter) if required else ""
    if not who:
        return []
    each = client.run.parameter("04_measure", "planted_answers", USUAL)
    planted = plant_answers(pd.DataFrame([one.row() for one in tests]), each, client.run.seed)
    asked = [
        judge_item(*one, repeat)
        for repeat, some in in_turns(planted)
        for one in zip(some["case"], some["text"], strict=True)
    ]
    controls = control_answers(list(tests))
    asked += [judge_item(case, answer_text(text)) for case, _, text in controls if case.requirements]
    for (_agent, items), replies in zip(work, client.on_record(work), strict=True):
        for item, reply in zip(items, replies, strict=True):
            if case := required.get(item.case):
                said = read_answer(reply.text, case.test_case, own_keys(case)).value if reply else None
                there = (said, 1) if said is not None else (case.golden_response, 1 + len(asked))
                asked.append(judge_item(case, answer_text(there[0]), there[1]))
    return [(judging(who), list({(one.case, one.round): one for one in asked}.values()))]


async def execute(plan: Plan, client: Client) -> pd.DataFrame:
    """All calls of all models at once; one row per case, round and model, whatever became of the call."""
    tests = {sendable(test.id): test for test in plan.cases}

    def counted_as(call: Call, reply: Reply) -> str:
        return _status(tests[call.case], reply)[0]

    if plan.to_ask:
        say(plan.in_words)
    async with client:
        return _responses(plan, await client.map_all(plan.work, "answer", status=counted_as))


def recorded_responses(plan: Plan, client: Client) -> pd.DataFrame:
    """Those of a plan's responses that are on record already, as `execute` gives them; asks nothing."""
    return _responses(plan, client.on_record(plan.work))


def _responses(plan: Plan, replies: Sequence[Sequence[Reply | None]]) -> pd.DataFrame:
    tests = {test.id: test for test in plan.cases}
    rows = [
        response_from(tests[item.case], agent.name, item.round, reply)
        for (agent, items), some in zip(plan.work, replies, strict=True)
        for item, reply in zip(items, some, strict=True)
        if reply is not None
    ]
    table = pd.DataFrame(rows, columns=list(Response.__dataclass_fields__))
    table["category"] = [tests[id].category for id in table["id"]]
    numbers = {"prompt_tokens": "Int64", "completion_tokens": "Int64", "latency_s": float, "queue_s": float}
    return table.astype(numbers | {"cost_usd": float})


def check_answered(responses: pd.DataFrame) -> None:
    """Warn of the calls that failed, a line a model. Raises ProviderError where no call was answered."""
    failed = responses[responses["status"] == "failed"]
    if len(failed) and len(failed) == len(responses):
        raise ProviderError(
            f"none of {len(failed)} calls was answered, most often: {_most_often(failed['error'])}. Once the "
            "provider is well, or what it objects to is mended, run again: they are asked again."
        )
    planned = responses["model"].value_counts()
    for model, rows in failed.groupby("model", sort=False):
        logger.warning(
            "%d of %d calls of %s failed, most often: %s. They stay unscored; run again to ask them again.",
            len(rows), planned[model], model, _most_often(rows["error"]),
        )  # fmt: skip


def _most_often(errors: Iterable[str]) -> str:
    """The most frequent reason, short; numbers, such as how long to wait, make no other reason of it."""
    texts = pd.Series([shorten(redact(error), 200, placeholder="…").rstrip(".") for error in errors])
    alike = texts.groupby(texts.str.replace(r"\d+", "#", regex=True), sort=False)
    return str(alike.get_group(alike.size().idxmax()).iloc[0]) or "no reason given"


def where_time_went(plan: Plan, client: Client) -> pd.DataFrame:
    """Mean seconds of an answered call by model: held by limits, at the server, in retries, in our hands."""
    recorded = zip(plan.work, client.on_record(plan.work), strict=True)
    return time_table((agent.name, reply) for (agent, _), done in recorded for reply in done if reply)


def response_from(test: TestCase, model: str, round: int, reply: Reply) -> Response:
    """A reply as a response: what was answered, in the model's own words where it cannot be used."""
    status, error = _status(test, reply)
    taken = ("timestamp", "latency_s", "queue_s", "prompt_tokens", "completion_tokens", "cost_usd")
    return Response(
        test.id, test.prompt, test.test_case, model, round, reply.text, status, error,
        **{name: getattr(reply, name) for name in taken},
    )  # fmt: skip


def _status(test: TestCase, reply: Reply) -> tuple[str, str]:
    """As an imported answer is read, save that a tool call was demanded: without one it is not delivered."""
    if reply.status == "failed":
        return "failed", reply.error
    answer = read_answer(reply.text, test.test_case, own_keys(test))
    if reply.arguments is None:
        return ("refused" if answer.status == "refused" else "malformed"), reply.error
    return answer.status, answer.error


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
