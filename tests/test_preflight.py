"""What is known to be wrong with any notebook's values is said before the first is paid for."""

from __future__ import annotations

import pytest

from benchkit.errors import UsageError
from benchkit.offline import OfflineServer
from benchkit.run import Run
from benchkit.runner.parameters import NOTEBOOKS, declared_parameters, notebook_folder
from benchkit.runner.preflight import check_models, check_values
from benchkit.runner.replay import replay

STEADY, HASTY = "offline/steady", "offline/hasty"


def plan(first: int = 1, last: int = 5, **given):
    """Every parameter of the notebooks `first` to `last` at its default, or as given."""
    return {
        name: {one.name: given.get(one.name, one.default) for one in parameters.values()}
        for name, parameters in declared_parameters(notebook_folder()).items()
        if first <= int(name[:2]) <= last
    }


def test_the_defaults_can_be_used():
    """What the notebooks declare passes, and so does a notebook that declares nothing."""
    check_values(plan())
    check_values({"03_execute": {"run_dir": ""}})


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"max_calls": -3}, "max_calls = -3"),
        ({"planted_cases": -1}, "planted_cases = -1"),
        ({"models": [STEADY]}, "needs two or more models"),
        ({"primary_metric": "nonsense"}, "primary_metric = 'nonsense'"),
        ({"primary_metric": "wer_score"}, "wer_score has no upper end"),
        ({"margin": -1.0}, "margin = -1"),
        ({"reference": "offline/steddy"}, "reference = 'offline/steddy' is not usable. The models are"),
        ({"models": ["a", "b"], "reference": STEADY}, "The models are a, b"),
        ({"kind_weights": {"jsn": 1}}, "kind_weights names jsn; the cases have json and conversation"),
        ({"category_weights": {"x": 1}, "categories": ["a", "b"]}, "names x; the cases have a and b"),
        ({"kind_weights": {"json": 1}}, "kind_weights leaves out conversation"),
        ({"labels_file": "none.csv"}, "labels_file = 'none.csv' is not usable. There is no such file"),
    ],
)
def test_a_value_that_a_later_notebook_would_refuse(given, words):
    """Whichever notebook it is for, the sentence comes before any has run."""
    whole = plan(**given)
    for name in given:  # some are of notebooks that are still to come
        whole["03_execute"].setdefault(name, given[name])
    with pytest.raises(UsageError, match=words):
        check_values(whole)


@pytest.mark.parametrize(
    ("first", "text", "words"),
    [
        (1, "a,b\n1,2\n", "has the columns a, b"),
        (1, "pair,preferred\nx,\n", "nobody has filled in"),
        (1, "pair,preferred\nx,1\n", ""),  # its pairs are not drawn yet
        (4, "pair,preferred\nx,1\n", "'x' is no pair of answers of this run"),
    ],
)
def test_a_wrong_sheet_is_refused_before_anything_is_asked(finished_run, tmp_path, first, text, words):
    """That of another run, too, where this one's answers are there."""
    (tmp_path / "sheet.csv").write_text(text)
    given = plan(first, labels_file=str(tmp_path / "sheet.csv"))
    if not words:
        check_values(given)
        return
    with pytest.raises(UsageError, match=f"labels_file: .*{words}"):
        check_values(given, Run(finished_run))


def test_runs_that_others_are_planned_from_or_held_against_are_there(tmp_path):
    """A mistyped folder is said before anything is paid for."""
    for name in ("pilot_run", "baseline_run"):
        with pytest.raises(UsageError, match=f"{name}: .* is not a folder"):
            check_values({"05_report": {name: str(tmp_path / "none")}})


@pytest.fixture
def groq(monkeypatch):
    """A stand-in for Groq that serves simulated models only: not one of Groq's defaults."""
    with OfflineServer(latency_ms=0) as server:
        monkeypatch.setenv("GROQ_BASE_URL", server.url)
        monkeypatch.setenv("GROQ_API_KEY", "gsk_0123456789abcdefghij")
        yield server


OURS = {"models": [STEADY, HASTY], "report_model": "offline/analyst"}


@pytest.mark.parametrize(
    ("span", "given", "parameter"),
    [
        ((1, 5), OURS, "generator_model"),
        ((1, 5), OURS | {"generator_model": "offline/author"}, "validator_model"),
        ((3, 5), OURS | {"models": [STEADY, "openai/none"]}, "models"),
        ((4, 4), OURS, "judge_model"),
        ((5, 5), {}, "report_model"),
    ],
)
async def test_a_model_that_is_not_served_is_named_with_its_parameter(groq, span, given, parameter):
    """The person who runs it may never have typed the name: a default asks for it."""
    with pytest.raises(UsageError, match=rf"^{parameter}: groq does not serve|^{parameter}: .* retired"):
        await check_models(plan(*span, **given), "groq")


async def test_only_models_that_are_going_to_be_asked(groq, tmp_path):
    """Cases that are brought need no generator, and no validation no validator; nothing is paid."""
    brought = OURS | {"cases_file": "mine.csv", "enable_validation": False, "judge_model": "offline/judge"}
    await check_models(plan(**brought), "groq")
    await check_models(plan(1, 1, cases_file="mine.csv"), "groq")
    await check_models(plan(4, 4, enable_judge=False), "groq")
    assert groq.counts["served"] == 0


async def test_an_imported_run_asks_nobody(monkeypatch):
    """No key is needed to score what was made elsewhere."""
    monkeypatch.delenv("GROQ_API_KEY", raising=False)
    assert await check_models(plan(4, 5), "imported") is None
    assert await check_models(plan(4, 5, judge_model="x", enable_judge=False), "imported") is None
    with pytest.raises(UsageError, match="GROQ_API_KEY is not set"):
        await check_models(plan(4, 5, judge_model="openai/gpt-oss-120b"), "imported")


async def test_the_embedded_server_is_not_started_to_hear_that_it_serves_its_own(monkeypatch):
    """That takes a second of every run; a name of one's own is looked for."""
    started: list[OfflineServer] = []
    real = OfflineServer.start
    monkeypatch.setattr(OfflineServer, "start", lambda server: started.append(server) or real(server))
    await check_models(plan(), "offline")
    assert not started
    with pytest.raises(UsageError, match="generator_model: offline does not serve"):
        await check_models(plan(generator_model="offline/auhtor"), "offline")
    assert started


@pytest.mark.parametrize("name", NOTEBOOKS)
async def test_every_notebook_checks_its_own_values(name):
    """Whoever opens one in Jupyter is told as the command tells."""
    with pytest.raises(UsageError, match="run_dir = 5 is not usable"):
        await replay(notebook_folder() / f"{name}.ipynb", {"run_dir": 5})
