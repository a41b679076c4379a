"""03: every model, case and round once; nothing but the prompt goes out; statuses say whose fault it was."""

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest

from benchkit.agent import system_prompt
from benchkit.domain import TestCase
from benchkit.errors import InputError, ProviderError
from benchkit.execute import PROCESS, execute, plan_execution
from benchkit.execute.price import paid_in_words
from benchkit.execute.responses import check_answered
from benchkit.llm.estimate import BY_BATCH, Estimate, estimate
from benchkit.llm.progress import Bar
from benchkit.metrics.schemas import without_own_keywords
from benchkit.offline import OfflineServer
from benchkit.run import Run
from benchkit.runner.parameters import notebook_folder

from . import talking
from .staging import (
    HASTY,
    STEADY,
    Canned,
    cases,
    client_on,
    conversations,
    simulated,
)

PAIR = [STEADY, HASTY]


class Silent(Canned):
    """A client with nothing on record."""

    def __init__(self, name: str = "offline") -> None:
        super().__init__({})
        self.name = name
        self.run = SimpleNamespace(parameter=lambda notebook, name, default=None: default, seed=7)

    def on_record(self, work: Any) -> list[list]:
        return [[None] * len(items) for _, items in work]

    def estimates(self, work: Any) -> list[Estimate]:
        return [estimate(agent, items, {}, {}) for agent, items in work]

    def changes(self, work: Any) -> list[Counter[str]]:
        return [Counter() for _ in work]


def planned(table: pd.DataFrame, **options: Any) -> Any:
    return plan_execution(Silent(), table, **{"models": PAIR, "rounds": 2} | options)


def with_canaries(table: pd.DataFrame) -> pd.DataFrame:
    """The cases with a sentence or a summary in each golden response that stands nowhere else."""
    rows = []
    for row in table.to_dict("records"):
        case, canary = TestCase.from_row(row), f"Canary {row['id']} sings."
        if isinstance(case.golden_response, dict):
            case.golden_response["interaction"]["summary"] = canary
            rows.append(row | {"golden_response": json.dumps(case.golden_response)})
        else:
            rows.append(row | {"golden_response": f"{case.golden_response} {canary}"})
    return pd.DataFrame(rows)


class TestPlanning:
    def test_no_cases(self):
        """Nothing to ask about is an input error that names the notebook."""
        with pytest.raises(InputError, match=r"02_validate\.ipynb"):
            planned(cases(1).iloc[:0])

    @pytest.mark.parametrize(
        ("change", "said"),
        [
            ({"golden_response": "{'a': 1}"}, "Expecting"),
            ({"response_schema": ""}, "response schema is null"),
            ({"response_schema": '{"type": 5}'}, "no JSON Schema"),
            ({"test_case": "poem"}, "is neither of"),
            ({"prompt": " "}, "prompt is empty"),
            ({"id": "json-002"}, "the id is there twice"),
        ],
    )
    def test_cases_edited_by_hand(self, change, said):
        """A row of validated_tests.csv that somebody spoilt is named before anything is asked."""
        table = cases(2, kinds=["json"])
        table.loc[0, list(change)] = list(change.values())
        with pytest.raises(InputError, match=said) as error:
            planned(table)
        assert str(error.value).startswith("validated_tests.csv cannot be asked: case json-00")

    def test_the_plan_counts(self):
        """Every agent's row has what is planned, what is on record, and a price that is known or none."""
        plan = planned(cases(3), models=["x/a", "x/b"], rounds=4)
        assert plan.models == ["x/a", "x/b"]
        assert plan.table["planned"].tolist() == [12, 12, 12, 12]
        assert plan.table["to ask"].tolist() == [12, 12, 12, 12]
        assert plan.table["cost_usd (estimate)"].isna().all()
        assert "unknown" in repr(plan)
        priced = planned(cases(3), models=["openai/gpt-oss-120b", "openai/gpt-oss-20b"])
        assert (priced.table["cost_usd (estimate)"] > 0).all()
        assert priced.table["minutes (estimate)"].tolist() == [0.49, 0.48, 0.49, 0.48]  # of 6 calls each
        assert priced.minutes == pytest.approx(0.97)
        cost = priced.table["cost_usd (estimate)"].sum()
        said = f"24 of 24 calls are to be asked, for about ${cost:.4f} and in about 58 seconds"
        # 12 answers, 9 controls, 24 planted answers of which 3 are controls too, and 8 of them once more.
        judged = "04 has them judged by offline/judge: 50 calls for about $0.0175, its test included."
        assert repr(priced).endswith(f"\n{said}: the models are asked at once. {judged}")
        assert "for an unknown price and in" in repr(plan)
        assert set(priced.table["at"]) == {"8,000 TPM (lowest tier, 2026-09-29)"}

    def test_batches_take_a_day_each_however_many_ask(self):
        """Two candidates of one model and both kinds: not four days, and nothing is asked at once."""
        plan = planned(cases(3), models=["x/a", "x/b"], rounds=4)
        batched = replace(plan, table=plan.table.assign(**{"at": BY_BATCH, "minutes (estimate)": 1440.0}))
        assert batched.minutes == 1440.0
        assert "by batches, each over within a day: first one call" in batched.in_words
        assert "at once" not in batched.in_words

    @pytest.mark.parametrize(
        ("minutes", "time"), [(0.001, "1 second:"), (1.0, "60 seconds:"), (3.0, "3 minutes:")]
    )
    def test_times_in_words(self, minutes, time):
        plan = planned(cases(1), models=["x/a", "x/b"])
        table = plan.table.assign(**{"minutes (estimate)": [minutes, 0.0] * (len(plan.table) // 2)})
        cheap = replace(plan, table=table.assign(**{"cost_usd (estimate)": 0.00002}))
        assert f"in about {time} " in cheap.in_words
        assert "about $0.0001 and" in cheap.in_words

    def test_the_providers_pair(self):
        """No models named: the provider's pair; an imported run has none to ask."""
        assert planned(cases(1), models=[]).models == PAIR
        with pytest.raises(ProviderError, match="no models to ask"):
            plan_execution(Silent("imported"), cases(1), [])

    def test_a_json_case_is_its_own_tool(self):
        """A json case's tool has its schema as parameters, without weights; a conversation's is agreed."""
        table = cases(1)
        schema = {"type": "object", "properties": {"a": {"type": "integer"}, "x-weight": {"type": "null"}}}
        weighed = schema | {"properties": schema["properties"] | {"a": {"type": "integer", "x-weight": 3}}}
        table.loc[0, ["golden_response", "response_schema"]] = ['{"a": 1}', json.dumps(weighed)]
        (json_agent, (item,)), (_, (talk,)), *_ = planned(table, rounds=1).work
        assert (item.tool.name, item.tool.parameters) == (PROCESS.name, schema)
        assert talk.tool is None
        assert list(PROCESS.parameters["properties"]) == ["response_text", "response_type", "next_steps"]
        assert not json_agent.strict


class TestWhatGoesOut:
    async def test_no_golden_text_reaches_a_model_under_test(self, tmp_path, monkeypatch):
        """From the recorded requests: messages are system prompt and prompt; no golden text is anywhere."""
        table = with_canaries(cases(6))
        with OfflineServer(latency_ms=0, record=True) as server:
            client = client_on(server, tmp_path, monkeypatch)
            await execute(plan_execution(client, table, PAIR, rounds=2), client)
        tests = [TestCase.from_row(row) for row in table.to_dict("records")]
        assert len(server.requests) == len(tests) * 2 * 2
        assert table["golden_response"].str.contains("Canary").all()
        assert "Canary" not in json.dumps(server.requests)
        allowed = {
            (
                system_prompt(f"execute_{case.test_case}"),
                case.prompt,
                json.dumps(without_own_keywords(case.response_schema or PROCESS.parameters)),
            )
            for case in tests
        }
        for body in server.requests:
            system, user = body["messages"]
            (tool,) = body["tools"]
            assert (system["role"], user["role"]) == ("system", "user")
            parameters = json.dumps(tool["function"]["parameters"])
            assert (system["content"], user["content"], parameters) in allowed

    async def test_hard_prompts_go_out_as_they_are(self, tmp_path, monkeypatch):
        """100 KB, formulas, markup, control characters and line breaks reach the model unchanged."""
        prompts = ["x" * 100_000, "=1+1\r\n<script>alert(1)</script>\x07", "'\t{{braces}} 😀"]
        table = conversations(*((prompt, "g") for prompt in prompts))
        with OfflineServer(latency_ms=0, record=True) as server:
            client = client_on(server, tmp_path, monkeypatch)
            responses = await execute(plan_execution(client, table, PAIR, rounds=1), client)
        assert {body["messages"][1]["content"] for body in server.requests} == set(prompts)
        assert len(responses) == 6


class TestWhatComesBack:
    async def test_every_model_case_and_round_once(self, tmp_path, monkeypatch):
        """Three models, two kinds, three rounds: every combination once, with its category and cost."""
        table, models = cases(4), [*PAIR, "offline/terse"]
        with OfflineServer(latency_ms=0) as server:
            client = client_on(server, tmp_path, monkeypatch)
            responses = await execute(plan_execution(client, table, models, rounds=3), client)
        wanted = {(m, id, r) for m in models for id in table["id"] for r in (1, 2, 3)}
        found = list(zip(responses["model"], responses["id"], responses["round"], strict=True))
        assert len(found) == len(wanted) == 72
        assert set(found) == wanted
        assert dict(zip(responses["id"], responses["category"], strict=True)) == dict(
            zip(table["id"], table["category"], strict=True)
        )
        answered = responses[responses["status"] == "answered"]
        assert len(answered) > 50
        assert (answered[["prompt_tokens", "completion_tokens", "cost_usd", "latency_s"]] > 0).all(axis=None)
        assert set(responses["status"]) <= {"answered", "malformed", "refused"}
        rounds = answered.groupby(["model", "id"])["model_response"].nunique()
        assert (rounds > 1).mean() > 0.5

    async def test_running_again_and_with_others(self, tmp_path, monkeypatch):
        """Again asks nothing; more rounds or another model ask for those alone; a changed case for itself."""
        table = cases(2)
        with OfflineServer(latency_ms=0) as server:
            client = client_on(server, tmp_path, monkeypatch)

            async def asked(table: pd.DataFrame, models: list[str], rounds: int) -> int:
                before = sum(n for name, n in server.counts.items() if name == "served")
                plan = plan_execution(client, table, models, rounds)
                open_calls = int(plan.table["to ask"].sum())
                await execute(plan, client)
                assert server.counts["served"] - before <= open_calls
                return open_calls

            assert await asked(table, PAIR, 2) == 16
            assert await asked(table, PAIR, 2) == 0
            assert await asked(table, PAIR, 3) == 8
            assert await asked(table, [HASTY, "offline/terse"], 2) == 8
            changed = table.copy()
            changed.loc[0, "prompt"] += " Please hurry."
            assert await asked(changed, PAIR, 2) == 4
            assert await asked(table, PAIR, 3) == 0

    @pytest.mark.parametrize(
        ("quality", "allowed"),
        [("broken_json", {"malformed"}), ("refusal", {"refused"}), ("none", {"answered"})],
    )
    async def test_statuses_of_real_replies(self, tmp_path, monkeypatch, quality, allowed):
        """Always broken is malformed, always declining is refused, and the raw text is kept."""
        perfect = {"broken_json": 0.0, "refusal": 0.0}
        model = simulated(
            STEADY, id="offline/odd", **perfect | ({quality: 1.0} if quality in perfect else {})
        )
        with OfflineServer(latency_ms=0, models=[model]) as server:
            client = client_on(server, tmp_path, monkeypatch)
            responses = await execute(plan_execution(client, cases(6), ["offline/odd", HASTY], 2), client)
        odd = responses[responses["model"] == "offline/odd"]
        assert set(odd["status"]) == allowed
        assert (odd["error"] == "").all() == (quality == "none")
        if quality == "refusal":
            assert odd["model_response"].str.contains("can't help with that request").all()
        if quality == "broken_json":
            assert (odd["model_response"] != "").any()

    async def test_the_progress_line_counts_as_the_table_does(self, tmp_path, monkeypatch):
        """Refusals are no malformed replies; the counts at the end are those of the responses."""
        seen = Counter()
        monkeypatch.setattr(Bar, "advance", lambda self, status, *_: seen.update([(self.desc, status)]))
        model = simulated(STEADY, id="offline/odd", broken_json=0.3, refusal=0.5)
        with OfflineServer(latency_ms=0, models=[model]) as server:
            client = client_on(server, tmp_path, monkeypatch)
            responses = await execute(plan_execution(client, cases(8), ["offline/odd", HASTY], 2), client)
        counted = {
            (name.removeprefix("answer ").removesuffix(": "), status): n for (name, status), n in seen.items()
        }
        assert counted == responses.groupby(["model", "status"]).size().to_dict()
        assert {status for _, status in counted} == {"answered", "malformed", "refused"}

    @pytest.mark.parametrize(("max_tokens", "sent"), [(0, 2048), (99, 99)])
    def test_the_token_limit_of_the_models(self, max_tokens, sent):
        """What 03 gives as the longest answer is what a model under test is given; 0 is 2,048."""
        work = planned(cases(2), max_tokens=max_tokens).work
        assert {agent.max_tokens for agent, _ in work} == {sent}

    async def test_failed_is_ours_and_is_mended(self, tmp_path, monkeypatch):
        """A provider that only fails leaves failed rows with nullable numbers; they come back from the file,
        and are asked again when it works."""
        table = cases(2)
        monkeypatch.setenv("GROQ_API_KEY", talking.KEY)
        with OfflineServer(latency_ms=0, faults={"500": 1.0}) as server:
            monkeypatch.setenv("GROQ_BASE_URL", server.url)
            client = talking.client(tmp_path)
            failed = await execute(plan_execution(client, table, PAIR, 1), client)
        assert set(failed["status"]) == {"failed"}
        assert failed["error"].str.contains("InternalServerError").all()
        assert failed[["prompt_tokens", "completion_tokens", "cost_usd"]].isna().all(axis=None)
        assert failed["prompt_tokens"].dtype == "Int64"
        run = Run(tmp_path)
        run.save_json("config.json", {"provider": "groq", "seed": 7, "parameters": {}})
        run.save("validated_tests.csv", table)
        run.save_responses(failed)
        again = run.responses()
        assert set(again["status"]) == {"failed"}
        assert again["prompt_tokens"].isna().all()
        with OfflineServer(latency_ms=0) as server:
            monkeypatch.setenv("GROQ_BASE_URL", server.url)
            client = talking.client(tmp_path)
            plan = plan_execution(client, table, PAIR, 1)
            assert plan.table["to ask"].sum() == 8
            assert "failed" not in set((await execute(plan, client))["status"])

    async def test_hostile_answers_survive_the_file(self, tmp_path, monkeypatch):
        """Markup, formulas and control characters in answers are the same after saving and reading."""
        table, models = cases(3), ["offline/hostile", STEADY]
        with OfflineServer(latency_ms=0) as server:
            client = client_on(server, tmp_path, monkeypatch)
            responses = await execute(plan_execution(client, table, models, 1), client)
        run = Run(tmp_path)
        run.save("validated_tests.csv", table)
        run.record("03_execute", models=models, rounds=1)
        run.save_responses(responses)
        again = run.responses()
        assert again["model_response"].tolist() == responses["model_response"].tolist()
        assert responses["model_response"].str.contains("script").any()
        assert run.simulated


def replied(*rows: tuple[str, str, str]) -> pd.DataFrame:
    """Responses of (model, status, error), as far as failures are read from them."""
    return pd.DataFrame(rows, columns=["model", "status", "error"])


class TestWhatFailed:
    def test_nothing_failed(self, caplog, heard):
        """A malformed answer or a refusal is the model's own: nothing is said."""
        check_answered(replied(("a", "malformed", "x"), ("b", "refused", "y"), ("b", "answered", "")))
        check_answered(replied())
        assert caplog.messages == []

    def test_some_failed(self, caplog, heard):
        """A line a model that lost calls: how many of how many, and the most frequent reason, whatever its
        numbers, in one line and without a key."""
        told = [f"Busy with {talking.KEY},\ntry in {wait} s." for wait in (3, 14, 15)]
        lost = [("b", "failed", error) for error in ["Gone.", *told]]
        check_answered(replied(("a", "answered", ""), ("b", "answered", ""), *lost))
        assert caplog.messages == [
            "4 of 5 calls of b failed, most often: Busy with [key], try in 3 s. They stay unscored; "
            "run again to ask them again."
        ]

    def test_none_was_answered(self, caplog, heard):
        """Where no call of any model came back there is nothing to go on with, which is an error."""
        lost = [("a", "failed", "413: " + "too large " * 100), ("b", "failed", "413: " + "too large " * 100)]
        with pytest.raises(
            ProviderError, match=r"^none of 3 calls was answered, most often: 413: .*…\. Once "
        ):
            check_answered(replied(*lost, ("b", "failed", "Gone.")))
        assert caplog.messages == []

    def test_the_notebook_asks_once_the_responses_are_saved(self):
        """What failed is said after nothing can be lost by it."""
        node = json.loads((notebook_folder() / "03_execute.ipynb").read_text())
        (asking,) = [
            source for cell in node["cells"] if "await execute" in (source := "".join(cell["source"]))
        ]
        assert asking.endswith("run.save_responses(responses)\ncheck_answered(responses)")

    @pytest.fixture
    def heard(self, caplog):
        """The package's log, which otherwise goes nowhere else."""
        logger = logging.getLogger("benchkit")
        logger.addHandler(caplog.handler)
        yield
        logger.removeHandler(caplog.handler)


@pytest.mark.parametrize(
    ("costs", "said"),
    [
        (
            [0.001, 0.002, 0.0005, 0.0005],
            "4 answers for USD 0.0040; an answer of a costs 3.0 times as much as one of b.",
        ),
        (
            [0.001, 0.002, 0.001, None],
            "4 answers for USD 0.0040 and 1 of unknown price; "
            "an answer of a costs 1.5 times as much as one of b.",
        ),
        ([None] * 4, "4 answers; their price is not known."),
        ([0.0] * 4, "4 answers for USD 0.0000."),
    ],
)
def test_what_was_paid_is_said(costs, said):
    """The sum, what has no price, and how the dearest compares with the cheapest: free is no divisor."""
    responses = pd.DataFrame({"model": ["a", "a", "b", "b"], "cost_usd": pd.Series(costs, dtype=float)})
    assert paid_in_words(responses) == said
