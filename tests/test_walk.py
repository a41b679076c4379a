"""One real walk from the command line: every artifact, every door, and the pages in a browser."""

from __future__ import annotations

import asyncio
import json
import shutil
import sqlite3
from contextlib import closing
from itertools import cycle, product
from pathlib import Path
from urllib.parse import unquote

import pandas as pd
import pytest
from axe_playwright_python.sync_playwright import Axe

from benchkit.report import comparisons, delivery
from benchkit.report.layout import sorting
from benchkit.run import open_run
from benchkit.runner import cli, pipeline
from benchkit.runner.replay import replay, verify

from .browser import chromium_page
from .kernels import InProcess

ROOT = Path(__file__).parents[1]
NAMES = ("01_generate", "02_validate", "03_execute", "04_measure", "05_report")
A4 = 657  # pixels between the margins
LEVELS = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"], "resultTypes": ["violations"]}


@pytest.fixture
def run_dir(finished_run) -> Path:
    return finished_run


@pytest.fixture(scope="class")
def page():
    """One browser for all pages."""
    with chromium_page() as page:
        yield page


class TestTheCommand:
    def test_leaves_every_artifact(self, run_dir):
        """The run folder holds what the design promises, and its notebooks no widget."""
        names = """config.json initial_tests.csv validated_tests.csv rejected_tests.csv metrics.json
            scores.csv combined_model_responses.csv planted_tests.csv offline__steady_all_responses.csv
            offline__hasty_all_responses.csv metrics_report.json analysis_report.md calls.sqlite debug.log"""
        assert not [name for name in names.split() if not (run_dir / name).stat().st_size]
        kept = list((run_dir / "notebooks").iterdir())
        assert {p.stem for p in kept} == set(NAMES)
        assert not [p.name for p in kept if "application/vnd.jupyter.widget" in p.read_text()]
        assert {p.stem for p in (run_dir / "html").iterdir()} == {*NAMES, "analysis_report", "index"}

    def test_counts_agree(self, run_dir):
        """Every model answered every accepted case in every round, and every response is accounted for."""
        cases = pd.read_csv(run_dir / "validated_tests.csv")
        responses = [pd.read_csv(path) for path in run_dir.glob("*_all_responses.csv")]
        assert [len(table) for table in responses] == [len(cases) * 2] * 2
        report = json.loads((run_dir / "metrics_report.json").read_text())
        assert sum(row["planned"] for row in report["denominators"]) == 2 * 2 * len(cases)
        assert set(json.loads((run_dir / "metrics.json").read_text())) == set(
            report["configuration"]["models"]
        )

    def test_says_that_it_is_simulated(self, run_dir):
        """Report, HTML and metrics files say so."""
        assert "SIMULATED" in (run_dir / "analysis_report.md").read_text()
        assert all("SIMULATED" in page.read_text() for page in (run_dir / "html").iterdir())
        assert json.loads((run_dir / "metrics_report.json").read_text())["simulated"] is True

    def test_pages_stand_alone(self, page, run_dir):
        """In a browser, by day, at night, on a telephone and on paper: no page asks for anything, runs a
        script but ours, misses a figure, scrolls sideways or shuts anybody out (WCAG 2, levels A and AA)."""
        looks = {"light": 1300, "dark": 390}
        page.context.set_offline(True)
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        both = product(("analysis_report", "index"), looks.items())
        for name, (scheme, width) in [*zip(NAMES, cycle(looks.items())), *both]:
            asked.clear()
            page.set_viewport_size({"width": width, "height": 900})
            page.emulate_media(color_scheme=scheme, media="screen")
            page.goto((run_dir / "html" / f"{name}.html").as_uri())
            assert not [url for url in asked if not url.startswith(("file:", "data:"))]
            assert len([url for url in asked if url.startswith("file:")]) == 1
            widths = page.eval_on_selector_all("img", "images => images.map(i => i.naturalWidth)")
            assert all(width > 0 for width in widths)
            fewest = {"01_generate": 0, "05_report": 4, "analysis_report": 4}
            assert len(widths) >= fewest.get(name, 1)
            scripts = page.eval_on_selector_all("script", "scripts => scripts.map(s => s.textContent)")
            assert scripts == [sorting()] * (name != "index")
            assert page.evaluate("document.documentElement.scrollWidth") <= width
            assert Axe().run(page, options=LEVELS).response["violations"] == []
            page.emulate_media(media="print")
            assert not any(one.is_visible() for one in page.locator("nav").all())
            page.set_viewport_size({"width": A4, "height": 900})
            assert page.evaluate("document.documentElement.scrollWidth") <= A4

    def test_the_first_page_leads_everywhere(self, page, run_dir):
        """The decision and its figure on the first screen, and links to every page and table, which exist."""
        page.set_viewport_size({"width": 1300, "height": 900})
        page.emulate_media(media="screen")
        page.goto((run_dir / "html" / "index.html").as_uri())
        sentence = json.loads((run_dir / "metrics_report.json").read_text())["decision"]["sentence"]
        assert page.locator("main strong").first.inner_text() == sentence
        box = page.locator("main img").bounding_box()
        assert box["y"] + box["height"] < 900
        links = page.eval_on_selector_all("main a", "links => links.map(link => link.href)")
        paths = {Path(unquote(link.removeprefix("file://"))) for link in links}
        assert {*run_dir.glob("*.csv"), *run_dir.glob("html/*.html")} == paths | {run_dir / "html/index.html"}

    def test_tables_sort_by_keyboard(self, page, run_dir):
        """Tab to a column's title and press Enter: up, then down, and the title says which."""
        page.emulate_media(media="screen")
        page.goto((run_dir / "html" / "analysis_report.html").as_uri())
        title = page.locator("th:has(button)", has_text="mean").first
        table = page.locator("table", has=title).first
        title.locator("button").focus()
        for wanted in ("ascending", "descending"):
            page.keyboard.press("Enter")
            assert title.get_attribute("aria-sort") == wanted
            at = title.evaluate("one => one.cellIndex")
            column = table.locator(f"tbody tr > :nth-child({at + 1})").all_inner_texts()
            values = [float(text) for text in column if text != "unknown"]
            assert values == sorted(values, reverse=wanted == "descending")


def test_somebody_elses_responses(tmp_path, monkeypatch, capsys, unpainted):
    """A folder with cases and two response files alone is scored, and what was lost is said, not scored."""
    golden = "{'order': 17, 'paid': True}"
    cases = [
        {"id": f"j{i}", "prompt": f"order 17, {i}", "test_case": "json", "golden_response": golden}
        for i in range(3)
    ]
    cases += [
        {
            "id": f"c{i}",
            "prompt": f"hello there {i}",
            "test_case": "customer, agent",
            "golden_response": "Restart it.",
        }
        for i in range(3)
    ]
    pd.DataFrame([*cases, cases[-1]]).to_csv(tmp_path / "validated_tests.csv", index=False)
    for model, answer in (("alpha", "None"), ("beta", '```json\n{"order": 17, "paid": true}\n```')):
        rows = [
            {**{k: case[k] for k in ("id", "prompt", "test_case")}, "round": 1, "timestamp": "2026-01-01"}
            | {"model_response": answer if case["test_case"] == "json" else "<think>hm</think>Restart it."}
            for case in cases
        ]
        pd.DataFrame(rows).to_csv(tmp_path / f"{model}_all_responses.csv", index=False)
    monkeypatch.setattr(pipeline, "Kernel", InProcess)
    assert cli.main(["run", str(tmp_path), "--from", "04"]) == 0
    done = capsys.readouterr().out
    twice = "the same case as row 7; the row is left out."
    assert (tmp_path / "debug.log").read_text().count(twice) == 1
    assert done.count(f"Warning: validated_tests.csv, row 8: {twice}") == 1
    assert "6 of 7 rows used: 1 duplicate; 3 answers unscored.\n" in done
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    assert metrics["alpha"]["json_metrics"]["field_accuracy"] is None
    assert metrics["beta"]["json_metrics"]["field_accuracy"] == 1.0
    report = (tmp_path / "analysis_report.md").read_text()
    assert "alpha has no usable measurement for JSON cases" in report
    assert "SIMULATED" not in report
    assert cli.main(["verify", str(tmp_path)]) == 0
    assert "taken as they stand" in capsys.readouterr().out


async def test_somebody_elses_scores(tmp_path, unpainted):
    """A folder with cases and scores.csv alone is compared as it is, on its own metric; it stays as it is."""
    rows = [{"id": f"c{i}", "prompt": f"p{i}", "test_case": "conversation"} for i in range(24)]
    pd.DataFrame(rows).assign(golden_response="g").to_csv(tmp_path / "validated_tests.csv", index=False)
    better = {"a": 0.3, "b": 0.0}
    scores = [
        {"id": f"c{i}", "model": model, "round": 1, "metric": "helpful", "value": i % 7 / 10 + more * (i % 2)}
        for model, more in better.items()
        for i in range(24)
    ]
    pd.DataFrame([*scores, scores[0] | {"id": "unknown"}]).to_csv(tmp_path / "scores.csv", index=False)
    before = (tmp_path / "scores.csv").read_bytes()
    for name in ("04_measure", "05_report"):
        await replay(ROOT / "notebooks" / f"{name}.ipynb", {"run_dir": str(tmp_path)})
    report = json.loads((tmp_path / "benchkit" / "metrics_report.json").read_text())
    assert (report["decision"]["outcome"], report["decision"]["model"]) == ("deploy", "a")
    (row,) = report["comparisons"]
    assert (row["metric"], row["n"]) == ("helpful", 24)
    assert row["difference"] == pytest.approx(0.15)
    assert (tmp_path / "benchkit" / "analysis_report.md").exists()
    assert (tmp_path / "scores.csv").read_bytes() == before


def test_brought_scores_are_verified_on_the_metric_that_decides(tmp_path, unpainted):
    """It is recorded in the name of 03, which has not run there and does not know it: 04 alone runs again."""
    cases = [{"id": f"c{i}", "prompt": f"p{i}", "test_case": "conversation"} for i in range(6)]
    pd.DataFrame(cases).assign(golden_response="g").to_csv(tmp_path / "validated_tests.csv", index=False)
    rows = [
        {"id": f"c{i}", "model": of, "round": 1, "metric": "own", "value": 0.1 * i}
        for i in range(6)
        for of in "ab"
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "scores.csv", index=False)
    run = open_run(tmp_path)
    run.record("03_execute", primary_metric="own")
    asyncio.run(replay(ROOT / "notebooks" / "04_measure.ipynb", {"run_dir": str(tmp_path)}))
    assert verify(run.path).differences == []


async def test_answers_by_batches(run_dir, tmp_path, unpainted):
    """With `execution` batch 03 has every answer from the provider's batches; it asked at full price."""
    shutil.copytree(run_dir, tmp_path / "r")
    for path in (tmp_path / "r" / "calls.sqlite", *(tmp_path / "r").glob("*_all_responses.csv")):
        path.unlink()
    given = {"run_dir": str(tmp_path / "r"), "rounds": 1, "execution": "batch"}
    await replay(ROOT / "notebooks" / "03_execute.ipynb", given)
    with closing(sqlite3.connect(tmp_path / "r" / "calls.sqlite")) as db:
        answered = db.execute("SELECT count(*) FROM calls").fetchone()[0]
        batched = db.execute("SELECT sum(json_array_length(keys)) FROM shards").fetchone()[0]
    assert answered == batched > 0


async def test_a_handful_of_somebody_elses_scores(tmp_path, unpainted):
    """04 shows a sample of five rows, of fewer all; it failed."""
    cases = [{"id": id, "prompt": id, "test_case": "conversation", "golden_response": "g"} for id in "xy"]
    pd.DataFrame(cases).to_csv(tmp_path / "validated_tests.csv", index=False)
    rows = [{"id": id, "model": of, "round": 1, "metric": "own", "value": 0.5} for id in "xy" for of in "ab"]
    pd.DataFrame(rows).to_csv(tmp_path / "scores.csv", index=False)
    await replay(ROOT / "notebooks" / "04_measure.ipynb", {"run_dir": str(tmp_path)})
    assert json.loads((tmp_path / "benchkit" / "metrics.json").read_text())


async def test_one_brought_metric_scores_both_kinds(tmp_path, unpainted):
    """It decides on each, and every table tells its rows apart; 04 failed on the two means of a model."""
    kinds = {f"{kind}-{at}": kind for kind in ("json", "conversation") for at in range(4)}
    cases = [{"id": id, "prompt": id, "test_case": of, "golden_response": "{}"} for id, of in kinds.items()]
    pd.DataFrame(cases).to_csv(tmp_path / "validated_tests.csv", index=False)
    rows = [
        {"id": id, "model": of, "round": 1, "metric": "quality", "value": value if of == "a" else 0.25}
        for id, value in zip(kinds, (0.5, 0.5, 0.5, 0.75, 1.0, 1.0, 1.0, 0.75), strict=True)
        for of in "ab"
    ]
    pd.DataFrame(rows).to_csv(tmp_path / "scores.csv", index=False)
    await replay(ROOT / "notebooks" / "04_measure.ipynb", {"run_dir": str(tmp_path)})
    made = tmp_path / "benchkit"
    metrics = json.loads((made / "metrics.json").read_text())["a"]
    assert metrics["json_metrics"]["quality"] == 0.5625
    assert metrics["conversation_metrics"]["quality"] == 0.9375
    report = json.loads((made / "metrics_report.json").read_text())
    assert report["results_summary"]["means"]["a"] == {"quality": 0.75}
    assert {row["kind"]: row["metric"] for row in report["decision"]["kinds"]} == {
        "json": "quality",
        "conversation": "quality",
    }
    for table in (comparisons(report), delivery(report)):
        assert "quality (JSON cases)" in table
        assert "quality (conversations)" in table


@pytest.fixture(scope="module")
def server():
    """The offline server, standing in for Groq."""
    from benchkit.offline.server import OfflineServer

    with OfflineServer(stand_in=True, key="gsk_right", latency_ms=0, record=True) as server:
        yield server


class TestGroq:
    """The path to Groq itself, with GROQ_BASE_URL."""

    @pytest.mark.parametrize(
        ("key", "models", "code", "sentence"),
        [
            ("", "a,b", 2, "GROQ_API_KEY is not set"),
            ("gsk_wrong", "a,b", 1, "the provider refused the key"),
            ("gsk_right", "openai/gpt-oss-20b,nobody/none", 2, "does not serve a model 'nobody/none'"),
            ("gsk_right", "mixtral-8x7b-32768,gemma2-9b-it", 2, "use openai/gpt-oss-120b instead"),
            ("gsk_right", "openai/gpt-oss-20b,gemma2-9b-it", 2, "use openai/gpt-oss-20b instead"),
        ],
    )
    def test_says_what_to_do_before_anything_is_paid(
        self, server, tmp_path, monkeypatch, capsys, key, models, code, sentence
    ):
        """No key, a wrong one, an unknown or a retired model: one sentence, and no call is made."""
        monkeypatch.setenv("GROQ_BASE_URL", server.url)
        monkeypatch.setenv("GROQ_API_KEY", key)
        sent = len(server.requests)
        given = ["-p", "provider", "groq", "-p", "models", models]
        assert cli.main(["run", str(tmp_path), *given]) == code
        said = capsys.readouterr().err
        assert sentence in said
        assert len(said.strip().splitlines()) == 1
        assert len(server.requests) == sent

    def test_generates_there(self, server, tmp_path, monkeypatch, capsys):
        """One changed parameter, and the same calls go to Groq's address; a stand-in is told from Groq."""
        monkeypatch.setenv("GROQ_BASE_URL", f"{server.url}/openai/v1")
        monkeypatch.setenv("GROQ_API_KEY", "gsk_right")
        monkeypatch.setattr(pipeline, "Kernel", InProcess)
        few = ["-p", "json_cases", "1", "-p", "conversation_cases", "1"]  # 30 a minute, as Groq's least tier
        assert cli.main(["run", str(tmp_path), "-p", "provider", "groq", "--to", "01", *few]) == 0
        assert len(pd.read_csv(tmp_path / "initial_tests.csv")) == 2
        assert "SIMULATED" in capsys.readouterr().out
        kept = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert not [path for path in kept if b"gsk_right" in path.read_bytes()]
