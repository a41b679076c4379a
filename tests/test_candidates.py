"""Candidates: one model under two prompts is asked, kept, priced and compared under two names."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from matplotlib.text import Text

from benchkit.decide import Rules
from benchkit.errors import RunError, UsageError
from benchkit.execute import execute, plan_execution
from benchkit.execute.candidates import KEYS, read_candidates
from benchkit.judge import judge_of
from benchkit.judge.choosing import kinship
from benchkit.offline import OfflineServer
from benchkit.plots.sheet import Sheet
from benchkit.report import write
from benchkit.run import Run, start_run
from benchkit.runner.pipeline import BenchmarkPipeline
from benchkit.runner.preflight import check_models, check_values
from benchkit.wording import of_candidates

from .measured import report_of, score_table
from .staging import HASTY, STEADY, cases, client_on
from .test_execute import Silent
from .test_preflight import plan
from .test_report import SAID

EXACT = "Say every fact.\nSIMULATED: fact_recall = 1\nSIMULATED: phrasing = 1\nSIMULATED: broken_json = 0"
VAGUE = EXACT.replace("fact_recall = 1", "fact_recall = 0")
TWO = "".join(f"- {{name: {name}, model: {HASTY}, prompt_file: {name}.md}}\n" for name in ("vague", "exact"))


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Two candidates of one model, whose prompts are found from the file's own folder."""
    (tmp_path / "exact.md").write_text(EXACT)
    (tmp_path / "vague.md").write_text(VAGUE)
    (tmp_path / "empty.md").write_text(" \n")
    (tmp_path / "latin.md").write_bytes(b"caf\xe9")
    (tmp_path / "c.yaml").write_text(TWO)
    return tmp_path / "c.yaml"


OTHER = f"- {{name: b, model: {STEADY}}}"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("- {name: [", "It is no YAML"),
        ("a: 1", "It holds no list. Write one candidate an entry, such as - {name:"),
        ("- a\n- b", "Entry 1 is no candidate"),
        (OTHER, "two or more candidates"),
        (f"{OTHER}\n{OTHER.replace('b', 'B', 1)}", "It names b twice"),
        (f"- {{name: {STEADY}, model: {HASTY}}}\n{OTHER}", f"{STEADY} is another candidate's model"),
        (f"- {{name: a, modle: x}}\n{OTHER}", f"a has an unknown key, modle. There are: {', '.join(KEYS)}"),
        (f"- {{name: a}}\n{OTHER}", "Candidate a has no model. Write it as"),
        (
            f"- {{name: a, model: x, temperature: 3}}\n{OTHER}",
            "a: temperature = 3 is not usable. Use 0 to 2.",
        ),
        (f"- {{name: 1, model: x}}\n{OTHER}", "name = 1 is not usable. Use text."),
        (f"- {{name: a, model: x, prompt_file: none.md}}\n{OTHER}", "none.md cannot be read as UTF-8 text"),
        (f"- {{name: a, model: x, prompt_file: empty.md}}\n{OTHER}", "empty.md is empty. Write a prompt"),
        (f"- {{name: a, model: x, prompt_file: latin.md}}\n{OTHER}", "latin.md cannot be read as UTF-8 text"),
    ],
)
def test_a_file_that_cannot_be_used(file, text, said):
    """What, where, and the remedy, before anything is asked."""
    file.write_text(text)
    with pytest.raises(UsageError) as error:
        check_values(plan(candidates_file=str(file)))
    assert str(error.value).startswith(f"candidates_file {file}: ")
    assert said in str(error.value)


def test_what_else_is_refused(file, tmp_path):
    """No file; models beside it; a reference that is none; two that ask the same, however it is said."""
    with pytest.raises(UsageError, match=r"none\.yaml. is not usable\. It cannot be read"):
        read_candidates(tmp_path / "none.yaml")
    with pytest.raises(UsageError, match="models and candidates_file are both given"):
        check_values(plan(candidates_file=str(file), models=[STEADY, HASTY]))
    with pytest.raises(UsageError, match=r"is not a file\. Give the YAML file"):
        BenchmarkPipeline(candidates_file=str(tmp_path / "none.yaml"))
    with pytest.raises(UsageError, match="The models are vague, exact"):
        check_values(plan(candidates_file=str(file), reference=STEADY))
    file.write_text(f"{OTHER}\n- {{name: c, model: {STEADY}, temperature: 0.7}}")
    with pytest.raises(UsageError, match="the candidates b and c ask the same"):
        plan_execution(Silent(), cases(2), candidates_file=str(file))


def test_given_now_they_take_the_place_of_the_runs_models(file):
    """And the other way round: neither has to be emptied by hand."""
    assert BenchmarkPipeline(candidates_file=str(file)).parameters["models"] == []
    assert BenchmarkPipeline(models=[STEADY, HASTY]).parameters["candidates_file"] == ""


async def test_a_model_that_is_not_served_names_the_file(file):
    """Before the first notebook, as for every other model."""
    file.write_text(f"- {{name: a, model: offline/none}}\n{OTHER}")
    with pytest.raises(UsageError, match="candidates_file: offline does not serve a model 'offline/none'"):
        await check_models(plan(3, 3, candidates_file=str(file), provider="offline"), "offline")


def test_the_models_limits_are_shared(file):
    """Two candidates of one model take turns: the time is of both, the model's name is the candidate's."""
    own = "model: openai/gpt-oss-20b"
    file.write_text(f"- {{name: a, {own}}}\n- {{name: b, {own}, temperature: 0}}")
    found = plan_execution(Silent("groq"), cases(4), candidates_file=str(file))
    assert found.table["model"].tolist() == ["a", "a", "b", "b"]
    assert found.minutes == pytest.approx(found.table["minutes (estimate)"].sum())
    assert found.table["cost_usd (estimate)"].notna().all()
    assert [agent.temperature for agent, _ in found.work] == [0.7, 0.7, 0, 0]


def test_families_are_those_of_the_candidates_models():
    """A judge is no relative of the model behind a candidate, and a relative is said to be one."""
    given = {"b": {"model": "qwen/qwen3.8-27b"}, "c": {"model": "openai/gpt-oss-20b", "temperature": 0.0}}
    of = {"03_execute": {"models": [], "candidates": given}, "04_measure": {"enable_judge": True}}
    config = {"provider": "groq", "parameters": of | {"01_generate": {}}}
    asked = lambda at, name, default=None: of.get(at, {}).get(name, default)  # noqa: E731
    assert judge_of("groq", ["c"], asked) == "qwen/qwen3.8-27b"
    said = next(kinship(config, ["b", "c"]))
    assert said.startswith("qwen/qwen3.8-27b wrote the test cases and is itself under test")


async def test_one_model_under_two_prompts(file, tmp_path, monkeypatch, caplog):
    """The better prompt answers better, under its own name; a changed prompt asks its own answers again."""
    caplog.set_level(logging.WARNING)
    table = cases(8, kinds=("conversation",))
    with OfflineServer(latency_ms=0, record=True) as server:
        client = client_on(server, tmp_path / "run", monkeypatch)
        client.run.save("validated_tests.csv", table)

        async def asked() -> tuple[int, Run]:
            before = len(server.requests)
            plan = plan_execution(client, table, rounds=1, candidates_file=str(file))
            client.run.record("03_execute", **plan.compared)
            client.run.save_responses(await execute(plan, client))
            return len(server.requests) - before, Run(tmp_path / "run")

        n, run = await asked()
        answers = run.responses()
        assert n == len(answers) == 2 * len(table)
        assert (run.path / "exact_all_responses.csv").exists()
        assert {body["messages"][0]["content"] for body in server.requests} == {EXACT, VAGUE}
        joined = answers.merge(table[["id", "golden_response"]], on="id")
        opens = [g.split(". ")[0] in said for g, said in joined[["golden_response", "model_response"]].values]
        right = joined.assign(right=opens).groupby("model")["right"].mean()
        assert right["exact"] > 0.5
        assert right["vague"] == 0

        file.write_text(TWO + OTHER)
        assert (await asked())[0] == len(table)
        assert not caplog.records
        (tmp_path / "vague.md").write_text(VAGUE + "\nBe kind.")
        changed = plan_execution(client, table, rounds=1, candidates_file=str(file))
        client.run.record("03_execute", **changed.compared)  # and 03 is stopped before it has asked
        with pytest.raises(RunError, match=r"before 03 was told to ask otherwise \(changed: candidates\)"):
            Run(tmp_path / "run").responses()
        n, now = await asked()
        assert n == len(table)
        said = [record.getMessage().split("executor to ")[1] for record in caplog.records]
        assert said == ["vague are asked again: changed system prompt; their old replies stay on record."]
    vague = now.parameter("03_execute", "candidates")["vague"]
    assert vague == {"model": HASTY, "prompt": f"{VAGUE}\nBe kind."}


@pytest.mark.parametrize(
    ("said", "then"),
    [
        ("# Which model to deploy", "# Which candidate to deploy"),
        (
            "2 contenders of 2 models, the best\nother model",
            "2 contenders of 2 candidates, the best\nother candidate",
        ),
        ("| model | mean |", "| candidate | mean |"),
        ("Means by model. Where the models differ", "Means by candidate. Where the candidates differ"),
        (
            "No real model answered. Simulated models: a model",
            "No real model answered. Simulated models: a model",
        ),
    ],
)
def test_words(said, then):
    """What is compared is called a candidate; what is a model stays one."""
    assert of_candidates(said) == then


def test_figures_and_report_say_candidate(tmp_path):
    """Everything that a figure says, drawn or beside it, where the run compares candidates; else nothing."""
    level = np.linspace(0, 1, 20).reshape(10, 2)
    scores = score_table({"a": {"bleu_score": level}, "b": {"bleu_score": level[::-1]}})
    report = report_of(scores, Rules(primary_metric="bleu_score"))
    run = start_run(tmp_path, provider="groq", seed=7)
    chart = Sheet("x", "the best model").empty("the best model")
    for given, word in (({"models": ["a", "b"]}, "model"), ({"candidates": {"a": {}, "b": {}}}, "candidate")):
        run.record("03_execute", **given)
        kept = run.figure(chart)
        assert kept.reading == f"the best {word}"
        assert f"the best {word}" in {text.get_text() for text in kept.figure.findobj(Text)}
        told = {"made_with": {"parameters": {"03_execute": given}}}
        earlier = SimpleNamespace(markdown="- only in B: Be the best model.")
        written = write(report | told, SAID, pd.DataFrame(), {}, earlier)
        assert written.startswith(f"# Which {word} to deploy: a or b")
        assert earlier.markdown in written  # a prompt's line is no word of ours
